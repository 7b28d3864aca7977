# SPDX-FileCopyrightText: 2026 Neural Bake developers
#
# SPDX-License-Identifier: GPL-3.0-or-later

"""The engine in the preferences, in every state, made and stopped by clicks; see ``test_window.py``.

BLENDER --factory-startup --python window_engine.py -- BASE WHEELS MADE PICTURES

BASE is a Python to make an engine from, MADE a folder that looks like an engine.
"""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import bpy

sys.path.insert(0, str(Path(__file__).resolve().parent))

import extension  # noqa: E402
import window  # noqa: E402

base, wheels, made, pictures = window.words
texts: list[str] = []
told: dict[str, object] = {}


def look(name: str) -> Iterator[float]:
    """Draw the preferences anew; keep what they say and a picture."""
    texts.clear()
    window.area('PREFERENCES').tag_redraw()
    yield 0.5
    told[name] = list(dict.fromkeys(texts))
    window.screenshot(Path(pictures) / f"engine {name}.png")


def script() -> Iterator[Callable[[], bool] | float]:
    extension.enable()
    parts, engine, setup = (extension.module(name) for name in ("panels.parts", "engine", "engine_setup"))
    sentence = parts.sentence

    def noted(layout: object, context: object, words: str, *options: object, **more: object) -> None:
        texts.append(words)
        sentence(layout, context, words, *options, **more)

    parts.sentence = noted
    values = bpy.context.preferences.addons[extension.NAME].preferences
    bpy.ops.preferences.addon_show(module=extension.NAME)
    yield 0.5
    with bpy.context.temp_override(window=bpy.context.window_manager.windows[-1]):
        bpy.ops.wm.window_close()
    window.area('VIEW_3D').type = 'PREFERENCES'
    yield 1.0
    yield from look("none")

    values.base_python, values.wheels = base, wheels
    place = window.region('WINDOW', of='PREFERENCES')
    yield from window.move_to_button("neural_bake.create_engine(", place, across=0.6, begin=200)
    window.click()
    yield lambda: setup.running() is not None and setup.running().text != "Starting"
    told["making"] = [setup.running().text, setup.running().fraction]
    window.screenshot(Path(pictures) / "engine making.png")
    yield from window.move_to_button("neural_bake.cancel_engine(", place, across=0.975, begin=230)
    window.click()
    yield lambda: setup.running() is None
    told["state after"] = engine.made_state()
    yield from look("cancelled")

    folder = engine.made_folder()
    shutil.copytree(made, folder, symlinks=True)
    mark = folder / "neural_bake_engine.json"
    text = mark.read_text()
    setup.start(base, "cpu", wheels)  # which fails, and the engine that is there stays
    setup.watch()
    yield lambda: setup.running() is None
    yield from look("failed")
    setup._last_problem = ""
    yield from look("ready")
    mark.write_text(json.dumps({**json.loads(text), "packages": "0" * 64}))
    yield from look("outdated")
    mark.unlink()
    yield from look("broken")
    extension.answer(**told)


window.drive(script, seconds=100.0)
