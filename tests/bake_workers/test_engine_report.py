# SPDX-FileCopyrightText: 2026 Neural Bake developers
#
# SPDX-License-Identifier: GPL-3.0-or-later

"""``python -m bake_workers.engine_report``: what a Python can do as an engine."""

from __future__ import annotations

import importlib.metadata
import json
import os
import platform
import subprocess
import sys
from pathlib import Path

import pytest

from bake_workers import protocol
from tests import support

MODULE = "bake_workers.engine_report"


def report(python: str | Path = sys.executable, **extra: str) -> dict:
    result = support.run_python(python, "-P", "-m", MODULE, **extra)
    assert result.returncode == 0, result.stderr
    lines = result.stdout.strip().splitlines()
    assert len(lines) == 1, result.stdout
    return json.loads(lines[0])


def with_first(folder: Path) -> dict[str, str]:
    """An environment in which a folder's packages hide the installed ones."""
    return {"PYTHONPATH": os.pathsep.join([str(folder), str(support.ROOT)])}


def test_this_python_can_train() -> None:
    found = report()
    assert (found["schema"], found["python"]) == ("neural_bake.engine/1", platform.python_version())
    for package in ("torch", "numpy", "pillow", "openexr"):
        assert found["packages"][package].split("+")[0] == importlib.metadata.version(package).split("+")[0]
    assert (found["missing"], found["broken"]) == ([], {})
    cpu = found["devices"][0]
    assert (cpu["device"], cpu["problem"]) == ("cpu", "")
    assert cpu["step_seconds"] > 0.0


def test_a_python_without_torch() -> None:
    other = support.blender_python("5.0")
    if other is None:
        pytest.skip("no Python without torch here (see build_addon.py test)")
    found = report(other)
    assert "torch" in found["missing"] and "numpy" not in found["missing"]
    assert found["packages"]["torch"] is None
    assert (found["broken"], found["devices"]) == ({}, [])


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ("raise OSError('libcudart.so: cannot open')", "OSError: libcudart.so: cannot open"),
        ("raise ImportError('DLL load failed')", "ImportError: DLL load failed"),
        ("import no_such_part", "ModuleNotFoundError: No module named 'no_such_part'"),
    ],
)
def test_a_package_that_does_not_load(tmp_path: Path, code: str, reason: str) -> None:
    (tmp_path / "torch.py").write_text(code)
    found = report(**with_first(tmp_path))
    assert found["missing"] == ["torch"]
    assert found["broken"] == {"torch": reason}
    assert found["devices"] == []


def test_a_torch_that_cannot_train(tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text(
        "import torch\ndef refuse(*_, **__): raise RuntimeError('no kernel image\\nis available')\n"
        "torch.optim.Adam.__init__ = refuse\n"
    )
    found = report(**with_first(tmp_path))
    assert found["devices"][0]["problem"] == "RuntimeError: no kernel image is available"
    assert found["devices"][0]["step_seconds"] is None


def test_it_ends_with_its_parent(tmp_path: Path) -> None:
    (tmp_path / "torch.py").write_text("import time\ntime.sleep(60)\n")
    process = subprocess.Popen(
        [sys.executable, "-P", "-m", MODULE, "--parent-pipe"],
        stdin=subprocess.PIPE,
        env=support.environment(**with_first(tmp_path)),
    )
    process.stdin.close()
    assert process.wait(timeout=30) == protocol.EXIT_PARENT_GONE
