# SPDX-FileCopyrightText: 2026 Neural Bake developers
#
# SPDX-License-Identifier: GPL-3.0-or-later

"""Pictures from elsewhere: a light stage's, another renderer's, or the first published system's.

Four forms are read:

- A folder of pictures (``.exr``, ``.hdr``, ``.png``, ``.tif``, ``.jpg``, or ``.npz`` and ``.npy`` with one array
  (H, W, 3)) and a list of lights beside them, ``lights.json`` or ``lights.csv``. Every picture has one row. ::

      {"light": "direction",
       "lights": [{"file": "000.exr", "x": 0.0, "y": -0.28, "z": 0.96, "power": 1.0, "color": [1.0, 1.0, 1.0]}, ...]}

      file,x,y,z,power,r,g,b
      000.exr,0.0,-0.28,0.96,1.0,1.0,1.0,1.0

  ``light`` is ``direction`` (unit vectors from the scene to the light) or ``position``; without it, and in CSV, they
  are directions where all have length 1 within 1 %. ``power`` and ``color`` (``r``, ``g``, ``b``) may be left out;
  pictures are divided by them. In JSON the list may also stand alone, without the object around it.
- One ``.npz``, or a folder with nothing else, that holds ``images`` (N, H, W, 3) and ``lights`` (N, 3).
- MATLAB v7.3 files of a projector's light transport; see :mod:`.matlab`.

8- and 16-bit pictures are sRGB and linearised; floating-point ones are linear. A fifth of the lights, at most
:data:`MOST_REPORT`, is held out for the error table; which ones the seed decides. ``lights`` in the settings says how
many of the rest are learned from.
"""

from __future__ import annotations

import csv
import dataclasses
import hashlib
import json
import math
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np

from .. import colour
from ..errors import NeuralBakeError
from . import matlab
from .dataset import KIND, LightSet, RelightData
from .settings import RelightSettings

LISTS = ("lights.json", "lights.csv")
PICTURES = (".exr", ".hdr", ".png", ".tif", ".tiff", ".jpg", ".jpeg")
ARRAYS = (".npz", ".npy")
HELD_OUT = 0.2
MOST_REPORT = 64
UNIT = 0.01
"""Most that a direction's length may differ from 1."""


@dataclasses.dataclass(frozen=True)
class Collection:
    """Pictures with their lights, before any is read.

    Attributes:
        names: what each picture is called in sentences.
        lights: (N, 3) float32.
        light: ``direction`` or ``position``.
        scale: (N, 3), power times colour, that pictures are divided by.
        read: gives the linear picture (H, W, 3) of an index.
    """

    names: list[str]
    lights: np.ndarray
    light: str
    scale: np.ndarray
    read: Callable[[int], np.ndarray]


def read(path: Path, settings: RelightSettings) -> RelightData:
    """Read pictures from elsewhere.

    Args:
        path: a folder or an ``.npz``; see this module.
        settings: ``seed`` and ``lights`` are used.

    Raises:
        NeuralBakeError: there is nothing of a known form, or pictures or lights are not usable; see :func:`check`.
    """
    path = Path(path)
    collection = find(path)
    check_lights(collection, path)
    order = np.random.default_rng(settings.seed).permutation(len(collection.names))
    held = min(MOST_REPORT, max(1, round(HELD_OUT * len(order))))
    chosen = {"report": np.sort(order[:held]), "train": order[held:][: settings.lights]}
    first = collection.read(int(chosen["train"][0])).shape
    sets, digest = {}, hashlib.sha256()
    for name, indices in chosen.items():
        images = np.empty((len(indices), *first), np.float32)
        for row, index in enumerate(map(int, indices)):
            image = collection.read(index)
            check_image(image, first, collection.names[index], collection.names[int(chosen["train"][0])])
            images[row] = image / collection.scale[index]
        digest.update(images.tobytes())
        lights = collection.lights[indices]
        digest.update(lights.tobytes())
        sets[name] = LightSet(images, lights, np.zeros_like(lights), np.zeros(len(indices), np.int32))
    if not sets["train"].images.any():
        raise NeuralBakeError("no_light", f"All pictures of {path} are black.", "Check how they were exported.")
    left = len(order) - held - len(sets["train"])
    notes = [f"{left} pictures were not learned from; the setting lights takes more of them."] if left else []
    black = [collection.names[index] for index, image in _pairs(chosen, sets) if not image.any()]
    if black:
        notes.append(f"These pictures are black: {', '.join(black[:5])}{' and more' if len(black) > 5 else ''}.")
    lamp = {
        "name": "Light",
        "type": "SUN" if collection.light == "direction" else "POINT",
        "light": collection.light,
        "energy": 1.0,
        "exposure": 0.0,
        "color": [1.0, 1.0, 1.0],
        "size": {},
        "domain": {"type": "points"},
    }
    info = {
        "kind": KIND,
        "settings": settings.to_dict(),
        "source": path.name,
        "lamps": [lamp],
        "notes": notes,
        "scene_hash": digest.hexdigest(),
    }
    return RelightData((lamp,), sets["train"], sets["report"], None, None, {}, None, None, info)


