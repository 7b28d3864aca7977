# SPDX-FileCopyrightText: 2026 Neural Bake developers
#
# SPDX-License-Identifier: GPL-3.0-or-later

"""Training of the shipped generator, from nothing but a seed:

    python -m core.light_grid.generator_training

Procedural rooms first (kept in the work folder, one file each), then the network. Both go on where they were stopped:
every step draws its batch from the seed and its number alone, and the state is saved by renaming a whole file.
"""

from __future__ import annotations

import argparse
import math
import multiprocessing
import sys
import time
from pathlib import Path

import numpy as np
import torch

from .. import tensorfile
from .generator import FILE, encode, features
from .generator_model import GeneratorModel, blend, lesson_loss, symmetries
from .grid import CORNERS, Grid

RATE = 1.5e-3
SCENES_PER_STEP = 4
POINTS_PER_CELL = 16
TESTED_SHARE = 16  # one lesson of so many is never learned from
SAVE_EVERY = 500


def write_lesson(task: tuple[int, Path]) -> float:
    """Make the lesson of one seed and write it; returns processor seconds."""
    from .generator_light import lesson

    seed, path = task
    started = time.process_time()
    made = lesson(seed)
    half = {name: getattr(made, name).astype(np.float16) for name in ("offset", "window", "visibility")}
    tensors = half | {
        "features": features(made.grid, made.ray_directions, made.ray_distances).astype(np.float16),
        "values": np.clip(made.values, -6e4, 6e4).astype(np.float16),
        "target": np.clip(made.target, 0.0, 6e4).astype(np.float16),
        "cell": made.cell.astype(np.int32),
        "resolution": np.array(made.grid.resolution, np.int32),
    }
    tensorfile.write(path, tensors, {})
    return time.process_time() - started


def make_lessons(folder: Path, seed: int, count: int, processes: int) -> list[Path]:
    """The lessons of ``count`` scenes; those that are there already are kept."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = [folder / f"{seed + number:06d}.safetensors" for number in range(count)]
    tasks = [(seed + number, path) for number, path in enumerate(paths) if not path.exists()]
    spent = 0.0
    with multiprocessing.get_context("spawn").Pool(processes) as pool:
        for done, seconds in enumerate(pool.imap_unordered(write_lesson, tasks)):
            spent += seconds
            if done % 20 == 19 or done == len(tasks) - 1:
                print(f"scenes {done + 1}/{len(tasks)}, {spent:.0f} s of processor", flush=True)
    return paths


class Lessons:
    """All lessons in memory, and batches of them.

    Args:
        paths: files of :func:`write_lesson`.
    """

    def __init__(self, paths: list[Path]) -> None:
        self.lessons = [tensorfile.read(path)[0] for path in paths]
        self.matrices, self.orders = symmetries()

    def batch(self, picked: list[int], turns: list[int], generator: np.random.Generator) -> dict[str, torch.Tensor]:
        """``POINTS_PER_CELL`` points of every cell of the ``picked`` lessons, each turned by one of 48 symmetries."""
        parts: dict[str, list[np.ndarray]] = {}
        first = 0
        for number, turn in zip(picked, turns):
            lesson = self.lessons[number]
            resolution = tuple(int(n) for n in lesson["resolution"])
            cells, starts, counts = np.unique(lesson["cell"], return_index=True, return_counts=True)
            index = starts[:, None] + (generator.random((len(cells), POINTS_PER_CELL)) * counts[:, None]).astype(int)
            inputs = lesson["offset"][index][:, None].astype(np.float32) - CORNERS[None, :, None]
            part = {
                "seen": lesson["features"][:, self.orders[turn]].astype(np.float32),
                "corners": first + Grid(np.eye(4), resolution).corner_probes(cells),
                "inputs": (inputs @ self.matrices[turn].T).astype(np.float32),
            }
            for name in ("window", "visibility", "values", "target"):
                part[name] = lesson[name][index].astype(np.float32)
            for name, array in part.items():
                parts.setdefault(name, []).append(array)
            first += len(lesson["features"])
        return {name: torch.from_numpy(np.concatenate(arrays)) for name, arrays in parts.items()}


def loss_of(model: GeneratorModel, batch: dict[str, torch.Tensor]) -> torch.Tensor:
    weights = blend(model(batch["seen"]), batch["corners"], batch["inputs"], batch["window"])
    return lesson_loss(weights, batch["visibility"], batch["values"], batch["target"])


def train(lessons: Lessons, work: Path, seed: int, steps: int, save_every: int = SAVE_EVERY) -> GeneratorModel:
    """Adam with a decaying rate; goes on from ``work``'s checkpoint where that is of the same seed and steps."""
    model = GeneratorModel(seed)
    optimiser = torch.optim.Adam(model.parameters(), lr=RATE, betas=(0.9, 0.99))
    checkpoint = work / "checkpoint.safetensors"
    label = {"seed": str(seed), "steps": str(steps), "lessons": str(len(lessons.lessons))}
    done, spent = _restore(checkpoint, model, optimiser, label)
    learned = [number for number in range(len(lessons.lessons)) if number % TESTED_SHARE]
    tested = [number for number in range(len(lessons.lessons)) if not number % TESTED_SHARE]
    started = time.process_time()
    for step in range(done, steps):
        generator = np.random.default_rng([seed, step])
        picked = generator.choice(learned, SCENES_PER_STEP)
        batch = lessons.batch(picked, generator.integers(0, 48, SCENES_PER_STEP), generator)
        rate = RATE * min(1.0, (step + 1) / 200) * (0.01 + 0.99 * 0.5 * (1.0 + math.cos(math.pi * step / steps)))
        for group in optimiser.param_groups:
            group["lr"] = rate
        optimiser.zero_grad()
        loss_of(model, batch).backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimiser.step()
        if (step + 1) % save_every == 0 or step + 1 == steps:
            used = spent + time.process_time() - started
            _save(checkpoint, model, optimiser, {**label, "done": str(step + 1), "processor": f"{used:.0f}"})
            print(f"step {step + 1}/{steps}, test {test(model, lessons, tested):.4f}, {used:.0f} s", flush=True)
    return model


