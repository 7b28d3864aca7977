# SPDX-FileCopyrightText: 2026 Neural Bake developers
#
# SPDX-License-Identifier: GPL-3.0-or-later

"""Scenes for tests of the capture, made of a few primitives. They need bpy in this process."""

from __future__ import annotations

import bpy
import numpy as np

from bake_workers.capture.grids import Volume
from bake_workers.capture.scene import OpenScene

Point = tuple[float, float, float]


def empty_scene() -> bpy.types.Scene:
    """A fresh scene without objects, with a black world, eight bounces and Cycles on the CPU."""
    bpy.ops.wm.read_factory_settings(use_empty=True)
    scene = bpy.context.scene
    scene.render.engine = 'CYCLES'
    scene.cycles.device = 'CPU'
    scene.cycles.max_bounces = scene.cycles.diffuse_bounces = 8
    sky((0.0, 0.0, 0.0))
    return scene


def opened() -> OpenScene:
    """The current scene as the capture sees it."""
    bpy.context.view_layer.update()
    return OpenScene(bpy.context.scene, bpy.context.view_layer, "digest")


def sky(color: Point, strength: float = 1.0) -> bpy.types.World:
    """Make the world one even colour."""
    world = bpy.data.worlds.new("World")
    if world.node_tree is None:
        world.use_nodes = True
    background = next(node for node in world.node_tree.nodes if node.type == 'BACKGROUND')
    background.inputs["Color"].default_value = (*color, 1.0)
    background.inputs["Strength"].default_value = strength
    bpy.context.scene.world = world
    return world


def material(kind: str, color: Point = (0.8, 0.8, 0.8), strength: float = 1.0) -> bpy.types.Material:
    """A material of one node: ``ShaderNodeBsdfDiffuse``, ``ShaderNodeEmission`` or a volume."""
    result = bpy.data.materials.new(kind)
    if result.node_tree is None:
        result.use_nodes = True
    nodes, links = result.node_tree.nodes, result.node_tree.links
    nodes.clear()
    shader, output = nodes.new(kind), nodes.new("ShaderNodeOutputMaterial")
    shader.inputs["Color"].default_value = (*color, 1.0)
    if kind == "ShaderNodeEmission":
        shader.inputs["Strength"].default_value = strength
    links.new(shader.outputs[0], output.inputs["Volume" if "Volume" in kind else "Surface"])
    return result


def diffuse(albedo: float) -> bpy.types.Material:
    """A grey diffuse material."""
    return material("ShaderNodeBsdfDiffuse", (albedo, albedo, albedo))


def emission(radiance: float) -> bpy.types.Material:
    """A material that emits ``radiance`` W/(m^2 sr) to both sides."""
    return material("ShaderNodeEmission", (1.0, 1.0, 1.0), radiance)


def mesh(
    name: str, points: list[Point], faces: list[tuple], look: bpy.types.Material | None = None
) -> bpy.types.Object:
    """A mesh object."""
    data = bpy.data.meshes.new(name)
    data.from_pydata(points, [], faces)
    if look is not None:
        data.materials.append(look)
    return add(name, data)


def box(
    name: str, low: Point, high: Point, look: bpy.types.Material | None = None, *, inward: bool = False
) -> bpy.types.Object:
    """An axis-aligned box whose faces look outward, or inward for a room."""
    corners = [(x, y, z) for x in (low[0], high[0]) for y in (low[1], high[1]) for z in (low[2], high[2])]
    faces = [(0, 1, 3, 2), (4, 6, 7, 5), (0, 4, 5, 1), (2, 3, 7, 6), (0, 2, 6, 4), (1, 5, 7, 3)]
    return mesh(name, corners, [face[::-1] for face in faces] if inward else faces, look)


def plate(
    name: str, half: float, z: float, look: bpy.types.Material | None = None, *, down: bool = False
) -> bpy.types.Object:
    """A square of side 2 ``half`` at height ``z`` that looks up, or down."""
    corners = [(-half, -half, z), (half, -half, z), (half, half, z), (-half, half, z)]
    return mesh(name, corners, [(3, 2, 1, 0) if down else (0, 1, 2, 3)], look)


def add(name: str, data: bpy.types.ID | None, location: Point = (0.0, 0.0, 0.0)) -> bpy.types.Object:
    """An object in the scene's collection."""
    object_ = bpy.data.objects.new(name, data)
    object_.location = location
    bpy.context.scene.collection.objects.link(object_)
    return object_


def lamp(kind: str, location: Point = (0.0, 0.0, 0.0), **values: object) -> bpy.types.Object:
    """A lamp that shines down; ``values`` are properties of its data."""
    data = bpy.data.lights.new(kind, kind)
    for key, value in values.items():
        setattr(data, key, value)
    return add(kind, data, location)


def probe_volume(
    name: str, center: Point, half: Point, resolution: tuple[int, int, int] = (4, 4, 4)
) -> bpy.types.Object:
    """A Light Probe Volume."""
    data = bpy.data.lightprobes.new(name, 'VOLUME')
    data.resolution_x, data.resolution_y, data.resolution_z = resolution
    object_ = add(name, data, center)
    object_.scale = half
    return object_


def volume(low: Point, high: Point, resolution: tuple[int, int, int] = (4, 4, 4), name: str = "Volume") -> Volume:
    """An axis-aligned volume without an object."""
    matrix = np.eye(4)
    matrix[:3, :3] = np.diag((np.array(high) - low) / 2.0)
    matrix[:3, 3] = (np.array(high) + low) / 2.0
    return Volume(matrix, resolution, name)


def array(*rows: Point) -> np.ndarray:
    """Points or normals (N, 3) float32."""
    return np.array(rows, np.float32)
