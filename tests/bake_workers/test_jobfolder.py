# SPDX-FileCopyrightText: 2026 Neural Bake developers
#
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from bake_workers import jobfolder, protocol
from core.errors import NeuralBakeError
from tests import support

JOB = protocol.new_job(kind="light_grid", settings={}, source="")


def test_the_lock_holds_against_another_process_and_goes_with_it(tmp_path: Path) -> None:
    code = (
        "import sys, time; from pathlib import Path; from bake_workers.jobfolder import JobFolder\n"
        "with JobFolder(Path(sys.argv[1])): print('held', flush=True); time.sleep(60)"
    )
    path = tmp_path / "a.job"
    holder = subprocess.Popen(
        [sys.executable, "-c", code, str(path)], env=support.environment(), stdout=subprocess.PIPE
    )
    assert holder.stdout.readline() == b"held\n"
    with pytest.raises(NeuralBakeError) as error, jobfolder.JobFolder(path):
        pass
    assert error.value.code == "busy"
    holder.kill()
    holder.communicate(timeout=10)
    with jobfolder.JobFolder(path) as folder:
        folder.begin(JOB, resume=False)
    assert protocol.read_job(path) == JOB


def test_a_fresh_start_forgets_what_was_measured_and_resume_does_not(tmp_path: Path) -> None:
    path = tmp_path / "a.job"
    with jobfolder.JobFolder(path) as folder:
        folder.begin(JOB, resume=False)
        folder.dataset.mkdir()
        folder.add_usage("capture", 3.0, 100)
    with jobfolder.JobFolder(path) as folder:
        folder.begin(JOB, resume=True)
        folder.add_usage("capture", 2.0, 50)
        assert folder.dataset.is_dir()
    assert jobfolder.read_usage(path) == {"capture": {"seconds": 5.0, "peak_memory": 100}}
    with jobfolder.JobFolder(path) as folder:
        folder.begin(JOB, resume=False)
        assert not folder.dataset.exists()
    assert jobfolder.read_usage(path) == {}


def test_training_time_is_not_added_up(tmp_path: Path) -> None:
    with jobfolder.JobFolder(tmp_path / "a.job") as folder:
        folder.add_usage("training", 3.0, 100)
        folder.add_usage("training", 2.0, None)
    assert jobfolder.read_usage(tmp_path / "a.job") == {"training": {"seconds": 2.0, "peak_memory": None}}


def test_a_folder_with_other_things_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.job"
    path.mkdir()
    (path / "thesis.txt").write_text("years of work")
    with pytest.raises(NeuralBakeError) as error, jobfolder.JobFolder(path):
        pass
    assert error.value.code == "bad_output"
    assert [entry.name for entry in path.iterdir()] == ["thesis.txt"]


def test_a_file_in_the_way_is_bad_input(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(NeuralBakeError) as error, jobfolder.JobFolder(tmp_path / "file" / "a.job"):
        pass
    assert error.value.exit_code == 2


def test_an_old_cancel_file_does_not_stop_a_new_bake(tmp_path: Path) -> None:
    path = tmp_path / "a.job"
    path.mkdir()
    (path / "cancel").touch()
    old = jobfolder.STARTED - 60.0
    os.utime(path / "cancel", (old, old))
    with jobfolder.JobFolder(path) as folder:
        assert not folder.cancel_asked()


def test_a_cancel_file_that_comes_right_at_the_start_counts(tmp_path: Path) -> None:
    path = tmp_path / "a.job"
    path.mkdir()
    (path / "cancel").touch()
    now = time.time()
    os.utime(path / "cancel", (now, now))
    with jobfolder.JobFolder(path) as folder:
        assert folder.cancel_asked()
    assert not (path / "cancel").exists()


def test_a_folder_without_name_has_no_job() -> None:
    with pytest.raises(NeuralBakeError):
        jobfolder.job_directory(Path(os.path.abspath(os.sep)))
    assert jobfolder.job_directory(Path("/a/b.c")) == Path("/a/b.c.job")


def test_events_are_read_line_by_line(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    tail = protocol.EventTail(path)
    assert tail.read() == []
    path.write_bytes(b'{"n": 1}\n{"n"')
    assert tail.read() == [{"n": 1}]
    assert tail.read() == []
    with open(path, "ab") as file:
        file.write(b': 2}\n{"cut sho\n[1]\n{"n": 3}\n')
    assert tail.read() == [{"n": 2}, {"n": 3}]
