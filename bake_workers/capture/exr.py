# SPDX-FileCopyrightText: 2026 Neural Bake developers
#
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reading the OpenEXR files that Blender writes while rendering here: uncompressed scan lines, one part or several.

Blender's Python has no OpenEXR package everywhere, and ``Image.pixels`` shows one layer alone. Without compression the
format is small (https://openexr.com/en/latest/OpenEXRFileLayout.html).
"""

from __future__ import annotations

import dataclasses
import struct
from pathlib import Path

import numpy as np

from core.errors import NeuralBakeError

MAGIC = b"v/1\x01"
MULTI_PART = 0x1000
TYPES = {0: np.dtype("<u4"), 1: np.dtype("<f2"), 2: np.dtype("<f4")}


@dataclasses.dataclass(frozen=True)
class _Part:
    """One part's channels in their order in the file, its size, and how many scan lines it holds."""

    channels: list[tuple[str, np.dtype]]
    left: int
    top: int
    width: int
    height: int


def read(path: Path) -> dict[str, np.ndarray]:
    """Every channel of a file by its whole name, such as ``ViewLayer.Combined.R``: (H, W) float32, row 0 on top.

    Raises:
        NeuralBakeError: the file is no uncompressed scan-line OpenEXR file, or is cut short.
    """
    data = Path(path).read_bytes()
    try:
        return _decode(data)
    except (ValueError, KeyError, IndexError, struct.error) as error:
        raise NeuralBakeError(
            "cycles_failed", f"The picture that Cycles wrote to {path} cannot be read: {error}.", bad_input=False
        ) from error


def _decode(data: bytes) -> dict[str, np.ndarray]:
    if data[:4] != MAGIC:
        raise ValueError("it is no OpenEXR file")
    several = bool(struct.unpack_from("<I", data, 4)[0] & MULTI_PART)
    parts, offset = [], 8
    while not parts or (several and data[offset]):
        attributes, offset = _header(data, offset)
        parts.append(_part(attributes))
    offset += several  # the byte that ends the list of headers
    result: dict[str, np.ndarray] = {}
    for number, part in enumerate(parts):
        starts = np.frombuffer(data, "<u8", part.height, offset)
        offset += 8 * part.height
        row = np.dtype([(f"c{index}", kind, (part.width,)) for index, (_, kind) in enumerate(part.channels)])
        rows = np.zeros(part.height, row)
        for start in map(int, starts):
            if several:
                (owner,) = struct.unpack_from("<i", data, start)
                if owner != number:
                    raise ValueError("its parts are mixed up")
                start += 4
            line, size = struct.unpack_from("<ii", data, start)
            if size != row.itemsize:
                raise ValueError("it is compressed")
            rows[line - part.top] = np.frombuffer(data, row, 1, start + 8)[0]
        for index, (name, _) in enumerate(part.channels):
            result[name] = rows[f"c{index}"].astype(np.float32)
    return result


def _header(data: bytes, offset: int) -> tuple[dict[str, bytes], int]:
    """Attributes by name, and where the header ends."""
    attributes = {}
    while data[offset]:
        name, offset = _text(data, offset)
        _, offset = _text(data, offset)
        (size,) = struct.unpack_from("<i", data, offset)
        attributes[name] = data[offset + 4 : offset + 4 + size]
        offset += 4 + size
    return attributes, offset + 1


def _part(attributes: dict[str, bytes]) -> _Part:
    if attributes["compression"] != b"\0":
        raise ValueError("it is compressed")
    left, top, right, bottom = struct.unpack("<4i", attributes["dataWindow"])
    channels, offset, listed = [], 0, attributes["channels"]
    while listed[offset]:
        name, offset = _text(listed, offset)
        (kind,) = struct.unpack_from("<i", listed, offset)
        channels.append((name, TYPES[kind]))
        offset += 16
    return _Part(channels, left, top, right - left + 1, bottom - top + 1)


def _text(data: bytes, offset: int) -> tuple[str, int]:
    end = data.index(b"\0", offset)
    return data[offset:end].decode("utf-8"), end + 1
