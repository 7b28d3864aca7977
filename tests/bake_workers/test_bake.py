# SPDX-FileCopyrightText: 2026 Neural Bake developers
#
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whole bakes of a small scene through the command line, as everybody starts them."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import numpy as np
import pytest

from bake_workers import protocol
from core import artifact, light_grid
from tests import support


@pytest.fixture(scope="module")
def again(tiny_scene: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path, list[dict]]:
    """The bake of ``baked`` once more, told in JSON: a copy of the scene, alone in its folder, result, and events."""
    folder = tmp_path_factory.mktemp("again")
    scene, out = folder / "scene" / "scène & co.blend", folder / "my result"
    scene.parent.mkdir()
    shutil.copy2(tiny_scene, scene)
    result = support.run(*support.bake_words(scene, out, "--json"))
    assert (result.returncode, result.stderr) == (0, "")
    return scene, out, [json.loads(line) for line in result.stdout.splitlines()]


def test_the_result_is_complete(baked: Path) -> None:
    manifest = artifact.read_manifest(baked, "light_grid")
    for name in ("weights.safetensors", "preview.png", "preview.exr", "reference.png", "reference.exr", "error.png"):
        assert name in manifest["files"]
    assert manifest["settings"]["samples_per_probe"] == support.TINY["samples_per_probe"]
    assert len(manifest["scene_hash"]) >= 32
    assert set(manifest["metrics"]["held_out"]) >= {"ours", "trilinear", "validity", "ddgi"}
    assert manifest["metrics"]["kept"] in manifest["metrics"]["held_out"]
    assert [path.name for path in baked.parent.iterdir() if path.name.startswith("result")] == [
        "result",
        "result.job",
    ] or ({path.name for path in baked.parent.iterdir()} == {"result", "result.job"})


def test_timings_and_memory_are_noted(baked: Path) -> None:
    manifest = artifact.read_manifest(baked)
    for stage in ("capture", "training"):
        assert 0.1 < manifest["timings"][stage] < 300.0
        assert 50 * 2**20 < manifest["peak_memory"][stage] < 16 * 2**30


def test_light_comes_out(baked: Path) -> None:
    points = np.array([[-1.0, 0.5, 1.0], [1.0, -0.5, 0.5]], np.float32)
    normals = np.array([[0.0, 0.0, 1.0], [-1.0, 0.0, 0.0]], np.float32)
    light = light_grid.load(baked).irradiance(points, normals)
    assert light.shape == (2, 3)
    assert np.isfinite(light).all() and (light >= 0.0).all() and light.mean() > 0.0


def test_show(baked: Path) -> None:
    result = support.run("show", baked)
    assert (result.returncode, result.stderr) == (0, "")
    for word in ("trilinear", "DDGI", "noise floor", "nRMSE", "relMSE", "SMAPE", "leak"):
        assert word in result.stdout
    result = support.run("show", baked, "--json")
    assert json.loads(result.stdout) == artifact.read_manifest(baked)


def test_training_alone_gives_the_same_weights(baked: Path, tmp_path: Path) -> None:
    out = tmp_path / "again"
    result = support.run("train", baked.with_name("result.job") / "dataset", "--kind", "light_grid", "--out", out)
    assert result.returncode == 0, result.stderr
    assert (out / "weights.safetensors").read_bytes() == (baked / "weights.safetensors").read_bytes()
    manifest = artifact.read_manifest(out)
    # The capture's time comes from the bake that measured the dataset.
    assert manifest["timings"]["capture"] == artifact.read_manifest(baked)["timings"]["capture"]


def test_training_beside_its_dataset_keeps_the_job(own_bake: Path) -> None:
    job = own_bake.with_name("result.job")
    before = (job / "job.json").read_bytes()
    result = support.run("train", job / "dataset", "--kind", "light_grid", "--out", own_bake, "--set", "light_steps=7")
    assert result.returncode == 0, result.stderr
    assert (job / "job.json").read_bytes() == before
    assert artifact.read_manifest(own_bake)["settings"]["light_steps"] == 7
    assert not (job / "cancel").exists()


def test_the_same_seed_gives_the_same_weights_and_another_does_not(
    baked: Path, again: tuple[Path, Path, list[dict]], tiny_scene: Path, tmp_path: Path
) -> None:
    weights = {"same": (again[1] / "weights.safetensors").read_bytes()}
    for name, changes in (("other", {"seed": 1}), ("all", {"threads": 0}), ("all again", {"threads": 0})):
        result = support.run(*support.bake_words(tiny_scene, tmp_path / name, **changes))
        assert result.returncode == 0, result.stderr
        weights[name] = (tmp_path / name / "weights.safetensors").read_bytes()
    assert weights["same"] == (baked / "weights.safetensors").read_bytes()
    assert weights["other"] != weights["same"]
    assert weights["all"] == weights["all again"]  # with every processor at work


