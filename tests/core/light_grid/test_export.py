# SPDX-FileCopyrightText: 2026 Neural Bake developers
#
# SPDX-License-Identifier: GPL-3.0-or-later

"""What ``weights.safetensors`` holds: every method survives it, and nothing damaged comes out of it."""

from __future__ import annotations

import types
import typing
from pathlib import Path

import numpy as np
import pytest
import safetensors.numpy

from core import artifact, tensorfile
from core.errors import NeuralBakeError
from core.light_grid import KIND, WEIGHTS, baselines, from_object, load
from core.light_grid.evaluation import OURS, BakedGrid, LightGrid
from core.light_grid.export import decode, encode
from tests.core.light_grid import builders

METHODS = (OURS, *baselines.METHODS)
GRID = builders.box((1.0, 2.0, 3.0), (2.0, 1.0, 0.5), (3, 2, 2), 40.0)
OTHER = builders.box((4.0, 2.0, 3.0), resolution=(1, 2, 1))
POINTS, NORMALS = builders.points_in(GRID, 300, 1), builders.directions(300, 2)

Change = typing.Callable[[dict[str, np.ndarray], dict[str, str]], object]


def assert_same(first: LightGrid, second: LightGrid) -> None:
    np.testing.assert_array_equal(first.irradiance(POINTS, NORMALS), second.irradiance(POINTS, NORMALS))


def write_artifact(folder: Path, *grids: BakedGrid) -> Path:
    folder.mkdir()
    (folder / WEIGHTS).write_bytes(encode(list(grids)))
    artifact.write_manifest(folder, {"kind": KIND})
    return folder


def properties(folder: Path) -> dict[str, object]:
    """The custom properties that an object gets."""
    return {
        "neural_bake_manifest": (folder / artifact.MANIFEST).read_text("utf-8"),
        "neural_bake_weights": (folder / WEIGHTS).read_bytes(),
        "neural_bake_matrix": GRID.matrix.reshape(-1).tolist(),
    }


@pytest.mark.parametrize("method", METHODS)
def test_round_trip(method: str) -> None:
    baked = builders.baked(GRID, method, bias=0.1)
    result = decode(encode([baked]), {"kind": KIND}, "test")
    found = result.grids[0]
    assert (found.method, found.bias, found.facing) == (method, baked.bias, baked.facing)
    assert found.grid.resolution == GRID.resolution
    np.testing.assert_array_equal(found.grid.matrix, GRID.matrix)
    assert result.manifest == {"kind": KIND}
    assert_same(result, LightGrid([baked], {}))


def test_round_trip_of_two_volumes() -> None:
    parts = [builders.baked(GRID, OURS, 1), builders.baked(OTHER, OURS, 2)]
    result = decode(encode(parts), {}, "test")
    assert [baked.grid.count for baked in result.grids] == [12, 2]
    assert_same(result, LightGrid(parts, {}))


def test_tensors_are_those_of_the_documentation() -> None:
    tensors = safetensors.numpy.load(encode([builders.baked(GRID, OURS), builders.baked(OTHER, "ddgi")]))
    shapes = {name: (str(array.dtype), array.shape) for name, array in tensors.items()}
    assert shapes == {
        "0.matrix": ("float64", (4, 4)),
        "0.resolution": ("int32", (3,)),
        "0.sh": ("float32", (12, 9, 3)),
        "0.weights": ("float32", (12, 113)),
        "1.matrix": ("float64", (4, 4)),
        "1.resolution": ("int32", (3,)),
        "1.sh": ("float32", (2, 9, 3)),
        "1.valid": ("uint8", (2,)),
        "1.depth": ("float32", (2, 16, 16, 2)),
    }


def test_bytes_are_always_the_same() -> None:
    assert encode([builders.baked(GRID, OURS)]) == encode([builders.baked(GRID, OURS)])


def drop(name: str) -> Change:
    return lambda tensors, metadata: (tensors if name in tensors else metadata).pop(name)


def put(name: str, value: object) -> Change:
    return lambda tensors, metadata: (tensors if name in tensors else metadata).update({name: value})


def spoil(name: str, value: float) -> Change:
    """One number of a tensor."""

    def change(tensors: dict[str, np.ndarray], metadata: dict[str, str]) -> None:
        tensors[name] = tensors[name].copy()
        tensors[name].flat[3] = value

    return change


def reshaped(name: str, *shape: int) -> Change:
    return put(name, np.zeros(shape, np.float32))


