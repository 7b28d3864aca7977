# SPDX-FileCopyrightText: 2026 Neural Bake developers
#
# SPDX-License-Identifier: GPL-3.0-or-later

import numpy as np
import pytest

from core.relight.interpolation import KERNELS, Interpolant, neighbours

SQUARE = np.array([[0.0, 0.0, 1.0], [2.0, 0.0, 1.0], [0.0, 2.0, 1.0], [2.0, 2.0, 1.0]])


@pytest.mark.parametrize("kernel", KERNELS)
def test_passes_through_its_points(kernel: str) -> None:
    points = np.random.default_rng(0).normal(size=(12, 3))
    assert np.allclose(Interpolant(points, kernel).weights(points), np.eye(12), atol=1e-6)


def test_a_linear_function_is_exact_everywhere() -> None:
    points = np.random.default_rng(1).normal(size=(9, 3))
    queries = 3.0 * np.random.default_rng(2).normal(size=(5, 3))
    slope = np.array([1.0, -2.0, 0.5])
    assert np.allclose(Interpolant(points).weights(queries) @ (points @ slope + 4.0), queries @ slope + 4.0)


def test_in_the_middle_of_a_square_every_corner_counts_alike() -> None:
    # the points lie in a plane: no polynomial in the third axis, which would be undetermined
    assert np.allclose(Interpolant(SQUARE).weights(np.array([1.0, 1.0, 1.0])), 0.25)


def test_between_two_points_the_linear_kernel_is_the_chord() -> None:
    line = Interpolant(np.array([[0.0, 0.0, 0.0], [4.0, 0.0, 0.0]]), "linear")
    assert np.allclose(line.weights(np.array([1.0, 0.0, 0.0])), [[0.75, 0.25]])


def test_smoothing_averages_noise_and_keeps_lines() -> None:
    points = np.linspace(0.0, 1.0, 40)[:, None] * [1.0, 0.0, 0.0]
    noise = np.random.default_rng(3).normal(size=40)
    exact, smooth = (Interpolant(points, smoothing=value).weights(points) for value in (0.0, 1.0))
    assert np.std(smooth @ noise) < 0.5 * np.std(exact @ noise)
    assert np.allclose(smooth @ points[:, 0], points[:, 0])


def test_one_point_is_constant() -> None:
    assert np.allclose(Interpolant(np.zeros((1, 3))).weights(np.ones((2, 3))), 1.0)


def test_neighbours_come_nearest_first() -> None:
    assert neighbours(SQUARE, np.array([1.9, 0.2, 1.0]), 3).tolist() == [1, 3, 0]
    assert len(neighbours(SQUARE, np.zeros(3), 9)) == 4
