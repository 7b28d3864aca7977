# SPDX-FileCopyrightText: 2026 Neural Bake developers
#
# SPDX-License-Identifier: GPL-3.0-or-later

"""Weights that virtual lights teach before the scene's own light does.

Training then begins with them, and is held to their shares instead of to those of geometry alone: where the scene's own
lights say little, as in a room that none of them reaches, weights stay right for any other light.
"""

from __future__ import annotations

import dataclasses
import math
import os
import typing

import numpy as np

from . import baselines, fitting
from .dataset import LightGridDataset
from .evaluation import OURS, BakedGrid
from .grid import Grid
from .points import NORMAL_BIAS, SortedPoints, new_networks
from .rays import Triangles
from .settings import LightGridSettings
from .virtual_lights import virtual_lights

Y00 = 0.28209479177387814
MORE_STEPS = 2.5
"""Light steps on virtual lights for each one that the settings ask for: they have little noise to be fitted."""
MOST_POINTS = 1_000_000
"""Training points up to which their rays fit into 2 GB."""


@dataclasses.dataclass(frozen=True)
class Surfaces:
    """What virtual lights shine on: the scene's ``triangles``, and directions (D, 3) of the probes' rays."""

    triangles: Triangles
    ray_directions: np.ndarray


def surfaces_of(dataset: LightGridDataset, threads: int) -> Surfaces | None:
    """The scene's surfaces; None where the capture did not store them, or nothing can be compiled."""
    triangles = dataset.plan.get("surface_triangles", ())
    if not len(triangles) or fitting.note():
        return None
    vertices = dataset.plan["surface_vertices"]
    return Surfaces(Triangles(vertices, triangles, threads), dataset.plan["ray_directions"])


def rehearse(
    surfaces: Surfaces,
    points: SortedPoints,
    positions: np.ndarray,
    valid: np.ndarray,
    settings: LightGridSettings,
    seed: int,
    progress: typing.Callable[[int, int], None],
) -> np.ndarray | None:
    """Learn from virtual lights alone, and hold ``points`` to the shares that come of it.

    Args:
        positions: (N, 3) of the points.
        valid: (P,) probes outside geometry; the others take their neighbours' light.
        progress: called with steps done and in all.

    Returns:
        Networks (P, 113), or None where no virtual light reaches anything, or there are too many points.
    """
    if len(positions) > MOST_POINTS:
        return None
    grid, normals = points.grid, points.normals
    target, prior = virtual_lights(surfaces.triangles, grid, positions, normals, surfaces.ray_directions, seed)
    if not target.shape[1]:
        return None
    own = SortedPoints(grid, positions, normals, target, points.visibility, points.device)
    start = new_networks(grid.count, np.random.default_rng(seed))
    steps = settings.geometry_steps, round(MORE_STEPS * settings.light_steps)
    threads = settings.threads or os.cpu_count() or 1
    prior = baselines.dilate(grid, prior, valid)
    weights = fitting.learned(own, prior, seed, *steps, lambda done: progress(done, sum(steps)), start, threads)
    points.hold_to(corner_shares(grid, weights, positions, normals))
    return weights


def corner_shares(grid: Grid, weights: np.ndarray, positions: np.ndarray, normals: np.ndarray) -> np.ndarray:
    """Share (N, 8) of every corner of a point's cell in a look-up with ``weights`` (P, 113).

    The eight corners of a cell differ in which of their indices are odd. So the light of eight channels, each of which
    only the probes of one such kind send out, tells them apart.
    """
    odd = np.stack(np.unravel_index(np.arange(grid.count), grid.resolution), axis=1) % 2
    kind = odd @ (4, 2, 1)
    sh = np.zeros((grid.count, 9, 8), np.float32)
    sh[np.arange(grid.count), 0, kind] = 1.0 / (math.pi * Y00)
    light = BakedGrid(grid, sh, OURS, NORMAL_BIAS, weights).irradiance(positions, normals)
    cell = grid.locate(positions + normals * np.float32(NORMAL_BIAS * grid.spacing.mean())).cell
    corners = grid.corner_probes(cell)
    shares = np.take_along_axis(light, kind[corners], axis=1)
    # along an axis with a single probe both corners are that probe
    single = np.array(grid.resolution) == 1
    upper = (np.array([(x, y, z) for x in (0, 1) for y in (0, 1) for z in (0, 1)], bool) & single).any(axis=1)
    shares[:, upper] = 0.0
    return shares
