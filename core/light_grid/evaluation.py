# SPDX-FileCopyrightText: 2026 Neural Bake developers
#
# SPDX-License-Identifier: GPL-3.0-or-later

"""Irradiance from a baked light grid, with numpy alone.

Points are grouped by cell, so that the eight corner networks of a cell run as a few small matrix products over all of
its points; groups are sized for the processor's cache and shared among threads (numpy releases the interpreter lock).
"""

from __future__ import annotations

import concurrent.futures
import dataclasses
import os
import typing

import numpy as np

from ..errors import NeuralBakeError
from ..spherical_harmonics import irradiance_basis
from . import baselines, light_sets
from .grid import CORNERS, Grid, corner_window, padded_groups, padded_index
from .network import HIDDEN, LEAK, LOGIT_RANGE, SLICES

OURS = "ours"
CHUNK_POINTS = 4096
# OpenBLAS splits longer matrix products among its own threads, which then get in the way of ours (measured: 0.95
# million points a second, and 1.79 with this limit).
RUN_POINTS = 512
# How steeply the share of a volume falls with the distance from it, in cells, where no volume contains the point.
NEARNESS_POWER = 4.0


@dataclasses.dataclass(frozen=True)
class BakedGrid:
    """One volume's probes with what its method needs.

    Attributes:
        grid: where the probes lie.
        sh: (P, 9, 3) float32 radiance coefficients, as the light was at the bake.
        method: ``ours`` or one of the classic methods.
        bias: offset of the look-up along the normal, in mean spacings.
        weights: (P, 113) float32 networks, for ``ours``.
        facing, geometry: what a classic method needs.
        inside: (P,) bool, probes that lie inside geometry; for display only, None where it is not known.
        sets: (G, P, 9, 3) float32 radiance coefficients of each light set, as it was measured; None without light sets.
    """

    grid: Grid
    sh: np.ndarray
    method: str
    bias: float = 0.0
    weights: np.ndarray | None = None
    facing: bool = False
    geometry: baselines.ProbeGeometry | None = None
    inside: np.ndarray | None = None
    sets: np.ndarray | None = None

    def irradiance(self, points: np.ndarray, normals: np.ndarray) -> np.ndarray:
        """Irradiance (N, C) in W/m^2 at ``points`` (N, 3) facing ``normals`` (N, 3), not clamped; C as ``sh`` has."""
        if self.method == OURS:
            return _evaluate_networks(self, points, normals)
        configuration = baselines.Configuration(self.method, self.bias, self.facing)
        result = np.empty((len(points), self.sh.shape[2]), np.float32)
        for start in range(0, len(points), 16 * CHUNK_POINTS):
            part = slice(start, start + 16 * CHUNK_POINTS)
            probes, weights = baselines.corner_weights(
                self.grid, self.geometry, configuration, points[part], normals[part]
            )
            result[part] = baselines.blend(self.sh, probes, weights, normals[part])
        return result

    def under(self, factors: np.ndarray) -> BakedGrid:
        """The same grid with its light sets' measured light times ``factors`` (G, 3), and no light sets."""
        return dataclasses.replace(self, sh=np.einsum("gpkc,gc->pkc", self.sets, factors), sets=None)

    def apart(self) -> BakedGrid:
        """The same grid with three channels (P, 9, 3 G) for each light set, as it was measured."""
        count = len(self.sh)
        return dataclasses.replace(self, sh=self.sets.transpose(1, 2, 0, 3).reshape(count, 9, -1), sets=None)


