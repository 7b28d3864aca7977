# SPDX-FileCopyrightText: 2026 Neural Bake developers
#
# SPDX-License-Identifier: GPL-3.0-or-later

"""From linear light to pixels: display transfer, exposure, and the colours of an error map.

Convention:
    images are (H, W, 3) float32 linear Rec.709, row 0 on top; display images are uint8 sRGB.
"""

from __future__ import annotations

import numpy as np

# Control points of an error map from black over violet and orange to pale yellow, evenly spaced, sRGB 0..1.
HEAT = np.array([(0.0, 0.0, 0.02), (0.34, 0.06, 0.43), (0.73, 0.21, 0.33), (0.98, 0.55, 0.04), (0.99, 1.0, 0.65)])


def srgb_from_linear(linear: np.ndarray) -> np.ndarray:
    """The sRGB transfer function (IEC 61966-2-1) on values clipped to 0..1."""
    clipped = np.clip(linear, 0.0, 1.0)
    return np.where(clipped <= 0.0031308, 12.92 * clipped, 1.055 * clipped ** (1.0 / 2.4) - 0.055)


def linear_from_srgb(encoded: np.ndarray) -> np.ndarray:
    """The inverse of :func:`srgb_from_linear` on values of 0..1."""
    return np.where(encoded <= 0.04045, encoded / 12.92, ((encoded + 0.055) / 1.055) ** 2.4)


def exposure_for(image: np.ndarray) -> float:
    """A factor that brings the 95th percentile of ``image`` to 0.8, so that rooms of any brightness can be looked
    at."""
    bright = float(np.percentile(image, 95.0)) if image.size else 0.0
    return 0.8 / bright if bright > 0.0 else 1.0


def display(image: np.ndarray, exposure: float) -> np.ndarray:
    """uint8 sRGB of a linear image under ``exposure``."""
    return np.round(255.0 * srgb_from_linear(image * exposure)).astype(np.uint8)


def heat_map(values: np.ndarray) -> np.ndarray:
    """uint8 sRGB colours (H, W, 3) of ``values`` (H, W), 0 black to 1 pale yellow."""
    position = np.clip(values, 0.0, 1.0) * (len(HEAT) - 1)
    colours = [np.interp(position, np.arange(len(HEAT)), HEAT[:, channel]) for channel in range(3)]
    return np.round(255.0 * np.stack(colours, axis=-1)).astype(np.uint8)
