# SPDX-FileCopyrightText: 2026 Neural Bake developers
#
# SPDX-License-Identifier: GPL-3.0-or-later

"""A relit view over the scene's frames as an image sequence, by the scene's output settings and view transform.

First the frames are visited, once, to see how the lamps stand; then the pictures are drawn and written, without the
scene. Both in steps of a timer, so that the artist may go on or stop it; :func:`run` does the same in a loop, because a
background Blender runs no timers.
"""

from __future__ import annotations

import contextlib
import os
import time
import traceback
from collections.abc import Iterator
from pathlib import Path

import bpy
import numpy as np

from . import (
    compat,
    kinds,
    lamps,
    light_sets,
    live,
    properties,
    redraw,
    relight_image,
    result_weights,
    results,
    signals,
)
from .core.errors import NeuralBakeError

STEP_SECONDS = 0.04
TICK_SECONDS = 0.01
NAME = ".Neural Relight Frame"


class Animation:
    """One sequence that is being written.

    Attributes:
        done, total: frames, each counted twice: looked at, and written.
        written: files so far.
        seconds: from the beginning to the end of the last file.
        cycles_seconds: what Cycles took for a picture to learn from, of the same size; None where it is not known.
        ended: whether nothing is left to do.
        message: how it ended.
    """

    def __init__(self, context: bpy.types.Context, filepath: str = "", file_format: str = 'SCENE') -> None:
        """Prepare it.

        Args:
            filepath: begins every file's path as the scene's own output path does; empty takes that.
            file_format: 'SCENE', or 'PNG' or 'OPEN_EXR' instead of the scene's own.

        Raises:
            NeuralBakeError: no relit view, a damaged one, an output that is no image sequence, or cannot be written.
        """
        scene = context.scene
        keeper = source_of(scene)
        if keeper is None:
            raise NeuralBakeError(
                "no_artifact", "Neither a relit view nor light sets are in this scene.", "Bake or load one first."
            )
        if file_format == 'SCENE' and scene.render.is_movie_format:
            raise NeuralBakeError(
                "bad_output", "The scene's output is a movie, not an image sequence.", "Choose PNG or OpenEXR."
            )
        self.scene_name, self.layer_name, self._keeper_name = scene.name, context.view_layer.name, keeper.name
        # Both modules tell how lamps stand, and draw the view under them.
        self._module = lamps if kinds.of(keeper) == kinds.RELIGHT else light_sets
        self._model = results.relight(keeper) if self._module is lamps else light_sets.view_of(keeper)
        self._manifest = results.manifest(keeper)
        self._filepath, self._format = filepath or scene.render.filepath, file_format
        self.frames = list(range(scene.frame_start, scene.frame_end + 1, scene.frame_step))
        self.done, self.total = 0, 2 * len(self.frames)
        self.written: list[Path] = []
        self.seconds = 0.0
        self.cycles_seconds = seconds_of_cycles(self._manifest)
        self.ended, self.message = False, ""
        self.notes: tuple[str, ...] = ()
        self._stopped = False
        self._steps = self._work()
        first = self._path(scene, self.frames[0])
        try:
            first.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise NeuralBakeError(
                "not_writable", f"{first.parent} cannot be made ({error.strerror}).", "Choose another output path."
            ) from error

    @property
    def seconds_per_frame(self) -> float:
        return self.seconds / max(1, len(self.written))

    @property
    def headline(self) -> str:
        """Where it is, such as ``Frame 12 / 250``."""
        count = len(self.frames)
        if self.done < count:
            return f"Lamps at frame {self.done} / {count}"
        return f"Frame {self.done - count} / {count}"

    @property
    def factor(self) -> float | None:
        """How many times faster than Cycles took for a picture, reading, drawing and writing included."""
        if not self.written or not self.cycles_seconds:
            return None
        return self.cycles_seconds / self.seconds_per_frame

    def stop(self) -> None:
        """End after the frame at work; what is written stays."""
        self._stopped = True

    def step(self, seconds: float) -> bool:
        """Go on for about so long; returns whether there is more to do."""
        end = time.perf_counter() + seconds
        try:
            while not self.ended:
                if self._stopped:
                    self._steps.close()
                    self._end(f"Stopped after {len(self.written)} of {len(self.frames)} frames.")
                elif next(self._steps, self) is self:
                    self._end(self._summary())
                if time.perf_counter() >= end:
                    break
        except (ReferenceError, KeyError):
            self._end("The scene or its camera is gone, or has another name.")
        except (OSError, RuntimeError) as error:
            self._end(f"The frame cannot be written: {' '.join(str(error).split()).removeprefix('Error: ')}")
        return not self.ended

    def _end(self, message: str) -> None:
        self.ended, self.message = True, message

    def _summary(self) -> str:
        text = f"{len(self.written)} frames, {self.seconds_per_frame:.3f} s each"
        if self.factor is not None:
            text += f"; Cycles took {self.cycles_seconds:.2f} s for a picture, {self.factor:.0f} times as long"
        return f"{text}. They are in {self.written[-1].parent}." if self.written else "There was no frame to write."

    def _work(self) -> Iterator[None]:
        begin = time.perf_counter()
        scene = bpy.data.scenes[self.scene_name]
        earlier = scene.frame_current, scene.frame_subframe
        states = []
        try:
            for frame in self.frames:
                scene = bpy.data.scenes[self.scene_name]
                scene.frame_set(frame)
                keeper, layer = scene.objects[self._keeper_name], scene.view_layers[self.layer_name]
                states.append(self._module.state(keeper, self._manifest, scene, layer, as_rendered=True))
                self.done += 1
                yield
        finally:
            scene.frame_set(earlier[0], subframe=earlier[1])
        self.notes = tuple(dict.fromkeys(note for state in states for note in state.notes))
        picture: np.ndarray | None = None
        shown: lamps.State | light_sets.State | None = None
        image = relight_image.new(NAME, self._model.width, self._model.height)
        name = image.name
        try:
            for frame, state in zip(self.frames, states, strict=True):
                if state != shown:
                    picture, shown = self._module.render(self._model, state), state
                    relight_image.fill(bpy.data.images[name], picture)
                scene = bpy.data.scenes[self.scene_name]
                path = self._path(scene, frame)
                if scene.render.use_overwrite or not path.exists():
                    self._write(bpy.data.images[name], scene, path)
                self.written.append(path)
                self.done += 1
                self.seconds = time.perf_counter() - begin
                yield
        finally:
            if name in bpy.data.images:
                bpy.data.images.remove(bpy.data.images[name])

    def _path(self, scene: bpy.types.Scene, frame: int) -> Path:
        with self._output(scene):
            return Path(bpy.path.abspath(scene.render.frame_path(frame=frame)))

    def _write(self, image: bpy.types.Image, scene: bpy.types.Scene, path: Path) -> None:
        partial = path.with_name(f".partial-{path.name}")
        try:
            with self._output(scene):
                image.save_render(str(partial), scene=scene)
            os.replace(partial, path)
        finally:
            partial.unlink(missing_ok=True)

    @contextlib.contextmanager
    def _output(self, scene: bpy.types.Scene) -> Iterator[None]:
        """The scene's output settings as they are asked for, and afterwards as they were."""
        render = scene.render
        earlier_path, earlier_format = render.filepath, render.image_settings.file_format
        try:
            render.filepath = self._filepath
            if self._format != 'SCENE':
                compat.set_image_format(render.image_settings, self._format)
            yield
        finally:
            render.filepath = earlier_path
            if self._format != 'SCENE':
                compat.set_image_format(render.image_settings, earlier_format)


