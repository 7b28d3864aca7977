# SPDX-FileCopyrightText: 2026 Neural Bake developers
#
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which lamps are learned, and what the dataset says of each."""

from __future__ import annotations

import dataclasses

import bpy

from core.errors import NeuralBakeError

from .emission import WORLD, lamp_color, nodes_of, world_shines, world_strength, world_turn
from .scene import OpenScene


@dataclasses.dataclass(frozen=True)
class Lamp:
    """A lamp that is learned; ``object`` is None for the world, whose HDRI turns.

    Attributes:
        type: POINT, SPOT, AREA, SUN or WORLD.
    """

    name: str
    type: str
    object: bpy.types.Object | None = None

    @property
    def light(self) -> str:
        """What its three numbers mean: ``position``, ``direction`` or ``rotation``."""
        return {'SUN': "direction", 'WORLD': "rotation"}.get(self.type, "position")

    @property
    def aims(self) -> bool:
        """Whether the direction in which it shines matters beside its place."""
        return self.type in {'SPOT', 'AREA'}


def find_lamps(opened: OpenScene, names: str) -> list[Lamp]:
    """The lamps named by ``names`` (separated by commas), or the active lamp, or the only one there is.

    Raises:
        NeuralBakeError: there is no such lamp, or one that gives no light in renders, or several and none is chosen.
    """
    view_layer = opened.view_layer
    shown = [item for item in view_layer.objects if item.type == 'LIGHT' and item.visible_get(view_layer=view_layer)]
    wanted = list(dict.fromkeys(name.strip() for name in names.split(",") if name.strip()))
    if not wanted:
        active = view_layer.objects.active
        if active is not None and active.type == 'LIGHT':
            wanted = [active.name]
        elif len(shown) == 1:
            wanted = [shown[0].name]
        elif not shown:
            raise NeuralBakeError(
                "no_lamp",
                "The scene has no lamp that is visible in renders.",
                "Add a lamp, or choose World to learn a turning HDRI.",
            )
        else:
            raise NeuralBakeError(
                "no_lamp",
                "The scene has several lamps and none of them is active.",
                f"Make one active, or name the lamps: {', '.join(item.name for item in shown)}.",
            )
    return [_find(opened, name, shown) for name in wanted]


def _find(opened: OpenScene, name: str, shown: list[bpy.types.Object]) -> Lamp:
    found = opened.scene.objects.get(name)
    if found is None and name == WORLD:
        return _world(opened)
    if found is None or found.type != 'LIGHT':
        there = ", ".join(item.name for item in shown) or "no lamp that is visible in renders"
        raise NeuralBakeError("unknown_lamp", f"There is no lamp {name}.", f"There is: {there}.")
    if found not in shown:
        raise NeuralBakeError(
            "hidden_lamp", f"The lamp {name} is hidden in renders, so it gives no light.", "Show it in renders."
        )
    if found.data.energy <= 0.0:
        raise NeuralBakeError(
            "dark_lamp", f"The lamp {name} has a power of {found.data.energy:g}.", "Give it a power above zero."
        )
    if getattr(found.data.cycles, "is_portal", False):
        raise NeuralBakeError(
            "dark_lamp", f"The lamp {name} is a portal, which gives no light.", "Choose another lamp."
        )
    return Lamp(name, found.data.type, found)


def _world(opened: OpenScene) -> Lamp:
    world = scene_world(opened)
    if world is None or not world_shines(opened.scene, opened.view_layer):
        raise NeuralBakeError("dark_world", "The world gives no light.", "Choose a lamp instead.")
    if world.node_tree is None or not any(node.type == 'TEX_ENVIRONMENT' for node in nodes_of(world.node_tree)):
        raise NeuralBakeError(
            "plain_world",
            "The world has no Environment Texture, so turning it changes nothing.",
            "Give it an HDRI, or choose a lamp instead.",
        )
    return Lamp(WORLD, 'WORLD')


def scene_world(opened: OpenScene) -> bpy.types.World | None:
    """The world that renders."""
    return getattr(opened.view_layer, "world_override", None) or opened.scene.world


def describe(lamp: Lamp, world: bpy.types.World | None) -> dict:
    """What ``dataset.json`` says of a lamp, beside its domain.

    ``color`` is the artist's colour with that of its temperature, which pictures are without; ``energy`` and
    ``exposure`` (stops) are what pictures were made with. Of the world, ``turn`` and ``strength`` are how the file has
    it turned and how strong, which is angle 0 and energy 1.
    """
    entry: dict = {"name": lamp.name, "type": lamp.type, "light": lamp.light}
    if lamp.object is None:
        entry |= {"energy": 1.0, "exposure": 0.0, "color": [1.0, 1.0, 1.0], "size": {}}
        return {**entry, "turn": world_turn(world), "strength": world_strength(world)}
    data = lamp.object.data
    exposure = getattr(data, "exposure", 0.0)
    entry |= {"energy": data.energy, "exposure": exposure, "color": list(lamp_color(data))}
    if lamp.type == 'SUN':
        entry["size"] = {"angle": data.angle}
    elif lamp.type == 'AREA':
        tall = data.size_y if data.shape in {'RECTANGLE', 'ELLIPSE'} else data.size
        entry["size"] = {"size": data.size, "size_y": tall, "shape": data.shape}
    else:
        entry["size"] = {"radius": data.shadow_soft_size}
    if lamp.type == 'SPOT':
        entry["spot"] = {"angle": data.spot_size, "blend": data.spot_blend}
    return entry
