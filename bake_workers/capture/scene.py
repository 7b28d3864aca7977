# SPDX-FileCopyrightText: 2026 Neural Bake developers
#
# SPDX-License-Identifier: GPL-3.0-or-later

"""Opening a .blend for measuring: the copy in memory is made to look as a render would see it."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from pathlib import Path

import bpy

from core.errors import NeuralBakeError

from .emission import learned_lamps, shining_blocks
from .scene_hash import scene_hash


@dataclasses.dataclass(frozen=True)
class OpenScene:
    """What is measured: a scene and one of its view layers at one frame.

    Attributes:
        digest: the scene's hash, taken before anything was changed.
        still_digest: the same without the lamps that a relit view learns in every place: moving them makes no result
            out of date. Of a light grid with light sets: without all that shines but materials. Else the whole scene's.
        notes: sentences for the report.
        dimmed: lamps, and the world, whose power and colour are no part of ``digest``, because a light grid has light
            sets, and their names.
    """

    scene: bpy.types.Scene
    view_layer: bpy.types.ViewLayer
    digest: str
    still_digest: str = ""
    notes: list[str] = dataclasses.field(default_factory=list)
    dimmed: dict[bpy.types.ID, str] = dataclasses.field(default_factory=dict)

    @property
    def metre(self) -> float:
        """Length of one metre in the scene's units."""
        return 1.0 / self.scene.unit_settings.scale_length

    def depsgraph(self) -> bpy.types.Depsgraph:
        """The evaluated scene, up to date."""
        self.view_layer.update()
        return self.view_layer.depsgraph

    def instances(self) -> Iterator[bpy.types.DepsgraphObjectInstance]:
        """Everything that a render would see, instances included; each one is valid until the next is asked for."""
        for instance in self.depsgraph().object_instances:
            if instance.show_self:
                yield instance


def open_scene(blend: Path, job: dict) -> OpenScene:
    """Load ``blend`` and prepare the job's scene, view layer and frame for measuring.

    Args:
        blend: the file; never written to.
        job: contents of ``job.json``.

    Raises:
        NeuralBakeError: the file is missing, unreadable or newer than this Blender, or has no such scene or view layer.
    """
    load(Path(blend))
    scene = _choose(bpy.data.scenes, job["scene"], "scene") or bpy.context.scene
    view_layer = _choose(scene.view_layers, job["view_layer"], "view layer") or default_view_layer(scene)
    window = bpy.context.window
    if window is not None:
        window.scene = scene
        window.view_layer = view_layer
    scene.frame_set(scene.frame_current if job["frame"] is None else job["frame"])
    dimmed: dict[bpy.types.ID, str] = {}
    if job.get("kind") == "light_grid" and job["settings"].get("light_sets", "all") != "all":
        dimmed = shining_blocks(scene, view_layer)
    digest = still_digest = scene_hash(scene, view_layer, (), dimmed)
    if dimmed:
        still_digest = scene_hash(scene, view_layer, dimmed)
    elif job.get("kind") == "relight":
        moving = learned_lamps(scene, view_layer, job["settings"].get("lamps", ""))
        still_digest = scene_hash(scene, view_layer, moving)
    show_as_rendered(scene, view_layer)
    opened = OpenScene(scene, view_layer, digest, still_digest, dimmed=dimmed)
    if not use_devices(scene, job["cycles"]):
        opened.notes.append("The chosen Cycles devices are not there; the CPU measured instead.")
    return opened


def load(blend: Path) -> None:
    """Open a .blend and nothing of its user interface; see :func:`open_scene` for errors."""
    if not blend.is_file():
        raise NeuralBakeError("missing_blend", f"There is no file {blend}.")
    if bpy.app.module:
        # the bpy module starts with the user's preferences and add-ons, which a measurement must not depend on
        bpy.ops.wm.read_factory_settings(use_empty=True)
    try:
        bpy.ops.wm.open_mainfile(filepath=str(blend), load_ui=False, use_scripts=False)
    except RuntimeError as error:
        raise NeuralBakeError("unreadable_blend", f"{blend} cannot be opened as a .blend file.") from error
    saved, running = tuple(bpy.data.version[:2]), tuple(bpy.app.version[:2])
    if saved > running:
        raise NeuralBakeError(
            "newer_blend",
            f"{blend} was saved by Blender {saved[0]}.{saved[1]}, newer than this one, {bpy.app.version_string}.",
            f"Bake it with Blender {saved[0]}.{saved[1]} or newer.",
        )


