# SPDX-FileCopyrightText: 2026 Neural Bake developers
#
# SPDX-License-Identifier: GPL-3.0-or-later

"""Placing Light Probe Volumes: new ones, fitted ones, and one cut into parts.

Convention:
    a volume is the cube [-1, 1]^3 of its object's space. A box inside it is given by its centre and half size in that
    space. Lengths are in Blender units.
"""

from __future__ import annotations

import dataclasses
import itertools
import re
from collections.abc import Iterable

import bpy
import numpy as np

from . import extent, properties, results, volumes
from .core.errors import NeuralBakeError

HIGHEST_RESOLUTION = 256
"""Probes along an axis that a Light Probe Volume can hold."""
MOST_PARTS = 1000
NAME = "Probe Volume"
NAME_BYTES = 63
"""Blender 4.5 cuts longer names, and with them their numbers."""
PART = re.compile(r" Part [\d.]+$")


@dataclasses.dataclass(frozen=True)
class Part:
    """A box inside a volume, and the probes that it holds.

    Attributes:
        centre, half_size: (3,) in the space of the volume.
        counts: (3,) probes along each axis.
    """

    centre: np.ndarray
    half_size: np.ndarray
    counts: np.ndarray

    def matrix(self, volume: np.ndarray) -> np.ndarray:
        """The part's own matrix (4, 4) to the world, from that of the volume."""
        result = volume.copy()
        result[:3, 3] += volume[:3, :3] @ self.centre
        result[:3, :3] *= self.half_size
        return result


