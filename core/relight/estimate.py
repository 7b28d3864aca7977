# SPDX-FileCopyrightText: 2026 Neural Bake developers
#
# SPDX-License-Identifier: GPL-3.0-or-later

"""What learning a view will cost in time and memory, before it is begun.

Rendering takes time by its pictures and their samples, training by lights and pixels. The figures are rough ones of two
cores (x86-64) without a GPU; from :func:`speed_of` an estimate learns how far this machine and this scene are from
that.
"""

from __future__ import annotations

from ..estimates import Estimate, Model, combine, compare
from .settings import RelightSettings

ASPECT = 9.0 / 16.0

# Seconds
CAPTURE_START = 4.0
PICTURE = 0.25
SAMPLE = 1.0 / 700_000
"""For each sample of a pixel."""
DENOISED_PIXEL = 2.0e-6
SHADOW_SAMPLES = 8
"""Of a pixel of a place where only shadows are traced."""
TRAINING_START = 4.0
TRAINED_PIXEL = 1.0e-5
"""For each pixel of each picture to learn from."""
# Bytes
CAPTURE_BASE = 280 * 2**20
CAPTURED_PIXEL = 1000
TRAINING_BASE = 80 * 2**20
TRAINED_PIXEL_MEMORY = 90
"""For each pixel of each picture. Four bakes of 48x27 to 696x464 pixels gave these."""


def pictures(settings: RelightSettings, lamps: int) -> int:
    """How many pictures are rendered to be learned from."""
    return settings.lights * max(1, lamps)


def estimate(settings: RelightSettings, lamps: int, speed: dict | None, aspect: float = ASPECT) -> Estimate:
    """What a bake will cost.

    Args:
        lamps: number of the lamps that are learned.
        speed: what :func:`speed_of` said of an earlier bake on this machine, or part of it; None for shipped figures.
        aspect: height over width of the picture; 0 for the usual one.
    """
    return combine(_model(settings, lamps, aspect or ASPECT), speed)


def speed_of(manifest: dict) -> dict[str, dict[str, object]]:
    """How a finished bake compares with the model, for the estimate of the next; see :func:`core.estimates.compare`."""
    settings = RelightSettings.from_dict(manifest["settings"])
    model = _model(settings, len(manifest["lamps"]), manifest["height"] / manifest["width"])
    devices = {"capture": manifest.get("cycles", {}).get("device", "CPU"), "training": settings.train_device}
    return compare(model, manifest, devices)


def _model(settings: RelightSettings, lamps: int, aspect: float) -> Model:
    lamps = max(1, lamps)
    pixels = settings.width * max(1.0, round(settings.width * aspect))
    train, report = lamps * settings.lights, 2 * lamps * settings.report_lights
    shadows = lamps * settings.visibility_lights
    samples = train * settings.samples + (report + 1) * settings.report_samples + shadows * SHADOW_SAMPLES
    dense = settings.dense_seconds if settings.model == "dense" else 0.0
    return {
        ("capture", "seconds"): CAPTURE_START
        + PICTURE * (train + report + shadows + 1)
        + SAMPLE * pixels * samples
        + DENOISED_PIXEL * pixels * train * settings.denoise,
        ("training", "seconds"): TRAINING_START + TRAINED_PIXEL * pixels * train + dense,
        ("capture", "memory"): CAPTURE_BASE + CAPTURED_PIXEL * pixels,
        ("training", "memory"): TRAINING_BASE + TRAINED_PIXEL_MEMORY * pixels * (train + report),
    }
