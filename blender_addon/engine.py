# SPDX-FileCopyrightText: 2026 Neural Bake developers
#
# SPDX-License-Identifier: GPL-3.0-or-later

"""The engine: where the one is that the add-on made, and how its processes are started."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

import bpy

from .bake_workers import engine_setup

# The folder that holds core and bake_workers: this one in an installed extension, its parent in a checkout.
ROOT = next(folder for folder in Path(__file__).resolve().parents if (folder / "bake_workers").is_dir())


def own_folder() -> Path:
    """The extension's folder for what it writes: never beside the code."""
    try:
        return Path(bpy.utils.extension_path_user(__package__))
    except ValueError:  # registered by a script, and so no extension
        return Path(bpy.utils.user_resource('DATAFILES', path="neural_bake"))


def made_folder() -> Path:
    """Where the engine is that the add-on makes."""
    return own_folder() / "engine" / "python"


def made_state() -> str:
    """How it stands: ``NONE``, ``READY``, ``OUTDATED`` or ``BROKEN``; see :func:`bake_workers.engine_setup.state`."""
    return engine_setup.state(made_folder())


def made_python() -> Path | None:
    """Its Python, or None where there is none that could run."""
    return engine_setup.python_of(made_folder()) if made_state() in {"READY", "OUTDATED"} else None


def command(python: Path, words: Iterable[object], *, module: str = "bake_workers") -> list[str]:
    """The command line that runs one of our modules in the engine.

    Args:
        python: the engine's Python; see :func:`.preferences.engine_python`.
        words: the module's arguments, such as ``("run", JOB, "--out", DIR)``.
    """
    return [str(python), "-P", "-m", module, *(str(word) for word in words)]


def environment() -> dict[str, str]:
    """The engine's environment: our packages importable, no bytecode beside them, nothing of Blender's own Python."""
    kept = {name: value for name, value in os.environ.items() if name not in ("PYTHONHOME", "PYTHONSTARTUP")}
    return {**kept, "PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1", "PYTHONUTF8": "1"}
