# SPDX-FileCopyrightText: 2026 Neural Bake developers
#
# SPDX-License-Identifier: GPL-3.0-or-later

"""What scripts inside Blender share to test the placing of volumes: ``from placing import *``."""

from __future__ import annotations

import math  # noqa: F401

import bpy  # before mathutils, which is part of it
import mathutils
import numpy as np
from extension import *  # noqa: F403
from extension import enable, module

enable()
volumes = module("volumes")


def fresh() -> bpy.types.Scene:
    """An empty scene."""
    bpy.ops.wm.read_factory_settings(use_empty=True)
    enable()
    return bpy.context.scene


def link(
    name: str, data: bpy.types.ID | None, location: tuple = (0, 0, 0), collection: bpy.types.Collection | None = None
) -> bpy.types.Object:
    obj = bpy.data.objects.new(name, data)
    obj.location = location
    (collection or bpy.context.scene.collection).objects.link(obj)
    return obj


def cube(
    name: str, location: tuple = (0, 0, 0), half: float = 1.0, collection: bpy.types.Collection | None = None
) -> bpy.types.Object:
    mesh = bpy.data.meshes.new(name)
    corners = [(x * half, y * half, z * half) for x in (-1, 1) for y in (-1, 1) for z in (-1, 1)]
    mesh.from_pydata(corners, [], [(0, 1, 3, 2), (4, 6, 7, 5), (0, 4, 5, 1), (2, 3, 7, 6), (0, 2, 6, 4), (1, 5, 7, 3)])
    return link(name, mesh, location, collection)


def volume(
    name: str,
    location: tuple = (0, 0, 0),
    scale: tuple = (1, 1, 1),
    resolution: tuple[int, int, int] = (2, 2, 2),
    collection: bpy.types.Collection | None = None,
) -> bpy.types.Object:
    probe = bpy.data.lightprobes.new(name, 'VOLUME')
    probe.resolution_x, probe.resolution_y, probe.resolution_z = resolution
    obj = link(name, probe, location, collection)
    obj.scale = scale
    return obj


def select(*objects: bpy.types.Object) -> None:
    """Select these alone; the first is active."""
    for obj in bpy.context.view_layer.objects:
        obj.select_set(obj in objects)
    bpy.context.view_layer.objects.active = objects[0] if objects else None


def call(name: str, **words: object) -> tuple[str, str]:
    """What an operator of ours returns, and what it reports as an error."""
    try:
        return sorted(getattr(bpy.ops.neural_bake, name)(**words))[0], ""
    except RuntimeError as error:
        return "CANCELLED", str(error)


def box(obj: bpy.types.Object) -> list[list[float]]:
    """Lowest and highest corner of a volume in the world."""
    bpy.context.view_layer.update()
    corners = [obj.matrix_world @ mathutils.Vector((x, y, z)) for x in (-1, 1) for y in (-1, 1) for z in (-1, 1)]
    corners = np.array(corners)
    return np.round([corners.min(axis=0), corners.max(axis=0)], 4).tolist()


def counts(obj: bpy.types.Object) -> list[int]:
    return list(volumes.own_resolution(obj))
