# SPDX-FileCopyrightText: 2026 Neural Bake developers
#
# SPDX-License-Identifier: GPL-3.0-or-later

"""The preferences in a window: the engine tested while the window goes on, and a log shown in a Text Editor.

BLENDER --factory-startup --python preferences.py -- ENGINE NO_ENGINE PICTURES
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

import bpy
from extension import NAME, answer, enable, module
from window import drive, screenshot, words


def script() -> Iterator[Callable[[], bool] | float]:
    good, bad, pictures = words[0], words[1], Path(words[2])
    enable()
    engine_test, job_folders = module("engine_test"), module("job_folders")
    mine = module("preferences").get(bpy.context)
    told: dict[str, object] = {}
    yield 0.5
    bpy.ops.preferences.addon_show(module=NAME)
    yield 1.0
    screenshot(pictures / "preferences.png")

    def press(operator: Callable, **arguments: str) -> list[str]:
        window = bpy.context.window_manager.windows[-1]
        with bpy.context.temp_override(window=window, area=window.screen.areas[0]):
            return sorted(operator('INVOKE_DEFAULT', **arguments))

    for name, path in (("good", good), ("bad", bad)):
        mine.engine = path
        pressed = press(bpy.ops.neural_bake.test_engine), engine_test.is_running()
        yield lambda: not engine_test.is_running()
        yield 0.5  # to be drawn
        found = engine_test.last(bpy.context)
        told[name] = [*pressed, found.problem, len(found.lines)]
        screenshot(pictures / f"engine {name}.png")

    stored = job_folders.create(bpy.context, kind="light_grid", scene_name="Scene", targets=[], directory=None)
    stored.state = "FAILED"
    stored.write()
    (stored.folder / "capture.log").write_text("it broke\n")
    editors = []
    for _ in range(2):  # the second time in the editor that is open
        told["log"] = press(bpy.ops.neural_bake.open_log)
        yield 0.5
        areas = [area for window in bpy.context.window_manager.windows for area in window.screen.areas]
        editors.append([area.spaces.active.text.name for area in areas if area.type == 'TEXT_EDITOR'])
    screenshot(pictures / "log.png")
    answer(**told, editors=editors)


drive(script)
