# SPDX-FileCopyrightText: 2026 Neural Bake developers
#
# SPDX-License-Identifier: GPL-3.0-or-later

"""The generator on procedural scenes that training never draws: where choices about it are made.

    python -m tests.benchmarks.light_grid_generator_choice [FILE ...] [--scenes N] [--points N] [--refine]

Every scene has as many training points as a bake, or fewer, with noise, and others to measure with, of the same single
lighting.
Values are the probes' own, those in matter as dark as they are, except for "solved". Errors are geometric means over
the scenes; "ratio" is beside a full fit's networks with the same kind of values.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

import numpy as np

from core.light_grid import baselines, generator, generator_light
from core.light_grid.evaluation import OURS, BakedGrid
from core.light_grid.fitting import Fit, fit
from core.light_grid.grid import corner_window
from core.light_grid.points import SortedPoints
from core.light_grid.settings import LightGridSettings

from .common import save

FIRST_SEED = 2_000_000
POINTS_PER_PROBE = 200
MOST_TRAINED = 132
SHAPE = 4.0
"""Of the gamma distribution that noise has: half of the mean, as of 36 paths."""
WORST = 0.002
VALID = 0.25
FULL = (LightGridSettings().geometry_steps, LightGridSettings().light_steps)
REFINED = ((0, 0), (0, 120), (0, 400), (100, 400), (0, 800), FULL)


class Place:
    """One scene's probes and points."""

    def __init__(self, seed: int, points: int) -> None:
        made = generator_light.lesson(seed, POINTS_PER_PROBE)
        self.made, self.grid = made, made.grid
        self.raw = np.ascontiguousarray(made.sh[:, :, -1:], np.float32)
        valid = (made.ray_distances < 0.0).mean(axis=1) <= VALID
        self.filled = baselines.dilate(self.grid, self.raw, valid)
        draw = np.random.default_rng(seed)
        order = draw.random(len(made.positions)) * POINTS_PER_PROBE
        trained, left = order < points, order >= MOST_TRAINED
        target = made.target[:, -1:].astype(np.float32)
        noisy = target * draw.gamma(SHAPE, 1.0 / SHAPE, target.shape)
        window = corner_window(self.grid.locate(made.positions).fraction)
        visibility = np.where(made.visibility.any(axis=1, keepdims=True), made.visibility, window).astype(np.float32)
        given = (array[trained] for array in (made.positions, made.normals, noisy.astype(np.float32), visibility))
        self.points = SortedPoints(self.grid, *given, bias=0.0)
        self.report = tuple(array[left] for array in (made.positions, made.normals, target))

    def errors(self, networks: np.ndarray, sh: np.ndarray) -> tuple[float, float]:
        """relMSE, and the same without the worst points."""
        positions, normals, target = self.report
        result = BakedGrid(self.grid, sh, OURS, 0.0, networks).irradiance(positions, normals)
        each = np.sort(((np.maximum(result, 0.0) - target) ** 2 / (target**2 + 0.01)).mean(axis=1))
        return float(each.mean()), float(each[: len(each) - round(WORST * len(each))].mean())

    def fit(self, start: np.ndarray | None, geometry: int, light: int, seed: int = 0) -> Fit:
        """A fit with the least squares' middle strength."""
        fits = fit(self.points, self.filled, seed, geometry, light, lambda *_: None, start, 1)
        return next(one for one in fits if one.strength == 1.0)


def measure(seed: int, points: int, made: dict[str, generator.Generator], refine: bool) -> dict[str, tuple[float, ...]]:
    """Errors and processor seconds by method."""
    place, result = Place(seed, points), {}

    def add(method: str, networks: np.ndarray, sh: np.ndarray, seconds: float = 0.0) -> None:
        result[method] = (*place.errors(networks, sh), seconds)

    def refined(method: str, *arguments: object) -> Fit:
        began = time.process_time()
        found = place.fit(*arguments)
        add(method, found.weights, found.sh, time.process_time() - began)
        return found

    full = refined("new, full fit, solved", None, *FULL)
    add("new, full fit", full.weights, place.raw)
    add("new, lines of sight alone", place.fit(None, FULL[0], 0).weights, place.raw)
    add("trilinear", np.zeros_like(full.weights), place.raw)
    for name, one in made.items():
        networks = one.weights(place.grid, place.made.ray_directions, place.made.ray_distances)
        add(name, networks, place.raw)
        if refine:
            for geometry, light in REFINED:
                refined(f"{name}, {geometry} + {light}, solved", networks, geometry, light)
    if refine:
        refined("new, full fit, another seed, solved", None, *FULL, 1)
    return result


def main() -> int:
    parser = argparse.ArgumentParser(prog="tests.benchmarks.light_grid_generator_choice")
    parser.add_argument("files", nargs="*", type=Path, default=[generator.FILE], help="generators beside each other")
    parser.add_argument("--scenes", type=int, default=20)
    parser.add_argument("--points", type=int, default=MOST_TRAINED, help="training points a probe, at most 132")
    parser.add_argument("--refine", action="store_true", help="fits that begin with the generated networks as well")
    arguments = parser.parse_args()
    made = {path.stem: generator.load(path) for path in arguments.files}
    seeds = range(FIRST_SEED, FIRST_SEED + arguments.scenes)
    found = [measure(seed, arguments.points, made, arguments.refine) for seed in seeds]
    rows = []
    print(f"{'':44}   relMSE  trimmed    ratio  trimmed  within 15 %, 3 %  seconds")
    for method in found[0]:
        errors = np.array([one[method] for one in found])
        base = np.array([one["new, full fit" + (", solved" if "solved" in method else "")] for one in found])
        means, ratios = np.exp(np.log(errors[:, :2]).mean(axis=0)), errors[:, :2] / base[:, :2]
        ratio, near = (
            np.exp(np.log(ratios).mean(axis=0)),
            [int((ratios[:, 0] <= limit).sum()) for limit in (1.15, 1.03)],
        )
        rows.append({"method": method, "errors": errors[:, :2].tolist(), "ratio": ratio.tolist(), "near": near})
        numbers = "".join(f"{number:9.3f}" for number in (*means, *ratio))
        print(f"{method:44}{numbers}{near[0]:11}{near[1]:5}{errors[:, 2].mean():11.2f}")
    save(f"light_grid_generator_choice_{arguments.points}", {"scenes": arguments.scenes, "rows": rows})
    return 0


if __name__ == "__main__":
    sys.exit(main())