@torch.no_grad()
def test(model: GeneratorModel, lessons: Lessons, tested: list[int]) -> float:
    """Mean loss over the lessons that are not learned from, always on the same points."""
    generator = np.random.default_rng(0)
    return float(np.mean([float(loss_of(model, lessons.batch([number], [0], generator))) for number in tested]))


def _save(path: Path, model: GeneratorModel, optimiser: torch.optim.Adam, label: dict[str, str]) -> None:
    tensors = {}
    for number, parameter in enumerate(model.parameters()):
        state = optimiser.state[parameter]
        tensors[f"{number}.value"] = parameter.detach().numpy()
        tensors[f"{number}.first"], tensors[f"{number}.second"] = (
            state[key].numpy() for key in ("exp_avg", "exp_avg_sq")
        )
    tensorfile.write(path, tensors, label)


def _restore(
    path: Path, model: GeneratorModel, optimiser: torch.optim.Adam, label: dict[str, str]
) -> tuple[int, float]:
    """Steps done and processor seconds used so far."""
    if not path.exists():
        return 0, 0.0
    tensors, found = tensorfile.read(path)
    if any(found.get(key) != value for key, value in label.items()):
        return 0, 0.0
    done = int(found["done"])
    for number, parameter in enumerate(model.parameters()):
        parameter.data.copy_(torch.from_numpy(tensors[f"{number}.value"].copy()))
        optimiser.state[parameter] = {
            "step": torch.tensor(float(done)),
            "exp_avg": torch.from_numpy(tensors[f"{number}.first"].copy()),
            "exp_avg_sq": torch.from_numpy(tensors[f"{number}.second"].copy()),
        }
    return done, float(found["processor"])


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=FILE, help="file to write")
    parser.add_argument("--work", type=Path, default=Path("out/generator"), help="folder for scenes and checkpoint")
    parser.add_argument("--scenes", type=int, default=384)
    parser.add_argument("--steps", type=int, default=6000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=2)
    chosen = parser.parse_args(arguments)
    torch.use_deterministic_algorithms(True)
    torch.set_num_threads(chosen.threads)
    paths = make_lessons(chosen.work / "lessons", 1_000_000 * chosen.seed, chosen.scenes, chosen.threads)
    model = train(Lessons(paths), chosen.work, chosen.seed, chosen.steps)
    data = encode(model.layers())
    partial = chosen.out.with_name(chosen.out.name + ".partial")
    partial.write_bytes(data)
    partial.replace(chosen.out)
    print(f"written: {chosen.out}, {len(data)} bytes")
    return 0


if __name__ == "__main__":
    sys.exit(main())
