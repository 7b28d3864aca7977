# SPDX-FileCopyrightText: 2026 Neural Bake developers
#
# SPDX-License-Identifier: GPL-3.0-or-later

"""The picture of a running bake, as an icon that a panel can show."""

from __future__ import annotations

from pathlib import Path

import bpy.utils.previews

_collection: bpy.utils.previews.ImagePreviewCollection | None = None


def icon(path: Path | None) -> int:
    """Icon of a picture file that is written again and again; 0 where there is none yet."""
    if path is None:
        return 0
    try:
        key = f"{path}:{path.stat().st_mtime_ns}"
    except OSError:
        return 0
    if key not in _collection:
        _collection.clear()  # only the newest is ever shown
        _collection.load(key, str(path), 'IMAGE')
    return _collection[key].icon_id


def register() -> None:
    global _collection
    _collection = bpy.utils.previews.new()


def unregister() -> None:
    global _collection
    bpy.utils.previews.remove(_collection)
    _collection = None
