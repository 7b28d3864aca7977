# SPDX-FileCopyrightText: 2026 Neural Bake developers
#
# SPDX-License-Identifier: GPL-3.0-or-later

"""Measuring light in a background Blender: ``python -m bake_workers.capture JOB --blend FILE``.

Nothing here ever saves the .blend: it is opened, changed in memory for measuring, and forgotten.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from .. import protocol


def main(argv: list[str]) -> int:
    """Measure the job's dataset; returns the exit code (see :func:`bake_workers.protocol.run_child`)."""
    parser = argparse.ArgumentParser(prog="bake_workers.capture")
    parser.add_argument("job", type=Path, help="job folder")
    parser.add_argument("--blend", type=Path, required=True, help="the .blend to open; it is never written to")
    try:
        args = parser.parse_args(argv)
    except SystemExit as leave:  # argparse has said why, or shown its help
        return leave.code if isinstance(leave.code, int) else protocol.EXIT_BAD_INPUT
    return protocol.run_child("capture", args.job, lambda events: capture(args.job, args.blend, events))


def capture(job: Path, blend: Path, events: protocol.Events) -> None:
    """Measure one job by its kind.

    Raises:
        NeuralBakeError: see the modules of this package.
    """
    description = protocol.read_job(job)
    # bpy takes a second to load, and a bad job needs none
    from . import light_grid, relight, scene

    kinds = {module.KIND: module.capture for module in (light_grid, relight)}
    opened = scene.open_scene(blend, description)
    kinds[description["kind"]](opened, description, job / "dataset", events)
