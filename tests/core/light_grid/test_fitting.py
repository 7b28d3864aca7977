# SPDX-FileCopyrightText: 2026 Neural Bake developers
#
# SPDX-License-Identifier: GPL-3.0-or-later

"""Fitting one grid: what each of its steps learns."""

from __future__ import annotations

import numpy as np
import pytest

from core.light_grid import baselines
from core.light_grid.evaluation import OURS, BakedGrid
from core.light_grid.fitting import Fit, fit
from core.light_grid.grid import Grid
from core.light_grid.points import LOSS_FLOOR, NORMAL_BIAS, STRENGTHS, SortedPoints
from core.spherical_harmonics import fibonacci_directions
from tests.core.light_grid import builders

GRID = builders.box(half=(2.0, 1.0, 1.0), resolution=(4, 2, 2))


def wall_visibility(points: np.ndarray, normals: np.ndarray) -> np.ndarray:
    """Blend weights (N, 8) by what each probe sees of the wall at x = 0."""
    rays = fibonacci_directions(500)
    depth = baselines.octahedral_depth(GRID, rays, builders.wall_distances(GRID.probe_positions(), rays))
    geometry = baselines.ProbeGeometry(np.ones(GRID.count, bool), depth)
    option = baselines.Configuration("ddgi", NORMAL_BIAS)
    return baselines.corner_weights(GRID, geometry, option, points, normals)[1].astype(np.float32)


def window_visibility(points: np.ndarray, normals: np.ndarray) -> np.ndarray:
    """Blend weights (N, 8) where nothing stands in the way."""
    option = baselines.Configuration("trilinear", NORMAL_BIAS)
    return baselines.corner_weights(GRID, baselines.ProbeGeometry(np.ones(GRID.count, bool)), option, points, normals)[
        1
    ]


def run(
    field: np.ndarray,
    points: np.ndarray,
    normals: np.ndarray,
    prior: np.ndarray,
    visibility: np.ndarray,
    **options: int,
) -> list[Fit]:
    sorted_points = SortedPoints(GRID, points, normals, field.astype(np.float32), visibility)
    options = {"seed": 1, "geometry_steps": 0, "light_steps": 0, **options}
    return fit(sorted_points, prior, progress=lambda done, total: None, **options)


def look_up(fitted: Fit, points: np.ndarray, normals: np.ndarray, grid: Grid = GRID) -> np.ndarray:
    return BakedGrid(grid, fitted.sh, OURS, fitted.bias, fitted.weights).irradiance(points, normals)


@pytest.fixture(scope="module")
def points() -> tuple[np.ndarray, np.ndarray]:
    points = builders.points_in(GRID, 1200, 1, beyond=0.0)
    points = points[np.abs(points[:, 0]) > 0.1]
    return points, builders.directions(len(points), 2)


def test_geometry_steps_learn_the_wall_without_light(points: tuple) -> None:
    """Light is 1 on one side by the probes' own values; only the weights can keep it there."""
    prior = builders.constant_sh(GRID.count, (GRID.probe_positions()[:, :1] < 0.0).repeat(3, axis=1).astype(float))
    target = np.ones((len(points[0]), 3))
    near = np.array([(-0.25, 0.1, 0.0), (0.25, -0.2, 0.3)], np.float32)
    normals = builders.directions(2, 3)
    leaks = {}
    for steps in (0, 150):
        fits = run(target, *points, prior, wall_visibility(*points), geometry_steps=steps)
        weights = fits[0].weights
        values = BakedGrid(GRID, prior, OURS, 0.0, weights).irradiance(near, normals)[:, 0]
        leaks[steps] = max(1.0 - values[0], values[1])
    assert leaks[0] == pytest.approx(0.25, abs=0.02)  # a new network is trilinear
    assert leaks[150] < 0.05


def test_light_moves_the_values_without_any_step(points: tuple) -> None:
    """Least squares alone: probes that were measured at half the light are put right by the points."""
    prior = builders.constant_sh(GRID.count, 0.5)
    fits = run(np.ones((len(points[0]), 3)), *points, prior, window_visibility(*points))
    assert [fitted.strength for fitted in fits] == list(STRENGTHS)
    errors = [np.abs(look_up(fitted, *points) - 1.0).mean() for fitted in fits]
    assert errors[0] < 0.1
    assert errors == sorted(errors), "the stronger the prior, the further from the points"


