# SPDX-FileCopyrightText: 2026 Neural Bake developers
#
# SPDX-License-Identifier: GPL-3.0-or-later

"""Child processes: how a stage's program is started, stopped and measured.

A child is the leader of its own process group, so that Ctrl-C in the terminal reaches the runner alone and the runner
can stop a child with all that it started. Its stdin is a pipe that the runner holds: should the runner be killed, the
pipe ends and so does the child (:func:`bake_workers.protocol.watch_parent`).
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from core.errors import NeuralBakeError

ROOT = Path(__file__).resolve().parent.parent
"""The folder that holds ``core`` and ``bake_workers``: a checkout, or the extension itself."""

STOP_SECONDS = 0.4

# Blender ignores PYTHONPATH, so an expression calls a stage's module. Its arguments come after "--" and are never
# part of the expression. os._exit skips Blender's own clean-up, which could crash and hide the exit code.
_BLENDER_EXPRESSION = (
    "import importlib, os, sys; sys.dont_write_bytecode = True; words = sys.argv[sys.argv.index('--') + 1:]; "
    "sys.path.insert(0, words[0]); code = importlib.import_module(words[1]).main(words[2:]); "
    "sys.stdout.flush(); sys.stderr.flush(); os._exit(code)"
)


def is_python(program: Path) -> bool:
    """Whether a program is a Python (with the bpy module) rather than a Blender, told by its file name."""
    return Path(program).name.lower().startswith("python")


def module_command(program: Path, module: str, arguments: list[str]) -> list[str]:
    """The command line that calls ``main(arguments)`` of one of our modules in a Python or in a Blender."""
    if is_python(program):
        return [str(program), "-P", "-m", module, *arguments]
    return [
        str(program),
        "--background",
        "--factory-startup",
        "--python-exit-code",
        "1",
        "--python-expr",
        _BLENDER_EXPRESSION,
        "--",
        str(ROOT),
        module,
        *arguments,
    ]


def environment() -> dict[str, str]:
    """The children's environment: our packages importable, and no bytecode written beside them."""
    kept = {name: value for name, value in os.environ.items() if name not in ("PYTHONHOME", "PYTHONSTARTUP")}
    own = {"PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1", "PYTHONUNBUFFERED": "1", "PYTHONUTF8": "1"}
    # Threads that spin while they wait are slightly faster on an idle machine; beside a working Blender they make
    # training twenty times slower (measured: 1 s a step instead of 0.04 s).
    return {"OMP_WAIT_POLICY": "PASSIVE", **kept, **own}


def require_module(program: Path, module: str, purpose: str, hint: str) -> None:
    """Check that a Python runs and finds ``module``, without loading it.

    Raises:
        NeuralBakeError: the program is missing, does not run, or lacks the module.
    """
    probe = f"import importlib.util, sys; sys.exit(0 if importlib.util.find_spec({module!r}) else 3)"
    try:
        result = subprocess.run(
            [str(program), "-P", "-c", probe],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            env=environment(),
            timeout=60,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise NeuralBakeError("no_program", f"{program}, which {purpose}, does not run.", hint) from error
    if result.returncode == 3:
        raise NeuralBakeError(f"no_{module}", f"{program}, which {purpose}, has no {module}.", hint)
    if result.returncode != 0:
        raise NeuralBakeError("no_program", f"{program}, which {purpose}, is no Python of version 3.11 or newer.", hint)


class Child:
    """A running stage; ``returncode`` and ``peak_memory`` (bytes, or None where unknown) are set when it has ended."""

    def __init__(self, command: list[str], log: Path) -> None:
        self.returncode: int | None = None
        self.peak_memory: int | None = None
        group = (
            {"creationflags": subprocess.CREATE_NEW_PROCESS_GROUP}
            if sys.platform == "win32"
            else {"start_new_session": True}
        )
        with open(log, "wb") as output:
            try:
                self._process = subprocess.Popen(
                    command, stdin=subprocess.PIPE, stdout=output, stderr=subprocess.STDOUT, env=environment(), **group
                )
            except OSError as error:
                raise NeuralBakeError(
                    "no_program", f"{command[0]} does not run ({error.strerror}).", "Check --blender and --engine."
                ) from error

    def poll(self) -> int | None:
        """The exit code (negative: the signal that ended it), or None while it runs."""
        if self.returncode is None:
            if sys.platform == "win32":
                self.returncode = self._process.poll()
                if self.returncode is not None:
                    self.peak_memory = _windows_peak_memory(int(self._process._handle))
            else:
                pid, status, usage = os.wait4(self._process.pid, os.WNOHANG)
                if pid:
                    self.returncode = self._process.returncode = os.waitstatus_to_exitcode(status)
                    self.peak_memory = usage.ru_maxrss * (1 if sys.platform == "darwin" else 1024)
            if self.returncode is not None:
                self._process.stdin.close()
        return self.returncode

    def stop(self) -> None:
        """End the child and all that it started, within about half a second."""
        self._signal(terminate=True)
        deadline = time.monotonic() + STOP_SECONDS
        while self.poll() is None and time.monotonic() < deadline:
            time.sleep(0.01)
        self._signal(terminate=False)  # the group may outlive its leader
        while self.poll() is None:
            time.sleep(0.01)

    def _signal(self, *, terminate: bool) -> None:
        if sys.platform == "win32":
            if self.returncode is None:
                self._process.kill()
            return
        try:
            os.killpg(self._process.pid, signal.SIGTERM if terminate else signal.SIGKILL)
        except (ProcessLookupError, PermissionError):
            pass  # nobody is left in the group


def _windows_peak_memory(handle: int) -> int | None:
    """Peak working set of an ended process whose handle is still open."""
    import ctypes
    from ctypes import wintypes

    class Counters(ctypes.Structure):
        _fields_ = [("cb", wintypes.DWORD), ("PageFaultCount", wintypes.DWORD)] + [
            (name, ctypes.c_size_t)
            for name in (
                "PeakWorkingSetSize",
                "WorkingSetSize",
                "QuotaPeakPagedPoolUsage",
                "QuotaPagedPoolUsage",
                "QuotaPeakNonPagedPoolUsage",
                "QuotaNonPagedPoolUsage",
                "PagefileUsage",
                "PeakPagefileUsage",
            )
        ]

    counters = Counters()
    counters.cb = ctypes.sizeof(counters)
    query = ctypes.WinDLL("psapi").GetProcessMemoryInfo
    query.argtypes = [wintypes.HANDLE, ctypes.POINTER(Counters), wintypes.DWORD]
    return counters.PeakWorkingSetSize if query(handle, ctypes.byref(counters), counters.cb) else None
