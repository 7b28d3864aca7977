# SPDX-FileCopyrightText: 2026 Neural Bake developers
#
# SPDX-License-Identifier: GPL-3.0-or-later

"""Lamps of relit views: which ones a bake learns, and how those of a result stand now.

Convention:
    a light is (3,) in world space, Blender units: the position of a point, spot or area lamp; for a sun the unit
    direction towards it; for the world turned by an angle a about Z, (cos a, sin a, 0). A colour is a factor (3,) on
    the lamp as it was baked, at its power then and in white.
"""

from __future__ import annotations

import dataclasses
import math
import typing
from collections.abc import Mapping

import bpy
import numpy as np

from . import volumes
from .bake_workers.capture.emission import (
    WORLD,
    lamp_light,
    lamp_power,
    learned_lamps,
    nodes_of,
    object_shines,
    world_shines,
    world_strength,
    world_turn,
)

if typing.TYPE_CHECKING:
    from .core.relight import Relight

PROPERTY = "neural_bake_lamp_"
"""Properties of a camera that point at the lamps of its result, in the manifest's order."""


@dataclasses.dataclass(frozen=True)
class State:
    """How a result's lamps stand; those that give no light are left out.

    Attributes:
        lights, colours: (L, 3) float32, see above.
        lamp: (L,) int32, index into the manifest's lamps.
        exposure: factor on the whole picture, that of the scene's film; pictures are learned without.
        notes: sentences about lamps that cannot shine.
    """

    lights: np.ndarray
    colours: np.ndarray
    lamp: np.ndarray
    exposure: float
    notes: tuple[str, ...]

    def __eq__(self, other: object) -> bool:
        return isinstance(other, State) and self._key() == other._key()

    def _key(self) -> tuple:
        return self.lights.tobytes(), self.colours.tobytes(), self.lamp.tobytes(), self.exposure, self.notes


def offered(scene: bpy.types.Scene, view_layer: bpy.types.ViewLayer) -> list[str]:
    """Names of what a bake could learn: the lamps of a view layer, and the world."""
    names = sorted(obj.name for obj in view_layer.objects if obj.type == 'LIGHT' and "," not in obj.name)
    return [*names, WORLD] if world_shines(scene, view_layer) and _has_environment(scene.world) else names


def chosen(scene: bpy.types.Scene, view_layer: bpy.types.ViewLayer) -> list[str]:
    """Names of the lamps that a bake learns: the scene's setting, else the active lamp, else the only one."""
    names = [name.strip() for name in scene.neural_bake.relight.lamps.split(",")]
    names = list(dict.fromkeys(name for name in names if name))
    return names or [lamp.name for lamp in learned_lamps(scene, view_layer, "")]


def choose(scene: bpy.types.Scene, names: list[str]) -> None:
    """Set which lamps a bake learns."""
    scene.neural_bake.relight.lamps = ", ".join(names)


def problem(scene: bpy.types.Scene, view_layer: bpy.types.ViewLayer) -> str:
    """Why the chosen lamps cannot be learned, or an empty text; quick."""
    names = chosen(scene, view_layer)
    if not names:
        return "No lamp is chosen. Select a lamp, or tick one in the list."
    for name in names:
        if name == WORLD and view_layer.objects.get(WORLD) is None:
            if not world_shines(scene, view_layer):
                return "The world gives no light. Choose a lamp instead, or give it an environment texture."
            if not _has_environment(scene.world):
                return "The world has no environment texture, so turning it changes nothing. Choose a lamp instead."
            continue
        obj = view_layer.objects.get(name)
        if obj is None or obj.type != 'LIGHT':
            return f"The scene has no lamp {name}. Choose another."
        if not volumes.rendered([obj], view_layer):
            return f"{name} is hidden in renders. Show it, or choose another lamp."
        if not object_shines(obj) or lamp_power(obj.data) == 0.0:
            return f"{name} has no power. Give it some: its light is what is learned."
    return ""


def _has_environment(world: bpy.types.World) -> bool:
    return world.node_tree is not None and any(node.type == 'TEX_ENVIRONMENT' for node in nodes_of(world.node_tree))


