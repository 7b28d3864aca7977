# SPDX-FileCopyrightText: 2026 Neural Bake developers
#
# SPDX-License-Identifier: GPL-3.0-or-later

"""The compact form: every bit as its page says, what is lost, and nothing damaged comes out of it."""

from __future__ import annotations

import dataclasses
import re
import types
import typing
from pathlib import Path

import numpy as np
import pytest

from core import artifact, tensorfile
from core.errors import NeuralBakeError
from core.light_grid import KIND, WEIGHTS, compact, load
from core.light_grid.compact_fitting import compress
from core.light_grid.evaluation import OURS, BakedGrid, LightGrid
from core.light_grid.export import encode, with_light
from core.light_grid.light_sets import LightSet
from core.light_grid.network import SLICES
from tests import support
from tests.core.light_grid import builders

GRID = builders.box((1.0, 2.0, 3.0), (2.0, 1.0, 0.5), (3, 2, 2), 40.0)
POINTS, NORMALS = builders.points_in(GRID, 200, 1), builders.directions(200, 2)
PAGE = support.ROOT / "docs" / "light_grid_compact.md"


def quiet(done: int, total: int) -> None:
    pass


def random_records(count: int, seed: int = 0) -> compact.Records:
    generator = np.random.default_rng(seed)
    return compact.Records(
        generator.uniform(0.01, 0.1, count).astype(np.float16),
        generator.integers(150, 200, (count, 6)).astype(np.uint8),
        generator.integers(-15, 16, (count, 57)),
        generator.integers(-31, 32, (count, 9, 3)),
        generator.random(count) < 0.5,
        2.5,
    )


def file_of(records: compact.Records) -> bytes:
    return compact.encode([(BakedGrid(GRID, np.zeros(0), OURS, 0.05), records)])


def test_every_bit_has_its_place() -> None:
    """A record put together by hand from the page's table."""
    records = compact.Records(
        np.array([0.5], np.float16),
        np.array([[192, 176, 160, 0, 208, 255]], np.uint8),
        np.zeros((1, 57), int),
        np.zeros((1, 9, 3), int),
        np.array([True]),
        3.0,
    )
    records.weights[0, 0], records.weights[0, 18], records.weights[0, 56] = -15, 4, 15
    records.sh[0, 0, 1], records.sh[0, 8, 2] = 31, -31
    number = 0x3800 | 1 << 511  # one half as float16; and the flag
    for index, step in enumerate((192, 176, 160, 0, 208, 255)):
        number |= step << 16 + 8 * index
    for index in range(57):
        number |= {0: 0, 18: 19, 56: 30}.get(index, 15) << 64 + 5 * index
    for index in range(27):
        number |= {1: 62, 26: 0}.get(index, 31) << 349 + 6 * index
    packed = compact.pack(records)
    assert packed.shape == (1, 64)
    assert int.from_bytes(packed.tobytes(), "little") == number
    network = records.networks()[0]
    assert network[SLICES["w1"]][0] == -15.0  # code 192 is a step of one
    assert network[SLICES["b1"]][0] == 2.0  # and 176 of a half
    assert network[SLICES["b3"]][0] == pytest.approx(15.0 * 2.0 ** (255 / 16 - 12), rel=1e-6)
    assert np.count_nonzero(network) == 3
    assert records.radiance()[0, 0, 1] == 31 * 0.5 * 3.0
    assert records.radiance()[0, 8, 2] == -31 * 0.5 * 3.0


def test_a_network_keeps_its_order() -> None:
    """Weight k of w1 belongs to input k // 6 and unit k % 6, of w2 to input k // 4 and unit k % 4."""
    records = random_records(1)
    records.weights[0] = np.arange(57) % 15 + 1
    records.steps[0] = 192
    network = records.networks()[0]
    w1, w2 = network[SLICES["w1"]].reshape(3, 8), network[SLICES["w2"]].reshape(8, 8)
    assert w1[1, 2] == records.weights[0, 6 + 2]
    assert w2[3, 1] == records.weights[0, 24 + 4 * 3 + 1]
    assert not w1[:, 6:].any() and not w2[6:].any() and not w2[:, 4:].any()


