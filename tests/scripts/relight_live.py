# SPDX-FileCopyrightText: 2026 Neural Bake developers
#
# SPDX-License-Identifier: GPL-3.0-or-later

"""Measures what a step of a dragged lamp takes until the picture is seen; see ``tests/benchmarks/relight_live.py``.

BLENDER --factory-startup --python relight_live.py -- SCENE.blend RESULT      in a window
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import bpy
import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent))

import extension  # noqa: E402
import window  # noqa: E402

STEPS = 40
spent: dict[str, list[float]] = {"light": [], "image": [], "editor": [], "editor alone": []}


def script() -> Iterator[Callable[[], bool] | float]:
    extension.enable()
    bpy.ops.wm.open_mainfile(filepath=window.words[0], load_ui=False)
    yield 1.0  # until then the context is the earlier file's
    scene, layer = bpy.context.scene, bpy.context.view_layer
    scene.neural_bake.live = False  # it is called by hand
    assert bpy.ops.neural_bake.load_result(directory=window.words[1]) == {'FINISHED'}
    results, live = extension.module("results"), extension.module("live")
    model = results.relight(live.keeper_of(scene))
    lamp = scene.objects[model.lamps[0]["name"]]
    area = window.area('VIEW_3D')
    area.ui_type = 'IMAGE_EDITOR'
    yield 1.0
    assert bpy.ops.neural_bake.show_result(image='RELIGHT') == {'FINISHED'}
    yield 1.0
    region = window.region('WINDOW', of='IMAGE_EDITOR')

    def draw() -> float:
        """Draw the editor with the picture, and nothing else."""
        begin = time.perf_counter()
        with bpy.context.temp_override(area=area, region=region):
            bpy.ops.wm.redraw_timer(type='DRAW', iterations=1)
        return time.perf_counter() - begin

    places = np.array(model.domains[0])
    for step in range(STEPS):
        lamp.location = places[step % len(places)] * 0.98 + places[(step + 1) % len(places)] * 0.02
        layer.update()
        shown = live.update(scene, layer)
        spent["light"].append(shown.model_seconds)
        spent["image"].append(shown.seconds - shown.model_seconds)
        spent["editor"].append(draw())
        spent["editor alone"].append(draw())
        yield 0.02
    weights = len(extension.module("result_weights").read(live.keeper_of(scene)))
    extension.answer(
        spent=spent,
        size=[model.width, model.height],
        weights=weights,
        blender=bpy.app.version_string,
        cores=os.cpu_count(),
        load=os.getloadavg()[0],
    )


window.drive(script, seconds=200.0)
