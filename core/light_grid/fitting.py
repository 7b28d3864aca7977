# SPDX-FileCopyrightText: 2026 Neural Bake developers
#
# SPDX-License-Identifier: GPL-3.0-or-later

"""Fitting one grid's weighting networks and probe values to measured light, in batched torch on the CPU or CUDA.

Three steps, each of which measurably helps (`docs/light_grid.md` has the figures):
  1. geometry: the networks learn the visibility weights of what each probe sees, with no light at all;
  2. light: networks and values learn from the training points, held near step 1 and near the probes' own light;
  3. values: regularised least squares through the finished weights, at several strengths.
"""

from __future__ import annotations

import dataclasses
import math
import typing

import numpy as np
import torch

from ..spherical_harmonics import irradiance_basis
from .grid import Grid, corner_window, padded_groups, padded_index
from .model import Batch, LightGridModel, blended_irradiance
from .values import Group, prior_weight, solve

# Chosen on the rooms of the benchmarks; the choosing set guards against scenes where they are wrong.
NORMAL_BIAS = 0.05
LOSS_FLOOR = 0.05
GEOMETRY_RATE = 0.02
LIGHT_RATE = 0.01
GEOMETRY_PULL = 0.01
PRIOR_PULL = 1.0
STRENGTHS = (0.3, 1.0, 3.0, 10.0)
POINTS_PER_CELL = 32
CELLS_PER_CHUNK = 2048
GROUP_POINTS = 65536

Progress = typing.Callable[[int, int], None]


@dataclasses.dataclass(frozen=True)
class Fit:
    """One candidate: networks (P, 113) and radiance coefficients (P, 9, C), float32, for a normal ``bias``."""

    weights: np.ndarray
    sh: np.ndarray
    strength: float
    bias: float = NORMAL_BIAS


class SortedPoints:
    """Training points sorted by cell, as tensors.

    Args:
        grid: the grid that the points lie in.
        positions, normals: (N, 3).
        target: (N, C) irradiance, three channels a lighting, each lighting over its mean.
        visibility: (N, 8) blend weights of the cell's corners by geometry alone.
    """

    def __init__(
        self,
        grid: Grid,
        positions: np.ndarray,
        normals: np.ndarray,
        target: np.ndarray,
        visibility: np.ndarray,
        device: torch.device,
    ) -> None:
        location = grid.locate(positions + normals * np.float32(NORMAL_BIAS * grid.spacing.mean()))
        order = np.argsort(location.cell, kind="stable")
        cells, starts, counts = np.unique(location.cell[order], return_index=True, return_counts=True)

        def tensor(array: np.ndarray) -> torch.Tensor:
            return torch.from_numpy(np.ascontiguousarray(array, np.float32)).to(device)

        self.device = device
        self.starts, self.counts = starts, counts
        self.corners = torch.from_numpy(grid.corner_probes(cells)).to(device)
        self.offsets, self.window = tensor(location.offset[order]), tensor(corner_window(location.fraction[order]))
        self.basis = tensor(irradiance_basis(normals[order].astype(np.float32)))
        self.target, self.visibility = tensor(target[order]), tensor(visibility[order])
        # Cells count by their number of points; drawing the same number in each only evens out the noise.
        self.share = tensor(counts / counts.mean())[:, None, None]

    def batch(self, cells: slice | np.ndarray, index: torch.Tensor) -> Batch:
        """The points at ``index`` (C, S) of ``cells``."""
        return Batch(self.corners[cells], self.offsets[index], self.window[index], self.basis[index])

    def groups(self) -> list[Group]:
        """All points, for least squares."""
        order = np.argsort(self.counts, kind="stable")
        result = []
        for group in padded_groups(self.counts[order], GROUP_POINTS):
            cells = order[group]
            counts = self.counts[cells]
            index = torch.from_numpy(padded_index(self.starts[cells], counts)).to(self.device)
            mask = torch.from_numpy(np.arange(counts.max()) < counts[:, None]).to(self.device)
            batch = self.batch(torch.from_numpy(cells).to(self.device), index)
            result.append(Group(batch, self.target[index], mask[..., None].float()))
        return result