def _choose(items: bpy.types.bpy_prop_collection, name: str | None, noun: str) -> object | None:
    if name is None:
        return None
    item = items.get(name)
    if item is None:
        raise NeuralBakeError(
            "unknown_name", f"There is no {noun} {name}.", f"There is: {', '.join(item.name for item in items)}."
        )
    return item


def default_view_layer(scene: bpy.types.Scene) -> bpy.types.ViewLayer:
    """The first view layer that renders."""
    return next((layer for layer in scene.view_layers if layer.use), scene.view_layers[0])


def show_as_rendered(scene: bpy.types.Scene, view_layer: bpy.types.ViewLayer) -> None:
    """Make the viewport's state equal to the render's: a background Blender evaluates scenes as the viewport does."""
    for action in bpy.data.actions:
        _mute_viewport_animation(action)
    for collection in bpy.data.collections:
        collection.hide_viewport = collection.hide_render
    for object_ in bpy.data.objects:
        object_.hide_viewport = object_.hide_render
        object_.show_instancer_for_viewport = object_.show_instancer_for_render
        for modifier in object_.modifiers:
            _show_modifier_as_rendered(modifier)
    for object_ in view_layer.objects:
        object_.hide_set(False, view_layer=view_layer)
    _show_collections(view_layer.layer_collection)
    for particles in bpy.data.particles:
        particles.display_percentage = 100
        particles.child_percent = particles.rendered_child_count
    for curve in bpy.data.curves:
        if curve.render_resolution_u:
            curve.resolution_u = curve.render_resolution_u
        if curve.render_resolution_v:
            curve.resolution_v = curve.render_resolution_v
    for ball in bpy.data.metaballs:
        ball.resolution = ball.render_resolution
    for group in bpy.data.node_groups:
        _answer_is_viewport(group)
    scene.render.simplify_subdivision = scene.render.simplify_subdivision_render
    scene.render.simplify_child_particles = scene.render.simplify_child_particles_render
    view_layer.update()


def _show_modifier_as_rendered(modifier: bpy.types.Modifier) -> None:
    modifier.show_viewport = modifier.show_render
    if modifier.type in {'SUBSURF', 'MULTIRES'}:
        modifier.levels = modifier.render_levels
    elif modifier.type == 'OCEAN':
        modifier.viewport_resolution = modifier.resolution


def _mute_viewport_animation(action: bpy.types.Action) -> None:
    """Keep animated viewport visibility from undoing what is set here."""
    for layer in action.layers:
        for strip in layer.strips:
            for channels in strip.channelbags:
                for curve in channels.fcurves:
                    if curve.data_path.endswith(("hide_viewport", "show_viewport")):
                        curve.mute = True


def _answer_is_viewport(group: bpy.types.NodeTree) -> None:
    """Geometry nodes ask whether they are evaluated for the viewport: say no, as a render does."""
    for node in [node for node in group.nodes if node.bl_idname == "GeometryNodeIsViewport"]:
        answer = group.nodes.new("FunctionNodeInputBool")
        answer.boolean = False
        for link in list(node.outputs[0].links):
            group.links.new(answer.outputs[0], link.to_socket)


def _show_collections(layer_collection: bpy.types.LayerCollection) -> None:
    layer_collection.hide_viewport = False
    for child in layer_collection.children:
        _show_collections(child)


def use_devices(scene: bpy.types.Scene, cycles: dict) -> bool:
    """Let Cycles use the artist's devices, which live in the preferences of another Blender.

    Args:
        cycles: ``compute_device_type`` such as ``"CUDA"``, and ``devices``: the names of those that are switched on.

    Returns:
        False where they are wanted and not there; then it is the CPU.

    Raises:
        NeuralBakeError: this Blender has no Cycles.
    """
    if "cycles" not in bpy.context.preferences.addons:
        raise NeuralBakeError("no_cycles", "This Blender has no Cycles.", "Switch the Cycles add-on on.")
    kind, names = cycles.get("compute_device_type", "NONE"), set(cycles.get("devices", ()))
    wanted = kind != "NONE" and scene.cycles.device == 'GPU'
    scene.cycles.device = 'CPU'
    if not wanted:
        return True
    preferences = bpy.context.preferences.addons["cycles"].preferences
    try:
        preferences.compute_device_type = kind
        preferences.get_devices()
    except TypeError:  # this build does not know the device type
        return False
    for device in preferences.devices:
        device.use = device.name in names
    if not any(device.use and device.type == kind for device in preferences.devices):
        return False
    scene.cycles.device = 'GPU'
    return True
