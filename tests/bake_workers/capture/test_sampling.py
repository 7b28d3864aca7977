# SPDX-FileCopyrightText: 2026 Neural Bake developers
#
# SPDX-License-Identifier: GPL-3.0-or-later

"""Points at which light is measured."""

from __future__ import annotations

import numpy as np
import pytest

from bake_workers.capture.geometry import collect
from bake_workers.capture.grids import Volume
from bake_workers.capture.reach import Reach
from bake_workers.capture.sampling import Points, Sampler, cut
from tests.bake_workers.capture import builders

ROOM = builders.volume((-2, -1, 0), (2, 1, 2), (8, 4, 4))


def sampler(*volumes: Volume, seeds: list = ((-1.9, 0.0, 1.5),), metre: float = 1.0) -> Sampler:
    volumes = volumes or (ROOM,)
    low = np.min([volume.bounds()[0] for volume in volumes], axis=0)
    high = np.max([volume.bounds()[1] for volume in volumes], axis=0)
    geometry = collect(builders.opened(), low, high)
    reach = Reach(geometry, list(volumes), np.array(seeds, float), np.random.default_rng(0))
    return Sampler(geometry, list(volumes), reach, metre)


def furnish() -> None:
    """A closed room a little larger than the volume, with a solid block standing on its floor."""
    builders.empty_scene()
    builders.box("Room", (-2.1, -1.1, -0.1), (2.1, 1.1, 2.1), inward=True)
    builders.box("Block", (0.5, -0.5, -0.05), (1.5, 0.5, 1.0))


def in_block(points: np.ndarray) -> np.ndarray:
    return ((points > (0.5, -0.5, -0.05)) & (points < (1.5, 0.5, 1.0))).all(axis=1)


def test_surface_points_float_over_their_surface() -> None:
    furnish()
    points = sampler().draw(4000, 1.0, np.random.default_rng(1))
    assert len(points) == 4000 and points.surface.all()
    assert points.positions.dtype == points.normals.dtype == np.float32
    # all surfaces inside the volume belong to the block; each of its five visible faces is a square metre
    assert not in_block(points.positions).any()
    low, high = np.array((0.5, -0.5, -0.05)), np.array((1.5, 0.5, 1.0))
    foot_distance = np.maximum(low - points.positions, points.positions - high).max(axis=1)
    assert foot_distance.min() >= 0.00499 and foot_distance.max() <= 0.15001
    # heights are 0.5 cm + 14.5 cm u^2 with an even u, as in the reference data: their median is at u = 1/2
    assert np.median(foot_distance) == pytest.approx(0.005 + 0.145 / 4.0, abs=0.004)
    axis = np.abs(points.normals).argmax(axis=1)
    np.testing.assert_allclose(np.abs(points.normals).max(axis=1), 1.0, atol=1e-6)
    outward = np.take_along_axis(points.positions - 0.5 * (low + high), axis[:, None], 1)[:, 0]
    assert (np.sign(outward) == np.sign(np.take_along_axis(points.normals, axis[:, None], 1)[:, 0])).all()
    shares = [
        (points.normals[:, 2] > 0.5).mean(),
        (points.normals[:, 0] > 0.5).mean(),
        (points.normals[:, 1] < -0.5).mean(),
    ]
    np.testing.assert_allclose(shares, 0.2, atol=0.03)
    assert (points.normals[:, 2] > -0.5).all()


def test_both_sides_of_a_sheet_are_drawn() -> None:
    builders.empty_scene()
    builders.plate("Sheet", 0.9, 1.0)
    points = sampler().draw(2000, 1.0, np.random.default_rng(1))
    assert (points.normals[:, 2] > 0.5).mean() == pytest.approx(0.5, abs=0.05)
    np.testing.assert_array_equal(points.positions[:, 2] > 1.0, points.normals[:, 2] > 0.0)


def test_air_points_are_even_and_turned_anyhow() -> None:
    furnish()
    points = sampler().draw(8000, 0.0, np.random.default_rng(2))
    assert len(points) == 8000 and not points.surface.any() and not in_block(points.positions).any()
    assert ROOM.contains(points.positions).all()
    np.testing.assert_allclose(np.linalg.norm(points.normals, axis=1), 1.0, atol=1e-6)
    np.testing.assert_allclose(points.normals.mean(axis=0), 0.0, atol=0.04)
    np.testing.assert_allclose((points.normals**2).mean(axis=0), 1.0 / 3.0, atol=0.03)
    left = points.positions[:, 0] < 0.0
    assert left.mean() == pytest.approx(8.0 / 15.0, abs=0.02)  # 8 of 16 cubic metres, of which the block takes one


