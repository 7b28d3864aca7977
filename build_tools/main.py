# SPDX-FileCopyrightText: 2026 Neural Bake developers
#
# SPDX-License-Identifier: GPL-3.0-or-later

"""The command line of ``build_addon.py``."""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from pathlib import Path

from . import demo, environments, package, screenshots
from .environments import ROOT, BuildError

# The tests find every Blender by these.
VARIABLES = {"4.5": "NEURAL_BAKE_PYTHON_4_5", "5.0": "NEURAL_BAKE_PYTHON_5_0", "5.2": "NEURAL_BAKE_PYTHON_5_2"}

TWO_PROCESSES = ("-n", "2", "--dist", "loadfile")


def main(argv: list[str]) -> int:
    """Run one command; returns the exit code."""
    parser = argparse.ArgumentParser(prog="build_addon.py", description="Build, try and test Neural Bake.")
    parser.add_argument(
        "--link",
        nargs="?",
        const="",
        metavar="DIR",
        help="link this checkout into a Blender's extensions folder (default: every Blender of this user)",
    )
    commands = parser.add_subparsers(dest="command", metavar="COMMAND")
    commands.add_parser("demo", help="bake the demo scene into out/demo")
    commands.add_parser("test", help="run the whole test suite; what follows goes to pytest")
    commands.add_parser("screenshots", help="make the documentation's pictures with the Blender of NEURAL_BAKE_BLENDER")
    args, rest = parser.parse_known_args(argv)
    if rest and args.command != "test":
        parser.error(f"unknown word {rest[0]}")
    try:
        if args.command == "test":
            return test(rest)
        if args.command == "demo":
            return demo.run(environments.engine_python())
        if args.command == "screenshots":
            return screenshots.run(environments.engine_python())
        return link(args.link) if args.link is not None else build()
    except BuildError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1


def build() -> int:
    """Build the zip and validate it."""
    archive = package.build(ROOT / "dist")
    package.validate(archive, environments.engine_python())
    print(f"{archive} ({archive.stat().st_size / 1024:.0f} KiB) is valid")
    return 0


def link(folder: str) -> int:
    """Link the checkout into Blender."""
    for target in package.link(Path(folder).absolute() if folder else None):
        print(f"{target} -> {package.ADDON}")
    print("Enable Neural Bake in Blender's preferences, under Add-ons.")
    return 0


def test(words: list[str]) -> int:
    """Run pytest in the engine's environment, with the other Blenders' Pythons in its environment variables.

    The whole suite runs in two processes, file by file: most of its time is Blenders that start.
    """
    engine = environments.engine_python()
    pythons = {"4.5": engine, **environments.other_pythons()}
    variables = {VARIABLES[version]: str(python) for version, python in pythons.items()}
    return subprocess.run(
        [str(engine), "-m", "pytest", *(words or TWO_PROCESSES)], cwd=ROOT, env={**os.environ, **variables}, check=False
    ).returncode
