# SPDX-FileCopyrightText: 2026 Neural Bake developers
#
# SPDX-License-Identifier: GPL-3.0-or-later

"""Training a light grid three ways on the same points: one PyTorch network a probe, batched torch, compiled steps.

``python -m tests.benchmarks.light_grid_training [DATASET ...]`` bakes the demo scene where no dataset folder is given.
All three make the same steps towards the same loss; the first is timed over a few of them and extrapolated, since the
whole takes hours. Beside them: how much of this machine's matrix products the compiled steps reach, and how much of a
bake training is.
"""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from .common import OUT, ROOT, bake, save

THREADS = os.cpu_count() or 1
LONE_STEPS = 3
SEED = 0


class Clock:
    """Seconds by the wall, and of all processors."""

    def __init__(self) -> None:
        self.wall, self.processor = time.perf_counter(), _processor()

    def read(self) -> dict[str, float]:
        return {"seconds": time.perf_counter() - self.wall, "processor_seconds": _processor() - self.processor}


def _processor() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def main() -> int:
    folders = [Path(word) for word in sys.argv[1:]] or [demo()]
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    rows = []
    for folder in folders:
        rows.append(compare(folder))
        save("light_grid_training", rows)
    return 0


def demo() -> Path:
    """The demo scene's dataset, baked now."""
    OUT.mkdir(parents=True, exist_ok=True)
    scene, out = OUT / "training.blend", OUT / "training"
    command = [sys.executable, "-m", "bake_workers.demo_scene", str(scene)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    subprocess.run(command, cwd=ROOT, env=environment, check=True, stdout=subprocess.DEVNULL)
    bake(scene, out)
    return Path(f"{out}.job", "dataset")


def compare(folder: Path) -> dict:
    """Every way of training on one dataset, printed and as a row."""
    from core.light_grid import sight, training
    from core.light_grid.evaluation import OURS, BakedGrid, LightGrid
    from core.light_grid.points import NORMAL_BIAS, SortedPoints
    from core.metrics import evaluate

    dataset, settings = training.open_training(folder, {"threads": THREADS})
    part = training.prepare(dataset, settings)[0]
    train, choose = dataset.samples("train"), dataset.samples("choose")
    near = part.grid.border_distance(train.positions) > -training.FIT_CELLS_BEYOND_BORDER
    positions, normals, stored = train.positions[near], train.normals[near], train.stored[near]
    scale = float(stored.mean())
    bits = dataset.train_sight()
    bits = None if bits is None else bits[near, 0]
    visibility = sight.geometry_weights(part.grid, part.geometry.depth, bits, positions, normals, NORMAL_BIAS, THREADS)
    points = SortedPoints(part.grid, positions, normals, stored / np.float32(scale), visibility)
    prior = (part.dilated / scale).astype(np.float32)
    steps = {False: settings.geometry_steps, True: settings.light_steps}
    print(f"{folder}: {part.grid.count} probes, {len(positions)} points, {len(points.cells)} cells, {THREADS} threads")

    def score(fits: list) -> dict[str, float | None]:
        """Errors of the strength that the choosing points prefer."""
        baked = [BakedGrid(part.grid, one.sh * scale, OURS, NORMAL_BIAS, one.weights) for one in fits]
        scores = [training._score([one], choose) for one in baked]
        best = LightGrid([baked[int(np.argmin(scores))]], {})
        first, second = dataset.samples("report_a", "report"), dataset.samples("report_b", "report")
        result = best.irradiance(first.positions, first.normals)
        found = evaluate(result, first.stored, second.stored, 0.5 * (first.total + second.total))
        return {"choose": min(scores), **{name: found[name] for name in ("relMSE", "nRMSE", "SMAPE", "leak")}}

    peak = matrix_peak()
    ways = {"batched torch": whole("torch", points, prior, steps, score)}
    ways["compiled"] = whole("fused", points, prior, steps, score)
    ways["one network a probe"] = lone(points, prior, steps, ways["batched torch"])
    work = {light: operations(points, light) for light in steps}
    reached = sum(work[light] * steps[light] for light in steps) / ways["compiled"]["steps_processor_seconds"] / 1e9
    print(f"{'':22}{'steps':>7}{'seconds':>10}{'processor s':>13}{'beside':>9}  choose relMSE, held-out relMSE, nRMSE")
    for name, way in ways.items():
        beside = way["processor_seconds"] / ways["compiled"]["processor_seconds"]
        errors = (
            ", ".join(f"{way[key]:.4f}" for key in ("choose", "relMSE", "nRMSE")) if "choose" in way else "as above"
        )
        mark = " (extrapolated)" if "measured_steps" in way else ""
        print(
            f"{name:22}{sum(steps.values()):7}{way['seconds']:10.1f}{way['processor_seconds']:13.1f}{beside:8.1f}x"
            f"  {errors}{mark}"
        )
    print(f"steps: {reached:.0f} Gflop per processor second; sgemm {peak:.0f}: {reached / peak:.0%} of it")
    share = bake_share(folder)
    print(
        f"a training by itself {share['seconds']:.1f} s, {share['processor_seconds']:.1f} of processors;"
        f" stages {share['stages']}"
    )
    if "capture" in share:
        print(f"measuring took {share['capture']:.1f} s: training is {share['share']:.1%} of both")
    return {
        "dataset": str(folder),
        "probes": part.grid.count,
        "points": len(positions),
        "ways": ways,
        "gflops_per_processor_second": reached,
        "sgemm_gflops_per_processor_second": peak,
        "bake": share,
    }


def whole(kind: str, points: object, prior: np.ndarray, steps: dict, score: object) -> dict:
    """A whole fit by batched torch or by the compiled steps, with its errors."""
    from core.light_grid.fitting import Fit
    from core.light_grid.fused import FusedProblem
    from core.light_grid.points import GEOMETRY_RATE, LIGHT_RATE, PRIOR_PULL, STRENGTHS, new_networks
    from core.light_grid.torch_fitting import TorchProblem

    make = {"torch": TorchProblem, "fused": FusedProblem}[kind]
    start = new_networks(len(prior), np.random.default_rng(SEED))
    make(points, prior, start, SEED, THREADS).optimise(True, LIGHT_RATE, 1, PRIOR_PULL, lambda done: None)  # warm
    clock = Clock()
    problem = make(points, prior, start, SEED, THREADS)
    stepping = Clock()
    problem.optimise(False, GEOMETRY_RATE, steps[False], 0.0, lambda done: None)
    first = stepping.read()
    problem.set_values(problem.solve((1.0,))[0])
    stepping = Clock()
    problem.optimise(True, LIGHT_RATE, steps[True], PRIOR_PULL, lambda done: None)
    second = stepping.read()
    values, networks = problem.solve(STRENGTHS), problem.networks()
    result = clock.read() | {f"steps_{key}": first[key] + second[key] for key in first}
    return result | score([Fit(networks, own, strength) for own, strength in zip(values, STRENGTHS, strict=True)])


def lone(points: object, prior: np.ndarray, steps: dict, batched: dict) -> dict:
    """One PyTorch module a probe, the rest batched: a few steps of each kind timed, all of them extrapolated.

    Every probe's network sees all drawn points of its cells in one call, and one Adam moves them all at once (foreach),
    which is as well as separate modules can do. The least squares are those of batched torch.
    """
    import torch

    from core.light_grid.grid import CORNERS
    from core.light_grid.points import new_networks
    from core.light_grid.torch_fitting import TorchProblem

    problem = TorchProblem(points, prior, new_networks(len(prior), np.random.default_rng(SEED)), SEED, THREADS)
    networks = [
        torch.nn.Sequential(
            torch.nn.Linear(3, 8), torch.nn.LeakyReLU(0.1), torch.nn.Linear(8, 8), torch.nn.LeakyReLU(0.1),
            torch.nn.Linear(8, 1),
        )
        for _ in range(len(prior))
    ]  # fmt: skip
    corners = problem.corners.numpy()
    order = np.argsort(corners.reshape(-1), kind="stable")
    probes, firsts = np.unique(corners.reshape(-1)[order], return_index=True)
    places = [torch.from_numpy(part) for part in np.split(order, firsts[1:])]

    def blend_weights(batch: object) -> torch.Tensor:
        """As the model's, but each probe's logits by a module of its own."""
        inputs = batch.offsets[:, None] - torch.from_numpy(CORNERS.astype(np.float32))[None, :, None]
        cells, _, drawn, _ = inputs.shape
        inputs = inputs.reshape(cells * 8, drawn, 3)
        found = [networks[probe](inputs[place].reshape(-1, 3)) for probe, place in zip(probes, places, strict=True)]
        back = torch.argsort(torch.cat(places))
        logits = torch.cat(found).reshape(cells * 8, drawn)[back].reshape(cells, 8, drawn).transpose(1, 2)
        relative = logits - logits.amax(dim=2, keepdim=True)
        weights = batch.window * torch.exp(relative.clamp_min(-20.0))
        return weights / weights.sum(dim=2, keepdim=True)

    problem.model.blend_weights = blend_weights
    parameters = [parameter for network in networks for parameter in network.parameters()]
    counts, starts = (torch.from_numpy(array)[:, None] for array in (problem.counts, problem.starts))
    result = {"measured_steps": 2 * LONE_STEPS}
    for light in (False, True):
        optimiser = torch.optim.Adam([*parameters, problem.model.sh] if light else parameters, foreach=True)
        for step in range(LONE_STEPS + 1):
            if step == 1:  # the first makes Adam's moments
                clock = Clock()
            index = starts + (torch.rand((len(counts), 32), generator=problem.generator) * counts).long()
            optimiser.zero_grad()
            problem.loss(slice(None), index, light).div(index.numel()).backward()
            optimiser.step()
        for key, value in clock.read().items():
            result[key] = result.get(key, 0.0) + value / LONE_STEPS * steps[light]
    for key in ("seconds", "processor_seconds"):
        result[key] += batched[key] - batched[f"steps_{key}"]
    return result


def operations(points: object, light: bool) -> int:
    """Floating-point operations of a step: multiply-adds of networks and values, forward and backward, counted as two.

    A network has 96; backward are as many for its own numbers and 72 for its inputs. A probe's value has nine a colour.
    """
    drawn = int(np.minimum(-(-points.counts // 16), 2).sum()) * 16
    channels = points.target.shape[1]
    return 2 * 8 * drawn * (96 + 96 + 72 + ((2 * 9 + 2) * channels if light else 0))


def matrix_peak() -> float:
    """Gflop of numpy's single-precision matrix product per processor second, all threads, the best of a few."""
    first = np.random.default_rng(0).random((3072, 3072), np.float32)
    best = 0.0
    for _ in range(5):
        clock = Clock()
        first @ first
        best = max(best, 2.0 * 3072**3 / clock.read()["processor_seconds"] / 1e9)
    return best


def bake_share(folder: Path) -> dict:
    """A training as a bake runs it, but for the start of its process; its share where the measuring's time is known."""
    import json

    from core.light_grid import training

    clock = Clock()
    with tempfile.TemporaryDirectory() as out:
        manifest = training.train_dataset(folder, Path(out), {}, lambda *_: None, lambda _: None)
    result = clock.read() | {"stages": manifest["timings"]["train_stages"]}
    baked = folder.parent.with_suffix("") / "manifest.json"
    if baked.is_file():
        capture = json.loads(baked.read_text("utf-8"))["timings"].get("capture")
        if capture:
            result |= {"capture": capture, "share": result["seconds"] / (capture + result["seconds"])}
    return result


if __name__ == "__main__":
    sys.exit(main())
