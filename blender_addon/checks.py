# SPDX-FileCopyrightText: 2026 Neural Bake developers
#
# SPDX-License-Identifier: GPL-3.0-or-later

"""What would stop a bake, or surprise after it, said before it starts."""

from __future__ import annotations

import bpy

from . import kinds, lamps, preferences, results, volumes
from .bake_workers.capture.emission import object_shines, world_shines
from .core.errors import NeuralBakeError

MOST_NAMES = 3
OWN_IMAGES = ("Neural Bake", "Neural Relight")


def problem(
    context: bpy.types.Context,
    bounds_object: str = "",
    chosen: list[bpy.types.Object] | None = None,
    kind: str = kinds.LIGHT_GRID,
) -> str:
    """Why the scene cannot be baked now and what to do about it, or an empty text. Cheap enough for drawing.

    Args:
        bounds_object: Empty that is baked instead of volumes.
        chosen: the volumes to bake; None for all.
    """
    if not bpy.data.filepath:
        return "The scene was never saved. Save it first."
    python = preferences.engine_python(context)
    if python is None:
        return "No engine is set. Create one in the preferences."
    if not python.is_file():
        return f"There is no engine {python}. Set it in the add-on's preferences."
    if kind == kinds.RELIGHT:
        targets = [context.scene.camera]
        if targets[0] is None:
            return "The scene has no camera, and it is its view that is learned. Add one (Add > Camera)."
        if targets[0].type != 'CAMERA' or targets[0].data.type not in {'PERSP', 'ORTHO'}:
            return f"{targets[0].name} has no flat view to learn. Choose a perspective or orthographic camera."
        shape = context.scene.neural_bake.relight.domain_object
        if shape and context.scene.objects.get(shape) is None:
            return f"The scene has no object {shape}. Choose another as the domain's shape."
        reason = lamps.problem(context.scene, context.view_layer)
        if reason:
            return reason
    elif bounds_object:
        target = context.scene.objects.get(bounds_object)
        if target is None:
            return f"The scene has no object {bounds_object}."
        targets = [target]
    elif chosen is not None:
        targets = chosen
        if not targets:
            return "No Light Probe Volume that is visible in renders is selected. Select one."
    else:
        targets = volumes.of_scene(context.scene, context.view_layer)
        if not targets:
            return "The scene has no Light Probe Volume that is visible in renders. Add one."
    for target in targets:
        try:
            results.require_local(target)
        except NeuralBakeError as error:
            return str(error)
    return ""


def closer_look(context: bpy.types.Context) -> str:
    """As :func:`problem`, but what needs a walk through the whole scene."""
    unsaved = [image.name for image in bpy.data.images if _is_painted(image)]
    if unsaved:
        return (
            f"Painted images are not saved and would be black: {_names(unsaved)}. Save them (Image > Save All Images)."
        )
    rendered = [obj for obj in context.view_layer.objects if not obj.hide_render]
    instanced = [obj for collection in bpy.data.collections for obj in collection.all_objects]
    if not world_shines(context.scene, context.view_layer) and not any(map(object_shines, rendered + instanced)):
        return "The scene has no light: no lamp, no emissive material, and a black world. Add a light."
    return ""


def notes(context: bpy.types.Context) -> list[str]:
    """What the artist may not expect: objects that are seen in the viewport and not in a render."""
    hidden = [
        obj.name
        for obj in context.view_layer.objects
        if obj.hide_render and obj.type in {'MESH', 'LIGHT', 'CURVE', 'SURFACE', 'FONT', 'META'} and obj.visible_get()
    ]
    if not hidden:
        return []
    return [f"Hidden in renders, so not baked: {_names(hidden)}."]


def _names(names: list[str]) -> str:
    more = f" and {len(names) - MOST_NAMES} more" if len(names) > MOST_NAMES else ""
    return ", ".join(names[:MOST_NAMES]) + more


def _is_painted(image: bpy.types.Image) -> bool:
    """Whether an image has changes that neither a file nor the .blend holds; a copy of the scene lacks them."""
    if not image.is_dirty or not image.users or image.library is not None:
        return False
    return image.source in {'FILE', 'GENERATED', 'TILED'} and not image.name.startswith(OWN_IMAGES)
