# SPDX-FileCopyrightText: 2026 Neural Bake developers
#
# SPDX-License-Identifier: GPL-3.0-or-later

"""Curves of error over bytes, drawn with Pillow: logarithmic axes, one panel per scene, names beside the points."""

from __future__ import annotations

import dataclasses
import math
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

WIDTH, HEIGHT = 640, 420
LEFT, RIGHT, TOP, BOTTOM = 70, 20, 40, 50
INK, LINE = (40, 40, 40), (224, 224, 224)
# Wong 2011, "Points of view: Color blindness": told apart by all.
COLOURS = ((213, 94, 0), (0, 114, 178), (0, 158, 115), (204, 121, 167), (230, 159, 0), (86, 180, 233))
SCALE = 2
STEPS = (1, 2, 5)


@dataclasses.dataclass(frozen=True)
class Curve:
    """Points (bytes, error) of one method; a single point is a mark."""

    name: str
    points: list[tuple[float, float]]


@dataclasses.dataclass(frozen=True)
class Panel:
    """One scene's curves."""

    title: str
    curves: list[Curve]


def draw(path: Path, panels: list[Panel], across: str, upward: str) -> None:
    """Write the panels, side by side, as a PNG.

    Args:
        across, upward: what the axes show.
    """
    image = Image.new("RGB", (WIDTH * SCALE * len(panels), HEIGHT * SCALE), "white")
    for number, panel in enumerate(panels):
        part = Image.new("RGB", (WIDTH * SCALE, HEIGHT * SCALE), "white")
        _panel(ImageDraw.Draw(part), panel, across, upward)
        image.paste(part, (number * WIDTH * SCALE, 0))
    path.parent.mkdir(parents=True, exist_ok=True)
    image.quantize(64).save(path, optimize=True)


def ticks(low: float, high: float) -> list[float]:
    """1, 2 and 5 times powers of ten from ``low`` to ``high``."""
    powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    return [step * 10.0**power for power in powers for step in STEPS if low <= step * 10.0**power <= high]


def _range(values: list[float]) -> tuple[float, float]:
    return min(values) / 1.4, max(values) * 1.4


def _panel(pen: ImageDraw.ImageDraw, panel: Panel, across: str, upward: str) -> None:
    font = ImageFont.load_default(12 * SCALE)
    every = [point for curve in panel.curves for point in curve.points]
    bounds = _range([x for x, _ in every]), _range([y for _, y in every])
    box = ((LEFT, WIDTH - RIGHT), (HEIGHT - BOTTOM, TOP))

    def place(axis: int, value: float) -> float:
        low, high = (math.log(bound) for bound in bounds[axis])
        start, end = box[axis]
        return SCALE * (start + (end - start) * (math.log(value) - low) / (high - low))

    for value in ticks(*bounds[0]):
        x = place(0, value)
        pen.line([(x, TOP * SCALE), (x, (HEIGHT - BOTTOM) * SCALE)], LINE, SCALE)
        pen.text((x, (HEIGHT - BOTTOM + 6) * SCALE), f"{value / 1000:g}", INK, font, anchor="mt")
    for value in ticks(*bounds[1]):
        y = place(1, value)
        pen.line([(LEFT * SCALE, y), ((WIDTH - RIGHT) * SCALE, y)], LINE, SCALE)
        pen.text(((LEFT - 6) * SCALE, y), f"{value:g}", INK, font, anchor="rm")
    pen.text((LEFT * SCALE, 12 * SCALE), panel.title, INK, font)
    pen.text(((WIDTH - RIGHT) * SCALE, (HEIGHT - 6) * SCALE), across, INK, font, anchor="rb")
    pen.text((6 * SCALE, 12 * SCALE), upward, INK, font)
    for number, (colour, curve) in enumerate(zip(COLOURS, panel.curves)):
        spots = [(place(0, x), place(1, y)) for x, y in sorted(curve.points)]
        if len(spots) > 1:
            pen.line(spots, colour, 2 * SCALE, joint="curve")
        for x, y in spots:
            pen.ellipse([x - 4 * SCALE, y - 4 * SCALE, x + 4 * SCALE, y + 4 * SCALE], fill=colour, outline="white")
        # At the first point of a curve, as curves part at the small end, to the lower left of all but the first one,
        # which the others would cross; a mark's name stands where there is room.
        x, y = spots[0]
        below = len(spots) > 1 and any(len(other.points) > 1 for other in panel.curves[:number])
        if x - 8 * SCALE - font.getlength(curve.name) < LEFT * SCALE:
            below = False  # it would stand on the axis
        left = below or (len(spots) == 1 and x > 0.75 * WIDTH * SCALE)
        corner = (x + (-8 if left else 8) * SCALE, y + (8 if below else -8) * SCALE)
        pen.text(corner, curve.name, colour, font, anchor=("r" if left else "l") + ("t" if below else "b"))
