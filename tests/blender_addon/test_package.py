# SPDX-FileCopyrightText: 2026 Neural Bake developers
#
# SPDX-License-Identifier: GPL-3.0-or-later

"""The extension's zip, and the link to the checkout."""

from __future__ import annotations

import os
import shutil
import sys
import zipfile
from pathlib import Path

import pytest

from build_tools import environments, package
from tests import support


def test_the_zip_is_whole_and_valid(tmp_path: Path) -> None:
    archive = package.build(tmp_path)
    assert archive.name == f"neural_bake-{package.manifest()['version']}.zip"
    package.validate(archive, Path(sys.executable))
    with zipfile.ZipFile(archive) as file:
        names = set(file.namelist())
        assert file.testzip() is None
    for name in (
        "__init__.py",
        "blender_manifest.toml",
        "LICENSE",
        "cli.py",
        "core/artifact.py",
        "bake_workers/runner.py",
    ):
        assert name in names
    for name in names:
        assert not any(word in name for word in ("__pycache__", "tests", ".venv", "blender_addon", "build_")), name


def test_the_same_code_gives_the_same_zip(tmp_path: Path) -> None:
    first, second = package.build(tmp_path / "a"), package.build(tmp_path / "b")
    assert first.read_bytes() == second.read_bytes()


@pytest.mark.parametrize(
    ("old", "new"), [('type = "add-on"', 'type = "toy"'), ('id = "neural_bake"', ''), ("beside them", "beside them.")]
)
def test_a_bad_manifest_is_refused(tmp_path: Path, old: str, new: str) -> None:
    archive = package.build(tmp_path)
    broken = tmp_path / "broken.zip"
    with zipfile.ZipFile(archive) as source, zipfile.ZipFile(broken, "w") as target:
        for name in source.namelist():
            data = source.read(name)
            if name == "blender_manifest.toml":
                assert old in data.decode()
                data = data.decode().replace(old, new).encode()
            target.writestr(name, data)
    with pytest.raises(environments.BuildError):
        package.validate(broken, Path(sys.executable))


def test_the_link_works_in_every_blender(blender: tuple[str, Path], tmp_path: Path) -> None:
    _, python = blender
    (link,) = package.link(tmp_path / "extensions")
    assert package.link(tmp_path / "extensions") == [link]  # once more is no harm
    code = """
from extension import *
root = enable()
answer(core=module("core.errors").__file__, operator=hasattr(bpy.types, "NEURAL_BAKE_OT_load_result"))
"""
    answer, _ = support.run_in_blender(python, tmp_path, code)
    assert Path(answer["core"]).resolve() == support.ROOT / "core" / "errors.py"
    assert answer["operator"]


def test_an_installed_copy_is_not_replaced_by_a_link(tmp_path: Path) -> None:
    copy = tmp_path / "user_default" / "neural_bake"
    copy.mkdir(parents=True)
    (copy / "__init__.py").write_text("# installed")
    with pytest.raises(environments.BuildError):
        package.link(tmp_path)
    assert (copy / "__init__.py").read_text() == "# installed"


def test_other_pythons_get_a_sentence(tmp_path: Path) -> None:
    others = [environments.find_python(version) for version in ("3.9", "3.10", "3.12", "3.13")]
    others = [path for path in others if path]
    if not others:
        pytest.skip("no other Python here")
    for python in others:
        result = environments.run_quietly([python, support.ROOT / "build_addon.py", "demo"])
        assert result.returncode == 1
        assert (
            result.stderr.startswith("error: Neural Bake is built with Python 3.11") and result.stderr.count("\n") == 1
        )


@pytest.mark.skipif(os.name == "nt", reason="uses a shell script")
def test_a_python_that_does_not_run_is_not_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shim = tmp_path / "python3.99"
    shim.write_text("#!/bin/sh\nexit 127\n")
    shim.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("PYENV_ROOT", str(tmp_path))
    assert environments.version(shim) is None
    assert environments.find_python("3.99") is None
    real = tmp_path / "python3.11"
    real.symlink_to(sys.executable)
    assert environments.find_python("3.11") == real


def test_an_environment_is_made_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "requirements").mkdir()
    lock = tmp_path / "requirements" / "small.txt"
    lock.write_text("# nothing\n")
    monkeypatch.setattr(environments, "ROOT", tmp_path)
    python = environments.make(".venv", Path(sys.executable), "small.txt")
    assert environments.version(python) == "3.11"
    mark = tmp_path / ".venv" / "mark"
    mark.touch()
    assert environments.make(".venv", Path(sys.executable), "small.txt") == python
    assert mark.exists()
    lock.write_text("no-such-package-of-neural-bake==0.0.0\n")
    with pytest.raises(environments.BuildError):
        environments.make(".venv", Path(sys.executable), "small.txt")
    shutil.rmtree(tmp_path / ".venv")


@pytest.mark.skipif(os.name == "nt", reason="uses a shell script")
def test_a_python_without_ensurepip_will_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As Debian's, which keeps it in a package of its own; the pip of the base Python serves then."""
    base = tmp_path / "python3.11"
    base.write_text(f'#!/bin/sh\ncase "$*" in *ensurepip*) exit 1;; esac\nexec "{sys.executable}" "$@"\n')
    base.chmod(0o755)
    (tmp_path / "requirements").mkdir()
    (tmp_path / "requirements" / "small.txt").write_text("# nothing\n")
    monkeypatch.setattr(environments, "ROOT", tmp_path)
    python = environments.make(".venv", base, "small.txt")
    assert environments.version(python) == "3.11"
    assert not list((tmp_path / ".venv").rglob("site-packages/pip"))
