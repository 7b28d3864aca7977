# SPDX-FileCopyrightText: 2026 Neural Bake developers
#
# SPDX-License-Identifier: GPL-3.0-or-later

"""The light grid beside direct fields: error, bytes and cost of a look-up on the same samples.

    python -m tests.benchmarks.light_grid_field DATASET_DIR... [--steps N] [--seed N] [--name NAME] [--picture FILE]

A dataset is what a bake leaves in NAME.job/dataset. All methods learn from its training points, are tuned on its
choosing points and are measured on its report points. Stored numbers are float16, and errors are of the numbers so
rounded, so that bytes and errors belong together; JSON has the errors in float32 too. Fields of several sizes make a
curve; one of each kind may have as many numbers as the light grid's probes and networks together.
"""

from __future__ import annotations

import argparse
import dataclasses
import itertools
import os
import sys
import time
import typing
from pathlib import Path

import numpy as np

from core import metrics
from core.errors import NeuralBakeError
from core.light_grid import baselines
from core.light_grid.dataset import LightGridDataset
from core.light_grid.evaluation import OURS, BakedGrid, LightGrid
from core.light_grid.field import box_of, design_for, half_precision
from core.light_grid.network import PARAMETERS
from core.light_grid.training import fit_methods, open_training

from .common import OUT, save
from .curves import Curve, Panel, draw

LOOKUPS = 300_000
RUNS = 3
# Shares of the light grid's numbers; a small hash grid has no room for its layers.
SHARES = {"mlp": (1 / 16, 1 / 4, 1 / 2, 1.0), "hash": (1 / 8, 1 / 4, 1.0)}
LABELS = {
    OURS: "Neural Bake",
    "trilinear": "trilinear",
    "validity": "validity + bias",
    "ddgi": "DDGI",
    "mlp": "field, MLP",
    "hash": "field, hash grid",
}


class Result(typing.Protocol):
    """Anything that gives irradiance."""

    def irradiance(self, points: np.ndarray, normals: np.ndarray) -> np.ndarray: ...


@dataclasses.dataclass(frozen=True)
class Candidate:
    """One row: a result, the same in float16, stored numbers, multiply-adds of a look-up, training seconds."""

    method: str
    result: Result
    stored: Result
    numbers: int
    multiply_adds: int
    seconds: float
    notes: dict[str, object] = dataclasses.field(default_factory=dict)


def main() -> int:
    parser = argparse.ArgumentParser(prog="tests.benchmarks.light_grid_field")
    parser.add_argument("datasets", nargs="+", type=Path, metavar="DATASET_DIR")
    parser.add_argument("--steps", type=int, default=800, help="at most, of a field's training")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--name", default="light_grid_field", help="of the JSON and the picture")
    parser.add_argument("--picture", type=Path)
    arguments = parser.parse_args()
    picture = arguments.picture or OUT / f"{arguments.name}.png"
    rows, panels = [], []
    for directory in arguments.datasets:
        try:
            title, found = measure(directory, arguments.steps, arguments.seed)
        except NeuralBakeError as error:
            print(f"{directory}: {error.message} {error.hint}")
            return 1
        rows += found
        panels.append(Panel(title, [curve(found, method) for method in LABELS]))
        # After every dataset, as one takes minutes.
        draw(picture, panels, "kilobytes (float16)", "relMSE")
        save(arguments.name, rows)
    print(f"written: {picture}")
    return 0


def measure(directory: Path, steps: int, seed: int) -> tuple[str, list[dict]]:
    """Train and measure everything on one dataset; the title for its panel, and the rows."""
    dataset, settings = open_training(directory, {"seed": seed})
    scene = Path(str(dataset.info.get("source") or directory)).stem
    title = f"{scene}, {sum(grid.count for grid, _ in dataset.grids)} probes"
    first, second = dataset.samples("report_a", "report"), dataset.samples("report_b", "report")
    total = 0.5 * (first.total + second.total)
    floor = metrics.noise_floor(first.stored, second.stored)
    print(f"\n{title}, {len(dataset.samples('train'))} training points, {len(first)} report points")
    heads = ("kB", "relMSE", "nRMSE", "SMAPE", "leak", "MAdd", "M/s", "train s")
    print(f"{'':20}" + "".join(f"{head:>9}" for head in heads))
    rows = []
    for candidate in itertools.chain(grids(dataset, settings), fields(dataset, steps, seed)):
        errors = [
            metrics.evaluate(result.irradiance(first.positions, first.normals), first.stored, second.stored, total)
            for result in (candidate.stored, candidate.result)
        ]
        row = {
            "dataset": title,
            "method": candidate.method,
            "numbers": candidate.numbers,
            "bytes": 2 * candidate.numbers,
            "bytes_float32": 4 * candidate.numbers,
            **errors[0],
            "float32": errors[1],
            "multiply_adds": candidate.multiply_adds,
            "million_lookups_per_second": lookups(candidate.result, dataset),
            "training_seconds": candidate.seconds,
            **candidate.notes,
        }
        rows.append(row)
        show(row)
    print(f"{'noise floor':20}{'':9}" + "".join(f"{floor[name]:9.4f}" for name in ("relMSE", "nRMSE", "SMAPE")))
    return title, rows


