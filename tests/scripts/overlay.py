# SPDX-FileCopyrightText: 2026 Neural Bake developers
#
# SPDX-License-Identifier: GPL-3.0-or-later

"""Photographs a 3D View with and without the probe overlay; see ``test_overlay.py``.

BLENDER --factory-startup --python overlay.py -- SCENE.blend RESULT FOLDER     SCENE.blend is written to
"""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator
from pathlib import Path

import bpy
import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent))

import extension  # noqa: E402
import window  # noqa: E402

pictures: dict[str, np.ndarray] = {}


def photograph(name: str) -> None:
    """Keep the 3D View's pixels, without its header and sidebars."""
    path = Path(window.words[2]) / f"{name}.png"
    window.screenshot(path)
    image = bpy.data.images.load(str(path))
    width, height = image.size
    pixels = np.empty((height, width, 4), np.float32)
    image.pixels.foreach_get(pixels.ravel())
    bpy.data.images.remove(image)
    region = region_of_view()
    part = pixels[region.y + 40 : region.y + region.height - 110, region.x + 90 : region.x + region.width - 120]
    pictures[name] = part[..., :3]


def region_of_view() -> bpy.types.Region:
    return next(region for region in window.area('VIEW_3D').regions if region.type == 'WINDOW')


def show(on: bool) -> None:
    bpy.context.scene.neural_bake.show_probes = on
    window.area('VIEW_3D').tag_redraw()


def pair(name: str) -> Iterator[float]:
    """A photograph without the overlay, and one with it."""
    for on in (False, True):
        show(on)
        yield 0.4
        photograph(f"{name} {'with' if on else 'without'}")


def use_camera() -> None:
    view = window.area('VIEW_3D').spaces.active
    view.region_3d.view_perspective = 'CAMERA'
    view.overlay.show_stats = False
    bpy.context.scene.neural_bake.probe_size = 0.4


def in_view() -> contextlib.AbstractContextManager:
    return bpy.context.temp_override(area=window.area('VIEW_3D'), region=region_of_view())


def script() -> Iterator[float]:
    scene_file, result, _ = window.words
    bpy.context.preferences.system.viewport_aa = 'OFF'  # edges would go on changing for a while
    root = extension.enable()
    bpy.ops.wm.open_mainfile(filepath=scene_file, load_ui=False)
    yield 1.0
    use_camera()
    view = window.area('VIEW_3D').spaces.active
    volumes = [obj for obj in bpy.context.scene.objects if obj.type == 'LIGHT_PROBE']
    yield from pair("coming")

    view.overlay.show_overlays = False
    yield from pair("overlays off")
    view.overlay.show_overlays = True
    for obj in volumes:
        obj.hide_set(True)
    yield from pair("hidden")
    for obj in volumes:
        obj.hide_set(False)
    view.show_object_viewport_light_probe = False
    yield from pair("no light probes")
    view.show_object_viewport_light_probe = True
    room = bpy.context.scene.objects["Room"]
    room.select_set(True)
    with in_view():
        bpy.ops.view3d.localview(frame_selected=False)
    yield from pair("local view")
    with in_view():
        bpy.ops.view3d.localview(frame_selected=False)
    yield from pair("shown again")

    bpy.ops.ed.undo_push(message="before the result")
    assert bpy.ops.neural_bake.load_result(directory=result) == {'FINISHED'}
    bpy.ops.ed.undo_push(message="the result")
    yield from pair("baked")
    bpy.ops.wm.save_as_mainfile(filepath=scene_file)
    bpy.ops.ed.undo()
    yield 0.5
    yield from pair("after undo")
    bpy.ops.wm.open_mainfile(filepath=scene_file, load_ui=False)
    yield 1.0
    use_camera()
    yield from pair("after loading")

    shown = np.abs(pictures["coming with"] - pictures["coming without"]).max(axis=2) > 0.03
    lit = np.abs(pictures["baked with"] - pictures["baked without"]).max(axis=2) > 0.03
    brighter = float(pictures["baked with"][lit].mean() / pictures["coming with"][shown].mean())
    show(False)
    yield 0.5
    photograph("disabled without")
    show(True)
    yield 0.5
    extension.disable()
    window.area('VIEW_3D').tag_redraw()
    yield 0.5
    photograph("disabled with")
    names = [name.removesuffix(" with") for name in pictures if name.endswith(" with")]
    changed = {
        name: int((np.abs(pictures[f"{name} with"] - pictures[f"{name} without"]).max(axis=2) > 0.03).sum())
        for name in names
    }
    extension.answer(changed=changed, brighter=brighter, root=root.__name__)


window.drive(script)
