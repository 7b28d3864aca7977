# SPDX-FileCopyrightText: 2026 Neural Bake developers
#
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnxruntime
import pytest

from core.relight import onnx_export
from tests.core.relight.test_dense import directions, model

TOLERANCE = 1e-4
"""Of the picture's maximum."""


def run(path: Path, lights: np.ndarray, colours: np.ndarray) -> np.ndarray:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    feeds = {"lights": lights.astype(np.float32), "colours": colours.astype(np.float32)}
    return session.run(["image"], feeds)[0]


def assert_equal(result: np.ndarray, expected: np.ndarray) -> None:
    assert result.shape == expected.shape and result.dtype == np.float32 and expected.max() > 0.0
    assert np.abs(result - expected).max() <= TOLERANCE * expected.max()


@pytest.mark.parametrize("both", [False, True])
def test_dense_networks_run_in_onnxruntime(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, both: bool) -> None:
    monkeypatch.setattr(onnx_export, "PIXELS_PER_CHUNK", 16)  # three chunks of 12 pixels for 35
    models = (model(0, both=both), model(1, both=both))
    base = np.random.default_rng(5).random((5, 7, 3)).astype(np.float32)
    said = onnx_export.export_dense(models, base, tmp_path / "model.onnx")
    assert said == {
        "file": "model.onnx",
        "size": (tmp_path / "model.onnx").stat().st_size,
        "opset": 17,
        "shapes": {"lights": [2, 3], "colours": [2, 3], "image": [5, 7, 3]},
    }
    assert [path.name for path in tmp_path.iterdir()] == ["model.onnx"]
    for seed in range(6):
        lights, colours = directions(2, 20 + seed, both=both), np.random.default_rng(seed).random((2, 3)) * 2.0
        pictures = [part.render(light) for part, light in zip(models, lights, strict=True)]
        expected = base + sum(picture * colour for picture, colour in zip(pictures, colours, strict=True))
        assert_equal(run(tmp_path / "model.onnx", lights, colours), expected)
