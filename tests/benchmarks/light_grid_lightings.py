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

import json
import math
import subprocess
import sys
from pathlib import Path

import numpy as np

from .common import OUT, ROOT, SCENES, bake, save

# Of each scene: rotation of its sun about Z in degrees, the place of the one lamp, and the options of its bakes.
SCENE_OPTIONS = {
    "demo": (-60.0, (7.4, 1.0, 1.8), ()),
    "office": (50.0, (2.5, 2.5, 1.6), ("--bounds-object", "EvalBounds", "--set", "resolution=16,12,4")),
}
QUALITY = {
    "samples_per_probe": 64,
    "sample_paths": 48,
    "probe_directions": 24,
    "probe_paths": 48,
    "choose_points": 800,
    "report_points": 1500,
    "report_paths": 144,
    "preview_width": 0,
    "light_sets": "lamps",
}
LAMPS_TO_LEARN_FROM = 5
KINDS = ("own", "unseen", "learn")
ERRORS = ("nRMSE", "relMSE", "SMAPE", "leak")
VARIANTS = ("fitted", "geometry", "one", "sets", "sets + lamps")
LABELS = {
    "fitted": "fitted to this lighting",
    "geometry": "geometry alone",
    "one": "all of the file's light as one",
    "sets": "the file's light sets",
    "sets + lamps": "the same and lamps to learn from",
}


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
    words = [word for key, value in QUALITY.items() for word in ("--set", f"{key}={value}")]
    found: dict[str, Path] = {}
    for kind in kinds:
        blend, out = scene, OUT / f"lightings_{name}_{kind}"
        if kind != "own":
            blend = OUT / f"lightings_{name}_{kind}.blend"
            places = [] if kind == "unseen" else spread(found["own"])
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
            bake(blend, out, *SCENE_OPTIONS[name][2], *words, *steps)
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

    turn, lamp_place, _ = SCENE_OPTIONS[name]
    bpy.ops.wm.open_mainfile(filepath=source)
    scene = bpy.context.scene
    sun = next(obj for obj in bpy.data.objects if obj.type == 'LIGHT' and obj.data.type == 'SUN')
    for obj in [obj for obj in bpy.data.objects if obj.type == 'LIGHT' and obj != sun]:
        bpy.data.objects.remove(obj)
    tree = scene.world.node_tree
    background = next(node for node in tree.nodes if node.type == 'BACKGROUND')
    if kind == "unseen":
        sun.matrix_world = Matrix.Rotation(math.radians(turn), 4, 'Z') @ sun.matrix_world
        add_lamp("One", lamp_place, 40.0)
        coordinates, ramp = tree.nodes.new("ShaderNodeTexCoord"), tree.nodes.new("ShaderNodeSeparateXYZ")
        power = tree.nodes.new("ShaderNodeMath")
        power.operation, power.use_clamp = 'MULTIPLY_ADD', True
        power.inputs[1].default_value, power.inputs[2].default_value = 2.0, -0.5
        tree.links.new(coordinates.outputs["Generated"], ramp.inputs[0])
        tree.links.new(ramp.outputs["Y"], power.inputs[0])
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
        from core.light_grid import training

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

    def as_one(self) -> tuple[list[np.ndarray], list[np.ndarray]]:
        """All light together: target and prior."""
        return [self.total / self.mean], [self.prior_total / self.mean]

    def apart(self) -> tuple[list[np.ndarray], list[np.ndarray]]:
        """Each set beside the mean of all light, as the product learns them."""
        factors = [one.factor / self.mean for one in self.dataset.light_sets]
        light = [part * factor for part, factor in zip(self.light, factors, strict=True)]
        return light, [part * factor for part, factor in zip(self.prior, factors, strict=True)]


def compare(name: str, datasets: dict[str, Path]) -> list[dict]:
    """Fit all weights, solve values under each unseen lighting, print and return the errors."""
    from core import metrics
    from core.light_grid import fitting, sight
    from core.light_grid.evaluation import OURS, BakedGrid
    from core.light_grid.points import NORMAL_BIAS, SortedPoints

    measured = {kind: Measured(folder) for kind, folder in datasets.items()}
    own, unseen = measured["own"], measured["unseen"]
    grid, settings = own.part.grid, own.settings
    steps = (300, 400)
    bits = own.dataset.train_sight()
    bits = None if bits is None else bits[own.near, 0]
    depth = own.part.geometry.depth
    visibility = sight.geometry_weights(grid, depth, bits, own.positions, own.normals, NORMAL_BIAS)

    def fit(light: list, prior: list, steps: tuple[int, int], start: np.ndarray | None = None) -> list:
        target = np.concatenate(light, axis=1).astype(np.float32)
        points = SortedPoints(grid, own.positions, own.normals, target, visibility)
        traced = np.concatenate(prior, axis=2).astype(np.float32)
        return fitting.fit(points, traced, settings.seed, *steps, lambda *_: None, start)

    one, sets = own.as_one(), own.apart()
    both = [sets[0] + one[0], sets[1] + one[1]]
    weights = {
        "geometry": fit(*one, (steps[0], 0))[0].weights,
        "one": fit(*one, steps)[0].weights,
        "sets": fit(*both, steps)[0].weights,
    }
    if "learn" in measured:
        lamps = measured["learn"].apart()
        weights["sets + lamps"] = fit(both[0] + lamps[0], both[1] + lamps[1], steps)[0].weights
    choose, first, second = (
        unseen.dataset.samples(*words) for words in (("choose",), ("report_a", "report"), ("report_b", "report"))
    )
    rows = []
    for index, lighting in enumerate(unseen.dataset.light_sets):
        scale = float(unseen.light[index].mean())
        light, prior = [unseen.light[index] / scale], [unseen.prior[index] / scale]
        print(f"\n{name}, {lighting.name}: values solved under it, weights from" + "".join(f"{e:>10}" for e in ERRORS))
        for variant in (variant for variant in VARIANTS if variant == "fitted" or variant in weights):
            if variant == "fitted":
                fits = fit(light, prior, steps)
            else:
                fits = fit(light, prior, (0, 0), weights[variant])
            grids = [BakedGrid(grid, one.sh * np.float32(scale), OURS, one.bias, one.weights) for one in fits]

            def error_of(baked: BakedGrid, index: int = index) -> float:
                result = np.maximum(baked.irradiance(choose.positions, choose.normals), 0.0)
                return metrics.relative_mse(result, choose.sets[:, index], choose.sets[:, index])

            best = min(grids, key=error_of)
            result = np.maximum(best.irradiance(first.positions, first.normals), 0.0)
            half_a, half_b = first.sets[:, index], second.sets[:, index]
            errors = metrics.evaluate(result, half_a, half_b, 0.5 * (half_a + half_b))
            rows.append({"scene": name, "lighting": lighting.name, "weights": variant, **errors})
            texts = ["-" if errors[key] is None else f"{errors[key]:.4f}" for key in ERRORS]
            ratio = errors["relMSE"] / next(row for row in rows if row["lighting"] == lighting.name)["relMSE"]
            print(f"  {LABELS[variant]:55}" + "".join(f"{text:>10}" for text in texts) + f"   relMSE x {ratio:.2f}")
        floor = metrics.noise_floor(first.sets[:, index], second.sets[:, index])
        rows.append({"scene": name, "lighting": lighting.name, "weights": "noise floor", **floor})
        print(f"  {'noise floor':55}" + "".join(f"{floor[key]:10.4f}" for key in ERRORS[:3]), flush=True)
    return rows


if __name__ == "__main__":
    sys.exit(main())
