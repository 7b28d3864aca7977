# SPDX-FileCopyrightText: 2026 Neural Bake developers
#
# SPDX-License-Identifier: GPL-3.0-or-later

"""The generator in torch, and the loss that trains it through the weighting networks that it makes."""

from __future__ import annotations

import itertools

import numpy as np
import torch

from .fitting import error_scale
from .generator import DIRECTIONS, FEATURES, SUPPORT
from .network import HIDDEN, LEAK, LOGIT_RANGE, PARAMETERS, SLICES

WIDTH = 320
RESIDUAL_LAYERS = 5
VISIBILITY_PULL = 0.05
# A point's error counts less beyond this: a lamp's hot spot or a wholly dark corner must not rule a whole batch.
ERROR_CAP = 20.0


def symmetries() -> tuple[np.ndarray, np.ndarray]:
    """The 48 symmetries of the cube: matrices (48, 3, 3), and for each the order (48, 864) in which the features of a
    turned scene read those of the scene as it was."""
    matrices = []
    for order in itertools.permutations(range(3)):
        for signs in itertools.product((1.0, -1.0), repeat=3):
            matrix = np.zeros((3, 3))
            matrix[range(3), order] = signs
            matrices.append(matrix)
    orders = []
    for matrix in matrices:
        # What is seen along d after the turn was seen along the turn's inverse of d before it.
        texel = ((DIRECTIONS @ matrix) @ DIRECTIONS.T).argmax(axis=1)
        point = np.linalg.norm((SUPPORT @ matrix)[:, None] - SUPPORT, axis=2).argmin(axis=1)
        blocks = [texel + block * len(DIRECTIONS) for block in range(3)]
        orders.append(np.concatenate([*blocks, point + 3 * len(DIRECTIONS)]))
    return np.array(matrices, np.float32), np.array(orders)


class GeneratorModel(torch.nn.Module):
    """Features (P, 864) to weighting networks (P, 113); see :class:`core.light_grid.generator.Generator`."""

    def __init__(self, seed: int) -> None:
        super().__init__()
        generator = torch.Generator().manual_seed(seed)
        sizes = [(FEATURES, WIDTH), *[(WIDTH, WIDTH)] * RESIDUAL_LAYERS, (WIDTH, PARAMETERS)]
        self.matrices, self.biases = torch.nn.ParameterList(), torch.nn.ParameterList()
        for number, (inputs, outputs) in enumerate(sizes):
            gain = 1.0 if number == 0 else 0.5
            self.matrices.append(torch.randn((inputs, outputs), generator=generator) * gain * (2.0 / inputs) ** 0.5)
            self.biases.append(torch.zeros(outputs))
        # Every probe starts from the same random network, with little to say; see LightGridModel.
        with torch.no_grad():
            self.matrices[-1] *= 0.2
            start = self.biases[-1]
            for name, fan_in in (("w1", 3), ("w2", HIDDEN), ("w3", HIDDEN)):
                part = start[SLICES[name]]
                part.copy_(torch.randn(part.shape, generator=generator) * (2.0 / fan_in) ** 0.5)
            part = start[SLICES["b1"]]
            part.copy_(torch.rand(part.shape, generator=generator) * 2.0 - 1.0)

    def forward(self, seen: torch.Tensor) -> torch.Tensor:
        hidden = torch.nn.functional.leaky_relu(seen @ self.matrices[0] + self.biases[0], LEAK)
        for matrix, bias in zip(list(self.matrices)[1:-1], list(self.biases)[1:-1]):
            hidden = hidden + torch.nn.functional.leaky_relu(torch.addmm(bias, hidden, matrix), LEAK)
        return torch.addmm(self.biases[-1], hidden, self.matrices[-1])

    def layers(self) -> list[tuple[np.ndarray, np.ndarray]]:
        """Matrices and biases as arrays."""
        return [
            (matrix.detach().numpy().copy(), bias.detach().numpy().copy())
            for matrix, bias in zip(self.matrices, self.biases)
        ]


def blend(networks: torch.Tensor, corners: torch.Tensor, inputs: torch.Tensor, window: torch.Tensor) -> torch.Tensor:
    """Normalised weights (C, S, 8) of ``corners`` (C, 8) at points ``inputs`` (C, 8, S, 3) from their own probe."""
    cells, _, points, _ = inputs.shape
    own = networks.index_select(0, corners.reshape(-1))
    hidden = inputs.reshape(cells * 8, points, 3)
    for layer, width in (("1", 3), ("2", HIDDEN)):
        matrix = own[:, SLICES["w" + layer]].reshape(-1, width, HIDDEN)
        hidden = torch.baddbmm(own[:, SLICES["b" + layer]][:, None], hidden, matrix)
        hidden = torch.nn.functional.leaky_relu(hidden, LEAK)
    logits = torch.baddbmm(own[:, SLICES["b3"]][:, None], hidden, own[:, SLICES["w3"]][..., None])
    logits = logits.reshape(cells, 8, points).transpose(1, 2)
    relative = logits - logits.amax(dim=2, keepdim=True)
    weights = window * torch.exp(relative.clamp_min(-LOGIT_RANGE))
    return weights / weights.sum(dim=2, keepdim=True)


def lesson_loss(
    weights: torch.Tensor, visibility: torch.Tensor, values: torch.Tensor, target: torch.Tensor
) -> torch.Tensor:
    """Mean relative error of the light under ``weights`` (C, S, 8), and a little divergence from what is in sight.

    Args:
        visibility: (C, S, 8) shares of the corners by geometry.
        values: (C, S, 8, L) irradiance that each corner would give; ``target`` (C, S, L).
    """
    result = (weights[..., None] * values).sum(dim=2)
    error = (result - target) ** 2 / error_scale(result.detach(), target)
    capped = error / (1.0 + error / ERROR_CAP)
    divergence = (visibility * ((visibility + 1e-6) / (weights + 1e-6)).log()).sum(dim=2)
    return capped.mean() + VISIBILITY_PULL * divergence.mean()
