# SPDX-FileCopyrightText: 2026 Neural Bake developers
#
# SPDX-License-Identifier: GPL-3.0-or-later

"""Weighting networks from what probes see, with numpy alone and without any training in the scene.

A small network, trained once on procedural rooms (:mod:`.generator_training`) and shipped beside this file, maps the
distances that the rays of a probe and of its 26 neighbours measured to the 113 numbers of the probe's weighting
network. It knows geometry only, so what it says holds under any light. After Iwanicki et al. 2024, "Neural Light Grid",
whose generator reads 512 principal components of the visibility around a probe.

Convention:
    features are taken in grid coordinates (one spacing is 1 along every axis), so that the grid's place, turn and
    anisotropy do not matter. Directions and support points are lattices that the 48 symmetries of the cube map to
    themselves.
"""

from __future__ import annotations

import dataclasses
import itertools
from pathlib import Path

import numpy as np

from .. import tensorfile
from ..errors import NeuralBakeError
from .grid import Grid
from .network import LEAK, PARAMETERS

FILE = Path(__file__).with_name("generator.safetensors")
FORMAT = "neural_bake.light_grid.generator/2"
FACE_TEXELS = 6
SUPPORT_SIDE = 6
REACH = 2.0
"""Distances count up to this many spacings: a probe speaks one spacing far."""
SHARPNESS = 60.0
NEAREST_RAYS = 4
SOFTNESS = 0.15
CHUNK_PROBES = 1024


def cube_directions() -> np.ndarray:
    """Unit directions (216, 3) through the texels of a cube's six faces."""
    steps = (2.0 * np.arange(FACE_TEXELS) + 1.0) / FACE_TEXELS - 1.0
    # Equal angles rather than equal lengths, so that texels at the corners are not crowded.
    steps = np.tan(0.25 * np.pi * steps)
    u, v = (part.reshape(-1) for part in np.meshgrid(steps, steps, indexing="ij"))
    faces = []
    for axis in range(3):
        for sign in (-1.0, 1.0):
            face = np.empty((len(u), 3))
            face[:, axis], face[:, (axis + 1) % 3], face[:, (axis + 2) % 3] = sign, u, v
            faces.append(face)
    directions = np.concatenate(faces)
    return directions / np.linalg.norm(directions, axis=1, keepdims=True)


def support_points() -> np.ndarray:
    """The points (216, 3) around a probe, in spacings, whose visibility is a feature."""
    steps = (2.0 * np.arange(SUPPORT_SIDE) + 1.0) / SUPPORT_SIDE - 1.0
    return np.stack(np.meshgrid(steps, steps, steps, indexing="ij"), axis=-1).reshape(-1, 3)


DIRECTIONS, SUPPORT = cube_directions(), support_points()
FACE = FACE_TEXELS**2
FEATURES = 3 * len(DIRECTIONS) + len(SUPPORT)
NEIGHBOURS = np.array([step for step in itertools.product((-1, 0, 1), repeat=3) if any(step)])
"""Steps (26, 3) to the probes that share a cell with one."""


def neighbours(resolution: tuple[int, int, int]) -> np.ndarray:
    """The probes (P, 26) around each of a grid; P where there is none."""
    count = int(np.prod(resolution))
    places = np.stack(np.unravel_index(np.arange(count), resolution), axis=-1)[:, None] + NEIGHBOURS
    there = ((places >= 0) & (places < resolution)).all(axis=2)
    index = (places[..., 0] * resolution[1] + places[..., 1]) * resolution[2] + places[..., 2]
    return np.where(there, index, count)


def features(grid: Grid, ray_directions: np.ndarray, ray_distances: np.ndarray) -> np.ndarray:
    """What probes see (P, 864) float32: nearness, depth and share of back faces per direction; visibility per point.

    Depth is along the axis of the cube's face that a direction goes through: the same wherever rays meet a wall that is
    parallel to the face, so that the mean over several rays tells the wall's place exactly.

    Args:
        grid: gives the axes and the spacing; any number of its probes.
        ray_directions: (R, 3) unit, world.
        ray_distances: (P, R) world units, negative where a back face was hit.
    """
    rays = ray_directions.astype(np.float64) @ np.linalg.inv(_steps(grid)).T
    lengths = np.linalg.norm(rays, axis=1)
    rays /= lengths[:, None]
    sharp = np.maximum(rays @ DIRECTIONS.T, 0.0) ** SHARPNESS
    # With few rays a texel can lie between all of them; its nearest ray then decides.
    sharp[np.argmax(rays @ DIRECTIONS.T, axis=0), np.arange(len(DIRECTIONS))] += 1e-6
    sharp = (sharp / sharp.sum(axis=0)).astype(np.float32)
    far = np.linalg.norm(SUPPORT, axis=1)
    nearest = np.argsort(-(SUPPORT / far[:, None]) @ rays.T, axis=1, kind="stable")[:, :NEAREST_RAYS].T
    limit = (far / SOFTNESS - 0.5).astype(np.float32)
    slopes = np.abs(rays).astype(np.float32)
    result = np.empty((len(ray_distances), FEATURES), np.float32)
    for first in range(0, len(result), CHUNK_PROBES):
        rows = result[first : first + CHUNK_PROBES]
        own = ray_distances[first : first + CHUNK_PROBES]
        distance = np.minimum(np.abs(own) * lengths.astype(np.float32), np.float32(1e6))
        for axis in range(3):
            depth = np.minimum(distance * slopes[:, axis], np.float32(REACH))
            texels = slice(2 * axis * FACE, 2 * (axis + 1) * FACE)
            rows[:, texels] = 0.25 / (0.25 + depth) @ sharp[:, texels]
            rows[:, 6 * FACE :][:, texels] = depth @ sharp[:, texels] / np.float32(REACH)
        rows[:, 12 * FACE : 18 * FACE] = (own < 0.0).astype(np.float32) @ sharp
        scaled = np.minimum(distance, np.float32(REACH)) / np.float32(SOFTNESS)
        seen = sum(np.clip(scaled[:, rays_of] - limit, 0.0, 1.0) for rays_of in nearest)
        rows[:, 18 * FACE :] = seen / np.float32(NEAREST_RAYS)
    return result


