# SPDX-FileCopyrightText: 2026 Neural Bake developers
#
# SPDX-License-Identifier: GPL-3.0-or-later

"""A relit view as one ONNX file: places and colours of the lamps in, the picture out.

Inputs, P being the number of lamps:
    ``lights`` (P, 3) float32, one place of every lamp in the convention of :mod:`.dataset`;
    ``colours`` (P, 3) float32, linear, 1 as captured; 0 turns a lamp off.
Output: ``image`` (H, W, 3) float32, linear Rec.709, row 0 on top, with the rest of the scene.

It runs in onnxruntime alone and agrees with the evaluation in numpy to 1e-4 of the picture's maximum.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from .dense import DenseModel
from .onnx_graph import OPSET, Graph, Value
from .tone import GAMMA

PIXELS_PER_CHUNK = 16384


def export_dense(models: tuple[DenseModel, ...], base: np.ndarray | None, path: Path) -> dict:
    """Write dense networks, one a lamp.

    Args:
        models: in the lamps' order.
        base: (H, W, 3) linear, added to the picture, or None.

    Returns:
        What the manifest says of the file; see :func:`finish`.
    """
    graph = Graph("relight")
    lights = graph.input("lights", (len(models), 3))
    pictures = [dense_picture(model, lights.take(number)) for number, model in enumerate(models)]
    return finish(graph, pictures, base, models[0].mean.shape[:2], path)


def finish(graph: Graph, pictures: list[Value], base: np.ndarray | None, size: tuple[int, int], path: Path) -> dict:
    """Colour and add the lamps' white pictures (H, W, 3), add the base, and save.

    Returns:
        ``{"file", "size" (bytes), "opset", "shapes" {input or output: shape}}`` for the manifest.
    """
    colours = graph.input("colours", (len(pictures), 3))
    total = None if base is None else graph.constant(base.astype(np.float32))
    for number, picture in enumerate(pictures):
        coloured = picture * colours.take(number)
        total = coloured if total is None else total + coloured
    graph.output("image", total, (*size, 3))
    size_written = graph.save(path, __doc__, {"producer": "Neural Bake", "kind": "relight"})
    return {"file": Path(path).name, "size": size_written, "opset": OPSET, "shapes": graph.shapes}


def dense_picture(model: DenseModel, light: Value) -> Value:
    """The white picture (H, W, 3) of one dense network under ``light`` (3,)."""
    graph, (height, width) = light.graph, model.mean.shape[:2]
    place, count = _coordinates(model, light), len(model.coordinates.axes)
    (first, biases), *hidden = model.layers
    bias = place @ first[:count] + biases
    # Chunk by chunk: the hidden values of all pixels at once would be a gigabyte.
    chunks = -(-height * width // PIXELS_PER_CHUNK)
    rows = -(-height * width // chunks)
    padding = np.array([0, 0, chunks * rows - height * width, 0])
    features = graph.op("Pad", _features(graph, model.mean), padding).reshape(chunks, rows, 5)
    inner = graph.body("pixels")
    values = inner.input("features", (rows, 5)) @ first[count:] + bias
    for weights, offsets in hidden:
        values = inner.op("Relu", values) @ weights + offsets
    inner.output("toned", inner.op("Relu", values), (rows, 3))
    toned = graph.op("Scan", features, body=inner.built(), num_scan_inputs=1).reshape(-1, 3)
    toned = graph.op("Slice", toned, np.array([0]), np.array([height * width])).reshape(height, width, 3)
    return toned**GAMMA * model.tone.scale + model.tone.low


def _coordinates(model: DenseModel, light: Value) -> Value:
    """The network's light coordinates (1, K)."""
    mapping = model.coordinates
    numbers = _unfolded(light) if mapping.octahedral else light
    return ((numbers.take(mapping.axes) - mapping.low) / mapping.scale).reshape(1, -1)


def _unfolded(light: Value) -> Value:
    """A unit direction (3,) on the square (2,) of the octahedral map."""
    size = light.graph.op("Abs", light)
    total = size.sum(0, keep=True)
    flat = light.take([0, 1]) / total
    folded = (1.0 - size.take([1, 0]) / total) * (flat < 0.0).where(flat * 0.0 - 1.0, 1.0)
    return (light.take([2]) < 0.0).where(folded, flat)


def _features(graph: Graph, mean: np.ndarray) -> Value:
    """Pixel x, pixel y and the mean picture (H * W, 5), as :func:`.dense.pixel_features` has them."""
    height, width = mean.shape[:2]
    shape = np.array([height, width, 1])
    x = graph.constant((np.arange(width) / width).astype(np.float32).reshape(1, width, 1))
    y = graph.constant((np.arange(height) / height).astype(np.float32).reshape(height, 1, 1))
    places = [graph.op("Expand", axis, shape) for axis in (x, y)]
    return graph.concat(*places, graph.constant(mean).to(np.float32), axis=2).reshape(-1, 5)
