# SPDX-FileCopyrightText: 2026 Neural Bake developers
#
# SPDX-License-Identifier: GPL-3.0-or-later

"""Fitting one grid in batched torch: on CUDA, where nothing can be compiled, and as the check of :mod:`.fused`."""

from __future__ import annotations

import typing

import numpy as np
import torch

from ..errors import NeuralBakeError
from ..spherical_harmonics import irradiance_basis
from .fitting import error_scale
from .grid import corner_window, padded_groups, padded_index
from .links import Penalty
from .model import Batch, LightGridModel, blended_irradiance
from .points import (
    ABSOLUTE_FLOOR,
    ABSOLUTE_PULL,
    ADAM,
    DRAWN,
    ROUNDING,
    SortedPoints,
    prior_weight,
    rates,
    solved_weight,
)
from .values import Group, solve

CELLS_PER_CHUNK = 2048
GROUP_POINTS = 65536


class TorchProblem:
    """Points, networks and values of one grid as tensors.

    Args:
        points: the training points; their ``device`` is where everything happens.
        prior: (P, 9, C) the probes' traced radiance coefficients.
        start: (P, 113) networks to begin with.
        seed: of the points that each step draws.
        threads: of the processor.

    Raises:
        NeuralBakeError: there is no such device.
    """

    def __init__(self, points: SortedPoints, prior: np.ndarray, start: np.ndarray, seed: int, threads: int) -> None:
        self.device = torch.device(points.device)
        if self.device.type == "cuda" and not torch.cuda.is_available():
            raise NeuralBakeError(
                "no_device",
                "train_device is cuda, but this Python's torch sees no CUDA device.",
                "Use --set train_device=cpu.",
            )
        torch.set_num_threads(threads)
        # CUDA has no deterministic form of a few of these sums; there, runs agree to rounding.
        torch.use_deterministic_algorithms(True, warn_only=self.device.type == "cuda")
        order = points.order

        def tensor(array: np.ndarray) -> torch.Tensor:
            return torch.from_numpy(np.ascontiguousarray(array, np.float32)).to(self.device)

        self.starts, self.counts, self.divergence = points.starts, points.counts, points.pull
        self.corners = torch.from_numpy(points.grid.corner_probes(points.cells)).to(self.device)
        self.offsets = tensor(points.offsets[order])
        limit = np.minimum(np.array(points.grid.resolution) - 1, 1)
        self.window = tensor(corner_window(np.clip(points.offsets[order], 0.0, limit)))
        self.basis = tensor(irradiance_basis(points.normals[order].astype(np.float32)))
        self.target, self.visibility = tensor(points.target[order]), tensor(points.visibility[order])
        # Cells count by their number of points; drawing the same number in each only evens out the noise.
        self.share = tensor(points.counts / points.counts.mean())[:, None, None]
        self.generator = torch.Generator().manual_seed(seed)
        self.prior, self.importance = tensor(prior), tensor(prior_weight(prior))
        self.centre, self.solved_importance = self.prior, tensor(solved_weight(prior))
        self.model = LightGridModel(self.prior, tensor(start))

    def batch(self, cells: slice | np.ndarray, index: torch.Tensor) -> Batch:
        """The points at ``index`` (cells, S) of ``cells``."""
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

    def optimise(
        self, light: bool, rate: float, steps: int, pull: float, progress: typing.Callable[[int], None]
    ) -> None:
        """``steps`` of Adam from fresh moments; see :meth:`.fused.FusedProblem.optimise`."""
        model = self.model
        optimiser = torch.optim.Adam([model.weights, model.sh] if light else [model.weights], betas=ADAM)
        counts, starts = (torch.from_numpy(array)[:, None] for array in (self.counts, self.starts))
        for step, one in enumerate(rates(rate, steps)[:, 0]):
            optimiser.param_groups[0]["lr"] = one * (1.0 - ADAM[0] ** (step + 1))  # Adam corrects its bias itself
            drawn = torch.rand((len(counts), DRAWN), generator=self.generator)
            index = (starts + (drawn * counts).long()).to(self.device)
            optimiser.zero_grad()
            for first in range(0, len(counts), CELLS_PER_CHUNK):
                cells = slice(first, first + CELLS_PER_CHUNK)
                self.loss(cells, index[cells], light).div(index.numel()).backward()
            if light:
                (pull / model.sh.numel() * self.importance * (model.sh - self.centre) ** 2).sum().backward()
            optimiser.step()
            progress(step + 1)

    def loss(self, cells: slice, index: torch.Tensor, light: bool) -> torch.Tensor:
        """Sum of the loss over points ``index`` (cells, S) of ``cells``."""
        batch = self.batch(cells, index)
        weights = self.model.blend_weights(batch)
        visibility = self.visibility[index]
        divergence = (visibility * ((visibility + 1e-6) / (weights + 1e-6)).log()).sum(dim=2, keepdim=True)
        share = self.share[cells]
        if not light:
            return (share * divergence).sum()
        result = blended_irradiance(batch, weights, self.model.sh)
        target = self.target[index]
        error = result - target
        scale = error_scale(result.detach(), target)
        # Charbonnier et al. 1997: like the squared relative error where it is small, and linear where it is large
        robust = 2.0 * ((1.0 + error**2 / scale).sqrt() - 1.0)
        size = result.detach().clamp_min(0.0) + target + ABSOLUTE_FLOOR
        total = robust + ABSOLUTE_PULL * (error**2 + ROUNDING).sqrt() / size
        return (share * total).sum() / error.shape[2] + self.divergence * (share * divergence).sum()

    def solve(
        self, strengths: tuple[float, ...], smoothness: tuple[float, ...] = (), penalty: Penalty | None = None
    ) -> np.ndarray:
        """The best values (S, P, 9, C) for the present weights; see :meth:`.fused.FusedProblem.solve`."""
        groups = self.groups()
        if penalty is not None:
            edges = tuple(torch.from_numpy(edge).to(self.device) for edge in penalty.edges)
            penalty = Penalty(penalty.resolution, edges)
        found = [
            solve(self.model, groups, self.prior, self.solved_importance, strength, smooth, penalty)
            for strength, smooth in zip(strengths, smoothness or [0.0] * len(strengths), strict=True)
        ]
        return np.stack([values.cpu().numpy() for values in found])

    def hold_near(self, values: np.ndarray) -> None:
        """Let the light step's ridge pull towards ``values`` (P, 9, C) instead of the prior."""
        self.centre = torch.from_numpy(np.ascontiguousarray(values)).to(self.device)

    def set_values(self, values: np.ndarray) -> None:
        """Replace the probes' values (P, 9, C)."""
        with torch.no_grad():
            self.model.sh.copy_(torch.from_numpy(values))

    def networks(self) -> np.ndarray:
        """(P, 113) as they are now."""
        return self.model.weights.detach().cpu().numpy().copy()
