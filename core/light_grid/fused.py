# SPDX-FileCopyrightText: 2026 Neural Bake developers
#
# SPDX-License-Identifier: GPL-3.0-or-later

"""Fitting one grid on the processor: ``fused.c`` runs a step's forward pass, backward pass and Adam at once.

What is minimised is that of :mod:`.torch_fitting`, which is the check. The points of a step are the next few blocks of
16 of each cell's shuffled points, instead of drawn anew: the same on average, read in one piece, and every point is
used equally often. The same seed gives the same bytes whatever the number of threads.
"""

from __future__ import annotations

import ctypes
import threading
import typing
from pathlib import Path

import numpy as np

from .. import native
from .links import Penalty
from .network import PARAMETERS
from .points import DRAWN, LOSS_FLOOR, SortedPoints, prior_weight, rates, solved_weight

LANES = 16
STRIDE = 128
CHANNELS = 48
GEOMETRY, LIGHT, PREPARE, PRODUCT, LESSON = range(5)
TARGET = 15
STEPS_PER_CALL = 10
# Twice as many change no error in its third figure.
ITERATIONS = 15

_FIELDS = (
    [(name, ctypes.c_int64) for name in "columns probes channels features threads draws points values wide".split()]
    + [
        (name, ctypes.c_void_p)
        for name in "column_first block_first corners data limit weights sh gradient first second prior pull rates"
        " blend inverse solution".split()
    ]
    + [("divergence", ctypes.c_float), ("floor", ctypes.c_float), ("cap", ctypes.c_float)]
    + [(name, ctypes.c_int64) for name in ("next", "arrived", "generation")]
)


class _Problem(ctypes.Structure):
    """``Problem`` of ``fused.c``."""

    _fields_ = _FIELDS


def library() -> ctypes.CDLL:
    """The compiled steps.

    Raises:
        NeuralBakeError: see :func:`core.native.load`.
    """
    result = native.load(Path(__file__).with_name("fused.c"))
    result.run.argtypes = [ctypes.c_void_p, ctypes.c_int32, ctypes.c_int64, ctypes.c_int64]
    result.run.restype = None
    return result


def empty(shape: tuple[int, ...], dtype: type = np.float32) -> np.ndarray:
    """Zeros that begin at a cache line."""
    count = int(np.prod(shape))
    raw = np.zeros(count * np.dtype(dtype).itemsize + 64, np.uint8)
    first = -raw.ctypes.data % 64
    return raw[first : first + count * np.dtype(dtype).itemsize].view(dtype).reshape(shape)


