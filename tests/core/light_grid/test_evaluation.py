# SPDX-FileCopyrightText: 2026 Neural Bake developers
#
# SPDX-License-Identifier: GPL-3.0-or-later

"""The numpy look-up against torch, against a naive one, and the properties that it promises."""

from __future__ import annotations

import dataclasses
import itertools
import math

import numpy as np
import pytest
import torch

from core.errors import NeuralBakeError
from core.light_grid import baselines
from core.light_grid.evaluation import OURS, BakedGrid, LightGrid
from core.light_grid.grid import Grid, corner_window
from core.light_grid.model import Batch, LightGridModel, blended_irradiance
from core.light_grid.network import LEAK, LOGIT_RANGE, PARAMETERS, SLICES
from core.light_grid.points import new_networks
from core.spherical_harmonics import irradiance_basis
from tests.core.light_grid import builders

METHODS = (OURS, *baselines.METHODS)
TURNED = builders.box((3.0, -1.0, 2.0), (2.0, 1.5, 0.5), (4, 3, 2), 25.0)
FLAT = builders.box(half=(2.0, 1.0, 0.5), resolution=(4, 1, 2), degrees=-40.0)
LONE = builders.box(resolution=(1, 1, 1))
GRIDS = pytest.mark.parametrize("grid", [TURNED, FLAT, LONE], ids=["turned", "flat", "lone"])


def light(baked: BakedGrid) -> LightGrid:
    return LightGrid([baked], {})


def naive(baked: BakedGrid, point: np.ndarray, normal: np.ndarray) -> np.ndarray:
    """Irradiance (3,) of one point as the papers write it, in double precision and with nothing shared."""
    grid, counts = baked.grid, np.array(baked.grid.resolution)
    point = point.astype(float) + baked.bias * grid.spacing.mean() * normal
    in_box = np.linalg.solve(grid.matrix, np.append(point, 1.0))[:3]
    position = np.clip((in_box + 1.0) / 2.0 * counts - 0.5, -0.5, counts - 0.5)
    low = [min(max(math.floor(x), 0), max(n - 2, 0)) for x, n in zip(position, counts, strict=True)]
    logits, windows, values = [], [], []
    for corner in itertools.product((0, 1), repeat=3):
        probe = [min(i + c, n - 1) for i, c, n in zip(low, corner, counts, strict=True)]
        index = (probe[0] * counts[1] + probe[1]) * counts[2] + probe[2]
        window = 1.0
        for axis in range(3):
            along = 0.0 if counts[axis] == 1 else min(max(position[axis] - low[axis], 0.0), 1.0)
            window *= along if corner[axis] else 1.0 - along
        own = {name: baked.weights[index, part].astype(float) for name, part in SLICES.items()}
        hidden = (position - low - corner) @ own["w1"].reshape(3, 8) + own["b1"]
        hidden = np.where(hidden > 0.0, hidden, LEAK * hidden)
        hidden = hidden @ own["w2"].reshape(8, 8) + own["b2"]
        hidden = np.where(hidden > 0.0, hidden, LEAK * hidden)
        logits.append(float(hidden @ own["w3"] + own["b3"][0]))
        windows.append(window)
        values.append(irradiance_basis(normal.astype(float)) @ baked.sh[index].astype(float))
    weights = np.array(windows) * np.exp(np.maximum(np.array(logits) - max(logits), -LOGIT_RANGE))
    return np.maximum(weights @ np.array(values) / weights.sum(), 0.0)


@GRIDS
def test_against_a_naive_look_up(grid: Grid) -> None:
    baked = builders.baked(grid, OURS, bias=0.3)
    points, normals = builders.points_in(grid, 200, 1), builders.directions(200, 2)
    expected = [naive(baked, point, normal) for point, normal in zip(points, normals, strict=True)]
    result = light(baked).irradiance(points, normals)
    assert result.dtype == np.float32 and result.std() > 0.1
    np.testing.assert_allclose(result, expected, rtol=1e-4, atol=1e-4)


