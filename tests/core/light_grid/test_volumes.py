# SPDX-FileCopyrightText: 2026 Neural Bake developers
#
# SPDX-License-Identifier: GPL-3.0-or-later

"""Several volumes as one result: the finest decides, and nothing jumps from one to the next."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from core.light_grid import baselines
from core.light_grid.evaluation import OURS, LightGrid
from core.light_grid.grid import Grid
from tests.core.light_grid import builders

# Boxes along X with cells of one metre, or of half a metre where fine. What two volumes differ by is 4 W/m^2.
LEFT = builders.box((-2.0, 0.0, 0.0), (2.0, 1.0, 1.0), (4, 2, 2))
FINE = builders.box((0.0, 0.0, 0.0), (1.0, 0.5, 0.5), (4, 2, 2))
COARSE = builders.box((0.0, 0.0, 0.0), (4.0, 3.0, 3.0), (8, 6, 6))


def right(gap: float) -> Grid:
    """A volume beside LEFT, ``gap`` metres away; negative ones overlap."""
    return builders.box((2.0 + gap, 0.0, 0.0), (2.0, 1.0, 1.0), (4, 2, 2))


ARRANGEMENTS = {
    "nested": (FINE, COARSE),
    "turned in another": (builders.box((0.3, 0.2, 0.0), (1.0, 0.5, 0.5), (4, 2, 2), 30.0), COARSE),
    "at the border": (builders.box((3.0, 0.0, 0.0), (1.0, 0.5, 0.5), (4, 2, 2)), COARSE),
    "overlapping": (LEFT, right(-1.5)),
    "overlapping by one cell": (LEFT, right(-1.0)),
    "abutting": (LEFT, right(0.0)),
    "abutting, of two sizes": (builders.box((-1.0, 0.0, 0.0), (1.0, 0.5, 0.5), (4, 2, 2)), right(0.0)),
    "half a cell apart": (LEFT, right(0.5)),
    "a cell apart": (LEFT, right(1.0)),
    "two cells apart": (LEFT, right(2.0)),
    "far apart": (LEFT, right(20.0)),
    "three": (FINE, LEFT, right(0.3)),
    "the same twice": (LEFT, LEFT),
    "single probes": (builders.box(resolution=(1, 1, 1)), builders.box((2.5, 0, 0), resolution=(1, 1, 1))),
}
BOTH = pytest.mark.parametrize("grids", ARRANGEMENTS.values(), ids=ARRANGEMENTS)


def constant(grids: tuple[Grid, ...], method: str = OURS) -> LightGrid:
    """The first volume with light of 1, the next with 5, then 9."""
    parts = [
        builders.baked(grid, method, sh=builders.constant_sh(grid.count, 1.0 + 4.0 * number))
        for number, grid in enumerate(grids)
    ]
    return LightGrid(parts, {})


def line(start: tuple, end: tuple, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Points of a straight line, and a normal for each."""
    shares = np.linspace(0.0, 1.0, count)[:, None]
    points = (1.0 - shares) * np.array(start) + shares * np.array(end)
    return points.astype(np.float32), np.tile(np.array([0.6, 0.0, 0.8], np.float32), (count, 1))


@BOTH
def test_no_seam_between_volumes(grids: tuple[Grid, ...]) -> None:
    """Lines through and past the volumes in steps of 1 mm, a five-hundredth of the finest cell.

    Over one cell a share rises from none to all; another volume that fades there too can steepen that, so three times
    that slope is allowed. A seam would show a step of a tenth or more.
    """
    result = constant(grids)
    allowed = 3.0 * 4.0 * (len(grids) - 1) * 0.001 / 0.5
    for start, end in (
        ((-6.0, 0.0, 0.0), (9.0, 0.0, 0.0)),
        ((-6.0, 0.3, -0.4), (9.0, 0.7, 0.6)),
        ((-6.0, 1.3, 0.2), (9.0, 1.3, 0.2)),
        ((-3.0, -4.0, -4.0), (2.0, 5.0, 4.0)),
        ((0.0, -4.0, 0.1), (0.0, 4.0, 0.1)),
    ):
        length = np.linalg.norm(np.subtract(end, start))
        points, normals = line(start, end, int(length / 0.001))
        values = result.irradiance(points, normals)[:, 0]
        assert np.abs(np.diff(values)).max() < allowed
        assert values.min() > 0.999 and values.max() < 1.001 + 4.0 * (len(grids) - 1)


