# SPDX-FileCopyrightText: 2026 Neural Bake developers
#
# SPDX-License-Identifier: GPL-3.0-or-later

"""Operators about results: bring one in, look at it, remove it."""

from __future__ import annotations

from pathlib import Path

import bpy
from bpy.props import BoolProperty, EnumProperty, StringProperty

from .. import kinds, live, properties, result_images, results, vertex_colours
from ..core.errors import NeuralBakeError

enum_images = (
    ('COMPARISON', "Comparison", "The baked light, Cycles and the rival side by side, with their errors"),
    ('PREVIEW', "Preview", "Every surface as white clay in the baked light"),
    ('REFERENCE', "Reference", "The same, as Cycles measured it"),
    ('ERROR', "Error", "Where the two differ, black to yellow"),
    ('RELIGHT', "Neural Relight", "A relit view under its lamps as they stand; of a light grid its preview"),
)
enum_results = (
    ('ACTIVE', "Active", "The active object's result, else the only one of the scene"),
    ('ALL', "All", "Every result of this scene"),
)


def shown_kind(scene: bpy.types.Scene) -> str:
    """The kind of the results to look at: what the scene is set to, else one that it has a result of."""
    kind = properties.kind_of(scene)
    return kind if results.holders(scene, kind) else next((k for k in kinds.NOUNS if results.holders(scene, k)), kind)


def chosen_holder(context: bpy.types.Context, name: str = "", kind: str = kinds.LIGHT_GRID) -> bpy.types.Object:
    """The object that holds the result to work on: that of the object ``name``, else of the active one, else of the
    scene's camera, else the scene's only one of the kind.

    Raises:
        NeuralBakeError: there is none, or nothing says which.
    """
    scene = context.scene
    if name:
        obj = scene.objects.get(name)
        if obj is None:
            raise NeuralBakeError("unknown_name", f"The scene has no object {name}.")
        keeper = results.holder(obj)
        if keeper is None:
            reason = results.problem(obj) or f"{name} holds no Neural Bake result. Bake it first."
            raise NeuralBakeError("no_artifact", reason)
        return keeper
    keeper = _active_holder(context, kind)
    if keeper is not None:
        return keeper
    holders = results.holders(scene, kind)
    if not holders:
        raise NeuralBakeError("no_artifact", "No object of this scene has a result.", "Bake or load one first.")
    if len(holders) > 1:
        names = ", ".join(holder.name for holder in holders)
        raise NeuralBakeError(
            "which_result",
            f"This scene has {len(holders)} results ({names}).",
            f"Make the {kinds.NOUNS[kind]} active that you mean.",
        )
    return holders[0]


def shown_holder(context: bpy.types.Context) -> bpy.types.Object | None:
    """The object that holds the result which panels show: the active one's, or the camera's whose picture follows the
    lamps, else the scene's first."""
    kind = shown_kind(context.scene)
    if kind == kinds.RELIGHT:
        return live.keeper_of(context.scene)
    return _active_holder(context, kind) or next(iter(results.holders(context.scene, kind)), None)


def _active_holder(context: bpy.types.Context, kind: str) -> bpy.types.Object | None:
    active = context.view_layer.objects.active
    keeper = results.holder(active) if active is not None else None
    if keeper is None and kind == kinds.RELIGHT:
        keeper = live.keeper_of(context.scene)
    return keeper if keeper is not None and kinds.of(keeper) == kind else None


class NEURAL_BAKE_OT_load_result(bpy.types.Operator):
    bl_idname = "neural_bake.load_result"
    bl_label = "Load Neural Bake Result"
    bl_description = "Bring a result folder, such as one that a render farm made, into this scene"
    bl_options = {'REGISTER', 'UNDO'}

    directory: StringProperty(
        name="Folder",
        description="Folder of the result, with manifest.json in it",
        subtype='DIR_PATH',
    )
    # The file browser then shows folders only.
    filter_folder: BoolProperty(default=True, options={'HIDDEN'})

    def execute(self, context: bpy.types.Context) -> set[str]:
        try:
            objects = results.load(context.scene, Path(bpy.path.abspath(self.directory)))
        except NeuralBakeError as error:
            self.report({'ERROR'}, str(error))
            return {'CANCELLED'}
        self.report({'INFO'}, f"The result is on {', '.join(obj.name for obj in objects)}")
        return {'FINISHED'}

    def invoke(self, context: bpy.types.Context, _event: bpy.types.Event) -> set[str]:
        context.window_manager.fileselect_add(self)
        return {'RUNNING_MODAL'}


