# SPDX-FileCopyrightText: 2026 Neural Bake developers
#
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a bake of the demo scene takes from Blender's main thread, and from the 3D View's redraws.

    python -m tests.benchmarks.main_thread

With the environment variable NEURAL_BAKE_BLENDER (a Blender with a window) redraws are timed too; without it, the bpy
module of this Python follows the bake.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

from build_tools import package
from tests import support

from .common import OUT, ROOT, save


def main() -> int:
    OUT.mkdir(parents=True, exist_ok=True)
    scene = OUT / "main_thread.blend"
    made = support.run_python(sys.executable, "-m", "bake_workers.demo_scene", scene)
    assert scene.is_file(), made.stderr
    answer = measure(scene)
    if answer.get("state") != 'DONE':
        print(answer, file=sys.stderr)
        return 1
    show(answer)
    save("main_thread", answer)
    return 0


def measure(scene: Path) -> dict:
    """One bake in a Blender with a window, or in the bpy module."""
    script = ROOT / "tests" / "scripts" / "main_thread.py"
    program = os.environ.get("NEURAL_BAKE_BLENDER")
    with tempfile.TemporaryDirectory() as folder:
        package.link(Path(folder) / "extensions")
        extra = {"BLENDER_USER_RESOURCES": folder, "NEURAL_BAKE_ENGINE": sys.executable}
        start = [program, "--factory-startup", "--python", str(script)] if program else [sys.executable, str(script)]
        result = subprocess.run(
            [*start, "--", str(scene)], env=support.environment(**extra), capture_output=True, text=True, check=False
        )
    return support.answer_of(result)


def show(answer: dict) -> None:
    """The table."""
    spent = answer["spent"]
    where = "with a window" if answer["window"] else "the bpy module"
    print(f"Blender {answer['blender']} ({where}), demo scene, {answer['cores']} cores: bake of {answer['took']:.1f} s")
    print(f"first picture after {answer['picture']:.1f} s; the button itself took {1000 * answer['pressed']:.0f} ms")
    print(f"{'':18}{'times':>7}{'total ms':>10}{'worst ms':>10}")
    for name in ("copy", "tick", "import", "redraw idle", "redraw baking"):
        values = [1000 * value for value in spent[name]]
        if values:
            print(f"{name:18}{len(values):7}{sum(values):10.1f}{max(values):10.1f}")
    share = (sum(spent["tick"]) + answer["pressed"]) / answer["took"]
    print(f"main thread taken: {share:.2%} of the bake's time (import is part of a tick)")


if __name__ == "__main__":
    sys.exit(main())
