# SPDX-FileCopyrightText: 2026 Neural Bake developers
#
# SPDX-License-Identifier: GPL-3.0-or-later

"""Light grid: irradiance probes blended by learned weighting functions, after Iwanicki et al. 2024, "Neural Light
Grid".

``load(DIR).irradiance(points, normals)`` needs numpy alone.
"""

from __future__ import annotations

import hashlib
import typing
from pathlib import Path

from .. import artifact
from ..errors import NeuralBakeError
from .evaluation import LightGrid
from .export import decode

__all__ = ["LightGrid", "from_object", "load"]

KIND = "light_grid"
WEIGHTS = "weights.safetensors"


def load(directory: str | Path) -> LightGrid:
    """The light grid of an artifact folder, checked before use.

    Raises:
        NeuralBakeError: no artifact, another kind or schema, damaged or changed files.
    """
    manifest = artifact.read_manifest(Path(directory), KIND)
    path = artifact.locate(Path(directory)) / WEIGHTS
    if WEIGHTS not in manifest["files"]:
        raise NeuralBakeError("corrupt_file", f"{path} is not in the manifest.", "Bake again.")
    return decode(path.read_bytes(), manifest, str(path))


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
    name = getattr(obj, "name", "the object")
    if "neural_bake_manifest" not in obj.keys() or "neural_bake_weights" not in obj.keys():
        raise NeuralBakeError("no_artifact", f"{name} holds no Neural Bake result.", "Bake it first.")
    manifest = artifact.parse_manifest(obj["neural_bake_manifest"], f"the result on {name}", KIND)
    weights = bytes(obj["neural_bake_weights"])
    if hashlib.sha256(weights).hexdigest() != manifest["files"].get(WEIGHTS, {}).get("sha256"):
        raise NeuralBakeError("wrong_hash", f"The weights on {name} are not those of its manifest.", "Bake again.")
    return decode(weights, manifest, f"the result on {name}")
