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
import torch

from core import colour, images
from core.light_grid import generator
from core.light_grid.generator_light import PROBE_RAYS, in_sight
from core.light_grid.generator_model import blend
from core.light_grid.generator_scenes import Piece, Scene, cast, solid
from core.light_grid.grid import CORNERS, Grid, corner_window
from core.light_grid.points import ADAM, GEOMETRY_RATE, new_networks
from core.spherical_harmonics import fibonacci_directions

from .common import ROOT

PICTURE = ROOT / "docs" / "images" / "generator.png"
SIDE = 260
POINTS, STEPS = 24_000, 600
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


def at(scene: Scene, points: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Corner probes (N, 8), offsets from each (N, 8, 3) and target shares (N, 8) of world ``points`` (N, 3)."""
    location = scene.grid.locate(points)
    probes, window = scene.grid.corner_probes(location.cell), corner_window(location.fraction)
    return probes, location.offset[:, None] - CORNERS, in_sight(scene, points, probes, window)[0]


def shares(networks: np.ndarray, scene: Scene, points: np.ndarray) -> torch.Tensor:
    """Shares (N, 8) of the corners under ``networks`` (P, 113)."""
    probes, inputs, _ = at(scene, points)
    window = corner_window(scene.grid.locate(points).fraction)[:, None]
    parts = (inputs[:, :, None].astype(np.float32), window.astype(np.float32))
    return blend(torch.from_numpy(networks), torch.from_numpy(probes), *(torch.from_numpy(part) for part in parts))[
        :, 0
    ]


def fitted(scene: Scene) -> np.ndarray:
    """Networks (P, 113) fitted to the target."""
    draw = np.random.default_rng(0)
    points = draw.uniform(-1.0, 1.0, (POINTS, 3)).astype(np.float32)
    points = points[~solid(scene, points)]
    probes, inputs, target = at(scene, points)
    window = corner_window(scene.grid.locate(points).fraction).astype(np.float32)
    networks = torch.nn.Parameter(torch.from_numpy(new_networks(scene.grid.count, draw)))
    optimiser = torch.optim.Adam([networks], lr=GEOMETRY_RATE, betas=ADAM)
    cell = scene.grid.locate(points).cell
    order = np.argsort(cell, kind="stable")
    cells, starts, counts = np.unique(cell[order], return_index=True, return_counts=True)
    corners = torch.from_numpy(scene.grid.corner_probes(cells))
    for step in range(STEPS):
        optimiser.param_groups[0]["lr"] = GEOMETRY_RATE * (1.0 - step / STEPS)
        index = order[starts[:, None] + (draw.random((len(cells), 256)) * counts[:, None]).astype(int)]
        own = torch.from_numpy(inputs[index].transpose(0, 2, 1, 3).astype(np.float32))
        weights = blend(networks, corners, own, torch.from_numpy(window[index]))
        wanted = torch.from_numpy(target[index].astype(np.float32))
        optimiser.zero_grad()
        (wanted * ((wanted + 1e-6) / (weights + 1e-6)).log()).sum(dim=2).mean().backward()
        optimiser.step()
    return networks.detach().numpy()


def main() -> int:
    torch.set_num_threads(1)
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
        probes, _, target = at(scene, points)
        own, matter = probes == middle, solid(scene, points)
        found = {
            "target": target,
            **{key: shares(each, scene, points).detach().numpy() for key, each in networks.items()},
        }
        for key, share in found.items():
            picture = colour.heat_map((share * own).sum(axis=1).reshape(SIDE, SIDE))
            picture[matter.reshape(SIDE, SIDE)] = MATTER
            panels.append((f"{name}: {key}", picture))
            error = np.abs(share - target).sum(axis=1)[~matter].mean() / 2.0
            print(f"{name}: {key}, share given to wrong probes {error:.3f}")
    images.write_png(PICTURE, images.contact_sheet(panels, 3))
    print(f"written: {PICTURE.relative_to(ROOT)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
