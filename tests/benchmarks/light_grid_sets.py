# SPDX-FileCopyrightText: 2026 Neural Bake developers
#
# SPDX-License-Identifier: GPL-3.0-or-later

"""Light sets: what they cost, whether they add up, how fast lights change, and what a moved lamp or object takes.

    python -m tests.benchmarks.light_grid_sets [draft | medium | final | quick] [together] [lamp] [object]

The demo scene. A moved lamp, and a shelf that moves into the doorway: the bake is brought up to date by ``--update``,
and beside it stands a whole bake of the same scene; both are judged on the whole bake's held-out points, for the object
also on those of them that lie in cells which were measured again. For the lamp, weights are learned again too, from
what the update measured and what is kept of the other lights. Words choose parts; ``together`` is what sets cost.
Processor seconds, as other work may share the machine; starting processes and opening the scene is told apart.
"""

from __future__ import annotations

import json
import math
import resource
import shutil
import subprocess
import sys
import time
from pathlib import Path

import numpy as np

from core import metrics
from core.light_grid import load
from core.light_grid.dataset import LightGridDataset, load_dataset
from core.light_grid.evaluation import OURS, LightGrid
from core.light_grid.set_view import FILE, decode
from core.light_grid.training import fit_methods, open_training

from .common import OUT, ROOT, bake, save

# What moves, by how much, and its turn about Z in degrees.
MOVES = {"lamp": ("CeilingLamp", (0.8, -0.6, 0.0), 0.0), "object": ("StudyShelf", (-1.5, 1.845, 0.0), 90.0)}
QUICK = {
    "samples_per_probe": 32,
    "sample_paths": 24,
    "choose_points": 500,
    "report_points": 1000,
    "report_paths": 96,
    "probe_directions": 16,
    "probe_paths": 24,
    "preview_width": 96,
    "preview_paths": 9,
}
"""Less than draft, for a busy machine."""
ERRORS = ("nRMSE", "relMSE", "SMAPE", "leak")


def main() -> int:
    words = sys.argv[1:]
    if words[:1] == ["--move"]:
        return move(*words[1:])
    preset = next((word for word in words if word in ("draft", "medium", "final", "quick")), "medium")
    parts = [word for word in words if word in ("together", *MOVES)] or ["together", *MOVES]
    OUT.mkdir(parents=True, exist_ok=True)
    scene = OUT / "demo.blend"
    run("bake_workers.demo_scene", str(scene))
    quality = ("--preset", preset)
    if preset == "quick":
        quality = tuple(word for key, value in QUICK.items() for word in ("--set", f"{key}={value}"))
    options = (*quality, "--set", "light_sets=lamps")
    rows: dict[str, object] = {"preset": preset}
    apart, rows["apart"] = timed(scene, OUT / "sets_own", *options)
    if "together" in parts:
        together, rows["together"] = timed(scene, OUT / "sets_all", *quality)
        print("processor seconds: all lights together", rows["together"], "apart", rows["apart"], flush=True)
        rows["additivity"] = additivity(together, apart)
        rows["recolour"] = recolour(apart)
    rows["moved"] = {what: update_after(what, scene, apart, options) for what in MOVES if what in parts}
    save("light_grid_sets", rows)
    return 0


def update_after(what: str, scene: Path, apart: Path, options: tuple[str, ...]) -> dict:
    """Bring a bake of light sets up to date after something moved, and bake the same from nothing."""
    moved, update = OUT / f"demo_{what}.blend", OUT / f"sets_{what}"
    run("tests.benchmarks.light_grid_sets", "--move", str(scene), str(moved), what)
    whole, whole_costs = timed(moved, OUT / f"sets_{what}_whole", *options)
    for suffix in ("", ".job"):
        shutil.rmtree(f"{update}{suffix}", ignore_errors=True)
        shutil.copytree(f"{apart}{suffix}", f"{update}{suffix}")
    Path(f"{update}.job", "usage.json").unlink()
    update, costs = timed(moved, update, *options, "--update", fresh=False)
    told = json.loads((update / "manifest.json").read_text())["update"]
    print(f"a moved {what}: {told}")
    print(f"  processor seconds, process starts included: all anew {whole_costs}, by --update {costs}", flush=True)
    rows = {"whole": whole_costs, "update": costs, "told": told, "kept_bytes": kept_share(apart, update)}
    dataset = load_dataset(Path(f"{whole}.job/dataset"), "indirect")
    results = {"all anew": load(whole), "--update": load(update), "not updated": load(apart)}
    if what == "lamp":
        results["--update, weights again"] = learned_again(update)
    rows["errors"] = compare(dataset, results, f"moved {what}")
    again = load_dataset(Path(f"{update}.job/dataset"), "indirect").plan.get("probe_rows_1")
    if again is not None:
        positions, (grid, _) = dataset.plan["report_positions"], dataset.grids[0]
        touched = np.isin(grid.corner_probes(grid.locate(positions).cell), again).any(axis=1)
        rows["errors there"] = compare(dataset, results, f"{touched.mean():.0%} of the points", touched)
    return rows


