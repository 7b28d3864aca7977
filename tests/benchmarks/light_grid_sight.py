# SPDX-FileCopyrightText: 2026 Neural Bake developers
#
# SPDX-License-Identifier: GPL-3.0-or-later

"""Ray-traced line of sight as a rival: a probe has a say where a segment from the point to it meets no surface.

Nothing in a game can afford it (eight segments a look-up), and it is the best that visibility alone can do. The scene
is opened by a process of its own: ``python -m tests.benchmarks.light_grid_sight SCENE.blend QUERY.npz ANSWER.npz``.
"""

from __future__ import annotations

import dataclasses
import itertools
import subprocess
import sys
from pathlib import Path

import numpy as np

from core import metrics
from core.light_grid import baselines
from core.light_grid.grid import Grid
from core.light_grid.training import Prepared

from .common import ROOT


@dataclasses.dataclass(frozen=True)
class Sight:
    """What the rays from some points said, by bias of :data:`baselines.BIASES`.

    Attributes:
        lookups: (B, N, 3) the points moved along their normals, or not where a surface is in between.
        clear: (B, N, 8) whether each corner of the look-up's cell sees it.
    """

    lookups: np.ndarray
    clear: np.ndarray


def trace(scene: Path, grid: Grid, sets: list[tuple[np.ndarray, np.ndarray]], work: Path) -> list[Sight]:
    """Cast the rays of several sets of points and normals (N, 3) in one process; files go to ``work``."""
    query, answer = work.with_suffix(".query.npz"), work.with_suffix(".answer.npz")
    points, normals = (np.concatenate([pair[part] for pair in sets]) for part in (0, 1))
    np.savez(query, points=points, normals=normals, matrix=grid.matrix, resolution=np.array(grid.resolution))
    command = [sys.executable, "-m", __spec__.name, str(scene), str(query), str(answer)]
    subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
    with np.load(answer) as found:
        lookups, clear = found["lookups"], found["clear"]
    query.unlink()
    answer.unlink()
    ends = np.cumsum([len(points) for points, _ in sets])
    return [
        Sight(lookups[:, end - len(points) : end], clear[:, end - len(points) : end])
        for end, (points, _) in zip(ends, sets)
    ]


def tuned(part: Prepared, choose: tuple[np.ndarray, np.ndarray, np.ndarray], seen: Sight, held: Sight, normals):
    """The rival in the configuration that the choosing points like best.

    Args:
        choose: points, normals, irradiance (N, 3) of the choosing set, which ``seen`` belongs to.
        held, normals: other points' rays and their normals (M, 3).

    Returns:
        Irradiance (M, 3), the relMSE on the choosing points, and the bias.
    """
    _, towards, stored = choose
    best, result, chosen = np.inf, np.zeros_like(normals), 0.0
    for number, exclude, facing in itertools.product(range(len(baselines.BIASES)), (True, False), (False, True)):
        score = metrics.relative_mse(_blend(part, seen, number, exclude, facing, towards), stored, stored)
        if score < best:
            best, chosen = score, baselines.BIASES[number]
            result = _blend(part, held, number, exclude, facing, normals)
    return result, best, chosen


def _blend(part: Prepared, sight: Sight, number: int, exclude: bool, facing: bool, normals: np.ndarray) -> np.ndarray:
    """Irradiance (N, 3) at the look-ups of bias ``number``; with ``exclude``, probes in geometry have no say."""
    valid = part.geometry.valid if exclude else np.ones_like(part.geometry.valid)
    probes, weights = baselines.sight_weights(
        part.grid, valid, facing, sight.lookups[number], normals, sight.clear[number]
    )
    return np.maximum(baselines.blend(part.dilated if exclude else part.sh, probes, weights, normals), 0.0)


def main(scene: str, query: str, answer: str) -> int:
    """The process with the scene; see the module's docstring."""
    from bake_workers.capture.geometry import collect
    from bake_workers.capture.scene import open_scene

    opened = open_scene(Path(scene), {"scene": None, "view_layer": None, "frame": None, "cycles": {}})
    with np.load(query) as asked:
        points, normals = asked["points"].astype(np.float64), asked["normals"].astype(np.float64)
        grid = Grid(asked["matrix"], tuple(int(n) for n in asked["resolution"]))
    positions = grid.probe_positions()
    low = np.minimum(points.min(axis=0), positions.min(axis=0))
    high = np.maximum(points.max(axis=0), positions.max(axis=0))
    geometry = collect(opened, low, high)
    lookups, clear = [], []
    for bias in baselines.BIASES:
        moved = points + normals * bias * grid.spacing.mean()
        if bias:
            moved = np.where(geometry.clear(points, moved)[:, None], moved, points)
        ends = positions[grid.corner_probes(grid.locate(moved).cell)]
        starts = np.repeat(moved, 8, axis=0)
        lookups.append(moved.astype(np.float32))
        clear.append(geometry.clear(starts, ends.reshape(-1, 3)).reshape(-1, 8))
    np.savez(answer, lookups=np.array(lookups), clear=np.array(clear))
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
