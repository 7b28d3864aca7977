# SPDX-FileCopyrightText: 2026 Neural Bake developers
#
# SPDX-License-Identifier: GPL-3.0-or-later

"""Bad input that shows itself at work: one sentence, the right exit code, and the earlier result as it was."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from core import artifact, light_grid, tensorfile
from core.errors import NeuralBakeError
from tests import support


def refused_bake(scene: Path, out: Path, *words: object, code: int = 2) -> str:
    """A bake that fails; returns its one line and checks that what stood in ``out`` still stands."""
    before = support.snapshot(out) if out.is_dir() else None
    result = support.run(*support.bake_words(scene, out, *words))
    line = support.one_line(result)
    assert result.returncode == code, line
    assert "Traceback" not in result.stdout
    assert (support.snapshot(out) if out.is_dir() else None) == before
    assert {path.name for path in out.parent.iterdir() if "staging" in path.name or "partial" in path.name} == set()
    return line


# Scenes


@pytest.mark.parametrize("writer", ["5.0", "5.2"])
def test_a_scene_newer_than_the_blender(own_bake: Path, tmp_path: Path, writer: str) -> None:
    if support.blender_python(writer) is None:
        pytest.skip(f"no Python with bpy {writer} here (see build_addon.py test)")
    scene = support.write_scene(tmp_path / "newer.blend", version=writer)
    line = refused_bake(scene, own_bake)
    assert writer in line and "newer" in line


def test_a_scene_that_is_cut_short(own_bake: Path, tiny_scene: Path, tmp_path: Path) -> None:
    scene = tmp_path / "half.blend"
    scene.write_bytes(tiny_scene.read_bytes()[:20_000])
    refused_bake(scene, own_bake)


def test_a_scene_without_light(own_bake: Path, tmp_path: Path) -> None:
    scene = support.write_scene(tmp_path / "dark.blend", "--no-light")
    assert "light" in refused_bake(scene, own_bake)


def test_a_scene_without_volume(own_bake: Path, tmp_path: Path) -> None:
    scene = support.write_scene(tmp_path / "bare.blend", "--no-volume")
    assert "olume" in refused_bake(scene, own_bake)


@pytest.mark.parametrize(
    "words",
    [["--scene", "Nowhere"], ["--view-layer", "Nowhere"], ["--bounds-object", "Nowhere"], ["--inside", "Nowhere"]],
)
def test_names_that_the_scene_does_not_have(own_bake: Path, tiny_scene: Path, words: list[str]) -> None:
    assert "Nowhere" in refused_bake(tiny_scene, own_bake, *words)


def test_an_update_without_light_sets(own_bake: Path, tiny_scene: Path, tmp_path: Path) -> None:
    assert "light sets" in refused_bake(tiny_scene, own_bake, "--update")
    lone = refused_bake(tiny_scene, tmp_path / "new", "--update", "--set", "light_sets=lamps")
    assert "no result to update" in lone


# Datasets


def truncate(shard: Path, _other: Path) -> None:
    shard.write_bytes(shard.read_bytes()[:-100])


def swap(shard: Path, other: Path) -> None:
    shutil.copy(other / shard.name, shard)


def put_nan(shard: Path, _other: Path) -> None:
    tensors, metadata = tensorfile.read(shard)
    tensors = {name: np.array(array) for name, array in tensors.items()}
    tensors["indirect"][0, 0] = np.nan
    tensorfile.write(shard, tensors, metadata)


@pytest.fixture
def other_dataset(baked_pair: tuple[Path, Path]) -> Path:
    """The dataset of another scene with the same settings."""
    return baked_pair[1].with_name("result.job") / "dataset"


@pytest.mark.parametrize(
    ("damage", "message"), [(truncate, "is damaged"), (swap, "belongs to another scene"), (put_nan, "not finite")]
)
def test_a_bad_shard(own_bake: Path, tiny_scene: Path, other_dataset: Path, damage: object, message: str) -> None:
    dataset = own_bake.with_name("result.job") / "dataset"
    shard = dataset / "shard-00000.safetensors"
    damage(shard, other_dataset)
    before = support.snapshot(own_bake)
    result = support.run("train", dataset, "--kind", "light_grid", "--out", own_bake)
    line = support.one_line(result)
    assert result.returncode == 2
    assert message in line and shard.name in line and "--resume" in line
    assert support.snapshot(own_bake) == before
    # And that is what helps.
    result = support.run(*support.bake_words(tiny_scene, own_bake, "--resume"))
    assert result.returncode == 0, result.stderr
    assert (own_bake / "weights.safetensors").read_bytes() == before["weights.safetensors"]


def test_a_missing_shard(own_bake: Path) -> None:
    dataset = own_bake.with_name("result.job") / "dataset"
    (dataset / "shard-00001.safetensors").unlink()
    result = support.run("train", dataset, "--kind", "light_grid", "--out", own_bake)
    assert result.returncode == 2
    assert "shard-00001.safetensors is missing" in support.one_line(result)


def test_a_damaged_description_of_a_dataset(own_bake: Path) -> None:
    dataset = own_bake.with_name("result.job") / "dataset"
    (dataset / "dataset.json").write_text("{")
    result = support.run("train", dataset, "--kind", "light_grid", "--out", own_bake)
    assert result.returncode == 2
    assert "dataset.json cannot be read" in support.one_line(result)


# Results


def test_a_result_with_a_wrong_hash(own_bake: Path, tiny_scene: Path) -> None:
    weights = own_bake / "weights.safetensors"
    data = bytearray(weights.read_bytes())
    data[-1] ^= 1
    weights.write_bytes(data)
    result = support.run("show", own_bake)
    assert result.returncode == 2
    assert "is not the file that was baked" in support.one_line(result)
    with pytest.raises(NeuralBakeError) as error:
        light_grid.load(own_bake)
    assert error.value.code == "wrong_hash"
    assert support.run(*support.bake_words(tiny_scene, own_bake, "--resume")).returncode == 0
    artifact.read_manifest(own_bake)


# Folders and disks


@pytest.fixture
def read_only_folder(tmp_path: Path) -> Iterator[Path]:
    """A folder that nobody can write to: by its mode, or for root, who ignores that, by a read-only mount."""
    folder = tmp_path / "read-only"
    folder.mkdir()
    if os.name == "nt":
        pytest.skip("a folder's mode does not stop writing on Windows")
    if os.geteuid() != 0:
        folder.chmod(0o555)
        yield folder
        folder.chmod(0o755)
        return
    support.mount(["--bind", str(folder), str(folder)], folder)
    try:
        support.mount(["-o", "remount,bind,ro", str(folder)], folder)
        yield folder
    finally:
        subprocess.run(["umount", str(folder)], check=True)


def test_a_read_only_folder(read_only_folder: Path, tiny_scene: Path) -> None:
    line = refused_bake(tiny_scene, read_only_folder / "result")
    assert str(read_only_folder) in line and "cannot be written" in line
    assert list(read_only_folder.iterdir()) == []


def test_a_disk_without_room_to_begin_with(tmp_path: Path, tiny_scene: Path) -> None:
    folder = support.small_disk(tmp_path / "small", "8m")
    try:
        line = refused_bake(tiny_scene, folder / "result", code=1)
        assert "MiB free" in line
        assert not (folder / "result").exists()
    finally:
        subprocess.run(["umount", str(folder)], check=True)


@pytest.mark.parametrize("stage", ["capture", "training"])
def test_a_disk_that_runs_full(disk: Path, baked: Path, tiny_scene: Path, stage: str) -> None:
    out = disk / "result"
    shutil.copytree(baked, out)
    before = support.snapshot(out)
    slow = {"sample_paths": 5000} if stage == "capture" else {"light_steps": 300}
    process = support.Running(*support.bake_words(tiny_scene, out, **slow))
    process.wait_for(disk / "result.job", stage)
    filler = support.fill(disk)
    output, errors = process.communicate(timeout=120)
    assert process.returncode == 1, output
    assert errors.count("\n") == 1 and "disk" in errors.lower() and "full" in errors, errors
    assert support.snapshot(out) == before
    filler.unlink()
    result = support.run(*support.bake_words(tiny_scene, out, "--resume"))
    assert result.returncode == 0, result.stderr
    assert (out / "weights.safetensors").read_bytes() == before["weights.safetensors"]


def test_a_full_disk_for_the_saved_scene(disk: Path, own_bake: Path, tiny_scene: Path) -> None:
    target = disk / "saved.blend"
    target.write_bytes(b"the artist's earlier file")
    support.fill(disk)
    result = support.run(*support.bake_words(tiny_scene, own_bake, "--resume", "--save", target))
    assert result.returncode == 1
    assert f"{target} cannot be saved" in support.one_line(result)
    assert target.read_bytes() == b"the artist's earlier file"
    assert {path.name for path in disk.iterdir()} == {"saved.blend", "filler"}
    artifact.read_manifest(own_bake)
