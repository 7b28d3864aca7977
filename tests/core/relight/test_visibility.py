# SPDX-FileCopyrightText: 2026 Neural Bake developers
#
# SPDX-License-Identifier: GPL-3.0-or-later

import numpy as np
import pytest

from core.errors import NeuralBakeError
from core.relight import visibility

PIXELS = np.linspace(-1.0, 1.0, 400)


def shadow(light: np.ndarray) -> np.ndarray:
    """Light (P,) beside a wall whose shadow's edge moves with the lamp."""
    return np.where(PIXELS > 0.7 * light[0] - 0.2 * light[1], 255, 0).astype(np.uint8)


def places(count: int, seed: int) -> np.ndarray:
    flat = np.random.default_rng(seed).uniform(-1.0, 1.0, (count, 2))
    return np.column_stack([flat, np.ones(count)]).astype(np.float32)


def test_an_edge_between_traced_places_is_moved_and_not_blended() -> None:
    lights = places(60, 0)
    table = visibility.learn(lights, np.stack([shadow(light) for light in lights]), 0)
    assert table.steepness > 1.0
    asked = 0.8 * places(50, 1)
    blend = np.mean([np.abs(_blended(lights, light) - shadow(light) / 255.0) for light in asked])
    moved = np.mean([np.abs(table.at(*table.weights(light)) - shadow(light) / 255.0) for light in asked])
    assert moved < 0.85 * blend


def _blended(lights: np.ndarray, light: np.ndarray) -> np.ndarray:
    """The nearest three shadows by inverse distance: what blending looks like."""
    distance = np.linalg.norm(lights - light, axis=1)
    near = np.argsort(distance)[:3]
    shares = 1.0 / (distance[near] + 1e-9)
    return (shares / shares.sum()) @ np.stack([shadow(lights[index]) / 255.0 for index in near])


def test_a_soft_shadow_is_not_cut() -> None:
    lights = places(80, 2)
    ramp = np.clip(PIXELS[None] - 0.3 * lights[:, :1] + 0.5, 0.0, 1.0)
    table = visibility.learn(lights, np.rint(255.0 * ramp).astype(np.uint8), 0)
    assert table.steepness == 1.0
    found = table.at(*table.weights(np.array([0.1, 0.2, 1.0])))
    assert np.abs(found - np.clip(PIXELS - 0.03 + 0.5, 0.0, 1.0)).max() < 0.06


def test_few_places_are_taken_as_they_are() -> None:
    lights = places(3, 3)
    table = visibility.learn(lights, np.stack([shadow(light) for light in lights]), 0)
    assert np.allclose(table.at(*table.weights(lights[1])), shadow(lights[1]) / 255.0)


@pytest.mark.parametrize("shape", [(3, 5), (4, 6), (1, 1)])
def test_packing_keeps_sixteen_levels(shape: tuple[int, int]) -> None:
    values = (17 * np.random.default_rng(0).integers(0, 16, shape)).astype(np.uint8)
    assert np.array_equal(visibility.unpack(visibility.pack(values), shape, "test"), values)


def test_damaged_shadows_are_refused() -> None:
    packed = visibility.pack(np.full((2, 8), 255, np.uint8))
    with pytest.raises(NeuralBakeError, match="another size"):
        visibility.unpack(packed, (2, 9), "FILE")
    with pytest.raises(NeuralBakeError, match="FILE is damaged"):
        visibility.unpack(packed[::-1].copy(), (2, 8), "FILE")
    bomb = visibility.pack(np.zeros((4000, 4000), np.uint8))
    with pytest.raises(NeuralBakeError, match="another size"):
        visibility.unpack(bomb, (2, 8), "FILE")
