# SPDX-FileCopyrightText: 2026 Neural Bake developers
#
# SPDX-License-Identifier: GPL-3.0-or-later

"""Pictures of the error benchmark: its scenes as clay, and bars of relMSE by scene and method.

    python -m tests.benchmarks.light_grid_error_picture [FOLDER]

It draws what ``light_grid_error`` left in out/benchmarks, into docs/images.
"""

from __future__ import annotations

import json
import math
import sys
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

from .common import OUT, REAL, RESOLUTIONS, ROOT
from .curves import COLOURS, INK, LINE, SCALE
from .light_grid_goals import geometric

LABELS = {
    "ours": "Neural Bake",
    "sight": "line of sight (rays)",
    "ddgi": "DDGI",
    "validity": "validity + bias",
    "trilinear": "trilinear",
}
WIDTH, HEIGHT = 1000, 360
LEFT, TOP, BOTTOM = 56, 56, 34
COLUMNS, TILE, CAPTION = 3, (280, 175), 18


def main() -> int:
    folder = sys.argv[1] if len(sys.argv) > 1 else "light_grid_error"
    images = ROOT / "docs" / "images"
    scenes(OUT / folder, images / "error_scenes.png")
    rows = json.loads((OUT / f"{folder}.json").read_text("utf-8"))["rows"]
    bars(rows["errors"], images / "error_bars.png")
    return 0


def scenes(folder: Path, path: Path) -> None:
    """The procedural scenes side by side, as Cycles lights them."""
    names = [name for name in RESOLUTIONS if name not in REAL]
    lines = math.ceil(len(names) / COLUMNS)
    sheet = Image.new("RGB", (COLUMNS * (TILE[0] + 4), lines * (TILE[1] + CAPTION)), "white")
    pen, font = ImageDraw.Draw(sheet), ImageFont.load_default(13)
    for number, name in enumerate(names):
        place = (number % COLUMNS * (TILE[0] + 4), number // COLUMNS * (TILE[1] + CAPTION))
        with Image.open(folder / f"{name}-reference" / "reference.png") as picture:
            sheet.paste(picture.convert("RGB").resize(TILE), place)
        pen.text((place[0] + 2, place[1] + TILE[1] + 1), name, INK, font)
    sheet.save(path, optimize=True)
    print(f"written: {path.relative_to(ROOT)}")


def bars(rows: list[dict], path: Path) -> None:
    """relMSE on a logarithmic axis: a group of bars a scene, over its placements, and their geometric mean."""
    names = [name for name in RESOLUTIONS if any(row["scene"] == name for row in rows)]
    table = {
        name: {
            method: sum(values) / len(values)
            for method in LABELS
            if (values := [row["relMSE"] for row in rows if (row["scene"], row["method"]) == (name, method)])
        }
        for name in names
    }
    table["geometric mean"] = {method: geometric([table[name][method] for name in names]) for method in LABELS}
    every = [value for group in table.values() for value in group.values()]
    low, high = math.log10(min(every)) - 0.15, math.log10(max(every)) + 0.15
    image = Image.new("RGB", (WIDTH * SCALE, HEIGHT * SCALE), "white")
    pen, font = ImageDraw.Draw(image), ImageFont.load_default(12 * SCALE)

    def height(value: float) -> float:
        share = (math.log10(value) - low) / (high - low)
        return SCALE * (HEIGHT - BOTTOM - share * (HEIGHT - BOTTOM - TOP))

    for power in range(math.floor(low), math.ceil(high) + 1):
        for step in (1, 2, 5):
            value = step * 10.0**power
            if low <= math.log10(value) <= high:
                pen.line([(LEFT * SCALE, height(value)), (WIDTH * SCALE, height(value))], LINE, SCALE)
                pen.text(((LEFT - 5) * SCALE, height(value)), f"{value:g}", INK, font, anchor="rm")
    group = (WIDTH - LEFT) / len(table)
    wide = group * 0.8 / len(LABELS)
    for number, (name, values) in enumerate(table.items()):
        start = LEFT + group * (number + 0.1)
        for place, (method, colour) in enumerate(zip(LABELS, COLOURS, strict=False)):
            left = start + place * wide
            box = [left * SCALE, height(values[method]), (left + wide - 1) * SCALE, (HEIGHT - BOTTOM) * SCALE]
            pen.rectangle(box, fill=colour)
        pen.text(((start + 0.4 * group) * SCALE, (HEIGHT - 12) * SCALE), name, INK, font, anchor="ms")
    left = LEFT
    for label, colour in zip(LABELS.values(), COLOURS, strict=False):
        pen.rectangle([left * SCALE, 26 * SCALE, (left + 10) * SCALE, 36 * SCALE], fill=colour)
        pen.text(((left + 15) * SCALE, 31 * SCALE), label, INK, font, anchor="lm")
        left += 30 + font.getlength(label) / SCALE
    pen.text((6 * SCALE, 6 * SCALE), "relMSE at equal probes, indirect light", INK, font)
    image.quantize(64).save(path, optimize=True)
    print(f"written: {path.relative_to(ROOT)}")


if __name__ == "__main__":
    sys.exit(main())
