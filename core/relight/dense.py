# SPDX-FileCopyrightText: 2026 Neural Bake developers
#
# SPDX-License-Identifier: GPL-3.0-or-later

"""The network of the first published system, evaluated with numpy: the honest rival.

After https://github.com/alexcolburn/neural_relighting: for every pixel, light x, light y, pixel x, pixel y and the
mean picture's R, G, B go through five hidden layers of 600 (ReLU) to three outputs (ReLU), 1,449,003 parameters, in the
tone-mapped space of :mod:`.tone`. :mod:`.dense_fitting` trains it.

What differs from the published one, and why:
  - Its lights are a 32 x 32 pattern, and their place in it, 0 to 1, is the input. Ours come as directions or positions;
    :class:`LightCoordinates` maps them to 0 to 1. Two numbers stay two wherever the lights lie on a surface that two
    coordinates describe; lamps that move in a volume or along a curve in space need three.
  - Several lamps are one network each, whose linear pictures add up; colour and power multiply after the inverse of the
    tone mapping. The published system knows one white lamp.
"""

from __future__ import annotations

import dataclasses

import numpy as np

from ..errors import NeuralBakeError
from .tone import Tone

HIDDEN = 600
HIDDEN_LAYERS = 5
PIXELS_PER_CHUNK = 16384
# Extents below this share of the largest one are roundings, and no coordinate.
FLAT = 1e-4


@dataclasses.dataclass(frozen=True)
class LightCoordinates:
    """The map from lights to the network's coordinates in 0 to 1.

    Attributes:
        octahedral: whether unit directions are first unfolded to the square (Cigolle et al. 2014), because both
            hemispheres occur; directions of one hemisphere have their own x and y.
        axes: (K,) int32, which numbers count.
        low, scale: (K,) float32; a coordinate is (number - low) / scale.
    """

    octahedral: bool
    axes: np.ndarray
    low: np.ndarray
    scale: np.ndarray

    @classmethod
    def from_lights(cls, lights: np.ndarray, kind: str) -> LightCoordinates:
        """Fit to the training lights (N, 3).

        Args:
            kind: ``"direction"`` (unit vectors), ``"position"`` or ``"rotation"``, as a lamp's ``light`` says.
        """
        octahedral = kind == "direction" and float(lights[:, 2].min()) < -FLAT
        numbers = _unfold(lights) if octahedral else lights[:, :2] if kind == "direction" else lights
        low, extent = numbers.min(axis=0), np.ptp(numbers, axis=0)
        # A single light, or several at one place, still makes one coordinate.
        axes = np.flatnonzero(extent > FLAT * extent.max()) if extent.max() > 0.0 else np.array([0])
        if kind == "direction":
            axes = np.arange(2)
            low, extent = np.full(2, -1.0), np.full(2, 2.0)
        scale = np.where(extent > 0.0, extent, 1.0)
        return cls(octahedral, axes.astype(np.int32), low[axes].astype(np.float32), scale[axes].astype(np.float32))

    def __call__(self, lights: np.ndarray) -> np.ndarray:
        """Coordinates (N, K) float32 of lights (N, 3)."""
        numbers = _unfold(lights) if self.octahedral else lights
        return ((numbers[:, self.axes] - self.low) / self.scale).astype(np.float32)


