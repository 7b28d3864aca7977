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
