# SPDX-FileCopyrightText: 2026 Neural Bake developers
#
# SPDX-License-Identifier: GPL-3.0-or-later

"""The demo scene, written by a script: ``python -m bake_workers.demo_scene FILE.blend`` with the bpy module.

A sunlit living room and a study without lamps share a wall of five centimetres with a doorway in it. Behind the same
wall, in the study's corner, stands a sealed cupboard: it is dark inside, so light found there has leaked.
Metres, Z up; the floor is at 0. The rooms span x 0 to 8.6, y 0 to 4, z 0 to 2.6.
"""

from __future__ import annotations

import math
import sys
from pathlib import Path

import bpy
from mathutils import Vector

from bake_workers.demo_furniture import Looks, Piece, curtain, furnish, paint, planks

ROOM_HIGH = (8.6, 4.0, 2.6)
WALL_LOW, WALL_HIGH = 5.0, 5.05
"""The thin wall between the rooms, along x."""
DOOR_LOW, DOOR_HIGH, DOOR_TOP = 1.3, 2.4, 2.15
WINDOW = ((1.2, 0.85), (3.4, 2.2))
"""Corners (x, z) of the window in the wall at y = 4."""
CUPBOARD_LOW, CUPBOARD_HIGH = (5.05, 2.75, 0.0), (6.1, 4.0, 2.6)
RESOLUTION = (17, 9, 5)
"""Along x the thin wall then stands between two layers of probes, where a grid without visibility leaks most."""


def build_rooms(looks: Looks) -> None:
    """Floor, ceiling, walls with the window and the doorway, skirting."""
    (x_high, y_high, z_high), thick, wall = ROOM_HIGH, 0.15, looks["wall"]
    Piece("Floor").box((-thick, -thick, -0.1), (x_high + thick, y_high + thick, 0.0), looks["floor"]).object()
    Piece("Ceiling").box(
        (-thick, -thick, z_high), (x_high + thick, y_high + thick, z_high + 0.1), looks["ceiling"]
    ).object()
    ends = Piece("Walls")
    ends.box((-thick, -thick, -0.05), (0.0, y_high + thick, z_high + 0.05), wall)
    ends.box((0.0, -thick, -0.05), (5.025, 0.0, z_high + 0.05), wall)
    (left, sill), (right, lintel) = WINDOW
    for low, high in (
        ((0.0, -0.05), (left, z_high + 0.05)),
        ((right, -0.05), (5.025, z_high + 0.05)),
        ((left, -0.05), (right, sill)),
        ((left, lintel), (right, z_high + 0.05)),
    ):
        ends.box((low[0], y_high, low[1]), (high[0], y_high + thick, high[1]), wall)
    ends.object()
    study = Piece("StudyWalls")
    study.box((x_high, -thick, -0.05), (x_high + thick, y_high + thick, z_high + 0.05), looks["apricot"])
    study.box((5.025, -thick, -0.05), (x_high, 0.0, z_high + 0.05), looks["sage"])
    study.box((5.025, y_high, -0.05), (x_high, y_high + thick, z_high + 0.05), looks["sage"])
    study.object()
    thin = Piece("ThinWall")
    thin.box((WALL_LOW, -0.05, -0.05), (WALL_HIGH, DOOR_LOW, z_high + 0.05), wall)
    thin.box((WALL_LOW, DOOR_HIGH, -0.05), (WALL_HIGH, y_high + 0.05, z_high + 0.05), wall)
    thin.box((WALL_LOW, DOOR_LOW, DOOR_TOP), (WALL_HIGH, DOOR_HIGH, z_high + 0.05), wall)
    thin.object()
    frame = Piece("DoorFrame", bevel=0.006)
    for low, high in (
        ((DOOR_LOW - 0.07, 0.0), (DOOR_LOW, DOOR_TOP + 0.07)),
        ((DOOR_HIGH, 0.0), (DOOR_HIGH + 0.07, DOOR_TOP + 0.07)),
        ((DOOR_LOW, DOOR_TOP), (DOOR_HIGH, DOOR_TOP + 0.07)),
    ):
        frame.box((WALL_LOW - 0.015, low[0], low[1]), (WALL_HIGH + 0.015, high[0], high[1]), looks["white"])
    frame.object()
    skirting = Piece("Skirting")
    skirting.box((0.0, 0.0, 0.0), (WALL_LOW, 0.012, 0.09), looks["white"])
    skirting.box((0.0, y_high - 0.012, 0.0), (WALL_LOW, y_high, 0.09), looks["white"])
    skirting.box((WALL_LOW - 0.012, 0.0, 0.0), (WALL_LOW, DOOR_LOW - 0.07, 0.09), looks["white"])
    skirting.box((WALL_LOW - 0.012, DOOR_HIGH + 0.07, 0.0), (WALL_LOW, y_high, 0.09), looks["white"])
    skirting.object()
    window = Piece("WindowFrame", bevel=0.005)
    for low, high in (
        ((left, sill), (left + 0.06, lintel)),
        ((right - 0.06, sill), (right, lintel)),
        ((left, sill), (right, sill + 0.06)),
        ((left, lintel - 0.06), (right, lintel)),
        ((0.5 * (left + right) - 0.03, sill), (0.5 * (left + right) + 0.03, lintel)),
    ):
        window.box((low[0], y_high + 0.04, low[1]), (high[0], y_high + 0.09, high[1]), looks["white"])
    window.box((left - 0.08, y_high - 0.14, sill - 0.035), (right + 0.08, y_high + 0.05, sill), looks["white"])
    window.object()
    for number, (start, folds) in enumerate(((left - 0.38, 9), (right + 0.02, 9))):
        curtain(f"Curtain.{number}", start, folds, looks["curtain"])
    rod = Piece("CurtainRod").box((left - 0.45, y_high - 0.1, 2.38), (right + 0.45, y_high - 0.08, 2.4), looks["dark"])
    rod.object()


