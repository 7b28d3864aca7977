# SPDX-FileCopyrightText: 2026 Neural Bake developers
#
# SPDX-License-Identifier: GPL-3.0-or-later

"""The panel on a Light Probe Volume's data."""

from __future__ import annotations

import math

import bpy

from .. import results, volumes
from ..core.errors import NeuralBakeError
from . import parts, text


class NEURAL_BAKE_PT_object_data(bpy.types.Panel):
    bl_label = "Neural Bake"
    bl_space_type = 'PROPERTIES'
    bl_region_type = 'WINDOW'
    bl_context = "data"

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        return volumes.is_volume(context.object)

    def draw(self, context: bpy.types.Context) -> None:
        layout, obj = self.layout, context.object
        try:
            counts = volumes.resolution(obj, context.scene)
        except NeuralBakeError as error:
            parts.sentence(layout, context, str(error), 'ERROR')
        else:
            layout.label(text=f"{' × '.join(map(str, counts))} = {text.number(math.prod(counts), 'probe')}")
        if obj not in volumes.of_scene(context.scene, context.view_layer):
            parts.sentence(layout, context, "Disabled in renders, so no bake takes it.", 'INFO')
        problem, keeper = results.problem(obj), results.holder(obj)
        if keeper is not None:
            if keeper is not obj:
                parts.sentence(layout, context, f"Baked together with {keeper.name}")
            parts.result(layout, context, keeper)
            parts.result_buttons(layout, context)
        elif problem:
            parts.sentence(layout, context, problem, 'ERROR')
        else:
            layout.label(text="Nothing baked yet")
            return
        layout.operator("neural_bake.clear", text="Clear", icon='TRASH').result = 'ACTIVE'


classes = (NEURAL_BAKE_PT_object_data,)

register, unregister = bpy.utils.register_classes_factory(classes)
