# SPDX-FileCopyrightText: 2026 Neural Bake developers
#
# SPDX-License-Identifier: GPL-3.0-or-later

"""The pictures of the documentation; see ``build_tools/screenshots.py``.

BLENDER --factory-startup --python window_screenshots.py -- SCENE.blend ENGINE FOLDER
"""

from __future__ import annotations

import math
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import bpy
from mathutils import Matrix

sys.path.insert(0, str(Path(__file__).resolve().parent))

import extension  # noqa: E402
import window  # noqa: E402

WIDTH, HEIGHT = 980, 780
"""Pixels of the 3D View: as wide as a page of text shows it without making it smaller, as high as the sidebar asks."""
PREFERENCES = 225, 592
"""Where our own preferences begin and end below the top of the editor."""

scene_file, engine, folder = window.words


def script() -> Iterator[Callable[[], bool] | float]:
    extension.enable()
    yield from arrange()
    yield from preferences()
    bpy.context.preferences.addons[extension.NAME].preferences.engine = engine
    bpy.ops.wm.open_mainfile(filepath=scene_file, load_ui=False)
    yield 1.0  # until then the context is the earlier file's
    yield from look_into_the_room()
    yield from window.show_sidebar()
    yield from ready()
    yield from running()
    yield from done()
    extension.answer(pictures=sorted(path.name for path in Path(folder).iterdir()))


def picture(name: str, left: int, bottom: int, right: int, top: int) -> None:
    """A part of the screen; places are counted from the bottom, as Blender does."""
    height = bpy.context.window_manager.windows[0].height
    part = f"{right - left}x{top - bottom}+{left}+{height - top}"
    path = "PNG8:" + str(Path(folder) / f"{name}.png")
    # 256 colours are enough for a panel, and a quarter of the bytes.
    small = ["+dither", "-strip", "-define", "png:compression-level=9"]
    subprocess.run(["import", "-window", "root", "-crop", part, "+repage", *small, path], check=True)


def arrange() -> Iterator[float]:
    """The 3D View at the right, above the status bar, and nothing else beside it that a picture would show."""
    for kind in ('DOPESHEET_EDITOR', 'OUTLINER', 'PROPERTIES'):
        with bpy.context.temp_override(area=window.area(kind)):
            bpy.ops.screen.area_close()
        yield 0.3
    view = window.area('VIEW_3D')
    for direction, share in (('VERTICAL', 1.0 - WIDTH / view.width), ('HORIZONTAL', HEIGHT / view.height)):
        with bpy.context.temp_override(area=view, region=window.region('WINDOW', of='VIEW_3D')):
            bpy.ops.screen.area_split(direction=direction, factor=share)
        yield 0.5
        view = max(bpy.context.screen.areas, key=lambda area: (area.x, -area.y))
        for area in bpy.context.screen.areas:
            area.type = 'VIEW_3D' if area == view else 'CONSOLE'
        yield 0.5


def preferences() -> Iterator[float]:
    """As an artist finds them: no engine yet."""
    bpy.ops.preferences.addon_show(module=extension.NAME)
    yield 1.0
    with bpy.context.temp_override(window=bpy.context.window_manager.windows[-1]):
        bpy.ops.wm.window_close()
    area = window.area('VIEW_3D')
    area.type = 'PREFERENCES'
    window.move_mouse(1, 1)  # no tooltip
    yield 2.0
    region = window.region('WINDOW', of='PREFERENCES')
    top = region.y + region.height
    picture("preferences", region.x, top - PREFERENCES[1], region.x + region.width, top - PREFERENCES[0])
    area.type = 'VIEW_3D'
    yield 0.5


def look_into_the_room() -> Iterator[float]:
    """From the camera, but with the sidebar not in front of what there is to see."""
    space = window.area('VIEW_3D').spaces.active
    space.show_region_toolbar = space.show_region_tool_header = space.show_gizmo = False
    overlay = space.overlay
    overlay.show_floor = overlay.show_axis_x = overlay.show_axis_y = overlay.show_cursor = overlay.show_text = False
    overlay.show_extras = overlay.show_relationship_lines = False
    space.shading.type = 'MATERIAL'
    space.shading.use_scene_lights = space.shading.use_scene_world = True
    space.lens, space.clip_start = 24.0, 0.9  # no probe just before the eye
    space.region_3d.view_perspective = 'PERSP'
    turned = bpy.context.scene.camera.matrix_world @ Matrix.Rotation(-math.radians(12.0), 4, 'Y')
    space.region_3d.view_matrix = turned.inverted()
    yield 4.0


def view(name: str, *, status_bar: bool = False) -> None:
    """The 3D View, with the status bar below it or without."""
    area = window.area('VIEW_3D')
    picture(name, area.x, 0 if status_bar else area.y, area.x + area.width, area.y + area.height)


def ready() -> Iterator[float]:
    bpy.ops.neural_bake.use_preset(preset='MEDIUM')
    bpy.context.scene.neural_bake.show_probes = True
    yield 3.0
    view("ready")


def running() -> Iterator[Callable[[], bool] | float]:
    """Some way into measuring, with a first picture."""
    bpy.ops.neural_bake.bake('INVOKE_DEFAULT')
    job = extension.module("jobs").last()
    yield lambda: job.ended or (job.preview is not None and job.fraction > 0.3)
    assert job.state == 'RUNNING', job.message
    yield 1.0
    view("running", status_bar=True)
    yield lambda: job.ended
    assert job.state == 'DONE', job.message


def done() -> Iterator[Callable[[], bool] | float]:
    keeper = extension.module("results").holders(bpy.context.scene)[0]
    yield lambda: extension.module("staleness").state(keeper) == 'CURRENT'
    yield 3.0
    view("done")


window.drive(script, seconds=580.0)
