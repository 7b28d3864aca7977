# SPDX-FileCopyrightText: 2026 Neural Bake developers
#
# SPDX-License-Identifier: GPL-3.0-or-later

"""Drives a Blender with a window: a script is a generator that yields what it waits for, and is run by a timer.

BLENDER --factory-startup --python SCRIPT -- WORDS, where SCRIPT begins with ``from window import *``
"""

from __future__ import annotations

import subprocess
import sys
import time
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path

import bpy
from extension import answer

words = sys.argv[sys.argv.index("--") + 1 :] if "--" in sys.argv else []


def drive(script: Callable[[], Iterator[Callable[[], bool] | float]], seconds: float = 240.0) -> None:
    """Run a script's steps and quit Blender; each ``yield`` is a condition to wait for, or seconds.

    What the script answers last reaches the test; an error in it is answered as ``error``.
    """
    bpy.context.preferences.view.show_splash = False
    steps = script()
    end = time.monotonic() + seconds
    waits: list[Callable[[], bool]] = [lambda: True]

    def tick() -> float | None:
        try:
            if time.monotonic() > end:
                raise TimeoutError(f"{seconds} s are over")
            with bpy.context.temp_override(window=bpy.context.window_manager.windows[0]):
                if not waits[0]():
                    return 0.05
                wish = next(steps)
            until = time.monotonic() + wish if isinstance(wish, (int, float)) else None
            waits[0] = wish if until is None else lambda: time.monotonic() >= until
            return 0.05
        except StopIteration:
            pass
        except BaseException:
            answer(error=traceback.format_exc())
        sys.stdout.flush()
        bpy.ops.wm.quit_blender()
        return None

    bpy.app.timers.register(tick, first_interval=1.0, persistent=True)


def screenshot(path: str | Path) -> None:
    """The whole screen as it is shown; Blender's own screenshot is black on a virtual one."""
    subprocess.run(["import", "-window", "root", str(path)], check=True)


def area(kind: str) -> bpy.types.Area:
    """The first area of a kind in the first window."""
    return next(one for one in bpy.context.window_manager.windows[0].screen.areas if one.type == kind)


def show_sidebar(category: str = "Neural Bake") -> Iterator[float]:
    """Open the 3D View's sidebar and click through its tabs until one is in front; to be used by ``yield from``."""
    view = area('VIEW_3D')
    view.spaces.active.show_region_ui = True
    yield 0.5
    region = next(region for region in view.regions if region.type == 'UI')
    right, top = region.x + region.width - 12, region.y + region.height - 30
    height = bpy.context.window_manager.windows[0].height
    while region.active_panel_category != category and top > region.y:
        # Blender counts from the bottom, X from the top; its window fills the screen.
        subprocess.run(["xdotool", "mousemove", str(right), str(height - top)], check=True)
        yield 0.1
        subprocess.run(["xdotool", "click", "1"], check=True)
        yield 0.2
        top -= 30
    assert region.active_panel_category == category, region.active_panel_category