def remember(
    keeper: bpy.types.Object, manifest: Mapping, scene: bpy.types.Scene, renamed: Mapping[str, bpy.types.ID]
) -> None:
    """Note on a camera which lamps its result is about, so that they are found under other names too.

    Args:
        renamed: objects by the name that they had when they were baked.
    """
    for index, lamp in enumerate(manifest.get("lamps", ())):
        block = scene.world if lamp["type"] == 'WORLD' else renamed.get(lamp["name"])
        if block is None:
            found = [obj for obj in scene.objects if obj.type == 'LIGHT' and obj.name == lamp["name"]]
            block = min(found, key=lambda obj: obj.library is not None, default=None)
        if block is not None:
            keeper[f"{PROPERTY}{index}"] = block


def of_result(keeper: bpy.types.Object, manifest: Mapping) -> list[bpy.types.Object | bpy.types.World | None]:
    """The lamps of a result, in the manifest's order; None for those that are gone from the file."""
    return [keeper.get(f"{PROPERTY}{index}") for index in range(len(manifest["lamps"]))]


def state(
    keeper: bpy.types.Object,
    manifest: Mapping,
    scene: bpy.types.Scene,
    view_layer: bpy.types.ViewLayer,
    *,
    as_rendered: bool = False,
) -> State:
    """How the lamps of a camera's result stand at the scene's frame.

    Args:
        as_rendered: whether lamps that are hidden in the viewport alone give light.
    """
    lights, colours, indices, notes = [], [], [], []
    for index, (lamp, block) in enumerate(zip(manifest["lamps"], of_result(keeper, manifest), strict=True)):
        if isinstance(block, bpy.types.World):
            if scene.world != block:
                notes.append(f"{block.name} is not this scene's world, so its light is left out.")
                continue
            angle = world_turn(block) - float(lamp.get("turn", 0.0))
            light, colour = np.array((math.cos(angle), math.sin(angle), 0.0)), np.full(3, world_strength(block))
            captured = float(lamp.get("strength", 1.0))
        elif block is None or not is_in(block, view_layer):
            notes.append(f"{lamp['name']} is gone, so its light is left out.")
            continue
        elif block.type != 'LIGHT' or block.data.type != lamp["type"]:
            notes.append(f"{block.name} is no {lamp['type'].lower()} lamp any more, so its light is left out.")
            continue
        else:
            # A viewport's own check is the quick one: lamps are looked at with every step of a drag.
            seen = volumes.rendered([block], view_layer) if as_rendered else block.visible_get(view_layer=view_layer)
            if not seen or block.hide_render:
                continue
            light, colour = light_of(block, scene), colour_of(block.data)
            captured = float(lamp["energy"]) * 2.0 ** float(lamp.get("exposure", 0.0))
        colour = colour / captured if captured else colour
        if colour.any():
            lights.append(light)
            colours.append(colour)
            indices.append(index)
    return State(
        np.array(lights, np.float32).reshape(-1, 3),
        np.array(colours, np.float32).reshape(-1, 3),
        np.array(indices, np.int32),
        scene.cycles.film_exposure if hasattr(scene, "cycles") else 1.0,
        tuple(notes),
    )


def is_in(obj: bpy.types.Object, view_layer: bpy.types.ViewLayer) -> bool:
    """Whether an object is in a view layer, where a linked one may have the same name."""
    return view_layer.objects.get(obj.name) == obj or any(other == obj for other in view_layer.objects)


def render(model: Relight, state: State) -> np.ndarray:
    """The view (H, W, 3) float32 linear under lamps as they stand, as bright as the scene's renders are."""
    picture = model.render(state.lights, state.colours, state.lamp)
    return picture if state.exposure == 1.0 else picture * np.float32(state.exposure)


def light_of(obj: bpy.types.Object, scene: bpy.types.Scene) -> np.ndarray:
    """Where a lamp is, or where a sun stands, (3,) float64."""
    matrix = volumes.world_matrix(obj, scene)
    if obj.data.type != 'SUN':
        return matrix[:3, 3]
    axis = matrix[:3, 2]
    return axis / max(float(np.linalg.norm(axis)), 1e-12)


def colour_of(lamp: bpy.types.Light) -> np.ndarray:
    """A lamp's power times its colour, (3,) float64."""
    return np.array(lamp_light(lamp), np.float64)
