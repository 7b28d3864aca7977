# SPDX-FileCopyrightText: 2026 Neural Bake developers
#
# SPDX-License-Identifier: GPL-3.0-or-later

"""Surfaces as Cycles shows them, as one soup of world-space triangles, and ray casts against it."""

from __future__ import annotations

import dataclasses
import functools
import gc
import hashlib
from collections.abc import Iterator

import bpy
import numpy as np
from mathutils.bvhtree import BVHTree

from core.errors import NeuralBakeError

from .contents import attributes
from .scene import OpenScene

MOST_TRIANGLES = 20_000_000
MOST_STORED = 2_000_000
"""Triangles up to which a plan holds them, 50 MB."""
FAR = np.float32(1e30)
"""Distance that stands for "nothing was hit" in files."""


@dataclasses.dataclass
class Geometry:
    """Triangles in world space; fronts are the sides from which they are counter-clockwise.

    Attributes:
        vertices: (V, 3) float32.
        indices: (T, 3) int32, corners of each triangle.
        camera_visible: (T,) bool, whether camera rays see it.
        parts: of each instance a digest of its triangles, and its lowest and highest corner.
        normals: (T, 3) unit, towards the front.
        areas: (T,).
    """

    vertices: np.ndarray
    indices: np.ndarray
    camera_visible: np.ndarray
    parts: list[list] = dataclasses.field(default_factory=list)

    def __post_init__(self) -> None:
        corners = self.triangles.astype(np.float64)
        normals = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
        lengths = np.linalg.norm(normals, axis=1)
        self.areas = 0.5 * lengths
        self.normals = normals / np.maximum(lengths, np.finfo(np.float64).tiny)[:, None]

    @functools.cached_property
    def tree(self) -> BVHTree | None:
        """For casting rays; built when it is first needed, None where there are no triangles."""
        if not len(self.indices):
            return None
        return BVHTree.FromPolygons(self.vertices.tolist(), self.indices.tolist(), all_triangles=True)

    def digest(self) -> str:
        """Digest (hexadecimal sha256) of all triangles."""
        total = hashlib.sha256()
        for array in (self.vertices, self.indices, self.camera_visible):
            total.update(array.tobytes())
        return total.hexdigest()

    def arrays(self) -> dict[str, np.ndarray]:
        """What training casts rays against, see :mod:`core.light_grid.virtual_lights`; empty where it is too much."""
        kept = slice(None) if len(self.indices) <= MOST_STORED else slice(0)
        return {"surface_vertices": self.vertices[kept], "surface_triangles": self.indices[kept]}

    @property
    def triangles(self) -> np.ndarray:
        """Corners (T, 3, 3) float32."""
        return self.vertices[self.indices]

    def cast(self, origins: np.ndarray, directions: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Distance (N,) to the first surface along unit ``directions`` (N, 3), or inf, and its triangle, or -1."""
        distances, triangles = np.full(len(origins), np.inf), np.full(len(origins), -1)
        if self.tree is None:
            return distances, triangles
        ray_cast = self.tree.ray_cast
        for run in _runs(len(origins)):
            rays = zip(origins[run].tolist(), directions[run].tolist(), strict=True)
            hits = [ray_cast(*ray)[2:] for ray in rays]
            distances[run] = [np.inf if hit[1] is None else hit[1] for hit in hits]
            triangles[run] = [-1 if hit[0] is None else hit[0] for hit in hits]
        return distances, triangles

    def clear(self, starts: np.ndarray, ends: np.ndarray) -> np.ndarray:
        """Whether the segments from ``starts`` (N, 3) to ``ends`` (N, 3) meet no surface."""
        result = np.ones(len(starts), bool)
        if self.tree is None:
            return result
        steps = ends - starts
        lengths = np.linalg.norm(steps, axis=1)
        steps = steps / np.maximum(lengths, 1e-30)[:, None]
        ray_cast = self.tree.ray_cast
        for run in _runs(len(starts)):
            rays = zip(starts[run].tolist(), steps[run].tolist(), lengths[run].tolist(), strict=True)
            result[run] = [ray_cast(*ray)[3] is None for ray in rays]
        return result

    def distant(self, points: np.ndarray, distance: float) -> np.ndarray:
        """Whether ``points`` (N, 3) have no surface within ``distance``."""
        result = np.ones(len(points), bool)
        if self.tree is None:
            return result
        find_nearest = self.tree.find_nearest
        for run in _runs(len(points)):
            result[run] = [find_nearest(point, distance)[3] is None for point in points[run].tolist()]
        return result


def _runs(count: int, length: int = 200_000) -> Iterator[slice]:
    """Slices that cover ``count`` items, to bound the memory of lists of Python numbers.

    The garbage collector rests meanwhile: it would look through every one of those lists again and again.
    """
    resting = gc.isenabled()
    gc.disable()
    try:
        for first in range(0, count, length):
            yield slice(first, min(first + length, count))
    finally:
        if resting:
            gc.enable()


def collect(opened: OpenScene, low: np.ndarray, high: np.ndarray) -> Geometry:
    """Gather the surfaces near the box ``low`` .. ``high`` (3,), world space.

    Surfaces further away than the box is large are left out: nothing that is asked of them here reaches so far.

    Raises:
        NeuralBakeError: there are too many triangles.
    """
    margin = np.linalg.norm(high - low)
    low, high = low - margin, high + margin
    vertices, indices, visible = [np.zeros((0, 3), np.float32)], [np.zeros((0, 3), np.int32)], [np.zeros(0, bool)]
    meshes: dict[tuple, tuple[np.ndarray, np.ndarray]] = {}
    parts: list[list] = []
    first = total = 0
    for instance in opened.instances():
        object_ = instance.object
        # curves, text and metaballs come once more as instances with a mesh, and so Cycles takes them too
        if not isinstance(object_.data, bpy.types.Mesh) or not _blocks_light(object_):
            continue
        matrix = np.array(instance.matrix_world, np.float64)
        key = (object_.original.session_uid, object_.data.as_pointer())
        if key not in meshes:
            meshes[key] = _local_triangles(object_)
        points, corners = meshes[key]
        points = points @ matrix[:3, :3].T + matrix[:3, 3]
        if not len(corners) or (points.max(axis=0) < low).any() or (points.min(axis=0) > high).any():
            continue
        triangles = points[corners]
        near = (triangles.max(axis=1) >= low).all(axis=1) & (triangles.min(axis=1) <= high).all(axis=1)
        corners = corners[near] if np.linalg.det(matrix[:3, :3]) > 0.0 else corners[near, ::-1]  # mirrored
        total += len(corners)
        if total > MOST_TRIANGLES:
            raise NeuralBakeError(
                "too_many_triangles",
                f"There are more than {MOST_TRIANGLES // 1_000_000} million triangles near the volumes.",
                "Hide what does not matter in renders, or use Simplify.",
            )
        used, corners = np.unique(corners, return_inverse=True)
        vertices.append(points[used].astype(np.float32))
        indices.append((corners.reshape(-1, 3) + first).astype(np.int32))
        visible.append(np.full(len(indices[-1]), bool(object_.visible_camera)))
        if len(used):
            parts.append(_part(vertices[-1], corners, bool(object_.visible_camera)))
        first += len(used)
    return Geometry(np.concatenate(vertices), np.concatenate(indices), np.concatenate(visible), parts)


def _part(vertices: np.ndarray, corners: np.ndarray, is_visible: bool) -> list:
    """Entry of :attr:`Geometry.parts`, as JSON has it."""
    total = hashlib.sha256(vertices.tobytes() + np.asarray(corners, np.int32).tobytes() + bytes([is_visible]))
    return [total.hexdigest()[:32], vertices.min(axis=0).tolist(), vertices.max(axis=0).tolist()]


def digest(opened: OpenScene) -> str:
    """Digest (hexadecimal sha256) of everything that a render would show: shapes, attributes, places and materials'
    names. Unlike the scene's own hash it is of what is evaluated, weights, caches and sculpting included."""
    total = hashlib.sha256()
    known: dict[int, str] = {}
    for instance in opened.instances():
        data = instance.object.data
        if data is None or not hasattr(data, "attributes"):
            continue
        key = data.as_pointer()
        if key not in known:
            known[key] = repr(attributes(data))
        slots = [slot.material.name for slot in instance.object.material_slots if slot.material is not None]
        total.update(repr((known[key], slots, [tuple(row) for row in instance.matrix_world])).encode())
    return total.hexdigest()


def _blocks_light(object_: bpy.types.Object) -> bool:
    return object_.visible_diffuse or object_.visible_shadow


def _local_triangles(object_: bpy.types.Object) -> tuple[np.ndarray, np.ndarray]:
    """Vertices (V, 3) float64 in its own space and triangles (T, 3) of an evaluated object, but for pure volumes."""
    mesh = object_.to_mesh()
    if mesh is None or not len(mesh.polygons):
        object_.to_mesh_clear()
        return np.zeros((0, 3)), np.zeros((0, 3), np.int32)
    mesh.calc_loop_triangles()
    count = len(mesh.loop_triangles)
    corners = np.empty(3 * count, np.int32)
    mesh.loop_triangles.foreach_get("vertices", corners)
    corners = corners.reshape(-1, 3)
    points = np.empty(3 * len(mesh.vertices), np.float32)
    mesh.vertices.foreach_get("co", points)
    only_volume = np.array([_is_only_volume(slot.material) for slot in object_.material_slots], bool)
    if only_volume.any():
        materials = np.empty(count, np.int32)
        mesh.loop_triangles.foreach_get("material_index", materials)
        corners = corners[~only_volume[np.clip(materials, 0, len(only_volume) - 1)]]
    object_.to_mesh_clear()
    return points.reshape(-1, 3).astype(np.float64), corners


def _is_only_volume(material: bpy.types.Material | None) -> bool:
    """Whether a material fills its objects but has no surface: light passes its faces as if they were not there."""
    if material is None or material.node_tree is None:
        return False
    output = material.node_tree.get_output_node('CYCLES')
    return output is not None and output.inputs["Volume"].is_linked and not output.inputs["Surface"].is_linked