def grids(dataset: LightGridDataset, settings: object) -> typing.Iterator[Candidate]:
    """The light grid and the classic methods, as a bake fits them."""
    began = time.perf_counter()
    rivals_done = began

    def progress(text: str, done: int, of: int) -> None:
        nonlocal rivals_done
        if text == "rivals" and done == of:
            rivals_done = time.perf_counter()

    candidates, _ = fit_methods(dataset, settings, progress)
    ended = time.perf_counter()
    for method in (OURS, *baselines.METHODS):
        baked = candidates[method]
        depth = 2 * baselines.OCTAHEDRAL_SIZE**2 if method == "ddgi" else 0
        extra = PARAMETERS if method == OURS else depth
        numbers = sum(part.grid.count for part in baked) * (27 + extra)
        # Eight corners: the network's three products, and the blend of 27 coefficients; then nine harmonics a colour.
        networks = 8 * (3 * 8 + 8 * 8 + 8) if method == OURS else 0
        seconds = ended - rivals_done if method == OURS else rivals_done - began
        yield Candidate(
            method,
            LightGrid(baked, {}),
            LightGrid([half(part) for part in baked], {}),
            numbers,
            networks + 8 * 27 + 27,
            seconds,
        )


def half(baked: BakedGrid) -> BakedGrid:
    """The same grid with its numbers as float16 holds them; a depth map stays, as it is stored otherwise."""
    weights = None if baked.weights is None else half_precision(baked.weights)
    return dataclasses.replace(baked, sh=half_precision(baked.sh), weights=weights)


def fields(dataset: LightGridDataset, steps: int, seed: int) -> typing.Iterator[Candidate]:
    """Direct fields of every kind and size."""
    import torch

    from core.light_grid.field_fitting import fit_field

    torch.set_num_threads(os.cpu_count() or 1)
    low, high = box_of([grid for grid, _ in dataset.grids])
    equal = sum(grid.count for grid, _ in dataset.grids) * (27 + PARAMETERS)
    train, choose = dataset.samples("train"), dataset.samples("choose")
    for kind, shares in SHARES.items():
        for share in shares:
            design = design_for(kind, low, high, int(share * equal))
            fit = fit_field(design, train, choose, seed, steps)
            notes = {"share": share, "width": design.width, "step": fit.step, "choose": fit.choose}
            yield Candidate(
                kind, fit.field, fit.field.half_precision(), design.numbers, design.multiply_adds, fit.seconds, notes
            )


def lookups(result: Result, dataset: LightGridDataset) -> float:
    """Millions of look-ups a second, median of a few runs, at random points in the volumes' box."""
    generator = np.random.default_rng(0)
    low, high = box_of([grid for grid, _ in dataset.grids])
    points = generator.uniform(low, high, (LOOKUPS, 3)).astype(np.float32)
    normals = generator.standard_normal((LOOKUPS, 3)).astype(np.float32)
    normals /= np.linalg.norm(normals, axis=1, keepdims=True)
    seconds = []
    for _ in range(RUNS):
        began = time.perf_counter()
        result.irradiance(points, normals)
        seconds.append(time.perf_counter() - began)
    return LOOKUPS / sorted(seconds)[RUNS // 2] / 1e6


def curve(rows: list[dict], method: str) -> Curve:
    return Curve(LABELS[method], [(row["bytes"], max(row["relMSE"], 1e-5)) for row in rows if row["method"] == method])


def show(row: dict) -> None:
    cells = [f"{row['bytes'] / 1000:9.0f}"]
    cells += [
        "        -" if row[name] is None else f"{row[name]:9.4f}" for name in ("relMSE", "nRMSE", "SMAPE", "leak")
    ]
    cells += [
        f"{row['multiply_adds']:9}",
        f"{row['million_lookups_per_second']:9.2f}",
        f"{row['training_seconds']:9.1f}",
    ]
    print(f"{LABELS[row['method']]:20}" + "".join(cells), flush=True)


if __name__ == "__main__":
    sys.exit(main())
