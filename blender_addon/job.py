# SPDX-FileCopyrightText: 2026 Neural Bake developers
#
# SPDX-License-Identifier: GPL-3.0-or-later

"""One bake of the add-on: its process, where that is, and the scene that the result belongs to."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterable
from pathlib import Path

import bpy

from . import compat, engine, job_folders, preferences
from .bake_workers import protocol
from .bake_workers.terminal import STAGE_NAMES, TimeLeft
from .core.errors import NeuralBakeError

ENDED = {'DONE', 'FAILED', 'CANCELLED'}
OUTPUT = "runner.jsonl"
LOGS = ("runner.log", "training.log", "capture.log")
CANCEL_SECONDS = 1.0
# What to do in Blender where the processes' own hint is about the command line, by an error's code.
HINTS = {
    "disk_full": "Free some space and press Resume.",
    "no_program": "Create or choose an engine in the preferences.",
    "no_torch": "Create or choose an engine in the preferences.",
    "bad_output": "Choose another folder.",
    "busy": "Wait for it, or cancel it there.",
    "corrupt_file": "Discard it and bake again.",
    "no_volume": "Add one (Add > Light Probe > Volume).",
    "no_device": "Choose the CPU as Train Device in the preferences.",
}


def in_blender(code: str, message: str, hint: str) -> str:
    """What went wrong and what to do about it, told to somebody without a command line."""
    return f"{message} {HINTS.get(code, hint)}".strip()


class Job:
    """A bake in the queue, at work, or just ended.

    Args:
        stored: its folder.
        expected: seconds that measuring and training will probably take.

    Attributes:
        state: ``QUEUED``, ``RUNNING``, ``WAITING``, ``DONE``, ``FAILED`` or ``CANCELLED``.
        stage: what it does now, for people; ``text`` says more, and ``done`` of ``total`` parts are finished.
        fraction: share of the whole bake that is done, 0 to 1.
        seconds_left: of the whole bake, or None while nothing can be said.
        message: why it failed, or what it waits for.
        preview: newest picture of the light.
        place: place in the queue, from 1.
        resumed: whether to keep what an earlier run measured.
        settled: whether the cache was tidied up after its end.
    """

    def __init__(self, stored: job_folders.Stored, expected: tuple[float, float]) -> None:
        self.stored = stored
        self.state = 'QUEUED'
        self.stage = self.text = self.message = ""
        self.done = self.total = self.place = 0
        self.fraction = 0.0
        self.seconds_left: float | None = None
        self.preview: Path | None = None
        self.resumed = self.settled = False
        self.files_opened = -1
        self._expected = expected
        self._uids: dict[str, int] = {}
        self._followed: dict[str, int] = {}
        self._scene_uid = 0
        self._owner: int | None = None
        self._process: subprocess.Popen | None = None
        self._tail: protocol.EventTail | None = None
        self._error: dict = {}
        self._cancelled_at: float | None = None
        self._stage = ""
        self._left = TimeLeft()
        self._stage_left: tuple[float, float] | None = None

    @property
    def id(self) -> str:
        return self.stored.id

    @property
    def kind(self) -> str:
        return self.stored.kind

    @property
    def scene_name(self) -> str:
        return self.stored.scene_name

    @property
    def targets(self) -> list[str]:
        return self.stored.targets

    @property
    def directory(self) -> Path:
        """The result's folder."""
        return self.stored.directory

    @property
    def ended(self) -> bool:
        return self.state in ENDED

    @property
    def log(self) -> Path | None:
        """The log to read first after a failure: that of the process which wrote last."""
        logs = [path for path in (self.stored.folder / name for name in LOGS) if path.is_file() and path.stat().st_size]
        return max(logs, key=lambda path: path.stat().st_mtime, default=None)

    def own(self) -> bool:
        """Take the job's folder; False where another Blender has it."""
        self._owner = job_folders.take(self.stored)
        return self._owner is not None

    def remember(
        self,
        scene: bpy.types.Scene,
        targets: list[bpy.types.Object],
        files_opened: int,
        followed: Iterable[bpy.types.Object] = (),
    ) -> None:
        """Note what the result belongs to, and the lamps that it is about, so that they are found under other names."""
        self.files_opened = files_opened
        self._scene_uid = scene.session_uid
        self._uids = {target.name: target.session_uid for target in targets}
        self._followed = {lamp.name: lamp.session_uid for lamp in followed}

    def is_for(self, scene: bpy.types.Scene, obj: bpy.types.Object, same_file: bool) -> bool:
        """Whether an object will get the result; see :meth:`recall` for ``same_file``."""
        if same_file and self._uids:
            return obj.session_uid in self._uids.values() and scene.session_uid == self._scene_uid
        return scene.name == self.scene_name and obj.name in self.targets

    def recall(self, same_file: bool) -> tuple[bpy.types.Scene, dict[str, bpy.types.Object]]:
        """The scene of the job, and its objects by the name that they had.

        Args:
            same_file: whether no other file was opened since; else only names can tell.

        Raises:
            NeuralBakeError: the scene is gone.
        """
        if same_file and self._scene_uid:
            scene = next((scene for scene in bpy.data.scenes if scene.session_uid == self._scene_uid), None)
        else:
            scene = bpy.data.scenes.get(self.scene_name)
        if scene is None:
            hint = "Use Load Result in another one."
            raise NeuralBakeError("no_scene", f"The scene {self.scene_name} is gone.", hint)
        by_uid = {obj.session_uid: obj for obj in scene.objects} if same_file else {}
        uids = {**self._followed, **self._uids}
        return scene, {name: by_uid[uid] for name, uid in uids.items() if uid in by_uid}

    def start(self, context: bpy.types.Context) -> None:
        """Start the engine.

        Raises:
            NeuralBakeError: there is none, or it does not run.
        """
        python = preferences.engine_python(context)
        if python is None:
            raise NeuralBakeError("no_engine", "No engine is set.", "Create one in the preferences.")
        folder = self.stored.folder
        words = ["run", folder, "--out", self.directory, "--blender", compat.blender_program(), "--json"]
        words.append("--parent-pipe")
        if self.resumed:
            words.append("--resume")
        (folder / protocol.CANCEL).unlink(missing_ok=True)
        (folder / OUTPUT).unlink(missing_ok=True)
        # Ctrl-C in Blender's terminal is Blender's; the artist's own work goes first.
        group = (
            {"creationflags": subprocess.CREATE_NO_WINDOW | subprocess.BELOW_NORMAL_PRIORITY_CLASS}
            if sys.platform == "win32"
            else {"start_new_session": True}
        )
        try:
            with open(folder / OUTPUT, "wb") as output, open(folder / LOGS[0], "wb") as errors:
                self._process = subprocess.Popen(
                    engine.command(python, words),
                    stdin=subprocess.PIPE,
                    stdout=output,
                    stderr=errors,
                    env=engine.environment(),
                    cwd=folder,
                    **group,
                )
        except OSError as error:
            hint = "Set it in the preferences."
            raise NeuralBakeError("no_engine", f"The engine {python} does not run ({error.strerror}).", hint) from error
        self._tail = protocol.EventTail(folder / OUTPUT)
        self.stage = "Starting"
        self.set_state('RUNNING')

    def follow(self) -> bool:
        """Take in what the process has told since the last look; returns whether there is something new to show."""
        code = self._process.poll()
        events = self._tail.read()
        for event in events:
            self._take(event)
        self._count_down()
        if code is None:
            if self._cancelled_at is not None and time.monotonic() - self._cancelled_at > CANCEL_SECONDS:
                self._process.stdin.close()  # at this the engine leaves at once, with all that it started
            return bool(events) or self.seconds_left is not None
        self._process.stdin.close()
        if code == protocol.EXIT_OK:
            self.fraction, self.seconds_left = 1.0, 0.0
            self.set_state('WAITING')
        elif self._cancelled_at is not None or code == protocol.EXIT_CANCELLED:
            self.end('CANCELLED', "Cancelled.")
        else:
            self.end('FAILED', self._failure(code))
        return True

    def cancel(self) -> None:
        """Stop; takes effect within a second, see :meth:`follow`."""
        if self.state == 'QUEUED':
            self.end('CANCELLED', "Cancelled.")
            if not self.resumed:
                self.stored.remove()  # nothing was measured that could be resumed
        elif self.state == 'RUNNING' and self._cancelled_at is None:
            self._cancelled_at = time.monotonic()
            self.stage, self.text, self.total = "Cancelling", "", 0
            (self.stored.folder / protocol.CANCEL).touch()
            if os.name != "nt":  # the file alone would wait for the engine to be up
                self._process.terminate()

    def abandon(self) -> None:
        """Stop without waiting, as when Blender ends; the job can be resumed."""
        if self._process is not None and self._process.poll() is None:
            self._process.stdin.close()
            self._process.wait()
        self._release()

    def set_state(self, state: str, message: str = "") -> None:
        if (state, message) != (self.state, self.message) or state == 'QUEUED':
            self.state, self.message = state, message
            self.stored.state, self.stored.message = state, message
            try:
                self.stored.write()
            except OSError:
                pass  # a full disk: the job goes on, and what is noted there serves only after a crash

    def end(self, state: str, message: str) -> None:
        """The job is over, one way or the other."""
        self.seconds_left = None
        self.set_state(state, message)
        self._release()

    def _release(self) -> None:
        if self._owner is not None:
            os.close(self._owner)
            self._owner = None

    def _take(self, event: dict) -> None:
        kind = event.get("type")
        if kind == "stage":
            self._stage = str(event.get("stage"))
            self.stage = STAGE_NAMES.get(self._stage, self._stage.title())
            self.done, self.total, self.text = 0, 0, ""
            self._left, self._stage_left = TimeLeft(), None
        elif kind == "progress" and self._cancelled_at is None:
            self.done, self.total = int(event.get("done", 0)), int(event.get("total", 0))
            self.text = str(event.get("text", ""))
            now = time.monotonic()
            left = self._left.update(now, self.done, self.total)
            self._stage_left = None if left is None else (now, left)
        elif kind == "preview":
            # Only a name counts: whatever else is written there, pictures are taken from the job's folder.
            path = self.stored.folder / Path(str(event.get("path", ""))).name
            self.preview = path if path.is_file() else None
        elif kind == "error":
            self._error = event

    def _count_down(self) -> None:
        """Fraction and time left of the whole bake, from the pace of this stage and the estimate of the other."""
        capture, training = self._expected
        share = min(1.0, self.done / self.total) if self.total > 1 else 0.0
        in_training = self._stage == "training"
        if in_training and not self.text.startswith("train"):
            share = 0.0  # the rivals are tuned first, with a count of their own
        part = capture + training * share if in_training else capture * share
        self.fraction = max(self.fraction, part / (capture + training))
        if self._stage_left is None:
            left = (1.0 - share) * (training if in_training else capture)
        else:
            since, left = self._stage_left
            left = max(0.0, left - (time.monotonic() - since))
        self.seconds_left = left if in_training else left + training

    def _failure(self, code: int) -> str:
        if self._error:
            told = [str(self._error.get(key, "")) for key in ("code", "message", "hint")]
            return in_blender(*told) or "The bake failed."
        if code < 0 or code == protocol.EXIT_PARENT_GONE:
            return "The engine was stopped from outside. Press Resume to go on."
        return f"The engine ended with code {code}. Its log says why."
