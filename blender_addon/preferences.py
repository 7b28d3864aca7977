# SPDX-FileCopyrightText: 2026 Neural Bake developers
#
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the artist sets once: where the engine is."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import bpy
from bpy.props import StringProperty


class NeuralBakePreferences(bpy.types.AddonPreferences):
    bl_idname = __package__

    engine: StringProperty(
        name="Engine",
        description="Python with torch that trains, in an environment of its own; Blender's Python is never changed",
        subtype='FILE_PATH',
    )

    def draw(self, _context: bpy.types.Context) -> None:
        layout = self.layout
        layout.use_property_split = True
        layout.use_property_decorate = False  # No animation.
        layout.prop(self, "engine")


def engine_python(context: bpy.types.Context, chosen: str | None = None) -> Path | None:
    """The engine's Python: what was chosen, else the environment variable NEURAL_BAKE_ENGINE, else the preferences.

    Returns:
        Its path, which may not exist where it was set wrongly; None where nothing names one.
    """
    addon = context.preferences.addons.get(__package__)
    preferred = bpy.path.abspath(addon.preferences.engine) if addon else ""
    name = chosen or os.environ.get("NEURAL_BAKE_ENGINE") or preferred
    return Path(shutil.which(name) or name) if name else None


def register() -> None:
    bpy.utils.register_class(NeuralBakePreferences)


def unregister() -> None:
    bpy.utils.unregister_class(NeuralBakePreferences)
