# SPDX-FileCopyrightText: 2026 Neural Bake developers
#
# SPDX-License-Identifier: GPL-3.0-or-later

"""The direct field, evaluated with numpy: one network from position and normal to irradiance. A benchmark's rival only.

No bake trains it, no artifact holds it, and it is none of the candidates of which a bake keeps the best: it is not
linear in the lights, so single lamps cannot be recoloured in it, and engines have no place for it. It is here to be
measured against; see :mod:`.field_fitting` and ``docs/light_grid.md``. Two encodings of position:

- ``mlp``: position as it is and sines and cosines of six octaves (Mildenhall et al. 2020), four hidden layers;
- ``hash``: trilinear interpolation in grids of growing resolution, whose finer levels share a table by a spatial hash
  (Mueller et al. 2022, "Instant Neural Graphics Primitives"), two hidden layers. As Coomans et al. 2026, "Real-time
  Rendering with a Neural Irradiance Volume", with four features a level, but eight levels that lie closer together.

Both take the spherical harmonics of the normal, of which irradiance is nearly a linear function, have ReLU between
layers, and return the exponential of the last layer.
"""

from __future__ import annotations

import concurrent.futures
import dataclasses
import os

import numpy as np

from ..errors import NeuralBakeError
from ..spherical_harmonics import COUNT, basis
from .grid import CORNERS, Grid

KINDS = ("mlp", "hash")
OCTAVES = 6
FEATURES = 4
BASE_CELLS = 6
GROWTH = 1.26
LEVELS = 8
# The multipliers of Mueller et al. 2022; the first is one, for neighbours in memory.
PRIMES = np.array([1, 2654435761, 805459861], np.int64)
HIDDEN_LAYERS = {"mlp": 4, "hash": 2}
HASH_WIDTH = 64
# Keeps the exponential finite in float32, whatever the weights say far from the training points.
EXPONENT_RANGE = 30.0
CHUNK_POINTS = 4096


@dataclasses.dataclass(frozen=True)
class Level:
    """One resolution of a hash grid.

    Attributes:
        cells: (3,) int64 cells along each axis of the box.
        first: the level's first row in the table.
        rows: its number of rows; fewer than its nodes where they share rows by hash.
    """

    cells: np.ndarray
    first: int
    rows: int

    @property
    def hashed(self) -> bool:
        """Whether nodes share rows."""
        return int(np.prod(self.cells + 1)) > self.rows


