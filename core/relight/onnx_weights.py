# SPDX-FileCopyrightText: 2026 Neural Bake developers
#
# SPDX-License-Identifier: GPL-3.0-or-later

"""Weights of captured lights as parts of an ONNX graph, all in float64: interpolants, the rivals', neighbours."""

from __future__ import annotations

import itertools

import numpy as np

from . import baselines
from .interpolation import Interpolant
from .model import Transport
from .onnx_graph import Graph, Value

# Of the iteration that inverts a local interpolant's matrix, and the diagonal that keeps it regular: together they give
# numpy's weights to 1e-5 of the largest, for points in space, in a plane and on a line.
INVERSE_STEPS = 40
DEGENERATE = 1e-8


def shares(graph: Graph, transport: Transport, light: Value) -> Value:
    """Weights (1, N) of the captured lights at ``light`` (3,)."""
    points = np.asarray(transport.lights, np.float64)
    if len(points) == 1:
        return graph.constant(np.ones((1, 1)))
    if transport.method == "ours":
        return interpolant(transport._interpolant, light)
    return RIVALS[transport.method](points, light, transport.lamp["light"] != "position")


def interpolant(made: Interpolant, light: Value) -> Value:
    """:meth:`.Interpolant.weights`."""
    basis = _kernel(distances((light.reshape(1, -1) - made.points) / made._scale), made.kernel)
    local = (light - made._centre) / made._scale
    terms = [basis.reshape(1, -1), light.graph.constant(np.ones((1, 1)))]
    if len(made._axes):
        terms.append(local.reshape(1, -1) @ made._axes.T)
    return light.graph.concat(*terms, axis=1) @ made._inverse[:, : len(made.points)]


def distances(offsets: Value) -> Value:
    """Lengths (N,) of (N, D)."""
    return (offsets * offsets).sum(1).sqrt()


def neighbours(light: Value, points: np.ndarray, count: int) -> Value:
    """Indices (K,) int64 of the nearest points, nearest first."""
    offsets = light.reshape(1, -1) - points.astype(np.float64)
    square, count = (offsets * offsets).sum(1), np.array([min(count, len(points))])
    return light.graph.ops("TopK", square, count, dtypes=(None, np.int64), largest=0)[1]


def local_spline(points: Value, light: Value, count: int, smoothing: float) -> Value:
    """Weights (1, K) of a thin-plate spline with a linear part through ``points`` (K, 3).

    Runtimes have no solver of linear systems; Newton's iteration X (2 - A X) finds the inverse by products alone. Where
    the points lie in a plane or on a line, a tiny diagonal keeps the system from being singular, with the same result.
    """
    graph = points.graph
    centre = points.sum(0, keep=True) / count
    local = points - centre
    scale = ((local * local).sum(1).sum(0) / count).sqrt()
    scale = (scale > 0.0).where(scale, 1.0)
    local, query = local / scale, (light.reshape(1, 3) - centre) / scale
    if count - 2 < 3:
        axes = _principal(local, count - 2)
        local, query = local @ axes, query @ axes
    degree = min(count - 2, 3)
    known = points.reshape(-1, 1, 3) - points.reshape(1, -1, 3)
    kernel = _kernel((known * known).sum(2).sqrt() / scale, "thin_plate")
    mean = graph.op("Abs", kernel).sum(0).sum(0) / count**2
    kernel = kernel + np.eye(count) * (smoothing * (mean > 0.0).where(mean, 1.0))
    poly = graph.concat(graph.constant(np.ones((count, 1))), local, axis=1)
    corner = graph.constant(-DEGENERATE * np.eye(degree + 1))
    system = graph.concat(
        graph.concat(kernel, poly, axis=1), graph.concat(poly.transpose(1, 0), corner, axis=1), axis=0
    )
    offsets = (light.reshape(1, 3) - points) / scale
    right = graph.concat(
        _kernel(distances(offsets), "thin_plate").reshape(1, -1), graph.constant(np.ones((1, 1))), query, axis=1
    )
    return (right @ _inverse(system, count + degree + 1)).take(np.arange(count), axis=1)


