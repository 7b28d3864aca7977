# SPDX-FileCopyrightText: 2026 Neural Bake developers
#
# SPDX-License-Identifier: GPL-3.0-or-later

"""The generator on scenes that it has never seen: without any training sample, and as the start of a fit.

    python -m tests.benchmarks.light_grid_generator [DATASET ...] [--steps N ...] [--share S]

Without arguments the demo scene and the real rooms are baked first; placements of `light_grid_error` (their
`SCENE-0.job/dataset`) are measured at that benchmark's reference points. Errors are those of the report points;
"trimmed" is relMSE without each method's worst 0.2 % of points. "Raw" are the probes' own values, dark where a probe is
in matter; "filled in" the same with such probes' values from their neighbours; "solved" the least squares of the fit,
means over three seeds. The per-probe optimum is given in two forms: the networks of today's full fit (made for solved
values), and networks fitted to the training points with the raw values held fixed.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import torch

from core import metrics
from core.light_grid import generator, sight
from core.light_grid.evaluation import OURS, BakedGrid, LightGrid
from core.light_grid.fitting import Fit, error_scale, fit
from core.light_grid.links import find_links
from core.light_grid.model import blended_irradiance
from core.light_grid.network import SLICES
from core.light_grid.points import DRAWN, LIGHT_RATE, NORMAL_BIAS, SortedPoints
from core.light_grid.settings import LightGridSettings
from core.light_grid.torch_fitting import TorchProblem
from core.light_grid.training import Prepared, open_training, prepare, tuned_rivals

from .common import OUT, SCENES, bake, save
from .light_grid_error import Reference, reference_of

GRIDS = {"office": "16,12,4", "dining-room": "10,12,8"}
HELD_STEPS = 150
FULL = (LightGridSettings().geometry_steps, LightGridSettings().light_steps)
# A fit's relMSE differs by a tenth between seeds where gaps rule it.
SEEDS = 3
# Points left out of "trimmed": where none of a cell's probes knows the light, relMSE counts a single point's luck for
# more than all others together.
WORST = 0.002
TIMED = (16, 16, 8)
COLUMNS = ("nRMSE", "relMSE", "trimmed", "SMAPE", "leak")


class Place:
    """One dataset's only grid, with what is needed to fit and to measure."""

    def __init__(self, path: Path, references: Path | None) -> None:
        self.name = path.parent.name.removesuffix(".job") if path.name == "dataset" else path.name
        self.dataset, self.settings = open_training(path, {"threads": 1})
        self.prepared = prepare(self.dataset, self.settings)
        self.part: Prepared = self.prepared[0]
        self.probes = self.dataset.probes()
        self.choose = self.dataset.samples("choose")
        scene, dash, placement = self.name.rpartition("-")
        if dash and placement.isdigit():
            self.report = reference_of(scene, references or path.parent.parent)
        else:
            first, second = (self.dataset.samples(name, "report") for name in ("report_a", "report_b"))
            total = 0.5 * (first.total + second.total)
            self.report = Reference(first.positions, first.normals, first.stored, second.stored, total)

    def errors(self, grids: list[BakedGrid]) -> dict:
        report = self.report
        first, second = report.half_a, report.half_b
        result = LightGrid(grids, {}).irradiance(report.positions, report.normals)
        reference = 0.5 * (first + second)
        square = (result - first) * (result - second)
        each = (square / (reference**2 + metrics.RELATIVE_FLOOR * reference.mean() ** 2)).mean(axis=1)
        left = np.sort(each)[: len(each) - round(WORST * len(each))]
        found = metrics.evaluate(result, first, second, report.total)
        return found | {"trimmed": float(left.sum() / len(each))}

    def ours(self, weights: np.ndarray, sh: np.ndarray) -> dict:
        return self.errors([BakedGrid(self.part.grid, sh, OURS, NORMAL_BIAS, weights)])

    def points(self, share: float) -> tuple[SortedPoints, float]:
        """A ``share`` of the training points, as a bake uses them, and the mean that they are divided by."""
        train, grid = self.dataset.samples("train"), self.part.grid
        near = grid.border_distance(train.positions) > -0.5
        near &= np.random.default_rng(0).random(len(near)) < share
        positions, normals, stored = train.positions[near], train.normals[near], train.stored[near]
        bits = self.dataset.train_sight()
        bits = None if bits is None else bits[near, 0]
        visibility = sight.geometry_weights(grid, self.part.geometry.depth, bits, positions, normals, NORMAL_BIAS)
        scale = float(stored.mean())
        return SortedPoints(grid, positions, normals, stored / scale, visibility), scale

    def chosen(self, fits: list[Fit], scale: float) -> Fit:
        """The strength that the choosing points like best."""

        def score(fitted: Fit) -> float:
            baked = BakedGrid(self.part.grid, fitted.sh * scale, OURS, NORMAL_BIAS, fitted.weights)
            result = LightGrid([baked], {}).irradiance(self.choose.positions, self.choose.normals)
            return metrics.relative_mse(result, self.choose.stored, self.choose.stored)

        return min(fits, key=score)