def fit(
    points: SortedPoints,
    prior: np.ndarray,
    seed: int,
    geometry_steps: int,
    light_steps: int,
    progress: Progress,
    start: np.ndarray | None = None,
) -> list[Fit]:
    """Fit networks and values; see the module's docstring.

    Args:
        points: training points whose ``target`` has mean one.
        prior: (P, 9, C) the probes' traced radiance coefficients in the same scale.
        progress: called with steps done and in all.
        start: (P, 113) networks to begin with; new ones, which blend as the window does, where None.

    Returns:
        One candidate per strength of the final least squares.
    """
    generator = torch.Generator().manual_seed(seed)
    traced = torch.from_numpy(prior.astype(np.float32)).to(points.device)
    model = LightGridModel(traced, generator, None if start is None else torch.from_numpy(start))
    groups = points.groups()
    total = geometry_steps + light_steps + len(STRENGTHS)
    counts = torch.from_numpy(points.counts)[:, None]
    starts = torch.from_numpy(points.starts)[:, None]
    pull = PRIOR_PULL * prior_weight(traced, LOSS_FLOOR) / traced.numel()

    def optimise(rates: dict[torch.nn.Parameter, float], steps: int, done: int, learn_light: bool) -> None:
        optimiser = torch.optim.Adam(
            [{"params": [part], "lr": rate} for part, rate in rates.items()], betas=(0.9, 0.99)
        )
        for step in range(steps):
            decay = 0.02 + 0.98 * 0.5 * (1.0 + math.cos(math.pi * step / steps))
            for group, rate in zip(optimiser.param_groups, rates.values()):
                group["lr"] = rate * decay
            drawn = torch.rand((len(counts), POINTS_PER_CELL), generator=generator)
            index = (starts + (drawn * counts).long()).to(points.device)
            optimiser.zero_grad()
            for first in range(0, len(counts), CELLS_PER_CHUNK):
                cells = slice(first, first + CELLS_PER_CHUNK)
                _loss(model, points, cells, index[cells], learn_light).div(index.numel()).backward()
            if learn_light:
                (pull * (model.sh - traced) ** 2).sum().backward()
            optimiser.step()
            progress(done + step + 1, total)

    optimise({model.weights: GEOMETRY_RATE}, geometry_steps, 0, False)
    with torch.no_grad():
        model.sh.copy_(solve(model, groups, traced, 1.0, LOSS_FLOOR))
    optimise({model.weights: LIGHT_RATE, model.sh: LIGHT_RATE}, light_steps, geometry_steps, True)
    fits = []
    for number, strength in enumerate(STRENGTHS):
        values = solve(model, groups, traced, strength, LOSS_FLOOR)
        fits.append(Fit(model.weights.detach().cpu().numpy().copy(), values.cpu().numpy(), strength))
        progress(geometry_steps + light_steps + number + 1, total)
    return fits


def _loss(
    model: LightGridModel, points: SortedPoints, cells: slice, index: torch.Tensor, learn_light: bool
) -> torch.Tensor:
    """Sum of the loss over points ``index`` (C, S) of ``cells``."""
    batch = points.batch(cells, index)
    weights = model.blend_weights(batch)
    visibility = points.visibility[index]
    divergence = (visibility * ((visibility + 1e-6) / (weights + 1e-6)).log()).sum(dim=2, keepdim=True)
    share = points.share[cells]
    if not learn_light:
        return (share * divergence).sum()
    result = blended_irradiance(batch, weights, model.sh)
    error = result - points.target[index]
    scale = error_scale(result.detach(), points.target[index])
    return (share * (error**2 / scale)).sum() / error.shape[2] + GEOMETRY_PULL * (share * divergence).sum()


def error_scale(result: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    """What squared errors (cells, S, C) are divided by: the reconstruction squared plus LOSS_FLOOR.

    Relative to the reconstruction, not to the measurement: dividing by a noisy measurement favours its dark half. But
    the reconstruction counts only up to twice the measurement (plus a fifth of the mean, which is one): else a point
    that is far too bright would excuse its own error.
    """
    return torch.minimum(result.clamp_min(0.0), 2.0 * target + 0.2) ** 2 + LOSS_FLOOR
