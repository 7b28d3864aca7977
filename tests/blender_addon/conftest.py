# SPDX-FileCopyrightText: 2026 Neural Bake developers
#
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the tests of the add-on share."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from build_tools import package
from tests import support


@pytest.fixture(scope="session")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The extension's zip."""
    return package.build(tmp_path_factory.mktemp("zip"))


@pytest.fixture
def user(archive: Path, tmp_path: Path) -> Path:
    """User resources with the zip unpacked, as Blender does when it installs one."""
    shutil.unpack_archive(archive, tmp_path / "user" / "extensions" / "user_default" / "neural_bake")
    return tmp_path / "user"


@pytest.fixture(scope="session")
def baked_pair(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A scene with two volumes, ``Volume`` and ``Volume.001``, and its result; tests must not write to either."""
    folder = tmp_path_factory.mktemp("pair")
    scene = support.write_scene(folder / "pair.blend", "--volumes", 2)
    result = support.run(*support.bake_words(scene, folder / "result"))
    assert result.returncode == 0, result.stdout + result.stderr
    return scene, folder / "result"


@pytest.fixture
def own_scene(tiny_scene: Path, tmp_path: Path) -> Path:
    """A copy of the small scene that a test may change."""
    return Path(shutil.copy(tiny_scene, tmp_path / "scene.blend"))
