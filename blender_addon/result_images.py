# SPDX-FileCopyrightText: 2026 Neural Bake developers
#
# SPDX-License-Identifier: GPL-3.0-or-later

"""The pictures of a result, packed into the .blend: what was learned, what Cycles rendered, the error, and all of them
on one labelled sheet beside the rival. One, ``RELIGHT``, is no file of the result: it is drawn while lamps move."""

from __future__ import annotations

from collections.abc import Container, Iterable
from pathlib import Path

import bpy
import numpy as np

from . import kinds

RELIGHT = 'RELIGHT'
RELIGHT_NAME = "Neural Relight"
# Name of the image data-block, and the artifact's file, the first that exists.
IMAGES = {
    'COMPARISON': ("Neural Bake Comparison", ("comparison.png",)),
    'PREVIEW': ("Neural Bake Preview", ("preview.exr", "preview.png")),
    'REFERENCE': ("Neural Bake Reference", ("reference.exr", "reference.png")),
    'ERROR': ("Neural Bake Error", ("error.exr", "error.png")),
}
OF_KIND = {
    kinds.LIGHT_GRID: IMAGES,
    kinds.RELIGHT: {
        'COMPARISON': ("Neural Relight Comparison", ("comparison.png", "preview.png")),
        'PREVIEW': ("Neural Relight Preview", ("relit.exr",)),
        'REFERENCE': ("Neural Relight Reference", ("reference.exr", "reference.png")),
        'ERROR': ("Neural Relight Error", ("error.png",)),
    },
}
ALL = (*IMAGES, RELIGHT)
# Light is shown as the scene's renders are. The colours of the others mean numbers, or are ready to be looked at.
AS_RENDERS = {'PREVIEW', 'REFERENCE', RELIGHT}
PROPERTY = "neural_bake_picture_"
"""Property of the object that holds a result, which points at the image: who appends the object gets that too."""


def find(which: str, keeper: bpy.types.Object | None = None) -> bpy.types.Image | None:
    """An image of a result, by its name in :data:`ALL`; a bake without a camera has none.

    Args:
        keeper: the object that holds the result; None means this file's first.
    """
    kind = kinds.LIGHT_GRID if keeper is None else kinds.of(keeper)
    if which == RELIGHT and keeper is not None and not is_kept(keeper):
        return _local(RELIGHT_NAME)
    if which == RELIGHT or (keeper is not None and any(key(one) in keeper for one in OF_KIND[kind])):
        image = None if keeper is None else keeper.get(key(which))
        return image if isinstance(image, bpy.types.Image) else None
    return _local(OF_KIND[kind][which][0]) if which in OF_KIND[kind] else None


def pack(directory: Path, files: Container[str], keeper: bpy.types.Object, earlier: dict[str, bpy.types.Image]) -> None:
    """Bring an artifact's pictures in.

    Args:
        directory: the artifact folder.
        files: names of the files that it holds.
        keeper: the object that holds the result.
        earlier: the pictures that these replace, see :func:`owned`; what the new result lacks goes.
    """
    if RELIGHT in earlier:
        keeper[key(RELIGHT)] = earlier[RELIGHT]
    for which, (name, choices) in OF_KIND[kinds.of(keeper)].items():
        path = next((directory / file for file in choices if file in files), None)
        image = earlier.get(which) or _unused(name)
        if path is None:
            remove([image] if image is not None else [])
            continue
        image = pack_file(name, path, image) if which == 'COMPARISON' else pack_image(name, path, image)
        image.use_view_as_render = which in AS_RENDERS
        keeper[key(which)] = image


def owned(keeper: bpy.types.Object) -> dict[str, bpy.types.Image]:
    """The pictures of the result that an object holds, but those that a copy of it has too."""
    found = {which: keeper.get(key(which)) for which in ALL}
    others = _pointed_at(obj for obj in bpy.data.objects if obj != keeper)
    return {which: image for which, image in found.items() if image is not None and image not in others}


def remove(images: Iterable[bpy.types.Image]) -> None:
    """Take pictures out of the .blend."""
    for image in images:
        bpy.data.images.remove(image)


def remove_unused() -> None:
    """Take those out that no result has, such as an earlier version's."""
    names = {name for images in OF_KIND.values() for name, _ in images.values()}
    remove(image for name in names if (image := _unused(name)) is not None)


def pack_image(name: str, path: Path, image: bpy.types.Image | None) -> bpy.types.Image:
    """Put an image file into the .blend as a float image in linear colour.

    Args:
        path: an EXR in linear colour, or a PNG in sRGB.
        image: what it replaces; one that is no float image is the artist's own, and only gives its name away.
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


def pack_file(name: str, path: Path, image: bpy.types.Image | None) -> bpy.types.Image:
    """Put an image file into the .blend as it is: of a sheet to look at, linear floats would be ten times the size."""
    image = image or bpy.data.images.new(name, 1, 1, alpha=False)
    image.source = 'FILE'
    data = path.read_bytes()
    image.pack(data=data, data_len=len(data))
    image.buffers_free()  # what it showed before
    image.use_fake_user = True
    return image


def is_kept(keeper: bpy.types.Object) -> bool:
    """Whether an object of this file can point at its picture; a linked one's is found by its name."""
    return keeper.library is None and keeper.override_library is None


def key(which: str) -> str:
    """The property of the object that holds a result which points at one of its images."""
    return PROPERTY + which.lower()


def _pointed_at(objects: Iterable[bpy.types.Object]) -> set[bpy.types.Image]:
    return {obj.get(key(which)) for obj in objects if obj.type in kinds.OF_TYPE for which in ALL}


def _unused(name: str) -> bpy.types.Image | None:
    """This file's image of a name, where no result has it."""
    image = _local(name)
    return None if image is None or image in _pointed_at(bpy.data.objects) else image


def _local(name: str) -> bpy.types.Image | None:
    """This file's own image of a name; a linked one may have the same."""
    return next((image for image in bpy.data.images if image.name == name and image.library is None), None)


def srgb_to_linear(values: np.ndarray) -> np.ndarray:
    """IEC 61966-2-1, from display values 0 to 1 to linear light; any shape."""
    return np.where(values <= 0.04045, values / 12.92, ((values + 0.055) / 1.055) ** 2.4).astype(np.float32)
