# SPDX-FileCopyrightText: 2026 Neural Bake developers
#
# SPDX-License-Identifier: GPL-3.0-or-later

"""The box around what is seen of objects: with their modifiers and instances, as the scene is evaluated."""

from __future__ import annotations

from collections.abc import Collection

import bpy
import numpy as np

from . import volumes

CORNERS = np.array([(x, y, z) for x in (0, 1) for y in (0, 1) for z in (0, 1)], np.float64)
# What renders without a mesh. Curves, texts and metaballs come once more as instances with a mesh.
WITHOUT_MESH = {'CURVES', 'POINTCLOUD', 'VOLUME'}
GEOMETRY = WITHOUT_MESH | {'MESH', 'CURVE', 'SURFACE', 'FONT', 'META'}

Box = tuple[np.ndarray, np.ndarray]


def find(
    objects: Collection[bpy.types.Object],
    scene: bpy.types.Scene,
    view_layer: bpy.types.ViewLayer,
    to_local: np.ndarray,
) -> Box | None:
    """The box around objects, those that they instance included, along the axes of some space.

    Args:
        objects: what to look at; lamps, cameras, probes and empties have no extent of their own.
        view_layer: an up-to-date view layer of the scene, which has the objects.
        to_local: (4, 4) from the world to the space of the result.

    Returns:
        Lowest and highest coordinates (3,) float64; None where nothing has an extent.
    """
    chosen = set(objects)
    meshes: dict[tuple, np.ndarray] = {}
    low, high = np.full(3, np.inf), np.full(3, -np.inf)
    for instance in view_layer.depsgraph.object_instances:
        obj = instance.object
        source = instance.parent if instance.is_instance else obj
        if not instance.show_self or source.original not in chosen or (obj.hide_render and not source.hide_render):
            continue
        if isinstance(obj.data, bpy.types.Mesh):
            key = (obj.original.session_uid, obj.data.as_pointer())
            if key not in meshes:
                meshes[key] = _mesh_points(obj)
            points = meshes[key]
        elif obj.type in WITHOUT_MESH:
            points = _corners(np.array(obj.bound_box, np.float64))
        else:
            continue
        low, high = _enlarge((low, high), points, to_local @ np.array(instance.matrix_world, np.float64))
    for obj in chosen:
        # What is disabled in viewports is not evaluated, and yet it may be rendered: its box before modifiers must do.
        if obj.type in GEOMETRY and not obj.evaluated_get(view_layer.depsgraph).is_evaluated:
            points = _corners(np.array(obj.bound_box, np.float64))
            low, high = _enlarge((low, high), points, to_local @ volumes.world_matrix(obj, scene))
    return (low, high) if np.isfinite(low).all() else None


def _mesh_points(obj: bpy.types.Object) -> np.ndarray:
    """Vertices (V, 3) float64 of an evaluated object in its own space, none where it has no faces to see."""
    mesh = obj.to_mesh()
    points = np.empty(3 * len(mesh.vertices) if len(mesh.polygons) else 0, np.float32)
    if len(points):
        mesh.vertices.foreach_get("co", points)
    obj.to_mesh_clear()
    points = points.reshape(-1, 3).astype(np.float64)
    return points[np.isfinite(points).all(axis=1)]


def _corners(points: np.ndarray) -> np.ndarray:
    """The eight corners of the box around ``points`` (N, 3), none where it has no size."""
    low, high = points.min(axis=0), points.max(axis=0)
    return low + CORNERS * (high - low) if (high > low).any() else points[:0]


def _enlarge(box: Box, points: np.ndarray, matrix: np.ndarray) -> Box:
    """The box around ``box`` and ``matrix`` times ``points`` (N, 3)."""
    if not len(points):
        return box
    low, high = box
    # Most of many instances lie inside what is known already, and eight corners tell.
    hull = _transform(_corners(points), matrix)
    if len(hull) and (hull.min(axis=0) >= low).all() and (hull.max(axis=0) <= high).all():
        return box
    points = _transform(points, matrix)
    return np.minimum(low, points.min(axis=0)), np.maximum(high, points.max(axis=0))


def _transform(points: np.ndarray, matrix: np.ndarray) -> np.ndarray:
    return points @ matrix[:3, :3].T + matrix[:3, 3]
