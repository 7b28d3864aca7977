# SPDX-FileCopyrightText: 2026 Neural Bake developers
#
# SPDX-License-Identifier: GPL-3.0-or-later

"""The generator in torch, and the cube's symmetries, by which every lesson is many."""

from __future__ import annotations

import itertools

import numpy as np
import torch

from .generator import DIRECTIONS, FEATURES, NEIGHBOURS, SUPPORT
from .network import HIDDEN, LEAK, PARAMETERS, SLICES

STATE, SAID, WIDTH, DEPTH = 256, 32, 320, 3


def symmetries() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The 48 symmetries of the cube: matrices (48, 3, 3), and for each the orders (48, 864) and (48, 26) in which the
    features and the neighbours of a turned scene read those of the scene as it was."""
    matrices = []
    for order in itertools.permutations(range(3)):
        for signs in itertools.product((1.0, -1.0), repeat=3):
            matrix = np.zeros((3, 3))
            matrix[range(3), order] = signs
            matrices.append(matrix)
    seen, around = [], []
    for matrix in matrices:
        # What is seen along d after the turn was seen along the turn's inverse of d before it.
        texel = ((DIRECTIONS @ matrix) @ DIRECTIONS.T).argmax(axis=1)
        blocks = [texel + block * len(DIRECTIONS) for block in range(3)]
        seen.append(np.concatenate([*blocks, _found(SUPPORT @ matrix, SUPPORT) + 3 * len(DIRECTIONS)]))
        around.append(_found(NEIGHBOURS @ matrix, NEIGHBOURS))
    return np.array(matrices, np.float32), np.array(seen), np.array(around)


def _found(points: np.ndarray, among: np.ndarray) -> np.ndarray:
    """Which of ``among`` (K, 3) each of ``points`` (N, 3) is."""
    return np.linalg.norm(points[:, None] - among, axis=2).argmin(axis=1)


class GeneratorModel(torch.nn.Module):
    """Features and neighbours to weighting networks; see :class:`core.light_grid.generator.Generator`."""

    def __init__(self, seed: int) -> None:
        super().__init__()
        generator = torch.Generator().manual_seed(seed)
        sizes = {
            "own": (FEATURES, STATE),
            "more": (STATE, STATE),
            "say": (STATE, SAID),
            "hear": (STATE + len(NEIGHBOURS) * SAID, WIDTH),
            **{f"deep{number}": (WIDTH, WIDTH) for number in range(DEPTH)},
            "end": (WIDTH, PARAMETERS),
        }
        self.matrices, self.biases = torch.nn.ParameterDict(), torch.nn.ParameterDict()
        for name, (inputs, outputs) in sizes.items():
            gain = 0.5 if name == "more" or name.startswith("deep") else 1.0
            self.matrices[name] = torch.randn((inputs, outputs), generator=generator) * gain * (2.0 / inputs) ** 0.5
            self.biases[name] = torch.zeros(outputs)
        # Every probe starts from the same random network, with little to say; see LightGridModel.
        with torch.no_grad():
            self.matrices["end"] *= 0.1
            start = self.biases["end"]
            for name, fan_in in (("w1", 3), ("w2", HIDDEN), ("w3", HIDDEN)):
                part = start[SLICES[name]]
                part.copy_(torch.randn(part.shape, generator=generator) * (2.0 / fan_in) ** 0.5)
            part = start[SLICES["b1"]]
            part.copy_(torch.rand(part.shape, generator=generator) * 2.0 - 1.0)

    def forward(self, seen: torch.Tensor, around: torch.Tensor) -> torch.Tensor:
        """Networks (P, 113) for features (P, 864) of probes with neighbours ``around`` (P, 26), P where none is."""
        state = self._leaky("own", seen)
        state = state + self._leaky("more", state)
        said = torch.nn.functional.pad(self._leaky("say", state), (0, 0, 0, 1))
        heard = said.index_select(0, around.reshape(-1)).reshape(len(seen), -1)
        hidden = self._leaky("hear", torch.cat([state, heard], dim=1))
        for number in range(DEPTH):
            hidden = hidden + self._leaky(f"deep{number}", hidden)
        with torch.autocast("cpu", enabled=False):
            return torch.addmm(self.biases["end"], hidden.float(), self.matrices["end"])

    def _leaky(self, name: str, values: torch.Tensor) -> torch.Tensor:
        return torch.nn.functional.leaky_relu(torch.addmm(self.biases[name], values, self.matrices[name]), LEAK)

    def layers(self) -> dict[str, tuple[np.ndarray, np.ndarray]]:
        """Matrices and biases as arrays."""
        return {
            name: (self.matrices[name].detach().numpy().copy(), self.biases[name].detach().numpy().copy())
            for name in self.matrices
        }
