# SPDX-FileCopyrightText: 2026 Neural Bake developers
#
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which boxes of the scene hold probes, and how many."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import bpy
import numpy as np

from core.errors import NeuralBakeError
from core.light_grid.grid import Grid, resolution_for
from core.light_grid.settings import LightGridSettings

from .scene import OpenScene

MOST_PROBES = 1_000_000


@dataclasses.dataclass(frozen=True)
class Volume(Grid):
    """A grid of probes with the name of the object that gives its box."""

    name: str = ""

    def bounds(self) -> tuple[np.ndarray, np.ndarray]:
        """Lowest and highest world coordinates (3,) of the box."""
        corners = np.array([(x, y, z) for x in (-1, 1) for y in (-1, 1) for z in (-1, 1)], np.float64)
        world = corners @ self.matrix[:3, :3].T + self.matrix[:3, 3]
        return world.min(axis=0), world.max(axis=0)

    def contains(self, points: np.ndarray, margin: float = 0.0) -> np.ndarray:
        """Whether ``points`` (N, 3) lie in the box, enlarged by ``margin`` cells on every side."""
        return self.border_distance(points) >= -margin

    @property
    def content(self) -> float:
        """Size of the box in cubic world units."""
        return 8.0 * abs(float(np.linalg.det(self.matrix[:3, :3])))


def find_volumes(
    opened: OpenScene, settings: LightGridSettings, bounds_object: str | None, names: Sequence[str] = ()
) -> list[Volume]:
    """The scene's Light Probe Volumes, those of them that are named, or the box of ``bounds_object``.

    Raises:
        NeuralBakeError: there is none, or one without extent or resolution.
    """
    objects = opened.view_layer.objects
    if bounds_object is not None:
        object_ = objects.get(bounds_object)
        if object_ is None:
            raise NeuralBakeError("unknown_name", f"There is no object {bounds_object} in the view layer.")
        if object_.type != 'EMPTY' and not is_volume_probe(object_):
            raise NeuralBakeError(
                "bounds_object",
                f"{bounds_object} is no Empty.",
                "The box of a grid is an Empty or a Light Probe Volume.",
            )
        chosen = [object_]
    else:
        chosen = [
            object_
            for object_ in objects
            if is_volume_probe(object_) and object_.visible_get(view_layer=opened.view_layer)
        ]
        missing = sorted(set(names) - {object_.name for object_ in chosen})
        if chosen and missing:
            raise NeuralBakeError(
                "unknown_name",
                f"There is no Light Probe Volume {missing[0]} that is visible in renders.",
                f"There is: {', '.join(object_.name for object_ in chosen)}.",
            )
        chosen = [object_ for object_ in chosen if not names or object_.name in names]
    if not chosen:
        raise NeuralBakeError(
            "no_volume",
            "The scene has no Light Probe Volume that is visible in renders.",
            "Add one (Add > Light Probe > Volume), or name an Empty by --bounds-object.",
        )
    volumes = [_volume(object_, settings, opened.metre) for object_ in sorted(chosen, key=lambda item: item.name)]
    total = sum(volume.count for volume in volumes)
    if total > MOST_PROBES:
        raise NeuralBakeError(
            "too_many_probes",
            f"The volumes would hold {total} probes; {MOST_PROBES} is the most.",
            "Raise the spacing.",
        )
    return volumes


def require_local(opened: OpenScene, volumes: list[Volume]) -> None:
    """Refuse volumes that cannot keep a result, before any light is measured for them.

    Raises:
        NeuralBakeError: one is linked or overridden; Blender drops its custom properties at saving.
    """
    for volume in volumes:
        object_ = opened.view_layer.objects[volume.name]
        if object_.library is not None or object_.override_library is not None:
            raise NeuralBakeError(
                "linked_target",
                f"{volume.name} belongs to another file, so Blender would lose the result at saving.",
                "Make it local, or bake without --save and load the result elsewhere.",
            )


def is_volume_probe(object_: bpy.types.Object) -> bool:
    """Whether an object is a Light Probe Volume."""
    return object_.type == 'LIGHT_PROBE' and object_.data.type == 'VOLUME'


def _volume(object_: bpy.types.Object, settings: LightGridSettings, metre: float) -> Volume:
    matrix = np.array(object_.matrix_world, np.float64)
    sizes = 2.0 * np.linalg.norm(matrix[:3, :3], axis=0)
    if not np.isfinite(matrix).all() or sizes.min() <= 0.0 or abs(np.linalg.det(matrix[:3, :3] / sizes)) < 1e-6:
        raise NeuralBakeError(
            "flat_volume", f"The box of {object_.name} has no extent.", "Scale it along all three axes."
        )
    if settings.spacing is not None:
        resolution = resolution_for(sizes, settings.spacing * metre)
    elif settings.resolution is not None:
        resolution = settings.resolution
    elif is_volume_probe(object_):
        resolution = (object_.data.resolution_x, object_.data.resolution_y, object_.data.resolution_z)
    else:
        raise NeuralBakeError(
            "no_resolution",
            f"{object_.name} does not say how many probes it holds.",
            "Set the resolution or the spacing.",
        )
    return Volume(matrix, resolution, object_.name)
