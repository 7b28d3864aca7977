# SPDX-FileCopyrightText: 2026 Neural Bake developers
#
# SPDX-License-Identifier: GPL-3.0-or-later

"""The compact form of a light grid: 64 bytes a probe, networks included, for engines; numpy alone.

`docs/light_grid_compact.md` describes every bit. A record holds a network 3 -> 6 -> 4 -> 1 in 5 bits a number with one
step for each of its six arrays, and 27 radiance coefficients in 6 bits with one step. :mod:`.compact_fitting` finds the
numbers; here they become bytes, and a :class:`LightGrid` again.
"""

from __future__ import annotations

import dataclasses
import typing

import numpy as np

from .. import tensorfile
from . import light_sets
from .evaluation import OURS, BakedGrid, LightGrid
from .export import read_grids
from .grid import Grid
from .network import HIDDEN, PARAMETERS, SLICES

FORMAT = "neural_bake.light_grid.compact/1"
FORMAT_SETS = "neural_bake.light_grid.compact/2"
"""With light sets."""
RECORD_BYTES = 64
METHODS = (OURS, "trilinear")
"""Methods that this form can hold: the networks of trilinear are zero."""
FIRST, SECOND = 6, 4
"""Units that are left of the two hidden layers."""
ARRAYS = ("w1", "b1", "w2", "b2", "w3", "b3")
WEIGHT_BITS, SH_BITS, STEP_BITS, SCALE_BITS = 5, 6, 8, 16
WEIGHT_MOST = 2 ** (WEIGHT_BITS - 1) - 1
SH_MOST = 2 ** (SH_BITS - 1) - 1
"""Largest codes; they are symmetric, so that zero is exact, and stored plus this."""
STEPS_PER_OCTAVE, LOWEST_OCTAVE = 16, -12


def _kept() -> tuple[np.ndarray, np.ndarray]:
    """Where the kept numbers stand among the 113, and which of ARRAYS each belongs to, both (57,)."""
    shapes = {"w1": (3, HIDDEN), "b1": (HIDDEN,), "w2": (HIDDEN, HIDDEN), "b2": (HIDDEN,), "w3": (HIDDEN,), "b3": (1,)}
    kept = {
        "w1": np.s_[:, :FIRST],
        "b1": np.s_[:FIRST],
        "w2": np.s_[:FIRST, :SECOND],
        "b2": np.s_[:SECOND],
        "w3": np.s_[:SECOND],
        "b3": np.s_[:],
    }
    numbers = np.arange(PARAMETERS)
    parts = [numbers[SLICES[name]].reshape(shapes[name])[kept[name]].ravel() for name in ARRAYS]
    return np.concatenate(parts), np.repeat(np.arange(len(ARRAYS)), [len(part) for part in parts])


KEPT, ARRAY_OF = _kept()
FIELDS = (
    ("sh_step", 1, SCALE_BITS),
    ("steps", len(ARRAYS), STEP_BITS),
    ("weights", len(KEPT), WEIGHT_BITS),
    ("sh", 27, SH_BITS),
    ("inside", 1, 1),
)
"""Name, count and bits of a record's fields in their order: 16 + 48 + 285 + 162 + 1 = 512."""
SET_FIELDS = (("sh_step", 1, SCALE_BITS), ("sh", 27, SH_BITS))
SET_BYTES = 23


@dataclasses.dataclass(frozen=True)
class Records:
    """One grid's probes in integers.

    Attributes:
        sh_step: (P,) float16, size of one step of ``sh`` in units of ``scale``.
        steps: (P, 6) uint8, size of one step in each array of the network: 2 ** (steps / 16 - 12).
        weights: (P, 57) integers from -15 to 15.
        sh: (P, 9, 3) integers from -31 to 31.
        inside: (P,) bool, probes inside geometry; for display only.
        scale: radiance in W/m^2/sr that counts as one, so that dim and bright scenes suit float16 alike.
    """

    sh_step: np.ndarray
    steps: np.ndarray
    weights: np.ndarray
    sh: np.ndarray
    inside: np.ndarray
    scale: float

    def networks(self) -> np.ndarray:
        """The networks (P, 113) float32; units that were left out are zero."""
        result = np.zeros((len(self.sh), PARAMETERS), np.float32)
        result[:, KEPT] = self.weights * step_size(self.steps)[:, ARRAY_OF]
        return result

    def radiance(self) -> np.ndarray:
        """The radiance coefficients (P, 9, 3) float32 in W/m^2/sr."""
        return _radiance(self.sh_step, self.sh, self.scale)


