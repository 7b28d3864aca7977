# SPDX-FileCopyrightText: 2026 Neural Bake developers
#
# SPDX-License-Identifier: GPL-3.0-or-later

"""Many pictures as few: the residuals of all captured lights in a small basis (truncated singular values).

A pixel's colours are divided by its mean colour first, so that what differs between them is little: one part of the
basis is for brightness, a smaller one for the colours' deviation from it.
"""

from __future__ import annotations

import numpy as np

from .model import Residual

TOLERANCE = 2e-3
"""Share of the residuals' root mean square that may be lost, beside what has no room."""
RUN = 65_536
"""Pixels that are added up at a time, in double precision."""
CHROMA_SHARE = 0.25
"""Of the room, at most, for colour."""


def tint_of(images: np.ndarray) -> np.ndarray:
    """Mean colour (3, P) float32 of pictures (N, 3, P), as a factor whose mean over colours is 1."""
    mean = images.mean(axis=0, dtype=np.float64)
    level = mean.mean(axis=0)
    tint = np.where(level > 0.0, mean / np.where(level > 0.0, level, 1.0), 1.0)
    return np.clip(tint, 0.05, 3.0).astype(np.float16).astype(np.float32)


def reduce(rest: np.ndarray, tint: np.ndarray, room: int) -> Residual:
    """The basis of residuals.

    Args:
        rest: (N, 3, P) float32; used up as working memory.
        tint: (3, P).
        room: bytes that the bases may take, one a value.
    """
    rest /= tint
    pixels = rest.shape[2]
    luma = rest.mean(axis=1)
    chroma = rest[:, [0, 2]]
    chroma -= luma[:, None]
    total = float(np.sqrt(np.mean(np.square(luma)) + np.mean(np.square(chroma))))
    most = max(1, int(room // max(pixels, 1)))
    colour, colour_table = _components(chroma.reshape(len(chroma), -1), total, int(CHROMA_SHARE * most / 2))
    mean, mean_table = _components(luma, total, max(1, most - 2 * len(colour)))
    return Residual.of(mean, colour.reshape(-1, 2, pixels), mean_table, colour_table)


def _components(rows: np.ndarray, total: float, most: int) -> tuple[np.ndarray, np.ndarray]:
    """Leading components (K, M) float32 of rows (N, M), and the rows' coefficients (N, K) float64.

    Args:
        total: root mean square that the loss is compared with.
        most: largest K.
    """
    count = len(rows)
    gram = np.zeros((count, count))
    for first in range(0, rows.shape[1], RUN):
        part = rows[:, first : first + RUN].astype(np.float64)
        gram += part @ part.T
    values, vectors = np.linalg.eigh(gram)
    values, vectors = np.maximum(values[::-1], 0.0), vectors[:, ::-1]
    lost = np.sqrt(np.maximum(values.sum() - np.cumsum(values), 0.0) / max(rows.size, 1))
    enough = int(np.argmax(np.append(lost <= TOLERANCE * total, True))) + 1
    if np.sqrt(values.sum() / max(rows.size, 1)) <= TOLERANCE * total:
        enough = 0
    number = min(enough, most, int(np.count_nonzero(values > 1e-12 * values.sum())))
    vectors = vectors[:, :number]
    return (vectors.T.astype(np.float32) @ rows), vectors
