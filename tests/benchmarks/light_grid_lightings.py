# SPDX-FileCopyrightText: 2026 Neural Bake developers
#
# SPDX-License-Identifier: GPL-3.0-or-later

"""Do weights that were learned under some lightings hold under others?

    python -m tests.benchmarks.light_grid_lightings [--without-lamps] [demo] [office]

Each scene is measured three times with the same points: under its own lights, under three that no weights have seen
(the sun elsewhere, one lamp at a new place, a sky with all its light on one side), and under a few lamps that are there
only to learn from. Weights come from geometry alone, from all the file's light as one, from its light sets, and from
these and the lamps to learn from; beside them are weights that are fitted to each unseen lighting. Values are solved
anew under each lighting through the weights, which are kept. The choosing points pick the strength of that; the
report's points are used for nothing else.
"""

from __future__ import annotations

import dataclasses
import json
import math
import subprocess
import sys
from pathlib import Path

import numpy as np

from core import metrics
from core.light_grid import fitting, sight, training
from core.light_grid.evaluation import OURS, BakedGrid
from core.light_grid.grid import Grid
from core.light_grid.links import find_links
from core.light_grid.points import NORMAL_BIAS, SortedPoints
from core.light_grid.settings import LightGridSettings
from core.light_grid.virtual_fitting import rehearse, surfaces_of

from .common import OUT, ROOT, SCENES, bake, save

# Of each scene: rotation of its sun about Z in degrees, places of lamps, and the side where the sky is bright, for the
# three unseen lightings and for those on which everything was chosen; and the options of its bakes.
SCENE_OPTIONS = {
    "demo": {
        "unseen": (-60.0, ((7.4, 1.0, 1.8),), "Y"),
        "check": (-30.0, ((6.6, 2.2, 0.6), (3.6, 3.2, 1.9)), "X"),
        "options": (),
    },
    "office": {
        "unseen": (50.0, ((5.2, 4.6, 1.8),), "Y"),
        "check": (25.0, ((4.8, 2.2, 2.4), (-9.0, 5.0, 1.8)), "X"),
        "options": ("--bounds-object", "EvalBounds", "--set", "resolution=16,12,4"),
    },
}
QUALITY = {"preview_width": 0, "light_sets": "lamps", "report_paths": 288}
# Lightings that errors are measured under get more paths, as three or four share them.
KIND_QUALITY = {
    "own": {"report_points": 100},
    "unseen": {"sample_paths": 54, "probe_paths": 48, "choose_points": 1200, "report_points": 3500},
    "check": {"sample_paths": 54, "probe_paths": 48, "choose_points": 1200, "report_points": 2500},
    "learn": {"probe_paths": 48, "choose_points": 100, "report_points": 100},
}
LAMPS_TO_LEARN_FROM = 5
KINDS = ("own", "unseen", "check", "learn")
ERRORS = ("nRMSE", "relMSE", "SMAPE", "leak")
LABELS = {
    "fitted": "fitted to this lighting",
    "geometry": "geometry alone",
    "one": "all of the file's light as one",
    "sets": "the file's light sets",
    "lamps": "the same and five measured lamps",
    "virtual": "virtual lights, then the file's light sets",
    "bound": "the file's light sets and the unseen lights",
}
SEEDS = (0, 1, 2)
STEPS = (LightGridSettings().geometry_steps, LightGridSettings().light_steps)


def main() -> int:
    words = sys.argv[1:]
    if words[:1] == ["--make"]:
        return make(*words[1:])
    kinds = KINDS[:2] if "--without-lamps" in words else KINDS
    rows = []
    for name in [word for word in words if word in SCENE_OPTIONS] or list(SCENE_OPTIONS):
        rows += compare(name, measure(name, kinds))
        save("light_grid_lightings", rows)
    return 0


