# SPDX-FileCopyrightText: 2026 Neural Bake developers
#
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the tests of processes share: the Blenders to test with, the command line, and a scene that bakes in seconds."""

from __future__ import annotations

import functools
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
BLENDERS = ("4.5", "5.0", "5.2")

# A bake with these takes about five seconds; what it learns is not judged.
TINY = {
    "samples_per_probe": 32,
    "sample_paths": 9,
    "report_paths": 9,
    "choose_points": 100,
    "report_points": 100,
    "probe_directions": 9,
    "probe_paths": 9,
    "probe_rays": 32,
    "preview_width": 32,
    "preview_paths": 3,
    "geometry_steps": 10,
    "light_steps": 10,
    "threads": 1,
}

# The same of a relit view.
SMALL_VIEW = {
    "domain": "dome",
    "lights": 8,
    "report_lights": 2,
    "width": 48,
    "samples": 4,
    "report_samples": 4,
    "visibility_lights": 8,
}


def blender_python(version: str) -> Path | None:
    """The Python with that Blender's bpy module: from the environment variable, or as build_addon.py makes it."""
    named = os.environ.get("NEURAL_BAKE_PYTHON_" + version.replace(".", "_"))
    if named:
        return Path(named)
    if version == "4.5":
        return Path(sys.executable)
    made = ROOT / f".venv-{version}" / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    return made if made.exists() else None


def environment(**extra: str) -> dict[str, str]:
    """A child's environment: our packages importable, no engine chosen, no bytecode written."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("NEURAL_BAKE_", "BLENDER_"))}
    return {**kept, "PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1", "PYTHONUTF8": "1", **extra}


def settings(**changes: object) -> list[str]:
    """``--set`` words for a tiny bake."""
    return [word for key, value in {**TINY, **changes}.items() for word in ("--set", f"{key}={value}")]


def bake_words(scene: Path, out: Path, *more: object, **changes: object) -> list[str]:
    """The words of ``bake`` for a tiny bake; ``changes`` are settings."""
    return ["bake", str(scene), "--kind", "light_grid", "--out", str(out), *settings(**changes), *map(str, more)]


def run(*words: object, timeout: float = 300.0, **extra: str) -> subprocess.CompletedProcess[str]:
    """Run ``python -m bake_workers`` to its end."""
    return run_python(sys.executable, "-m", "bake_workers", *words, timeout=timeout, **extra)


def run_python(
    python: str | Path, *words: object, timeout: float = 300.0, cwd: Path | None = None, **extra: str
) -> subprocess.CompletedProcess[str]:
    """Run a Python to its end with its output kept; a Blender serves as one with ``-c CODE`` and with a script."""
    command = [str(python), *map(str, words)]
    if not Path(python).name.startswith("python"):
        command = blender_command(Path(python), *command[1:])
    return subprocess.run(
        command,
        env=environment(**extra),
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=timeout,
        cwd=cwd,
        stdin=subprocess.DEVNULL,
        check=False,
    )


@functools.cache
def real_version(program: Path) -> str:
    """``"5.2"`` and the like of a Blender."""
    result = subprocess.run([str(program), "--version"], capture_output=True, text=True, check=True)
    return re.search(r"Blender (\d+\.\d+)", result.stdout)[1]


def blender_command(program: Path, *words: str) -> list[str]:
    """The command line by which a real Blender runs ``-c CODE ARGUMENTS`` or ``SCRIPT ARGUMENTS``."""
    if words[0] == "-c":
        descriptor, name = tempfile.mkstemp(".py", text=True)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(words[1])
        words = (name, *words[2:])
    flags = ["-b", "--factory-startup", "--python-use-system-env", "--python-exit-code", "1"]
    return [str(program), *flags, "--python", str(ROOT / "tests" / "scripts" / "as_python.py"), "--", *words]


class Running(subprocess.Popen):
    """A ``python -m bake_workers`` at work, with its own process group."""

    def __init__(self, *words: object, stdin: int = subprocess.DEVNULL, **extra: str) -> None:
        self.began = time.time()
        super().__init__(
            [sys.executable, "-m", "bake_workers", *map(str, words)],
            env=environment(**extra),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            stdin=stdin,
            text=True,
            encoding="utf-8",
            start_new_session=os.name != "nt",
        )

    def wait_for(self, job: Path, stage: str, *, least: int = 0, timeout: float = 120.0) -> dict:
        """Wait until this run has noted progress of a stage, with ``done`` at least ``least``; returns the event."""
        deadline = time.monotonic() + timeout
        while time.monotonic() < deadline:
            assert self.poll() is None, f"ended early with {self.returncode}: {self.communicate()}"
            for event in read_events(job):
                fresh = event["time"] >= self.began - 0.01
                if fresh and (event["type"], event["stage"]) == ("progress", stage) and event["done"] >= least:
                    return event
            time.sleep(0.01)
        raise AssertionError(f"no progress of {stage} within {timeout} s: {read_events(job)}")

    def kill_hard(self) -> None:
        """SIGKILL it, and wait for its end."""
        self.kill()
        self.communicate(timeout=10)


_scenes: dict[tuple, bytes] = {}


def write_scene(path: Path, *words: str, version: str = "4.5") -> Path:
    """Write the small scene of ``scripts/write_scene.py`` with one of the Blenders."""
    key = (blender_python(version), *words)
    if key in _scenes:
        path.write_bytes(_scenes[key])
        return path
    result = run_python(key[0], ROOT / "tests" / "scripts" / "write_scene.py", path, *words)
    assert path.is_file(), result.stdout + result.stderr
    _scenes[key] = path.read_bytes()
    return path


def read_events(job: Path) -> list[dict]:
    """The events that a job's processes have written so far."""
    try:
        text = (job / "events.jsonl").read_text("utf-8")
    except FileNotFoundError:
        return []
    return [json.loads(line) for line in text.splitlines(keepends=True) if line.endswith("\n")]


