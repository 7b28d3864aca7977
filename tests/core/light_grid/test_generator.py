# SPDX-FileCopyrightText: 2026 Neural Bake developers
#
# SPDX-License-Identifier: GPL-3.0-or-later

"""The generator of weighting networks: what it sees, what it says, its file, and its training."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from build_tools import package
from core import tensorfile
from core.errors import NeuralBakeError
from core.light_grid import generator, generator_lessons, generator_training
from core.light_grid.evaluation import OURS, BakedGrid
from core.light_grid.generator_model import GeneratorModel, symmetries

from .builders import box, constant_sh, directions, in_world

TEXELS = len(generator.DIRECTIONS)


def unit_grid(resolution: tuple = (4, 4, 4), spacing: tuple = (1.0, 1.0, 1.0), degrees: float = 0.0):
    half = tuple(0.5 * n * step for n, step in zip(resolution, spacing))
    return box(half=half, resolution=resolution, degrees=degrees)


def to_plane(rays: np.ndarray, height: float) -> np.ndarray:
    """Distances (1, R) along ``rays`` to a floor ``height`` below."""
    down = -rays[:, 2]
    return np.where(down > 1e-6, height / np.maximum(down, 1e-6), 1e30).astype(np.float32)[None]


def test_features_of_empty_space():
    rays = directions(512, 1)
    seen = generator.features(unit_grid(), rays, np.full((2, 512), 1e30, np.float32))
    assert seen.shape == (2, generator.FEATURES) and seen.dtype == np.float32
    # Beyond the reach of 2 spacings: nearness 0.25 / 2.25, distance 2 / 2, no back faces, everything visible.
    for block, value in enumerate((1.0 / 9.0, 1.0, 0.0)):
        np.testing.assert_allclose(seen[:, block * TEXELS : (block + 1) * TEXELS], value, atol=1e-5)
    np.testing.assert_array_equal(seen[:, 3 * TEXELS :], 1.0)


def test_features_above_a_floor():
    rays = directions(4096, 2)
    seen = generator.features(unit_grid(), rays, to_plane(rays, 0.33))[0]
    # Towards the floor depth is its height, whatever the angle; corners of the face also see what lies beside it.
    down = generator.DIRECTIONS[:, 2]
    straight = down < -0.8
    np.testing.assert_allclose(2.0 * seen[TEXELS : 2 * TEXELS][straight], 0.33, rtol=1e-4)
    np.testing.assert_allclose(seen[:TEXELS][straight], 0.25 / 0.58, rtol=1e-4)
    # Support points lie at heights -5/6, -1/2, -1/6 and up; the floor hides the two lowest layers.
    visible = seen[3 * TEXELS :]
    assert visible[generator.SUPPORT[:, 2] < -0.4].max() == 0.0
    assert visible[generator.SUPPORT[:, 2] > -0.2].min() > 0.9


def test_back_faces_are_seen_as_such():
    rays = directions(2048, 3)
    distances = np.where(rays[:, 0] > 0.0, -0.4, 0.4).astype(np.float32)[None]
    back = generator.features(unit_grid(), rays, distances)[0, 2 * TEXELS : 3 * TEXELS]
    assert back[generator.DIRECTIONS[:, 0] > 0.5].min() > 0.99
    assert back[generator.DIRECTIONS[:, 0] < -0.5].max() < 0.01


def test_features_follow_the_grid():
    """A place stretched, turned and moved together with its grid looks the same."""
    rays = directions(1024, 4)
    expected = generator.features(unit_grid(), rays, to_plane(rays, 0.4))
    grid = unit_grid(spacing=(2.0, 0.5, 3.0), degrees=30.0)
    steps = 2.0 * grid.matrix[:3, :3] / np.array(grid.resolution)
    there = rays @ steps.T
    lengths = np.linalg.norm(there, axis=1)
    distances = np.minimum(to_plane(rays, 0.4) * lengths, 1e30)
    found = generator.features(grid, (there / lengths[:, None]).astype(np.float32), distances)
    np.testing.assert_allclose(found, expected, atol=2e-4)


def test_symmetries_turn_features():
    matrices, orders, around = symmetries()
    assert len(matrices) == 48 and len({matrix.tobytes() for matrix in matrices}) == 48
    rays = directions(1024, 5)
    distances = np.random.default_rng(6).uniform(-0.2, 1.5, (3, 1024)).astype(np.float32)
    before = generator.features(unit_grid(), rays, distances)
    for matrix, order in zip(matrices[::5], orders[::5]):
        assert sorted(order) == list(range(generator.FEATURES))
        after = generator.features(unit_grid(), rays @ matrix.T, distances)
        np.testing.assert_allclose(after, before[:, order], atol=2e-5)
    for matrix, order in zip(matrices, around):
        np.testing.assert_array_equal(generator.NEIGHBOURS[order] @ matrix.T, generator.NEIGHBOURS)


def test_neighbours_of_a_grid():
    around = generator.neighbours((3, 4, 3))
    step = {tuple(step): number for number, step in enumerate(generator.NEIGHBOURS)}
    probe = (1 * 4 + 2) * 3 + 1
    assert around[probe, step[(1, -1, 0)]] == (2 * 4 + 1) * 3 + 1
    assert around[probe].max() < 36 and sorted(around[0] < 36) == [False] * 19 + [True] * 7
    assert around[0, step[(0, 0, 1)]] == 1 and around[0, step[(0, 0, -1)]] == 36


def test_numpy_equals_torch(tmp_path):
    model, resolution = GeneratorModel(3), (11, 12, 10)
    seen = np.random.default_rng(7).uniform(0.0, 1.0, (1320, generator.FEATURES)).astype(np.float32)
    found = generator.Generator(model.layers()).networks(seen, resolution)
    expected = model(torch.from_numpy(seen), torch.from_numpy(generator.neighbours(resolution))).detach().numpy()
    assert np.abs(expected).max() > 0.5
    np.testing.assert_allclose(found, expected, atol=2e-5)
    path = tmp_path / "generator.safetensors"
    path.write_bytes(generator.encode(model.layers()))
    np.testing.assert_allclose(generator.load(path).networks(seen, resolution), expected, atol=0.02)


def test_damaged_files_are_refused(tmp_path):
    path = tmp_path / "generator.safetensors"
    with pytest.raises(NeuralBakeError, match="cannot be read"):
        generator.load(path)
    whole = generator.FILE.read_bytes()
    path.write_bytes(whole[:-100])
    with pytest.raises(NeuralBakeError, match="damaged"):
        generator.load(path)
    tensors, metadata = tensorfile.decode(whole)
    for change in ({"own.matrix": tensors["own.matrix"][:-1]}, {"say.bias": np.full_like(tensors["say.bias"], np.nan)}):
        tensorfile.write(path, {**tensors, **change}, metadata)
        with pytest.raises(NeuralBakeError, match="damaged"):
            generator.load(path)
    tensorfile.write(path, dict(tensors), {**metadata, "format": "something else"})
    with pytest.raises(NeuralBakeError, match="damaged"):
        generator.load(path)


def test_the_file_is_shipped():
    assert package.contents()["core/light_grid/" + generator.FILE.name] == generator.FILE
    assert generator.FILE.stat().st_size <= 2_000_000


def test_generated_networks_stop_at_a_wall():
    """A closed wall between two layers of probes: beside it, the probes behind it keep almost no say."""
    grid, rays = unit_grid((4, 4, 4)), directions(2048, 8)
    places = grid.probe_positions()
    wall = 0.1  # a plane x = 0.1; probes stand at -1.5, -0.5, 0.5 and 1.5
    with np.errstate(divide="ignore"):
        distances = (wall - places[:, :1]) / rays[None, :, 0]
    distances = np.where(distances > 0.0, distances, 1e30).astype(np.float32)
    weights = generator.load().weights(grid, rays, distances)
    light = np.where(places[:, :1, None] < wall, 1.0, 0.0) * constant_sh(grid.count, 1.0)
    points = in_world(grid, np.random.default_rng(9).uniform((1.1, 1.0, 1.0), (1.55, 2.0, 2.0), (500, 3)))
    normals = directions(500, 10)
    baked = BakedGrid(grid, light.astype(np.float32), OURS, 0.0, weights)
    plain = BakedGrid(grid, light.astype(np.float32), OURS, 0.0, np.zeros_like(weights))
    assert baked.irradiance(points, normals).mean() > 0.95
    assert plain.irradiance(points, normals).mean() < 0.75


def test_training_is_the_same_after_a_stop(tmp_path, monkeypatch):
    paths = [tmp_path / f"{seed}.safetensors" for seed in (86, 3)]
    for seed, path in zip((86, 3), paths):
        generator_lessons.write_lesson((seed, path))
    before = generator_training.test(GeneratorModel(0), paths)
    (tmp_path / "whole").mkdir()
    whole = generator_training.train(paths, tmp_path / "whole", 0, 5, 1, 2)
    assert generator_training.test(whole, paths) < before
    learn, left = generator_training.Batches.learn, [3]

    def stopping(*arguments):
        if not left[0]:
            raise KeyboardInterrupt
        left[0] -= 1
        learn(*arguments)

    (tmp_path / "stopped").mkdir()
    monkeypatch.setattr(generator_training.Batches, "learn", stopping)
    with pytest.raises(KeyboardInterrupt):
        generator_training.train(paths, tmp_path / "stopped", 0, 5, 1, 2)
    left[0] = 100
    resumed = generator_training.train(paths, tmp_path / "stopped", 0, 5, 2, 2)
    assert left[0] == 97 and generator.encode(resumed.layers()) == generator.encode(whole.layers())


def test_layers_are_turned_as_their_inputs():
    first = np.random.default_rng(1).standard_normal((2, 24)).astype(np.float32)
    inputs = np.random.default_rng(2).standard_normal((7, 3)).astype(np.float32)
    for matrix in symmetries()[0][[5, 40]]:
        turned = generator_training._turned(matrix.T, first).reshape(2, 3, 8)
        np.testing.assert_allclose(inputs @ turned, (inputs @ matrix.T) @ first.reshape(2, 3, 8), atol=1e-5)
