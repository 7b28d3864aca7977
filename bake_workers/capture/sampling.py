# SPDX-FileCopyrightText: 2026 Neural Bake developers
#
# SPDX-License-Identifier: GPL-3.0-or-later

"""Drawing the points at which light is measured, only where space can be reached.

Convention:
    a surface point floats 0.5 to 15 cm above a surface (nearer heights are likelier) and has its normal, turned to the
    side that the point is on; an air point lies anywhere in the volumes and has a random normal.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import numpy as np

from .geometry import Geometry
from .grids import Volume
from .reach import Reach

LOWEST_HEIGHT, HIGHEST_HEIGHT = 0.005, 0.15
"""Heights of surface points, metres."""
CLEARANCE = 0.001
"""Distance in metres that every point keeps from all surfaces, so that the meter does not poke through one."""
MOST_AT_ONCE = 400_000
HOPELESS = 10_000
"""Candidates per kept point from which drawing is given up."""
MOST_PIECES = 2_000_000


@dataclasses.dataclass(frozen=True)
class Points:
    """Positions and unit normals (N, 3) float32, and (N,) bool whether they belong to a surface."""

    positions: np.ndarray
    normals: np.ndarray
    surface: np.ndarray

    def __len__(self) -> int:
        return len(self.positions)

    def __getitem__(self, rows: np.ndarray | slice) -> Points:
        return Points(self.positions[rows], self.normals[rows], self.surface[rows])

    @staticmethod
    def join(parts: list[Points]) -> Points:
        """One after the other."""
        if not parts:
            return Points(np.zeros((0, 3), np.float32), np.zeros((0, 3), np.float32), np.zeros(0, bool))
        return Points(
            *(np.concatenate([getattr(part, field.name) for part in parts]) for field in dataclasses.fields(Points))
        )


class Sampler:
    """Draws points for sets of any size.

    Args:
        geometry: surfaces.
        volumes: where points may lie.
        reach: which space counts.
        metre: length of a metre in the scene's units.
        progress: called now and then with the number of points that were tried since the last call.
    """

    def __init__(
        self,
        geometry: Geometry,
        volumes: list[Volume],
        reach: Reach,
        metre: float,
        progress: Callable[[int], None] = lambda count: None,
    ) -> None:
        self.geometry, self.volumes, self.reach, self.metre, self.progress = geometry, volumes, reach, metre, progress
        self.pieces, self.piece_normals, self.piece_areas = self._cut_surfaces()

    def draw(self, count: int, surface_fraction: float, generator: np.random.Generator) -> Points:
        """``count`` points spread evenly over the reachable surfaces and the reachable air of all volumes.

        Where the volumes hold no reachable surface, all points lie in the air.
        """
        wanted = round(count * surface_fraction)
        surface = self._until(lambda number: self._surface_candidates(number, generator), wanted)
        air = self._until(lambda number: self._air_candidates(number, generator), count - len(surface))
        return shuffle(Points.join([surface, air]), generator)

    def draw_training(self, per_probe: int, surface_fraction: float, generator: np.random.Generator) -> Points:
        """About ``per_probe`` points for every probe: the air by cells, so that none is left out, and the surfaces.

        Points in cells that cannot be reached are dropped, not replaced.
        """
        air_count = per_probe * (1.0 - surface_fraction)
        air = (
            Points.join([self._keep(self._cell_candidates(volume, air_count, generator)) for volume in self.volumes])
            if air_count
            else Points.join([])
        )
        reachable = sum(share * volume.count for share, volume in zip(self.reach.share(), self.volumes, strict=True))
        wanted = round(reachable * per_probe * surface_fraction)
        surface = self._until(lambda number: self._surface_candidates(number, generator), wanted)
        return shuffle(Points.join([surface, air]), generator)

    def _until(self, candidates: Callable[[int], Points], count: int) -> Points:
        """Draw candidates until ``count`` of them were kept, or until it is plain that there are none."""
        kept: list[Points] = []
        have = tried = 0
        while have < count:
            share = max(have / tried, 0.02) if tried else 0.5
            number = int(min((count - have) / share * 1.05 + 64, MOST_AT_ONCE))
            kept.append(self._keep(candidates(number)))
            have, tried = have + len(kept[-1]), tried + number
            if have < tried / HOPELESS and tried > 100_000:
                break
        return Points.join(kept)[:count]

    def _keep(self, points: Points) -> Points:
        """Those points that can be reached and keep their distance from all surfaces."""
        kept = []
        for first in range(0, len(points), MOST_AT_ONCE):
            part = points[first : first + MOST_AT_ONCE]
            part = part[self.geometry.distant(part.positions, CLEARANCE * self.metre)]
            kept.append(part[self.reach.test(part.positions)])
            self.progress(min(MOST_AT_ONCE, len(points) - first))
        return Points.join(kept)

    def _in_volumes(self, points: np.ndarray) -> np.ndarray:
        return np.any([volume.contains(points) for volume in self.volumes], axis=0)

    def _air_candidates(self, count: int, generator: np.random.Generator) -> Points:
        """Uniform over the union of the volumes: where they overlap, only the first one's points stay."""
        contents = np.array([volume.content for volume in self.volumes])
        owner = generator.choice(len(self.volumes), count, p=contents / contents.sum())
        local = generator.uniform(-1.0, 1.0, (count, 3))
        positions = np.empty((count, 3))
        keep = np.ones(count, bool)
        for number, volume in enumerate(self.volumes):
            rows = owner == number
            positions[rows] = local[rows] @ volume.matrix[:3, :3].T + volume.matrix[:3, 3]
            keep[rows] = ~np.any([other.contains(positions[rows]) for other in self.volumes[:number]], axis=0)
        return air_points(positions, generator)[keep]

    def _cell_candidates(self, volume: Volume, per_cell: float, generator: np.random.Generator) -> Points:
        """``per_cell`` points in every cell, spread over its eight octants where there are enough."""
        split = 2 if per_cell >= 8 else 1
        counts = np.array(volume.resolution) * split
        share = per_cell / split**3
        whole = np.full(counts.prod(), int(share))
        whole += generator.random(len(whole)) < share - int(share)
        cells = np.repeat(np.arange(len(whole)), whole)
        nodes = np.stack(np.unravel_index(cells, counts), axis=-1) + generator.random((len(cells), 3))
        local = 2.0 * nodes / counts - 1.0
        positions = local @ volume.matrix[:3, :3].T + volume.matrix[:3, 3]
        order = generator.permutation(len(positions))
        return air_points(positions[order], generator)

    def _surface_candidates(self, count: int, generator: np.random.Generator) -> Points:
        """Points over both sides of the surfaces' parts inside the volumes, by area."""
        if not len(self.pieces):
            return Points.join([])
        picked = np.searchsorted(np.cumsum(self.piece_areas), generator.random(count) * self.piece_areas.sum())
        picked = np.minimum(picked, len(self.pieces) - 1)
        root, second = np.sqrt(generator.random(count)), generator.random(count)
        weights = np.stack([1.0 - root, root * (1.0 - second), root * second], axis=-1)
        feet = (self.pieces[picked] * weights[..., None]).sum(axis=1)
        normals = self.piece_normals[picked] * generator.choice([-1.0, 1.0], count)[:, None]
        heights = LOWEST_HEIGHT + (HIGHEST_HEIGHT - LOWEST_HEIGHT) * generator.random(count) ** 2
        lift = normals * (heights * self.metre)[:, None]
        positions = feet + lift
        rows = np.flatnonzero(self._in_volumes(positions) & self._in_volumes(feet))
        # another surface between the point and its own would make the normal a stranger's
        rows = rows[self.geometry.clear(positions[rows], feet[rows] + 0.1 * lift[rows])]
        return Points(positions[rows].astype(np.float32), normals[rows].astype(np.float32), np.ones(len(rows), bool))

    def _cut_surfaces(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Cut triangles until their pieces are small beside the volumes, and drop those that lie outside."""
        pieces = self.geometry.triangles.astype(np.float64)
        normals = self.geometry.normals
        bounds = [volume.bounds() for volume in self.volumes]
        limit = 0.5 * min(float((high - low).min()) for low, high in bounds)
        margin = HIGHEST_HEIGHT * self.metre
        done: list[tuple[np.ndarray, np.ndarray]] = []
        while len(pieces):
            low, high = pieces.min(axis=1), pieces.max(axis=1)
            near = np.any(
                [
                    (high >= box_low - margin).all(axis=1) & (low <= box_high + margin).all(axis=1)
                    for box_low, box_high in bounds
                ],
                axis=0,
            )
            pieces, normals = pieces[near], normals[near]
            edges = np.linalg.norm(pieces - np.roll(pieces, -1, axis=1), axis=2).max(axis=1)
            small = edges <= limit if len(pieces) < MOST_PIECES else np.ones(len(pieces), bool)
            done.append((pieces[small], normals[small]))
            pieces, normals = cut(pieces[~small]), np.tile(normals[~small], (4, 1))
        pieces = np.concatenate([part for part, _ in done]) if done else np.zeros((0, 3, 3))
        normals = np.concatenate([part for _, part in done]) if done else np.zeros((0, 3))
        areas = 0.5 * np.linalg.norm(np.cross(pieces[:, 1] - pieces[:, 0], pieces[:, 2] - pieces[:, 0]), axis=1)
        solid = areas > 0.0
        return pieces[solid], normals[solid], areas[solid]


def cut(triangles: np.ndarray) -> np.ndarray:
    """Four quarters (4 T, 3, 3) of each triangle (T, 3, 3): all first quarters, then all second ones, and so on."""
    a, b, c = triangles[:, 0], triangles[:, 1], triangles[:, 2]
    ab, bc, ca = 0.5 * (a + b), 0.5 * (b + c), 0.5 * (c + a)
    quarters = ((a, ab, ca), (ab, b, bc), (ca, bc, c), (ab, bc, ca))
    return np.concatenate([np.stack(quarter, axis=1) for quarter in quarters])


def air_points(positions: np.ndarray, generator: np.random.Generator) -> Points:
    """Points in the air with uniformly distributed normals."""
    normals = generator.normal(size=positions.shape)
    normals /= np.linalg.norm(normals, axis=1, keepdims=True)
    return Points(positions.astype(np.float32), normals.astype(np.float32), np.zeros(len(positions), bool))


def shuffle(points: Points, generator: np.random.Generator) -> Points:
    """The same points in random order, so that any run of them is a fair sample."""
    return points[generator.permutation(len(points))]
