# SPDX-FileCopyrightText: 2026 Neural Bake developers
#
# SPDX-License-Identifier: GPL-3.0-or-later

"""The rivals that a user would try first: each blends the captured pictures by weights of the light alone.

==================  ================================================================================================
``nearest``         the picture of the nearest light
``barycentric``     the three (in a volume four) pictures around it, by the Delaunay simplex that holds it
``rbf_linear``      radial basis functions -r, constant part
``rbf_thin_plate``  radial basis functions r^2 log r, linear part
``ptm``             polynomial texture map: every pixel a quadratic in the light (Malzbender et al. 2001)
``lambert``         every pixel linear in the light (Woodham 1980), for positions with a constant
==================  ================================================================================================
"""

from __future__ import annotations

import itertools
from collections.abc import Callable

import numpy as np

from .interpolation import Interpolant, neighbours

SIMPLEX_NEIGHBOURS = 14


def nearest(points: np.ndarray, queries: np.ndarray, directions: bool) -> np.ndarray:
    """Weights (Q, N); see :func:`weights`."""
    result = np.zeros((len(queries), len(points)))
    result[np.arange(len(queries)), [neighbours(points, query, 1)[0] for query in queries]] = 1.0
    return result


def barycentric(points: np.ndarray, queries: np.ndarray, directions: bool) -> np.ndarray:
    """Weights (Q, N) by the simplex that holds the query, of those among its near points the one that the Delaunay
    tessellation has: least sum of w_i |p_i - q|^2. Outside all of them the nearest point of the hull's counts."""
    axes = _axes(points)
    flat = (points - points.mean(axis=0)) @ axes.T
    where = (queries - points.mean(axis=0)) @ axes.T
    if directions and len(axes) == 3:
        # a dome is a surface: seen from its mean direction it is a disc, on which directions keep their neighbours
        frame = _dome_frame(points)
        flat, where = _disc(points @ frame.T), _disc(queries @ frame.T)
    result = np.zeros((len(queries), len(points)))
    for row, query in enumerate(where):
        near = neighbours(flat, query, SIMPLEX_NEIGHBOURS)
        corners, shares = _simplex(flat[near], query)
        result[row, near[corners]] = shares
    return result


def rbf_linear(points: np.ndarray, queries: np.ndarray, directions: bool) -> np.ndarray:
    """Weights (Q, N); see :func:`weights`."""
    return Interpolant(points, "linear").weights(queries)


def rbf_thin_plate(points: np.ndarray, queries: np.ndarray, directions: bool) -> np.ndarray:
    """Weights (Q, N); see :func:`weights`."""
    return Interpolant(points, "thin_plate").weights(queries)


def ptm(points: np.ndarray, queries: np.ndarray, directions: bool) -> np.ndarray:
    """Weights (Q, N) of the least-squares quadratic: six terms for directions on a dome, ten in space."""
    if directions:
        frame = _dome_frame(points)
        return _least_squares(_quadratic((points @ frame.T)[:, :2]), _quadratic((queries @ frame.T)[:, :2]))
    centre, scale = points.mean(axis=0), float(points.std() or 1.0)
    return _least_squares(_quadratic((points - centre) / scale), _quadratic((queries - centre) / scale))


def lambert(points: np.ndarray, queries: np.ndarray, directions: bool) -> np.ndarray:
    """Weights (Q, N) of the least-squares fit that is linear in the light."""
    if directions:
        return _least_squares(points, queries)
    centre, scale = points.mean(axis=0), float(points.std() or 1.0)
    terms = [np.concatenate([np.ones((len(x), 1)), (x - centre) / scale], axis=1) for x in (points, queries)]
    return _least_squares(*terms)


RIVALS: dict[str, Callable[[np.ndarray, np.ndarray, bool], np.ndarray]] = {
    "nearest": nearest,
    "barycentric": barycentric,
    "rbf_linear": rbf_linear,
    "rbf_thin_plate": rbf_thin_plate,
    "ptm": ptm,
    "lambert": lambert,
}


