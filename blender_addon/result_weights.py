# SPDX-FileCopyrightText: 2026 Neural Bake developers
#
# SPDX-License-Identifier: GPL-3.0-or-later

"""The learned weights in the .blend.

A light grid's, some hundred kilobytes, are bytes in a property of its object. Those of a relit view, up to 32 MB, are
packed into an image data-block that the camera's property points at. Measured with 32 MB in bpy 4.5.15 and 5.2.3 on two
cores: as bytes on the camera they cost 17 ms each time that it is moved (Blender copies an object's properties when it
evaluates it) and 23 ms each step of undo; as bytes on a text data-block, which is not evaluated, 0 and 4 ms; packed
into an image nothing that can be told from an empty file, and saving takes 40 to 65 ms instead of 110. The image is
none to look at: its name begins with a dot, so that lists leave it out.
"""

from __future__ import annotations

from pathlib import Path

import bpy

from . import kinds

KEY = "neural_bake_weights"
VIEW = "neural_bake_view"
"""Of a light grid with light sets: the image that the view of each set is packed into."""
NAME = ".Neural Bake Weights"


def store(keeper: bpy.types.Object, data: bytes) -> None:
    """Write weights onto the object that holds their result; earlier ones of it must be removed before."""
    if kinds.of(keeper) != kinds.RELIGHT:
        keeper[KEY] = data
        return
    pack(keeper, KEY, data)


def pack(keeper: bpy.types.Object, key: str, data: bytes) -> None:
    """Write bytes into an image that a property of an object points at."""
    image = bpy.data.images.new(NAME, 1, 1)
    image.source = 'FILE'
    image.pack(data=data, data_len=len(data))
    keeper[key] = image


def remove(keeper: bpy.types.Object) -> None:
    """Take an object's weights out of the .blend, but those that a copy of it has too."""
    for key in (KEY, VIEW):
        value = keeper.get(key)
        if isinstance(value, bpy.types.Image) and value.library is None:
            del keeper[key]
            if not any(obj.get(key) == value for obj in bpy.data.objects if obj.type == keeper.type):
                bpy.data.images.remove(value)
        elif value is not None:
            del keeper[key]


def are_there(keeper: bpy.types.Object) -> bool:
    """Whether an object has its weights; quick."""
    value = keeper.get(KEY)
    if isinstance(value, bpy.types.Image):
        return value.packed_file is not None or _unpacked(value) is not None
    return value is not None


def any_packed() -> bool:
    """Whether the file has anything that follows lamps: much quicker than asking its objects."""
    return any(image.name.startswith(NAME) for image in bpy.data.images)


def read(keeper: bpy.types.Object, key: str = KEY) -> bytes:
    """The weights of an object, or what else it has packed; none where they are lost."""
    value = keeper.get(key)
    if not isinstance(value, bpy.types.Image):
        return bytes(value or b"")
    if value.packed_file is not None:
        return bytes(value.packed_file.data)
    path = _unpacked(value)
    return b"" if path is None else path.read_bytes()


def _unpacked(image: bpy.types.Image) -> Path | None:
    """The file that File > External Data > Unpack has made of an image."""
    if not image.filepath:
        return None
    path = Path(bpy.path.abspath(image.filepath, library=image.library))
    return path if path.is_file() else None
