# SPDX-FileCopyrightText: 2026 Neural Bake developers
#
# SPDX-License-Identifier: GPL-3.0-or-later

"""Neighbouring probes that see each other have much the same light: what keeps noise out where points are few.

After Hooker et al. 2017, whose least squares too pull neighbours together. Adds, for each pair (p, q) of neighbours
along an axis that see each other,

    smoothness (N / 9P) w_pq sum_k (x_pk - x_qk)^2,
    w_pq = exp(-((D_p - D_q) / (D_p + D_q) / TOLERANCE)^2) / (D^2 + LOSS_FLOOR) / (1 + D),  D^2 = (D_p^2 + D_q^2) / 2

with D_p the probes' mean irradiance, one on average. The exponential, of the mean over colours, keeps sun patches from
spreading; so does the last factor, as around them light differs most and has the least noise for its size.
"""

from __future__ import annotations

import dataclasses
import typing

import numpy as np

from . import baselines
from .grid import Grid
from .points import LOSS_FLOOR

if typing.TYPE_CHECKING:
    import torch

    Array = typing.TypeVar("Array", np.ndarray, torch.Tensor)

REACH = 0.98
"""Share of the way to a neighbour that a probe has to see, by its octahedral depth."""
TOLERANCE = 0.2
MEAN = np.float32(np.pi * 0.28209479177387814)
"""Mean irradiance over all normals, of the first radiance coefficient."""


@dataclasses.dataclass(frozen=True)
class Penalty:
    """The quadratic form above without its factor.

    Attributes:
        resolution: probes along each axis.
        edges: per axis, weights (nx, ny, nz, 1, 1, C) of the pairs, one less along that axis.
    """

    resolution: tuple[int, int, int]
    edges: tuple[typing.Any, ...]

    def product(self, values: Array) -> Array:
        """The form's matrix times ``values`` (P, 9, S, C), numpy or torch as the edges are."""
        values = values.reshape(*self.resolution, *values.shape[1:])
        result = 0.0 * values
        for axis, weight in enumerate(self.edges):
            low, high = _ends(axis)
            flow = weight * (values[low] - values[high])
            result[low] += flow
            result[high] -= flow
        return result.reshape(-1, *result.shape[3:])

    def diagonal(self) -> Array:
        """The matrix's diagonal (P, 1, 1, C)."""
        channels = self.edges[0].shape[-1]
        result = np.zeros((*self.resolution, 1, 1, channels), np.float32)
        for axis, weight in enumerate(self.edges):
            for end in _ends(axis):
                result[end] += np.asarray(weight)
        return result.reshape(-1, 1, 1, channels)


@dataclasses.dataclass(frozen=True)
class Links:
    """Which neighbours see each other.

    Attributes:
        resolution: probes along each axis.
        seen: per axis, bool (nx, ny, nz), one less along that axis.
    """

    resolution: tuple[int, int, int]
    seen: tuple[np.ndarray, ...]

    def penalty(self, values: np.ndarray) -> Penalty:
        """For light like ``values`` (P, 9, C), three channels a lighting."""
        mean = np.maximum(MEAN * values[:, 0], 0.0)
        channels = mean.shape[1]
        grey = np.repeat(mean.reshape(len(mean), -1, 3).mean(axis=2), 3, axis=1)
        mean, grey = (array.reshape(*self.resolution, channels) for array in (mean, grey))
        edges = []
        for axis, seen in enumerate(self.seen):
            low, high = _ends(axis)
            contrast = (grey[low] - grey[high]) / np.maximum(grey[low] + grey[high], 1e-12) / TOLERANCE
            square = 0.5 * (mean[low] ** 2 + mean[high] ** 2)
            weight = np.exp(-(contrast**2)) / (square + LOSS_FLOOR) / (1.0 + np.sqrt(square))
            edges.append((seen[..., None] * weight).astype(np.float32)[..., None, None, :])
        return Penalty(self.resolution, tuple(edges))


def find_links(grid: Grid, geometry: baselines.ProbeGeometry) -> Links:
    """Both probes of a pair have to be valid and to see the other."""
    positions, numbers = grid.probe_positions(), np.arange(grid.count).reshape(grid.resolution)
    seen = []
    for axis in range(3):
        low, high = (numbers[end].ravel() for end in _ends(axis))
        away = baselines.sees(geometry.depth, low, positions[high] - positions[low], REACH)
        back = baselines.sees(geometry.depth, high, positions[low] - positions[high], REACH)
        pairs = away & back & geometry.valid[low] & geometry.valid[high]
        seen.append(pairs.reshape(numbers[_ends(axis)[0]].shape))
    return Links(grid.resolution, tuple(seen))


def _ends(axis: int) -> tuple[tuple[slice, ...], tuple[slice, ...]]:
    """The lower and the upper probes of all pairs along an axis."""
    every = [slice(None)] * 3
    return tuple(
        tuple(part if number == axis else whole for number, whole in enumerate(every))
        for part in (slice(None, -1), slice(1, None))
    )
