# SPDX-FileCopyrightText: 2026 Neural Bake developers
#
# SPDX-License-Identifier: GPL-3.0-or-later

"""Draws every panel in a window, in every state, and tells what stood there; see ``test_panels.py``.

BLENDER --factory-startup --python panels.py -- SCENE.blend ENGINE SETTINGS PICTURES
"""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import bpy

sys.path.insert(0, str(Path(__file__).resolve().parent))

import extension  # noqa: E402
import window  # noqa: E402

scene_file, engine, settings, pictures = window.words
texts: list[str] = []
draws: Counter[str] = Counter()
states: dict[str, list[str]] = {}


def note_what_is_drawn() -> None:
    """From now on every sentence of a panel goes into ``texts``, and every drawing of one is counted."""
    parts = extension.module("panels.parts")
    sentence = parts.sentence

    def noted(layout: object, context: object, words: str, icon: str = 'NONE') -> None:
        texts.append(words)
        sentence(layout, context, words, icon)

    parts.sentence = noted
    for name in ("view3d", "relight", "render", "object_data"):
        module = extension.module(f"panels.{name}")
        module.unregister()
        for cls in module.classes:
            cls.bl_options = set()  # all of them open
            cls.draw = counted(cls)
        module.register()


def counted(cls: type) -> Callable:
    """The class's own ``draw``, counted once it is through."""
    draw = cls.draw

    def call(self: object, context: object) -> None:
        draw(self, context)
        draws[cls.__name__] += 1

    return call


def look(name: str) -> Iterator[float]:
    """Draw everything anew and keep what it says, and a picture of it, under a name."""
    texts.clear()
    for area in bpy.context.window_manager.windows[0].screen.areas:
        area.tag_redraw()
    yield 0.4
    states[name] = list(dict.fromkeys(texts))
    window.screenshot(Path(pictures) / f"{name}.png")


def script() -> Iterator[Callable[[], bool] | float]:
    extension.enable()
    note_what_is_drawn()
    jobs, staleness = extension.module("jobs"), extension.module("staleness")
    preferences = bpy.context.preferences.addons[extension.NAME].preferences
    window.area('PROPERTIES').spaces.active.context = 'RENDER'
    yield from window.show_sidebar()
    yield from look("never saved")

    bpy.ops.wm.open_mainfile(filepath=scene_file, load_ui=False)
    yield 1.0  # until then the context is the earlier file's
    yield from look("no engine")
    preferences.engine = engine
    for name, value in json.loads(settings).items():
        if name != "threads":
            setattr(bpy.context.scene.neural_bake.light_grid, name, value)
    yield from look("ready")

    bpy.context.scene.neural_bake.kind = 'RELIGHT'
    yield from look("relight")
    bpy.context.scene.neural_bake.relight.lamps = "Soup"
    yield from look("relight without a lamp")
    bpy.context.scene.neural_bake.kind = 'LIGHT_GRID'

    volume = bpy.data.objects["Volume"]
    bpy.context.view_layer.objects.active = volume
    volume.select_set(True)
    yield 0.5  # the Properties Editor learns of the active object when it is drawn
    window.area('PROPERTIES').spaces.active.context = 'DATA'
    bpy.context.scene.neural_bake.show_probes = True
    yield from look("volume")

    assert bpy.ops.neural_bake.bake('INVOKE_DEFAULT') == {'FINISHED'}
    assert bpy.ops.neural_bake.bake('INVOKE_DEFAULT') == {'FINISHED'}
    yield lambda: jobs.active() is not None and jobs.active().fraction > 0.0
    yield from look("running")
    bpy.ops.neural_bake.cancel(job=jobs.last().id)
    yield lambda: jobs.active() is None
    yield lambda: staleness.state(volume) == 'CURRENT'
    yield from look("done")

    bpy.ops.ed.undo()
    yield 0.5
    volume = bpy.data.objects["Volume"]
    undone = sorted(volume.keys())
    yield from look("undone")
    bpy.ops.ed.redo()
    volume = bpy.data.objects["Volume"]
    yield lambda: staleness.state(volume) == 'CURRENT'

    place = volume.location.copy()
    volume.location.x += 0.3
    yield lambda: staleness.state(volume) == 'MOVED'
    yield from look("moved")
    volume.location = place
    noticed = yield from notices(staleness, volume)
    yield from look("changed")

    manifest = volume["neural_bake_manifest"]
    volume["neural_bake_manifest"] = manifest.replace("artifact/1", "artifact/2")
    yield from look("newer")
    volume["neural_bake_manifest"] = "soup"
    yield from look("damaged")
    volume["neural_bake_manifest"] = manifest
    shown = yield from pictures_in_windows()

    preferences.engine = "/bin/false"
    bpy.ops.neural_bake.bake('INVOKE_DEFAULT')
    yield lambda: jobs.last().state == 'FAILED'
    yield from look("failed")
    other = volume.copy()
    other.name = "A second one with a name that is far too long for a sidebar"
    bpy.context.scene.collection.objects.link(other)
    other["neural_bake_manifest"] = manifest + " "
    bpy.context.scene.neural_bake.light_grid.use_spacing = True
    bpy.context.scene.neural_bake.light_grid.spacing = 0.0
    bpy.data.objects["Partition"].hide_render = True
    yield from look("wrong setting")
    extension.answer(
        states=states, draws=draws, undone=undone, noticed=noticed, shown=shown, notes=jobs.interrupted() != []
    )


