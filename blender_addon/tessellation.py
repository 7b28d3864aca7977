# SPDX-FileCopyrightText: 2026 Neural Bake developers
#
# SPDX-License-Identifier: GPL-3.0-or-later

"""Triangles cut small enough to carry light: a wall has four corners, and its light has more to tell.

Convention:
    arrays are numpy; triangles are indices (T, 3) into points.
"""

from __future__ import annotations

import dataclasses
import functools

import numpy as np

FINEST, MOST_PARTS = 1.0 / 3.0, 64
"""Wanted length of a part's edges against the probes' spacing, and most parts of an edge."""


@dataclasses.dataclass(frozen=True)
class Points:
    """A surface as points with triangles between them.

    Attributes:
        positions, normals: (N, 3) float32.
        triangles: (T, 3) int32.
    """

    positions: np.ndarray
    normals: np.ndarray
    triangles: np.ndarray


def longest_edges(points: Points) -> np.ndarray:
    """Length (T,) of each triangle's longest edge."""
    corners = points.positions[points.triangles]
    return np.linalg.norm(corners - corners[:, (2, 0, 1)], axis=2).max(axis=1, initial=0.0)


def parts(longest: np.ndarray, step: float) -> np.ndarray:
    """In how many parts (T,) the edges of triangles with these longest edges (T,) are cut so that none is longer than
    ``step``: powers of two, so that neighbours meet at the same points."""
    wanted = np.maximum(longest / max(step, 1e-9), 1.0)
    return np.minimum(2 ** np.ceil(np.log2(wanted)), MOST_PARTS).astype(np.int32)


def count(cuts: np.ndarray) -> int:
    """How many points :func:`cut` adds for these parts."""
    cuts = cuts[cuts > 1].astype(np.int64)
    return int(((cuts + 1) * (cuts + 2) // 2).sum())


def cut(points: Points, cuts: np.ndarray) -> Points:
    """The same surface with each triangle cut into ``cuts`` (T,) squared parts."""
    if cuts.max(initial=1) == 1:
        return points
    positions, normals, triangles = [points.positions], [points.normals], [points.triangles[cuts == 1]]
    added = len(points.positions)
    for number in np.unique(cuts[cuts > 1]):
        shares, pattern = _pattern(int(number))
        chosen = points.triangles[cuts == number]
        positions.append(np.einsum("kc,tcd->tkd", shares, points.positions[chosen]).reshape(-1, 3))
        mixed = np.einsum("kc,tcd->tkd", shares, points.normals[chosen]).reshape(-1, 3)
        normals.append(mixed / np.maximum(np.linalg.norm(mixed, axis=1, keepdims=True), np.float32(1e-12)))
        offsets = added + len(shares) * np.arange(len(chosen), dtype=np.int32)
        triangles.append((pattern + offsets[:, None, None]).reshape(-1, 3))
        added += len(shares) * len(chosen)
    return Points(np.concatenate(positions), np.concatenate(normals), np.concatenate(triangles).astype(np.int32))


@functools.cache
def _pattern(number: int) -> tuple[np.ndarray, np.ndarray]:
    """Shares (K, 3) of a triangle's corners in the points of its parts, and the parts (number², 3)."""
    steps = [(i, j) for i in range(number + 1) for j in range(number + 1 - i)]
    index = {step: place for place, step in enumerate(steps)}
    shares = np.array([(number - i - j, i, j) for i, j in steps], np.float32) / np.float32(number)
    triangles = [(index[i, j], index[i + 1, j], index[i, j + 1]) for i, j in steps if i + j < number]
    triangles += [(index[i + 1, j], index[i + 1, j + 1], index[i, j + 1]) for i, j in steps if i + j < number - 1]
    return shares, np.array(triangles, np.int32)
