# SPDX-FileCopyrightText: 2026 Neural Bake developers
#
# SPDX-License-Identifier: GPL-3.0-or-later

"""``compact DIR``: a light grid's result as a file of 64 bytes a probe, made in a process of the engine."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable
from pathlib import Path

from core.errors import NeuralBakeError

from . import protocol


def write(directory: Path, out: Path, seed: int) -> str:
    """Write the compact file of the result in ``directory``; returns a sentence about it.

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
        records.append((baked, compact_fitting.compress(baked, compact_fitting.STEPS, seed + number, _progress(text))))
    data = compact.encode(records, grid.light_sets)
    partial = out.with_name(out.name + ".partial")
    partial.write_bytes(data)
    os.replace(partial, out)
    probes = sum(baked.grid.count for baked, _ in records)
    return f"{out}: {probes} probes of {compact.RECORD_BYTES} bytes, {len(data)} bytes with the header."


def _progress(text: str) -> Callable[[int, int], None]:
    def show(done: int, total: int) -> None:
        if sys.stderr.isatty():
            print(f"\r{text} {done}/{total}", end="\n" if done == total else "", file=sys.stderr, flush=True)

    return show


def main(argv: list[str] | None = None) -> int:
    """Run in the engine; returns the process's exit code."""
    parser = argparse.ArgumentParser(prog="bake_workers.compacting")
    parser.add_argument("directory", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args(argv)
    protocol.watch_parent()
    try:
        print(write(args.directory, args.out, args.seed))
    except NeuralBakeError as error:
        print(f"error: {error}", file=sys.stderr)
        return error.exit_code
    except OSError as error:
        _, message, hint = protocol.describe_os_error(error)
        print(f"error: {message} {hint}".rstrip(), file=sys.stderr)
        return protocol.EXIT_FAILED
    return protocol.EXIT_OK


if __name__ == "__main__":
    protocol.leave(main())
