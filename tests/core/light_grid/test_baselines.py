# SPDX-FileCopyrightText: 2026 Neural Bake developers
#
# SPDX-License-Identifier: GPL-3.0-or-later

"""The classic methods: octahedral maps, Chebyshev's bound, validity and dilation, by hand and on a wall."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from core.light_grid import baselines
from core.light_grid.baselines import OCTAHEDRAL_SIZE, Configuration, ProbeGeometry
from core.light_grid.grid import Grid
from core.spherical_harmonics import fibonacci_directions
from tests.core.light_grid import builders

UP = np.array([[0.0, 0.0, 1.0]], np.float32)
CONFIGURATIONS = [option for method in baselines.METHODS for option in baselines.candidates(method)]
# Two probes a metre apart along X, at -0.5 and 0.5.
PAIR = builders.box(half=(1.0, 0.5, 0.5), resolution=(2, 1, 1))


def geometry_of(grid: Grid, distances: np.ndarray, rays: np.ndarray, valid: np.ndarray | None = None) -> ProbeGeometry:
    depth = baselines.octahedral_depth(grid, rays, distances)
    return ProbeGeometry(np.ones(grid.count, bool) if valid is None else valid, depth)


def walled() -> ProbeGeometry:
    """The pair with a wall between them at x = 0."""
    rays = fibonacci_directions(2000)
    return geometry_of(PAIR, builders.wall_distances(PAIR.probe_positions(), rays), rays)


def share_of_right(method: str, x: float, geometry: ProbeGeometry, **options: object) -> float:
    """Weight of the probe at x = 0.5, for a point at ``x`` on the line between the two, looking up."""
    point = np.array([[x, 0.0, 0.0]], np.float32)
    probes, weights = baselines.corner_weights(PAIR, geometry, Configuration(method, **options), point, UP)
    return float(weights[0, probes[0] == 1].sum())


@pytest.mark.parametrize(
    ("direction", "square"),
    [
        ((0, 0, 1), (0, 0)),
        ((1, 0, 0), (1, 0)),
        ((0, -1, 0), (0, -1)),
        ((0.6, 0, 0.8), (3 / 7, 0)),
        ((0.6, 0, -0.8), (1, 4 / 7)),  # folded over the right edge, where the upper half stands for the lower one too
        ((0, 0.6, -0.8), (4 / 7, 1)),
    ],
)
def test_octahedral_mapping_by_hand(direction: tuple, square: tuple) -> None:
    np.testing.assert_allclose(baselines._to_octahedral(np.array(direction, float)), square, atol=1e-12)


def test_octahedral_mapping_folds_down_onto_the_corners() -> None:
    assert np.abs(baselines._to_octahedral(np.array([0.0, 0.0, -1.0]))).tolist() == [1.0, 1.0]


def test_octahedral_round_trip() -> None:
    directions = builders.directions(5000, 1).astype(float)
    square = baselines._to_octahedral(directions)
    assert np.abs(square).max() <= 1.0
    np.testing.assert_allclose(baselines._from_octahedral(square), directions, atol=1e-12)
    # Every quarter of the square is used, the lower half of the sphere fills the outer triangles.
    assert (np.abs(square).sum(axis=1) > 1.0).tolist() == (directions[:, 2] < 0.0).tolist()


def sampled(directions: np.ndarray, seed: int = 2) -> np.ndarray:
    """A random map sampled in ``directions`` (N, 3), one value each."""
    maps = np.random.default_rng(seed).uniform(0.0, 1.0, (1, OCTAHEDRAL_SIZE, OCTAHEDRAL_SIZE, 2))
    probes = np.zeros((len(directions), 1), int)
    return baselines._sample_octahedral(maps, probes, directions[:, None])[:, 0, 0]


def test_sampling_is_continuous_over_the_maps_edges() -> None:
    """The edges lie where x = 0 or y = 0 in the lower half; a step of 2e-6 over them must not show."""
    generator = np.random.default_rng(3)
    for axis in (0, 1):
        directions = generator.normal(size=(2000, 3))
        directions[:, 2] = -np.abs(directions[:, 2])
        sides = []
        for side in (-1e-6, 1e-6):
            directions[:, axis] = side
            sides.append(sampled(directions / np.linalg.norm(directions, axis=1, keepdims=True)))
        assert sides[0].std() > 0.1
        np.testing.assert_allclose(sides[0], sides[1], atol=1e-3)


def test_sampling_is_continuous_at_the_maps_corners() -> None:
    """All four corners are the one direction straight down."""
    azimuth = np.linspace(0.0, 2.0 * np.pi, 64)
    directions = np.stack([1e-6 * np.cos(azimuth), 1e-6 * np.sin(azimuth), -np.ones(64)], axis=-1)
    values = sampled(directions)
    np.testing.assert_allclose(values, values[0], atol=1e-3)


def test_sampling_is_bilinear_at_texels() -> None:
    maps = np.random.default_rng(4).uniform(size=(2, OCTAHEDRAL_SIZE, OCTAHEDRAL_SIZE, 2))
    square = (np.array([[3, 9], [8, 8], [15, 0]]) + 0.5) / OCTAHEDRAL_SIZE * 2.0 - 1.0
    found = baselines._sample_octahedral(maps, np.ones((3, 1), int), baselines._from_octahedral(square)[:, None])
    np.testing.assert_allclose(found[:, 0], [maps[1, 3, 9], maps[1, 8, 8], maps[1, 15, 0]], atol=1e-9)
    halfway = (np.array([[4.0, 9.5]]) / OCTAHEDRAL_SIZE) * 2.0 - 1.0
    found = baselines._sample_octahedral(maps, np.ones((1, 1), int), baselines._from_octahedral(halfway)[:, None])
    np.testing.assert_allclose(found[0, 0], maps[1, 3:5, 9].mean(axis=0), atol=1e-9)


def test_depth_of_a_sphere() -> None:
    """Every ray ends at half a metre: that is the mean, and there is no variance; back faces count a fifth."""
    rays = fibonacci_directions(500)
    distances = np.stack([np.full(500, 0.5), np.full(500, -2.0)])
    depth = baselines.octahedral_depth(PAIR, rays, distances)
    assert depth.shape == (2, 16, 16, 2) and depth.dtype == np.float32
    np.testing.assert_allclose(depth[0], np.broadcast_to([0.5, 0.25], (16, 16, 2)), rtol=1e-5)
    np.testing.assert_allclose(depth[1], np.broadcast_to([0.4, 0.16], (16, 16, 2)), rtol=1e-5)


def test_depth_is_limited_to_one_and_a_half_cells() -> None:
    """The cell's diagonal is sqrt(3) metres; a ray into the sky does not drown what is near."""
    rays = fibonacci_directions(500)
    depth = baselines.octahedral_depth(PAIR, rays, np.full((2, 500), 1e30))
    np.testing.assert_allclose(depth[..., 0], 1.5 * np.sqrt(3.0), rtol=1e-5)


