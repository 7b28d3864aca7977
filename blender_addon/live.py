# SPDX-FileCopyrightText: 2026 Neural Bake developers
#
# SPDX-License-Identifier: GPL-3.0-or-later

"""The picture that follows the lamps: a relit view drawn anew, into an image, whenever a lamp of it stands otherwise.

Handlers only note that something changed; a timer compares how the lamps stand with what the picture shows. So writing
the picture, which is a change of the file too, leads to one look and no second picture. While something moves the timer
takes at most its share of Blender's time. Once all is quiet the picture is packed, or Blender would ask about it when
it is closed. A background Blender runs no timers; there :func:`update` is for scripts.
"""

from __future__ import annotations

import dataclasses
import time
import traceback

import bpy
from bpy.app.handlers import persistent

from . import kinds, lamps, light_sets, redraw, relight_image, result_images, result_weights, results
from .core.errors import NeuralBakeError

SHARE = 0.6
"""Of Blender's time, at most, while lamps move."""
QUIET_SECONDS = 1.0


@dataclasses.dataclass(frozen=True)
class Shown:
    """What the picture of a scene shows.

    Attributes:
        source: the result's manifest, and how far outside a lamp may be: another one asks for a new picture.
        state: how the lamps stood.
        outside: of every lamp that shines, its name and how far it is outside the places that were rendered, in
            distances between neighbouring ones; 0 inside.
        warns: whether one is farther than allowed, so that the picture has its frame.
        model_seconds, seconds: time of the light alone, and of everything up to Blender's own drawing.
    """

    source: tuple[str, float]
    state: lamps.State
    outside: tuple[tuple[str, float], ...]
    warns: bool
    model_seconds: float
    seconds: float


@dataclasses.dataclass(frozen=True)
class ShownSets:
    """What the picture of a light grid with light sets shows: the result's manifest, how its lamps stood, and the time
    that it took."""

    source: str
    state: light_sets.State
    seconds: float


_shown: dict[int, Shown] = {}
_shown_sets: dict[int, ShownSets] = {}
_unpacked: set[int] = set()
_quiet_until = 0.0
_changed_at = 0.0
_problems: dict[int, str] = {}


def keeper_of(scene: bpy.types.Scene) -> bpy.types.Object | None:
    """The camera whose relit view a scene shows: its own, else the first that has one."""
    if scene.camera is not None and results.carries(scene.camera):
        keeper = results.holder(scene.camera)
        if keeper is not None:
            return keeper
    return next(iter(results.holders(scene, kinds.RELIGHT)), None)


def shown(scene: bpy.types.Scene) -> Shown | None:
    """What the picture of a scene shows, quick; None before the first one."""
    return _shown.get(scene.session_uid)


def problem(scene: bpy.types.Scene) -> str:
    """Why there is no picture, or an empty text; quick."""
    return _problems.get(scene.session_uid, "")


def update(scene: bpy.types.Scene, view_layer: bpy.types.ViewLayer, *, force: bool = False) -> Shown | None:
    """Draw a scene's picture anew if a lamp stands otherwise than it shows.

    Returns:
        What was drawn, None where there was nothing to do.

    Raises:
        NeuralBakeError: the scene has no relit view, or a damaged one.
    """
    begin = time.perf_counter()
    keeper = keeper_of(scene)
    if keeper is None:
        raise NeuralBakeError("no_artifact", "No camera of this scene has a relit view.", "Bake or load one first.")
    manifest = results.manifest(keeper)
    model = results.relight(keeper)
    allowed = scene.neural_bake.allowed_outside
    source = (str(keeper[results.MANIFEST]), allowed)
    state = lamps.state(keeper, manifest, scene, view_layer)
    earlier = _shown.get(scene.session_uid)
    has_picture = result_images.find(result_images.RELIGHT, keeper) is not None
    if not force and has_picture and earlier is not None and (earlier.source, earlier.state) == (source, state):
        return None
    outside = tuple(
        (model.lamps[index]["name"], float(model.outside(light, int(index))))
        for light, index in zip(state.lights, state.lamp, strict=True)
    )
    before = time.perf_counter()
    picture = lamps.render(model, state)
    model_seconds = time.perf_counter() - before
    warns = any(distance > allowed for _, distance in outside)
    relight_image.write(keeper, picture, warns=warns)
    drawn = Shown(source, state, outside, warns, model_seconds, time.perf_counter() - begin)
    _shown[scene.session_uid] = drawn
    _unpacked.add(scene.session_uid)
    return drawn


def with_sets(scene: bpy.types.Scene) -> list[bpy.types.Object]:
    """The objects that hold a scene's light grids with light sets, in this file."""
    found = results.holders(scene, kinds.LIGHT_GRID)
    return [obj for obj in found if light_sets.has_sets(results.manifest(obj)) and obj.library is None]


def shown_sets(keeper: bpy.types.Object) -> ShownSets | None:
    """What the picture of a light grid shows, quick; None before the first one, and without light sets."""
    return _shown_sets.get(keeper.session_uid)


