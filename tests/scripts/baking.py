# SPDX-FileCopyrightText: 2026 Neural Bake developers
#
# SPDX-License-Identifier: GPL-3.0-or-later

"""What scripts inside Blender share to test bakes: ``from baking import *``; arguments are SCENE.blend and settings."""

from __future__ import annotations

import os  # noqa: F401
import time
from collections.abc import Callable
from pathlib import Path  # noqa: F401

from extension import *  # noqa: F403
from extension import NAME, bpy, enable, json, module, sys

enable()
scene_file, tiny = sys.argv[1], json.loads(sys.argv[2])
jobs, job_folders = module("jobs"), module("job_folders")
bake = bpy.ops.neural_bake.bake


def open_scene(path: str = scene_file) -> None:
    """Open a scene with the settings of the test."""
    bpy.ops.wm.open_mainfile(filepath=path)
    for name, value in tiny.items():
        if name != "threads":
            setattr(bpy.context.scene.neural_bake.light_grid, name, value)
    bpy.context.preferences.addons[NAME].preferences.threads = tiny["threads"]


def call(operator: Callable, **arguments: object) -> tuple[str, str]:
    """What an operator returns, and what it reports as an error."""
    try:
        return sorted(operator(**arguments))[0], ""
    except RuntimeError as error:
        return "CANCELLED", str(error)


def until(condition: Callable[[], bool], seconds: float = 120.0) -> None:
    """Follow the jobs as Blender's timer does, which a background Blender lacks, until something is so."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, [(job.state, job.message) for job in jobs.all_jobs()]
        jobs.step(bpy.context)
        time.sleep(0.02)


def running() -> object:
    """A bake that has begun to measure."""
    job = jobs.submit(bpy.context, kind="light_grid")
    until(lambda: job.state == 'RUNNING' and job.total > 1)
    return job


def volume() -> bpy.types.Object:
    return bpy.data.objects["Volume"]


def has_result() -> bool:
    return "neural_bake_weights" in volume().keys()


open_scene()
