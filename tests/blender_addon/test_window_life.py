# SPDX-FileCopyrightText: 2026 Neural Bake developers
#
# SPDX-License-Identifier: GPL-3.0-or-later

"""What ``test_life.py`` tries in a background Blender, in a window: by keys and clicks, through three sessions."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests import support

SCRIPT = support.ROOT / "tests" / "scripts" / "window_life.py"


@pytest.mark.skipif(not os.environ.get("NEURAL_BAKE_BLENDER"), reason="NEURAL_BAKE_BLENDER names no Blender")
def test_life_around_bakes_in_a_window(user: Path, tiny_scene: Path, tmp_path: Path) -> None:
    """Blender is quit during a bake, killed during its second part, and brings it to its end in the third."""
    scene = shutil.copy(tiny_scene, tmp_path / "scene.blend")
    # Enough paths that a bake lasts while keys are pressed; training alone takes no time.
    words = [scene, sys.executable, json.dumps({**support.TINY, "sample_paths": 2000}), tmp_path]
    told, result = support.run_in_window(user, SCRIPT, "live", *words)
    state, folder, measured = told["left at work"]
    support.wait_until_gone(folder, 1.0)
    assert state == "RUNNING" and measured >= 1
    assert complaints(result) == [], result.stderr

    assert told["still at work"] == told["other file at work"] == "RUNNING"
    assert told["names and undo"] == ["DONE", "The result is on Probes.", True]
    assert told["one step of undo"] == ["Renamed", "Probes", 0.0]
    assert told["other file"] == ["WAITING", "The result waits for scene_other.blend to be open.", False]
    assert told["file again"] == ["DONE", True]
    state, message, complete = told["deleted"]
    assert state == "FAILED" and "has no object Volume" in message and complete
    state, place, headline, listed = told["queue"]
    assert (state, place, headline) == ("QUEUED", 1, "Number 1 in the queue") and listed.endswith("%, then again")
    assert told["taken away"] == ["CANCELLED", False, "RUNNING"]
    first, *later = told["left"]
    assert all(abs(seconds - first) < 60.0 for seconds in later), told["left"]

    process = support.start_in_window(user, SCRIPT, "resume", *words)
    lines = []
    for line in process.stdout:
        lines.append(line)
        if line.startswith("ANSWER "):
            break
    ready = [line.split()[1] for line in lines if line.startswith("READY ")]
    assert ready, "".join(lines) + process.stderr.read()
    os.kill(int(ready[0]), signal.SIGKILL)
    support.wait_until_gone(folder, 1.0)
    process.communicate(timeout=30)
    told = json.loads(lines[-1].removeprefix("ANSWER "))
    assert told["offered"] == ["RUNNING", "Scene"] and len(told["shards"]) >= measured

    told, result = support.run_in_window(user, SCRIPT, "again", *words)
    assert told["offered"] == ["RUNNING", "Scene"]
    assert (told["state"], told["message"]) == ("DONE", "The result is on Volume."), told["message"]
    assert told["kept"] == len(told["shards"]) > measured
    assert complaints(result) == [], result.stderr


def complaints(result: subprocess.CompletedProcess[str]) -> list[str]:
    """What Blender printed on stderr about the add-on."""
    return [line for line in result.stderr.splitlines() if "neural_bake" in line or "Traceback" in line]
