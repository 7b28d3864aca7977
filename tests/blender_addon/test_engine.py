# SPDX-FileCopyrightText: 2026 Neural Bake developers
#
# SPDX-License-Identifier: GPL-3.0-or-later

"""Operators about the engine and its logs: what works, and one sentence for each way in which an engine does not."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import pytest

from tests import support

POSIX = pytest.mark.skipif(os.name == "nt", reason="the fake engines are shell scripts")

BEGIN = """
from extension import *
from pathlib import Path
enable()
preferences, engine_test = module("preferences"), module("engine_test")
context = bpy.context
mine = preferences.get(context)

def test(path, **arguments):
    mine.engine = path
    try:
        result = sorted(bpy.ops.neural_bake.test_engine(**arguments))
        said = ""
    except RuntimeError as error:
        result, said = ['CANCELLED'], str(error)
    found = engine_test.last(context)
    return {"result": result, "said": said, "problem": found.problem, "lines": found.lines}
"""


def outcome(user: Path, path: str | Path, version: str = "4.5", **arguments: object) -> dict:
    code = BEGIN + "answer(**test(sys.argv[1], **json.loads(sys.argv[2])))"
    words = [path, json.dumps(arguments)]
    return support.run_in_blender(support.blender_python(version), user, code, *words)[0]


def fake(folder: Path, script: str, name: str = "python") -> Path:
    """A program that is no engine."""
    path = folder / name
    path.write_text("#!/bin/sh\n" + script + "\n")
    path.chmod(0o755)
    return path


WORKS = (
    BEGIN
    + """
told = test(sys.argv[1])
mine.engine = sys.argv[1] + ".other"
told["other"] = engine_test.last(context) is None  # what was found belongs to the engine that was tested
# as from its button: the window stays usable, and a timer follows
mine.engine = sys.argv[1]
engine_test.start(context)
engine_test.watch()
def state():
    return [bpy.app.timers.is_registered(engine_test._follow), engine_test.is_running()]
told["watched"] = [*state(), engine_test.last(context)]
process = engine_test._running._process
disable()
told["stopped"] = [*state(), process.poll() is None]
answer(**told, torch="torch" in sys.modules)
"""
)


def test_an_engine_that_works(blender: tuple[str, Path], user: Path) -> None:
    told, result = support.run_in_blender(blender[1], user, WORKS, sys.executable)
    assert (told["result"], told["problem"], told["torch"]) == (["FINISHED"], "", False)
    version = ".".join(map(str, sys.version_info[:3]))
    assert told["lines"][0] == f"Python {version}"
    assert told["lines"][1].startswith("torch ") and "numpy " in told["lines"][1]
    assert told["lines"][2].startswith("CPU (") and told["lines"][2].endswith(" ms a training step")
    for line in told["lines"]:
        assert f"Info: {line}" in result.stdout
    assert told["other"]
    assert told["watched"] == [True, True, None]
    assert told["stopped"] == [False, False, False]


def test_no_engine_is_set(user: Path) -> None:
    told = outcome(user, "")
    assert told["result"] == ["CANCELLED"]
    assert told["problem"] == "No engine is set. Choose the Python of an environment with torch."
    assert told["said"].strip() == f"Error: {told['problem']}"


def test_paths_that_are_no_program(user: Path, tmp_path: Path) -> None:
    code = BEGIN + "answer(found=[test(path)['problem'] for path in sys.argv[1:]])"
    missing, blender, text = tmp_path / "missing", tmp_path / "blender-5.2", tmp_path / "notes.txt"
    blender.write_text("")
    text.write_text("dear diary")
    paths = [missing, tmp_path, blender, *([text] if os.name != "nt" else [])]
    told, _ = support.run_in_blender(support.blender_python("4.5"), user, code, *paths)
    hint = "Choose the Python of an environment with torch."
    assert told["found"][:3] == [
        f"There is no file {missing}. {hint}",
        f"{tmp_path} is a folder. Choose the Python in it, such as bin/python.",
        f"{blender} is a Blender. {hint}",
    ]
    assert told["found"][3:] == ([f"{text} does not run (Permission denied). {hint}"] if os.name != "nt" else [])


def test_an_engine_without_torch(user: Path) -> None:
    other = support.blender_python("5.0")
    if other is None:
        pytest.skip("no Python without torch here (see build_addon.py test)")
    told = outcome(user, other)
    assert told["result"] == ["CANCELLED"]
    assert told["problem"].startswith(f"{other} has no torch, ")
    assert f"{other} -m pip install torch " in told["problem"]
    assert told["lines"][0].startswith("Python 3.")


BROKEN = (
    '{"schema": "neural_bake.engine/1", "python": "3.11.9", "packages": {"torch": null, "onnxruntime": null},'
    ' "missing": ["torch"], "broken": {"torch": "OSError: libcudart.so"}, "devices": []}'
)
DEVICES = (
    '{"schema": "neural_bake.engine/1", "python": "3.11.9", "packages": {"torch": "2.0", "onnxruntime": "1.20"},'
    ' "missing": [], "broken": {}, "devices": [%s]}'
)
CPU = '{"device": "cpu", "name": "2 threads", "step_seconds": 0.01, "problem": ""}'
BROKEN_CPU = '{"device": "cpu", "name": "2 threads", "step_seconds": null, "problem": "RuntimeError: no kernel"}'
BROKEN_CARD = '{"device": "cuda", "name": "Old Card, 2 GB", "step_seconds": null, "problem": "RuntimeError: no kernel"}'


@POSIX
@pytest.mark.parametrize(
    ("script", "problem"),
    [
        ("exit 0", "is no Python that works."),
        ("echo hello; echo '{\"schema\": 3}'; echo '[1]'", "is no Python that works."),
        ("head -c 100000 /dev/urandom", "is no Python that works."),
        ("echo 'unknown option' >&2; exit 2", "is no Python that works."),
        ("echo 'Unknown option: -P' >&2; echo usage: python >&2; exit 2", "is a Python older than 3.11."),
        ("kill -SEGV $$", "crashed (signal 11)."),
        ("printf 'Traceback (most recent call last):\\nOSError: full\\n' >&2; exit 1", "fails: OSError: full."),
    ],
)
def test_programs_that_are_no_engine(user: Path, tmp_path: Path, script: str, problem: str) -> None:
    path = fake(tmp_path, script)
    told = outcome(user, path)
    assert (told["result"], told["lines"]) == (["CANCELLED"], [])
    assert told["problem"] == f"{path} {problem} Choose the Python of an environment with torch."


@POSIX
@pytest.mark.parametrize(
    ("printed", "problem"),
    [
        (BROKEN, "torch of {} does not load (OSError: libcudart.so). Install it again: {} -m pip install torch"),
        (DEVICES % BROKEN_CPU, "{} cannot train (RuntimeError: no kernel). Install torch again."),
    ],
)
def test_engines_that_do_not_load(user: Path, tmp_path: Path, printed: str, problem: str) -> None:
    path = fake(tmp_path, f"echo a banner; echo '{printed}'")
    assert outcome(user, path)["problem"] == problem.replace("{}", str(path))


@POSIX
def test_a_card_that_does_not_train_is_named(user: Path, tmp_path: Path) -> None:
    printed = DEVICES % f"{CPU}, {BROKEN_CARD}"
    told = outcome(user, fake(tmp_path, f"echo '{printed}'"))
    assert told["result"] == ["FINISHED"]
    assert told["lines"] == [
        "Python 3.11.9",
        "torch 2.0, onnxruntime 1.20",
        "CPU (2 threads): 10.0 ms a training step",
        "CUDA (Old Card, 2 GB): RuntimeError: no kernel",
    ]


@POSIX
def test_an_engine_that_hangs(user: Path, tmp_path: Path) -> None:
    path = fake(tmp_path, f"sleep 120.{os.getpid()} & sleep 120.{os.getpid()}")
    told = outcome(user, path, patience=0.5)
    assert told["problem"] == (
        f"{path} did not answer within 0.5 seconds. Choose the Python of an environment with torch."
    )
    support.wait_until_gone(f"120.{os.getpid()}")  # and what it started


LOGS = (
    BEGIN
    + """
