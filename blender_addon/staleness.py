# SPDX-FileCopyrightText: 2026 Neural Bake developers
#
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whether a result still fits its scene.

The scene's hash tells, and it costs half a millisecond for each data-block. So it is never taken while something is
drawn or changed: once Blender has been quiet for a second, a timer takes it in short steps, and begins again when
something changes meanwhile. Handlers only note that something did. (A script that sets something of Cycles tells
nobody; then it is seen after the next change.) A background Blender runs no timers; there :func:`check` is for scripts.
"""

from __future__ import annotations

import time
from collections.abc import Iterator

import bpy
import numpy as np
from bpy.app.handlers import persistent

from . import kinds, lamps, redraw, results
from .bake_workers.capture.scene_hash import scene_hash_steps

QUIET_SECONDS = 1.0
STEP_SECONDS = 0.008
TICK_SECONDS = 0.1
SHARE = 0.05  # of Blender's time, at most
# Painting and sculpting would be looked at again after every stroke, which costs; that waits until they are left.
MODES = {'OBJECT', 'EDIT', 'POSE'}

# By an object's session_uid: its scene's hash as it was last taken, and the frame.
_hashes: dict[int, tuple[str, int]] = {}
_walk: Iterator[None] | None = None
_changed_at = 0.0
_checking = False


def state(obj: bpy.types.Object) -> str:
    """How an object's result stands to the scene: quick, for panels.

    Returns:
        ``CURRENT``; ``CHANGED``: light, material, geometry or settings are not what was baked; ``MOVED``: the object's
        box is not, so the light is where it was baked; ``UNKNOWN``: no result, not looked at yet, or baked by another
        Blender or at another frame, so that hashes cannot be compared.
    """
    manifest = results.manifest(obj)
    if manifest is None:
        return 'UNKNOWN'
    seen, frame = _hashes.get(obj.session_uid, (None, 0))
    fits = seen == obj.get(results.SCENE_HASH)
    if seen is not None and not fits and not not_comparable(manifest, frame):
        return 'CHANGED'
    if has_moved(obj):
        return 'MOVED'
    return 'CURRENT' if fits else 'UNKNOWN'


def state_of_result(keeper: bpy.types.Object, scene: bpy.types.Scene) -> str:
    """The same for a whole result, which several volumes of a scene may share: what is worst of theirs."""
    states = {state(obj) for obj in results.volumes_of(keeper, scene)}
    return next((name for name in ('CHANGED', 'MOVED', 'UNKNOWN', 'CURRENT') if name in states), 'UNKNOWN')


def not_comparable(manifest: dict, frame: int) -> str:
    """Why a hash that differs at a frame proves no change of the scene, or an empty text."""
    baked_by = str(manifest.get("blender") or bpy.app.version_string).split(".")[:2]
    if baked_by != bpy.app.version_string.split(".")[:2]:  # whose data-blocks have other properties
        return f"Baked by Blender {'.'.join(baked_by)}, so changes are not seen"
    baked_at = manifest.get("frame", frame)
    if baked_at != frame and bpy.data.actions:
        return f"Baked at frame {baked_at}, so go there to compare"
    return ""


def has_moved(obj: bpy.types.Object) -> bool:
    """Whether an object's box is elsewhere, or of another size, than when it was baked."""
    try:
        baked = np.array(obj[results.MATRIX], np.float64).reshape(4, 4)
    except (KeyError, ValueError, TypeError):
        return False
    # A camera's scale means nothing to what it sees.
    matrix = obj.matrix_world.normalized() if obj.type == 'CAMERA' else obj.matrix_world
    difference = np.abs(np.array(matrix, np.float64) - baked).max()
    return bool(difference > 1e-5 * max(1.0, np.abs(baked).max()))


def check(scene: bpy.types.Scene) -> None:
    """Look at a scene's results now, and wait for it."""
    global _checking
    _checking = True
    try:
        for layer in scene.view_layers:
            layer.update()
        for _ in _steps(scene):
            pass
    finally:
        _checking = False


