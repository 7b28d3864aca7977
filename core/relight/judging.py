# SPDX-FileCopyrightText: 2026 Neural Bake developers
#
# SPDX-License-Identifier: GPL-3.0-or-later

"""Errors of every method under the lights of the error table, which nothing was learned or chosen from."""

from __future__ import annotations

import math
import time
import typing

import numpy as np

from . import baselines, preview
from .dataset import RelightData
from .evaluation import Relight
from .tone import Tone, bright_enough

if typing.TYPE_CHECKING:
    from .training import Trained

SHOTS = 16
"""Held-out lights that pictures are made of."""


def results(data: RelightData, relight: Relight, trained: list[Trained], number: int) -> dict[str, np.ndarray]:
    """What every method makes of one light of the error table, (H, W, 3) each, of that lamp alone.

    Args:
        relight: the view with the factored transports, as an artifact holds them.
    """
    light, lamp = data.report.lights[number], int(data.report.lamp[number])
    chosen = data.train.lamp == lamp
    images, lights = data.train.images[chosen], data.train.lights[chosen]
    directions = data.lamps[lamp]["light"] != "position"
    pictures = {"ours": relight.render(light, lamp=lamp, base=False)}
    if trained[lamp].dense is not None:
        pictures["dense"] = trained[lamp].dense.render(light)
    for name in baselines.RIVALS:
        pictures[name] = baselines.blend(baselines.weights(name, lights, light, directions), images)[0]
    return pictures


def report(data: RelightData, relight: Relight, trained: list[Trained]) -> dict:
    """``held_out`` and ``noise_floor`` of the manifest's metrics: means over the lights of the error table.

    Each method has ``relative`` (the tone-mapped relative error), ``nRMSE`` (root mean square error over the mean of
    the reference), ``PSNR`` (dB, of tone-mapped values, 1 is the brightest captured one), and ours
    ``milliseconds``, the shortest of its times for one picture.
    """
    rows: dict[str, list[dict[str, float]]] = {}
    floors: list[dict[str, float]] = []
    for number in judged(data):
        reference = data.report.images[number]
        tone = trained[int(data.report.lamp[number])].tone
        for name, picture in results(data, relight, trained, number).items():
            rows.setdefault(name, []).append(errors(picture, reference, tone))
        if data.report_b is not None:
            second = data.report_b[number]
            half = 0.5 * (2.0 * reference - second - second)
            floors.append(
                {
                    "relative": tone.noise_floor(2.0 * reference - second, second),
                    "nRMSE": float(np.sqrt(np.mean(np.square(half)))) / _mean(reference),
                }
            )
    held_out = {name: _means(entries) for name, entries in rows.items()}
    held_out["ours"]["milliseconds"] = 1000.0 * picture_seconds(data, relight)
    return {"held_out": held_out, "noise_floor": _means(floors)}


def notes(data: RelightData, count: int, was_chosen: bool) -> list[str]:
    """Sentences on what the error table is worth.

    Args:
        count: lights of the table that errors are told of.
        was_chosen: whether methods were compared on lights left out.
    """
    dark = len(data.report) - count
    found = [f"At {dark} places of the error table the lamp lights nothing in view; they do not count."] if dark else []
    if not was_chosen:
        found.append("There were too few lights to compare methods by, so that Neural Bake's own was kept untested.")
    return found


def judged(data: RelightData) -> list[int]:
    """The lights of the error table that errors are told of, see :func:`.tone.bright_enough`."""
    return np.flatnonzero(bright_enough(data.report.images)).tolist() if len(data.report) else []


def errors(picture: np.ndarray, reference: np.ndarray, tone: Tone) -> dict[str, float]:
    """Relative error, nRMSE and PSNR of one picture; see :func:`report`."""
    square = float(np.mean(np.square(tone.forward(picture) - tone.forward(reference)), dtype=np.float64))
    return {
        "relative": tone.relative_error(picture, reference),
        "nRMSE": float(np.sqrt(np.mean(np.square(picture - reference), dtype=np.float64))) / _mean(reference),
        "PSNR": -10.0 * math.log10(max(square, 1e-12)),
    }


def picture_seconds(data: RelightData, relight: Relight, rounds: int = 5) -> float:
    """Shortest time for one picture of the first lamp of the error table."""
    best = math.inf
    for number in range(rounds):
        number %= len(data.report)
        begin = time.perf_counter()
        relight.render(data.report.lights[number], lamp=int(data.report.lamp[number]))
        best = min(best, time.perf_counter() - begin)
    return best


def shots(data: RelightData, relight: Relight, trained: list[Trained], entry: dict) -> list[preview.Shot]:
    """Held-out lights with what ours, the kept method and the best rivals make of them, for pictures."""
    held_out = entry["held_out"]
    rivals = sorted((name for name in held_out if name != "ours"), key=lambda name: held_out[name]["relative"])
    wanted = {"ours", entry["kept"], *rivals[:1]}
    usable = judged(data)
    taken = np.unique(np.linspace(0, len(usable) - 1, SHOTS).round().astype(int))
    found = []
    for number in (usable[index] for index in taken):
        pictures = results(data, relight, trained, int(number))
        tone = trained[int(data.report.lamp[number])].tone
        few = {name: picture for name, picture in pictures.items() if name in wanted}
        found.append(preview.Shot(data.report.images[number], few, tone))
    return found


def _means(entries: list[dict[str, float]]) -> dict[str, float]:
    return {key: float(np.mean([entry[key] for entry in entries])) for key in entries[0]} if entries else {}


def _mean(reference: np.ndarray) -> float:
    mean = float(np.mean(reference, dtype=np.float64))
    return mean if mean > 0.0 else 1.0
