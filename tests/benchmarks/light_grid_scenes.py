# SPDX-FileCopyrightText: 2026 Neural Bake developers
#
# SPDX-License-Identifier: GPL-3.0-or-later

"""Scenes that light grids find hard, written by a script with the bpy module, and where their grids lie.

    python -m tests.benchmarks.light_grid_scenes FOLDER [NAME ...]

Each is diffuse, seeded, in metres, Z up; the box of the Empty ``EvalBounds`` is the space in question, and the Empties
``Grid.0``, ``Grid.1``, ... hold the same numbers of probes but lie differently relative to the walls: the first is that
box, the others are up to half a spacing larger at each side. Names of real scenes are read from the shared data, and
copies with such Empties are written.
"""

from __future__ import annotations

import math
import sys
from pathlib import Path

import bpy
import numpy as np
from mathutils import Vector

from bake_workers.demo_furniture import Looks, Piece, chair, paint, planks, shelf, sofa, table

from .common import PLACEMENTS, RESOLUTIONS, SCENES

GROWTH = 0.5
SINK = 0.06
"""How far walls reach into floors and ceilings: no light passes below them."""
Opening = tuple[float, float, float, float]


class Set:
    """A scene in the making.

    Args:
        name: of the scene; with it every random choice is fixed.
        size: extent (3,) of the space from the origin, metres.
    """

    def __init__(self, name: str, size: tuple[float, float, float]) -> None:
        bpy.ops.wm.read_factory_settings(use_empty=True)
        self.name, self.size = name, size
        self.scene = bpy.context.scene
        self.scene.render.engine = 'CYCLES'
        self.scene.render.resolution_x, self.scene.render.resolution_y = 480, 300
        self.scene.cycles.diffuse_bounces, self.scene.cycles.max_bounces = 8, 12
        self.random = np.random.default_rng(sum(map(ord, name)))
        self.looks: Looks = {
            "wall": paint("Wall", (0.74, 0.71, 0.66), 1.0),
            "ceiling": paint("Ceiling", (0.8, 0.79, 0.77), 1.0),
            "floor": planks("Boards", (0.46, 0.29, 0.16), (0.36, 0.215, 0.11)),
            "stone": paint("Stone", (0.55, 0.52, 0.47), 1.0),
            "sage": paint("Sage", (0.45, 0.62, 0.42), 1.0),
            "terracotta": paint("Terracotta", (0.62, 0.22, 0.1), 1.0),
            "blue": paint("Blue", (0.16, 0.3, 0.6), 1.0),
            "white": paint("White", (0.79, 0.78, 0.75), 1.0),
            "oak": paint("Oak", (0.5, 0.33, 0.18), 1.0),
            "dark": paint("Dark", (0.05, 0.05, 0.055), 1.0),
            "teal": paint("Teal", (0.05, 0.24, 0.27), 1.0),
            "mustard": paint("Mustard", (0.72, 0.42, 0.06), 1.0),
            "red": paint("Red", (0.55, 0.07, 0.05), 1.0),
        }
        self.parts = 0

    def box(self, low: tuple, high: tuple, look: str) -> None:
        """A solid box of its own."""
        self.parts += 1
        Piece(f"Part.{self.parts}").box(low, high, self.looks[look]).object()

    def wall(
        self, axis: str, at: float, thick: float, ends: tuple[float, float], openings: list[Opening] = (), look="wall"
    ) -> None:
        """A wall over the whole height, facing along ``axis``, ``thick`` from ``at`` on.

        Args:
            ends: from where to where it runs along the other axis.
            openings: (start, end, bottom, top) of doors and windows, in ascending order.
        """
        top = self.size[2] + SINK
        self.parts += 1
        piece = Piece(f"Wall.{self.parts}")

        def part(start: float, end: float, bottom: float, upper: float) -> None:
            low, high = ((at, start), (at + thick, end)) if axis == "x" else ((start, at), (end, at + thick))
            piece.box((*low, bottom), (*high, upper), self.looks[look])

        place = ends[0]
        for start, end, bottom, upper in openings:
            part(place, start, -SINK, top)
            if bottom > 0.0:
                part(start, end, -SINK, bottom)
            if upper < self.size[2]:
                part(start, end, upper, top)
            place = end
        part(place, ends[1], -SINK, top)
        piece.object()

    def shell(self, openings: dict[str, list[Opening]], floor: str = "floor", thick: float = 0.2) -> None:
        """Floor, ceiling and four outer walls; openings by ``x0``, ``x1``, ``y0``, ``y1``."""
        x, y, z = self.size
        self.box((-thick, -thick, -0.1), (x + thick, y + thick, 0.0), floor)
        self.box((-thick, -thick, z), (x + thick, y + thick, z + 0.1), "ceiling")
        self.wall("x", -thick, thick, (-thick, y + thick), openings.get("x0", []))
        self.wall("x", x, thick, (-thick, y + thick), openings.get("x1", []), "sage")
        self.wall("y", -thick, thick, (-thick, x + thick), openings.get("y0", []))
        self.wall("y", y, thick, (-thick, x + thick), openings.get("y1", []), "terracotta")

    def sealed(self, low: tuple[float, float], high: tuple[float, float], thick: float, height: float = 0.0) -> None:
        """A dark closet between these corners (outer faces); up to the ceiling without ``height``. It is reached."""
        top = height or self.size[2] + SINK
        piece = Piece(f"Closet.{low[0]:.2f}.{low[1]:.2f}")
        for first, last in (
            ((low[0], low[1]), (low[0] + thick, high[1])),
            ((high[0] - thick, low[1]), (high[0], high[1])),
            ((low[0], low[1]), (high[0], low[1] + thick)),
            ((low[0], high[1] - thick), (high[0], high[1])),
        ):
            piece.box((*first, -SINK), (*last, top), self.looks["white"])
        if height:
            piece.box((*low, height - thick), (*high, height), self.looks["white"])
        piece.object()
        middle = (0.5 * (low[0] + high[0]), 0.5 * (low[1] + high[1]), 0.5 * (height or self.size[2]))
        self.inside(middle)

    def inside(self, place: tuple[float, float, float]) -> None:
        """Mark space that counts."""
        self.empty("Inside", place)

    def empty(self, name: str, place: tuple, scale: tuple = (1.0, 1.0, 1.0)) -> None:
        object_ = bpy.data.objects.new(name if name != "Inside" else "Inside.0", None)
        object_.empty_display_type, object_.location, object_.scale = 'CUBE', place, scale
        self.scene.collection.objects.link(object_)

    def lamp(self, kind: str, place: tuple, watts: float, color=(1.0, 0.9, 0.75), aim=(0.0, 0.0, -1.0), size=0.1):
        """A lamp of any type that aims along ``aim``; ``size`` is its radius, its edge, or the sun's angle."""
        lamp = bpy.data.lights.new(kind.title(), kind)
        lamp.energy, lamp.color = watts, color
        if kind == 'AREA':
            lamp.size = size
        elif kind == 'SUN':
            lamp.angle = math.radians(1.0)
        else:
            lamp.shadow_soft_size = size
        if kind == 'SPOT':
            lamp.spot_size, lamp.spot_blend = math.radians(70.0), 0.3
        object_ = bpy.data.objects.new(lamp.name, lamp)
        object_.location = place
        object_.rotation_euler = Vector(aim).to_track_quat('-Z', 'Y').to_euler()
        self.scene.collection.objects.link(object_)

    def sky(self, strength: float, color=(0.55, 0.72, 1.0)) -> None:
        world = bpy.data.worlds.new("Sky")
        if world.node_tree is None:
            world.use_nodes = True
        background = next(node for node in world.node_tree.nodes if node.type == 'BACKGROUND')
        background.inputs["Color"].default_value = (*color, 1.0)
        background.inputs["Strength"].default_value = strength
        self.scene.world = world

    def furniture(self, low: tuple[float, float], high: tuple[float, float], count: int) -> None:
        """Tables, chairs, sofas, shelves and crates anywhere between two corners, turned as chance has it."""
        looks, draw = self.looks, self.random
        cloths = ("teal", "red", "mustard", "blue", "terracotta")
        for number in range(count):
            place = (*(draw.uniform(low[axis], high[axis]) for axis in (0, 1)), 0.0)
            angle, cloth = float(draw.uniform(0.0, 360.0)), looks[cloths[draw.integers(len(cloths))]]
            kind = number % 5
            if kind == 0:
                sofa(cloth, looks["mustard"], looks["dark"]).object(place, angle)
            elif kind == 1:
                table("Table", (1.2, 0.75, 0.74), (looks["oak"], looks["dark"])).object(place, angle)
            elif kind == 2:
                shelf("Shelf", (0.9, 0.3, 1.7), 4, looks).object(place, 90.0 * round(angle / 90.0))
            elif kind == 3:
                chair(cloth, looks["oak"]).object(place, angle)
            else:
                size = draw.uniform(0.25, 0.7, 3)
                crate = Piece("Crate").box((0.0, 0.0, 0.0), tuple(map(float, size)), cloth)
                crate.object(place, angle)

    def camera(self, place: tuple, at: tuple, lens: float = 18.0) -> None:
        camera = bpy.data.cameras.new("Camera")
        camera.lens = lens
        object_ = bpy.data.objects.new("Camera", camera)
        object_.location = place
        object_.rotation_euler = (Vector(at) - Vector(place)).to_track_quat('-Z', 'Y').to_euler()
        self.scene.collection.objects.link(object_)
        self.scene.camera = object_


