# SPDX-FileCopyrightText: 2026 Neural Bake developers
#
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the estimates of all kinds share: a model's figures, corrected by what this machine took for earlier bakes."""

from __future__ import annotations

import dataclasses

Model = dict[tuple[str, str], float]
"""Seconds and bytes of a bake by stage (``capture``, ``training``) and quantity (``seconds``, ``memory``)."""


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


def combine(model: Model, speed: dict | None) -> Estimate:
    """The estimate of a model, with the factors that :func:`compare` found in an earlier bake where there are any."""
    factors = {(stage, what): _factor(speed, stage, what) for stage, what in model}
    values = {key: value * (factors[key] or 1.0) for key, value in model.items()}
    return Estimate(
        values["capture", "seconds"],
        values["training", "seconds"],
        round(values["capture", "memory"]),
        round(values["training", "memory"]),
        factors["capture", "seconds"] is not None and factors["training", "seconds"] is not None,
    )


def compare(model: Model, manifest: dict, devices: dict[str, str]) -> dict[str, dict[str, object]]:
    """How a finished bake compares with the model.

    Args:
        manifest: of that bake; its ``timings`` and ``peak_memory`` are read.
        devices: of both stages.

    Returns:
        ``{"capture": {"device": "CPU", "seconds": 1.2, "memory": 0.9}, "training": {...}}``, where a number is what was
        measured over what the model says. What the manifest does not tell is left out.
    """
    measured = {"seconds": manifest.get("timings", {}), "memory": manifest.get("peak_memory", {})}
    speed: dict[str, dict[str, object]] = {}
    for stage, what in model:
        value = measured[what].get(stage)
        if value:
            speed.setdefault(stage, {"device": devices[stage]})[what] = round(value / model[stage, what], 4)
    return speed


def _factor(speed: dict | None, stage: str, what: str) -> float | None:
    """A usable number out of a file that anybody may have written, or None."""
    part = speed.get(stage) if isinstance(speed, dict) else None
    value = part.get(what) if isinstance(part, dict) else None
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    return float(value) if 1e-4 < value < 1e4 else None
