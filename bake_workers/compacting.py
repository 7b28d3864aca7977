# SPDX-FileCopyrightText: 2026 Neural Bake developers
#
# SPDX-License-Identifier: GPL-3.0-or-later

"""``compact DIR``: a light grid's result as a file of 64 bytes a probe, made in a process of the engine."""

from __future__ import annotations

import argparse
import functools
import sys
from collections.abc import Callable
from pathlib import Path

from core import tensorfile
from core.errors import NeuralBakeError

from . import protocol
from .terminal import JsonLines

Progress = Callable[[str, int, int], None]


def write(directory: Path, out: Path, seed: int, progress: Progress) -> str:
    """Write the compact file of the result in ``directory``; returns a sentence about it.

    ``progress`` is called with a text, and steps done and in all.

    Raises:
        NeuralBakeError: no light grid, damaged files, or a kept method that has no compact form.
    """
    import torch

    from core import light_grid
    from core.light_grid import compact, compact_fitting

    grid = light_grid.load(directory)
    torch.use_deterministic_algorithms(True)
    records = []
    for number, baked in enumerate(grid.grids):
        text = "compact" if len(grid.grids) == 1 else f"compact {number + 1}/{len(grid.grids)}"
        records.append(
            (
                baked,
                compact_fitting.compress(
                    baked, compact_fitting.STEPS, seed + number, functools.partial(progress, text)
                ),
            )
        )
    data = compact.encode(records, grid.light_sets)
    tensorfile.write_whole(out, data)
    probes = sum(baked.grid.count for baked, _ in records)
    return f"{out}: {probes} probes of {compact.RECORD_BYTES} bytes, {len(data)} bytes with the header."


def _show(text: str, done: int, total: int) -> None:
    if sys.stderr.isatty():
        print(f"\r{text} {done}/{total}", end="\n" if done == total else "", file=sys.stderr, flush=True)


def main(argv: list[str] | None = None) -> int:
    """Run in the engine; returns the process's exit code."""
    parser = argparse.ArgumentParser(prog="bake_workers.compacting")
    parser.add_argument("directory", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args(argv)
    protocol.watch_parent()
    lines = JsonLines(sys.stdout) if args.json else None

    def tell(text: str, done: int, total: int) -> None:
        lines.event({"type": "progress", "text": text, "done": done, "total": total})

    try:
        sentence = write(args.directory, args.out, args.seed, tell if lines else _show)
    except NeuralBakeError as error:
        return _fail(lines, error.code, error.message, error.hint, error.exit_code)
    except OSError as error:
        return _fail(lines, *protocol.describe_os_error(error), protocol.EXIT_FAILED)
    if lines:
        lines.event({"type": "end", "message": sentence})
    else:
        print(sentence)
    return protocol.EXIT_OK


def _fail(lines: JsonLines | None, code: str, message: str, hint: str, exit_code: int) -> int:
    print(f"error: {message} {hint}".rstrip(), file=sys.stderr)
    if lines:
        lines.event({"type": "error", "code": code, "message": message, "hint": hint})
    return exit_code


if __name__ == "__main__":
    protocol.leave(main())
