# SPDX-FileCopyrightText: 2026 Neural Bake developers
#
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the add-on, the runner and its children say to each other: a job folder with JSON in it.

::

    JOB/job.json       what to bake (written once, by the add-on or the command line)
    JOB/events.jsonl   one JSON object a line, appended by the runner and its children as they work
    JOB/cancel         an empty file; when it appears, the runner stops everything and leaves with 130
    JOB/STAGE.log      what a child printed
    JOB/preview.png    the newest picture of the light, replaced as it gets better

Only the standard library is needed here: Blender's Python loads this module too.
"""

from __future__ import annotations

import errno
import importlib
import json
import os
import stat
import sys
import threading
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

JOB_SCHEMA = "neural_bake.job/1"
EVENTS = "events.jsonl"
CANCEL = "cancel"
PREVIEW = "preview.png"
KINDS = ("light_grid", "relight", "ambient", "voxel", "radiance_field")
READY_KINDS = ("light_grid", "relight")

EXIT_OK = 0
EXIT_FAILED = 1
EXIT_BAD_INPUT = 2
EXIT_PARENT_GONE = 75
EXIT_CANCELLED = 130

# Every key of job.json with the types that JSON may give it.
_NONE = type(None)
_JOB_KEYS: dict[str, tuple[type, ...]] = {
    "schema": (str,),
    "kind": (str,),
    "settings": (dict,),
    "scene": (str, _NONE),
    "view_layer": (str, _NONE),
    "frame": (int, _NONE),
    "bounds_object": (str, _NONE),
    "volumes": (list,),
    "inside": (list,),
    "source": (str,),
    "cycles": (dict,),
    "save_to": (str, _NONE),
}


def neural_bake_error() -> type[Exception]:
    """The :class:`NeuralBakeError` of the package that this module was loaded from.

    In a process of ours ``core`` and ``bake_workers`` are top-level packages; inside Blender they are children of the
    extension's package, and ``core.errors`` would be another class or absent.
    """
    name = "..core.errors" if "." in __package__ else "core.errors"
    return importlib.import_module(name, __package__).NeuralBakeError


class Events:
    """Appends events of one stage to a job's ``events.jsonl``.

    Each line is one ``os.write`` on an O_APPEND descriptor, so that lines of several processes never mix.
    """

    def __init__(self, path: Path, stage: str) -> None:
        self.path = Path(path)
        self.stage = stage

    def send(self, kind: str, **values: object) -> None:
        """Append ``{"type": kind, "stage": ..., ..., "time": seconds since 1970}``."""
        event = {"type": kind, "stage": self.stage, **values, "time": round(time.time(), 3)}
        line = json.dumps(event, ensure_ascii=False, allow_nan=False) + "\n"
        descriptor = os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | getattr(os, "O_BINARY", 0), 0o644)
        try:
            os.write(descriptor, line.encode("utf-8"))
        finally:
            os.close(descriptor)

    def progress(self, done: int, total: int, text: str = "") -> None:
        """``done`` of ``total`` equal parts of this stage are finished; ``text`` names the one at work."""
        self.send("progress", done=int(done), total=int(total), text=text)

    def note(self, text: str) -> None:
        """A sentence that the final report should mention."""
        self.send("note", text=text)

    def preview(self, path: str) -> None:
        """A preview image exists at ``path``, relative to the job folder where it lies inside it."""
        self.send("preview", path=str(path))

    def error(self, code: str, message: str, hint: str = "") -> None:
        """The sentence that a failed stage shows to the user."""
        self.send("error", code=code, message=message, hint=hint)


class EventTail:
    """Reads the lines that have been added to an ``events.jsonl`` since the last look."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._offset = 0
        self._rest = b""

    def read(self) -> list[dict]:
        """The new whole lines, parsed; a line that is no JSON object is skipped (a full disk can cut one short)."""
        try:
            with open(self._path, "rb") as file:
                file.seek(self._offset)
                data = file.read()
        except FileNotFoundError:
            return []
        self._offset += len(data)
        *lines, self._rest = (self._rest + data).split(b"\n")
        events = []
        for line in lines:
            try:
                event = json.loads(line)
            except ValueError:
                continue
            if isinstance(event, dict):
                events.append(event)
        return events


def watch_parent(gone: Callable[[], None] = lambda: os._exit(EXIT_PARENT_GONE)) -> None:
    """Leave at once when the parent process is gone; ``gone`` says how.

    The parent holds the other end of this process's stdin; when that pipe ends, for whatever reason, so does this
    process. Reading the descriptor itself matters: a thread in ``sys.stdin.buffer`` aborts the interpreter at its exit.
    """
    try:
        if not stat.S_ISFIFO(os.fstat(0).st_mode):
            return
    except OSError:
        return  # stdin is closed: nobody to watch

    def wait() -> None:
        try:
            while os.read(0, 1):
                pass
        except OSError:
            pass  # a broken pipe means the same as its end
        gone()

    threading.Thread(target=wait, name="watch_parent", daemon=True).start()


def write_json(path: Path, value: object) -> None:
    """Write a JSON file that is either whole or absent: to a neighbour first, then renamed."""
    path = Path(path)
    partial = path.with_name(path.name + ".partial")
    with open(partial, "w", encoding="utf-8", newline="\n") as file:
        json.dump(value, file, indent=1, ensure_ascii=False, allow_nan=False)
        file.write("\n")
        file.flush()
        os.fsync(file.fileno())
    os.replace(partial, path)