def notices(staleness: object, volume: bpy.types.Object) -> Iterator[object]:
    """Change one thing after the other, each as the artist does, and see that it is noticed without being asked."""
    scene, lamp = bpy.context.scene, bpy.data.objects["Lamp"]
    shader = bpy.data.objects["Room"].active_material.node_tree.nodes["Principled BSDF"]
    changes = {
        "lamp": (lamp, "location", (0.5, 0.0, 1.0)),
        "material": (shader.inputs["Base Color"], "default_value", (1.0, 0.0, 0.0, 1.0)),
        "visibility": (bpy.data.objects["Partition"], "hide_render", True),
        "material of the view layer": (bpy.context.view_layer, "material_override", bpy.data.materials["Room"]),
        "simplify": (scene.render, "use_simplify", True),
        "power": (lamp.data, "energy", 10.0),
    }
    noticed = []
    for name, (owner, key, value) in changes.items():
        before = getattr(owner, key)
        before = tuple(before) if hasattr(before, "__len__") else before
        setattr(owner, key, value)
        yield lambda: staleness.state(volume) == 'CHANGED'
        if name != "power":
            setattr(owner, key, before)
            yield lambda: staleness.state(volume) == 'CURRENT'
        noticed.append(name)
    return noticed


def pictures_in_windows() -> Iterator[object]:
    """Show Result: in a new window, then in the same one, then not in one that is pinned."""
    windows = bpy.context.window_manager.windows
    shown = []

    def show(image: str) -> Iterator[float]:
        assert bpy.ops.neural_bake.show_result(image=image) == {'FINISHED'}
        yield 0.5
        spaces = [area.spaces.active for one in windows for area in one.screen.areas if area.ui_type == 'IMAGE_EDITOR']
        shown.append([len(windows), [space.image.name for space in spaces]])

    yield from show('COMPARISON')
    yield from show('ERROR')
    editor = next(area for one in windows for area in one.screen.areas if area.ui_type == 'IMAGE_EDITOR')
    editor.spaces.active.use_image_pin = True
    yield from show('REFERENCE')
    window.screenshot(Path(pictures) / "windows.png")
    for one in list(windows)[1:]:
        with bpy.context.temp_override(window=one):
            bpy.ops.wm.window_close()
    yield 0.5
    return shown


window.drive(script)
