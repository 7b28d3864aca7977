# SPDX-FileCopyrightText: 2026 Neural Bake developers
#
# SPDX-License-Identifier: GPL-3.0-or-later

"""The image "Neural Relight": linear light, shown as the scene's renders are, with a frame where it is not to be
trusted."""

from __future__ import annotations

import bpy
import numpy as np

from . import result_images

WARNING = (1.0, 0.22, 0.0)
"""Linear colour of the frame that warns."""
FRAME = 1.0 / 48.0
"""Its width, as a share of the picture's height."""
RGB = np.dtype((np.void, 12))

# One buffer for all updates of a picture's size; Blender copies out of it.
_buffer = np.empty((0, 0, 4), np.float32)


def write(keeper: bpy.types.Object, picture: np.ndarray, *, warns: bool) -> bpy.types.Image:
    """Show a picture as the one of a result.

    Args:
        keeper: the object that holds the result.
        picture: (H, W, 3) linear, row 0 on top.
        warns: whether to draw the frame.
    """
    height, width = picture.shape[:2]
    image = find(keeper, width, height)
    image.pixels.foreach_set(_fill(picture, warns).ravel())
    image.update()
    return image


def find(keeper: bpy.types.Object, width: int, height: int) -> bpy.types.Image:
    """The image of a result, made where there is none of its own yet, in that size."""
    key = result_images.key(result_images.RELIGHT)
    image = result_images.find(result_images.RELIGHT, keeper)
    is_kept = result_images.is_kept(keeper)
    if image is None or image.library is not None or (is_kept and not _is_own(image, keeper, key)):
        image = new(result_images.RELIGHT_NAME, width, height)
        image.use_view_as_render = True
        if is_kept:
            keeper[key] = image
    elif tuple(image.size) != (width, height):
        image.scale(width, height)
    return image


def copy(keeper: bpy.types.Object, source: bpy.types.Image) -> bpy.types.Image:
    """Show another image's pixels as the picture of a result."""
    width, height = source.size
    image = find(keeper, width, height)
    pixels = np.empty(4 * width * height, np.float32)
    source.pixels.foreach_get(pixels)
    image.pixels.foreach_set(pixels)
    image.update()
    image.pack()
    return image


def new(name: str, width: int, height: int) -> bpy.types.Image:
    """An empty image for linear light."""
    return bpy.data.images.new(name, width, height, alpha=False, float_buffer=True)


def fill(image: bpy.types.Image, picture: np.ndarray) -> None:
    """Write a picture (H, W, 3), linear, row 0 on top, of the image's size."""
    image.pixels.foreach_set(_fill(picture, False).ravel())


def pack(keeper: bpy.types.Object) -> None:
    """Keep the image as it is now in the .blend; until then Blender would ask at its end whether to save it."""
    image = result_images.find(result_images.RELIGHT, keeper)
    if image is not None and image.library is None and image.is_dirty:
        image.pack()


def _is_own(image: bpy.types.Image, keeper: bpy.types.Object, key: str) -> bool:
    """Whether an object need not leave the image to what it is a copy of, which may stand under other lamps."""
    sharing = [obj for obj in bpy.data.objects if obj.type == keeper.type and obj.get(key) == image]
    return min(sharing, key=lambda obj: obj.name) == keeper


def _fill(picture: np.ndarray, warns: bool) -> np.ndarray:
    """The picture as (H, W, 4) float32 with the bottom row first."""
    global _buffer
    height, width = picture.shape[:2]
    if _buffer.shape[:2] != (height, width):
        _buffer = np.ones((height, width, 4), np.float32)
    # A pixel at a time and not a channel: 0.5 ms instead of 2 for 696x464.
    colours = np.ndarray((height, width), RGB, _buffer, strides=_buffer.strides[:2])
    colours[...] = np.ascontiguousarray(picture, np.float32).view(RGB)[::-1, :, 0]
    if warns:
        step = max(2, round(FRAME * height))
        for edge in (_buffer[:step], _buffer[-step:], _buffer[:, :step], _buffer[:, -step:]):
            edge[..., :3] = WARNING
    return _buffer