@GRIDS
@pytest.mark.parametrize("strength", [1.0, 30.0], ids=["usual", "extreme"])
def test_against_torch(grid: Grid, strength: float) -> None:
    """What is trained is what is looked up, where single corners rule (logits beyond their range) as well."""
    weights, sh = builders.random_weights(grid.count, 3, strength), builders.random_sh(grid.count, 4)
    points, normals = builders.points_in(grid, 2000, 5), builders.directions(2000, 6)
    location = grid.locate(points)
    model = LightGridModel(torch.from_numpy(sh), torch.from_numpy(weights))
    batch = Batch(
        torch.from_numpy(grid.corner_probes(location.cell)),
        torch.from_numpy(location.offset.astype(np.float32))[:, None],
        torch.from_numpy(corner_window(location.fraction).astype(np.float32))[:, None],
        torch.from_numpy(irradiance_basis(normals))[:, None],
    )
    with torch.no_grad():
        blend = model.blend_weights(batch)
        expected = blended_irradiance(batch, blend, model.sh)[:, 0].numpy()
    np.testing.assert_allclose(blend.sum(dim=2).numpy(), 1.0, atol=1e-5)
    result = BakedGrid(grid, sh, OURS, 0.0, weights).irradiance(points, normals)
    scale = expected.mean()
    if strength == 1.0:
        np.testing.assert_allclose(result / scale, expected / scale, atol=1e-5)
    else:
        # Logits of hundreds carry rounding errors of 1e-5 each, which the softmax passes on.
        np.testing.assert_allclose(result / scale, expected / scale, atol=2e-4)


def test_a_new_network_is_trilinear() -> None:
    sh = builders.random_sh(TURNED.count, 7)
    weights = new_networks(len(sh), np.random.default_rng(1))
    points, normals = builders.points_in(TURNED, 500, 8), builders.directions(500, 9)
    new = BakedGrid(TURNED, sh, OURS, 0.0, weights)
    plain = BakedGrid(TURNED, sh, "trilinear")
    np.testing.assert_allclose(
        light(new).irradiance(points, normals), light(plain).irradiance(points, normals), rtol=1e-5
    )


def across_faces(grid: Grid, distance: float, count: int = 2000) -> tuple[np.ndarray, np.ndarray]:
    """Points on both sides of the faces between cells, ``distance`` spacings from them."""
    generator = np.random.default_rng(10)
    counts = np.array(grid.resolution)
    position = generator.uniform(-0.5, counts - 0.5, (count, 3))
    axis = generator.choice(np.flatnonzero(counts > 2), count)
    position[np.arange(count), axis] = generator.integers(1, counts[axis] - 1)
    step = np.zeros((count, 3))
    step[np.arange(count), axis] = distance
    return builders.in_world(grid, position - step), builders.in_world(grid, position + step)


@pytest.mark.parametrize("method", [OURS, "trilinear", "validity"])
@pytest.mark.parametrize("grid", [TURNED, FLAT], ids=["turned", "flat"])
def test_no_seam_between_cells(method: str, grid: Grid) -> None:
    """Neighbouring cells share four probes and no more, so every weight of the others has to end at the face.

    DDGI has the same window, but crushes weights so steeply that a tenth of a millimetre says nothing; and where all
    four shared probes are invalid, ``validity`` does jump.
    """
    baked = builders.baked(grid, method, bias=0.0)
    if method == OURS:  # logits within about 8 of each other: a weight rises by no more than e^8 per spacing
        baked = dataclasses.replace(baked, weights=builders.random_weights(grid.count, 1, 0.3))
    if method == "validity":
        baked = dataclasses.replace(baked, geometry=baselines.ProbeGeometry(np.ones(grid.count, bool)))
    normals = builders.directions(2000, 11)
    jumps = []
    for distance in (1e-2, 1e-3, 1e-4):
        before, after = (light(baked).irradiance(points, normals) for points in across_faces(grid, distance))
        jumps.append(np.abs(after - before).max() / before.mean())
    assert before.std() > 0.1 * before.mean(), "there must be something to jump"
    assert jumps[2] < 2e-3
    assert jumps[2] < 0.2 * jumps[1] < 0.04 * jumps[0], jumps