import time
job_folders = module("job_folders")
told = {}
def open_log(**arguments):
    try:
        return sorted(bpy.ops.neural_bake.open_log(**arguments)), bpy.data.texts["Neural Bake Log"].as_string()
    except RuntimeError as error:
        return ['CANCELLED'], str(error)
def bake(name, state, message, **logs):
    stored = job_folders.create(context, kind="light_grid", scene_name=name, targets=["Volume"], directory=None)
    folder = stored.folder.with_name(name)  # names have only seconds in them, and this test is faster
    stored.folder.rename(folder)
    stored.folder, stored.state, stored.message = folder, state, message
    stored.write()
    for file, text in logs.items():
        (folder / f"{file}.log").write_bytes(text)
        time.sleep(0.02)
told["nothing"] = open_log()
bake("1", 'DONE', "", capture=b"first")
bake("2", 'DONE', "", capture=b"newer")
told["newest"] = open_log()
bake("3", 'FAILED', "It broke. Mend it.", training=b"learned", capture=b"wr\\xff\\nong")
bake("4", 'DONE', "", capture=b"newest")
told["failed"] = open_log()
told["chosen"] = open_log(job="1")
told["unknown"] = open_log(job="soup")
bake("5", 'FAILED', "", capture=b"x" * 3_000_000 + b"the end")
told["long"] = [len(open_log()[1]), open_log()[1].endswith("the end\\n")]
told["texts"] = bpy.data.texts.keys()
answer(**told)
"""
)


def test_logs(blender: tuple[str, Path], user: Path) -> None:
    told, result = support.run_in_blender(blender[1], user, LOGS)
    assert told["nothing"][0] == ["CANCELLED"] and "Nothing was baked yet" in told["nothing"][1]
    assert told["newest"][0] == ["FINISHED"] and told["newest"][1].endswith("newer\n")
    text = told["failed"][1]
    assert text.startswith("light_grid of 3 in an unsaved file: failed\nIt broke. Mend it.\n")
    assert "3/training.log ----\nlearned\n" in text.replace("\\", "/")
    assert text.index("learned") < text.index("wr\ufffd\nong")  # in the order in which they were written
    assert told["chosen"][1].endswith("first\n")
    assert told["unknown"][0] == ["CANCELLED"] and "There is no bake soup" in told["unknown"][1]
    length, ends_well = told["long"]
    assert 1_000_000 < length < 1_001_000 and ends_well
    assert told["texts"] == ["Neural Bake Log"]
    assert "Info: The log is in the text Neural Bake Log" in result.stdout
