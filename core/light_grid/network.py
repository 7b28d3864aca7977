# SPDX-FileCopyrightText: 2026 Neural Bake developers
#
# SPDX-License-Identifier: GPL-3.0-or-later

"""Layout of the 113 numbers of a probe's weighting network, shared by training (torch) and evaluation (numpy)."""

from __future__ import annotations

HIDDEN = 8
LEAK = 0.1
# Logits further than this below the largest of a cell's corners count as this far: weights stay above 1e-9 and finite.
LOGIT_RANGE = 20.0
# Distance along the normal, in mean spacings, at which ours looks light up.
NORMAL_BIAS = 0.02

_SIZES = {"w1": 3 * HIDDEN, "b1": HIDDEN, "w2": HIDDEN * HIDDEN, "b2": HIDDEN, "w3": HIDDEN, "b3": 1}
SLICES: dict[str, slice] = {}
_start = 0
for _name, _size in _SIZES.items():
    SLICES[_name] = slice(_start, _start + _size)
    _start += _size
PARAMETERS = _start
"""Numbers per probe: 3 -> 8 -> 8 -> 1 with biases. Matrices are stored (inputs, outputs), row-major."""
