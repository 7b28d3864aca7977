# SPDX-FileCopyrightText: 2026 Neural Bake developers
#
# SPDX-License-Identifier: GPL-3.0-or-later

"""The baked light where the artist looks: every surface of a 3D View as white clay in it, in any shading.

It is drawn over the view, and nothing of the file is touched: no material, mesh, colour attribute or setting, so there
is nothing to give back, to save or to undo. Colour attributes (which ``apply_vertex_colours`` writes, for exporting)
would show less: a wall has four corners, a mesh that several objects share one set of colours, a linked one none, and
Solid shading would have to be switched to them and back. A view layer's material override would change renders.

Surfaces are cut finer than the probes' spacing, and lit again where something moves. What a redraw uses are numbers; no
data-block is kept between two of them, so that undo and another file can do no harm.
"""

from __future__ import annotations

import dataclasses
import time
import traceback

import bpy
import numpy as np
from bpy.app.handlers import persistent

from . import light_sets, results, tessellation, vertex_colours, viewport_shader
from .core import colour
from .core.errors import NeuralBakeError
from .core.light_grid import LightGrid

MOST_ADDED = 120_000
"""Points that are added by cutting; in large scenes the parts are larger."""
MOST_POINTS = 3_000_000
"""Of denser scenes the objects with the most points are left out; a million points take two to four seconds."""
TICK_SECONDS = 0.05
SHARE = 0.25
"""Of Blender's time, at most, while something moves."""


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


_views: set[int] = set()
_displays: dict[tuple[int, str], Display] = {}
_reshaped: set[str] = set()
_handle: object | None = None
_told: set[str] = set()
_quiet_until = 0.0


def views(context: bpy.types.Context) -> list[bpy.types.SpaceView3D]:
    """The 3D View of a context, else those of its screen."""
    if isinstance(context.space_data, bpy.types.SpaceView3D):
        return [context.space_data]
    areas = context.screen.areas if context.screen is not None else ()
    return [area.spaces.active for area in areas if area.type == 'VIEW_3D']


def is_shown(context: bpy.types.Context) -> bool:
    """Whether a 3D View of the context shows the light."""
    return any(view.as_pointer() in _views for view in views(context))


def show(context: bpy.types.Context) -> Display:
    """Show the light in the context's 3D Views.

    Raises:
        NeuralBakeError: there is no result, or a damaged one.
    """
    display = build(context, None)
    _displays[_key(context.scene, context.view_layer)] = display
    _views.update(view.as_pointer() for view in views(context))
    _redraw(context)
    return display


def hide(context: bpy.types.Context) -> None:
    """Show the context's 3D Views as they are without it."""
    _views.difference_update(view.as_pointer() for view in views(context))
    if not _views:
        _displays.clear()
    _redraw(context)


def build(context: bpy.types.Context, earlier: Display | None) -> Display:
    """Light what a view layer shows.

    Args:
        earlier: what it showed before; surfaces that stand as they did keep their light.

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
    seen, points = _collect(context.evaluated_depsgraph_get(), known)
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
    depsgraph: bpy.types.Depsgraph, known: dict[tuple, Surface]
) -> tuple[dict[tuple, tuple[str, tuple]], dict[tuple, tessellation.Points]]:
    """The surfaces of a view layer, each with its object's name and how it stands, and the points of those that have to
    be lit anew."""
    seen: dict[tuple, tuple[str, tuple]] = {}
    points: dict[tuple, tessellation.Points] = {}
    for instance in depsgraph.object_instances:
        obj, mesh = instance.object, instance.object.data
        if not isinstance(mesh, bpy.types.Mesh) or not instance.show_self or not _takes_light(obj.original):
            continue
        owner = instance.parent.original if instance.is_instance else obj.original
        key = (owner.name_full, obj.name_full, tuple(instance.persistent_id) if instance.is_instance else ())
        matrix = np.array(instance.matrix_world, np.float64)
        stands = (matrix.tobytes(), len(mesh.vertices), len(mesh.loops))
        seen[key] = (owner.name_full, stands)
        earlier = known.get(key)
        if earlier is None or earlier.stands != stands or _reshaped & {owner.name_full, obj.name_full}:
            found = _points(mesh, matrix)
            if np.isfinite(found.positions).all() and np.isfinite(found.normals).all():
                points[key] = found
            else:
                del seen[key]
    return seen, points


def _takes_light(obj: bpy.types.Object) -> bool:
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


def _key(scene: bpy.types.Scene, view_layer: bpy.types.ViewLayer) -> tuple[int, str]:
    return scene.session_uid, view_layer.name


def _draw() -> None:
    """Called by Blender for each 3D View that it draws."""
    context = bpy.context
    space = context.space_data
    if space.as_pointer() not in _views or not space.show_object_viewport_mesh:
        return
    display = _displays.get(_key(context.scene, context.view_layer))
    if display is None:
        note_change()  # another scene than the one that was lit
        return
    try:
        # Without overlays EEVEE leaves no depth to compare with.
        is_alone = not space.overlay.show_overlays and space.shading.type in {'MATERIAL', 'RENDERED'}
        viewport_shader.draw(_batch(display, context, space), display.exposure, is_alone)
        viewport_shader.draw_boxes(_selected_boxes(context, space))
    except Exception:
        # Whatever it is: a handler that raises would do so, and print it, with every redraw.
        _views.discard(space.as_pointer())
        text = traceback.format_exc()
        if text not in _told:
            _told.add(text)
            print(f"Neural Bake cannot draw the baked light.\n{text}")


def _batch(display: Display, context: bpy.types.Context, space: bpy.types.SpaceView3D) -> object:
    """What a view shows of it: in a local view, not everything."""
    names = None
    if space.local_view is not None or space.use_local_collections:
        layer = context.view_layer
        names = frozenset(
            surface.name
            for surface in display.surfaces.values()
            if (obj := layer.objects.get(surface.name)) is not None and obj.visible_in_viewport_get(space)
        )
    if names not in display.batches:
        if len(display.batches) > 4:
            display.batches.clear()
        chosen = [one for one in display.surfaces.values() if names is None or one.name in names]
        display.batches[names] = viewport_shader.upload(chosen)
    return display.batches[names]


def _selected_boxes(context: bpy.types.Context, space: bpy.types.SpaceView3D) -> list[tuple[np.ndarray, bool]]:
    """Corners (8, 3) of the selected objects' boxes, and which is active: their outlines are drawn over."""
    if not space.overlay.show_overlays or not space.overlay.show_outline_selected:
        return []
    active = context.view_layer.objects.active
    found = []
    for obj in context.selected_objects[: viewport_shader.MOST_BOXES]:
        if obj.type == 'MESH' and _takes_light(obj) and obj.visible_in_viewport_get(space):
            matrix = np.array(obj.matrix_world, np.float32)
            corners = np.array(obj.bound_box, np.float32) @ matrix[:3, :3].T + matrix[:3, 3]
            found.append((corners, obj == active))
    return found


