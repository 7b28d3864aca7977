# SPDX-FileCopyrightText: 2026 Neural Bake developers
#
# SPDX-License-Identifier: GPL-3.0-or-later

"""Lights that are there only to learn weights from."""

from __future__ import annotations

import numpy as np
import pytest

from core.light_grid.evaluation import OURS, BakedGrid
from core.light_grid.fitting import fit
from core.light_grid.grid import corner_window
from core.light_grid.points import SortedPoints
from core.light_grid.rays import Triangles
from core.light_grid.settings import LightGridSettings
from core.light_grid.virtual_fitting import Surfaces, corner_shares, rehearse
from core.light_grid.virtual_lights import Options, virtual_lights
from core.spherical_harmonics import fibonacci_directions, irradiance_basis
from tests.core.light_grid import builders

RAYS = fibonacci_directions(512).astype(np.float32)


def room(low: tuple, high: tuple) -> np.ndarray:
    """Twelve triangles (12, 3, 3) of a box."""
    corner = np.array([[(low, high)[i >> k & 1][2 - k] for k in (2, 1, 0)] for i in range(8)], np.float32)
    faces = [(0, 1, 3, 2), (4, 5, 7, 6), (0, 1, 5, 4), (2, 3, 7, 6), (0, 2, 6, 4), (1, 3, 7, 5)]
    return np.array([[corner[f[a]], corner[f[b]], corner[f[c]]] for f in faces for a, b, c in ((0, 1, 2), (0, 2, 3))])


def scene(*rooms: np.ndarray) -> Triangles:
    corners = np.concatenate(rooms)
    return Triangles(corners.reshape(-1, 3), np.arange(3 * len(corners)).reshape(-1, 3), 1)


def test_probes_and_points_get_the_same_light() -> None:
    """Where points lie in probes, what rays gather is what the probes' own light says, but for its degree of two."""
    grid = builders.box(half=(2.0, 1.5, 1.25), resolution=(4, 3, 3))
    triangles = scene(room((-2.0, -1.5, -1.25), (2.0, 1.5, 1.25)), room((-0.4, -0.4, -1.25), (0.4, 0.4, -0.6)))
    points = grid.probe_positions().astype(np.float32).repeat(20, axis=0)
    normals = builders.directions(len(points), 1)
    target, prior = virtual_lights(triangles, grid, points, normals, RAYS, 3, Options(rays=256))
    np.testing.assert_allclose(target.mean(axis=0), 1.0, rtol=1e-4)
    light = np.einsum("nk,nkl->nl", irradiance_basis(normals), prior.repeat(20, axis=0))
    assert np.sqrt(((light - target) ** 2).mean(axis=0)).max() < 0.15
    assert target.std(axis=0).min() > 0.2, "lights that are the same everywhere teach nothing"


def test_every_room_gets_lamps() -> None:
    """Two closed rooms: what shines in one is dark in the other, to the last bit, and both have lights of their own."""
    grid = builders.box(half=(2.0, 1.0, 1.0), resolution=(8, 4, 4))
    triangles = scene(room((-2.0, -1.0, -1.0), (-0.1, 1.0, 1.0)), room((0.1, -1.0, -1.0), (2.0, 1.0, 1.0)))
    points = builders.points_in(grid, 2000, 1, 0.0)
    points = points[np.abs(points[:, 0]) > 0.15]
    target, _ = virtual_lights(triangles, grid, points, builders.directions(len(points), 2), RAYS, 0)
    left = target[points[:, 0] < 0.0].mean(axis=0)
    right = target[points[:, 0] > 0.0].mean(axis=0)
    assert (np.minimum(left, right) == 0.0).all()
    assert (left > 1.0).sum() >= 2 and (right > 1.0).sum() >= 2
    assert len(left) == Options().lamps, "no sun and no sky reaches a closed room"