@GRIDS
@pytest.mark.parametrize("method", METHODS)
def test_white_furnace(method: str, grid: Grid) -> None:
    """The same radiance L in all probes gives pi L for any point and normal, however it is blended."""
    sh = builders.constant_sh(grid.count, (math.pi, 2.0 * math.pi, 0.0))
    points, normals = builders.points_in(grid, 500, 12, beyond=3.0), builders.directions(500, 13)
    result = light(builders.baked(grid, method, sh=sh)).irradiance(points, normals)
    np.testing.assert_allclose(result, np.tile([math.pi, 2.0 * math.pi, 0.0], (500, 1)), rtol=1e-5)


@pytest.mark.parametrize("method", METHODS)
def test_between_its_probes_values(method: str) -> None:
    """Weights are positive and sum to one: no point is brighter or darker than every probe."""
    values = np.random.default_rng(14).uniform(1.0, 100.0, (TURNED.count, 3))
    baked = builders.baked(TURNED, method, sh=builders.constant_sh(TURNED.count, values))
    points, normals = builders.points_in(TURNED, 2000, 15, beyond=2.0), builders.directions(2000, 16)
    result = light(baked).irradiance(points, normals)
    assert (result >= values.min(axis=0) * 0.9999).all() and (result <= values.max(axis=0) * 1.0001).all()
    assert result.std() > 5.0


@pytest.mark.parametrize("method", METHODS)
def test_never_negative(method: str) -> None:
    baked = builders.baked(TURNED, method, sh=builders.random_sh(TURNED.count, 17, positive=False))
    points, normals = builders.points_in(TURNED, 2000, 18), builders.directions(2000, 19)
    assert baked.irradiance(points, normals).min() < -0.1  # nothing is clamped before lights and volumes are added up
    result = light(baked).irradiance(points, normals)
    assert result.min() == 0.0
    np.testing.assert_allclose(result, np.maximum(baked.irradiance(points, normals), 0.0), atol=1e-6)


@pytest.mark.parametrize("method", [OURS, "trilinear"])
def test_far_outside_is_the_border(method: str) -> None:
    baked = dataclasses.replace(builders.baked(TURNED, method), weights=builders.random_weights(TURNED.count, 1, 0.3))
    generator = np.random.default_rng(20)
    # A point on the border's upper X face, and others straight out from it; 0.1 cells cover the bias.
    border = generator.uniform([3.6, -0.3, -0.3], [3.6, 2.3, 1.3], (300, 3))
    normals = builders.directions(300, 21)
    near = light(baked).irradiance(builders.in_world(TURNED, border), normals)
    for distance in (1.0, 1e3, 1e5):
        points = builders.in_world(TURNED, border + np.array([distance, 0.0, 0.0]))
        np.testing.assert_allclose(
            light(baked).irradiance(points, normals), near, rtol=0.02 if distance > 1e3 else 1e-3
        )
    assert near.std() > 0.1


@pytest.mark.parametrize("method", METHODS)
def test_finite_anywhere(method: str) -> None:
    points = builders.directions(100, 22) * np.logspace(0.0, 12.0, 100, dtype=np.float32)[:, None]
    result = light(builders.baked(TURNED, method)).irradiance(points, builders.directions(100, 23))
    assert np.isfinite(result).all() and (result > 0.0).all()


