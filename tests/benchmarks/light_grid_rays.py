# SPDX-FileCopyrightText: 2026 Neural Bake developers
#
# SPDX-License-Identifier: GPL-3.0-or-later

"""Error over light paths: probes that are sampled each on its own, and ours that learn across samples.

    python -m tests.benchmarks.light_grid_rays NAME=DATASET_DIR,PROBES_DIR,... ... [--seeds N] [--picture FILE]

DATASET_DIR is a bake's NAME.job/dataset: its training points are used up to a share of them, its choosing points
choose, its report points are reported. Each PROBES_DIR is another bake's dataset with the same grid and other probe
paths, such as

    python -m bake_workers bake SCENE.blend --kind light_grid --out demo_p12 --set probe_paths=12
        --set samples_per_probe=8 --set sample_paths=3 --set report_paths=3 --set preview_width=0

The rivals spend all paths on the probes; ours on few paths a probe, and the rest on training points. What both spend on
choosing and on the report is left out.
"""

from __future__ import annotations

import argparse
import dataclasses
import sys
import typing
from pathlib import Path

import numpy as np

from core import metrics
from core.light_grid import training
from core.light_grid.dataset import LightGridDataset
from core.light_grid.evaluation import OURS, BakedGrid, LightGrid
from core.light_grid.settings import LightGridSettings
from core.light_grid.training import Lightings, Prepared, open_training, prepare, tuned_rivals

from .common import OUT, save
from .curves import Curve, Panel, draw

SHARES = (1 / 16, 1 / 8, 3 / 16, 1 / 4, 1 / 2, 1.0)
LABELS = {
    "ours": "ours",
    "weights": "our weights",
    "ddgi": "DDGI",
    "validity": "validity",
}
WORTH = 3.0
"""Times fewer paths that are asked for."""


@dataclasses.dataclass(frozen=True)
class Scene:
    """One scene's measurements.

    Attributes:
        probes: by paths a probe.
    """

    name: str
    dataset: LightGridDataset
    settings: LightGridSettings
    probes: dict[int, Prepared]

    @property
    def count(self) -> int:
        return next(iter(self.probes.values())).grid.count


def main() -> int:
    parser = argparse.ArgumentParser(prog="tests.benchmarks.light_grid_rays")
    parser.add_argument("scenes", nargs="+", metavar="NAME=DATASET_DIR,PROBES_DIR,...")
    parser.add_argument("--seeds", type=int, default=1, help="of training; their mean is shown")
    parser.add_argument("--picture", type=Path, default=OUT / "light_grid_rays.png")
    arguments = parser.parse_args()
    rows, panels = [], []
    for words in arguments.scenes:
        name, _, folders = words.partition("=")
        found = measure(read(name, [Path(folder) for folder in folders.split(",")]), arguments.seeds)
        rows += found
        panels.append(Panel(name, [curve(found, method) for method in LABELS]))
        draw(arguments.picture, panels, "thousand light paths a probe, training included", "relMSE")
        save("light_grid_rays", rows)
    print(f"written: {arguments.picture}")
    return 0


def read(name: str, folders: list[Path]) -> Scene:
    dataset, settings = open_training(folders[0], {})
    probes = {}
    for folder in folders:
        other, own = open_training(folder, {})
        if len(other.grids) != 1 or not np.array_equal(other.grids[0][0].matrix, dataset.grids[0][0].matrix):
            raise SystemExit(f"{folder} has other volumes than {folders[0]}")
        probes[own.probe_directions * own.probe_paths] = prepare(other, own)[0]
    return Scene(name, dataset, settings, dict(sorted(probes.items())))


