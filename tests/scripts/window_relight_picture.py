# SPDX-FileCopyrightText: 2026 Neural Bake developers
#
# SPDX-License-Identifier: GPL-3.0-or-later

"""The documentation's picture of a relit view; see ``build_tools/screenshots.py``.

BLENDER --factory-startup --python window_relight_picture.py -- SCENE.blend ENGINE FOLDER RESULT
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import bpy
import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent))

import extension  # noqa: E402
import window  # noqa: E402

SHARE = 0.42
"""Of the width, what the Image Editor has."""
EMPTY = 80
"""Pixels at the bottom that show nothing."""

scene_file, engine, folder, directory = window.words


def script() -> Iterator[Callable[[], bool] | float]:
    extension.enable()
    bpy.context.preferences.addons[extension.NAME].preferences.engine = engine
    for kind in ('DOPESHEET_EDITOR', 'OUTLINER', 'PROPERTIES'):
        with bpy.context.temp_override(area=window.area(kind)):
            bpy.ops.screen.area_close()
        yield 0.3
    bpy.ops.wm.open_mainfile(filepath=scene_file, load_ui=False)
    yield 1.0  # until then the context is the earlier file's
    scene = bpy.context.scene
    scene.neural_bake.kind = 'RELIGHT'
    with bpy.context.temp_override(area=window.area('VIEW_3D'), region=window.region('WINDOW', of='VIEW_3D')):
        bpy.ops.screen.area_split(direction='VERTICAL', factor=SHARE)
    yield 0.5
    view, editor = sorted(bpy.context.screen.areas, key=lambda area: area.x, reverse=True)
    editor.ui_type = 'IMAGE_EDITOR'
    yield from window.show_sidebar()
    assert bpy.ops.neural_bake.load_result(directory=directory) == {'FINISHED'}
    live = extension.module("live")
    yield lambda: live.shown(scene) is not None
    assert bpy.ops.neural_bake.show_result(image='RELIGHT') == {'FINISHED'}
    lamp = scene.objects[extension.module("results").relight(live.keeper_of(scene)).lamps[0]["name"]]
    bpy.context.view_layer.objects.active = lamp
    for obj in scene.objects:
        obj.select_set(obj == lamp)
    # Half way between two places that were rendered.
    places = extension.module("results").relight(live.keeper_of(scene)).domains[0]
    low = places[np.argsort(places[:, 2])[len(places) // 3]]
    lamp.location = 0.98 * low
    space = view.spaces.active
    space.show_region_toolbar = space.show_region_tool_header = False
    space.overlay.show_cursor = False
    space.region_3d.view_distance *= 0.42
    window.move_mouse(1, 1)
    yield 4.0
    height = bpy.context.window_manager.windows[0].height
    left, bottom = editor.x, editor.y
    size = f"{view.x + view.width - left}x{height - bottom - EMPTY}"
    small = ["+dither", "-colors", "192", "-strip", "-define", "png:compression-level=9"]
    path = "PNG8:" + str(Path(folder) / "relight.png")
    crop = ["-crop", f"{size}+{left}+0", "+repage", "-resize", "75%"]
    subprocess.run(["import", "-window", "root", *crop, *small, path], check=True)
    extension.answer(pictures=sorted(path.name for path in Path(folder).iterdir()))


window.drive(script, seconds=200.0)
