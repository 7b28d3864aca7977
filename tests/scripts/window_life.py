# SPDX-FileCopyrightText: 2026 Neural Bake developers
#
# SPDX-License-Identifier: GPL-3.0-or-later

"""What happens around a bake while the artist goes on working in a window; see ``test_window_life.py``.

BLENDER --factory-startup --python window_life.py -- PART SCENE.blend ENGINE SETTINGS FOLDER

The parts are three sessions of Blender, one after the other:

``live``    names, files, undo, deletion and the queue change during bakes, and Ctrl-Q ends Blender during the last one
``resume``  the bake is taken up by a click; once it goes on the test kills Blender
``again``   it is taken up a second time, to its end

Pictures go into FOLDER.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import bpy

sys.path.insert(0, str(Path(__file__).resolve().parent))

import extension  # noqa: E402
import window  # noqa: E402

part, scene_file, engine, settings, folder = window.words
other_name = scene_file.replace(".blend", "_other.blend")
told: dict[str, object] = {}
Steps = Iterator[Callable[[], bool] | float]


def script() -> Steps:
    extension.enable()
    bpy.context.preferences.addons[extension.NAME].preferences.engine = engine
    yield from open_file(scene_file if part == "live" else other_name)
    yield from window.show_sidebar()
    yield from PARTS[part]()


def live() -> Steps:
    yield from names_and_undo()
    yield from another_file()
    yield from deleted_volume()
    yield from queue_and_clock()
    extension.answer(**told)
    window.press("ctrl+q")
    yield lambda: False


def resume() -> Steps:
    """A click, and then nothing more until the test kills Blender."""
    job = yield from resumed_by_a_click()
    yield lambda: job.ended or (job.state == 'RUNNING' and len(shards(job)) > len(told["shards"]))
    print(f"READY {os.getpid()}", flush=True)
    extension.answer(**told, state=job.state)
    yield lambda: False


def again() -> Steps:
    job = yield from resumed_by_a_click()
    yield lambda: job.ended
    now = shards(job)
    kept = [name for name, at in told["shards"].items() if now.get(name) == at]
    extension.answer(**told, state=job.state, message=job.message, kept=len(kept))


PARTS = {"live": live, "resume": resume, "again": again}


def open_file(path: str) -> Steps:
    bpy.ops.wm.open_mainfile(filepath=path, load_ui=False)
    yield 1.0  # until then the context is the earlier file's
    for name, value in json.loads(settings).items():
        if name != "threads":
            setattr(bpy.context.scene.neural_bake.light_grid, name, value)


def volume() -> bpy.types.Object:
    return bpy.data.objects["Volume"]


def has_result() -> bool:
    return "neural_bake_weights" in volume().keys()


def submit() -> object:
    """What the button does, without the way to it."""
    assert bpy.ops.neural_bake.bake('INVOKE_DEFAULT') == {'FINISHED'}
    return extension.module("jobs").last()


def at_work(job: object) -> bool:
    return job.ended or (job.state == 'RUNNING' and job.total > 1)


def shards(job: object) -> dict[str, int]:
    """What was measured so far: each file with the time of its last change."""
    return {path.name: path.stat().st_mtime_ns for path in (job.stored.folder / "dataset").glob("shard-*.safetensors")}


def over_the_view() -> None:
    view = window.region('WINDOW', of='VIEW_3D')
    window.move_mouse(view.x + view.width // 2, view.y + view.height // 3)


def names_and_undo() -> Steps:
    """During one bake: Ctrl-Z, the scene and the volume get other names, and the file is saved under another one."""
    bpy.ops.ed.undo_push(message="Before")
    volume().location.x += 1.0
    bpy.ops.ed.undo_push(message="Moved")
    job = submit()
    yield lambda: at_work(job)
    over_the_view()
    yield 0.2
    window.press("ctrl+z")
    yield lambda: volume().location.x < 0.5
    bpy.context.scene.name, volume().name = "Renamed", "Probes"
    bpy.ops.ed.undo_push(message="Rename")  # as every button of Blender does
    bpy.ops.wm.save_as_mainfile(filepath=other_name)
    told["still at work"] = job.state
    yield lambda: job.ended
    keys = bpy.data.objects["Probes"].keys()
    told["names and undo"] = [job.state, job.message, "neural_bake_weights" in keys]
    bpy.ops.ed.undo()
    yield lambda: not any("neural_bake_weights" in obj.keys() for obj in bpy.data.objects)
    left = next(obj for obj in bpy.data.objects if obj.type == 'LIGHT_PROBE')
    told["one step of undo"] = [bpy.context.scene.name, left.name, left.location.x]
    bpy.context.scene.name, left.name = "Scene", "Volume"
    bpy.ops.wm.save_mainfile()


def another_file() -> Steps:
    """Opened during a bake: the result waits, and comes in when its file is open again."""
    job = submit()
    yield lambda: at_work(job)
    yield from open_file(scene_file)
    told["other file at work"] = job.state
    yield lambda: job.ended or bool(job.message)
    yield 0.5
    window.screenshot(Path(folder) / "waits.png")
    told["other file"] = [job.state, job.message, has_result()]
    yield from open_file(other_name)
    yield lambda: job.ended
    told["file again"] = [job.state, has_result()]


def deleted_volume() -> Steps:
    """By the key, during a bake: the result stays in its folder, and the panel says where."""
    job = submit()
    yield lambda: at_work(job)
    for obj in bpy.context.view_layer.objects:
        obj.select_set(obj == volume())
    over_the_view()
    yield 0.2
    window.press("Delete")
    yield lambda: "Volume" not in bpy.context.view_layer.objects
    yield lambda: job.ended
    yield 0.5
    window.screenshot(Path(folder) / "deleted.png")
    told["deleted"] = [job.state, job.message, (job.directory / "manifest.json").is_file()]
    window.press("ctrl+z")
    yield lambda: "Volume" in bpy.context.view_layer.objects


def queue_and_clock() -> Steps:
    """A second bake waits and is taken away by a click; the clock is set meanwhile; the first one is left at work."""
    jobs, bakes = extension.module("jobs"), extension.module("bakes")
    values = bpy.context.scene.neural_bake.light_grid
    values.samples_per_probe, values.sample_paths = 80, 1500
    bpy.ops.wm.save_mainfile()
    first, second = submit(), submit()
    yield lambda: at_work(first) and first.seconds_left is not None
    words = bakes.status(volume(), bpy.context.scene, True).words
    told["queue"] = [second.state, second.place, jobs.headline(second), words]

    now, left = time.time, []
    for days in (0, 1, -1):
        time.time = lambda days=days: now() + 86400.0 * days
        yield 0.5
        left.append(first.seconds_left)
    time.time = now
    told["left"] = left

    sidebar = window.region('UI', of='VIEW_3D')
    yield from window.move_to_button(f'neural_bake.cancel(job="{second.id}"', sidebar, across=0.82, begin=270)
    window.screenshot(Path(folder) / "queue.png")
    window.click()
    yield lambda: second.ended
    told["taken away"] = [second.state, second.stored.folder.exists(), first.state]
    yield lambda: first.ended or len(shards(first)) > 0
    told["left at work"] = [first.state, str(first.stored.folder), len(shards(first))]
    over_the_view()
    yield 0.2


def resumed_by_a_click() -> Steps:
    """The panel offers what was interrupted; returns the job at work."""
    jobs = extension.module("jobs")
    stored = next(one for one in jobs.interrupted() if one.here)
    told["offered"] = [stored.state, stored.scene_name]
    told["shards"] = shards(type("Job", (), {"stored": stored}))
    sidebar = window.region('UI', of='VIEW_3D')
    yield from window.move_to_button(f'neural_bake.resume(job="{stored.id}"', sidebar, across=0.65, begin=150)
    window.screenshot(Path(folder) / f"{part}.png")
    window.click()
    yield lambda: jobs.last() is not None and jobs.last().id == stored.id
    return jobs.last()


window.drive(script, seconds=120.0)