def source_of(scene: bpy.types.Scene) -> bpy.types.Object | None:
    """The object whose view is written: of what the scene is set to bake, else of what there is."""
    camera = live.keeper_of(scene)
    grid = next((obj for obj in live.with_sets(scene) if result_weights.VIEW in obj), None)
    return (grid or camera) if properties.kind_of(scene) == kinds.LIGHT_GRID else (camera or grid)


def seconds_of_cycles(manifest: dict) -> float | None:
    """Seconds that Cycles took for one picture to learn from, by the result's manifest; None where it does not say."""
    try:
        seconds = float(manifest["seconds"]["train"])
        return seconds / (manifest["settings"]["lights"] * len(manifest["lamps"]))
    except (KeyError, TypeError, ValueError, ZeroDivisionError):
        return None  # pictures from elsewhere


_running: Animation | None = None
_last: Animation | None = None


def running() -> Animation | None:
    """The sequence that is being written."""
    return _running


def last() -> Animation | None:
    """The one that ended last."""
    return _last


def start(animation: Animation) -> None:
    """Let a timer write it."""
    global _running
    _running = animation
    bpy.app.timers.register(_tick, first_interval=0.0, persistent=True)


def run(animation: Animation) -> None:
    """Block until it is written; Ctrl-C and SIGTERM stop it."""
    global _last
    with signals.caught(animation.stop):
        while animation.step(1.0):
            if bpy.app.background:
                print(f"Neural Bake: {animation.headline}", flush=True)
    _last = animation


def _tick() -> float | None:
    global _running, _last
    if _running is None:
        return None
    try:
        more = _running.step(STEP_SECONDS)
    except Exception:  # a timer that raises is gone, and the panel would show a bar for ever
        traceback.print_exc()
        _running._end("The animation could not be written; the console says why.")
        more = False
    redraw.panels(bpy.context)
    if more:
        return TICK_SECONDS
    _last, _running = _running, None
    return None


def register() -> None:
    """Nothing runs before an artist asks for it."""


def unregister() -> None:
    global _running, _last
    if bpy.app.timers.is_registered(_tick):
        bpy.app.timers.unregister(_tick)
    _running = _last = None
