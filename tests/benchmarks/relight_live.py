# SPDX-FileCopyrightText: 2026 Neural Bake developers
#
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a step of a dragged lamp takes until the relit picture of 696x464 pixels is seen.

    python -m tests.benchmarks.relight_live [SCENE.blend RESULT]

Without arguments the table-top scene is rendered and learned first, with few samples: that changes the picture, and not
what it costs, which the number of places decides. It needs the environment variable NEURAL_BAKE_BLENDER, a Blender with
a window. What the Image Editor takes depends on the graphics card (a software renderer is slow) and is shown beside
what it takes without a new picture.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
from pathlib import Path

from build_tools import package
from tests import support

from .common import OUT, bake, save

QUICK = {"width": 696, "lights": 64, "samples": 2, "report_lights": 2, "report_samples": 4, "visibility_lights": 64}
WIDE = (
    "import bpy, sys; bpy.ops.wm.open_mainfile(filepath=sys.argv[1]); render = bpy.context.scene.render; "
    "render.resolution_x, render.resolution_y = 696, 464; bpy.ops.wm.save_mainfile()"
)


def main(words: list[str]) -> int:
    scene, result = map(Path, words) if words else make()
    script = support.ROOT / "tests" / "scripts" / "relight_live.py"
    with tempfile.TemporaryDirectory() as folder:
        package.link(Path(folder) / "extensions")
        answer, _ = support.run_in_window(Path(folder), script, scene, result)
    show(answer)
    save("relight_live", answer)
    return 0


def make() -> tuple[Path, Path]:
    """The scene and its result."""
    OUT.mkdir(parents=True, exist_ok=True)
    scene, result = OUT / "relight_live.blend", OUT / "relight_live"
    support.run_python(sys.executable, "-m", "tests.benchmarks.relight_scene", scene)
    support.run_python(sys.executable, "-c", WIDE, scene)
    words = [word for key, value in QUICK.items() for word in ("--set", f"{key}={value}")]
    bake(scene, result, *words, kind="relight")
    return scene, result


def show(answer: dict) -> None:
    """The table."""
    width, height = answer["size"]
    weights = answer["weights"] / 2**20
    print(f"Blender {answer['blender']}, {answer['cores']} cores, load {answer['load']:.1f}: {width}x{height}", end="")
    print(f", {weights:.1f} MB of weights")
    print(f"{'':34}{'least ms':>10}{'median ms':>11}")
    labels = {
        "light": "the light (core.relight)",
        "image": "into the image data-block",
        "editor": "Image Editor with a new picture",
        "editor alone": "Image Editor with the same picture",
    }
    for name, label in labels.items():
        values = [1000.0 * value for value in answer["spent"][name]]
        print(f"{label:34}{min(values):10.1f}{statistics.median(values):11.1f}")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
