# SPDX-FileCopyrightText: 2026 Neural Bake developers
#
# SPDX-License-Identifier: GPL-3.0-or-later

"""Real spherical harmonics up to degree 2, and irradiance from radiance.

Convention:
    orthonormal, no Condon-Shortley phase in the result, index l(l+1)+m, directions are unit vectors with Z up. Nine
    coefficients, arrays (..., 9, 3). Radiance coefficients are what is stored.
"""

from __future__ import annotations

import numpy as np

COUNT = 9
BANDS = np.array([0, 1, 1, 1, 2, 2, 2, 2, 2])
# Clamped-cosine kernel A0, A1, A2 of Ramamoorthi and Hanrahan 2001, "An efficient representation for irradiance
# environment maps", equation 8.
COSINE = np.array([np.pi, 2.0 * np.pi / 3.0, np.pi / 4.0])[BANDS]


def basis(directions: np.ndarray) -> np.ndarray:
    """Y_lm of unit ``directions`` (..., 3), as (..., 9) of the same type."""
    x, y, z = directions[..., 0], directions[..., 1], directions[..., 2]
    result = np.empty((*directions.shape[:-1], COUNT), directions.dtype)
    result[..., 0] = 0.28209479177387814
    result[..., 1] = 0.4886025119029199 * y
    result[..., 2] = 0.4886025119029199 * z
    result[..., 3] = 0.4886025119029199 * x
    result[..., 4] = 1.0925484305920792 * x * y
    result[..., 5] = 1.0925484305920792 * y * z
    result[..., 6] = 0.31539156525252005 * (3.0 * z * z - 1.0)
    result[..., 7] = 1.0925484305920792 * x * z
    result[..., 8] = 0.5462742152960396 * (x * x - y * y)
    return result


def irradiance_basis(normals: np.ndarray) -> np.ndarray:
    """A_l Y_lm of unit ``normals`` (..., 3): its product with radiance coefficients is irradiance in W/m^2."""
    return basis(normals) * COSINE.astype(normals.dtype)


def radiance_from_irradiance(normals: np.ndarray, irradiance: np.ndarray) -> np.ndarray:
    """Least-squares radiance coefficients (P, 9, 3) from ``irradiance`` (P, D, 3) measured along ``normals`` (D, 3)."""
    inverse = np.linalg.pinv(irradiance_basis(normals.astype(np.float64)))
    return np.einsum("kd,pdc->pkc", inverse, irradiance)


def window(strength: float) -> np.ndarray:
    """Per-coefficient factors (9,) that damp ringing: 1 / (1 + strength l^2 (l+1)^2).

    The minimiser of squared error plus ``strength`` times the squared Laplacian (Sloan 2008, "Stupid Spherical
    Harmonics Tricks", appendix on windowing). ``strength`` 0 changes nothing.
    """
    return 1.0 / (1.0 + strength * (BANDS * (BANDS + 1.0)) ** 2)


def fibonacci_directions(count: int) -> np.ndarray:
    """``count`` nearly uniform unit directions (count, 3) on the spherical Fibonacci lattice."""
    index = np.arange(count) + 0.5
    z = 1.0 - 2.0 * index / count
    azimuth = np.pi * (1.0 + np.sqrt(5.0)) * index
    radius = np.sqrt(1.0 - z * z)
    return np.stack([radius * np.cos(azimuth), radius * np.sin(azimuth), z], axis=-1)
