# SPDX-FileCopyrightText: 2026 Neural Bake developers
#
# SPDX-License-Identifier: GPL-3.0-or-later

"""Shows the baked light in the 3D View and goes back, through what happens meanwhile; see ``test_viewport.py``.

BLENDER --factory-startup --python show_light.py -- SCENE.blend RESULT FOLDER     SCENE.blend is written to
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import bpy
import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent))

import extension  # noqa: E402
import window  # noqa: E402

scene_file, result, folder = window.words
pictures: dict[str, np.ndarray] = {}


def look(name: str) -> Iterator[float]:
    """Keep a photograph of the 3D View, without its header and sidebars."""
    window.area('VIEW_3D').tag_redraw()
    yield 0.7
    picture = window.photograph(Path(folder) / f"{name}.png")
    pictures[name] = window.part_of(picture, window.region('WINDOW', of='VIEW_3D'))[40:-110, 90:-120]


def toggle() -> None:
    view = window.area('VIEW_3D')
    with bpy.context.temp_override(area=view, region=window.region('WINDOW', of='VIEW_3D')):
        assert bpy.ops.neural_bake.show_light() == {'FINISHED'}


def pair(name: str) -> Iterator[float]:
    """A photograph without the light and one with it; it stays switched on."""
    yield from look(f"{name} without")
    toggle()
    yield from look(name)


def compare(name: str) -> float:
    """Share of the view that the light changes."""
    difference = np.abs(pictures[name] - pictures[f"{name} without"]).max(axis=2)
    return float((difference > 0.03).mean())


def quiet_view() -> bpy.types.SpaceView3D:
    view = window.area('VIEW_3D').spaces.active
    view.region_3d.view_perspective = 'CAMERA'
    view.overlay.show_overlays = False
    view.show_gizmo = False
    return view


def settings(view: bpy.types.SpaceView3D) -> list[object]:
    """What the artist could have set, and would want back."""
    meshes = [(mesh.name, sorted(item.name for item in mesh.attributes)) for mesh in bpy.data.meshes]
    return [view.shading.type, view.shading.color_type, view.shading.light, meshes, bpy.data.materials.keys()]


def script() -> Iterator[float]:
    bpy.context.preferences.system.viewport_aa = 'OFF'  # edges would go on changing for a while
    extension.enable()
    viewport = extension.module("viewport")
    bpy.ops.wm.open_mainfile(filepath=scene_file, load_ui=False)
    yield 1.0
    bpy.ops.neural_bake.load_result(directory=result)
    bpy.ops.wm.save_mainfile()
    view = quiet_view()
    before = settings(view)
    pressed = [viewport.is_shown(bpy.context)]
    yield from pair("solid")
    pressed.append(viewport.is_shown(bpy.context))
    dirty = bpy.data.is_dirty
    pictures["back without"] = pictures["solid without"]
    toggle()
    pressed.append(viewport.is_shown(bpy.context))
    yield from look("back")
    same = settings(view) == before

    view.region_3d.view_perspective = 'ORTHO'
    yield from pair("parallel")
    toggle()
    view.region_3d.view_perspective = 'CAMERA'
    view.shading.type = 'MATERIAL'
    yield 5.0  # shaders are compiled
    yield from pair("material preview")
    toggle()
    view.overlay.show_overlays = True
    yield from pair("with overlays")
    toggle()
    view.overlay.show_overlays = False
    view.shading.type = 'SOLID'

    yield from look("after moving without")
    toggle()
    bpy.ops.ed.undo_push(message="before")
    bpy.data.objects["Partition"].location.x += 0.6
    bpy.ops.ed.undo_push(message="moved")
    yield from look("after moving")
    followed = float((np.abs(pictures["after moving"] - pictures["solid"]).max(axis=2) > 0.03).mean())
    bpy.ops.ed.undo()
    yield from look("after undo")
    pictures["after undo without"] = pictures["solid without"]
    bpy.data.objects["Partition"].hide_set(True)
    yield from look("other object hidden")
    pictures["other object hidden without"] = pictures["solid without"]
    bpy.data.objects["Partition"].hide_set(False)
    toggle()

    partition = bpy.data.objects["Partition"]
    for obj in bpy.context.scene.objects:
        obj.select_set(obj == partition)
    with bpy.context.temp_override(area=window.area('VIEW_3D'), region=window.region('WINDOW', of='VIEW_3D')):
        bpy.ops.view3d.localview(frame_selected=False)
    view.region_3d.view_perspective = 'CAMERA'
    yield from pair("local view")
    toggle()
    with bpy.context.temp_override(area=window.area('VIEW_3D'), region=window.region('WINDOW', of='VIEW_3D')):
        bpy.ops.view3d.localview(frame_selected=False)
    quiet_view()

    toggle()
    bpy.ops.wm.save_mainfile()  # with the light shown
    bpy.ops.wm.open_mainfile(filepath=scene_file, load_ui=False)
    yield 1.0
    view = quiet_view()
    yield from look("after loading")
    pictures["after loading without"] = pictures["solid without"]

    toggle()
    yield 0.5
    bpy.ops.neural_bake.clear(result='ALL')
    bpy.data.objects["Partition"].update_tag()  # a window does this after every operator
    yield 1.0
    yield from look("result cleared")
    pictures["result cleared without"] = pictures["solid without"]

    bpy.ops.neural_bake.load_result(directory=result)
    toggle()
    yield 0.5
    extension.disable()
    yield from look("disabled")
    pictures["disabled without"] = pictures["solid without"]
    changed = {name: compare(name) for name in pictures if f"{name} without" in pictures}
    extension.answer(changed=changed, followed=followed, dirty=dirty, settings=same, pressed=pressed)


window.drive(script)
