# SPDX-FileCopyrightText: 2026 Neural Bake developers
#
# SPDX-License-Identifier: GPL-3.0-or-later

"""Display transfer, exposure and heat map by hand."""

from __future__ import annotations

import numpy as np
import pytest

from core import colour


@pytest.mark.parametrize(
    ("linear", "expected"),
    [
        (0.0, 0.0),
        (0.001, 0.01292),
        (0.0031308, 0.0404499),
        (0.0031309, 0.0404511),
        (0.18, 0.4613561),
        (0.2140411, 0.5),
        (0.5, 0.7353570),
        (1.0, 1.0),
        (-0.5, 0.0),
        (7.0, 1.0),
    ],
)
def test_srgb_by_hand(linear: float, expected: float) -> None:
    assert colour.srgb_from_linear(np.array(linear)) == pytest.approx(expected, abs=1e-6)


def test_srgb_rises_everywhere() -> None:
    assert (np.diff(colour.srgb_from_linear(np.linspace(0.0, 1.0, 100_001))) > 0.0).all()


def test_exposure_brings_the_bright_part_to_four_fifths() -> None:
    image = np.repeat(np.linspace(0.0, 10.0, 101)[:, None], 3, axis=1)  # 95 % lie below 9.5
    assert colour.exposure_for(image) == pytest.approx(0.8 / 9.5)
    assert colour.exposure_for(1000.0 * image) == pytest.approx(0.8 / 9500.0)


@pytest.mark.parametrize("image", [np.zeros((2, 2, 3)), np.zeros((0, 3))])
def test_exposure_of_darkness_is_one(image: np.ndarray) -> None:
    assert colour.exposure_for(image) == 1.0


def test_display() -> None:
    image = np.array([[[0.0, 0.25, 5.0]]], np.float32)
    shown = colour.display(image, 2.0)
    assert shown.dtype == np.uint8
    assert shown.tolist() == [[[0, 188, 255]]]  # 0.735357 * 255 = 187.5


def test_heat_map_ends() -> None:
    colours = colour.heat_map(np.array([[-1.0, 0.0, 1.0, 9.0]]))
    assert colours.shape == (1, 4, 3) and colours.dtype == np.uint8
    assert colours[0, 0].tolist() == colours[0, 1].tolist() == [0, 0, 5]
    assert colours[0, 2].tolist() == colours[0, 3].tolist() == [252, 255, 166]


def test_heat_map_gets_brighter() -> None:
    luminance = colour.heat_map(np.linspace(0.0, 1.0, 65)[None])[0] @ np.array([0.2126, 0.7152, 0.0722])
    assert (np.diff(luminance) > 0.0).all()
    # In the middle stands the third control point.
    assert colour.heat_map(np.array([[0.5]]))[0, 0].tolist() == [186, 54, 84]


def test_linear_from_srgb_is_the_inverse() -> None:
    encoded = np.linspace(0.0, 1.0, 1001)
    np.testing.assert_allclose(colour.srgb_from_linear(colour.linear_from_srgb(encoded)), encoded, atol=1e-6)
    assert colour.linear_from_srgb(np.array(0.5)) == pytest.approx(0.2140411, abs=1e-7)
