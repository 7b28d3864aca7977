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
from core.light_grid import generator, generator_training
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
    down = generator.DIRECTIONS[:, 2]
    straight = down < -0.9
    exact = 0.33 / -down[straight]
    np.testing.assert_allclose(2.0 * seen[TEXELS : 2 * TEXELS][straight], exact, rtol=0.1)
    np.testing.assert_allclose(seen[:TEXELS][straight], 0.25 / (0.25 + exact), rtol=0.05)
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
    matrices, orders = symmetries()
    assert len(matrices) == 48 and len({matrix.tobytes() for matrix in matrices}) == 48
    rays = directions(1024, 5)
    distances = np.random.default_rng(6).uniform(-0.2, 1.5, (3, 1024)).astype(np.float32)
    before = generator.features(unit_grid(), rays, distances)
    for matrix, order in zip(matrices[::5], orders[::5]):
        assert sorted(order) == list(range(generator.FEATURES))
        after = generator.features(unit_grid(), rays @ matrix.T, distances)
        np.testing.assert_allclose(after, before[:, order], atol=2e-5)


def test_numpy_equals_torch(tmp_path):
    model = GeneratorModel(3)
    seen = np.random.default_rng(7).uniform(0.0, 1.0, (1500, generator.FEATURES)).astype(np.float32)
    found = generator.Generator(tuple(model.layers())).networks(seen)
    expected = model(torch.from_numpy(seen)).detach().numpy()
    assert np.abs(expected).max() > 0.5
    np.testing.assert_allclose(found, expected, atol=1e-5)
    path = tmp_path / "generator.safetensors"
    path.write_bytes(generator.encode(model.layers()))
    np.testing.assert_allclose(generator.load(path).networks(seen), expected, atol=0.02)


def test_damaged_files_are_refused(tmp_path):
    path = tmp_path / "generator.safetensors"
    with pytest.raises(NeuralBakeError, match="cannot be read"):
        generator.load(path)
    whole = generator.FILE.read_bytes()
    path.write_bytes(whole[:-100])
    with pytest.raises(NeuralBakeError, match="damaged"):
        generator.load(path)
    tensors, metadata = tensorfile.decode(whole)
    for change in ({"0.matrix": tensors["0.matrix"][:-1]}, {"1.bias": np.full_like(tensors["1.bias"], np.nan)}):
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


class Stopping(generator_training.Lessons):
    """Lessons of a training that is stopped at its fourth step."""

    left = 3

    def batch(self, *arguments):
        if not self.left:
            raise KeyboardInterrupt
        self.left -= 1
        return super().batch(*arguments)


def test_training_is_the_same_after_a_stop(tmp_path):
    paths = [tmp_path / f"{seed}.safetensors" for seed in (3, 86)]
    for seed, path in zip((3, 86), paths):
        generator_training.write_lesson((seed, path))
    lessons = generator_training.Lessons(paths)
    before = generator_training.test(GeneratorModel(0), lessons, [0])
    (tmp_path / "whole").mkdir()
    whole = generator_training.train(lessons, tmp_path / "whole", 0, 5, 2)
    assert generator_training.test(whole, lessons, [0]) < before
    (tmp_path / "stopped").mkdir()
    with pytest.raises(KeyboardInterrupt):
        generator_training.train(Stopping(paths), tmp_path / "stopped", 0, 5, 2)
    resumed = generator_training.train(lessons, tmp_path / "stopped", 0, 5, 2)
    assert generator.encode(resumed.layers()) == generator.encode(whole.layers())
