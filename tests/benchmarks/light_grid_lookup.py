# SPDX-FileCopyrightText: 2026 Neural Bake developers
#
# SPDX-License-Identifier: GPL-3.0-or-later

"""Look-ups a second of a light grid in numpy, for random points and for points of a picture's kind.

    python -m tests.benchmarks.light_grid_lookup

Networks and values are random: the cost does not depend on them.
"""

from __future__ import annotations

import sys
import time

import numpy as np

from core.light_grid.evaluation import OURS, BakedGrid, LightGrid
from core.light_grid.grid import Grid
from core.light_grid.network import PARAMETERS

from .common import save

POINTS = 1_000_000
RUNS = 5


def main() -> int:
    generator = np.random.default_rng(0)
    points = (generator.random((POINTS, 3)) * 2.0 - 1.0).astype(np.float32)
    normals = generator.standard_normal((POINTS, 3)).astype(np.float32)
    normals /= np.linalg.norm(normals, axis=1, keepdims=True)
    rows = []
    print(f"{'probes':>8}{'method':>12}{'million points/s':>20}")
    for resolution in ((16, 12, 4), (40, 25, 20)):
        grid = Grid(np.eye(4), resolution)
        sh = generator.random((grid.count, 9, 3), np.float32)
        weights = generator.standard_normal((grid.count, PARAMETERS)).astype(np.float32)
        for method in (OURS, "trilinear"):
            baked = LightGrid([BakedGrid(grid, sh, method, 0.05, weights)], {})
            seconds = []
            for _ in range(RUNS):
                start = time.perf_counter()
                baked.irradiance(points, normals)
                seconds.append(time.perf_counter() - start)
            rate = POINTS / sorted(seconds)[RUNS // 2] / 1e6
            rows.append({"probes": grid.count, "method": method, "million_points_per_second": rate, "seconds": seconds})
            print(f"{grid.count:8}{method:>12}{rate:20.2f}")
    save("light_grid_lookup", rows)
    return 0


if __name__ == "__main__":
    sys.exit(main())
