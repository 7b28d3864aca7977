# SPDX-FileCopyrightText: 2026 Neural Bake developers
#
# SPDX-License-Identifier: GPL-3.0-or-later

"""Shadows between traced places of a lamp: a local interpolant whose result is sharpened.

Blending two shadows gives two half shadows, where the truth is one in between. A pixel's own shadow, however, is a
function of the light that is 0 or 1 nearly everywhere, so interpolating it smoothly over the light's neighbours and
cutting near one half moves its edge, instead of fading one out and the other in. How many neighbours and how steep a
cut is chosen on traced places that are left out.
"""

from __future__ import annotations

import dataclasses
import zlib

import numpy as np

from ..errors import NeuralBakeError
from .interpolation import Interpolant, neighbours

LEVELS = 15
COUNTS = (3, 5, 8, 12)
STEEPNESS = (1.0, 1.5, 2.0, 3.0, 5.0)
SMOOTHING = 1e-3


@dataclasses.dataclass(frozen=True)
class ShadowTable:
    """Shadows of one lamp.

    Attributes:
        lights: (M, 3) float32 places of the lamp.
        values: (M, P) uint8, 0 in shadow, 255 lit.
        count: neighbours that are blended.
        steepness: of the cut around one half; 1 is none.
    """

    lights: np.ndarray
    values: np.ndarray
    count: int
    steepness: float

    def weights(self, light: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Neighbours (K,) of a light (3,) and their weights (K,), which add up to 1."""
        near = neighbours(self.lights, np.asarray(light), self.count)
        if len(near) < 3:
            return near[:1], np.ones(1)
        return near, Interpolant(self.lights[near], "thin_plate", SMOOTHING).weights(light)[0]

    def at(self, near: np.ndarray, shares: np.ndarray, pixels: slice = slice(None)) -> np.ndarray:
        """Share (P,) of the light that arrives, from :meth:`weights`."""
        blend = np.zeros(self.values[0, pixels].shape, np.float32)
        for index, share in zip(near, shares, strict=True):
            blend += self.values[index, pixels] * np.float32(share / 255.0)
        return self.cut(blend)

    def cut(self, blend: np.ndarray) -> np.ndarray:
        """Sharpen interpolated shares, in place."""
        blend -= 0.5
        blend *= np.float32(self.steepness)
        blend += 0.5
        return np.clip(blend, 0.0, 1.0, out=blend)


def learn(lights: np.ndarray, values: np.ndarray, seed: int) -> ShadowTable:
    """Choose how to blend, on one traced place in eight that is left out.

    Args:
        lights: (M, 3).
        values: (M, P) uint8.
        seed: which places are left out.
    """
    lights = np.asarray(lights, np.float32)
    values = np.rint(values * (LEVELS / 255.0)).astype(np.uint8) * np.uint8(255 // LEVELS)
    if len(lights) < 8:
        return ShadowTable(lights, values, 1, 1.0)
    generator = np.random.default_rng(seed)
    order = generator.permutation(len(lights))
    held, kept = order[: len(lights) // 8], order[len(lights) // 8 :]
    pixels = generator.permutation(values.shape[1])[:20_000]
    few = values[:, pixels]
    truth = few[held].astype(np.float32) / 255.0
    best = (np.inf, COUNTS[0], 1.0)
    for count in COUNTS:
        table = ShadowTable(lights[kept], few[kept], count, 1.0)
        blends = [_blend(table, lights[index]) for index in held]
        for steepness in STEEPNESS:
            trial = dataclasses.replace(table, steepness=steepness)
            error = np.mean(
                [np.mean((trial.cut(blend.copy()) - y) ** 2) for blend, y in zip(blends, truth, strict=True)]
            )
            best = min(best, (float(error), count, steepness))
    return ShadowTable(lights, values, best[1], best[2])


def _blend(table: ShadowTable, light: np.ndarray) -> np.ndarray:
    near, shares = table.weights(light)
    return (shares[:, None].astype(np.float32) * (table.values[near].astype(np.float32) / 255.0)).sum(axis=0)


def pack(values: np.ndarray) -> np.ndarray:
    """Compressed shadows (B,) uint8: two pixels of 16 levels a byte, then zlib (RFC 1950)."""
    levels = np.asarray(values) // np.uint8(255 // LEVELS)
    flat = np.append(levels.ravel(), np.zeros(levels.size % 2, np.uint8))
    return np.frombuffer(zlib.compress((flat[0::2] | (flat[1::2] << 4)).tobytes(), 6), np.uint8)


def unpack(data: np.ndarray, shape: tuple[int, int], source: str) -> np.ndarray:
    """Shadows (M, P) uint8 from :func:`pack`.

    Raises:
        NeuralBakeError: the data is damaged or of another size; ``source`` names it.
    """
    size = -(-shape[0] * shape[1] // 2)
    try:
        # bounded: a small file must not unfold into all memory
        stream = zlib.decompressobj()
        packed = np.frombuffer(stream.decompress(data.tobytes(), size + 1), np.uint8)
    except zlib.error as error:
        raise NeuralBakeError("corrupt_file", f"{source} is damaged: its shadows.", "Bake again.") from error
    if len(packed) != size:
        raise NeuralBakeError("corrupt_file", f"{source} is damaged: its shadows have another size.", "Bake again.")
    flat = np.empty(2 * size, np.uint8)
    flat[0::2], flat[1::2] = packed & 15, packed >> 4
    return (flat[: shape[0] * shape[1]] * np.uint8(255 // LEVELS)).reshape(shape)