class LightGrid:
    """A baked result: one or several grids, evaluated together.

    The finest grid that contains a point decides; at a grid's border it fades over one cell, half inside and half
    outside, so that nothing jumps between volumes that are nested, overlap or touch.
    """

    def __init__(self, grids: list[BakedGrid], manifest: dict, sets: typing.Sequence[light_sets.LightSet] = ()) -> None:
        self.grids = sorted(grids, key=lambda baked: float(np.prod(baked.grid.spacing)))
        self.manifest = manifest
        self.light_sets = tuple(sets)

    def under(self, factors: np.ndarray) -> LightGrid:
        """The light grid with its sets' measured light times ``factors`` (G, 3), and no light sets."""
        return LightGrid([baked.under(factors) for baked in self.grids], self.manifest)

    def set_irradiance(self, points: np.ndarray, normals: np.ndarray) -> np.ndarray:
        """Irradiance (N, G, 3) float32 of each light set as it was measured, not clamped: that is for their sum.

        Raises:
            NeuralBakeError: the shapes differ, or a number is not finite.
        """
        apart = LightGrid([baked.apart() for baked in self.grids], self.manifest)
        return apart._blended(*_checked(points, normals)).reshape(len(points), -1, 3)

    def irradiance(
        self,
        points: np.ndarray,
        normals: np.ndarray,
        light_scale: dict[str, float | tuple[float, float, float]] | None = None,
    ) -> np.ndarray:
        """Irradiance (N, 3) float32 in W/m^2, never negative.

        Args:
            points: (N, 3) world positions; outside all volumes the nearest border's light is returned.
            normals: (N, 3) unit normals.
            light_scale: factor, or one per colour, for each light set of the artifact by its name, and for all of them
                by ``all``; 1 is the light at the bake.

        Raises:
            NeuralBakeError: the shapes differ, a number is not finite, a light group is not in the artifact, or its
                scale is no colour.
        """
        factors, whole = light_sets.scales(self.light_sets, light_scale)
        grid = self if not set(light_scale or ()) & {one.name for one in self.light_sets} else self.under(factors)
        result = grid._blended(*_checked(points, normals))
        if light_scale:
            result *= whole
        return np.maximum(result, 0.0, out=result)

    def _blended(self, points: np.ndarray, normals: np.ndarray) -> np.ndarray:
        """Irradiance (N, C) of all grids together, not clamped."""
        if len(self.grids) == 1:
            return self.grids[0].irradiance(points, normals)
        result = np.zeros((len(points), self.grids[0].sh.shape[2]), np.float32)
        for baked, share in zip(self.grids, self._shares(points)):
            used = share > 0.0
            if used.any():
                result[used] += share[used, None] * baked.irradiance(points[used], normals[used])
        return result

    def _shares(self, points: np.ndarray) -> np.ndarray:
        """Weights (G, N) of the grids, finest first, summing to one and continuous everywhere.

        What the grids leave over, outside of all and where the last one fades, is shared out by nearness.
        """
        border = np.array([baked.grid.border_distance(points) for baked in self.grids], np.float64)
        inside = np.clip(border + 0.5, 0.0, 1.0)
        left = np.cumprod(1.0 - inside, axis=0)
        near = (1.0 + np.maximum(-border, 0.0)) ** -NEARNESS_POWER
        shares = inside * np.concatenate([np.ones_like(left[:1]), left[:-1]]) + left[-1] * near / near.sum(axis=0)
        # Less than this cannot be seen, and would cost a whole look-up.
        shares[shares < 1e-5] = 0.0
        return (shares / shares.sum(axis=0)).astype(np.float32)