def _steps(scene: bpy.types.Scene) -> Iterator[None]:
    """Take the hashes that the results of a scene ask for, a little at a time."""
    walks: dict[tuple[str, tuple, tuple], list[int]] = {}
    for obj in scene.objects:
        if results.carries(obj):
            manifest = results.manifest(obj) or {}
            keeper = results.holder(obj)
            learned = lamps.of_result(keeper, manifest) if "lamps" in manifest else []
            moving = dimmed = ()
            if manifest.get("kind") == kinds.RELIGHT:
                moving = tuple(lamp for lamp in learned if lamp is not None)
            else:  # light sets follow power and colour, but not the place
                names = [lamp["name"] for lamp in manifest.get("lamps", ())]
                dimmed = tuple((lamp, name) for lamp, name in zip(learned, names, strict=True) if lamp is not None)
            walks.setdefault((_layer_name(scene, manifest), moving, dimmed), []).append(obj.session_uid)
    for (name, moving, dimmed), uids in walks.items():
        for digest in scene_hash_steps(scene, scene.view_layers[name], moving, dict(dimmed)):
            if digest is not None:
                _hashes.update(dict.fromkeys(uids, (digest, scene.frame_current)))
            yield


def _layer_name(scene: bpy.types.Scene, manifest: dict) -> str:
    """The view layer that was baked; the first that renders where it is gone, or not told."""
    if manifest.get("view_layer") in scene.view_layers.keys():
        return manifest["view_layer"]
    return next((layer for layer in scene.view_layers if layer.use), scene.view_layers[0]).name


def note_change() -> None:
    """Something may have changed: look again once Blender is quiet."""
    global _walk, _changed_at
    if _checking:
        return
    _walk = None
    _changed_at = time.monotonic()
    if not bpy.app.background and not bpy.app.timers.is_registered(_tick):
        bpy.app.timers.register(_tick, first_interval=QUIET_SECONDS, persistent=True)


def _tick() -> float | None:
    """One step of the check; None takes the timer away until something changes again."""
    global _walk
    quiet = time.monotonic() - _changed_at
    if quiet < QUIET_SECONDS:
        return QUIET_SECONDS - quiet
    windows = bpy.context.window_manager.windows
    if _walk is None:
        if any(_is_busy(window) for window in windows):
            return QUIET_SECONDS
        scenes = {window.scene.name_full: window.scene for window in windows}
        _walk = (None for scene in scenes.values() for _ in _steps(scene))
    begin = time.monotonic()
    try:
        while (spent := time.monotonic() - begin) < STEP_SECONDS:
            if next(_walk, _walk) is _walk:
                _walk = None
                redraw.panels(bpy.context)
                return None
    except ReferenceError:  # a script removed something without a word
        _walk = None
    return max(spent / SHARE, TICK_SECONDS)


def _is_busy(window: bpy.types.Window) -> bool:
    """Whether a mode, or a tool in the middle of its work, should be left alone."""
    active = window.view_layer.objects.active
    mode = active.mode if active is not None else 'OBJECT'
    return mode not in MODES or (mode == 'EDIT' and len(window.modal_operators) > 0)


@persistent
def _on_change(*_: object) -> None:
    note_change()


@persistent
def _before_swap(*_: object) -> None:
    """Undo, redo and opening a file replace everything that a check under way still points at."""
    global _walk
    _walk = None


@persistent
def _after_swap(*_: object) -> None:
    results.forget()
    note_change()


@persistent
def _after_load(*_: object) -> None:
    _hashes.clear()
    _after_swap()


def _handlers() -> list[tuple[list, object]]:
    handlers = bpy.app.handlers
    return [
        (handlers.depsgraph_update_post, _on_change),
        (handlers.frame_change_post, _on_change),
        (handlers.undo_pre, _before_swap),
        (handlers.redo_pre, _before_swap),
        (handlers.load_pre, _before_swap),
        (handlers.undo_post, _after_swap),
        (handlers.redo_post, _after_swap),
        (handlers.load_post, _after_load),
    ]


def register() -> None:
    for functions, function in _handlers():
        functions.append(function)
    note_change()


def unregister() -> None:
    _before_swap()
    if bpy.app.timers.is_registered(_tick):
        bpy.app.timers.unregister(_tick)
    for functions, function in _handlers():
        functions.remove(function)
    _hashes.clear()
