# SPDX-FileCopyrightText: 2026 Neural Bake developers
#
# SPDX-License-Identifier: GPL-3.0-or-later

"""A scene for relighting: a table-top with moving shadows, gloss and colour bleeding, made from nothing.

``python -m tests.benchmarks.relight_scene OUT.blend`` writes it: a square view, one point lamp ``Key`` whose dome lies
over what the camera sees, walls of two colours, a torus, boxes, a sphere and posts of roughness 1 to 0.15, thin posts
that cast shadows from everywhere, and a weak world.
"""

from __future__ import annotations

import argparse
import math
from pathlib import Path

import bpy
from mathutils import Vector

WHITE, RED, GREEN = (0.75, 0.73, 0.7), (0.7, 0.12, 0.1), (0.12, 0.5, 0.16)
BLUE, BRASS, DARK = (0.1, 0.2, 0.65), (0.85, 0.6, 0.25), (0.06, 0.06, 0.07)
Point = tuple[float, float, float]


def build() -> bpy.types.Scene:
    """Replace the open file by the table-top; lengths are metres."""
    bpy.ops.wm.read_factory_settings(use_empty=True)
    scene = bpy.context.scene
    box("Table", (0.0, 0.0, -0.05), (1.2, 1.2, 0.05), look("Wood", (0.42, 0.27, 0.15), 0.45))
    box("Wall.left", (-1.25, 0.0, 0.2), (0.05, 1.3, 0.25), look("Red", RED, 0.9))
    box("Wall.back", (0.0, 1.25, 0.2), (1.2, 0.05, 0.25), look("Chalk", WHITE, 1.0))
    box("Cube", (-0.55, 0.35, 0.2), (0.2, 0.2, 0.2), look("Green", GREEN, 0.6), turn=0.5)
    box("Slab", (0.62, 0.5, 0.06), (0.32, 0.22, 0.06), look("Lacquer", BLUE, 0.25), turn=-0.35)
    box("Block", (0.62, 0.5, 0.24), (0.1, 0.1, 0.12), look("Chalk.block", WHITE, 0.8), turn=0.2)
    bpy.ops.mesh.primitive_uv_sphere_add(radius=0.24, segments=48, ring_count=24, location=(0.05, 0.1, 0.24))
    smooth("Ball", look("Porcelain", (0.8, 0.8, 0.78), 0.15))
    bpy.ops.mesh.primitive_torus_add(
        major_radius=0.17, minor_radius=0.06, major_segments=48, minor_segments=16, location=(-0.45, -0.4, 0.06)
    )
    smooth("Ring", look("Brass", BRASS, 0.3, metallic=1.0))
    bpy.ops.mesh.primitive_cone_add(vertices=48, radius1=0.14, depth=0.36, location=(0.45, -0.35, 0.18))
    smooth("Cone", look("Clay", (0.6, 0.3, 0.2), 1.0))
    for index in range(5):
        angle = 0.9 + 1.1 * index
        place = (0.78 * math.cos(angle), 0.78 * math.sin(angle), 0.3)
        bpy.ops.mesh.primitive_cylinder_add(vertices=24, radius=0.02, depth=0.6, location=place)
        smooth(f"Post.{index}", look(f"Post.{index}", (BLUE, WHITE, DARK, GREEN, BRASS)[index], 0.2 + 0.15 * index))
    lamp = bpy.data.lights.new("Key", 'POINT')
    lamp.energy, lamp.shadow_soft_size = 60.0, 0.06
    key = add("Key", lamp, (0.9, -1.1, 1.6))
    camera = bpy.data.cameras.new("Camera")
    camera.lens = 50.0
    scene.camera = add("Camera", camera, (1.5, -3.0, 2.3))
    scene.camera.rotation_euler = (Vector((0.0, 0.1, 0.12)) - scene.camera.location).to_track_quat('-Z', 'Y').to_euler()
    world = bpy.data.worlds.new("World")
    if world.node_tree is None:
        world.use_nodes = True
    background = next(node for node in world.node_tree.nodes if node.type == 'BACKGROUND')
    background.inputs["Color"].default_value, background.inputs["Strength"].default_value = (0.5, 0.6, 0.8, 1.0), 0.05
    scene.world = world
    scene.render.engine = 'CYCLES'
    scene.cycles.device = 'CPU'
    scene.render.resolution_x = scene.render.resolution_y = 512
    bpy.context.view_layer.objects.active = key
    return scene


def look(name: str, color: Point, roughness: float, metallic: float = 0.0) -> bpy.types.Material:
    """A material of one Principled BSDF."""
    material = bpy.data.materials.new(name)
    if material.node_tree is None:
        material.use_nodes = True
    shader = next(node for node in material.node_tree.nodes if node.type == 'BSDF_PRINCIPLED')
    shader.inputs["Base Color"].default_value = (*color, 1.0)
    shader.inputs["Roughness"].default_value = roughness
    shader.inputs["Metallic"].default_value = metallic
    return material


def box(name: str, center: Point, half: Point, material: bpy.types.Material, turn: float = 0.0) -> bpy.types.Object:
    """A box, turned about Z by ``turn`` radians."""
    corners = [(x * half[0], y * half[1], z * half[2]) for x in (-1, 1) for y in (-1, 1) for z in (-1, 1)]
    faces = [(0, 1, 3, 2), (4, 6, 7, 5), (0, 4, 5, 1), (2, 3, 7, 6), (0, 2, 6, 4), (1, 5, 7, 3)]
    mesh = bpy.data.meshes.new(name)
    mesh.from_pydata(corners, [], faces)
    mesh.materials.append(material)
    object_ = add(name, mesh, center)
    object_.rotation_euler.z = turn
    return object_


def smooth(name: str, material: bpy.types.Material) -> None:
    """Name the object that was just added, shade it smooth and give it a material."""
    object_ = bpy.context.object
    object_.name = object_.data.name = name
    object_.data.shade_smooth()
    object_.data.materials.append(material)


def add(name: str, data: bpy.types.ID, location: Point) -> bpy.types.Object:
    """An object in the scene's collection."""
    object_ = bpy.data.objects.new(name, data)
    object_.location = location
    bpy.context.scene.collection.objects.link(object_)
    return object_


def main() -> None:
    """Write the scene."""
    parser = argparse.ArgumentParser(prog="tests.benchmarks.relight_scene")
    parser.add_argument("out", type=Path, help=".blend to write")
    path = parser.parse_args().out.absolute()
    build()
    bpy.ops.wm.save_as_mainfile(filepath=str(path), check_existing=False, compress=True)
    print(f"written: {path}")


if __name__ == "__main__":
    main()
