# SPDX-FileCopyrightText: 2026 Neural Bake developers
#
# SPDX-License-Identifier: GPL-3.0-or-later

import numpy as np
import pytest

from core.relight import shading

POINT = {"type": "POINT", "light": "position"}
UP = np.array([[0.0], [0.0], [1.0]], np.float32)
ORIGIN = np.zeros((3, 1), np.float32)


def ground(view: np.ndarray | None = None) -> shading.Surface:
    """One pixel of the plane z = 0."""
    return shading.Surface(UP, ORIGIN, view)


def test_a_point_lamp_follows_the_inverse_square_and_the_cosine() -> None:
    above = shading.arrive(ground(), POINT, np.array([0.0, 0.0, 2.0]))
    aslant = shading.arrive(ground(), POINT, np.array([np.sqrt(3.0), 0.0, 1.0]))  # distance 2, 60 degrees
    assert shading.diffuse(above) == pytest.approx(0.25, rel=1e-5)
    assert shading.diffuse(aslant) == pytest.approx(0.125, rel=1e-5)
    assert shading.diffuse(shading.arrive(ground(), POINT, np.array([0.0, 1.0, -1.0]))) == 0.0


def test_a_sun_has_no_distance() -> None:
    sun = {"type": "SUN", "light": "direction"}
    assert shading.diffuse(shading.arrive(ground(), sun, np.array([0.6, 0.0, 0.8]))) == pytest.approx(0.8)


def test_a_spot_is_bright_inside_dark_outside_and_smooth_between() -> None:
    lamp = {"type": "SPOT", "light": "position", "spot": {"angle": np.radians(60.0), "blend": 1.0}}
    down = np.array([0.0, 0.0, -1.0])
    centre = shading.arrive(ground(), lamp, np.array([0.0, 0.0, 1.0]), down)
    assert shading.diffuse(centre) == pytest.approx(1.0, rel=1e-5)
    outside = shading.arrive(ground(), lamp, np.array([1.0, 0.0, 1.0]), down)  # 45 degrees off
    assert shading.diffuse(outside) == 0.0
    # half way between the edge's cosine and 1 the smooth step is one half
    cosine = 0.5 * (np.cos(np.radians(30.0)) + 1.0)
    half = shading.arrive(ground(), lamp, np.array([np.sqrt(1.0 - cosine**2), 0.0, cosine]), down)
    assert half.strength == pytest.approx(0.5, rel=1e-4)


def test_an_area_lamp_shines_by_its_own_cosine() -> None:
    lamp = {"type": "AREA", "light": "position"}
    tilted = np.array([np.sqrt(3.0) / 2.0, 0.0, -0.5])
    found = shading.arrive(ground(), lamp, np.array([0.0, 0.0, 1.0]), tilted)
    assert shading.diffuse(found) == pytest.approx(0.5, rel=1e-5)
    assert shading.diffuse(shading.arrive(ground(), lamp, np.array([0.0, 0.0, 1.0]), -tilted)) == 0.0


def test_ggx_at_normal_incidence() -> None:
    # n = l = v = h: D = 1 / (pi alpha^2), masking over 4 (n.l)(n.v) = 1/4
    surface = ground(UP)
    arrival = shading.arrive(surface, POINT, np.array([0.0, 0.0, 1.0]))
    value, fresnel = shading.glossy(surface, arrival, 0.5)
    assert value == pytest.approx(1.0 / (4.0 * np.pi * 0.5**4), rel=2e-3)
    assert fresnel == pytest.approx(0.0, abs=1e-9)


def test_a_highlight_is_narrower_where_it_is_smoother_and_one_roughness_a_pixel_is_allowed() -> None:
    pixels = shading.Surface(np.repeat(UP, 2, axis=1), np.zeros((3, 2), np.float32), np.repeat(UP, 2, axis=1))
    aslant = shading.arrive(pixels, POINT, np.array([0.5, 0.0, 1.0]))
    both, _ = shading.glossy(pixels, aslant, np.array([0.1, 0.5], np.float32))
    each = [
        shading.glossy(
            pixels.part(slice(i, i + 1)),
            shading.arrive(pixels.part(slice(i, i + 1)), POINT, np.array([0.5, 0.0, 1.0])),
            r,
        )[0][0]
        for i, r in enumerate((0.1, 0.5))
    ]
    assert both == pytest.approx(each)
    assert both[0] < 0.1 * both[1]


def test_ggx_conserves_energy() -> None:
    """Light reflected into all directions is at most what arrives: the lobe without Fresnel, by integration."""
    number = np.arange(20_000) + 0.5
    height = 1.0 - number / len(number)
    radius, angle = np.sqrt(1.0 - height**2), 2.399963 * number
    views = np.stack([radius * np.cos(angle), radius * np.sin(angle), height]).astype(np.float32)
    surface = shading.Surface(np.repeat(UP, len(number), axis=1), np.zeros_like(views), views)
    arrival = shading.arrive(surface, {"type": "SUN", "light": "direction"}, np.array([0.0, 0.0, 1.0]))
    value, _ = shading.glossy(surface, arrival, 0.3)
    reflected = 2.0 * np.pi * float(np.mean(value * height))
    assert 0.95 < reflected <= 1.0
