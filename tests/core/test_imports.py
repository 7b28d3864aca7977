# SPDX-FileCopyrightText: 2026 Neural Bake developers
#
# SPDX-License-Identifier: GPL-3.0-or-later

"""What core needs: relative imports only, no bpy ever, and no torch to evaluate a result."""

from __future__ import annotations

import ast
import sys
from pathlib import Path

import numpy as np
import pytest

import core
from core import artifact
from core.light_grid import KIND, WEIGHTS, baselines, load
from core.light_grid.evaluation import OURS
from core.light_grid.export import encode
from tests import support
from tests.core.light_grid import builders

FOLDER = Path(core.__file__).parent
MODULES = sorted(FOLDER.rglob("*.py"))
TORCH = {
    "dense_fitting",
    "field_fitting",
    "compact_fitting",
    "fitting",
    "generator_model",
    "generator_training",
    "model",
    "torch_fitting",
    "values",
}


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.relative_to(FOLDER).as_posix())
def test_core_imports_itself_relatively_and_never_bpy(path: Path) -> None:
    tree = ast.parse(path.read_text("utf-8"))
    absolute = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            absolute |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            absolute.add(node.module.partition(".")[0])
    assert not absolute & {"core", "bpy", "mathutils", "bake_workers", "blender_addon", "pickle", "safetensors"}


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.relative_to(FOLDER).as_posix())
def test_files_are_of_readable_length(path: Path) -> None:
    text = path.read_text("utf-8")
    assert text.startswith(
        "# SPDX-FileCopyrightText: 2026 Neural Bake developers\n#\n# SPDX-License-Identifier: GPL-3.0-or"
    )
    assert len(text.splitlines()) <= 400
    assert ast.get_docstring(ast.parse(text)), "every module says what it is"


CODE = """
import sys
for name in ("torch", "bpy", "safetensors", "PIL", "OpenEXR", "scipy"):
    sys.modules[name] = None  # importing it now raises ImportError
import numpy as np
from core import light_grid
grid = light_grid.load(sys.argv[1])
points, normals = np.load(sys.argv[2])
np.save(sys.argv[3], grid.irradiance(points, normals))
assert not [name for name in sys.modules if name.split(".")[0] == "torch" and sys.modules[name]]
"""


@pytest.mark.parametrize("method", [OURS, *baselines.METHODS])
def test_evaluation_needs_numpy_alone(tmp_path: Path, method: str) -> None:
    grid = builders.box()
    (tmp_path / WEIGHTS).write_bytes(encode([builders.baked(grid, method), builders.baked(grid, method, 2)]))
    artifact.write_manifest(tmp_path, {"kind": KIND})
    points, normals = builders.points_in(grid, 100, 1), builders.directions(100, 2)
    (tmp_path / "work").mkdir()
    np.save(tmp_path / "work" / "points.npy", np.stack([points, normals]))
    names = [tmp_path, tmp_path / "work" / "points.npy", tmp_path / "work" / "result.npy"]
    result = support.run_python(sys.executable, "-c", CODE, *names)
    assert result.returncode == 0, result.stderr
    np.testing.assert_allclose(np.load(names[2]), load(tmp_path).irradiance(points, normals), rtol=1e-6)


def test_only_training_loads_torch() -> None:
    names = [path.relative_to(FOLDER.parent).with_suffix("") for path in MODULES if path.stem not in TORCH]
    modules = [".".join(name.parts).removesuffix(".__init__") for name in names]
    code = f"import importlib, sys\nfor name in {modules!r}: importlib.import_module(name)\n"
    code += "sys.exit(str([name for name in ('torch', 'bpy') if name in sys.modules] or ''))"
    result = support.run_python(sys.executable, "-c", code)
    assert result.stderr.strip() == "" and len(modules) > 15
