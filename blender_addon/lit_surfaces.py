# SPDX-FileCopyrightText: 2026 Neural Bake developers
#
# SPDX-License-Identifier: GPL-3.0-or-later

"""The surfaces of a view layer, cut finer than the probes' spacing, and the baked light at their points.

Surfaces that stand as they did keep their light. Where a light set's factors changed, light is a sum of what is known.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Collection

import bpy
import numpy as np

from . import light_sets, results, tessellation, vertex_colours
from .core import colour
from .core.light_grid import LightGrid

MOST_ADDED = 120_000
"""Points that are added by cutting; in large scenes the parts are larger."""
MOST_POINTS = 3_000_000
"""Of denser scenes the objects with the most points are left out; a million points take two to four seconds."""


@dataclasses.dataclass(frozen=True, eq=False)
class Surface:
    """One object's surface in the light.

    Attributes:
        name: the object, or the one that instances it.
        stands: where and how it is; another value asks for new light.
        positions, light: (N, 3) float32, world space and E / pi.
        triangles: (T, 3) int32.
        apart: (N, G, 3) what light sets give of it; None where it is not known.
    """

    name: str
    stands: tuple
    positions: np.ndarray
    light: np.ndarray
    triangles: np.ndarray
    apart: np.ndarray | None = None

    def under(self, factors: np.ndarray) -> Surface:
        """The same with its light sets times ``factors`` (G, 3)."""
        return dataclasses.replace(self, light=light_sets.add_up(self.apart, factors))


@dataclasses.dataclass
class Display:
    """What the 3D Views of one view layer show.

    Attributes:
        source: manifests of the results that it is the light of.
        factors: of each result, those of its light sets.
        exposure: factor on light; it stays while things move.
        left_out: names of the objects that were too much.
        batches: what is drawn, by the names of the objects seen; None: all of them.
    """

    source: tuple[str, ...]
    factors: tuple[np.ndarray | None, ...]
    surfaces: dict[tuple, Surface]
    exposure: float
    left_out: list[str]
    batches: dict[frozenset[str] | None, object] = dataclasses.field(default_factory=dict)


def build(context: bpy.types.Context, earlier: Display | None, reshaped: Collection[str] = ()) -> Display:
    """Light what a view layer shows.

    Args:
        earlier: what it showed before; surfaces that stand as they did keep their light.
        reshaped: names of the objects whose geometry has changed since.

    Raises:
        NeuralBakeError: there is no result, or a damaged one.
    """
    scene = context.scene
    source = tuple(str(keeper.get(results.MANIFEST)) for keeper in results.holders(scene))
    factors = light_sets.factors_of(context)
    is_same = earlier is not None and earlier.source == source
    known = earlier.surfaces if is_same else {}
    # One result's light sets are kept apart, so that a lamp's change is a sum; of several they are looked up again.
    apart = factors[0] if len(factors) == 1 else None
    is_dimmed = is_same and not all(map(np.array_equal, earlier.factors, factors))
    if is_dimmed:
        can_follow = apart is not None and all(one.apart is not None for one in known.values())
        known = {key: one.under(apart) for key, one in known.items()} if can_follow else {}
    grid = light_sets.all_light(context) if apart is None else results.light_grid(results.holders(scene)[0])
    seen, points = _collect(context.evaluated_depsgraph_get(), known, reshaped)
    left_out = _thin(points)
    spacing = min(float(baked.grid.spacing.min()) for baked in grid.grids)
    step = tessellation.FINEST * spacing
    # All at once: a call for each of thousands of objects costs more than the light.
    longest = np.concatenate([np.zeros(0), *map(tessellation.longest_edges, points.values())])
    while tessellation.count(cuts := tessellation.parts(longest, step)) > MOST_ADDED:
        step *= 1.5
    places = np.cumsum([len(one.triangles) for one in points.values()])
    fine = dict(zip(points, map(tessellation.cut, points.values(), np.split(cuts, places)), strict=False))
    lit = _light(grid, list(fine.values()), apart)
    anew = dict(zip(fine, lit, strict=True))
    surfaces = {}
    for key, (name, stands) in seen.items():
        if key in fine:
            surfaces[key] = Surface(name, stands, fine[key].positions, anew[key][0], fine[key].triangles, anew[key][1])
        elif key in known:
            surfaces[key] = known[key]
    if is_same and not is_dimmed and surfaces == known:
        return earlier
    light = [surface.light for surface in surfaces.values()]
    exposure = earlier.exposure if is_same else colour.exposure_for(np.concatenate(light)) if light else 1.0
    return Display(source, factors, surfaces, exposure, left_out)


def _light(
    grid: LightGrid, points: list[tessellation.Points], factors: np.ndarray | None
) -> list[tuple[np.ndarray, np.ndarray | None]]:
    """E / pi (N, 3) at each surface's points, and (N, G, 3) of light sets where they have ``factors`` (G, 3)."""
    if not points:
        return []
    positions = np.concatenate([one.positions for one in points])
    normals = np.concatenate([one.normals for one in points])
    ends = np.cumsum([len(one.positions) for one in points])[:-1]
    if factors is None:
        light = grid.irradiance(positions, normals) / np.float32(np.pi)
        return [(part, None) for part in np.split(light, ends)]
    apart = grid.set_irradiance(positions, normals) / np.float32(np.pi)
    return [(light_sets.add_up(part, factors), part) for part in np.split(apart, ends)]


