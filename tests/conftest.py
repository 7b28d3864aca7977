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
def baking(tiny_scene: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """The bake of :func:`baked` with what it printed."""
    out = tmp_path_factory.mktemp("baked") / "result"
    result = support.run(*support.bake_words(tiny_scene, out))
    assert result.returncode == 0, result.stdout + result.stderr
    return out, result.stdout


@pytest.fixture(scope="session")
def baked(baking: tuple[Path, str]) -> Path:
    """A finished bake of the small scene, ``result`` with ``result.job`` beside it; tests must not write to it."""
    return baking[0]


@pytest.fixture(scope="session")
def pair_scene(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A scene with two volumes, ``Volume`` and ``Volume.001``; tests must not write to it."""
    return support.write_scene(tmp_path_factory.mktemp("pair") / "pair.blend", "--volumes", "2")


@pytest.fixture(scope="session")
def baked_pair(pair_scene: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """That scene and its result; tests must not write to either."""
    out = tmp_path_factory.mktemp("baked pair") / "result"
    result = support.run(*support.bake_words(pair_scene, out))
    assert result.returncode == 0, result.stdout + result.stderr
    return pair_scene, out


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
