# SPDX-FileCopyrightText: 2026 Neural Bake developers
#
# SPDX-License-Identifier: GPL-3.0-or-later

"""Light Probe Volumes: which ones a bake takes, how many probes they hold and where.

Convention:
    lengths are in Blender units, as ``Object.location`` and every length property has them. Only the bake's setting
    ``spacing`` is in metres, and how many Blender units a metre has is the scene's unit scale.
"""

from __future__ import annotations

from collections.abc import Iterable

import bpy
import numpy as np

from . import properties
from .core.light_grid.grid import Grid, resolution_for


def is_volume(obj: bpy.types.Object | None) -> bool:
    """Whether an object is a Light Probe Volume."""
    return obj is not None and obj.type == 'LIGHT_PROBE' and obj.data.type == 'VOLUME'


def of_scene(scene: bpy.types.Scene, view_layer: bpy.types.ViewLayer) -> list[bpy.types.Object]:
    """The Light Probe Volumes that a bake takes, those that renders see, sorted by name."""
    if not any(probe.type == 'VOLUME' for probe in bpy.data.lightprobes):
        return []
    found = [obj for obj in view_layer.objects if is_volume(obj)]
    return sorted(rendered(found, view_layer), key=lambda obj: obj.name)


def selected(scene: bpy.types.Scene, view_layer: bpy.types.ViewLayer) -> list[bpy.types.Object]:
    """Those of :func:`of_scene` that are selected."""
    return [obj for obj in of_scene(scene, view_layer) if obj.select_get(view_layer=view_layer)]


def rendered(objects: Iterable[bpy.types.Object], view_layer: bpy.types.ViewLayer) -> list[bpy.types.Object]:
    """Those of a view layer's objects that are enabled in renders, and so is a collection that they are in."""
    # Object.users_collection would look through every object of every collection, for each object again.
    enabled = set().union(*(group.objects for group in _enabled_collections(view_layer.layer_collection)))
    return [obj for obj in objects if not obj.hide_render and obj in enabled]


def _enabled_collections(parent: bpy.types.LayerCollection) -> set[bpy.types.Collection]:
    """The collections at and below ``parent`` whose objects renders see; one can be there more than once."""
    enabled = set() if parent.exclude else {parent.collection}
    for child in parent.children:
        if not child.collection.hide_render:
            enabled |= _enabled_collections(child)
    return enabled


def world_matrix(obj: bpy.types.Object, scene: bpy.types.Scene) -> np.ndarray:
    """An object's matrix (4, 4) float64 to the world.

    Blender does not know it for an object that was disabled in viewports since the file was opened. Then it comes from
    the parents' transforms, and constraints do not count.
    """
    for layer in scene.view_layers:
        if layer.depsgraph is not None and obj.evaluated_get(layer.depsgraph).is_evaluated:
            return np.array(obj.matrix_world, np.float64)
    matrix = np.array(obj.matrix_basis, np.float64)
    if obj.parent is None:
        return matrix
    return world_matrix(obj.parent, scene) @ np.array(obj.matrix_parent_inverse, np.float64) @ matrix


def own_resolution(obj: bpy.types.Object) -> tuple[int, int, int]:
    """Number of probes along each axis that a volume has by itself."""
    return obj.data.resolution_x, obj.data.resolution_y, obj.data.resolution_z


def resolution(
    obj: bpy.types.Object, scene: bpy.types.Scene, settings: dict[str, object] | None = None
) -> tuple[int, int, int]:
    """Number of probes along each axis of a volume as a bake will have it.

    Args:
        settings: the scene's, from :func:`properties.settings_values`, where they are known already.

    Raises:
        NeuralBakeError: a setting of the scene is outside its limits.
    """
    if settings is None:
        settings = properties.settings_values(scene, "light_grid")
    if "spacing" in settings:
        spacing = settings["spacing"] / scene.unit_settings.scale_length
        return resolution_for(box_sizes(world_matrix(obj, scene)), spacing)
    if "resolution" in settings:
        return tuple(settings["resolution"])
    return own_resolution(obj)


def grid(obj: bpy.types.Object, scene: bpy.types.Scene, settings: dict[str, object] | None = None) -> Grid:
    """The probes of a volume as a bake will have them; see :func:`resolution` for arguments and errors."""
    return Grid(world_matrix(obj, scene), resolution(obj, scene, settings))


def probe_count(scene: bpy.types.Scene, view_layer: bpy.types.ViewLayer) -> int:
    """Number of probes that a bake will measure; see :func:`resolution` for errors."""
    settings = properties.settings_values(scene, "light_grid")
    return sum(int(np.prod(resolution(obj, scene, settings))) for obj in of_scene(scene, view_layer))


def world_positions(obj: bpy.types.Object, scene: bpy.types.Scene) -> np.ndarray:
    """Centres (P, 3) float32 of a volume's probes in C order, world space; see :func:`resolution` for errors."""
    return grid(obj, scene).probe_positions().astype(np.float32)


def box_sizes(matrix: np.ndarray) -> np.ndarray:
    """Edge lengths (3,) of the box that ``matrix`` (4, 4) makes of the cube [-1, 1]^3."""
    return 2.0 * np.linalg.norm(matrix[:3, :3], axis=0)


def length(value: float, scene: bpy.types.Scene) -> str:
    """A length of the scene as Blender shows it."""
    units = scene.unit_settings
    if units.system == 'NONE':
        return f"{value:.4g}"
    return bpy.utils.units.to_string(units.system, 'LENGTH', float(value) * units.scale_length, precision=3)
