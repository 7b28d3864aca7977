# SPDX-FileCopyrightText: 2026 Neural Bake developers
#
# SPDX-License-Identifier: GPL-3.0-or-later

"""Measures what a bake takes from Blender's main thread; see ``tests/benchmarks/main_thread.py``.

BLENDER --factory-startup --python main_thread.py -- SCENE.blend     in a window: 3D View redraws are timed too
PYTHON_WITH_BPY main_thread.py -- SCENE.blend                       the same without redraws
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import bpy

sys.path.insert(0, str(Path(__file__).resolve().parent))

import extension  # noqa: E402
import window  # noqa: E402

spent: dict[str, list[float]] = {"copy": [], "tick": [], "import": [], "redraw idle": [], "redraw baking": []}


def timed(name: str, work: Callable) -> Callable:
    """``work`` with its seconds noted under a name."""

    def call(*arguments: object, **options: object) -> object:
        begin = time.perf_counter()
        try:
            return work(*arguments, **options)
        finally:
            spent[name].append(time.perf_counter() - begin)

    return call


def redraw() -> None:
    """One whole redraw of the window, as while the artist turns the view."""
    bpy.ops.wm.redraw_timer(type='DRAW_WIN_SWAP', iterations=1)


def script() -> Iterator[Callable[[], bool] | float]:
    """One bake from the button to the result."""
    extension.enable()
    bpy.ops.wm.open_mainfile(filepath=window.words[0], load_ui=False)
    jobs = extension.module("jobs")
    jobs.save_copy = timed("copy", jobs.save_copy)
    jobs.bring_back = timed("import", jobs.bring_back)
    jobs.step = timed("tick", jobs.step)
    has_window = not bpy.app.background
    yield 1.0
    if has_window:
        for _ in range(20):
            timed("redraw idle", redraw)()
            yield 0.2
    begin = time.perf_counter()
    if has_window:
        bpy.ops.neural_bake.bake('INVOKE_DEFAULT')
    else:
        jobs.submit(bpy.context, kind="light_grid")
    pressed = time.perf_counter() - begin
    job, picture = jobs.last(), None
    while not job.ended:
        if has_window:
            timed("redraw baking", redraw)()
        else:
            jobs.step(bpy.context)
        if picture is None and job.preview is not None:
            picture = time.perf_counter() - begin
        yield 0.2
    took = time.perf_counter() - begin
    triangles = sum(len(obj.data.polygons) for obj in bpy.context.scene.objects if obj.type == 'MESH')
    extension.answer(
        state=job.state,
        message=job.message,
        took=took,
        pressed=pressed,
        picture=picture,
        spent=spent,
        polygons=triangles,
        blender=bpy.app.version_string,
        window=has_window,
        cores=os.cpu_count(),
    )


if bpy.app.background:
    for wish in script():
        time.sleep(wish)
else:
    window.drive(script, seconds=560.0)
