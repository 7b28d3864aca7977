# SPDX-FileCopyrightText: 2026 Neural Bake developers
#
# SPDX-License-Identifier: GPL-3.0-or-later

"""Fixtures for all tests. Blender runs in processes of its own, so that no test inherits another one's scene."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import support


@pytest.fixture(params=[*support.BLENDERS, "real"])
def blender(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> tuple[str, Path]:
    """Each Blender with its Python: ``("4.5", Path)``; skipped where ``build_addon.py test`` could not make it.

    The last is a real Blender, which then stands for the bpy of its version.
    """
    if request.param == "real":
        program = os.environ.get("NEURAL_BAKE_BLENDER")
        if not program:
            pytest.skip("NEURAL_BAKE_BLENDER names no Blender")
        version = support.real_version(Path(program))
        monkeypatch.setenv(f"NEURAL_BAKE_PYTHON_{version.replace('.', '_')}", program)
        return version, Path(program)
    python = support.blender_python(request.param)
    if python is None or not python.exists():
        pytest.skip(f"no Python with bpy {request.param} here (see build_addon.py test)")
    return request.param, python


@pytest.fixture(scope="session")
def tiny_scene(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The small scene; tests must not write to it."""
    return support.write_scene(tmp_path_factory.mktemp("scene") / "tiny.blend")


@pytest.fixture(scope="session")
def baked(tiny_scene: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished bake of the small scene, ``result`` with ``result.job`` beside it; tests must not write to it."""
    out = tmp_path_factory.mktemp("baked") / "result"
    result = support.run(*support.bake_words(tiny_scene, out))
    assert result.returncode == 0, result.stdout + result.stderr
    return out


@pytest.fixture
def own_bake(baked: Path, tmp_path: Path) -> Path:
    """A copy of the finished bake that a test may damage."""
    out = tmp_path / "result"
    shutil.copytree(baked, out)
    shutil.copytree(baked.with_name("result.job"), tmp_path / "result.job")
    return out


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 48 MiB, which is some more than a bake asks for."""
    folder = support.small_disk(tmp_path / "disk", "48m")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)