@dataclasses.dataclass(frozen=True)
class Design:
    """What a field is made of, apart from its numbers.

    Attributes:
        kind: one of KINDS.
        low, high: (3,) float64 corners of the box, axis-aligned in the world; points outside are clamped to it.
        width: of the hidden layers.
        rows: largest number of rows of one level, for ``hash``.
    """

    kind: str
    low: np.ndarray
    high: np.ndarray
    width: int
    rows: int = 0

    def levels(self) -> list[Level]:
        """The levels of a hash grid, coarse to fine, with cells that are nearly cubes; none for ``mlp``."""
        result: list[Level] = []
        size = self.high - self.low
        for number in range(LEVELS if self.kind == "hash" else 0):
            along = BASE_CELLS * GROWTH**number
            cells = np.maximum(np.rint(along * size / size.max()), 1).astype(np.int64)
            first = result[-1].first + result[-1].rows if result else 0
            result.append(Level(cells, first, min(int(np.prod(cells + 1)), self.rows)))
        return result

    @property
    def table_rows(self) -> int:
        """Rows of the table of all levels."""
        return sum(level.rows for level in self.levels())

    @property
    def shapes(self) -> list[tuple[int, int]]:
        """Inputs and outputs of every layer."""
        encoded = 3 + 6 * OCTAVES if self.kind == "mlp" else LEVELS * FEATURES
        hidden = [self.width] * HIDDEN_LAYERS[self.kind]
        return list(zip([encoded + 3 + COUNT - 1, *hidden], [*hidden, 3]))

    @property
    def numbers(self) -> int:
        """Numbers that are stored: table, weights and biases."""
        return self.table_rows * FEATURES + sum((inputs + 1) * outputs for inputs, outputs in self.shapes)

    @property
    def multiply_adds(self) -> int:
        """Multiply-adds of one look-up: the layers, and eight corners a level."""
        layers = sum(inputs * outputs for inputs, outputs in self.shapes)
        return layers + (LEVELS * 8 * FEATURES if self.kind == "hash" else 0)

    def encode_normals(self, normals: np.ndarray) -> np.ndarray:
        """The normal and the harmonics (N, 11) above the constant one, which the biases stand for."""
        return np.concatenate([normals, basis(normals)[:, 1:]], axis=1)

    def encode_frequencies(self, points: np.ndarray) -> np.ndarray:
        """Position over half the box's longest side (N, 3), and its sines and cosines: (N, 39)."""
        centre = (0.5 * (self.low + self.high)).astype(np.float32)
        half = np.float32(0.5 * (self.high - self.low).max())
        local = (self._clamped(points) - centre) / half
        angles = (local[:, :, None] * (np.pi * 2.0 ** np.arange(OCTAVES)).astype(np.float32)).reshape(len(points), -1)
        return np.concatenate([local, np.sin(angles), np.cos(angles)], axis=1)

    def corners(self, points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Rows (N, LEVELS, 8) int64 of the table and their trilinear weights (N, LEVELS, 8)."""
        inside = (self._clamped(points) - self.low.astype(np.float32)) / (self.high - self.low).astype(np.float32)
        rows = np.empty((len(points), LEVELS, 8), np.int64)
        weights = np.empty((len(points), LEVELS, 8), np.float32)
        for number, level in enumerate(self.levels()):
            location = inside * level.cells.astype(np.float32)
            lower = np.clip(np.floor(location).astype(np.int64), 0, level.cells - 1)
            fraction = location - lower
            # One axis at a time: a node's row and weight are joined from its three coordinates'.
            if level.hashed:
                ends = [(lower[:, axis, None] + (0, 1)) * PRIMES[axis] for axis in range(3)]
                joined = (
                    ends[0][:, :, None, None] ^ ends[1][:, None, :, None] ^ ends[2][:, None, None, :]
                ) % level.rows
            else:
                strides = ((level.cells[1] + 1) * (level.cells[2] + 1), level.cells[2] + 1, 1)
                ends = [(lower[:, axis, None] + (0, 1)) * strides[axis] for axis in range(3)]
                joined = ends[0][:, :, None, None] + ends[1][:, None, :, None] + ends[2][:, None, None, :]
            share = np.stack([1.0 - fraction, fraction], axis=-1)
            product = share[:, 0, :, None, None] * share[:, 1, None, :, None] * share[:, 2, None, None, :]
            rows[:, number] = joined.reshape(-1, 8) + level.first
            weights[:, number] = product.reshape(-1, 8)
        return rows, weights

    def _clamped(self, points: np.ndarray) -> np.ndarray:
        return np.clip(points, self.low.astype(np.float32), self.high.astype(np.float32))


def box_of(grids: list[Grid]) -> tuple[np.ndarray, np.ndarray]:
    """Corners (3,) and (3,) of the box, axis-aligned in the world, around all ``grids``."""
    corners = 2.0 * CORNERS - 1.0
    world = np.concatenate([corners @ grid.matrix[:3, :3].T + grid.matrix[:3, 3] for grid in grids])
    return world.min(axis=0), world.max(axis=0)


def design_for(kind: str, low: np.ndarray, high: np.ndarray, numbers: int) -> Design:
    """The largest field of a kind that stores at most ``numbers`` numbers.

    Raises:
        NeuralBakeError: the kind is unknown, or ``numbers`` is too small for it.
    """
    if kind not in KINDS:
        raise NeuralBakeError("bad_field", f"There is no field {kind!r}.", f"Use one of: {', '.join(KINDS)}.")
    low, high = np.asarray(low, np.float64), np.asarray(high, np.float64)

    def design(size: int) -> Design:
        return Design(kind, low, high, size) if kind == "mlp" else Design(kind, low, high, HASH_WIDTH, size)

    if design(1).numbers > numbers:
        raise NeuralBakeError("bad_field", f"A field {kind} does not fit into {numbers} numbers.", "Allow it more.")
    lower, upper = 1, max(numbers, 2)
    while upper - lower > 1:
        middle = (lower + upper) // 2
        lower, upper = (middle, upper) if design(middle).numbers <= numbers else (lower, middle)
    return design(lower)


class Field:
    """A trained field.

    Args:
        design: its form.
        layers: weights (inputs, outputs) and biases (outputs,) float32, first to last.
        table: (rows, 2) float32 of a hash grid; None for ``mlp``.
        scale: irradiance in W/m^2 that the network calls one.

    Raises:
        NeuralBakeError: the numbers do not fit the design, or one is not finite.
    """

    def __init__(
        self, design: Design, layers: list[tuple[np.ndarray, np.ndarray]], table: np.ndarray | None, scale: float
    ) -> None:
        fits = [(weight.shape, bias.shape) for weight, bias in layers] == [(n, n[1:]) for n in design.shapes]
        wanted = (design.table_rows, FEATURES) if design.kind == "hash" else None
        if not fits or (None if table is None else table.shape) != wanted:
            raise NeuralBakeError("bad_field", "The field's numbers do not fit its design.", "Train it again.")
        arrays = [array for pair in layers for array in pair] + ([] if table is None else [table])
        if not all(np.isfinite(array).all() for array in arrays) or not np.isfinite(scale):
            raise NeuralBakeError("bad_field", "A number of the field is not finite.", "Train it again.")
        self.design, self.layers, self.table, self.scale = design, layers, table, float(scale)

    def half_precision(self) -> Field:
        """The same field with its numbers as float16 holds them."""
        layers = [(half_precision(weight), half_precision(bias)) for weight, bias in self.layers]
        return Field(self.design, layers, None if self.table is None else half_precision(self.table), self.scale)

    def irradiance(self, points: np.ndarray, normals: np.ndarray) -> np.ndarray:
        """Irradiance (N, 3) float32 in W/m^2, above zero, at ``points`` (N, 3) facing unit ``normals`` (N, 3).

        Raises:
            NeuralBakeError: the shapes differ, or a number is not finite.
        """
        points, normals = (np.ascontiguousarray(array, np.float32) for array in (points, normals))
        if points.ndim != 2 or points.shape[1] != 3 or points.shape != normals.shape:
            raise NeuralBakeError(
                "bad_shape", f"points {points.shape} and normals {normals.shape} must both have the shape (N, 3)."
            )
        if not (np.isfinite(points).all() and np.isfinite(normals).all()):
            raise NeuralBakeError("not_finite", "A point or normal is not finite.", "Remove it, or mend its mesh.")
        result = np.empty((len(points), 3), np.float32)

        def run(start: int) -> None:
            part = slice(start, start + CHUNK_POINTS)
            result[part] = self._evaluate(points[part], normals[part])

        # Encodings run on one thread each in numpy; chunks share the processor as the light grid's cells do.
        with concurrent.futures.ThreadPoolExecutor(os.cpu_count() or 1) as pool:
            list(pool.map(run, range(0, len(points), CHUNK_POINTS)))
        return result

    def _evaluate(self, points: np.ndarray, normals: np.ndarray) -> np.ndarray:
        if self.table is None:
            encoded = self.design.encode_frequencies(points)
        else:
            rows, weights = self.design.corners(points)
            encoded = np.matmul(weights[:, :, None], self.table[rows]).reshape(len(points), LEVELS * FEATURES)
        hidden = np.concatenate([encoded, self.design.encode_normals(normals)], axis=1)
        for number, (weight, bias) in enumerate(self.layers):
            hidden = hidden @ weight
            hidden += bias
            if number < len(self.layers) - 1:
                np.maximum(hidden, 0.0, out=hidden)
        return np.float32(self.scale) * np.exp(np.clip(hidden, -EXPONENT_RANGE, EXPONENT_RANGE))


def half_precision(array: np.ndarray) -> np.ndarray:
    """``array`` as float16 holds it, in float32."""
    return array.astype(np.float16).astype(np.float32)
