# SPDX-FileCopyrightText: 2026 Neural Bake developers
#
# SPDX-License-Identifier: GPL-3.0-or-later

"""Dataset folders: what is read, and what damage is told by a sentence."""

from __future__ import annotations

import json
import typing
from pathlib import Path

import numpy as np
import pytest

from core import tensorfile
from core.dataset import SCHEMA, Shard, open_dataset, shard_metadata
from core.errors import NeuralBakeError

SHARDS = (
    Shard("shard-00000.safetensors", "train", 0, 3, 11),
    Shard("shard-00001.safetensors", "train", 3, 2, 12),
    Shard("shard-00002.safetensors", "choose", 0, 4, 13),
)


def values(shard: Shard) -> np.ndarray:
    """Each point's own number: 0, 1, ... in train, 100, 101, ... in choose."""
    numbers = shard.first + np.arange(shard.count) + (100 if shard.set == "choose" else 0)
    return np.repeat(numbers[:, None], 3, axis=1).astype(np.float32)


def write_shard(folder: Path, info: dict, shard: Shard, arrays: dict | None = None) -> None:
    arrays = arrays or {"direct": values(shard), "indirect": 2.0 * values(shard)}
    tensorfile.write(folder / shard.file, arrays, shard_metadata(info, shard))


def read_info(folder: Path) -> dict:
    return json.loads((folder / "dataset.json").read_text("utf-8"))


def change_info(folder: Path, **changes: object) -> dict:
    info = {**read_info(folder), **changes}
    (folder / "dataset.json").write_text(json.dumps(info), "utf-8")
    return info


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "dataset"
    folder.mkdir()
    tensorfile.write(folder / "plan.safetensors", {"train_positions": np.zeros((5, 3), np.float32)})
    digest = tensorfile.read(folder / "plan.safetensors")[1]["sha256"]
    info = {
        "schema": SCHEMA,
        "kind": "light_grid",
        "scene_hash": "5c3e",
        "plan_sha256": digest,
        # Not in the points' order, and with a key that this version does not know.
        "shards": [{**shard.__dict__, "paths": 36} for shard in reversed(SHARDS)],
    }
    (folder / "dataset.json").write_text(json.dumps(info), "utf-8")
    for shard in SHARDS:
        write_shard(folder, info, shard)
    return folder


def opening(folder: Path, code: str) -> NeuralBakeError:
    """The error of opening, which must have ``code`` and be the user's to mend."""
    with pytest.raises(NeuralBakeError) as caught:
        open_dataset(folder, "light_grid")
    assert caught.value.code == code and caught.value.exit_code == 2
    assert str(folder) in caught.value.message
    return caught.value


def measuring(folder: Path, code: str, name: str = "train") -> NeuralBakeError:
    """The error of reading one set; the folder itself opens."""
    dataset = open_dataset(folder, "light_grid")
    with pytest.raises(NeuralBakeError) as caught:
        dataset.measured(name)
    assert caught.value.code == code and caught.value.exit_code == 2
    assert "--resume" in caught.value.hint
    return caught.value


def test_a_set_is_joined_in_the_plans_order(folder: Path) -> None:
    dataset = open_dataset(folder, "light_grid")
    assert dataset.plan["train_positions"].shape == (5, 3)
    train = dataset.measured("train")
    assert set(train) == {"direct", "indirect"}
    np.testing.assert_array_equal(train["direct"][:, 0], [0, 1, 2, 3, 4])
    np.testing.assert_array_equal(train["indirect"], 2.0 * train["direct"])
    np.testing.assert_array_equal(dataset.measured("choose")["direct"][:, 1], [100, 101, 102, 103])
    assert dataset.measured("report_a") == {}


def test_shards_are_named_in_their_metadata(folder: Path) -> None:
    metadata = tensorfile.read(folder / SHARDS[1].file)[1]
    expected = {"set": "train", "first": "3", "count": "2", "seed": "12", "scene_hash": "5c3e"}
    assert expected.items() <= metadata.items()


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("set", {"set": "choose"}),
        ("first", {"first": 2}),
        ("count", {"count": 3}),
        ("seed", {"seed": 99}),
    ],
)
def test_a_shard_of_other_points(folder: Path, name: str, change: dict) -> None:
    shard = SHARDS[1]
    other = Shard(**{**shard.__dict__, **change})
    tensorfile.write(
        folder / shard.file,
        {"direct": values(shard), "indirect": values(shard)},
        shard_metadata(read_info(folder), other),
    )
    assert f"({name} differs)" in measuring(folder, "foreign_shard").message


@pytest.mark.parametrize("key", ["scene_hash", "plan_sha256"])
def test_a_shard_of_another_bake(folder: Path, key: str) -> None:
    write_shard(folder, {**read_info(folder), key: "0000"}, SHARDS[0])
    assert f"({key} differs)" in measuring(folder, "foreign_shard").message


def test_a_tensor_file_that_is_no_shard(folder: Path) -> None:
    tensorfile.write(folder / SHARDS[0].file, {"direct": values(SHARDS[0]), "indirect": values(SHARDS[0])})
    measuring(folder, "foreign_shard")


