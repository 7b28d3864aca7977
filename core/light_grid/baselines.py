# SPDX-FileCopyrightText: 2026 Neural Bake developers
#
# SPDX-License-Identifier: GPL-3.0-or-later

"""The classic ways to blend probes, as well configured as we can: our rivals, and what is kept where they win.

- ``trilinear``: the window alone.
- ``validity``: the window, without probes inside geometry, looked up a little off the surface (normal bias), with less
  weight on probes behind the surface. After Unity's Adaptive Probe Volumes; invalid probes take their neighbours' mean.
- ``ddgi``: the above with Chebyshev visibility from octahedral depth. Majercik et al. 2019, "Dynamic Diffuse Global
  Illumination with Ray-Traced Irradiance Fields"; constants of the RTXGI SDK's documentation.

All are numpy: point (N, 3) and normal (N, 3) in, weights (N, 8) of the cell's corner probes out.
"""

from __future__ import annotations

import dataclasses

import numpy as np

from ..spherical_harmonics import irradiance_basis
from .grid import Grid, corner_window

METHODS = ("trilinear", "validity", "ddgi")
BIASES = (0.0, 0.05, 0.1, 0.2, 0.3, 0.45)
OCTAHEDRAL_SIZE = 16
DEPTH_SHARPNESS = 50.0
BACKFACE_SHORTENING = 0.2
CHEBYSHEV_FLOOR = 0.05
CRUSH_BELOW = 0.2


@dataclasses.dataclass(frozen=True)
class ProbeGeometry:
    """What the classic methods know of a grid's probes.

    Attributes:
        valid: (P,) bool, false inside geometry or where mostly back faces are seen.
        depth: (P, 16, 16, 2) mean distance and mean squared distance, octahedral; None where a method needs none.
    """

    valid: np.ndarray
    depth: np.ndarray | None = None


@dataclasses.dataclass(frozen=True)
class Configuration:
    """One rival with its tuned parameters.

    Attributes:
        method: one of METHODS.
        bias: offset of the look-up along the normal, in mean spacings.
        facing: whether probes behind the surface weigh less.
    """

    method: str
    bias: float = 0.0
    facing: bool = False


def candidates(method: str) -> tuple[Configuration, ...]:
    """The configurations of a method among which the choosing set decides."""
    if method == "trilinear":
        return (Configuration(method),)
    facings = (True,) if method == "ddgi" else (False, True)
    return tuple(Configuration(method, bias, facing) for bias in BIASES for facing in facings)


