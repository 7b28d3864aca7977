# SPDX-FileCopyrightText: 2026 Neural Bake developers
#
# SPDX-License-Identifier: GPL-3.0-or-later

"""Writes a small scene for tests: a closed room with a partition, a lamp, a camera and a light probe volume.

PYTHON_WITH_BPY write_scene.py FILE.blend [--no-light] [--no-volume] [--volumes N] [--compress]
"""

from __future__ import annotations

import argparse
import os
import sys

import bpy


def box(name: str, low: tuple[float, ...], high: tuple[float, ...], *, inside_out: bool = False) -> bpy.types.Object:
    corners = [(x, y, z) for x in (low[0], high[0]) for y in (low[1], high[1]) for z in (low[2], high[2])]
    faces = [(0, 1, 3, 2), (4, 6, 7, 5), (0, 4, 5, 1), (2, 3, 7, 6), (0, 2, 6, 4), (1, 5, 7, 3)]
    mesh = bpy.data.meshes.new(name)
    mesh.from_pydata(corners, [], [face[::-1] if inside_out else face for face in faces])
    material = bpy.data.materials.new(name)
    material.use_nodes = True
    mesh.materials.append(material)
    obj = bpy.data.objects.new(name, mesh)
    bpy.context.scene.collection.objects.link(obj)
    return obj


def add(name: str, data: bpy.types.ID, location: tuple[float, ...]) -> bpy.types.Object:
    obj = bpy.data.objects.new(name, data)
    obj.location = location
    bpy.context.scene.collection.objects.link(obj)
    return obj


def main(words: list[str]) -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("file")
    parser.add_argument("--no-light", action="store_true")
    parser.add_argument("--no-volume", action="store_true")
    parser.add_argument("--volumes", type=int, default=1)
    parser.add_argument("--compress", action="store_true")
    args = parser.parse_args(words)
    bpy.ops.wm.read_factory_settings(use_empty=True)
    scene = bpy.context.scene
    scene.render.engine = 'CYCLES'
    scene.cycles.device = 'CPU'
    box("Room", (-2.0, -1.5, 0.0), (2.0, 1.5, 2.0), inside_out=True)
    box("Partition", (-0.05, -1.5, 0.0), (0.05, 0.3, 2.0))
    if not args.no_light:
        lamp = bpy.data.lights.new("Lamp", 'POINT')
        lamp.energy = 60.0
        add("Lamp", lamp, (-1.0, 0.0, 1.6))
    camera = bpy.data.cameras.new("Camera")
    scene.camera = add("Camera", camera, (-1.8, 1.3, 1.2))
    scene.camera.rotation_euler = (1.3, 0.0, -2.2)
    if not args.no_volume:
        for index in range(args.volumes):
            probe = bpy.data.lightprobes.new("Volume", 'VOLUME')
            probe.resolution_x, probe.resolution_y, probe.resolution_z = 3, 2, 2
            width = 2.0 / args.volumes
            volume = add(
                "Volume" if index == 0 else f"Volume.{index:03}", probe, ((2 * index + 1) * width - 2.0, 0.0, 1.0)
            )
            volume.scale = (width, 1.5, 1.0)
    bpy.ops.wm.save_as_mainfile(filepath=os.path.abspath(args.file), compress=args.compress)


main(sys.argv[1:])
