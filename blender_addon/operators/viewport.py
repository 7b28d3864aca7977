# SPDX-FileCopyrightText: 2026 Neural Bake developers
#
# SPDX-License-Identifier: GPL-3.0-or-later

"""The operator that shows the baked light in the 3D View."""

from __future__ import annotations

import bpy

from .. import results, viewport
from ..core.errors import NeuralBakeError


class NEURAL_BAKE_OT_show_light(bpy.types.Operator):
    bl_idname = "neural_bake.show_light"
    bl_label = "Show in Viewport"
    bl_description = (
        "Show every surface of this 3D View as white clay in the baked light, in any shading; again to go back. "
        "Materials and meshes stay as they are"
    )
    # No UNDO: nothing of the file changes.
    bl_options = {'REGISTER'}

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        if bpy.app.background:
            cls.poll_message_set("This Blender has no window to show the light in")
            return False
        if not viewport.views(context):
            cls.poll_message_set("There is no 3D View in this workspace")
            return False
        if not results.holders(context.scene) and not viewport.is_shown(context):
            cls.poll_message_set("No object of this scene has a result. Bake or load one first")
            return False
        return True

    def execute(self, context: bpy.types.Context) -> set[str]:
        if viewport.is_shown(context):
            viewport.hide(context)
            return {'FINISHED'}
        try:
            display = viewport.show(context)
        except NeuralBakeError as error:
            self.report({'ERROR'}, str(error))
            return {'CANCELLED'}
        if display.left_out:
            more = f"{len(display.left_out)} dense objects are left out, {display.left_out[0]} among them"
            self.report({'WARNING'}, f"The baked light is shown; {more}")
        return {'FINISHED'}


classes = (NEURAL_BAKE_OT_show_light,)

register, unregister = bpy.utils.register_classes_factory(classes)
