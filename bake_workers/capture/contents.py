# SPDX-FileCopyrightText: 2026 Neural Bake developers
#
# SPDX-License-Identifier: GPL-3.0-or-later

"""Digests of the big contents of data-blocks: arrays of geometry, and images."""

from __future__ import annotations

import functools
import hashlib
import os
from pathlib import Path

import bpy
import numpy as np

OWN = "neural_bake"
"""Custom properties with this prefix are results of ours."""
OWN_ATTRIBUTES = (OWN, "neural_irradiance")
"""And attributes with one of these."""
MESH_TOPOLOGY = {".edge_verts", ".corner_vert"}

ARRAYS = {
    "FLOAT": ("value", np.float32, 1),
    "INT": ("value", np.int32, 1),
    "INT8": ("value", np.int32, 1),
    "BOOLEAN": ("value", bool, 1),
    "FLOAT_VECTOR": ("vector", np.float32, 3),
    "FLOAT2": ("vector", np.float32, 2),
    "FLOAT_COLOR": ("color", np.float32, 4),
    "BYTE_COLOR": ("color", np.float32, 4),
    "QUATERNION": ("value", np.float32, 4),
    "INT32_2D": ("value", np.int32, 2),
    "INT16_2D": ("value", np.int32, 2),
    "FLOAT4X4": ("value", np.float32, 16),
}
"""For each type of attribute: its field, and the type and number of the values in it."""


def attributes(block: bpy.types.ID) -> list[tuple]:
    """Name, type and digest of every array of a mesh, curves or points, but of those that are selections or ours."""
    if isinstance(block, bpy.types.Mesh) and block.is_editmode:
        return _attributes_in_edit_mode(block)
    lines = []
    for attribute in block.attributes:
        name = attribute.name
        if name.startswith(OWN_ATTRIBUTES) or (name.startswith(".") and name not in MESH_TOPOLOGY):
            continue
        lines.append((name, attribute.data_type, attribute.domain, sha(attribute_values(attribute))))
    if isinstance(block, bpy.types.Mesh):
        starts = np.empty(len(block.polygons), np.int32)
        block.polygons.foreach_get("loop_start", starts)
        lines.append(("faces", len(block.loops), sha(starts.tobytes())))
    return sorted(lines)


def _attributes_in_edit_mode(mesh: bpy.types.Mesh) -> list[tuple]:
    """The same as if edit mode were left now: in it a mesh's own arrays are empty, and only a copy has them."""
    owner = next(obj for obj in bpy.data.objects if obj.mode == 'EDIT' and obj.data == mesh)
    owner.update_from_editmode()
    try:
        return attributes(owner.to_mesh())
    finally:
        owner.to_mesh_clear()


def attribute_values(attribute: bpy.types.Attribute) -> bytes:
    if attribute.data_type not in ARRAYS:
        return repr([item.value for item in attribute.data]).encode()
    name, kind, width = ARRAYS[attribute.data_type]
    values = np.empty(width * len(attribute.data), kind)
    attribute.data.foreach_get(name, values)
    return values.tobytes()


def image_digest(image: bpy.types.Image) -> str:
    """Digest of an image's contents, the same whether they are packed or in a file."""
    if image.source == 'GENERATED' and not image.is_dirty and not image.packed_files:
        return repr((tuple(image.size), image.use_generated_float))
    if image.is_dirty and image.has_data:
        values = np.empty(len(image.pixels), np.float32)
        image.pixels.foreach_get(values)
        return sha(values.tobytes())
    if image.packed_files:
        return repr([sha(file.packed_file.data) for file in image.packed_files if file.packed_file])
    path = Path(bpy.path.abspath(image.filepath, library=image.library))
    try:
        status = path.stat()
        return repr([_file_digest(path, status.st_mtime_ns, status.st_size)])
    except OSError:
        return repr(("missing", os.path.basename(image.filepath)))


@functools.lru_cache(maxsize=4096)
def _file_digest(path: Path, _time: int, _size: int) -> str:
    """Digest of a file, read once for as long as its time and size stay: a window asks for it again and again."""
    return sha(path.read_bytes())


def plain(value: object) -> object:
    """Numbers, texts, and nested tuples of them."""
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if isinstance(value, bytes):
        return sha(value)
    if isinstance(value, (set, frozenset)):
        return tuple(sorted(value))
    try:
        return tuple(plain(item) for item in value)
    except TypeError:
        return type(value).__name__


def sha(data: str | bytes) -> str:
    return hashlib.sha256(data.encode() if isinstance(data, str) else data).hexdigest()
