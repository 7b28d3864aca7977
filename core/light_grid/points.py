# SPDX-FileCopyrightText: 2026 Neural Bake developers
#
# SPDX-License-Identifier: GPL-3.0-or-later

"""What both trainers share: points sorted by cell, the constants of the loss, learning rates and first networks."""

from __future__ import annotations

import numpy as np

from .grid import Grid
from .network import HIDDEN, NORMAL_BIAS, PARAMETERS, SLICES

# Chosen on the rooms of the benchmarks; the choosing set guards against scenes where they are wrong.
LOSS_FLOOR = 0.05
GEOMETRY_RATE = 0.02
LIGHT_RATE = 0.01
# Shares of the light steps after which there are candidates; each stage begins with the full rate.
LIGHT_STAGES = (0.0, 0.1, 0.25, 1.0)
GEOMETRY_PULL = 0.01
# Towards shares that virtual lights have taught, see virtual_fitting.
LEARNED_PULL = 0.05
PRIOR_PULL = 1.0
# Of the absolute relative error, |e| / (R + E + floor), beside the squared one: what is nearly dark becomes dark.
ABSOLUTE_PULL = 0.2
ABSOLUTE_FLOOR = 0.01
ROUNDING = 1e-6
# Of the final least squares' pull to the prior, and to neighbours beside it; see links.py.
STRENGTHS = (0.3, 1.0, 3.0, 10.0)
SMOOTH_STRENGTHS = (0.3, 0.3, 1.0, 1.0)
SMOOTHNESS = (0.3, 1.0, 3.0, 10.0)
# The same before the light step, for what it begins with and is held near.
FIRST_STRENGTH, FIRST_SMOOTHNESS = 0.3, 1.0
# Points of a cell in a step.
DRAWN = 32
# How much harder a probe is held that none of its paths brought light to: it stays dark, or what points in the next
# room ask of it would be seen in its own.
DARK_PULL = 1e4
FIT_CELLS_BEYOND_BORDER = 0.5
ADAM = (0.9, 0.99)


class SortedPoints:
    """Training points of one grid, sorted by cell.

    Args:
        grid: the grid that the points lie in.
        positions, normals: (N, 3).
        target: (N, C) irradiance, three channels a lighting, each lighting over its mean.
        visibility: (N, 8) blend weights of the cell's corners by geometry alone, or as they were learned before.
        device: ``cpu`` or ``cuda``, where they are to be learned from.
        bias: of look-ups along the normal, in mean spacings.

    Attributes:
        order: (N,) the points' indices, sorted by cell.
        cells, starts, counts: (cells,) each cell with points, where its run begins in ``order``, and its length.
        pull: how much the light step is held to ``visibility``.
        offsets: (N, 3) from the cell's lowest probe, in spacings; not sorted, as the arguments are not.
    """

    def __init__(
        self,
        grid: Grid,
        positions: np.ndarray,
        normals: np.ndarray,
        target: np.ndarray,
        visibility: np.ndarray,
        device: object = "cpu",
        bias: float = NORMAL_BIAS,
    ) -> None:
        self.device, self.pull = str(device), GEOMETRY_PULL
        location = grid.locate(positions + normals * np.float32(bias * grid.spacing.mean()))
        self.grid, self.normals, self.target, self.visibility = grid, normals, target, visibility
        self.offsets = location.offset.astype(np.float32)
        self.order = np.argsort(location.cell, kind="stable")
        self._sorted = location.cell[self.order]
        self.cells, self.starts, self.counts = np.unique(self._sorted, return_index=True, return_counts=True)

    def hold_to(self, shares: np.ndarray) -> None:
        """Hold the light step to ``shares`` (N, 8) of the corners that were learned before."""
        self.visibility, self.pull = shares, LEARNED_PULL

    def cell_of_sorted(self) -> np.ndarray:
        """(N,) the cells of the points in ``order``."""
        return self._sorted


def prior_weight(prior: np.ndarray) -> np.ndarray:
    """1 / (D^2 + LOSS_FLOOR) per probe and channel (P, 1, C), D the mean irradiance of the ``prior`` (P, 9, C).

    The mean of E over all normals is pi Y00 L00.
    """
    mean = np.maximum(np.float32(np.pi * 0.28209479177387814) * prior[:, :1], 0.0)
    return (1.0 / (mean**2 + LOSS_FLOOR)).astype(np.float32)


def solved_weight(prior: np.ndarray) -> np.ndarray:
    """The same for least squares, DARK_PULL times where the ``prior`` is zero altogether."""
    dark = (prior == 0.0).all(axis=1, keepdims=True)
    return (prior_weight(prior) * np.where(dark, DARK_PULL, 1.0)).astype(np.float32)


def rates(rate: float, steps: int) -> np.ndarray:
    """Adam's rate over its first bias correction, and one over the root of its second, of every step (steps, 2).

    The rate falls by half a cosine to a fiftieth.
    """
    step = np.arange(steps)
    decay = 0.02 + 0.98 * 0.5 * (1.0 + np.cos(np.pi * step / max(steps, 1)))
    return np.stack([rate * decay / (1.0 - ADAM[0] ** (step + 1)), (1.0 - ADAM[1] ** (step + 1)) ** -0.5], axis=1)


def new_networks(count: int, generator: np.random.Generator) -> np.ndarray:
    """Networks (count, 113) that blend as the window does: He initialisation, but an output of zero."""
    result = np.zeros((count, PARAMETERS), np.float32)
    for name, fan_in in (("w1", 3), ("w2", HIDDEN)):
        part = result[:, SLICES[name]]
        part[:] = generator.standard_normal(part.shape) * (2.0 / fan_in) ** 0.5
    part = result[:, SLICES["b1"]]
    part[:] = generator.uniform(-1.0, 1.0, part.shape)
    return result
