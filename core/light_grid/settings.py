# SPDX-FileCopyrightText: 2026 Neural Bake developers
#
# SPDX-License-Identifier: GPL-3.0-or-later

"""Every setting of the light grid, written once."""

from __future__ import annotations

import dataclasses

from ..settings import Settings, setting


@dataclasses.dataclass(frozen=True)
class LightGridSettings(Settings):
    """What a light grid stores, how it is sampled and how it is trained."""

    resolution: tuple[int, int, int] | None = setting(
        None,
        "Number of probes along each axis of the volume; empty takes the volume's own resolution",
        low=1,
        high=256,
        start=(4, 4, 4),
    )
    spacing: float | None = setting(
        None, "Largest distance between neighbouring probes; overrides the resolution", unit="m", low=1e-4, start=0.5
    )
    light: str = setting(
        "indirect",
        "Light that the grid stores: what bounced at least once, or everything",
        choices=("indirect", "total"),
    )
    light_sets: str = setting(
        "all",
        "Which lights are measured apart, to be dimmed and recoloured afterwards: none, each lamp, or light groups",
        choices=("all", "lamps", "groups"),
    )
    seed: int = setting(0, "Seed of every random choice; the same seed gives the same weights", low=0, high=2**31 - 1)

    samples_per_probe: int = setting(
        128, "Training points drawn per probe, before points that nothing can reach are dropped", low=8, high=4096
    )
    surface_fraction: float = setting(
        0.5, "Share of the points drawn near surfaces, with the surface's normal", low=0.0, high=1.0
    )
    sample_paths: int = setting(36, "Light paths traced per training point", low=3, high=65536)
    choose_points: int = setting(
        3000, "Points that decide which method is kept; never trained on", low=100, high=1_000_000
    )
    report_points: int = setting(
        3000, "Points of the final error table; used for nothing else", low=100, high=1_000_000
    )
    report_paths: int = setting(192, "Light paths per report point and half, and per choosing point", low=3, high=65536)
    probe_directions: int = setting(32, "Directions in which each probe measures irradiance", low=9, high=1024)
    probe_paths: int = setting(96, "Light paths traced per direction of a probe", low=3, high=65536)
    probe_rays: int = setting(512, "Rays per probe that measure distances and back faces", low=32, high=65536)
    backface_threshold: float = setting(
        0.25, "Share of rays hitting back faces from which a probe counts as inside geometry", low=0.0, high=1.0
    )
    preview_width: int = setting(320, "Width of the preview images; 0 makes none", unit="px", low=0, high=4096)
    preview_paths: int = setting(48, "Light paths per pixel of the reference preview", low=3, high=65536)

    geometry_steps: int = setting(
        600, "Steps in which the weighting functions learn what each probe sees", low=0, high=100_000
    )
    light_steps: int = setting(
        400, "Steps in which weights and values learn from the measured light", low=0, high=100_000
    )
    sh_window: float = setting(
        0.0, "Damping of ringing in the probes' light; 0 for none, 0.01 for visible smoothing", low=0.0, high=1.0
    )
    train_device: str = setting("cpu", "Device that trains", choices=("cpu", "cuda"))
    threads: int = setting(0, "CPU threads of capture and training; 0 uses all", low=0, high=1024)


# What a bake is worth, by name: only settings of quality, never what is measured (seed, light, places of probes).
# Measured on the demo scene with 765 probes, as time beside medium's, and relMSE on the same held-out points:
# draft 0.33 and 0.081, medium 1 and 0.039, final 2.6 and 0.030.
_DRAFT = {
    "samples_per_probe": 48,
    "sample_paths": 36,
    "choose_points": 1000,
    "report_points": 2000,
    "report_paths": 96,
    "probe_directions": 24,
    "probe_paths": 24,
    "preview_width": 240,
    "preview_paths": 15,
    "geometry_steps": 160,
    "light_steps": 120,
}
_FINAL = {
    "samples_per_probe": 256,
    "sample_paths": 72,
    "choose_points": 5000,
    "report_points": 5000,
    "report_paths": 288,
    "probe_directions": 48,
    "probe_paths": 160,
    "preview_width": 480,
    "preview_paths": 60,
    "geometry_steps": 1200,
    "light_steps": 800,
}
_DEFAULTS = LightGridSettings().to_dict()
PRESETS: dict[str, dict[str, object]] = {
    "draft": _DRAFT,
    "medium": {name: _DEFAULTS[name] for name in _DRAFT},
    "final": _FINAL,
}
