# SPDX-FileCopyrightText: 2026 Neural Bake developers
#
# SPDX-License-Identifier: GPL-3.0-or-later

"""How a process of the engine is started: its command line and its environment."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

# The folder that holds core and bake_workers: this one in an installed extension, its parent in a checkout.
ROOT = next(folder for folder in Path(__file__).resolve().parents if (folder / "bake_workers").is_dir())


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