def test_the_same_with_any_number_of_threads() -> None:
    grid = builders.box(resolution=(4, 4, 2))
    triangles = scene(room((-1.0, -1.0, -1.0), (1.0, 1.0, 1.0)), room((0.2, 0.2, -1.0), (0.5, 0.5, 0.3)))
    points = builders.points_in(grid, 3000, 1, 0.0)
    results = []
    for threads in (1, 3):
        triangles.threads = threads
        results.append(virtual_lights(triangles, grid, points, builders.directions(len(points), 2), RAYS, 5))
    for first, second in zip(*results, strict=True):
        np.testing.assert_array_equal(first, second)


def test_nothing_in_sight() -> None:
    """Triangles that no ray meets: there is no light to learn from, and no error."""
    grid = builders.box(resolution=(2, 2, 2))
    triangles = scene(np.array([[[50.0, 0, 0], [50.1, 0, 0], [50.0, 1e-3, 0]]], np.float32))
    points = builders.points_in(grid, 20, 1, 0.0)
    target, prior = virtual_lights(triangles, grid, points, builders.directions(20, 2), RAYS, 5)
    assert target.shape == (20, 0) and prior.shape == (8, 9, 0)


@pytest.mark.parametrize("resolution", [(4, 3, 2), (3, 1, 2)])
def test_shares_of_corners(resolution: tuple) -> None:
    """They sum to one, and blend probes as a look-up does."""
    grid = builders.box(resolution=resolution)
    baked = builders.baked(grid, OURS, bias=0.02)
    points, normals = builders.points_in(grid, 200, 3), builders.directions(200, 4)
    shares = corner_shares(grid, baked.weights, points, normals)
    np.testing.assert_allclose(shares.sum(axis=1), 1.0, rtol=1e-5)
    cell = grid.locate(points + normals * np.float32(0.02 * grid.spacing.mean())).cell
    values = np.einsum("nk,nqkc->nqc", irradiance_basis(normals), baked.sh[grid.corner_probes(cell)])
    expected = (shares[..., None] * values).sum(axis=1)
    np.testing.assert_allclose(baked.irradiance(points, normals), expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("is_known", [True, False])
def test_a_lamp_that_comes_later_does_not_leak(is_known: bool) -> None:
    """The scene's light is even and nothing tells of its wall but its surfaces: only virtual lights on them can teach
    weights that keep a lamp, which is brought in later, on its side."""
    grid = builders.WALL_GRID
    walls = room((-2.0, -1.0, -1.0), (2.0, 1.0, 1.0)), room((-0.1, -1.0, -1.0), (0.1, 1.0, 1.0))
    positions, normals = builders.points_in(grid, 1500, 1, 0.0), builders.directions(1500, 2)
    positions, normals = (array[np.abs(positions[:, 0]) > 0.1] for array in (positions, normals))
    window = corner_window(grid.locate(positions).fraction).astype(np.float32)
    even = SortedPoints(grid, positions, normals, np.ones_like(positions), window)
    first, steps = None, 60
    if is_known:
        settings = LightGridSettings(geometry_steps=60, light_steps=120, threads=1)
        surfaces, every = Surfaces(scene(*walls), RAYS), np.ones(grid.count, bool)
        first, steps = rehearse(surfaces, even, positions, every, settings, 0, lambda *_: None), 0
    fits = fit(even, builders.constant_sh(grid.count, 1.0), 0, steps, 120, lambda *_: None, first, 1)
    lamp = np.repeat(2.0 * (positions[:, :1] < 0.0), 3, axis=1).astype(np.float32)
    traced = builders.constant_sh(grid.count, 2.0) * (grid.probe_positions()[:, 0] < 0.0)[:, None, None]
    points = SortedPoints(grid, positions, normals, lamp, window)
    found = fit(points, traced.astype(np.float32), 0, 0, 0, lambda *_: None, fits[0].weights, 1)[1]
    result = BakedGrid(grid, found.sh, OURS, found.bias, found.weights).irradiance(positions, normals)
    error = float(np.sqrt(np.mean((result - lamp) ** 2)))
    assert error < 0.12 if is_known else error > 0.2
