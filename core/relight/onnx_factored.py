# SPDX-FileCopyrightText: 2026 Neural Bake developers
#
# SPDX-License-Identifier: GPL-3.0-or-later

"""The factored transport of one lamp as part of an ONNX graph; :mod:`.model` says what it computes.

What depends on the light alone is computed in float64, as numpy does: interpolants are sums of large numbers that
cancel. Pixels are float32. Shadows are packed two to a byte.
"""

from __future__ import annotations

import dataclasses
import math

import numpy as np

from . import onnx_weights
from .export import quantise
from .model import Transport
from .onnx_graph import Graph, Value
from .shading import SOFT, Surface
from .visibility import LEVELS, SMOOTHING, ShadowTable

ROUNDING = 1e-6
"""Share of the largest number that a smaller form of storage may be off by."""


@dataclasses.dataclass(frozen=True)
class Ground:
    """What the pixels see, as values: ``normal``, ``position`` and ``view`` (3, P), the latter None where unknown."""

    normal: Value
    position: Value | None
    view: Value | None

    @classmethod
    def of(cls, graph: Graph, surface: Surface, camera: dict | None) -> Ground:
        """The view is computed from camera and position, where they are known, which saves its storage."""
        normal = stored(graph, surface.normal)
        position = None if surface.position is None else stored(graph, surface.position)
        view = None
        if surface.view is not None and position is not None and camera is not None:
            offset = np.asarray(camera["position"], np.float32)[:, None] - position
            view = offset / ((offset * offset).sum(0, keep=True).sqrt() + 1e-12)
        elif surface.view is not None:
            view = graph.constant(surface.view)
        return cls(normal, position, view)


def stored(graph: Graph, array: np.ndarray) -> Value:
    """A float32 constant, stored in half precision where nothing is lost."""
    half = array.astype(np.float16)
    lost = np.abs(half.astype(np.float32) - array).max(initial=0.0)
    if lost <= ROUNDING * np.abs(array).max(initial=0.0):
        return graph.constant(half).to(np.float32)
    return graph.constant(array.astype(np.float32))


def picture(transport: Transport, ground: Ground | None, light: Value) -> Value:
    """The white picture (3, P) under ``light`` (3,) float32."""
    graph, exact = light.graph, light.to(np.float64)
    rest = _residual(transport, onnx_weights.shares(graph, transport, exact)) * stored(graph, transport.tint)
    direct = _direct(transport, ground, light, exact) if len(transport.coefficients) else None
    if not transport.root:
        return graph.op("Relu", rest if direct is None else rest + direct)
    ambient = stored(graph, transport.ambient)
    rest = graph.op("Relu", rest + (ambient if direct is None else direct + ambient).sqrt())
    return rest * rest


def _residual(transport: Transport, shares: Value) -> Value:
    """(3, P) from the weights (1, N) of the captured lights."""
    residual, graph = transport.residual, shares.graph
    luma = _combined(shares @ residual.luma_table, residual.luma)
    if not len(residual.chroma):  # a view with next to no colour of its own
        return graph.concat(luma, luma, luma, axis=0)
    chroma = _combined(shares @ residual.chroma_table, residual.chroma.reshape(len(residual.chroma), -1))
    red, blue = (chroma.reshape(2, -1).take([part]) for part in (0, 1))
    return graph.concat(luma + red, luma - red - blue, luma + blue, axis=0)


def _combined(coefficients: Value, basis: np.ndarray) -> Value:
    """``coefficients`` (1, K) float64 times a basis (K, P), which is stored as int8 where that is exact."""
    graph = coefficients.graph
    codes, scale = quantise(basis)
    restored = codes.astype(np.float32) * scale[:, None]
    if np.abs(restored - basis).max(initial=0.0) > ROUNDING * np.abs(basis).max(initial=0.0):
        return coefficients.to(np.float32) @ graph.constant(basis)
    return (coefficients.to(np.float32) * scale) @ graph.constant(codes).to(np.float32)


