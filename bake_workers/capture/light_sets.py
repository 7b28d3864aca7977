# SPDX-FileCopyrightText: 2026 Neural Bake developers
#
# SPDX-License-Identifier: GPL-3.0-or-later

"""Light sets: which lights of a scene are measured apart, and how to switch on one set alone.

Convention:
    the setting ``light_sets`` is ``lamps``: a set for each lamp, one for the world, one for all emissive materials; or
    ``groups``: a set for each of Blender's light groups (*Object > Shading > Light Group*, and the world's), and one
    for what has none. A lamp that is alone in its set is measured in white, so that it can take any colour later; lamps
    that share a set are measured as they stand beside each other.
"""

from __future__ import annotations

import dataclasses

import bpy
import numpy as np

from core.light_grid.light_sets import EMISSION, GROUP, LAMP, RESERVED, WORLD

from .emission import (
    in_white,
    lamp_light,
    lamp_power,
    object_shines,
    plain_background,
    tree_shines,
    white_power,
    world_color,
    world_is_nodes,
    world_shines,
)
from .relight_lamps import scene_world
from .scene import OpenScene
from .scene_hash import light_hash
from .switches import Dimmer, trees_of

WORLD_NAME, EMISSION_NAME, OTHERS_NAME = "World", "Emission", "Others"
DARK = "neural_bake_dark"


@dataclasses.dataclass(frozen=True)
class LightSet:
    """Lights that are measured together.

    Attributes:
        type: LAMP, WORLD, EMISSION or GROUP.
        lamps: its lamps, by name; ``world``: whether the world is one of it.
        emitters: objects with emissive materials.
    """

    name: str
    type: str
    lamps: tuple[bpy.types.Object, ...] = ()
    world: bool = False
    emitters: tuple[bpy.types.Object, ...] = ()

    @property
    def is_white(self) -> bool:
        """Whether it is measured in white: one light that is dimmed by a number and a colour."""
        return len(self.lamps) + self.world == 1 and not self.emitters


def find_sets(opened: OpenScene, mode: str) -> list[LightSet]:
    """The light sets of a scene in a fixed order; none where ``mode`` is ``all``."""
    if mode == "all":
        return []
    lamps, emitters = {}, {}
    for instance in opened.instances():
        original = instance.object.original
        if object_shines(instance.object):
            (lamps if original.type == 'LIGHT' else emitters)[original.name_full] = original
    ordered = [lamps[name] for name in sorted(lamps)]
    glowing = tuple(emitters[name] for name in sorted(emitters))
    has_world = world_shines(opened.scene, opened.view_layer)
    taken: set[str] = {RESERVED}
    if mode == "lamps":
        sets = [LightSet(_unique(lamp.name_full, taken), LAMP, (lamp,)) for lamp in ordered]
        sets += [LightSet(_unique(WORLD_NAME, taken), WORLD, world=True)] if has_world else []
        sets += [LightSet(_unique(EMISSION_NAME, taken), EMISSION, emitters=glowing)] if glowing else []
        return sets
    world = scene_world(opened)
    groups = sorted({item.lightgroup for item in (*ordered, *glowing, *((world,) if has_world else ()))})
    sets = []
    for group in sorted(groups, key=lambda name: name == ""):
        sets.append(
            LightSet(
                _unique(group or OTHERS_NAME, taken),
                GROUP,
                tuple(lamp for lamp in ordered if lamp.lightgroup == group),
                has_world and world.lightgroup == group,
                tuple(item for item in glowing if item.lightgroup == group),
            )
        )
    return sets


def describe(light_set: LightSet, opened: OpenScene) -> dict:
    """What ``dataset.json`` says of a set, for :mod:`core.light_grid.light_sets`.

    ``members`` are those of its lights that can be dimmed afterwards, with their power times colour and where they
    stood; ``digest`` is over all that cannot be changed without measuring again.
    """
    world = scene_world(opened)
    lights = {lamp: lamp_light(lamp.data) for lamp in light_set.lamps} | (
        {world: world_color(world)} if light_set.world else {}
    )
    total = np.sum(list(lights.values()), axis=0).tolist() if lights else [1.0, 1.0, 1.0]
    members = []
    for block, light in lights.items():
        if block in opened.dimmed:
            member = {"name": block.name_full, "type": "WORLD", "light": list(light)}
            if block is not world:
                matrix = block.evaluated_get(opened.depsgraph()).matrix_world
                member |= {"type": block.data.type, "matrix": [list(row) for row in matrix]}
            members.append(member)
    return {
        "name": light_set.name,
        "type": light_set.type,
        "measured": _in_white_power(light_set, world) if light_set.is_white else total,
        "light": total,
        "members": members,
        # of several lights the proportions matter
        "digest": light_hash(opened.scene, list(lights), [] if light_set.is_white else list(lights.values())),
    }


