# SPDX-FileCopyrightText: 2026 Neural Bake developers
#
# SPDX-License-Identifier: GPL-3.0-or-later

"""Normals from pictures alone, where lights are directions and no scene is at hand.

Photometric stereo (Woodham 1980) with shadows as outliers: each pixel's brightness is fitted by max(0, n.l) on the
lights that it agrees with, and which those are is decided anew a few times (the median absolute deviation is the scale,
as in Rousseeuw and Leroy 1987).
"""

from __future__ import annotations

import numpy as np

ROUNDS = 12
RIDGE = 1e-4
LEAST_LIGHTS = 4
OUTLIER = 2.5


def normals(images: np.ndarray, lights: np.ndarray) -> np.ndarray | None:
    """Unit normals of pixels.

    Args:
        images: (N, 3, P) linear.
        lights: (N, 3) unit directions.

    Returns:
        (3, P) float32; None where the lights are too few or lie in a plane, so that nothing can be said.
    """
    spread = np.linalg.svd(lights, compute_uv=False)
    if len(lights) < LEAST_LIGHTS or spread[2] < 0.05 * spread[0]:
        return None
    brightness = images.sum(axis=1, dtype=np.float64)
    products = np.einsum("ni,nj->nij", lights, lights)
    bright = brightness > 0.15 * np.quantile(brightness, 0.9, axis=0)
    found = np.zeros((3, images.shape[2]))
    floor = 0.01 * brightness.max(axis=0)
    for _ in range(ROUNDS):
        agrees = bright.astype(np.float64)
        systems = np.einsum("np,nij->pij", agrees, products) + RIDGE * np.eye(3)
        right = np.einsum("np,ni->pi", agrees * brightness, lights)
        found = np.linalg.solve(systems, right[..., None])[..., 0].T
        error = np.abs(brightness - np.maximum(lights @ found, 0.0))
        scale = 1.4826 * np.median(error, axis=0) + floor
        bright = (error < OUTLIER * scale) & (brightness > 0.0)
    length = np.linalg.norm(found, axis=0)
    up = lights.mean(axis=0) / (np.linalg.norm(lights.mean(axis=0)) or 1.0)
    return np.where(length > 0.0, found / np.where(length > 0.0, length, 1.0), up[:, None]).astype(np.float32)
