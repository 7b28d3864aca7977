# SPDX-FileCopyrightText: 2026 Neural Bake developers
#
# SPDX-License-Identifier: GPL-3.0-or-later

"""A relit view in the real window: it follows a lamp that the mouse drags; see ``test_relight.py``.

BLENDER --factory-startup --python window_relight.py -- SCENE.blend RESULT PICTURES
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import bpy
import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent))

import extension  # noqa: E402
import window  # noqa: E402

scene_file, directory, folder = window.words
written: list[float] = []
told: dict[str, object] = {}


def scene() -> bpy.types.Scene:
    return bpy.context.window_manager.windows[0].scene


def pixels() -> np.ndarray:
    image = bpy.data.images["Neural Relight"]
    values = np.empty(4 * image.size[0] * image.size[1], np.float32)
    image.pixels.foreach_get(values)
    return values


def settled() -> Callable[[], bool]:
    """A condition: no picture was written for a second."""
    return lambda: not written or time.monotonic() - written[-1] > 1.0


def script() -> Iterator[Callable[[], bool] | float]:
    extension.enable()
    bpy.ops.wm.open_mainfile(filepath=scene_file, load_ui=False)
    yield 1.0  # until then the context is the earlier file's
    note_what_is_written()
    scene().neural_bake.kind = 'RELIGHT'
    scene().neural_bake.allowed_outside = 0.0
    # A step of its own, as it is for an artist who opens the file.
    bpy.ops.ed.undo_push(message="opened")
    yield from window.show_sidebar()
    window.screenshot(Path(folder) / "relight ready.png")
    assert bpy.ops.neural_bake.load_result(directory=directory) == {'FINISHED'}
    bpy.ops.ed.undo_push(message="loaded")
    yield lambda: len(written) > 0
    yield from show()
    yield from drag()
    yield from change()
    yield from animation()
    extension.answer(**told)


def note_what_is_written() -> None:
    live, image = extension.module("live"), extension.module("relight_image")
    write = image.write

    def noted(*arguments: object, **options: object) -> object:
        written.append(time.monotonic())
        return write(*arguments, **options)

    live.relight_image.write = noted


def show() -> Iterator[Callable[[], bool] | float]:
    """Show Picture puts it into an Image Editor that is open."""
    editor = window.area('DOPESHEET_EDITOR')
    editor.ui_type = 'IMAGE_EDITOR'
    yield 0.4
    assert bpy.ops.neural_bake.show_result(image='RELIGHT') == {'FINISHED'}
    yield settled()
    told["shown"] = editor.spaces.active.image.name
    yield lambda: not bpy.data.images["Neural Relight"].is_dirty  # or Blender would ask at its end
    count = len(written)
    yield 1.5
    told["idle"] = len(written) - count


def drag() -> Iterator[Callable[[], bool] | float]:
    """G and the mouse move the lamp; the picture follows before the mouse is released."""
    lamp = scene().objects["Lamp"]
    for obj in bpy.context.selected_objects:
        obj.select_set(False)
    lamp.select_set(True)
    bpy.context.view_layer.objects.active = lamp
    place = window.region('WINDOW', of='VIEW_3D')
    x, y = place.x + place.width // 3, place.y + place.height // 2
    window.move_mouse(x, y)
    yield 0.3
    editor = window.region('WINDOW', of='IMAGE_EDITOR')
    before, image, count = tuple(lamp.location), pixels(), len(written)
    screen = window.part_of(window.photograph(Path(folder) / "drag before.png"), editor)
    window.press("g")
    yield lambda: len(bpy.context.window_manager.windows[0].modal_operators) > 0
    begin = time.monotonic()
    for step in range(1, 11):
        window.move_mouse(x + 6 * step, y + 4 * step)
        yield 0.05
    told["while dragging"] = [
        len(written) - count,
        time.monotonic() - begin,
        len(bpy.context.window_manager.windows[0].modal_operators),
        bool(np.abs(pixels() - image).max() > 1e-4),
    ]
    after = window.part_of(window.photograph(Path(folder) / "drag.png"), editor)
    told["on screen"] = float(np.abs(after - screen).max())
    window.press("Escape")  # the lamp goes back, and so does the picture
    yield lambda: len(bpy.context.window_manager.windows[0].modal_operators) == 0
    yield lambda: bool(np.abs(pixels() - image).max() < 1e-5)
    told["back"] = np.allclose(lamp.location, before)
    yield settled()


def change() -> Iterator[Callable[[], bool] | float]:
    """Colour, a switch, undo, and another frame."""
    lamp, plain = scene().objects["Lamp"], pixels()
    lamp.data.energy *= 2.0
    bpy.ops.ed.undo_push(message="twice")
    yield lambda: bool(np.abs(pixels() - plain).max() > 1e-3)
    told["power"] = True
    bpy.ops.ed.undo()
    yield 1.0
    told["undone"] = bool(np.abs(pixels() - plain).max() < 1e-5)
    lamp = scene().objects["Lamp"]
    scene().neural_bake.live = False
    yield settled()
    count = len(written)
    lamp.location.z += 0.1
    yield 0.7
    told["not live"] = len(written) - count
    scene().neural_bake.live = True
    yield lambda: len(written) > count
    lamp.location.z += 50.0
    yield lambda: extension.module("live").shown(scene()).warns
    yield 0.5
    window.screenshot(Path(folder) / "relight outside.png")
    for frame, height in ((1, 1.6), (10, 1.0)):
        lamp.location.z = height
        lamp.keyframe_insert("location", frame=frame)
    scene().frame_set(1)
    yield settled()
    count = len(written)
    bpy.ops.screen.animation_play()
    yield lambda: len(written) > count + 3
    bpy.ops.screen.animation_cancel(restore_frame=True)
    yield settled()
    told["played"] = len(written) - count


def animation() -> Iterator[Callable[[], bool] | float]:
    """The button writes the frames while the window is usable."""
    sequence = extension.module("relight_animation")
    scene().frame_start, scene().frame_end = 1, 6
    frame = scene().frame_current
    scene().render.filepath = str(Path(folder) / "frames" / "f")
    assert bpy.ops.neural_bake.relight_animation('INVOKE_DEFAULT') == {'FINISHED'}
    told["returned at once"] = sequence.running() is not None
    yield lambda: sequence.running() is None
    told["animation"] = [len(sequence.last().written), scene().frame_current == frame]
    yield 0.5
    window.screenshot(Path(folder) / "relight animation.png")


window.drive(script, seconds=280.0)