@dataclasses.dataclass(frozen=True)
class DenseModel:
    """One lamp's trained network.

    Attributes:
        layers: weights (inputs, outputs) and biases (outputs,) float32, first to last.
        mean: (H, W, 3) float16, mean of the tone-mapped training pictures.
        tone: to the space that the network works in.
        coordinates: of the lights.
        steps: optimiser steps that it was trained for.
    """

    layers: tuple[tuple[np.ndarray, np.ndarray], ...]
    mean: np.ndarray
    tone: Tone
    coordinates: LightCoordinates
    steps: int = 0

    @property
    def parameters(self) -> int:
        """Numbers of the network, without the mean picture."""
        return sum(weights.size + biases.size for weights, biases in self.layers)

    def render(self, light: np.ndarray) -> np.ndarray:
        """The picture (H, W, 3) float32 linear under ``light`` (3,), of the lamp at its own power and in white."""
        features = pixel_features(self.mean)
        (first, biases), *hidden = self.layers
        place = self.coordinates(np.asarray(light, np.float32)[None])
        # The light is the same for all pixels, so that its share of the first layer is one vector.
        count = place.shape[1]
        biases = biases + (place @ first[:count])[0]
        toned = np.empty((len(features), 3), np.float32)
        for start in range(0, len(features), PIXELS_PER_CHUNK):
            rows = slice(start, start + PIXELS_PER_CHUNK)
            values = features[rows] @ first[count:]
            values += biases
            np.maximum(values, 0.0, out=values)
            for weights, bias in hidden:
                values = values @ weights
                values += bias
                np.maximum(values, 0.0, out=values)
            toned[rows] = values
        return self.tone.inverse(toned).reshape(self.mean.shape)

    def tensors(self, prefix: str) -> dict[str, np.ndarray]:
        """Everything as named arrays for a weights file; see :meth:`from_tensors`."""
        result = {f"{prefix}.mean": self.mean, f"{prefix}.tone": np.array([self.tone.low, self.tone.high])}
        for number, (weights, biases) in enumerate(self.layers):
            result |= {f"{prefix}.{number}.weights": weights, f"{prefix}.{number}.biases": biases}
        place = self.coordinates
        octahedral = np.array([place.octahedral, self.steps], np.int32)
        return result | {
            f"{prefix}.light_axes": place.axes,
            f"{prefix}.light_low": place.low,
            f"{prefix}.light_scale": place.scale,
            f"{prefix}.light_octahedral_and_steps": octahedral,
        }

    @classmethod
    def from_tensors(cls, tensors: dict[str, np.ndarray], prefix: str, source: str = "data") -> DenseModel:
        """What :meth:`tensors` wrote.

        Raises:
            NeuralBakeError: something is missing or of a shape that does not fit.
        """
        try:
            count = sum(f"{prefix}.{number}.weights" in tensors for number in range(2 * HIDDEN_LAYERS))
            layers = tuple(
                (tensors[f"{prefix}.{number}.weights"], tensors[f"{prefix}.{number}.biases"]) for number in range(count)
            )
            mean, tone = tensors[f"{prefix}.mean"], tensors[f"{prefix}.tone"]
            octahedral, steps = (int(number) for number in tensors[f"{prefix}.light_octahedral_and_steps"])
            axes, low, scale = (tensors[f"{prefix}.light_{part}"] for part in ("axes", "low", "scale"))
            inputs = [len(axes) + 5, *(biases.size for _, biases in layers)]
            whole = all(
                weights.shape == (size, *biases.shape) for (weights, biases), size in zip(layers, inputs, strict=False)
            )
            whole = whole and count > 1 and inputs[-1] == mean.shape[2] == 3 and tone.shape == (2,)
            whole = whole and axes.shape == low.shape == scale.shape and 0 <= axes.min() <= axes.max() < 3
        except (KeyError, ValueError, IndexError) as error:
            raise _damaged(source) from error
        if not whole:
            raise _damaged(source)
        coordinates = LightCoordinates(bool(octahedral), axes, low, scale)
        return cls(layers, mean, Tone(float(tone[0]), float(tone[1])), coordinates, steps)


def pixel_features(mean: np.ndarray) -> np.ndarray:
    """The inputs (H * W, 5) float32 that no light changes: pixel x and y from 0 (left, top) to 1, and the mean."""
    height, width = mean.shape[:2]
    y, x = np.meshgrid(np.arange(height) / height, np.arange(width) / width, indexing="ij")
    return np.concatenate([x.reshape(-1, 1), y.reshape(-1, 1), mean.reshape(-1, 3)], axis=1).astype(np.float32)


def _unfold(directions: np.ndarray) -> np.ndarray:
    """Unit directions (N, 3) to the square [-1, 1]^2 of the octahedral map."""
    projected = directions / np.maximum(np.abs(directions).sum(axis=1, keepdims=True), 1e-12)
    flat = projected[:, :2]
    folded = (1.0 - np.abs(flat[:, ::-1])) * np.where(flat >= 0.0, 1.0, -1.0)
    return np.where(projected[:, 2:] < 0.0, folded, flat)


def _damaged(source: str) -> NeuralBakeError:
    return NeuralBakeError("corrupt_file", f"{source} holds no whole dense network.", "Bake again.")
