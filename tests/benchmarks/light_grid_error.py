# SPDX-FileCopyrightText: 2026 Neural Bake developers
#
# SPDX-License-Identifier: GPL-3.0-or-later

"""Error of every method on real scenes with independent high-sample references.

    python -m tests.benchmarks.light_grid_error

The references' points were drawn and measured by another program; nothing of them is used in training or choosing.
"""

from __future__ import annotations

import sys

import numpy as np

from core import metrics
from core.light_grid.evaluation import OURS, LightGrid
from core.light_grid.training import fit_methods, open_training

from .common import OUT, SCENES, bake, save

GRIDS = {"office": "16,12,4", "dining-room": "10,12,8"}


def main() -> int:
    rows = []
    for scene, resolution in GRIDS.items():
        if not (SCENES / f"{scene}.blend").is_file():
            print(f"skipped {scene}: {SCENES} is missing")
            continue
        directory = OUT / f"light_grid_{scene}"
        manifest = bake(
            SCENES / f"{scene}.blend",
            directory,
            "--bounds-object",
            "EvalBounds",
            "--set",
            f"resolution={resolution}",
            "--resume",
        )
        dataset, settings = open_training(directory.with_name(directory.name + ".job") / "dataset", {})
        candidates, scores = fit_methods(dataset, settings, lambda *_: None)
        reference = np.load(SCENES / f"ref_{scene}.npz")
        points, normals = reference["P"].astype(np.float32), reference["N"].astype(np.float32)
        halves = [reference[f"{half}_indirect"] for half in "AB"]
        floor = metrics.noise_floor(*halves)
        print(f"\n{scene}, {resolution}, {manifest['probes']} probes, {len(points)} reference points, indirect light")
        print(f"{'':12}{'nRMSE':>9}{'relMSE':>9}{'SMAPE':>9}{'leak':>9}")
        for method in (OURS, "trilinear", "validity", "ddgi"):
            result = LightGrid(candidates[method], {}).irradiance(points, normals)
            values = metrics.evaluate(result, *halves, reference["E_total"])
            rows.append({"scene": scene, "grid": resolution, "method": method, "choose": scores[method], **values})
            show(method, values)
        show("noise floor", floor)
        rows.append({"scene": scene, "grid": resolution, "method": "noise_floor", **floor})
    save("light_grid_error", rows)
    return 0


def show(name: str, values: dict) -> None:
    cells = (values.get(key) for key in ("nRMSE", "relMSE", "SMAPE", "leak"))
    print(f"{name:12}" + "".join(f"{'-':>9}" if cell is None else f"{cell:9.4f}" for cell in cells))


if __name__ == "__main__":
    sys.exit(main())
