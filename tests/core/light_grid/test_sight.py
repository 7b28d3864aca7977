# SPDX-FileCopyrightText: 2026 Neural Bake developers
#
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the geometry step learns, by hand: a pair of probes with a wall between them that the depth does not show."""

from __future__ import annotations

import numpy as np
import pytest

from core.light_grid import sight
from tests.core.light_grid import builders

# Two probes a metre apart along X, at -0.5 and 0.5.
PAIR = builders.box(half=(1.0, 0.5, 0.5), resolution=(2, 1, 1))
LEFT, RIGHT = 0, 1


def open_depth() -> np.ndarray:
    """Octahedral depth of two probes that see nothing at all."""
    return np.full((2, 16, 16, 2), 100.0, np.float32) ** np.array([1.0, 2.0], np.float32)


def weight_of_right(seen: tuple[int, ...] | None, normal: tuple[float, float, float] = (0.0, 0.0, 1.0)) -> float:
    """Weight of the right probe at x = -0.25, where the window gives it a quarter."""
    point = np.array([[-0.25, 0.0, 0.0]], np.float32)
    probes = PAIR.corner_probes(np.zeros(1, int))
    bits = None if seen is None else sight.pack(np.isin(probes, seen))
    weights = sight.geometry_weights(PAIR, open_depth(), bits, point, np.array([normal], np.float32), 0.0)
    assert weights.dtype == np.float32 and weights.sum() == pytest.approx(1.0)
    return float(weights[0, probes[0] == RIGHT].sum())


def test_what_is_not_seen_has_no_say() -> None:
    assert weight_of_right((LEFT, RIGHT)) == pytest.approx(0.25 * 0.45 / (0.25 * 0.45 + 0.75 * 0.45))
    assert weight_of_right((LEFT,)) == 0.0
    assert weight_of_right((RIGHT,)) == 1.0


def test_probes_behind_the_surface_weigh_less() -> None:
    # in front ((1 + 1) / 2)^2 + 0.2, behind 0.2
    assert weight_of_right((LEFT, RIGHT), (1.0, 0.0, 0.0)) == pytest.approx(0.25 * 1.2 / (0.25 * 1.2 + 0.75 * 0.2))


def test_without_sight_depth_decides() -> None:
    assert weight_of_right(None) == pytest.approx(0.25, abs=1e-4)
    assert weight_of_right(()) == pytest.approx(weight_of_right(None))


def test_bits_come_back() -> None:
    clear = np.random.default_rng(0).random((50, 8)) < 0.5
    bits = sight.pack(clear)
    assert bits.dtype == np.uint8 and bits[0] == sum(1 << corner for corner in range(8) if clear[0, corner])
    np.testing.assert_array_equal(sight.unpack(bits), clear)
