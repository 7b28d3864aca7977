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


@pytest.fixture
def own_scene(tiny_scene: Path, tmp_path: Path) -> Path:
    """A copy of the small scene that a test may change."""
    return Path(shutil.copy(tiny_scene, tmp_path / "scene.blend"))


@pytest.fixture(scope="session")
def relit(tiny_scene: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A relit view of the small scene; tests must not write to it."""
    out = tmp_path_factory.mktemp("relit") / "result"
    words = [word for key, value in support.SMALL_VIEW.items() for word in ("--set", f"{key}={value}")]
    result = support.run("bake", tiny_scene, "--kind", "relight", "--out", out, *words)
    assert result.returncode == 0, result.stdout + result.stderr
    return out
