# SPDX-FileCopyrightText: 2026 Neural Bake developers
#
# SPDX-License-Identifier: GPL-3.0-or-later

"""Operators about results: bring one in, look at it, remove it."""

from __future__ import annotations

from pathlib import Path

import bpy
from bpy.props import StringProperty

from .. import results
from ..core.errors import NeuralBakeError


class NEURAL_BAKE_OT_load_result(bpy.types.Operator):
    bl_idname = "neural_bake.load_result"
    bl_label = "Load Neural Bake Result"
    bl_description = "Bring a result folder, such as one that a render farm made, into this scene"
    bl_options = {'REGISTER', 'UNDO'}

    directory: StringProperty(
        name="Folder",
        description="Folder of the result, with manifest.json in it",
        subtype='DIR_PATH',
    )

    def execute(self, context: bpy.types.Context) -> set[str]:
        try:
            objects = results.load(context.scene, Path(bpy.path.abspath(self.directory)))
        except NeuralBakeError as error:
            self.report({'ERROR'}, str(error))
            return {'CANCELLED'}
        self.report({'INFO'}, f"The result is on {', '.join(obj.name for obj in objects)}")
        return {'FINISHED'}

    def invoke(self, context: bpy.types.Context, _event: bpy.types.Event) -> set[str]:
        context.window_manager.fileselect_add(self)
        return {'RUNNING_MODAL'}


classes = (NEURAL_BAKE_OT_load_result,)


def register() -> None:
    for cls in classes:
        bpy.utils.register_class(cls)


def unregister() -> None:
    for cls in reversed(classes):
        bpy.utils.unregister_class(cls)
