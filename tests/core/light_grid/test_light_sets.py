# SPDX-FileCopyrightText: 2026 Neural Bake developers
#
# SPDX-License-Identifier: GPL-3.0-or-later

"""Light sets: lights measured apart, learned with one set of weights, and scaled afterwards."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest

from core import artifact, tensorfile
from core.dataset import Shard, shard_metadata
from core.errors import NeuralBakeError
from core.light_grid import load
from core.light_grid.baselines import METHODS
from core.light_grid.dataset import load_dataset
from core.light_grid.evaluation import OURS, BakedGrid, LightGrid
from core.light_grid.export import decode, encode, with_light
from core.light_grid.light_sets import LightSet, factor, parse
from core.light_grid.training import train_dataset
from tests.core.light_grid import builders

KEY = LightSet("Key", "LAMP", (10.0, 10.0, 10.0), (10.0, 5.0, 20.0))
SKY = LightSet("Sky", "WORLD", (1.0, 1.0, 1.0), (1.0, 1.0, 1.0))
SETS = (KEY, SKY)
GRID = builders.box(resolution=(3, 3, 2))
FEW = {"geometry_steps": 20, "light_steps": 30}


def with_sets(method: str, sh: np.ndarray, grid: object = GRID) -> BakedGrid:
    """A grid of any method with light sets ``sh`` (G, P, 9, 3)."""
    baked = dataclasses.replace(builders.baked(grid, method), sets=sh)
    return with_light(baked, SETS[: len(sh)])


@pytest.fixture
def sh() -> np.ndarray:
    return np.stack([builders.random_sh(GRID.count, seed) for seed in (3, 4)])


@pytest.mark.parametrize("method", (OURS, *METHODS))
def test_sets_add_up(method: str, sh: np.ndarray) -> None:
    """Any scaling equals the weighted sum of grids that hold one light each, whatever blends them."""
    points, normals = builders.points_in(GRID, 300, 5), builders.directions(300, 6)
    data = encode([with_sets(method, sh)], SETS)
    result = decode(data, {}, "test")
    alone = [dataclasses.replace(builders.baked(GRID, method), sh=part).irradiance(points, normals) for part in sh]
    colour = np.array([1.0, 0.5, 2.0], np.float32)
    np.testing.assert_allclose(result.irradiance(points, normals), alone[0] * colour + alone[1], rtol=1e-5)
    scaled = result.irradiance(points, normals, {"Key": 0.5, "Sky": (3.0, 0.0, 1.0), "all": 2.0})
    expected = 2.0 * (alone[0] * colour * 0.5 + alone[1] * np.array([3.0, 0.0, 1.0]))
    np.testing.assert_allclose(scaled, expected, rtol=1e-5)
    off = result.irradiance(points, normals, {"Key": 0.0})
    np.testing.assert_allclose(off, alone[1], rtol=1e-5)
    apart = result.set_irradiance(points, normals)
    np.testing.assert_allclose(apart, np.stack(alone, axis=1), rtol=1e-5)


def test_negative_light_is_clamped_after_the_sum() -> None:
    sh = np.stack([builders.constant_sh(GRID.count, 3.0), builders.constant_sh(GRID.count, -1.0)])
    result = LightGrid([with_sets("trilinear", sh)], {}, SETS)
    points, normals = builders.points_in(GRID, 10, 1), builders.directions(10, 1)
    np.testing.assert_allclose(result.irradiance(points, normals, {"Key": 0.5})[:, 0], 0.5, rtol=1e-5)
    assert result.irradiance(points, normals, {"Key": 0.0}).max() == 0.0


def test_nested_grids_share_their_sets(sh: np.ndarray) -> None:
    """Where two volumes meet, each set fades as all light does."""
    inner = builders.box(half=(0.4, 0.4, 0.4), resolution=(2, 2, 2))
    small = np.stack([builders.random_sh(inner.count, seed) for seed in (7, 8)])
    result = LightGrid([with_sets(OURS, sh), with_sets(OURS, small, inner)], {}, SETS)
    points, normals = builders.points_in(GRID, 400, 2), builders.directions(400, 2)
    parts = result.set_irradiance(points, normals)
    np.testing.assert_allclose(
        result.irradiance(points, normals), parts[:, 0] * KEY.factor + parts[:, 1], rtol=1e-4, atol=1e-5
    )


def test_unknown_light(sh: np.ndarray) -> None:
    result = LightGrid([with_sets(OURS, sh)], {}, SETS)
    point = np.zeros((1, 3), np.float32)
    with pytest.raises(NeuralBakeError, match="no light group Lamp; this result has: Key, Sky, all"):
        result.irradiance(point, point, {"Lamp": 1.0})
    with pytest.raises(NeuralBakeError, match="one number or three"):
        result.irradiance(point, point, {"Key": (1.0, 2.0)})


def test_a_channel_without_light_stays_dark() -> None:
    np.testing.assert_array_equal(factor((2.0, 3.0, 0.0), (4.0, 0.0, 0.0)), [0.5, 0.0, 0.0])


@pytest.mark.parametrize("names", [("Key", "Key"), ("Key", "all")])
def test_two_sets_of_one_name(names: tuple[str, str]) -> None:
    entries = [{"name": name, "type": "LAMP", "measured": [1.0] * 3, "light": [1.0] * 3} for name in names]
    with pytest.raises(ValueError, match=f"called {names[1]}"):
        parse(entries)


def test_damaged_sets(sh: np.ndarray) -> None:
    """A result whose lights do not match its tensors is refused as a whole."""
    tensors, metadata = tensorfile.decode(encode([with_sets(OURS, sh)], SETS))
    del metadata["sha256"]
    lone = json.dumps(json.loads(metadata["light_sets"])[:1])
    for changed in ({**metadata, "light_sets": lone}, {**metadata, "light_sets": '[{"name": "Key"}]'}):
        with pytest.raises(NeuralBakeError) as caught:
            decode(tensorfile.encode(tensors, changed), {}, "test")
        assert caught.value.code == "corrupt_file"


def test_a_result_of_one_light_still_loads() -> None:
    """What was baked before there were light sets, and without them, is as it was, byte for byte."""
    baked = builders.baked(GRID, OURS)
    data = encode([baked])
    tensors, metadata = tensorfile.decode(data)
    assert metadata["format"] == "neural_bake.light_grid/1" and "light_sets" not in metadata and "0.sh" in tensors
    result = decode(data, {}, "test")
    points, normals = builders.points_in(GRID, 20, 1), builders.directions(20, 1)
    np.testing.assert_array_equal(
        result.irradiance(points, normals), np.maximum(baked.irradiance(points, normals), 0.0)
    )
    assert result.light_sets == ()


def test_training_apart(tmp_path: Path) -> None:
    """Two even lights and one that gives nothing: values are exact for each, and the dark one breaks nothing."""
    lights = {
        "Key": (builders.uniform(2.0, 1.0), (1.0, 0.5, 2.0)),
        "Sky": (builders.uniform(3.0), (1.0, 1.0, 1.0)),
        "Off": (builders.DARK, (1.0, 1.0, 1.0)),
    }
    dataset = builders.write_dataset(
        tmp_path / "dataset", builders.DARK, [GRID], lights=lights, light_sets="lamps", **FEW
    )
    out = tmp_path / "out"
    out.mkdir()
    manifest = train_dataset(dataset, out, {}, lambda *_: None, lambda _: None)
    result = load(out)
    points, normals = builders.points_in(GRID, 50, 3, 0.0), builders.directions(50, 3)
    np.testing.assert_allclose(result.irradiance(points, normals), [[5.0, 4.0, 7.0]] * 50, rtol=2e-3)
    np.testing.assert_allclose(result.irradiance(points, normals, {"Sky": 0.0}), [[2.0, 1.0, 4.0]] * 50, rtol=2e-3)
    assert np.abs(result.irradiance(points, normals, {"Key": 0.0, "Sky": 0.0, "Off": 5.0})).max() < 1e-6
    assert [one["name"] for one in manifest["light_sets"]] == ["Key", "Sky", "Off"]
    assert set(manifest["metrics"]["light_sets"]) == {"Key", "Sky", "Off"}
    assert manifest["metrics"]["light_sets"]["Key"]["held_out"][OURS]["nRMSE"] < 2e-3
    artifact.read_manifest(out, "light_grid")


def test_each_light_stays_on_its_side_of_a_wall(tmp_path: Path) -> None:
    """One set of weights for two lamps, each on its own side of a wall: neither leaks to the other's."""
    left = builders.WALL
    right = dataclasses.replace(left, indirect=lambda points, normals: builders.grey(points[:, 0] >= 0.0))
    lights = {"Left": (left, (1.0,) * 3), "Right": (right, (1.0,) * 3)}
    dataset = builders.write_dataset(
        tmp_path / "dataset", left, lights=lights, light_sets="lamps", geometry_steps=100, light_steps=200
    )
    out = tmp_path / "out"
    out.mkdir()
    manifest = train_dataset(dataset, out, {}, lambda *_: None, lambda _: None)
    # The sum of both lamps is even: by that alone any rival would do.
    assert manifest["metrics"]["kept"] == OURS
    result = load(out)
    x = np.array([-1.2, -0.3, 0.3, 1.2], np.float32)
    points = np.stack([x, 0.2 * np.ones(4), 0.1 * np.ones(4)], axis=1).astype(np.float32)
    normals = np.tile(np.array([[0.0, 1.0, 0.0]], np.float32), (4, 1))
    light = result.set_irradiance(points, normals)[..., 0]
    np.testing.assert_allclose(light[:, 0], [1.0, 1.0, 0.0, 0.0], atol=0.1)
    np.testing.assert_allclose(light[:, 1], [0.0, 0.0, 1.0, 1.0], atol=0.1)

    # The right lamp goes, and one of twice its power shines from elsewhere: measured where values are learned alone.
    moved = dataclasses.replace(left, indirect=lambda points, normals: builders.grey(2.0 * (points[:, 0] >= 0.0)))
    dataset = builders.write_dataset(
        tmp_path / "other", left, lights={"Moved": (moved, (1.0,) * 3), "Left": lights["Left"]}, light_sets="lamps"
    )
    info = json.loads((dataset / "dataset.json").read_text())
    info["light_sets"][0]["updated"] = True
    info["update"] = {"lights": ["Moved"], "share": 0.1, "seconds": 1.0}
    info["shards"] = [one for one in info["shards"] if "report" not in one["set"] or "Left" in one["set"]]
    (dataset / "dataset.json").write_text(json.dumps(info))
    again = tmp_path / "again"
    again.mkdir()
    updated = train_dataset(dataset, again, {}, lambda *_: None, lambda _: None, keep=out)
    assert updated["weights_kept"] and updated["metrics"]["held_out"] == manifest["metrics"]["held_out"]
    assert updated["metrics"]["of"] == "the last whole bake" and "Moved, 10.0%" in updated["notes"][-1]
    np.testing.assert_array_equal(load(again).grids[0].weights, result.grids[0].weights)
    np.testing.assert_array_equal(load(again).grids[0].sets[1], result.grids[0].sets[0])
    after = load(again).set_irradiance(points, normals)[..., 0]
    np.testing.assert_array_equal(after[:, 1], light[:, 0])
    np.testing.assert_allclose(after[:, 0], [0.0, 0.0, 2.0, 2.0], atol=0.2)
    # a whole training of such a dataset lacks its report
    with pytest.raises(NeuralBakeError, match="no complete set report_a"):
        train_dataset(dataset, tmp_path / "none", {}, lambda *_: None, lambda _: None)