def _steps(grid: Grid) -> np.ndarray:
    """World vectors (3, 3), as columns, from a probe to its next neighbour along each axis."""
    return 2.0 * grid.matrix[:3, :3] / np.array(grid.resolution)


@dataclasses.dataclass(frozen=True)
class Generator:
    """The trained network, of dense layers: each probe on its own, then beside what its neighbours say of themselves.

    Attributes:
        layers: name to matrix (inputs, outputs) and bias (outputs,), float32: ``own`` and ``more`` (residual) make a
            probe's state, ``say`` what its neighbours hear of it, ``hear`` joins the state and what 26 neighbours say,
            ``deep0`` and on are residual, ``end`` gives the 113 numbers.
    """

    layers: dict[str, tuple[np.ndarray, np.ndarray]]

    def weights(self, grid: Grid, ray_directions: np.ndarray, ray_distances: np.ndarray) -> np.ndarray:
        """The weighting networks (P, 113) float32 of all probes of a grid; see :func:`features` for the arguments."""
        return self.networks(features(grid, ray_directions, ray_distances), grid.resolution)

    def networks(self, seen: np.ndarray, resolution: tuple[int, int, int]) -> np.ndarray:
        """The weighting networks (P, 113) float32 for the :func:`features` (P, 864) of a grid's probes."""
        around = neighbours(resolution)
        state = np.empty((len(seen), len(self.layers["own"][1])), np.float32)
        said = np.zeros((len(seen) + 1, len(self.layers["say"][1])), np.float32)
        result = np.empty((len(seen), PARAMETERS), np.float32)
        parts = [slice(start, start + CHUNK_PROBES) for start in range(0, len(seen), CHUNK_PROBES)]
        for part in parts:
            hidden = self._leaky("own", seen[part])
            hidden += self._leaky("more", hidden)
            state[part], said[:-1][part] = hidden, self._leaky("say", hidden)
        for part in parts:
            heard = said[around[part]].reshape(-1, len(NEIGHBOURS) * said.shape[1])
            hidden = self._leaky("hear", np.concatenate([state[part], heard], axis=1))
            for number in range(_depth(self.layers)):
                hidden += self._leaky(f"deep{number}", hidden)
            matrix, bias = self.layers["end"]
            result[part] = hidden @ matrix + bias
        return result

    def _leaky(self, name: str, values: np.ndarray) -> np.ndarray:
        matrix, bias = self.layers[name]
        sums = values @ matrix + bias
        return np.maximum(sums, np.float32(LEAK) * sums, out=sums)


def _depth(layers: dict[str, object]) -> int:
    return sum(name.startswith("deep") for name in layers)


def encode(layers: dict[str, tuple[np.ndarray, np.ndarray]]) -> bytes:
    """The bytes of the shipped file: ``NAME.matrix`` and ``NAME.bias`` of every layer in float16."""
    tensors = {}
    for name, (matrix, bias) in layers.items():
        tensors[f"{name}.matrix"], tensors[f"{name}.bias"] = matrix.astype(np.float16), bias.astype(np.float16)
    return tensorfile.encode(tensors, {"format": FORMAT})


def load(path: Path = FILE) -> Generator:
    """The shipped generator, or another one.

    Raises:
        NeuralBakeError: the file is missing or damaged, or of another version.
    """
    try:
        tensors, metadata = tensorfile.read(path)
    except OSError as error:
        raise NeuralBakeError(
            "missing_file", f"The light grid's generator {path} cannot be read.", "Install the extension again."
        ) from error
    layers = {
        name.removesuffix(".matrix"): (matrix.astype(np.float32), tensors[name.removesuffix("matrix") + "bias"])
        for name, matrix in tensors.items()
        if name.endswith(".matrix") and name.removesuffix("matrix") + "bias" in tensors
    }
    layers = {name: (matrix, bias.astype(np.float32)) for name, (matrix, bias) in layers.items()}
    if metadata.get("format") != FORMAT or not _fits(layers):
        raise NeuralBakeError(
            "corrupt_file", f"The light grid's generator {path} is damaged.", "Install the extension again."
        )
    return Generator(layers)


def _fits(layers: dict[str, tuple[np.ndarray, np.ndarray]]) -> bool:
    """Whether all layers are there, of shapes that fit each other, and finite."""
    deep = [f"deep{number}" for number in range(_depth(layers))]
    if set(layers) != {"own", "more", "say", "hear", *deep, "end"}:
        return False
    state, said, wide = (layers[name][1].size for name in ("own", "say", "hear"))
    inputs = {"own": FEATURES, "more": state, "say": state, "hear": state + len(NEIGHBOURS) * said}
    outputs = {"own": state, "more": state, "say": said, "end": PARAMETERS}
    return all(
        matrix.shape == (inputs.get(name, wide), outputs.get(name, wide))
        and bias.shape == matrix.shape[1:]
        and np.isfinite(matrix).all()
        and np.isfinite(bias).all()
        for name, (matrix, bias) in layers.items()
    )