def build_cupboard(looks: Looks) -> None:
    """The sealed cupboard behind the thin wall, with shelves and things that nobody sees."""
    (x_low, y_low, _), (x_high, y_high, z_high) = CUPBOARD_LOW, CUPBOARD_HIGH
    body = Piece("Cupboard")
    body.box((x_low - 0.02, y_low - 0.03, -0.02), (x_high - 0.03, y_low, z_high + 0.02), looks["oak"])
    body.box((x_high - 0.03, y_low - 0.03, -0.02), (x_high, y_high + 0.02, z_high + 0.02), looks["oak"])
    body.object()
    doors = Piece("CupboardDoors", bevel=0.004)
    middle = 0.5 * (y_low + y_high)
    doors.box((x_high - 0.005, y_low + 0.02, 0.1), (x_high + 0.018, middle - 0.004, 2.5), looks["white"])
    doors.box((x_high - 0.005, middle + 0.004, 0.1), (x_high + 0.018, y_high - 0.03, 2.5), looks["white"])
    doors.box((x_high + 0.018, middle - 0.06, 1.0), (x_high + 0.035, middle - 0.04, 1.2), looks["dark"])
    doors.box((x_high + 0.018, middle + 0.04, 1.0), (x_high + 0.035, middle + 0.06, 1.2), looks["dark"])
    doors.object()
    inside = Piece("CupboardShelves")
    for height in (0.7, 1.5, 2.1):
        inside.box((x_low + 0.01, y_low + 0.01, height), (x_low + 0.45, y_high - 0.01, height + 0.025), looks["oak"])
    inside.box((x_low + 0.08, 3.0, 0.725), (x_low + 0.38, 3.4, 0.98), looks["teal"])
    inside.box((x_low + 0.1, 3.5, 1.525), (x_low + 0.4, 3.85, 1.75), looks["mustard"])
    inside.object()


def light(scene: bpy.types.Scene) -> None:
    """A sun through the window, a pale sky, and an area lamp under the living room's ceiling."""
    sun = bpy.data.lights.new("Sun", 'SUN')
    sun.energy, sun.angle, sun.color = 10.0, math.radians(1.5), (1.0, 0.88, 0.7)
    object_ = bpy.data.objects.new("Sun", sun)
    object_.rotation_euler = Vector((0.7, -0.75, -0.5)).to_track_quat('-Z', 'Y').to_euler()
    object_.location = (2.0, 7.0, 5.0)
    scene.collection.objects.link(object_)
    area = bpy.data.lights.new("CeilingLamp", 'AREA')
    area.energy, area.shape, area.size, area.size_y, area.color = 25.0, 'RECTANGLE', 1.0, 0.5, (1.0, 0.86, 0.7)
    object_ = bpy.data.objects.new("CeilingLamp", area)
    object_.location = (1.9, 1.9, 2.58)
    scene.collection.objects.link(object_)
    world = bpy.data.worlds.new("Sky")
    if world.node_tree is None:
        world.use_nodes = True
    background = next(node for node in world.node_tree.nodes if node.type == 'BACKGROUND')
    background.inputs["Color"].default_value = (0.55, 0.72, 1.0, 1.0)
    background.inputs["Strength"].default_value = 0.9
    scene.world = world