def test_a_second_bake_with_resume_measures_nothing_again(own_bake: Path, tiny_scene: Path) -> None:
    job = own_bake.with_name("result.job")
    before = {path.name: path.stat().st_mtime_ns for path in (job / "dataset").glob("shard-*")}
    (own_bake / "notes.txt").write_text("the artist's")
    result = support.run(*support.bake_words(tiny_scene, own_bake, "--resume"))
    assert result.returncode == 0, result.stderr
    assert len(before) >= 4
    assert {path.name: path.stat().st_mtime_ns for path in (job / "dataset").glob("shard-*")} == before
    assert (own_bake / "notes.txt").read_text() == "the artist's"


def test_json_lines_for_machines(baked: Path, again: tuple[Path, Path, list[dict]]) -> None:
    _, out, events = again
    assert [event["stage"] for event in events if event["type"] == "stage"] == ["capture", "training"]
    for stage in ("capture", "training"):
        progress = [event for event in events if event["type"] == "progress" and event["stage"] == stage]
        assert progress and all(0 <= event["done"] <= event["total"] for event in progress)
        assert progress[-1]["done"] == progress[-1]["total"]
    assert any(event["type"] == "preview" for event in events)
    last = events[-1]
    assert (last["type"], last["manifest"]) == ("done", str(out / "manifest.json"))
    assert last["metrics"]["kept"] == artifact.read_manifest(baked)["metrics"]["kept"]


def test_progress_for_people(baking: tuple[Path, str]) -> None:
    out, printed = baking
    for text in ("Measuring light: done in", "Training: done in", "trilinear", str(out)):
        assert text in printed
    assert "Fra:" not in printed  # what Blender prints goes to the log
    assert "\r" not in printed


def test_the_scene_file_and_its_folder_stay_as_they_were(
    tiny_scene: Path, again: tuple[Path, Path, list[dict]]
) -> None:
    scene, _, _ = again
    assert scene.read_bytes() == tiny_scene.read_bytes()
    assert scene.stat().st_mtime_ns == tiny_scene.stat().st_mtime_ns  # which it was copied with
    assert [path.name for path in scene.parent.iterdir()] == [scene.name]


def test_a_job_of_the_add_on(tiny_scene: Path, tmp_path: Path) -> None:
    job = tmp_path / "job"
    job.mkdir()
    settings = {**support.TINY, "resolution": [2, 2, 2]}
    protocol.write_json(
        job / "job.json", protocol.new_job(kind="light_grid", settings=settings, source=str(tiny_scene))
    )
    (job / "scene.blend").write_bytes(tiny_scene.read_bytes())
    result = support.run("run", job, "--out", tmp_path / "result", "--json")
    assert result.returncode == 0, result.stderr
    assert artifact.read_manifest(tmp_path / "result")["settings"]["resolution"] == [2, 2, 2]
    assert (job / "scene.blend").is_file() and (job / "dataset").is_dir()


def test_a_box_of_an_empty(tiny_scene: Path, tmp_path: Path) -> None:
    code = (
        "import bpy, sys; bpy.ops.wm.open_mainfile(filepath=sys.argv[1])\n"
        "empty = bpy.data.objects.new('Box', None); bpy.context.scene.collection.objects.link(empty)\n"
        "empty.location = (-1.0, 0.0, 1.0); empty.scale = (0.9, 1.4, 0.9)\n"
        "inside = bpy.data.objects.new('Here', None); bpy.context.scene.collection.objects.link(inside)\n"
        "inside.location = (-1.0, 0.0, 1.0); bpy.ops.wm.save_as_mainfile(filepath=sys.argv[2])"
    )
    scene = tmp_path / "box.blend"
    support.run_python(support.blender_python("4.5"), "-c", code, tiny_scene, scene)
    words = ["--bounds-object", "Box", "--inside", "Here"]
    result = support.run(*support.bake_words(scene, tmp_path / "result", *words, resolution="2,3,2"))
    assert result.returncode == 0, result.stderr
    (grid,) = artifact.read_manifest(tmp_path / "result")["grids"]
    assert (grid["name"], grid["resolution"]) == ("Box", [2, 3, 2])
    assert np.allclose(np.diag(grid["matrix"]), [0.9, 1.4, 0.9, 1.0])


def test_capture_in_a_real_blender(tiny_scene: Path, baked: Path, tmp_path: Path) -> None:
    program = os.environ.get("NEURAL_BAKE_BLENDER")
    if not program:
        pytest.skip("NEURAL_BAKE_BLENDER names no Blender")
    saved = tmp_path / "saved.blend"
    words = ["--blender", program, "--save", saved]
    result = support.run(*support.bake_words(tiny_scene, tmp_path / "result", *words))
    assert result.returncode == 0, result.stderr
    assert saved.is_file()
    theirs, ours = (light_grid.load(folder) for folder in (tmp_path / "result", baked))
    assert len(theirs.grids) == len(ours.grids)