def flat() -> Set:
    """Three furnished rooms, 8 cm walls, sun through two windows, one lamp; a closet with walls of 3 cm."""
    home = Set("flat", (9.0, 6.6, 2.5))
    home.looks |= {"cream": home.looks["white"], "sage": home.looks["sage"]}
    home.shell({"y1": [(0.9, 2.6, 0.8, 2.1), (3.4, 4.6, 0.0, 2.2)], "x1": [(4.4, 5.6, 0.9, 2.0)]})
    home.wall("x", 5.3, 0.08, (-SINK, 6.6 + SINK), [(1.2, 2.1, 0.0, 2.05)])
    home.wall("y", 3.35, 0.08, (5.3, 9.0 + SINK), [(7.6, 8.5, 0.0, 2.05)], "blue")
    home.sealed((4.1, -SINK), (5.33, 1.0), 0.03)
    home.furniture((0.5, 0.5), (3.8, 6.0), 7)
    home.furniture((6.0, 0.5), (8.4, 2.8), 4)
    home.furniture((6.0, 3.9), (8.4, 6.0), 4)
    home.lamp('SUN', (2, 12, 8), 8.0, (1.0, 0.9, 0.72), (0.45, -0.75, -0.55))
    home.lamp('AREA', (7.2, 1.6, 2.45), 18.0, size=0.6)
    home.sky(0.8)
    home.inside((2.5, 3.2, 2.2))
    home.camera((0.3, 0.3, 1.7), (4.5, 5.5, 0.8))
    return home