def place_helpers(scene: bpy.types.Scene) -> None:
    """Camera, Light Probe Volume, and the Empties that say what is inside."""
    camera = bpy.data.cameras.new("Camera")
    camera.lens = 20.0
    object_ = bpy.data.objects.new("Camera", camera)
    object_.location = (0.35, 2.05, 1.5)
    object_.rotation_euler = (Vector((5.0, 1.78, 0.98)) - object_.location).to_track_quat('-Z', 'Y').to_euler()
    scene.collection.objects.link(object_)
    scene.camera = object_
    probe = bpy.data.lightprobes.new("LightGrid", 'VOLUME')
    probe.resolution_x, probe.resolution_y, probe.resolution_z = RESOLUTION
    object_ = bpy.data.objects.new("LightGrid", probe)
    object_.location = tuple(0.5 * size for size in ROOM_HIGH)
    object_.scale = tuple(0.5 * size + 0.01 for size in ROOM_HIGH)
    scene.collection.objects.link(object_)
    for name, location in (("Inside.room", (1.2, 1.4, 1.2)), ("Inside.cupboard", (5.8, 3.3, 1.2))):
        empty = bpy.data.objects.new(name, None)
        empty.empty_display_size, empty.location = 0.1, location
        scene.collection.objects.link(empty)


def main(path: str | Path) -> int:
    """Write the scene to ``path``; returns an exit code."""
    bpy.ops.wm.read_factory_settings(use_empty=True)
    scene = bpy.context.scene
    scene.name = "Demo"
    scene.render.engine = 'CYCLES'
    scene.render.resolution_x, scene.render.resolution_y = 960, 600
    scene.view_settings.exposure = 0.4
    scene.cycles.samples, scene.cycles.diffuse_bounces, scene.cycles.max_bounces = 256, 8, 12
    looks = {
        "wall": paint("WallPaint", (0.74, 0.71, 0.66), 0.9),
        "ceiling": paint("CeilingPaint", (0.8, 0.79, 0.77), 0.95),
        "sage": paint("SagePaint", (0.55, 0.64, 0.52), 0.9),
        "terracotta": paint("Terracotta", (0.6, 0.22, 0.11), 0.8),
        "floor": planks("Boards", (0.46, 0.29, 0.16), (0.36, 0.215, 0.11)),
        "white": paint("WhitePaint", (0.78, 0.77, 0.74), 0.5),
        "oak": paint("Oak", (0.5, 0.33, 0.18), 0.5),
        "dark": paint("DarkMetal", (0.05, 0.05, 0.055), 0.5),
        "apricot": paint("ApricotPaint", (0.72, 0.5, 0.33), 0.9),
        "teal": paint("TealCloth", (0.05, 0.24, 0.27), 0.95),
        "mustard": paint("MustardCloth", (0.72, 0.42, 0.06), 0.9),
        "red": paint("RedLacquer", (0.55, 0.07, 0.05), 0.5),
        "cream": paint("CreamWool", (0.55, 0.48, 0.38), 0.95),
        "curtain": paint("Linen", (0.72, 0.64, 0.52), 0.95),
        "leaf": paint("Leaf", (0.08, 0.26, 0.06), 0.6),
    }
    build_rooms(looks)
    build_cupboard(looks)
    furnish(looks)
    light(scene)
    place_helpers(scene)
    bpy.context.view_layer.update()
    path = Path(path).resolve()
    path.parent.mkdir(parents=True, exist_ok=True)
    bpy.ops.wm.save_as_mainfile(filepath=str(path), check_existing=False)
    return 0


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: python -m bake_workers.demo_scene FILE.blend")
    sys.exit(main(sys.argv[1]))
