# SPDX-FileCopyrightText: 2026 Neural Bake developers
#
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reachable space."""

from __future__ import annotations

import bpy
import numpy as np
import pytest
from mathutils import Matrix

from bake_workers.capture.geometry import collect
from bake_workers.capture.grids import Volume
from bake_workers.capture.reach import Reach, find_seeds
from core.errors import NeuralBakeError
from tests.bake_workers.capture import builders
from tests.bake_workers.capture.builders import array

RNG = np.random.default_rng(7)


def reach(*volumes: Volume, seeds: list = ()) -> Reach:
    low = np.min([volume.bounds()[0] for volume in volumes], axis=0)
    high = np.max([volume.bounds()[1] for volume in volumes], axis=0)
    geometry = collect(builders.opened(), low, high)
    return Reach(geometry, list(volumes), np.array(seeds, float).reshape(-1, 3), np.random.default_rng(0))


def test_no_wall_is_too_thin() -> None:
    """Half a millimetre of wall, as a box or as a single sheet, parts two rooms; lattice nodes never lie on it."""
    for thickness in (0.0005, 0.0):
        builders.empty_scene()
        builders.box("Wall", (-thickness / 2, -2, -2), (thickness / 2, 2, 2))
        found = reach(builders.volume((-1, -1, -1), (1, 1, 1), (4, 4, 4)), seeds=[(-0.7, 0.1, 0.2)])
        points = RNG.uniform(-0.99, 0.99, (3000, 3))
        points = points[np.abs(points[:, 0]) > 0.002]
        np.testing.assert_array_equal(found.test(points), points[:, 0] < 0.0)
        assert found.share()[0] == pytest.approx(0.5, abs=0.02)


@pytest.mark.parametrize("seed", range(5))
def test_a_crack_between_walls_opens_nothing_and_a_gap_does(seed: int) -> None:
    """Three millimetres are drawn by accident, ten centimetres on purpose."""
    for width, share in ((0.003, 0.5), (0.1, 1.0)):
        builders.empty_scene()
        builders.box("Left", (-0.02, -2, -2), (0.02, -0.13, 2))
        builders.box("Right", (-0.02, -0.13 + width, -2), (0.02, 2, 2))
        volume = builders.volume((-1, -1, -1), (1, 1, 1), (8, 8, 8))
        geometry = collect(builders.opened(), *volume.bounds())
        found = Reach(geometry, [volume], np.array([(-0.7, 0.1, 0.2)]), np.random.default_rng(seed))
        assert found.share()[0] == pytest.approx(share, abs=0.03)


def test_round_a_corner_and_through_a_gap() -> None:
    """A wall with an opening at its end: the far side is reached, though no seed sees it."""
    builders.empty_scene()
    builders.box("Wall", (-0.05, -2, -2), (0.05, 0.5, 2))
    found = reach(builders.volume((-1, -1, -1), (1, 1, 1), (4, 4, 4)), seeds=[(-0.7, -0.7, 0.2)])
    points = RNG.uniform(-0.95, 0.95, (2000, 3))
    points = points[np.abs(points[:, 0]) > 0.06]
    assert found.test(points).all()


def test_behind_a_thin_column_is_reached() -> None:
    builders.empty_scene()
    builders.box("Column", (-0.05, -0.05, -2), (0.05, 0.05, 2))
    found = reach(builders.volume((-1, -1, -1), (1, 1, 1), (4, 4, 4)), seeds=[(-0.9, 0.0, 0.0)])
    behind = np.stack([np.linspace(0.06, 0.9, 50), np.zeros(50), np.zeros(50)], axis=-1)
    assert found.test(behind).all()
    assert not found.test(array((0.0, 0.0, 0.0), (0.03, -0.03, 0.5))).any()


def test_a_sealed_cavity_counts_only_with_a_seed_in_it() -> None:
    builders.empty_scene()
    builders.box("Cupboard", (0.2, 0.2, -0.5), (0.9, 0.9, 0.5))
    volume = builders.volume((-1, -1, -1), (1, 1, 1), (5, 5, 5))
    inside, outside = array((0.5, 0.5, 0.0), (0.25, 0.85, 0.45)), array((0.0, 0.0, 0.0), (-0.9, 0.9, 0.9))
    without = reach(volume, seeds=[(-0.5, -0.5, 0.0)])
    assert not without.test(inside).any() and without.test(outside).all()
    assert reach(volume, seeds=[(-0.5, -0.5, 0.0), (0.5, 0.6, 0.1)]).test(np.concatenate([inside, outside])).all()


def test_space_thinner_than_the_lattice_is_found_through_other_points() -> None:
    """A slit of 4 cm under a board, where nodes are 20 cm apart."""
    builders.empty_scene()
    builders.box("Floor", (-2, -2, -1.5), (2, 2, -0.5))
    builders.box("Board", (-0.6, -0.6, -0.46), (0.6, 0.6, -0.40))
    found = reach(builders.volume((-1, -1, -1), (1, 1, 1), (3, 3, 3)), seeds=[(0.0, 0.0, 0.5)])
    slit = np.stack(
        [RNG.uniform(-0.99, 0.99, 4000), RNG.uniform(-0.99, 0.99, 4000), RNG.uniform(-0.495, -0.465, 4000)], -1
    )
    under = np.abs(slit[:, :2]).max(axis=1) < 0.6
    reached = found.test(slit)
    assert reached[~under].mean() > 0.99 and reached[under].mean() > 0.8


def test_seeds_outside_see_in() -> None:
    """A camera that looks into a volume from four metres away, through a window in a screen."""
    builders.empty_scene()
    for name, low, high in (
        ("Left", (-9, -9), (-0.5, 9)),
        ("Right", (0.5, -9), (9, 9)),
        ("Top", (-0.5, 0.5), (0.5, 9)),
    ):
        builders.box(name, (low[0], -1.5, low[1]), (high[0], -1.4, high[1]))
    found = reach(builders.volume((-1, -1, -1), (1, 1, 1)), seeds=[(0.0, -5.0, 0.0)])
    assert found.share()[0] == 1.0


def test_a_seed_may_stand_on_the_floor() -> None:
    """Space is then reached on the floor's front, and not below it."""
    builders.empty_scene()
    builders.plate("Floor", 3.0, 0.0)
    found = reach(builders.volume((-1, -1, -1), (1, 1, 1)), seeds=[(0.0, 0.0, 0.0)])
    np.testing.assert_array_equal(found.test(array((0.2, 0.3, 0.01), (0.2, 0.3, -0.01))), [True, False])


