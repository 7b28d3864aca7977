# SPDX-FileCopyrightText: 2026 Neural Bake developers
#
# SPDX-License-Identifier: GPL-3.0-or-later

"""Lights that are not in the scene, for weights to learn from: one lamp after the other where it is still dark, suns,
and skies that are bright on one side.

Convention:
    a light shines on texels, which are what rays from points and probes have hit, by boxes in space and the side that
    the surface faces. Texels pass their light on to each other, and what points and probes receive is the mean over
    what their rays hit. All surfaces reflect half. That is no picture of the scene's own light, and need not be: what
    surfaces send out is the same for all that see them, which is what weights have to get right.
"""

from __future__ import annotations

import dataclasses
import math

import numpy as np

from .. import spherical_harmonics
from .generator_light import hemisphere
from .grid import Grid
from .rays import FAR, Triangles

ALBEDO = 0.5
LEAST_LIGHT = 0.02
ORIGINS_AT_ONCE = 16384


@dataclasses.dataclass(frozen=True)
class Options:
    """How many lights, and how well they are traced; chosen by measuring, see ``docs/light_grid_lights.md``."""

    lamps: int = 24
    suns: int = 4
    skies: int = 4
    rays: int = 32
    texel: float = 0.3
    texel_rays: int = 32
    bounces: int = 2
    nearest: float = 1.0


OPTIONS = Options()