def new_job(
    *,
    kind: str,
    settings: dict,
    source: str,
    scene: str | None = None,
    view_layer: str | None = None,
    frame: int | None = None,
    bounds_object: str | None = None,
    volumes: tuple[str, ...] = (),
    inside: tuple[str, ...] = (),
    cycles: dict | None = None,
    save_to: str | None = None,
    update: bool = False,
) -> dict:
    """The contents of a ``job.json``: ``settings`` holds only what was set, ``volumes`` the probe volumes to bake (none
    means all of the scene), ``cycles`` the artist's Cycles devices, ``save_to`` the .blend that takes the result,
    ``update`` whether the result that is there is brought up to date."""
    return {
        "schema": JOB_SCHEMA,
        "kind": kind,
        "settings": dict(settings),
        "scene": scene,
        "view_layer": view_layer,
        "frame": frame,
        "bounds_object": bounds_object,
        "volumes": list(volumes),
        "inside": list(inside),
        "source": source,
        "cycles": cycles or {"compute_device_type": "NONE", "devices": []},
        "save_to": save_to,
        "update": update,
    }


def read_job(job: Path) -> dict:
    """Read a job folder's ``job.json`` and check its schema and the type of every key.

    Raises:
        NeuralBakeError: the folder holds no job, or one of another version.
    """
    error_class = neural_bake_error()
    path = Path(job) / "job.json"
    try:
        value = json.loads(path.read_text("utf-8"))
    except (FileNotFoundError, NotADirectoryError) as error:
        raise error_class("no_job", f"{job} is no job folder (job.json is missing).") from error
    except (OSError, ValueError) as error:
        raise error_class("corrupt_file", f"{path} cannot be read.", "Start the bake again.") from error
    if not isinstance(value, dict) or value.get("schema") != JOB_SCHEMA:
        raise error_class("schema", f"{path} is not a job of schema {JOB_SCHEMA}.", "Start the bake again.")
    for key, types in _JOB_KEYS.items():
        if key not in value or not isinstance(value[key], types) or isinstance(value[key], bool):
            raise error_class("corrupt_file", f"{path} has no valid {key}.", "Start the bake again.")
    if not isinstance(value.setdefault("update", False), bool):
        raise error_class("corrupt_file", f"{path} has no valid update.", "Start the bake again.")
    for key in ("volumes", "inside"):
        if not all(isinstance(name, str) for name in value[key]):
            raise error_class("corrupt_file", f"{path} has no valid {key}.", "Start the bake again.")
    if value["kind"] not in KINDS:
        raise error_class("kind", f"{path} asks for the unknown kind {value['kind']}.")
    return value


def lock_file(descriptor: int) -> None:
    """Take an exclusive lock that the system releases when this process ends, however it ends.

    Raises:
        OSError: with EAGAIN, EACCES or EDEADLK where another process holds it.
    """
    if os.name == "nt":
        import msvcrt

        msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
    else:
        import fcntl

        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)


def leave(code: int) -> NoReturn:
    """End this process at once, without the interpreter's and Blender's clean-up.

    With bpy as a module that clean-up can crash or hang (seen in 4.5), and a finished stage would count as failed.
    """
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


def run_child(stage: str, job: Path, work: Callable[[Events], None]) -> int:
    """Run one stage in this process and turn every failure into an error event and an exit code.

    Args:
        stage: name in the events, such as ``"capture"``.
        job: job folder; its ``events.jsonl`` is appended to.
        work: does the stage; it gets the stage's events.

    Returns:
        0, or 2 where the input is at fault, or 1. Anything unforeseen also prints its traceback to stderr, which the
        runner keeps in ``JOB/STAGE.log``.
    """
    watch_parent()
    events = Events(Path(job) / EVENTS, stage)
    try:
        work(events)
    except neural_bake_error() as error:
        return _fail(events, error.code, error.message, error.hint, error.exit_code)
    except MemoryError:
        return _fail(events, *_OUT_OF_MEMORY, EXIT_FAILED)
    except OSError as error:
        traceback.print_exc()
        return _fail(events, *describe_os_error(error), EXIT_FAILED)
    except Exception as error:  # the process's edge: whatever it is, the user gets a sentence and the log the traceback
        traceback.print_exc()
        if "out of memory" in str(error) or "can't allocate memory" in str(error):  # torch raises RuntimeError
            return _fail(events, *_OUT_OF_MEMORY, EXIT_FAILED)
        message = f"The stage {stage} failed: {type(error).__name__}: {' '.join(str(error).split())}."
        return _fail(events, "unexpected", message, f"Details are in {Path(job) / (stage + '.log')}.", EXIT_FAILED)
    return EXIT_OK


_OUT_OF_MEMORY = ("out_of_memory", "Memory ran out.", "Close other programs or lower the resolution.")


def describe_os_error(error: OSError) -> tuple[str, str, str]:
    """Code, message and hint for an operating system's error, with the file where it is known."""
    where = f" at {error.filename}" if error.filename else ""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return "disk_full", f"The disk is full{where}.", "Free some space and go on with --resume."
    if error.errno == errno.ENOMEM:
        return _OUT_OF_MEMORY
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        return (
            "not_writable",
            f"No permission to read or write{where}.",
            "Choose another folder or change its permissions.",
        )
    return "os_error", f"The system refused{where}: {error.strerror or error}.", ""


def _fail(events: Events, code: str, message: str, hint: str, exit_code: int) -> int:
    """Tell the user's side why the stage ends; stderr serves where not even the event can be written."""
    print(f"error: {message} {hint}".rstrip(), file=sys.stderr, flush=True)
    try:
        events.error(code, message, hint)
    except OSError as error:  # a full disk cannot take the event either; the log's line above may still be there
        print(f"error: the event could not be written: {error}", file=sys.stderr, flush=True)
    return exit_code