def test_an_update_lies_over_what_was_measured(tmp_path: Path) -> None:
    """The wall has gone: the dark side is measured again, a tenth of its points are left out, and weights go on."""
    lights = {"Key": (builders.WALL, (2.0,) * 3)}
    folder = builders.write_dataset(
        tmp_path / "dataset", builders.WALL, lights=lights, light_sets="lamps", geometry_steps=80, light_steps=80
    )
    for name in ("out", "again"):
        (tmp_path / name).mkdir()
    before = train_dataset(folder, tmp_path / "out", {}, lambda *_: None, lambda _: None)
    assert before["metrics"]["kept"] == OURS
    info = json.loads((folder / "dataset.json").read_text())
    plan = tensorfile.read(folder / "plan.safetensors")[0]
    live = np.ones(len(plan["train_positions"]), np.uint8)
    rows = {name: np.flatnonzero(plan[f"{name}_positions"][:, 0] > 0.0).astype(np.int32) for name in ("train", "probe")}
    live[rows["train"][::10]] = 0
    arrays = {f"{name}_rows_1": own for name, own in rows.items()}
    arrays |= {"train_live": live, "probe_distances": np.full_like(plan["probe_distances"], 1e30)}
    tensorfile.write(folder / "again.safetensors", arrays)
    counts = {"train": len(rows["train"]), "probe": 16 * len(rows["probe"])}
    new = [Shard(f"shard-{name}.safetensors", f"{name}+1@key Key", 0, count, 7) for name, count in counts.items()]
    info["shards"] = [one for one in info["shards"] if "report" not in one["set"]]
    chosen = [Shard(**one) for one in info["shards"] if "choose" in one["set"]]
    for shard in (*new, *chosen):
        light = {"indirect": np.ones((shard.count, 3), np.float32)}
        tensorfile.write(folder / shard.file, light, shard_metadata(info, shard))
    info["shards"] += [dataclasses.asdict(shard) for shard in new]
    info |= {"again": {"file": "again.safetensors", "count": 1}, "fingerprint": "moved"}
    info["update"] = {"lights": [], "share": 0.5, "seconds": 2.0}
    (folder / "dataset.json").write_text(json.dumps(info))
    dataset = load_dataset(folder, "indirect")
    train = dataset.samples("train")
    assert len(train) == live.sum() and train.total is None and dataset.updated
    np.testing.assert_array_equal(train.stored, 2.0)
    np.testing.assert_array_equal(dataset.probes().sets, 1.0)
    with pytest.raises(NeuralBakeError, match="no complete set train"):
        load_dataset(folder, "total").samples("train")
    after = train_dataset(folder, tmp_path / "again", {}, lambda *_: None, lambda _: None, keep=tmp_path / "out")
    assert after["metrics"]["held_out"] == before["metrics"]["held_out"] and "moved objects" in after["notes"][-1]
    points, normals = builders.points_in(builders.WALL_GRID, 50, 3, 0.0), builders.directions(50, 3)
    np.testing.assert_allclose(load(tmp_path / "again").irradiance(points, normals), 2.0, rtol=0.05)
