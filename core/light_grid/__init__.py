# SPDX-FileCopyrightText: 2026 Neural Bake developers
#
# SPDX-License-Identifier: GPL-3.0-or-later

"""Light grid: irradiance probes blended by learned weighting functions, after Iwanicki et al. 2024, "Neural Light
Grid".

``load(DIR).irradiance(points, normals)`` needs numpy alone.
"""

from __future__ import annotations

import typing
from pathlib import Path

from .. import artifact
from . import compact
from .evaluation import LightGrid
from .export import decode

__all__ = ["LightGrid", "from_object", "load"]

KIND = "light_grid"
WEIGHTS = artifact.WEIGHTS


def load(directory: str | Path) -> LightGrid:
    """The light grid of an artifact folder, or of a compact file, checked before use.

    Raises:
        NeuralBakeError: no artifact, another kind or schema, damaged or changed files.
    """
    if Path(directory).is_file():
        return compact.decode(Path(directory).read_bytes(), str(directory))
    return decode(*artifact.read_weights(Path(directory), KIND))


def from_object(obj: typing.Mapping) -> LightGrid:
    """The light grid that a bake saved in a Blender object's custom properties; nothing else is read.

    Args:
        obj: a ``bpy.types.Object``, or any mapping with the same keys. Where the object was moved since its bake,
            the grid stays where it was baked.

    Raises:
        NeuralBakeError: the object holds no result, or a damaged one.
    """
    if "neural_bake_source" in obj.keys() and obj["neural_bake_source"] is not None:
        obj = obj["neural_bake_source"]  # several volumes are one result, and the first of them holds it
    return decode(*artifact.stored_weights(obj, KIND))
