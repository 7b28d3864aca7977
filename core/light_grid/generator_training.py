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
import concurrent.futures
import math
import sys
import time
from pathlib import Path

import numpy as np
import torch

from .. import tensorfile
from .generator import FILE, Generator, encode
from .generator_lessons import Lesson, make_lessons, relative_mse
from .generator_model import GeneratorModel, symmetries
from .network import SLICES

RATE = 1.5e-3
SCENES_PER_STEP = 4
SIZE_PULL = 2e-3
"""Of the networks' mean square: larger numbers are no better, and a fit that goes on from them cannot move them."""
TESTED_SHARE = 32  # one lesson of so many is never learned from
SAVE_EVERY = 1000
WORST = 0.002
"""Points left out of a test: single ones rule relMSE where no probe knows the light."""


class Batches:
    """Some lessons at once, each turned by one of the cube's 48 symmetries.

    Args:
        lessons: all there are.
        threads: how many lessons are gone through at once.
    """

    def __init__(self, lessons: list[Lesson], threads: int) -> None:
        self.lessons = lessons
        self.matrices, self.seen, self.around = symmetries()
        self.pool = concurrent.futures.ThreadPoolExecutor(threads)

    def learn(self, model: GeneratorModel, picked: np.ndarray, turns: np.ndarray, block: int) -> None:
        """Add the gradient of the loss over ``picked`` lessons to the model's; ``block`` says which points are used."""
        lessons = [self.lessons[number] for number in picked]
        counts = [lesson.grid.count for lesson in lessons]
        first, total = np.cumsum([0, *counts[:-1]]), sum(counts)
        seen = np.concatenate([lesson.seen[:, self.seen[turn]] for lesson, turn in zip(lessons, turns)])
        around = np.concatenate(
            [
                np.where(lesson.around < count, lesson.around + start, total)[:, self.around[turn]]
                for lesson, turn, count, start in zip(lessons, turns, counts, first)
            ]
        )
        with torch.autocast("cpu", torch.bfloat16):
            networks = model(torch.from_numpy(seen.astype(np.float32)), torch.from_numpy(around))
        made, gradient = networks.detach().numpy(), np.empty(networks.shape, np.float32)

        def through(number: int) -> None:
            own = made[first[number] : first[number] + counts[number]].copy()
            matrix = self.matrices[turns[number]]
            # The lesson's points stay as they are, so the first layer is turned back.
            own[:, SLICES["w1"]] = _turned(matrix.T, own[:, SLICES["w1"]])
            found = lessons[number].gradient(own, block)
            found[:, SLICES["w1"]] = _turned(matrix, found[:, SLICES["w1"]])
            gradient[first[number] : first[number] + counts[number]] = found / len(lessons)

        list(self.pool.map(through, range(len(lessons))))
        gradient += 2.0 * SIZE_PULL / made.size * made
        networks.backward(torch.from_numpy(gradient))


def _turned(matrix: np.ndarray, layer: np.ndarray) -> np.ndarray:
    """First layers (P, 24) that read inputs as the inverse of ``matrix`` (3, 3) turns them."""
    return np.einsum("ij,pjk->pik", matrix, layer.reshape(len(layer), 3, -1)).reshape(layer.shape)


def train(
    paths: list[Path], work: Path, seed: int, steps: int, threads: int, save_every: int = SAVE_EVERY
) -> GeneratorModel:
    """Adam with a decaying rate; goes on from ``work``'s checkpoint where that is of the same seed and steps.

    Args:
        paths: the lessons; see :func:`.generator_lessons.make_lessons`.
    """
    model = GeneratorModel(seed)
    optimiser = torch.optim.Adam(model.parameters(), lr=RATE, betas=(0.9, 0.99), fused=True)
    checkpoint = work / "checkpoint.safetensors"
    label = {"seed": str(seed), "steps": str(steps), "lessons": str(len(paths))}
    done, spent = _restore(checkpoint, model, optimiser, label)
    learned = Batches([Lesson(path) for number, path in enumerate(paths) if number % TESTED_SHARE], threads)
    started = time.process_time()
    for step in range(done, steps):
        generator = np.random.default_rng([seed, step])
        scenes = min(SCENES_PER_STEP, len(learned.lessons))
        picked = generator.choice(len(learned.lessons), scenes, replace=False)
        rate = RATE * min(1.0, (step + 1) / 200) * (0.01 + 0.99 * 0.5 * (1.0 + math.cos(math.pi * step / steps)))
        for group in optimiser.param_groups:
            group["lr"] = rate
        optimiser.zero_grad()
        learned.learn(model, picked, generator.integers(0, 48, scenes), int(generator.integers(2**20)))
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimiser.step()
        if (step + 1) % save_every == 0 or step + 1 == steps:
            used = spent + time.process_time() - started
            _save(checkpoint, model, optimiser, {**label, "done": str(step + 1), "processor": f"{used:.0f}"})
            print(f"step {step + 1}/{steps}, test {test(model, paths[::TESTED_SHARE]):.4f}, {used:.0f} s", flush=True)
    return model


def test(model: GeneratorModel, paths: list[Path]) -> float:
    """Geometric mean of the relMSE of lessons that are not learned from, each without its worst 0.2 % of points."""
    made = Generator(model.layers())
    found = []
    for path in paths:
        each = np.sort(relative_mse(path, made))
        found.append(each[: len(each) - round(WORST * len(each))].mean())
    return float(np.exp(np.log(found).mean()))


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
    parser.add_argument("--scenes", type=int, default=2048)
    parser.add_argument("--steps", type=int, default=16000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=2)
    chosen = parser.parse_args(arguments)
    torch.use_deterministic_algorithms(True)
    torch.utils.deterministic.fill_uninitialized_memory = False  # a tenth of the time, for what nothing reads
    torch.set_num_threads(chosen.threads)
    paths = make_lessons(chosen.work / "lessons", 1_000_000 * chosen.seed, chosen.scenes, chosen.threads)
    model = train(paths, chosen.work, chosen.seed, chosen.steps, chosen.threads)
    data = encode(model.layers())
    tensorfile.write_whole(chosen.out, data)
    print(f"written: {chosen.out}, {len(data)} bytes")
    return 0


if __name__ == "__main__":
    sys.exit(main())
