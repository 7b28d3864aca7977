# SPDX-FileCopyrightText: 2026 Neural Bake developers
#
# SPDX-License-Identifier: GPL-3.0-or-later

"""A dataset folder as the light grid's arrays."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from core.errors import NeuralBakeError
from core.light_grid.dataset import load_dataset
from tests.core.light_grid import builders

GRIDS = (builders.box((-1.0, 0.0, 0.0), resolution=(2, 2, 1)), builders.box((1.0, 0.0, 0.0), resolution=(3, 1, 1)))
# Indirect light is the point's x, direct light is the normal's z: every value tells whose it is.
SCENE = builders.Scene(
    indirect=lambda points, normals: builders.grey(points[:, 0]),
    direct=lambda points, normals: builders.grey(normals[:, 2]),
    distances=lambda origins, rays: np.broadcast_to(origins[:, :1] + 10.0, (len(origins), len(rays))),
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return builders.write_dataset(tmp_path_factory.mktemp("set") / "dataset", SCENE, GRIDS, camera=(5, 4), seed=5)


@pytest.mark.parametrize("name", ["train", "choose"])
def test_samples(folder: Path, name: str) -> None:
    samples = load_dataset(folder, "indirect").samples(name)
    assert len(samples) == len(samples.positions) > 300
    np.testing.assert_allclose(samples.stored[:, 1], samples.positions[:, 0], rtol=1e-6)
    np.testing.assert_allclose(samples.total[:, 1], samples.positions[:, 0] + samples.normals[:, 2], atol=1e-6)
    total = load_dataset(folder, "total").samples(name)
    np.testing.assert_array_equal(total.stored, samples.total)
    np.testing.assert_array_equal(total.indirect, samples.stored)


def test_both_report_halves_are_of_the_same_points(folder: Path) -> None:
    dataset = load_dataset(folder, "indirect")
    first, second = dataset.samples("report_a", "report"), dataset.samples("report_b", "report")
    np.testing.assert_array_equal(first.positions, second.positions)
    np.testing.assert_allclose(first.stored[:, 0], first.positions[:, 0], rtol=1e-6)


@pytest.mark.parametrize("light", ["indirect", "total"])
def test_probes_are_counted_grid_by_grid(folder: Path, light: str) -> None:
    dataset = load_dataset(folder, light)
    probes = dataset.probes()
    origins = np.concatenate([grid.probe_positions() for grid, _ in dataset.grids])
    assert [(part.start, part.stop) for _, part in dataset.grids] == [(0, 4), (4, 7)]
    expected = origins[:, None, 0] + (probes.directions[None, :, 2] if light == "total" else 0.0)
    np.testing.assert_allclose(probes.irradiance[..., 2], np.broadcast_to(expected, (7, 16)), atol=1e-6)
    np.testing.assert_allclose(probes.ray_distances[:, 0], origins[:, 0] + 10.0, rtol=1e-6)
    assert probes.valid.dtype == probes.reached.dtype == bool and probes.valid.all()
    assert len(probes.ray_directions) == probes.ray_distances.shape[1]


def test_grids(folder: Path) -> None:
    dataset = load_dataset(folder, "indirect")
    assert dataset.names == ["Volume.0", "Volume.1"]
    for (found, _), grid in zip(dataset.grids, GRIDS, strict=True):
        assert found.resolution == grid.resolution
        np.testing.assert_array_equal(found.matrix, grid.matrix)
    assert dataset.settings.seed == 5


def test_view(folder: Path, tmp_path: Path) -> None:
    view = load_dataset(folder, "indirect").view()
    assert (view.width, view.height) == (5, 4)
    assert view.pixels.tolist() == list(range(20)) and len(view.samples) == 20
    np.testing.assert_allclose(view.samples.stored[:, 0], view.samples.positions[:, 0], rtol=1e-6)
    without = builders.write_dataset(tmp_path / "dataset", SCENE, GRIDS)
    assert load_dataset(without, "indirect").view() is None


def test_an_unknown_set(folder: Path) -> None:
    with pytest.raises(NeuralBakeError) as caught:
        load_dataset(folder, "indirect").samples("test")
    assert caught.value.code == "corrupt_file" and "test" in caught.value.message
