# SPDX-FileCopyrightText: 2026 Neural Bake developers
#
# SPDX-License-Identifier: GPL-3.0-or-later

"""Training at many probes without measuring them: copies of one dataset side by side.

``python -m tests.benchmarks.light_grid_tiles DATASET [TILES ...]``, a tile count such as 5x5. Probes and training
points are copied; choosing, report and preview points lie in the first copy. One grid that is not turned.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

from bake_workers.capture.shards import SetSize, cut_shards
from core import tensorfile
from core.dataset import Shard, open_dataset, shard_metadata

from .common import ROOT, save

DEFAULT = ("1x1", "5x5", "12x11")
LONGEST = 200_000


def main() -> int:
    source, tiles = Path(sys.argv[1]), sys.argv[2:] or list(DEFAULT)
    rows = []
    print(f"{'probes':>8}{'points':>10}{'seconds':>9}{'processor s':>13}{'MB':>7}{'relMSE':>9}")
    for word in tiles:
        with tempfile.TemporaryDirectory() as scratch:
            count = [int(part) for part in word.split("x")]
            points = tile(source, count[0], count[1], Path(scratch, "dataset"))
            row = {"points": points} | train(Path(scratch, "dataset"), Path(scratch, "out"))
        rows.append(row)
        print(
            f"{row['probes']:8}{points:10}{row['seconds']:9.1f}{row['processor_seconds']:13.1f}"
            f"{row['peak_memory'] / 2**20:7.0f}{row['relMSE']:9.4f}",
            flush=True,
        )
        save("light_grid_tiles", rows)
    return 0


def tile(source: Path, across: int, along: int, out: Path) -> int:
    """Write ``across`` by ``along`` copies of a dataset as one; returns the number of training points."""
    dataset = open_dataset(source, "light_grid")
    info, plan = json.loads(json.dumps(dataset.info)), dict(dataset.plan)
    entry = info["grids"][0]
    matrix, resolution = np.array(entry["matrix"]), entry["resolution"]
    size = 2.0 * np.diag(matrix)[:2]
    shifts = [np.array([i * size[0], j * size[1], 0.0]) for i in range(across) for j in range(along)]
    directions = len(plan["probe_directions"])

    def probes(array: np.ndarray) -> np.ndarray:
        """(P, ...) of every copy, in the large grid's order."""
        cube = array.reshape(*resolution, *array.shape[1:])
        return np.tile(cube, (across, along, 1) + (1,) * (array.ndim - 1)).reshape(-1, *array.shape[1:])

    positions = plan["train_positions"]
    plan["train_positions"] = np.concatenate([positions + shift for shift in shifts]).astype(np.float32)
    for name in ("train_normals", "train_sight"):
        if name in plan:
            plan[name] = np.concatenate([plan[name]] * len(shifts))
    for name in ("probe_valid", "probe_reached", "probe_distances"):
        plan[name] = probes(plan[name])
    measured = {name: dataset.measured(name) for name in dict.fromkeys(shard.set for shard in dataset.shards)}
    measured["train"] = {key: np.concatenate([array] * len(shifts)) for key, array in measured["train"].items()}
    measured["probe"] = {
        key: probes(array.reshape(-1, directions, *array.shape[1:])).reshape(-1, *array.shape[1:])
        for key, array in measured["probe"].items()
    }
    for axis, copies in enumerate((across, along)):
        matrix[axis, 3] += 0.5 * (copies - 1) * size[axis]
        matrix[axis, axis] *= copies
    entry["matrix"] = matrix.tolist()
    entry["resolution"] = [resolution[0] * across, resolution[1] * along, resolution[2]]
    write(out, info, plan, measured)
    return len(plan["train_positions"])


def write(out: Path, info: dict, plan: dict[str, np.ndarray], measured: dict[str, dict[str, np.ndarray]]) -> None:
    """A dataset folder of arrays."""
    out.mkdir(parents=True)
    tensorfile.write(out / "plan.safetensors", plan, {"made": hashlib.sha256(str(info["grids"]).encode()).hexdigest()})
    info["plan_sha256"] = tensorfile.read(out / "plan.safetensors")[1]["sha256"]
    sizes = [SetSize(name, len(next(iter(arrays.values()))), LONGEST, {}) for name, arrays in measured.items()]
    info["shards"] = cut_shards(sizes, 0)
    for entry in info["shards"]:
        shard = Shard(**entry)
        run = slice(shard.first, shard.first + shard.count)
        arrays = {key: np.ascontiguousarray(array[run]) for key, array in measured[shard.set].items()}
        tensorfile.write(out / shard.file, arrays, shard_metadata(info, shard))
    (out / "dataset.json").write_text(json.dumps(info), "utf-8")


def train(dataset: Path, out: Path) -> dict:
    """Train in a process of its own, which tells its time and memory."""
    code = (
        "import json, resource, sys, time\nfrom pathlib import Path\nfrom core.light_grid import training\n"
        "began = time.perf_counter()\n"
        "training.train_dataset(Path(sys.argv[1]), Path(sys.argv[2]), {}, lambda *_: None, lambda _: None)\n"
        "used = resource.getrusage(resource.RUSAGE_SELF)\n"
        "print(json.dumps({'seconds': time.perf_counter() - began, 'processor_seconds': used.ru_utime + used.ru_stime,"
        " 'peak_memory': used.ru_maxrss * 1024}))\n"
    )
    out.mkdir()
    command = [sys.executable, "-c", code, str(dataset), str(out)]
    result = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True)
    manifest = json.loads((out / "manifest.json").read_text("utf-8"))
    shutil.rmtree(out)
    found = {"probes": manifest["probes"], "relMSE": manifest["metrics"]["held_out"]["ours"]["relMSE"]}
    return found | json.loads(result.stdout)


if __name__ == "__main__":
    sys.exit(main())
