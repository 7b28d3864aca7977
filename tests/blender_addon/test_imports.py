# SPDX-FileCopyrightText: 2026 Neural Bake developers
#
# SPDX-License-Identifier: GPL-3.0-or-later

"""Who loads what, each in a fresh interpreter: Blender never loads torch, and the science never loads Blender."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from tests import support

LOADED = """
import json, sys
def loaded():
    print("LOADED " + json.dumps(sorted({name.partition(".")[0] for name in sys.modules})))
"""


def loaded_by(code: str, *words: object) -> set[str]:
    """The top-level packages that are loaded after ``code``."""
    result = support.run_python(sys.executable, "-c", LOADED + code + "\nloaded()", *words)
    lines = [line for line in result.stdout.splitlines() if line.startswith("LOADED ")]
    assert lines, result.stdout + result.stderr
    return set(json.loads(lines[-1].removeprefix("LOADED ")))


def modules_of(package: str) -> list[str]:
    """Every module of a package of the checkout, from its files."""
    folder = support.ROOT / package
    names = [path.relative_to(support.ROOT).with_suffix("").parts for path in sorted(folder.rglob("*.py"))]
    return [".".join(parts[:-1] if parts[-1] == "__init__" else parts) for parts in names]


def test_core_loads_no_blender() -> None:
    names = modules_of("core")
    assert "core.light_grid.training" in names
    packages = loaded_by("import importlib\nfor name in sys.argv[1:]: importlib.import_module(name)", *names)
    assert "bpy" not in packages and "blender_addon" not in packages and "bake_workers" not in packages
    assert "torch" in packages  # so the list above really was loaded


def test_the_add_on_loads_no_torch() -> None:
    names = modules_of("blender_addon")
    assert "blender_addon.operators.bake" in names
    code = """
import importlib
for name in sys.argv[1:]:
    importlib.import_module(name)
import blender_addon
blender_addon.register()
blender_addon.unregister()
"""
    packages = loaded_by(code, *names)
    assert "bpy" in packages
    assert not packages & {"torch", "core", "bake_workers", "scipy", "numba", "PIL", "OpenEXR"}


def test_evaluating_a_result_needs_numpy_alone(baked: Path) -> None:
    code = """
import numpy as np
from core import light_grid
points = np.zeros((10, 3), np.float32); points[:, 2] = 1.0
normals = np.tile(np.float32([0.0, 0.0, 1.0]), (10, 1))
assert light_grid.load(sys.argv[1]).irradiance(points, normals).shape == (10, 3)
"""
    packages = loaded_by(code, baked)
    assert "numpy" in packages
    assert not packages & {"torch", "bpy", "PIL", "OpenEXR", "safetensors", "scipy", "numba"}


@pytest.mark.parametrize("module", ["bake_workers.protocol", "bake_workers.arguments", "bake_workers.terminal"])
def test_what_the_add_on_shares_needs_the_standard_library_alone(module: str) -> None:
    packages = loaded_by(f"import {module}") - loaded_by("")
    assert packages - set(sys.stdlib_module_names) == {"bake_workers"}


def test_the_runner_loads_neither_blender_nor_torch() -> None:
    packages = loaded_by("import bake_workers.__main__, bake_workers.runner")
    assert not packages & {"torch", "bpy", "PIL", "OpenEXR"}
