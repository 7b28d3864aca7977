# SPDX-FileCopyrightText: 2026 Neural Bake developers
#
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the light grid's tests share: boxes, random probes, and analytic scenes written as datasets."""

from __future__ import annotations

import dataclasses
import json
import math
import typing
from pathlib import Path

import numpy as np

from core import spherical_harmonics, tensorfile
from core.dataset import SCHEMA, Shard, shard_metadata
from core.light_grid import baselines
from core.light_grid.evaluation import OURS, BakedGrid
from core.light_grid.grid import Grid
from core.light_grid.network import PARAMETERS, SLICES
from core.light_grid.settings import LightGridSettings

Y00 = 0.28209479177387814


def box(
    centre: tuple = (0.0, 0.0, 0.0), half: tuple = (1.0, 1.0, 1.0), resolution: tuple = (4, 3, 2), degrees: float = 0.0
) -> Grid:
    """A grid in a box of half extents ``half``, turned about Z by ``degrees``."""
    cos, sin = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    matrix = np.eye(4)
    matrix[:3, :3] = np.array([[cos, -sin, 0.0], [sin, cos, 0.0], [0.0, 0.0, 1.0]]) * np.array(half)
    matrix[:3, 3] = centre
    return Grid(matrix, resolution)


def in_world(grid: Grid, coordinates: np.ndarray) -> np.ndarray:
    """World points (N, 3) float32 of grid coordinates, by a way of its own: probe 0 plus steps along the axes."""
    steps = 2.0 * grid.matrix[:3, :3] / np.array(grid.resolution)
    first = grid.matrix[:3, 3] - grid.matrix[:3, :3].sum(axis=1) + 0.5 * steps.sum(axis=1)
    return (first + np.asarray(coordinates, np.float64) @ steps.T).astype(np.float32)


def directions(count: int, seed: int) -> np.ndarray:
    """Random unit vectors (count, 3) float32."""
    vectors = np.random.default_rng(seed).normal(size=(count, 3))
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


def points_in(grid: Grid, count: int, seed: int, beyond: float = 0.5) -> np.ndarray:
    """Random points (count, 3) in the box and up to ``beyond`` cells outside."""
    upper = np.array(grid.resolution) - 0.5 + beyond
    return in_world(grid, np.random.default_rng(seed).uniform(-0.5 - beyond, upper, (count, 3)))


def random_weights(count: int, seed: int, strength: float = 1.0) -> np.ndarray:
    """Networks (count, 113) that differ strongly from probe to probe."""
    generator = np.random.default_rng(seed)
    weights = generator.normal(0.0, 1.0, (count, PARAMETERS))
    weights[:, SLICES["w2"]] *= 0.5
    weights[:, SLICES["w3"]] *= strength
    weights[:, SLICES["b3"]] *= strength
    return weights.astype(np.float32)


def random_sh(count: int, seed: int, positive: bool = True) -> np.ndarray:
    """Radiance coefficients (count, 9, 3); with ``positive`` irradiance is above zero for every normal."""
    generator = np.random.default_rng(seed)
    sh = generator.normal(0.0, 0.1 if positive else 1.0, (count, 9, 3))
    sh[:, 0] = generator.uniform(1.0, 3.0, (count, 3)) if positive else sh[:, 0]
    return sh.astype(np.float32)


def constant_sh(count: int, irradiance: float | tuple) -> np.ndarray:
    """Radiance coefficients (count, 9, 3) that give one irradiance for every normal."""
    sh = np.zeros((count, 9, 3), np.float32)
    sh[:, 0] = np.asarray(irradiance) / math.pi / Y00
    return sh


def random_geometry(grid: Grid, seed: int) -> baselines.ProbeGeometry:
    """Three of four probes valid; depths of a few spacings."""
    generator = np.random.default_rng(seed)
    mean = generator.uniform(0.2, 2.0, (grid.count, baselines.OCTAHEDRAL_SIZE, baselines.OCTAHEDRAL_SIZE))
    valid = generator.uniform(size=grid.count) < 0.75
    return baselines.ProbeGeometry(valid, np.stack([mean, mean**2 + 0.05], axis=-1).astype(np.float32))


