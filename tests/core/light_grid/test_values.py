# SPDX-FileCopyrightText: 2026 Neural Bake developers
#
# SPDX-License-Identifier: GPL-3.0-or-later

"""Least squares for the probes' values, against the dense solution."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from core.light_grid.evaluation import OURS, BakedGrid
from core.light_grid.fitting import NORMAL_BIAS, SortedPoints
from core.light_grid.grid import Grid
from core.light_grid.model import LightGridModel
from core.light_grid.values import prior_weight, solve
from core.spherical_harmonics import irradiance_basis
from tests.core.light_grid import builders

GRID = builders.box(half=(1.5, 1.0, 0.5), resolution=(3, 2, 1), degrees=10.0)
FLOOR = 0.05


def sorted_points(grid: Grid, points: np.ndarray, normals: np.ndarray, target: np.ndarray) -> SortedPoints:
    visibility = np.full((len(points), 8), 0.125, np.float32)
    return SortedPoints(grid, points, normals, target, visibility, torch.device("cpu"))


class Problem:
    """A few points with random light, in cells of different numbers of points, and a model with random networks."""

    def __init__(self, seed: int = 1, count: int = 90) -> None:
        generator = np.random.default_rng(seed)
        wanted = generator.uniform(-0.5, [2.5, 1.5, 0.5], (count, 3))
        wanted[: count // 3, 0] = generator.uniform(0.0, 0.5, count // 3)  # a crowd
        self.points, self.normals = builders.in_world(GRID, wanted), builders.directions(count, seed)
        self.target = generator.uniform(0.0, 2.0, (count, 3)).astype(np.float32)
        self.prior = builders.random_sh(GRID.count, seed + 1) / 6.0
        self.model = LightGridModel(torch.from_numpy(self.prior), torch.Generator())
        with torch.no_grad():
            self.model.weights.copy_(torch.from_numpy(builders.random_weights(GRID.count, seed, 0.5)))
            self.model.sh.mul_(0.8)

    def sorted(self, target: np.ndarray) -> SortedPoints:
        return sorted_points(GRID, self.points, self.normals, target)

    def solve(self, strength: float, target: np.ndarray | None = None) -> np.ndarray:
        groups = self.sorted(self.target if target is None else target).groups()
        return solve(self.model, groups, torch.from_numpy(self.prior), strength, FLOOR).numpy()

    def matrix(self) -> np.ndarray:
        """The design matrix (N, P * 9) in double precision: irradiance of every point as a function of all values.

        Its columns come from the look-up itself: the irradiance of a grid that has a single coefficient set.
        """
        weights = self.model.weights.detach().numpy()
        columns = []
        for probe in range(GRID.count):
            one = np.zeros((GRID.count, 9, 3), np.float32)
            one[probe, 0] = 1.0 / (np.pi * builders.Y00)
            share = BakedGrid(GRID, one, OURS, NORMAL_BIAS, weights).irradiance(self.points, self.normals)[:, :1]
            columns.append(share.astype(float) * irradiance_basis(self.normals.astype(float)))
        return np.concatenate(columns, axis=1)

    def dense(self, strength: float) -> np.ndarray:
        """The minimiser, by numpy's dense least squares, of the function in the docstring of core.light_grid.values."""
        design = self.matrix()
        current = np.maximum(design @ self.model.sh.detach().numpy().astype(float).reshape(-1, 3), 0.0)
        mean = np.maximum(np.pi * builders.Y00 * self.prior[:, 0].astype(float), 0.0)  # (P, 3)
        ridge = strength * len(design) / design.shape[1] / (mean**2 + FLOOR)
        result = np.empty((design.shape[1], 3))
        for colour in range(3):
            row = 1.0 / np.sqrt(current[:, colour] ** 2 + FLOOR)
            pull = np.sqrt(ridge[:, colour].repeat(9))
            stacked = np.concatenate([row[:, None] * design, np.diag(pull)])
            right = np.concatenate([row * self.target[:, colour], pull * self.prior[:, :, colour].reshape(-1)])
            result[:, colour] = np.linalg.lstsq(stacked, right, rcond=None)[0]
        return result.reshape(-1, 9, 3)


@pytest.mark.parametrize("strength", [0.3, 1.0, 10.0])
def test_against_dense_least_squares(strength: float) -> None:
    problem = Problem()
    expected = problem.dense(strength)
    assert np.abs(expected - problem.prior).max() > 0.1, "the light must move the values"
    np.testing.assert_allclose(problem.solve(strength), expected, atol=2e-3 * np.abs(expected).max())


def test_the_model_is_not_changed() -> None:
    problem = Problem()
    before = problem.model.sh.detach().clone()
    problem.solve(1.0)
    torch.testing.assert_close(problem.model.sh.detach(), before, rtol=0.0, atol=0.0)


def test_strong_priors_win() -> None:
    problem = Problem()
    np.testing.assert_allclose(problem.solve(1e6), problem.prior, atol=1e-4)


def test_light_that_the_prior_explains_changes_nothing() -> None:
    problem = Problem()
    explained = (problem.matrix() @ problem.prior.reshape(-1, 3)).astype(np.float32)
    np.testing.assert_allclose(problem.solve(0.3, explained), problem.prior, atol=1e-4)


def test_groups_hold_every_point_once() -> None:
    grid = builders.box(half=(2.0, 1.5, 1.5), resolution=(4, 3, 3))
    target = np.random.default_rng(3).uniform(size=(300, 3)).astype(np.float32)
    groups = sorted_points(grid, builders.points_in(grid, 300, 4), builders.directions(300, 5), target).groups()
    found = torch.cat([group.target[group.mask[..., 0] > 0.0] for group in groups]).numpy()
    assert sorted(found.tolist()) == sorted(target.tolist())
    assert any((group.mask == 0.0).any() for group in groups), "no padding was needed, so it was not tried"


def test_prior_weight_by_hand() -> None:
    """A probe with irradiance 2, and one that is dark or negative: 1 / 4.05 and 1 / 0.05."""
    prior = torch.from_numpy(builders.constant_sh(3, [[2.0] * 3, [0.0] * 3, [-1.0] * 3]))
    expected = [[[1 / 4.05] * 3], [[1 / 0.05] * 3], [[1 / 0.05] * 3]]
    np.testing.assert_allclose(prior_weight(prior, 0.05).numpy(), expected, rtol=1e-5)
