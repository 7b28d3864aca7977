# SPDX-FileCopyrightText: 2026 Neural Bake developers
#
# SPDX-License-Identifier: GPL-3.0-or-later

"""Relighting: one view under any place, colour and number of its lamps, learned from a few renders.

``load(DIR).render(lights)`` needs numpy alone.
"""

from __future__ import annotations

import hashlib
import typing
from pathlib import Path

from .. import artifact
from ..errors import NeuralBakeError
from .evaluation import Relight
from .export import decode

__all__ = ["Relight", "decode", "from_object", "load"]

KIND = "relight"
WEIGHTS = "weights.safetensors"


def load(directory: str | Path) -> Relight:
    """The relit view of an artifact folder, checked before use.

    Raises:
        NeuralBakeError: no artifact, another kind or schema, damaged or changed files.
    """
    manifest = artifact.read_manifest(Path(directory), KIND)
    path = artifact.locate(Path(directory)) / WEIGHTS
    if WEIGHTS not in manifest["files"]:
        raise NeuralBakeError("corrupt_file", f"{path} is not in the manifest.", "Bake again.")
    return decode(path.read_bytes(), manifest, str(path))


def from_object(obj: typing.Mapping) -> Relight:
    """The relit view that a bake saved in a camera object's custom properties; nothing else is read.

    Args:
        obj: a ``bpy.types.Object``, or any mapping with the keys ``neural_bake_manifest`` (JSON text) and
            ``neural_bake_weights``: bytes, or an image data-block that they are packed into.

    Raises:
        NeuralBakeError: the object holds no result, or a damaged one.
    """
    name = getattr(obj, "name", "the object")
    if "neural_bake_manifest" not in obj.keys() or "neural_bake_weights" not in obj.keys():
        raise NeuralBakeError("no_artifact", f"{name} holds no Neural Bake result.", "Bake it first.")
    manifest = artifact.parse_manifest(obj["neural_bake_manifest"], f"the result on {name}", KIND)
    weights = obj["neural_bake_weights"]
    packed = getattr(weights, "packed_file", weights)
    weights = bytes(getattr(packed, "data", packed) or b"")
    if hashlib.sha256(weights).hexdigest() != manifest["files"].get(WEIGHTS, {}).get("sha256"):
        raise NeuralBakeError("wrong_hash", f"The weights on {name} are not those of its manifest.", "Bake again.")
    return decode(weights, manifest, f"the result on {name}")