@pytest.mark.parametrize("method", METHODS)
def test_order_and_batches_do_not_matter(method: str) -> None:
    """66,000 points in two cells and a few elsewhere are batched in many ways; each gets its own value."""
    grid, count = TURNED, 66_000
    baked = light(builders.baked(grid, method))
    crowd = builders.in_world(grid, np.random.default_rng(24).uniform(0.0, [1.0, 2.0, 1.0], (count - 500, 3)))
    points = np.concatenate([crowd, builders.points_in(grid, 500, 25)])
    normals = builders.directions(count, 26)
    whole = baked.irradiance(points, normals)
    order = np.random.default_rng(27).permutation(count)[:5000]
    for part in (order, slice(0, 1), slice(777, 1778), slice(count - 600, count)):
        np.testing.assert_allclose(baked.irradiance(points[part], normals[part]), whole[part], rtol=2e-5, atol=1e-6)
    part = slice(count - 5000, count)
    np.testing.assert_array_equal(*(baked.irradiance(points[part], normals[part]) for _ in range(2)))


def test_input_is_left_alone() -> None:
    points, normals = builders.points_in(TURNED, 10, 28).astype(np.float64), builders.directions(10, 29)
    copies = points.copy(), normals.copy()
    baked = light(builders.baked(TURNED, OURS))
    result = baked.irradiance(points, normals)
    np.testing.assert_array_equal((points, normals), copies)
    np.testing.assert_allclose(baked.irradiance(points.tolist(), normals.tolist()), result, rtol=1e-6)
    kept = result.copy()
    result[:] = 7.0
    np.testing.assert_array_equal(baked.irradiance(points, normals), kept)


@pytest.mark.parametrize("method", METHODS)
def test_no_points(method: str) -> None:
    empty = np.zeros((0, 3))
    assert light(builders.baked(TURNED, method)).irradiance(empty, empty).shape == (0, 3)


@pytest.mark.parametrize(
    ("points", "normals"), [((5, 3), (4, 3)), ((5, 2), (5, 2)), ((3,), (3,)), ((2, 5, 3), (2, 5, 3)), ((5, 3), (3,))]
)
def test_shapes_are_checked(points: tuple, normals: tuple) -> None:
    with pytest.raises(NeuralBakeError) as caught:
        light(builders.baked(TURNED, OURS)).irradiance(np.zeros(points), np.zeros(normals))
    assert caught.value.code == "bad_shape" and str(points) in caught.value.message


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_numbers_are_checked(value: float) -> None:
    good, bad = np.ones((5, 3)), np.ones((5, 3))
    bad[3, 1] = value
    for points, normals in ((bad, good), (good, bad)):
        with pytest.raises(NeuralBakeError) as caught:
            light(builders.baked(TURNED, OURS)).irradiance(points, normals)
        assert caught.value.code == "not_finite"


def test_light_scale() -> None:
    baked = light(builders.baked(TURNED, OURS))
    points, normals = builders.points_in(TURNED, 50, 30), builders.directions(50, 31)
    plain = baked.irradiance(points, normals)
    np.testing.assert_array_equal(baked.irradiance(points, normals, {}), plain)
    np.testing.assert_allclose(baked.irradiance(points, normals, {"all": 0.5}), 0.5 * plain, rtol=1e-6)
    coloured = baked.irradiance(points, normals, {"all": (1.0, 0.0, 2.0)})
    np.testing.assert_allclose(coloured, plain * np.array([1.0, 0.0, 2.0]), rtol=1e-6)
    assert (baked.irradiance(points, normals, {"all": 0.0}) == 0.0).all()


@pytest.mark.parametrize(
    "scale", [{"key": 1.0}, {"all": 1.0, "lamp": 2.0}, {"all": (1.0, 2.0)}, {"all": "red"}], ids=str
)
def test_bad_light_scale(scale: dict) -> None:
    with pytest.raises(NeuralBakeError):
        light(builders.baked(TURNED, OURS)).irradiance(np.zeros((5, 3)), np.ones((5, 3)), scale)


def test_layout_of_the_networks() -> None:
    """113 numbers: 3 x 8 and 8, 8 x 8 and 8, 8 and 1, after each other."""
    ends = [(part.start, part.stop) for part in SLICES.values()]
    assert ends == [(0, 24), (24, 32), (32, 96), (96, 104), (104, 112), (112, 113)]
    assert PARAMETERS == 113
