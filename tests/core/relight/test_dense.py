# SPDX-FileCopyrightText: 2026 Neural Bake developers
#
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import itertools

import numpy as np
import pytest

from core.errors import NeuralBakeError
from core.relight.dense import DenseModel, LightCoordinates, pixel_features
from core.relight.tone import Tone


def directions(count: int, seed: int, *, both: bool = False) -> np.ndarray:
    found = np.random.default_rng(seed).normal(size=(count, 3)).astype(np.float32)
    found[:, 2] = found[:, 2] if both else np.abs(found[:, 2])
    return found / np.linalg.norm(found, axis=1, keepdims=True)


def model(seed: int = 0, hidden: int = 16, size: tuple[int, int] = (5, 7), *, both: bool = False) -> DenseModel:
    rng = np.random.default_rng(seed)
    sizes = [7, hidden, hidden, 3]
    layers = tuple(
        (rng.normal(size=pair).astype(np.float32) * 0.5, rng.normal(size=pair[1]).astype(np.float32) * 0.1)
        for pair in itertools.pairwise(sizes)
    )
    coordinates = LightCoordinates.from_lights(directions(20, seed, both=both), "direction")
    return DenseModel(layers, rng.random((*size, 3)).astype(np.float16), Tone(0.01, 3.0), coordinates, 12)


@pytest.mark.parametrize("both", [False, True])
def test_directions_become_two_coordinates_from_0_to_1(both: bool) -> None:
    lights = directions(500, 3, both=both)
    mapping = LightCoordinates.from_lights(lights, "direction")
    places = mapping(lights)
    assert mapping.octahedral is both and places.shape == (500, 2) and places.dtype == np.float32
    assert places.min() >= 0.0 and places.max() <= 1.0
    # one to one: near coordinates belong to near directions, away from the map's border
    inner = np.all(np.abs(places - 0.5) < 0.45, axis=1)
    gaps = np.linalg.norm(places[inner, None] - places[None, inner], axis=2)
    turns = np.linalg.norm(lights[inner, None] - lights[None, inner], axis=2)
    assert turns[gaps < 0.02].max() < 0.25


def test_coordinates_by_hand() -> None:
    up = LightCoordinates.from_lights(np.array([[0.6, 0.0, 0.8], [0.0, -1.0, 0.0]], np.float32), "direction")
    np.testing.assert_allclose(up(np.array([[0.6, 0.0, 0.8], [0.0, -1.0, 0.0]])), [[0.8, 0.5], [0.5, 0.0]], atol=1e-7)
    folded = LightCoordinates.from_lights(np.array([[0.0, 0.0, 1.0], [0.0, 0.0, -1.0]]), "direction")
    np.testing.assert_allclose(folded(np.array([[0.0, 0.0, 1.0]])), [[0.5, 0.5]])
    # |x| + |y| + |z| = 1.8: (1/3, 4/9) folds to (5/9, 2/3)
    below = np.array([[0.6, 0.8, -0.4]]) / np.sqrt(1.16)
    np.testing.assert_allclose(folded(below), [[0.5 + 0.5 * 5 / 9, 0.5 + 0.5 * 2 / 3]], atol=1e-6)


def test_positions_keep_the_axes_along_which_they_move() -> None:
    box = np.array([[0.0, -1.0, 2.0], [4.0, 1.0, 2.0], [2.0, 0.0, 2.0]], np.float32)
    flat = LightCoordinates.from_lights(box, "position")
    np.testing.assert_allclose(flat(box), [[0.0, 0.0], [1.0, 1.0], [0.5, 0.5]])
    box[0, 2] = 1.0
    assert LightCoordinates.from_lights(box, "position")(box).shape == (3, 3)
    assert LightCoordinates.from_lights(box[:1], "position")(box[:1]).tolist() == [[0.0]]
    angles = np.linspace(0.0, 6.0, 40)
    ring = np.stack([np.cos(angles), np.sin(angles), 0.0 * angles], axis=1)
    assert LightCoordinates.from_lights(ring, "rotation")(ring).shape == (40, 2)


def test_pixels_go_from_the_left_top() -> None:
    mean = np.arange(24.0).reshape(2, 4, 3)
    features = pixel_features(mean)
    assert features.shape == (8, 5) and features.dtype == np.float32
    np.testing.assert_array_equal(features[6], [0.5, 0.5, 18.0, 19.0, 20.0])


def test_a_picture_by_hand() -> None:
    """Two units: light x plus pixel x, and mean R minus one (never above 0); outputs sum, twice it, and below 0."""
    first = np.zeros((7, 2), np.float32)
    first[[0, 2, 4], [0, 0, 1]] = 1.0
    last = np.array([[1.0, 2.0, -1.0], [5.0, 5.0, 5.0]], np.float32)
    layers = ((first, np.array([0.0, -1.0], np.float32)), (last, np.array([0.25, 0.0, 0.0], np.float32)))
    mapping = LightCoordinates.from_lights(directions(9, 0), "direction")
    dense = DenseModel(layers, np.full((1, 2, 3), 0.5, np.float16), Tone(1.0, 3.0), mapping)
    result = dense.render(np.array([0.6, 0.0, 0.8]))  # coordinates 0.8, 0.5
    toned = np.array([[[1.05, 1.6, 0.0], [1.55, 2.6, 0.0]]])
    np.testing.assert_allclose(result, toned**2.2 * 2.0 + 1.0, rtol=1e-5)
    assert result.dtype == np.float32 and dense.parameters == 7 * 2 + 2 + 2 * 3 + 3


def test_tensors_and_back() -> None:
    dense = model(both=True)
    tensors = {"other": np.zeros(3), **dense.tensors("dense.0"), **model(1).tensors("dense.1")}
    again = DenseModel.from_tensors(tensors, "dense.0")
    light = directions(1, 9, both=True)[0]
    np.testing.assert_array_equal(again.render(light), dense.render(light))
    assert again.steps == 12 and again.tone == dense.tone


@pytest.mark.parametrize("name", ["mean", "1.biases", "0.weights", "2.weights", "light_axes", "tone"])
def test_damaged_tensors_are_refused(name: str) -> None:
    tensors = model().tensors("x")
    with pytest.raises(NeuralBakeError, match="FILE holds no whole dense network"):
        DenseModel.from_tensors({**tensors, f"x.{name}": tensors[f"x.{name}"][..., 1:]}, "x", "FILE")
    del tensors[f"x.{name}"]
    with pytest.raises(NeuralBakeError, match="FILE holds no whole dense network"):
        DenseModel.from_tensors(tensors, "x", "FILE")
