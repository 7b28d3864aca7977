# SPDX-FileCopyrightText: 2026 Neural Bake developers
#
# SPDX-License-Identifier: GPL-3.0-or-later

"""Bakes at work: a queue, one timer that follows it, and the way back into the scene.

A modal operator would stop Blender's autosave for as long as it runs, so a timer looks at the running process instead;
it is there only while there is something to look at. :func:`wait` does the same in a loop, because a background Blender
runs no timers.
"""

from __future__ import annotations

import contextlib
import math
import os
import time
import traceback
from collections.abc import Iterable
from pathlib import Path

import bpy
from bpy.app.handlers import persistent

from . import job_folders, kinds, lamps, preferences, properties, redraw, results, signals, speeds, volumes
from .bake_workers import protocol
from .bake_workers.terminal import clock
from .core import artifact
from .core.errors import NeuralBakeError
from .job import Job, in_blender

TICK_SECONDS = 0.25
MOST_REMEMBERED = 10
UNKNOWN_PROBES = 1000
# Where one step of undo holds the whole file; other modes keep steps of their own.
UNDO_MODES = {'OBJECT', 'POSE'}

_jobs: list[Job] = []
_interrupted: list[job_folders.Stored] = []
# Counts the files that were opened: a job knows by it whether the scene is still the one that it left.
_files_opened = 0


def all_jobs() -> list[Job]:
    """The jobs of this session, oldest first."""
    return list(_jobs)


def active() -> Job | None:
    """The job at work."""
    return next((job for job in _jobs if job.state == 'RUNNING'), None)


def last() -> Job | None:
    """The newest job."""
    return _jobs[-1] if _jobs else None


def find(name: str) -> Job | None:
    """The job of an id; an empty one means the running job, else the first in the queue."""
    if name:
        return next((job for job in _jobs if job.id == name), None)
    return active() or next((job for job in _jobs if job.state == 'QUEUED'), None)


def of_object(scene: bpy.types.Scene, obj: bpy.types.Object) -> list[Job]:
    """The jobs, not ended yet, that will bring an object a result, the next one first. Quick: panels ask."""
    found = []
    for job in _jobs:
        same_file = job.files_opened == _files_opened
        if not job.ended and (same_file or job.stored.here) and job.is_for(scene, obj, same_file):
            found.append(job)
    return found


def interrupted() -> list[job_folders.Stored]:
    """Jobs that ended without a result and can be taken up, newest first; those of the open file stand in front."""
    return sorted(reversed(_interrupted), key=lambda stored: not stored.here)


def headline(job: Job) -> str:
    """One line on where a job is, such as ``Measuring light 34 / 105 · 2:10 left``."""
    if job.state == 'QUEUED':
        return f"Number {job.place} in the queue"
    if job.state != 'RUNNING':
        return job.message or job.state.title()
    parts = [job.stage]
    if job.total > 1:
        parts.append(f"{job.done} / {job.total}")
    elif job.text:
        parts.append(job.text)
    left = "" if job.seconds_left is None else f" · {clock(job.seconds_left)} left"
    return " ".join(parts) + left


def submit(
    context: bpy.types.Context,
    *,
    kind: str,
    directory: Path | None = None,
    bounds_object: str = "",
    chosen: list[bpy.types.Object] | None = None,
    preset: str = "",
) -> Job:
    """Freeze the scene as it is and put its bake into the queue. A view is that of the scene's camera.

    Args:
        directory: folder of the result; None keeps it in the cache.
        bounds_object: Empty whose box is baked instead of the Light Probe Volumes.
        chosen: the Light Probe Volumes to bake; None takes all of the scene, as one result.
        preset: ``DRAFT``, ``MEDIUM`` or ``FINAL`` instead of the scene's own quality.

    Raises:
        NeuralBakeError: a setting is wrong, or the copy of the scene cannot be written.
    """
    scene = context.scene
    settings = properties.settings_values(scene, kind, preset) | preferences.machine_settings(context)
    if directory is not None:
        try:
            artifact.check_target(directory)
        except NeuralBakeError as error:
            raise NeuralBakeError(error.code, in_blender(error.code, error.message, error.hint)) from error
    followed = []
    if kind == kinds.RELIGHT:
        targets, bounds_object, chosen = [scene.camera], "", None
        names = lamps.chosen(scene, context.view_layer)
        settings["lamps"] = ", ".join(names)
        followed = [obj for obj in scene.objects if obj.name in names]
        count = len(names)
    elif bounds_object:
        targets = [scene.objects[bounds_object]]
        count = UNKNOWN_PROBES
    else:
        targets = volumes.of_scene(scene, context.view_layer) if chosen is None else chosen
        count = sum(math.prod(volumes.resolution(target, scene)) for target in targets)
    description = protocol.new_job(
        kind=kind,
        settings=settings,
        source=bpy.data.filepath,
        scene=scene.name,
        view_layer=context.view_layer.name,
        frame=scene.frame_current,
        bounds_object=bounds_object or None,
        volumes=() if chosen is None else tuple(target.name for target in chosen),
        cycles=preferences.cycles_devices(context),
    )
    expected = speeds.estimate(context, scene, count, kind)
    seconds = expected.capture_seconds, expected.training_seconds
    return put(context, description, targets, directory, seconds, followed=followed)