def corner_weights(
    grid: Grid, geometry: ProbeGeometry, configuration: Configuration, points: np.ndarray, normals: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Probe indices (N, 8) and weights (N, 8), summing to one, of a classic method."""
    biased = points + normals * points.dtype.type(configuration.bias * grid.spacing.mean())
    location = grid.locate(biased)
    probes = grid.corner_probes(location.cell)
    window = corner_window(location.fraction)
    weights = window
    if configuration.method != "trilinear":
        positions = grid.probe_positions().astype(points.dtype)[probes]
        weights = np.where(geometry.valid[probes], 1.0, 0.0)
        if configuration.facing:
            weights = weights * _facing(positions - points[:, None], normals)
        if configuration.method == "ddgi":
            weights = weights * _visibility(geometry.depth, probes, biased[:, None] - positions)
            weights = np.maximum(weights, 1e-6 * geometry.valid[probes])
            weights = np.where(weights < CRUSH_BELOW, weights**3 / CRUSH_BELOW**2, weights)
        weights = weights * window
    total = weights.sum(axis=1, keepdims=True)
    # A cell without any usable probe falls back to the window: its probes hold their neighbours' light by then.
    return probes, np.where(total > 1e-12, weights / np.maximum(total, 1e-12), window)


def sight_weights(
    grid: Grid, valid: np.ndarray, facing: bool, lookups: np.ndarray, normals: np.ndarray, clear: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Probe indices (N, 8) and weights (N, 8), summing to one, by line of sight: what rays alone can do.

    It needs the scene's geometry at every look-up, so no artifact holds it; benchmarks have it beside the others.

    Args:
        valid: (P,) bool, probes that may have a say.
        facing: whether probes behind the surface weigh less.
        lookups, normals: (N, 3) points, already biased, and their normals.
        clear: (N, 8) bool, whether the segments to the corners of their cells meet no surface.
    """
    probes, window, weights = seen_weights(grid, valid, lookups, lookups if facing else None, normals, clear)
    total = weights.sum(axis=1, keepdims=True)
    return probes, np.where(total > 1e-6, weights / np.maximum(total, 1e-6), window)


def seen_weights(
    grid: Grid,
    valid: np.ndarray,
    lookups: np.ndarray,
    origins: np.ndarray | None,
    normals: np.ndarray,
    clear: np.ndarray,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Probe indices, windows and the weights (N, 8) of those corners that are seen, not normalised.

    Args:
        origins: (N, 3) from where a probe is behind the surface and weighs less; None for no such difference.
        valid, lookups, normals, clear: see :func:`sight_weights`.
    """
    location = grid.locate(lookups)
    probes = grid.corner_probes(location.cell)
    window = corner_window(location.fraction)
    weights = window * (clear & valid[probes])
    if origins is not None:
        weights = weights * _facing(grid.probe_positions().astype(lookups.dtype)[probes] - origins[:, None], normals)
    return probes, window, weights


def blend(sh: np.ndarray, probes: np.ndarray, weights: np.ndarray, normals: np.ndarray) -> np.ndarray:
    """Irradiance (N, C), before clamping, of probes' radiance ``sh`` (P, 9, C) under normalised ``weights`` (N, 8)."""
    basis = irradiance_basis(normals)
    result = np.zeros((len(normals), sh.shape[2]), sh.dtype)
    for corner in range(probes.shape[1]):
        value = np.einsum("nk,nkc->nc", basis, sh[probes[:, corner]])
        result += weights[:, corner, None].astype(sh.dtype) * value
    return result


def dilate(grid: Grid, sh: np.ndarray, valid: np.ndarray) -> np.ndarray:
    """``sh`` (P, 9, 3) with invalid probes replaced by the mean of their valid neighbours, ring by ring."""
    values = np.where(valid[:, None, None], sh, 0.0).reshape(*grid.resolution, -1)
    known = valid.reshape(grid.resolution).astype(sh.dtype)
    while not known.all() and known.any():
        total, weight = _neighbour_sum(values * known[..., None]), _neighbour_sum(known[..., None])
        fresh = (known == 0.0) & (weight[..., 0] > 0.0)
        values[fresh] = total[fresh] / weight[fresh]
        known = np.where(fresh, 1.0, known)
    return values.reshape(sh.shape)


def octahedral_depth(grid: Grid, directions: np.ndarray, distances: np.ndarray) -> np.ndarray:
    """Mean and mean squared distance (P, 16, 16, 2) per octahedral texel.

    Args:
        directions: (R, 3) unit ray directions, shared by all probes.
        distances: (P, R) to the first surface; negative where a back face was hit.
    """
    reach = 1.5 * float(np.linalg.norm(grid.spacing))
    clamped = np.where(distances < 0.0, -BACKFACE_SHORTENING * distances, distances)
    clamped = np.minimum(clamped, reach).astype(np.float32)
    steps = (np.arange(OCTAHEDRAL_SIZE) + 0.5) / OCTAHEDRAL_SIZE * 2.0 - 1.0
    texels = _from_octahedral(np.stack(np.meshgrid(steps, steps, indexing="ij"), axis=-1).reshape(-1, 2))
    weights = np.maximum(texels @ directions.T, 0.0) ** DEPTH_SHARPNESS
    # With few rays a texel can lie between all of them; its nearest ray then decides.
    weights[np.arange(len(texels)), np.argmax(texels @ directions.T, axis=1)] += 1e-6
    weights = (weights / weights.sum(axis=1, keepdims=True)).astype(np.float32)
    moments = np.stack([clamped @ weights.T, clamped**2 @ weights.T], axis=-1)
    return moments.reshape(len(distances), OCTAHEDRAL_SIZE, OCTAHEDRAL_SIZE, 2)


def sees(depth: np.ndarray, probes: np.ndarray, offsets: np.ndarray, share: float) -> np.ndarray:
    """Whether ``probes`` (N,) see ``share`` of the way along ``offsets`` (N, 3), by their mean octahedral depth."""
    mean = _sample_octahedral(depth, probes[:, None], _normalised(offsets[:, None]))[:, 0, 0]
    return mean >= share * np.linalg.norm(offsets, axis=1)


def _facing(offsets: np.ndarray, normals: np.ndarray) -> np.ndarray:
    """Weights (N, 8) that fall for probes at ``offsets`` (N, 8, 3) behind the surface."""
    return np.square(0.5 * (np.einsum("nkc,nc->nk", _normalised(offsets), normals) + 1.0)) + 0.2


def _visibility(depth: np.ndarray, probes: np.ndarray, offsets: np.ndarray) -> np.ndarray:
    """Chebyshev's upper bound that a point at ``offsets`` (N, 8, 3) from each probe is seen, cubed and floored."""
    distance = np.linalg.norm(offsets, axis=2)
    moments = _sample_octahedral(depth, probes, _normalised(offsets))
    mean = moments[..., 0]
    variance = np.abs(mean**2 - moments[..., 1])
    chance = variance / np.maximum(variance + (distance - mean) ** 2, 1e-12)
    return np.where(distance > mean, np.maximum(chance**3, CHEBYSHEV_FLOOR), 1.0)


def _sample_octahedral(maps: np.ndarray, probes: np.ndarray, directions: np.ndarray) -> np.ndarray:
    """Bilinear samples (N, 8, 2) of octahedral maps; the map's borders wrap as the octahedron does."""
    size = maps.shape[1]
    uv = (_to_octahedral(directions) * 0.5 + 0.5) * size - 0.5
    low = np.floor(uv).astype(np.int64)
    fraction = uv - low
    result = 0.0
    for du in (0, 1):
        for dv in (0, 1):
            u, v = low[..., 0] + du, low[..., 1] + dv
            # Leaving the square at one edge enters it at the same edge, mirrored.
            outside_u, outside_v = (u < 0) | (u >= size), (v < 0) | (v >= size)
            u, v = np.where(outside_v, size - 1 - u, u), np.where(outside_u, size - 1 - v, v)
            u, v = np.clip(u, 0, size - 1), np.clip(v, 0, size - 1)
            weight = np.abs(1 - du - fraction[..., 0]) * np.abs(1 - dv - fraction[..., 1])
            result = result + weight[..., None] * maps[probes, u, v]
    return result


def _to_octahedral(directions: np.ndarray) -> np.ndarray:
    """Unit directions (..., 3) to the square [-1, 1]^2 (Cigolle et al. 2014)."""
    projected = directions / np.maximum(np.abs(directions).sum(axis=-1, keepdims=True), 1e-12)
    flat = projected[..., :2]
    folded = (1.0 - np.abs(flat[..., ::-1])) * np.where(flat >= 0.0, 1.0, -1.0)
    return np.where(projected[..., 2:] < 0.0, folded, flat)


def _from_octahedral(square: np.ndarray) -> np.ndarray:
    """The inverse of :func:`_to_octahedral`."""
    z = 1.0 - np.abs(square).sum(axis=-1, keepdims=True)
    folded = (1.0 - np.abs(square[..., ::-1])) * np.where(square >= 0.0, 1.0, -1.0)
    return _normalised(np.concatenate([np.where(z < 0.0, folded, square), z], axis=-1))


def _normalised(vectors: np.ndarray) -> np.ndarray:
    return vectors / np.maximum(np.linalg.norm(vectors, axis=-1, keepdims=True), 1e-12)


def _neighbour_sum(values: np.ndarray) -> np.ndarray:
    """Sum over the 3x3x3 neighbourhood of the first three axes."""
    for axis in range(3):
        padding = [(1, 1) if index == axis else (0, 0) for index in range(values.ndim)]
        padded = np.pad(values, padding)
        length = values.shape[axis]
        values = sum(np.take(padded, range(shift, shift + length), axis=axis) for shift in range(3))
    return values
