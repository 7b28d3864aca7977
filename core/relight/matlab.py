# SPDX-FileCopyrightText: 2026 Neural Bake developers
#
# SPDX-License-Identifier: GPL-3.0-or-later

"""Light transport as the first published system stores it (https://github.com/alexcolburn/neural_relighting).

One MATLAB v7.3 file (HDF5) a colour channel, ``Red.mat``, ``Green.mat`` and ``Blue.mat`` (or ``R``, ``G``, ``B``),
each with a dataset ``LTM`` of shape (lights, pixels); or each in chunks, ``Red.mat.000``, ``Red.mat.001`` ..., that are
joined in the order of their numbers. Pixels run down the picture's columns. Light i is the cell of a 32 x 32 pattern at
x = (i mod 32) / 32, y = floor(i / 32) / 32. The picture is 696 x 464 pixels, or as ``size.json`` beside the files says:
``{"width": 8, "height": 6}``.
"""

from __future__ import annotations

import bisect
import io
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np

from ..errors import NeuralBakeError

CHANNELS = (("Red", "R"), ("Green", "G"), ("Blue", "B"))
DATASET = "LTM"
PATTERN = 32
WIDTH, HEIGHT = 696, 464
SIZE = "size.json"


class Joined(io.RawIOBase):
    """Chunks of a file as one file to read."""

    def __init__(self, paths: list[Path]) -> None:
        super().__init__()
        self._files = [open(path, "rb") for path in paths]
        self._starts = [0]
        for path in paths:
            self._starts.append(self._starts[-1] + path.stat().st_size)
        self._at = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        self._at = offset + {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._starts[-1]}[whence]
        return self._at

    def readinto(self, buffer: memoryview) -> int:
        done = 0
        while done < len(buffer) and self._at < self._starts[-1]:
            part = bisect.bisect_right(self._starts, self._at) - 1
            self._files[part].seek(self._at - self._starts[part])
            got = self._files[part].readinto(memoryview(buffer)[done:])
            if not got:
                break
            done, self._at = done + got, self._at + got
        return done

    def close(self) -> None:
        for file in self._files:
            file.close()
        super().close()


def is_here(folder: Path) -> bool:
    """Whether a folder holds such files."""
    return any(_chunks(folder, name) for names in CHANNELS for name in names)


def open_transport(folder: Path) -> tuple[list[str], np.ndarray, Callable[[int], np.ndarray]]:
    """Open a folder of such files.

    Returns:
        The pictures' names, their lights (N, 3) float32 with z = 0, and what reads one picture (H, W, 3).

    Raises:
        NeuralBakeError: a channel or chunk is missing or damaged, channels differ, or the picture has another size.
    """
    try:
        import h5py
    except ImportError as error:
        raise NeuralBakeError(
            "engine_incomplete", "The engine has no h5py to read MATLAB files with.", "Repair the engine."
        ) from error
    channels = []
    for names in CHANNELS:
        name = next((name for name in names if _chunks(folder, name)), None)
        if name is None:
            raise NeuralBakeError("bad_pictures", f"{folder} has no {names[0]}.mat.", "All three channels are needed.")
        try:
            channels.append(h5py.File(Joined(_in_order(folder, name)), "r")[DATASET])
            numbers = channels[-1].dtype.kind in "fu" and channels[-1].ndim == 2
        except (OSError, KeyError, AttributeError, RuntimeError) as error:
            raise _damaged(folder, name) from error
        if not numbers:
            raise _damaged(folder, name)
    shapes = {channel.shape for channel in channels}
    if len(shapes) != 1:
        raise NeuralBakeError("bad_pictures", f"The channels in {folder} differ in size: {sorted(shapes)}.")
    lights, pixels = shapes.pop()
    width, height = _size(folder, pixels)
    index = np.arange(lights)
    places = np.stack([index % PATTERN, index // PATTERN, 0 * index], axis=1) / PATTERN

    def picture(light: int) -> np.ndarray:
        try:
            values = np.stack([channel[light] for channel in channels], axis=-1)
        except (OSError, RuntimeError) as error:
            raise _damaged(folder, "One of the channels") from error
        return np.ascontiguousarray(values.reshape(width, height, 3).transpose(1, 0, 2), np.float32)

    return [f"light {number} of {folder.name}" for number in index], places.astype(np.float32), picture


def _chunks(folder: Path, name: str) -> list[Path]:
    whole = folder / f"{name}.mat"
    if whole.is_file():
        return [whole]
    return [path for path in folder.glob(f"{name}.mat.*") if path.suffix[1:].isdecimal()]


def _in_order(folder: Path, name: str) -> list[Path]:
    """Chunks by their numbers: as texts, 10 would come before 9."""
    paths = _chunks(folder, name)
    if len(paths) == 1 and paths[0].suffix == ".mat":
        return paths
    paths.sort(key=lambda path: int(path.suffix[1:]))
    numbers = [int(path.suffix[1:]) for path in paths]
    missing = next((number for number in range(numbers[-1] + 1) if number not in numbers), None)
    if missing is not None or len(numbers) != numbers[-1] + 1:
        raise NeuralBakeError("bad_pictures", f"Chunk {missing} of {name}.mat is missing in {folder}.")
    return paths


def _size(folder: Path, pixels: int) -> tuple[int, int]:
    """Width and height of the pictures."""
    width, height = WIDTH, HEIGHT
    path = folder / SIZE
    if path.is_file():
        try:
            value = json.loads(path.read_text("utf-8"))
            width, height = int(value["width"]), int(value["height"])
        except (ValueError, KeyError, TypeError) as error:
            raise NeuralBakeError("bad_pictures", f"{path} must hold a width and a height.") from error
    if width < 1 or height < 1 or width * height != pixels:
        raise NeuralBakeError(
            "bad_pictures",
            f"The pictures in {folder} have {pixels} pixels, which is not {width} x {height}.",
            f'Write their size to {SIZE}: {{"width": ..., "height": ...}}.',
        )
    return width, height


def _damaged(folder: Path, name: str) -> NeuralBakeError:
    what = f"{name}.mat" if " " not in name else name
    return NeuralBakeError(
        "bad_pictures", f"{what} in {folder} is damaged or no MATLAB v7.3 file with a dataset {DATASET}."
    )