def held_optimum(points: SortedPoints, traced: np.ndarray, start: np.ndarray) -> np.ndarray:
    """Networks (P, 113) fitted to the training points with the values (P, 9, 3) held at the traced ones."""
    problem = TorchProblem(points, traced, start, 0, 1)
    model, counts, starts = problem.model, *(torch.from_numpy(part)[:, None] for part in (points.counts, points.starts))
    optimiser = torch.optim.Adam([model.weights], lr=LIGHT_RATE, betas=(0.9, 0.99))
    for step in range(HELD_STEPS):
        optimiser.param_groups[0]["lr"] = LIGHT_RATE * (1.0 - step / HELD_STEPS)
        index = starts + (torch.rand((len(counts), DRAWN), generator=problem.generator) * counts).long()
        batch, target = problem.batch(slice(None), index), problem.target[index]
        result = blended_irradiance(batch, model.blend_weights(batch), problem.prior)
        optimiser.zero_grad()
        (problem.share * (result - target) ** 2 / error_scale(result.detach(), target)).mean().backward()
        optimiser.step()
    return problem.networks()


def refined(
    place: Place, points: SortedPoints, scale: float, start: np.ndarray | None, geometry: int, light: int, seed: int = 0
) -> tuple[Fit, float]:
    """A fit of so many steps, and its processor seconds."""
    began = time.process_time()
    links = find_links(place.part.grid, place.part.geometry)
    fits = fit(points, place.part.dilated / scale, seed, geometry, light, lambda *_: None, start, 1, links)
    return place.chosen(fits, scale), time.process_time() - began


def mean_of(errors: list[dict]) -> dict:
    """The mean of every figure that all have."""
    return {key: float(np.mean([one[key] for one in errors])) for key, value in errors[0].items() if value is not None}