def measure(scene: Scene, seeds: int) -> list[dict]:
    """All rows of one scene."""
    choose = scene.dataset.samples("choose")
    print(f"\n{scene.name}, {scene.count} probes")
    heads = [f"{head:>8}" for head in ("paths", "probe", "train")]
    heads += [f"{head:>9}" for head in ("choose", "relMSE", "nRMSE", "SMAPE", "leak")]
    print(f"{'':34}" + "".join(heads))
    rows: list[dict] = []

    def add(method: str, probe: int, train: float, grids: list[BakedGrid]) -> None:
        reports = [report(scene.dataset, grid) for grid in grids]
        mean = {key: np.mean([one[key] for one in reports]) for key in ("relMSE", "nRMSE", "SMAPE")}
        leak = None if reports[0]["leak"] is None else float(np.mean([one["leak"] for one in reports]))
        chosen = float(np.mean([training._score([grid], choose) for grid in grids]))
        row = {"scene": scene.name, "method": method, "paths": probe + train, "probe": probe, "train": train}
        rows.append(row | {"choose": chosen, **{key: float(value) for key, value in mean.items()}, "leak": leak})
        show(rows[-1])

    full = None
    # The most paths come first: their weights are what the rival borrows.
    for probe, prepared in reversed(scene.probes.items()):
        for share in reversed(SHARES):
            fits = [fit(scene, prepared, share, seed) for seed in range(seeds)]
            full = full or fits[0][0]
            add("ours", probe, fits[0][1], [grid for grid, _ in fits])
    for probe, prepared in scene.probes.items():
        borrowed = dataclasses.replace(full, sh=prepared.dilated)
        add("weights", probe, 0.0, [borrowed])
        for method, grids in tuned_rivals([prepared], choose, lambda *_: None).items():
            if method in LABELS:
                add(method, probe, 0.0, grids)
    compare(rows)
    return rows


def fit(scene: Scene, prepared: Prepared, share: float, seed: int) -> tuple[BakedGrid, float]:
    """Ours from a share of the training points, and the paths a probe that these took."""
    train = scene.dataset.samples("train")
    rows = np.arange(round(share * len(train)))  # they are in random order
    sight = scene.dataset.train_sight()
    settings = dataclasses.replace(scene.settings, seed=seed)
    grid = training._fit_all(
        [prepared],
        Lightings(()),
        train.at(rows),
        None if sight is None else sight[rows],
        scene.dataset.samples("choose"),
        settings,
        lambda *_: None,
    )[0]
    return grid, len(rows) * settings.sample_paths / scene.count


def report(dataset: LightGridDataset, grid: BakedGrid) -> dict[str, typing.Any]:
    first, second = dataset.samples("report_a", "report"), dataset.samples("report_b", "report")
    result = LightGrid([grid], {}).irradiance(first.positions, first.normals)
    return metrics.evaluate(result, first.stored, second.stored, 0.5 * (first.total + second.total))


def compare(rows: list[dict]) -> None:
    """Say how many times fewer paths ours need for the error of each rival at each of its path counts."""
    for row in rows:
        for measure in ("relMSE", "nRMSE", "SMAPE"):
            enough = [one["paths"] for one in rows if one["method"] == OURS and one[measure] <= row[measure]]
            if row["method"] == OURS or not enough:
                continue
            name, times = LABELS[row["method"]], row["paths"] / min(enough)
            print(f"{name}, {row['paths']:.0f} paths, {measure} {row[measure]:.4f}: ours {min(enough):.0f}, ", end="")
            print(f"{times:.1f} times fewer ({WORTH:.0f} are asked for)")


def curve(rows: list[dict], method: str) -> Curve:
    """A method's points that no other of its own beats on the choosing points at fewer paths."""
    points, least = [], np.inf
    for row in sorted((row for row in rows if row["method"] == method), key=lambda row: row["paths"]):
        if method != OURS or row["choose"] < least:
            least = min(least, row["choose"])
            points.append((row["paths"], max(row["relMSE"], 1e-5)))
    return Curve(LABELS[method], points)


def show(row: dict) -> None:
    cells = [f"{row[key]:8.0f}" for key in ("paths", "probe", "train")]
    cells += [
        "        -" if row[key] is None else f"{row[key]:9.4f}"
        for key in ("choose", "relMSE", "nRMSE", "SMAPE", "leak")
    ]
    print(f"{LABELS[row['method']]:34}" + "".join(cells), flush=True)


if __name__ == "__main__":
    sys.exit(main())