def round_values(sh: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Steps (P,) float16 and codes (P, 9, 3) of values ``sh`` (P, 9, 3), the largest at the end of the codes."""
    largest = np.abs(sh).max(axis=(1, 2)) / SH_MOST
    # A step that float16 rounds down would cut the largest value off.
    steps = np.maximum(largest * (1.0 + 2.0**-11), 2.0**-24).astype(np.float16)
    codes = np.round(sh / steps.astype(np.float32)[:, None, None])
    return steps, np.clip(codes, -SH_MOST, SH_MOST).astype(np.int32)


def step_size(steps: np.ndarray) -> np.ndarray:
    """float32 sizes of ``steps``."""
    return np.exp2(steps.astype(np.float32) / STEPS_PER_OCTAVE + LOWEST_OCTAVE)


def pack(records: Records) -> np.ndarray:
    """Records (P, 64) uint8: fields after each other, lowest bit first."""
    return _pack_fields(
        FIELDS,
        {
            "sh_step": records.sh_step.astype(np.float16).view(np.uint16)[:, None],
            "steps": records.steps,
            "weights": records.weights.astype(np.int32) + WEIGHT_MOST,
            "sh": records.sh.reshape(-1, 27).astype(np.int32) + SH_MOST,
            "inside": records.inside[:, None],
        },
    )


def unpack(data: np.ndarray, scale: float) -> Records:
    """What :func:`pack` packed into ``data`` (P, 64).

    Raises:
        ValueError: codes that no writer makes.
    """
    codes = _unpack_fields(FIELDS, data)
    weights = codes["weights"].astype(np.int32) - WEIGHT_MOST
    if weights.max(initial=0) > WEIGHT_MOST:
        raise ValueError("a weight is out of range")
    steps, inside = codes["steps"].astype(np.uint8), codes["inside"][:, 0].astype(bool)
    sh_step, sh = _values(codes)
    return Records(sh_step, steps, weights, sh, inside, scale)


def pack_set(sh: np.ndarray, scale: float) -> np.ndarray:
    """A light set's values (P, 9, 3) in W/m^2/sr as (P, 23) uint8."""
    sh_step, codes = round_values(sh / scale)
    return _pack_fields(
        SET_FIELDS, {"sh_step": sh_step.view(np.uint16)[:, None], "sh": codes.reshape(-1, 27) + SH_MOST}
    )


def unpack_set(data: np.ndarray, scale: float) -> np.ndarray:
    """The values (P, 9, 3) float32 that :func:`pack_set` packed into ``data`` (P, 23), or a ValueError."""
    sh_step, codes = _values(_unpack_fields(SET_FIELDS, data))
    return _radiance(sh_step, codes, scale)


def _values(codes: dict[str, np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    sh_step = codes["sh_step"][:, 0].astype(np.uint16).view(np.float16)
    sh = codes["sh"].astype(np.int32).reshape(-1, 9, 3) - SH_MOST
    if not np.isfinite(sh_step).all() or sh.max(initial=0) > SH_MOST:
        raise ValueError("a probe's value is out of range")
    return sh_step, sh


def _radiance(sh_step: np.ndarray, codes: np.ndarray, scale: float) -> np.ndarray:
    return (codes * sh_step.astype(np.float32)[:, None, None] * np.float32(scale)).astype(np.float32)


def _pack_fields(fields: tuple[tuple[str, int, int], ...], codes: dict[str, np.ndarray]) -> np.ndarray:
    bits = [
        (codes[name].astype(np.uint32)[..., None] >> np.arange(width, dtype=np.uint32) & 1).reshape(-1, count * width)
        for name, count, width in fields
    ]
    return np.packbits(np.concatenate(bits, axis=1).astype(np.uint8), axis=1, bitorder="little")


def _unpack_fields(fields: tuple[tuple[str, int, int], ...], data: np.ndarray) -> dict[str, np.ndarray]:
    bits = np.unpackbits(data, axis=1, bitorder="little").astype(np.uint32)
    codes, start = {}, 0
    for name, count, width in fields:
        part = bits[:, start : start + count * width].reshape(-1, count, width)
        codes[name] = (part << np.arange(width, dtype=np.uint32)).sum(axis=2, dtype=np.uint32)
        start += count * width
    return codes


def rebuild(baked: BakedGrid, records: Records) -> BakedGrid:
    """A grid as it is after the round trip through ``records``, without light sets."""
    return BakedGrid(baked.grid, records.radiance(), OURS, baked.bias, records.networks(), inside=records.inside)


def encode(grids: list[tuple[BakedGrid, Records]], sets: typing.Sequence[light_sets.LightSet] = ()) -> bytes:
    """The bytes of a compact file: a .safetensors with, for grid i, ``i.records`` (P, 64), ``i.matrix`` (4, 4),
    ``i.resolution`` (3,) and, where lights were measured apart, ``i.sets`` (G, P, 23); metadata says the rest."""
    tensors: dict[str, np.ndarray] = {}
    metadata = {"format": FORMAT_SETS if sets else FORMAT, "grids": str(len(grids))}
    if sets:
        metadata["light_sets"] = light_sets.encode(sets)
    for index, (baked, records) in enumerate(grids):
        tensors[f"{index}.matrix"] = baked.grid.matrix.astype(np.float64)
        tensors[f"{index}.resolution"] = np.array(baked.grid.resolution, np.int32)
        tensors[f"{index}.records"] = pack(records)
        if sets:
            tensors[f"{index}.sets"] = np.stack([pack_set(one, records.scale) for one in baked.sets])
        metadata |= {f"{index}.bias": repr(float(baked.bias)), f"{index}.scale": repr(float(records.scale))}
    return tensorfile.encode(tensors, metadata)


def decode(data: bytes, source: str) -> LightGrid:
    """The light grid of a compact file's bytes; ``source`` names them in errors.

    Raises:
        NeuralBakeError: damaged data, another format, shapes that do not match, or values out of range.
    """
    grids, sets = read_grids(data, source, (FORMAT, FORMAT_SETS), _decode_grid, "Export it again.")
    return LightGrid(grids, {}, sets)


def _decode_grid(
    tensors: dict[str, np.ndarray], metadata: dict[str, str], index: str, sets: typing.Sequence[light_sets.LightSet]
) -> BakedGrid:
    matrix, resolution, data = (tensors[f"{index}.{name}"] for name in ("matrix", "resolution", "records"))
    if resolution.shape != (3,) or resolution.min() < 1:
        raise ValueError(f"grid {index} has the resolution {resolution.tolist()}")
    grid = Grid(matrix, tuple(int(n) for n in resolution))
    needed = {"records": (grid.count, RECORD_BYTES)} | ({"sets": (len(sets), grid.count, SET_BYTES)} if sets else {})
    for name, shape in needed.items():
        array = tensors[f"{index}.{name}"]
        if array.dtype != np.uint8 or array.shape != shape:
            raise ValueError(f"{name} of grid {index} has the shape {array.shape}, not {shape}")
    if matrix.shape != (4, 4) or not np.isfinite(matrix).all() or np.linalg.det(matrix[:3, :3]) == 0.0:
        raise ValueError(f"the box of grid {index} has no volume")
    bias, scale = (float(metadata[f"{index}.{name}"]) for name in ("bias", "scale"))
    if not (np.isfinite(bias) and np.isfinite(scale) and scale > 0.0):
        raise ValueError(f"grid {index} has the bias {bias} and the scale {scale}")
    baked = rebuild(BakedGrid(grid, np.zeros(0), OURS, bias), unpack(data, scale))
    if not sets:
        return baked
    return dataclasses.replace(baked, sets=np.stack([unpack_set(one, scale) for one in tensors[f"{index}.sets"]]))
