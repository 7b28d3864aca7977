# SPDX-FileCopyrightText: 2026 Neural Bake developers
#
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from bake_workers import protocol
from core.errors import NeuralBakeError
from tests import support


def test_lines_of_several_processes_do_not_mix(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    code = (
        "import sys; from bake_workers.protocol import Events; events = Events(sys.argv[1], sys.argv[2])\n"
        "for n in range(300): events.progress(n, 300, sys.argv[2] * 200)"
    )
    writers = [
        subprocess.Popen([sys.executable, "-c", code, str(path), name], env=support.environment())
        for name in ("a", "b", "ä")
    ]
    assert [writer.wait(60) for writer in writers] == [0, 0, 0]
    events = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
    assert len(events) == 900
    for name in ("a", "b", "ä"):
        own = [event for event in events if event["stage"] == name]
        assert [event["done"] for event in own] == list(range(300))
        assert all(event["text"] == name * 200 for event in own)


def test_an_event_that_is_no_json_is_refused(tmp_path: Path) -> None:
    events = protocol.Events(tmp_path / "events.jsonl", "capture")
    with pytest.raises(ValueError):
        events.send("progress", done=float("nan"))
    assert not (tmp_path / "events.jsonl").exists()


def test_write_json_leaves_the_old_file_when_it_fails(tmp_path: Path) -> None:
    path = tmp_path / "job.json"
    protocol.write_json(path, {"a": 1})
    with pytest.raises(ValueError):
        protocol.write_json(path, {"a": float("inf")})
    assert json.loads(path.read_text("utf-8")) == {"a": 1}


def test_job_comes_back_as_it_was_written(tmp_path: Path) -> None:
    job = protocol.new_job(kind="light_grid", settings={"seed": 3}, source="scène.blend", inside=("Inside.A",), frame=7)
    protocol.write_json(tmp_path / "job.json", job)
    assert protocol.read_job(tmp_path) == job


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"schema": "neural_bake.job/99"}, "schema"),
        ({"kind": "soup"}, "kind"),
        ({"frame": "12"}, "corrupt_file"),
        ({"frame": True}, "corrupt_file"),
        ({"settings": ["resolution"]}, "corrupt_file"),
        ({"inside": [1]}, "corrupt_file"),
    ],
)
def test_a_job_of_another_form_is_refused(tmp_path: Path, change: dict, code: str) -> None:
    protocol.write_json(
        tmp_path / "job.json", {**protocol.new_job(kind="light_grid", settings={}, source=""), **change}
    )
    with pytest.raises(NeuralBakeError) as error:
        protocol.read_job(tmp_path)
    assert error.value.code == code


@pytest.mark.parametrize("text", ["", "[]", "{", '{"schema": "neural_bake.job/1"}'])
def test_a_damaged_job_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "job.json").write_text(text)
    with pytest.raises(NeuralBakeError):
        protocol.read_job(tmp_path)


def test_a_folder_without_job_is_refused(tmp_path: Path) -> None:
    with pytest.raises(NeuralBakeError) as error:
        protocol.read_job(tmp_path)
    assert error.value.code == "no_job"


def test_a_child_leaves_when_its_parent_does() -> None:
    code = (
        "import time; from bake_workers import protocol\n"
        "protocol.watch_parent(); print('ready', flush=True); time.sleep(60)"
    )
    child = subprocess.Popen(
        [sys.executable, "-c", code], env=support.environment(), stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert child.stdout.readline() == b"ready\n"
    begin = time.monotonic()
    child.stdin.close()  # as the system does when the parent is killed
    assert child.wait(10) == protocol.EXIT_PARENT_GONE
    assert time.monotonic() - begin < 1.0
    child.stdout.close()


def test_a_child_without_pipe_stays() -> None:
    code = "import time; from bake_workers import protocol; protocol.watch_parent(); time.sleep(0.3)"
    result = support.run_python(sys.executable, "-c", code)
    assert result.returncode == 0, result.stderr


def run_child_with(tmp_path: Path, body: str) -> tuple[subprocess.CompletedProcess[str], dict | None]:
    """Run a stage whose work is ``body``; return the ended process and its last event."""
    code = f"""
import sys
from bake_workers import protocol
from core.errors import NeuralBakeError
def work(events):
    {body}
sys.exit(protocol.run_child("capture", sys.argv[1], work))
"""
    result = support.run_python(sys.executable, "-c", code, tmp_path)
    events = support.read_events(tmp_path)
    return result, events[-1] if events else None


def test_a_stage_that_works(tmp_path: Path) -> None:
    result, event = run_child_with(tmp_path, "events.note('All lamps are lit.')")
    assert result.returncode == 0
    assert (event["type"], event["text"]) == ("note", "All lamps are lit.")


def test_a_stage_refuses_its_input(tmp_path: Path) -> None:
    result, event = run_child_with(tmp_path, "raise NeuralBakeError('no_light', 'No light.', 'Add one.')")
    assert result.returncode == 2
    assert result.stderr == "error: No light. Add one.\n"
    assert (event["type"], event["code"], event["message"], event["hint"]) == (
        "error",
        "no_light",
        "No light.",
        "Add one.",
    )


def test_a_stage_fails_otherwise(tmp_path: Path) -> None:
    result, event = run_child_with(tmp_path, "raise NeuralBakeError('x', 'It broke.', bad_input=False)")
    assert (result.returncode, event["message"]) == (1, "It broke.")


def test_an_unforeseen_error_is_a_sentence_and_a_traceback_in_the_log(tmp_path: Path) -> None:
    result, event = run_child_with(tmp_path, "[][3]")
    assert result.returncode == 1
    assert "Traceback" in result.stderr
    assert event["code"] == "unexpected"
    assert "IndexError: list index out of range" in event["message"]
    assert "capture.log" in event["hint"]


@pytest.mark.parametrize(
    "body",
    [
        "raise MemoryError",
        "raise RuntimeError('DefaultCPUAllocator: can\\'t allocate memory: you tried to allocate 9 bytes')",
        "bytearray(2**62)",
    ],
)
def test_memory_that_runs_out_has_its_own_sentence(tmp_path: Path, body: str) -> None:
    result, event = run_child_with(tmp_path, body)
    assert (result.returncode, event["code"]) == (1, "out_of_memory")


def test_a_full_disk_has_its_own_sentence(tmp_path: Path) -> None:
    if not os.path.exists("/dev/full"):
        pytest.skip("this system has no /dev/full")
    result, event = run_child_with(tmp_path, "file = open('/dev/full', 'wb', buffering=0); file.write(b'1')")
    assert (result.returncode, event["code"]) == (1, "disk_full")