def measure(name: str, kinds: tuple[str, ...]) -> dict[str, Path]:
    """Bake the scene under each kind of light; returns the datasets."""
    OUT.mkdir(parents=True, exist_ok=True)
    scene = SCENES / f"{name}.blend"
    if name == "demo":
        scene = OUT / "demo.blend"
        run("bake_workers.demo_scene", str(scene))
    found: dict[str, Path] = {}
    for kind in kinds:
        quality = QUALITY | KIND_QUALITY[kind]
        words = [word for key, value in quality.items() for word in ("--set", f"{key}={value}")]
        blend, out = scene, OUT / f"lightings_{name}_{kind}"
        if kind != "own":
            blend = OUT / f"lightings_{name}_{kind}.blend"
            places = spread(found["own"]) if kind == "learn" else []
            run(
                "tests.benchmarks.light_grid_lightings",
                "--make",
                name,
                kind,
                str(scene),
                str(blend),
                json.dumps(places),
            )
        steps = ("--set", "geometry_steps=0", "--set", "light_steps=0")  # nothing is learned here
        if not (out / "manifest.json").is_file():
            bake(blend, out, *SCENE_OPTIONS[name]["options"], *words, *steps)
        found[kind] = Path(f"{out}.job") / "dataset"
    return found


def run(module: str, *words: str) -> None:
    subprocess.run([sys.executable, "-m", module, *words], cwd=ROOT, check=True, stdout=subprocess.DEVNULL)


def spread(dataset: Path) -> list[list[float]]:
    """Probes outside geometry that are far from each other, as places of lamps to learn from."""
    from core.light_grid.dataset import load_dataset

    plan = load_dataset(dataset, "indirect").dataset.plan
    usable = (plan["probe_valid"] > 0) & (plan["probe_reached"] > 0)
    places = plan["probe_positions"][usable]
    chosen = [int(np.argmin(np.linalg.norm(places - places.mean(axis=0), axis=1)))]
    while len(chosen) < LAMPS_TO_LEARN_FROM:
        distances = np.linalg.norm(places[:, None] - places[chosen][None], axis=2).min(axis=1)
        chosen.append(int(np.argmax(distances)))
    return places[chosen].tolist()


def make(name: str, kind: str, source: str, target: str, places: str) -> int:
    """Write a scene under other light; needs bpy."""
    import bpy
    from mathutils import Matrix

    bpy.ops.wm.open_mainfile(filepath=source)
    scene = bpy.context.scene
    sun = next(obj for obj in bpy.data.objects if obj.type == 'LIGHT' and obj.data.type == 'SUN')
    for obj in [obj for obj in bpy.data.objects if obj.type == 'LIGHT' and obj != sun]:
        bpy.data.objects.remove(obj)
    tree = scene.world.node_tree
    background = next(node for node in tree.nodes if node.type == 'BACKGROUND')
    if kind != "learn":
        turn, lamp_places, side = SCENE_OPTIONS[name][kind]
        sun.matrix_world = Matrix.Rotation(math.radians(turn), 4, 'Z') @ sun.matrix_world
        for number, place in enumerate(lamp_places):
            add_lamp(f"One.{number}", place, 40.0)
        coordinates, ramp = tree.nodes.new("ShaderNodeTexCoord"), tree.nodes.new("ShaderNodeSeparateXYZ")
        power = tree.nodes.new("ShaderNodeMath")
        power.operation, power.use_clamp = 'MULTIPLY_ADD', True
        power.inputs[1].default_value, power.inputs[2].default_value = 2.0, -0.5
        tree.links.new(coordinates.outputs["Generated"], ramp.inputs[0])
        tree.links.new(ramp.outputs[side], power.inputs[0])
        tree.links.new(power.outputs[0], background.inputs["Color"])
    else:
        bpy.data.objects.remove(sun)
        background.inputs["Color"].default_value = (0.0, 0.0, 0.0, 1.0)
        for number, place in enumerate(json.loads(places)):
            add_lamp(f"Learn.{number}", place, 40.0)
    bpy.ops.wm.save_as_mainfile(filepath=str(Path(target).resolve()), check_existing=False)
    return 0


def add_lamp(name: str, place: tuple, power: float) -> None:
    """A small point lamp."""
    import bpy

    data = bpy.data.lights.new(name, 'POINT')
    data.energy, data.shadow_soft_size = power, 0.1
    obj = bpy.data.objects.new(name, data)
    obj.location = place
    bpy.context.scene.collection.objects.link(obj)


