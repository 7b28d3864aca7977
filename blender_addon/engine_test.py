# SPDX-FileCopyrightText: 2026 Neural Bake developers
#
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whether the engine can train: a process that tells (:mod:`bake_workers.engine_report`), and what came of it."""

from __future__ import annotations

import dataclasses
import json
import os
import signal
import subprocess
import tempfile
import time
from pathlib import Path

import bpy

from . import engine, preferences, redraw
from .core.errors import NeuralBakeError

# The engine's first start reads a gigabyte of torch, which takes a minute on a slow disk.
PATIENCE = 120.0
HINT = "Choose the Python of an environment with torch."
SCHEMA = "neural_bake.engine/1"
TICK_SECONDS = 0.1

_running: Test | None = None
_last: Report | None = None


def start(context: bpy.types.Context, patience: float = PATIENCE) -> None:
    """Begin to test the engine that a bake would use; one that cannot be started has its report at once."""
    global _running, _last
    stop()
    python = preferences.engine_python(context)
    try:
        if python is None:
            raise NeuralBakeError("no_engine", "No engine is set.", HINT)
        _running, _last = Test(python, patience), None
    except NeuralBakeError as error:
        _last = Report(python or Path(), str(error))


def wait() -> Report:
    """The report of the test that was started; blocks."""
    while _follow() is not None:
        time.sleep(0.02)
    return _last


def watch() -> None:
    """Look after the test from a timer, and draw the preferences again at its end."""
    if not bpy.app.timers.is_registered(_follow):
        bpy.app.timers.register(_follow, persistent=True)


def stop() -> None:
    """Break a running test off."""
    global _running
    if bpy.app.timers.is_registered(_follow):
        bpy.app.timers.unregister(_follow)
    if _running is not None:
        _running.stop()
        _running = None


def is_running() -> bool:
    return _running is not None


def last(context: bpy.types.Context) -> Report | None:
    """The last report, if it is about the engine that is set now."""
    python = preferences.engine_python(context)
    return _last if _last is not None and _last.python == (python or Path()) else None


def _follow() -> float | None:
    global _running, _last
    if _running is None:
        return None
    _last = _running.poll()
    if _last is None:
        return TICK_SECONDS
    _running = None
    redraw.preferences(bpy.context)
    return None


@dataclasses.dataclass(frozen=True)
class Report:
    """What a test found.

    Attributes:
        python: the engine that was tested.
        problem: why it cannot train, and what to do, in two sentences; empty where it can.
        lines: versions and devices, for the artist to read.
        values: what :mod:`bake_workers.engine_report` told; empty where it could not.
    """

    python: Path
    problem: str
    lines: tuple[str, ...] = ()
    values: dict = dataclasses.field(default_factory=dict)


class Test:
    """A running test of an engine.

    Args:
        python: the engine.
        patience: seconds after which it counts as hanging.

    Raises:
        NeuralBakeError: there is no such program, or it cannot be started.
    """

    def __init__(self, python: Path, patience: float = PATIENCE) -> None:
        check(python)
        self.python = python
        self.patience = patience
        self._deadline = time.monotonic() + patience
        # Files and not pipes: nobody must read them for the engine to go on, and a grandchild cannot hold them open.
        self._output, self._errors = tempfile.TemporaryFile(), tempfile.TemporaryFile()
        group = {"start_new_session": True} if os.name != "nt" else {"creationflags": subprocess.CREATE_NO_WINDOW}
        try:
            self._process = subprocess.Popen(
                engine.command(python, ["--parent-pipe"], module="bake_workers.engine_report"),
                stdin=subprocess.PIPE,
                stdout=self._output,
                stderr=self._errors,
                env=engine.environment(),
                **group,
            )
        except OSError as error:
            raise NeuralBakeError("no_engine", f"{python} does not run ({error.strerror}).", HINT) from error

    def poll(self) -> Report | None:
        """The report as soon as there is one; a test that hangs is stopped."""
        code = self._process.poll()
        if code is None and time.monotonic() < self._deadline:
            return None
        self.stop()
        if code is None:
            return Report(self.python, f"{self.python} did not answer within {self.patience:g} seconds. {HINT}")
        texts = []
        for file in (self._output, self._errors):
            file.seek(0)
            texts.append(file.read().decode("utf-8", "replace"))
            file.close()
        return read_report(self.python, code, *texts)

    def wait(self) -> Report:
        """The report; blocks."""
        while (found := self.poll()) is None:
            time.sleep(0.02)
        return found

    def stop(self) -> None:
        """End the engine and what it started."""
        if os.name != "nt":
            try:
                os.killpg(self._process.pid, signal.SIGKILL)
            except (ProcessLookupError, PermissionError):
                pass  # nobody is left
        elif self._process.poll() is None:
            self._process.kill()
        self._process.wait()
        self._process.stdin.close()


def check(python: Path) -> None:
    """Refuse what is plainly no Python, before it is started.

    Raises:
        NeuralBakeError: it is missing, a folder, or a Blender.
    """
    if python.is_dir():
        raise NeuralBakeError("no_engine", f"{python} is a folder.", "Choose the Python in it, such as bin/python.")
    if not python.is_file():
        raise NeuralBakeError("no_engine", f"There is no file {python}.", HINT)
    if python.name.lower().startswith("blender"):  # it would take our options for its own and open a window
        raise NeuralBakeError("no_engine", f"{python} is a Blender.", HINT)


def read_report(python: Path, code: int, output: str, errors: str) -> Report:
    """Judge what a tested program left: its exit code and what it printed."""
    values = _last_json(output)
    last = (errors.strip().splitlines() or [""])[-1][:300]
    if values is None:
        if errors.startswith("Unknown option: -P"):
            problem = f"{python} is a Python older than 3.11."
        elif code != 0 and "Traceback" in errors:
            problem = f"{python} fails: {last}."
        elif code < 0:
            problem = f"{python} crashed (signal {-code})."
        else:
            problem = f"{python} is no Python that works."
        return Report(python, f"{problem} {HINT}")
    problem = ""
    missing = values["missing"]
    broken = {package: values["broken"][package] for package in missing if package in values["broken"]}
    if broken:
        package, why = next(iter(broken.items()))
        problem = f"{package} of {python} does not load ({why}). Install it again: {_pip(python, [package])}"
    elif missing:
        problem = f"{python} has no {', '.join(missing)}. Install what is missing: {_pip(python, missing)}"
    elif values["devices"][0]["problem"]:
        problem = f"{python} cannot train ({values['devices'][0]['problem']}). Install torch again."
    return Report(python, problem, tuple(_lines(values)), values)


def _last_json(output: str) -> dict | None:
    """The report among what a program printed, or None."""
    for line in reversed(output.splitlines()):
        try:
            values = json.loads(line)
        except ValueError:
            continue
        if isinstance(values, dict) and values.get("schema") == SCHEMA:
            return values
    return None


def _lines(values: dict) -> list[str]:
    packages = values["packages"]
    found = ", ".join(f"{name} {version}" for name, version in packages.items() if version is not None)
    lines = [f"Python {values['python']}", *([found] if found else [])]
    for device in values["devices"]:
        what = device["problem"] or f"{1000 * device['step_seconds']:.1f} ms a training step"
        lines.append(f"{device['device'].upper()} ({device['name']}): {what}")
    if values["devices"] and packages["onnxruntime"] is None:
        lines.append("onnxruntime is not installed (needed for ONNX models only)")
    if values["devices"] and packages.get("ziglang", "") is None:
        lines.append("ziglang is not installed (without it light grids train ten times slower)")
    return lines


def _pip(python: Path, packages: list[str]) -> str:
    return f"{python} -m pip install {' '.join(packages)}"
