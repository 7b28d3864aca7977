# SPDX-FileCopyrightText: 2026 Neural Bake developers
#
# SPDX-License-Identifier: GPL-3.0-or-later

"""The picture of `docs/light_grid_generator.md`: where a probe speaks, as target, generated and fitted.

    python -m tests.benchmarks.light_grid_generator_picture

Each row is a slice at the height of one probe, one spacing around it: its share among the eight probes of every point's
cell. The target is what the visibility graph says; "fitted" is the best that networks of 113 numbers make of that
target, 600 steps of Adam; "generated" has only seen the probes' 512 rays.
"""

from __future__ import annotations

import sys

import numpy as np

from core import colour, images
from core.light_grid import generator
from core.light_grid.evaluation import OURS, BakedGrid
from core.light_grid.fused import FusedProblem
from core.light_grid.generator_light import PROBE_RAYS, in_sight
from core.light_grid.generator_scenes import Piece, Scene, cast, solid
from core.light_grid.grid import Grid, corner_window
from core.light_grid.points import GEOMETRY_RATE, SortedPoints, new_networks
from core.spherical_harmonics import fibonacci_directions, irradiance_basis

from .common import ROOT

PICTURE = ROOT / "docs" / "images" / "generator.png"
SIDE = 260
POINTS, STEPS, BLOCKS = 24_000, 600, 16
MATTER = np.array([90, 130, 170], np.uint8)


def boxes(*corners: tuple) -> Piece:
    return Piece(np.zeros(3), 0.0, np.array(corners, np.float64))


def places() -> dict[str, Piece]:
    """Three places around the probe at 0, 0, 0 of a grid with a spacing of 1; heights from -2 to 2."""
    floor = ((-4, -4, -2.2), (4, 4, -1.7))
    return {
        "thin wall with a doorway": boxes(floor, ((0.2, -4, -2), (0.25, 0.25, 2)), ((0.2, 0.8, -2), (0.25, 4, 2))),
        "corner of a thick wall": boxes(floor, ((0.3, -4, -2), (0.7, 0.35, 2)), ((0.3, -0.05, -2), (4, 0.35, 2))),
        "thin column": boxes(floor, ((0.32, 0.22, -2), (0.44, 0.34, 2))),
    }


def targets(scene: Scene, points: np.ndarray) -> np.ndarray:
    """Shares (N, P) by what is in sight of world ``points`` (N, 3)."""
    location = scene.grid.locate(points)
    probes = scene.grid.corner_probes(location.cell)
    result = np.zeros((len(points), scene.grid.count), np.float32)
    np.put_along_axis(result, probes, in_sight(scene, points, probes, corner_window(location.fraction)), axis=1)
    return result


def shares(networks: np.ndarray, scene: Scene, points: np.ndarray) -> np.ndarray:
    """Shares (N, P) of the probes under ``networks`` (P, 113): what they give where each alone shines."""
    count = scene.grid.count
    alone = np.zeros((count, 9, count), np.float32)
    alone[:, 0] = np.eye(count) / irradiance_basis(np.eye(3))[0, 0]
    return BakedGrid(scene.grid, alone, OURS, 0.0, networks).irradiance(
        points, np.tile([[0.0, 0, 1]], (len(points), 1))
    )


def fitted(scene: Scene) -> np.ndarray:
    """Networks (P, 113) fitted to the target."""
    draw = np.random.default_rng(0)
    points = draw.uniform(-1.0, 1.0, (POINTS, 3)).astype(np.float32)
    points = points[~solid(scene, points)]
    location = scene.grid.locate(points)
    target = in_sight(scene, points, scene.grid.corner_probes(location.cell), corner_window(location.fraction))
    nothing = np.zeros((len(points), 3), np.float32)
    sorted_points = SortedPoints(scene.grid, points, nothing, nothing[:, :1], target, bias=0.0)
    start = new_networks(scene.grid.count, draw)
    problem = FusedProblem(sorted_points, np.zeros((scene.grid.count, 9, 1)), start, 0, 1, BLOCKS)
    problem.optimise(False, GEOMETRY_RATE, STEPS, 0.0, lambda done: None)
    return problem.networks()


def main() -> int:
    matrix = np.diag([2.5, 2.5, 2.5, 1.0])
    grid, rays = Grid(matrix, (5, 5, 5)), fibonacci_directions(PROBE_RAYS).astype(np.float32)
    middle = grid.count // 2
    steps = (np.arange(SIDE) + 0.5) / SIDE * 2.0 - 1.0
    across, up = np.meshgrid(steps, -steps)
    points = np.stack([across, up, np.full_like(up, 0.02)], axis=-1).reshape(-1, 3).astype(np.float32)
    panels = []
    for name, piece in places().items():
        scene = Scene([piece], grid, 1.0, np.array([[-4.0] * 3, [4.0] * 3]))
        origins = np.repeat(grid.probe_positions(), len(rays), axis=0)
        hits = cast(scene, origins, np.tile(rays, (grid.count, 1)))
        distances = np.where(hits.front, hits.distance, -hits.distance).reshape(grid.count, -1)
        distances = np.where(np.isfinite(distances), distances, 1e30).astype(np.float32)
        networks = {"generated": generator.load().weights(grid, rays, distances), "fitted": fitted(scene)}
        target, matter = targets(scene, points), solid(scene, points)
        found = {
            "target": target,
            **{key: shares(each, scene, points) for key, each in networks.items()},
        }
        for key, share in found.items():
            picture = colour.heat_map(share[:, middle].reshape(SIDE, SIDE))
            picture[matter.reshape(SIDE, SIDE)] = MATTER
            panels.append((f"{name}: {key}", picture))
            error = np.abs(share - target).sum(axis=1)[~matter].mean() / 2.0
            print(f"{name}: {key}, share given to wrong probes {error:.3f}")
    images.write_png(PICTURE, images.contact_sheet(panels, 3))
    print(f"written: {PICTURE.relative_to(ROOT)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
