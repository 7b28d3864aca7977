# SPDX-FileCopyrightText: 2026 Neural Bake developers
#
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a moved object changes: which points see other surfaces, and where the light is another one.

Light goes everywhere, so no bound from geometry alone leaves much out. Instead the choosing points are measured again
with the random numbers that they had: a path that does not meet what moved is the same path, to the last bit, so that
the difference shows where light changed and has no noise where it did not. Probes among points whose light changed by
more than :data:`THRESHOLD` on average, and those beside what moved, are measured again, with the training points of
their cells; the others keep what was measured. Points that the object now covers are left out; none are drawn in what
it left free.
"""

from __future__ import annotations

import collections
from collections.abc import Sequence

import numpy as np

from core.light_grid.settings import LightGridSettings

from . import probes
from .geometry import Geometry
from .grids import Volume
from .reach import Reach
from .sampling import CLEARANCE

THRESHOLD = 0.03
"""Change of light, relative to what is there and a tenth of the mean, from which probes are measured again. It is the
mean over some 70 points around a probe, in which the noise of paths that did change averages out."""
NEAR = 1.5
"""Spacings around a probe in which points speak for it."""
GROWN = 1e-3
"""Share of its size by which a box is taken larger, against rounding."""


def changed_boxes(before: Sequence[Sequence], after: Sequence[Sequence]) -> np.ndarray:
    """Boxes (K, 2, 3) of what was there only before, or is there only after; see :attr:`Geometry.parts`."""
    counts = [collections.Counter(part[0] for part in parts) for parts in (before, after)]
    boxes = [
        part[1:]
        for parts, mine, others in ((before, *counts), (after, *counts[::-1]))
        for part in parts
        if mine[part[0]] != others[part[0]]
    ]
    boxes = np.unique(np.array(boxes, np.float64).reshape(-1, 2, 3), axis=0)
    margin = GROWN * (1.0 + np.abs(boxes).max(axis=(1, 2), initial=0.0))[:, None]
    return np.stack([boxes[:, 0] - margin, boxes[:, 1] + margin], axis=1)


def distances_to(boxes: np.ndarray, points: np.ndarray) -> np.ndarray:
    """Distance (N,) from points (N, 3) to the nearest of ``boxes`` (K, 2, 3), zero inside."""
    nearest = np.full(len(points), np.inf)
    for low, high in boxes:
        nearest = np.minimum(nearest, np.linalg.norm(np.maximum(np.maximum(low - points, points - high), 0.0), axis=1))
    return nearest


def crosses(boxes: np.ndarray, origins: np.ndarray, directions: np.ndarray, lengths: np.ndarray) -> np.ndarray:
    """Which rays (P, R), from ``origins`` (P, 3) along ``directions`` (R, 3) for ``lengths`` (P, R), meet a box."""
    result = np.zeros(lengths.shape, bool)
    with np.errstate(divide="ignore", invalid="ignore"):
        inverse = 1.0 / np.where(directions == 0.0, 1e-30, directions.astype(np.float64))
    for low, high in boxes:
        first = (low - origins)[:, None] * inverse
        second = (high - origins)[:, None] * inverse
        enter = np.minimum(first, second).max(axis=2)
        leave = np.maximum(first, second).min(axis=2)
        result |= (enter <= leave) & (leave >= 0.0) & (enter <= lengths)
    return result


def renewed_plan(
    plan: dict[str, np.ndarray],
    boxes: np.ndarray,
    geometry: Geometry,
    volumes: list[Volume],
    reach: Reach,
    settings: LightGridSettings,
    metre: float,
) -> dict[str, np.ndarray]:
    """The plan's arrays that another geometry changes, and ``train_live`` and ``choose_live`` (N,), points that stay.

    A probe's rays and a point's sight are cast again only where they may meet ``boxes``; the others are as they were.
    """
    result: dict[str, np.ndarray] = {}
    positions = np.concatenate([volume.probe_positions() for volume in volumes])
    rays, distances = plan["ray_directions"].astype(np.float64), plan["probe_distances"].copy()
    probe, ray = np.nonzero(crosses(boxes, positions, rays, np.abs(distances) * (1.0 + GROWN) + GROWN))
    distances[probe, ray] = probes.signed_distances(geometry, positions[probe], rays[ray])
    backfaces = (distances < 0.0).mean(axis=1).astype(np.float32)
    result |= {
        "probe_distances": distances,
        "probe_backfaces": backfaces,
        "probe_valid": (backfaces <= settings.backface_threshold).astype(np.uint8),
        "probe_reached": reach.test(positions).astype(np.uint8),
        **geometry.arrays(),
    }
    reachable = max(float(np.linalg.norm(volume.spacing)) for volume in volumes)
    for name in ("train", "choose"):
        points = plan[f"{name}_positions"]
        live = plan.get(f"{name}_live", np.ones(len(points), np.uint8)).copy()
        near = np.flatnonzero(distances_to(boxes, points) <= CLEARANCE * metre)
        live[near] = geometry.distant(points[near], CLEARANCE * metre) & reach.test(points[near])
        result[f"{name}_live"] = live
    points, normals = plan["train_positions"], plan["train_normals"]
    # a segment to a corner of the own cell is no longer than this, the bias included
    rows = np.flatnonzero(distances_to(boxes, points) <= 1.5 * reachable)
    sight = plan["train_sight"].copy()
    sight[rows] = probes.sight(geometry, volumes, points[rows], normals[rows])
    return result | {"train_sight": sight}


def touched_probes(
    volume: Volume, boxes: np.ndarray, points: np.ndarray, before: np.ndarray, after: np.ndarray
) -> np.ndarray:
    """Probes (P,) of a volume among whose nearest points light has changed, or which stand within a spacing of a box.

    Args:
        points: (N, 3) with their light ``before`` and ``after`` (N, 3).
    """
    change = (after - before).mean(axis=1) / (before.mean(axis=1) + 0.1 * max(float(before.mean()), 1e-30))
    nodes = volume.coordinates(points.astype(np.float64))
    counts = np.array(volume.resolution)
    sums = np.zeros((2, *counts))
    reach = int(np.ceil(NEAR))
    steps = np.arange(-reach, reach + 1)
    centre = np.round(nodes).astype(int)
    for offset in np.stack(np.meshgrid(steps, steps, steps, indexing="ij"), axis=-1).reshape(-1, 3):
        node = centre + offset
        inside = ((node >= 0) & (node < counts)).all(axis=1) & (np.abs(node - nodes).max(axis=1) <= NEAR)
        np.add.at(sums, (0, *node[inside].T), change[inside])
        np.add.at(sums, (1, *node[inside].T), 1.0)
    mean = np.divide(sums[0], sums[1], out=np.zeros_like(sums[0]), where=sums[1] > 0.0).reshape(-1)
    beside = distances_to(boxes, volume.probe_positions()) <= float(np.linalg.norm(volume.spacing))
    return (np.abs(mean) > THRESHOLD) | beside


def touched_points(volume: Volume, touched: np.ndarray, points: np.ndarray, normals: np.ndarray) -> np.ndarray:
    """Points (N,) in whose cell a corner is ``touched`` (P,); none that is more than half a cell outside."""
    moved = probes.lookups(volume, points, normals, probes.NORMAL_BIAS)
    corners = volume.corner_probes(volume.locate(moved).cell)
    return touched[corners].any(axis=1) & volume.contains(points, 0.5)
