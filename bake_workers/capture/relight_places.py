# SPDX-FileCopyrightText: 2026 Neural Bake developers
#
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where a lamp may go, as maps from the unit interval, square or cube to the lamp's matrices.

A matrix (4, 4) is that of a lamp object, whose light shines along its -Z; that of the world is a turn about Z.
"""

from __future__ import annotations

import dataclasses
import typing

import numpy as np
from mathutils import Matrix, Quaternion

LOWEST = 0.1
"""Sine of the least elevation on a dome, six degrees: light below grazes everything."""
MOST_LISTED = 65
"""Points of a path that the dataset's description lists."""
APART = 1e-9
"""Least distance between places of different sets, in the domain's unit interval, square or cube."""


class Domain(typing.Protocol):
    """A map from numbers in 0..1 to places."""

    dimensions: int
    closed: bool

    def place(self, numbers: np.ndarray) -> np.ndarray:
        """Matrices (N, 4, 4) for ``numbers`` (N, dimensions)."""

    def describe(self) -> dict:
        """What ``dataset.json`` says of it."""


@dataclasses.dataclass(frozen=True)
class Dome:
    """The upper half of a sphere, evenly by solid angle; lamps on it aim at its centre.

    Attributes:
        center: (3,).
        frame: (3, 3), from the unit sphere to the dome around its centre; its third column is the zenith.
        scale: (3,), of the lamp object.
    """

    center: np.ndarray
    frame: np.ndarray
    scale: np.ndarray
    dimensions: typing.ClassVar[int] = 2
    closed: typing.ClassVar[bool] = False

    def place(self, numbers: np.ndarray) -> np.ndarray:
        height = LOWEST + (1.0 - LOWEST) * numbers[:, 0]
        across, angle = np.sqrt(1.0 - height**2), 2.0 * np.pi * numbers[:, 1]
        steps = np.stack([across * np.cos(angle), across * np.sin(angle), height], axis=1) @ self.frame.T
        return matrices(self.center + steps, looking_back(steps) * self.scale)

    def describe(self) -> dict:
        radius = float(np.linalg.norm(self.frame, axis=0).mean())
        return {
            "type": "dome",
            "center": self.center.tolist(),
            "frame": self.frame.tolist(),
            "radius": radius,
            "lowest": LOWEST,
        }


@dataclasses.dataclass(frozen=True)
class Box:
    """The inside of a box; a lamp in it keeps its rotation.

    Attributes:
        matrix: (4, 4), from the cube -1..1 to the world.
        turn: (3, 3), rotation and scale of the lamp object.
    """

    matrix: np.ndarray
    turn: np.ndarray
    dimensions: typing.ClassVar[int] = 3
    closed: typing.ClassVar[bool] = False

    def place(self, numbers: np.ndarray) -> np.ndarray:
        points = (2.0 * numbers - 1.0) @ self.matrix[:3, :3].T + self.matrix[:3, 3]
        return matrices(points, np.broadcast_to(self.turn, (len(points), 3, 3)))

    def describe(self) -> dict:
        return {"type": "box", "matrix": self.matrix.tolist()}


@dataclasses.dataclass(frozen=True)
class Path:
    """A polyline of places, travelled evenly by distance and by turning.

    Attributes:
        type: ``path`` for a curve, ``keyframes`` for the lamp's own motion.
        stations: (K, 4, 4) matrices, K at least 2; the first follows the last where it is ``closed``.
    """

    type: str
    stations: np.ndarray
    closed: bool
    dimensions: typing.ClassVar[int] = 1

    def place(self, numbers: np.ndarray) -> np.ndarray:
        stations = np.concatenate([self.stations, self.stations[:1]]) if self.closed else self.stations
        lengths = np.concatenate([[0.0], np.cumsum(_steps(stations))])
        along = np.interp(numbers[:, 0] * lengths[-1], lengths, np.arange(len(stations)))
        first = np.minimum(along.astype(int), len(stations) - 2)
        return np.stack(
            [_between(stations[at], stations[at + 1], share) for at, share in zip(first, along - first, strict=True)]
        )

    def describe(self) -> dict:
        kept = np.unique(
            np.linspace(0, len(self.stations) - 1, min(len(self.stations), MOST_LISTED)).round().astype(int)
        )
        stations = self.stations[kept]
        return {
            "type": self.type,
            "points": stations[:, :3, 3].tolist(),
            "axes": unit(stations[:, :3, 2]).tolist(),
            "closed": self.closed,
        }