def weights(name: str, points: np.ndarray, queries: np.ndarray, directions: bool) -> np.ndarray:
    """Weights (Q, N) of the pictures at ``points`` (N, 3) for the lights ``queries`` (Q, 3).

    Args:
        name: a key of :data:`RIVALS`.
        directions: whether lights are unit directions, as a sun's; else they are positions.
    """
    points, queries = np.asarray(points, np.float64), np.atleast_2d(np.asarray(queries, np.float64))
    if len(points) == 1:
        return np.ones((len(queries), 1))
    return RIVALS[name](points, queries, directions)


def blend(shares: np.ndarray, images: np.ndarray) -> np.ndarray:
    """Pictures (Q, H, W, 3) from weights (Q, N) and pictures (N, H, W, 3), clamped at 0."""
    flat = shares.astype(np.float32) @ images.reshape(len(images), -1)
    return np.maximum(flat, 0.0).reshape(len(shares), *images.shape[1:])


def _axes(points: np.ndarray) -> np.ndarray:
    """Orthonormal axes (D, 3) in which points spread by more than a thousandth of their widest extent."""
    _, spread, axes = np.linalg.svd(points - points.mean(axis=0), full_matrices=False)
    return axes[spread > 1e-3 * spread[0]]


def _dome_frame(points: np.ndarray) -> np.ndarray:
    """Rotation (3, 3) whose last row is the directions' mean."""
    up = points.mean(axis=0)
    length = np.linalg.norm(up)
    up = up / length if length > 1e-6 else np.array([0.0, 0.0, 1.0])
    side = np.cross(up, [1.0, 0.0, 0.0] if abs(up[0]) < 0.9 else [0.0, 1.0, 0.0])
    side /= np.linalg.norm(side)
    return np.stack([side, np.cross(up, side), up])


def _disc(directions: np.ndarray) -> np.ndarray:
    """Lambert's azimuthal equal-area map of unit directions (N, 3) to (N, 2), from the pole +Z."""
    return directions[:, :2] * np.sqrt(2.0 / (1.0 + np.clip(directions[:, 2:], -0.999, None)))


def _quadratic(terms: np.ndarray) -> np.ndarray:
    """1, every coordinate and every product of two: six columns of (N, 2), ten of (N, 3)."""
    pairs = itertools.combinations_with_replacement(range(terms.shape[1]), 2)
    products = [terms[:, first] * terms[:, second] for first, second in pairs]
    return np.column_stack([np.ones(len(terms)), terms, *products])


def _least_squares(known: np.ndarray, asked: np.ndarray) -> np.ndarray:
    return asked @ np.linalg.pinv(known, rcond=1e-6)


def _simplex(points: np.ndarray, query: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Corners, as indices into ``points`` (K, D), and their barycentric weights for ``query`` (D,)."""
    size = min(points.shape[1] + 1, len(points))
    corners = np.array(list(itertools.combinations(range(len(points)), size)))
    systems = np.concatenate([points[corners].transpose(0, 2, 1), np.ones((len(corners), 1, size))], axis=1)
    right = np.append(query, 1.0)
    if size == points.shape[1] + 1:
        solvable = np.abs(np.linalg.det(systems)) > 1e-12 * np.ptp(points) ** points.shape[1]
        corners, systems = corners[solvable], systems[solvable]
    if not len(corners):
        return np.array([0]), np.array([1.0])
    shares = np.linalg.pinv(systems) @ right
    cost = np.sum(shares * np.sum((points[corners] - query) ** 2, axis=2), axis=1)
    holds = np.all(shares >= -1e-9, axis=1)
    if holds.any():
        best = np.flatnonzero(holds)[np.argmin(cost[holds])]
        return corners[best], np.maximum(shares[best], 0.0) / np.maximum(shares[best], 0.0).sum()
    clamped = np.maximum(shares, 0.0)
    clamped /= clamped.sum(axis=1, keepdims=True)
    miss = np.sum((np.einsum("nk,nkd->nd", clamped, points[corners]) - query) ** 2, axis=1)
    best = int(np.argmin(miss))
    return corners[best], clamped[best]
