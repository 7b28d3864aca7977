# SPDX-FileCopyrightText: 2026 Neural Bake developers
#
# SPDX-License-Identifier: GPL-3.0-or-later

"""Light in procedural rooms: radiosity of many lamps at once, and what probes and points around them receive.

Surfaces are cut into texels; every texel sends out 48 rays that say which texels light it, so that one set of rays
serves all lightings and all bounces. Probes and points then gather the texels' radiance. As in a bake, what is stored
is indirect: light that has left a surface at least once.
"""

from __future__ import annotations

import dataclasses
import math

import numpy as np

from ..spherical_harmonics import basis, fibonacci_directions
from .generator_scenes import Hits, Scene, cast, random_scene, solid, turned, visible
from .grid import Grid, corner_window
from .network import NORMAL_BIAS

PROBE_RAYS = 512
LIGHTINGS = 12
BOUNCES = 6
LEAST_SPREAD = 0.1
POINTS_PER_PROBE = 32
POINT_RAYS = 64
_TEXEL_RAYS = 48
_TEXEL = 0.3
_SUNS, _LAMPS, _PANELS = 2, 3, 2


@dataclasses.dataclass(frozen=True)
class Lesson:
    """What one procedural scene teaches.

    Attributes:
        grid: where the probes lie.
        ray_directions, ray_distances: (R, 3) and (P, R), as a capture measures them.
        sh: (P, 9, L) radiance coefficients that the probes see, per lighting; probes in matter see darkness.
        positions, normals: (N, 3) points at which light is looked up, the bias included.
        visibility: (N, 8) how far each corner probe is in sight, over corners summing to one; nothing where none is.
        target: (N, L) irradiance there; every lighting's mean is one.
    """

    grid: Grid
    ray_directions: np.ndarray
    ray_distances: np.ndarray
    sh: np.ndarray
    positions: np.ndarray
    normals: np.ndarray
    visibility: np.ndarray
    target: np.ndarray