def test_light_steps_learn_what_is_not_linear(points: tuple) -> None:
    """A bright spot about one probe, narrower than its window: weights have to shrink."""
    centre = GRID.probe_positions()[5]
    field = np.exp(-8.0 * np.sum((points[0] - centre) ** 2, axis=1))[:, None].repeat(3, axis=1)
    scale = field.mean()
    prior = builders.constant_sh(GRID.count, np.where(np.arange(16) == 5, 1.0 / scale, 0.0)[:, None].repeat(3, axis=1))
    errors = []
    for steps in (0, 100):
        fitted = run(field / scale, *points, prior, window_visibility(*points), light_steps=steps)[0]
        difference = look_up(fitted, *points) - field / scale
        errors.append(np.mean(difference**2 / ((field / scale) ** 2 + LOSS_FLOOR)))
    assert errors[1] < 0.5 * errors[0]


def test_result_depends_on_the_seed_alone(points: tuple) -> None:
    prior = builders.random_sh(GRID.count, 4)
    target = np.random.default_rng(5).uniform(0.0, 2.0, (len(points[0]), 3))
    first, again, other = (
        run(target, *points, prior, window_visibility(*points), seed=seed, geometry_steps=2, light_steps=2)[1]
        for seed in (1, 1, 2)
    )
    np.testing.assert_array_equal(first.weights, again.weights)
    np.testing.assert_array_equal(first.sh, again.sh)
    assert not np.array_equal(first.weights, other.weights)


def test_progress_counts_the_steps(points: tuple) -> None:
    told = []
    sorted_points = SortedPoints(GRID, *points, np.ones((len(points[0]), 3), np.float32), window_visibility(*points))
    prior = builders.constant_sh(GRID.count, 1.0)
    fit(sorted_points, prior, 1, 13, 2, lambda done, total: told.append((done, total)))
    total = 15 + len(STRENGTHS)
    assert told == [(10, total), (13, total), (15, total), (total, total)]


def test_extreme_light_stays_finite(points: tuple) -> None:
    """A hundred thousand at one point in a thousand, as sun patches and fireflies give it."""
    target = np.full((len(points[0]), 3), 1e-3)
    target[::1000] = 1e5
    prior = builders.constant_sh(GRID.count, 0.0)
    for fitted in run(
        target / target.mean(), *points, prior, window_visibility(*points), geometry_steps=5, light_steps=5
    ):
        assert np.isfinite(fitted.weights).all() and np.isfinite(fitted.sh).all()
        assert np.isfinite(look_up(fitted, *points)).all()


def test_a_lighting_given_twice_changes_nothing(points: tuple) -> None:
    """The loss is a mean over lightings, and values of one do not mix with another's."""
    prior = builders.random_sh(GRID.count, 4)
    target = np.random.default_rng(5).uniform(0.0, 2.0, (len(points[0]), 3))
    visibility = window_visibility(*points)
    once = run(target, *points, prior, visibility, geometry_steps=2, light_steps=3)
    twice = run(np.tile(target, 2), *points, np.tile(prior, (1, 1, 2)), visibility, geometry_steps=2, light_steps=3)
    for one, two in zip(once, twice, strict=True):
        assert two.sh.shape == (GRID.count, 9, 6)
        np.testing.assert_allclose(two.weights, one.weights, atol=2e-3)
        np.testing.assert_allclose(two.sh[..., 3:], two.sh[..., :3], atol=1e-3)
        np.testing.assert_allclose(two.sh[..., :3], one.sh, atol=2e-2)


def test_starts_from_given_networks(points: tuple) -> None:
    start = builders.random_weights(GRID.count, 6, 0.5)
    target = np.ones((len(points[0]), 3), np.float32)
    sorted_points = SortedPoints(GRID, *points, target, window_visibility(*points))
    prior = builders.constant_sh(GRID.count, 1.0)
    fitted = fit(sorted_points, prior, 1, 0, 0, lambda done, total: None, start=start)[0]
    np.testing.assert_array_equal(fitted.weights, start)
