# SPDX-FileCopyrightText: 2026 Neural Bake developers
#
# SPDX-License-Identifier: GPL-3.0-or-later

"""What probes see of the surfaces around them."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import numpy as np

from core.light_grid.network import NORMAL_BIAS
from core.light_grid.sight import lookups, pack

from .geometry import FAR, Geometry
from .grids import Volume

GOLDEN_ANGLE = np.pi * (3.0 - np.sqrt(5.0))


def fibonacci_sphere(count: int) -> np.ndarray:
    """Unit directions (count, 3) spread evenly by the spherical Fibonacci lattice, float32."""
    z = 1.0 - (2.0 * np.arange(count) + 1.0) / count
    angle = GOLDEN_ANGLE * np.arange(count)
    radius = np.sqrt(1.0 - z * z)
    return np.stack([radius * np.cos(angle), radius * np.sin(angle), z], axis=-1).astype(np.float32)


@dataclasses.dataclass(frozen=True)
class ProbeRays:
    """Rays from all probes.

    Attributes:
        directions: (R, 3) unit.
        distances: (P, R) float32, world units; ``FAR`` where a ray leaves, negative where it hit a back face.
        backfaces: (P,) float32 share of rays that hit a back face, of all rays.
    """

    directions: np.ndarray
    distances: np.ndarray
    backfaces: np.ndarray


def trace(geometry: Geometry, volumes: list[Volume], ray_count: int, progress: Callable[[int, int], None]) -> ProbeRays:
    """Cast ``ray_count`` rays from every probe of all volumes; ``progress(done, total)`` is called now and then."""
    directions = fibonacci_sphere(ray_count)
    positions = np.concatenate([volume.probe_positions() for volume in volumes])
    distances = np.empty((len(positions), ray_count), np.float32)
    chunk = max(1, 200_000 // ray_count)
    for first in range(0, len(positions), chunk):
        part = positions[first : first + chunk]
        rays = np.tile(directions.astype(np.float64), (len(part), 1))
        signed = signed_distances(geometry, np.repeat(part, ray_count, axis=0), rays)
        distances[first : first + chunk] = signed.reshape(-1, ray_count)
        progress(first + len(part), len(positions))
    return ProbeRays(directions, distances, (distances < 0.0).mean(axis=1).astype(np.float32))


def signed_distances(geometry: Geometry, origins: np.ndarray, directions: np.ndarray) -> np.ndarray:
    """Distances (N,) float32 along rays; ``FAR`` where a ray leaves, negative where it hit a back face."""
    distances, triangles = geometry.cast(origins, directions)
    hit = triangles >= 0
    signed = np.full(len(directions), FAR, np.float32)
    facing = (geometry.normals[triangles[hit]] * directions[hit]).sum(axis=1) < 0.0
    signed[hit] = np.where(facing, distances[hit], -distances[hit])
    return signed


def every_direction(positions: np.ndarray, directions: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Positions and normals (P * D, 3) at which probes (P, 3) measure irradiance from ``directions`` (D, 3)."""
    return np.repeat(positions, len(directions), axis=0), np.tile(directions, (len(positions), 1))


def sight(geometry: Geometry, volumes: list[Volume], positions: np.ndarray, normals: np.ndarray) -> np.ndarray:
    """Which corners of its cell each point sees in each volume: (N, V) uint8, corner k in bit k.

    Asked is from where the networks look light up; where a surface is on the way there, from the point itself. Points
    more than half a cell outside a volume play no part there and get zero.
    """
    result = np.zeros((len(positions), len(volumes)), np.uint8)
    for number, volume in enumerate(volumes):
        near = np.flatnonzero(volume.contains(positions, 0.5))
        for rows in np.array_split(near, len(near) // 50_000 + 1):
            points = positions[rows].astype(np.float64)
            moved = lookups(volume, points, normals[rows].astype(np.float64), NORMAL_BIAS)
            starts = np.where(geometry.clear(points, moved)[:, None], moved, points)
            ends = volume.probe_positions()[volume.corner_probes(volume.locate(moved).cell)]
            clear = geometry.clear(np.repeat(starts, 8, axis=0), ends.reshape(-1, 3))
            result[rows, number] = pack(clear.reshape(-1, 8))
    return result
