# SPDX-FileCopyrightText: 2026 Neural Bake developers
#
# SPDX-License-Identifier: GPL-3.0-or-later

"""Spherical harmonics against hand-computed values, quadrature and closed forms."""

from __future__ import annotations

import math

import numpy as np
import pytest

from core import spherical_harmonics as sh


def sphere_quadrature(order: int = 12) -> tuple[np.ndarray, np.ndarray]:
    """Directions (K, 3) and weights (K,), exact for polynomials up to degree 2 * order - 1; the weights sum to 4 pi."""
    z, z_weights = np.polynomial.legendre.leggauss(order)
    azimuth = 2.0 * math.pi * np.arange(2 * order) / (2 * order)
    radius = np.sqrt(1.0 - z * z)
    x, y = np.outer(radius, np.cos(azimuth)), np.outer(radius, np.sin(azimuth))
    directions = np.stack([x, y, np.repeat(z[:, None], 2 * order, axis=1)], axis=-1)
    return directions.reshape(-1, 3), np.repeat(z_weights, 2 * order) * math.pi / order


def random_directions(count: int, seed: int) -> np.ndarray:
    vectors = np.random.default_rng(seed).normal(size=(count, 3))
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


# 1/2 sqrt(1/pi); sqrt(3/4pi) x; 1/2 sqrt(15/pi) xy; 1/4 sqrt(5/pi) (3z^2 - 1); 1/4 sqrt(15/pi) (x^2 - y^2).
Y0, Y1, Y2, Y20, Y22 = 0.2820948, 0.4886025, 1.0925484, 0.3153916, 0.5462742


@pytest.mark.parametrize(
    ("direction", "expected"),
    [
        ((0, 0, 1), (Y0, 0, Y1, 0, 0, 0, 2 * Y20, 0, 0)),
        ((0, 0, -1), (Y0, 0, -Y1, 0, 0, 0, 2 * Y20, 0, 0)),
        ((1, 0, 0), (Y0, 0, 0, Y1, 0, 0, -Y20, 0, Y22)),
        ((0, 1, 0), (Y0, Y1, 0, 0, 0, 0, -Y20, 0, -Y22)),
        ((0.6, 0.8, 0), (Y0, 0.8 * Y1, 0, 0.6 * Y1, 0.48 * Y2, 0, -Y20, 0, -0.28 * Y22)),
        ((0, 0.6, -0.8), (Y0, 0.6 * Y1, -0.8 * Y1, 0, 0, -0.48 * Y2, 0.92 * Y20, 0, -0.36 * Y22)),
    ],
)
def test_basis_by_hand(direction: tuple, expected: tuple) -> None:
    np.testing.assert_allclose(sh.basis(np.array(direction, float)), expected, atol=2e-7)


def test_no_condon_shortley_phase() -> None:
    # With the phase, Y11 at +x and Y1-1 at +y would be negative.
    assert sh.basis(np.array([1.0, 0.0, 0.0]))[3] > 0.0
    assert sh.basis(np.array([0.0, 1.0, 0.0]))[1] > 0.0


def test_basis_is_orthonormal() -> None:
    directions, weights = sphere_quadrature()
    assert weights.sum() == pytest.approx(4.0 * math.pi)
    values = sh.basis(directions)
    np.testing.assert_allclose(values.T @ (values * weights[:, None]), np.eye(9), atol=1e-12)


def test_basis_keeps_shape_and_type() -> None:
    directions = random_directions(6, 1).reshape(2, 3, 3)
    assert sh.basis(directions.astype(np.float32)).dtype == np.float32
    np.testing.assert_array_equal(sh.basis(directions)[1, 2], sh.basis(directions[1, 2]))


def test_white_furnace() -> None:
    """The same radiance L from everywhere gives E = pi L for every normal."""
    radiance = np.zeros(9)
    radiance[0] = 0.7 / 0.28209479177387814
    np.testing.assert_allclose(sh.irradiance_basis(random_directions(200, 2)) @ radiance, 0.7 * math.pi, rtol=1e-12)


