# SPDX-FileCopyrightText: 2026 Neural Bake developers
#
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import onnxruntime
import pytest

from core.errors import NeuralBakeError
from core.relight import onnx_export, onnx_graph
from core.relight.onnx_graph import Graph
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
def test_a_dense_network_goes_through_its_pixels_in_chunks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, both: bool
) -> None:
    monkeypatch.setattr(onnx_export, "PIXELS_PER_CHUNK", 16)  # three chunks of 12 pixels for 35
    dense = model(0, both=both)
    graph = Graph("test")
    colours = graph.input("colours", (1, 3))
    picture = onnx_export.dense_picture(dense, graph.input("lights", (1, 3)).take(0)) * colours
    graph.output("image", picture, (5, 7, 3))
    graph.save(tmp_path / "model.onnx", "", {})
    for light in directions(6, 20, both=both):
        assert_equal(run(tmp_path / "model.onnx", light[None], np.ones((1, 3))), dense.render(light))


def test_a_missing_package_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "onnx", None)
    with pytest.raises(NeuralBakeError, match="no package onnx"):
        Graph("test")


def test_a_model_beyond_the_limit_of_the_format_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(onnx_graph, "LARGEST", 100)
    graph = Graph("test")
    graph.output("out", graph.input("in", (60,)) + np.arange(60.0), (60,))
    with pytest.raises(NeuralBakeError, match="larger than the 2 GB"):
        graph.save(tmp_path / "model.onnx", "", {})
    assert not list(tmp_path.iterdir())
