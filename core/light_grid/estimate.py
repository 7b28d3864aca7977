# SPDX-FileCopyrightText: 2026 Neural Bake developers
#
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a bake will cost in time and memory, before it is begun."""

from __future__ import annotations

import dataclasses
import math

from .settings import LightGridSettings

CORNERS = 3
"""Paths per point come in multiples of this; see bake_workers.capture.meter."""
ASPECT = 9.0 / 16.0

# Seconds
CAPTURE_START = 3.0
PATH = 1.0 / 300_000
PLANNED_SAMPLE = 2.0e-5
PLANNED_RAY = 2.0e-6
TRAINING_START = 3.0
GEOMETRY_STEP = 2.0e-5
LIGHT_STEP = 4.0e-5
TRAINED_SAMPLE = 2.0e-5
COMPARED_POINT = 4.0e-4
COMPARED_PIXEL = 2.0e-5
# Bytes
CAPTURE_BASE = 375 * 2**20
CAPTURED_SAMPLE = 200
CAPTURED_RAY = 16
TRAINING_BASE = 340 * 2**20
BATCH = 130 * 2**20
BATCH_PROBES = 2048
TRAINED_SAMPLE_BYTES = 450


@dataclasses.dataclass(frozen=True)
class Estimate:
    """Seconds and peak memory in bytes of both stages; ``measured``: from this machine's own bakes."""

    capture_seconds: float
    training_seconds: float
    capture_memory: int
    training_memory: int
    measured: bool

    @property
    def seconds(self) -> float:
        return self.capture_seconds + self.training_seconds

    @property
    def memory(self) -> int:
        """Peak of the whole bake: its stages run one after the other."""
        return max(self.capture_memory, self.training_memory)


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
    model = _model(settings, probes, aspect)
    factors = {(stage, what): _factor(speed, stage, what) for stage, what in model}
    values = {key: value * (factors[key] or 1.0) for key, value in model.items()}
    return Estimate(
        values["capture", "seconds"],
        values["training", "seconds"],
        round(values["capture", "memory"]),
        round(values["training", "memory"]),
        factors["capture", "seconds"] is not None and factors["training", "seconds"] is not None,
    )


def speed_of(manifest: dict) -> dict[str, dict[str, object]]:
    """How a finished bake compares with the model, for the estimate of the next.

    Returns:
        ``{"capture": {"device": "CPU", "seconds": 1.2, "memory": 0.9}, "training": {...}}``, where a number is what was
        measured over what the model says. What the manifest does not tell is left out.
    """
    settings = LightGridSettings.from_dict(manifest["settings"])
    model = _model(settings, manifest["probes"], ASPECT)
    devices = {"capture": manifest.get("meter", {}).get("device", "CPU"), "training": settings.train_device}
    measured = {"seconds": manifest.get("timings", {}), "memory": manifest.get("peak_memory", {})}
    speed: dict[str, dict[str, object]] = {}
    for stage, what in model:
        value = measured[what].get(stage)
        if value:
            speed.setdefault(stage, {"device": devices[stage]})[what] = round(value / model[stage, what], 4)
    return speed


def _model(settings: LightGridSettings, probes: int, aspect: float) -> dict[tuple[str, str], float]:
    """Seconds and bytes of both stages on the machine of the module's text."""
    sets = set_sizes(settings, probes, aspect)
    paths = sum(points * per_point for points, per_point in sets.values())
    samples = sets["train"][0]
    rays = probes * settings.probe_rays
    capture = CAPTURE_START + PATH * paths + PLANNED_SAMPLE * samples + PLANNED_RAY * rays
    steps = GEOMETRY_STEP * settings.geometry_steps + LIGHT_STEP * settings.light_steps
    compared = sets["choose"][0] + sets["report_a"][0]
    training = (
        TRAINING_START
        + probes * steps
        + TRAINED_SAMPLE * samples
        + COMPARED_POINT * compared
        + COMPARED_PIXEL * sets["view"][0]
    )
    batch = BATCH * min(probes / BATCH_PROBES, 1.0)
    return {
        ("capture", "seconds"): capture,
        ("training", "seconds"): training,
        ("capture", "memory"): CAPTURE_BASE + CAPTURED_SAMPLE * samples + CAPTURED_RAY * rays,
        ("training", "memory"): TRAINING_BASE + batch + TRAINED_SAMPLE_BYTES * samples,
    }


def _factor(speed: dict | None, stage: str, what: str) -> float | None:
    """A usable number out of a file that anybody may have written, or None."""
    part = speed.get(stage) if isinstance(speed, dict) else None
    value = part.get(what) if isinstance(part, dict) else None
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    return float(value) if math.isfinite(value) and 1e-4 < value < 1e4 else None
