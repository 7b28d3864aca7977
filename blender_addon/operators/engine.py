# SPDX-FileCopyrightText: 2026 Neural Bake developers
#
# SPDX-License-Identifier: GPL-3.0-or-later

"""Operators about the engine, quality, logs and the cache."""

from __future__ import annotations

import bpy
from bpy.props import EnumProperty, FloatProperty, StringProperty

from .. import engine_test, job_folders, logs, preferences, properties
from ..core.errors import NeuralBakeError


class NEURAL_BAKE_OT_test_engine(bpy.types.Operator):
    bl_idname = "neural_bake.test_engine"
    bl_label = "Test Engine"
    bl_description = "Start the engine, show its versions and devices, and let it train for a second"

    patience: FloatProperty(
        name="Patience",
        description="Seconds after which an engine that does not answer is given up",
        default=engine_test.PATIENCE,
        min=0.1,
    )

    # No UNDO: nothing of the scene changes.
    def execute(self, context: bpy.types.Context) -> set[str]:
        """Wait for the result; FINISHED only where the engine can train."""
        engine_test.start(context, self.patience)
        report = engine_test.wait()
        for line in report.lines:
            self.report({'INFO'}, line)
        if report.problem:
            self.report({'ERROR'}, report.problem)
            return {'CANCELLED'}
        return {'FINISHED'}

    def invoke(self, context: bpy.types.Context, _event: bpy.types.Event) -> set[str]:
        """Leave the window usable; the preferences show the result."""
        engine_test.start(context, self.patience)
        engine_test.watch()
        return {'FINISHED'}


class NEURAL_BAKE_OT_use_preset(bpy.types.Operator):
    bl_idname = "neural_bake.use_preset"
    bl_label = "Use Quality Preset"
    bl_description = (
        "Set everything that quality depends on, for the kind of bake that the scene is set to; everything else stays"
    )
    bl_options = {'REGISTER', 'UNDO'}

    preset: EnumProperty(
        name="Preset",
        description="Quality of the bake",
        items=properties.PRESET_ITEMS,
        default='MEDIUM',
    )

    def execute(self, context: bpy.types.Context) -> set[str]:
        properties.apply_preset(context.scene, self.preset, properties.kind_of(context.scene))
        return {'FINISHED'}


class NEURAL_BAKE_OT_open_log(bpy.types.Operator):
    bl_idname = "neural_bake.open_log"
    bl_label = "Open Log"
    bl_description = "Show what a bake's processes have printed, in a Text Editor"

    job: StringProperty(
        name="Job", description="Name of the job's folder; empty for the newest bake that failed, else the newest"
    )

    def execute(self, context: bpy.types.Context) -> set[str]:
        try:
            text = logs.load(context, self.job)
        except NeuralBakeError as error:
            self.report({'ERROR'}, str(error))
            return {'CANCELLED'}
        if not logs.show(context, text):
            self.report({'INFO'}, f"The log is in the text {text.name}")
        return {'FINISHED'}


class NEURAL_BAKE_OT_clear_cache(bpy.types.Operator):
    bl_idname = "neural_bake.clear_cache"
    bl_label = "Clear Cache"
    bl_description = "Delete the files of finished bakes; results in .blend files and in folders of yours stay"

    def execute(self, context: bpy.types.Context) -> set[str]:
        try:
            freed = job_folders.clear(context)
        except NeuralBakeError as error:
            self.report({'ERROR'}, str(error))
            return {'CANCELLED'}
        preferences.forget_cache_size()
        self.report({'INFO'}, f"{preferences.size_text(freed)} freed")
        return {'FINISHED'}


classes = (
    NEURAL_BAKE_OT_test_engine,
    NEURAL_BAKE_OT_use_preset,
    NEURAL_BAKE_OT_open_log,
    NEURAL_BAKE_OT_clear_cache,
)


def register() -> None:
    for cls in classes:
        bpy.utils.register_class(cls)


def unregister() -> None:
    engine_test.stop()
    for cls in reversed(classes):
        bpy.utils.unregister_class(cls)