def corridors() -> Set:
    """Corridors of 1.3 m around a corner and dark rooms beside them; spots, a tube, a point; walls of 6 cm."""
    home = Set("corridors", (9.6, 7.2, 2.4))
    home.shell({"x0": [(0.2, 1.1, 1.0, 2.0)]}, "stone")
    home.wall("y", 1.3, 0.06, (-SINK, 8.24), [(2.2, 3.0, 0.0, 2.05), (6.4, 7.2, 0.0, 2.05)])
    home.wall("x", 8.2, 0.06, (1.3, 5.86), [(3.2, 4.0, 0.0, 2.05)], "blue")
    home.wall("y", 5.8, 0.06, (1.4, 8.26), [(4.4, 5.2, 0.0, 2.05)])
    home.wall("x", 4.7, 0.06, (1.3, 5.86), [(2.0, 2.7, 0.0, 2.05)], "terracotta")
    home.sealed((6.2, 4.3), (8.23, 5.83), 0.03)
    home.furniture((0.7, 2.0), (4.2, 5.2), 3)
    home.lamp('SPOT', (1.2, 0.65, 2.3), 40.0)
    home.lamp('SPOT', (8.95, 3.0, 2.3), 60.0, (0.8, 0.9, 1.0))
    home.lamp('AREA', (5.0, 6.5, 2.38), 14.0, size=0.3)
    home.lamp('POINT', (0.6, 6.4, 1.9), 6.0, (1.0, 0.6, 0.3), size=0.05)
    home.sky(0.5)
    home.inside((3.0, 0.65, 1.2))
    home.camera((0.3, 0.7, 1.6), (7.5, 0.7, 1.1))
    return home


