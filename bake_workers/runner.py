# SPDX-FileCopyrightText: 2026 Neural Bake developers
#
# SPDX-License-Identifier: GPL-3.0-or-later

"""Runs the stages of a bake as child processes, one after another, and publishes the result.

Nothing of Blender or torch is loaded here: the runner only starts, watches and stops. It is the one that a cancel
reaches (SIGINT, SIGTERM, or a file ``JOB/cancel``), that holds the job folder's lock, and that decides the exit code.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import shutil
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path

from core import artifact
from core.errors import NeuralBakeError

from . import protocol
from .children import Child, module_command
from .jobfolder import JobFolder, read_usage
from .terminal import JsonLines, Lines

POLL_SECONDS = 0.05
BLEND_MAGICS = (b"BLENDER", b"\x28\xb5\x2f\xfd", b"\x1f\x8b")  # plain, Zstandard (since 3.0), gzip (before)


class Cancelled(Exception):
    """The user stopped the bake."""


class StageError(NeuralBakeError):
    """A stage failed and has already told so by an event."""


@dataclasses.dataclass(frozen=True)
class Programs:
    """``engine``: a Python with torch. ``blender``: a Blender, or a Python with the bpy module."""

    engine: Path
    blender: Path


def check_blend(path: Path) -> None:
    """Refuse a scene file that is missing or no .blend, before a Blender is started for it.

    Raises:
        NeuralBakeError: there is no such file, it cannot be read, or it does not begin like a .blend.
    """
    try:
        with open(path, "rb") as file:
            start = file.read(7)
    except FileNotFoundError as error:
        raise NeuralBakeError("missing_blend", f"There is no file {path}.", "Check the path of the scene.") from error
    except OSError as error:
        raise NeuralBakeError("unreadable_blend", f"{path} cannot be read ({error.strerror}).") from error
    if not start.startswith(BLEND_MAGICS):
        raise NeuralBakeError("bad_blend", f"{path} is no .blend file.", "Save the scene from Blender.")


class Runner:
    """One run in one job folder.

    Args:
        folder: the job folder, with its lock held.
        out: folder of the result.
        programs: what the stages run in.
        reporter: where events are shown.
    """

    def __init__(self, folder: JobFolder, out: Path, programs: Programs, reporter: JsonLines | Lines) -> None:
        self.folder = folder
        self.out = out
        self.programs = programs
        self.reporter = reporter
        self._signalled = False
        self._tail = protocol.EventTail(folder.path / protocol.EVENTS)

    def bake(self, *, blend: Path, save_to: Path | None, update: bool = False) -> dict:
        """Capture, train, publish and (with ``save_to``) write the result into a .blend; return the manifest.

        Args:
            update: keep the weights of the result that is there, and learn only its values anew.

        Raises:
            NeuralBakeError: a stage failed; the earlier result still stands.
            Cancelled: the user stopped it; likewise.
        """
        job = str(self.folder.path)
        self._stage(
            "capture", module_command(self.programs.blender, "bake_workers.capture", [job, "--blend", str(blend)])
        )
        kind = protocol.read_job(self.folder.path)["kind"]
        manifest = self.train(dataset=self.folder.dataset, kind=kind, overrides=None, update=update)
        if save_to is not None:
            self._stage(
                "saving",
                module_command(
                    self.programs.blender,
                    "bake_workers.saving",
                    [job, "--blend", str(blend), "--artifact", str(self.out), "--to", str(save_to)],
                ),
            )
        return manifest

    def train(self, *, dataset: Path, kind: str, overrides: dict | None, update: bool = False) -> dict:
        """Train from a dataset and publish the result; ``overrides`` None takes the job's own settings.

        Returns:
            The manifest, with every stage's seconds (``timings``) and highest memory in bytes (``peak_memory``).
        """
        staging = artifact.staging_directory(self.out)
        if staging.exists():
            shutil.rmtree(staging)  # what a killed run left
        staging.mkdir(parents=True)
        try:
            arguments = [str(self.folder.path), "--kind", kind, "--dataset", str(dataset), "--out", str(staging)]
            if overrides is not None:
                arguments += ["--overrides", json.dumps(overrides)]
            if update:
                arguments += ["--keep", str(self.out)]
            self._stage("training", module_command(self.programs.engine, "bake_workers.training", arguments))
            usage = {**read_usage(dataset.parent), **read_usage(self.folder.path)}
            manifest = json.loads((staging / artifact.MANIFEST).read_bytes())
            stages = [stage for stage in ("capture", "training") if stage in usage]
            timings = {stage: usage[stage]["seconds"] for stage in stages}
            manifest["timings"] = {**timings, **manifest.get("timings", {})}  # the trainer tells its own parts
            manifest["peak_memory"] = {stage: usage[stage]["peak_memory"] for stage in stages}
            manifest = artifact.write_manifest(staging, manifest)
            self._check_cancel()
            artifact.publish(staging, self.out)
        finally:
            if staging.exists():
                shutil.rmtree(staging)
        return manifest

    def catch_signals(self) -> Callable[[], None]:
        """Take SIGINT and SIGTERM as the wish to cancel; returns what puts the earlier handlers back."""
        names = [name for name in ("SIGINT", "SIGTERM", "SIGBREAK") if hasattr(signal, name)]
        earlier = {name: signal.signal(getattr(signal, name), self._on_signal) for name in names}

        def restore() -> None:
            for name, handler in earlier.items():
                signal.signal(getattr(signal, name), handler)

        return restore

    def _on_signal(self, *_: object) -> None:
        self._signalled = True

    def _check_cancel(self) -> None:
        if self._signalled or self.folder.cancel_asked():
            raise Cancelled

    def _stage(self, name: str, command: list[str]) -> None:
        """Run one child to its end, showing its events.

        Raises:
            NeuralBakeError: it failed.
            Cancelled: it was stopped.
        """
        self._check_cancel()
        self.reporter.stage(name)
        log = self.folder.path / f"{name}.log"
        start = time.monotonic()
        error: dict | None = None
        child = Child(command, log)
        try:
            while child.poll() is None:
                self._check_cancel()
                error = self._show_events() or error
                self.reporter.tick()
                time.sleep(POLL_SECONDS)
            error = self._show_events() or error
        finally:
            if child.poll() is None:
                child.stop()
            seconds = time.monotonic() - start
            # A full disk cannot take this note; what is wrong then is told by the stage itself.
            with contextlib.suppress(OSError):
                self.folder.add_usage(name, seconds, child.peak_memory)
        if child.returncode != 0:
            raise self._failure(name, child.returncode, error, log)
        self.reporter.stage_done(seconds)

    def _show_events(self) -> dict | None:
        """Pass new events on; return the last error among them."""
        error = None
        for event in self._tail.read():
            self.reporter.event(event)
            if event.get("type") == "error":
                error = event
        return error

    def _failure(self, stage: str, code: int, event: dict | None, log: Path) -> NeuralBakeError:
        """What a child's end means, said to the user."""
        if event is not None:
            return StageError(
                event.get("code", "failed"),
                event.get("message", f"The stage {stage} failed."),
                event.get("hint", ""),
                bad_input=code == protocol.EXIT_BAD_INPUT,
            )
        if shutil.disk_usage(self.folder.path).free < 2**20:  # not even the event could be written
            return NeuralBakeError(
                "disk_full",
                f"The disk of {self.folder.path} is full.",
                "Free some space and go on with --resume.",
                bad_input=False,
            )
        hint = f"Details are in {log}."
        if code == -9:
            message = f"The stage {stage} was killed, probably because memory ran out."
        elif code < 0:
            message = f"The stage {stage} crashed (signal {-code})."
        else:
            message = f"The stage {stage} ended with code {code}."
        return NeuralBakeError("stage_failed", message, hint, bad_input=False)


def run(
    *,
    job: Path,
    out: Path,
    programs: Programs,
    as_json: bool,
    work: Callable[[Runner], dict],
    description: dict | None,
    resume: bool,
) -> dict:
    """Hold a job folder, run ``work`` in it, and show the end; see :class:`Runner` for errors.

    Args:
        description: contents of ``job.json``, or None where it is there already.
        resume: keep what an earlier run measured.
    """
    reporter: JsonLines | Lines = JsonLines(sys.stdout) if as_json else Lines(sys.stdout)
    artifact.check_target(out)
    with JobFolder(job) as folder:
        runner = Runner(folder, out, programs, reporter)
        restore = runner.catch_signals()
        try:
            folder.begin(description, resume=resume)
            manifest = work(runner)
        finally:
            reporter.end()
            restore()
        reporter.event(
            {
                "type": "done",
                "manifest": str(out / artifact.MANIFEST),
                "metrics": manifest.get("metrics", {}),
                "time": round(time.time(), 3),
            }
        )
    return manifest