def aim(transport: Transport, light: Value) -> Value:
    """:func:`.model.aim_at` (3,) of a lamp that aims."""
    domain, graph = transport.lamp.get("domain", {}), light.graph
    if domain.get("type") == "dome" and "center" in domain and transport.lamp["light"] == "position":
        return _unit(np.asarray(domain["center"], np.float64) - light)
    near = neighbours(light, transport.lights, 2)
    aims = graph.constant(np.asarray(transport.aims, np.float64)).take(near)
    if len(transport.lights) == 1:
        return _unit(aims.reshape(3))
    gaps = distances(light.reshape(1, -1) - graph.constant(np.asarray(transport.lights, np.float64)).take(near))
    weights = 1.0 - gaps / gaps.sum(0).at_least(1e-12)
    return _unit((weights.reshape(1, -1) @ aims).reshape(3))


def _unit(vector: Value) -> Value:
    return vector / (vector * vector).sum(0).sqrt().at_least(1e-12)


def _kernel(distance: Value, kernel: str) -> Value:
    if kernel == "linear":
        return -distance
    return distance * distance * distance.graph.op("Log", distance.at_least(1e-300))


def _principal(local: Value, count: int) -> Value:
    """The ``count`` axes (3, count) along which centred points (K, 3) spread most, 1 or 2 of them."""
    graph = local.graph
    spread = local.transpose(1, 0) @ local
    axes = []
    for _ in range(count):
        power = spread
        for _ in range(12):
            power = power / graph.op("Abs", power).sum(0).sum(0).at_least(1e-300)
            power = power @ power
        # any column of a high power points along the axis; the longest does so most exactly
        longest = graph.op("ArgMax", (power * power).sum(0), axis=0, keepdims=1, dtype=np.int64)
        axis = _unit(power.transpose(1, 0).take(longest).reshape(3)).reshape(3, 1)
        axes.append(axis)
        spread = spread - axis @ (axis.transpose(1, 0) @ spread)
    return axes[0] if count == 1 else graph.concat(*axes, axis=1)


def _inverse(matrix: Value, size: int) -> Value:
    """The inverse of a symmetric matrix by Newton's iteration (Ben-Israel 1965)."""
    graph = matrix.graph
    norm = graph.op("ReduceMax", graph.op("Abs", matrix).sum(1), keepdims=0)
    start = matrix / (norm * norm)
    inner = graph.body("inverse")
    inner.input("step", (), np.int64)
    going, guess = inner.input("going", (), bool), inner.input("guess", (size, size), np.float64)
    inner.output("still_going", inner.op("Identity", going), ())
    inner.output("better", guess @ (2.0 * np.eye(size) - inner.op("MatMul", matrix, guess)), (size, size))
    steps, truth = graph.constant(np.array(INVERSE_STEPS)), graph.constant(np.array(True))
    return graph.op("Loop", steps, truth, start, body=inner.built(), dtype=np.float64)


def _nearest(points: np.ndarray, light: Value, directions: bool) -> Value:
    return light.graph.constant(np.eye(len(points))).take(neighbours(light, points, 1))


def _rbf_linear(points: np.ndarray, light: Value, directions: bool) -> Value:
    return interpolant(Interpolant(points, "linear"), light)


def _rbf_thin_plate(points: np.ndarray, light: Value, directions: bool) -> Value:
    return interpolant(Interpolant(points, "thin_plate"), light)


def _ptm(points: np.ndarray, light: Value, directions: bool) -> Value:
    if directions:
        turn = baselines._dome_frame(points)[:2].T
        known, place = points @ turn, light.reshape(1, 3) @ turn
    else:
        centre, scale = points.mean(axis=0), float(points.std() or 1.0)
        known, place = (points - centre) / scale, ((light - centre) / scale).reshape(1, 3)
    pairs = itertools.combinations_with_replacement(range(known.shape[1]), 2)
    products = [place.take([first], 1) * place.take([second], 1) for first, second in pairs]
    terms = light.graph.concat(light.graph.constant(np.ones((1, 1))), place, *products, axis=1)
    return terms @ np.linalg.pinv(baselines._quadratic(known), rcond=1e-6)


