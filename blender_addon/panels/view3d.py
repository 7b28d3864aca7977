# SPDX-FileCopyrightText: 2026 Neural Bake developers
#
# SPDX-License-Identifier: GPL-3.0-or-later

"""The tab in the 3D View's sidebar."""

from __future__ import annotations

import bpy

from .. import kinds, properties, results
from ..operators.results import shown_holder
from . import parts, text, volume_list


class SidebarPanel:
    bl_space_type = 'VIEW_3D'
    bl_region_type = 'UI'
    bl_category = "Neural Bake"


class NEURAL_BAKE_PT_bake(SidebarPanel, bpy.types.Panel):
    bl_label = "Neural Bake"

    def draw(self, context: bpy.types.Context) -> None:
        parts.bake(self.layout, context)


class LightGridPanel(SidebarPanel):
    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        return properties.kind_of(context.scene) == kinds.LIGHT_GRID


class NEURAL_BAKE_PT_probes(LightGridPanel, bpy.types.Panel):
    bl_label = "Probes"

    def draw(self, context: bpy.types.Context) -> None:
        layout = self.layout
        layout.use_property_split = True
        layout.use_property_decorate = False  # No animation.
        settings = context.scene.neural_bake
        column = layout.column(align=True)
        column.prop(settings, "spacing")
        column.prop(settings, "margin")
        column = layout.column(align=True)
        column.label(text="Add Volume Around")
        row = column.row(align=True)
        row.operator("neural_bake.add_volume", text="Selection").fit = 'SELECTION'
        row.operator("neural_bake.add_volume", text="Scene").fit = 'SCENE'
        row.operator("neural_bake.add_volume", text="Cursor").fit = 'CURSOR'
        row = layout.row(align=True)
        row.operator_menu_enum("neural_bake.fit_volume", "fit", text="Fit Again")
        row.operator("neural_bake.split_volume", text="Split")
        volume_list.draw(layout, context)


class NEURAL_BAKE_PT_overlay(LightGridPanel, bpy.types.Panel):
    bl_label = "Overlay"
    bl_options = {'DEFAULT_CLOSED'}

    def draw_header(self, context: bpy.types.Context) -> None:
        self.layout.prop(context.scene.neural_bake, "show_probes", text="")

    def draw(self, context: bpy.types.Context) -> None:
        layout = self.layout
        layout.use_property_split = True
        layout.use_property_decorate = False  # No animation.
        settings = context.scene.neural_bake
        layout.active = settings.show_probes
        column = layout.column(align=True)
        column.prop(settings, "probe_size")
        column.prop(settings, "probe_fade")
        layout.prop(settings, "show_invalid")


class NEURAL_BAKE_PT_result(SidebarPanel, bpy.types.Panel):
    bl_label = "Result"
    bl_order = 10  # after those of every kind

    def draw(self, context: bpy.types.Context) -> None:
        layout = self.layout
        kind = properties.kind_of(context.scene)
        holders = results.holders(context.scene, kind)
        keeper = shown_holder(context) if holders else None
        if keeper is None:
            layout.label(text="Nothing baked yet")
        else:
            names = [obj.name for obj in results.volumes_of(keeper, context.scene)]
            parts.sentence(layout, context, ", ".join(names[:3]) + (" ..." if len(names) > 3 else ""))
            parts.result(layout, context, keeper)
            if len(holders) > 1:
                others = (
                    f"{text.number(len(holders) - 1, 'other result')}: make its {kinds.NOUNS[kind]} active to see it."
                )
                parts.sentence(layout, context, others, 'INFO')
            parts.result_buttons(layout, context, kind)
        row = layout.row(align=True)
        row.operator("neural_bake.load_result", text="Load...", icon='FILE_FOLDER')
        row.operator("neural_bake.clear", text="Clear", icon='TRASH').result = 'ACTIVE'


classes = (NEURAL_BAKE_PT_bake, NEURAL_BAKE_PT_probes, NEURAL_BAKE_PT_overlay, NEURAL_BAKE_PT_result)

register, unregister = bpy.utils.register_classes_factory(classes)