def test_depth_with_fewer_rays_than_texels() -> None:
    depth = baselines.octahedral_depth(PAIR, fibonacci_directions(32), np.full((2, 32), 0.5))
    np.testing.assert_allclose(depth[..., 0], 0.5, rtol=1e-4)


def test_depth_knows_directions() -> None:
    rays = fibonacci_directions(2000)
    distances = np.where(rays[:, 0] > 0.0, 0.3, 1.0)[None].repeat(2, axis=0)
    depth = baselines.octahedral_depth(PAIR, rays, distances)
    seen = baselines._sample_octahedral(depth, np.zeros((2, 1), int), np.array([[[1.0, 0, 0]], [[-1.0, 0, 0]]]))
    np.testing.assert_allclose(seen[:, 0, 0], [0.3, 1.0], atol=1e-3)


@pytest.mark.parametrize(
    ("distance", "expected"),
    [
        (0.1, 1.0),
        (0.5, 1.0),
        (0.51, (0.01 / 0.0101) ** 3),
        (0.6, 0.5**3),  # one standard deviation behind the mean: 0.01 / (0.01 + 0.01)
        (0.7, 0.05),  # (0.01 / (0.01 + 0.04))^3 = 0.008, floored
        (2.0, 0.05),
    ],
)
def test_chebyshev_by_hand(distance: float, expected: float) -> None:
    """Mean 0.5, standard deviation 0.1; seen with probability v / (v + (d - mean)^2), cubed."""
    depth = np.broadcast_to(np.array([0.5, 0.25 + 0.01]), (1, 16, 16, 2))
    offset = np.array([[[0.0, 0.6, -0.8]]]) * distance
    visible = baselines._visibility(depth, np.zeros((1, 1), int), offset)
    assert visible[0, 0] == pytest.approx(expected, rel=1e-6)