FLAT = np.diag([1.0, 1.0, 0.0, 1.0])
DAMAGE: list[tuple[str, str, Change]] = [
    *((OURS, f"no {name}", drop(f"0.{name}")) for name in ("matrix", "resolution", "sh", "weights")),
    *((OURS, f"no {name}", drop(name)) for name in ("format", "grids", "0.method", "0.bias", "0.facing")),
    ("validity", "no valid", drop("0.valid")),
    ("ddgi", "no valid", drop("0.valid")),
    ("ddgi", "no depth", drop("0.depth")),
    (OURS, "fewer probes", reshaped("0.sh", 11, 9, 3)),
    (OURS, "more probes", reshaped("0.sh", 13, 9, 3)),
    (OURS, "four coefficients", reshaped("0.sh", 12, 4, 3)),
    (OURS, "flat coefficients", reshaped("0.sh", 12, 27)),
    (OURS, "112 weights", reshaped("0.weights", 12, 112)),
    (OURS, "no weights", reshaped("0.weights", 0, 113)),
    (OURS, "3 x 3", reshaped("0.matrix", 3, 3)),
    ("ddgi", "small maps", reshaped("0.depth", 12, 8, 8, 2)),
    ("ddgi", "few valid", put("0.valid", np.ones(11, np.uint8))),
    (OURS, "two axes", put("0.resolution", np.array([3, 4], np.int32))),
    (OURS, "four axes", put("0.resolution", np.array([3, 2, 2, 1], np.int32))),
    (OURS, "one number", put("0.resolution", np.array(12, np.int32))),
    (OURS, "nested", put("0.resolution", np.ones((3, 3), np.int32))),
    (OURS, "zero probes", put("0.resolution", np.array([3, 2, 0], np.int32))),
    (OURS, "negative", put("0.resolution", np.array([-3, -2, 2], np.int32))),
    (OURS, "huge", put("0.resolution", np.array([2**22, 2**22, 2**22], np.int64))),
    (OURS, "nan light", spoil("0.sh", np.nan)),
    (OURS, "infinite light", spoil("0.sh", np.inf)),
    (OURS, "nan weight", spoil("0.weights", np.nan)),
    (OURS, "nan matrix", spoil("0.matrix", np.nan)),
    ("ddgi", "nan depth", spoil("0.depth", np.nan)),
    (OURS, "no volume", put("0.matrix", FLAT)),
    (OURS, "unknown method", put("0.method", "magic")),
    (OURS, "bias text", put("0.bias", "much")),
    (OURS, "bias nan", put("0.bias", "nan")),
    (OURS, "bias inf", put("0.bias", "inf")),
    (OURS, "other format", put("format", "neural_bake.light_grid/3")),
    (OURS, "no grid", put("grids", "0")),
    (OURS, "minus one grid", put("grids", "-1")),
    (OURS, "too many grids", put("grids", "2")),
    (OURS, "endless grids", put("grids", "999999999999")),
    (OURS, "grids text", put("grids", "x")),
]  # fmt: skip


@pytest.mark.parametrize(("method", "change"), [entry[::2] for entry in DAMAGE], ids=[entry[1] for entry in DAMAGE])
def test_damage(method: str, change: Change) -> None:
    tensors, metadata = tensorfile.decode(encode([builders.baked(GRID, method)]))
    metadata.pop("sha256")
    tensors = dict(tensors)
    assert len(decode(tensorfile.encode(tensors, metadata), {}, "test").grids) == 1
    change(tensors, metadata)
    with pytest.raises(NeuralBakeError) as caught:
        decode(tensorfile.encode(tensors, metadata), {}, "kitchen/weights.safetensors")
    assert caught.value.exit_code == 2
    assert "kitchen/weights.safetensors" in caught.value.message


def test_truncated_weights() -> None:
    data = encode([builders.baked(OTHER, OURS)])
    for length in range(0, len(data), 101):
        with pytest.raises(NeuralBakeError):
            decode(data[:length], {}, "test")


@pytest.mark.parametrize("method", METHODS)
def test_folder_and_object_agree(tmp_path: Path, method: str) -> None:
    baked = builders.baked(GRID, method)
    folder = write_artifact(tmp_path / "result", baked)
    loaded, found = load(folder), from_object(properties(folder))
    assert_same(loaded, LightGrid([baked], {}))
    assert_same(loaded, found)
    assert loaded.manifest == found.manifest
    assert loaded.manifest["kind"] == "light_grid"


def test_load_takes_a_text(tmp_path: Path) -> None:
    assert load(str(write_artifact(tmp_path / "result", builders.baked(GRID, OURS)))).grids[0].method == OURS


def test_load_finds_what_a_kill_left_aside(tmp_path: Path) -> None:
    folder = write_artifact(tmp_path / "result", builders.baked(GRID, OURS))
    folder.rename(tmp_path / f"result{artifact.PREVIOUS}")
    assert load(tmp_path / "result").grids[0].method == OURS


def test_several_objects_share_a_result(tmp_path: Path) -> None:
    first = properties(write_artifact(tmp_path / "result", builders.baked(GRID, OURS), builders.baked(OTHER, OURS)))
    second = {"neural_bake_source": first, "neural_bake_matrix": [0.0] * 16}
    assert_same(from_object(first), from_object(second))


def refused(code: str, work: typing.Callable, argument: object) -> NeuralBakeError:
    with pytest.raises(NeuralBakeError) as caught:
        work(argument)
    assert caught.value.code == code
    return caught.value


def test_load_refuses(tmp_path: Path) -> None:
    refused("no_artifact", load, tmp_path)
    folder = write_artifact(tmp_path / "result", builders.baked(GRID, OURS))
    (folder / WEIGHTS).write_bytes(encode([builders.baked(GRID, OURS, 2)]))
    refused("wrong_hash", load, folder)
    (folder / WEIGHTS).unlink()
    refused("corrupt_file", load, folder)
    artifact.write_manifest(folder, {"kind": KIND})
    refused("corrupt_file", load, folder)
    artifact.write_manifest(folder, {"kind": "voxel"})
    refused("kind", load, folder)


def test_from_object_refuses(tmp_path: Path) -> None:
    good = properties(write_artifact(tmp_path / "result", builders.baked(GRID, OURS)))
    refused("no_artifact", from_object, {})
    for name in ("neural_bake_manifest", "neural_bake_weights"):
        refused("no_artifact", from_object, {key: value for key, value in good.items() if key != name})
    refused("corrupt_file", from_object, {**good, "neural_bake_manifest": "{"})
    refused("wrong_hash", from_object, {**good, "neural_bake_weights": encode([builders.baked(GRID, OURS, 2)])})
    refused("wrong_hash", from_object, {**good, "neural_bake_weights": good["neural_bake_weights"][:-1]})


def test_errors_name_the_object() -> None:
    class Object(types.SimpleNamespace):
        def keys(self) -> list[str]:
            return []

    assert "Volume.001" in refused("no_artifact", from_object, Object(name="Volume.001")).message
