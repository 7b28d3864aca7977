# SPDX-FileCopyrightText: 2026 Neural Bake developers
#
# SPDX-License-Identifier: GPL-3.0-or-later

"""A whole result from pictures: its files, and that the ONNX file shows what the weights do."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

from core.relight import load
from core.relight.report import table
from core.relight.training import train_dataset
from tests.core.relight.test_dense import directions
from tests.core.relight.test_dense_fitting import ball
from tests.core.relight.test_onnx_export import assert_equal, run


def bake(folder: Path, count: int = 24) -> dict:
    lights = directions(count, 0)
    np.savez(folder / "ball.npz", images=ball(lights), lights=lights)
    (folder / "result").mkdir()
    return train_dataset(folder / "ball.npz", folder / "result", {}, lambda *_: None, lambda path: None)


def test_every_file_is_there_and_the_table_can_be_told(tmp_path: Path) -> None:
    manifest = bake(tmp_path)
    pictures = {"preview.png", "comparison.png", "reference.png", "error.png", "reference.exr", "relit.exr"}
    assert set(manifest["files"]) == {"weights.safetensors", "relight.onnx", *pictures}
    assert manifest["onnx"]["size"] == (tmp_path / "result" / "relight.onnx").stat().st_size
    assert manifest["metrics"]["held_out"]["ours"]["seconds"] > 0.0
    text = table(manifest)
    assert f"{manifest['metrics']['report_lights']} held-out lights, 12x12" in text and "Neural Bake" in text
    view = load(tmp_path / "result")
    for light in directions(5, 9):
        colour = np.array([[0.5, 1.0, 2.0]])
        found = run(tmp_path / "result" / "relight.onnx", light[None], colour)
        assert_equal(found, view.render(light, colour))


@pytest.mark.parametrize(("count", "told"), [(3, 1), (4, 0)])
def test_too_few_lights_to_compare_methods_by_are_told(tmp_path: Path, count: int, told: int) -> None:
    notes = bake(tmp_path, count)["notes"]
    assert sum("too few lights to compare" in note for note in notes) == told


def test_a_result_without_the_onnx_package_is_whole_and_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "onnx", None)
    manifest = bake(tmp_path)
    assert manifest["onnx"] is None and "relight.onnx" not in manifest["files"]
    assert [
        note for note in manifest["notes"] if note.startswith("There is no relight.onnx: This Python has no package")
    ]
    assert load(tmp_path / "result").render(directions(1, 9)).max() > 0.0