def test_open_faces_serve_where_there_is_no_seed() -> None:
    builders.empty_scene()
    builders.box("Room", (-0.9, -0.9, -0.9), (0.9, 0.9, 0.9))
    volume = builders.volume((-1, -1, -1), (1, 1, 1), (5, 5, 5))
    found = reach(volume)
    np.testing.assert_array_equal(found.test(array((0, 0, 0), (0.97, 0, 0))), [False, True])


def test_nothing_reached_is_refused_with_a_hint() -> None:
    builders.empty_scene()
    builders.box("Shell", (-1.005, -1.005, -1.005), (1.005, 1.005, 1.005))
    with pytest.raises(NeuralBakeError, match="Inside") as caught:
        reach(builders.volume((-1, -1, -1), (1, 1, 1)))
    assert caught.value.code == "nothing_reached" and caught.value.exit_code == 2


def test_volumes_that_touch_reach_each_other() -> None:
    builders.empty_scene()
    near, far = builders.volume((-1, -1, -1), (1, 1, 1)), builders.volume((1, -1, -1), (3, 1, 1), (8, 8, 8))
    found = reach(near, far, seeds=[(-0.5, 0, 0)])
    assert found.share() == [1.0, 1.0] and found.test(array((2.9, 0.9, 0.9))).all()


def test_a_rotated_volume() -> None:
    builders.empty_scene()
    builders.box("Wall", (-0.001, -9, -9), (0.001, 9, 9))
    matrix = np.array(Matrix.Rotation(0.7, 4, (1, 2, 3)) @ Matrix.Diagonal((2, 1, 0.5, 1)))
    found = reach(Volume(matrix, (6, 4, 3), "Turned"), seeds=[(-0.3, 0, 0)])
    points = RNG.uniform(-0.99, 0.99, (2000, 3)) @ matrix[:3, :3].T
    points = points[np.abs(points[:, 0]) > 0.005]
    reached = found.test(points)
    assert not reached[points[:, 0] > 0].any() and reached[points[:, 0] < 0].mean() > 0.99


def test_who_says_what_is_inside() -> None:
    scene = builders.empty_scene()
    assert find_seeds(builders.opened(), [])[0].shape == (0, 3)
    scene.camera = builders.add("Camera", bpy.data.cameras.new("Camera"), (1, 2, 3))
    np.testing.assert_allclose(find_seeds(builders.opened(), [])[0], [(1, 2, 3)])
    builders.add("Inside.room", None, (4, 5, 6))
    builders.add("Insider", None, (9, 9, 9))
    np.testing.assert_allclose(find_seeds(builders.opened(), [])[0], [(4, 5, 6)])
    np.testing.assert_allclose(find_seeds(builders.opened(), ["Camera", "Insider"])[0], [(1, 2, 3), (9, 9, 9)])
    with pytest.raises(NeuralBakeError, match="Nobody"):
        find_seeds(builders.opened(), ["Nobody"])