def test_round_trip() -> None:
    records = random_records(GRID.count)
    found = compact.unpack(compact.pack(records), records.scale)
    for field in dataclasses.fields(records):
        np.testing.assert_array_equal(getattr(found, field.name), getattr(records, field.name))
    grid = compact.decode(file_of(records), "test").grids[0]
    np.testing.assert_array_equal(grid.weights, records.networks())
    np.testing.assert_array_equal(grid.sh, records.radiance())
    np.testing.assert_array_equal(grid.inside, records.inside)
    assert (grid.grid.resolution, grid.bias) == (GRID.resolution, 0.05)
    np.testing.assert_array_equal(grid.grid.matrix, GRID.matrix)


def test_light_sets() -> None:
    """Each keeps its own light; sums and scales of them come out as before."""
    sets = [
        LightSet(name, "LAMP", (1.0, 1.0, 1.0), (factor, 0.5, 0.0)) for name, factor in (("Sun", 1.0), ("Lamp", 2.0))
    ]
    values = np.stack([builders.random_sh(GRID.count, seed) for seed in (1, 2)])
    baked = with_light(dataclasses.replace(builders.baked(GRID, OURS), sets=values), sets)
    records = compress(baked, 0, 0, quiet)
    found = compact.decode(compact.encode([(baked, records)], sets), "test")
    assert found.light_sets == tuple(sets)
    np.testing.assert_allclose(found.grids[0].sets, values, atol=0.51 * values.max() / 31)
    wanted = LightGrid([dataclasses.replace(compact.rebuild(baked, records), sets=values)], {}, sets)
    for scale in ({"Lamp": 0.0}, {"Sun": (0.0, 1.0, 2.0)}, {"all": 0.5}):
        light = wanted.irradiance(POINTS, NORMALS, scale)
        np.testing.assert_allclose(found.irradiance(POINTS, NORMALS, scale), light, atol=0.05 * light.max())
    with pytest.raises(NeuralBakeError, match="sets of grid 0"):
        tensors, metadata = tensorfile.decode(compact.encode([(baked, records)], sets))
        compact.decode(tensorfile.encode({**tensors, "0.sets": tensors["0.sets"][:1]}, metadata), "test")