def _direct(transport: Transport, ground: Ground, light: Value, exact: Value) -> Value:
    """Direct light (3, P), shadows included."""
    graph, lamp = light.graph, transport.lamp
    pixels = transport.coefficients.shape[2]
    if lamp["light"] == "position" and ground.position is not None:
        offset = light.reshape(3, 1) - ground.position
        strength = 1.0 / ((offset * offset).sum(0) + SOFT)
        towards = offset * strength.sqrt()
        if np.any(transport.aims):
            aim = onnx_weights.aim(transport, exact).to(np.float32)
            strength = strength * _beam(lamp, -(towards * aim.reshape(3, 1)).sum(0))
    else:
        towards = graph.op("Expand", light.reshape(3, 1), np.array([3, pixels]))
        strength = graph.constant(np.ones(1, np.float32))
    facing = (towards * ground.normal).sum(0).at_least(0.0)
    factors = [strength * facing]
    if transport.roughness is not None:
        factors += _glossy(ground, towards, facing, strength, transport.roughness)
    total = None
    for coefficient, factor in zip(transport.coefficients, factors, strict=True):
        scale = float(coefficient.max()) or 1.0
        part = factor * scale * stored(graph, coefficient / np.float32(scale))
        total = part if total is None else total + part
    return total if transport.shadows is None else total * _shadow(transport.shadows, exact)


def _beam(lamp: dict, cosine: Value) -> Value:
    """:func:`.shading._beam`."""
    if lamp["type"] == "AREA":
        return cosine.at_least(0.0)
    if lamp["type"] != "SPOT":
        return cosine * 0.0 + 1.0
    edge = math.cos(0.5 * lamp["spot"]["angle"])
    width = max((1.0 - edge) * float(lamp["spot"]["blend"]), 1e-5)
    t = ((cosine - edge) / width).at_least(0.0).at_most(1.0)
    return t * t * (3.0 - 2.0 * t)


def _glossy(ground: Ground, towards: Value, facing: Value, strength: Value, roughness: np.ndarray) -> list[Value]:
    """:func:`.shading.glossy`; roughness (P,)."""
    codes = np.rint(roughness * 255.0).astype(np.uint8)
    exact = np.abs(codes / np.float32(255.0) - roughness).max(initial=0.0) <= ROUNDING
    wide = towards.graph.constant(codes).to(np.float32) / 255.0 if exact else towards.graph.constant(roughness)
    wide = wide.at_least(0.02)
    alpha = wide * wide
    alpha2 = alpha * alpha
    half = towards + ground.view
    half = half / ((half * half).sum(0, keep=True) + 1e-12).sqrt()
    nh = (half * ground.normal).sum(0)
    nv = half.graph.op("Abs", (ground.view * ground.normal).sum(0)) + 1e-3
    vh = (half * ground.view).sum(0)
    spread = nh * nh * (alpha2 - 1.0) + 1.0
    density = alpha2 / (spread * spread * math.pi)
    masking = 0.5 / (facing * nv * ((1.0 - alpha) * 2.0) + (facing + nv) * alpha + 1e-6)
    value = strength * density * masking * facing
    grazing = (1.0 - vh).at_least(0.0)
    return [value, value * grazing * grazing * grazing * grazing * grazing]


def _shadow(table: ShadowTable, light: Value) -> Value:
    """Share (P,) of the light that arrives."""
    graph = light.graph
    near = onnx_weights.neighbours(light, table.lights, table.count)
    if min(table.count, len(table.lights)) < 3:
        near, shares = near.take([0]), graph.constant(np.ones((1, 1)))
    else:
        points = graph.constant(table.lights.astype(np.float64)).take(near)
        shares = onnx_weights.local_spline(points, light, min(table.count, len(table.lights)), SMOOTHING)
    levels = table.values // np.uint8(255 // LEVELS)
    pixels = levels.shape[1]
    levels = np.concatenate([levels, np.zeros((len(levels), pixels % 2), np.uint8)], axis=1)
    packed = graph.constant(levels[:, 0::2] | (levels[:, 1::2] << 4)).take(near)
    high = graph.op("BitShift", packed, np.array(4, np.uint8), direction="RIGHT")
    low = graph.op("BitShift", packed, np.array(4, np.uint8), direction="LEFT")
    low = graph.op("BitShift", low, np.array(4, np.uint8), direction="RIGHT")
    halves = [(shares.to(np.float32) @ half.to(np.float32)).transpose(1, 0) for half in (low, high)]
    blend = graph.op("Slice", graph.concat(*halves, axis=1).reshape(-1), np.array([0]), np.array([pixels]))
    return ((blend * (1.0 / LEVELS) - 0.5) * table.steepness + 0.5).at_least(0.0).at_most(1.0)
