# SPDX-FileCopyrightText: 2026 Neural Bake developers
#
# SPDX-License-Identifier: GPL-3.0-or-later

"""Bad input that is found before any work: one line on stderr, exit code 2, and nothing left behind."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import pytest

from bake_workers import protocol
from tests import support


@pytest.fixture
def blend(tmp_path: Path) -> Path:
    """A file that begins like a .blend, which is as far as these tests go."""
    path = tmp_path / "scene.blend"
    path.write_bytes(b"BLENDER-v405")
    return path


def refused(*words: object, code: int = 2, **extra: str) -> str:
    result = support.run(*words, **extra)
    line = support.one_line(result)
    assert result.returncode == code, line
    assert result.stdout == ""
    return line


def test_help_is_no_error() -> None:
    result = support.run("bake", "--help")
    assert result.returncode == 0
    for word in (
        "--kind",
        "--out",
        "--set",
        "--resume",
        "--save",
        "--json",
        "--bounds-object",
        "--inside",
        "--blender",
    ):
        assert word in result.stdout
    assert "--cycles-devices" not in result.stdout


@pytest.mark.parametrize(
    "words",
    [
        [],
        ["bake"],
        ["bake", "scene.blend"],
        ["soup"],
        ["bake", "scene.blend", "--kind", "light_grid", "--out", "x", "--unknown"],
        ["bake", "scene.blend", "--kind", "light_grid", "--out", "x", "--res"],
        ["bake", "scene.blend", "--kind", "light_grid", "--out", "x", "--frame", "first"],
    ],
)
def test_wrong_words(words: list[str]) -> None:
    assert "--help" in refused(*words)


def test_a_missing_blend(tmp_path: Path) -> None:
    line = refused(*support.bake_words(tmp_path / "no.blend", tmp_path / "out"))
    assert line == f"error: There is no file {tmp_path / 'no.blend'}. Check the path of the scene."
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_is_no_blend(tmp_path: Path) -> None:
    scene = tmp_path / "notes.blend"
    for data in (b"", b"dear diary"):
        scene.write_bytes(data)
        assert "is no .blend file" in refused(*support.bake_words(scene, tmp_path / "out"))
    assert [path.name for path in tmp_path.iterdir()] == ["notes.blend"]


def test_a_folder_as_scene(tmp_path: Path) -> None:
    assert "cannot be read" in refused(*support.bake_words(tmp_path, tmp_path / "out"))


def test_kinds(blend: Path, tmp_path: Path) -> None:
    for kind in set(protocol.KINDS) - set(protocol.READY_KINDS):
        line = refused("bake", blend, "--kind", kind, "--out", tmp_path / "out")
        assert line == f"error: The kind {kind} is not there yet. This version bakes light_grid, relight."
    assert "There is no kind soup" in refused("bake", blend, "--kind", "soup", "--out", tmp_path / "out")


@pytest.mark.parametrize(
    ("pair", "message"),
    [
        ("resolution", "a setting is written as key=value"),
        ("soup=1", "There is no setting soup"),
        ("resolution=2,2", "3 whole numbers"),
        ("resolution=2,2,9999", "at most 256"),
        ("light=green", "one of indirect, total"),
        ("surface_fraction=nan", "a number"),
        ("seed=1.5", "a whole number"),
    ],
)
def test_bad_settings(blend: Path, tmp_path: Path, pair: str, message: str) -> None:
    assert message in refused("bake", blend, "--kind", "light_grid", "--out", tmp_path / "out", "--set", pair)
    assert [path.name for path in tmp_path.iterdir()] == ["scene.blend"]


def test_an_engine_without_torch(blend: Path, tmp_path: Path) -> None:
    other = support.blender_python("5.0")
    if other is None:
        pytest.skip("no Python without torch here (see build_addon.py test)")
    for words, extra in ((["--engine", other], {}), ([], {"NEURAL_BAKE_ENGINE": str(other)})):
        line = refused(*support.bake_words(blend, tmp_path / "out", *words), **extra)
        assert line.startswith(f"error: {other}, which trains, has no torch.")


def test_an_engine_that_is_missing(blend: Path, tmp_path: Path) -> None:
    line = refused(*support.bake_words(blend, tmp_path / "out", "--engine", tmp_path / "no-python"))
    assert "does not run" in line


def test_a_blender_that_is_missing(blend: Path, tmp_path: Path) -> None:
    words = support.bake_words(blend, tmp_path / "out", "--blender", tmp_path / "blender")
    result = support.run(*words)
    assert result.returncode == 2
    assert "does not run" in support.one_line(result)


def test_a_python_without_bpy(blend: Path, tmp_path: Path) -> None:
    bare = Path(sys.base_prefix) / ("python.exe" if os.name == "nt" else "bin/python3")
    if not bare.is_file() or support.run_python(bare, "-c", "import bpy").returncode == 0:
        pytest.skip("no Python without bpy here")
    assert "has no bpy" in refused(*support.bake_words(blend, tmp_path / "out", "--blender", bare))


def test_the_output_is_a_file(blend: Path, tmp_path: Path) -> None:
    (tmp_path / "out").write_text("mine")
    assert "is a file, not a folder" in refused(*support.bake_words(blend, tmp_path / "out"))
    assert (tmp_path / "out").read_text() == "mine"


def test_the_output_holds_other_things(blend: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    (out / "thesis.txt").write_text("mine")
    assert "no Neural Bake result" in refused(*support.bake_words(blend, out))
    assert [path.name for path in out.iterdir()] == ["thesis.txt"]


def test_a_file_above_the_output(blend: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    assert "is a file" in refused(*support.bake_words(blend, tmp_path / "file" / "out"))


@pytest.mark.parametrize(
    ("name", "message"), [("x.txt", "must end with .blend"), ("no-folder/x.blend", "no file can be written")]
)
def test_a_bad_save_target(blend: Path, tmp_path: Path, name: str, message: str) -> None:
    assert message in refused(*support.bake_words(blend, tmp_path / "out", "--save", tmp_path / name))


def test_machines_get_the_error_too(blend: Path, tmp_path: Path) -> None:
    result = support.run(*support.bake_words(blend, tmp_path / "out", "--json", "--set", "soup=1"))
    assert result.returncode == 2
    event = json.loads(result.stdout)
    assert (event["type"], event["code"]) == ("error", "unknown_setting")
    assert support.one_line(result).startswith("error: " + event["message"])


def test_show_without_a_result(tmp_path: Path) -> None:
    assert "holds no result" in refused("show", tmp_path)
    assert "holds no result" in refused("show", tmp_path / "nowhere")


def test_train_without_a_dataset(tmp_path: Path) -> None:
    line = refused("train", tmp_path / "data", "--kind", "light_grid", "--out", tmp_path / "out")
    assert "holds no dataset" in line
    assert list(tmp_path.iterdir()) == []


def test_run_without_a_job(tmp_path: Path) -> None:
    assert "is no job folder" in refused("run", tmp_path, "--out", tmp_path / "out")
