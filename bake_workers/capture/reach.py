# SPDX-FileCopyrightText: 2026 Neural Bake developers
#
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which part of the volumes can be reached from where people and things are.

A lattice of nodes, about three per cell and axis, covers every volume. Two neighbours are joined where the segment
between them meets no surface, so that no wall is too thin; and what is joined to a seed is reached. Nodes are jittered,
because walls like to lie on round coordinates and a node on a wall would open it.
"""

from __future__ import annotations

import bpy
import numpy as np

from core.errors import NeuralBakeError

from .geometry import Geometry
from .grids import Volume
from .scene import OpenScene

NODES_PER_CELL = 3
MOST_NODES = 3_000_000
JITTER = 0.35
SEED_TRIES = 20_000
LIFT = 0.005
"""Distance to a surface, in metres, below which a seed is taken to stand on it."""
GAP = 0.01
"""Openings narrower than this, in metres, join nothing."""
TRIES = 4
"""Segments cast from a point before it counts as not reached; more of them find next to nothing (measured)."""
PASSES = 3
NEAR_OFFSETS = np.array([(x, y, z) for x in (0, 1) for y in (0, 1) for z in (0, 1)])


class Lattice:
    """The nodes of one volume.

    Attributes:
        counts: (3,) nodes along each axis.
        positions: (L, 3) world positions, C order.
        first: index of the first node among the nodes of all volumes.
    """

    def __init__(self, volume: Volume, first: int, generator: np.random.Generator) -> None:
        cells = np.array(volume.resolution)
        per_cell = max(1, min(NODES_PER_CELL, int((MOST_NODES / cells.prod()) ** (1 / 3))))
        self.volume, self.first = volume, first
        self.counts = np.maximum(cells * per_cell, 4)
        axes = [np.arange(count) + 0.5 for count in self.counts]
        nodes = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, 3)
        nodes = nodes + generator.uniform(-JITTER, JITTER, nodes.shape)
        self.positions = self.to_world(nodes)

    def __len__(self) -> int:
        return len(self.positions)

    def to_world(self, nodes: np.ndarray) -> np.ndarray:
        """World positions of lattice coordinates (N, 3), which run from 0 to ``counts`` across the box."""
        matrix = self.volume.matrix
        return (2.0 * nodes / self.counts - 1.0) @ matrix[:3, :3].T + matrix[:3, 3]

    def coordinates(self, points: np.ndarray) -> np.ndarray:
        """Lattice coordinates (N, 3) of world ``points``; node i was jittered around i + 0.5."""
        grid = self.volume.coordinates(points.astype(np.float64))
        return (grid + 0.5) * (self.counts / np.array(self.volume.resolution))

    def index(self, nodes: np.ndarray) -> np.ndarray:
        """Index (N,) among all volumes' nodes of whole lattice coordinates (N, 3)."""
        return self.first + (nodes[..., 0] * self.counts[1] + nodes[..., 1]) * self.counts[2] + nodes[..., 2]

    def neighbours(self) -> np.ndarray:
        """Pairs (E, 2) of nodes that lie beside each other along an axis."""
        indices = self.first + np.arange(len(self)).reshape(self.counts)
        pairs = [
            np.stack(
                [np.take(indices, range(0, count - 1), axis), np.take(indices, range(1, count), axis)], -1
            ).reshape(-1, 2)
            for axis, count in enumerate(self.counts)
        ]
        return np.concatenate(pairs)

    def border(self) -> tuple[np.ndarray, np.ndarray]:
        """Nodes (B,) on the volume's faces, one entry per face, and points (B, 3) outside straight across it."""
        indices = self.first + np.arange(len(self)).reshape(self.counts)
        nodes, ends = [], []
        inverse = np.linalg.inv(self.volume.matrix)
        for axis in range(3):
            for side, value in ((0, -1.01), (-1, 1.01)):
                face = np.take(indices, side, axis).ravel()
                local = self.positions[face - self.first] @ inverse[:3, :3].T + inverse[:3, 3]
                local[:, axis] = value
                nodes.append(face)
                ends.append(local @ self.volume.matrix[:3, :3].T + self.volume.matrix[:3, 3])
        return np.concatenate(nodes), np.concatenate(ends)