class Texels:
    """What rays from points and probes hit, and how light passes between it.

    Attributes:
        starts, normals: (T, 3) just in front of one hit of each texel; the normal is towards where it was seen from.
        points: (N, R) the texels that each point's rays hit, T where they hit none; ``probes``: (P, D) the probes'.
        between: (T, Q) the same of rays from the texels themselves, along ``rays`` (T, Q, 3).
    """

    def __init__(
        self,
        triangles: Triangles,
        grid: Grid,
        positions: np.ndarray,
        normals: np.ndarray,
        ray_directions: np.ndarray,
        options: Options,
        generator: np.random.Generator,
    ) -> None:
        self.triangles = triangles
        spacing = float(grid.spacing.mean())
        self._size = options.texel * spacing
        corners = triangles.corners.reshape(-1, 3)
        self._low = corners.min(axis=0)
        self._counts = np.maximum(np.ceil((corners.max(axis=0) - self._low) / self._size).astype(np.int64), 1)
        rays = hemisphere(normals, options.rays, generator)
        probes = grid.probe_positions()
        fans = np.broadcast_to(ray_directions.astype(np.float32), (grid.count, *ray_directions.shape))
        keys = np.concatenate([self._seen(positions, rays).ravel(), self._seen(probes, fans).ravel()])
        own, hit = len(positions) * options.rays, np.flatnonzero(keys >= 0)
        self._keys, index, number = np.unique(keys[hit], return_index=True, return_inverse=True)
        texels = np.full(len(keys), len(self._keys), np.int32)
        texels[hit] = number
        self.points = texels[:own].reshape(-1, options.rays)
        self.probes = texels[own:].reshape(-1, len(ray_directions))
        # the first hit of each texel, once more
        point, ray = np.divmod(hit[index][hit[index] < own], options.rays)
        probe, fan = np.divmod(hit[index][hit[index] >= own] - own, len(ray_directions))
        starts = np.concatenate([positions[point], probes[probe]])
        order = np.argsort(hit[index] >= own, kind="stable").argsort(kind="stable")
        places, self.normals, _ = self._hits(starts[order], np.concatenate([rays[point, ray], fans[probe, fan]])[order])
        self.starts = places + np.float32(1e-3 * spacing) * self.normals
        self.rays = hemisphere(self.normals, options.texel_rays, generator)
        keys = self._seen(self.starts, self.rays)
        at = np.minimum(np.searchsorted(self._keys, keys), len(self._keys) - 1)
        self.missed = keys < 0
        # what no point and no probe has seen is dark
        self.between = np.where(self._keys[at] == keys, at, len(self._keys))

    def __len__(self) -> int:
        return len(self.starts)

    def _seen(self, origins: np.ndarray, rays: np.ndarray) -> np.ndarray:
        """Keys (N, R) of the texels that ``rays`` (N, R, 3) from ``origins`` (N, 3) hit, a part of them at once."""
        keys = np.empty(rays.shape[:2], np.int64)
        for first in range(0, len(origins), ORIGINS_AT_ONCE):
            part = slice(first, first + ORIGINS_AT_ONCE)
            starts = np.repeat(origins[part], rays.shape[1], axis=0)
            keys[part] = self._hits(starts, rays[part].reshape(-1, 3))[2].reshape(-1, rays.shape[1])
        return keys

    def _hits(self, origins: np.ndarray, rays: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Places and normals (N, 3) of first hits, and their texels' keys (N,), -1 where nothing is hit."""
        starts = origins.astype(np.float32)
        distances, found = self.triangles.cast(starts, rays)
        hit = found >= 0
        places = starts + np.where(hit, distances, np.float32(0.0))[:, None] * rays
        normals = self.triangles.normals[np.maximum(found, 0)]
        normals = np.where((normals * rays).sum(axis=1)[:, None] < 0.0, normals, -normals)
        box = np.clip(((places - self._low) / self._size).astype(np.int64), 0, self._counts - 1)
        axis = np.abs(normals).argmax(axis=1)
        side = 2 * axis + (np.take_along_axis(normals, axis[:, None], 1)[:, 0] > 0.0)
        keys = ((box[:, 0] * self._counts[1] + box[:, 1]) * self._counts[2] + box[:, 2]) * 6 + side
        return places, normals, np.where(hit, keys, -1)

    def spread(self, direct: np.ndarray, bounces: int) -> np.ndarray:
        """What leaves texels (T + 1,) that receive ``direct`` (T,); the last one stands for nothing, and is dark."""
        direct = np.append(direct, 0.0).astype(np.float32)
        light = direct
        for _ in range(bounces - 1):
            light = direct + np.append(ALBEDO * light[self.between].mean(axis=1), 0.0).astype(np.float32)
        return light

    def sky(self, angle: float) -> np.ndarray:
        """What texels (T,) receive of a sky that is bright on one side."""
        side = self.rays[..., 0] * math.cos(angle) + self.rays[..., 1] * math.sin(angle)
        bright = np.clip(0.5 + side, 0.0, 1.0) * (self.rays[..., 2] > 0.0)
        return (self.missed * bright).mean(axis=1)

    def sun(self, direction: np.ndarray) -> np.ndarray:
        """What texels (T,) receive from a ``direction`` (3,)."""
        cosine = np.maximum(self.normals @ direction, 0.0)
        rows = np.flatnonzero(cosine > 0.0)
        far = np.broadcast_to(direction.astype(np.float32), (len(rows), 3))
        cosine[rows] *= self.triangles.clear(self.starts[rows], far, FAR)
        return cosine

    def lamp(self, place: np.ndarray, nearest: float) -> np.ndarray:
        """What texels (T,) receive from a lamp that is never taken to be closer than ``nearest``."""
        away = (place - self.starts).astype(np.float32)
        squared = np.maximum((away**2).sum(axis=1), np.float32(1e-12))
        cosine = np.maximum((away * self.normals).sum(axis=1), 0.0) / np.sqrt(squared)
        rows = np.flatnonzero(cosine > 0.0)
        cosine[rows] *= self.triangles.clear(self.starts[rows], away[rows])
        return cosine / np.maximum(squared, nearest**2)


def virtual_lights(
    triangles: Triangles,
    grid: Grid,
    positions: np.ndarray,
    normals: np.ndarray,
    ray_directions: np.ndarray,
    seed: int,
    options: Options = OPTIONS,
) -> tuple[np.ndarray, np.ndarray]:
    """Light of lamps, suns and skies that are not there.

    Args:
        positions, normals: training points (N, 3).
        ray_directions: (D, 3) of the probes' rays.

    Returns:
        Targets (N, L) float32 of mean one, a channel a light, and the probes' radiance coefficients (P, 9, L) in the
        same scale.
    """
    generator = np.random.default_rng([seed, 5])
    texels = Texels(triangles, grid, positions, normals, ray_directions, options, generator)
    targets, lights = [], []
    # Lamps come where there is little light so far. What no light has reached would draw all of them.
    total = np.full(len(positions), LEAST_LIGHT, np.float32)

    def add(direct: np.ndarray) -> None:
        nonlocal total
        light = texels.spread(direct, options.bounces)
        target = light[texels.points].mean(axis=1, dtype=np.float32)
        mean = target.mean(dtype=np.float64)
        if mean > 0.0:
            targets.append((target / mean).astype(np.float32))
            lights.append((light / mean).astype(np.float32))
            total = total + targets[-1]

    out = np.flatnonzero((texels.missed & (texels.rays[..., 2] > 0.1)).ravel())
    for number in range(options.skies):
        add(texels.sky(2.0 * math.pi * (generator.random() + number) / options.skies))
    for _ in range(options.suns if len(out) else 0):
        add(texels.sun(texels.rays.reshape(-1, 3)[generator.choice(out)]))
    for _ in range(options.lamps):
        chance = (1.0 / total).astype(np.float64)
        place = positions[generator.choice(len(positions), p=chance / chance.sum())]
        add(texels.lamp(place, options.nearest * float(grid.spacing.mean())))
    # `target` is irradiance over pi
    projection = spherical_harmonics.basis(ray_directions) * (4.0 / len(ray_directions))
    prior = [light[texels.probes] @ projection.astype(np.float32) for light in lights]
    if not lights:
        return np.zeros((len(positions), 0), np.float32), np.zeros((grid.count, 9, 0), np.float32)
    return np.stack(targets, axis=1), np.stack(prior, axis=2)
