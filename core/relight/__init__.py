# SPDX-FileCopyrightText: 2026 Neural Bake developers
#
# SPDX-License-Identifier: GPL-3.0-or-later

"""Relighting: one view under any place, colour and number of its lamps, learned from a few renders.

``load(DIR).render(lights)`` needs numpy alone.
"""

from __future__ import annotations

import typing
from pathlib import Path

from .. import artifact
from .evaluation import Relight
from .export import decode

__all__ = ["Relight", "decode", "from_object", "load"]

KIND = "relight"
WEIGHTS = artifact.WEIGHTS


def load(directory: str | Path) -> Relight:
    """The relit view of an artifact folder, checked before use.

    Raises:
        NeuralBakeError: no artifact, another kind or schema, damaged or changed files.
    """
    return decode(*artifact.read_weights(Path(directory), KIND))


def from_object(obj: typing.Mapping) -> Relight:
    """The relit view that a bake saved in a camera object's custom properties; nothing else is read.

    Args:
        obj: a ``bpy.types.Object``, or any mapping with the keys ``neural_bake_manifest`` (JSON text) and
            ``neural_bake_weights``: bytes, or an image data-block that they are packed into.

    Raises:
        NeuralBakeError: the object holds no result, or a damaged one.
    """
    return decode(*artifact.stored_weights(obj, KIND))