@BOTH
def test_no_seam_across_borders_of_real_contents(grids: tuple[Grid, ...]) -> None:
    """Points a tenth of a millimetre on either side of each volume's border, and of where its fade begins and ends."""
    parts = [builders.baked(grid, "trilinear", seed) for seed, grid in enumerate(grids)]
    result = LightGrid(parts, {})
    for grid, shift in itertools.product(grids, (-0.5, 0.0, 0.5)):
        counts = np.array(grid.resolution)
        generator = np.random.default_rng(1)
        position = generator.uniform(-0.5, counts - 0.5, (300, 3))
        axis, upper = generator.integers(0, 3, 300), generator.integers(0, 2, 300)
        border = np.where(upper, counts[axis] - 0.5 + shift, -0.5 - shift)
        jump = []
        for side in (-1e-4, 1e-4):
            position[np.arange(300), axis] = border + side
            jump.append(result.irradiance(builders.in_world(grid, position), builders.directions(300, 2)))
        assert np.abs(jump[1] - jump[0]).max() < 3e-3 * jump[0].mean()


@BOTH
@pytest.mark.parametrize("method", [OURS, *baselines.METHODS])
def test_white_furnace(grids: tuple[Grid, ...], method: str) -> None:
    parts = [builders.baked(grid, method, sh=builders.constant_sh(grid.count, 2.0)) for grid in grids]
    points = np.concatenate([builders.points_in(grid, 100, 3, beyond=4.0) for grid in grids])
    values = LightGrid(parts, {}).irradiance(points, builders.directions(len(points), 4))
    np.testing.assert_allclose(values, 2.0, rtol=1e-5)


def at(result: LightGrid, *points: tuple) -> list[float]:
    values = result.irradiance(np.array(points), np.tile([0.0, 0.0, 1.0], (len(points), 1)))
    return values[:, 0].tolist()


def test_the_finest_decides() -> None:
    result = constant((FINE, COARSE))
    # Inside; half a fine cell (0.25 m) within and beyond the fine border at x = 1; in the coarse one; outside of both.
    inside, within, border, beyond, coarse, outside = at(
        result, (0, 0, 0), (0.75, 0, 0), (1, 0, 0), (1.25, 0, 0), (2, 0, 0), (9, 0, 0)
    )
    assert [inside, within] == pytest.approx([1.0, 1.0], abs=1e-3)
    assert border == pytest.approx(3.0, abs=1e-3)
    assert [beyond, coarse] == pytest.approx([5.0, 5.0], abs=1e-3)
    assert outside > 4.5


def test_the_order_of_volumes_does_not_matter() -> None:
    first = constant((FINE, COARSE))
    swapped = LightGrid(first.grids[::-1], {})
    points, normals = builders.points_in(COARSE, 500, 5), builders.directions(500, 6)
    np.testing.assert_array_equal(first.irradiance(points, normals), swapped.irradiance(points, normals))


def test_between_two_volumes() -> None:
    for gap in (0.0, 0.5, 1.0, 2.0, 8.0):
        left, middle, near = at(constant((LEFT, right(gap))), (-1.5, 0, 0), (0.5 * gap, 0, 0), (1.5 + gap, 0, 0))
        assert left == pytest.approx(1.0, abs=1e-3) and near == pytest.approx(5.0, abs=1e-3)
        assert 2.0 < middle < 4.0, "where two volumes are equally near, neither decides alone"


def test_nearest_volume_far_outside() -> None:
    result = constant((LEFT, right(100.0)))
    values = at(result, (-50, 0, 0), (10, 0, 0), (90, 0, 0), (150, 0, 0))
    assert values == pytest.approx([1.0, 1.0, 5.0, 5.0], abs=0.05)


@pytest.mark.parametrize("distance", [1e3, 1e6, 1e9, 1e12, 1e18])
def test_finite_anywhere(distance: float) -> None:
    values = at(constant((LEFT, right(1.0))), (distance, 0, 0), (0, -distance, distance))
    assert all(0.999 < value < 5.001 for value in values)


def test_light_is_clamped_after_volumes_are_added() -> None:
    """-1 and 3 in equal shares are 1, not 1.5."""
    grids = (FINE, COARSE)
    parts = [
        builders.baked(grid, "trilinear", sh=builders.constant_sh(grid.count, value))
        for grid, value in zip(grids, (-1.0, 3.0), strict=True)
    ]
    inside, border = at(LightGrid(parts, {}), (0, 0, 0), (1, 0, 0))
    assert (inside, border) == (0.0, pytest.approx(1.0, abs=1e-3))
