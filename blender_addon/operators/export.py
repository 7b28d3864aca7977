# SPDX-FileCopyrightText: 2026 Neural Bake developers
#
# SPDX-License-Identifier: GPL-3.0-or-later

"""Operators that write baked light elsewhere: into meshes, and into files for engines."""

from __future__ import annotations

import math
from pathlib import Path

import bpy
from bpy.props import BoolProperty, FloatProperty, StringProperty

from .. import compact_export, light_sets, results, vertex_colours
from ..core.errors import NeuralBakeError
from .results import chosen_holder, shown_holder

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


class NEURAL_BAKE_OT_export_compact(bpy.types.Operator):
    bl_idname = "neural_bake.export_compact"
    bl_label = "Export for Engines"
    bl_description = (
        "Write the light grid as 64 bytes a probe, weights included, in the background. Its error may rise by "
        "a few percent"
    )
    # No UNDO: nothing of the file changes.
    bl_options = {'REGISTER'}

    filepath: StringProperty(name="File", description="File to write", subtype='FILE_PATH', options={'SKIP_SAVE'})
    filter_glob: StringProperty(default="*.safetensors", options={'HIDDEN'})
    check_existing: BoolProperty(default=True, options={'HIDDEN'})
    volume: StringProperty(
        name="Volume",
        description="Object whose result is written; empty means the active one's, else the only result of the scene",
        options={'SKIP_SAVE'},
    )

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        if compact_export.running() is not None:
            cls.poll_message_set("A light grid is being written already")
            return False
        if shown_holder(context) is None:
            cls.poll_message_set("No object of this scene has a result. Bake or load one first")
            return False
        return True

    def invoke(self, context: bpy.types.Context, _event: bpy.types.Event) -> set[str]:
        """Ask where to; then the window stays usable, and the panel shows the progress."""
        if not self.filepath:
            blend = Path(bpy.data.filepath)
            self.filepath = str(blend.with_name(f"{blend.stem or 'light'}_probes.safetensors"))
        self.is_in_window = True
        context.window_manager.fileselect_add(self)
        return {'RUNNING_MODAL'}

    def execute(self, context: bpy.types.Context) -> set[str]:
        try:
            if not self.filepath:
                raise NeuralBakeError("bad_output", "No file was named.", "Set filepath.")
            path = Path(bpy.path.abspath(bpy.path.ensure_ext(self.filepath, ".safetensors"))).absolute()
            export = compact_export.start(context, chosen_holder(context, self.volume), path)
        except NeuralBakeError as error:
            self.report({'ERROR'}, str(error))
            return {'CANCELLED'}
        if getattr(self, "is_in_window", False):
            return {'FINISHED'}
        compact_export.wait(export)
        self.report({'ERROR' if export.problem else 'INFO'}, export.message)
        return {'CANCELLED' if export.problem else 'FINISHED'}


class NEURAL_BAKE_OT_cancel_export(bpy.types.Operator):
    bl_idname = "neural_bake.cancel_export"
    bl_label = "Cancel Export"
    bl_description = "Write no file. An earlier one of that name stays as it was"
    bl_options = {'REGISTER'}

    @classmethod
    def poll(cls, _context: bpy.types.Context) -> bool:
        cls.poll_message_set("No light grid is being written")
        return compact_export.running() is not None

    def execute(self, _context: bpy.types.Context) -> set[str]:
        compact_export.running().cancel()
        return {'FINISHED'}


classes = (NEURAL_BAKE_OT_apply_vertex_colours, NEURAL_BAKE_OT_export_compact, NEURAL_BAKE_OT_cancel_export)


def register() -> None:
    for cls in classes:
        bpy.utils.register_class(cls)


def unregister() -> None:
    compact_export.stop()
    for cls in reversed(classes):
        bpy.utils.unregister_class(cls)
