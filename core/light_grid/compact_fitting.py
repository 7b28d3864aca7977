# SPDX-FileCopyrightText: 2026 Neural Bake developers
#
# SPDX-License-Identifier: GPL-3.0-or-later

"""From a baked light grid to its compact records, in torch; neither the scene nor its samples are needed.

The baked grid is the teacher. Of each network the units with the most say are kept, their weights are rounded to codes
in the forward pass and learned through that rounding (straight-through estimator, Bengio et al. 2013; step sizes are
learned as in Esser et al. 2020, "Learned Step Size Quantization"), so that each number makes up for the others'
rounding. Values are rounded, no more. The loss is the divergence of the blend weights plus the relative error of the
irradiance, at random points and normals in every cell.
"""

from __future__ import annotations

import math
import typing

import numpy as np
import torch

from ..errors import NeuralBakeError
from ..spherical_harmonics import irradiance_basis
from . import compact
from .compact import ARRAY_OF, ARRAYS, FIRST, KEPT, METHODS, SECOND, WEIGHT_MOST, Records, round_values
from .evaluation import OURS, BakedGrid
from .grid import Grid, corner_window
from .model import Batch, blended_irradiance, network_blend
from .network import HIDDEN, LEAK, PARAMETERS, SLICES

STEPS = 250
RATE = 0.02
STEP_RATE = 0.02
LIGHT_SHARE = 4.0
LIGHT_FLOOR = 0.0005
"""Of the squared error, in units of the mean squared: low, as darkness behind walls must stay dark."""
POINTS = 32
"""In each cell at each step, drawn anew."""
CELLS_PER_CHUNK = 2048

Progress = typing.Callable[[int, int], None]


def compress(baked: BakedGrid, steps: int, seed: int, progress: Progress) -> Records:
    """The records of one grid; the same seed gives the same bytes.

    Args:
        steps: of Adam; 0 rounds without learning.
        progress: called with steps done and in all.

    Raises:
        NeuralBakeError: the grid's method has no compact form.
    """
    if baked.method not in METHODS:
        raise NeuralBakeError(
            "no_compact_form",
            f"This result keeps the method {baked.method}, which has no compact form.",
            "Only learned light grids and trilinear ones have one; a bake with more samples may learn better.",
        )
    count = baked.grid.count
    weights = np.zeros((count, PARAMETERS), np.float32) if baked.method != OURS else baked.weights
    student = _Student(_prune(weights))
    scale = float(np.abs(baked.sh[:, 0]).mean(dtype=np.float64)) or 1.0
    sh_step, sh = round_values(baked.sh / scale)
    inside = np.zeros(count, bool) if baked.inside is None else baked.inside
    if steps:
        _learn(student, baked.grid, weights, baked.sh / np.float32(scale), steps, seed, progress)
    with torch.no_grad():
        codes, step_codes = student.codes()[0].to(torch.int32), student.step_codes().to(torch.uint8)
    return Records(sh_step, step_codes.numpy(), codes.numpy(), sh, inside, scale)


class _Student(torch.nn.Module):
    """What is learned: the kept weights, and the logarithms of their arrays' steps."""

    def __init__(self, kept: np.ndarray) -> None:
        super().__init__()
        self.weights = torch.nn.Parameter(torch.from_numpy(kept))
        self.steps = torch.nn.Parameter(torch.from_numpy(_best_steps(kept)))

    def step_codes(self) -> torch.Tensor:
        codes = (self.steps / math.log(2.0) - compact.LOWEST_OCTAVE) * compact.STEPS_PER_OCTAVE
        return _rounded(codes.clamp(0.0, 255.0))

    def codes(self) -> tuple[torch.Tensor, torch.Tensor]:
        """Codes (P, 57) of the weights, and the size of a step of each."""
        size = torch.exp2(self.step_codes() / compact.STEPS_PER_OCTAVE + compact.LOWEST_OCTAVE)[:, ARRAY_OF]
        return _rounded((self.weights / size).clamp(-WEIGHT_MOST, WEIGHT_MOST)), size

    def networks(self) -> torch.Tensor:
        codes, size = self.codes()
        return torch.zeros(len(codes), PARAMETERS).index_copy(1, torch.from_numpy(KEPT), codes * size)


def _learn(
    student: _Student, grid: Grid, weights: np.ndarray, sh: np.ndarray, steps: int, seed: int, progress: Progress
) -> None:
    """Learn the blend of ``weights`` (P, 113), and the light that values ``sh`` (P, 9, 3) give through it."""
    generator = np.random.default_rng(seed)
    values, networks = torch.tensor(sh), torch.tensor(weights)
    cells = _cells(grid)
    optimiser = torch.optim.Adam([{"params": [student.weights]}, {"params": [student.steps]}], betas=(0.9, 0.99))
    for step in range(steps):
        decay = 0.02 + 0.98 * 0.5 * (1.0 + math.cos(math.pi * step / steps))
        for group, rate in zip(optimiser.param_groups, (RATE, STEP_RATE)):
            group["lr"] = rate * decay
        optimiser.zero_grad()
        for first in range(0, len(cells), CELLS_PER_CHUNK):
            batch = _draw(grid, cells[first : first + CELLS_PER_CHUNK], generator)
            with torch.no_grad():
                wanted = network_blend(networks, batch)
                target = blended_irradiance(batch, wanted, values)
            blend = network_blend(student.networks(), batch)
            divergence = (wanted * ((wanted + 1e-6) / (blend + 1e-6)).log()).sum()
            error = blended_irradiance(batch, blend, values) - target
            light = (error**2 / (target.clamp_min(0.0) ** 2 + LIGHT_FLOOR)).sum() / 3.0
            ((divergence + LIGHT_SHARE * light) / (len(cells) * POINTS)).backward()
        optimiser.step()
        progress(step + 1, steps)