def colonnade() -> Set:
    """A hall with two rows of columns, open to the sun on one long side, half closed on the other."""
    hall = Set("colonnade", (12.0, 7.2, 4.0))
    arches = [(0.6 + 1.9 * i, 2.1 + 1.9 * i, 0.0, 3.2) for i in range(6)]
    hall.shell({"y0": arches, "x1": [(2.6, 4.6, 0.0, 2.6)], "y1": [(8.0, 9.2, 1.4, 2.6)]}, "stone", 0.35)
    for row in (2.1, 5.0):
        for number in range(6):
            profile = [(0.3, 0.0), (0.3, 0.15), (0.2, 0.25), (0.17, 3.6), (0.28, 3.75), (0.28, 4.02)]
            Piece("Column").turned(profile, (1.0 + 2.0 * number, row, 0.0), hall.looks["white"]).object()
    hall.box((-6.0, -9.0, -0.3), (18.0, -0.3, -0.1), "stone")
    hall.box((3.0, 5.6, 0.0), (4.4, 6.6, 1.1), "blue")
    hall.sealed((10.6, 5.6), (12.04, 7.24), 0.05)
    hall.lamp('SUN', (4, -12, 9), 7.0, (1.0, 0.92, 0.8), (0.5, 0.8, -0.75))
    hall.sky(0.9)
    hall.lamp('POINT', (1.0, 6.4, 2.6), 30.0, (1.0, 0.7, 0.4), size=0.08)
    hall.inside((6.0, 3.5, 2.0))
    hall.camera((0.4, 6.5, 1.8), (8.5, 2.0, 1.4))
    return hall


def thin_walls() -> Set:
    """Small rooms behind partitions of a twentieth, a tenth and a fifth of the spacing, lit and sealed side by side."""
    maze = Set("thin-walls", (7.2, 6.0, 2.4))  # spacing 0.6
    maze.shell({"y0": [(0.5, 1.8, 0.9, 2.0)], "x1": [(4.4, 5.4, 0.7, 2.0)]})
    maze.wall("x", 2.39, 0.03, (-SINK, 6.0 + SINK), [(0.6, 1.4, 0.0, 2.0)])
    maze.wall("x", 4.83, 0.06, (-SINK, 6.0 + SINK), [(2.4, 3.2, 0.0, 2.0)], "blue")
    maze.wall("y", 2.02, 0.03, (-SINK, 4.86), [(3.2, 4.0, 0.0, 2.0)], "sage")
    maze.wall("y", 4.01, 0.12, (2.4, 7.2 + SINK), [(5.6, 6.4, 0.0, 2.0)])
    maze.wall("y", 3.7, 0.03, (-SINK, 2.42), [(0.3, 0.9, 0.0, 2.0)], "terracotta")
    maze.sealed((2.41, 4.11), (3.7, 6.0 + SINK), 0.03)
    maze.sealed((4.86, -SINK), (6.0, 1.2), 0.03)
    maze.sealed((6.2, 2.2), (7.2 + SINK, 3.4), 0.06)
    maze.sealed((1.3, 2.4), (1.9, 3.0), 0.03, 1.2)
    maze.lamp('AREA', (3.6, 1.0, 2.35), 25.0, size=0.5)
    maze.lamp('POINT', (1.1, 5.0, 1.8), 12.0, (1.0, 0.65, 0.35), size=0.06)
    maze.lamp('SPOT', (5.5, 5.2, 2.3), 40.0, (0.75, 0.85, 1.0))
    maze.lamp('SUN', (1, -9, 7), 9.0, (1.0, 0.9, 0.75), (0.25, 0.8, -0.6))
    maze.sky(0.7)
    maze.inside((1.2, 1.0, 1.2))
    maze.camera((0.3, 0.3, 1.6), (2.3, 3.5, 0.9))
    return maze


def column() -> Set:
    """A room with a column of 10 cm, a screen of 2 cm that one can walk around, and a sealed cabinet."""
    room = Set("column", (6.0, 5.4, 3.0))  # spacing 0.6
    room.shell({"x0": [(1.6, 3.2, 0.8, 2.3)]})
    Piece("Pole").turned([(0.05, -SINK), (0.05, 3.0 + SINK)], (3.32, 2.71, 0.0), room.looks["white"]).object()
    room.box((3.9, 3.6, 0.0), (3.92, 5.0, 1.9), "red")
    room.box((1.0, 4.2, 0.72), (2.2, 4.9, 0.75), "oak")
    room.sealed((4.6, 0.5), (5.4, 1.2), 0.03, 1.5)
    room.furniture((0.8, 0.6), (2.6, 2.2), 3)
    room.lamp('AREA', (1.4, 4.4, 2.95), 30.0, size=0.4)
    room.lamp('SPOT', (5.6, 4.9, 2.8), 60.0, (1.0, 0.75, 0.5), (-0.6, -0.6, -0.8))
    room.lamp('SUN', (-9, 2, 6), 8.0, (1.0, 0.92, 0.8), (0.8, 0.12, -0.42))
    room.sky(0.8)
    room.inside((3.0, 4.0, 1.5))
    room.camera((5.7, 0.3, 1.8), (2.0, 4.0, 0.9))
    return room


