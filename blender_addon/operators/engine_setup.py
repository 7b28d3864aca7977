# SPDX-FileCopyrightText: 2026 Neural Bake developers
#
# SPDX-License-Identifier: GPL-3.0-or-later

"""Operators that make the engine, and remove it."""

from __future__ import annotations

import shutil

import bpy
from bpy.props import EnumProperty, StringProperty

from .. import engine, engine_setup, jobs, preferences
from ..core.errors import NeuralBakeError

enum_torch = (
    ('PREFERENCES', "Preferences", "The build that is chosen in the preferences"),
    ('CPU', "CPU", "For any machine"),
    ('CUDA', "CUDA", "For NVIDIA cards"),
)


class NEURAL_BAKE_OT_create_engine(bpy.types.Operator):
    bl_idname = "neural_bake.create_engine"
    bl_label = "Create Engine"
    bl_description = (
        "Make a Python environment with torch for Neural Bake alone, in the extension's folder. "
        "Blender's own Python is not changed"
    )

    torch: EnumProperty(name="Torch", description="Build of torch", items=enum_torch)
    base: StringProperty(
        name="Made From",
        description="Python to build on; empty for that of the preferences, else Blender's own",
        subtype='FILE_PATH',
        options={'SKIP_SAVE'},
    )
    wheels: StringProperty(
        name="Wheels",
        description="Folder of wheels to install from without network; empty for that of the preferences",
        subtype='DIR_PATH',
        options={'SKIP_SAVE'},
    )

    @classmethod
    def poll(cls, _context: bpy.types.Context) -> bool:
        if engine_setup.running() is not None:
            cls.poll_message_set("An engine is being made already")
            return False
        if jobs.active() is not None:
            cls.poll_message_set("A bake uses the engine. Wait for it, or cancel it")
            return False
        return True

    def invoke(self, context: bpy.types.Context, _event: bpy.types.Event) -> set[str]:
        """Leave the window usable; the preferences show the progress."""
        if not self._start(context):
            return {'CANCELLED'}
        engine_setup.watch()
        return {'FINISHED'}

    # No UNDO: nothing of the scene changes.
    def execute(self, context: bpy.types.Context) -> set[str]:
        """From a script: wait for the engine."""
        if not self._start(context):
            return {'CANCELLED'}
        problem = engine_setup.wait()
        if problem:
            self.report({'ERROR'}, problem)
            return {'CANCELLED'}
        self.report({'INFO'}, f"The engine is {engine.made_python()}")
        return {'FINISHED'}

    def _start(self, context: bpy.types.Context) -> bool:
        values = preferences.get(context)
        torch = self.torch
        if torch == 'PREFERENCES':
            torch = values.torch if values else 'CPU'
        base = self.base or (values.base_python if values else "")
        wheels = self.wheels or (values.wheels if values else "")
        try:
            engine_setup.start(base, torch.lower(), wheels)
        except NeuralBakeError as error:
            self.report({'ERROR'}, str(error))
            return False
        return True


class NEURAL_BAKE_OT_cancel_engine(bpy.types.Operator):
    bl_idname = "neural_bake.cancel_engine"
    bl_label = "Cancel Engine"
    bl_description = "Stop making the engine; an earlier one stays"

    @classmethod
    def poll(cls, _context: bpy.types.Context) -> bool:
        cls.poll_message_set("No engine is being made")
        return engine_setup.running() is not None

    def execute(self, _context: bpy.types.Context) -> set[str]:
        engine_setup.cancel()
        return {'FINISHED'}


class NEURAL_BAKE_OT_remove_engine(bpy.types.Operator):
    bl_idname = "neural_bake.remove_engine"
    bl_label = "Remove Engine"
    bl_description = "Delete the engine that Create Engine made"

    @classmethod
    def poll(cls, _context: bpy.types.Context) -> bool:
        if engine.made_state() == 'NONE':
            cls.poll_message_set("There is no engine that Create Engine made")
            return False
        if engine_setup.running() is not None or jobs.active() is not None:
            cls.poll_message_set("The engine is in use")
            return False
        return True

    def invoke(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        return context.window_manager.invoke_confirm(
            self, event, title="Remove Engine", message="Delete the engine from the disk?", confirm_text="Remove"
        )

    def execute(self, _context: bpy.types.Context) -> set[str]:
        try:
            shutil.rmtree(engine.made_folder())
        except OSError as error:
            self.report({'ERROR'}, f"{engine.made_folder()} cannot be removed ({error.strerror}).")
            return {'CANCELLED'}
        return {'FINISHED'}


classes = (NEURAL_BAKE_OT_create_engine, NEURAL_BAKE_OT_cancel_engine, NEURAL_BAKE_OT_remove_engine)

register, unregister = bpy.utils.register_classes_factory(classes)