def test_a_wall_between_two_probes() -> None:
    geometry = walled()
    for x in (-0.1, -0.2, -0.4):
        assert share_of_right("trilinear", x, geometry) == pytest.approx(0.5 + x)
        assert share_of_right("validity", x, geometry) == pytest.approx(0.5 + x)
        assert share_of_right("ddgi", x, geometry) < 0.01
        assert share_of_right("ddgi", -x, geometry) > 0.99
    # Without the wall DDGI is trilinear.
    rays = fibonacci_directions(500)
    clear = geometry_of(PAIR, np.full((2, 500), 1e30), rays)
    assert share_of_right("ddgi", -0.2, clear) == pytest.approx(0.3, rel=1e-5)


@pytest.mark.parametrize("method", ["validity", "ddgi"])
def test_invalid_probes_get_no_weight(method: str) -> None:
    geometry = dataclasses.replace(walled(), valid=np.array([True, False]))
    for x in (-0.3, 0.0, 0.45):
        assert share_of_right(method, x, geometry) == 0.0
    assert share_of_right("trilinear", 0.45, geometry) == pytest.approx(0.95)


@pytest.mark.parametrize("method", ["validity", "ddgi"])
def test_where_no_probe_is_valid_the_window_decides(method: str) -> None:
    geometry = dataclasses.replace(walled(), valid=np.array([False, False]))
    assert share_of_right(method, -0.2, geometry) == pytest.approx(0.3)


def test_probes_behind_the_surface_weigh_less() -> None:
    """At the middle, looking along +X: one probe straight ahead, 1^2 + 0.2, the other straight behind, 0^2 + 0.2."""
    point, normal = np.zeros((1, 3), np.float32), np.array([[1.0, 0.0, 0.0]], np.float32)
    probes, weights = baselines.corner_weights(
        PAIR, ProbeGeometry(np.ones(2, bool)), Configuration("validity", facing=True), point, normal
    )
    assert weights[0, probes[0] == 1].sum() == pytest.approx(1.2 / 1.4)


def test_bias_moves_the_look_up_along_the_normal() -> None:
    """0.2 mean spacings of one metre, along +X, from -0.1: the look-up is at 0.1."""
    point, normal = np.array([[-0.1, 0.0, 0.0]], np.float32), np.array([[1.0, 0.0, 0.0]], np.float32)
    probes, weights = baselines.corner_weights(
        PAIR, ProbeGeometry(np.ones(2, bool)), Configuration("validity", 0.2), point, normal
    )
    assert weights[0, probes[0] == 1].sum() == pytest.approx(0.6)


@pytest.mark.parametrize("option", CONFIGURATIONS, ids=lambda option: f"{option.method}-{option.bias}-{option.facing}")
def test_weights_are_positive_and_sum_to_one(option: Configuration) -> None:
    grid = builders.box((1.0, 0.0, 0.0), (2.0, 1.0, 0.5), (4, 3, 2), 15.0)
    geometry = builders.random_geometry(grid, 5)
    points, normals = builders.points_in(grid, 1000, 6, beyond=2.0), builders.directions(1000, 7)
    probes, weights = baselines.corner_weights(grid, geometry, option, points, normals)
    assert probes.shape == weights.shape == (1000, 8)
    assert (weights >= 0.0).all()
    np.testing.assert_allclose(weights.sum(axis=1), 1.0, rtol=1e-6)
    # Exactly on a probe there is no other that could have a say, unless it is invalid.
    on_probes = grid.probe_positions()[geometry.valid].astype(np.float32)
    if option.bias == 0.0:
        probes, weights = baselines.corner_weights(grid, geometry, option, on_probes, UP.repeat(len(on_probes), axis=0))
        own = np.where(probes == np.flatnonzero(geometry.valid)[:, None], weights, 0.0).sum(axis=1)
        np.testing.assert_allclose(own, 1.0, atol=1e-3)


