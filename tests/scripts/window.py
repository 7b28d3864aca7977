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
import numpy as np
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


def photograph(path: str | Path) -> np.ndarray:
    """A picture of the screen as a file; returns its pixels (H, W, 3), bottom row first."""
    screenshot(path)
    image = bpy.data.images.load(str(path), check_existing=False)
    width, height = image.size
    pixels = np.empty((height, width, 4), np.float32)
    image.pixels.foreach_get(pixels.ravel())
    bpy.data.images.remove(image)
    return pixels[..., :3]


def part_of(picture: np.ndarray, place: bpy.types.Region) -> np.ndarray:
    """A region's pixels of a picture of the screen."""
    return picture[place.y : place.y + place.height, place.x : place.x + place.width]


def area(kind: str) -> bpy.types.Area:
    """The first area of a kind in the first window."""
    return next(one for one in bpy.context.window_manager.windows[0].screen.areas if one.type == kind)


def region(kind: str, of: str) -> bpy.types.Region:
    """A region of the first area of a kind, such as ``region('UI', of='VIEW_3D')``."""
    return next(one for one in area(of).regions if one.type == kind)


def move_mouse(x: int, y: int) -> None:
    """Move it to a place of the window, counted from the bottom as Blender does."""
    # X counts from the top, and the first window fills the screen.
    height = bpy.context.window_manager.windows[0].height
    subprocess.run(["xdotool", "mousemove", str(x), str(height - 1 - y)], check=True)


def click() -> None:
    subprocess.run(["xdotool", "click", "1"], check=True)


def press(keys: str) -> None:
    """Press keys as xdotool calls them, such as ``ctrl+z``."""
    subprocess.run(["xdotool", "key", keys], check=True)


def move_to_button(command: str, place: bpy.types.Region, across: float = 0.4, begin: int = 30) -> Iterator[float]:
    """Move the mouse down a region until it stands on a button; to be used by ``yield from``.

    Args:
        command: what the button's command in Python begins with, such as ``neural_bake.bake(``.
        across: where to look, as a share of the region's width.
        begin: how far below the top to begin, in pixels.
    """
    owner = next(one for one in bpy.context.screen.areas if place in one.regions.values())
    for down in range(begin, place.height, 8):
        move_mouse(place.x + int(across * place.width), place.y + place.height - down)
        yield 0.08
        with bpy.context.temp_override(area=owner, region=place):
            # This works only while the mouse is over a button that would do something.
            if not bpy.ops.ui.copy_python_command_button.poll():
                continue
            bpy.ops.ui.copy_python_command_button()
        if bpy.context.window_manager.clipboard.startswith(f"bpy.ops.{command}"):
            return
    raise AssertionError(f"no button does {command}")


def show_sidebar(category: str = "Neural Bake") -> Iterator[float]:
    """Open the 3D View's sidebar and click through its tabs until one is in front; to be used by ``yield from``."""
    area('VIEW_3D').spaces.active.show_region_ui = True
    yield 0.5
    sidebar = region('UI', of='VIEW_3D')
    right, top = sidebar.x + sidebar.width - 12, sidebar.y + sidebar.height - 30
    while sidebar.active_panel_category != category and top > sidebar.y:
        move_mouse(right, top)
        yield 0.1
        click()
        yield 0.2
        top -= 30
    assert sidebar.active_panel_category == category, sidebar.active_panel_category
