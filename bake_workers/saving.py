# SPDX-FileCopyrightText: 2026 Neural Bake developers
#
# SPDX-License-Identifier: GPL-3.0-or-later

"""The saving stage: a Blender that opens the scene, writes the result into it, and saves it whole or not at all."""

from __future__ import annotations

import argparse
import importlib
import os
import shutil
import sys
from pathlib import Path
from types import ModuleType

from core.errors import NeuralBakeError

from . import protocol
from .children import ROOT

ZSTANDARD = b"\x28\xb5\x2f\xfd"


def addon_results() -> ModuleType:
    """The add-on's ``results`` module, which the artist's Blender uses too.

    The add-on is a package, and where it lies differs: in a checkout it is the neighbour ``blender_addon`` of this
    package; in an installed extension it is the folder that holds this package, whatever that folder is called. So the
    add-on's parent goes on ``sys.path`` and it is imported by its folder's name, as Blender itself does. It brings its
    own ``core``, so its errors are of another class than this module's.
    """
    addon = ROOT / "blender_addon" if (ROOT / "blender_addon" / "results.py").is_file() else ROOT
    sys.path.insert(0, str(addon.parent))
    return importlib.import_module(f"{addon.name}.results")


def save(blend: Path, scene_name: str | None, directory: Path, target: Path) -> None:
    """Open ``blend``, write the result of ``directory`` into it, and save it as ``target``, which may be the same file.

    Raises:
        NeuralBakeError: the scene cannot take the result, or the file cannot be written; ``target`` is then as it was.
    """
    import bpy

    results = addon_results()
    # With its windows, or they would be missing from what is saved; scripts have no business here.
    bpy.ops.wm.open_mainfile(filepath=str(blend), load_ui=True, use_scripts=False)
    scene = bpy.data.scenes.get(scene_name) if scene_name else bpy.context.scene
    if scene is None:
        raise NeuralBakeError("no_scene", f"{blend} has no scene {scene_name}.")
    try:
        results.load(scene, directory)
    except results.NeuralBakeError as error:
        raise NeuralBakeError(error.code, error.message, error.hint, bad_input=error.bad_input) from error
    target = Path(os.path.realpath(target))  # a link stays a link
    with open(blend, "rb") as file:
        compressed = file.read(4) == ZSTANDARD
    # Always the same name, so that a killed save leaves one at most.
    partial = target.with_name(f"{target.stem}.neural_bake_partial.blend")
    try:
        # A copy in the target's folder: relative paths are adapted to it, and the rename is atomic.
        bpy.ops.wm.save_as_mainfile(filepath=str(partial), copy=True, compress=compressed, relative_remap=True)
        if target.exists():
            shutil.copymode(target, partial)
        os.replace(partial, target)
    except (RuntimeError, OSError) as error:
        reason = " ".join(str(error).split()).removeprefix("Error: ")
        raise NeuralBakeError(
            "not_saved", f"{target} cannot be saved: {reason}", "The result itself is complete.", bad_input=False
        ) from error
    finally:
        partial.unlink(missing_ok=True)


def main(argv: list[str] | None = None) -> int:
    """Save; returns the process's exit code."""
    parser = argparse.ArgumentParser(prog="bake_workers.saving")
    parser.add_argument("job", type=Path)
    parser.add_argument("--blend", type=Path, required=True, help="scene that was baked")
    parser.add_argument("--artifact", type=Path, required=True, help="folder of the result")
    parser.add_argument("--to", type=Path, required=True, help=".blend to write")
    args = parser.parse_args(argv)

    def work(events: protocol.Events) -> None:
        events.progress(0, 1)
        save(args.blend, protocol.read_job(args.job)["scene"], args.artifact, args.to)
        events.progress(1, 1)

    return protocol.run_child("saving", args.job, work)


if __name__ == "__main__":
    protocol.leave(main())
