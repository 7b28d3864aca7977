# SPDX-FileCopyrightText: 2026 Neural Bake developers
#
# SPDX-License-Identifier: GPL-3.0-or-later

"""Error of every method on real and procedural scenes, over several placements of the grid, against independent points.

    python -m tests.benchmarks.light_grid_error [SCENE ...] [--placements N] [--bytes [64] [280]] [--set KEY=VALUE ...]
        [--fresh] [--folder NAME]

Every scene is baked by the command line once for each placement; all methods are tuned on the bake's choosing points
and measured on one set of reference points a scene, which no bake has seen: those of the shared data for real scenes,
768 paths and a seed of their own for ours. What is finished is taken as it is when the command is given again;
``--fresh`` keeps the measured light and trains again. Trilinear with validity is baked once more with as many probes as
fit into the bytes that ours takes (``--bytes`` alone leaves that out).
"""

from __future__ import annotations

import argparse
import hashlib
import itertools
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np

from core import light_grid, metrics
from core.light_grid import baselines
from core.light_grid.evaluation import LightGrid
from core.light_grid.settings import LightGridSettings
from core.light_grid.training import open_training, prepare, tuned_rivals

from . import light_grid_sight
from .common import OUT, PLACEMENTS, REAL, RESOLUTIONS, ROOT, SCENES, bake, save, train
from .light_grid_goals import CLASSIC, OURS, SIGHT, Reference, Scene, geometric, judge, point_errors

METHODS = (OURS, *CLASSIC, SIGHT)
ERRORS = ("nRMSE", "relMSE", "SMAPE")
# Bytes a probe: nine coefficients of three colours in float16 and a bit of validity; ours as float16 with 113 weights,
# and in the compact form.
CLASSIC_BYTES = 54.125
OUR_BYTES = {64: "compact form (64 B)", 280: "float16 (280 B)"}
REFERENCE = {
    "seed": 1000,
    "samples_per_probe": 8,
    "probe_directions": 9,
    "probe_paths": 3,
    "choose_points": 100,
    "report_points": 3000,
    "report_paths": 768,
    "preview_width": 280,
    "preview_paths": 24,
    "geometry_steps": 0,
    "light_steps": 0,
}
# The report of a bake's own and its preview are not looked at here.
PLAIN = {"report_points": 100, "preview_width": 0}
LEARNING = [f"{key}={getattr(LightGridSettings(), key)}" for key in ("geometry_steps", "light_steps")]
# What a classic method needs, measured as well as in the other bakes.
RIVAL_ALONE = {"samples_per_probe": 8, "report_points": 100, "preview_width": 0, "geometry_steps": 0, "light_steps": 0}


def main() -> int:
    parser = argparse.ArgumentParser(prog="tests.benchmarks.light_grid_error")
    parser.add_argument("scenes", nargs="*", metavar="SCENE", help=", ".join(RESOLUTIONS))
    parser.add_argument("--placements", type=int, default=PLACEMENTS)
    parser.add_argument("--bytes", nargs="*", type=int, choices=OUR_BYTES, default=list(OUR_BYTES))
    parser.add_argument("--set", dest="settings", action="append", default=[], metavar="KEY=VALUE")
    parser.add_argument("--fresh", action="store_true")
    parser.add_argument("--folder", default="light_grid_error", help="below out/benchmarks, and the JSON's name")
    arguments = parser.parse_args()
    folder = OUT / arguments.folder
    scenes, rows, factors = [], [], {size: [] for size in arguments.bytes}
    for name in arguments.scenes or RESOLUTIONS:
        if name in REAL and not (SCENES / f"{name}.blend").is_file():
            print(f"skipped {name}: {SCENES} is missing")
            continue
        scene, found = measure(name, folder, arguments)
        scenes.append(scene)
        rows += found
        for size, ratios in factors.items():
            row = equal_bytes(name, folder, size, arguments.settings)
            print_row(row["method"], row)
            rows.append(row)
            own = next(entry for entry in found if entry["method"] == OURS and entry["placement"] == 0)
            ratios.append(row["relMSE"] / own["relMSE"])
        save(arguments.folder, rows)
    print("\ngeometric mean over scenes")
    print_head()
    for method in METHODS:
        means = {error: geometric([scene.error(method, error) for scene in scenes]) for error in ERRORS}
        dark = [scene.leak(method) for scene in scenes if scene.leaks is not None]
        print_row(method, means | {"leak": float(np.mean(dark)) if dark else None})
    goals = judge(scenes, {OUR_BYTES[size]: geometric(ratios) for size, ratios in factors.items()})
    print()
    for row in goals:
        print(f"{'met ' if row['met'] else 'NOT '} {row['goal']}: {row['reached']}")
    save(arguments.folder, {"errors": rows, "goals": goals})
    return 0


