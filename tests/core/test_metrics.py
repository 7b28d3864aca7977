# SPDX-FileCopyrightText: 2026 Neural Bake developers
#
# SPDX-License-Identifier: GPL-3.0-or-later

"""Errors by hand on tiny arrays, and their debiasing by statistics."""

from __future__ import annotations

import math

import numpy as np
import pytest

from core import metrics


def grey(*values: float) -> np.ndarray:
    """(N, 3) with the same value in every colour."""
    return np.repeat(np.array(values, np.float32)[:, None], 3, axis=1)


def test_errors_by_hand() -> None:
    reference, result = grey(1, 2, 3), grey(1, 2, 5)  # mean 2, one error of 2
    assert metrics.normalised_rmse(result, reference, reference) == pytest.approx(math.sqrt(4 / 3) / 2)
    assert metrics.relative_mse(result, reference, reference) == pytest.approx(4 / (9 + 0.01 * 4) / 3)
    assert metrics.smape(result, reference, reference) == pytest.approx(2 / (5 + 3 + 0.001 * 2) / 3)


def test_errors_against_two_halves_by_hand() -> None:
    a, b, result = grey(1), grey(3), grey(4)  # mean 2; (4 - 1)(4 - 3) = 3
    assert metrics.normalised_rmse(result, a, b) == pytest.approx(math.sqrt(3) / 2)
    assert metrics.relative_mse(result, a, b) == pytest.approx(3 / 4.04)
    assert metrics.smape(result, a, b) == pytest.approx(2 / 6.002)


def test_colours_count_each() -> None:
    reference, result = np.array([[0.0, 0.0, 3.0]]), np.array([[0.0, 0.0, 6.0]])  # mean 1
    assert metrics.normalised_rmse(result, reference, reference) == pytest.approx(math.sqrt(3.0))
    assert metrics.relative_mse(result, reference, reference) == pytest.approx(9 / 9.01 / 3)


def test_a_result_between_the_halves() -> None:
    """The debiased square is negative there: clipped under the root, kept elsewhere."""
    a, b, result = grey(1), grey(3), grey(2)
    assert metrics.normalised_rmse(result, a, b) == 0.0
    assert metrics.relative_mse(result, a, b) == pytest.approx(-1 / 4.04)


def test_perfect_and_worst() -> None:
    reference = grey(1, 2, 3)
    perfect = metrics.evaluate(reference, reference, reference, reference)
    assert [perfect[name] for name in ("nRMSE", "relMSE", "SMAPE")] == [0.0, 0.0, 0.0]
    assert metrics.smape(grey(0, 0, 0), reference, reference) == pytest.approx(1.0, abs=2e-3)
    assert metrics.relative_mse(grey(0, 0, 0), reference, reference) == pytest.approx(
        (1 / 1.04 + 4 / 4.04 + 9 / 9.04) / 3
    )


def test_debiasing_recovers_the_squared_error() -> None:
    """Halves with noise of 0.5 around 2, a result that is 0.3 too bright: the expectation is 0.3^2.

    (e - a)(e - b) has the variance s^4 + 2 e^2 s^2 = 0.1075, so its mean over 120,000 values has a standard deviation
    of 0.00095. Against the mean of the halves, the square would be 0.09 + 0.125.
    """
    generator = np.random.default_rng(1)
    truth = np.full((40_000, 3), 2.0)
    a, b = (truth + generator.normal(0.0, 0.5, truth.shape) for _ in range(2))
    mean = 0.5 * (a.mean() + b.mean())
    square = (metrics.normalised_rmse(truth + 0.3, a, b) * mean) ** 2
    assert square == pytest.approx(0.09, abs=4 * 0.00095)
    perfect = (metrics.normalised_rmse(truth, a, b) * mean) ** 2
    assert perfect < 4 * 0.25 / math.sqrt(120_000)


def test_debiasing_of_relative_mse() -> None:
    """Noise as large as the error, both small: 0.005^2 / 1.01, without half of the noise's 0.005^2 on top."""
    generator = np.random.default_rng(2)
    truth = np.ones((40_000, 3))
    a, b = (truth + generator.normal(0.0, 0.005, truth.shape) for _ in range(2))
    deviation = math.sqrt(3.0) * 0.005**2 / math.sqrt(120_000)
    assert metrics.relative_mse(truth + 0.005, a, b) == pytest.approx(0.005**2 / 1.01, abs=5 * deviation)


def test_noise_floor_by_hand() -> None:
    floor = metrics.noise_floor(grey(1), grey(3))  # mean 2, noise 1
    assert floor == {"nRMSE": pytest.approx(0.5), "relMSE": pytest.approx(1 / 4.04), "SMAPE": pytest.approx(1 / 4.002)}
    assert metrics.noise_floor(grey(1, 2), grey(1, 2)) == {"nRMSE": 0.0, "relMSE": 0.0, "SMAPE": 0.0}


def test_noise_floor_is_what_the_truth_scores_without_debiasing() -> None:
    generator = np.random.default_rng(3)
    truth = generator.uniform(1.0, 3.0, (40_000, 3))
    a, b = (truth + generator.normal(0.0, 0.05, truth.shape) for _ in range(2))
    reference = 0.5 * (a + b)
    floor = metrics.noise_floor(a, b)
    for name, measure in (
        ("nRMSE", metrics.normalised_rmse),
        ("relMSE", metrics.relative_mse),
        ("SMAPE", metrics.smape),
    ):
        assert floor[name] == pytest.approx(measure(truth, reference, reference), rel=0.02)


def test_leak_by_hand() -> None:
    total = grey(0, 0.0023, 0.0025, 4, 8)  # mean 2.4: below 0.0024 it is dark
    stored, result = grey(0, 0, 1, 1, 3), grey(0.5, 0.1, 1, 1, 3)  # mean 1
    value, count = metrics.leak(result, stored, stored, total)
    assert (value, count) == (pytest.approx(0.3), 2)


def test_leak_counts_direct_light() -> None:
    """A point without indirect light that a lamp reaches is not dark."""
    stored = grey(0, 1, 1)
    assert metrics.leak(grey(1, 1, 1), stored, stored, stored + grey(5, 0, 0)) == (None, 0)


def test_no_dark_point_means_no_leak_figure() -> None:
    reference = grey(1, 2, 3)
    assert metrics.leak(reference, reference, reference, reference) == (None, 0)
    entry = metrics.evaluate(reference, reference, reference, reference)
    assert entry["leak"] is None and entry["leak_points"] == 0


@pytest.mark.parametrize("level", [0.0, 0.5])
def test_black_scene_is_finite(level: float) -> None:
    black, result = grey(0, 0), grey(level, level)
    entry = metrics.evaluate(result, black, black, black)
    numbers = [entry[name] for name in ("nRMSE", "relMSE", "SMAPE")]
    numbers += metrics.noise_floor(black, black).values()
    assert all(math.isfinite(number) for number in numbers)
    assert entry["nRMSE"] == pytest.approx(level)  # absolute, where there is nothing to be relative to


def test_scale_does_not_matter() -> None:
    generator = np.random.default_rng(4)
    a, b, result = (generator.uniform(0.0, 1.0, (50, 3)) for _ in range(3))
    a[:5] = b[:5] = 0.0
    small, large = (metrics.evaluate(*(factor * array for array in (result, a, b, a + b))) for factor in (1.0, 1e4))
    assert small["leak_points"] == 5
    assert small == {name: pytest.approx(value) for name, value in large.items()}
