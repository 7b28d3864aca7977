# SPDX-FileCopyrightText: 2026 Neural Bake developers
#
# SPDX-License-Identifier: GPL-3.0-or-later

"""The learned light grid in torch: one tiny weighting network and nine SH coefficients per probe.

    E(x, n) = sum_p Phi_p(x') E_p(n) / sum_p Phi_p(x'),   Phi_p = window_p(x') exp(network_p(x' - p)),   x' = x + bias n

over the eight corners of the cell of x' (Iwanicki et al. 2024, "Neural Light Grid"). The window is trilinear and so
falls to zero at the edge of a probe's support; the network is 3 -> 8 -> 8 -> 1 with leaky ReLU, 113 numbers.
"""

from __future__ import annotations

import dataclasses

import torch

from .grid import CORNERS
from .network import HIDDEN, LEAK, LOGIT_RANGE, PARAMETERS, SLICES

CORNER_OFFSETS = torch.tensor(CORNERS, dtype=torch.float32)


@dataclasses.dataclass(frozen=True)
class Batch:
    """Points grouped by cell: every cell of the batch holds the same number S of points.

    Attributes:
        corners: (C, 8) probe indices.
        offsets: (C, S, 3) from the cell's lowest probe, in spacings.
        window: (C, S, 8) the corners' trilinear window.
        basis: (C, S, 9) irradiance basis of the normals.
    """

    corners: torch.Tensor
    offsets: torch.Tensor
    window: torch.Tensor
    basis: torch.Tensor


class LightGridModel(torch.nn.Module):
    """Weighting networks ``weights`` (P, 113) and radiance coefficients ``sh`` (P, 9, C).

    C counts colours times lightings; the weights are one set for all of them.
    """

    def __init__(self, sh: torch.Tensor, weights: torch.Tensor) -> None:
        super().__init__()
        self.weights = torch.nn.Parameter(weights.clone())
        self.sh = torch.nn.Parameter(sh.clone())

    def blend_weights(self, batch: Batch) -> torch.Tensor:
        """Normalised weights (C, S, 8) of the corner probes."""
        return network_blend(self.weights, batch)


def network_blend(networks: torch.Tensor, batch: Batch) -> torch.Tensor:
    """Normalised weights (C, S, 8) that ``networks`` (P, 113) give the corner probes."""
    cells, points, _ = batch.offsets.shape
    own = networks[batch.corners].reshape(cells * 8, PARAMETERS)
    inputs = batch.offsets[:, None] - CORNER_OFFSETS.to(networks.device)[None, :, None]
    hidden = inputs.reshape(cells * 8, points, 3)
    for layer, width in (("1", 3), ("2", HIDDEN)):
        matrix = own[:, SLICES["w" + layer]].reshape(-1, width, HIDDEN)
        bias = own[:, SLICES["b" + layer]][:, None]
        hidden = torch.nn.functional.leaky_relu(torch.baddbmm(bias, hidden, matrix), LEAK)
    logits = torch.baddbmm(own[:, SLICES["b3"]][:, None], hidden, own[:, SLICES["w3"]][..., None])
    logits = logits.reshape(cells, 8, points).transpose(1, 2)
    relative = logits - logits.amax(dim=2, keepdim=True)
    weights = batch.window * torch.exp(relative.clamp_min(-LOGIT_RANGE))
    return weights / weights.sum(dim=2, keepdim=True)


def blended_irradiance(batch: Batch, weights: torch.Tensor, sh: torch.Tensor) -> torch.Tensor:
    """Irradiance (cells, S, C), not clamped, of coefficients ``sh`` (P, 9, C) under ``weights`` (cells, S, 8)."""
    cells, points, _ = batch.basis.shape
    values = torch.bmm(batch.basis, sh[batch.corners].permute(0, 2, 1, 3).reshape(cells, 9, -1))
    return (weights[..., None] * values.reshape(cells, points, 8, -1)).sum(dim=2)
