# SPDX-FileCopyrightText: 2026 Neural Bake developers
#
# SPDX-License-Identifier: GPL-3.0-or-later

"""The relight dataset as arrays: one picture per place of a lamp, the view's geometry, and the lamps' shadows.

Convention:
    a light is (3,) float32 in world space: the position of a point, spot or area lamp in scene units; for a sun the
    unit direction from the scene to the sun; for the world turned by an angle a about Z, (cos a, sin a, 0). Its aim is
    the unit direction in which a spot or area lamp shines, zeros for others. Pictures are linear Rec.709, row 0 on
    top, of that lamp alone at its own power and in white; ``base`` is everything else.
"""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np

from ..dataset import Dataset, open_dataset
from ..errors import NeuralBakeError

KIND = "relight"
BUFFERS = {"albedo": 3, "gloss": 3, "normal": 3, "position": 3, "coverage": 0}
"""What the view's geometry consists of, and the channels of each; 0 is a plane without channels."""


@dataclasses.dataclass(frozen=True)
class LightSet:
    """One picture per light.

    Attributes:
        images: (N, H, W, 3) float32.
        lights, aims: (N, 3) float32.
        lamp: (N,) int32, index into the lamps.
    """

    images: np.ndarray
    lights: np.ndarray
    aims: np.ndarray
    lamp: np.ndarray

    def __len__(self) -> int:
        return len(self.lights)


@dataclasses.dataclass(frozen=True)
class Visibility:
    """How much of a lamp's direct light arrives unshadowed at every pixel, at many places of the lamps.

    Attributes:
        lights, aims: (M, 3) float32.
        lamp: (M,) int32, index into the lamps.
        values: (M, H, W) uint8, 255 where all of it arrives, 0 in shadow and where the surface faces away.
    """

    lights: np.ndarray
    aims: np.ndarray
    lamp: np.ndarray
    values: np.ndarray

    def __len__(self) -> int:
        return len(self.lights)


@dataclasses.dataclass(frozen=True)
class RelightData:
    """Everything that relighting is learned from and judged by.

    Attributes:
        lamps: descriptions as in ``dataset.json``, among them name, type, light, energy, colour and domain.
        train: pictures to learn from.
        report: pictures of the error table, each the mean of its two halves.
        report_b: (R, H, W, 3) float32, their second halves alone; None where there is one picture a light.
        base: (H, W, 3) float32, the picture with all learned lamps off; None where that is black.
        buffers: ``albedo`` and ``gloss`` (colour of diffuse and of glossy reflection), ``normal`` (unit, world),
            ``position`` (world, of the pixel's centre), each (H, W, 3) float32, and ``coverage`` (H, W), share of the
            pixel that is a surface; empty where the pictures came without a scene.
        visibility: shadows at many more places of the lamps, or None.
        camera: name, width, height, position and matrix, or None.
        info: ``dataset.json``, or what stands for it where the pictures came from elsewhere.
    """

    lamps: tuple[dict, ...]
    train: LightSet
    report: LightSet
    report_b: np.ndarray | None
    base: np.ndarray | None
    buffers: dict[str, np.ndarray]
    visibility: Visibility | None
    camera: dict | None
    info: dict

    @property
    def size(self) -> tuple[int, int]:
        """Height and width of the pictures."""
        return self.train.images.shape[1:3]


def read(directory: Path) -> RelightData:
    """Read a relight dataset folder whole.

    Raises:
        NeuralBakeError: no dataset, another kind or schema, missing or damaged parts; see :mod:`core.dataset`.
    """
    dataset = open_dataset(directory, KIND)
    info = dataset.info
    try:
        lamps = tuple(dict(lamp) for lamp in info["lamps"])
        camera = dict(info["camera"])
        height, width = int(camera["height"]), int(camera["width"])
    except (KeyError, TypeError, ValueError) as error:
        raise NeuralBakeError(
            "corrupt_file", f"{dataset.directory} does not describe its lamps and camera.", "Bake again."
        ) from error
    lights = {name: _lights(dataset, name, len(lamps)) for name in ("train", "report", "visibility")}

    def pictures(name: str, count: int) -> np.ndarray:
        return _array(dataset, name, "image", (count, height, width, 3))

    train = LightSet(pictures("train", len(lights["train"][0])), *lights["train"])
    count = len(lights["report"][0])
    halves = pictures("report_a", count), pictures("report_b", count)
    report = LightSet(0.5 * (halves[0] + halves[1]), *lights["report"])
    base = pictures("base", 1)[0] if _holds(dataset, "base") else None
    buffers = {}
    if _holds(dataset, "buffers"):
        measured = dataset.measured("buffers")
        for name, channels in BUFFERS.items():
            shape = (1, height, width, channels) if channels else (1, height, width)
            buffers[name] = _checked(dataset, "buffers", measured, name, shape)[0]
    visibility = None
    if len(lights["visibility"][0]):
        values = _array(dataset, "visibility", "visibility", (len(lights["visibility"][0]), height, width))
        visibility = Visibility(*lights["visibility"], values)
    return RelightData(lamps, train, report, halves[1], base, buffers, visibility, camera, info)


def _lights(dataset: Dataset, name: str, lamps: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Lights and aims (N, 3) and lamps (N,) of one set as the plan has them."""
    lights, aims, lamp = (dataset.plan.get(f"{name}_{part}") for part in ("lights", "aims", "lamp"))
    if lights is None or aims is None or lamp is None or not (len(lights) == len(aims) == len(lamp)):
        raise _incomplete(dataset, name)
    if len(lamp) and not 0 <= int(lamp.min()) <= int(lamp.max()) < lamps:
        raise _incomplete(dataset, name)
    return lights, aims, lamp


def _holds(dataset: Dataset, name: str) -> bool:
    return any(shard.set == name for shard in dataset.shards)


def _array(dataset: Dataset, name: str, key: str, shape: tuple[int, ...]) -> np.ndarray:
    """One measured array of a set; see :meth:`core.dataset.Dataset.measured` for errors."""
    return _checked(dataset, name, dataset.measured(name), key, shape)


def _checked(
    dataset: Dataset, name: str, measured: dict[str, np.ndarray], key: str, shape: tuple[int, ...]
) -> np.ndarray:
    if key not in measured or measured[key].shape != shape:
        raise _incomplete(dataset, name)
    return measured[key]


def _incomplete(dataset: Dataset, name: str) -> NeuralBakeError:
    return NeuralBakeError(
        "corrupt_file", f"{dataset.directory} has no complete set {name}.", "Bake again with --resume."
    )