def note_change() -> None:
    """Something may have moved: light it again, soon."""
    if _views and not bpy.app.background and not bpy.app.timers.is_registered(_tick):
        bpy.app.timers.register(_tick, first_interval=max(TICK_SECONDS, _quiet_until - time.monotonic()))


def _tick() -> None:
    """Build what is shown anew."""
    global _quiet_until
    begin = time.monotonic()
    for window in bpy.context.window_manager.windows:
        spaces = [area.spaces.active for area in window.screen.areas if area.type == 'VIEW_3D']
        if not any(space.as_pointer() in _views for space in spaces):
            continue
        key = _key(window.scene, window.view_layer)
        with bpy.context.temp_override(window=window):
            try:
                _displays[key] = build(bpy.context, _displays.get(key))
            except NeuralBakeError:  # the result is gone, which the panels tell
                _views.difference_update(space.as_pointer() for space in spaces)
                _displays.pop(key, None)
        _redraw(bpy.context)
    _reshaped.clear()
    now = time.monotonic()
    _quiet_until = now + (now - begin) * (1.0 / SHARE - 1.0)


def _redraw(context: bpy.types.Context) -> None:
    for window in context.window_manager.windows:
        for area in window.screen.areas:
            if area.type == 'VIEW_3D':
                area.tag_redraw()


@persistent
def _on_update(_scene: bpy.types.Scene, depsgraph: bpy.types.Depsgraph) -> None:
    if not _views:
        return
    for update in depsgraph.updates:
        if update.is_updated_geometry and isinstance(update.id, bpy.types.Object):
            _reshaped.add(update.id.original.name_full)
    note_change()


@persistent
def _on_frame(*_: object) -> None:
    note_change()


@persistent
def _after_swap(*_: object) -> None:
    """Undo and redo replace meshes without a word about which."""
    for display in _displays.values():
        display.surfaces.clear()
    note_change()


@persistent
def _after_load(*_: object) -> None:
    """Another file is shown as it is."""
    _views.clear()
    _displays.clear()


def _handlers() -> list[tuple[list, object]]:
    handlers = bpy.app.handlers
    return [
        (handlers.depsgraph_update_post, _on_update),
        (handlers.frame_change_post, _on_frame),
        (handlers.undo_post, _after_swap),
        (handlers.redo_post, _after_swap),
        (handlers.load_post, _after_load),
    ]


def register() -> None:
    global _handle
    for functions, function in _handlers():
        functions.append(function)
    _handle = bpy.types.SpaceView3D.draw_handler_add(_draw, (), 'WINDOW', 'POST_VIEW')


def unregister() -> None:
    global _handle
    if bpy.app.timers.is_registered(_tick):
        bpy.app.timers.unregister(_tick)
    bpy.types.SpaceView3D.draw_handler_remove(_handle, 'WINDOW')
    _handle = None
    for functions, function in _handlers():
        functions.remove(function)
    _after_load()
    _reshaped.clear()
    _told.clear()
    viewport_shader.forget()
