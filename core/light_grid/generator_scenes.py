# SPDX-FileCopyrightText: 2026 Neural Bake developers
#
# SPDX-License-Identifier: GPL-3.0-or-later

"""Procedural rooms made of boxes, for training the generator: random, seeded, and cheap to cast rays in.

Convention:
    the mean spacing of the grid is 1, Z is up, ``metre`` is the length of a metre in spacings. The building is parallel
    to the axes; the grid may be turned in it, moved and stretched, and pieces of furniture may be turned about Z.
"""

from __future__ import annotations

import ctypes
import dataclasses
import functools
from pathlib import Path

import numpy as np

from .. import native
from .grid import Grid


@dataclasses.dataclass(frozen=True)
class Piece:
    """Boxes that share one turn about Z.

    Attributes:
        centre: (3,) the point that the piece is turned about, world.
        yaw: radians.
        boxes: (B, 2, 3) lowest and highest corner of every box, from ``centre``, before the turn.
        inward: the box is a hollow room seen from inside; its walls have no thickness and show their backs to outside.
    """

    centre: np.ndarray
    yaw: float
    boxes: np.ndarray
    inward: bool = False

    @functools.cached_property
    def bounds(self) -> tuple[np.ndarray, np.ndarray]:
        """Lowest and highest corner (3,) of what encloses the turned boxes, parallel to the world's axes."""
        corners = np.concatenate([self.boxes, self.boxes.copy()], axis=1)
        corners[:, 2:, 0] = self.boxes[:, ::-1, 0]
        corners = turned(corners.reshape(-1, 3), self.yaw) + self.centre
        return corners.min(axis=0), corners.max(axis=0)


@dataclasses.dataclass(frozen=True)
class Scene:
    """A building and the grid in it.

    Attributes:
        grid: about as large as the building; some of its probes lie in matter, some outside.
        metre: length of a metre.
        bounds: (2, 3) where light matters: the inside of the building, or all of an open place.
    """

    pieces: list[Piece]
    grid: Grid
    metre: float
    bounds: np.ndarray

    @functools.cached_property
    def packed(self) -> tuple[np.ndarray, ...]:
        """Turns, bounds, hollowness, first boxes and boxes of the pieces, as ``boxes.c`` wants them."""

        def halves(boxes: np.ndarray) -> np.ndarray:
            low, high = boxes[:, 0], boxes[:, 1]
            return np.concatenate([0.5 * (low + high), 0.5 * (high - low)], axis=1).astype(np.float32)

        turns = [[*piece.centre, np.cos(piece.yaw), np.sin(piece.yaw)] for piece in self.pieces]
        counts = [len(piece.boxes) for piece in self.pieces]
        return (
            np.array(turns, np.float32),
            halves(np.array([piece.bounds for piece in self.pieces])),
            np.array([piece.inward for piece in self.pieces], np.int32),
            np.cumsum([0, *counts]).astype(np.int32),
            halves(np.concatenate([piece.boxes for piece in self.pieces])),
        )


@dataclasses.dataclass(frozen=True)
class Hits:
    """First hits of rays.

    Attributes:
        distance: (N,) in lengths of the direction; infinite where nothing is hit.
        box: (N,) number of the box, counted through all pieces; -1 where nothing is hit.
        front: (N,) bool, false where the ray came from inside the matter.
    """

    distance: np.ndarray
    box: np.ndarray
    front: np.ndarray


def cast(scene: Scene, origins: np.ndarray, directions: np.ndarray) -> Hits:
    """First hits of rays from ``origins`` (N, 3) along ``directions`` (N, 3)."""
    count = len(origins)
    origins, directions = (np.ascontiguousarray(array, np.float32) for array in (origins, directions))
    hits = Hits(np.empty(count, np.float32), np.empty(count, np.int32), np.empty(count, bool))
    given = (origins, directions, len(scene.pieces), *scene.packed, hits.distance, hits.box, hits.front)
    arguments = (one if isinstance(one, int) else ctypes.c_void_p(one.ctypes.data) for one in given)
    _library().cast(count, *arguments)
    return hits


