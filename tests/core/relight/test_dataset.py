# SPDX-FileCopyrightText: 2026 Neural Bake developers
#
# SPDX-License-Identifier: GPL-3.0-or-later

"""The relight dataset: what a capture writes comes back as arrays, and what is missing is told."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from core import tensorfile
from core.dataset import SCHEMA, Shard, shard_metadata
from core.errors import NeuralBakeError
from core.relight import dataset

HEIGHT, WIDTH = 3, 4
COUNTS = {"train": 3, "report": 2, "visibility": 2}
# In two shards, and not in the plan's order.
SHARDS = (
    Shard("shard-00001.safetensors", "train", 2, 1, 12),
    Shard("shard-00000.safetensors", "train", 0, 2, 11),
    Shard("shard-00002.safetensors", "report_a", 0, 2, 13),
    Shard("shard-00003.safetensors", "report_b", 0, 2, 14),
    Shard("shard-00004.safetensors", "base", 0, 1, 15),
    Shard("shard-00005.safetensors", "buffers", 0, 1, 16),
    Shard("shard-00006.safetensors", "visibility", 0, 2, 17),
)
LEVELS = {"train": 0.0, "report_a": 10.0, "report_b": 20.0, "base": 30.0}


def arrays_of(shard: Shard) -> dict[str, np.ndarray]:
    """Each picture is of one level: its number in its set, plus the set's own level."""
    numbers = shard.first + np.arange(shard.count, dtype=np.float32)
    if shard.set == "visibility":
        return {"visibility": np.broadcast_to((100 + numbers).astype(np.uint8)[:, None, None], (2, HEIGHT, WIDTH))}
    if shard.set == "buffers":
        plane = np.ones((1, HEIGHT, WIDTH, 3), np.float32)
        return {
            "albedo": 0.5 * plane,
            "gloss": 0.1 * plane,
            "normal": plane,
            "position": 2.0 * plane,
            "coverage": plane[..., 0],
        }
    level = (LEVELS[shard.set] + numbers).reshape(-1, 1, 1, 1)
    return {"image": np.broadcast_to(level, (shard.count, HEIGHT, WIDTH, 3)).astype(np.float32)}


def write(folder: Path, shards: tuple[Shard, ...] = SHARDS, **changes: object) -> Path:
    """A dataset folder as a capture leaves it; ``changes`` replace values of dataset.json."""
    folder.mkdir(exist_ok=True)
    plan = {}
    for name, count in COUNTS.items():
        plan[f"{name}_lights"] = np.arange(3 * count, dtype=np.float32).reshape(count, 3)
        plan[f"{name}_aims"] = np.zeros((count, 3), np.float32)
        plan[f"{name}_lamp"] = np.zeros(count, np.int32)
    tensorfile.write(folder / "plan.safetensors", plan)
    info = {
        "schema": SCHEMA,
        "kind": "relight",
        "scene_hash": "5c3e",
        "plan_sha256": tensorfile.read(folder / "plan.safetensors")[1]["sha256"],
        "lamps": [{"name": "Key", "type": "POINT", "light": "position"}],
        "camera": {"name": "Camera", "width": WIDTH, "height": HEIGHT},
        "shards": [shard.__dict__ for shard in shards],
        **changes,
    }
    (folder / "dataset.json").write_text(json.dumps(info), "utf-8")
    for shard in shards:
        tensorfile.write(folder / shard.file, arrays_of(shard), shard_metadata(info, shard))
    return folder


def test_every_set_comes_back_in_the_order_of_the_plan(tmp_path: Path) -> None:
    data = dataset.read(write(tmp_path / "dataset"))
    assert data.train.images.shape == (3, HEIGHT, WIDTH, 3) and data.train.images.dtype == np.float32
    assert data.train.images[:, 0, 0, 0].tolist() == [0.0, 1.0, 2.0]
    assert data.train.lights.tolist() == [[0, 1, 2], [3, 4, 5], [6, 7, 8]]
    assert data.train.lamp.dtype == np.int32 and len(data.train) == 3
    assert data.report.images[:, 0, 0, 0].tolist() == [15.0, 16.0], "the mean of 10 and 20, of 11 and 21"
    assert data.report_b[:, 0, 0, 0].tolist() == [20.0, 21.0]
    assert data.base.shape == (HEIGHT, WIDTH, 3) and data.base[0, 0, 0] == 30.0
    assert {name: array.shape for name, array in data.buffers.items()} == {
        "albedo": (HEIGHT, WIDTH, 3),
        "gloss": (HEIGHT, WIDTH, 3),
        "normal": (HEIGHT, WIDTH, 3),
        "position": (HEIGHT, WIDTH, 3),
        "coverage": (HEIGHT, WIDTH),
    }
    assert data.visibility.values.dtype == np.uint8 and data.visibility.values[:, 0, 0].tolist() == [100, 101]
    assert data.lamps[0]["name"] == "Key" and data.camera["width"] == WIDTH and data.size == (HEIGHT, WIDTH)


def test_a_black_rest_of_the_scene_has_no_picture(tmp_path: Path) -> None:
    shards = tuple(shard for shard in SHARDS if shard.set != "base")
    assert dataset.read(write(tmp_path / "dataset", shards)).base is None


@pytest.mark.parametrize("missing", ["train", "report_b", "visibility"])
def test_a_missing_set_is_told(tmp_path: Path, missing: str) -> None:
    shards = tuple(shard for shard in SHARDS if shard.set != missing)
    with pytest.raises(NeuralBakeError, match=f"no complete set {missing}"):
        dataset.read(write(tmp_path / "dataset", shards))


def test_a_picture_of_another_size_is_told(tmp_path: Path) -> None:
    with pytest.raises(NeuralBakeError, match="no complete set train"):
        dataset.read(write(tmp_path / "dataset", camera={"width": WIDTH + 1, "height": HEIGHT}))


def test_a_lamp_that_does_not_exist_is_told(tmp_path: Path) -> None:
    with pytest.raises(NeuralBakeError, match="no complete set train"):
        dataset.read(write(tmp_path / "dataset", lamps=[]))


def test_missing_descriptions_are_told(tmp_path: Path) -> None:
    with pytest.raises(NeuralBakeError, match="does not describe its lamps and camera"):
        dataset.read(write(tmp_path / "dataset", camera=None))
