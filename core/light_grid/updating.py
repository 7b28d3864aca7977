# SPDX-FileCopyrightText: 2026 Neural Bake developers
#
# SPDX-License-Identifier: GPL-3.0-or-later

"""Bringing a result up to date where only some lights changed: weights and all other lights' values stay as they are.

Light is linear and the weights are the scene's, so that a moved lamp is a new right-hand side of the least squares that
values are solved by, and nothing else. Held-out points are not measured again: the errors are those of the last whole
bake, and are marked so; beside them stands the error on the choosing points, which picked one of a few strengths.
"""

from __future__ import annotations

import dataclasses
import typing
from collections.abc import Sequence

import numpy as np

from .. import metrics, spherical_harmonics
from . import baselines
from .dataset import LightGridDataset, Samples
from .evaluation import OURS, BakedGrid, LightGrid
from .fitting import fit
from .lightings import Lightings
from .links import find_links
from .points import FIT_CELLS_BEYOND_BORDER, SortedPoints
from .settings import LightGridSettings

Progress = typing.Callable[[str, int, int], None]


@dataclasses.dataclass(frozen=True)
class Change:
    """What an update has to do.

    Attributes:
        grids: of the earlier result, in the dataset's order; all have weights.
        moved: whether surfaces are others, so that weights have to learn too.
        kept: for each of the dataset's light sets its place in the earlier result, or -1 where it has to be learned.
    """

    grids: list[BakedGrid]
    kept: list[int]
    moved: bool

    @property
    def changed(self) -> list[int]:
        """The light sets that have to be learned."""
        return [index for index, place in enumerate(self.kept) if place < 0]


def find_change(dataset: LightGridDataset, earlier: LightGrid) -> Change | None:
    """What has changed since an earlier result; None where it says nothing of this dataset's scene.

    That is where the plan of its points is another one, as after a change of geometry, or where it has no weights.
    """
    manifest = earlier.manifest
    if not dataset.light_sets or manifest.get("plan") != dataset.info["plan_sha256"]:
        return None
    is_moved = manifest.get("state") != dataset.info.get("fingerprint")
    if is_moved and "again" not in dataset.info:
        return None
    grids = []
    for grid, _ in dataset.grids:
        for baked in earlier.grids:
            if baked.grid.resolution == grid.resolution and np.array_equal(baked.grid.matrix, grid.matrix):
                grids.append(baked)
                break
    if len(grids) != len(dataset.grids) or any(baked.method != OURS or baked.sets is None for baked in grids):
        return None
    places = {
        (str(entry["key"]), one.measured): index
        for index, (entry, one) in enumerate(zip(manifest["light_sets"], earlier.light_sets, strict=True))
    }
    return Change(grids, [places.get(pair, -1) for pair in _states(dataset)], is_moved)


def _states(dataset: LightGridDataset) -> list[tuple[str, tuple[float, ...]]]:
    return [(key, one.measured) for key, one in zip(dataset.keys, dataset.light_sets, strict=True)]


def renew(
    dataset: LightGridDataset, settings: LightGridSettings, change: Change, progress: Progress
) -> list[BakedGrid]:
    """The earlier grids with the values of the lights that changed, learned from the training points."""
    lightings = Lightings(dataset.light_sets)
    if not change.changed:
        return [_put(baked, change, None, lightings) for baked in change.grids]
    channels = np.array([3 * index + colour for index in change.changed for colour in range(3)])
    train, choose, probes = dataset.samples("train"), dataset.samples("choose"), dataset.probes()
    damping = spherical_harmonics.window(settings.sh_window)[:, None].astype(np.float32)
    result = []
    for number, ((grid, part), baked) in enumerate(zip(dataset.grids, change.grids, strict=True)):
        near = grid.border_distance(train.positions) > -FIT_CELLS_BEYOND_BORDER
        stored = lightings.of(train)[near]
        # in units of all light, as in a whole bake
        scale, stored = lightings.scale(stored)[channels], stored[:, channels]
        light = probes.sets[part][:, :, change.changed].reshape(grid.count, len(probes.directions), -1)
        traced = spherical_harmonics.radiance_from_irradiance(probes.directions, light).astype(np.float32)
        prior = baselines.dilate(grid, traced, probes.valid[part])
        depth = baselines.octahedral_depth(grid, probes.ray_directions, probes.ray_distances[part])
        lit = scale > 0.0
        options = [prior * damping]
        if lit.any():
            unseen = np.zeros((int(near.sum()), 8), np.float32)  # what geometry says counts for learning weights alone
            points = SortedPoints(
                grid,
                train.positions[near],
                train.normals[near],
                stored[:, lit] / scale[lit],
                unseen,
                settings.train_device,
                baked.bias,
            )
            fits = fit(
                points,
                prior[:, :, lit] / scale[lit],
                settings.seed + number,
                0,
                0,
                lambda done, total: progress("update", done, total),
                baked.weights,
                threads=settings.threads,
                links=find_links(grid, baselines.ProbeGeometry(probes.valid[part], depth)),
            )
            options = []
            for fitted in fits:
                sh = prior * damping
                sh[:, :, lit] = fitted.sh * scale[lit] * damping
                options.append(sh)
        grids = [_put(baked, change, sh, lightings) for sh in options]
        inside = choose.at(grid.border_distance(choose.positions) > -FIT_CELLS_BEYOND_BORDER)
        result.append(
            min(grids, key=lambda one: score([one], inside, lightings, change.changed)) if len(inside) else grids[0]
        )
    return result


def _put(baked: BakedGrid, change: Change, sh: np.ndarray | None, lightings: Lightings) -> BakedGrid:
    """An earlier grid with the dataset's light sets; the values of those that changed from ``sh`` (P, 9, 3 C)."""
    light = np.zeros((len(baked.weights), 9, 3 * len(change.kept)), np.float32)
    parts = light.reshape(len(light), 9, -1, 3)
    for index, place in enumerate(change.kept):
        if place >= 0:
            parts[:, :, index] = baked.sets[place]
    if sh is not None:
        parts[:, :, change.changed] = sh.reshape(len(sh), 9, -1, 3)
    return lightings.grid(dataclasses.replace(baked, sh=light))


def metrics_since(earlier: LightGrid, choose: float) -> dict:
    """The last whole bake's errors, marked as such, and the new relMSE on the choosing points."""
    old = earlier.manifest["metrics"]
    return {**old, "of": "the last whole bake", "choose": {**old["choose"], OURS: choose}}


def sentence(update: dict) -> str:
    """What an update was, and that the errors are older, for the table."""
    what = ", ".join(update["lights"]) or "moved objects"
    return (
        f"Updated since: {what}, {update['share']:.1%} of a whole bake's paths,"
        f" {update['seconds']:.1f} s. Held-out errors are those of the last whole bake."
    )


def score(grids: list[BakedGrid], points: Samples, lightings: Lightings, which: Sequence[int]) -> float:
    """Squared error of some light sets at points with all light's mean as the floor, as a whole bake scores them."""
    factors = np.stack([one.factor for one in lightings.sets])
    light = LightGrid(grids, {}, lightings.sets).set_irradiance(points.positions, points.normals) * factors
    apart = points.sets * factors
    floor = metrics.RELATIVE_FLOOR * max(float(points.stored.mean()), 1e-30) ** 2
    light, apart = light[:, which], apart[:, which]
    return float(np.mean((light - apart) ** 2 / (apart**2 + floor), dtype=np.float64))