class Measured:
    """A dataset as the fit wants it: channels (N, 3 G) over each lighting's mean, and the probes' own light."""

    def __init__(self, directory: Path) -> None:
        self.dataset, self.settings = training.open_training(directory, {})
        self.lightings = training.Lightings(self.dataset.light_sets)
        self.part = training.prepare(self.dataset, self.settings)[0]
        train = self.dataset.samples("train")
        self.near = near = self.part.grid.border_distance(train.positions) > -training.FIT_CELLS_BEYOND_BORDER
        self.positions, self.normals = train.positions[near], train.normals[near]
        light, prior = self.lightings.of(train)[near], self.part.dilated
        self.total, self.prior_total = self.lightings.total(light), self.lightings.total(prior)
        self.mean = float(self.total.mean())
        self.light = [light[:, 3 * n : 3 * n + 3] for n in range(len(self.dataset.light_sets))]
        self.prior = [prior[:, :, 3 * n : 3 * n + 3] for n in range(len(self.dataset.light_sets))]

    def as_one(self) -> Lights:
        """All light together."""
        return Lights([self.total / self.mean], [self.prior_total / self.mean])

    def apart(self) -> Lights:
        """Each set beside the mean of all light, as the product learns them."""
        factors = [one.factor / self.mean for one in self.dataset.light_sets]
        light = [part * factor for part, factor in zip(self.light, factors, strict=True)]
        return Lights(light, [part * factor for part, factor in zip(self.prior, factors, strict=True)])


@dataclasses.dataclass(frozen=True)
class Lights:
    """What a fit learns from: targets (N, C) and the probes' own light (P, 9, C) of some lightings each."""

    target: list[np.ndarray]
    prior: list[np.ndarray]

    def __add__(self, other: Lights) -> Lights:
        return Lights(self.target + other.target, self.prior + other.prior)


class Judge:
    """One lighting that no weights have seen: its light, and the errors of weights under it.

    Attributes:
        kind: ``unseen``, or ``check`` for those on which was chosen.
    """

    def __init__(self, kind: str, measured: Measured, index: int) -> None:
        dataset = measured.dataset
        self.kind, self.name = kind, dataset.light_sets[index].name
        self.scale = float(measured.light[index].mean())
        self.light = Lights([measured.light[index] / self.scale], [measured.prior[index] / self.scale])
        sets = (dataset.samples(*words) for words in (("choose",), ("report_a", "report"), ("report_b", "report")))
        self.choose, self.first, second = ((one.positions, one.normals, one.sets[:, index]) for one in sets)
        self.second = second[2]

    def errors(self, grid: Grid, fits: list, column: int) -> tuple[dict, np.ndarray]:
        """Errors of the strength that the choosing points prefer, and what each point (N,) adds to relMSE."""
        channels = slice(3 * column, 3 * column + 3)
        options = [
            BakedGrid(grid, one.sh[:, :, channels] * np.float32(self.scale), OURS, one.bias, one.weights)
            for one in fits
        ]

        def score(baked: BakedGrid) -> float:
            points, normals, light = self.choose
            return metrics.relative_mse(np.maximum(baked.irradiance(points, normals), 0.0), light, light)

        points, normals, first = self.first
        result = np.maximum(min(options, key=score).irradiance(points, normals), 0.0)
        reference = 0.5 * (first + self.second)
        floor = metrics.RELATIVE_FLOOR * float(reference.mean()) ** 2
        each = (result - first) * (result - self.second) / (reference**2 + floor)
        return metrics.evaluate(result, first, self.second, reference), each.mean(axis=1)


