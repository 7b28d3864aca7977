# SPDX-FileCopyrightText: 2026 Neural Bake developers
#
# SPDX-License-Identifier: GPL-3.0-or-later

"""Errors of one scene over several placements of its grid, their standard errors, and whether goals are met."""

from __future__ import annotations

import dataclasses
import math

import numpy as np

from core import metrics

OURS, SIGHT = "ours", "sight"
CLASSIC = ("trilinear", "validity", "ddgi")
RESAMPLES = 1000


@dataclasses.dataclass(frozen=True)
class Reference:
    """Points whose irradiance is known from many paths, in two independent halves.

    Attributes:
        positions, normals, half_a, half_b, total: (N, 3).
    """

    positions: np.ndarray
    normals: np.ndarray
    half_a: np.ndarray
    half_b: np.ndarray
    total: np.ndarray

    @property
    def mean(self) -> float:
        """Mean irradiance."""
        return 0.5 * float(np.mean(self.half_a, dtype=np.float64) + np.mean(self.half_b, dtype=np.float64))


def point_errors(result: np.ndarray, reference: Reference) -> dict[str, np.ndarray]:
    """Each point's share (N,) in the errors of :mod:`core.metrics`; the mean over points is the error, or for nRMSE
    its square."""
    half_a, half_b = reference.half_a.astype(np.float64), reference.half_b.astype(np.float64)
    truth, mean = 0.5 * (half_a + half_b), reference.mean
    square = (result - half_a) * (result - half_b)
    return {
        "nRMSE": square.mean(axis=1) / mean**2,
        "relMSE": (square / (truth**2 + metrics.RELATIVE_FLOOR * mean**2)).mean(axis=1),
        "SMAPE": (np.abs(result - truth) / (np.abs(result) + truth + metrics.SYMMETRIC_FLOOR * mean)).mean(axis=1),
    }


@dataclasses.dataclass(frozen=True)
class Scene:
    """One scene's errors.

    Attributes:
        points: by method and error, (K, N) of K placements and N reference points.
        leaks: by method, (K,) of the placements; None where no point is dark.
    """

    name: str
    points: dict[str, dict[str, np.ndarray]]
    leaks: dict[str, list[float]] | None

    def error(self, method: str, name: str) -> float:
        """The error over all placements."""
        return _value(name, self.points[method][name].mean())

    def leak(self, method: str) -> float | None:
        """The mean leak of the placements."""
        return None if self.leaks is None else float(np.mean(self.leaks[method]))

    def best_rival(self, name: str) -> str:
        """The method other than ours with the least error."""
        return min((method for method in self.points if method != OURS), key=lambda method: self.error(method, name))

    def excess(self, name: str) -> tuple[str, float, float]:
        """The best rival, our error less its, and the standard error of that difference, by resampling points."""
        rival = self.best_rival(name)
        ours, theirs = (self.points[method][name].mean(axis=0) for method in (OURS, rival))
        draw, count = np.random.default_rng(0), len(ours)
        differences = []
        for _ in range(RESAMPLES):
            rows = draw.integers(0, count, count)
            differences.append(_value(name, ours[rows].mean()) - _value(name, theirs[rows].mean()))
        return rival, self.error(OURS, name) - self.error(rival, name), float(np.std(differences))


def _value(name: str, mean: float) -> float:
    return math.sqrt(max(mean, 0.0)) if name == "nRMSE" else float(mean)


def geometric(values: list[float]) -> float:
    """Geometric mean; errors are debiased and could be zero, so none counts as less than 1e-9."""
    return math.exp(np.mean([math.log(max(value, 1e-9)) for value in values]))


def judge(scenes: list[Scene], equal_bytes: dict[str, float]) -> list[dict[str, object]]:
    """Every goal of issue 6, point 1, with what was reached.

    Args:
        equal_bytes: by size of ours, the geometric mean of the rival's relMSE at equal bytes over ours.
    """
    rows: list[dict[str, object]] = []

    def goal(text: str, reached: object, met: bool) -> None:
        rows.append({"goal": text, "reached": reached, "met": bool(met)})

    mean = {method: geometric([scene.error(method, "relMSE") for scene in scenes]) for method in scenes[0].points}
    for method, factor in (("validity", 4.0), ("ddgi", 2.0)):
        ratio = mean[method] / mean[OURS]
        goal(f"relMSE of {method} / ours, geometric mean, at least {factor:g}", round(ratio, 3), ratio >= factor)
    for scene in scenes:
        ratio = scene.error(SIGHT, "relMSE") / scene.error(OURS, "relMSE")
        goal(f"{scene.name}: relMSE of line of sight / ours, above 1", round(ratio, 3), ratio > 1.0)
    for scene in scenes:
        for name in ("nRMSE", "SMAPE"):
            rival, difference, deviation = scene.excess(name)
            text = f"{scene.name}: {name} not above the best rival's ({rival}), twice the standard error allowed"
            reached = f"{difference:+.4f}, standard error {deviation:.4f}"
            goal(text, reached, difference <= 2.0 * deviation)
    for scene in scenes:
        if scene.leaks is not None:
            leak = scene.leak(OURS)
            goal(f"{scene.name}: leak at most 0.001", f"{leak:.5f}", leak <= 0.001)
    for text, ratio in equal_bytes.items():
        goal(f"relMSE of validity at equal bytes / ours, {text}, at least 3", round(ratio, 3), ratio >= 3.0)
    return rows