def measure(path: Path, references: Path | None, steps: list[int], share: float) -> list[dict]:
    """All rows of one scene."""
    place, shipped, rows = Place(path, references), generator.load(), []
    part, grid = place.part, place.part.grid

    def row(method: str, errors: dict, seconds: float | None = None) -> None:
        rows.append({"scene": place.name, "method": method, "processor_seconds": seconds, **errors})
        numbers = (errors.get(key) for key in COLUMNS)
        texts = (f"{'-':>9}" if number is None else f"{number:9.4f}" for number in numbers)
        print(f"{method:44}{'' if seconds is None else f'{seconds:.1f} s':>8}" + "".join(texts), flush=True)

    print(f"\n{place.name}, {grid.resolution}, {grid.count} probes")
    print(f"{'':52}" + "".join(f"{key:>9}" for key in COLUMNS))
    points, scale = place.points(share)
    generated = shipped.weights(grid, place.probes.ray_directions, place.probes.ray_distances)
    for method, grids in tuned_rivals(place.prepared, place.choose, lambda *_: None).items():
        row(f"{method}, traced", place.errors(grids))
    row("generated, raw", place.ours(generated, part.sh))
    row("generated, filled in", place.ours(generated, part.dilated))
    ends = [refined(place, points, scale, None, *FULL, seed) for seed in range(SEEDS)]
    full = ends[0][0]
    row("full fit, raw", place.ours(full.weights, part.sh))
    row("full fit, filled in", place.ours(full.weights, part.dilated))
    row("fitted to these values, raw", place.ours(held_optimum(points, part.sh / scale, full.weights), part.sh))
    kinds = {"new, full fit": ends}
    for geometry, light in ((0, 0), *((0, light) for light in steps), FULL):
        found = [refined(place, points, scale, generated, geometry, light, seed) for seed in range(SEEDS)]
        kinds[f"generated, {geometry} + {light}"] = found
    softer = generated.copy()
    softer[:, SLICES["w3"].start :] /= 3.0
    kinds["a third of generated logits, full fit"] = [
        refined(place, points, scale, softer, *FULL, seed) for seed in range(SEEDS)
    ]
    both = zip(ends, kinds[f"generated, {FULL[0]} + {FULL[1]}"], strict=True)
    kinds["the better of both"] = [(place.chosen([a, b], scale), s + t) for (a, s), (b, t) in both]
    for text, found in kinds.items():
        errors = [place.ours(result.weights, result.sh * scale) for result, _ in found]
        row(f"{text}, solved", mean_of(errors), float(np.mean([seconds for _, seconds in found])))
    return rows


def speed(place: Place) -> dict:
    """Probes a second on one core: from rays to features, and from features to networks."""
    repeat = np.arange(int(np.prod(TIMED))) % place.part.grid.count
    distances, shipped = place.probes.ray_distances[repeat], generator.load()
    best = {"features": np.inf, "network": np.inf}
    for _ in range(5):
        began = time.process_time()
        seen = generator.features(place.part.grid, place.probes.ray_directions, distances)
        middle = time.process_time()
        shipped.networks(seen, TIMED)
        end = time.process_time()
        best = {"features": min(best["features"], middle - began), "network": min(best["network"], end - middle)}
    return {name: len(repeat) / seconds for name, seconds in best.items()}


def bakes() -> list[Path]:
    """The datasets of the demo scene and of the real rooms, baked where they are not there yet."""
    demo = OUT / "demo.blend"
    if not demo.is_file():
        OUT.mkdir(parents=True, exist_ok=True)
        subprocess.run([sys.executable, "-m", "bake_workers.demo_scene", str(demo)], check=True)
    bake(demo, OUT / "light_grid_demo", "--resume")
    made = ["demo"]
    for scene, resolution in GRIDS.items():
        if (SCENES / f"{scene}.blend").is_file():
            words = ("--bounds-object", "EvalBounds", "--set", f"resolution={resolution}", "--resume")
            bake(SCENES / f"{scene}.blend", OUT / f"light_grid_{scene}", *words)
            made.append(scene)
    return [OUT / f"light_grid_{scene}.job" / "dataset" for scene in made]


def main() -> int:
    parser = argparse.ArgumentParser(prog="tests.benchmarks.light_grid_generator")
    parser.add_argument("datasets", nargs="*", type=Path, metavar="DATASET", help="dataset folders of other bakes")
    parser.add_argument("--steps", nargs="*", type=int, default=[400], help="light steps after the generated start")
    parser.add_argument("--share", type=float, default=1.0, help="of the training points that are used")
    parser.add_argument("--references", type=Path, help="folder with SCENE-reference of light_grid_error")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    paths = arguments.datasets or bakes()
    rows = [row for path in paths for row in measure(path, arguments.references, arguments.steps, arguments.share)]
    rates = speed(Place(paths[0], arguments.references))
    print(f"\nprobes a second on one core: features {rates['features']:.0f}, network {rates['network']:.0f}")
    save("light_grid_generator", {"errors": rows, "probes_per_second": rates})
    return 0


if __name__ == "__main__":
    sys.exit(main())