class NEURAL_BAKE_OT_show_result(bpy.types.Operator):
    bl_idname = "neural_bake.show_result"
    bl_label = "Show Result"
    bl_description = "Look at the baked light in an Image Editor: one that is open and not pinned, else a new window"
    # No UNDO: nothing of the file changes.
    bl_options = {'REGISTER'}

    image: EnumProperty(name="Image", description="What is shown", items=enum_images)

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        if bpy.app.background:
            cls.poll_message_set("This Blender has no window to show a picture in")
            return False
        keeper = shown_holder(context)
        is_drawn = keeper is not None and kinds.of(keeper) == kinds.RELIGHT
        if not is_drawn and all(result_images.find(which, keeper) is None for which in result_images.IMAGES):
            cls.poll_message_set("There is no picture. Bake or load a result of a scene with a camera first")
            return False
        return True

    def execute(self, context: bpy.types.Context) -> set[str]:
        keeper = shown_holder(context)
        if self.image == result_images.RELIGHT:
            try:
                live.refresh(context.scene, context.view_layer, keeper)
            except NeuralBakeError as error:
                self.report({'ERROR'}, str(error))
                return {'CANCELLED'}
        image = result_images.find(self.image, keeper)
        if image is None:
            self.report({'ERROR'}, f"This result has no picture {self.image.title()}.")
            return {'CANCELLED'}
        window, area = self._image_editor(context)
        area.spaces.active.image = image
        region = next(region for region in area.regions if region.type == 'WINDOW')
        with context.temp_override(window=window, area=area, region=region):
            bpy.ops.image.view_all(fit_view=True)
        return {'FINISHED'}

    def _image_editor(self, context: bpy.types.Context) -> tuple[bpy.types.Window, bpy.types.Area]:
        """An Image Editor that is free to show something else, in this window rather than in another."""
        windows = sorted(context.window_manager.windows, key=lambda window: window != context.window)
        for window in windows:
            for area in window.screen.areas:
                if area.ui_type == 'IMAGE_EDITOR' and not area.spaces.active.use_image_pin:
                    return window, area
        with context.temp_override(window=windows[0]):
            bpy.ops.wm.window_new()
        window = context.window_manager.windows[-1]
        area = window.screen.areas[0]
        area.ui_type = 'IMAGE_EDITOR'
        return window, area


class NEURAL_BAKE_OT_clear(bpy.types.Operator):
    bl_idname = "neural_bake.clear"
    bl_label = "Clear Result"
    bl_description = "Remove a result from its volumes or its camera, and with the last one the pictures"
    bl_options = {'REGISTER', 'UNDO'}

    result: EnumProperty(name="Result", description="What is removed", items=enum_results)
    vertex_colours: BoolProperty(
        name="Vertex Colours",
        description="Remove the colour attribute neural_irradiance from every mesh of this file too",
        default=False,
    )

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        cls.poll_message_set("There is nothing to remove: no object of this scene has a result")
        return any(results.carries(obj) for obj in context.scene.objects) or any(
            vertex_colours.ATTRIBUTE in mesh.attributes for mesh in bpy.data.meshes
        )

    def execute(self, context: bpy.types.Context) -> set[str]:
        carriers = [obj for obj in context.scene.objects if results.carries(obj)]
        if carriers and self.result == 'ACTIVE':
            try:
                carriers = [self._active(context)]
            except NeuralBakeError as error:
                self.report({'ERROR'}, str(error))
                return {'CANCELLED'}
        cleared: dict[str, None] = {}
        for obj in carriers:
            if obj.name in cleared:
                continue
            keeper = results.holder(obj) or obj
            try:
                results.require_local(keeper)
            except NeuralBakeError as error:
                self.report({'ERROR'}, f"{error.message} It is removed where it was made.")
                return {'CANCELLED'}
            cleared |= dict.fromkeys(other.name for other in results.remove(keeper))
        meshes = vertex_colours.remove_all() if self.vertex_colours else []
        removed = [f"the result of {', '.join(cleared)}"] if cleared else []
        removed += [f"the vertex colours of {len(meshes)} meshes"] if meshes else []
        if not removed:
            self.report({'ERROR'}, "There is nothing to remove.")
            return {'CANCELLED'}
        self.report({'INFO'}, f"Removed {' and '.join(removed)}")
        return {'FINISHED'}

    def _active(self, context: bpy.types.Context) -> bpy.types.Object:
        """What to clear where one result is meant; a volume whose holder is gone has only itself."""
        active, kind = context.view_layer.objects.active, shown_kind(context.scene)
        if active is not None and results.carries(active) and kinds.of(active) == kind:
            return active
        return chosen_holder(context, kind=kind)


classes = (
    NEURAL_BAKE_OT_load_result,
    NEURAL_BAKE_OT_show_result,
    NEURAL_BAKE_OT_clear,
)

register, unregister = bpy.utils.register_classes_factory(classes)
