# SPDX-FileCopyrightText: 2026 Neural Bake developers
#
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where probes lie and which surround a point, by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest

from core.light_grid.grid import CORNERS, Grid, corner_window, padded_groups, padded_index
from tests.core.light_grid import builders


def row(*values: float) -> np.ndarray:
    return np.array([values], np.float32)


def test_probes_at_cell_centres() -> None:
    """A box of 4 x 2 x 1 metres about (10, 0, 5) with 4 x 2 x 1 probes: half a metre from its border, a metre apart."""
    grid = builders.box((10.0, 0.0, 5.0), (2.0, 1.0, 0.5), (4, 2, 1))
    expected = [(x, y, 5.0) for x in (8.5, 9.5, 10.5, 11.5) for y in (-0.5, 0.5)]
    np.testing.assert_allclose(grid.probe_positions(), expected, atol=1e-12)
    np.testing.assert_allclose(grid.spacing, [1.0, 1.0, 1.0])
    assert grid.count == 8


def test_probes_of_a_turned_and_scaled_box() -> None:
    """Half extents 3, 2, 1, turned by 90 degrees about Z: the box's X runs along +Y, its Y along -X."""
    grid = builders.box((1.0, 1.0, 1.0), (3.0, 2.0, 1.0), (3, 2, 2), 90.0)
    np.testing.assert_allclose(grid.spacing, [2.0, 2.0, 1.0])
    expected = [(1.0 - y, 1.0 + x, 1.0 + z) for x in (-2, 0, 2) for y in (-1, 1) for z in (-0.5, 0.5)]
    np.testing.assert_allclose(grid.probe_positions(), expected, atol=1e-12)


def test_probes_of_a_sheared_and_mirrored_box() -> None:
    matrix = np.array([[-1.0, 1.0, 0.0, 0.0], [0.0, 2.0, 0.0, 0.0], [0.0, 0.0, 1.0, 7.0], [0.0, 0.0, 0.0, 1.0]])
    grid = Grid(matrix, (2, 1, 1))
    np.testing.assert_allclose(grid.probe_positions(), [(0.5, 0.0, 7.0), (-0.5, 0.0, 7.0)])
    np.testing.assert_allclose(grid.spacing, [1.0, 2.0 * math.sqrt(5.0), 2.0])


@pytest.mark.parametrize("degrees", [0.0, 33.0])
def test_coordinates_count_probes(degrees: float) -> None:
    grid = builders.box((5.0, -3.0, 2.0), (4.0, 2.0, 0.7), (5, 4, 3), degrees)
    expected = np.stack(np.meshgrid(range(5), range(4), range(3), indexing="ij"), axis=-1).reshape(-1, 3)
    np.testing.assert_allclose(grid.coordinates(grid.probe_positions()), expected, atol=1e-9)
    wanted = np.random.default_rng(1).uniform(-3.0, 8.0, (50, 3))
    np.testing.assert_allclose(grid.coordinates(builders.in_world(grid, wanted)), wanted, atol=2e-5)
    assert grid.coordinates(row(1, 2, 3)).dtype == np.float32


def test_locate_by_hand() -> None:
    """Unit spacing, probes at 0.5, 1.5, 2.5 along X, 0.5, 1.5 along Y and 0.5 along Z."""
    grid = builders.box((1.5, 1.0, 0.5), (1.5, 1.0, 0.5), (3, 2, 1))
    points = np.array(
        [
            (0.75, 1.0, 0.5),  # first cell
            (2.0, 0.5, 0.9),  # second cell, on a probe's row, off the only layer in Z
            (0.1, 1.9, 0.5),  # in the half cells at the border
            (1.5, 1.5, 0.5),  # on a probe between two cells
            (9.0, -9.0, 9.0),  # far outside
        ],
        np.float32,
    )
    location = grid.locate(points)
    # Cells are named by their lowest probe, index = (ix * 2 + iy) * 1 + iz.
    assert location.cell.tolist() == [0, 2, 0, 2, 2]
    expected = [(0.25, 0.5, 0.0), (0.5, 0.0, 0.4), (-0.4, 1.4, 0.0), (0.0, 1.0, 0.0), (1.5, -0.5, 0.5)]
    np.testing.assert_allclose(location.offset, expected, atol=1e-6)
    expected = [(0.25, 0.5, 0.0), (0.5, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 1.0, 0.0), (1.0, 0.0, 0.0)]
    np.testing.assert_allclose(location.fraction, expected, atol=1e-6)


