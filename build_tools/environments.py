# SPDX-FileCopyrightText: 2026 Neural Bake developers
#
# SPDX-License-Identifier: GPL-3.0-or-later

"""Virtual environments beside the code, installed from lock files and left alone while those stay the same."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
STAMP = "neural_bake.sha256"


class BuildError(Exception):
    """A failure that one sentence explains."""


def engine_python() -> Path:
    """The Python of ``.venv`` (bpy 4.5, torch, pytest), made where it is missing."""
    return make(".venv", Path(sys.executable), "engine.txt")


def other_pythons() -> dict[str, Path]:
    """Pythons with other Blenders, by Blender's version; a version is left out where its Python is not found."""
    found = {"5.0": make(".venv-5.0", Path(sys.executable), "bpy-5.0.txt")}
    newer = find_python("3.13")
    if newer is None:
        print("no Python 3.13 is found: Blender 5.2 is not tested", flush=True)
    else:
        found["5.2"] = make(".venv-5.2", newer, "bpy-5.2.txt")
    return found


def make(name: str, base: Path, lock_name: str) -> Path:
    """Make or update an environment.

    Args:
        name: folder beside the code, such as ``.venv``.
        base: Python that it is made from.
        lock_name: file of ``requirements/`` with every package's version.

    Returns:
        The environment's Python.

    Raises:
        BuildError: the environment could not be made, or a package could not be installed.
    """
    folder = ROOT / name
    lock = ROOT / "requirements" / lock_name
    python = folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    stamp = folder / STAMP
    wanted = hashlib.sha256(lock.read_bytes()).hexdigest()
    if stamp.is_file() and stamp.read_text().strip() == wanted and version(python):
        return python
    print(f"making {name} from requirements/{lock_name} (the first time takes some minutes)", flush=True)
    if version(python) != version(base):
        if folder.exists():
            shutil.rmtree(folder)
        create(folder, base)
    install(python, base, lock)
    stamp.write_text(wanted + "\n")
    return python


def create(folder: Path, base: Path) -> None:
    """Make an empty environment, also with a Python that lacks ``ensurepip`` as some Linux distributions' do."""
    if run_quietly([base, "-c", "import ensurepip, venv"]).returncode == 0:
        result = run_quietly([base, "-m", "venv", folder])
    else:
        result = run_quietly([base, "-m", "venv", "--without-pip", folder])
    if result.returncode != 0:
        raise BuildError(
            f"{base} cannot make a virtual environment in {folder}: {last_line(result)} "
            "(on Debian or Ubuntu: apt install python3.11-venv)"
        )


def install(python: Path, base: Path, lock: Path) -> None:
    """Install a lock file with the environment's pip, else the base Python's pip, else uv."""
    flags = ["--requirement", str(lock), "--disable-pip-version-check", "--quiet"]
    if run_quietly([python, "-m", "pip", "--version"]).returncode == 0:
        command = [python, "-m", "pip", "install", *flags]
    elif run_quietly([base, "-m", "pip", "--version"]).returncode == 0:
        command = [base, "-m", "pip", "--python", python, "install", *flags]
    elif shutil.which("uv"):
        command = ["uv", "pip", "install", "--quiet", "--python", python, "--requirement", lock]
    else:
        raise BuildError(
            f"{base} has no pip. Install it (on Debian or Ubuntu: apt install python3.11-venv), or install uv."
        )
    if subprocess.run([str(word) for word in command], check=False).returncode != 0:
        raise BuildError(f"the packages of {lock.name} could not be installed; pip says above why")


def find_python(wanted: str) -> Path | None:
    """A Python of that version that really runs: from the PATH, from pyenv, or by Windows' launcher."""
    candidates = [Path(folder) / f"python{wanted}" for folder in os.environ.get("PATH", "").split(os.pathsep) if folder]
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"))
    candidates += sorted(pyenv.glob(f"versions/{wanted}*/bin/python"), reverse=True)
    if os.name == "nt":
        result = run_quietly(["py", f"-{wanted}", "-c", "import sys; print(sys.executable)"])
        candidates = [Path(result.stdout.strip())] if result.returncode == 0 else []
    return next((path for path in candidates if version(path) == wanted), None)


def version(python: Path) -> str | None:
    """``"3.13"`` and the like, or None where the program does not run, as a pyenv shim whose version is not chosen."""
    if not python.is_file():
        return None
    result = run_quietly([python, "-c", "import sys; print('%d.%d' % sys.version_info[:2])"])
    return result.stdout.strip() if result.returncode == 0 else None


def run_quietly(command: list[str | Path]) -> subprocess.CompletedProcess[str]:
    """Run to the end with the output kept; a program that cannot start counts as failed."""
    try:
        return subprocess.run([str(word) for word in command], capture_output=True, text=True, check=False)
    except OSError as error:
        return subprocess.CompletedProcess(command, 127, "", str(error))


def last_line(result: subprocess.CompletedProcess[str]) -> str:
    """The last line that a failed program printed."""
    lines = (result.stdout + result.stderr).strip().splitlines()
    return lines[-1] if lines else f"exit code {result.returncode}"