def test_a_truncated_shard(folder: Path) -> None:
    path = folder / SHARDS[1].file
    data = path.read_bytes()
    for length in (0, 7, 100, len(data) - 1):
        path.write_bytes(data[:length])
        assert path.name in measuring(folder, "corrupt_file").message
    # Other sets are not hurt by it.
    assert len(open_dataset(folder, "light_grid").measured("choose")["direct"]) == 4


def test_a_changed_shard(folder: Path) -> None:
    path = folder / SHARDS[1].file
    data = bytearray(path.read_bytes())
    data[-2] ^= 0x40
    path.write_bytes(data)
    measuring(folder, "corrupt_file")


def test_a_missing_shard(folder: Path) -> None:
    (folder / SHARDS[0].file).unlink()
    assert SHARDS[0].file in measuring(folder, "missing_shard").message


def test_a_folder_in_the_place_of_a_shard(folder: Path) -> None:
    (folder / SHARDS[0].file).unlink()
    (folder / SHARDS[0].file).mkdir()
    measuring(folder, "missing_shard")


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_light_that_is_not_finite(folder: Path, value: float) -> None:
    bad = values(SHARDS[0])
    bad[2, 1] = value
    write_shard(folder, read_info(folder), SHARDS[0], {"direct": values(SHARDS[0]), "indirect": bad})
    assert "indirect" in measuring(folder, "not_finite").message


@pytest.mark.parametrize("array", [np.zeros((2, 3)), np.zeros((4, 3)), np.zeros((0, 3)), np.array(1.0)], ids=np.shape)
def test_a_shard_of_the_wrong_length(folder: Path, array: np.ndarray) -> None:
    write_shard(folder, read_info(folder), SHARDS[0], {"direct": values(SHARDS[0]), "indirect": array})
    assert "indirect" in measuring(folder, "corrupt_file").message


def test_a_shard_without_one_of_the_arrays(folder: Path) -> None:
    write_shard(folder, read_info(folder), SHARDS[1], {"direct": values(SHARDS[1])})
    measuring(folder, "corrupt_file")


def test_no_dataset(tmp_path: Path) -> None:
    opening(tmp_path / "nothing", "no_dataset")
    (tmp_path / "empty").mkdir()
    opening(tmp_path / "empty", "no_dataset")
    (tmp_path / "file").write_text("text")
    opening(tmp_path / "file", "no_dataset")


def test_another_schema_or_kind(folder: Path) -> None:
    change_info(folder, schema="neural_bake.dataset/2")
    assert SCHEMA in opening(folder, "schema").message
    change_info(folder, schema=SCHEMA, kind="voxel")
    assert "voxel" in opening(folder, "kind").message


@pytest.mark.parametrize("file", ["../outside.safetensors", "/etc/hostname", "sub/shard.safetensors", "."])
def test_a_shard_outside_the_folder(folder: Path, file: str) -> None:
    tensorfile.write(folder.parent / "outside.safetensors", {"direct": values(SHARDS[0])})
    entries = read_info(folder)["shards"]
    entries[0]["file"] = file
    change_info(folder, shards=entries)
    opening(folder, "corrupt_file")


@pytest.mark.parametrize(
    "text",
    ["", "{", "[]", "null", "3", '"text"', "{}", "\0", "[" * 200_000, '{"schema": "neural_bake.dataset/1"}'],
    ids=lambda text: ascii(text[:20]),
)
def test_a_damaged_description(folder: Path, text: str) -> None:
    (folder / "dataset.json").write_text(text, "utf-8")
    opening(folder, "corrupt_file")


def test_a_description_that_is_no_text(folder: Path) -> None:
    (folder / "dataset.json").write_bytes(b"\xff\xfe\x00")
    opening(folder, "corrupt_file")


@pytest.mark.parametrize(
    "damage",
    [
        lambda info: info.pop("scene_hash"),
        lambda info: info.pop("plan_sha256"),
        lambda info: info.update(shards=None),
        lambda info: info.update(shards=3),
        lambda info: info.update(shards=[None]),
        lambda info: info["shards"][0].pop("seed"),
        lambda info: info["shards"][0].update(first=None),
        lambda info: info["shards"][0].update(count="x"),
        lambda info: info["shards"][0].update(file=None),
        lambda info: info["shards"][0].update(file=7),
    ],
)
def test_a_description_that_lacks_something(folder: Path, damage: typing.Callable[[dict], object]) -> None:
    info = read_info(folder)
    damage(info)
    (folder / "dataset.json").write_text(json.dumps(info), "utf-8")
    opening(folder, "corrupt_file")


def test_the_plan(folder: Path) -> None:
    plan = (folder / "plan.safetensors").read_bytes()
    (folder / "plan.safetensors").write_bytes(plan[:-1])
    opening(folder, "corrupt_file")
    tensorfile.write(folder / "plan.safetensors", {"train_positions": np.ones((5, 3), np.float32)})
    assert "not the plan" in opening(folder, "corrupt_file").message
    (folder / "plan.safetensors").unlink()
    opening(folder, "missing_plan")