def measure(name: str, folder: Path, arguments: argparse.Namespace) -> tuple[Scene, list[dict]]:
    """Bake a scene at every placement and measure all methods; prints the scene's table."""
    reference = reference_of(name, folder)
    points: dict[str, dict[str, list]] = {method: {error: [] for error in ERRORS} for method in METHODS}
    leaks, rows = {method: [] for method in METHODS}, []
    for placement in range(arguments.placements):
        directory = baked(name, folder / f"{name}-{placement}", f"Grid.{placement}", arguments)
        for method, (result, notes) in results(name, directory, folder, reference).items():
            for error, values in point_errors(result, reference).items():
                points[method][error].append(values)
            row = metrics.evaluate(result, reference.half_a, reference.half_b, reference.total)
            leaks[method].append(row["leak"])
            rows.append({"scene": name, "placement": placement, "method": method, **row, **notes})
    stacked = {method: {error: np.array(part) for error, part in errors.items()} for method, errors in points.items()}
    scene = Scene(name, stacked, None if leaks[OURS][0] is None else leaks)
    resolution = "x".join(map(str, RESOLUTIONS[name]))
    print(f"\n{name}, {resolution} probes, {arguments.placements} placements, {len(reference.positions)} points")
    print_head()
    for method in METHODS:
        print_row(method, {error: scene.error(method, error) for error in ERRORS} | {"leak": scene.leak(method)})
    print_row("noise floor", metrics.noise_floor(reference.half_a, reference.half_b))
    return scene, rows


def results(
    name: str, directory: Path, folder: Path, reference: Reference
) -> dict[str, tuple[np.ndarray, dict[str, object]]]:
    """Irradiance (N, 3) of every method at the reference points, and how it was chosen.

    Ours is what the bake's artifact gives.
    """
    dataset, settings = open_training(directory.with_name(directory.name + ".job") / "dataset", {})
    artifact = light_grid.load(directory)
    found = {OURS: (artifact.irradiance(reference.positions, reference.normals), {"kept": artifact.grids[0].method})}
    # Ours is learned anew more often than rivals change.
    made_of = [Path(module.__file__).read_bytes() for module in (baselines, light_grid_sight)]
    made_of += [dataset.info["plan_sha256"].encode(), reference.positions.tobytes()]
    stored = directory.with_name(f"{directory.name}.rivals-{hashlib.sha256(b''.join(made_of)).hexdigest()[:12]}.npz")
    if stored.is_file():
        with np.load(stored) as arrays:
            return found | {name: (arrays[name], {"bias": float(arrays[f"{name}.bias"])}) for name in METHODS[1:]}
    choose, prepared = dataset.samples("choose"), prepare(dataset, settings)
    for method, grids in tuned_rivals(prepared, choose, lambda *_: None).items():
        result = LightGrid(grids, {}).irradiance(reference.positions, reference.normals)
        found[method] = result, {"bias": grids[0].bias}
    sets = [(choose.positions, choose.normals), (reference.positions, reference.normals)]
    seen, held = light_grid_sight.trace(scene_file(name, folder), prepared[0].grid, sets, directory)
    result, _, bias = light_grid_sight.tuned(
        prepared[0], (choose.positions, choose.normals, choose.stored), seen, held, reference.normals
    )
    found[SIGHT] = result, {"bias": bias}
    arrays = {name: found[name][0] for name in METHODS[1:]}
    np.savez(stored, **arrays, **{f"{name}.bias": found[name][1]["bias"] for name in METHODS[1:]})
    return found


