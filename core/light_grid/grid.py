# SPDX-FileCopyrightText: 2026 Neural Bake developers
#
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where probes lie, and which of them surround a point.

Convention:
    a grid is a box given by ``matrix`` (4, 4), which maps the cube [-1, 1]^3 of the volume's own space to the world,
    and by ``resolution`` (nx, ny, nz). Probes lie at the centres of the box's cells, (i + 1/2) / n of its length, and
    are counted [ix, iy, iz] in C order. Grid coordinates put probe i at i; so the box spans -0.5 to n - 0.5. (EEVEE of
    Blender 5.2 draws its own at (i + 1) / (n + 1), which leaves more of the box outside them.)
"""

from __future__ import annotations

import dataclasses

import numpy as np

CORNERS = np.array([(x, y, z) for x in (0, 1) for y in (0, 1) for z in (0, 1)])


def resolution_for(sizes: np.ndarray, spacing: float) -> tuple[int, int, int]:
    """Least numbers of probes along a box's axes that lie at most ``spacing`` apart; ``sizes`` (3,) in its unit."""
    counts = np.ceil(np.asarray(sizes, np.float64) / spacing - 1e-6)
    return tuple(int(count) for count in np.maximum(counts, 1))


@dataclasses.dataclass(frozen=True)
class Grid:
    """A regular grid of probes in a box that may be rotated and scaled."""

    matrix: np.ndarray
    resolution: tuple[int, int, int]

    @property
    def count(self) -> int:
        """Number of probes."""
        return int(np.prod(self.resolution))

    @property
    def spacing(self) -> np.ndarray:
        """Distance (3,) between neighbouring probes along the box's axes, world units."""
        return 2.0 * np.linalg.norm(self.matrix[:3, :3], axis=0) / np.array(self.resolution)

    def probe_positions(self) -> np.ndarray:
        """World positions (P, 3) of all probes."""
        axes = [(2.0 * np.arange(n) + 1.0) / n - 1.0 for n in self.resolution]
        local = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, 3)
        return local @ self.matrix[:3, :3].T + self.matrix[:3, 3]

    def coordinates(self, points: np.ndarray) -> np.ndarray:
        """Grid coordinates (N, 3) of world ``points`` (N, 3); not clamped."""
        inverse = np.linalg.inv(self.matrix)
        counts = np.array(self.resolution)
        scale = 0.5 * counts[:, None] * inverse[:3, :3]
        offset = 0.5 * counts * (inverse[:3, 3] + 1.0) - 0.5
        return points @ scale.T.astype(points.dtype) + offset.astype(points.dtype)

    def border_distance(self, points: np.ndarray) -> np.ndarray:
        """Signed distance (N,) to the box's border in cells: positive inside, negative outside."""
        coordinates = self.coordinates(points)
        inside = np.minimum(coordinates + 0.5, np.array(self.resolution, points.dtype) - 0.5 - coordinates)
        return inside.min(axis=1)

    def locate(self, points: np.ndarray) -> Location:
        """Cell, corner probes and offsets of world ``points`` (N, 3); points outside are clamped to the box."""
        counts = np.array(self.resolution)
        coordinates = np.clip(self.coordinates(points), -0.5, (counts - 0.5).astype(points.dtype))
        low = np.clip(np.floor(coordinates), 0, np.maximum(counts - 2, 0)).astype(np.int64)
        fraction = np.clip(coordinates - low, 0.0, np.minimum(counts - 1, 1).astype(points.dtype))
        cell = (low[:, 0] * counts[1] + low[:, 1]) * counts[2] + low[:, 2]
        return Location(cell, coordinates - low, fraction)

    def corner_probes(self, cell: np.ndarray) -> np.ndarray:
        """Indices (C, 8) of the probes at the corners of ``cell`` (C,), named by its lowest probe.

        Along an axis with a single probe both corners are that probe; the upper one never has weight.
        """
        counts = np.array(self.resolution)
        low = np.stack(np.unravel_index(cell, self.resolution), axis=-1)
        corner = np.minimum(low[:, None, :] + CORNERS[None], counts - 1)
        return (corner[..., 0] * counts[1] + corner[..., 1]) * counts[2] + corner[..., 2]


@dataclasses.dataclass(frozen=True)
class Location:
    """Where points lie in a grid.

    Attributes:
        cell: (N,) index of the cell's lowest probe.
        offset: (N, 3) distance from the cell's lowest probe in spacings; beyond 0..1 in the half cell at the border.
        fraction: (N, 3) the same clamped to 0..1, for the window.
    """

    cell: np.ndarray
    offset: np.ndarray
    fraction: np.ndarray


def corner_window(fraction: np.ndarray) -> np.ndarray:
    """Trilinear window (N, 8) of the cell's corners: 1 at the probe, 0 one spacing away, so nothing jumps at a face."""
    upper = CORNERS.astype(bool)
    factors = np.where(upper[None], fraction[:, None, :], 1.0 - fraction[:, None, :])
    return factors.prod(axis=2)


def padded_groups(counts: np.ndarray, limit: int) -> list[np.ndarray]:
    """Split cells into runs that hold similar numbers of points, for batched work on padded arrays.

    Args:
        counts: (C,) points per cell, in ascending order and at least one.
        limit: largest number of points in a group once padded; a single cell may exceed it.

    Returns:
        Index arrays into ``counts``, covering it in order; padding stays below a quarter.
    """
    groups, start = [], 0
    for end in range(1, len(counts) + 1):
        if end == len(counts) or counts[end] * (end + 1 - start) > limit or counts[end] > 1.25 * counts[start] + 2:
            groups.append(np.arange(start, end))
            start = end
    return groups


def padded_index(starts: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """Positions (C, S) of each cell's points in an array sorted by cell; short rows repeat their last point."""
    return starts[:, None] + np.minimum(np.arange(counts.max()), counts[:, None] - 1)
