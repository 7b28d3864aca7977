# SPDX-FileCopyrightText: 2026 Neural Bake developers
#
# SPDX-License-Identifier: GPL-3.0-or-later

"""The panels in the Render properties: the bake, and every setting of it."""

from __future__ import annotations

import bpy

from .. import kinds, properties
from . import parts

# Every setting of a light grid has its place here; those of the machine are in the preferences.
GRID = (("light", "light_sets", "spacing", "resolution"),)
QUALITY = (
    ("samples_per_probe", "sample_paths"),
    ("probe_directions", "probe_paths"),
    ("choose_points", "report_points", "report_paths"),
    ("geometry_steps", "light_steps"),
    ("preview_width", "preview_paths"),
)
ADVANCED = (("seed",), ("surface_fraction", "probe_rays", "backface_threshold"), ("sh_window",))


class RenderPanel:
    bl_space_type = 'PROPERTIES'
    bl_region_type = 'WINDOW'
    bl_context = "render"
    bl_options = {'DEFAULT_CLOSED'}


RELIGHT_GROUPS = {
    "VIEW": (("lamps", "domain", "domain_object"), ("width",)),
    "QUALITY": (("lights", "samples"), ("report_lights", "report_samples"), ("visibility_lights",), ("denoise",)),
    "ADVANCED": (("seed",), ("model", "dense_seconds"), ("size",)),
}
"""And every setting of a relit view."""
GROUPS = {
    kinds.LIGHT_GRID: {"VIEW": GRID, "QUALITY": QUALITY, "ADVANCED": ADVANCED},
    kinds.RELIGHT: RELIGHT_GROUPS,
}


class NEURAL_BAKE_PT_render(RenderPanel, bpy.types.Panel):
    bl_label = "Neural Bake"

    def draw(self, context: bpy.types.Context) -> None:
        parts.bake(self.layout, context)
        draw_settings(self.layout, context, "VIEW")


class NEURAL_BAKE_PT_quality(RenderPanel, bpy.types.Panel):
    bl_label = "Quality"
    bl_parent_id = "NEURAL_BAKE_PT_render"

    def draw(self, context: bpy.types.Context) -> None:
        draw_settings(self.layout, context, "QUALITY")


class NEURAL_BAKE_PT_advanced(RenderPanel, bpy.types.Panel):
    bl_label = "Advanced"
    bl_parent_id = "NEURAL_BAKE_PT_render"

    def draw(self, context: bpy.types.Context) -> None:
        draw_settings(self.layout, context, "ADVANCED")


def draw_settings(layout: bpy.types.UILayout, context: bpy.types.Context, page: str) -> None:
    """Settings of the scene's kind in groups; an optional one has its switch in front."""
    layout.use_property_split = True
    layout.use_property_decorate = False  # No animation.
    kind = properties.kind_of(context.scene)
    settings = getattr(context.scene.neural_bake, kind)
    for names in GROUPS[kind][page]:
        column = layout.column(align=True)
        for name in names:
            if name == "domain_object":
                column.prop_search(settings, name, context.scene, "objects", icon='OBJECT_DATA')
                continue
            switch = f"use_{name}"
            if not hasattr(settings, switch):
                column.prop(settings, name)
                continue
            row = column.row(heading=settings.bl_rna.properties[name].name)
            row.prop(settings, switch, text="")
            value = row.row(align=True)
            value.active = getattr(settings, switch)
            value.prop(settings, name, text="")


classes = (NEURAL_BAKE_PT_render, NEURAL_BAKE_PT_quality, NEURAL_BAKE_PT_advanced)

register, unregister = bpy.utils.register_classes_factory(classes)