class Reach:
    """Reachable space of all volumes.

    Args:
        geometry: surfaces.
        volumes: where to look.
        seeds: (S, 3) world positions that are reached by definition; none: the volumes' open faces.
        generator: source of the jitter.
        metre: length of a metre in the scene's units.

    Raises:
        NeuralBakeError: nothing can be reached.
    """

    def __init__(
        self,
        geometry: Geometry,
        volumes: list[Volume],
        seeds: np.ndarray,
        generator: np.random.Generator,
        metre: float = 1.0,
    ) -> None:
        self.geometry, self.metre = geometry, metre
        self.lattices: list[Lattice] = []
        for volume in volumes:
            self.lattices.append(Lattice(volume, sum(map(len, self.lattices)), generator))
        self.positions = np.concatenate([lattice.positions for lattice in self.lattices])
        start = self._from_seeds(seeds, generator) if len(seeds) else self._from_open_faces()
        self.reached = self._flood(start)
        if not self.reached.any():
            raise NeuralBakeError(
                "nothing_reached",
                "No space inside the volumes can be reached.",
                "Place an Empty named Inside.room (or Inside.anything) where people or things will be.",
            )

    def share(self) -> list[float]:
        """Reached share of each volume's nodes."""
        return [float(self.reached[lattice.first : lattice.first + len(lattice)].mean()) for lattice in self.lattices]

    def _from_seeds(self, seeds: np.ndarray, generator: np.random.Generator) -> np.ndarray:
        """Nodes that a seed sees: the nearest ones, and a random choice of all, for seeds far outside."""
        start = np.zeros(len(self.positions), bool)
        for seed in map(self._lift, seeds):
            distances = ((self.positions - seed) ** 2).sum(axis=1)
            near = np.argsort(distances)[:64]
            if not any(lattice.volume.contains(seed[None])[0] for lattice in self.lattices):
                tries = min(SEED_TRIES, len(self.positions))
                near = np.union1d(near, generator.choice(len(self.positions), tries, replace=False))
            start[near[self.geometry.clear(np.broadcast_to(seed, (len(near), 3)), self.positions[near])]] = True
        return start

    def _lift(self, seed: np.ndarray) -> np.ndarray:
        """A seed off the surface that it was put on: Empties like to stand on floors."""
        if self.geometry.tree is None:
            return seed
        place, _, triangle, _ = self.geometry.tree.find_nearest(seed.tolist(), LIFT * self.metre)
        return seed if place is None else np.array(place) + 2.0 * LIFT * self.metre * self.geometry.normals[triangle]

    def _from_open_faces(self) -> np.ndarray:
        start = np.zeros(len(self.positions), bool)
        for lattice in self.lattices:
            nodes, ends = lattice.border()
            start[nodes[self.geometry.clear(self.positions[nodes], ends)]] = True
        return start

    def _flood(self, reached: np.ndarray) -> np.ndarray:
        """Spread from ``reached`` (L,) over clear segments. Only segments at the flood's front are ever cast."""
        pairs = np.concatenate([lattice.neighbours() for lattice in self.lattices] + self._crossings())
        sources = np.concatenate([pairs[:, 0], pairs[:, 1]])
        targets = np.concatenate([pairs[:, 1], pairs[:, 0]])
        order = np.argsort(sources, kind="stable")
        targets = targets[order]
        offsets = np.searchsorted(sources[order], np.arange(len(reached) + 1))
        front = np.flatnonzero(reached)
        while len(front):
            counts = offsets[front + 1] - offsets[front]
            source = np.repeat(front, counts)
            run = np.arange(len(source)) - np.repeat(np.cumsum(counts) - counts, counts)
            target = targets[np.repeat(offsets[front], counts) + run]
            fresh = ~reached[target]
            source, target = source[fresh], target[fresh]
            found = target[self._is_open(self.positions[source], self.positions[target])]
            front = np.unique(found)
            reached[front] = True
        return reached

    def _is_open(self, starts: np.ndarray, ends: np.ndarray) -> np.ndarray:
        """Whether segments (N, 3) are clear, and two parallels of each a centimetre beside it.

        Walls that were drawn one by one have cracks between them; among thousands of segments one would slip through.
        """
        result = self.geometry.clear(starts, ends)
        rows = np.flatnonzero(result)
        steps = ends[rows] - starts[rows]
        lengths = np.linalg.norm(steps, axis=1, keepdims=True)
        helper = np.where(np.abs(steps[:, :1]) > 0.7 * lengths, [[0.0, 1.0, 0.0]], [[1.0, 0.0, 0.0]])
        across = np.cross(steps, helper)
        across /= np.maximum(np.linalg.norm(across, axis=1, keepdims=True), 1e-30)
        along = steps / np.maximum(lengths, 1e-30)
        for side in (across, np.cross(along, across)):
            shift = side * np.minimum(GAP * self.metre, 0.1 * lengths)
            result[rows] &= self.geometry.clear(starts[rows] + shift, ends[rows] + shift)
        return result

    def _crossings(self) -> list[np.ndarray]:
        """Pairs (E, 2) of nodes in different volumes that overlap or touch."""
        pairs = []
        for lattice in self.lattices:
            for other in self.lattices:
                if other is lattice:
                    continue
                coordinates = other.coordinates(lattice.positions)
                close = ((coordinates >= -1.0) & (coordinates <= other.counts + 1.0)).all(axis=1)
                nodes = np.clip(np.floor(coordinates[close]), 0, other.counts - 1).astype(np.int64)
                pairs.append(np.stack([lattice.first + np.flatnonzero(close), other.index(nodes)], axis=-1))
        return pairs

    def test(self, points: np.ndarray) -> np.ndarray:
        """Whether ``points`` (N, 3) are reached: by a clear segment from a reached node nearby, or such a point."""
        points = points.astype(np.float64)
        reached = np.zeros(len(points), bool)
        for lattice in self.lattices:
            inside = np.flatnonzero(lattice.volume.contains(points, 1e-3))
            pending = inside[~reached[inside]]
            reached[pending[self._test_nodes(lattice, points[pending])]] = True
            sources = inside[reached[inside]]
            for _ in range(PASSES):
                pending = inside[~reached[inside]]
                sources = pending[self._test_points(lattice, points, pending, sources)]
                if not len(sources):
                    break
                reached[sources] = True
        return reached

    def _test_nodes(self, lattice: Lattice, points: np.ndarray) -> np.ndarray:
        """Whether ``points`` (N, 3) are joined to one of the nearest reached nodes of the eight around them."""
        low = np.floor(lattice.coordinates(points) - 0.5).astype(np.int64)
        around = np.clip(low[:, None, :] + NEAR_OFFSETS[None], 0, lattice.counts - 1)
        nodes = lattice.index(around)
        distances = ((self.positions[nodes] - points[:, None, :]) ** 2).sum(axis=-1)
        distances[~self.reached[nodes]] = np.inf
        order = np.argsort(distances, axis=1, kind="stable")
        result = np.zeros(len(points), bool)
        for rank in range(TRIES):
            picked = order[:, rank]
            rows = np.flatnonzero(~result & np.isfinite(distances[np.arange(len(points)), picked]))
            result[rows] = self.geometry.clear(points[rows], self.positions[nodes[rows, picked[rows]]])
        return result

    def _test_points(
        self, lattice: Lattice, points: np.ndarray, pending: np.ndarray, sources: np.ndarray
    ) -> np.ndarray:
        """Whether ``points[pending]`` are joined to one of a few ``points[sources]`` of the same cell."""
        counts = np.array(lattice.volume.resolution)

        def cells(rows: np.ndarray) -> np.ndarray:
            nearest = np.clip(np.floor(lattice.volume.coordinates(points[rows]) + 0.5), 0, counts - 1)
            return np.ravel_multi_index(nearest.astype(np.int64).T, lattice.volume.resolution)

        order = np.argsort(source_cells := cells(sources), kind="stable")
        sources, source_cells = sources[order], source_cells[order]
        pending_cells = cells(pending)
        first = np.searchsorted(source_cells, pending_cells, "left")
        count = np.searchsorted(source_cells, pending_cells, "right") - first
        result = np.zeros(len(pending), bool)
        for attempt in range(TRIES):
            rows = np.flatnonzero((count > attempt) & ~result)
            # candidates are in random order, so that evenly spread ones of a cell are a fair choice
            picked = sources[first[rows] + (attempt * count[rows]) // TRIES]
            result[rows] = self.geometry.clear(points[pending[rows]], points[picked])
        return result


def find_seeds(opened: OpenScene, names: list[str]) -> tuple[np.ndarray, str]:
    """World positions (S, 3) from which space is reached, and what gave them.

    Args:
        names: objects that the user named; else Empties ``Inside.*``, else the camera, else none.

    Raises:
        NeuralBakeError: a named object does not exist.
    """
    objects = opened.view_layer.objects
    if names:
        missing = [name for name in names if name not in objects]
        if missing:
            raise NeuralBakeError("unknown_name", f"There is no object {missing[0]} in the view layer.")
        chosen, origin = [objects[name] for name in names], "named objects"
    else:
        chosen = [object_ for object_ in objects if _is_inside_marker(object_)]
        origin = "Empties Inside.*"
        if not chosen and opened.scene.camera is not None:
            chosen, origin = [opened.scene.camera], "the camera"
    positions = [np.array(object_.matrix_world.translation, np.float64) for object_ in chosen]
    return np.array(positions).reshape(-1, 3), origin if chosen else "open faces of the volumes"


def _is_inside_marker(object_: bpy.types.Object) -> bool:
    return object_.type == 'EMPTY' and (object_.name == "Inside" or object_.name.startswith("Inside."))
