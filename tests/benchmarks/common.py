# SPDX-FileCopyrightText: 2026 Neural Bake developers
#
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the benchmarks share: bakes through the command line, and results as JSON."""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
OUT = ROOT / "out" / "benchmarks"
# Real scenes with references, for these machines only; see the README there for licences.
SCENES = ROOT.parent / "shared" / "data" / "scenes"
REAL = ("office", "dining-room")
# Probes of the grids on which errors are compared, and how many placements of each box there are; the other scenes are
# made by light_grid_scenes.
RESOLUTIONS = {
    "office": (16, 12, 4),
    "dining-room": (10, 12, 8),
    "flat": (15, 11, 4),
    "corridors": (16, 12, 4),
    "colonnade": (15, 9, 5),
    "thin-walls": (12, 10, 4),
    "column": (10, 9, 5),
    "courtyard": (13, 11, 5),
}
PLACEMENTS = 3


def bake(scene: Path, out: Path, *words: str, kind: str = "light_grid") -> dict:
    """Bake by the command line that users type; returns the manifest."""
    return _run("bake", scene, out, words, kind)


def train(dataset: Path, out: Path, *words: str, kind: str = "light_grid") -> dict:
    """Learn again from a measured dataset, by the command line; returns the manifest."""
    return _run("train", dataset, out, words, kind)


def _run(command: str, source: Path, out: Path, words: tuple[str, ...], kind: str) -> dict:
    line = [sys.executable, "-m", "bake_workers", command, str(source), "--kind", kind, "--out", str(out), *words]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    subprocess.run(line, cwd=ROOT, env=environment, check=True, stdout=subprocess.DEVNULL)
    return json.loads((out / "manifest.json").read_text("utf-8"))


def save(name: str, rows: object) -> None:
    """Write a benchmark's figures with the machine they were measured on."""
    OUT.mkdir(parents=True, exist_ok=True)
    machine = {"cores": os.cpu_count(), "processor": platform.machine(), "python": platform.python_version()}
    path = OUT / f"{name}.json"
    path.write_text(json.dumps({"machine": machine, "rows": rows}, indent=1) + "\n", "utf-8")
    print(f"written: {path.relative_to(ROOT)}")