def put(
    context: bpy.types.Context,
    description: dict,
    targets: list[bpy.types.Object],
    directory: Path | None,
    seconds: tuple[float, float],
    *,
    followed: Iterable[bpy.types.Object] = (),
    earlier: job_folders.Stored | None = None,
) -> Job:
    """Freeze the scene and put a job into the queue.

    Args:
        description: contents of its ``job.json``.
        targets: objects that the result belongs to.
        directory: folder of the result; None keeps it in the cache.
        seconds: that measuring and training will probably take.
        followed: lamps that the result is about.
        earlier: a finished bake whose measurements and result it begins with.

    Raises:
        NeuralBakeError: the copy of the scene or the job's folder cannot be written.
    """
    stored = None
    try:
        stored = job_folders.create(
            context,
            kind=description["kind"],
            scene_name=context.scene.name,
            targets=[target.name for target in targets],
            directory=directory,
        )
        if earlier is not None:
            job_folders.begin_with(stored, earlier)
        protocol.write_json(stored.folder / "job.json", description)
        save_copy(stored.folder / job_folders.SCENE)
    except (OSError, RuntimeError) as error:
        if stored is not None:
            stored.remove()
        raise _refusal(error) from error
    job = Job(stored, seconds)
    job.remember(context.scene, targets, _files_opened, followed)
    return _enqueue(job)


def save_copy(path: Path) -> None:
    """Write the open file as it is now, unsaved changes included, with its relative paths adapted to ``path``."""
    preferences_ = bpy.context.preferences
    earlier = preferences_.filepaths.file_preview_type, preferences_.is_dirty
    # Blender would draw a picture of the scene into the file, and the artist would wait for it.
    preferences_.filepaths.file_preview_type = 'NONE'
    try:
        bpy.ops.wm.save_as_mainfile(
            filepath=str(path), copy=True, compress=True, relative_remap=True, check_existing=False
        )
    finally:
        preferences_.filepaths.file_preview_type, preferences_.is_dirty = earlier


def resume(context: bpy.types.Context, stored: job_folders.Stored) -> Job:
    """Take an interrupted job up where it ended; a result that was complete already only comes into the scene."""
    count = 1 if stored.kind == kinds.RELIGHT else UNKNOWN_PROBES
    expected = speeds.estimate(context, context.scene, count, stored.kind)
    job = Job(stored, (expected.capture_seconds, expected.training_seconds))
    job.resumed = True
    _interrupted[:] = [other for other in _interrupted if other.id != stored.id]
    _jobs[:] = [other for other in _jobs if other.id != stored.id]
    return _enqueue(job)


def discard(stored: job_folders.Stored) -> None:
    """Delete an interrupted job."""
    stored.remove()
    _interrupted[:] = [other for other in _interrupted if other.id != stored.id]
    _jobs[:] = [other for other in _jobs if other.id != stored.id]


def _enqueue(job: Job) -> Job:
    if not job.own():
        raise NeuralBakeError("busy", "Another Blender works on this bake.", "Wait for it, or cancel it there.")
    if job.stored.state == 'WAITING':
        job.set_state('WAITING', job.stored.message)
    else:
        job.set_state('QUEUED')
    _jobs.append(job)
    del _jobs[:-MOST_REMEMBERED]
    _number_queue()
    if not bpy.app.background and not bpy.app.timers.is_registered(_tick):
        bpy.app.timers.register(_tick, first_interval=0.0, persistent=True)
    return job


