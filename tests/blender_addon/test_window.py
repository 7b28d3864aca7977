# SPDX-FileCopyrightText: 2026 Neural Bake developers
#
# SPDX-License-Identifier: GPL-3.0-or-later

"""The add-on in the real window, by mouse and keyboard. What its panels say in each state is in ``test_panels.py``."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from bake_workers import engine_setup
from build_tools import environments, screenshots
from tests import support

SCRIPTS = support.ROOT / "tests" / "scripts"
with_window = pytest.mark.skipif(
    not os.environ.get("NEURAL_BAKE_BLENDER"), reason="NEURAL_BAKE_BLENDER names no Blender"
)


@with_window
def test_a_bake_by_mouse_and_keyboard(user: Path, tiny_scene: Path, tmp_path: Path) -> None:
    """It takes a minute and more because Blender's shortest interval for autosave is one."""
    scene = shutil.copy(tiny_scene, tmp_path / "scene.blend")
    words = [scene, sys.executable, json.dumps(support.TINY), tmp_path]
    told, result = support.run_in_window(user, SCRIPTS / "window_bake.py", *words)
    state, message, keys = told["clicked"]
    assert (state, message) == ("DONE", "The result is on Volume."), message
    assert "neural_bake_manifest" in keys
    assert told["undone"] == [[], []]
    assert told["redone"][0] == keys and "Neural Bake Preview" in told["redone"][1]
    assert told["overlay"] > 100
    name, pixels, windows = told["picture"]
    assert name.startswith("Neural Bake ") and pixels > 1000 and windows == 1
    first, later = told["looks"]
    assert first[0] == later[0] == "Measuring light"
    assert first[1] < later[1] and first[2] < later[2] and first[4] != later[4]
    assert first[3] is not None and later[3] is not None
    assert told["moved"]["panel"] > 100 and told["moved"]["status bar"] > 100
    assert (told["saved before"], told["saved while"]) == (False, "RUNNING") and told["processes"] >= 2
    state, seconds, untouched = told["cancelled"]
    assert (state, untouched) == ("CANCELLED", True)
    assert seconds < 2.0  # one, and time to look on a busy machine
    assert told["unfinished"] == [True] and told["discarded"]
    assert complaints(result) == [], result.stderr


@with_window
def test_the_engine_in_the_preferences(user: Path, tmp_path: Path) -> None:
    """None yet, being made, stopped by a click, failed, ready, outdated, damaged."""
    base = Path(os.path.realpath(sys.executable))
    made, wheels = tmp_path / "made", tmp_path / "wheels"
    subprocess.run([base, "-m", "venv", "--without-pip", made], check=True)
    mark = {"schema": engine_setup.SCHEMA, "packages": engine_setup.digest(), "base": str(base)}
    (made / engine_setup.MARK).write_text(json.dumps(mark), "utf-8")
    wheels.mkdir()
    (wheels / "nothing-1.0-py3-none-any.whl").write_bytes(b"")
    told, result = support.run_in_window(user, SCRIPTS / "window_engine.py", base, wheels, made, tmp_path)
    text, fraction = told["making"]
    assert text and 0.0 <= fraction < 1.0
    assert told["state after"] == "NONE"
    said = {
        "none": "0.4 GB to download, 1.5 GB on the disk",
        "cancelled": "Cancelled.",
        "failed": "There is no torch==",
        "ready": "The engine is ready",
        "outdated": "The engine was made for another version of Neural Bake. Update it.",
        "broken": "The engine is damaged or only half installed. Repair it.",
    }
    for name, sentence in said.items():
        assert any(line.startswith(sentence) for line in told[name]), (name, told[name])
    assert complaints(result) == [], result.stderr


def test_screenshots_need_a_window(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NEURAL_BAKE_BLENDER", raising=False)
    with pytest.raises(environments.BuildError, match="set NEURAL_BAKE_BLENDER to its path"):
        screenshots.run(Path(sys.executable))


def complaints(result: subprocess.CompletedProcess[str]) -> list[str]:
    """What Blender printed on stderr about the add-on."""
    return [line for line in result.stderr.splitlines() if "neural_bake" in line or "Traceback" in line]
