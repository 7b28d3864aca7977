# SPDX-FileCopyrightText: 2026 Neural Bake developers
#
# SPDX-License-Identifier: GPL-3.0-or-later

"""Procedural rooms and their light, against what is known by hand."""

from __future__ import annotations

import math

import numpy as np

from core.light_grid import generator_light, generator_scenes
from core.light_grid.generator_scenes import Piece, Scene
from core.light_grid.grid import corner_window
from core.spherical_harmonics import irradiance_basis

from .builders import box


def scene(*pieces: Piece) -> Scene:
    grid = box(half=(2.0, 2.0, 2.0), resolution=(4, 4, 4))
    return Scene(list(pieces), grid, 1.0, np.array([[-2.0] * 3, [2.0] * 3]))


def block(low: tuple, high: tuple, yaw: float = 0.0, inward: bool = False) -> Piece:
    return Piece(np.zeros(3), yaw, np.array([[low, high]], np.float64), inward)


def test_rays_meet_boxes():
    hits = generator_scenes.cast(
        scene(block((1, -1, -1), (2, 1, 1)), block((3, -1, -1), (4, 1, 1))),
        np.array([[0.0, 0, 0], [0, 0, 0], [1.5, 0, 0], [2.5, 0, 0]]),
        np.array([[1.0, 0, 0], [-1, 0, 0], [1, 0, 0], [2, 0, 0]]),
    )
    np.testing.assert_allclose(hits.distance, [1.0, np.inf, 0.5, 0.25])
    np.testing.assert_array_equal(hits.box, [0, -1, 0, 1])
    np.testing.assert_array_equal(hits.front, [True, True, False, True])


def test_rays_meet_turned_boxes_and_hollow_rooms():
    turned = scene(block((-1, -1, -1), (1, 1, 1), math.pi / 4))
    hit = generator_scenes.cast(turned, np.array([[3.0, 0, 0]]), np.array([[-1.0, 0, 0]]))
    np.testing.assert_allclose(hit.distance, 3.0 - math.sqrt(2.0), rtol=1e-5)
    room = scene(block((-1, -1, -1), (1, 1, 1), inward=True))
    hits = generator_scenes.cast(room, np.array([[0.0, 0, 0], [3, 0, 0]]), np.array([[1.0, 0, 0], [-1, 0, 0]]))
    np.testing.assert_allclose(hits.distance, [1.0, 2.0])
    np.testing.assert_array_equal(hits.front, [True, False])
    np.testing.assert_array_equal(generator_scenes.solid(room, np.array([[0.0, 0, 0], [3, 0, 0]])), [False, True])


def test_texels_know_their_own_spots():
    surfaces = generator_light.Surfaces(scene(block((0, 0, 0), (1, 2, 0.5), 0.7), block((-2, -1, 0), (-1, 0, 1))))
    texels = np.arange(len(surfaces.centres))
    spots = surfaces.spots(texels, np.random.default_rng(1))
    np.testing.assert_array_equal(surfaces.texel(spots.astype(np.float32), surfaces.box), texels)
    np.testing.assert_allclose(surfaces.areas.sum(), 2 * (2.0 + 0.5 + 1.0) + 6.0)
    np.testing.assert_allclose(np.linalg.norm(surfaces.normals, axis=1), 1.0)


def test_hemisphere_follows_the_cosine():
    rays = generator_light.hemisphere(np.array([[0.0, 0.6, 0.8]] * 50), 64, np.random.default_rng(2))
    np.testing.assert_allclose(np.linalg.norm(rays, axis=2), 1.0, rtol=1e-5)
    # The mean of a cosine-distributed direction is 2/3 of the normal.
    np.testing.assert_allclose(rays.mean(axis=(0, 1)), [0.0, 0.4, 8.0 / 15.0], atol=0.01)


def test_a_wall_hides_and_a_closed_case_knows_nothing():
    wall = scene(block((-0.05, -3, -3), (0.05, 3, 3)), block((0.6, -0.4, -0.4), (1.4, 0.4, 0.4), inward=True))
    points = np.array([[-0.3, 0.1, 0.2], [1.0, 0.0, 0.0]], np.float32)
    location = wall.grid.locate(points)
    probes, window = wall.grid.corner_probes(location.cell), corner_window(location.fraction)
    share = generator_light.in_sight(wall, points, probes, window)
    behind = wall.grid.probe_positions()[probes[0], 0] > 0.0
    assert share[0, behind].sum() < 0.02 < window[0, behind].sum()
    np.testing.assert_allclose(share.sum(axis=1), [1.0, 0.0], rtol=1e-5)


def test_lessons_follow_from_their_seed():
    first, second = generator_light.lesson(11), generator_light.lesson(11)
    np.testing.assert_array_equal(first.sh, second.sh)
    np.testing.assert_array_equal(first.ray_distances, second.ray_distances)
    assert np.isfinite(first.sh).all() and (first.target >= 0.0).all()
    np.testing.assert_allclose(first.target.mean(axis=0), 1.0, rtol=1e-4)
    inside = (first.ray_distances < 0.0).mean(axis=1) > 0.99
    assert inside.any() and np.abs(first.sh[inside]).max() < 0.01
    # Where light varies little from probe to probe, what the corners say is what is measured.
    location = first.grid.locate(first.positions)
    probes, window = first.grid.corner_probes(location.cell), corner_window(location.fraction)
    values = np.einsum("nk,nqkl->nql", irradiance_basis(first.normals), first.sh[probes], optimize=True)
    errors = []
    for share in (first.visibility, window):
        result = (share[..., None] * values).sum(axis=1)
        each = (result - first.target) ** 2 / (first.target**2 + 0.1)
        errors.append(each[first.visibility.any(axis=1)].mean())
    assert errors[0] < 0.5 < errors[1]
