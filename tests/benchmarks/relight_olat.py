# SPDX-FileCopyrightText: 2026 Neural Bake developers
#
# SPDX-License-Identifier: GPL-3.0-or-later

"""Error of ours and of every rival on a captured object, with 40, 20, 10 and 5 pictures to learn from.

    python -m tests.benchmarks.relight_olat [--dense SECONDS]

50 pictures of one object under 50 light directions; a seeded permutation holds the first ten out and takes the training
pictures from the rest. Rivals blend linear pictures, as the product does, and once more tone-mapped ones, which is
sometimes better. Two means of the relative error: over the held-out pictures, which is what the product reports, and of
all of them as one.
"""

from __future__ import annotations

import argparse
import sys
import time

import numpy as np

from core.relight import baselines, training
from core.relight.dataset import LightSet, RelightData
from core.relight.export import decode, encode
from core.relight.settings import RelightSettings
from core.relight.tone import Tone

from .common import ROOT, save

DATA = ROOT.parent / "shared" / "data" / "olat" / "bunny_lambert.npz"
COUNTS = (40, 20, 10, 5)
HELD_OUT = 10
LAMP = {"name": "Light", "type": "SUN", "light": "direction", "energy": 1.0, "color": [1.0, 1.0, 1.0]}


def main() -> int:
    """Print the table and write it as JSON."""
    parser = argparse.ArgumentParser(prog="tests.benchmarks.relight_olat")
    parser.add_argument("--dense", type=float, default=0.0, metavar="SECONDS", help="train the dense network too")
    seconds = parser.parse_args().dense
    if not DATA.is_file():
        print(f"skipped: {DATA} is missing")
        return 0
    with np.load(DATA) as file:
        images, lights = file["images"], file["lights"]
    order = np.random.default_rng(0).permutation(len(lights))
    held, pool = order[:HELD_OUT], order[HELD_OUT:]
    rows = []
    for count in COUNTS:
        chosen = pool[:count]
        tone = Tone.from_images(images[chosen])
        for name, pictures in rivals(images[chosen], lights[chosen], lights[held], tone).items():
            rows.append({"lights": count, "method": name, **errors(tone, pictures, images[held])})
        rows += learned(images[chosen], lights[chosen], images[held], lights[held], tone, seconds)
    show(rows)
    save("relight_olat", rows)
    return 0


def rivals(
    images: np.ndarray, lights: np.ndarray, asked: np.ndarray, tone: Tone, directions: bool = True
) -> dict[str, np.ndarray]:
    """Pictures (Q, H, W, 3) of every rival, blended in linear light and tone-mapped."""
    found = {}
    for name in baselines.RIVALS:
        weights = baselines.weights(name, lights, asked, directions)
        found[name] = baselines.blend(weights, images)
        found[f"{name}, tone-mapped"] = tone.inverse(baselines.blend(weights, tone.forward(images)))
    return found


def learned(
    images: np.ndarray, lights: np.ndarray, truth: np.ndarray, asked: np.ndarray, tone: Tone, seconds: float
) -> list[dict]:
    """Rows of ours, as an artifact stores it, and of the dense network where it has ``seconds``."""
    count = len(lights)
    settings = RelightSettings(model="dense" if seconds else "factored", dense_seconds=seconds or 1.0)
    empty = LightSet(truth[:0], asked[:0], asked[:0], np.zeros(0, np.int32))
    train = LightSet(images, lights, np.zeros_like(lights), np.zeros(count, np.int32))
    data = RelightData((LAMP,), train, empty, None, None, {}, None, None, {})
    begin = time.monotonic()
    view, trained = training.fit(data, settings, lambda *_: None, lambda name: None)
    took = time.monotonic() - begin
    view = decode(encode(view), {}, "benchmark")
    methods = {"ours": view.render}
    if trained[0].dense is not None:
        methods["dense"] = trained[0].dense.render
    result = []
    for name, render in methods.items():
        begin = time.perf_counter()
        pictures = np.stack([render(light) for light in asked])
        each = (time.perf_counter() - begin) / len(asked)
        row = {"lights": count, "method": name, **errors(tone, pictures, truth), "milliseconds": 1000.0 * each}
        if name == "ours" and not seconds:
            row |= {"seconds": took, "choice": str(trained[0].choice)}
        result.append(row)
    return result


def errors(tone: Tone, results: np.ndarray, references: np.ndarray) -> dict[str, float]:
    """The two means of the relative error."""
    return {
        "relative": tone.mean_relative_error(results, references),
        "relative_of_all": tone.relative_error(results, references),
    }


def show(rows: list[dict]) -> None:
    """Print one line a method and one column a number of lights; the best of a column has an asterisk."""
    names = list(dict.fromkeys(row["method"] for row in rows))
    print(f"{'mean / of all':28}" + "".join(f"{count:>12} lights" for count in COUNTS))
    for name in sorted(names, key=lambda name: name not in ("ours", "dense")):
        cells = []
        for count in COUNTS:
            column = [row for row in rows if row["lights"] == count]
            best = min(row["relative"] for row in column)
            row = next(row for row in column if row["method"] == name)
            mark = "*" if row["relative"] == best else " "
            cells.append(f"  {mark}{row['relative']:.4f} / {row['relative_of_all']:.4f}")
        print(f"{name:28}" + "".join(f"{cell:>19}" for cell in cells))


if __name__ == "__main__":
    sys.exit(main())
