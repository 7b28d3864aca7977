# SPDX-FileCopyrightText: 2026 Neural Bake developers
#
# SPDX-License-Identifier: GPL-3.0-or-later

"""Least squares for the probes' values, against the dense solution."""

from __future__ import annotations

import numpy as np
import pytest

from core.light_grid import baselines
from core.light_grid.evaluation import OURS, BakedGrid
from core.light_grid.fused import FusedProblem
from core.light_grid.grid import Grid
from core.light_grid.links import TOLERANCE, Links, find_links
from core.light_grid.points import LOSS_FLOOR, NORMAL_BIAS, SortedPoints, prior_weight, solved_weight
from core.light_grid.torch_fitting import TorchProblem
from core.spherical_harmonics import irradiance_basis
from tests.core.light_grid import builders

GRID = builders.box(half=(1.5, 1.0, 0.5), resolution=(3, 2, 1), degrees=10.0)
# Of 3 x 2 probes, numbered along Y first, all but one pair along X see each other.
LINKS = Links(
    (3, 2, 1), (np.array([[[True], [True]], [[False], [True]]]), np.ones((3, 1, 1), bool), np.ones((3, 2, 0), bool))
)
PAIRS = [(0, 2), (1, 3), (3, 5), (0, 1), (2, 3), (4, 5)]
TRAINERS = pytest.mark.parametrize("trainer", [TorchProblem, FusedProblem])


def sorted_points(grid: Grid, points: np.ndarray, normals: np.ndarray, target: np.ndarray) -> SortedPoints:
    visibility = np.full((len(points), 8), 0.125, np.float32)
    return SortedPoints(grid, points, normals, target, visibility)


