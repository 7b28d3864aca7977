# SPDX-FileCopyrightText: 2026 Neural Bake developers
#
# SPDX-License-Identifier: GPL-3.0-or-later

"""Bytes and error of the compact form beside full precision, plain rounding and the classic methods.

    python -m tests.benchmarks.light_grid_compact RESULT_DIR...

A result is what a bake leaves; its dataset in RESULT_DIR.job/dataset gives the points. Errors are of the stored
numbers, on the report points, which neither the bake nor the compact form has seen. Bytes are a probe's own; a file
has about 600 more. Seconds and look-ups are processor time.
"""

from __future__ import annotations

import argparse
import dataclasses
import itertools
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from core import light_grid, metrics
from core.light_grid import compact
from core.light_grid.compact_fitting import STEPS, compress
from core.light_grid.evaluation import OURS, BakedGrid, LightGrid
from core.light_grid.network import PARAMETERS, SLICES
from core.light_grid.training import open_training, prepare, tuned_rivals

from .common import save

LOOKUPS = 100_000
RUNS = 3
DEPTH_BYTES = 16 * 16 * 2 * 2


def main() -> int:
    parser = argparse.ArgumentParser(prog="tests.benchmarks.light_grid_compact")
    parser.add_argument("results", nargs="+", type=Path, metavar="RESULT_DIR")
    rows = []
    for directory in parser.parse_args().results:
        rows += measure(directory)
        save("light_grid_compact", rows)
    return 0


def measure(directory: Path) -> list[dict]:
    """All rows of one result."""
    baked = light_grid.load(directory).grids
    dataset, settings = open_training(directory.with_name(directory.name + ".job") / "dataset", {})
    if len(baked) != 1 or baked[0].method != OURS:
        raise SystemExit(f"{directory} is not one volume with learned weights")
    first, second = dataset.samples("report_a", "report"), dataset.samples("report_b", "report")
    total = 0.5 * (first.total + second.total)
    print(f"\n{directory.name}, {baked[0].grid.count} probes, {len(first)} report points")
    heads = ("bytes", "relMSE", "nRMSE", "SMAPE", "leak", "M/s", "make s", "read s")
    print(f"{'':36}" + "".join(f"{head:>9}" for head in heads))
    rows = []
    rivals = tuned_rivals(prepare(dataset, settings), dataset.samples("choose"), lambda *_: None)
    for name, size, grid, notes in itertools.chain(ours(baked[0]), classic(rivals)):
        result = LightGrid([grid], {})
        errors = metrics.evaluate(result.irradiance(first.positions, first.normals), first.stored, second.stored, total)
        row = {"result": directory.name, "name": name, "bytes": size, **errors, "million_lookups": lookups(result)}
        rows.append(row | notes)
        cells = [f"{size:9.1f}"]
        cells += [
            "        -" if row[key] is None else f"{row[key]:9.4f}" for key in ("relMSE", "nRMSE", "SMAPE", "leak")
        ]
        cells += [f"{row['million_lookups']:9.2f}", *(f"{notes[key]:9.3f}" for key in notes)]
        print(f"{name:36}" + "".join(cells), flush=True)
    floor = metrics.noise_floor(first.stored, second.stored)
    print(f"{'noise floor':36}{'':9}" + "".join(f"{floor[key]:9.4f}" for key in ("relMSE", "nRMSE", "SMAPE")))
    return rows


def ours(baked: BakedGrid) -> Iterator[tuple[str, float, BakedGrid, dict]]:
    """The learned grid in every form: name, bytes a probe, the grid as read back, notes."""
    yield "ours, float32", 4 * (PARAMETERS + 27), baked, {}
    for bits in (8, 5, 4, 3):
        size = (bits * PARAMETERS + 6 * 8 + 162 + 16) / 8  # six steps as ours, and our values
        yield f"weights rounded to {bits} bits", size, plain(baked, bits), {}
    for name, steps in (("compact, not learned", 0), ("compact", STEPS)):
        began = time.process_time()
        records = compress(baked, steps, 0, lambda *_: None)
        made = time.process_time()
        data = compact.encode([(baked, records)])
        reading = time.process_time()
        found = compact.decode(data, "benchmark").grids[0]
        yield (
            name,
            compact.RECORD_BYTES,
            found,
            {
                "seconds": made - began,
                "reading_seconds": time.process_time() - reading,
            },
        )


def plain(baked: BakedGrid, bits: int) -> BakedGrid:
    """All 113 weights rounded, the largest of each array at the end of its codes; values as in the compact form."""
    most = 2 ** (bits - 1) - 1
    weights = np.empty_like(baked.weights)
    for part in SLICES.values():
        step = np.maximum(np.abs(baked.weights[:, part]).max(axis=1, keepdims=True) / most, 1e-12)
        weights[:, part] = np.round(baked.weights[:, part] / step) * step
    values = compact.rebuild(baked, compress(baked, 0, 0, lambda *_: None)).sh
    return dataclasses.replace(baked, weights=weights, sh=values)


def classic(rivals: dict[str, list[BakedGrid]]) -> Iterator[tuple[str, float, BakedGrid, dict]]:
    """The classic methods with their values as float16, tuned on the choosing points."""
    sizes = {"trilinear": 54.0, "validity": 54.125, "ddgi": 54.125 + DEPTH_BYTES}
    for name, (grid,) in rivals.items():
        half = dataclasses.replace(grid, sh=grid.sh.astype(np.float16).astype(np.float32))
        yield f"{name}, float16", sizes[name], half, {}


def lookups(result: LightGrid) -> float:
    """Millions of look-ups a second of processor time, median of a few runs, at random points of the box."""
    generator = np.random.default_rng(0)
    matrix = result.grids[0].grid.matrix
    points = (generator.uniform(-1.0, 1.0, (LOOKUPS, 3)) @ matrix[:3, :3].T + matrix[:3, 3]).astype(np.float32)
    normals = generator.standard_normal((LOOKUPS, 3)).astype(np.float32)
    normals /= np.linalg.norm(normals, axis=1, keepdims=True)
    seconds = []
    for _ in range(RUNS):
        began = time.process_time()
        result.irradiance(points, normals)
        seconds.append(time.process_time() - began)
    return LOOKUPS / sorted(seconds)[RUNS // 2] / 1e6


if __name__ == "__main__":
    sys.exit(main())
