# SPDX-FileCopyrightText: 2026 Neural Bake developers
#
# SPDX-License-Identifier: GPL-3.0-or-later

"""Every setting of relighting, written once."""

from __future__ import annotations

import dataclasses

from ..settings import Settings, setting


@dataclasses.dataclass(frozen=True)
class RelightSettings(Settings):
    """Which lamps move where, how their light is rendered, and how it is learned."""

    lamps: str = setting("", "Names of the lamps to learn, separated by commas, or World; empty takes the active lamp")
    domain: str = setting(
        "auto",
        "Where the lamp may go: its own keyframes or path where it has them, else a dome over what the camera sees",
        choices=("auto", "dome", "box", "path", "keyframes"),
    )
    domain_object: str = setting(
        "", "Object that gives the dome (an Empty: place and size), the box (an Empty) or the path (a curve)"
    )
    lights: int = setting(64, "Places of each lamp that are rendered and learned from", low=1, high=4096)
    report_lights: int = setting(8, "Places of each lamp that are rendered for the error table alone", low=1, high=1024)
    width: int = setting(
        480, "Width of the picture; its height follows the render's proportions", unit="px", low=16, high=4096
    )
    samples: int = setting(32, "Cycles samples per pixel of each picture to learn from", low=1, high=65536)
    report_samples: int = setting(
        128, "Cycles samples per pixel of each half of a picture of the error table", low=1, high=65536
    )
    denoise: bool = setting(True, "Denoise the pictures with OpenImageDenoise, guided by albedo and normal")
    visibility_lights: int = setting(
        256, "Places of each lamp at which only its shadows are traced; 0 for none", low=0, high=16384
    )
    seed: int = setting(0, "Seed of every random choice; the same seed gives the same weights", low=0, high=2**31 - 1)
    model: str = setting(
        "factored",
        "What is trained: shading, shadows and few pictures, or beside that the first published system's network",
        choices=("factored", "dense"),
    )
    size: float = setting(32.0, "Largest size of the learned weights", unit="MB", low=0.1, high=4096.0)
    dense_seconds: float = setting(60.0, "Time that the dense network trains", unit="s", low=1.0, high=1e6)
    train_device: str = setting("cpu", "Device that trains", choices=("cpu", "cuda"))
    threads: int = setting(0, "CPU threads of capture and training; 0 uses all", low=0, high=1024)


# What a bake is worth, by name: only settings of quality, never what is measured.
_DRAFT = {"lights": 24, "width": 320, "samples": 16, "report_samples": 64, "visibility_lights": 128}
_FINAL = {"lights": 128, "width": 696, "samples": 64, "report_samples": 256, "visibility_lights": 512}
_DEFAULTS = RelightSettings().to_dict()
PRESETS: dict[str, dict[str, object]] = {
    "draft": _DRAFT,
    "medium": {name: _DEFAULTS[name] for name in _DRAFT},
    "final": _FINAL,
}
