# SPDX-FileCopyrightText: 2026 Neural Bake developers
#
# SPDX-License-Identifier: GPL-3.0-or-later

"""Interpolation between scattered lights: radial basis functions with a polynomial, as weights of the data.

An interpolant that is linear in its data is a matrix of weights: value(x) = sum_i w_i(x) value_i. So whole pictures are
never fitted, only weights are, and a picture costs one product. The functions and the polynomial's part follow Wahba
1990, "Spline Models for Observational Data", chapter 2.
"""

from __future__ import annotations

import dataclasses

import numpy as np

KERNELS = {"thin_plate": 1, "linear": 0}
"""phi(r), r^2 log r and -r, each with the degree of the polynomial that it is used with."""
_RANK = 1e-6


@dataclasses.dataclass(frozen=True)
class Interpolant:
    """Radial basis functions through scattered points.

    Attributes:
        points: (N, D) float64.
        kernel: one of :data:`KERNELS`; directions in which the points do not spread take no part in its polynomial.
        smoothing: added to the system's diagonal, over the mean of its other entries' magnitude; 0 interpolates.
    """

    points: np.ndarray
    kernel: str = "thin_plate"
    smoothing: float = 0.0
    _inverse: np.ndarray = dataclasses.field(init=False, repr=False, compare=False)
    _axes: np.ndarray = dataclasses.field(init=False, repr=False, compare=False)
    _centre: np.ndarray = dataclasses.field(init=False, repr=False, compare=False)
    _scale: float = dataclasses.field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        points = np.asarray(self.points, np.float64)
        centre = points.mean(axis=0)
        scale = float(np.sqrt(np.mean(np.sum((points - centre) ** 2, axis=1)))) or 1.0
        # the polynomial's axes: those in which the points spread, and no more of them than the points can tell
        _, spread, axes = np.linalg.svd((points - centre) / scale, full_matrices=False)
        axes = axes[(spread > _RANK * np.sqrt(len(points)))] if KERNELS[self.kernel] else axes[:0]
        if len(axes) + 1 >= len(points):
            axes = axes[: max(0, len(points) - 2)]
        for name, value in (("points", points), ("_centre", centre), ("_scale", scale), ("_axes", axes)):
            object.__setattr__(self, name, value)
        kernel = self._phi(points)
        diagonal = self.smoothing * float(np.abs(kernel).mean() or 1.0)
        kernel[np.diag_indices(len(points))] += diagonal
        poly = self._poly(points)
        count = poly.shape[1]
        system = np.block([[kernel, poly], [poly.T, np.zeros((count, count))]])
        object.__setattr__(self, "_inverse", np.linalg.pinv(system, rcond=1e-12, hermitian=True))

    def weights(self, queries: np.ndarray) -> np.ndarray:
        """Weights (Q, N) of the points' values at ``queries`` (Q, D); each row adds up to 1."""
        queries = np.atleast_2d(np.asarray(queries, np.float64))
        right = np.concatenate([self._phi(queries), self._poly(queries)], axis=1)
        return (right @ self._inverse)[:, : len(self.points)]

    def _phi(self, queries: np.ndarray) -> np.ndarray:
        distance = np.linalg.norm((queries[:, None] - self.points[None]) / self._scale, axis=2)
        if self.kernel == "linear":
            return -distance
        return np.where(distance > 0.0, distance**2 * np.log(np.maximum(distance, 1e-300)), 0.0)

    def _poly(self, queries: np.ndarray) -> np.ndarray:
        local = (queries - self._centre) / self._scale
        return np.concatenate([np.ones((len(queries), 1)), local @ self._axes.T], axis=1)


def neighbours(points: np.ndarray, query: np.ndarray, count: int) -> np.ndarray:
    """Indices of the ``count`` points (N, D) nearest to ``query`` (D,), nearest first; all where there are fewer."""
    distance = np.sum((points - query) ** 2, axis=1)
    count = min(count, len(points))
    nearest = np.argpartition(distance, count - 1)[:count]
    return nearest[np.argsort(distance[nearest], kind="stable")]
