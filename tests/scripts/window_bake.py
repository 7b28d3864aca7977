# SPDX-FileCopyrightText: 2026 Neural Bake developers
#
# SPDX-License-Identifier: GPL-3.0-or-later

"""A bake by mouse and keyboard, and what goes on meanwhile; see ``test_window.py``.

BLENDER --factory-startup --python window_bake.py -- SCENE.blend ENGINE SETTINGS FOLDER

Pictures and autosaved files go into FOLDER.
"""

from __future__ import annotations

import contextlib
import json
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import bpy
import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent))

import extension  # noqa: E402
import window  # noqa: E402

STATUS_BAR = 24  # pixels

folder = Path(window.words[3])
told: dict[str, object] = {}


def script() -> Iterator[Callable[[], bool] | float]:
    scene_file, engine, settings = window.words[:3]
    extension.enable()
    bpy.context.preferences.addons[extension.NAME].preferences.engine = engine
    files = bpy.context.preferences.filepaths
    files.temporary_directory, files.auto_save_time = str(folder), 1  # minutes; less cannot be set
    bpy.ops.wm.open_mainfile(filepath=scene_file, load_ui=False)
    yield 1.0  # until then the context is the earlier file's
    for name, value in json.loads(settings).items():
        if name != "threads":
            setattr(bpy.context.scene.neural_bake.light_grid, name, value)
    yield from window.show_sidebar()
    yield from result_by_a_click()
    yield from undo_by_keys()
    yield from overlay_is_drawn()
    yield from picture_by_a_click()
    yield from bake_that_is_cancelled()
    extension.answer(**told)


def keys() -> list[str]:
    """What the volume carries; undo makes another object of it."""
    return sorted(bpy.data.objects["Volume"].keys())


def processes(name: str) -> int:
    """How many have a name in their command line (Linux)."""
    found = 0
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):  # it has ended meanwhile
            found += name.encode() in path.read_bytes()
    return found


def autosaved() -> bool:
    return any(folder.glob("*_autosave.blend"))


def changed(before: np.ndarray, after: np.ndarray) -> int:
    """Number of pixels that differ."""
    return int((np.abs(before - after).max(axis=2) > 0.02).sum())


def result_by_a_click() -> Iterator[Callable[[], bool] | float]:
    """The button, and nothing else until the result is there."""
    jobs = extension.module("jobs")
    yield from window.move_to_button("neural_bake.bake(", window.region('UI', of='VIEW_3D'))
    window.click()
    yield lambda: jobs.last() is not None and jobs.last().ended
    told["clicked"] = [jobs.last().state, jobs.last().message, keys()]


def undo_by_keys() -> Iterator[Callable[[], bool] | float]:
    """Ctrl-Z takes the whole result back and nothing more, Ctrl-Shift-Z brings it again."""
    view = window.region('WINDOW', of='VIEW_3D')
    window.move_mouse(view.x + view.width // 2, view.y + view.height // 3)
    yield 0.2
    for name, combination in (("undone", "ctrl+z"), ("redone", "ctrl+shift+z")):
        before = keys()
        window.press(combination)
        yield lambda before=before: keys() != before
        yield 0.5
        told[name] = [keys(), sorted(image.name for image in bpy.data.images if image.name.startswith("Neural Bake"))]


def overlay_is_drawn() -> Iterator[float]:
    view = window.region('WINDOW', of='VIEW_3D')
    window.area('VIEW_3D').spaces.active.region_3d.view_perspective = 'CAMERA'  # which is inside the room
    pictures = []
    for on in (False, True):
        bpy.context.scene.neural_bake.show_probes = on
        window.area('VIEW_3D').tag_redraw()
        yield 0.4
        pictures.append(window.part_of(window.photograph(folder / f"overlay {'on' if on else 'off'}.png"), view))
    # Without the sidebar, where the switch is.
    left = [picture[:, : int(0.6 * picture.shape[1])] for picture in pictures]
    told["overlay"] = changed(*left)


def picture_by_a_click() -> Iterator[Callable[[], bool] | float]:
    """Show Result puts the picture into an Image Editor that is open."""
    editor = window.area('DOPESHEET_EDITOR')
    editor.ui_type = 'IMAGE_EDITOR'
    yield 0.4
    place = window.region('WINDOW', of='IMAGE_EDITOR')
    empty = window.part_of(window.photograph(folder / "no picture.png"), place)
    yield from window.move_to_button("neural_bake.show_result(", window.region('UI', of='VIEW_3D'), across=0.2)
    window.click()
    yield lambda: editor.spaces.active.image is not None
    yield 0.4
    shown = window.part_of(window.photograph(folder / "picture.png"), place)
    told["picture"] = [editor.spaces.active.image.name, changed(empty, shown), len(bpy.context.window_manager.windows)]


def bake_that_is_cancelled() -> Iterator[Callable[[], bool] | float]:
    """A long bake: what it shows moves, Blender saves meanwhile, the Cancel button ends it, Discard forgets it."""
    jobs, sidebar = extension.module("jobs"), window.region('UI', of='VIEW_3D')
    settings = bpy.context.scene.neural_bake.light_grid
    settings.samples_per_probe, settings.sample_paths = 3200, 1500
    yield from window.move_to_button("neural_bake.bake(", sidebar)
    window.click()
    yield lambda: jobs.active() is not None and jobs.active().done >= 1
    job, looks, pictures = jobs.active(), [], []
    told["saved before"] = autosaved()
    for name in ("running", "running later"):
        yield lambda: not looks or job.done > looks[0][1]
        looks.append([job.stage, job.done, job.fraction, job.seconds_left, jobs.headline(job)])
        yield 0.4  # to be drawn
        pictures.append(window.photograph(folder / f"{name}.png"))
    told["looks"] = looks
    right = int(0.7 * pictures[0].shape[1])
    told["moved"] = {
        "panel": changed(*(window.part_of(picture, sidebar) for picture in pictures)),
        "status bar": changed(*(picture[:STATUS_BAR, right:] for picture in pictures)),
    }
    yield autosaved
    told["saved while"] = job.state
    told["processes"] = processes(job.id)

    yield from window.move_to_button("neural_bake.cancel(", sidebar, across=0.82)
    window.screenshot(folder / "cancel.png")
    window.click()
    begin = time.monotonic()
    yield lambda: job.ended and processes(job.id) == 0
    told["cancelled"] = [job.state, time.monotonic() - begin, keys() == told["redone"][0]]

    yield 0.5
    window.screenshot(folder / "unfinished.png")
    told["unfinished"] = [stored.id == job.id for stored in jobs.interrupted()]
    yield from window.move_to_button("neural_bake.discard(", sidebar, across=0.85)
    window.click()
    yield 0.5
    window.screenshot(folder / "discard.png")
    window.press("Return")
    yield lambda: not jobs.interrupted()
    told["discarded"] = not job.stored.folder.exists()


window.drive(script, seconds=180.0)