def wait(context: bpy.types.Context, job: Job) -> None:
    """Block until a job is done, failed or cancelled; Ctrl-C and SIGTERM cancel it. For scripts."""
    shown = None
    with signals.caught(job.cancel):
        while not job.ended:
            step(context)
            if job.state == 'WAITING':
                return
            line = (job.stage, 10 * job.done // max(job.total, 1))
            if bpy.app.background and job.state == 'RUNNING' and line != shown:
                shown = line
                print(f"Neural Bake: {headline(job)}", flush=True)
            time.sleep(0.05)


def step(context: bpy.types.Context) -> bool:
    """Bring every job one step further; returns whether anything is left to do."""
    for job in list(_jobs):
        if job.state == 'RUNNING' and job.follow():
            redraw.bakes(context)
    for job in list(_jobs):
        if job.state == 'WAITING':
            bring_back(context, job)
    if active() is None:
        job = next((job for job in _jobs if job.state == 'QUEUED'), None)
        if job is not None:
            try:
                job.start(context)
            except NeuralBakeError as error:
                job.end('FAILED', str(error))
            _number_queue()
            redraw.bakes(context)
    if any(job.ended and not job.settled for job in _jobs):
        _settle(context)
        redraw.bakes(context)
    return any(not job.ended for job in _jobs)


def bring_back(context: bpy.types.Context, job: Job) -> None:
    """Write a finished job's result into its scene, as one step of undo, or note what it waits for."""
    same_file = job.files_opened == _files_opened
    if not same_file and not job.stored.here:
        job.set_state('WAITING', f"The result waits for {os.path.basename(job.stored.blend)} to be open.")
        return
    if any(operator.bl_idname.startswith("TRANSFORM_OT_") for operator in _modal_operators(context)):
        return  # the step of undo would hold an object half way
    if context.mode not in UNDO_MODES:
        job.set_state('WAITING', "The result comes in when you leave this mode.")
        return
    try:
        scene, renamed = job.recall(same_file)
        objects = results.load(scene, job.stored.directory, renamed)
    except NeuralBakeError as error:
        job.end('FAILED', f"{error} The result is complete in {job.stored.directory}.")
        return
    _push_undo(context, "Neural Bake")
    manifest = artifact.read_manifest(job.stored.directory)
    if "update" not in manifest:  # which says little about what a whole bake takes
        speeds.record(context, manifest)
    names = ", ".join(obj.name for obj in objects)
    job.end('DONE', f"The result is on {names}.")


def _modal_operators(context: bpy.types.Context) -> list[bpy.types.Operator]:
    return [operator for window in context.window_manager.windows for operator in window.modal_operators]


def _push_undo(context: bpy.types.Context, message: str) -> None:
    """One step of undo; a timer has no window of its own, and a background Blender none at all."""
    with _in_window(context):
        if bpy.ops.ed.undo_push.poll():
            bpy.ops.ed.undo_push(message=message)


def _in_window(context: bpy.types.Context) -> contextlib.AbstractContextManager:
    """A context with a window, where there is one."""
    windows = context.window_manager.windows
    return context.temp_override(window=windows[0]) if len(windows) else contextlib.nullcontext()


def _settle(context: bpy.types.Context) -> None:
    """After jobs have ended: what they leave in the cache, and what can be resumed."""
    for job in _jobs:
        if job.ended:
            job.settled = True
    addon = preferences.get(context)
    job_folders.prune(context, addon.keep_jobs if addon else MOST_REMEMBERED)
    refresh(context)


def refresh(context: bpy.types.Context) -> None:
    """Look for jobs in the cache that can be resumed."""
    try:
        stored = job_folders.without_owner(context)
    except (NeuralBakeError, OSError):
        stored = []  # no cache folder: the next bake says what is wrong with it
    _interrupted[:] = [one for one in stored if one.state != job_folders.DONE]


def _number_queue() -> None:
    for place, job in enumerate((job for job in _jobs if job.state == 'QUEUED'), 1):
        job.place = place


def _tick() -> float | None:
    """The monitor; None takes the timer away."""
    try:
        with _in_window(bpy.context):
            return TICK_SECONDS if step(bpy.context) else None
    except Exception:  # a timer that raises is gone for good, and with it every bake in the queue
        traceback.print_exc()
        job = active()
        if job is not None:
            job.cancel()
            job.end('FAILED', "The bake could not be followed; the console says why.")
        return TICK_SECONDS


def _refusal(error: Exception) -> NeuralBakeError:
    if isinstance(error, OSError):
        code, message, hint = protocol.describe_os_error(error)
        return NeuralBakeError(code, message, hint.replace("go on with --resume", "bake again"), bad_input=False)
    reason = " ".join(str(error).split()).removeprefix("Error: ")
    return NeuralBakeError("not_saved", f"The copy of the scene cannot be saved: {reason}", bad_input=False)


@persistent
def _file_opened(*_: object) -> None:
    global _files_opened
    _files_opened += 1
    refresh(bpy.context)


def register() -> None:
    bpy.app.handlers.load_post.append(_file_opened)
    # At start-up the context is restricted, and a file follows anyway.
    if hasattr(bpy.data, "filepath"):
        refresh(bpy.context)


def unregister() -> None:
    if bpy.app.timers.is_registered(_tick):
        bpy.app.timers.unregister(_tick)
    bpy.app.handlers.load_post.remove(_file_opened)
    for job in _jobs:
        job.abandon()
    _jobs.clear()
    _interrupted.clear()
