# SPDX-FileCopyrightText: 2026 Neural Bake developers
#
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a fit learns at once: a lighting for each light set, and one for all of them together."""

from __future__ import annotations

import dataclasses

import numpy as np

from .dataset import Samples
from .evaluation import BakedGrid
from .export import with_light
from .light_sets import LightSet


@dataclasses.dataclass(frozen=True)
class Lightings:
    """What a dataset's light consists of: its light sets, or everything as one.

    Attributes:
        sets: (G) light sets; none where everything is one lighting.
    """

    sets: tuple[LightSet, ...]

    def of(self, samples: Samples) -> np.ndarray:
        """Stored light (N, 3 G) of each lighting, as it was measured."""
        return samples.stored if samples.sets is None else samples.sets.reshape(len(samples), -1)

    def scale(self, stored: np.ndarray) -> np.ndarray:
        """What each channel (3 G) of stored light (N, 3 G) is divided by in the fit; 0 where there is no light.

        That is the mean of all light together, in the units of each set's measurement: an error counts by what it does
        to the whole. With each set over its own mean, the noise of small ones weighs as much as what everybody sees.
        """
        if not len(stored):
            return np.zeros(stored.shape[1], np.float32)
        means = stored.reshape(len(stored), -1, 3).mean(axis=(0, 2), dtype=np.float64)
        if not self.sets:
            return np.repeat(np.maximum(means, 0.0), 3).astype(np.float32)
        factors = np.array([one.factor.mean() for one in self.sets])
        total = float((np.abs(means) * factors).sum())
        share = np.divide(total, factors, out=np.abs(means), where=factors > 0.0)
        return np.repeat(np.where(means == 0.0, 0.0, share), 3).astype(np.float32)

    def total(self, light: np.ndarray) -> np.ndarray:
        """All sets together (..., 3) as at the bake, of ``light`` (..., 3 G) as it was measured."""
        factors = np.stack([one.factor for one in self.sets])
        return (light.reshape(*light.shape[:-1], -1, 3) * factors).sum(axis=-2)

    def with_sum(self, scaled: np.ndarray, light: np.ndarray, mean: float) -> np.ndarray:
        """``scaled`` channels (..., L) and, beside several sets, all light together (..., 3) over its ``mean``.

        Weights learn from it too, as it is what is looked at most; its own values are of no use.
        """
        if len(self.sets) < 2:
            return scaled
        return np.concatenate([scaled, (self.total(light) / max(mean, 1e-30)).astype(np.float32)], axis=-1)

    def grid(self, baked: BakedGrid) -> BakedGrid:
        """A grid whose ``sh`` (P, 9, 3 G) is that of the lightings as one that is stored."""
        if not self.sets:
            return baked
        parts = baked.sh.reshape(len(baked.sh), 9, -1, 3).transpose(2, 0, 1, 3)
        return with_light(dataclasses.replace(baked, sets=parts), self.sets)
