# SPDX-FileCopyrightText: 2026 Neural Bake developers
#
# SPDX-License-Identifier: GPL-3.0-or-later

import numpy as np
import pytest

from core.relight import reduction
from core.relight.model import BLOCK, Residual


def restored(residual: Residual, number: int, tint: np.ndarray) -> np.ndarray:
    """Picture (3, P) of a captured light."""
    pixels = slice(0, residual.count)
    return tint * residual.colours(
        residual.luma_table[number].astype(np.float32), residual.chroma_table[number].astype(np.float32), pixels
    )


def rows(count: int, rank: int, pixels: int) -> np.ndarray:
    generator = np.random.default_rng(0)
    return (generator.normal(size=(count, rank)) @ generator.normal(size=(rank, 3 * pixels))).reshape(count, 3, pixels)


def test_pictures_of_low_rank_are_kept_exactly_by_few() -> None:
    tint = np.array([[0.5], [1.0], [1.5]], np.float32) * np.ones((3, 300), np.float32)
    images = rows(20, 3, 300).astype(np.float32)
    residual = reduction.reduce(images.copy(), tint, 10**6)
    assert len(residual.luma) == 3
    assert len(residual.chroma) == 3
    assert np.abs(restored(residual, 7, tint) - images[7]).max() < 0.02 * np.abs(images).max()


def test_room_limits_the_number() -> None:
    images = rows(40, 40, 1000).astype(np.float32)
    residual = reduction.reduce(images, np.ones((3, 1000), np.float32), 12_000)
    assert residual.luma.size + residual.chroma.size <= 12_000
    assert 1 <= len(residual.chroma) < len(residual.luma)


def test_grey_pictures_need_no_colour() -> None:
    grey = np.repeat(rows(10, 2, 50)[:, :1], 3, axis=1).astype(np.float32)
    residual = reduction.reduce(grey.copy(), np.ones((3, 50), np.float32), 10**6)
    assert len(residual.chroma) == 0
    assert np.allclose(restored(residual, 4, np.ones((3, 50))), grey[4], atol=0.02 * np.abs(grey).max())


def test_the_tint_is_the_mean_colour() -> None:
    images = np.zeros((2, 3, 2), np.float32)
    images[:, :, 0] = [[1.0, 2.0, 3.0], [3.0, 6.0, 9.0]]
    assert reduction.tint_of(images)[:, 0] == pytest.approx([0.5, 1.0, 1.5])
    assert reduction.tint_of(images)[:, 1].tolist() == [1.0, 1.0, 1.0]


@pytest.mark.parametrize("count", [1, BLOCK, BLOCK + 1, 3 * BLOCK + 5])
def test_blocks_give_back_the_bases(count: int) -> None:
    generator = np.random.default_rng(1)
    luma, chroma = generator.normal(size=(4, count)), generator.normal(size=(2, 2, count))
    residual = Residual.of(luma, chroma, np.zeros((3, 4)), np.zeros((3, 2)))
    assert np.allclose(residual.luma, luma, atol=1e-6)
    assert np.allclose(residual.chroma, chroma, atol=1e-6)
    first, second = np.float32([1, -1, 2, 0.5]), np.float32([0.5, 2])
    red, green, blue = residual.colours(first, second, slice(0, count))
    mean, (more_red, more_blue) = first @ luma, np.einsum("c,cdp->dp", second, chroma)
    assert np.allclose(red, mean + more_red, atol=1e-5)
    assert np.allclose(blue, mean + more_blue, atol=1e-5)
    assert np.allclose(green, mean - more_red - more_blue, atol=1e-5)