class Problem:
    """A few points with random light, in cells of different numbers of points, and random networks."""

    def __init__(self, seed: int = 1, count: int = 90) -> None:
        generator = np.random.default_rng(seed)
        wanted = generator.uniform(-0.5, [2.5, 1.5, 0.5], (count, 3))
        wanted[: count // 3, 0] = generator.uniform(0.0, 0.5, count // 3)  # a crowd
        self.points, self.normals = builders.in_world(GRID, wanted), builders.directions(count, seed)
        self.target = generator.uniform(0.0, 2.0, (count, 3)).astype(np.float32)
        self.prior = builders.random_sh(GRID.count, seed + 1) / 6.0
        self.networks, self.values = builders.random_weights(GRID.count, seed, 0.5), 0.8 * self.prior

    def solve(
        self, trainer: type, *strengths: float, target: np.ndarray | None = None, smooth: float | None = None
    ) -> np.ndarray:
        points = sorted_points(GRID, self.points, self.normals, self.target if target is None else target)
        problem = trainer(points, self.prior, self.networks, 0, 2)
        problem.set_values(self.values)
        if smooth is None:
            return problem.solve(strengths)
        return problem.solve(strengths, (smooth,) * len(strengths), LINKS.penalty(self.prior))

    def matrix(self) -> np.ndarray:
        """The design matrix (N, P * 9) in double precision: irradiance of every point as a function of all values.

        Its columns come from the look-up itself: the irradiance of a grid that has a single coefficient set.
        """
        columns = []
        for probe in range(GRID.count):
            one = np.zeros((GRID.count, 9, 3), np.float32)
            one[probe, 0] = 1.0 / (np.pi * builders.Y00)
            share = BakedGrid(GRID, one, OURS, NORMAL_BIAS, self.networks).irradiance(self.points, self.normals)[:, :1]
            columns.append(share.astype(float) * irradiance_basis(self.normals.astype(float)))
        return np.concatenate(columns, axis=1)

    def dense(self, strength: float, smooth: float = 0.0) -> np.ndarray:
        """The minimiser, by numpy's dense least squares, of the function in the docstring of core.light_grid.values.

        With ``smooth``, of the pairs in LINKS: a row for each pair and coefficient.
        """
        design = self.matrix()
        current = np.maximum(design @ self.values.astype(float).reshape(-1, 3), 0.0)
        mean = np.maximum(np.pi * builders.Y00 * self.prior[:, 0].astype(float), 0.0)  # (P, 3)
        ridge = strength * len(design) / design.shape[1] / (mean**2 + LOSS_FLOOR)
        result = np.empty((design.shape[1], 3))
        for colour in range(3):
            row = 1.0 / np.sqrt(current[:, colour] ** 2 + LOSS_FLOOR)
            pull = np.sqrt(ridge[:, colour].repeat(9))
            rows, shift = [row[:, None] * design, np.diag(pull)], []
            for low, high in PAIRS:
                square = 0.5 * (mean[low, colour] ** 2 + mean[high, colour] ** 2)
                one, other = mean[low].mean(), mean[high].mean()
                weight = np.exp(-(((one - other) / (one + other) / TOLERANCE) ** 2))
                weight *= smooth * len(design) / design.shape[1] / (square + LOSS_FLOOR) / (1.0 + np.sqrt(square))
                for coefficient in range(9):
                    shift.append(np.zeros(design.shape[1]))
                    shift[-1][[9 * low + coefficient, 9 * high + coefficient]] = np.sqrt(weight) * np.array([1.0, -1.0])
            stacked = np.concatenate(rows + [np.array(shift)])
            right = np.concatenate([row * self.target[:, colour], pull * self.prior[:, :, colour].reshape(-1)])
            right = np.concatenate([right, np.zeros(len(shift))])
            result[:, colour] = np.linalg.lstsq(stacked, right, rcond=None)[0]
        return result.reshape(-1, 9, 3)


@TRAINERS
def test_against_dense_least_squares(trainer: type) -> None:
    problem = Problem()
    strengths = (0.3, 1.0, 10.0)
    for strength, found in zip(strengths, problem.solve(trainer, *strengths), strict=True):
        expected = problem.dense(strength)
        assert np.abs(expected - problem.prior).max() > 0.1, "the light must move the values"
        np.testing.assert_allclose(found, expected, atol=2e-3 * np.abs(expected).max())


@TRAINERS
def test_neighbours_against_dense_least_squares(trainer: type) -> None:
    problem = Problem()
    found = problem.solve(trainer, 1.0, smooth=10.0)[0]
    expected, apart = problem.dense(1.0, 10.0), problem.dense(1.0)
    assert np.abs(expected - apart).max() > 0.05, "the neighbours must move the values"
    np.testing.assert_allclose(found, expected, atol=2e-3 * np.abs(expected).max())


def test_who_sees_whom() -> None:
    """A wall across X between the first probes and the second, and a probe inside matter at the other end."""
    grid = builders.box(half=(2.0, 0.5, 1.0), resolution=(4, 1, 2))
    rays = builders.directions(4000, 1)
    origins = grid.probe_positions()
    with np.errstate(divide="ignore"):
        ahead = (-1.0 - origins[:, :1]) / rays[None, :, 0]
    distances = np.where(ahead > 0.0, np.minimum(ahead, 50.0), 50.0)
    valid = np.ones(8, bool)
    valid[7] = False
    links = find_links(grid, baselines.ProbeGeometry(valid, baselines.octahedral_depth(grid, rays, distances)))
    np.testing.assert_array_equal(links.seen[0][:, 0], [[False, False], [True, True], [True, False]])
    assert links.seen[1].shape == (4, 0, 2)
    np.testing.assert_array_equal(links.seen[2][:, 0, 0], [True, True, True, False])


@TRAINERS
def test_strong_priors_win(trainer: type) -> None:
    problem = Problem()
    np.testing.assert_allclose(problem.solve(trainer, 1e6)[0], problem.prior, atol=1e-4)


@TRAINERS
def test_a_probe_that_no_light_reached_stays_dark(trainer: type) -> None:
    """The points ask for light of 1 everywhere; a probe whose prior is exactly zero gives none."""
    problem = Problem()
    problem.prior = problem.prior.copy()
    problem.prior[2] = 0.0
    found = problem.solve(trainer, 0.3, target=np.ones_like(problem.target))[0]
    assert np.abs(found[2]).max() < 1e-3 and (np.abs(found[[0, 1, 3, 4, 5], 0]) > 0.1).all()


@TRAINERS
def test_light_that_the_prior_explains_changes_nothing(trainer: type) -> None:
    problem = Problem()
    explained = (problem.matrix() @ problem.prior.reshape(-1, 3)).astype(np.float32)
    np.testing.assert_allclose(problem.solve(trainer, 0.3, target=explained)[0], problem.prior, atol=1e-4)


def test_groups_hold_every_point_once() -> None:
    grid = builders.box(half=(2.0, 1.5, 1.5), resolution=(4, 3, 3))
    target = np.random.default_rng(3).uniform(size=(300, 3)).astype(np.float32)
    points = sorted_points(grid, builders.points_in(grid, 300, 4), builders.directions(300, 5), target)
    start, prior = builders.random_weights(grid.count, 6, 0.5), builders.random_sh(grid.count, 7)
    groups = TorchProblem(points, prior, start, 0, 1).groups()
    found = np.concatenate([group.target[group.mask[..., 0] > 0.0].numpy() for group in groups])
    assert sorted(found.tolist()) == sorted(target.tolist())
    assert any((group.mask == 0.0).any() for group in groups), "no padding was needed, so it was not tried"
    data = FusedProblem(points, prior, start, 0, 1).data
    used = data[:, 6] > 0.0
    assert sorted(data[:, 15:].transpose(0, 2, 1)[used].tolist()) == sorted(target.tolist())
    assert not used.all()


def test_prior_weight_by_hand() -> None:
    """A probe with irradiance 2, and one that is dark or negative: 1 / 4.05 and 1 / 0.05."""
    prior = builders.constant_sh(3, [[2.0] * 3, [0.0] * 3, [-1.0] * 3])
    expected = [[[1 / 4.05] * 3], [[1 / 0.05] * 3], [[1 / 0.05] * 3]]
    np.testing.assert_allclose(prior_weight(prior), expected, rtol=1e-5)
    expected[1] = [[1e4 / 0.05] * 3]
    np.testing.assert_allclose(solved_weight(prior), expected, rtol=1e-5)