class FusedProblem:
    """Points, networks and values of one grid as ``fused.c`` wants them.

    Args:
        points: see :class:`SortedPoints`.
        prior: (P, 9, C) traced radiance coefficients.
        weights: (P, 113) networks to begin with.
        seed: of the order in which points are used.
        threads: how many work at once.
        draws: blocks of 16 points of a cell in a step.
    """

    def __init__(
        self,
        points: SortedPoints,
        prior: np.ndarray,
        weights: np.ndarray,
        seed: int,
        threads: int,
        draws: int = DRAWN // LANES,
    ) -> None:
        self.library, self.threads = library(), threads
        self.count, self.channels = len(weights), prior.shape[2]
        self.points, self.divergence = len(points.order), points.pull
        wide = self._wide(self.channels)
        self.weights, self.sh = empty((self.count, STRIDE)), empty((self.count, wide))
        self.weights[:, :PARAMETERS] = weights
        self.prior, self.centre, self.pull = (empty((self.count, wide)) for _ in range(3))
        for values in (self.sh, self.prior, self.centre):
            values[:, : 9 * self.channels] = prior.reshape(self.count, -1)
        self.importance, self.solved_importance = prior_weight(prior), solved_weight(prior)
        self.gradient = empty((4, self.count, STRIDE + wide))
        self.moments = empty((2, self.count, STRIDE + wide))
        self.limit = np.minimum(np.array(points.grid.resolution) - 1, 1).astype(np.float32)
        self.corners = np.ascontiguousarray(points.grid.corner_probes(points.cells), np.int32)
        column = points.cells // points.grid.resolution[2]
        starts = np.flatnonzero(np.diff(column, prepend=-1))
        self.column_first = np.append(starts, len(column)).astype(np.int64)
        blocks = -(-points.counts // LANES)
        self.block_first = np.concatenate([[0], np.cumsum(blocks)]).astype(np.int64)
        self.data = self._blocks(points, seed)
        self.inputs = _Problem(
            columns=len(starts),
            probes=self.count,
            channels=self.channels,
            features=self.data.shape[1],
            threads=threads,
            draws=draws,
            points=self.points,
            wide=wide,
            floor=LOSS_FLOOR,
        )
        self._point(
            column_first=self.column_first,
            block_first=self.block_first,
            corners=self.corners,
            data=self.data,
            limit=self.limit,
            weights=self.weights,
            sh=self.sh,
            gradient=self.gradient,
            first=self.moments[0],
            second=self.moments[1],
            prior=self.centre,
            pull=self.pull,
        )

    @staticmethod
    def _wide(values: int) -> int:
        return -(-9 * values // LANES) * LANES

    def _point(self, **arrays: np.ndarray | None) -> None:
        for name, array in arrays.items():
            setattr(self.inputs, name, None if array is None else array.ctypes.data)

    def _blocks(self, points: SortedPoints, seed: int) -> np.ndarray:
        """The points (blocks, features, 16), shuffled within their cell; the rest of a cell's last block is zero."""
        shuffled = np.random.default_rng(seed).permutation(self.points)
        shuffled = shuffled[np.argsort(points.cell_of_sorted()[shuffled], kind="stable")]
        rank = np.arange(self.points) - np.repeat(points.starts, points.counts)
        place = np.repeat(self.block_first[:-1] * LANES, points.counts) + rank
        result = empty((int(self.block_first[-1]), TARGET + self.channels, LANES))
        rows = points.order[shuffled]

        def put(first: int, values: np.ndarray) -> None:
            for number in range(values.shape[1]):
                result.reshape(-1)[(place // LANES * result.shape[1] + first + number) * LANES + place % LANES] = (
                    values[rows, number]
                )

        put(0, points.offsets)
        put(3, points.normals)
        put(6, np.broadcast_to(np.float32(1.0), (self.points, 1)))
        put(7, points.visibility)
        put(TARGET, points.target)
        return result

    def run(self, mode: int, first: int = 0, steps: int = 1) -> None:
        """Let all threads run ``steps``."""
        self.inputs.next = self.inputs.arrived = 0
        call = (ctypes.addressof(self.inputs), mode, first, steps)
        others = [threading.Thread(target=self.library.run, args=call) for _ in range(self.threads - 1)]
        for other in others:
            other.start()
        self.library.run(*call)
        for other in others:
            other.join()

    def optimise(
        self, light: bool, rate: float, steps: int, pull: float, progress: typing.Callable[[int], None]
    ) -> None:
        """``steps`` of Adam from fresh moments.

        Args:
            light: whether networks and values learn from light, or networks alone from visibility.
            rate: the first step's learning rate.
            pull: of the ridge towards the prior, or what :meth:`hold_near` gave instead, in the light step.
            progress: called with the steps done.
        """
        table = np.ascontiguousarray(rates(rate, steps), np.float32)
        self.moments[:] = 0.0
        self.pull[:, : 9 * self.channels] = (
            pull / (self.count * 9 * self.channels) * np.repeat(self.importance, 9, axis=1).reshape(self.count, -1)
        )
        self._point(rates=table)
        self.inputs.divergence = self.divergence if light else 1.0
        for first in range(0, steps, STEPS_PER_CALL):
            some = min(STEPS_PER_CALL, steps - first)
            self.run(LIGHT if light else GEOMETRY, first, some)
            progress(first + some)

    def gradients(self, light: bool) -> tuple[np.ndarray, np.ndarray]:
        """Gradients (P, 113) and (P, 9, C) of one step, which is not made; without the pull to the prior."""
        self._point(rates=None)
        self.inputs.divergence = self.divergence if light else 1.0
        self.run(LIGHT if light else GEOMETRY)
        total = self.gradient.sum(axis=0)
        self.gradient[:] = 0.0
        sh = total[:, STRIDE : STRIDE + 9 * self.channels].reshape(self.count, 9, self.channels)
        return total[:, :PARAMETERS], sh

    def lesson(self, weights: np.ndarray, step: int, divergence: float, floor: float, cap: float) -> np.ndarray:
        """Gradient (P, 113) of the generator's loss at the networks ``weights`` (P, 113), under the values as they are.

        A point's loss is the mean over channels of q / (1 + q / cap), where q = (R - E)^2 / (E^2 + floor), and
        ``divergence`` times the divergence of its blend weights from geometry; the points' mean is taken.

        Args:
            step: says which blocks of each cell are used.
        """
        self.weights[:, :PARAMETERS] = weights
        self._point(rates=None)
        self.inputs.divergence, self.inputs.floor, self.inputs.cap = divergence, floor, cap
        self.run(LESSON, step)
        total = self.gradient[:, :, :PARAMETERS].sum(axis=0)
        self.gradient[:] = 0.0
        self.inputs.floor = LOSS_FLOOR
        return total

    def solve(
        self, strengths: tuple[float, ...], smoothness: tuple[float, ...] = (), penalty: Penalty | None = None
    ) -> np.ndarray:
        """The best values (S, P, 9, C) for the present weights at each strength; see :mod:`.values`.

        Args:
            smoothness: as many, of the ``penalty`` on differences between neighbours; see :mod:`.links`.
        """
        count, channels, kinds = self.count, self.channels, len(strengths)
        values = kinds * channels
        self.blend = empty((len(self.data), 8, LANES))
        self.inverse = empty((len(self.data), channels, LANES))
        wide = self.inputs.wide
        sums = empty((2, 4, count, wide))
        self._point(gradient=sums, blend=self.blend, inverse=self.inverse)
        self.run(PREPARE)
        right, diagonal = (part.sum(axis=0)[:, : 9 * channels].reshape(count, 9, 1, channels) for part in sums)
        self.inputs.wide = self._wide(values)
        self.inputs.values = values
        sums, vector = empty((4, count, self.inputs.wide)), empty((count, self.inputs.wide))
        self._point(gradient=sums, solution=vector)
        ridge = np.array(strengths, np.float32)[:, None] * self.solved_importance[:, :, None]
        ridge = (ridge * np.float32(self.points / (count * 9))).astype(np.float32)
        smooth = np.array(smoothness, np.float32)[:, None] * np.float32(self.points / (count * 9))

        def product(values_: np.ndarray) -> np.ndarray:
            vector[:, : 9 * values] = values_.reshape(count, -1)
            sums[:] = 0.0
            self.run(PRODUCT)
            result = sums.sum(axis=0)[:, : 9 * values].reshape(values_.shape) + ridge * values_
            return result if penalty is None else result + smooth * penalty.product(values_)

        def dot(first: np.ndarray, second: np.ndarray) -> np.ndarray:
            return np.einsum("pksc,pksc->sc", first, second, dtype=np.float64).astype(np.float32)

        prior = self.prior[:, : 9 * channels].reshape(count, 9, 1, channels)
        right, diagonal = right + ridge * prior, diagonal + ridge
        if penalty is not None:
            diagonal = diagonal + smooth * penalty.diagonal()
        start = self.sh[:, : 9 * channels].reshape(count, 9, 1, channels)
        solution = np.repeat(start, kinds, axis=2)
        residual = right - product(solution)
        direction = preconditioned = residual / diagonal
        size = dot(residual, preconditioned)
        for _ in range(ITERATIONS):
            result = product(direction)
            step = size / np.maximum(dot(direction, result), 1e-30)
            solution += step * direction
            residual -= step * result
            preconditioned = residual / diagonal
            previous, size = size, dot(residual, preconditioned)
            direction = preconditioned + size / np.maximum(previous, 1e-30) * direction
        self.inputs.wide = wide
        self._point(gradient=self.gradient)
        return np.ascontiguousarray(solution.transpose(2, 0, 1, 3))

    def set_values(self, values: np.ndarray) -> None:
        """Replace the probes' values (P, 9, C)."""
        self.sh[:, : 9 * self.channels] = values.reshape(self.count, -1)

    def hold_near(self, values: np.ndarray) -> None:
        """Let the light step's ridge pull towards ``values`` (P, 9, C) instead of the prior."""
        self.centre[:, : 9 * self.channels] = values.reshape(self.count, -1)

    def networks(self) -> np.ndarray:
        """(P, 113) as they are now."""
        return self.weights[:, :PARAMETERS].copy()
