# SPDX-FileCopyrightText: 2026 Neural Bake developers
#
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reading and writing .safetensors with numpy alone.

Blender's Python has no ``safetensors`` package, and the format is small: eight bytes of header length (little endian),
a JSON header, and the raw tensors (https://github.com/huggingface/safetensors#format). The tests compare both
directions with the package.
"""

from __future__ import annotations

import hashlib
import json
import math
import operator
import os
from pathlib import Path

import numpy as np

from .errors import NeuralBakeError

DTYPES = {
    "F64": np.dtype("<f8"),
    "F32": np.dtype("<f4"),
    "F16": np.dtype("<f2"),
    "I64": np.dtype("<i8"),
    "I32": np.dtype("<i4"),
    "I16": np.dtype("<i2"),
    "I8": np.dtype("i1"),
    "U8": np.dtype("u1"),
    "BOOL": np.dtype("?"),
}
NAMES = {dtype: name for name, dtype in DTYPES.items()}
HEADER_LIMIT = 16 * 2**20


def encode(tensors: dict[str, np.ndarray], metadata: dict[str, str] | None = None) -> bytes:
    """Serialise named arrays; a digest of the data goes into the metadata as ``sha256``, for readers to verify."""
    arrays = {name: np.asarray(array, order="C") for name, array in sorted(tensors.items())}
    header: dict[str, object] = {}
    offset = 0
    for name, array in arrays.items():
        if array.dtype not in NAMES:
            raise TypeError(f"{name}: no .safetensors type for {array.dtype}")
        header[name] = {
            "dtype": NAMES[array.dtype],
            "shape": list(array.shape),
            "data_offsets": [offset, offset + array.nbytes],
        }
        offset += array.nbytes
    body = b"".join(array.tobytes() for array in arrays.values())
    header["__metadata__"] = {**(metadata or {}), "sha256": hashlib.sha256(body).hexdigest()}
    text = json.dumps(header, separators=(",", ":"), sort_keys=True).encode()
    text += b" " * (-len(text) % 8)
    return len(text).to_bytes(8, "little") + text + body


def decode(data: bytes, source: str = "data") -> tuple[dict[str, np.ndarray], dict[str, str]]:
    """Parse what :func:`encode` (or the safetensors package) wrote.

    Returns:
        The arrays by name (read-only views of ``data``), and the metadata.

    Raises:
        NeuralBakeError: the data is truncated, malformed, or its digest does not match.
    """

    def broken(why: str) -> NeuralBakeError:
        return NeuralBakeError("corrupt_file", f"{source} is damaged: {why}.", "Restore it from a copy or bake again.")

    length = int.from_bytes(data[:8], "little")
    if len(data) < 8 or length > HEADER_LIMIT or len(data) < 8 + length:
        raise broken("it is truncated or not a .safetensors file")
    try:
        header = json.loads(data[8 : 8 + length])
        metadata = dict(header.pop("__metadata__", {}))
        body = memoryview(data)[8 + length :]
        arrays, spans = {}, []
        for name, entry in header.items():
            dtype = DTYPES[entry["dtype"]]
            start, end = (operator.index(value) for value in entry["data_offsets"])
            shape = tuple(operator.index(value) for value in entry["shape"])
            count = math.prod(shape)
            if min(shape, default=0) < 0 or not 0 <= start <= end or end - start != count * dtype.itemsize:
                raise broken(f"tensor {name} has offsets that do not match its shape")
            if end > len(body):
                raise broken("it is truncated")
            arrays[name] = np.frombuffer(body, dtype, count, start).reshape(shape)
            spans.append((start, end))
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError) as error:
        raise broken("its header cannot be read") from error
    spans.sort()
    if [0, *(end for _, end in spans)] != [*(start for start, _ in spans), len(body)]:
        raise broken("its tensors overlap or leave gaps")
    digest = metadata.get("sha256")
    if digest is not None and hashlib.sha256(body).hexdigest() != digest:
        raise broken("its contents do not match their checksum")
    return arrays, metadata


def write(path: Path, tensors: dict[str, np.ndarray], metadata: dict[str, str] | None = None) -> None:
    """Write named arrays as a file that is either whole or absent."""
    write_whole(path, encode(tensors, metadata))


def write_whole(path: Path, data: bytes) -> None:
    """Write a file that is either whole or absent: to a neighbour first, then renamed."""
    path = Path(path)
    partial = path.with_name(path.name + ".partial")
    with open(partial, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    os.replace(partial, path)


def read(path: Path) -> tuple[dict[str, np.ndarray], dict[str, str]]:
    """Read a file that :func:`write` wrote; see :func:`decode` for errors."""
    return decode(Path(path).read_bytes(), str(path))
