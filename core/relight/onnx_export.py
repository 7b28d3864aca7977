# SPDX-FileCopyrightText: 2026 Neural Bake developers
#
# SPDX-License-Identifier: GPL-3.0-or-later

"""A relit view as one ONNX file: places and colours of the lamps in, the picture out.

Inputs, L being the number of lamps:
    ``lights`` (L, 3) float32, one place of every lamp in the convention of :mod:`.dataset`;
    ``colours`` (L, 3) float32, linear factors on its light as captured; 0 turns a lamp off.
Output: ``image`` (H, W, 3) float32, linear Rec.709, row 0 on top, with the rest of the scene.

It runs in onnxruntime alone and agrees with :meth:`.evaluation.Relight.render` to 1e-4 of the picture's maximum.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from . import onnx_factored
from .dense import DenseModel
from .evaluation import Relight
from .onnx_graph import OPSET, Graph, Value
from .tone import GAMMA

PIXELS_PER_CHUNK = 16384


def export(relight: Relight, path: Path) -> dict:
    """Write a relit view, whole or not at all.

    Args:
        relight: as :func:`core.relight.load` gives it: numbers that were not yet rounded to their stored form are
            stored larger than need be.

    Returns:
        ``{"file", "size" (bytes), "opset", "shapes" {input or output: shape}}`` for the manifest.

    Raises:
        NeuralBakeError: the package onnx is missing, or the model is larger than an ONNX file can be.
    """
    graph, count = Graph("relight"), len(relight.transports)
    lights, colours = graph.input("lights", (count, 3)), graph.input("colours", (count, 3))
    surfaces: dict[int, onnx_factored.Ground] = {}
    total = None
    for number, transport in enumerate(relight.transports):
        light = lights.take(number)
        if isinstance(transport, DenseModel):
            picture = dense_picture(transport, light).reshape(-1, 3).take(relight.pixels).transpose(1, 0)
        else:
            ground = None
            if transport.surface is not None:  # one for all lamps
                found = surfaces.get(id(transport.surface))
                ground = found or onnx_factored.Ground.of(graph, transport.surface, relight.camera)
                surfaces[id(transport.surface)] = ground
            picture = onnx_factored.picture(transport, ground, light)
        picture = picture * colours.take(number).reshape(3, 1)
        total = picture if total is None else total + picture
    graph.output("image", _image(relight, total), (relight.height, relight.width, 3))
    size = graph.save(path, __doc__, {"kind": "relight", "lamps": ", ".join(lamp["name"] for lamp in relight.lamps)})
    return {"file": Path(path).name, "size": size, "opset": OPSET, "shapes": graph.shapes}


def _image(relight: Relight, flat: Value) -> Value:
    """The picture (H, W, 3), base included, from the lit pixels (3, P)."""
    graph, size = flat.graph, relight.width * relight.height
    flat = flat.transpose(1, 0)
    if len(relight.pixels) < size:
        place = np.full(size, len(relight.pixels), np.int32)
        place[relight.pixels] = np.arange(len(relight.pixels))
        flat = graph.concat(flat, graph.constant(np.zeros((1, 3), np.float32)), axis=0)
        flat = flat.take(graph.constant(place))
    image = flat.reshape(relight.height, relight.width, 3)
    return image if relight.base is None else image + onnx_factored.stored(graph, relight.base)


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
