# SPDX-FileCopyrightText: 2026 Neural Bake developers
#
# SPDX-License-Identifier: GPL-3.0-or-later

"""Lessons of the generator: procedural scenes on the disk, in memory, and what a generator gets wrong in them."""

from __future__ import annotations

import multiprocessing
import time
from pathlib import Path

import numpy as np

from .. import metrics, tensorfile
from .evaluation import OURS, BakedGrid
from .fused import FusedProblem
from .generator import Generator, features, neighbours
from .generator_light import lesson
from .grid import Grid
from .network import PARAMETERS
from .points import SortedPoints

DIVERGENCE = 0.05
FLOOR = 0.02
"""Beside a point's squared light (of mean one), what squared errors are divided by."""
CAP = 30.0
"""A point's error counts less beyond this: a lamp's hot spot or a wholly dark corner must not rule a whole batch."""


def write_lesson(task: tuple[int, Path]) -> float:
    """Make the lesson of one seed and write it; returns processor seconds."""
    seed, path = task
    started = time.process_time()
    made = lesson(seed)
    tensors = {
        "features": features(made.grid, made.ray_directions, made.ray_distances).astype(np.float16),
        "visibility": made.visibility.astype(np.float16),
        "matrix": made.grid.matrix,
        "resolution": np.array(made.grid.resolution, np.int32),
        **{name: getattr(made, name).astype(np.float32) for name in ("sh", "positions", "normals", "target")},
    }
    tensorfile.write(path, tensors, {})
    return time.process_time() - started


def make_lessons(folder: Path, seed: int, count: int, processes: int) -> list[Path]:
    """The lessons of ``count`` scenes; those that are there already are kept."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = [folder / f"{seed + number:07d}.safetensors" for number in range(count)]
    tasks = [(seed + number, path) for number, path in enumerate(paths) if not path.exists()]
    spent = 0.0
    with multiprocessing.get_context("spawn").Pool(processes) as pool:
        for done, seconds in enumerate(pool.imap_unordered(write_lesson, tasks)):
            spent += seconds
            if done % 20 == 19 or done == len(tasks) - 1:
                print(f"scenes {done + 1}/{len(tasks)}, {spent:.0f} s of processor", flush=True)
    return paths


class Lesson:
    """One lesson in memory.

    Attributes:
        seen: (P, 864) float16 features; ``around`` (P, 26) neighbours.
    """

    def __init__(self, path: Path) -> None:
        read = tensorfile.read(path)[0]
        self.grid = Grid(read["matrix"], tuple(int(n) for n in read["resolution"]))
        self.seen, self.around = read["features"], neighbours(self.grid.resolution)
        visibility = read["visibility"].astype(np.float32)
        points = SortedPoints(self.grid, read["positions"], read["normals"], read["target"], visibility, bias=0.0)
        nothing = np.zeros((self.grid.count, PARAMETERS), np.float32)
        self.problem = FusedProblem(points, read["sh"], nothing, 0, 1)

    def gradient(self, networks: np.ndarray, step: int) -> np.ndarray:
        """Gradient (P, 113) of the loss at some of each cell's points."""
        return self.problem.lesson(networks, step, DIVERGENCE, FLOOR, CAP)


def relative_mse(path: Path, made: Generator) -> np.ndarray:
    """Each point's relMSE (N,) over the lightings of the lesson at ``path``."""
    read = tensorfile.read(path)[0]
    grid = Grid(read["matrix"], tuple(int(n) for n in read["resolution"]))
    networks = made.networks(read["features"].astype(np.float32), grid.resolution)
    result = BakedGrid(grid, read["sh"], OURS, 0.0, networks).irradiance(read["positions"], read["normals"])
    error = np.maximum(result, 0.0) - read["target"]
    return (error**2 / (read["target"] ** 2 + metrics.RELATIVE_FLOOR)).mean(axis=1)