def run(module: str, *words: str) -> None:
    subprocess.run([sys.executable, "-m", module, *words], cwd=ROOT, check=True, stdout=subprocess.DEVNULL)


def timed(scene: Path, out: Path, *words: str, fresh: bool = True) -> tuple[Path, dict]:
    """Bake, and the processor seconds that it took in all, and by stage as the clock has them."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    if fresh:
        shutil.rmtree(f"{out}.job", ignore_errors=True)
    manifest = bake(scene, out, *words)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    seconds = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    stages = {name: value for name, value in manifest["timings"].items() if isinstance(value, float)}
    return out, {"processor": round(seconds, 1), "clock": stages, "error": manifest["metrics"]["held_out"]["ours"]}


def move(source: str, target: str, what: str) -> int:
    """The scene with one lamp or object elsewhere; needs bpy."""
    import bpy

    bpy.ops.wm.open_mainfile(filepath=source)
    name, step, degrees = MOVES[what]
    for axis in range(3):
        bpy.data.objects[name].location[axis] += step[axis]
    bpy.data.objects[name].rotation_euler[2] += math.radians(degrees)
    bpy.ops.wm.save_as_mainfile(filepath=str(Path(target).resolve()), check_existing=False)
    return 0


def additivity(together: Path, apart: Path) -> dict:
    """The sum of the sets beside all light measured at once, at the same points."""
    halves = [load_dataset(Path(f"{folder}.job/dataset"), "total") for folder in (together, apart)]
    points = [[one.samples(f"report_{half}", "report") for half in "ab"] for one in halves]
    assert np.array_equal(points[0][0].positions, points[1][0].positions)
    rows = {}
    for light in ("indirect", "total"):
        means = [0.5 * (getattr(a, light) + getattr(b, light)) for a, b in points]
        noise = [0.5 * (getattr(a, light) - getattr(b, light)) for a, b in points]
        deviation = np.sqrt(sum((one**2).mean() for one in noise) / len(means[0]) / 3.0)
        difference = float((means[1] - means[0]).mean())
        rows[light] = {
            "difference of the mean": difference / float(means[0].mean()),
            "standard error": float(deviation) / float(means[0].mean()),
            "noise apart / together": float((noise[1] ** 2).mean() / (noise[0] ** 2).mean()),
        }
        print(f"additivity, {light} light: " + ", ".join(f"{key} {value:.4f}" for key, value in rows[light].items()))
    return rows


def recolour(folder: Path) -> dict:
    """Milliseconds of what follows the lamps, without Blender's own drawing."""
    grid = load(folder)
    view = decode((folder / FILE).read_bytes(), len(grid.light_sets), FILE)
    factors = np.stack([one.factor for one in grid.light_sets])
    times = {"preview": best(lambda: view.picture(factors)), "probes": best(lambda: grid.under(factors))}
    print("recolouring: " + ", ".join(f"{key} {value:.2f} ms" for key, value in times.items()))
    return times | {"pixels": len(view.pixels), "sets": len(factors)}


def best(work: object, repeats: int = 20) -> float:
    """Least milliseconds of several calls."""
    times = []
    for _ in range(repeats):
        begin = time.perf_counter()
        work()
        times.append(time.perf_counter() - begin)
    return 1000.0 * min(times)


def learned_again(folder: Path) -> LightGrid:
    """An update's result with weights that go on learning, from all lights as they are now."""
    dataset, settings = open_training(Path(f"{folder}.job/dataset"), {})
    start = [baked.weights for baked in load(folder).grids]
    begin = time.process_time()
    candidates, _ = fit_methods(dataset, settings, lambda *_: None, start)
    print(f"  weights learned again in {time.process_time() - begin:.1f} processor seconds")
    return LightGrid(candidates[OURS], {}, dataset.light_sets)


def kept_share(before: Path, after: Path) -> float:
    """Share of the measured bytes that the update kept, each file compared byte by byte."""
    old, new = (Path(f"{folder}.job") / "dataset" for folder in (before, after))
    files = sorted(new.glob("shard-*"))
    kept = [
        path for path in files if (old / path.name).is_file() and (old / path.name).read_bytes() == path.read_bytes()
    ]
    share = sum(path.stat().st_size for path in kept) / sum(path.stat().st_size for path in files)
    print(f"  {share:.0%} of what was measured stays, byte for byte")
    return share


def compare(
    dataset: LightGridDataset, results: dict[str, LightGrid], title: str, rows: np.ndarray | None = None
) -> dict:
    """Errors on the held-out points of one bake, or on those of them that ``rows`` picks."""
    first, second = (dataset.samples(f"report_{half}", "report") for half in "ab")
    if rows is not None:
        first, second = first.at(rows), second.at(rows)
    table = {}
    print(f"  {title:26}" + "".join(f"{key:>10}" for key in ERRORS))
    for name, result in results.items():
        light = result.irradiance(first.positions, first.normals)
        table[name] = metrics.evaluate(light, first.stored, second.stored, 0.5 * (first.total + second.total))
        print(f"    {name:24}" + "".join(f"{table[name].get(key) or 0.0:10.4f}" for key in ERRORS))
    return table


if __name__ == "__main__":
    sys.exit(main())
