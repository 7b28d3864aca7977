# SPDX-FileCopyrightText: 2026 Neural Bake developers
#
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the geometry step learns: which probes have a say at a training point, by rays that the capture has cast.

A capture knows the scene's surfaces, so it says for every training point which corners of its cell are seen from there.
That is sharper than what a probe's 512 rays tell of walls (Chebyshev's bound): closets behind thin walls stay dark.
"""

from __future__ import annotations

import concurrent.futures
import os

import numpy as np

from . import baselines
from .grid import Grid

CHUNK = 16384
SEEN_ENOUGH = 1e-3
"""Where all corners that are seen weigh less than this together, Chebyshev's bound decides."""


def lookups(grid: Grid, positions: np.ndarray, normals: np.ndarray, bias: float) -> np.ndarray:
    """Points (N, 3) at which the networks are asked for light at ``positions`` (N, 3) facing ``normals`` (N, 3).

    Args:
        bias: distance along the normal, in mean spacings.
    """
    return positions + normals * positions.dtype.type(bias * grid.spacing.mean())


def pack(clear: np.ndarray) -> np.ndarray:
    """(N,) uint8 of (N, 8) bool, corner k in bit k."""
    return np.packbits(clear, axis=1, bitorder="little")[:, 0]


def unpack(bits: np.ndarray) -> np.ndarray:
    """The inverse of :func:`pack`."""
    return np.unpackbits(bits[:, None], axis=1, bitorder="little").astype(bool)


def geometry_weights(
    grid: Grid,
    depth: np.ndarray,
    bits: np.ndarray | None,
    positions: np.ndarray,
    normals: np.ndarray,
    bias: float,
    threads: int = 0,
) -> np.ndarray:
    """Blend weights (N, 8) float32, summing to one, by geometry alone.

    Probes inside furniture take part: the darkness that they see is right for the gaps around it, and where it is not,
    the measured light says so.

    Args:
        depth: (P, 16, 16, 2) octahedral depth.
        bits: (N,) which corners each point sees; None where the capture did not say, for Chebyshev's bound everywhere.
        positions, normals: (N, 3) float32.
        threads: 0 for all.
    """
    every = baselines.ProbeGeometry(np.ones(grid.count, bool), depth)
    option = baselines.Configuration("ddgi", bias)
    result = np.empty((len(positions), 8), np.float32)

    def fill(rows: slice) -> None:
        own, facing = positions[rows], normals[rows]
        result[rows] = baselines.corner_weights(grid, every, option, own, facing)[1]
        if bits is None:
            return
        clear = unpack(bits[rows])
        seen = baselines.seen_weights(grid, every.valid, lookups(grid, own, facing, bias), own, facing, clear)[2]
        total = seen.sum(axis=1, keepdims=True)
        result[rows] = np.where(total > SEEN_ENOUGH, seen / np.maximum(total, SEEN_ENOUGH), result[rows])

    with concurrent.futures.ThreadPoolExecutor(threads or os.cpu_count()) as pool:
        list(pool.map(fill, (slice(first, first + CHUNK) for first in range(0, len(positions), CHUNK))))
    return result
