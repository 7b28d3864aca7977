# SPDX-FileCopyrightText: 2026 Neural Bake developers
#
# SPDX-License-Identifier: GPL-3.0-or-later

"""What scripts inside Blender share to test the extension; BLENDER_USER_RESOURCES names a folder of the test.

PYTHON_WITH_BPY SCRIPT ...    where SCRIPT begins with ``from extension import ...``
"""

from __future__ import annotations

import importlib
import json
import sys
from types import ModuleType

import bpy

NAME = "bl_ext.user_default.neural_bake"


def install(archive: str) -> None:
    """Install a zip as the artist does, and enable it."""
    result = bpy.ops.extensions.package_install_files(filepath=archive, repo='user_default', enable_on_install=True)
    assert result == {'FINISHED'}, result
    assert NAME in bpy.context.preferences.addons


def enable() -> ModuleType:
    """Enable the extension; its root module."""
    assert bpy.ops.preferences.addon_enable(module=NAME) == {'FINISHED'}
    return sys.modules[NAME]


def disable() -> None:
    assert bpy.ops.preferences.addon_disable(module=NAME) == {'FINISHED'}


def module(name: str) -> ModuleType:
    """A module of the extension, such as ``core.light_grid``."""
    return importlib.import_module(f"{NAME}.{name}")


def link_object(library: str, name: str, *, override: bool = False) -> bpy.types.Object:
    """An object of another file, put into the scene: linked, or as a library override."""
    with bpy.data.libraries.load(library, link=True) as (_, target):
        target.objects = [name]
    obj = target.objects[0].override_create() if override else target.objects[0]
    bpy.context.scene.collection.objects.link(obj)
    return obj


def answer(**values: object) -> None:
    """Tell the test what was found; Blender prints on stdout too, so the line is marked."""
    print("ANSWER " + json.dumps(values), flush=True)