def processes_with(text: str) -> list[int]:
    """Ids of the running processes that have ``text`` in their command line (Linux)."""
    found = []
    for entry in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = entry.read_bytes()
            state = (entry.parent / "stat").read_text().rpartition(")")[2].split()[0]
        except OSError:
            continue  # it has ended meanwhile
        if text.encode() in words and state != "Z" and int(entry.parent.name) != os.getpid():
            found.append(int(entry.parent.name))
    return found


def wait_until_gone(text: str, timeout: float = 2.0) -> float:
    """Wait until no process has ``text`` in its command line; return the seconds it took."""
    begin = time.monotonic()
    while processes_with(text):
        assert time.monotonic() - begin < timeout, f"still running: {processes_with(text)}"
        time.sleep(0.01)
    return time.monotonic() - begin


def one_line(result: subprocess.CompletedProcess[str]) -> str:
    """The one line that a failed command prints on stderr; fails the test where there is another number of them."""
    lines = result.stderr.strip().splitlines()
    assert len(lines) == 1, f"stderr is not one line:\n{result.stderr}\nstdout:\n{result.stdout}"
    assert lines[0].startswith(("error: ", "cancelled")), lines[0]
    return lines[0]


def snapshot(folder: Path) -> dict[str, bytes]:
    """Every file of a folder with its contents."""
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir()) if path.is_file()}


def run_in_blender(
    python: Path, resources: Path, code: str, *words: object, timeout: float = 300.0, **extra: str
) -> tuple[dict, subprocess.CompletedProcess[str]]:
    """Run a script inside a bpy that has its own user resources.

    Args:
        python: a Python with bpy.
        resources: folder for BLENDER_USER_RESOURCES.
        code: the script; what it imports from ``tests/scripts`` is found, our packages are not.
        words: its arguments.

    Returns:
        What it told by ``extension.answer``, and the ended process.
    """
    extra = {"BLENDER_USER_RESOURCES": str(resources), "PYTHONPATH": str(ROOT / "tests" / "scripts"), **extra}
    result = run_python(python, "-c", code, *words, timeout=timeout, **extra)
    return answer_of(result), result


