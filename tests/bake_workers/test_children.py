# SPDX-FileCopyrightText: 2026 Neural Bake developers
#
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

import pytest

from bake_workers import children
from core.errors import NeuralBakeError
from tests import support

posix = pytest.mark.skipif(os.name == "nt", reason="process groups and /proc are POSIX")


def finish(child: children.Child, timeout: float = 30.0) -> int:
    deadline = time.monotonic() + timeout
    while child.poll() is None:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    return child.returncode


def test_output_and_exit_code(tmp_path: Path) -> None:
    log = tmp_path / "stage.log"
    code = "import sys; print('out'); print('err', file=sys.stderr); sys.exit(7)"
    child = children.Child([sys.executable, "-c", code], log)
    assert finish(child) == 7
    assert sorted(log.read_text().split()) == ["err", "out"]


def test_peak_memory_is_the_childs(tmp_path: Path) -> None:
    # Linux begins a child's count with what its parent holds, so the parent is a small process here, as the runner is.
    code = """
import sys, time
from pathlib import Path
from bake_workers.children import Child
child = Child([sys.executable, "-c", "data = bytearray(300 * 2**20); del data"], Path(sys.argv[1]))
while child.poll() is None:
    time.sleep(0.01)
print(child.peak_memory)
"""
    result = support.run_python(sys.executable, "-c", code, tmp_path / "stage.log")
    assert 300 * 2**20 < int(result.stdout) < 400 * 2**20


def test_a_program_that_is_missing(tmp_path: Path) -> None:
    with pytest.raises(NeuralBakeError) as error:
        children.Child([str(tmp_path / "blender")], tmp_path / "stage.log")
    assert error.value.code == "no_program"


@posix
def test_stopping_takes_grandchildren_along(tmp_path: Path) -> None:
    mark = f"neural-bake-{os.getpid()}-grandchild"
    sleep = "import time; time.sleep(60)"
    code = f"import subprocess, sys; subprocess.Popen([sys.executable, '-c', {sleep!r}, '{mark}']); {sleep}"
    child = children.Child([sys.executable, "-c", code], tmp_path / "stage.log")
    while len(support.processes_with(mark)) < 2:
        time.sleep(0.01)
    begin = time.monotonic()
    child.stop()
    assert time.monotonic() - begin < 0.7
    assert child.returncode == -15
    support.wait_until_gone(mark)


@posix
def test_a_child_that_does_not_listen_is_killed(tmp_path: Path) -> None:
    code = (
        "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('deaf', flush=True); time.sleep(60)"
    )
    child = children.Child([sys.executable, "-c", code], tmp_path / "stage.log")
    while "deaf" not in (tmp_path / "stage.log").read_text():
        time.sleep(0.01)
    begin = time.monotonic()
    child.stop()
    assert time.monotonic() - begin < 0.8
    assert child.returncode == -9


@posix
def test_ctrl_c_in_the_terminal_does_not_reach_a_child(tmp_path: Path) -> None:
    child = children.Child([sys.executable, "-c", "import time; time.sleep(0.5)"], tmp_path / "stage.log")
    assert os.getpgid(child._process.pid) != os.getpgid(0)
    assert finish(child) == 0


def test_a_module_that_is_missing_is_found_out_early() -> None:
    children.require_module(Path(sys.executable), "json", "tests", "")
    with pytest.raises(NeuralBakeError) as error:
        children.require_module(Path(sys.executable), "no_such_module", "tests", "Install it.")
    assert error.value.code == "no_no_such_module"
    assert str(error.value) == f"{sys.executable}, which tests, has no no_such_module. Install it."


def test_a_program_that_is_no_python_is_refused(tmp_path: Path) -> None:
    for program in (tmp_path / "python", Path(__file__)):
        with pytest.raises(NeuralBakeError) as error:
            children.require_module(program, "json", "tests", "")
        assert error.value.code == "no_program"


@pytest.mark.parametrize(
    ("name", "python"),
    [("python", True), ("python3.11", True), ("Python.exe", True), ("blender", False), ("blender-5.2", False)],
)
def test_a_python_is_told_by_its_name(tmp_path: Path, name: str, python: bool) -> None:
    assert children.is_python(tmp_path / name) is python


def test_arguments_never_become_code() -> None:
    nasty = "'); import os; os.abort() #"
    command = children.module_command(Path("/opt/blender"), "bake_workers.capture", [nasty])
    assert [word for word in command if nasty in word] == [nasty]
    assert command.index(nasty) > command.index("--")
