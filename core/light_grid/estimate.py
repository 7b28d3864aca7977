# SPDX-FileCopyrightText: 2026 Neural Bake developers
#
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a bake will cost in time and memory, before it is begun.

Measuring takes time by its light paths, and training by its steps and probes. Both have a start, and a share for every
point that is drawn. The figures below are those of an otherwise idle machine with two cores (x86-64) and bakes without
a GPU: 765 probes took 41 s to measure there with direct light everywhere (a quarter of a path's time, taken off below
where it is not measured), and take 5 s of the processor to train, with 0.40 and 0.13 GB. From :func:`speed_of` an
estimate learns how far this machine and this scene are from that; how well lamps and materials compare with the demo
scene's only a bake can tell.

Accuracy of the shipped figures: memory within a tenth, for 525 to 20,000 probes and three qualities. Time within a
twentieth for the one bake that had the machine for itself; eight bakes of two scenes beside little other work took 0.8
to 1.4 times the estimate, seven beside much other work 1.2 to 2.8 times. Another machine, or a scene with other lamps
and materials, can be far off until something was baked; after that, four bakes of one scene beside little other work
agreed within a sixth.
"""

from __future__ import annotations

from ..estimates import Estimate, Model, combine, compare
from .settings import LightGridSettings

CORNERS = 3
"""Paths per point come in multiples of this; see bake_workers.capture.meter."""
ASPECT = 9.0 / 16.0

# Seconds
CAPTURE_START = 2.0
PATH = 1.0 / 280_000
INDIRECT_ALONE = 0.75
"""Of a path's time where direct light is not measured beside it."""
WITH_DIRECT = ("report_a", "report_b", "view")
"""Sets whose direct light is measured even if a grid stores indirect light alone."""
PLANNED_SAMPLE = 2.0e-5
PLANNED_RAY = 1.5e-6
TRAINING_START = 1.0
STEP = 1.0e-4
GEOMETRY_STEP = 1.2e-6
"""For each probe, as is a light step."""
LIGHT_STEP = 1.5e-6
TRAINED_SAMPLE = 1.4e-5
CHOOSING_POINT = 1.0e-4
"""Every rival in every configuration looks at each of them."""
COMPARED_PIXEL = 8.0e-6
# Bytes
CAPTURE_BASE = 367 * 2**20
CAPTURED_CHUNK = 285
"""For each sample of those that are drawn at once."""
CHUNK_SAMPLES = 400_000
CAPTURED_SAMPLE = 110
CAPTURED_RAY = 8
TRAINING_BASE = 90 * 2**20
TRAINED_SAMPLE_MEMORY = 385


def set_sizes(settings: LightGridSettings, probes: int, aspect: float = ASPECT) -> dict[str, tuple[int, int]]:
    """Most points, and paths per point, of every set that is measured; fewer where space cannot be reached.

    Args:
        aspect: height over width of the preview; 0 for none.
    """
    height = max(1, round(settings.preview_width * aspect)) if aspect > 0.0 else 0
    sets = {
        "train": (probes * settings.samples_per_probe, settings.sample_paths),
        "probe": (probes * settings.probe_directions, settings.probe_paths),
        "choose": (settings.choose_points, settings.report_paths),
        "report_a": (settings.report_points, settings.report_paths),
        "report_b": (settings.report_points, settings.report_paths),
        "view": (settings.preview_width * height, settings.preview_paths),
    }
    return {name: (points, -(-paths // CORNERS) * CORNERS) for name, (points, paths) in sets.items()}


def estimate(settings: LightGridSettings, probes: int, speed: dict | None, aspect: float = ASPECT) -> Estimate:
    """What a bake will cost.

    Args:
        probes: of all volumes together.
        speed: what :func:`speed_of` said of an earlier bake on this machine, or part of it; None for shipped figures.
        aspect: height over width of the preview; 0 for none.
    """
    return combine(_model(settings, probes, aspect), speed)


def speed_of(manifest: dict) -> dict[str, dict[str, object]]:
    """How a finished bake compares with the model, for the estimate of the next; see :func:`core.estimates.compare`."""
    settings = LightGridSettings.from_dict(manifest["settings"])
    devices = {"capture": manifest.get("meter", {}).get("device", "CPU"), "training": settings.train_device}
    return compare(_model(settings, manifest["probes"], ASPECT), manifest, devices)


def _model(settings: LightGridSettings, probes: int, aspect: float) -> Model:
    """Seconds and bytes of both stages on the machine of the module's text."""
    sets = set_sizes(settings, probes, aspect)
    samples, rays = sets["train"][0], probes * settings.probe_rays
    steps = settings.geometry_steps + settings.light_steps
    weights = {name: 1.0 if settings.light == "total" or name in WITH_DIRECT else INDIRECT_ALONE for name in sets}
    return {
        ("capture", "seconds"): CAPTURE_START
        + PATH * sum(weights[name] * points * paths for name, (points, paths) in sets.items())
        + PLANNED_SAMPLE * samples
        + PLANNED_RAY * rays,
        ("training", "seconds"): TRAINING_START
        + STEP * steps
        + probes * (GEOMETRY_STEP * settings.geometry_steps + LIGHT_STEP * settings.light_steps)
        + TRAINED_SAMPLE * samples
        + CHOOSING_POINT * settings.choose_points
        + COMPARED_PIXEL * sets["view"][0],
        ("capture", "memory"): CAPTURE_BASE
        + CAPTURED_CHUNK * min(samples, CHUNK_SAMPLES)
        + CAPTURED_SAMPLE * samples
        + CAPTURED_RAY * rays,
        ("training", "memory"): TRAINING_BASE + TRAINED_SAMPLE_MEMORY * samples,
    }
