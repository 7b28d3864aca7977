# SPDX-FileCopyrightText: 2026 Neural Bake developers
#
# SPDX-License-Identifier: GPL-3.0-or-later

"""The runner's side of a job folder: its lock, what a fresh start removes, its events and its timings.

The folder ``DIR.job`` stays beside the result ``DIR`` after a bake, so that ``train DIR.job/dataset`` and ``--resume``
work.
"""

from __future__ import annotations

import errno
import json
import os
import shutil
import time
from pathlib import Path

from core.errors import NeuralBakeError

from . import protocol

STARTED = time.time()
LEAST_FREE = 32 * 2**20
OWN_FILES = ("job.json", "events.jsonl", "lock", "cancel", "usage.json")


def job_directory(out: Path) -> Path:
    """The job folder of the result folder ``out``: its neighbour ``NAME.job``."""
    out = Path(out)
    if not out.name:
        raise NeuralBakeError("bad_output", f"{out} cannot be replaced by a result.", "Choose a folder inside it.")
    return out.with_name(out.name + ".job")


class JobFolder:
    """A job folder that this process holds the lock of; use it in a ``with`` statement.

    Raises:
        NeuralBakeError: another bake holds it, it holds files that are none of ours, or it cannot be written.
    """

    def __init__(self, path: Path) -> None:
        self.path = Path(path)
        self.dataset = self.path / "dataset"
        self._lock: int | None = None

    def __enter__(self) -> JobFolder:
        if self.path.is_dir():
            foreign = [path.name for path in self.path.iterdir() if path.name not in OWN_FILES]
            if foreign and not (self.path / "job.json").is_file():
                raise NeuralBakeError(
                    "bad_output", f"{self.path} holds files that are no bake's ({foreign[0]}).", "Choose another --out."
                )
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            self._lock = os.open(self.path / "lock", os.O_RDWR | os.O_CREAT, 0o644)
            free = shutil.disk_usage(self.path).free
        except OSError as error:
            self._unlock()
            raise _refusal(error) from error
        try:
            protocol.lock_file(self._lock)
        except OSError as error:
            self._unlock()
            if error.errno in (errno.EAGAIN, errno.EACCES, errno.EDEADLK):
                raise NeuralBakeError(
                    "busy",
                    f"Another bake is at work in {self.path}.",
                    "Wait for it, cancel it, or choose another --out.",
                ) from error
            raise _refusal(error) from error
        if free < LEAST_FREE:
            self._unlock()
            raise NeuralBakeError(
                "disk_full",
                f"The disk of {self.path} has only {free // 2**20} MiB free.",
                "Free some space.",
                bad_input=False,
            )
        # A cancel file that is older than this process was meant for another one.
        if self.cancel_asked() and (self.path / protocol.CANCEL).stat().st_mtime < STARTED - 1.0:
            self._forget(protocol.CANCEL)
        self._forget(protocol.EVENTS)
        return self

    def __exit__(self, *_: object) -> None:
        self._forget(protocol.CANCEL)
        self._unlock()

    def begin(self, description: dict | None, *, resume: bool) -> None:
        """Write ``job.json`` and, unless the bake resumes, remove what an earlier one measured.

        Args:
            description: contents of ``job.json``; None keeps the one that is there.
            resume: keep the dataset and the time that was spent on it.
        """
        try:
            if not resume:
                if self.dataset.exists():
                    shutil.rmtree(self.dataset)
                self._forget("usage.json")
            if description is not None:
                protocol.write_json(self.path / "job.json", description)
        except OSError as error:
            raise _refusal(error) from error

    def cancel_asked(self) -> bool:
        """Whether somebody put a ``cancel`` file into the folder."""
        return (self.path / protocol.CANCEL).exists()

    def add_usage(self, stage: str, seconds: float, peak_memory: int | None) -> None:
        """Note what a stage took; a stage that was resumed adds up its times and keeps its highest memory."""
        usage = read_usage(self.path)
        earlier = usage.get(stage, {}) if stage == "capture" else {}
        usage[stage] = {
            "seconds": round(earlier.get("seconds", 0.0) + seconds, 3),
            "peak_memory": max(earlier.get("peak_memory") or 0, peak_memory or 0) or None,
        }
        protocol.write_json(self.path / "usage.json", usage)

    def _forget(self, name: str) -> None:
        (self.path / name).unlink(missing_ok=True)

    def _unlock(self) -> None:
        if self._lock is not None:
            os.close(self._lock)  # this releases the lock too
            self._lock = None


def read_usage(job: Path) -> dict[str, dict]:
    """What the stages of a job took so far: ``{stage: {"seconds": ..., "peak_memory": bytes or None}}``."""
    try:
        usage = json.loads((Path(job) / "usage.json").read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return {name: entry for name, entry in usage.items() if isinstance(entry, dict)} if isinstance(usage, dict) else {}


def _refusal(error: OSError) -> NeuralBakeError:
    code, message, hint = protocol.describe_os_error(error)
    return NeuralBakeError(code, message, hint, bad_input=code != "disk_full")
