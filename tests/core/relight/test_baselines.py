# SPDX-FileCopyrightText: 2026 Neural Bake developers
#
# SPDX-License-Identifier: GPL-3.0-or-later

import numpy as np
import pytest

from core.relight import baselines

TETRAHEDRON = np.array([[0.0, 0.0, 0.0], [1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]])


def dome(count: int) -> np.ndarray:
    """Directions on the upper hemisphere."""
    number = np.arange(count) + 0.5
    angle, height = 2.399963 * number, 1.0 - 0.8 * number / count
    radius = np.sqrt(1.0 - height**2)
    return np.stack([radius * np.cos(angle), radius * np.sin(angle), height], axis=1)


@pytest.mark.parametrize("name", ["nearest", "barycentric", "rbf_linear", "rbf_thin_plate"])
def test_interpolants_return_a_captured_picture_at_its_light(name: str) -> None:
    for directions, points in ((True, dome(20)), (False, np.random.default_rng(0).random((20, 3)))):
        assert np.allclose(baselines.weights(name, points, points, directions), np.eye(20), atol=1e-6)


def test_nearest() -> None:
    assert baselines.weights("nearest", TETRAHEDRON, [[0.1, 0.8, 0.0]], False).tolist() == [[0.0, 0.0, 1.0, 0.0]]


def test_barycentric_weights_in_a_tetrahedron_are_its_coordinates() -> None:
    found = baselines.weights("barycentric", TETRAHEDRON, [[0.25, 0.25, 0.25], [0.1, 0.2, 0.3]], False)
    assert np.allclose(found, [[0.25, 0.25, 0.25, 0.25], [0.4, 0.1, 0.2, 0.3]])


def test_barycentric_weights_on_a_path_are_the_shares_of_its_two_neighbours() -> None:
    path = np.array([[0.0, 0.0, 2.0], [1.0, 0.0, 2.0], [3.0, 0.0, 2.0], [4.0, 0.0, 2.0]])
    assert np.allclose(baselines.weights("barycentric", path, [[1.5, 0.0, 2.0]], False), [[0.0, 0.75, 0.25, 0.0]])


def test_outside_the_lights_barycentric_takes_the_border() -> None:
    found = baselines.weights("barycentric", TETRAHEDRON, [[-1.0, -1.0, -1.0]], False)
    assert np.allclose(found, [[1.0, 0.0, 0.0, 0.0]])


def test_lambert_and_thin_plates_are_exact_for_what_is_linear_in_the_light() -> None:
    points, queries = dome(12), dome(7)
    normal = np.array([0.2, -0.1, 0.9])
    for name in ("lambert", "rbf_thin_plate", "ptm"):
        assert np.allclose(
            baselines.weights(name, points, queries, True)[:, :] @ (points @ normal),
            queries @ normal,
            atol=0.15 if name == "ptm" else 1e-6,
        )


def test_a_polynomial_texture_map_is_exact_for_a_quadratic() -> None:
    points, queries = np.random.default_rng(1).random((15, 3)), np.random.default_rng(2).random((4, 3))

    def quadratic(x: np.ndarray) -> np.ndarray:
        return 1.0 + x[:, 0] * x[:, 1] - 2.0 * x[:, 2] ** 2 + x[:, 1]

    assert np.allclose(baselines.weights("ptm", points, queries, False) @ quadratic(points), quadratic(queries))


@pytest.mark.parametrize("name", baselines.RIVALS)
def test_a_single_picture_is_all_there_is(name: str) -> None:
    assert baselines.weights(name, dome(1), dome(3), True).tolist() == [[1.0], [1.0], [1.0]]


def test_blends_are_clamped_at_black() -> None:
    images = np.array([[[[1.0, 2.0, 3.0]]], [[[2.0, 2.0, 2.0]]]], np.float32)
    assert baselines.blend(np.array([[2.0, -0.75]]), images).tolist() == [[[[0.5, 2.5, 4.5]]]]