def test_a_mixture_keeps_its_share_and_its_order_is_random() -> None:
    furnish()
    points = sampler().draw(1000, 0.3, np.random.default_rng(3))
    assert len(points) == 1000 and points.surface.sum() == 300
    assert 100 < points.surface[:500].sum() < 200


def test_every_cell_gets_training_points() -> None:
    furnish()
    points = sampler().draw_training(40, 0.5, np.random.default_rng(4))
    air = points[~points.surface]
    cell = np.floor(ROOM.coordinates(air.positions) + 0.5).astype(int)
    counts = np.bincount(np.ravel_multi_index(cell.T, ROOM.resolution), minlength=ROOM.count)
    probes = ROOM.probe_positions()
    assert (counts[~in_block(probes)] >= 10).all() and counts.max() <= 24
    # the block fills two of sixteen cells of the floor's layer, twice two layers high: dropped, not replaced
    assert 0.9 * 20 * 128 * 15 / 16 < len(air) < 20 * 128
    assert points.surface.mean() == pytest.approx(0.5, abs=0.03)


def test_few_points_per_cell_are_drawn_with_fractions() -> None:
    builders.empty_scene()
    points = sampler().draw_training(8, 0.7, np.random.default_rng(5))  # 2.4 a cell, and no surface anywhere
    assert len(points) == pytest.approx(2.4 * 128, abs=40) and not points.surface.any()


def test_centimetre_scenes_have_centimetre_heights() -> None:
    builders.empty_scene()
    builders.plate("Sheet", 90.0, 100.0)
    volume = builders.volume((-200, -100, 0), (200, 100, 200))
    points = sampler(volume, seeds=[(0, 0, 50)], metre=100.0).draw(500, 1.0, np.random.default_rng(6))
    heights = np.abs(points.positions[:, 2] - 100.0)
    assert 0.49 < heights.min() < 1.0 and 10.0 < heights.max() < 15.01


def test_points_keep_away_from_surfaces() -> None:
    """Sheets 1.2 mm apart: no point lies between them, and none within a millimetre of either."""
    builders.empty_scene()
    for number in range(5):
        builders.plate(f"Sheet{number}", 0.9, 1.0 + 0.0012 * number)
    points = sampler().draw(3000, 0.5, np.random.default_rng(7))
    over = np.abs(points.positions[:, :2]).max(axis=1) < 0.9
    z = points.positions[over, 2]
    assert over.sum() > 1000 and not ((z > 1.0 - 0.00099) & (z < 1.0048 + 0.00099)).any()


def test_overlapping_volumes_are_one_space() -> None:
    builders.empty_scene()
    one, two = builders.volume((-1, -1, 0), (1, 1, 2)), builders.volume((0, -1, 0), (2, 1, 2))
    points = sampler(one, two).draw(6000, 0.0, np.random.default_rng(8))
    for x in (-1.0, 0.0, 1.0):
        share = ((points.positions[:, 0] >= x) & (points.positions[:, 0] < x + 1.0)).mean()
        assert share == pytest.approx(1.0 / 3.0, abs=0.025)


def test_sets_depend_on_their_generator_alone() -> None:
    furnish()
    first, second = sampler(), sampler()
    first.draw(50, 0.5, np.random.default_rng(10))
    one, two = (each.draw(300, 0.5, np.random.default_rng(11)) for each in (first, second))
    np.testing.assert_array_equal(one.positions, two.positions)
    other = second.draw(300, 0.5, np.random.default_rng(12))
    assert not (one.positions[:, None] == other.positions[None]).all(axis=2).any()


def test_cut_keeps_area_and_orientation() -> None:
    triangles = np.random.default_rng(0).normal(size=(5, 3, 3))
    pieces = cut(triangles)

    def vectors(corners: np.ndarray) -> np.ndarray:
        return np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])

    np.testing.assert_allclose(vectors(pieces), np.tile(vectors(triangles) / 4.0, (4, 1)))
    assert len(Points.join([])) == 0
