# SPDX-FileCopyrightText: 2026 Neural Bake developers
#
# SPDX-License-Identifier: GPL-3.0-or-later

"""Edge-avoiding smoothing of noisy light over a picture's surfaces, for looking at, never for training or errors."""

from __future__ import annotations

import numpy as np

KERNEL = np.array([1.0, 4.0, 6.0, 4.0, 1.0]) / 16.0
NORMAL_POWER = 64.0


def smooth_light(
    values: np.ndarray, positions: np.ndarray, normals: np.ndarray, mask: np.ndarray, levels: int = 4
) -> np.ndarray:
    """Edge-avoiding a-trous wavelet filter (Dammertz et al. 2010), guided by geometry alone.

    Args:
        values: (H, W, 3) irradiance; smooth over a surface but for noise.
        positions, normals: (H, W, 3) of the surface seen by each pixel.
        mask: (H, W) bool, false where no surface is seen.
        levels: number of passes; pass i reaches 2^(i+1) pixels.

    Returns:
        (H, W, 3) filtered values; pixels outside the mask are unchanged.
    """
    result = np.where(mask[..., None], values, 0.0).astype(np.float32)
    # Size of a pixel's footprint on the surface, from the distance between neighbours on it.
    last = positions[:, -2:-1] if positions.shape[1] > 1 else positions
    steps = np.linalg.norm(np.diff(positions, axis=1, append=last), axis=2)
    footprint = np.maximum(np.median(steps[mask]) if mask.any() else 1.0, 1e-9)
    for level in range(levels):
        stride = 2**level
        total = np.zeros_like(result)
        weight = np.zeros(mask.shape, np.float32)
        for row, row_weight in zip(range(-2, 3), KERNEL):
            for column, column_weight in zip(range(-2, 3), KERNEL):
                shift = (row * stride, column * stride)
                other = {
                    name: _shifted(array, shift)
                    for name, array in (("value", result), ("position", positions), ("normal", normals), ("mask", mask))
                }
                alike = np.maximum(np.einsum("hwc,hwc->hw", normals, other["normal"]), 0.0) ** NORMAL_POWER
                off_plane = np.abs(np.einsum("hwc,hwc->hw", normals, other["position"] - positions))
                alike = alike * np.exp(-off_plane / (2.0 * footprint)) * other["mask"]
                share = (row_weight * column_weight * alike).astype(np.float32)
                total += share[..., None] * other["value"]
                weight += share
        result = np.where((weight > 0.0)[..., None], total / np.maximum(weight, 1e-12)[..., None], result)
    return np.where(mask[..., None], result, values).astype(np.float32)


def _shifted(array: np.ndarray, shift: tuple[int, int]) -> np.ndarray:
    """``array`` moved by (rows, columns); what comes in from outside is zero."""
    result = np.zeros_like(array)
    height, width = array.shape[:2]
    if abs(shift[0]) >= height or abs(shift[1]) >= width:
        return result
    target = tuple(slice(max(-s, 0), min(n - s, n)) for s, n in zip(shift, (height, width)))
    source = tuple(slice(max(s, 0), min(n + s, n)) for s, n in zip(shift, (height, width)))
    result[target] = array[source]
    return result