def compare(name: str, datasets: dict[str, Path]) -> list[dict]:
    """Fit all weights, solve values under each lighting, print and return the errors."""
    measured = {kind: Measured(folder) for kind, folder in datasets.items()}
    own = measured["own"]
    grid, surfaces = own.part.grid, surfaces_of(own.dataset, own.settings.threads)
    settings = dataclasses.replace(own.settings, geometry_steps=STEPS[0], light_steps=STEPS[1])
    links, bits = find_links(grid, own.part.geometry), own.dataset.train_sight()
    bits = None if bits is None else bits[own.near, 0]
    depth = own.part.geometry.depth
    visibility = sight.geometry_weights(grid, depth, bits, own.positions, own.normals, NORMAL_BIAS)

    def fit(
        lights: Lights,
        seed: int,
        steps: tuple[int, int] = STEPS,
        start: np.ndarray | None = None,
        virtual: bool = False,
    ) -> list:
        target = np.concatenate(lights.target, axis=1).astype(np.float32)
        points = SortedPoints(grid, own.positions, own.normals, target, visibility)
        prior = np.concatenate(lights.prior, axis=2).astype(np.float32)
        if virtual:
            valid = own.part.geometry.valid
            start, steps = rehearse(surfaces, points, own.positions, valid, settings, seed, nothing), (0, steps[1])
        return fitting.fit(points, prior, seed, *steps, nothing, start, settings.threads, links)

    judges = [
        Judge(kind, measured[kind], index)
        for kind in ("unseen", "check")
        if kind in measured
        for index in range(len(measured[kind].light))
    ]
    one, sets = own.as_one(), own.apart() + own.as_one()
    learned = {"one": one, "sets": sets}
    if "learn" in measured:
        learned["lamps"] = sets + measured["learn"].apart()
    learned |= {"virtual": sets, "bound": sum((one.light for one in judges if one.kind == "unseen"), sets)}
    rows, results = [], {}
    for seed in SEEDS:
        weights = {"geometry": fit(one, seed, (STEPS[0], 0))[0].weights}
        for variant, lights in learned.items():
            weights[variant] = fit(lights, seed, virtual=variant == "virtual")[0].weights
        for judge in judges:
            results["fitted", judge, seed] = judge.errors(grid, fit(judge.light, seed), 0)
        for variant, networks in weights.items():
            fits = fit(sum((judge.light for judge in judges), Lights([], [])), seed, (0, 0), networks)
            for column, judge in enumerate(judges):
                results[variant, judge, seed] = judge.errors(grid, fits, column)
    for judge in judges:
        print(f"\n{name}, {judge.kind}, {judge.name}: values solved under it, weights from")
        print(" " * 46 + "".join(f"{key:>9}" for key in ERRORS) + "   relMSE beside fitted")
        fitted = np.mean([results["fitted", judge, seed][1] for seed in SEEDS], axis=0)
        for variant in ("fitted", "geometry", *learned):
            errors, points = zip(*(results[variant, judge, seed] for seed in SEEDS), strict=True)
            mean = {key: float(np.mean([one[key] or 0.0 for one in errors])) for key in ERRORS}
            ratio, deviation = beside(np.mean(points, axis=0), fitted)
            rows.append({"scene": name, "kind": judge.kind, "lighting": judge.name, "weights": variant, **mean})
            rows[-1] |= {"ratio": ratio, "standard error": deviation}
            texts = "".join(f"{mean[key]:9.4f}" for key in ERRORS)
            print(f"  {LABELS[variant]:44}{texts}   {ratio:.2f} +- {deviation:.2f}")
        floor = metrics.noise_floor(judge.first[2], judge.second)
        rows.append({"scene": name, "kind": judge.kind, "lighting": judge.name, "weights": "noise floor", **floor})
        print(f"  {'noise floor':44}" + "".join(f"{floor[key]:9.4f}" for key in ERRORS[:3]), flush=True)
    return rows


def nothing(*_: object) -> None:
    """Progress that nobody looks at."""


def beside(errors: np.ndarray, fitted: np.ndarray) -> tuple[float, float]:
    """Ratio of two means over the same points (N,), and its standard error by drawing points again."""
    rows = np.random.default_rng(0).integers(0, len(errors), (500, len(errors)))
    ratios = errors[rows].mean(axis=1) / fitted[rows].mean(axis=1)
    return float(errors.mean() / fitted.mean()), float(ratios.std())


if __name__ == "__main__":
    sys.exit(main())
