# SPDX-FileCopyrightText: 2026 Neural Bake developers
#
# SPDX-License-Identifier: GPL-3.0-or-later

"""From a dataset to an artifact, on analytic scenes whose light is known everywhere."""

from __future__ import annotations

import dataclasses
import json
import shutil
import typing
from pathlib import Path

import numpy as np
import pytest
import torch

from core import artifact
from core.errors import NeuralBakeError
from core.light_grid import load
from core.light_grid.evaluation import OURS
from core.light_grid.training import train_dataset
from core.spherical_harmonics import window
from tests.core.light_grid import builders

METHODS = {"ours", "trilinear", "validity", "ddgi"}
UP, DOWN = (0.0, 0.0, 1.0), (0.0, 0.0, -1.0)


class Training(typing.NamedTuple):
    """What a run left and told."""

    folder: Path
    manifest: dict
    progress: list[tuple[str, int, int]]
    shown: list[tuple[str, bool]]

    def irradiance(self, *points: tuple, normal: tuple = UP) -> np.ndarray:
        return load(self.folder).irradiance(np.array(points), np.tile(normal, (len(points), 1)))


def train(dataset: Path, out: Path, **overrides: object) -> Training:
    out.mkdir()
    progress, shown = [], []
    manifest = train_dataset(
        dataset,
        out,
        overrides,
        lambda *told: progress.append(told),
        lambda path: shown.append((path.name, path.is_file())),
    )
    return Training(out, manifest, progress, shown)


def few(**more: object) -> dict[str, object]:
    """Settings that only have to run."""
    return {"geometry_steps": 3, "light_steps": 3, **more}


@pytest.fixture(scope="module")
def wall(tmp_path_factory: pytest.TempPathFactory) -> Training:
    """Two rooms that a wall in the middle of a cell divides; the one thing that trilinear blending cannot do."""
    folder = tmp_path_factory.mktemp("wall")
    dataset = builders.write_dataset(
        folder / "dataset", builders.WALL, camera=(12, 9), geometry_steps=100, light_steps=100
    )
    return train(dataset, folder / "result")