def test_the_decoder_of_the_page() -> None:
    """Whoever follows the page alone gets our irradiance."""
    source = re.search(r"```python\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL)[1]
    page = types.ModuleType("page")
    exec(compile(source, str(PAGE), "exec"), page.__dict__)
    data = file_of(random_records(GRID.count, 3))
    grid = page.read(data)
    theirs = [page.irradiance(grid, *pair) for pair in zip(POINTS[:60], NORMALS[:60])]
    ours = compact.decode(data, "test").irradiance(POINTS[:60], NORMALS[:60])
    np.testing.assert_allclose(ours, theirs, rtol=2e-3, atol=2e-3)
    assert np.mean(ours > 0.0) > 0.3


def test_little_is_lost_and_learning_helps() -> None:
    """Probes ten times brighter than their neighbours: what is lost is how the networks share the cell."""
    bright = 10.0 ** np.random.default_rng(4).integers(0, 2, (GRID.count, 1))
    teacher = builders.baked(GRID, OURS, 5, builders.constant_sh(GRID.count, bright * (1.0, 0.8, 0.5)))
    wanted = LightGrid([teacher], {}).irradiance(POINTS, NORMALS)

    def error(steps: int) -> float:
        found = compact.rebuild(teacher, compress(teacher, steps, 0, quiet)).irradiance(POINTS, NORMALS)
        return float(np.sqrt(np.mean((found - wanted) ** 2)) / wanted.mean())

    learned, rounded = error(80), error(0)
    assert (learned < 0.08, learned < 0.6 * rounded) == (True, True), (learned, rounded)


def test_the_same_seed_gives_the_same_bytes() -> None:
    teacher = builders.baked(GRID, OURS, 6)
    packed = [compact.pack(compress(teacher, 5, seed, quiet)).tobytes() for seed in (1, 1, 2)]
    assert packed[0] == packed[1] != packed[2]


def test_dim_and_bright_scenes_lose_alike() -> None:
    teacher = builders.baked(GRID, OURS, 7)
    codes = [
        compact.pack(compress(dataclasses.replace(teacher, sh=teacher.sh * np.float32(factor)), 0, 0, quiet))
        for factor in (2.0**-40, 1.0, 2.0**40)
    ]
    np.testing.assert_array_equal(codes[0], codes[1])
    np.testing.assert_array_equal(codes[2], codes[1])


def test_darkness_stays_dark() -> None:
    black = dataclasses.replace(builders.baked(GRID, OURS, 8), sh=np.zeros((GRID.count, 9, 3), np.float32))
    assert not compact.rebuild(black, compress(black, 2, 0, quiet)).irradiance(POINTS, NORMALS).any()


def test_trilinear_and_rivals() -> None:
    teacher = builders.baked(GRID, "trilinear", 9)
    found = compact.rebuild(teacher, compress(teacher, 0, 0, quiet))
    assert not found.weights.any()
    wanted = teacher.irradiance(POINTS, NORMALS)
    np.testing.assert_allclose(found.irradiance(POINTS, NORMALS), wanted, atol=0.1 * wanted.mean())
    for method in ("validity", "ddgi"):
        with pytest.raises(NeuralBakeError, match="has no compact form"):
            compress(builders.baked(GRID, method), 0, 0, quiet)


Change = typing.Callable[[dict[str, np.ndarray], dict[str, str]], object]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda tensors, metadata: metadata.update(format="neural_bake.light_grid.compact/9"), "compact/9"),
        (lambda tensors, metadata: metadata.pop("0.scale"), "is damaged"),
        (lambda tensors, metadata: metadata.update({"0.scale": "-1"}), "the scale -1"),
        (lambda tensors, metadata: metadata.update({"0.bias": "nan"}), "the bias nan"),
        (lambda tensors, metadata: metadata.update(grids="0"), "holds no grid"),
        (lambda tensors, metadata: tensors.pop("0.records"), "is damaged"),
        (lambda tensors, metadata: tensors.update({"0.records": tensors["0.records"][1:]}), "not .12, 64."),
        (lambda tensors, metadata: tensors["0.records"].fill(255), "out of range"),
        (lambda tensors, metadata: tensors.update({"0.resolution": np.array([3, 0, 2], np.int32)}), "resolution"),
        (lambda tensors, metadata: tensors["0.matrix"].fill(0.0), "no volume"),
    ],
)
def test_damage(change: Change, message: str) -> None:
    tensors, metadata = tensorfile.decode(file_of(random_records(GRID.count)))
    tensors = {name: array.copy() for name, array in tensors.items()}
    metadata.pop("sha256")
    change(tensors, metadata)
    with pytest.raises(NeuralBakeError, match=message):
        compact.decode(tensorfile.encode(tensors, metadata), "probes.safetensors")


def test_a_truncated_file() -> None:
    with pytest.raises(NeuralBakeError, match="truncated"):
        compact.decode(file_of(random_records(GRID.count))[:-1], "probes.safetensors")


def test_the_command(tmp_path: Path) -> None:
    """From a result's folder to a file that loads, with two volumes; and what it refuses."""
    other = builders.baked(builders.box((4.0, 2.0, 3.0), resolution=(1, 2, 1)), OURS)
    folder, out = tmp_path / "result", tmp_path / "probes.safetensors"
    folder.mkdir()
    (folder / WEIGHTS).write_bytes(encode([builders.baked(GRID, OURS), other]))
    artifact.write_manifest(folder, {"kind": KIND})
    result = support.run("compact", folder, "--out", out)
    assert (result.returncode, result.stderr) == (0, "")
    assert "14 probes of 64 bytes" in result.stdout
    wanted, found = (load(path).irradiance(POINTS, NORMALS) for path in (folder, out))
    assert np.sqrt(np.mean((found - wanted) ** 2)) < 0.05 * wanted.mean()
    refused = support.run("compact", tmp_path, "--out", out)
    assert refused.returncode == 2
    assert "holds no result" in support.one_line(refused)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["probes.safetensors", "result"]
