# SPDX-FileCopyrightText: 2026 Neural Bake developers
#
# SPDX-License-Identifier: GPL-3.0-or-later

"""The words of the command line, the same in a shell and after Blender's ``--command neural_bake``.

Only the standard library is needed here: Blender's Python loads this module too.
"""

from __future__ import annotations

import argparse
import sys
from typing import NoReturn

from . import protocol

IN_PLACE = ""


class Parser(argparse.ArgumentParser):
    """An argument parser whose errors are one line."""

    def error(self, message: str) -> NoReturn:
        self.exit(protocol.EXIT_BAD_INPUT, f"error: {message}. See {self.prog} --help.\n")


def parser(prog: str, *, inside_blender: bool = False) -> Parser:
    """Build the parser; inside Blender the scene is the open file, and no SCENE is given."""
    top = Parser(prog=prog, description="Neural light baking.", allow_abbrev=False)
    commands = top.add_subparsers(dest="command", required=True, metavar="COMMAND", parser_class=Parser)

    bake = commands.add_parser("bake", help="measure a scene's light and learn from it", allow_abbrev=False)
    if not inside_blender:
        bake.add_argument("scene_file", metavar="SCENE.blend", help="scene to bake; it is never changed")
    _add_result_options(bake)
    bake.add_argument("--preset", metavar="NAME", help="draft, medium or final quality; --set still has its say")
    bake.add_argument("--resume", action="store_true", help="go on where an earlier bake into the same folder ended")
    bake.add_argument(
        "--update",
        action="store_true",
        help="light_grid with light sets: measure again only what lights or objects that moved since the bake into the"
        " same folder have changed",
    )
    bake.add_argument(
        "--save",
        metavar="FILE",
        nargs="?",
        const=IN_PLACE,
        help="write the .blend with the result in it to FILE, or in place where FILE is left out",
    )
    bake.add_argument("--scene", metavar="NAME", help="scene of the file, instead of the one it was saved with")
    bake.add_argument("--view-layer", metavar="NAME", help="view layer, instead of the one it was saved with")
    bake.add_argument("--frame", type=int, metavar="N", help="frame, instead of the one it was saved at")
    bake.add_argument(
        "--bounds-object", metavar="NAME", help="light_grid: bake the box of this Empty instead of probe volumes"
    )
    bake.add_argument(
        "--volume",
        metavar="NAME",
        action="append",
        default=[],
        help="light_grid: bake this probe volume alone, may be repeated; without it all of them are baked together",
    )
    bake.add_argument(
        "--inside",
        metavar="NAME",
        action="append",
        default=[],
        help="light_grid: object in reachable space, may be repeated; without it Empties named Inside.* serve, else the"
        " camera",
    )
    bake.add_argument("--cycles-devices", metavar="JSON", help=argparse.SUPPRESS)
    _add_process_options(bake)

    train = commands.add_parser("train", help="learn again from a measured dataset", allow_abbrev=False)
    train.add_argument(
        "dataset",
        metavar="DATASET",
        help="dataset folder, such as DIR.job/dataset; for relight also pictures from elsewhere: a folder with"
        " lights.json, lights.csv or MATLAB files, or an .npz",
    )
    _add_result_options(train)
    _add_process_options(train, blender=False)

    show = commands.add_parser("show", help="print a result's table of errors", allow_abbrev=False)
    show.add_argument("directory", metavar="DIR", help="folder of a result")
    show.add_argument("--json", action="store_true", help="print the manifest as JSON")

    compact = commands.add_parser(
        "compact", help="write a light grid's result as 64 bytes a probe, for engines", allow_abbrev=False
    )
    compact.add_argument("directory", metavar="DIR", help="folder of a light_grid result")
    compact.add_argument("--out", required=True, metavar="FILE", help="file to write, such as probes.safetensors")
    compact.add_argument(
        "--seed", type=int, default=0, metavar="N", help="of the points that it learns at (default: 0)"
    )
    compact.add_argument(
        "--engine", metavar="PYTHON", help="Python that trains (default: NEURAL_BAKE_ENGINE, else this one)"
    )
    compact.add_argument("--parent-pipe", action="store_true", help="stop as soon as the standard input ends")

    if not inside_blender:
        run = commands.add_parser("run", help="run a job folder that the add-on wrote", allow_abbrev=False)
        run.add_argument("job", metavar="JOB", help="job folder")
        run.add_argument("--blend", metavar="FILE", help="scene to bake (default: JOB/scene.blend)")
        run.add_argument("--out", metavar="DIR", required=True, help="folder of the result")
        run.add_argument("--resume", action="store_true", help="go on where the job ended")
        _add_process_options(run)
    return top


def _add_result_options(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--kind", required=True, metavar="KIND", help="kind of bake: " + ", ".join(protocol.READY_KINDS)
    )
    command.add_argument(
        "--out", required=True, metavar="DIR", help="folder of the result; the job's own files go to DIR.job"
    )
    command.add_argument(
        "--set",
        dest="settings",
        metavar="KEY=VALUE",
        action="append",
        default=[],
        help="a setting of the kind, may be repeated, such as --set seed=1",
    )


def _add_process_options(command: argparse.ArgumentParser, *, blender: bool = True) -> None:
    command.add_argument("--json", action="store_true", help="print events as JSON lines, the last one of type done")
    command.add_argument(
        "--engine", metavar="PYTHON", help="Python that trains (default: NEURAL_BAKE_ENGINE, else this one)"
    )
    if blender:
        command.add_argument(
            "--blender",
            metavar="PATH",
            help="Blender that captures, or a Python with the bpy module (default: this Python)",
        )
    command.add_argument("--parent-pipe", action="store_true", help="stop as soon as the standard input ends")


def parse(argv: list[str] | None, prog: str) -> argparse.Namespace:
    """Parse the command line of ``python -m bake_workers``."""
    return parser(prog).parse_args(sys.argv[1:] if argv is None else argv)
