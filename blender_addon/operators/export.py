# SPDX-FileCopyrightText: 2026 Neural Bake developers
#
# SPDX-License-Identifier: GPL-3.0-or-later

"""Operators that write light into meshes."""

from __future__ import annotations

import math

import bpy
from bpy.props import BoolProperty, FloatProperty, StringProperty

from .. import light_sets, results, vertex_colours
from ..core.errors import NeuralBakeError
from .results import chosen_holder

MOST_NAMES = 4


class NEURAL_BAKE_OT_apply_vertex_colours(bpy.types.Operator):
    bl_idname = "neural_bake.apply_vertex_colours"
    bl_label = "Apply to Vertex Colours"
    bl_description = (
        "Write the baked light on the selected meshes into their colour attribute neural_irradiance, "
        "and make it the active one"
    )
    bl_options = {'REGISTER', 'UNDO'}

    volume: StringProperty(
        name="Volume",
        description="Object whose result is used; empty means the active one's, else the only result of the scene",
        options={'SKIP_SAVE'},
    )
    over_pi: BoolProperty(
        name="Divide by Pi",
        description=(
            "Write what a white surface shows in this light, to be multiplied with a material's colour, "
            "instead of the irradiance in W/m²"
        ),
        default=False,
    )
    factor: FloatProperty(
        name="Factor", description="Multiplies the light that is written", default=1.0, min=0.0, soft_max=10.0
    )

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        if not results.holders(context.scene):
            cls.poll_message_set("No object of this scene has a result. Bake or load one first")
            return False
        if not context.selected_objects:
            cls.poll_message_set("Select the meshes that take the light")
            return False
        return True

    def execute(self, context: bpy.types.Context) -> set[str]:
        try:
            keeper = chosen_holder(context, self.volume)
            grid = light_sets.light_grid(keeper, context.scene, context.view_layer)
        except NeuralBakeError as error:
            self.report({'ERROR'}, str(error))
            return {'CANCELLED'}
        depsgraph = context.evaluated_depsgraph_get()
        users = vertex_colours.object_users()
        scale = self.factor / math.pi if self.over_pi else self.factor
        written, corners = 0, 0
        skipped: dict[str, list[str]] = {}
        for obj in context.selected_objects:
            reason = vertex_colours.refusal(obj, users)
            if not reason:
                try:
                    corners += vertex_colours.write(obj, depsgraph, grid, scale)
                    written += 1
                except NeuralBakeError as error:
                    reason = error.message.rstrip(".")
            if reason:
                skipped.setdefault(reason, []).append(obj.name)
        left_out = "; ".join(f"{_names(names)} ({reason})" for reason, names in skipped.items())
        if not written:
            self.report({'ERROR'}, f"None of the selected objects can take light: {left_out}.")
            return {'CANCELLED'}
        message = f"Light written to {written} {'mesh' if written == 1 else 'meshes'}, {corners:,} corners"
        if skipped:
            self.report({'WARNING'}, f"{message}. Left out: {left_out}.")
        else:
            self.report({'INFO'}, message)
        return {'FINISHED'}


def _names(names: list[str]) -> str:
    more = f" and {len(names) - MOST_NAMES} more" if len(names) > MOST_NAMES else ""
    return ", ".join(names[:MOST_NAMES]) + more


classes = (NEURAL_BAKE_OT_apply_vertex_colours,)

register, unregister = bpy.utils.register_classes_factory(classes)
