# SPDX-FileCopyrightText: 2026 Neural Bake developers
#
# SPDX-License-Identifier: GPL-3.0-or-later

"""Bakes that are cancelled or killed, in every stage; what stood before still stands, and --resume goes on."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import time
from pathlib import Path

import pytest

from core import artifact
from tests import support

pytestmark = pytest.mark.skipif(os.name == "nt", reason="signals and /proc are POSIX")

# Slow enough that a stage can be met at work.
SLOW_CAPTURE = {"sample_paths": 60_000, "report_paths": 60_000}
SLOW_TRAINING = {"light_steps": 100_000}


def stop(process: subprocess.Popen, job: Path, how: str) -> float:
    """Ask a bake to cancel; return the seconds until it has ended."""
    begin = time.monotonic()
    if how == "file":
        (job / "cancel").touch()
    else:
        process.send_signal(getattr(signal, how))
    process.wait(20)
    return time.monotonic() - begin


@pytest.mark.parametrize("how", ["SIGINT", "SIGTERM", "file"])
@pytest.mark.parametrize("stage", ["capture", "training"])
def test_cancel(own_bake: Path, tiny_scene: Path, stage: str, how: str) -> None:
    job = own_bake.with_name("result.job")
    before = support.snapshot(own_bake)
    slow = SLOW_CAPTURE if stage == "capture" else SLOW_TRAINING
    process = support.Running(*support.bake_words(tiny_scene, own_bake, "--json", **slow))
    process.wait_for(job, stage, least=1 if stage == "training" else 0)
    time.sleep(0.5)  # now it is inside a Cycles bake, or among training steps
    seconds = stop(process, job, how)
    output, errors = process.communicate()
    assert process.returncode == 130, errors
    assert seconds < 1.0
    assert errors == "cancelled. Go on with --resume.\n"
    assert json.loads(output.splitlines()[-1])["type"] == "cancelled"
    support.wait_until_gone(str(job), 0.5)
    assert support.snapshot(own_bake) == before
    assert {path.name for path in own_bake.parent.iterdir()} == {"result", "result.job"}
    assert not (job / "cancel").exists()


def test_ctrl_c_in_a_terminal(tiny_scene: Path, tmp_path: Path) -> None:
    """A terminal sends SIGINT to the whole foreground group; the capture is not in it and is stopped by the runner."""
    out = tmp_path / "result"
    process = support.Running(*support.bake_words(tiny_scene, out, **SLOW_CAPTURE))
    process.wait_for(tmp_path / "result.job", "capture")
    os.killpg(process.pid, signal.SIGINT)
    _, errors = process.communicate(timeout=5)
    assert (process.returncode, errors) == (130, "cancelled. Go on with --resume.\n")
    support.wait_until_gone(str(tmp_path / "result.job"), 0.5)
    assert not out.exists()


# Some seconds in the capture, in several shards.
STEADY = {"sample_paths": 350, "report_paths": 500, "probe_paths": 350, "light_steps": 150}


@pytest.fixture(scope="module")
def uninterrupted(tiny_scene: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bake with ``STEADY`` settings that nobody disturbed."""
    out = tmp_path_factory.mktemp("uninterrupted") / "result"
    result = support.run(*support.bake_words(tiny_scene, out, **STEADY))
    assert result.returncode == 0, result.stderr
    return out


def finish_and_compare(scene: Path, out: Path, uninterrupted: Path, *words: object) -> None:
    """Resume a bake and compare its weights with the uninterrupted one's."""
    result = support.run(*support.bake_words(scene, out, "--resume", *words, **STEADY))
    assert result.returncode == 0, result.stderr
    assert (out / "weights.safetensors").read_bytes() == (uninterrupted / "weights.safetensors").read_bytes()
    artifact.read_manifest(out)
    assert {path.name for path in out.parent.iterdir()} <= {"result", "result.job", "scene.blend"}