class Surfaces:
    """The texels of a scene's boxes.

    Attributes:
        centres, normals: (T, 3); ``edges`` (T, 2, 3) half a texel's two sides; ``areas`` (T,).
    """

    def __init__(self, scene: Scene) -> None:
        middle, half, yaw, sign = [], [], [], []
        for piece in scene.pieces:
            middle.append(piece.centre + turned(piece.boxes.mean(axis=1), piece.yaw))
            half.append(0.5 * (piece.boxes[:, 1] - piece.boxes[:, 0]))
            yaw += [piece.yaw] * len(piece.boxes)
            sign += [-1.0 if piece.inward else 1.0] * len(piece.boxes)
        self.middle, self.half = np.concatenate(middle), np.concatenate(half)
        self.cos, self.sin, sign = np.cos(yaw), np.sin(yaw), np.array(sign)
        self._single = [array.astype(np.float32) for array in (self.middle, self.half, self.cos, self.sin)]
        count = len(self.half)
        # Faces are counted 2 axis + side; u and v are the next two axes.
        self.shape = np.empty((count, 6, 2), np.int64)
        for axis in range(3):
            sides = self.half[:, [(axis + 1) % 3, (axis + 2) % 3]]
            self.shape[:, 2 * axis] = self.shape[:, 2 * axis + 1] = np.maximum(np.ceil(2.0 * sides / _TEXEL), 1)
        sizes = self.shape.prod(axis=2).reshape(-1)
        self.first = (np.cumsum(sizes) - sizes).reshape(count, 6)
        face = np.repeat(np.arange(count * 6), sizes)
        box, side = face // 6, face % 6
        index = np.arange(len(face)) - self.first.reshape(-1)[face]
        u, v = index // self.shape[box, side, 1], index % self.shape[box, side, 1]
        rows, axis = np.arange(len(face)), side // 2
        a, b = (axis + 1) % 3, (axis + 2) % 3
        local = np.zeros((len(face), 3))
        outward = np.where(side % 2 == 1, 1.0, -1.0)
        local[rows, axis] = outward * self.half[box, axis]
        local[rows, a] = ((2 * u + 1) / self.shape[box, side, 0] - 1.0) * self.half[box, a]
        local[rows, b] = ((2 * v + 1) / self.shape[box, side, 1] - 1.0) * self.half[box, b]
        normals, edges = np.zeros((len(face), 3)), np.zeros((len(face), 2, 3))
        normals[rows, axis] = outward * sign[box]
        edges[rows, 0, a] = self.half[box, a] / self.shape[box, side, 0]
        edges[rows, 1, b] = self.half[box, b] / self.shape[box, side, 1]
        self.box, self.side = box, side
        self.centres = self._world(local, box) + self.middle[box]
        self.normals = self._world(normals, box)
        self.edges = np.stack([self._world(edges[:, 0], box), self._world(edges[:, 1], box)], axis=1)
        self.areas = 4.0 * np.linalg.norm(self.edges[:, 0], axis=1) * np.linalg.norm(self.edges[:, 1], axis=1)

    def _world(self, local: np.ndarray, box: np.ndarray) -> np.ndarray:
        cos, sin = self.cos[box], self.sin[box]
        x, y = local[:, 0], local[:, 1]
        return np.stack([cos * x - sin * y, sin * x + cos * y, local[:, 2]], axis=-1)

    def texel(self, points: np.ndarray, box: np.ndarray) -> np.ndarray:
        """The texels (N,) of surface ``points`` (N, 3) on boxes ``box`` (N,)."""
        middle, half, cos, sin = (array[box] for array in self._single)
        moved = points - middle
        local = np.stack(
            [cos * moved[:, 0] + sin * moved[:, 1], cos * moved[:, 1] - sin * moved[:, 0], moved[:, 2]], axis=-1
        )
        local /= half
        rows, axis = np.arange(len(box)), np.abs(local).argmax(axis=1)
        side = 2 * axis + (local[rows, axis] > 0.0)
        shape = self.shape[box, side]
        place = np.stack([local[rows, (axis + 1) % 3], local[rows, (axis + 2) % 3]], axis=-1)
        place = np.clip((0.5 * (place + 1.0) * shape).astype(np.int64), 0, shape - 1)
        return self.first[box, side] + place[:, 0] * shape[:, 1] + place[:, 1]

    def spots(self, texels: np.ndarray, generator: np.random.Generator) -> np.ndarray:
        """A random point (N, 3) on each of ``texels`` (N,)."""
        jitter = generator.uniform(-1.0, 1.0, (len(texels), 2, 1))
        return self.centres[texels] + (jitter * self.edges[texels]).sum(axis=1)


def hemisphere(normals: np.ndarray, count: int, generator: np.random.Generator) -> np.ndarray:
    """Cosine-distributed directions (N, count, 3) about ``normals`` (N, 3), each set turned at random."""
    normals = normals.astype(np.float32)
    index = np.arange(count) + 0.5
    radius = np.sqrt(index / count).astype(np.float32)
    start = generator.uniform(0.0, 2.0 * math.pi, (len(normals), 1))
    angle = (math.pi * (1.0 + math.sqrt(5.0)) * index % (2.0 * math.pi) + start).astype(np.float32)
    helper = np.where(np.abs(normals[:, 2:]) < 0.9, [[0.0, 0.0, 1.0]], [[1.0, 0.0, 0.0]]).astype(np.float32)
    tangent = np.cross(helper, normals)
    tangent /= np.linalg.norm(tangent, axis=1, keepdims=True)
    x, y = (radius * np.cos(angle))[..., None], (radius * np.sin(angle))[..., None]
    z = np.sqrt(1.0 - radius**2)[None, :, None]
    directions = x * tangent[:, None] + y * np.cross(normals, tangent)[:, None] + z * normals[:, None]
    return directions


def seen_texels(
    scene: Scene, surfaces: Surfaces, origins: np.ndarray, directions: np.ndarray
) -> tuple[np.ndarray, Hits]:
    """Texels (N, R) that rays from ``origins`` (N, 3) along ``directions`` (N, R, 3) meet; one past the last where
    they meet none or the back of one."""
    starts = np.repeat(origins, directions.shape[1], axis=0).astype(np.float32)
    flat = directions.reshape(-1, 3)
    hits = cast(scene, starts, flat)
    rows = np.flatnonzero((hits.box >= 0) & hits.front)
    texels = np.full(len(flat), len(surfaces.centres), np.int64)
    texels[rows] = surfaces.texel(starts[rows] + hits.distance[rows, None] * flat[rows], hits.box[rows])
    return texels.reshape(directions.shape[:2]), hits


