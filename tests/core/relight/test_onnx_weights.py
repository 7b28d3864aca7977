# SPDX-FileCopyrightText: 2026 Neural Bake developers
#
# SPDX-License-Identifier: GPL-3.0-or-later

"""Weights of the captured lights: the graph's beside numpy's."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnxruntime
import pytest

from core.relight import baselines, onnx_weights
from core.relight.interpolation import KERNELS, Interpolant
from core.relight.interpolation import neighbours as near_points
from core.relight.onnx_graph import Graph, Value
from tests.core.relight.test_dense import directions


def evaluated(path: Path, build: Callable[[Value], Value], lights: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """What a graph makes of each light."""
    graph = Graph("test")
    graph.output("out", build(graph.input("light", (3,)).to(np.float64)), shape)
    graph.save(path / "graph.onnx", "", {})
    session = onnxruntime.InferenceSession(str(path / "graph.onnx"), providers=["CPUExecutionProvider"])
    return np.stack([session.run(None, {"light": light.astype(np.float32)})[0] for light in lights])


def cloud(kind: str, count: int = 40) -> np.ndarray:
    rng = np.random.default_rng(1)
    points = rng.normal(size=(count, 3)) * [3.0, 2.0, 1.0] + [5.0, -2.0, 4.0]
    if kind == "plane":
        points = points @ np.array([[1.0, 0.3, 0.2], [0.1, 1.0, -0.5], [0.0, 0.0, 0.0]])
    if kind == "line":
        points = points[:, :1] * [1.0, 0.5, -0.2] + [0.0, 1.0, 2.0]
    if kind == "dome":
        points = directions(count, 5).astype(np.float64)
    return points.astype(np.float32).astype(np.float64)


def queries(points: np.ndarray, *, dome: bool) -> np.ndarray:
    rng = np.random.default_rng(2)
    found = np.stack([points[rng.choice(len(points), 3, replace=False)].mean(axis=0) for _ in range(20)])
    found = np.concatenate([found, points[:1], points.mean(axis=0, keepdims=True) + 4.0 * (points[1:2] - points[0])])
    return (found / np.linalg.norm(found, axis=1, keepdims=True) if dome else found).astype(np.float32)


@pytest.mark.parametrize("kind", ["box", "plane", "line", "dome"])
@pytest.mark.parametrize("name", list(baselines.RIVALS))
def test_rivals(tmp_path: Path, name: str, kind: str) -> None:
    points, dome = cloud(kind), kind == "dome"
    lights = queries(points, dome=dome)
    found = evaluated(tmp_path, lambda light: onnx_weights.RIVALS[name](points, light, dome), lights, (1, 40))[:, 0]
    expected = baselines.weights(name, points, lights, dome)
    np.testing.assert_allclose(found, expected, atol=1e-7 * np.abs(expected).max())


@pytest.mark.parametrize("kernel", KERNELS)
def test_interpolants(tmp_path: Path, kernel: str) -> None:
    points = cloud("box")
    lights = queries(points, dome=False)
    made = Interpolant(points, kernel, 1e-2)
    found = evaluated(tmp_path, lambda light: onnx_weights.interpolant(made, light), lights, (1, 40))[:, 0]
    np.testing.assert_allclose(found, made.weights(lights), atol=1e-8)


@pytest.mark.parametrize("kind", ["box", "plane", "line", "dome"])
@pytest.mark.parametrize("count", [3, 5, 8, 12])
def test_a_local_spline_is_inverted_without_a_solver(tmp_path: Path, kind: str, count: int) -> None:
    points = cloud(kind)
    lights = queries(points, dome=kind == "dome")[:20]

    def build(light: Value) -> Value:
        near = onnx_weights.neighbours(light, points, count)
        return onnx_weights.local_spline(light.graph.constant(points).take(near), light, count, 1e-3)

    found = evaluated(tmp_path, build, lights, (1, count))[:, 0]
    for light, shares in zip(lights, found, strict=True):
        near = points[near_points(points, light, count)]
        expected = Interpolant(near, "thin_plate", 1e-3).weights(light)[0]
        np.testing.assert_allclose(shares, expected, rtol=0.0, atol=1e-5 * np.abs(expected).max())
