# SPDX-FileCopyrightText: 2026 Neural Bake developers
#
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import numpy as np
import pytest

from core.relight import tone
from core.relight.tone import Tone


def published(images: np.ndarray) -> np.ndarray:
    """exposure_compensate4_22, step by step."""
    images = images - images.min()
    images = np.maximum(images / images.max(), 0.0)
    images = (images * 2.0**4) ** (1.0 / 2.2)
    return images / images.max()


def test_forward_is_the_published_normalisation() -> None:
    images = np.random.default_rng(0).gamma(0.5, 3.0, (4, 5, 6, 3)) - 0.1
    np.testing.assert_allclose(Tone.from_images(images).forward(images), published(images), rtol=1e-12, atol=1e-15)


def test_known_values() -> None:
    tone = Tone(1.0, 5.0)
    linear = np.array([0.0, 1.0, 3.0, 5.0, 1.0 + 4.0 * 2.0**2.2])
    np.testing.assert_allclose(tone.forward(linear), [0.0, 0.0, 0.5 ** (1 / 2.2), 1.0, 2.0], rtol=1e-12)
    np.testing.assert_allclose(tone.inverse(np.array([-1.0, 0.0, 1.0, 2.0])), [1.0, 1.0, 5.0, linear[4]], rtol=1e-12)


def test_inverse_undoes_forward_in_float32() -> None:
    linear = np.random.default_rng(1).gamma(0.5, 3.0, (5, 6, 3)).astype(np.float32)
    tone = Tone(0.0, float(linear.max()))
    toned = tone.forward(linear)
    assert toned.dtype == np.float32 and tone.inverse(toned).dtype == np.float32
    np.testing.assert_allclose(tone.inverse(toned), linear, rtol=2e-6)


def test_relative_error_by_hand() -> None:
    # Tone-mapped: reference 3 and 4, result 3 and 5, so sqrt(1 / 25).
    tone = Tone(0.0, 1.0)
    linear = np.array([[3.0, 4.0], [3.0, 5.0]]) ** 2.2
    assert tone.relative_error(linear[1], linear[0]) == pytest.approx(0.2, rel=1e-12)
    assert tone.relative_error(linear[0], linear[0]) == 0.0
    # The second pair is 0 and 4 for 3 and 4: sqrt(9 / 25).
    results, references = np.array([[3.0, 5.0], [0.0, 4.0]]) ** 2.2, np.array([[3.0, 4.0]] * 2) ** 2.2
    assert tone.mean_relative_error(results, references) == pytest.approx((0.2 + 0.6) / 2.0, rel=1e-12)


def test_darkness_stays_finite() -> None:
    tone = Tone.from_images(np.zeros((2, 1, 2, 3), np.float32))
    dark = np.zeros((1, 2, 3), np.float32)
    assert tone.relative_error(dark, dark) == 0.0
    assert np.isfinite(tone.relative_error(dark + 1.0, dark))


def test_noise_floor_is_the_error_of_the_truth_against_the_mean_of_two_noisy_halves() -> None:
    rng = np.random.default_rng(2)
    truth = rng.uniform(0.5, 1.0, (64, 64, 3))
    half_a, half_b = (truth + rng.normal(0.0, 0.02, truth.shape) for _ in range(2))
    tone = Tone(0.0, 1.0)
    expected = tone.relative_error(truth, 0.5 * (half_a + half_b))
    assert tone.noise_floor(half_a, half_b) == pytest.approx(expected, rel=0.03)


def test_pictures_of_next_to_nothing_are_not_judged() -> None:
    images = np.array([1.0, 0.5, 1e-3, 0.0]).reshape(4, 1, 1, 1) * np.ones((4, 2, 2, 3))
    assert tone.bright_enough(images).tolist() == [True, True, False, False]