def _pairs(chosen: dict[str, np.ndarray], sets: dict[str, LightSet]) -> list[tuple[int, np.ndarray]]:
    return [(int(index), image) for name in sets for index, image in zip(chosen[name], sets[name].images, strict=True)]


def find(path: Path) -> Collection:
    """Which of the known forms a path is.

    Raises:
        NeuralBakeError: none.
    """
    if path.is_file():
        if path.suffix.lower() == ".npz":
            return from_npz(path)
        raise NeuralBakeError("bad_pictures", f"{path} is no .npz and no folder.", "Name the folder of the pictures.")
    if not path.is_dir():
        raise NeuralBakeError("no_dataset", f"There is no folder {path}.", "Check the path.")
    listed = [path / name for name in LISTS if (path / name).is_file()]
    if len(listed) > 1:
        raise NeuralBakeError("bad_lights", f"{path} has lights.json and lights.csv.", "Leave one of them.")
    if listed:
        return from_list(path, listed[0])
    if matlab.is_here(path):
        names, lights, picture = matlab.open_transport(path)
        return Collection(names, lights, "position", np.ones((len(names), 3), np.float32), picture)
    files = [file for file in path.iterdir() if file.is_file()]
    archives = [file for file in files if file.suffix.lower() == ".npz"]
    if len(archives) == 1 and not any(file.suffix.lower() in PICTURES for file in files):
        return from_npz(archives[0])
    raise NeuralBakeError(
        "no_dataset",
        f"{path} holds neither a dataset nor pictures with a list of lights.",
        "Add lights.json or lights.csv; docs/light_stage.md says what they hold.",
    )


def from_npz(path: Path) -> Collection:
    """All pictures in one file: ``images`` (N, H, W, 3) and ``lights`` (N, 3)."""
    arrays = _load(path, ("images", "lights"))
    images, lights = arrays["images"], arrays["lights"]
    if images.ndim != 4 or images.shape[3] != 3 or images.shape[0] == 0 or images.dtype.kind not in "fu":
        raise NeuralBakeError("bad_pictures", f"{path}: images must be (N, H, W, 3) numbers, not {images.shape}.")
    if lights.shape != (len(images), 3) or lights.dtype.kind not in "fiu":
        raise NeuralBakeError(
            "bad_lights", f"{path} has {len(images)} images, and lights of shape {lights.shape} instead of (N, 3)."
        )
    lights = lights.astype(np.float32)
    names = [f"image {index} of {path.name}" for index in range(len(images))]
    scale = np.ones((len(images), 3), np.float32)
    return Collection(names, lights, kind_of(lights), scale, lambda index: linear(images[index]))


