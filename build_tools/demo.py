# SPDX-FileCopyrightText: 2026 Neural Bake developers
#
# SPDX-License-Identifier: GPL-3.0-or-later

"""The demo: writes a scene by a script and bakes it through the same command line that everybody uses."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
from collections.abc import Iterable
from pathlib import Path

from .environments import ROOT, BuildError

OUT = ROOT / "out" / "demo"
SCENE = ROOT / "out" / "demo.blend"
STAMP = ROOT / "out" / "demo.stamp.json"
# What a measurement depends on; the rest of the code only decides what is learned from it.
MEASURING = (
    "bake_workers/capture/*.py",
    "bake_workers/demo_*.py",
    "core/dataset.py",
    "core/tensorfile.py",
    "core/light_grid/settings.py",
    "requirements/engine.txt",
)
ALL = ("bake_workers/**/*.py", "core/**/*.py", "requirements/engine.txt")


def run(python: Path) -> int:
    """Bake the demo, or only show it where nothing has changed since; returns an exit code.

    Args:
        python: the engine's Python.
    """
    stamp = {"measuring": digest(MEASURING), "all": digest(ALL)}
    try:
        earlier = json.loads(STAMP.read_text("utf-8"))
    except (OSError, ValueError):
        earlier = {}
    if earlier == stamp and call(python, ["-m", "bake_workers", "show", OUT], quiet=True) == 0:
        print(f"nothing has changed since {OUT} was baked; remove the folder to bake it again", flush=True)
        return call(python, ["-m", "bake_workers", "show", OUT])
    measured = earlier.get("measuring") == stamp["measuring"] and SCENE.is_file()
    STAMP.parent.mkdir(parents=True, exist_ok=True)
    if not measured:
        STAMP.unlink(missing_ok=True)
        if call(python, ["-m", "bake_workers.demo_scene", SCENE]) != 0:
            raise BuildError("the demo scene could not be written")
    # From here on the measurements belong to this code, so that a demo that was stopped goes on where it was.
    write_stamp({"measuring": stamp["measuring"]})
    words = ["-m", "bake_workers", "bake", SCENE, "--kind", "light_grid", "--out", OUT]
    code = call(python, [*words, "--resume"] if measured else words)
    if code == 0:
        write_stamp(stamp)
        print(f"preview, reference, error map and manifest.json are in {OUT}", flush=True)
    return code


def write_stamp(stamp: dict[str, str]) -> None:
    STAMP.write_text(json.dumps(stamp, indent=1) + "\n", "utf-8")


def call(python: Path, words: Iterable[object], *, quiet: bool = False) -> int:
    """Run the engine's Python on our own modules; Ctrl-C reaches it as it reaches this process."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    output = subprocess.DEVNULL if quiet else None
    process = subprocess.Popen(
        [str(python), *(str(word) for word in words)], env=environment, stdout=output, stderr=output
    )
    while True:
        try:
            return process.wait()
        except KeyboardInterrupt:
            continue  # the bake stops by itself and says so


def digest(patterns: tuple[str, ...]) -> str:
    """sha256 over the names and contents of files of the checkout."""
    paths = sorted({path for pattern in patterns for path in ROOT.glob(pattern) if path.is_file()})
    total = hashlib.sha256()
    for path in paths:
        total.update(path.relative_to(ROOT).as_posix().encode() + b"\0" + hashlib.sha256(path.read_bytes()).digest())
    return total.hexdigest()