def _collect(
    depsgraph: bpy.types.Depsgraph, known: dict[tuple, Surface], reshaped: Collection[str]
) -> tuple[dict[tuple, tuple[str, tuple]], dict[tuple, tessellation.Points]]:
    """The surfaces of a view layer, each with its object's name and how it stands, and the points of those that have to
    be lit anew."""
    seen: dict[tuple, tuple[str, tuple]] = {}
    points: dict[tuple, tessellation.Points] = {}
    for instance in depsgraph.object_instances:
        obj, mesh = instance.object, instance.object.data
        if not isinstance(mesh, bpy.types.Mesh) or not instance.show_self or not takes_light(obj.original):
            continue
        owner = instance.parent.original if instance.is_instance else obj.original
        key = (owner.name_full, obj.name_full, tuple(instance.persistent_id) if instance.is_instance else ())
        matrix = np.array(instance.matrix_world, np.float64)
        stands = (matrix.tobytes(), len(mesh.vertices), len(mesh.loops))
        seen[key] = (owner.name_full, stands)
        earlier = known.get(key)
        if earlier is None or earlier.stands != stands or owner.name_full in reshaped or obj.name_full in reshaped:
            found = _points(mesh, matrix)
            if np.isfinite(found.positions).all() and np.isfinite(found.normals).all():
                points[key] = found
            else:
                del seen[key]
    return seen, points


def takes_light(obj: bpy.types.Object) -> bool:
    """Whether an object is a surface of the render, and not being worked on or a mere outline."""
    return (
        obj.mode == 'OBJECT'
        and not obj.hide_render
        and obj.visible_camera
        and obj.display_type not in {'WIRE', 'BOUNDS'}
    )


def _points(mesh: bpy.types.Mesh, matrix: np.ndarray) -> tessellation.Points:
    """A mesh's points in the world: its vertices where it is smooth, else its corners."""
    mesh.calc_loop_triangles()
    is_smooth = mesh.normals_domain == 'POINT'
    triangles = np.empty(3 * len(mesh.loop_triangles), np.int32)
    mesh.loop_triangles.foreach_get("vertices" if is_smooth else "loops", triangles)
    positions = vertex_colours.vectors(mesh.vertices, "co")
    if is_smooth:
        normals = vertex_colours.vectors(mesh.vertex_normals, "vector")
    else:
        positions = positions[vertex_colours.corner_vertices(mesh)]
        normals = vertex_colours.vectors(mesh.corner_normals, "vector")
    positions, normals = vertex_colours.to_world(positions, normals, matrix)
    return tessellation.Points(positions, normals, triangles.reshape(-1, 3))


def _thin(points: dict[tuple, tessellation.Points]) -> list[str]:
    """Take out the densest surfaces until the rest can be lit while somebody waits; returns their names."""
    total = sum(len(one.positions) for one in points.values())
    left_out = []
    for key in sorted(points, key=lambda key: len(points[key].positions), reverse=True):
        if total <= MOST_POINTS:
            break
        total -= len(points.pop(key).positions)
        left_out.append(key[0])
    return left_out
