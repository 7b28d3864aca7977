# SPDX-FileCopyrightText: 2026 Neural Bake developers
#
# SPDX-License-Identifier: GPL-3.0-or-later

"""The picture of a running bake, which a panel can show only as an icon."""

from __future__ import annotations

from pathlib import Path

import bpy.utils.previews
import numpy as np

SCALE = 10.0

_collection: bpy.utils.previews.ImagePreviewCollection | None = None
# Height of the newest picture over its width, at most 1.
_height = 1.0


def draw(layout: bpy.types.UILayout, path: Path | None) -> None:
    """Draw a picture file that is written again and again; nothing where there is none yet."""
    preview = _load(path)
    if preview is None:
        return
    column = layout.column()
    column.ui_units_y = SCALE * _height  # what is empty below a wide picture is given to what follows
    column.template_icon(icon_value=preview.icon_id, scale=SCALE)


def _load(path: Path | None) -> bpy.types.ImagePreview | None:
    global _height
    if path is None:
        return None
    try:
        key = f"{path}:{path.stat().st_mtime_ns}"
    except OSError:
        return None
    if key not in _collection:
        _collection.clear()  # only the newest is ever shown
        loaded = _collection.load("as it is", str(path), 'IMAGE')
        width, height = loaded.image_size
        _height = min(height / max(width, 1), 1.0)
        _put_on_top(_collection.new(key), loaded)
    return _collection[key]


def _put_on_top(preview: bpy.types.ImagePreview, picture: bpy.types.ImagePreview) -> None:
    """Copy a picture to the upper edge of a square, which an icon is; Blender itself would centre it."""
    width, height = picture.image_size
    side = max(width, height)
    pixels = np.zeros((side, side, 4), np.float32)
    source = np.empty((height, width, 4), np.float32)
    picture.image_pixels_float.foreach_get(source.ravel())
    left = (side - width) // 2
    pixels[side - height :, left : left + width] = source
    preview.image_size = (side, side)
    preview.image_pixels_float.foreach_set(pixels.ravel())


def register() -> None:
    global _collection
    _collection = bpy.utils.previews.new()


def unregister() -> None:
    global _collection
    bpy.utils.previews.remove(_collection)
    _collection = None
