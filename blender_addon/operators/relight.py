# SPDX-FileCopyrightText: 2026 Neural Bake developers
#
# SPDX-License-Identifier: GPL-3.0-or-later

"""Operators about relit views: which lamps are learned, the picture, and the animation."""

from __future__ import annotations

import bpy
from bpy.props import EnumProperty, StringProperty

from .. import lamps, live, relight_animation
from ..core.errors import NeuralBakeError
from .results import shown_holder

enum_formats = (
    ('SCENE', "Scene", "The format of the scene's output"),
    ('PNG', "PNG", "With the scene's view transform"),
    ('OPEN_EXR', "OpenEXR", "Linear light"),
)


class NEURAL_BAKE_OT_choose_lamps(bpy.types.Operator):
    bl_idname = "neural_bake.choose_lamps"
    bl_label = "Choose Lamps"
    bl_description = "Learn the view under this lamp too, or no longer"
    bl_options = {'REGISTER', 'UNDO'}

    lamp: StringProperty(
        name="Lamp", description="Lamp to add or to take out; World is the turning HDRI; empty takes the selected lamps"
    )

    def execute(self, context: bpy.types.Context) -> set[str]:
        scene, layer = context.scene, context.view_layer
        if not self.lamp:
            names = [obj.name for obj in context.selected_objects if obj.type == 'LIGHT']
            if not names:
                self.report({'ERROR'}, "No lamp is selected. Select the lamps to learn.")
                return {'CANCELLED'}
            lamps.choose(scene, names)
            return {'FINISHED'}
        if self.lamp not in lamps.offered(scene, layer) and self.lamp not in lamps.chosen(scene, layer):
            self.report({'ERROR'}, f"The scene has no lamp {self.lamp}.")
            return {'CANCELLED'}
        names = lamps.chosen(scene, layer)
        others = [name for name in names if name != self.lamp]
        lamps.choose(scene, others if self.lamp in names else [*names, self.lamp])
        return {'FINISHED'}


class NEURAL_BAKE_OT_relight(bpy.types.Operator):
    bl_idname = "neural_bake.relight"
    bl_label = "Update"
    bl_description = (
        "Draw the image Neural Relight anew: the camera's view under its lamps as they stand, or a light grid's preview"
    )
    # No UNDO: the picture follows the scene, it is none of its contents.
    bl_options = {'REGISTER'}

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        if live.keeper_of(context.scene) is None and shown_holder(context) is None:
            cls.poll_message_set("There is no result. Bake or load one first")
            return False
        return True

    def execute(self, context: bpy.types.Context) -> set[str]:
        try:
            shown = live.refresh(context.scene, context.view_layer, shown_holder(context))
        except NeuralBakeError as error:
            self.report({'ERROR'}, str(error))
            return {'CANCELLED'}
        if shown is None:
            return {'FINISHED'}
        for note in shown.state.notes:
            self.report({'WARNING'}, note)
        far = max(shown.outside, key=lambda item: item[1], default=None)
        if shown.warns:
            self.report({'WARNING'}, f"{far[0]} is {far[1]:.1f} places outside what was rendered")
        return {'FINISHED'}


class NEURAL_BAKE_OT_relight_animation(bpy.types.Operator):
    bl_idname = "neural_bake.relight_animation"
    bl_label = "Relight Animation"
    bl_description = (
        "Write the camera's view under its moving lamps as an image sequence, over the scene's frames and to its "
        "output path, in the size that was baked"
    )
    # No UNDO: nothing of the file changes.
    bl_options = {'REGISTER'}

    filepath: StringProperty(
        name="Output Path",
        description="What every file's path begins with; empty takes the scene's output path",
        subtype='FILE_PATH',
        options={'SKIP_SAVE'},
    )
    file_format: EnumProperty(name="Format", description="Format of the files", items=enum_formats)

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        if relight_animation.running() is not None:
            cls.poll_message_set("An animation is being written already")
            return False
        if relight_animation.source_of(context.scene) is None:
            cls.poll_message_set("Neither a relit view nor light sets are in this scene. Bake or load one first")
            return False
        return True

    def invoke(self, context: bpy.types.Context, _event: bpy.types.Event) -> set[str]:
        """Leave the window usable; the panel shows the progress."""
        animation = self._prepare(context)
        if animation is None:
            return {'CANCELLED'}
        relight_animation.start(animation)
        return {'FINISHED'}

    def execute(self, context: bpy.types.Context) -> set[str]:
        """From a script: wait for the last frame."""
        animation = self._prepare(context)
        if animation is None:
            return {'CANCELLED'}
        relight_animation.run(animation)
        is_whole = len(animation.written) == len(animation.frames)
        for note in animation.notes:
            self.report({'WARNING'}, note)
        self.report({'INFO'} if is_whole else {'ERROR'}, animation.message)
        return {'FINISHED'} if is_whole else {'CANCELLED'}

    def _prepare(self, context: bpy.types.Context) -> relight_animation.Animation | None:
        try:
            return relight_animation.Animation(context, self.filepath, self.file_format)
        except NeuralBakeError as error:
            self.report({'ERROR'}, str(error))
            return None


class NEURAL_BAKE_OT_cancel_animation(bpy.types.Operator):
    bl_idname = "neural_bake.cancel_animation"
    bl_label = "Cancel Animation"
    bl_description = "Write no further frame. Those that are written stay"
    bl_options = {'REGISTER'}

    @classmethod
    def poll(cls, _context: bpy.types.Context) -> bool:
        cls.poll_message_set("No animation is being written")
        return relight_animation.running() is not None

    def execute(self, _context: bpy.types.Context) -> set[str]:
        relight_animation.running().stop()
        return {'FINISHED'}


classes = (
    NEURAL_BAKE_OT_choose_lamps,
    NEURAL_BAKE_OT_relight,
    NEURAL_BAKE_OT_relight_animation,
    NEURAL_BAKE_OT_cancel_animation,
)

register, unregister = bpy.utils.register_classes_factory(classes)