def test_one_probe() -> None:
    grid = builders.box(resolution=(1, 1, 1))
    location = grid.locate(np.array([(0.0, 0.0, 0.0), (0.9, -5.0, 0.1)], np.float32))
    assert location.cell.tolist() == [0, 0]
    np.testing.assert_array_equal(location.fraction, 0.0)
    np.testing.assert_array_equal(grid.corner_probes(location.cell), 0)
    np.testing.assert_array_equal(corner_window(location.fraction), [[1, 0, 0, 0, 0, 0, 0, 0]] * 2)


def test_corner_probes_by_hand() -> None:
    grid = Grid(np.eye(4), (3, 2, 2))  # index = (ix * 2 + iy) * 2 + iz
    np.testing.assert_array_equal(
        grid.corner_probes(np.array([0, 4])), [[0, 1, 2, 3, 4, 5, 6, 7], [4, 5, 6, 7, 8, 9, 10, 11]]
    )
    flat = Grid(np.eye(4), (3, 1, 2))  # index = ix * 2 + iz; both corners along Y are the same probe
    np.testing.assert_array_equal(flat.corner_probes(np.array([2])), [[2, 3, 2, 3, 4, 5, 4, 5]])


def test_corner_probes_surround_the_point() -> None:
    grid = builders.box((1.0, 2.0, 3.0), (2.0, 1.0, 0.5), (5, 4, 3), 20.0)
    wanted = np.random.default_rng(2).uniform(0.0, [4.0, 3.0, 2.0], (200, 3))
    points = builders.in_world(grid, wanted)
    probes = grid.corner_probes(grid.locate(points).cell)
    corners = grid.coordinates(grid.probe_positions())[probes]
    assert (np.abs(corners - wanted[:, None]) < 1.0 + 1e-4).all()
    assert all(len(set(eight)) == 8 for eight in probes.tolist())


def test_window_by_hand() -> None:
    window = corner_window(row(0.25, 0.5, 0.0))
    np.testing.assert_allclose(window, [[0.375, 0.0, 0.375, 0.0, 0.125, 0.0, 0.125, 0.0]])
    np.testing.assert_array_equal(corner_window(CORNERS.astype(np.float32)), np.eye(8))


def test_window_reproduces_what_is_linear() -> None:
    """Windows sum to one, and blend the corners' positions into the point's."""
    fraction = np.random.default_rng(3).uniform(size=(100, 3))
    window = corner_window(fraction)
    np.testing.assert_allclose(window.sum(axis=1), 1.0)
    np.testing.assert_allclose(window @ CORNERS, fraction, atol=1e-12)


def test_border_distance_by_hand() -> None:
    """In cells: the box spans 0..4 with unit cells along X, 0..2 with cells of a half along Y, 0..8 with one of 8."""
    grid = builders.box((2.0, 1.0, 4.0), (2.0, 1.0, 4.0), (4, 4, 1))
    points = np.array([(2, 1, 4), (0.25, 1, 4), (2, 1.9, 4), (0, 1, 4), (-3, 1, 4), (2, 3, 4), (2, 1, 12)], np.float32)
    np.testing.assert_allclose(grid.border_distance(points), [0.5, 0.25, 0.2, 0.0, -3.0, -2.0, -0.5], atol=1e-6)


@pytest.mark.parametrize("limit", [1, 50, 1000, 10**9])
def test_padded_groups_cover_everything_once(limit: int) -> None:
    generator = np.random.default_rng(4)
    counts = np.sort(generator.integers(1, 300, 500))
    groups = padded_groups(counts, limit)
    np.testing.assert_array_equal(np.concatenate(groups), np.arange(500))
    for group in groups:
        padded = counts[group].max() * len(group)
        assert padded <= limit or len(group) == 1
        assert padded <= 1.25 * counts[group].sum() + 2 * len(group)
    assert len(padded_groups(counts, 10**9)) < 40


def test_padded_groups_of_nothing() -> None:
    assert padded_groups(np.zeros(0, int), 100) == []


def test_padded_index() -> None:
    index = padded_index(np.array([0, 2, 5]), np.array([2, 3, 1]))
    np.testing.assert_array_equal(index, [[0, 1, 1], [2, 3, 4], [5, 5, 5]])
