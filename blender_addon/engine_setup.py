# SPDX-FileCopyrightText: 2026 Neural Bake developers
#
# SPDX-License-Identifier: GPL-3.0-or-later

"""The engine that the add-on makes itself: where it is, how it stands, and the process that makes it.

It is a virtual environment in the extension's user folder, made from Blender's own Python or another one; into those
nothing is installed. What the process does is in :mod:`bake_workers.engine_setup`.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import bpy

from . import engine, redraw
from .bake_workers import engine_setup as setup
from .bake_workers import protocol
from .core.errors import NeuralBakeError

TICK_SECONDS = 0.2
LOG = "engine.log"
EVENTS = "engine.jsonl"

_running: Setup | None = None
_last_problem = ""


class Setup:
    """The process at work; ``text`` and ``fraction`` (0 to 1) say where it is."""

    def __init__(self, folder: Path, command: list[str]) -> None:
        self.text, self.fraction, self.problem = "Starting", 0.0, ""
        self.cancelled = False
        parent = folder.parent
        parent.mkdir(parents=True, exist_ok=True)
        (parent / EVENTS).unlink(missing_ok=True)
        # A group of its own, so that pip is stopped with it.
        group = (
            {"creationflags": subprocess.CREATE_NO_WINDOW | subprocess.CREATE_NEW_PROCESS_GROUP}
            if sys.platform == "win32"
            else {"start_new_session": True}
        )
        with open(parent / EVENTS, "wb") as output, open(parent / LOG, "wb") as errors:
            self._process = subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=output, stderr=errors, env=engine.environment(), **group
            )
        self._tail = protocol.EventTail(parent / EVENTS)

    def follow(self) -> bool:
        """Take in what is new; returns whether it is still at work."""
        code = self._process.poll()
        for event in self._tail.read():
            if event.get("type") == "progress":
                self.text = str(event.get("text", ""))
                self.fraction = max(self.fraction, int(event.get("done", 0)) / max(1, int(event.get("total", 1))))
            elif event.get("type") == "error":
                self.problem = str(event.get("message", ""))
        if code is None:
            return True
        self._process.stdin.close()
        if self.cancelled:
            self.problem = "Cancelled."
        elif code != 0 and not self.problem:
            self.problem = "The engine could not be made. The log says why."
        return False

    def cancel(self) -> None:
        """Stop it and pip; what was begun is removed the next time."""
        self.cancelled = True
        if self._process.poll() is None:
            if os.name == "nt":
                command = ["taskkill", "/T", "/F", "/PID", str(self._process.pid)]
                subprocess.run(command, capture_output=True, check=False)
            else:
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()


def running() -> Setup | None:
    """The setup at work."""
    return _running


def problem() -> str:
    """Why the last one failed."""
    return _last_problem


def base_python(chosen: str) -> Path:
    """The Python to make the engine from: the chosen one, else Blender's own.

    Raises:
        NeuralBakeError: it does not run, or is too old.
    """
    path = Path(bpy.path.abspath(chosen)) if chosen else Path(sys.executable)
    probe = "import sys, venv; print('%d.%d' % sys.version_info[:2], sys.maxsize > 2**32)"
    hint = "Choose a Python of version 3.11 or newer under Made From."
    try:
        result = subprocess.run(
            [str(path), "-I", "-c", probe],
            capture_output=True,
            text=True,
            timeout=20,
            stdin=subprocess.DEVNULL,
            check=False,
        )
        version, is_64_bit = result.stdout.split()
    except (OSError, ValueError, subprocess.TimeoutExpired) as error:
        raise NeuralBakeError("no_python", f"{path} is no Python that can make environments.", hint) from error
    if tuple(map(int, version.split("."))) < setup.LEAST_PYTHON or is_64_bit != "True":
        raise NeuralBakeError("old_python", f"{path} is Python {version}, too old for the engine.", hint)
    return path


def start(base: str, torch: str, wheels: str) -> None:
    """Begin to make the engine.

    Args:
        base: Python to make it from; empty for Blender's own.
        torch: ``cpu`` or ``cuda``.
        wheels: folder of wheels to install from without network; empty for the network.

    Raises:
        NeuralBakeError: it cannot be begun, and why.
    """
    global _running, _last_problem
    if _running is not None:
        raise NeuralBakeError("busy", "An engine is being made already.", "Wait for it, or cancel it.")
    if not wheels and not bpy.app.online_access:
        hint = "Allow Online Access in the preferences, under System, or choose a folder of wheels."
        raise NeuralBakeError("offline", "Blender is not allowed to use the network.", hint)
    words = [engine.made_folder(), "--torch", torch, "--parent-pipe"]
    if wheels:
        path = Path(bpy.path.abspath(wheels))
        if not path.is_dir():
            raise NeuralBakeError("no_wheels", f"There is no folder {path}.", "Choose the folder with the wheels.")
        words += ["--wheels", path]
    command = engine.command(base_python(base), words, module="bake_workers.engine_setup")
    try:
        _running, _last_problem = Setup(engine.made_folder(), command), ""
    except OSError as error:
        raise NeuralBakeError(*protocol.describe_os_error(error)) from error


def watch() -> None:
    """Follow it from a timer."""
    if not bpy.app.timers.is_registered(_follow):
        bpy.app.timers.register(_follow, persistent=True)


def wait() -> str:
    """Block until it is done; returns why it failed, or an empty text."""
    while _follow() is not None:
        time.sleep(0.05)
    return _last_problem


def cancel() -> None:
    if _running is not None:
        _running.cancel()


def _follow() -> float | None:
    global _running, _last_problem
    if _running is None:
        return None
    is_at_work = _running.follow()
    redraw.preferences(bpy.context)
    if is_at_work:
        return TICK_SECONDS
    _running, _last_problem = None, _running.problem
    return None


def register() -> None:
    pass


def unregister() -> None:
    """Blender or the add-on goes: nothing is left running."""
    global _running
    if bpy.app.timers.is_registered(_follow):
        bpy.app.timers.unregister(_follow)
    cancel()
    _running = None
