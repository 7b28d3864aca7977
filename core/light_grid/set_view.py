# SPDX-FileCopyrightText: 2026 Neural Bake developers
#
# SPDX-License-Identifier: GPL-3.0-or-later

"""The camera's view of each light set alone, so that the preview follows the lamps without a look-up.

A pixel's value is E / pi, the radiance of a white diffuse surface, as in the preview.
"""

from __future__ import annotations

import dataclasses

import numpy as np

from .. import tensorfile
from ..errors import NeuralBakeError
from .dataset import View
from .evaluation import LightGrid

FILE = "preview_sets.safetensors"
FORMAT = "neural_bake.light_grid_view/1"
BACKGROUND = 0.0


@dataclasses.dataclass(frozen=True)
class SetView:
    """The light sets of a view.

    Attributes:
        width, height: of the picture.
        pixels: (M,) flat indices of the pixels that show a surface, row 0 on top.
        light: (3, M, G) float32: of each colour, pixel and set, as it was measured, not clamped.
    """

    width: int
    height: int
    pixels: np.ndarray
    light: np.ndarray

    def picture(self, factors: np.ndarray) -> np.ndarray:
        """The view (H, W, 3) float32 with each set's measured light times ``factors`` (G, 3); never negative."""
        result = np.full((self.height * self.width, 3), BACKGROUND, np.float32)
        for channel in range(3):
            shown = self.light[channel] @ np.ascontiguousarray(factors[:, channel], np.float32)
            result[self.pixels, channel] = np.maximum(shown, 0.0, out=shown)
        return result.reshape(self.height, self.width, 3)


def see(view: View, grid: LightGrid) -> SetView:
    """What a camera sees of a light grid's sets."""
    light = grid.set_irradiance(view.positions, view.normals) / np.float32(np.pi)
    return SetView(view.width, view.height, view.pixels, np.ascontiguousarray(light.transpose(2, 0, 1)))


def encode(view: SetView) -> bytes:
    """Bytes of the file: ``light`` (3, M, G) float16 over ``scale`` (G,), ``pixels`` (M,) and ``size`` (2,)."""
    scale = np.maximum(np.abs(view.light).max(axis=(0, 1), initial=0.0), 1e-30).astype(np.float32)
    tensors = {
        "light": (view.light / scale).astype(np.float16),
        "scale": scale,
        "pixels": view.pixels.astype(np.int32),
        "size": np.array([view.width, view.height], np.int32),
    }
    return tensorfile.encode(tensors, {"format": FORMAT})


def decode(data: bytes, sets: int, source: str) -> SetView:
    """The view of ``encode``'s bytes, of a result with so many light ``sets``.

    Raises:
        NeuralBakeError: the data is damaged, or of another result or version.
    """
    tensors, metadata = tensorfile.decode(data, source)
    try:
        width, height = (int(value) for value in tensors["size"])
        pixels, scale = tensors["pixels"], tensors["scale"]
        light = tensors["light"].astype(np.float32) * scale
        if metadata["format"] != FORMAT or light.shape != (3, len(pixels), sets) or not np.isfinite(light).all():
            raise ValueError("its light is of another result")
        if min(width, height) < 1 or len(pixels) and not 0 <= pixels.min() <= pixels.max() < width * height:
            raise ValueError("a pixel lies outside the picture")
    except (KeyError, ValueError, TypeError) as error:
        raise NeuralBakeError("corrupt_file", f"{source} is damaged ({error}).", "Restore it or bake again.") from error
    return SetView(width, height, pixels, light)
