# SPDX-FileCopyrightText: 2026 Neural Bake developers
#
# SPDX-License-Identifier: GPL-3.0-or-later

"""The sidebar's panels of relit views: what is learned, the picture that follows the lamps, and the animation."""

from __future__ import annotations

import bpy

from .. import kinds, lamps, live, properties, relight_animation, results
from . import parts
from .view3d import SidebarPanel

LAMP_ICONS = {'POINT': 'LIGHT_POINT', 'SUN': 'LIGHT_SUN', 'SPOT': 'LIGHT_SPOT', 'AREA': 'LIGHT_AREA'}
MOST_LAMPS = 12


class RelightPanel(SidebarPanel):
    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        return properties.kind_of(context.scene) == kinds.RELIGHT


class NEURAL_BAKE_PT_lamps(RelightPanel, bpy.types.Panel):
    bl_label = "Lamps"

    def draw(self, context: bpy.types.Context) -> None:
        layout, scene = self.layout, context.scene
        settings = scene.neural_bake.relight
        layout.use_property_split = True
        layout.use_property_decorate = False  # No animation.
        layout.prop(scene, "camera")
        chosen = lamps.chosen(scene, context.view_layer)
        offered = lamps.offered(scene, context.view_layer)
        column = layout.column(align=True)
        for name in [*chosen, *(name for name in offered if name not in chosen)][:MOST_LAMPS]:
            obj = context.view_layer.objects.get(name)
            is_world = obj is None and name == lamps.WORLD
            icon = 'WORLD' if is_world else LAMP_ICONS.get(getattr(getattr(obj, "data", None), "type", ""), 'ERROR')
            row = column.row(align=True)
            row.operator("neural_bake.choose_lamps", text=name, icon=icon, depress=name in chosen).lamp = name
        if len(offered) > MOST_LAMPS:
            parts.sentence(layout, context, f"and {len(offered) - MOST_LAMPS} more: select lamps and press this.")
        if len(offered) > 1:
            layout.operator("neural_bake.choose_lamps", text="Selected Lamps", icon='RESTRICT_SELECT_OFF').lamp = ""
        column = layout.column(align=True)
        column.prop(settings, "domain")
        column.prop_search(settings, "domain_object", scene, "objects", text="Shape", icon='OBJECT_DATA')
        column = layout.column(align=True)
        column.prop(settings, "lights", text="Places")
        column.prop(settings, "width")


class NEURAL_BAKE_PT_live(RelightPanel, bpy.types.Panel):
    bl_label = "Live"

    def draw_header(self, context: bpy.types.Context) -> None:
        self.layout.prop(context.scene.neural_bake, "live", text="")

    def draw(self, context: bpy.types.Context) -> None:
        layout, scene = self.layout, context.scene
        layout.use_property_split = True
        layout.use_property_decorate = False  # No animation.
        keeper = live.keeper_of(scene)
        if keeper is None or results.manifest(keeper) is None:
            parts.sentence(layout, context, "Bake, and the picture follows the lamps.")
            return
        parts.relit_picture(layout)
        problem, shown = live.problem(scene), live.shown(scene)
        if problem:
            parts.sentence(layout, context, problem, 'ERROR')
        elif shown is not None:
            milliseconds = 1000.0 * shown.seconds
            parts.sentence(layout, context, f"{milliseconds:.0f} ms, of which light {1000.0 * shown.model_seconds:.0f}")
            edges(layout, context, shown)
        layout.prop(scene.neural_bake, "allowed_outside", text="Allowed Outside")
        animation(layout, context)


def edges(layout: bpy.types.UILayout, context: bpy.types.Context, shown: live.Shown) -> None:
    """How near to its places' edge every lamp stands, and what cannot be shown."""
    allowed = context.scene.neural_bake.allowed_outside
    column = layout.column(align=True)
    for name, distance in shown.outside:
        factor = 1.0 if distance > allowed else distance / allowed if allowed > 0.0 else 0.0
        row = column.row(align=True)
        row.alert = distance > allowed
        words = f"{name}: {distance:.1f} places outside" if distance > 0.0 else f"{name}: inside"
        row.progress(factor=factor, text=words)
    if shown.warns:
        parts.sentence(layout, context, "Outside what was rendered: do not trust the picture.", 'ERROR')
    if not len(shown.state.lights):
        parts.sentence(layout, context, "All of its lamps are off or hidden.", 'INFO')
    for note in shown.state.notes:
        parts.sentence(layout, context, note, 'INFO')


def animation(layout: bpy.types.UILayout, context: bpy.types.Context) -> None:
    """The button of the image sequence, its progress, and how the last one ended."""
    running, last = relight_animation.running(), relight_animation.last()
    if running is None:
        layout.operator("neural_bake.relight_animation", icon='RENDER_ANIMATION')
    else:
        row = layout.row(align=True)
        row.progress(factor=running.done / running.total, text=running.headline)
        row.operator("neural_bake.cancel_animation", text="", icon='X')
    if running is None and last is not None:
        parts.sentence(layout, context, last.message, 'INFO')


classes = (NEURAL_BAKE_PT_lamps, NEURAL_BAKE_PT_live)

register, unregister = bpy.utils.register_classes_factory(classes)
