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
SCRIPTS = ROOT / "tests" / "scripts"
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
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        package.link(folder / "extensions")
        images = folder / "images"
        images.mkdir()
        rooms, table, relit = folder / "rooms.blend", folder / "table.blend", folder / "relit"
        make(python, "the demo scene", ["-m", "bake_workers.demo_scene", rooms])
        make(python, "the table-top scene", ["-m", "tests.benchmarks.relight_scene", table])
        words = ["-m", "bake_workers", "bake", table, "--kind", "relight", "--preset", "draft", "--out", relit]
        make(python, "the relit view", words)
        photograph(program, folder, "window_screenshots.py", rooms, python, images)
        photograph(program, folder, "window_relight_picture.py", table, python, images, relit)
        IMAGES.mkdir(exist_ok=True)
        for path in sorted(images.glob("*.png")):
            shutil.copy(path, IMAGES)
            print(f"{(IMAGES / path.name).relative_to(ROOT)}: {path.stat().st_size / 1024:.0f} KiB", flush=True)
    return 0


def make(python: Path, what: str, words: list[object]) -> None:
    """Run the engine's Python for something that the pictures show."""
    if demo.call(python, words, quiet=True) != 0:
        raise BuildError(f"{what} could not be made")


def photograph(program: str, folder: Path, script: str, *words: object) -> None:
    """Run one of the tests' scripts in the Blender with a window; ``folder`` has its user resources."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("NEURAL_BAKE_", "BLENDER_"))}
    command = [program, "--factory-startup", "--python", SCRIPTS / script, "--", *words]
    result = subprocess.run(
        [str(word) for word in command],
        env={**kept, "BLENDER_USER_RESOURCES": str(folder), "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    answers = [line for line in result.stdout.splitlines() if line.startswith("ANSWER ")]
    if not answers or answers[-1].startswith('ANSWER {"error"'):
        raise BuildError(f"Blender could not make the pictures:\n{result.stdout}{result.stderr}")
