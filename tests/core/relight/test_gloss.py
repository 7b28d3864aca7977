# SPDX-FileCopyrightText: 2026 Neural Bake developers
#
# SPDX-License-Identifier: GPL-3.0-or-later

"""Highlights of two materials on one plane, in closed form."""

import numpy as np

from core.relight import fitting, gloss, shading

LAMP = {"type": "POINT", "light": "position"}
PIXELS = 1200
ROUGH, SMOOTH = 0.35, 0.13  # two of those that are tried


def plane() -> tuple[shading.Surface, np.ndarray, np.ndarray]:
    """A plane seen aslant; albedo (3, P), and which pixels are the smooth material."""
    x, y = np.meshgrid(np.linspace(-1, 1, 40), np.linspace(-1, 1, PIXELS // 40))
    position = np.stack([x.ravel(), y.ravel(), np.zeros(PIXELS)]).astype(np.float32)
    normal = np.repeat(np.array([[0.0], [0.0], [1.0]], np.float32), PIXELS, axis=1)
    offset = np.array([[0.0], [-3.0], [2.0]], np.float32) - position
    is_smooth = position[0] > 0.0
    albedo = np.where(is_smooth, 0.2, 0.7) * np.ones((3, 1))
    return shading.Surface(normal, position, offset / np.linalg.norm(offset, axis=0)), albedo, is_smooth


def pictures(lights: np.ndarray) -> np.ndarray:
    """(N, 3, P): diffuse light, a lobe of reflectance 0.04 in each half, and a little of everything else."""
    surface, albedo, is_smooth = plane()
    roughness = np.where(is_smooth, SMOOTH, ROUGH).astype(np.float32)
    rows = []
    for light in lights:
        arrival = shading.arrive(surface, LAMP, light)
        lobe, _ = shading.glossy(surface, arrival, roughness)
        rows.append(albedo / np.pi * shading.diffuse(arrival) + 0.04 * lobe + 0.01 * albedo * light[2])
    return np.stack(rows).astype(np.float32)


def test_patches_keep_materials_apart() -> None:
    surface, albedo, is_smooth = plane()
    labels = gloss.patches(albedo, surface.position, 0)
    assert labels.max() < gloss.PATCHES
    mixed = [label for label in np.unique(labels) if 0 < is_smooth[labels == label].mean() < 1]
    assert not mixed


def test_roughness_and_reflectance_are_found() -> None:
    surface, albedo, is_smooth = plane()
    lights = np.random.default_rng(0).uniform([-1.5, 0.0, 0.8], [1.5, 3.0, 2.5], (40, 3))
    view = fitting.View(surface, None, gloss.patches(albedo, surface.position, 0))
    lobes = fitting.find_lobes(LAMP, lights, np.zeros_like(lights), pictures(lights), view)
    for chosen, roughness in ((is_smooth, SMOOTH), (~is_smooth, ROUGH)):
        assert np.mean(lobes.roughness[chosen] == np.float32(roughness)) > 0.8
        found = lobes.coefficients[0, :, chosen][lobes.roughness[chosen] == np.float32(roughness)]
        assert abs(np.median(found) - 0.04) < 0.01


def test_a_matt_scene_has_no_highlights() -> None:
    surface, albedo, _ = plane()
    lights = np.random.default_rng(1).uniform([-1.5, 0.0, 0.8], [1.5, 3.0, 2.5], (24, 3))
    matt = np.stack([albedo * shading.diffuse(shading.arrive(surface, LAMP, light)) for light in lights])
    view = fitting.View(surface, None, gloss.patches(albedo, surface.position, 0))
    direct = fitting.fit_direct(LAMP, lights, np.zeros_like(lights), matt.astype(np.float32), view, True)
    # a little too dark: the ridge prefers what is smooth
    assert np.abs(direct.coefficients[0] - albedo).mean() < 0.03
    factors = fitting.arrivals_at(view, LAMP, lights, np.zeros_like(lights)).factors(direct.roughness)
    lobes = np.einsum("njp,jcp->ncp", factors[:, 1:], direct.coefficients[1:])
    assert lobes.mean() < 0.02 * matt.mean()
