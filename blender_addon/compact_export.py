# SPDX-FileCopyrightText: 2026 Neural Bake developers
#
# SPDX-License-Identifier: GPL-3.0-or-later

"""A light grid's result as a file of 64 bytes a probe, written by the engine in the background.

The engine gets the result from a folder of its own, because the one that was baked may be gone from the cache.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from pathlib import Path

import bpy

from . import engine, kinds, preferences, redraw
from .bake_workers import protocol
from .core import artifact
from .core.errors import NeuralBakeError
from .job import in_blender

TICK_SECONDS = 0.25
OUTPUT = "events.jsonl"

_running: Export | None = None
_last: Export | None = None


def running() -> Export | None:
    """The export at work."""
    return _running


def last() -> Export | None:
    """The one that ended last."""
    return _last


def start(context: bpy.types.Context, keeper: bpy.types.Object, path: Path) -> Export:
    """Begin to write an object's result to a file, and follow it by a timer where there is a window.

    Raises:
        NeuralBakeError: another one is being written, there is no engine or no such result, or no room for it.
    """
    global _running, _last
    if _running is not None:
        raise NeuralBakeError("busy", f"{_running.path.name} is being written.", "Wait for it, or cancel it.")
    _running, _last = Export(context, keeper, path), None
    if not bpy.app.background:
        bpy.app.timers.register(_tick, first_interval=TICK_SECONDS, persistent=True)
    return _running


def wait(export: Export) -> None:
    """Block until it is written, has failed or was cancelled. For scripts."""
    while not export.ended:
        _tick()
        time.sleep(0.02)


class Export:
    """A file that is being written.

    Args:
        keeper: object that holds the result.
        path: the file.

    Attributes:
        done, total: steps of the fit.
        ended: whether the engine has left; then ``problem`` says why there is no file, or is empty.
        message: how it ended, in a sentence.
    """

    def __init__(self, context: bpy.types.Context, keeper: bpy.types.Object, path: Path) -> None:
        self.path = path
        self.done, self.total = 0, 1
        self.ended, self.problem, self.message = False, "", ""
        python = preferences.engine_python(context)
        if python is None:
            raise NeuralBakeError("no_engine", "No engine is set.", "Create one in the preferences.")
        data, manifest, _ = artifact.stored_weights(keeper, kinds.LIGHT_GRID)
        if path.is_dir() or not path.parent.is_dir():
            raise NeuralBakeError("bad_output", f"{path}: no file can be written there.", "Choose another folder.")
        try:
            self._folder = tempfile.TemporaryDirectory(prefix="neural_bake_")
            folder = Path(self._folder.name)
            result = folder / "result"
            result.mkdir()
            (result / artifact.WEIGHTS).write_bytes(data)
            artifact.write_manifest(result, manifest)
            words = [result, path, "--json"]
            hidden = {"creationflags": subprocess.CREATE_NO_WINDOW} if sys.platform == "win32" else {}
            with open(folder / OUTPUT, "wb") as output, open(folder / "log", "wb") as errors:
                self._process = subprocess.Popen(
                    engine.command(python, words, module="bake_workers.compacting"),
                    stdin=subprocess.PIPE,
                    stdout=output,
                    stderr=errors,
                    env=engine.environment(),
                    start_new_session=sys.platform != "win32",
                    **hidden,
                )
        except OSError as error:
            raise NeuralBakeError("no_engine", f"The export does not start ({error.strerror}).") from error
        self._tail = protocol.EventTail(folder / OUTPUT)

    def follow(self) -> bool:
        """Take in what the engine has told since the last look; returns whether there is something new to show."""
        code = self._process.poll()
        events = self._tail.read()
        for event in events:
            if event.get("type") == "progress":
                self.done, self.total = int(event.get("done", 0)), max(int(event.get("total", 1)), 1)
            elif event.get("type") == "error":
                self.problem = in_blender(*(str(event.get(key, "")) for key in ("code", "message", "hint")))
            elif event.get("type") == "end":
                self.message = str(event.get("message", ""))
        if code is not None and not self.ended:
            if code != protocol.EXIT_OK and not self.problem:
                log = (Path(self._folder.name) / "log").read_text("utf-8", "replace").strip().splitlines() or [""]
                self.problem = f"The engine ended with code {code}. {log[-1]}".strip()
            self._end()
        return bool(events) or self.ended

    def cancel(self) -> None:
        """Stop at once; an earlier file of that name stays as it was."""
        if not self.ended:
            self.problem = f"{self.path.name} was not written: cancelled."
            self._process.kill()
            self._process.wait()
            self._end()

    def _end(self) -> None:
        self.ended = True
        self._process.stdin.close()
        self._folder.cleanup()
        self.message = self.problem or self.message


def _tick() -> float | None:
    global _running, _last
    if _running is None:
        return None
    if _running.follow():
        redraw.panels(bpy.context)
    if not _running.ended:
        return TICK_SECONDS
    _running, _last = None, _running
    return None


def stop() -> None:
    """Break a running export off, as when the add-on is disabled."""
    global _running, _last
    if bpy.app.timers.is_registered(_tick):
        bpy.app.timers.unregister(_tick)
    if _running is not None:
        _running.cancel()
    _running = _last = None