def test_kill_while_capturing(tiny_scene: Path, uninterrupted: Path, tmp_path: Path) -> None:
    out, job = tmp_path / "result", tmp_path / "result.job"
    process = support.Running(*support.bake_words(tiny_scene, out, **STEADY))
    process.wait_for(job, "capture", least=2)
    process.kill_hard()
    assert support.wait_until_gone(str(job)) < 1.0
    assert not out.exists()
    done = {path.name: path.stat().st_mtime_ns for path in (job / "dataset").glob("shard-*.safetensors")}
    assert 2 <= len(done) < len(list((uninterrupted.with_name("result.job") / "dataset").glob("shard-*.safetensors")))
    finish_and_compare(tiny_scene, out, uninterrupted)
    now = {path.name: path.stat().st_mtime_ns for path in (job / "dataset").glob("shard-*.safetensors")}
    assert {name: now[name] for name in done} == done  # nothing that stood was measured again


def test_kill_twice_while_capturing_and_then_while_training(
    tiny_scene: Path, uninterrupted: Path, tmp_path: Path
) -> None:
    out, job = tmp_path / "result", tmp_path / "result.job"
    for words, stage, least in ([], "capture", 0), (["--resume"], "capture", 1), (["--resume"], "training", 20):
        process = support.Running(*support.bake_words(tiny_scene, out, *words, **STEADY))
        process.wait_for(job, stage, least=least)
        process.kill_hard()
        assert support.wait_until_gone(str(job)) < 1.0
        assert not out.exists()
    finish_and_compare(tiny_scene, out, uninterrupted)


def test_kill_while_saving(tiny_scene: Path, uninterrupted: Path, tmp_path: Path) -> None:
    out, job, scene = tmp_path / "result", tmp_path / "result.job", tmp_path / "scene.blend"
    shutil.copy(tiny_scene, scene)
    shutil.copytree(uninterrupted.with_name("result.job"), job)
    before = scene.read_bytes()
    process = support.Running(*support.bake_words(scene, out, "--resume", "--save", **STEADY))
    process.wait_for(job, "saving")
    process.kill_hard()
    assert support.wait_until_gone(str(job)) < 1.0
    assert scene.read_bytes() == before
    artifact.read_manifest(out)  # it was complete before the saving began
    finish_and_compare(scene, out, uninterrupted, "--save")
    assert scene.read_bytes() != before


def test_a_capture_that_is_killed_alone(own_bake: Path, tiny_scene: Path) -> None:
    """As the system does when memory runs out."""
    job = own_bake.with_name("result.job")
    before = support.snapshot(own_bake)
    process = support.Running(*support.bake_words(tiny_scene, own_bake, "--json", **SLOW_CAPTURE))
    process.wait_for(job, "capture")
    (capture,) = support.processes_with(str(job))  # the runner's own words name only the result's folder
    os.kill(capture, signal.SIGKILL)
    output, errors = process.communicate(timeout=10)
    assert process.returncode == 1
    assert "stage capture was killed, probably because memory ran out" in errors
    assert json.loads(output.splitlines()[-1])["code"] == "stage_failed"
    assert support.snapshot(own_bake) == before


def test_the_add_on_goes(tiny_scene: Path, tmp_path: Path) -> None:
    """With --parent-pipe the runner and its capture leave as soon as the pipe ends."""
    job = tmp_path / "result.job"
    words = support.bake_words(tiny_scene, tmp_path / "result", "--parent-pipe", **SLOW_CAPTURE)
    process = support.Running(*words, stdin=subprocess.PIPE)
    process.wait_for(job, "capture")
    process.stdin.close()
    assert process.wait(5) == 75
    assert support.wait_until_gone(str(job)) < 1.0


def test_two_bakes_into_one_folder(own_bake: Path, tiny_scene: Path) -> None:
    job = own_bake.with_name("result.job")
    first = support.Running(*support.bake_words(tiny_scene, own_bake, **SLOW_CAPTURE))
    first.wait_for(job, "capture")
    for words in ([], ["--resume"]):
        second = support.run(*support.bake_words(tiny_scene, own_bake, *words))
        assert second.returncode == 2
        assert f"Another bake is at work in {job}" in support.one_line(second)
    train = support.run("train", job / "dataset", "--kind", "light_grid", "--out", own_bake)
    assert train.returncode == 2
    assert first.poll() is None  # and is not disturbed
    assert support.read_events(job)
    stop(first, job, "SIGTERM")
    first.communicate()
