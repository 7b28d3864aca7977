# SPDX-FileCopyrightText: 2026 Neural Bake developers
#
# SPDX-License-Identifier: GPL-3.0-or-later

"""The smoothing of reference pictures: what it keeps, and what it removes."""

from __future__ import annotations

import numpy as np
import pytest

from core.filtering import smooth_light


def floor_picture(height: int = 32, width: int = 40, spacing: float = 0.05) -> tuple[np.ndarray, np.ndarray]:
    """Positions and normals of a floor seen from above."""
    rows, columns = np.mgrid[:height, :width].astype(np.float32)
    positions = np.stack([columns * spacing, -rows * spacing, np.zeros_like(rows)], axis=-1)
    normals = np.zeros_like(positions)
    normals[..., 2] = 1.0
    return positions, normals


def room_corner() -> tuple[np.ndarray, np.ndarray]:
    """A floor that becomes a wall at column 20."""
    positions, normals = floor_picture()
    positions[:, 20:, 2] = positions[:, 20:, 0] - positions[:, 20:21, 0]
    positions[:, 20:, 0] = positions[:, 20:21, 0]
    normals[:, 20:] = (-1.0, 0.0, 0.0)
    return positions, normals


def full(positions: np.ndarray) -> np.ndarray:
    return np.ones(positions.shape[:2], bool)


@pytest.mark.parametrize("picture", [floor_picture, room_corner])
def test_a_constant_stays(picture: object) -> None:
    positions, normals = picture()
    values = np.broadcast_to(np.array([0.2, 3.0, 70.0], np.float32), positions.shape)
    np.testing.assert_allclose(smooth_light(values, positions, normals, full(positions)), values, rtol=1e-5)


def test_light_does_not_bleed_over_an_edge() -> None:
    positions, normals = room_corner()
    values = np.ones_like(positions)
    values[:, 20:] = 5.0
    np.testing.assert_allclose(smooth_light(values, positions, normals, full(positions)), values, rtol=1e-5)
    # On one plane the same picture is blurred.
    flat = smooth_light(values, *floor_picture(), full(positions))
    assert flat[16, 19, 0] > 2.0 and flat[16, 20, 0] < 4.0


def test_light_does_not_bleed_over_a_step() -> None:
    """Two parallel floors, one a metre above the other."""
    positions, normals = floor_picture()
    positions[:, 20:, 2] = 1.0
    values = np.ones_like(positions)
    values[:, 20:] = 5.0
    np.testing.assert_allclose(smooth_light(values, positions, normals, full(positions)), values, rtol=1e-3)


def test_noise_falls() -> None:
    positions, normals = floor_picture()
    noise = np.random.default_rng(1).normal(size=positions.shape).astype(np.float32)
    result = smooth_light(10.0 + noise, positions, normals, full(positions))
    assert result.mean() == pytest.approx(10.0, abs=0.1)
    assert result.var() < 0.05 * noise.var()
    one_pass = smooth_light(10.0 + noise, positions, normals, full(positions), levels=1)
    # One pass of the 5 x 5 kernel: the sum of the squared weights is (70 / 256)^2, here away from the border.
    assert one_pass[2:-2, 2:-2].var() == pytest.approx((70 / 256) ** 2 * noise.var(), rel=0.15)


def test_a_ramp_keeps_its_slope() -> None:
    positions, normals = floor_picture(40, 40)
    values = np.repeat(positions[..., :1], 3, axis=2)
    result = smooth_light(values, positions, normals, full(positions), levels=2)
    np.testing.assert_allclose(result[8:-8, 8:-8], values[8:-8, 8:-8], atol=1e-5)


def test_pixels_without_a_surface() -> None:
    positions, normals = floor_picture()
    mask = full(positions)
    mask[:, :10] = False
    values = np.where(mask[..., None], 1.0, 100.0).astype(np.float32)
    positions[~mask], normals[~mask] = 0.0, 0.0
    np.testing.assert_allclose(smooth_light(values, positions, normals, mask), values, rtol=1e-5)
    nothing = np.zeros_like(mask)
    np.testing.assert_array_equal(smooth_light(values, positions, normals, nothing), values)


@pytest.mark.parametrize("shape", [(1, 1), (1, 5), (5, 1), (2, 2), (3, 40)])
def test_small_pictures(shape: tuple[int, int]) -> None:
    positions, normals = floor_picture(*shape)
    values = np.full_like(positions, 2.0)
    np.testing.assert_allclose(smooth_light(values, positions, normals, full(positions)), values, rtol=1e-5)
