# SPDX-FileCopyrightText: 2026 Neural Bake developers
#
# SPDX-License-Identifier: GPL-3.0-or-later

"""Highlights: a GGX lobe for every patch of the picture, found in the pictures.

A highlight passes over a pixel under few of the captured lights, too few to tell its shape; a patch of one material
sees it often. So pixels are gathered into patches of like albedo and place (Lloyd's k-means), and each patch takes the
roughness and the two reflectances (at normal incidence, and what Fresnel adds) that explain most of what diffuse light
and a smooth rest leave over, by least squares with both projected out (Frisch and Waugh 1933).
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable

import numpy as np

PATCHES = 96
ROUNDS = 10
ALBEDO_WEIGHT = 4.0
ROUGHNESS = (0.06, 0.09, 0.13, 0.18, 0.25, 0.35, 0.5)
"""Blender's, of the lobes that are tried; each is about 1.4 times as wide as the one before."""
RIDGE = 1e-2
"""Of a patch's two reflectances, over the diagonal's mean; and of the coefficients of a pixel:"""
PIXEL_RIDGE = 1e-3


@dataclasses.dataclass(frozen=True)
class Lobes:
    """One lobe a pixel: ``roughness`` (P,) float32, and ``coefficients`` (2, 3, P) of its two factors."""

    roughness: np.ndarray
    coefficients: np.ndarray


def patches(albedo: np.ndarray, position: np.ndarray, seed: int) -> np.ndarray:
    """Number of each pixel's patch.

    Args:
        albedo: (3, P).
        position: (3, P), any unit.
        seed: of the first centres.

    Returns:
        (P,) int64, below :data:`PATCHES`.
    """
    extent = float(position.std(axis=1).max()) or 1.0
    middle = position.mean(axis=1, keepdims=True)
    features = np.concatenate([albedo * ALBEDO_WEIGHT, (position - middle) / extent]).astype(np.float32)
    count = features.shape[1]
    generator = np.random.default_rng(seed)
    centres = features[:, generator.permutation(count)[:PATCHES]].copy()
    sample = features[:, generator.permutation(count)[:20_000]]
    for _ in range(ROUNDS):
        labels = _nearest(sample, centres)
        sizes = np.bincount(labels, minlength=centres.shape[1])
        for row, values in zip(centres, sample, strict=True):
            sums = np.bincount(labels, values, centres.shape[1])
            np.copyto(row, sums / np.maximum(sizes, 1), where=sizes > 0, casting="same_kind")
    return _nearest(features, centres)


def fit(trials: Iterable[tuple[float, np.ndarray, np.ndarray, np.ndarray]], labels: np.ndarray) -> Lobes:
    """Choose each patch's lobe.

    Args:
        trials: for every roughness that is tried, itself, and each pixel's normal matrix (P, 2, 2), right-hand side
            (P, 2, 3), as :func:`normal_equations` makes them.
        labels: (P,), from :func:`patches`.
    """
    count = int(labels.max()) + 1
    best_gain, best_roughness = np.zeros(count), np.full(count, ROUGHNESS[-1])
    best = np.zeros((count, 2, 3))
    for roughness, matrices, rights in trials:
        matrix = np.stack([np.bincount(labels, column, count) for column in matrices.reshape(-1, 4).T], axis=1)
        right = np.stack([np.bincount(labels, column, count) for column in rights.reshape(-1, 6).T], axis=1)
        matrix, right = matrix.reshape(-1, 2, 2), right.reshape(-1, 2, 3)
        diagonal = RIDGE * np.trace(matrix, axis1=1, axis2=2) / 2.0 + 1e-30
        matrix += diagonal[:, None, None] * np.eye(2)
        found = np.maximum(np.linalg.solve(matrix, right), 0.0)
        gain = 2.0 * (found * right).sum(axis=(1, 2)) - np.einsum("kac,kab,kbc->k", found, matrix, found)
        better = gain > best_gain
        best_gain[better], best[better], best_roughness[better] = gain[better], found[better], roughness
    coefficients = best[labels].transpose(1, 2, 0)
    return Lobes(best_roughness[labels].astype(np.float32), np.ascontiguousarray(coefficients, np.float32))


class Explainable:
    """Weighted, regularised least squares of every pixel over the lights: what some columns can explain.

    Args:
        columns: (P, N, Q), scaled to about 1.
        weight: (N, P).
    """

    def __init__(self, columns: np.ndarray, weight: np.ndarray) -> None:
        self.columns, self.weight = columns, weight
        self._weighted = (columns * weight.T[:, :, None]).transpose(0, 2, 1)
        self._normal = self._weighted @ columns
        trace = np.trace(self._normal, axis1=1, axis2=2) / columns.shape[2]
        ridge = (PIXEL_RIDGE * trace + 1e-12)[:, None, None]
        self._normal += ridge * np.eye(columns.shape[2], dtype=np.float32)

    def shares(self, values: np.ndarray) -> np.ndarray:
        """Coefficients (P, Q, K) of the columns that come closest to values (P, N, K)."""
        return np.linalg.solve(self._normal, self._weighted @ values)


def normal_equations(
    factors: np.ndarray, images: np.ndarray, explainable: Explainable
) -> tuple[np.ndarray, np.ndarray]:
    """What two factors could explain of pictures beyond what is explainable without them.

    Args:
        factors: (N, 2, P).
        images: (N, 3, P).

    Returns:
        Normal matrix (P, 2, 2) and right-hand side (P, 2, 3).
    """
    left = factors.transpose(2, 0, 1)
    own = (left - explainable.columns @ explainable.shares(left)) * explainable.weight.T[:, :, None]
    # projecting one side is enough: the projection is its own adjoint under the weights
    return own.transpose(0, 2, 1) @ left, own.transpose(0, 2, 1) @ images.transpose(2, 0, 1)


def _nearest(features: np.ndarray, centres: np.ndarray) -> np.ndarray:
    """Index of the centre (F, K) nearest to each column of features (F, P)."""
    square = (centres**2).sum(axis=0)[:, None]
    parts = np.array_split(np.arange(features.shape[1]), max(1, features.shape[1] // 20_000))
    return np.concatenate([np.argmin(square - 2.0 * (centres.T @ features[:, part]), axis=0) for part in parts])