def _checked(points: np.ndarray, normals: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Both as float32, or a NeuralBakeError that says what is wrong with them."""
    points = np.ascontiguousarray(points, np.float32)
    normals = np.ascontiguousarray(normals, np.float32)
    if points.ndim != 2 or points.shape[1] != 3 or points.shape != normals.shape:
        raise NeuralBakeError(
            "bad_shape", f"points {points.shape} and normals {normals.shape} must both have the shape (N, 3)."
        )
    if not (np.isfinite(points).all() and np.isfinite(normals).all()):
        raise NeuralBakeError("not_finite", "A point or normal is not finite.", "Remove it, or mend its mesh.")
    return points, normals


def _evaluate_networks(baked: BakedGrid, points: np.ndarray, normals: np.ndarray) -> np.ndarray:
    """The learned blend (N, C) of one grid; see the module's docstring."""
    grid = baked.grid
    location = grid.locate(points + normals * np.float32(baked.bias * grid.spacing.mean()))
    order = np.argsort(location.cell, kind="stable")
    cells, starts, counts = _runs(np.bincount(location.cell, minlength=grid.count))
    result = np.empty((len(points), baked.sh.shape[2]), np.float32)

    def run(group: np.ndarray) -> None:
        index = order[padded_index(starts[group], counts[group])]
        # Padding repeats a cell's last point, so writing it again changes nothing.
        result[index] = _evaluate_cells(
            baked, cells[group], location.offset[index], location.fraction[index], normals[index]
        )

    groups = padded_groups(counts, CHUNK_POINTS)
    workers = os.cpu_count() or 1
    if workers == 1 or len(groups) < 4:
        for group in groups:
            run(group)
    else:
        with concurrent.futures.ThreadPoolExecutor(workers) as pool:
            list(pool.map(run, groups))
    return result


def _runs(counts: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Cut cells into runs of at most RUN_POINTS points.

    Args:
        counts: (P,) points of every cell, sorted by cell.

    Returns:
        Cell, first point and number of points (R,) of every run, in ascending order of the last.
    """
    filled = np.flatnonzero(counts)
    pieces = -(-counts[filled] // RUN_POINTS)
    cells = np.repeat(filled, pieces)
    piece = np.arange(len(cells)) - np.repeat(np.cumsum(pieces) - pieces, pieces)
    starts = (np.cumsum(counts) - counts)[cells] + piece * RUN_POINTS
    lengths = np.minimum(counts[cells] - piece * RUN_POINTS, RUN_POINTS)
    order = np.argsort(lengths, kind="stable")
    return cells[order], starts[order], lengths[order]


def _evaluate_cells(
    baked: BakedGrid, cells: np.ndarray, offset: np.ndarray, fraction: np.ndarray, normals: np.ndarray
) -> np.ndarray:
    """Irradiance (C, S, channels) of S points in each of C cells; offset, fraction and normals are (C, S, 3)."""
    count, points = offset.shape[:2]
    probes = baked.grid.corner_probes(cells)
    own = baked.weights[probes]
    first = own[..., SLICES["w1"]].reshape(count, 8, 3, HIDDEN)
    # The networks see the offset from their own probe; moving that shift into the bias lets all eight share
    # one product.
    shift = own[..., SLICES["b1"]] - np.einsum("kd,ckdh->ckh", CORNERS.astype(np.float32), first)
    joined = first.transpose(0, 2, 1, 3).reshape(count, 3, 8 * HIDDEN)
    hidden = np.matmul(offset, joined)
    hidden += shift.reshape(count, 1, 8 * HIDDEN)
    np.maximum(hidden, LEAK * hidden, out=hidden)
    hidden = hidden.reshape(count, points, 8, HIDDEN).transpose(0, 2, 1, 3)
    hidden = np.matmul(hidden, own[..., SLICES["w2"]].reshape(count, 8, HIDDEN, HIDDEN))
    hidden += own[..., None, SLICES["b2"]]
    np.maximum(hidden, LEAK * hidden, out=hidden)
    logits = np.matmul(hidden, own[..., SLICES["w3"]][..., None])[..., 0]
    logits += own[..., SLICES["b3"]]
    logits -= logits.max(axis=1, keepdims=True)
    weights = np.exp(np.maximum(logits, -LOGIT_RANGE, out=logits), out=logits)
    weights *= corner_window(fraction.reshape(-1, 3)).reshape(count, points, 8).transpose(0, 2, 1)
    weights /= weights.sum(axis=1, keepdims=True)
    blended = np.matmul(weights.transpose(0, 2, 1), baked.sh[probes].reshape(count, 8, -1))
    return np.einsum("csk,cskd->csd", irradiance_basis(normals), blended.reshape(count, points, 9, -1))