def radiosity(scene: Scene, surfaces: Surfaces, generator: np.random.Generator) -> np.ndarray:
    """Radiance (T + 1, 8) that texels reflect under eight lights: suns, sky, lamps and panels. The last row is dark."""
    count = len(surfaces.centres)
    origins = surfaces.spots(np.arange(count), generator) + 1e-3 * surfaces.normals
    directions = hemisphere(surfaces.normals, _TEXEL_RAYS, generator)
    texels, hits = seen_texels(scene, surfaces, origins, directions)
    direct = []
    for _ in range(_SUNS):
        sun = generator.normal(size=3)
        sun[2] = abs(sun[2]) + 0.3
        sun /= np.linalg.norm(sun)
        far = origins + 100.0 * sun
        direct.append(np.maximum(surfaces.normals @ sun, 0.0) * visible(scene, origins, far))
    missed = (hits.box < 0).reshape(texels.shape)
    direct.append(math.pi * (missed * (directions[..., 2] > 0.0)).mean(axis=1))
    for _ in range(_LAMPS):
        lamp = generator.uniform(scene.bounds[0], scene.bounds[1])
        away = lamp - origins
        squared = np.maximum((away**2).sum(axis=1), 1.0)
        cosine = np.maximum((away * surfaces.normals).sum(axis=1), 0.0) / np.sqrt(squared)
        direct.append(cosine / squared * visible(scene, origins, np.broadcast_to(lamp, origins.shape)))
    for _ in range(_PANELS):
        # A whole face of a box, larger ones likelier.
        picked = generator.choice(count, p=surfaces.areas / surfaces.areas.sum())
        box, side = surfaces.box[picked], surfaces.side[picked]
        glowing = np.append((surfaces.box == box) & (surfaces.side == side), False)
        direct.append(math.pi * glowing[texels].mean(axis=1))
    arriving = np.stack(direct, axis=1).astype(np.float32)
    albedo = generator.uniform(0.15, 0.85, len(surfaces.half)).astype(np.float32)[surfaces.box, None] / math.pi
    leaving = np.zeros((count + 1, arriving.shape[1]), np.float32)
    for _ in range(BOUNCES):
        leaving[:-1] = albedo * (arriving + math.pi * _mean(leaving, texels))
    return leaving


def _mean(radiance: np.ndarray, texels: np.ndarray) -> np.ndarray:
    """Mean radiance (N, L) over ``texels`` (N, R)."""
    return np.stack(
        [radiance[:, light][texels].mean(axis=1, dtype=np.float32) for light in range(radiance.shape[1])], axis=1
    )


def draw_points(
    scene: Scene, surfaces: Surfaces, generator: np.random.Generator, per_probe: int
) -> tuple[np.ndarray, np.ndarray]:
    """Free positions and normals (N, 3) in the grid's box, half of them near surfaces, as a capture draws them."""
    count = scene.grid.count * per_probe // 2
    picked = generator.choice(len(surfaces.areas), 3 * count, p=surfaces.areas / surfaces.areas.sum())
    feet, normals = surfaces.spots(picked, generator), surfaces.normals[picked]
    heights = scene.metre * (0.005 + 0.145 * generator.random(len(feet)) ** 2)
    lifted = feet + heights[:, None] * normals
    kept = np.flatnonzero(_inside(scene, lifted))
    kept = kept[visible(scene, lifted[kept], (feet + 1e-3 * normals)[kept])][:count]
    local = generator.uniform(-1.0, 1.0, (count, 3))
    air = local @ scene.grid.matrix[:3, :3].T + scene.grid.matrix[:3, 3]
    free = generator.normal(size=air.shape)
    free /= np.linalg.norm(free, axis=1, keepdims=True)
    loose = _inside(scene, air)
    positions = np.concatenate([lifted[kept], air[loose]])
    return positions.astype(np.float32), np.concatenate([normals[kept], free[loose]]).astype(np.float32)


