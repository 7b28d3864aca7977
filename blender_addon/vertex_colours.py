# SPDX-FileCopyrightText: 2026 Neural Bake developers
#
# SPDX-License-Identifier: GPL-3.0-or-later

"""A result's light as a colour attribute of meshes: ``neural_irradiance``, FLOAT_COLOR, one colour a corner."""

from __future__ import annotations

import collections

import bpy
import numpy as np

from .core.light_grid import LightGrid

ATTRIBUTE = "neural_irradiance"
TYPE, DOMAIN = 'FLOAT_COLOR', 'CORNER'


def object_users() -> collections.Counter[int]:
    """How many objects of the file use each mesh, by its session_uid."""
    return collections.Counter(obj.data.session_uid for obj in bpy.data.objects if obj.type == 'MESH')


def refusal(obj: bpy.types.Object, users: collections.Counter[int]) -> str:
    """Why an object cannot take light, in a few words that follow its name; or an empty text.

    Args:
        users: see :func:`object_users`.
    """
    if obj.type != 'MESH':
        return "no mesh"
    mesh = obj.data
    if mesh.library is not None:
        return "its mesh is linked from another file"
    if mesh.override_library is not None:
        return "its mesh is a library override"
    if mesh.is_editmode:
        return "in Edit Mode"
    if users[mesh.session_uid] > 1:
        return "shares its mesh, make it single-user"
    if not len(mesh.loops):
        return "no faces"
    if ATTRIBUTE in obj.vertex_groups:  # which take their names from the same set
        return f"has a vertex group {ATTRIBUTE}"
    return ""


def write(obj: bpy.types.Object, depsgraph: bpy.types.Depsgraph, grid: LightGrid, scale: float) -> int:
    """Write the light on an object's surface into its mesh, and make it the active colour attribute.

    Args:
        obj: a mesh object that :func:`refusal` lets pass.
        depsgraph: where the object stands, and how modifiers bend it.
        grid: the light.
        scale: factor of the irradiance, which is in W/m^2.

    Returns:
        Number of corners written.

    Raises:
        NeuralBakeError: a position is not finite.
    """
    positions, normals = world_corners(obj, depsgraph)
    colours = np.ones((len(positions), 4), np.float32)
    colours[:, :3] = grid.irradiance(positions, normals) * np.float32(scale)
    mesh = obj.data
    remove(mesh)
    attribute = mesh.color_attributes.new(ATTRIBUTE, TYPE, DOMAIN)
    attribute.data.foreach_set("color", colours.ravel())
    mesh.color_attributes.active_color = attribute
    mesh.update()
    return len(positions)


def world_corners(obj: bpy.types.Object, depsgraph: bpy.types.Depsgraph) -> tuple[np.ndarray, np.ndarray]:
    """Positions (C, 3) and unit split normals (C, 3) of a mesh's corners, in world space, float32.

    They are those of the deformed mesh, an armature's for example. A modifier that adds or removes something has no
    corner for each of the mesh's own, and then those are taken as they are.
    """
    mesh = obj.data
    deformed = obj.evaluated_get(depsgraph).data
    corners = corner_vertices(mesh)
    if len(deformed.vertices) == len(mesh.vertices) and np.array_equal(corner_vertices(deformed), corners):
        mesh = deformed
    positions, normals = vectors(mesh.vertices, "co"), vectors(mesh.corner_normals, "vector")
    return to_world(positions[corners], normals, np.array(obj.matrix_world, np.float64))


def vectors(items: bpy.types.bpy_prop_collection, name: str) -> np.ndarray:
    """A vector of each item, (N, 3) float32."""
    found = np.empty(3 * len(items), np.float32)
    items.foreach_get(name, found)
    return found.reshape(-1, 3)


def to_world(positions: np.ndarray, normals: np.ndarray, matrix: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Positions (N, 3) and normals (N, 3) of an object's space in the world's, the normals as unit vectors.

    Args:
        matrix: (4, 4) float64.
    """
    positions = positions @ matrix[:3, :3].T.astype(np.float32) + matrix[:3, 3].astype(np.float32)
    normals = normals @ _normal_matrix(matrix[:3, :3]).T.astype(np.float32)
    normals /= np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), np.float32(1e-12))
    return positions, normals


def remove(mesh: bpy.types.Mesh) -> bool:
    """Remove the attribute; returns whether there was one."""
    attribute = mesh.attributes.get(ATTRIBUTE)
    if attribute is None:
        return False
    mesh.attributes.remove(attribute)
    return True


def remove_all() -> list[str]:
    """Remove the attribute from this file's meshes; returns the names of those that had it."""
    meshes = [mesh for mesh in bpy.data.meshes if mesh.library is None and not mesh.is_editmode]
    return [mesh.name for mesh in meshes if remove(mesh)]


def corner_vertices(mesh: bpy.types.Mesh) -> np.ndarray:
    """The vertex (C,) of each of a mesh's corners."""
    vertices = np.empty(len(mesh.loops), np.int32)
    mesh.loops.foreach_get("vertex_index", vertices)
    return vertices


def _normal_matrix(matrix: np.ndarray) -> np.ndarray:
    """What turns normals when ``matrix`` (3, 3) turns positions: the inverse transposed, but for its length, so that an
    object that is scaled flat has normals too."""
    columns = matrix.T
    cofactors = np.stack([np.cross(columns[(i + 1) % 3], columns[(i + 2) % 3]) for i in range(3)], axis=1)
    return cofactors if np.linalg.det(matrix) >= 0.0 else -cofactors
