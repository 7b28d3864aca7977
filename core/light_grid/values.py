# SPDX-FileCopyrightText: 2026 Neural Bake developers
#
# SPDX-License-Identifier: GPL-3.0-or-later

"""Probe values by regularised least squares through the weights that look-ups use.

After Hooker et al. 2017, "Precomputed lighting in Call of Duty: Infinite Warfare": the value of a probe is not what it
sees but what makes look-ups around it come out right. Minimises

    sum_i (A x - E)_i^2 / (R_i^2 + c) + strength (N / 9P) sum_pk (x - prior)_pk^2 / (D_p^2 + c)

and what :mod:`.links` adds, per channel (one colour of one lighting), with R the current reconstruction and D the
prior's mean irradiance, by preconditioned conjugate gradients.
"""

from __future__ import annotations

import dataclasses

import torch

from .links import Penalty
from .model import Batch, LightGridModel, blended_irradiance
from .points import LOSS_FLOOR

ITERATIONS = 40


@dataclasses.dataclass(frozen=True)
class Group:
    """Cells with similar numbers of points, padded.

    Attributes:
        batch: the points; see :class:`Batch`.
        target: (C, S, channels) measured irradiance; a channel is one colour of one lighting.
        mask: (C, S, 1) 1 for a point, 0 for padding.
    """

    batch: Batch
    target: torch.Tensor
    mask: torch.Tensor


@torch.no_grad()
def solve(
    model: LightGridModel,
    groups: list[Group],
    prior: torch.Tensor,
    importance: torch.Tensor,
    strength: float,
    smoothness: float = 0.0,
    penalty: Penalty | None = None,
) -> torch.Tensor:
    """The best radiance coefficients (P, 9, C) for the model's present weights; the model is not changed.

    Args:
        importance: (P, 1, C) of the prior's probes; see :func:`.points.solved_weight`.
    """
    weights = [model.blend_weights(group.batch) for group in groups]
    inverse = []
    for group, blend in zip(groups, weights):
        current = blended_irradiance(group.batch, blend, model.sh).clamp_min(0.0)
        inverse.append(group.mask / (current**2 + LOSS_FLOOR))
    count = float(sum(group.mask.sum() for group in groups))
    ridge = strength * count / (prior.shape[0] * prior.shape[1]) * importance
    smooth = smoothness * count / (prior.shape[0] * prior.shape[1])

    def normal_product(values: torch.Tensor) -> torch.Tensor:
        result = ridge * values
        if penalty is not None:
            result += smooth * penalty.product(values[:, :, None])[:, :, 0]
        for group, blend, weight in zip(groups, weights, inverse):
            _adjoint(result, group.batch, blend, weight * blended_irradiance(group.batch, blend, values))
        return result

    right = ridge * prior
    diagonal = ridge.expand_as(prior).clone()
    if penalty is not None:
        diagonal += smooth * torch.from_numpy(penalty.diagonal()[:, :, 0]).to(diagonal.device)
    for group, blend, weight in zip(groups, weights, inverse):
        _adjoint(right, group.batch, blend, weight * group.target)
        _adjoint(diagonal, dataclasses.replace(group.batch, basis=group.batch.basis**2), blend**2, weight)
    solution = model.sh.detach().clone()
    residual = right - normal_product(solution)
    direction = preconditioned = residual / diagonal
    size = (residual * preconditioned).sum((0, 1))
    for _ in range(ITERATIONS):
        product = normal_product(direction)
        step = size / (direction * product).sum((0, 1)).clamp_min(1e-30)
        solution = solution + step * direction
        residual = residual - step * product
        preconditioned = residual / diagonal
        previous, size = size, (residual * preconditioned).sum((0, 1))
        direction = preconditioned + (size / previous.clamp_min(1e-30)) * direction
    return solution


def _adjoint(result: torch.Tensor, batch: Batch, weights: torch.Tensor, values: torch.Tensor) -> None:
    """Add the transpose of :func:`blended_irradiance` applied to ``values`` (cells, S, C) to ``result`` (P, 9, C)."""
    cells, points, _ = batch.basis.shape
    spread = (weights[..., None] * values[:, :, None]).reshape(cells, points, -1)
    parts = torch.bmm(batch.basis.transpose(1, 2), spread).reshape(cells, 9, 8, -1).permute(0, 2, 1, 3)
    result.index_add_(0, batch.corners.reshape(-1), parts.reshape(cells * 8, 9, -1))