def from_list(folder: Path, path: Path) -> Collection:
    """A folder of pictures with a list of their lights."""
    rows, light = _read_json(path) if path.suffix == ".json" else (_read_csv(path), None)
    if not rows:
        raise NeuralBakeError("bad_lights", f"{path} lists no lights.")
    names, vectors, scales = [], [], []
    for number, row in enumerate(rows, 1):
        try:
            names.append(str(row["file"]))
            vectors.append([float(row[axis]) for axis in "xyz"])
            color = [float(value) for value in row.get("color", (1.0, 1.0, 1.0))]
            scales.append([float(row.get("power", 1.0)) * channel for channel in color])
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise NeuralBakeError(
                "bad_lights", f"{path}: light {number} needs file, x, y and z, and numbers in them."
            ) from error
        if len(color) != 3 or not all(math.isfinite(value) and value > 0.0 for value in scales[-1]):
            raise NeuralBakeError("bad_lights", f"{path}: light {number} needs a power and a colour above zero.")
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise NeuralBakeError("bad_lights", f"{path} lists {twice} twice.")
    missing = next((name for name in names if Path(name).name != name or not (folder / name).is_file()), None)
    if missing is not None:
        raise NeuralBakeError("bad_lights", f"{path} lists {missing}, which is not in {folder}.")
    known = {*names, *LISTS}
    extra = sorted(
        file.name
        for file in folder.iterdir()
        if file.suffix.lower() in (*PICTURES, *ARRAYS) and file.name not in known and not file.name.startswith(".")
    )
    if extra:
        raise NeuralBakeError("bad_lights", f"{path} has no row for {extra[0]}.", "Add its light, or move it away.")
    lights = np.array(vectors, np.float32)
    if light is None:
        light = kind_of(lights)
    elif light not in ("direction", "position"):
        raise NeuralBakeError("bad_lights", f"{path}: light is direction or position, not {light}.")
    scale = np.array(scales, np.float32)
    return Collection(names, lights, light, scale, lambda index: read_picture(folder / names[index]))


def check_lights(collection: Collection, path: Path) -> None:
    """Refuse lights from which nothing can be learned.

    Raises:
        NeuralBakeError: there is one only, two are the same, or some are no numbers or no directions.
    """
    lights = collection.lights
    if len(lights) < 2:
        raise NeuralBakeError("one_light", f"{path} has one light only; relighting needs at least two.")
    broken = np.flatnonzero(~np.isfinite(lights).all(axis=1))
    if len(broken):
        raise NeuralBakeError("bad_lights", f"The light of {collection.names[broken[0]]} is not finite.")
    _, first, counts = np.unique(lights, axis=0, return_index=True, return_counts=True)
    if (counts > 1).any():
        same = np.flatnonzero((lights == lights[first[counts > 1][0]]).all(axis=1))
        raise NeuralBakeError(
            "same_lights",
            f"{collection.names[same[0]]} and {collection.names[same[1]]} have the same light.",
            "Leave one of them out.",
        )
    if collection.light == "direction":
        lengths = np.linalg.norm(lights, axis=1)
        wrong = np.flatnonzero(np.abs(lengths - 1.0) > UNIT)
        if len(wrong):
            raise NeuralBakeError(
                "bad_lights",
                f"The direction of {collection.names[wrong[0]]} has the length {lengths[wrong[0]]:.3g} instead of 1.",
            )


def check_image(image: np.ndarray, shape: tuple[int, ...], name: str, first: str) -> None:
    """Refuse a picture that is of another size than the ``first``, or holds what light cannot be.

    Raises:
        NeuralBakeError: it is, or does.
    """
    if image.shape != shape:
        sizes = [f"{item[1]}x{item[0]}" for item in (image.shape, shape)]
        raise NeuralBakeError("bad_pictures", f"{name} is {sizes[0]} pixels large, but {first} is {sizes[1]}.")
    count = image.shape[0] * image.shape[1]
    broken = int((~np.isfinite(image)).any(axis=2).sum())
    if broken:
        raise NeuralBakeError(
            "bad_pictures", f"{name} is not finite in {broken} of {count} pixels.", "Render it again."
        )
    negative = int((image < 0.0).any(axis=2).sum())
    if negative:
        raise NeuralBakeError(
            "bad_pictures",
            f"{name} has negative light in {negative} of {count} pixels.",
            "Clamp it at zero, or render it again.",
        )