def baked(grid: Grid, method: str, seed: int = 1, sh: np.ndarray | None = None, bias: float = 0.1) -> BakedGrid:
    """A baked grid of any method with random contents."""
    sh = random_sh(grid.count, seed) if sh is None else sh
    if method == OURS:
        return BakedGrid(grid, sh, OURS, bias, random_weights(grid.count, seed))
    if method == "trilinear":
        return BakedGrid(grid, sh, method)
    geometry = random_geometry(grid, seed)
    geometry = geometry if method == "ddgi" else baselines.ProbeGeometry(geometry.valid)
    return BakedGrid(grid, sh, method, bias, facing=True, geometry=geometry)


@dataclasses.dataclass(frozen=True)
class Scene:
    """An analytic scene.

    Attributes:
        indirect, direct: irradiance (N, 3) from points (N, 3) and normals (N, 3).
        distances: (P, R) to the first surface, from origins (P, 3) along directions (R, 3).
        solid: (N,) bool, points inside matter, where nothing is measured.
    """

    indirect: typing.Callable[[np.ndarray, np.ndarray], np.ndarray]
    direct: typing.Callable[[np.ndarray, np.ndarray], np.ndarray] = lambda points, normals: np.zeros_like(points)
    distances: typing.Callable[[np.ndarray, np.ndarray], np.ndarray] = lambda origins, rays: np.full(
        (len(origins), len(rays)), 1e30
    )
    solid: typing.Callable[[np.ndarray], np.ndarray] = lambda points: np.zeros(len(points), bool)


def grey(values: np.ndarray) -> np.ndarray:
    return np.repeat(np.asarray(values, np.float64)[:, None], 3, axis=1)


def wall_distances(origins: np.ndarray, rays: np.ndarray) -> np.ndarray:
    """Distances to the plane x = 0."""
    with np.errstate(divide="ignore", invalid="ignore"):
        distance = -origins[:, :1] / rays[None, :, 0]
    return np.where(distance > 0.0, distance, 1e30)


# A wall of 20 cm at x = 0 with light of one on its left and none on its right, whatever the normal.
WALL = Scene(
    lambda points, normals: grey(points[:, 0] < 0.0),
    distances=wall_distances,
    solid=lambda points: np.abs(points[:, 0]) < 0.1,
)
# With its four layers of probes, this grid has the wall in the middle of its cells.
WALL_GRID = box(half=(2.0, 1.0, 1.0), resolution=(4, 2, 2))
DARK = Scene(lambda points, normals: np.zeros_like(points))


def uniform(indirect: float, direct: float = 0.0) -> Scene:
    return Scene(
        lambda points, normals: np.full(points.shape, indirect), lambda points, normals: np.full(points.shape, direct)
    )


