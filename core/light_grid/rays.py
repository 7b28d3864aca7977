# SPDX-FileCopyrightText: 2026 Neural Bake developers
#
# SPDX-License-Identifier: GPL-3.0-or-later

"""Rays against a scene's triangles, where the engine can compile: ``rays.c`` casts a million a second and core."""

from __future__ import annotations

import concurrent.futures
import ctypes
import os
from pathlib import Path

import numpy as np

from .. import native

CHUNK = 16384
FAR = np.float32(1e30)
_NODE = np.dtype([("box", np.float32, 6), ("first", np.int32), ("count", np.int32)])


class _Tree(ctypes.Structure):
    """``Tree`` of ``rays.c``."""

    _fields_ = [("triangles", ctypes.c_int64), ("nodes", ctypes.c_int64)] + [
        (name, ctypes.c_void_p) for name in ("corners", "order", "edges", "tree")
    ]


class Triangles:
    """Triangles with a tree of boxes around them.

    Args:
        vertices: (V, 3) float32.
        indices: (T, 3) corners of each triangle.
        threads: that cast at once; 0 uses all cores. The result does not depend on it.

    Raises:
        NeuralBakeError: see :func:`core.native.load`.
    """

    def __init__(self, vertices: np.ndarray, indices: np.ndarray, threads: int = 0) -> None:
        self.library = native.load(Path(__file__).with_name("rays.c"))
        self.library.build.argtypes = [ctypes.c_void_p]
        self.library.cast.argtypes = [ctypes.c_void_p, ctypes.c_int64] + [ctypes.c_void_p] * 4
        self.library.build.restype = self.library.cast.restype = None
        self.threads = threads or os.cpu_count() or 1
        self.corners = np.ascontiguousarray(vertices[indices], np.float32)
        count = len(self.corners)
        self._order, self._edges = np.empty(count, np.int32), np.empty((count, 3, 3), np.float32)
        self._nodes = np.empty(max(2 * count, 1), _NODE)
        arrays = (self.corners, self._order, self._edges, self._nodes)
        self._tree = _Tree(count, 0, *(array.ctypes.data for array in arrays))
        self.library.build(ctypes.addressof(self._tree))
        sides = np.cross(self.corners[:, 1] - self.corners[:, 0], self.corners[:, 2] - self.corners[:, 0])
        self.normals = sides / np.maximum(np.linalg.norm(sides, axis=1, keepdims=True), np.float32(1e-30))

    def cast(
        self, origins: np.ndarray, directions: np.ndarray, farthest: np.ndarray | float = FAR
    ) -> tuple[np.ndarray, np.ndarray]:
        """First hits of rays from ``origins`` (N, 3) along ``directions`` (N, 3).

        Args:
            farthest: distance, or (N,) distances, in lengths of the direction, beyond which nothing counts.

        Returns:
            Distances (N,) float32 in the same unit, ``farthest`` where nothing is hit, and triangles (N,), -1 there.
        """
        origins, directions = (np.ascontiguousarray(array, np.float32) for array in (origins, directions))
        distances = np.ascontiguousarray(np.broadcast_to(np.asarray(farthest, np.float32), len(origins))).copy()
        triangles = np.full(len(origins), -1, np.int32)
        if not len(self.corners):
            return distances, triangles

        def run(first: int) -> None:
            parts = (array[first : first + CHUNK] for array in (origins, directions, distances, triangles))
            pointers = [part.ctypes.data for part in parts]
            count = min(CHUNK, len(origins) - first)
            self.library.cast(ctypes.addressof(self._tree), count, *pointers)

        with concurrent.futures.ThreadPoolExecutor(self.threads) as pool:
            list(pool.map(run, range(0, len(origins), CHUNK)))
        return distances, triangles

    def clear(self, starts: np.ndarray, steps: np.ndarray, share: float = 1.0) -> np.ndarray:
        """Whether nothing is between ``starts`` (N, 3) and the first ``share`` of ``steps`` (N, 3) from there."""
        return self.cast(starts, steps, share)[1] < 0
