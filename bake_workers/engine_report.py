# SPDX-FileCopyrightText: 2026 Neural Bake developers
#
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a Python can do as an engine: ``python -P -m bake_workers.engine_report`` prints one line of JSON.

::

    {"schema": "neural_bake.engine/1", "python": "3.11.9",
     "packages": {"torch": "2.13.0", ..., "onnxruntime": null, ...},   null: not installed
     "missing": ["openexr"],                                      needed and not there, or broken
     "broken": {"torch": "ImportError: ..."},                     installed, but they do not load
     "devices": [{"device": "cpu", "name": "2 threads", "step_seconds": 0.012, "problem": ""}]}

``step_seconds`` is the median time of a real training step on a grid of 384 probes.
"""

from __future__ import annotations

import argparse
import importlib
import importlib.metadata
import itertools
import json
import os
import platform
import statistics
import sys
import time

from . import protocol

SCHEMA = "neural_bake.engine/1"
# The package's name for pip, and the module's for import.
NEEDED = {"torch": "torch", "numpy": "numpy", "pillow": "PIL", "openexr": "OpenEXR"}
OPTIONAL = {"onnxruntime": "onnxruntime", "ziglang": "ziglang"}
RESOLUTION = (12, 8, 4)
STEPS = 20


def report() -> dict:
    """Everything about this Python; see the module's text."""
    packages: dict[str, str | None] = {}
    broken = {}
    for package, module in {**NEEDED, **OPTIONAL}.items():
        try:
            importlib.import_module(module)
            packages[package] = importlib.metadata.version(package)
        except ModuleNotFoundError as error:
            packages[package] = None
            if error.name != module:  # it is there, but something that it needs is not
                broken[package] = _sentence(error)
        except Exception as error:  # whatever a broken package does when it is loaded, the artist gets to read it
            packages[package] = None
            broken[package] = _sentence(error)
    missing = [package for package in NEEDED if packages[package] is None]
    return {
        "schema": SCHEMA,
        "python": platform.python_version(),
        "packages": packages,
        "missing": missing,
        "broken": broken,
        "devices": [] if missing else devices(),
    }


def devices() -> list[dict]:
    """Every device that torch can train on, each tried."""
    import torch

    found = [("cpu", f"{torch.get_num_threads()} threads")]
    if torch.cuda.is_available():
        memory = torch.cuda.get_device_properties(0).total_memory / 2**30
        found.append(("cuda", f"{torch.cuda.get_device_name(0)}, {memory:.0f} GB"))
    return [{"device": device, "name": name, **_try(device)} for device, name in found]


def _try(device: str) -> dict:
    try:
        return {"step_seconds": round(step_seconds(device), 6), "problem": ""}
    except Exception as error:  # a driver or a card that torch was not built for can fail in many ways
        return {"step_seconds": None, "problem": _sentence(error)}


def step_seconds(device: str) -> float:
    """Median seconds of a training step on random points; about a second in all.

    Raises:
        ArithmeticError: what was learned is not finite.
    """
    import numpy as np

    from core.light_grid.fitting import fit
    from core.light_grid.grid import Grid
    from core.light_grid.points import DRAWN, LIGHT_RATE, SortedPoints, new_networks
    from core.light_grid.torch_fitting import TorchProblem

    generator = np.random.default_rng(0)
    grid = Grid(np.eye(4), RESOLUTION)
    count = DRAWN * grid.count
    positions = generator.uniform(-1.0, 1.0, (count, 3)).astype(np.float32)
    normals = generator.normal(size=(count, 3)).astype(np.float32)
    normals /= np.linalg.norm(normals, axis=1, keepdims=True)
    light = np.ones((count, 3), np.float32)
    visibility = np.full((count, 8), 0.125, np.float32)
    points = SortedPoints(grid, positions, normals, light, visibility, device)
    prior = np.zeros((grid.count, 9, 3), np.float32)
    prior[:, 0] = 1.0
    times: dict[int, float] = {}

    def progress(done: int, _total: int) -> None:
        if device == "cuda":
            import torch

            torch.cuda.synchronize()
        if done <= STEPS:
            times[done] = time.perf_counter()

    # Other kinds of bakes need torch on the processor, too.
    check = TorchProblem(points, prior, new_networks(grid.count, generator), 0, os.cpu_count() or 1)
    check.optimise(True, LIGHT_RATE, 2, 1.0, lambda done: None)
    fits = fit(points, prior, 0, 0, STEPS, progress)
    finite = [np.isfinite(check.networks()).all()] + [np.isfinite(one.sh).all() for one in fits]
    if not all(finite):
        raise ArithmeticError("training gives values that are not finite")
    done = sorted(times)
    return statistics.median((times[b] - times[a]) / (b - a) for a, b in itertools.pairwise(done))


def _sentence(error: Exception) -> str:
    """An exception in one line."""
    return f"{type(error).__name__}: {' '.join(str(error).split())}"[:300]


def main(argv: list[str] | None = None) -> int:
    """Print the report; returns the exit code."""
    parser = argparse.ArgumentParser(prog="bake_workers.engine_report", description="Test this Python as an engine.")
    parser.add_argument("--parent-pipe", action="store_true", help="stop as soon as the standard input ends")
    if parser.parse_args(argv).parent_pipe:
        protocol.watch_parent()
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # as in a bake, see children.py
    print(json.dumps(report()), flush=True)
    return protocol.EXIT_OK


if __name__ == "__main__":
    protocol.leave(main(sys.argv[1:]))