@pytest.mark.parametrize(
    ("angle", "expected"), [(0.0, 1.0625), (60.0, 0.25 + 0.25 - 0.0390625), (90.0, 0.09375), (180.0, 0.0625)]
)
def test_light_from_one_direction(angle: float, expected: float) -> None:
    """A distant lamp: E = 1/4 + cos/2 + 5/32 (3 cos^2 - 1), the clamped cosine in nine coefficients."""
    lamp = np.array([0.36, 0.48, 0.8])
    across = np.array([0.8, -0.6, 0.0])
    normal = math.cos(math.radians(angle)) * lamp + math.sin(math.radians(angle)) * across
    assert sh.irradiance_basis(normal) @ sh.basis(lamp) == pytest.approx(expected, abs=1e-9)


def test_irradiance_of_a_cosine_lobe() -> None:
    """Radiance max(0, cos) gives 2 pi / 3 straight on; nine coefficients give pi (1/4 + 1/3 + 5/64)."""
    lobe = sh.COSINE * sh.basis(np.array([0.0, 0.0, 1.0]))  # its projection, by Funk and Hecke
    directions, weights = sphere_quadrature(64)
    projected = (np.maximum(directions[:, 2], 0.0) * weights) @ sh.basis(directions)
    np.testing.assert_allclose(projected, lobe, atol=1e-3)
    straight = sh.irradiance_basis(np.array([0.0, 0.0, 1.0])) @ lobe
    assert straight == pytest.approx(math.pi * (1 / 4 + 1 / 3 + 5 / 64), rel=1e-12)
    assert straight == pytest.approx(2.0 * math.pi / 3.0, rel=0.01)


def test_irradiance_of_a_smooth_sky() -> None:
    """Against the integral itself, for a sky that nine coefficients hold exactly."""
    radiance = np.random.default_rng(3).normal(size=9)
    directions, weights = sphere_quadrature(64)
    sky = sh.basis(directions) @ radiance
    for normal in random_directions(5, 4):
        integral = np.sum(sky * np.maximum(directions @ normal, 0.0) * weights)
        assert sh.irradiance_basis(normal) @ radiance == pytest.approx(integral, abs=5e-3)


@pytest.mark.parametrize("count", [9, 32])
def test_radiance_from_irradiance_inverts(count: int) -> None:
    normals = sh.fibonacci_directions(count)
    radiance = np.random.default_rng(5).normal(size=(4, 9, 3))
    irradiance = np.einsum("dk,pkc->pdc", sh.irradiance_basis(normals), radiance)
    np.testing.assert_allclose(sh.radiance_from_irradiance(normals, irradiance), radiance, atol=1e-9)


def test_radiance_from_irradiance_averages_noise() -> None:
    """Least squares over many directions: the error of L00 falls below that of one direction's."""
    normals = sh.fibonacci_directions(256)
    noise = np.random.default_rng(6).normal(size=(1, 256, 3))
    error = np.abs(sh.radiance_from_irradiance(normals, noise)[0, 0]).max()
    assert error < 4.0 / math.sqrt(256) / (math.pi * Y0)


def test_window_factors() -> None:
    np.testing.assert_array_equal(sh.window(0.0), 1.0)
    expected = np.array([1.0] + [1.0 / 1.04] * 3 + [1.0 / 1.36] * 5)  # 1 + 0.01 * 4 and 1 + 0.01 * 36
    np.testing.assert_allclose(sh.window(0.01), expected, rtol=1e-12)


def test_fibonacci_directions_are_unit_and_even() -> None:
    directions = sh.fibonacci_directions(512)
    np.testing.assert_allclose(np.linalg.norm(directions, axis=1), 1.0, rtol=1e-12)
    assert np.linalg.norm(directions.mean(axis=0)) < 1e-3
    np.testing.assert_allclose(directions.T @ directions / 512, np.eye(3) / 3.0, atol=1e-3)
    # Every direction has a neighbour within about the radius of its share of the sphere.
    nearest = (random_directions(500, 7) @ directions.T).max(axis=1)
    assert np.degrees(np.arccos(nearest.min())) < 8.0
