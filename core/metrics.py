# SPDX-FileCopyrightText: 2026 Neural Bake developers
#
# SPDX-License-Identifier: GPL-3.0-or-later

"""Errors of a reconstruction against a noisy reference, each defined once.

Convention:
    ``result`` (N, 3) is the reconstruction R, ``half_a`` and ``half_b`` (N, 3) two independent estimates of the truth;
    the reference E is their mean, and "mean" the mean of E over points and colours. Squared errors are debiased as
    (R - A)(R - B), whose expectation is the squared error against the true value; it can come out slightly negative.
"""

from __future__ import annotations

import math

import numpy as np

RELATIVE_FLOOR = 0.01
SYMMETRIC_FLOOR = 0.001
DARK_SHARE = 0.001


def normalised_rmse(result: np.ndarray, half_a: np.ndarray, half_b: np.ndarray) -> float:
    """Root of the debiased mean squared error, over the mean of the reference."""
    square = np.mean((result - half_a) * (result - half_b), dtype=np.float64)
    return math.sqrt(max(square, 0.0)) / _mean(half_a, half_b)


def relative_mse(result: np.ndarray, half_a: np.ndarray, half_b: np.ndarray) -> float:
    """Debiased mean of e^2 / (E^2 + 0.01 mean^2): relative MSE with a floor (Rousselle et al. 2011, section 5, whose
    floor is absolute; ours scales with the scene)."""
    reference = 0.5 * (half_a + half_b)
    floor = RELATIVE_FLOOR * _mean(half_a, half_b) ** 2
    return float(np.mean((result - half_a) * (result - half_b) / (reference**2 + floor), dtype=np.float64))


def smape(result: np.ndarray, half_a: np.ndarray, half_b: np.ndarray) -> float:
    """Symmetric mean absolute percentage error, mean of |e| / (R + E + 0.001 mean), 0 to 1. Not debiased: read it
    beside its noise floor."""
    reference = 0.5 * (half_a + half_b)
    floor = SYMMETRIC_FLOOR * _mean(half_a, half_b)
    return float(np.mean(np.abs(result - reference) / (np.abs(result) + reference + floor), dtype=np.float64))


def leak(result: np.ndarray, half_a: np.ndarray, half_b: np.ndarray, total: np.ndarray) -> tuple[float | None, int]:
    """Mean reconstruction where it should be dark, over the mean of the reference.

    Args:
        total: (N, 3) direct plus indirect reference; a point is dark where its mean over colours is below 0.1 % of
            the mean of all.

    Returns:
        The leak (None where no point is dark) and the number of dark points.
    """
    brightness = total.mean(axis=1, dtype=np.float64)
    dark = brightness < DARK_SHARE * brightness.mean()
    if not dark.any():
        return None, 0
    return float(result[dark].mean(dtype=np.float64)) / _mean(half_a, half_b), int(dark.sum())


def noise_floor(half_a: np.ndarray, half_b: np.ndarray) -> dict[str, float]:
    """What each error would be for a perfect reconstruction that carries the reference's own noise."""
    reference = 0.5 * (half_a + half_b)
    mean = _mean(half_a, half_b)
    noise = 0.5 * np.abs(half_a - half_b).astype(np.float64)
    return {
        "nRMSE": math.sqrt(np.mean(noise**2)) / mean,
        "relMSE": float(np.mean(noise**2 / (reference**2 + RELATIVE_FLOOR * mean**2))),
        "SMAPE": float(np.mean(noise / (2.0 * reference + SYMMETRIC_FLOOR * mean))),
    }


def evaluate(
    result: np.ndarray, half_a: np.ndarray, half_b: np.ndarray, total: np.ndarray
) -> dict[str, float | int | None]:
    """All errors of one method, as they stand in ``manifest.json``."""
    dark, count = leak(result, half_a, half_b, total)
    return {
        "nRMSE": normalised_rmse(result, half_a, half_b),
        "relMSE": relative_mse(result, half_a, half_b),
        "SMAPE": smape(result, half_a, half_b),
        "leak": dark,
        "leak_points": count,
    }


def _mean(half_a: np.ndarray, half_b: np.ndarray) -> float:
    """Mean of the reference; a black scene counts as 1, so that errors stay finite and absolute."""
    mean = 0.5 * float(np.mean(half_a, dtype=np.float64) + np.mean(half_b, dtype=np.float64))
    return mean if mean > 0.0 else 1.0
