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
from .onnx_graph import OPSET, Graph
from .tone import GAMMA, Tone

PIXELS_PER_CHUNK = 16384


def export_dense(models: tuple[DenseModel, ...], base: np.ndarray | None, path: Path) -> dict:
    """Write dense networks, one a lamp.

    Args:
        models: in the lamps' order.
        base: (H, W, 3) linear, added to the picture, or None.

    Returns:
        What the manifest says of the file; see :func:`describe`.
    """
    graph = Graph("relight")
    pictures = [dense_picture(graph, model, light_of(graph, number)) for number, model in enumerate(models)]
    return finish(graph, pictures, base, models[0].mean.shape[:2], path)


def light_of(graph: Graph, lamp: int) -> str:
    """The input's row (3,) of one lamp."""
    return graph.op("Gather", "lights", graph.constant(lamp), axis=0)


def finish(
    graph: Graph, pictures: list[str], base: np.ndarray | None, size: tuple[int, int], path: Path, clamp: bool = False
) -> dict:
    """Colour and add the lamps' white pictures (H, W, 3), add the base, and save.

    Args:
        clamp: whether the sum is clamped at 0.

    Returns:
        ``{"file", "size" (bytes), "opset", "inputs", "outputs"}`` for the manifest.
    """
    total = None if base is None else graph.constant(base.astype(np.float32))
    for number, picture in enumerate(pictures):
        coloured = graph.op("Mul", picture, graph.op("Gather", "colours", graph.constant(number), axis=0))
        total = coloured if total is None else graph.op("Add", total, coloured)
    graph.op("Relu" if clamp else "Identity", total, name_as="image")
    inputs = {name: (np.float32, (len(pictures), 3)) for name in ("lights", "colours")}
    outputs = {"image": (np.float32, (*size, 3))}
    bytes_written = graph.save(path, inputs, outputs, __doc__, {"producer": "Neural Bake", "kind": "relight"})
    shapes = {name: list(shape) for name, (_, shape) in {**inputs, **outputs}.items()}
    return {"file": Path(path).name, "size": bytes_written, "opset": OPSET, "shapes": shapes}


def dense_picture(graph: Graph, model: DenseModel, light: str) -> str:
    """The white picture (H, W, 3) of one dense network under ``light`` (3,)."""
    height, width = model.mean.shape[:2]
    place, count = _coordinates(graph, model, light), len(model.coordinates.axes)
    (first, biases), *hidden = model.layers
    bias = graph.op(
        "Add", graph.op("MatMul", place, graph.constant(first[:count])), graph.constant(biases.astype(np.float32))
    )
    # Chunk by chunk: the hidden values of all pixels at once would be a gigabyte.
    chunks = -(-height * width // PIXELS_PER_CHUNK)
    rows = -(-height * width // chunks)
    features = _features(graph, model.mean)
    padding = graph.constant([0, 0, chunks * rows - height * width, 0])
    features = graph.op("Reshape", graph.op("Pad", features, padding), graph.constant([chunks, rows, 5]))
    inner = graph.body(f"pixels_{bias}")
    values = inner.op("Add", inner.op("MatMul", "features", inner.constant(first[count:])), bias)
    for weights, offsets in hidden:
        values = inner.op("Relu", values)
        values = inner.op("Add", inner.op("MatMul", values, inner.constant(weights)), inner.constant(offsets))
    inner.op("Relu", values, name_as="toned")
    body = inner.built({"features": (np.float32, (rows, 5))}, {"toned": (np.float32, (rows, 3))})
    toned = graph.op("Reshape", graph.op("Scan", features, body=body, num_scan_inputs=1), graph.constant([-1, 3]))
    toned = graph.op("Slice", toned, graph.constant([0]), graph.constant([height * width]))
    return graph.op("Reshape", _linear(graph, model.tone, toned), graph.constant([height, width, 3]))


def _coordinates(graph: Graph, model: DenseModel, light: str) -> str:
    """The network's light coordinates (1, K)."""
    mapping = model.coordinates
    numbers = _unfolded(graph, light) if mapping.octahedral else light
    chosen = graph.op("Gather", numbers, graph.constant(mapping.axes.astype(np.int64)), axis=0)
    chosen = graph.op("Div", graph.op("Sub", chosen, graph.constant(mapping.low)), graph.constant(mapping.scale))
    return graph.op("Unsqueeze", chosen, graph.constant([0]))


def _unfolded(graph: Graph, light: str) -> str:
    """A unit direction (3,) on the square (2,) of the octahedral map."""
    one, zero = graph.constant(1.0), graph.constant(0.0)
    total = graph.op("ReduceSum", graph.op("Abs", light), keepdims=1)
    projected = graph.op("Div", light, total)
    flat = graph.op("Gather", projected, graph.constant([0, 1]), axis=0)
    swapped = graph.op("Gather", graph.op("Abs", projected), graph.constant([1, 0]), axis=0)
    sign = graph.op("Where", graph.op("Less", flat, zero), graph.constant(-1.0), one)
    folded = graph.op("Mul", graph.op("Sub", one, swapped), sign)
    below = graph.op("Less", graph.op("Gather", projected, graph.constant([2]), axis=0), zero)
    return graph.op("Where", below, folded, flat)


def _features(graph: Graph, mean: np.ndarray) -> str:
    """Pixel x, pixel y and the mean picture (H * W, 5), as :func:`.dense.pixel_features` has them."""
    height, width = mean.shape[:2]
    shape = graph.constant([height, width, 1])
    x = graph.op("Expand", graph.constant((np.arange(width) / width).reshape(1, width, 1)), shape)
    y = graph.op("Expand", graph.constant((np.arange(height) / height).reshape(height, 1, 1)), shape)
    features = graph.op("Concat", x, y, graph.cast(graph.constant(mean), np.float32), axis=2)
    return graph.op("Reshape", features, graph.constant([-1, 5]))


def _linear(graph: Graph, tone: Tone, toned: str) -> str:
    """Linear light of tone-mapped values that are not negative."""
    power = graph.op("Pow", toned, graph.constant(GAMMA))
    return graph.op("Add", graph.op("Mul", power, graph.constant(tone.scale)), graph.constant(tone.low))
