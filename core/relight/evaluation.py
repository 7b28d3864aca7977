# SPDX-FileCopyrightText: 2026 Neural Bake developers
#
# SPDX-License-Identifier: GPL-3.0-or-later

"""A relit view: pictures under any place, colour and number of the learned lamps, with numpy alone."""

from __future__ import annotations

import concurrent.futures
import dataclasses
import functools
import os

import numpy as np

from ..errors import NeuralBakeError
from .dense import DenseModel
from .model import BLOCK, Transport

SHORTEST_RUN = 65_536
"""Pixels that a thread works on at once, at least: the interpreter's lock goes round between numpy's calls."""


@dataclasses.dataclass(frozen=True)
class Relight:
    """What a relight bake learned.

    Attributes:
        transports: one for each lamp: factored, or the dense network.
        lamps: their descriptions, see :mod:`core.relight.dataset`.
        width, height: of the pictures.
        camera: name, position and matrix of the camera; None where the pictures came from elsewhere.
        pixels: (P,) int64, row * width + column of the pixels that any lamp lights; the others are black.
        base: (H, W, 3) float32, the rest of the scene; None where that is black.
        spacing: each lamp's mean distance between captured neighbours.
        domains: each lamp's captured places (N, 3).
        metrics: of the manifest.
    """

    transports: tuple[Transport | DenseModel, ...]
    lamps: tuple[dict, ...]
    width: int
    height: int
    camera: dict | None
    pixels: np.ndarray
    base: np.ndarray | None
    spacing: tuple[float, ...]
    domains: tuple[np.ndarray, ...]
    metrics: dict

    def render(
        self,
        lights: np.ndarray,
        colours: np.ndarray | None = None,
        lamp: np.ndarray | None = None,
        base: bool = True,
    ) -> np.ndarray:
        """The view under lights, which add up.

        Args:
            lights: (L, 3) positions (scene units, world space), or unit directions towards a sun, or (cos a, sin a, 0)
                for the world turned by a; as captured. A single (3,) is one light.
            colours: (L, 3) or (L, 1), linear Rec.709 factors on each lamp's captured, white light; None is 1.
            lamp: (L,) index of the lamp that each light is; None is the first.
            base: whether the rest of the scene is added.

        Returns:
            (height, width, 3) float32, linear Rec.709, row 0 on top.

        Raises:
            NeuralBakeError: shapes that do not match, values that are not finite, or a lamp that does not exist.
        """
        lights = np.atleast_2d(np.asarray(lights, np.float64))
        count = len(lights)
        colours = np.ones((count, 3)) if colours is None else np.asarray(colours, np.float64)
        lamp = np.zeros(count, int) if lamp is None else np.atleast_1d(np.asarray(lamp))
        try:
            colours = np.broadcast_to(np.atleast_2d(colours), (count, 3)).astype(np.float32)
            valid = lights.shape == (count, 3) and lamp.shape == (count,)
        except ValueError:
            valid = False
        if not valid or not np.isfinite(lights).all() or not np.isfinite(colours).all():
            raise NeuralBakeError("bad_input", "Lights are (L, 3) finite numbers, colours (L, 3), lamps (L,).")
        if count and not 0 <= lamp.min() <= lamp.max() < len(self.transports):
            raise NeuralBakeError("bad_input", f"This result has {len(self.transports)} lamps, numbered from 0.")
        result = np.zeros((self.height * self.width, 3), np.float32)
        if base and self.base is not None:
            result[:] = self.base.reshape(-1, 3)
        lit = []
        for light, colour, index in zip(lights, colours, lamp, strict=True):
            transport = self.transports[index]
            if isinstance(transport, DenseModel):
                result[self.pixels] += transport.render(light).reshape(-1, 3)[self.pixels] * colour
            elif colour.any():
                lit.append((transport.prepare(light), colour))
        is_whole = len(self.pixels) == len(result)

        count = len(self.pixels)
        length = max(SHORTEST_RUN, -(-count // (os.cpu_count() or 1)))
        length = -(-length // BLOCK) * BLOCK

        def work(first: int) -> None:
            run = slice(first, min(first + length, count))
            picture = np.zeros((3, run.stop - first), np.float32)
            for one, colour in lit:
                one.add(picture, run, colour)
            result[run if is_whole else self.pixels[run]] += picture.T

        if lit:
            list(_threads().map(work, range(0, count, length)))
        return result.reshape(self.height, self.width, 3)

    def outside(self, light: np.ndarray, lamp: int = 0) -> float:
        """How far a light (3,) is from all that was captured, in units of the mean distance between captured
        neighbours: 0 up to one such distance from the nearest of them, then growing."""
        distance = float(np.sqrt(np.min(np.sum((self.domains[lamp] - np.asarray(light)) ** 2, axis=1))))
        spacing = self.spacing[lamp]
        return max(0.0, distance / spacing - 1.0) if spacing > 0.0 else float(distance > 0.0)


def mean_spacing(lights: np.ndarray) -> float:
    """Mean distance of places (N, 3) to their nearest neighbour; 0 for a single one."""
    if len(lights) < 2:
        return 0.0
    square = np.sum((lights[:, None] - lights[None]) ** 2, axis=2)
    np.fill_diagonal(square, np.inf)
    return float(np.sqrt(square.min(axis=1)).mean())


@functools.cache
def _threads() -> concurrent.futures.ThreadPoolExecutor:
    """As many as there are cores; numpy works outside the interpreter's lock."""
    return concurrent.futures.ThreadPoolExecutor(os.cpu_count() or 1, "relight")
