# SPDX-FileCopyrightText: 2026 Neural Bake developers
#
# SPDX-License-Identifier: GPL-3.0-or-later

"""Weighting networks from what probes see, with numpy alone and without any training in the scene.

A small network, trained once on procedural rooms (:mod:`.generator_training`) and shipped beside this file, maps the
distances that a probe's rays measured to the 113 numbers of its weighting network. It knows geometry only, so what it
says holds under any light. After Iwanicki et al. 2024, "Neural Light Grid", whose generator reads 512 principal
components of the visibility around a probe.

Convention:
    features are taken in grid coordinates (one spacing is 1 along every axis), so that the grid's place, turn and
    anisotropy do not matter. Directions and support points are lattices that the 48 symmetries of the cube map to
    themselves.
"""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np

from .. import tensorfile
from ..errors import NeuralBakeError
from .grid import Grid
from .network import LEAK, PARAMETERS

FILE = Path(__file__).with_name("generator.safetensors")
FORMAT = "neural_bake.light_grid.generator/1"
FACE_TEXELS = 6
SUPPORT_SIDE = 6
REACH = 2.0
"""Distances count up to this many spacings: a probe speaks one spacing far."""
SHARPNESS = 60.0
NEAREST_RAYS = 4
SOFTNESS = 0.15
LOOKUP_BIAS = 0.05
"""Offset of look-ups along the normal, in mean spacings, that the networks are made for."""
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
FEATURES = 3 * len(DIRECTIONS) + len(SUPPORT)


def features(grid: Grid, ray_directions: np.ndarray, ray_distances: np.ndarray) -> np.ndarray:
    """What probes see (P, 864) float32: nearness, distance and share of back faces per direction; visibility per point.

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
    result = np.empty((len(ray_distances), FEATURES), np.float32)
    for first in range(0, len(result), CHUNK_PROBES):
        part = slice(first, first + CHUNK_PROBES)
        back = (ray_distances[part] < 0.0).astype(np.float32)
        distance = np.minimum(np.abs(ray_distances[part]) * lengths.astype(np.float32), np.float32(REACH))
        blocks = [0.25 / (0.25 + distance) @ sharp, distance @ sharp / np.float32(REACH), back @ sharp]
        scaled = distance / np.float32(SOFTNESS)
        seen = sum(np.clip(scaled[:, rays_of] - limit, 0.0, 1.0) for rays_of in nearest)
        result[part] = np.concatenate([*blocks, seen / np.float32(NEAREST_RAYS)], axis=1)
    return result


def _steps(grid: Grid) -> np.ndarray:
    """World vectors (3, 3), as columns, from a probe to its next neighbour along each axis."""
    return 2.0 * grid.matrix[:3, :3] / np.array(grid.resolution)


@dataclasses.dataclass(frozen=True)
class Generator:
    """The trained network: dense layers, residual between the first and the last.

    Attributes:
        layers: matrices (inputs, outputs) and biases (outputs,), float32, first to last.
    """

    layers: tuple[tuple[np.ndarray, np.ndarray], ...]

    def weights(self, grid: Grid, ray_directions: np.ndarray, ray_distances: np.ndarray) -> np.ndarray:
        """The weighting networks (P, 113) float32 of probes; see :func:`features` for the arguments."""
        return self.networks(features(grid, ray_directions, ray_distances))

    def networks(self, seen: np.ndarray) -> np.ndarray:
        """The weighting networks (P, 113) float32 for the :func:`features` (P, 864)."""
        result = np.empty((len(seen), PARAMETERS), np.float32)
        (first, first_bias), *middle, (last, last_bias) = self.layers
        for start in range(0, len(seen), CHUNK_PROBES):
            part = slice(start, start + CHUNK_PROBES)
            hidden = _leaky(seen[part] @ first + first_bias)
            for matrix, bias in middle:
                hidden += _leaky(hidden @ matrix + bias)
            result[part] = hidden @ last + last_bias
        return result


def _leaky(values: np.ndarray) -> np.ndarray:
    return np.maximum(values, np.float32(LEAK) * values, out=values)


def encode(layers: list[tuple[np.ndarray, np.ndarray]]) -> bytes:
    """The bytes of the shipped file: ``i.matrix`` and ``i.bias`` in float16."""
    tensors = {}
    for number, (matrix, bias) in enumerate(layers):
        tensors[f"{number}.matrix"], tensors[f"{number}.bias"] = matrix.astype(np.float16), bias.astype(np.float16)
    return tensorfile.encode(tensors, {"format": FORMAT, "layers": str(len(layers))})


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
    damaged = NeuralBakeError(
        "corrupt_file", f"The light grid's generator {path} is damaged.", "Install the extension again."
    )
    if metadata.get("format") != FORMAT or not metadata.get("layers", "").isdigit():
        raise damaged
    layers, width = [], FEATURES
    for number in range(int(metadata["layers"])):
        matrix, bias = tensors.get(f"{number}.matrix"), tensors.get(f"{number}.bias")
        if matrix is None or bias is None or matrix.ndim != 2 or matrix.shape != (width, *bias.shape):
            raise damaged
        layers.append((matrix.astype(np.float32), bias.astype(np.float32)))
        width = len(bias)
    shapes = {matrix.shape for matrix, _ in layers[1:-1]}
    if len(layers) < 2 or width != PARAMETERS or any(a != b for a, b in shapes):
        raise damaged
    if not all(np.isfinite(part).all() for layer in layers for part in layer):
        raise damaged
    return Generator(tuple(layers))
