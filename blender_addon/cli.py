# SPDX-FileCopyrightText: 2026 Neural Bake developers
#
# SPDX-License-Identifier: GPL-3.0-or-later

"""``blender -b SCENE.blend --command neural_bake ...``: the words of ``python -m bake_workers``, on the open file.

Nothing is baked in this Blender. The command starts the engine, which starts a Blender of its own for the scene's file,
and waits; this process only passes the exit code on. So it is the file on disk that is baked: what a script changed in
the open scene counts once it is saved (a background Blender cannot tell: ``bpy.data.is_dirty`` is a constant there).
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import bpy

from . import compat, engine, preferences, signals
from .bake_workers import arguments, protocol

COMMAND = "neural_bake"

_handles: list[object] = []


def main(argv: list[str]) -> int:
    """Run one command; returns Blender's exit code (0 complete, 2 bad input, 130 cancelled, 1 anything else)."""
    # Blender prints on this descriptor too; what it has written so far comes first.
    sys.stdout.flush()
    try:
        args = arguments.parser(f"blender -b SCENE.blend --command {COMMAND}", inside_blender=True).parse_args(argv)
    except SystemExit as leave:  # argparse has said why, or shown its help
        return leave.code if isinstance(leave.code, int) else protocol.EXIT_BAD_INPUT
    words = list(argv)
    if args.command == "bake":
        refusal = refuse_file()
        if refusal:
            return fail(refusal)
        # The scene stands first, so that a --save without FILE cannot take it for its own.
        words[1:1] = [
            bpy.data.filepath,
            "--cycles-devices",
            json.dumps(compat.cycles_devices(bpy.context)),
            "--blender",
            str(compat.blender_program()),
        ]
    python = preferences.engine_python(bpy.context, getattr(args, "engine", None))
    if python is None:
        return fail("No engine is set. Name a Python with torch by --engine, NEURAL_BAKE_ENGINE, or the preferences.")
    if args.command != "show":
        words.append("--parent-pipe")
    return run_engine(python, words)


def refuse_file() -> str | None:
    """Why the open file cannot be baked, or None. Blender goes on with an empty file where the named one is missing."""
    path = bpy.data.filepath
    if not path:
        return "No .blend is open: the file is missing, or the scene was never saved."
    if not os.path.isfile(path):
        return f"There is no file {path}. Save the scene first."
    return None


def run_engine(python: Path, words: list[str]) -> int:
    """Start ``python -m bake_workers`` with these words and wait for it; its output goes where Blender's goes."""
    try:
        # Should this Blender be killed, the pipe ends and the engine stops with all that it started.
        process = subprocess.Popen(engine.command(python, words), stdin=subprocess.PIPE, env=engine.environment())
    except OSError as error:
        return fail(
            f"The engine {python} does not run ({error.strerror}). "
            "Check --engine, NEURAL_BAKE_ENGINE or the preferences."
        )

    def pass_on() -> None:
        if os.name != "nt":  # Windows sends Ctrl-C to the engine itself
            process.send_signal(signal.SIGTERM)

    # The engine then ends by itself, with the right exit code.
    with signals.caught(pass_on):
        code = process.wait()
    return code if code >= 0 else protocol.EXIT_FAILED


def fail(sentence: str) -> int:
    """Say what is wrong in one line."""
    print(f"error: {sentence}", file=sys.stderr, flush=True)
    return protocol.EXIT_BAD_INPUT


def register() -> None:
    _handles.append(bpy.utils.register_cli_command(COMMAND, main))


def unregister() -> None:
    while _handles:
        bpy.utils.unregister_cli_command(_handles.pop())