def kind_of(lights: np.ndarray) -> str:
    """``direction`` where all lights (N, 3) have length 1, else ``position``."""
    lengths = np.linalg.norm(lights, axis=1)
    return "direction" if (np.abs(lengths - 1.0) <= UNIT).all() else "position"


def linear(image: np.ndarray) -> np.ndarray:
    """Linear float32 of an array; whole numbers are sRGB and go to the top of their type."""
    if image.dtype.kind == "u":
        return colour.linear_from_srgb(image.astype(np.float32) / np.iinfo(image.dtype).max).astype(np.float32)
    return image.astype(np.float32)


def read_picture(path: Path) -> np.ndarray:
    """One picture as linear (H, W, 3) float32, row 0 on top.

    Raises:
        NeuralBakeError: it cannot be read, is cut short, or has no colours.
    """
    if path.suffix.lower() in ARRAYS:
        image = next(iter(_load(path, ()).values()))
        if image.ndim != 3 or image.shape[2] != 3 or image.dtype.kind not in "fu":
            raise NeuralBakeError("bad_pictures", f"{path} must hold one array (H, W, 3), not {image.shape}.")
        return linear(image)
    try:
        import OpenImageIO
    except ImportError as error:
        raise NeuralBakeError(
            "engine_incomplete", "The engine has no OpenImageIO to read pictures with.", "Repair the engine."
        ) from error
    source = OpenImageIO.ImageInput.open(str(path))
    pixels = None if source is None else source.read_image(format="float")
    if pixels is None:
        raise NeuralBakeError("bad_pictures", f"{path} is damaged, cut short or no picture.", "Export it again.")
    names, whole = list(source.spec().channelnames), str(source.spec().format).startswith("uint")
    source.close()
    pixels = pixels.reshape(*pixels.shape[:2], -1)
    channels = [names.index(name) for name in "RGB"] if {"R", "G", "B"} <= set(names) else [0, 0, 0]
    if len(set(channels)) == 1 and len(names) > 2:
        raise NeuralBakeError("bad_pictures", f"{path} has no channels R, G and B.", "Export its colours alone.")
    image = pixels[..., channels]
    return (colour.linear_from_srgb(image) if whole else image).astype(np.float32)


def _load(path: Path, wanted: tuple[str, ...]) -> dict[str, np.ndarray]:
    """Arrays of an .npz or .npy; never anything that would have to be run."""
    try:
        loaded = np.load(path, allow_pickle=False)
        arrays = {"image": loaded} if isinstance(loaded, np.ndarray) else {name: loaded[name] for name in loaded.files}
    except (OSError, ValueError, EOFError, KeyError, RuntimeError, zipfile.BadZipFile, zlib.error) as error:
        raise NeuralBakeError("bad_pictures", f"{path} is damaged, cut short or no file of arrays.") from error
    lacking = next((name for name in wanted if name not in arrays), None)
    if lacking is not None or not arrays:
        raise NeuralBakeError("bad_pictures", f"{path} holds no array {lacking or 'at all'}.")
    return arrays


def _read_json(path: Path) -> tuple[list, str | None]:
    try:
        value = json.loads(path.read_text("utf-8"))
        rows, light = (value["lights"], value.get("light")) if isinstance(value, dict) else (value, None)
        if not isinstance(rows, list):
            raise TypeError(rows)
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise NeuralBakeError(
            "bad_lights", f"{path} is no list of lights.", "docs/light_stage.md says what it holds."
        ) from error
    return rows, light


def _read_csv(path: Path) -> list[dict]:
    try:
        with open(path, encoding="utf-8-sig", newline="") as file:
            rows = list(csv.DictReader(file, skipinitialspace=True))
    except (ValueError, csv.Error) as error:
        raise NeuralBakeError("bad_lights", f"{path} is no table of lights.") from error
    for row in rows:
        row.update({name: 1.0 for name in ("power",) if name in row and row[name] in ("", None)})
        if all(row.get(channel) not in ("", None) for channel in "rgb"):
            row["color"] = [row[channel] for channel in "rgb"]
    return rows
