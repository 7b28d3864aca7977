# SPDX-FileCopyrightText: 2026 Neural Bake developers
#
# SPDX-License-Identifier: GPL-3.0-or-later

"""A bake in the real window, by mouse and keyboard. What the panels say in each state is in ``test_panels.py``."""

from __future__ import annotations

import json
import os
import shutil
import sys
from pathlib import Path

import pytest

from tests import support

SCRIPTS = support.ROOT / "tests" / "scripts"
pytestmark = pytest.mark.skipif(
    not os.environ.get("NEURAL_BAKE_BLENDER"), reason="NEURAL_BAKE_BLENDER names no Blender"
)


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
    ours = [line for line in result.stderr.splitlines() if "neural_bake" in line or "Traceback" in line]
    assert ours == [], result.stderr
