# SPDX-FileCopyrightText: 2026 Neural Bake developers
#
# SPDX-License-Identifier: GPL-3.0-or-later

"""What scripts inside Blender share to test relit views: ``from relit import *``.

Arguments are SCENE.blend, the folder of a result, and a folder of the test.
"""

from __future__ import annotations

import os  # noqa: F401
from collections.abc import Callable

import numpy as np
from extension import *  # noqa: F403
from extension import bpy, enable, module, sys

enable()
scene_file, directory, folder = sys.argv[1:4]
bpy.ops.wm.open_mainfile(filepath=scene_file)
results, live, lamps, images = (module(name) for name in ("results", "live", "lamps", "result_images"))


def load() -> set[str]:
    return bpy.ops.neural_bake.load_result(directory=directory)


def obj(name: str) -> bpy.types.Object:
    return bpy.data.objects[name]


def keys(name: str = "Camera") -> list[str]:
    return sorted(key for key in obj(name).keys() if key.startswith("neural_bake_"))


def pixels(name: str = "Neural Relight") -> np.ndarray:
    """Colours (H, W, 3) of an image, top row first."""
    image = bpy.data.images[name]
    width, height = image.size
    values = np.empty((height, width, 4), np.float32)
    image.pixels.foreach_get(values.ravel())
    return values[::-1, :, :3]


def picture() -> np.ndarray:
    assert bpy.ops.neural_bake.relight() == {'FINISHED'}
    return pixels()


def refused(operator: Callable, **arguments: object) -> str | None:
    """What an operator reports as an error."""
    try:
        operator(**arguments)
    except RuntimeError as error:
        return str(error)
    return None