@functools.cache
def _library() -> ctypes.CDLL:
    """The compiled rays.

    Raises:
        NeuralBakeError: see :func:`core.native.load`.
    """
    result = native.load(Path(__file__).with_name("boxes.c"))
    pointer, count = ctypes.c_void_p, ctypes.c_int64
    result.cast.argtypes = [count, pointer, pointer, count, *[pointer] * 8]
    result.cast.restype = None
    return result


def turned(vectors: np.ndarray, yaw: float) -> np.ndarray:
    """``vectors`` (..., 3) turned about Z by ``yaw`` radians."""
    if yaw == 0.0:
        return vectors
    cos, sin = vectors.dtype.type(np.cos(yaw)), vectors.dtype.type(np.sin(yaw))
    x, y = vectors[..., 0], vectors[..., 1]
    return np.stack([cos * x - sin * y, sin * x + cos * y, vectors[..., 2]], axis=-1)


def visible(scene: Scene, points: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Whether the straight line between ``points`` (N, 3) and ``others`` (N, 3) is free, (N,) bool."""
    return cast(scene, points, others - points).distance >= 1.0


def solid(scene: Scene, points: np.ndarray) -> np.ndarray:
    """Whether ``points`` (N, 3) lie in matter, (N,) bool; outside of a hollow room counts as matter."""
    result = np.zeros(len(points), bool)
    for piece in scene.pieces:
        local = turned(points - piece.centre, -piece.yaw)
        within = ((local[:, None] > piece.boxes[:, 0]) & (local[:, None] < piece.boxes[:, 1])).all(axis=2).any(axis=1)
        result |= ~within if piece.inward else within
    return result


def random_scene(generator: np.random.Generator) -> Scene:
    """A furnished building with a grid of about 200 probes in it."""
    metre = 1.0 / generator.uniform(0.4, 1.0)
    resolution = tuple(int(n) for n in (*generator.integers(5, 9, 2), generator.integers(3, 6)))
    spacing = generator.uniform(0.75, 1.3, 3)
    spacing /= spacing.mean()
    size = spacing * resolution
    matrix = np.eye(4)
    yaw = 0.0 if generator.random() < 0.6 else generator.uniform(0.0, np.pi / 2)
    matrix[:3, :3] = turned(np.eye(3), yaw).T @ np.diag(0.5 * size)
    grid = Grid(matrix, resolution)
    extent = np.abs(matrix[:3, :3]).sum(axis=1) * generator.uniform(0.8, 1.15, 3)
    low = generator.uniform(-0.5, 0.5, 3) - extent
    high = low + 2.0 * extent
    low[2] = -0.5 * size[2] + generator.uniform(-0.5, 0.5)
    high[2] = 0.5 * size[2] + generator.uniform(-0.6, 0.6)
    kind = generator.choice(["building", "shell", "open"], p=[0.7, 0.15, 0.15])
    pieces = _Builder(generator, metre).build(kind, low, high)
    wide = np.array([4.0, 4.0, 4.0]) if kind == "open" else 0.0
    return Scene(pieces, grid, metre, np.stack([low - wide, high + wide]))


class _Builder:
    """Draws a building's pieces; lengths are in spacings."""

    def __init__(self, generator: np.random.Generator, metre: float) -> None:
        self.draw, self.metre = generator, metre
        self.pieces: list[Piece] = []

    def between(self, low: float, high: float) -> float:
        """A length between ``low`` and ``high`` metres."""
        return self.draw.uniform(low, high) * self.metre

    def thickness(self) -> float:
        """A wall's: from 0.02 to 0.5 spacings, evenly in the logarithm."""
        return float(np.exp(self.draw.uniform(np.log(0.02), np.log(0.5))))

    def build(self, kind: str, low: np.ndarray, high: np.ndarray) -> list[Piece]:
        if kind == "shell":
            self.pieces.append(Piece(np.zeros(3), 0.0, np.array([[low, high]]), True))
        else:
            floor, wide = self.thickness() + 0.05, 4.0 if kind == "open" else 0.6
            self.box((*(low[:2] - wide), low[2] - floor), (*(high[:2] + wide), low[2]))
            if kind == "building":
                self.box((*(low[:2] - 0.6), high[2]), (*(high[:2] + 0.6), high[2] + self.thickness()))
            for axis in (0, 1):
                for place in (low[axis], high[axis]):
                    if kind == "building" or self.draw.random() < 0.4:
                        self.wall(axis, place, low, high, self.windows(axis, low, high))
        rooms = [(low.copy(), high.copy())]
        for _ in range(self.draw.integers(0, 8)):
            rooms = self.split(rooms)
        for room in rooms:
            self.furnish(*room)
        return self.pieces

    def box(self, low: tuple, high: tuple) -> None:
        self.pieces.append(Piece(np.zeros(3), 0.0, np.array([[low, high]], np.float64)))

    def windows(self, axis: int, low: np.ndarray, high: np.ndarray) -> list[tuple]:
        """Openings (from, to, sill, lintel) of an outer wall, in its own length and height."""
        along, height = 1 - axis, high[2] - low[2]
        edge, openings = low[along] + 0.3, []
        while self.draw.random() < 0.5:
            start = edge + self.between(0.2, 2.0)
            edge = start + self.between(0.6, 2.5)
            if edge > high[along] - 0.3:
                break
            sill = low[2] + height * self.draw.choice([0.0, self.draw.uniform(0.2, 0.5)])
            openings.append((start, edge, sill, low[2] + height * self.draw.uniform(0.65, 0.95)))
        return openings

    def wall(self, axis: int, place: float, low: np.ndarray, high: np.ndarray, openings: list[tuple]) -> None:
        """A wall across ``axis`` from ``low`` to ``high`` with ``openings``, as one piece of boxes."""
        thick, along, boxes = self.thickness(), 1 - axis, []

        def part(start: float, end: float, bottom: float, top: float) -> None:
            if end - start > 1e-3 and top - bottom > 1e-3:
                corners = np.empty((2, 3))
                corners[:, axis] = place - 0.5 * thick, place + 0.5 * thick
                corners[:, along] = start, end
                corners[:, 2] = bottom, top
                boxes.append(corners)

        edge = low[along] - 0.05
        for start, end, sill, lintel in openings:
            part(edge, start, low[2] - 0.02, high[2] + 0.02)
            part(start, end, low[2] - 0.02, sill)
            part(start, end, lintel, high[2] + 0.02)
            edge = end
        part(edge, high[along] + 0.05, low[2] - 0.02, high[2] + 0.02)
        self.pieces.append(Piece(np.zeros(3), 0.0, np.array(boxes)))

    def split(self, rooms: list[tuple]) -> list[tuple]:
        """Divide the largest room by a wall: with a door, a wide passage, a shelf-high one, or closed."""
        rooms = sorted(rooms, key=lambda room: -np.prod((room[1] - room[0])[:2]))
        low, high = rooms[0]
        axis = int((high - low)[1] > (high - low)[0])
        along, height = 1 - axis, high[2] - low[2]
        if (high - low)[axis] < 1.2:
            return rooms
        place = low[axis] + (high - low)[axis] * self.draw.uniform(0.2, 0.8)
        kind, openings, top = self.draw.random(), [], high.copy()
        if kind < 0.75:
            width = min(self.between(0.7, 1.2) if kind < 0.55 else self.between(1.2, 3.0), 0.8 * (high - low)[along])
            start = self.draw.uniform(low[along], high[along] - width)
            lintel = low[2] + min(self.between(1.9, 2.3) if kind < 0.55 else height, height)
            openings.append((start, start + width, low[2] - 0.02, lintel))
        elif kind < 0.87:
            top[2] = low[2] + height * self.draw.uniform(0.3, 0.85)
        self.wall(axis, place, low, top, openings)
        first, second = high.copy(), low.copy()
        first[axis] = second[axis] = place
        return [(low, first), (second, high), *rooms[1:]]

    def furnish(self, low: np.ndarray, high: np.ndarray) -> None:
        """Random furniture, more in a larger room."""
        area = np.prod((high - low)[:2]) / self.metre**2
        for _ in range(min(12, self.draw.poisson(0.5 * area + 1.0))):
            kind = self.draw.choice(
                ["table", "chair", "shelf", "block", "column", "board", "case", "beam"],
                p=[0.14, 0.16, 0.15, 0.19, 0.12, 0.09, 0.11, 0.04],
            )
            boxes = getattr(self, kind)(high[2] - low[2])
            yaw = 0.0 if self.draw.random() < 0.65 else self.draw.uniform(0.0, np.pi)
            self.place(boxes, yaw, low, high, kind in ("shelf", "case", "block"))

    def place(self, boxes: np.ndarray, yaw: float, low: np.ndarray, high: np.ndarray, by_wall: bool) -> None:
        reach = 0.5 * (boxes[:, 1].max(axis=0) - boxes[:, 0].min(axis=0))[:2]
        if self.draw.random() < 0.5:
            boxes = boxes[..., [1, 0, 2]]
            reach = reach[::-1]
        inner_low, inner_high = low[:2] + reach, high[:2] - reach
        if (inner_low >= inner_high).any():
            return
        centre = np.array([*self.draw.uniform(inner_low, inner_high), low[2]])
        if by_wall and self.draw.random() < 0.6:
            axis = self.draw.integers(0, 2)
            gap, yaw = self.between(-0.05, 0.12), 0.0
            centre[axis] = self.draw.choice([inner_low[axis] + gap, inner_high[axis] - gap])
        self.pieces.append(Piece(centre, yaw, boxes))

    # Every kind of furniture: boxes (B, 2, 3) about the middle of its foot on the floor; ``height`` is the room's.

    def table(self, height: float) -> np.ndarray:
        x, y, z = self.between(0.3, 0.9), self.between(0.25, 0.6), self.between(0.35, 1.0)
        leg, top = self.between(0.02, 0.05), self.between(0.02, 0.06)
        feet = [(a * x, b * y) for a in (-0.9, 0.9) for b in (-0.9, 0.9)]
        legs = [[(a - leg, b - leg, 0), (a + leg, b + leg, z)] for a, b in feet]
        return np.array([[(-x, -y, z), (x, y, z + top)], *legs])

    def chair(self, height: float) -> np.ndarray:
        x, seat, back = self.between(0.18, 0.4), self.between(0.3, 0.5), self.between(0.7, 1.1)
        thin = self.between(0.02, 0.12)
        foot = 0.0 if self.draw.random() < 0.5 else seat - thin  # a solid armchair, or a board on nothing
        return np.array([[(-x, -x, foot), (x, x, seat)], [(-x, x - thin, foot), (x, x, back)]])

    def shelf(self, height: float) -> np.ndarray:
        x, y = self.between(0.3, 0.8), self.between(0.12, 0.3)
        z, thin = min(self.between(0.8, 2.4), height), self.between(0.015, 0.04)
        boxes = [[(-x, -y, 0), (-x + thin, y, z)], [(x - thin, -y, 0), (x, y, z)], [(-x, y - thin, 0), (x, y, z)]]
        boxes += [[(-x, -y, at), (x, y, at + thin)] for at in np.linspace(0.0, z - thin, self.draw.integers(2, 7))]
        return np.array(boxes)

    def block(self, height: float) -> np.ndarray:
        x, y, z = self.between(0.15, 0.8), self.between(0.15, 0.6), self.between(0.2, 2.2)
        return np.array([[(-x, -y, 0), (x, y, min(z, height))]])

    def column(self, height: float) -> np.ndarray:
        x, y = self.between(0.03, 0.35), self.between(0.03, 0.35)
        return np.array([[(-x, -y, 0), (x, y, height)]])

    def board(self, height: float) -> np.ndarray:
        x, thin, z = self.between(0.3, 1.2), self.between(0.005, 0.05), self.draw.uniform(0.0, 0.5) * height
        return np.array([[(-x, -thin, z), (x, thin, min(z + self.between(0.4, 2.0), height))]])

    def case(self, height: float) -> np.ndarray:
        """Hollow: closed all round, or without its front."""
        x, y, z = self.between(0.3, 0.9), self.between(0.3, 0.7), min(self.between(0.8, 2.6), height)
        thin = self.between(0.01, 0.06)
        sides = [
            [(-x, -y, 0), (-x + thin, y, z)],
            [(x - thin, -y, 0), (x, y, z)],
            [(-x, y - thin, 0), (x, y, z)],
            [(-x, -y, z - thin), (x, y, z)],
        ]
        if self.draw.random() < 0.6:
            sides.append([(-x, -y, 0), (x, -y + thin, z)])
        return np.array(sides)

    def beam(self, height: float) -> np.ndarray:
        x, y = self.between(0.5, 2.0), self.between(0.05, 0.2)
        return np.array([[(-x, -y, height - self.between(0.1, 0.4)), (x, y, height)]])
