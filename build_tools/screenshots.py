# SPDX-FileCopyrightText: 2026 Neural Bake developers
#
# SPDX-License-Identifier: GPL-3.0-or-later

"""The pictures of the documentation, from a real window that bakes the demo scene."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

from . import demo, package
from .environments import ROOT, BuildError

IMAGES = ROOT / "docs" / "images"
SCRIPT = ROOT / "tests" / "scripts" / "window_screenshots.py"
BLENDER = "NEURAL_BAKE_BLENDER"


def run(python: Path) -> int:
    """Make every picture anew; returns an exit code.

    Args:
        python: the engine's Python.

    Raises:
        BuildError: there is no Blender with a window, or it could not make the pictures.
    """
    program = os.environ.get(BLENDER)
    if not program:
        raise BuildError(f"screenshots need a Blender with a window: set {BLENDER} to its path")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("NEURAL_BAKE_", "BLENDER_"))}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        package.link(folder / "extensions")
        scene = folder / "rooms.blend"
        if demo.call(python, ["-m", "bake_workers.demo_scene", scene], quiet=True) != 0:
            raise BuildError("the demo scene could not be written")
        images = folder / "images"
        images.mkdir()
        command = [program, "--factory-startup", "--python", SCRIPT, "--", scene, python, images]
        result = subprocess.run(
            [str(word) for word in command],
            env={**kept, "BLENDER_USER_RESOURCES": name, "PYTHONDONTWRITEBYTECODE": "1"},
            capture_output=True,
            text=True,
            check=False,
        )
        answers = [line for line in result.stdout.splitlines() if line.startswith("ANSWER ")]
        if not answers or answers[-1].startswith('ANSWER {"error"'):
            raise BuildError(f"Blender could not make the pictures:\n{result.stdout}{result.stderr}")
        IMAGES.mkdir(exist_ok=True)
        for path in sorted(images.glob("*.png")):
            shutil.copy(path, IMAGES)
            print(f"{(IMAGES / path.name).relative_to(ROOT)}: {path.stat().st_size / 1024:.0f} KiB", flush=True)
    return 0
