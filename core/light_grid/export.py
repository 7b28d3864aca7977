# SPDX-FileCopyrightText: 2026 Neural Bake developers
#
# SPDX-License-Identifier: GPL-3.0-or-later

"""Between baked grids and the artifact's tensors: what ``weights.safetensors`` holds, and back."""

from __future__ import annotations

import dataclasses
import json
import typing

import numpy as np

from .. import tensorfile
from ..errors import NeuralBakeError
from . import baselines, light_sets
from .evaluation import OURS, BakedGrid, LightGrid
from .grid import Grid
from .network import PARAMETERS

FORMAT = "neural_bake.light_grid/1"
FORMAT_SETS = "neural_bake.light_grid/2"
"""With light sets."""
ReadGrid = typing.Callable[
    [dict[str, np.ndarray], dict[str, str], str, typing.Sequence[light_sets.LightSet]], BakedGrid
]


def encode(grids: list[BakedGrid], sets: typing.Sequence[light_sets.LightSet] = ()) -> bytes:
    """The bytes of ``weights.safetensors``.

    For grid i: ``i.matrix`` (4, 4), ``i.resolution`` (3,), ``i.sh`` (P, 9, 3), or ``i.sets`` (G, P, 9, 3) where lights
    were measured apart, and what its method needs (``i.weights`` (P, 113); ``i.valid`` (P,); ``i.depth`` (P, 16, 16,
    2)), with method, bias, facing and the light sets as metadata; and ``i.inside`` (P,), the probes inside geometry,
    where that is known.
    """
    tensors: dict[str, np.ndarray] = {}
    metadata = {"format": FORMAT_SETS if sets else FORMAT, "grids": str(len(grids))}
    if sets:
        metadata["light_sets"] = light_sets.encode(sets)
    for index, baked in enumerate(grids):
        tensors[f"{index}.matrix"] = baked.grid.matrix.astype(np.float64)
        tensors[f"{index}.resolution"] = np.array(baked.grid.resolution, np.int32)
        if baked.sets is not None:
            tensors[f"{index}.sets"] = baked.sets.astype(np.float32)
        else:
            tensors[f"{index}.sh"] = baked.sh.astype(np.float32)
        if baked.method == OURS:
            tensors[f"{index}.weights"] = baked.weights.astype(np.float32)
        elif baked.geometry is not None:
            tensors[f"{index}.valid"] = baked.geometry.valid.astype(np.uint8)
            if baked.geometry.depth is not None:
                tensors[f"{index}.depth"] = baked.geometry.depth.astype(np.float32)
        if baked.inside is not None:
            tensors[f"{index}.inside"] = baked.inside.astype(np.uint8)
        metadata |= {
            f"{index}.method": baked.method,
            f"{index}.bias": repr(baked.bias),
            f"{index}.facing": str(int(baked.facing)),
        }
    return tensorfile.encode(tensors, metadata)


def decode(data: bytes, manifest: dict, source: str) -> LightGrid:
    """The light grid of ``weights.safetensors`` bytes; ``source`` names them in errors.

    Raises:
        NeuralBakeError: damaged data, an unknown method, shapes that do not match, or values that are not finite.
    """
    grids, sets = read_grids(data, source, (FORMAT, FORMAT_SETS), _decode_grid, "Restore it or bake again.")
    return LightGrid(grids, manifest, sets)


def read_grids(
    data: bytes, source: str, formats: tuple[str, str], read: ReadGrid, hint: str
) -> tuple[list[BakedGrid], tuple[light_sets.LightSet, ...]]:
    """The grids of a file and its light sets.

    Args:
        source: names the data in errors, and ``hint`` says what to do about them.
        formats: that are known, the newest one last.
        read: reads one grid from tensors and metadata, whose names begin with its index as a text.

    Raises:
        NeuralBakeError: damaged data, another format, or what ``read`` finds wrong by ValueError.
    """
    tensors, metadata = tensorfile.decode(data, source)
    try:
        if metadata["format"] not in formats:
            raise NeuralBakeError(
                "schema", f"{source} has the format {metadata['format']}; this version reads {formats[-1]}."
            )
        sets = light_sets.parse(json.loads(metadata.get("light_sets", "[]")))
        grids = [read(tensors, metadata, str(index), sets) for index in range(int(metadata["grids"]))]
    except (KeyError, ValueError, TypeError) as error:
        raise NeuralBakeError("corrupt_file", f"{source} is damaged ({error}).", hint) from error
    if not grids:
        raise NeuralBakeError("corrupt_file", f"{source} holds no grid.", hint)
    return grids, sets


def _decode_grid(
    tensors: dict[str, np.ndarray], metadata: dict[str, str], index: str, sets: typing.Sequence[light_sets.LightSet]
) -> BakedGrid:
    resolution = tuple(int(n) for n in tensors[f"{index}.resolution"])
    if len(resolution) != 3 or min(resolution) < 1:
        raise ValueError(f"grid {index} has the resolution {resolution}")
    count = int(np.prod(resolution))
    method = metadata[f"{index}.method"]
    needed = {"matrix": (4, 4)} | ({"sets": (len(sets), count, 9, 3)} if sets else {"sh": (count, 9, 3)})
    if method == OURS:
        needed["weights"] = (count, PARAMETERS)
    elif method not in baselines.METHODS:
        raise ValueError(f"unknown method {method}")
    if method in ("validity", "ddgi"):
        needed["valid"] = (count,)
    if method == "ddgi":
        needed["depth"] = (count, baselines.OCTAHEDRAL_SIZE, baselines.OCTAHEDRAL_SIZE, 2)
    if f"{index}.inside" in tensors:
        needed["inside"] = (count,)
    found = {}
    for name, shape in needed.items():
        found[name] = tensors[f"{index}.{name}"]
        if found[name].shape != shape:
            raise ValueError(f"{name} of grid {index} has the shape {found[name].shape}, not {shape}")
        if not np.isfinite(found[name]).all():
            raise ValueError(f"{name} of grid {index} is not finite")
    if np.linalg.det(found["matrix"][:3, :3]) == 0.0:
        raise ValueError(f"the box of grid {index} has no volume")
    bias = float(metadata[f"{index}.bias"])
    if not np.isfinite(bias):
        raise ValueError(f"grid {index} has the bias {bias}")
    geometry = baselines.ProbeGeometry(found["valid"].astype(bool), found.get("depth")) if "valid" in found else None
    baked = BakedGrid(
        Grid(found["matrix"], resolution),
        found.get("sh", np.zeros((count, 9, 3), np.float32)),
        method,
        bias,
        found.get("weights"),
        metadata[f"{index}.facing"] == "1",
        geometry,
        found["inside"].astype(bool) if "inside" in found else None,
        found.get("sets"),
    )
    return with_light(baked, sets)


def with_light(baked: BakedGrid, sets: typing.Sequence[light_sets.LightSet]) -> BakedGrid:
    """A grid with the light of its ``sets`` as it was at the bake; one without light sets as it is."""
    if not sets:
        return baked
    return dataclasses.replace(baked, sh=baked.under(np.stack([one.factor for one in sets])).sh)