def _lambert(points: np.ndarray, light: Value, directions: bool) -> Value:
    if directions:
        return light.reshape(1, 3) @ np.linalg.pinv(points, rcond=1e-6)
    centre, scale = points.mean(axis=0), float(points.std() or 1.0)
    known = np.concatenate([np.ones((len(points), 1)), (points - centre) / scale], axis=1)
    terms = light.graph.concat(light.graph.constant(np.ones((1, 1))), ((light - centre) / scale).reshape(1, 3), axis=1)
    return terms @ np.linalg.pinv(known, rcond=1e-6)


def _barycentric(points: np.ndarray, light: Value, directions: bool) -> Value:
    """:func:`.baselines.barycentric`: all simplices of the near points at once, their shares by Cramer's rule."""
    graph, axes = light.graph, baselines._axes(points)
    if directions and len(axes) == 3:
        frame = baselines._dome_frame(points)
        turned = light.reshape(1, 3) @ frame.T
        height = turned.take([2], 1).at_least(-0.999) + 1.0
        flat, query = baselines._disc(points @ frame.T), turned.take([0, 1], 1) * (2.0 / height).sqrt()
    else:
        flat = (points - points.mean(axis=0)) @ axes.T
        query = (light - points.mean(axis=0)).reshape(1, 3) @ axes.T
    size = flat.shape[1] + 1
    near = neighbours(query, flat, baselines.SIMPLEX_NEIGHBOURS)
    known = graph.constant(flat).take(near)
    corners = np.array(list(itertools.combinations(range(min(len(points), baselines.SIMPLEX_NEIGHBOURS)), size)))
    places = known.take(corners)
    first = places.take([0], 1)
    edges = places.take(np.arange(1, size), 1) - first
    reach = (query - first.reshape(-1, size - 1)).reshape(-1, 1, size - 1)
    columns = [edges.take([corner], 1) for corner in range(size - 1)]
    volume = _determinant(columns)
    solid = graph.op("Abs", volume) > _extent(known) ** (size - 1) * 1e-12
    safe = solid.where(volume, 1.0)
    others = [_determinant([*columns[:corner], reach, *columns[corner + 1 :]]) / safe for corner in range(size - 1)]
    rest = 1.0 - sum(others[1:], others[0])
    found = graph.concat(rest.reshape(-1, 1), *(share.reshape(-1, 1) for share in others), axis=1)
    gaps = places - query.reshape(1, 1, size - 1)
    cost = (found * (gaps * gaps).sum(2)).sum(1)
    lowest = graph.op("ReduceMin", found, axes=[1], keepdims=0)
    holds = graph.op("And", lowest > -1e-9, solid)
    clamped = found.at_least(0.0)
    clamped = clamped / clamped.sum(1, keep=True)
    miss = (clamped.reshape(-1, 1, size) @ places).reshape(-1, size - 1) - query
    cost, miss = holds.where(cost, 1e300), solid.where((miss * miss).sum(1), 1e300)
    inside, outside = (graph.op("ArgMin", score, axis=0, keepdims=1, dtype=np.int64) for score in (cost, miss))
    held = graph.op("ReduceMax", holds.to(np.float64), keepdims=0) > 0.5
    best = held.where(inside, outside)
    chosen = near.take(graph.constant(corners).take(best).reshape(-1))
    return clamped.take(best) @ graph.constant(np.eye(len(points))).take(chosen)


def _determinant(columns: list[Value]) -> Value:
    """Determinants (C,) of D columns, each (C, 1, D), by Laplace's expansion."""

    def expand(rows: list[int], left: list[Value]) -> Value:
        if len(left) == 1:
            return left[0].take(rows[0], 2).reshape(-1)
        total = None
        for number, row in enumerate(rows):
            part = left[0].take(row, 2).reshape(-1) * expand(rows[:number] + rows[number + 1 :], left[1:])
            total = part if total is None else (total - part if number % 2 else total + part)
        return total

    return expand(list(range(len(columns))), columns)


def _extent(known: Value) -> Value:
    graph = known.graph
    return graph.op("ReduceMax", known, keepdims=0) - graph.op("ReduceMin", known, keepdims=0)


RIVALS = {
    "nearest": _nearest,
    "barycentric": _barycentric,
    "rbf_linear": _rbf_linear,
    "rbf_thin_plate": _rbf_thin_plate,
    "ptm": _ptm,
    "lambert": _lambert,
}