def _cells(grid: Grid) -> np.ndarray:
    """All cells, each by the index of its lowest probe."""
    counts = np.maximum(np.array(grid.resolution) - 1, 1)
    return np.ravel_multi_index(np.indices(counts).reshape(3, -1), grid.resolution)


def _draw(grid: Grid, cells: np.ndarray, generator: np.random.Generator) -> Batch:
    """POINTS random points and normals in each of ``cells``; those at the border reach to the box's faces."""
    low = np.stack(np.unravel_index(cells, grid.resolution), axis=-1)
    last = np.array(grid.resolution) - 2
    first, end = np.where(low == 0, -0.5, 0.0), np.where(last < 0, 0.5, np.where(low == last, 1.5, 1.0))
    offsets = first[:, None] + (end - first)[:, None] * generator.random((len(cells), POINTS, 3))
    fraction = np.clip(offsets, 0.0, np.minimum(last + 1, 1)).reshape(-1, 3)
    normals = generator.standard_normal(offsets.shape)
    normals /= np.linalg.norm(normals, axis=2, keepdims=True)
    arrays = (offsets, corner_window(fraction).reshape(len(cells), POINTS, 8), irradiance_basis(normals))
    return Batch(torch.from_numpy(grid.corner_probes(cells)), *(torch.from_numpy(array).float() for array in arrays))


def _prune(weights: np.ndarray) -> np.ndarray:
    """The numbers (P, 57) of the units with the most say in the logit, by the spread of what they add to it."""
    generator = np.random.default_rng(0)
    offsets = (generator.random((256, 3)) * 2.0 - 1.0).astype(np.float32)
    count = len(weights)
    parts = {name: weights[:, part] for name, part in SLICES.items()}
    w1, w2 = parts["w1"].reshape(count, 3, HIDDEN), parts["w2"].reshape(count, HIDDEN, HIDDEN)
    first = np.einsum("nd,pdh->pnh", offsets, w1) + parts["b1"][:, None]
    first = np.maximum(first, LEAK * first)
    second = first @ w2 + parts["b2"][:, None]
    second = np.maximum(second, LEAK * second)
    upper = _largest(second.std(axis=1) * np.abs(parts["w3"]), SECOND)
    say = np.take_along_axis(w2 * parts["w3"][:, None], upper[:, None], axis=2)
    lower = _largest(first.std(axis=1) * np.sqrt((say**2).sum(axis=2)), FIRST)
    square = np.take_along_axis(np.take_along_axis(w2, lower[:, :, None], axis=1), upper[:, None], axis=2)
    kept = {
        "w1": np.take_along_axis(w1, lower[:, None], axis=2).reshape(count, -1),
        "b1": np.take_along_axis(parts["b1"], lower, axis=1),
        "w2": square.reshape(count, -1),
        "b2": np.take_along_axis(parts["b2"], upper, axis=1),
        "w3": np.take_along_axis(parts["w3"], upper, axis=1),
        "b3": parts["b3"],
    }
    return np.concatenate([kept[name] for name in ARRAYS], axis=1).astype(np.float32)


def _largest(say: np.ndarray, count: int) -> np.ndarray:
    """Indices (P, count) of the largest entries of each row of ``say`` (P, 8), in ascending order."""
    return np.sort(np.argsort(-say, axis=1, kind="stable")[:, :count], axis=1)


def _best_steps(kept: np.ndarray) -> np.ndarray:
    """Logarithms (P, 6) of the steps that round the weights (P, 57) with the least squared error."""
    result = np.empty((len(kept), len(ARRAYS)), np.float32)
    for array in range(len(ARRAYS)):
        own = kept[:, ARRAY_OF == array]
        largest = np.maximum(np.abs(own).max(axis=1, keepdims=True), 1e-3)
        sizes = largest / WEIGHT_MOST * np.linspace(0.3, 1.0, 15)
        codes = np.clip(np.round(own[:, None] / sizes[..., None]), -WEIGHT_MOST, WEIGHT_MOST)
        errors = np.square(codes * sizes[..., None] - own[:, None]).sum(axis=2)
        best = np.argmin(errors, axis=1)[:, None]
        result[:, array] = np.log(np.take_along_axis(sizes, best, axis=1))[:, 0]
    return result


def _rounded(values: torch.Tensor) -> torch.Tensor:
    """Round, with the gradient of doing nothing."""
    return values + (values.round() - values).detach()
