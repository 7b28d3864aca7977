# SPDX-FileCopyrightText: 2026 Neural Bake developers
#
# SPDX-License-Identifier: GPL-3.0-or-later

"""Compiled rays: first hits and blocked segments, against every triangle one by one."""

from __future__ import annotations

import numpy as np
import pytest

from core.light_grid.rays import FAR, Triangles
from tests.core.light_grid import builders


def by_hand(corners: np.ndarray, origins: np.ndarray, directions: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Distance to and number of the first triangle (T, 3, 3), by solving for where each ray meets each plane."""
    a, b = corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]
    distances, numbers = np.full(len(origins), np.inf), np.full(len(origins), -1)
    for ray, (origin, direction) in enumerate(zip(origins, directions, strict=True)):
        system = np.stack([a, b, np.broadcast_to(-direction, a.shape)], axis=2)
        u, v, distance = np.linalg.solve(system, (origin - corners[:, 0])[..., None])[..., 0].T
        hit = (u >= 0.0) & (v >= 0.0) & (u + v <= 1.0) & (distance > 0.0)
        if hit.any():
            numbers[ray] = np.where(hit, distance, np.inf).argmin()
            distances[ray] = distance[numbers[ray]]
    return distances, numbers


@pytest.mark.parametrize(("count", "size"), [(1, 2.0), (3, 1.0), (400, 0.3), (3000, 0.05)])
def test_first_hits(count: int, size: float) -> None:
    generator = np.random.default_rng(count)
    corners = generator.uniform(-1.0, 1.0, (count, 1, 3)) + generator.uniform(-size, size, (count, 3, 3))
    corners = corners.astype(np.float32)
    triangles = Triangles(corners.reshape(-1, 3), np.arange(3 * count).reshape(-1, 3), 2)
    origins = generator.uniform(-1.5, 1.5, (300, 3)).astype(np.float32)
    directions = builders.directions(300, 1)
    directions[0] = (0.0, 0.0, 1.0)
    wanted, numbers = by_hand(corners.astype(np.float64), origins.astype(np.float64), directions.astype(np.float64))
    distances, found = triangles.cast(origins, directions)
    assert (found == numbers).mean() > 0.995, "all but rays along an edge"
    same = found == numbers
    np.testing.assert_allclose(distances[same & (found >= 0)], wanted[same & (found >= 0)], rtol=1e-3, atol=1e-5)
    assert (distances[found < 0] == FAR).all()
    hit = same & (found >= 0)
    if hit.any():
        steps = directions[hit] * wanted[hit, None].astype(np.float32)
        assert triangles.clear(origins[hit], steps, 0.99).mean() > 0.99
        assert triangles.clear(origins[hit], steps, 1.01).mean() < 0.01


def test_many_triangles_in_one_place() -> None:
    """No plane parts them: the tree halves them and still ends."""
    corners = np.tile(np.array([[[0, 0, 0], [1, 0, 0], [0, 1, 0]]], np.float32), (500, 1, 1))
    triangles = Triangles(corners.reshape(-1, 3), np.arange(1500).reshape(-1, 3), 1)
    distances, found = triangles.cast(np.array([[0.2, 0.2, 3.0]]), np.array([[0.0, 0.0, -1.0]]))
    assert distances[0] == 3.0 and found[0] >= 0


def test_nothing_to_hit() -> None:
    triangles = Triangles(np.zeros((0, 3), np.float32), np.zeros((0, 3), np.int32))
    assert triangles.cast(np.zeros((2, 3)), np.eye(3)[:2])[1].tolist() == [-1, -1]