@pytest.fixture(scope="module")
def noisy_probes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A dataset on which the learned grid wins after a few steps: the rivals have nothing but bad probes."""
    folder = tmp_path_factory.mktemp("noisy")
    return builders.write_dataset(folder / "dataset", builders.uniform(1.0), noise={"probe": 0.5}, **few())


def test_light_stops_at_the_wall(wall: Training) -> None:
    held_out = wall.manifest["metrics"]["held_out"]
    assert wall.manifest["metrics"]["kept"] == OURS
    assert held_out[OURS]["relMSE"] < 0.05 * held_out["trilinear"]["relMSE"]
    assert held_out[OURS]["nRMSE"] < 0.5 * held_out["trilinear"]["nRMSE"]
    assert held_out[OURS]["relMSE"] < held_out["ddgi"]["relMSE"]
    assert held_out[OURS]["leak"] < 0.1 * held_out["trilinear"]["leak"]
    assert held_out[OURS]["leak_points"] > 100


def test_the_artifact_reproduces_the_light(wall: Training) -> None:
    """Halfway between the wall and the probes beside it, on both sides; trilinear would give 3/4 and 1/4."""
    left = wall.irradiance((-1.5, 0.3, -0.2), (-0.25, 0.0, 0.0), (-0.25, -0.4, 0.4))
    right = wall.irradiance((1.5, 0.3, -0.2), (0.25, 0.0, 0.0), (0.25, -0.4, 0.4))
    np.testing.assert_allclose(left, 1.0, atol=0.12)
    np.testing.assert_allclose(right, 0.0, atol=0.12)


def test_manifest(wall: Training) -> None:
    manifest = wall.manifest
    assert manifest == artifact.read_manifest(wall.folder, "light_grid")
    assert manifest["schema"] == artifact.SCHEMA and manifest["kind"] == "light_grid"
    assert manifest["scene_hash"] == "ab12"
    assert manifest["blender"] == "4.5.15" and manifest["source"] == "rooms.blend"
    assert manifest["settings"]["geometry_steps"] == 100 and manifest["settings"]["light"] == "indirect"
    assert manifest["seeds"] == {"capture": 0, "train": 0}
    assert manifest["meter"] == {"film_exposure": 1.0}
    assert manifest["probes"] == 16
    assert manifest["grids"] == [
        {"name": "Volume.0", "matrix": builders.WALL_GRID.matrix.tolist(), "resolution": [4, 2, 2]}
    ]
    assert manifest["notes"] == ["Lamp Key is linked to certain objects."]
    assert all(value >= 0.0 for value in manifest["timings"]["train_stages"].values())
    samples = manifest["samples"]
    assert samples["train"] > samples["choose"] > 300 and samples["report"] > 300
    assert {"weights.safetensors", "preview.png", "preview.exr"} <= set(manifest["files"])


def test_metrics(wall: Training) -> None:
    metrics = wall.manifest["metrics"]
    assert set(metrics["held_out"]) == set(metrics["choose"]) == set(metrics["configurations"]) == METHODS
    for entry in metrics["held_out"].values():
        assert set(entry) == {"nRMSE", "relMSE", "SMAPE", "leak", "leak_points"}
    assert set(metrics["noise_floor"]) == {"nRMSE", "relMSE", "SMAPE"}
    assert metrics["report_points"] == wall.manifest["samples"]["report"]
    assert metrics["kept"] == min(metrics["choose"], key=metrics["choose"].get)


def test_progress(wall: Training) -> None:
    stages = list(dict.fromkeys(text for text, _, _ in wall.progress))
    assert stages == ["read", "rivals", "train"]
    for stage in ("rivals", "train"):
        done = [done for text, done, _ in wall.progress if text == stage]
        totals = {total for text, _, total in wall.progress if text == stage}
        assert done == sorted(done) and {done[-1]} == totals
    assert all(exists for _, exists in wall.shown)
    assert {"preview.png", "preview.exr", "reference.png", "reference.exr", "error.png"} <= {
        name for name, _ in wall.shown
    }


def test_the_same_seed_gives_the_same_bytes(noisy_probes: Path, tmp_path: Path) -> None:
    first, again, other = (
        train(noisy_probes, tmp_path / name, seed=seed) for name, seed in (("a", 7), ("b", 7), ("c", 8))
    )
    assert first.manifest["metrics"]["kept"] == other.manifest["metrics"]["kept"] == OURS
    files = [(run.folder / "weights.safetensors").read_bytes() for run in (first, again, other)]
    assert files[0] == files[1]
    assert files[0] != files[2]
    assert first.manifest["seeds"] == {"capture": 0, "train": 7}


def test_ours_heals_bad_probes(noisy_probes: Path, tmp_path: Path) -> None:
    """The probes were measured with an error of a half; the training points know better."""
    run = train(noisy_probes, tmp_path / "result")
    choose = run.manifest["metrics"]["choose"]
    assert choose[OURS] < 0.5 * min(choose[name] for name in METHODS - {OURS})
    points = builders.points_in(builders.WALL_GRID, 300, 3, beyond=0.0)
    assert np.abs(run.irradiance(*map(tuple, points)) - 1.0).mean() < 0.2


@pytest.mark.parametrize("steps", [0, 3])
def test_where_a_rival_wins_it_is_kept(tmp_path: Path, steps: int) -> None:
    """A pane of glass, training points of pure noise, perfect probes: rays end at the pane and light does not, which
    neither the generated networks nor those points can know."""
    dataset = builders.write_dataset(
        tmp_path / "dataset",
        dataclasses.replace(builders.WALL, indirect=lambda points, normals: 1.0 + 0.3 * points[:, [0, 0, 0]]),
        noise={"train": 5.0},
        counts={"train": 200},
        geometry_steps=steps,
        light_steps=steps,
    )
    run = train(dataset, tmp_path / "result")
    metrics = run.manifest["metrics"]
    assert metrics["kept"] == min(metrics["choose"], key=metrics["choose"].get) != OURS
    assert {baked.method for baked in load(run.folder).grids} == {metrics["kept"]}
    np.testing.assert_allclose(run.irradiance((0.0, 0.0, 0.0)), 1.0, rtol=1e-4)
    assert metrics["held_out"][OURS]["relMSE"] > metrics["held_out"][metrics["kept"]]["relMSE"]


def test_generated_networks_stand_in_for_training_points(tmp_path: Path) -> None:
    """A wall, training points of pure noise, perfect probes: what the probes see is enough to stop the leak."""
    dataset = builders.write_dataset(
        tmp_path / "dataset", builders.WALL, noise={"train": 5.0}, counts={"train": 200}, **few()
    )
    scores = train(dataset, tmp_path / "result").manifest["metrics"]["choose"]
    assert scores[OURS] < 0.2 * scores["trilinear"]


@pytest.mark.parametrize(("light", "expected"), [("indirect", 1.0), ("total", 4.0)])
def test_light_that_is_stored(tmp_path: Path, light: str, expected: float) -> None:
    dataset = builders.write_dataset(tmp_path / "dataset", builders.uniform(1.0, direct=3.0), **few(light="total"))
    run = train(dataset, tmp_path / "result", light=light)
    np.testing.assert_allclose(run.irradiance((0.0, 0.0, 0.0), (1.0, 0.5, -0.5)), expected, rtol=0.02)
    assert run.manifest["settings"]["light"] == light


def test_a_volume_in_the_dark(tmp_path: Path) -> None:
    dataset = builders.write_dataset(tmp_path / "dataset", builders.DARK, camera=(6, 4), **few())
    run = train(dataset, tmp_path / "result")
    assert (run.irradiance((0.0, 0.0, 0.0), (5.0, 5.0, 5.0)) == 0.0).all()
    metrics = run.manifest["metrics"]
    assert metrics["kept"] == OURS, "among equals ours is kept"
    assert all(entry["nRMSE"] == 0.0 and entry["leak"] is None for entry in metrics["held_out"].values())
    json.dumps(run.manifest, allow_nan=False)
    assert "preview.png" in run.manifest["files"]


LEFT = builders.box((-1.0, 0.0, 0.0), resolution=(2, 2, 2))
RIGHT = builders.box((1.0, 0.0, 0.0), resolution=(3, 2, 1))


def test_two_volumes(tmp_path: Path) -> None:
    scene = builders.Scene(lambda points, normals: builders.grey(np.where(points[:, 0] < 0.0, 1.0, 3.0)))
    dataset = builders.write_dataset(tmp_path / "dataset", scene, (LEFT, RIGHT), **few())
    run = train(dataset, tmp_path / "result")
    assert [grid["name"] for grid in run.manifest["grids"]] == ["Volume.0", "Volume.1"]
    assert [grid["resolution"] for grid in run.manifest["grids"]] == [[2, 2, 2], [3, 2, 1]]
    assert run.manifest["probes"] == 14
    assert {text for text, _, _ in run.progress} == {"read", "rivals", "train 1/2", "train 2/2"}
    values = run.irradiance((-1.5, 0.0, 0.0), (1.7, 0.0, 0.0))
    np.testing.assert_allclose(values, [[1.0] * 3, [3.0] * 3], rtol=0.1)
    assert sorted(baked.grid.count for baked in load(run.folder).grids) == [6, 8]


def test_a_volume_without_a_point(tmp_path: Path) -> None:
    """All of the second volume is solid; it keeps what its probes saw, and the first is not hurt."""
    scene = builders.Scene(builders.uniform(2.0).indirect, solid=lambda points: points[:, 0] > 0.0)
    grids = (LEFT, builders.box((5.0, 0.0, 0.0), resolution=(3, 2, 1)))
    run = train(builders.write_dataset(tmp_path / "dataset", scene, grids, **few()), tmp_path / "result")
    np.testing.assert_allclose(run.irradiance((-1.0, 0.0, 0.0), (5.0, 0.0, 0.0)), 2.0, rtol=0.02)


def test_overrides_leave_the_datasets_settings(tmp_path: Path) -> None:
    """Damping by 1 / (1 + 4 strength) of what varies with the cosine: light of 1 + z, so 2 up and none down."""
    scene = builders.Scene(lambda points, normals: builders.grey(1.0 + normals[:, 2]))
    dataset = builders.write_dataset(tmp_path / "dataset", scene, **few(seed=3))
    before = (dataset / "dataset.json").read_bytes()
    plain, damped = train(dataset, tmp_path / "a"), train(dataset, tmp_path / "b", sh_window=0.25, seed=4)
    assert window(0.25)[1] == 0.5
    for run, share in ((plain, 1.0), (damped, 0.5)):
        difference = run.irradiance((0, 0, 0), normal=UP) - run.irradiance((0, 0, 0), normal=DOWN)
        np.testing.assert_allclose(difference, 2.0 * share, rtol=0.05)
    assert plain.manifest["seeds"] == {"capture": 3, "train": 3}
    assert damped.manifest["seeds"] == {"capture": 3, "train": 4}
    assert damped.manifest["settings"]["sh_window"] == 0.25
    assert (dataset / "dataset.json").read_bytes() == before


def refused(dataset: Path, out: Path, **overrides: object) -> NeuralBakeError:
    with pytest.raises(NeuralBakeError) as caught:
        train(dataset, out, **overrides)
    assert not any(out.iterdir()), "a refused training leaves nothing"
    return caught.value


def test_an_override_cannot_change_what_was_measured(noisy_probes: Path, tmp_path: Path) -> None:
    error = refused(noisy_probes, tmp_path / "out", sample_paths=99)
    assert error.code == "measured_setting" and "sample_paths" in error.message
    error = refused(noisy_probes, tmp_path / "total", light="total")
    assert error.code == "measured_setting" and "indirect light alone" in error.message


def test_bad_overrides(noisy_probes: Path, tmp_path: Path) -> None:
    assert refused(noisy_probes, tmp_path / "a", light_steps=-1).code == "bad_setting"
    assert refused(noisy_probes, tmp_path / "b", light_step=1).code == "unknown_setting"


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a CUDA device here")
def test_cuda_without_a_device(noisy_probes: Path, tmp_path: Path) -> None:
    error = refused(noisy_probes, tmp_path / "out", train_device="cuda")
    assert error.code == "no_device" and error.exit_code == 2
    assert "train_device=cpu" in error.hint


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device here")
def test_cuda_learns_the_same(wall: Training, tmp_path: Path) -> None:
    run = train(wall.folder.parent / "dataset", tmp_path / "out", train_device="cuda")
    held_out = run.manifest["metrics"]["held_out"]
    assert held_out[OURS]["relMSE"] < 0.05 * held_out["trilinear"]["relMSE"]


@pytest.mark.parametrize("missing", ["train", "choose", "report_b", "probe"])
def test_a_set_that_was_not_measured(noisy_probes: Path, tmp_path: Path, missing: str) -> None:
    folder = tmp_path / "dataset"
    shutil.copytree(noisy_probes, folder)
    info = json.loads((folder / "dataset.json").read_text("utf-8"))
    info["shards"] = [shard for shard in info["shards"] if shard["set"] != missing or shard["first"] > 0]
    (folder / "dataset.json").write_text(json.dumps(info), "utf-8")
    assert refused(folder, tmp_path / "out").code == "corrupt_file"


@pytest.mark.parametrize(
    "damage",
    [
        {"settings": None},
        {"settings": [{}]},
        {"settings": {"seed": "x"}},
        {"grids": None},
        {"grids": []},
        {"grids": [{}]},
        {"grids": [{"name": "a", "matrix": [[1.0]], "resolution": None, "probe_first": 0}]},
    ],
    ids=str,
)
def test_a_dataset_without_its_description(noisy_probes: Path, tmp_path: Path, damage: dict) -> None:
    folder = tmp_path / "dataset"
    shutil.copytree(noisy_probes, folder)
    info = json.loads((folder / "dataset.json").read_text("utf-8"))
    (folder / "dataset.json").write_text(json.dumps({**info, **damage}), "utf-8")
    assert refused(folder, tmp_path / "out").code in ("corrupt_file", "bad_setting")