def _inside(scene: Scene, points: np.ndarray) -> np.ndarray:
    in_grid = scene.grid.border_distance(points) > 0.0
    in_bounds = ((points > scene.bounds[0]) & (points < scene.bounds[1])).all(axis=1)
    return in_grid & in_bounds & ~solid(scene, points)


def in_sight(scene: Scene, positions: np.ndarray, probes: np.ndarray, window: np.ndarray) -> np.ndarray:
    """Shares (N, 8) of the corner ``probes`` (N, 8): the window where the line is free; round corners, a part by way of
    the other corners that see both ends; a little everywhere, so that some probe always speaks. Where none is in sight
    in either way, as inside a closed case, all are zero."""
    places = scene.grid.probe_positions().astype(np.float32)
    ends = np.repeat(positions, 8, axis=0)
    seen = visible(scene, ends, places[probes].reshape(-1, 3)).reshape(-1, 8).astype(np.float32)
    cells, cell = np.unique(probes, axis=0, return_inverse=True)
    pairs = places[cells]
    between = visible(
        scene, np.repeat(pairs, 8, axis=1).reshape(-1, 3), np.tile(pairs, (1, 8, 1)).reshape(-1, 3) + 1e-4
    )
    between = between.reshape(-1, 8, 8).astype(np.float32)[cell.reshape(-1)]
    around = np.einsum("nq,nqp->np", seen, between) / 8.0
    share = window * (seen + (1.0 - seen) * (0.3 * around + 1e-3))
    known = ((seen + around) * window).sum(axis=1, keepdims=True) > 1e-3
    return share / share.sum(axis=1, keepdims=True) * known


def lesson(seed: int, points_per_probe: int = POINTS_PER_PROBE) -> Lesson:
    """A procedural scene with its light, all from ``seed``."""
    generator = np.random.default_rng(seed)
    scene = random_scene(generator)
    grid, surfaces = scene.grid, Surfaces(scene)
    radiance = radiosity(scene, surfaces, generator)
    rays = fibonacci_directions(PROBE_RAYS).astype(np.float32)
    places = grid.probe_positions()
    texels, hits = seen_texels(scene, surfaces, places, np.broadcast_to(rays, (grid.count, *rays.shape)))
    distances = np.where(hits.front, hits.distance, -hits.distance).reshape(grid.count, PROBE_RAYS)
    distances = np.where(np.isfinite(distances), distances, 1e30).astype(np.float32)
    projection = basis(rays).T * np.float32(4.0 * math.pi / PROBE_RAYS)
    sh = np.stack([radiance[:, light][texels] @ projection.T for light in range(radiance.shape[1])], axis=2)
    positions, normals = draw_points(scene, surfaces, generator, points_per_probe)
    target = math.pi * _mean(
        radiance, seen_texels(scene, surfaces, positions, hemisphere(normals, POINT_RAYS, generator))[0]
    )
    mixing = lightings(target, generator)
    sh, target = (sh @ mixing).astype(np.float32), target @ mixing
    lookups = positions + normals * np.float32(NORMAL_BIAS * grid.spacing.mean())
    location = grid.locate(lookups)
    sight = in_sight(scene, positions, grid.corner_probes(location.cell), corner_window(location.fraction))
    return Lesson(grid, rays, distances, sh, lookups, normals, sight, target)


def lightings(target: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """How the lights that reach the points are mixed (lights, LIGHTINGS): each alone, then at random; each mixture's
    mean over the points' ``target`` (N, lights) is one. Lights that reach only a corner have no say."""
    mean = target.mean(axis=0)
    spread = mean**2 / np.maximum((target**2).mean(axis=0), 1e-20)
    alive = np.flatnonzero((mean > 1e-6) & (spread > LEAST_SPREAD))
    mixing = np.zeros((target.shape[1], LIGHTINGS))
    if not len(alive):
        return mixing
    for column in range(LIGHTINGS):
        if column < len(alive):
            mixing[alive[column], column] = 1.0
        else:
            mixing[alive, column] = generator.dirichlet(np.full(len(alive), 0.5))
    return mixing / np.maximum(mean, 1e-6)[:, None]