def courtyard() -> Set:
    """Outdoors: a yard between houses with an arcade, awnings and steps, in low sun; a sealed shed of 6 cm boards."""
    yard = Set("courtyard", (15.6, 13.2, 6.0))  # spacing 1.2
    yard.box((-20.0, -20.0, -0.5), (36.0, 34.0, 0.0), "stone")
    yard.box((-6.0, -6.0, -SINK), (0.6, 20.0, 7.0), "wall")
    yard.box((0.0, 11.4, -SINK), (22.0, 20.0, 5.2), "terracotta")
    yard.box((13.2, 3.0, -SINK), (22.0, 12.0, 4.4), "sage")
    yard.box((3.0, -4.0, -SINK), (9.0, 0.8, 3.2), "white")
    yard.box((0.0, 8.9, 3.0), (13.3, 11.5, 3.25), "wall")
    for number in range(6):
        yard.box((1.4 + 2.2 * number, 8.9, -SINK), (1.75 + 2.2 * number, 9.25, 3.1), "white")
    for number in range(4):
        yard.box((10.4, 3.4 + 0.35 * number, 0.0), (13.3, 6.4, 0.25 * (number + 1)), "stone")
    yard.box((3.4, 0.7, 2.3), (7.6, 2.6, 2.33), "red")
    yard.sealed((7.0, 4.4), (9.1, 6.2), 0.06, 2.4)
    yard.furniture((2.0, 3.0), (6.0, 7.5), 5)
    for place in ((2.2, 6.8), (5.6, 3.8)):
        Piece("Trunk").turned([(0.16, -SINK), (0.1, 2.2)], (*place, 0.0), yard.looks["oak"]).object()
        crown = [(0.2, 2.0), (1.1, 2.5), (1.2, 3.3), (0.3, 4.4)]
        Piece("Crown").turned(crown, (*place, 0.0), yard.looks["sage"], 16).object()
    yard.lamp('SUN', (9, -9, 9), 6.0, (1.0, 0.85, 0.65), (-0.55, 0.75, -0.5))
    yard.sky(1.0)
    yard.lamp('AREA', (6.0, 10.2, 2.95), 60.0, (1.0, 0.75, 0.45), size=0.3)
    yard.inside((6.0, 7.5, 2.0))
    yard.camera((14.5, 0.6, 3.5), (4.0, 9.0, 1.0))
    return yard


MAKERS = {"flat": flat, "corridors": corridors, "colonnade": colonnade, "thin-walls": thin_walls, "column": column}
MAKERS["courtyard"] = courtyard


def place_grids(scene: bpy.types.Scene, low: np.ndarray, high: np.ndarray, name: str) -> None:
    """Add the Empties ``Grid.*`` around the box ``low`` .. ``high`` (3,)."""
    spacing = (high - low) / np.array(RESOLUTIONS[name])
    draw = np.random.default_rng(7)
    for number in range(PLACEMENTS):
        growth = GROWTH * draw.random((2, 3)) * spacing if number else np.zeros((2, 3))
        first, last = low - growth[0], high + growth[1]
        object_ = bpy.data.objects.new(f"Grid.{number}", None)
        object_.empty_display_type = 'CUBE'
        object_.location, object_.scale = 0.5 * (first + last), 0.5 * (last - first)
        scene.collection.objects.link(object_)


def write(folder: Path, name: str) -> Path:
    """Make one scene, or a copy of a real one, with its grids; returns the file."""
    path = folder.resolve() / f"{name}.blend"
    if name in MAKERS:
        made = MAKERS[name]()
        half = 0.5 * np.array(made.size)
        made.empty("EvalBounds", tuple(half), tuple(half + 0.01))
        scene = made.scene
    else:
        bpy.ops.wm.open_mainfile(filepath=str(SCENES / f"{name}.blend"), load_ui=False, use_scripts=False)
        scene = bpy.context.scene
    bpy.context.view_layer.update()
    box = np.array(scene.objects["EvalBounds"].matrix_world)
    half = np.abs(box[:3, :3]).sum(axis=1)
    place_grids(scene, box[:3, 3] - half, box[:3, 3] + half, name)
    bpy.context.view_layer.update()
    path.parent.mkdir(parents=True, exist_ok=True)
    bpy.ops.wm.save_as_mainfile(filepath=str(path), check_existing=False, relative_remap=True)
    return path


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit("usage: python -m tests.benchmarks.light_grid_scenes FOLDER [NAME ...]")
    for scene_name in sys.argv[2:] or MAKERS:
        write(Path(sys.argv[1]), scene_name)