def around(target: str, context: bpy.types.Context, to_local: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Lowest and highest coordinates (3,) of what a volume is fitted to, in the space that ``to_local`` (4, 4) gives.

    Args:
        target: 'SELECTION' or 'SCENE', which is everything that renders see.

    Raises:
        NeuralBakeError: there is nothing.
    """
    scene, view_layer = context.scene, context.view_layer
    view_layer.update()
    if target == 'SELECTION':
        box = extent.find(context.selected_objects, scene, view_layer, to_local)
        if box is None:
            raise NeuralBakeError(
                "nothing_to_fit", "No object with a surface is selected.", "Select what the volume shall enclose."
            )
    else:
        box = extent.find(volumes.rendered(view_layer.objects, view_layer), scene, view_layer, to_local)
        if box is None:
            raise NeuralBakeError(
                "nothing_to_fit",
                f"Nothing with a surface is visible in renders of {scene.name}.",
                "Add objects first, or place the volume at the 3D cursor.",
            )
    return box


def add(context: bpy.types.Context, low: np.ndarray, high: np.ndarray, spacing: float) -> bpy.types.Object:
    """Make a volume of a box of the world in the active collection, selected and active.

    Args:
        low, high: (3,) world space; an axis without extent becomes one spacing long.
        spacing: largest distance between its probes.

    Raises:
        NeuralBakeError: too many probes, or the collection belongs to another file.
    """
    collection = context.collection
    if collection.library is not None or collection.override_library is not None:
        raise NeuralBakeError(
            "linked_target",
            f"The active collection {collection.name} belongs to another file.",
            "Choose a collection of this file in the Outliner.",
        )
    sizes = np.maximum(high - low, spacing)
    counts = counts_for(sizes, spacing)
    check_counts(counts, sizes, np.full(3, spacing), context.scene)
    obj = bpy.data.objects.new(NAME, bpy.data.lightprobes.new(NAME, 'VOLUME'))
    obj.location, obj.scale = 0.5 * (low + high), 0.5 * sizes
    set_resolution(obj, counts)
    collection.objects.link(obj)
    space = context.space_data
    if space is not None and space.type == 'VIEW_3D' and space.local_view is not None:
        obj.local_view_set(space, True)
    select([obj], context.view_layer)
    context.view_layer.update()
    return obj


def fit(
    objects: list[bpy.types.Object], target: str, margin: float, spacing: float, context: bpy.types.Context
) -> None:
    """Fit volumes to 'SELECTION' or 'SCENE', each along its own axes; their rotations stay.

    Args:
        margin: gap between what they are fitted to and their sides.
        spacing: largest distance between probes; 0 stays as near as can be to what each volume has, axis by axis.

    Raises:
        NeuralBakeError: see :func:`around`; too many probes; a volume that is linked, flat or held by a constraint.
            Nothing was changed.
    """
    context.view_layer.update()
    pairs = [(obj, _fitted(obj, target, margin, spacing, context)) for obj in objects]
    place(pairs, context.scene, context.view_layer)


def _fitted(obj: bpy.types.Object, target: str, margin: float, spacing: float, context: bpy.types.Context) -> Part:
    """What a volume must become by :func:`fit`; the part can be larger than the volume."""
    require_own(obj)
    matrix = volumes.world_matrix(obj, context.scene)
    require_extent(obj, matrix)
    sizes = volumes.box_sizes(matrix)
    low, high = around(target, context, np.linalg.inv(matrix))
    distances = np.full(3, spacing) if spacing > 0.0 else sizes / volumes.own_resolution(obj)
    fitted = np.maximum(0.5 * (high - low) * sizes + 2.0 * margin, distances)
    # A spacing that stays goes to the nearest number: one that is never exceeded would shrink with every fit.
    counts = counts_for(fitted, distances) if spacing > 0.0 else np.maximum(np.round(fitted / distances), 1).astype(int)
    check_counts(counts, fitted, distances, context.scene)
    return Part(0.5 * (low + high), fitted / sizes, counts)


def split(obj: bpy.types.Object, most_probes: int, context: bpy.types.Context) -> list[bpy.types.Object]:
    """Cut a volume along the borders of its cells into parts that hold no more than ``most_probes`` each.

    Every probe stays where it is. The object itself becomes the first part.

    Returns:
        The parts, now selected, the first one active.

    Raises:
        NeuralBakeError: it is small enough, holds a result, or is linked, flat or held by a constraint; the scene's
            settings decide how many probes it has; too many parts. Nothing was changed.
    """
    scene, view_layer = context.scene, context.view_layer
    require_own(obj)
    if results.carries(obj):
        raise NeuralBakeError(
            "has_result",
            f"{obj.name} holds a baked result, which would fit none of its parts.",
            "Clear the result first, or split a duplicate without it.",
        )
    view_layer.update()
    matrix = volumes.world_matrix(obj, scene)
    require_extent(obj, matrix)
    counts = volumes.own_resolution(obj)
    settings = properties.settings_values(scene, "light_grid")
    if "spacing" in settings or "resolution" in settings:
        raise NeuralBakeError(
            "overridden_resolution",
            f"The bake settings of {scene.name} decide how many probes a volume has, so parts would not keep theirs.",
            "Switch Use Spacing and Use Resolution off there.",
        )
    total = int(np.prod(counts))
    if total <= most_probes:
        raise NeuralBakeError(
            "nothing_to_split",
            f"{obj.name} holds {total} probes, no more than the {most_probes} that a part may hold.",
            "Lower Most Probes to split it.",
        )
    parts = parts_of(counts, volumes.box_sizes(matrix) / counts, most_probes)
    if len(parts) > MOST_PARTS:
        raise NeuralBakeError(
            "too_many_parts", f"That makes {len(parts)} parts; {MOST_PARTS} is the most.", "Raise Most Probes."
        )
    name, collections = obj.name, obj.users_collection
    objects = [obj]
    for _ in parts[1:]:
        copy = obj.copy()
        copy.data = obj.data.copy()
        for collection in collections:
            collection.objects.link(copy)
        objects.append(copy)
    view_layer.update()
    try:
        place(list(zip(objects, parts)), scene, view_layer)
    except NeuralBakeError:
        bpy.data.batch_remove([item for copy in objects[1:] for item in (copy, copy.data)])
        raise
    for number, item in enumerate(objects, 1):
        item.name = part_name(name, number, len(parts))
    select(objects, view_layer)
    return objects


def parts_of(counts: tuple[int, int, int], spacing: np.ndarray, most_probes: int) -> list[Part]:
    """Cut a volume's cells into the fewest equal blocks, but for a cell, that hold no more than ``most_probes`` cells.

    Args:
        counts: probes along each axis.
        spacing: (3,) distance between them.
    """
    cuts_x, cuts_y = np.arange(1, counts[0] + 1)[:, None], np.arange(1, counts[1] + 1)[None]
    largest_x, largest_y = -(-counts[0] // cuts_x), -(-counts[1] // cuts_y)
    layers = np.clip(most_probes // (largest_x * largest_y), 0, counts[2])
    cuts_z = -(-counts[2] // np.maximum(layers, 1))
    number = np.where(layers > 0, cuts_x * cuts_y * cuts_z, np.iinfo(np.int64).max)
    longest = np.maximum(largest_x * spacing[0], largest_y * spacing[1])
    longest = np.maximum(longest, -(-counts[2] // cuts_z) * spacing[2])
    best = np.lexsort((longest.ravel(), number.ravel()))[0]  # among equal numbers the most compact blocks
    x, y = np.unravel_index(best, number.shape)
    cuts = (x + 1, y + 1, cuts_z[x, y])
    borders = [[index * count // cut for index in range(int(cut) + 1)] for count, cut in zip(counts, cuts)]
    parts = []
    for block in itertools.product(*(list(itertools.pairwise(edges)) for edges in borders)):
        first, last = np.array(block, np.float64).T
        parts.append(Part((first + last) / counts - 1.0, (last - first) / counts, (last - first).astype(int)))
    return parts


def part_name(name: str, number: int, total: int) -> str:
    """Name of a part of a volume: ``Hall`` becomes ``Hall Part 3``, and that becomes ``Hall Part 3.1``."""
    digits = f"{number:0{len(str(total))}}"
    suffix = f".{digits}" if PART.search(name) else f" Part {digits}"
    return name.encode()[: NAME_BYTES - len(suffix)].decode(errors="ignore") + suffix


def place(pairs: list[tuple[bpy.types.Object, Part]], scene: bpy.types.Scene, view_layer: bpy.types.ViewLayer) -> None:
    """Make each object, whose volume still is the whole one, that part of it.

    Only location, scale and resolution are written: the rotation stays in its mode, and parents and delta transforms
    hold.

    Raises:
        NeuralBakeError: one did not come to lie where it should; all are as they were.
    """
    before = []
    expected = []
    for obj, part in pairs:
        before.append((obj, obj.location.copy(), obj.scale.copy()))
        expected.append(part.matrix(volumes.world_matrix(obj, scene)))
        axes = np.array(obj.matrix_basis, np.float64)[:3, :3]
        obj.location = np.array(obj.location, np.float64) + axes @ part.centre
        obj.scale = np.array(obj.scale, np.float64) * part.half_size
    view_layer.update()
    for (obj, _), matrix in zip(pairs, expected):
        found = volumes.world_matrix(obj, scene)
        if np.allclose(found, matrix, rtol=0.0, atol=1e-4 * np.abs(matrix[:3]).max()):
            continue
        for earlier, location, scale in before:
            earlier.location, earlier.scale = location, scale
        view_layer.update()
        raise NeuralBakeError(
            "held_volume",
            f"{obj.name} does not go where it should: a constraint, a driver or a parent that moves too holds it.",
            "Remove or mute that first.",
        )
    for obj, part in pairs:
        if obj.data.users > 1 or obj.data.library is not None or obj.data.override_library is not None:
            obj.data = obj.data.copy()  # or other volumes would change too
        set_resolution(obj, part.counts)


def set_resolution(obj: bpy.types.Object, counts: Iterable[int]) -> None:
    """Set the number of probes along each axis of a volume."""
    obj.data.resolution_x, obj.data.resolution_y, obj.data.resolution_z = (int(count) for count in counts)


def select(objects: list[bpy.types.Object], view_layer: bpy.types.ViewLayer) -> None:
    """Select these objects and no others; the first one becomes active."""
    for obj in list(view_layer.objects.selected):
        obj.select_set(False, view_layer=view_layer)
    for obj in objects:
        obj.select_set(True, view_layer=view_layer)
    view_layer.objects.active = objects[0]


def counts_for(sizes: np.ndarray, spacing: np.ndarray | float) -> np.ndarray:
    """Number of probes (3,) int along edges of lengths ``sizes`` (3,) that are no further apart than ``spacing``."""
    # Sizes have 32 bits, and a rounding must not cost one more row of probes.
    return np.maximum(np.ceil(sizes / spacing - 1e-4), 1).astype(int)


def check_counts(counts: np.ndarray, sizes: np.ndarray, spacing: np.ndarray, scene: bpy.types.Scene) -> None:
    """Refuse more probes along an axis than a Light Probe Volume can hold.

    Args:
        counts, sizes, spacing: (3,) along each axis.
    """
    axis = int(np.argmax(counts))
    if counts[axis] > HIGHEST_RESOLUTION:
        box = " x ".join(volumes.length(size, scene) for size in sizes)
        least = 1.01 * float(sizes.max()) / HIGHEST_RESOLUTION
        raise NeuralBakeError(
            "too_many_probes",
            f"A box of {box} with probes every {volumes.length(spacing[axis], scene)} needs {counts[axis]} of them "
            f"along {'XYZ'[axis]}; {HIGHEST_RESOLUTION} is the most.",
            f"Raise the spacing to {volumes.length(least, scene)} or more, or fit to less.",
        )


def require_own(obj: bpy.types.Object) -> None:
    """Refuse an object that belongs to another file."""
    if obj.library is not None or obj.override_library is not None:
        how = "linked from another file" if obj.library is not None else "a library override"
        raise NeuralBakeError("linked_target", f"{obj.name} is {how}.", "Make it local, or use a volume of this file.")


def require_extent(obj: bpy.types.Object, matrix: np.ndarray) -> None:
    """Refuse a volume whose ``matrix`` (4, 4) has no inverse."""
    sizes = volumes.box_sizes(matrix)
    if not np.isfinite(matrix).all() or sizes.min() <= 0.0 or abs(np.linalg.det(matrix[:3, :3] / sizes)) < 1e-6:
        raise NeuralBakeError(
            "flat_volume", f"The box of {obj.name} has no extent.", "Scale it along all three axes first."
        )
