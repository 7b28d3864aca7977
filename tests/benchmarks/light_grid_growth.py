# SPDX-FileCopyrightText: 2026 Neural Bake developers
#
# SPDX-License-Identifier: GPL-3.0-or-later

"""Time of each stage and peak memory of a whole bake of the demo scene, from 500 to 20,000 probes.

    python -m tests.benchmarks.light_grid_growth [--preset draft|medium|final] [PROBES ...]

Every bake is a full one: capture, training, report and preview, by the command line.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np

from core.light_grid.settings import PRESETS

from .common import OUT, ROOT, bake, save

SIZE = np.array([8.62, 4.02, 2.62])
DEFAULT = (500, 2000, 20000)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--preset", default="medium", choices=PRESETS)
    parser.add_argument("counts", nargs="*", type=int, metavar="PROBES")
    options = parser.parse_args()
    counts = options.counts or list(DEFAULT)
    scene = OUT / "growth.blend"
    OUT.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-m", "bake_workers.demo_scene", str(scene)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    subprocess.run(command, cwd=ROOT, env=environment, check=True, stdout=subprocess.DEVNULL)
    rows = []
    print(f"{'probes':>8}{'capture s':>11}{'training s':>12}{'capture MB':>12}{'training MB':>13}{'relMSE':>9}")
    for count in counts:
        spacing = (SIZE.prod() / count) ** (1.0 / 3.0)
        resolution = np.maximum(np.round(SIZE / spacing), 2).astype(int)
        directory = OUT / f"growth_{count}"
        manifest = bake(
            scene, directory, "--preset", options.preset, "--set", f"resolution={','.join(map(str, resolution))}"
        )
        timings, memory = manifest["timings"], manifest["peak_memory"]
        row = {"probes": manifest["probes"], "timings": timings, "peak_memory": memory, "metrics": manifest["metrics"]}
        rows.append(row)
        print(
            f"{row['probes']:8}{timings['capture']:11.1f}{timings['training']:12.1f}{memory['capture'] / 2**20:12.0f}"
            f"{memory['training'] / 2**20:13.0f}{manifest['metrics']['held_out']['ours']['relMSE']:9.4f}",
            flush=True,
        )
        save("light_grid_growth", rows)
        shutil.rmtree(Path(f"{directory}.job"))
    return 0


if __name__ == "__main__":
    sys.exit(main())
