# SPDX-FileCopyrightText: 2026 Neural Bake developers
#
# SPDX-License-Identifier: GPL-3.0-or-later

"""The picture of a running bake, which a panel can show only as an icon."""

from __future__ import annotations

from pathlib import Path

import bpy.utils.previews

SCALE = 10.0

_collection: bpy.utils.previews.ImagePreviewCollection | None = None


def draw(layout: bpy.types.UILayout, path: Path | None) -> None:
    """Draw a picture file that is written again and again; nothing where there is none yet."""
    preview = _load(path)
    if preview is None:
        return
    column = layout.column()
    width, height = preview.image_size
    # An icon is a square; the empty part below a wide picture is given to what follows.
    column.ui_units_y = SCALE * (0.5 + 0.5 * min(height / max(width, 1), 1.0))
    column.template_icon(icon_value=preview.icon_id, scale=SCALE)


def _load(path: Path | None) -> bpy.types.ImagePreview | None:
    if path is None:
        return None
    try:
        key = f"{path}:{path.stat().st_mtime_ns}"
    except OSError:
        return None
    if key not in _collection:
        _collection.clear()  # only the newest is ever shown
        _collection.load(key, str(path), 'IMAGE')
    return _collection[key]


def register() -> None:
    global _collection
    _collection = bpy.utils.previews.new()


def unregister() -> None:
    global _collection
    bpy.utils.previews.remove(_collection)
    _collection = None