def update_sets(
    keeper: bpy.types.Object, scene: bpy.types.Scene, view_layer: bpy.types.ViewLayer, *, force: bool = False
) -> ShownSets | None:
    """Draw a light grid's picture anew if a lamp shines otherwise than it shows.

    Returns:
        What was drawn, None where there was nothing to do.

    Raises:
        NeuralBakeError: the result is damaged, or has no picture.
    """
    begin = time.perf_counter()
    source = str(keeper[results.MANIFEST])
    state = light_sets.state(keeper, results.manifest(keeper), scene, view_layer)
    earlier = _shown_sets.get(keeper.session_uid)
    has_picture = result_images.find(result_images.RELIGHT, keeper) is not None
    if not force and has_picture and earlier is not None and (earlier.source, earlier.state) == (source, state):
        return None
    if result_weights.VIEW in keeper:
        relight_image.write(keeper, light_sets.render(light_sets.view_of(keeper), state), warns=False)
        _unpacked.add(scene.session_uid)
    drawn = ShownSets(source, state, time.perf_counter() - begin)
    _shown_sets[keeper.session_uid] = drawn
    return drawn


def refresh(scene: bpy.types.Scene, view_layer: bpy.types.ViewLayer, keeper: bpy.types.Object | None) -> Shown | None:
    """Draw the picture of a result anew, whether something changed or not; of a light grid without light sets it is
    its preview.

    Returns:
        What was drawn of a relit view.

    Raises:
        NeuralBakeError: there is no result, or a damaged one, or one without a picture.
    """
    if keeper is None or kinds.of(keeper) == kinds.RELIGHT:
        view_layer.update()  # a script may have moved a lamp just before
        return update(scene, view_layer, force=True)
    results.require_local(keeper)
    if result_weights.VIEW in keeper:
        view_layer.update()
        update_sets(keeper, scene, view_layer, force=True)
        return None
    preview = result_images.find('PREVIEW', keeper)
    if preview is None:
        raise NeuralBakeError("no_picture", "This result has no picture.", "Bake a scene with a camera.")
    relight_image.copy(keeper, preview)
    return None


def note_change() -> None:
    """Something may have changed: look, soon."""
    global _changed_at
    _changed_at = time.monotonic()
    if not bpy.app.background and not bpy.app.timers.is_registered(_tick):
        bpy.app.timers.register(_tick, first_interval=max(0.0, _quiet_until - _changed_at), persistent=True)


def _tick() -> float | None:
    """Bring the pictures of what windows show up to date."""
    global _quiet_until
    if not result_weights.any_packed():
        return None
    if bpy.app.is_job_running('RENDER'):
        return QUIET_SECONDS
    begin = time.monotonic()
    windows = bpy.context.window_manager.windows
    for scene, view_layer in {window.scene: window.view_layer for window in windows}.items():
        grids = with_sets(scene)
        if not scene.neural_bake.live or (keeper_of(scene) is None and not grids):
            continue
        uid = scene.session_uid
        told = _problems.pop(uid, "")
        try:
            drawn = [update_sets(keeper, scene, view_layer) for keeper in grids]
            if keeper_of(scene) is not None:
                drawn.append(update(scene, view_layer))
            if any(one is not None for one in drawn):
                redraw.panels(bpy.context)
        except NeuralBakeError as error:
            _problems[uid] = str(error)
        except Exception as error:  # a timer that raises prints it with every change of the file
            _problems[uid] = f"The picture cannot be drawn ({type(error).__name__}); the console says why."
            if told != _problems[uid]:
                traceback.print_exc()
    now = time.monotonic()
    _quiet_until = now + (now - begin) * (1.0 / SHARE - 1.0)
    if _unpacked and not bpy.app.timers.is_registered(_pack):
        bpy.app.timers.register(_pack, first_interval=QUIET_SECONDS, persistent=True)
    return None


def _pack() -> float | None:
    """Keep the pictures in the file once nothing moves; None takes the timer away."""
    quiet = time.monotonic() - _changed_at
    if quiet < QUIET_SECONDS:
        return QUIET_SECONDS - quiet
    windows = bpy.context.window_manager.windows
    if any(len(window.modal_operators) or window.screen.is_animation_playing for window in windows):
        return QUIET_SECONDS
    pack_all()
    return None


def pack_all() -> None:
    """Keep the pictures that were drawn in the .blend."""
    for scene in bpy.data.scenes:
        if scene.session_uid in _unpacked:
            for keeper in (keeper_of(scene), *with_sets(scene)):
                if keeper is not None:
                    relight_image.pack(keeper)
    _unpacked.clear()


@persistent
def _on_change(scene: bpy.types.Scene, *_: object) -> None:
    if scene.neural_bake.live:
        note_change()


@persistent
def _before_save(*_: object) -> None:
    pack_all()


@persistent
def _after_swap(*_: object) -> None:
    """Undo, redo and another file bring other pictures."""
    _shown.clear()
    _shown_sets.clear()
    _unpacked.clear()
    _problems.clear()
    note_change()


def _handlers() -> list[tuple[list, object]]:
    handlers = bpy.app.handlers
    return [
        (handlers.depsgraph_update_post, _on_change),
        (handlers.frame_change_post, _on_change),
        (handlers.save_pre, _before_save),
        (handlers.undo_post, _after_swap),
        (handlers.redo_post, _after_swap),
        (handlers.load_post, _after_swap),
    ]


def register() -> None:
    for functions, function in _handlers():
        functions.append(function)
    note_change()


def unregister() -> None:
    for function in (_tick, _pack):
        if bpy.app.timers.is_registered(function):
            bpy.app.timers.unregister(function)
    for functions, function in _handlers():
        functions.remove(function)
    _shown.clear()
    _shown_sets.clear()
    _unpacked.clear()
    _problems.clear()