def answer_of(result: subprocess.CompletedProcess[str]) -> dict:
    """What a script inside Blender told last by ``extension.answer``; fails the test where it failed."""
    answers = [line for line in result.stdout.splitlines() if line.startswith("ANSWER ")]
    assert answers and result.returncode == 0, f"rc {result.returncode}\n{result.stdout}\n{result.stderr}"
    answer = json.loads(answers[-1].removeprefix("ANSWER "))
    assert "error" not in answer, f"{answer['error']}\n{result.stdout}\n{result.stderr}"
    return answer


def run_baking(user: Path, code: str, scene: Path, *words: object, version: str = "4.5", **changes: object) -> dict:
    """Run a script that begins with ``from baking import *`` in a bpy with the extension; returns its answer.

    Args:
        words: further arguments, ``sys.argv[3:]``.
        changes: settings that differ from :data:`TINY`.
    """
    code, tiny = f"from baking import *\n{code}", json.dumps({**TINY, **changes})
    return run_in_blender(blender_python(version), user, code, scene, tiny, *words, NEURAL_BAKE_ENGINE=sys.executable)[
        0
    ]


def start_in_window(resources: Path, script: Path, *words: object, **extra: str) -> subprocess.Popen[str]:
    """Start a script of ``tests/scripts`` (see ``window.py``) in NEURAL_BAKE_BLENDER, a Blender with a window.

    Args:
        resources: folder for BLENDER_USER_RESOURCES.
        words: the script's arguments.
    """
    start = [os.environ["NEURAL_BAKE_BLENDER"], "--factory-startup", "--python-exit-code", "1", "--python", str(script)]
    return subprocess.Popen(
        [*start, "--", *map(str, words)],
        env=environment(BLENDER_USER_RESOURCES=str(resources), **extra),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        encoding="utf-8",
        stdin=subprocess.DEVNULL,
        start_new_session=os.name != "nt",
    )


def run_in_window(
    resources: Path, script: Path, *words: object, timeout: float = 300.0, **extra: str
) -> tuple[dict, subprocess.CompletedProcess[str]]:
    """Run a script to its end as :func:`start_in_window` starts it.

    Returns:
        What it told by ``extension.answer``, and the ended process.
    """
    process = start_in_window(resources, script, *words, **extra)
    try:
        output, errors = process.communicate(timeout=timeout)
    except subprocess.TimeoutExpired:
        if os.name != "nt":
            os.killpg(process.pid, signal.SIGKILL)  # the virtual screen too
        process.kill()
        output, errors = process.communicate()
    result = subprocess.CompletedProcess(process.args, process.returncode, output, errors)
    return answer_of(result), result


def mount(words: list[str], folder: Path) -> None:
    """Mount something, or skip the test where that is not allowed."""
    if shutil.which("mount") is None:
        pytest.skip("no mount program here")
    result = subprocess.run(["mount", *words], capture_output=True, text=True, check=False)
    if result.returncode != 0:
        pytest.skip(f"mounting on {folder} is not allowed here: {result.stderr.strip()}")


def small_disk(folder: Path, size: str) -> Path:
    """Mount a file system of that size on a new folder; the caller unmounts it."""
    folder.mkdir()
    mount(["-t", "tmpfs", "-o", f"size={size}", "none", str(folder)], folder)
    return folder


def fill(folder: Path) -> Path:
    """Take all space that is left."""
    path = folder / "filler"
    with open(path, "wb", buffering=0) as file:
        for size in (2**20, 2**12, 1):
            try:
                while True:
                    file.write(b"\0" * size)
            except OSError:
                continue
    return path