@dataclasses.dataclass(frozen=True)
class Ring:
    """All turns about Z."""

    dimensions: typing.ClassVar[int] = 1
    closed: typing.ClassVar[bool] = True

    def place(self, numbers: np.ndarray) -> np.ndarray:
        angle = 2.0 * np.pi * numbers[:, 0]
        result = np.broadcast_to(np.eye(4), (len(angle), 4, 4)).copy()
        result[:, 0, 0] = result[:, 1, 1] = np.cos(angle)
        result[:, 1, 0] = np.sin(angle)
        result[:, 0, 1] = -result[:, 1, 0]
        return result

    def describe(self) -> dict:
        return {"type": "ring"}


def draw(domain: Domain, counts: dict[str, int], generator: np.random.Generator) -> dict[str, np.ndarray]:
    """Matrices (N, 4, 4) float32 of every set; places of two sets are never the same.

    Each set is low-discrepancy in itself, and not a continuation of another: that would lie in the other's gaps, and
    what is reported would be the worst case instead of the usual one. On an interval the first set is evenly spaced
    and holds the ends.
    """
    taken = np.zeros((0, domain.dimensions))
    places = {}
    for name, count in counts.items():
        numbers = evenly(count, domain.closed, generator) if domain.dimensions == 1 and not len(taken) else None
        while numbers is None or _too_close(numbers, taken):
            numbers = low_discrepancy(count, domain.dimensions, generator)
        taken = np.concatenate([taken, numbers])
        places[name] = domain.place(numbers).astype(np.float32) if count else np.zeros((0, 4, 4), np.float32)
    return places


def low_discrepancy(count: int, dimensions: int, generator: np.random.Generator) -> np.ndarray:
    """The additive recurrence of the generalised golden ratio from a random start: (count, dimensions) in 0..1.

    Any first part of it is evenly spread too. See M. Roberts 2018, "The unreasonable effectiveness of quasirandom
    sequences".
    """
    ratio = 2.0
    for _ in range(64):  # the root of x^(d+1) = x + 1
        ratio = (1.0 + ratio) ** (1.0 / (dimensions + 1))
    steps = ratio ** -np.arange(1.0, dimensions + 1.0)
    return (generator.random(dimensions) + np.arange(count)[:, None] * steps) % 1.0


def evenly(count: int, closed: bool, generator: np.random.Generator) -> np.ndarray:
    """Evenly spaced numbers (count, 1), with both ends or from a random start round and round."""
    if closed:
        return ((np.arange(count)[:, None] + generator.random()) / max(count, 1)) % 1.0
    return np.linspace(0.0, 1.0, count)[:, None] if count > 1 else np.full((count, 1), 0.5)


def _too_close(numbers: np.ndarray, taken: np.ndarray) -> bool:
    return any(np.abs(taken - number).max(axis=1).min(initial=1.0) < APART for number in numbers)


def matrices(points: np.ndarray, turns: np.ndarray) -> np.ndarray:
    """Matrices (N, 4, 4) of positions (N, 3) and rotations with scale (N, 3, 3)."""
    result = np.broadcast_to(np.eye(4), (len(points), 4, 4)).copy()
    result[:, :3, :3], result[:, :3, 3] = turns, points
    return result


def looking_back(steps: np.ndarray) -> np.ndarray:
    """Rotations (N, 3, 3) whose Z is along ``steps`` (N, 3) and whose Y is as upright as it can be."""
    back = unit(steps)
    upward = np.where(np.abs(back[:, 2:]) > 0.999999, [[0.0, 1.0, 0.0]], [[0.0, 0.0, 1.0]])
    right = unit(np.cross(upward, back))
    return np.stack([right, np.cross(back, right), back], axis=2)


def unit(vectors: np.ndarray) -> np.ndarray:
    """Unit vectors (N, 3)."""
    return vectors / np.maximum(np.linalg.norm(vectors, axis=-1, keepdims=True), 1e-30)


def _steps(stations: np.ndarray) -> np.ndarray:
    """Lengths (K - 1,) between stations: distance and turning, each as a share of its sum, so that both count."""
    total = np.zeros(len(stations) - 1)
    for values in (stations[:, :3, 3], unit(stations[:, :3, 2])):
        lengths = np.linalg.norm(np.diff(values, axis=0), axis=1)
        total += lengths / lengths.sum() if lengths.sum() > 1e-6 else 0.0
    return total


def _between(first: np.ndarray, second: np.ndarray, share: float) -> np.ndarray:
    """The place at ``share`` 0..1 of the way between two matrices; the scale is the first one's."""
    scale = np.linalg.norm(first[:3, :3], axis=0)
    turns = [_quaternion(matrix) for matrix in (first, second)]
    result = np.eye(4)
    result[:3, :3] = np.array(turns[0].slerp(turns[1], share).to_matrix()) * scale
    result[:3, 3] = (1.0 - share) * first[:3, 3] + share * second[:3, 3]
    return result


def _quaternion(matrix: np.ndarray) -> Quaternion:
    return Matrix(matrix.tolist()).to_quaternion()
