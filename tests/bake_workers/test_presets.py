# SPDX-FileCopyrightText: 2026 Neural Bake developers
#
# SPDX-License-Identifier: GPL-3.0-or-later

"""``--preset`` on the command line."""

from __future__ import annotations

from pathlib import Path

import pytest

from bake_workers.__main__ import read_settings
from core.errors import NeuralBakeError
from core.light_grid.settings import PRESETS, LightGridSettings
from tests import support


def test_a_preset_comes_before_set() -> None:
    assert read_settings("light_grid", [], "draft") == PRESETS["draft"]
    values = read_settings("light_grid", ["sample-paths=9", "seed=3"], "draft")
    assert values == {**PRESETS["draft"], "sample_paths": 9, "seed": 3}
    assert read_settings("light_grid", ["seed=3"]) == {"seed": 3}
    assert LightGridSettings.from_dict(read_settings("light_grid", [], "medium")) == LightGridSettings()


def test_an_unknown_preset() -> None:
    with pytest.raises(NeuralBakeError, match="There is no preset best. Presets: draft, medium, final."):
        read_settings("light_grid", [], "best")


def test_the_command_takes_a_preset(tmp_path: Path) -> None:
    scene = tmp_path / "scene.blend"
    scene.write_bytes(b"BLENDER-v405")
    result = support.run("bake", scene, "--kind", "light_grid", "--out", tmp_path / "out", "--preset", "best")
    assert (result.returncode, support.one_line(result)) == (
        2,
        "error: There is no preset best. Presets: draft, medium, final.",
    )
    assert "--preset" in support.run("bake", "--help").stdout
    assert [path.name for path in tmp_path.iterdir()] == ["scene.blend"]
