# SPDX-FileCopyrightText: 2026 Neural Bake developers
#
# SPDX-License-Identifier: GPL-3.0-or-later

"""The baked light where the artist looks: every surface of a 3D View as white clay in it, in any shading.

It is drawn over the view, and nothing of the file is touched: no material, mesh, colour attribute or setting, so there
is nothing to give back, to save or to undo. Colour attributes (which ``apply_vertex_colours`` writes, for exporting)
would show less: a wall has four corners, a mesh that several objects share one set of colours, a linked one none, and
Solid shading would have to be switched to them and back. A view layer's material override would change renders.

Where something moves it is lit again, see :mod:`.lit_surfaces`. What a redraw uses are numbers; no data-block is kept
between two of them, so that undo and another file can do no harm.
"""

from __future__ import annotations

import time
import traceback

import bpy
import numpy as np
from bpy.app.handlers import persistent

from . import viewport_shader
from .core.errors import NeuralBakeError
from .lit_surfaces import Display, build, takes_light

TICK_SECONDS = 0.05
SHARE = 0.25
"""Of Blender's time, at most, while something moves."""


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
        if obj.type == 'MESH' and takes_light(obj) and obj.visible_in_viewport_get(space):
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
                _displays[key] = build(bpy.context, _displays.get(key), _reshaped)
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