def test_blend_by_hand() -> None:
    """Constant light of 2 and 6 from two probes in shares of 1/4 and 3/4: 5."""
    sh = np.concatenate([builders.constant_sh(1, 2.0), builders.constant_sh(1, (6.0, 6.0, 0.0))])
    result = baselines.blend(sh, np.array([[0, 1]]), np.array([[0.25, 0.75]]), UP)
    np.testing.assert_allclose(result, [[5.0, 5.0, 0.5]], rtol=1e-6)


def dilated(resolution: tuple, values: list, valid: list) -> list[float]:
    """Dilation of one number per probe, which must come out the same in every coefficient and colour."""
    sh = np.broadcast_to(np.array(values, np.float32)[:, None, None], (len(values), 9, 3)).copy()
    result = baselines.dilate(Grid(np.eye(4), resolution), sh, np.array(valid, bool))
    assert result.shape == sh.shape
    np.testing.assert_array_equal(result, result[:, :1, :1].repeat(9, axis=1).repeat(3, axis=2))
    return result[:, 0, 0].tolist()


@pytest.mark.parametrize(
    ("values", "valid", "expected"),
    [
        ([1, 99, 3], [1, 0, 1], [1, 2, 3]),
        ([1, 99, 3], [1, 1, 1], [1, 99, 3]),
        ([5, 99, 99], [1, 0, 0], [5, 5, 5]),
        ([99, 99, 4], [0, 0, 1], [4, 4, 4]),
        ([99, 99, 99], [0, 0, 0], [0, 0, 0]),
        ([2, 99, 99, 99, 8], [1, 0, 0, 0, 1], [2, 2, 5, 8, 8]),  # two rings
    ],
)
def test_dilation_along_a_row(values: list, valid: list, expected: list) -> None:
    assert dilated((len(values), 1, 1), values, valid) == expected
    assert dilated((1, 1, len(values)), values, valid) == expected


def test_dilation_takes_diagonal_neighbours_too() -> None:
    # A square of 3 x 3 with an invalid centre: the mean of the eight around it.
    assert dilated((3, 3, 1), [1, 2, 3, 4, 99, 6, 7, 8, 9], [1, 1, 1, 1, 0, 1, 1, 1, 1])[4] == pytest.approx(5.0)


def test_dilation_leaves_its_input_alone() -> None:
    sh = builders.random_sh(3, 8)
    copy = sh.copy()
    baselines.dilate(Grid(np.eye(4), (3, 1, 1)), sh, np.array([True, False, True]))
    np.testing.assert_array_equal(sh, copy)


def test_candidates_are_of_their_method() -> None:
    for method in baselines.METHODS:
        options = baselines.candidates(method)
        assert {option.method for option in options} == {method} and len(set(options)) == len(options)
    assert baselines.candidates("trilinear") == (Configuration("trilinear"),)
    assert all(option.facing for option in baselines.candidates("ddgi"))


def test_line_of_sight_by_hand() -> None:
    """A point a quarter of the way: what is seen decides, or nothing seen, the window; facing favours the front."""
    point, along = np.array([[-0.25, 0.0, 0.0]], np.float32), np.array([[1.0, 0.0, 0.0]], np.float32)
    valid = np.ones(2, bool)

    def right(clear: tuple[bool, bool], facing: bool = False, valid: np.ndarray = valid) -> float:
        left_and_right = np.where(PAIR.corner_probes(np.zeros(1, int)) == 1, clear[1], clear[0])
        probes, weights = baselines.sight_weights(PAIR, valid, facing, point, along, left_and_right)
        assert weights.sum() == pytest.approx(1.0)
        return float(weights[0, probes[0] == 1].sum())

    assert right((True, True)) == pytest.approx(0.25)
    assert right((True, False)) == 0.0
    assert right((False, True)) == 1.0
    assert right((False, False)) == pytest.approx(0.25)
    assert right((True, True), valid=np.array([False, True])) == 1.0
    # behind 0.2, in front 1.2
    assert right((True, True), facing=True) == pytest.approx(0.25 * 1.2 / (0.25 * 1.2 + 0.75 * 0.2))
