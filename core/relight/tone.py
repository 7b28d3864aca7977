# SPDX-FileCopyrightText: 2026 Neural Bake developers
#
# SPDX-License-Identifier: GPL-3.0-or-later

"""The tone-mapped space in which relit pictures are compared, and the relative error in it.

Both are those of the first published system (https://github.com/alexcolburn/neural_relighting, its normalisation
``exposure_compensate4_22``): subtract the training pictures' minimum, divide by their maximum, clamp below at 0, open
up by four stops, take the power 1/2.2, divide by the maximum again. The maximum is 1 before the four stops, so that the
last step takes them out again; what remains is ((x - low) / (high - low))^(1/2.2).
"""

from __future__ import annotations

import dataclasses
import math

import numpy as np

GAMMA = 2.2
DARK_SHARE = 1e-2


@dataclasses.dataclass(frozen=True)
class Tone:
    """The map from linear light to the space of the errors.

    Attributes:
        low: linear value that becomes 0, the minimum over all training pictures.
        high: linear value that becomes 1, their maximum. Brighter values, of other lights, come out above 1.
    """

    low: float
    high: float

    @classmethod
    def from_images(cls, images: np.ndarray) -> Tone:
        """Fit to linear training pictures (N, H, W, 3) of finite values."""
        return cls(float(images.min()), float(images.max()))

    @property
    def scale(self) -> float:
        """Linear light from 0 to 1; pictures of one single value count as 1, so that nothing divides by zero."""
        return self.high - self.low if self.high > self.low else 1.0

    def forward(self, linear: np.ndarray) -> np.ndarray:
        """Tone-mapped values of linear ones, of any shape and in their own float type; below ``low`` they are 0."""
        share = np.maximum((linear - linear.dtype.type(self.low)) * linear.dtype.type(1.0 / self.scale), 0)
        return share ** linear.dtype.type(1.0 / GAMMA)

    def inverse(self, toned: np.ndarray) -> np.ndarray:
        """Linear values of tone-mapped ones; negative ones count as 0."""
        return np.maximum(toned, 0) ** toned.dtype.type(GAMMA) * toned.dtype.type(self.scale) + toned.dtype.type(
            self.low
        )

    def relative_error(self, result: np.ndarray, reference: np.ndarray) -> float:
        """sqrt(sum (y - p)^2 / sum y^2) over all pixels and colours, with y the tone-mapped reference and p the
        tone-mapped result; the published system's measure, which it states for one picture. A reference that is all
        dark counts as sum y^2 = 1.

        Args:
            result, reference: linear light, of the same shape.
        """
        truth = self.forward(np.asarray(reference)).astype(np.float64)
        return _ratio(self.forward(np.asarray(result)) - truth, truth)

    def mean_relative_error(self, results: np.ndarray, references: np.ndarray) -> float:
        """Mean of :meth:`relative_error` over pictures (N, H, W, 3)."""
        return float(np.mean([self.relative_error(*pair) for pair in zip(results, references, strict=True)]))

    def noise_floor(self, half_a: np.ndarray, half_b: np.ndarray) -> float:
        """Relative error that the noise of a reference alone makes: of a perfect result against the mean of two
        independent halves, estimated by half their difference.

        Args:
            half_a, half_b: linear light of one picture, of the same shape.
        """
        first, second = (self.forward(np.asarray(half)).astype(np.float64) for half in (half_a, half_b))
        return _ratio(0.5 * (first - second), self.forward(0.5 * (np.asarray(half_a) + half_b)).astype(np.float64))


def bright_enough(references: np.ndarray) -> np.ndarray:
    """Which pictures (N, ...) a relative error can be told of: not those of a lamp inside a wall or behind it, whose
    mean is below a hundredth of the mean over all."""
    means = np.asarray(references).reshape(len(references), -1).mean(axis=1, dtype=np.float64)
    return means > DARK_SHARE * means.mean()


def _ratio(error: np.ndarray, truth: np.ndarray) -> float:
    total = float(np.sum(np.square(truth)))
    return math.sqrt(float(np.sum(np.square(error))) / (total if total > 0.0 else 1.0))