def equal_bytes(name: str, folder: Path, size: int, words: list[str]) -> dict[str, object]:
    """Trilinear with validity, tuned, with as many probes as fit into ours of ``size`` bytes a probe."""
    reference, own = reference_of(name, folder), np.array(RESOLUTIONS[name])
    resolution = larger(own, own.prod() * size / CLASSIC_BYTES)
    directory = folder / f"{name}-{size}B"
    if not (directory / "manifest.json").is_file():
        bake_at(name, folder, directory, "Grid.0", resolution, RIVAL_ALONE, words)
    dataset, settings = open_training(directory.with_name(directory.name + ".job") / "dataset", {})
    grids = tuned_rivals(prepare(dataset, settings), dataset.samples("choose"), lambda *_: None)["validity"]
    result = LightGrid(grids, {}).irradiance(reference.positions, reference.normals)
    row = metrics.evaluate(result, reference.half_a, reference.half_b, reference.total)
    count = dataset.grids[0][0].count
    label = f"validity {count / own.prod():.2f}x"
    return {
        "scene": name,
        "placement": 0,
        "method": label,
        "bytes": OUR_BYTES[size],
        "probes": int(resolution.prod()),
        **row,
    }


def larger(own: np.ndarray, least: float) -> np.ndarray:
    """A resolution (3,) of about the shape of ``own`` with at least ``least`` probes and hardly more."""
    ideal = own * (least / own.prod()) ** (1 / 3)
    steps = np.array(list(itertools.product(range(-1, 3), repeat=3)))
    options = np.maximum(np.floor(ideal).astype(int) + steps, 2)
    options = options[options.prod(axis=1) >= least]
    shape = np.abs(np.log(options / ideal)).max(axis=1)
    return options[np.argmin(options.prod(axis=1) / least + 0.5 * shape)]


def baked(name: str, directory: Path, bounds: str, arguments: argparse.Namespace) -> Path:
    """The artifact's folder, baked now where it is not there."""
    dataset = directory.with_name(directory.name + ".job") / "dataset"
    if arguments.fresh and (directory / "manifest.json").is_file():
        again = directory.with_name(directory.name + "-again")
        words = [part for word in (*LEARNING, *arguments.settings) for part in ("--set", word)]
        train(dataset, again, *words)
        shutil.rmtree(directory)
        again.rename(directory)
    if not (directory / "manifest.json").is_file():
        bake_at(name, directory.parent, directory, bounds, RESOLUTIONS[name], PLAIN, arguments.settings)
    return directory


def bake_at(
    name: str, folder: Path, directory: Path, bounds: str, resolution: np.ndarray, settings: dict, words: list[str]
) -> None:
    """One bake by the command line; ``words`` are further KEY=VALUE."""
    every = [f"resolution={','.join(map(str, resolution))}", *(f"{key}={value}" for key, value in settings.items())]
    options = [part for word in (*every, *words) for part in ("--set", word)]
    bake(scene_file(name, folder), directory, "--bounds-object", bounds, "--resume", *options)


def scene_file(name: str, folder: Path) -> Path:
    """The scene with its grids' Empties, written where it is not there."""
    path = folder / "scenes" / f"{name}.blend"
    if not path.is_file():
        command = [sys.executable, "-m", "tests.benchmarks.light_grid_scenes", str(path.parent), name]
        environment = {**os.environ, "PYTHONPATH": str(ROOT)}
        subprocess.run(command, cwd=ROOT, env=environment, check=True, stdout=subprocess.DEVNULL)
    return path


def reference_of(name: str, folder: Path) -> Reference:
    """The scene's reference points, measured where they are not there; indirect light."""
    if name in REAL:
        with np.load(SCENES / f"ref_{name}.npz") as stored:
            halves = [stored[f"{half}_indirect"] for half in "AB"]
            return Reference(stored["P"].astype(np.float32), stored["N"].astype(np.float32), *halves, stored["E_total"])
    directory = folder / f"{name}-reference"
    if not (directory / "manifest.json").is_file():
        bake_at(name, folder, directory, "EvalBounds", RESOLUTIONS[name], REFERENCE, [])
    dataset, _ = open_training(directory.with_name(directory.name + ".job") / "dataset", {})
    first, second = dataset.samples("report_a", "report"), dataset.samples("report_b", "report")
    total = 0.5 * (first.total + second.total)
    return Reference(first.positions, first.normals, first.stored, second.stored, total)


def print_head() -> None:
    print(f"{'':16}" + "".join(f"{name:>10}" for name in (*ERRORS, "leak")))


def print_row(name: str, values: dict) -> None:
    cells = (values.get(key) for key in (*ERRORS, "leak"))
    print(f"{name:16}" + "".join(f"{'-':>10}" if cell is None else f"{cell:10.4f}" for cell in cells), flush=True)


if __name__ == "__main__":
    sys.exit(main())