def _in_white_power(light_set: LightSet, world: bpy.types.World) -> list[float]:
    """What a set of one light shines with while it is measured."""
    return [lamp_power(light_set.lamps[0].data) if light_set.lamps else white_power(world)] * 3


def _unique(name: str, taken: set[str]) -> str:
    found, number = name, 0
    while found in taken:
        number += 1
        found = f"{name}.{number:03d}"
    taken.add(found)
    return found


class Switchboard:
    """Switches on one light set alone.

    Args:
        opened: the scene; it is changed for good (in memory), so nothing else should be rendered from it.
        sets: all of its light sets.
    """

    def __init__(self, opened: OpenScene, sets: list[LightSet]) -> None:
        self.sets = sets
        self._world = scene_world(opened)
        self._lights = {lamp: lamp.data for one in sets for lamp in one.lamps}
        self._sky_power = 1.0
        for one in sets:
            if one.lamps and one.is_white:
                self._lights[one.lamps[0]] = in_white(one.lamps[0].data)
            elif one.is_white:
                self._sky_power = _make_white(self._world)
        self._dark = bpy.data.lights.new(DARK, 'POINT')
        self._dark.energy = 0.0
        world_trees = trees_of(self._world.node_tree) if self._world and self._world.node_tree is not None else []
        self._matter = _matter(sets, world_trees)
        self._sky = Dimmer(world_trees)
        self._sky_color = tuple(self._world.color) if self._world else (0.0, 0.0, 0.0)
        self._lit: int | None = None

    def only(self, index: int, measured: list[float]) -> None:
        """Let the set at ``index`` shine, and nothing else; in white it has the power ``measured`` (3)."""
        if index == self._lit:
            return
        self._lit = index
        lit = self.sets[index]
        if lit.is_white and lit.lamps:
            self._lights[lit.lamps[0]].energy = measured[0]
        for lamp, data in self._lights.items():
            wanted = data if lamp in lit.lamps else self._dark
            if lamp.data != wanted:
                lamp.data = wanted
        dimming = measured[0] / self._sky_power if lit.is_white and lit.world else 1.0
        self._sky.set(dimming if lit.world else 0.0)
        if self._world is not None:  # its colour counts where it has no nodes
            self._world.color = [dimming * lit.world * value for value in self._sky_color]
        for number, matter in enumerate(self._matter):
            matter.set(number == index)


def _make_white(world: bpy.types.World) -> float:
    """Take the colour off a world that one number and one colour decide, and of no other; returns its power."""
    background = plain_background(world)
    if background is not None and not background.inputs["Color"].is_linked and world_is_nodes(world):
        background.inputs["Color"].default_value = (1.0, 1.0, 1.0, 1.0)
    elif not world_is_nodes(world):
        world.color = (1.0, 1.0, 1.0)
    return white_power(world)


def _matter(sets: list[LightSet], world_trees: list[bpy.types.NodeTree]) -> list[Dimmer]:
    """A switch of each set's emissive materials.

    Where several sets have some, each gets copies of its own; what no object's slots show (materials that geometry
    nodes set) goes with the last of them, which is what has no group.
    """
    glowing = [number for number, one in enumerate(sets) if one.emitters]
    copies = {number: _own_materials(sets[number].emitters) for number in glowing[:-1]}
    copied = {tree for trees in copies.values() for tree in trees}
    roots = [material.node_tree for material in bpy.data.materials if material.node_tree is not None]
    rest = [tree for tree in dict.fromkeys(tree for root in roots for tree in trees_of(root)) if tree not in copied]
    rest = [tree for tree in rest if tree not in world_trees]
    return [Dimmer(copies.get(number, rest if number in glowing else [])) for number in range(len(sets))]


def _own_materials(emitters: tuple[bpy.types.Object, ...]) -> list[bpy.types.NodeTree]:
    """Give objects copies of their emissive materials; returns the copies' node trees."""
    copies: dict[bpy.types.Material, bpy.types.Material] = {}
    for item in emitters:
        for slot in item.material_slots:
            material = slot.material
            if material is None or material.node_tree is None or not tree_shines(material.node_tree):
                continue
            if material not in copies:
                copies[material] = material.copy()
                _own_groups(copies[material].node_tree)
            slot.link = 'OBJECT'
            slot.material = copies[material]
    return [tree for copy in copies.values() for tree in trees_of(copy.node_tree)]


def _own_groups(tree: bpy.types.NodeTree) -> None:
    """Give a node tree copies of the groups in it."""
    for node in tree.nodes:
        if getattr(node, "node_tree", None) is not None:
            node.node_tree = node.node_tree.copy()
            _own_groups(node.node_tree)
