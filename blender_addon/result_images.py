# SPDX-FileCopyrightText: 2026 Neural Bake developers
#
# SPDX-License-Identifier: GPL-3.0-or-later

"""The pictures of a result, packed into the .blend: what was learned, what Cycles measured, the error, and all of them on
one labelled sheet beside the trilinear rival."""

from __future__ import annotations

from collections.abc import Container
from pathlib import Path

import bpy
import numpy as np

# Name of the image data-block, and the artifact's file, the first that exists.
IMAGES = {
    'COMPARISON': ("Neural Bake Comparison", ("comparison.png",)),
    'PREVIEW': ("Neural Bake Preview", ("preview.exr", "preview.png")),
    'REFERENCE': ("Neural Bake Reference", ("reference.exr", "reference.png")),
    'ERROR': ("Neural Bake Error", ("error.exr", "error.png")),
}
# Light is shown as the scene's renders are. The colours of the others mean numbers, or are ready to be looked at.
AS_RENDERS = {'PREVIEW', 'REFERENCE'}


def find(which: str) -> bpy.types.Image | None:
    """An image of this file's newest result, by its name in :data:`IMAGES`; a bake without a camera has none."""
    return _local(IMAGES[which][0])


def pack(directory: Path, files: Container[str]) -> None:
    """Bring an artifact's pictures in; those of an earlier result go, also where the new one has none.

    Args:
        directory: the artifact folder.
        files: names of the files that it holds.
    """
    for which, (name, choices) in IMAGES.items():
        path = next((directory / file for file in choices if file in files), None)
        if path is None:
            remove(which)
            continue
        image = pack_file(name, path) if which == 'COMPARISON' else pack_image(name, path)
        image.use_view_as_render = which in AS_RENDERS


def remove(which: str) -> None:
    """Take a picture out of the .blend."""
    image = find(which)
    if image is not None:
        bpy.data.images.remove(image)


def pack_image(name: str, path: Path) -> bpy.types.Image:
    """Put an image file into the .blend as a float image in linear colour, replacing the one of that name.

    Args:
        path: an EXR in linear colour, or a PNG in sRGB.
    """
    source = bpy.data.images.load(str(path), check_existing=False)
    try:
        width, height = source.size
        pixels = np.empty((height, width, 4), np.float32)
        source.pixels.foreach_get(pixels.ravel())
        if not source.is_float:
            pixels[..., :3] = srgb_to_linear(pixels[..., :3])
    finally:
        bpy.data.images.remove(source)
    image = _local(name)
    if image is not None and not image.is_float:
        image.name = f"{name}.old"
        image = None
    if image is None:
        image = bpy.data.images.new(name, width, height, alpha=False, float_buffer=True)
    elif tuple(image.size) != (width, height):
        image.scale(width, height)
    image.pixels.foreach_set(pixels.ravel())
    image.update()
    image.pack()
    image.use_fake_user = True  # nothing in the scene uses it, and Blender saves only what is used
    return image


def pack_file(name: str, path: Path) -> bpy.types.Image:
    """Put an image file into the .blend as it is: of a sheet to look at, linear floats would be ten times the size."""
    image = _local(name) or bpy.data.images.new(name, 1, 1, alpha=False)
    image.source = 'FILE'
    data = path.read_bytes()
    image.pack(data=data, data_len=len(data))
    image.buffers_free()  # what it showed before
    image.use_fake_user = True
    return image


def _local(name: str) -> bpy.types.Image | None:
    """This file's own image of a name; a linked one may have the same."""
    return next((image for image in bpy.data.images if image.name == name and image.library is None), None)


def srgb_to_linear(values: np.ndarray) -> np.ndarray:
    """IEC 61966-2-1, from display values 0 to 1 to linear light; any shape."""
    return np.where(values <= 0.04045, values / 12.92, ((values + 0.055) / 1.055) ** 2.4).astype(np.float32)
