# SPDX-FileCopyrightText: 2026 Neural Bake developers
#
# SPDX-License-Identifier: GPL-3.0-or-later

"""Every difference between the supported Blenders, one function each."""

from __future__ import annotations

import sys
from pathlib import Path

import bpy


def blender_program() -> Path:
    """What to start for another Blender of this version: the Blender itself, or the Python whose bpy module this is."""
    return Path(bpy.app.binary_path or sys.executable)


def cycles_devices(context: bpy.types.Context) -> dict:
    """The artist's Cycles devices, as ``job.json`` holds them; a background Blender does not have the preferences.

    Returns:
        ``{"compute_device_type": "NONE" | "CUDA" | "OPTIX" | ..., "devices": [names that are switched on]}``.
    """
    addon = context.preferences.addons.get("cycles")
    kind = getattr(addon.preferences, "compute_device_type", "NONE") if addon else "NONE"
    if kind == 'NONE':
        return {"compute_device_type": "NONE", "devices": []}
    names = [device.name for device in addon.preferences.devices if device.use and device.type in {kind, 'CPU'}]
    return {"compute_device_type": kind, "devices": names}


def set_image_format(settings: bpy.types.ImageFormatSettings, name: str) -> None:
    """Choose a file format, such as PNG; from 5.0 on those on offer depend on the kind of media."""
    if hasattr(settings, "media_type"):
        is_movie, is_layered = name == 'FFMPEG', name == 'OPEN_EXR_MULTILAYER'
        settings.media_type = 'VIDEO' if is_movie else 'MULTI_LAYER_IMAGE' if is_layered else 'IMAGE'
    settings.file_format = name