def write_dataset(
    folder: Path,
    scene: Scene,
    grids: typing.Sequence[Grid] = (WALL_GRID,),
    *,
    camera: tuple[int, int] | None = None,
    noise: dict[str, float] | None = None,
    counts: dict[str, int] | None = None,
    lights: dict[str, tuple[Scene, tuple]] | None = None,
    **settings: object,
) -> Path:
    """Measure an analytic scene as a capture would.

    Args:
        camera: width and height of a view onto the box's middle plane; columns run along X, row 0 is the highest Z.
        noise: standard deviation of the measured light by set; none where a set is not named.
        counts: points per set, where they differ from a few hundred.
        lights: light sets by name: what is measured of each, and the factor (3,) that gives its light at the bake.
        settings: what differs from the default settings.
    """
    generator = np.random.default_rng(1)
    counts = {"train": 1500, "choose": 400, "report": 400} | (counts or {})
    plan: dict[str, np.ndarray] = {}
    for name, count in counts.items():
        shares = [points_in(grid, count // len(grids), int(generator.integers(1000)), 0.0) for grid in grids]
        points = np.concatenate(shares)
        plan[f"{name}_positions"] = points[~scene.solid(points)]
        plan[f"{name}_normals"] = directions(len(plan[f"{name}_positions"]), int(generator.integers(1000)))
    origins = np.concatenate([grid.probe_positions() for grid in grids])
    plan["probe_positions"] = origins.astype(np.float32)
    plan["probe_directions"] = spherical_harmonics.fibonacci_directions(16).astype(np.float32)
    plan["probe_valid"] = plan["probe_reached"] = np.ones(len(origins), np.uint8)
    plan["ray_directions"] = spherical_harmonics.fibonacci_directions(200).astype(np.float32)
    plan["probe_distances"] = scene.distances(origins, plan["ray_directions"]).astype(np.float32)
    sets = {name: (plan[f"{name}_positions"], plan[f"{name}_normals"]) for name in ("train", "choose")}
    sets |= {f"report_{half}": (plan["report_positions"], plan["report_normals"]) for half in "ab"}
    count = len(plan["probe_directions"])
    sets["probe"] = (origins.repeat(count, axis=0), np.tile(plan["probe_directions"], (len(origins), 1)))
    if camera:
        width, height = camera
        columns, rows = np.meshgrid((np.arange(width) + 0.5) / width, (np.arange(height) + 0.5) / height)
        flat = np.stack([2.0 * columns - 1.0, np.zeros_like(rows), 1.0 - 2.0 * rows], axis=-1).reshape(-1, 3)
        plan["view_positions"] = (flat @ grids[0].matrix[:3, :3].T + grids[0].matrix[:3, 3]).astype(np.float32)
        plan["view_normals"] = np.tile(np.array([0.0, -1.0, 0.0], np.float32), (len(flat), 1))
        plan["view_pixels"] = np.arange(len(flat), dtype=np.int32)
        sets["view"] = (plan["view_positions"], plan["view_normals"])
    folder.mkdir(parents=True)
    tensorfile.write(folder / "plan.safetensors", plan)
    firsts = np.cumsum([0, *(grid.count for grid in grids)]).tolist()
    info = {
        "schema": SCHEMA,
        "kind": "light_grid",
        "settings": LightGridSettings.from_dict({"threads": 1, **settings}).to_dict(),
        "scene_hash": "ab12",
        "plan_sha256": tensorfile.read(folder / "plan.safetensors")[1]["sha256"],
        "blender": "4.5.15",
        "source": "rooms.blend",
        "grids": [
            {
                "name": f"Volume.{n}",
                "matrix": grid.matrix.tolist(),
                "resolution": grid.resolution,
                "probe_first": firsts[n],
            }
            for n, grid in enumerate(grids)
        ],
        "unit_scale": 1.0,
        "meter": {"film_exposure": 1.0},
        "camera": {"width": camera[0], "height": camera[1]} if camera else None,
        "notes": ["Lamp Key is linked to certain objects."],
    }
    if lights:
        info["light_sets"] = [
            {"name": name, "type": "LAMP", "measured": [1.0] * 3, "light": factor, "members": [], "key": f"key {name}"}
            for name, (_, factor) in lights.items()
        ]
    shards = []
    every = [
        (f"{name}@key {light}" if lights else name, name, one, places)
        for name, places in sets.items()
        for light, (one, _) in (lights or {"": (scene, ())}).items()
    ]
    for name, points_name, one, (points, normals) in every:
        half = -(-len(points) // 2)
        for first in range(0, len(points), half):
            part = slice(first, first + half)
            shard = Shard(f"shard-{len(shards):05}.safetensors", name, first, len(points[part]), 100 + len(shards))
            light = {}
            for key, field in (("direct", one.direct), ("indirect", one.indirect)):
                values = np.asarray(field(points[part].astype(np.float64), normals[part]), np.float64)
                values = values + generator.normal(0.0, (noise or {}).get(points_name, 0.0), values.shape)
                light[key] = values.astype(np.float32)
            tensorfile.write(folder / shard.file, light, shard_metadata(info, shard))
            shards.append(shard)
    info["shards"] = [dataclasses.asdict(shard) for shard in shards]
    (folder / "dataset.json").write_text(json.dumps(info), "utf-8")
    return folder
