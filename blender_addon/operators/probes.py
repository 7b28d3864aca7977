# SPDX-FileCopyrightText: 2026 Neural Bake developers
#
# SPDX-License-Identifier: GPL-3.0-or-later

"""Operators that place probes."""

from __future__ import annotations

import bpy
import numpy as np
from bpy.props import EnumProperty, FloatProperty, FloatVectorProperty, IntProperty

from .. import placing, volumes
from ..core.errors import NeuralBakeError

enum_fit = (
    ('SELECTION', "Selection", "The box around the selected objects, with their modifiers and instances"),
    ('SCENE', "Scene", "The box around everything that is visible in renders"),
)
enum_place = (
    *enum_fit,
    ('CURSOR', "3D Cursor", "A box of a given size around the 3D cursor"),
)


class NEURAL_BAKE_OT_add_volume(bpy.types.Operator):
    bl_idname = "neural_bake.add_volume"
    bl_label = "Add Probe Volume"
    bl_description = "Add a Light Probe Volume around objects, or at the 3D cursor"
    bl_options = {'REGISTER', 'UNDO'}

    fit: EnumProperty(name="Fit To", description="What the volume encloses", items=enum_place, default='SCENE')
    spacing: FloatProperty(
        name="Spacing",
        description="Largest distance between neighbouring probes; the scene's own where it is not given",
        default=0.5,
        min=1e-4,
        soft_min=0.05,
        soft_max=10.0,
        unit='LENGTH',
        options={'SKIP_SAVE'},
    )
    margin: FloatProperty(
        name="Margin",
        description="Gap between the objects and the volume's sides; the scene's own where it is not given",
        default=0.0,
        soft_min=-1.0,
        soft_max=2.0,
        unit='LENGTH',
        options={'SKIP_SAVE'},
    )
    size: FloatVectorProperty(
        name="Size",
        description="Size of a volume at the 3D cursor",
        default=(4.0, 4.0, 3.0),
        min=1e-3,
        subtype='XYZ_LENGTH',
    )

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        return is_object_mode(cls, context)

    def execute(self, context: bpy.types.Context) -> set[str]:
        for name in ("spacing", "margin"):
            if not self.properties.is_property_set(name):
                setattr(self, name, getattr(context.scene.neural_bake, name))
        try:
            if self.fit == 'CURSOR':
                centre, half = np.array(context.scene.cursor.location, np.float64), 0.5 * np.array(self.size)
                low, high = centre - half, centre + half
            else:
                low, high = placing.around(self.fit, context, np.eye(4))
                low, high = low - self.margin, high + self.margin
            obj = placing.add(context, low, high, self.spacing)
        except NeuralBakeError as error:
            self.report({'ERROR'}, str(error))
            return {'CANCELLED'}
        count = int(np.prod(volumes.own_resolution(obj)))
        if obj in volumes.of_scene(context.scene, context.view_layer):
            self.report({'INFO'}, f"{obj.name} holds {count} probes")
        else:
            hidden = context.collection.name
            self.report({'WARNING'}, f"{obj.name} will not be baked, as {hidden} is disabled in renders")
        return {'FINISHED'}

    def draw(self, _context: bpy.types.Context) -> None:
        layout = self.layout
        layout.use_property_split = True
        layout.use_property_decorate = False  # No animation.
        layout.prop(self, "fit")
        layout.prop(self, "size" if self.fit == 'CURSOR' else "margin")
        layout.prop(self, "spacing")


class NEURAL_BAKE_OT_fit_volume(bpy.types.Operator):
    bl_idname = "neural_bake.fit_volume"
    bl_label = "Fit Probe Volume"
    bl_description = "Fit the active and the selected Light Probe Volumes again, along their own axes"
    bl_options = {'REGISTER', 'UNDO'}

    fit: EnumProperty(name="Fit To", description="What the volumes enclose", items=enum_fit, default='SCENE')
    margin: FloatProperty(
        name="Margin",
        description="Gap between the objects and the volumes' sides; the scene's own where it is not given",
        default=0.0,
        soft_min=-1.0,
        soft_max=2.0,
        unit='LENGTH',
        options={'SKIP_SAVE'},
    )
    spacing: FloatProperty(
        name="Spacing",
        description="Largest distance between neighbouring probes; 0 keeps that of each volume",
        default=0.0,
        min=0.0,
        soft_max=10.0,
        unit='LENGTH',
        options={'SKIP_SAVE'},
    )

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        if not is_object_mode(cls, context):
            return False
        if not targets(context):
            cls.poll_message_set("Select a Light Probe Volume")
            return False
        return True

    def execute(self, context: bpy.types.Context) -> set[str]:
        if not self.properties.is_property_set("margin"):
            self.margin = context.scene.neural_bake.margin
        objects = targets(context)
        try:
            placing.fit(objects, self.fit, self.margin, self.spacing, context)
        except NeuralBakeError as error:
            self.report({'ERROR'}, str(error))
            return {'CANCELLED'}
        count = sum(int(np.prod(volumes.own_resolution(obj))) for obj in objects)
        self.report({'INFO'}, f"{', '.join(obj.name for obj in objects)}: {count} probes")
        return {'FINISHED'}

    def draw(self, _context: bpy.types.Context) -> None:
        layout = self.layout
        layout.use_property_split = True
        layout.use_property_decorate = False  # No animation.
        layout.prop(self, "fit")
        layout.prop(self, "margin")
        layout.prop(self, "spacing")


class NEURAL_BAKE_OT_split_volume(bpy.types.Operator):
    bl_idname = "neural_bake.split_volume"
    bl_label = "Split Probe Volume"
    bl_description = "Cut the active Light Probe Volume into smaller ones; every probe stays where it is"
    bl_options = {'REGISTER', 'UNDO'}

    most_probes: IntProperty(
        name="Most Probes",
        description="Number of probes that no part exceeds",
        default=20_000,
        min=1,
        soft_min=100,
        soft_max=200_000,
    )

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        if not is_object_mode(cls, context):
            return False
        if not volumes.is_volume(context.object):
            cls.poll_message_set("Make a Light Probe Volume active")
            return False
        return True

    def execute(self, context: bpy.types.Context) -> set[str]:
        try:
            parts = placing.split(context.object, self.most_probes, context)
        except NeuralBakeError as error:
            self.report({'ERROR'}, str(error))
            return {'CANCELLED'}
        most = max(int(np.prod(volumes.own_resolution(part))) for part in parts)
        self.report({'INFO'}, f"{len(parts)} volumes of no more than {most} probes")
        return {'FINISHED'}

    def draw(self, _context: bpy.types.Context) -> None:
        layout = self.layout
        layout.use_property_split = True
        layout.use_property_decorate = False  # No animation.
        layout.prop(self, "most_probes")


def is_object_mode(operator: type[bpy.types.Operator], context: bpy.types.Context) -> bool:
    """Whether objects can be placed now; says why not where the operator's button is."""
    if context.mode != 'OBJECT':
        operator.poll_message_set("Switch to Object Mode")
        return False
    if context.scene.library is not None:
        operator.poll_message_set("The scene is linked from another file")
        return False
    return True


def targets(context: bpy.types.Context) -> list[bpy.types.Object]:
    """The Light Probe Volumes to work on: the active one first, then the selected ones."""
    objects = dict.fromkeys([context.object, *context.selected_objects])
    return [obj for obj in objects if volumes.is_volume(obj)]


classes = (NEURAL_BAKE_OT_add_volume, NEURAL_BAKE_OT_fit_volume, NEURAL_BAKE_OT_split_volume)

register, unregister = bpy.utils.register_classes_factory(classes)
