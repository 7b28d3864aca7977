# SPDX-FileCopyrightText: 2026 Neural Bake developers
#
# SPDX-License-Identifier: GPL-3.0-or-later

"""Training the network of the first published system (see :mod:`.dense`) with torch, on the CPU or CUDA.

As published: the loss MSE(rgb) + MSE(luminance) + 0.01 * relative error in tone-mapped space; random pixels over all
pictures as one batch; Adam at 1e-3, halved when the epoch's loss has not fallen for two epochs, down to 1e-7; five
epochs, then four times the batch is halved and trained until the validation loss has not fallen for three epochs; a
tenth of the pictures validates.

What differs, and why:
  - The published batch of 50,000 pixels belongs to epochs of 165 million pixels, over 3,000 steps each, and to a GPU. A
    smaller set keeps its number of steps an epoch as far as ``SMALLEST_BATCH`` allows.
  - Where a tenth of the pictures is less than one, the training loss stands for the validation loss.
  - The time budget ends training at any step; the weights with the lowest validation loss at the end of an epoch, or
    the last ones where that is lower, are kept. Two runs of equally many steps on one machine give equal weights.
  - The published output ReLU can die at the start, and a colour channel stays black. Here the outputs start at the
    mean colour, and in training their negative side has a slope of 0.01, so that none is ever without a gradient.
  - Its split drops one test picture (a slice to -1). Ours drops none.
"""

from __future__ import annotations

import dataclasses
import itertools
import math
import time
import typing

import numpy as np
import torch

from ..errors import NeuralBakeError
from .dense import HIDDEN, HIDDEN_LAYERS, DenseModel, LightCoordinates, pixel_features
from .tone import Tone

BATCH = 50_000
SMALLEST_BATCH = 512
STEPS_PER_EPOCH = 3300
HALVINGS = 4
FIRST_EPOCHS = 5
RATE, LEAST_RATE = 1e-3, 1e-7
PLATEAU_PATIENCE, STOP_PATIENCE = 2, 3
VALIDATION_SHARE = 0.1
VALIDATION_PIXELS = 20_000
GOOD_ENOUGH = 1e-5
RELATIVE_SHARE = 0.01
TRAINING_SLOPE = 0.01
LUMINANCE = (0.299, 0.587, 0.114)

Progress = typing.Callable[[float, float], None]


@dataclasses.dataclass(frozen=True)
class _Pixels:
    """All training pictures as tensors: coordinates (N, K), pixel features (H * W, 5), tone-mapped values (N, H * W, 3)
    in half precision."""

    places: torch.Tensor
    features: torch.Tensor
    values: torch.Tensor

    def batch(self, pictures: torch.Tensor, index: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Inputs (B, K + 5) and targets (B, 3) of numbers ``index`` (B,) among all pixels of ``pictures``."""
        picture = pictures[index // len(self.features)]
        pixel = index % len(self.features)
        return torch.cat([self.places[picture], self.features[pixel]], dim=1), self.values[picture, pixel].float()


def fit(
    images: np.ndarray,
    lights: np.ndarray,
    kind: str,
    seconds: float,
    seed: int = 0,
    device: str = "cpu",
    steps: int | None = None,
    batch: int | None = None,
    progress: Progress = lambda done, total: None,
) -> DenseModel:
    """Train one lamp's network.

    Args:
        images: (N, H, W, 3) float32 linear.
        lights: (N, 3), as :class:`.dataset.LightSet` has them.
        kind: the lamp's ``light``: ``"direction"``, ``"position"`` or ``"rotation"``.
        seconds: time budget; training may end earlier by itself.
        device: ``"cpu"`` or ``"cuda"``.
        steps: most optimiser steps, or None; with it, and time enough, training is repeatable.
        batch: first batch size in pixels, or None for the module's rule.
        progress: called with seconds gone and in all.

    Raises:
        NeuralBakeError: the device is missing.
    """
    if device == "cuda" and not torch.cuda.is_available():
        raise NeuralBakeError(
            "no_device",
            "train_device is cuda, but this Python's torch sees no CUDA device.",
            "Use --set train_device=cpu.",
        )
    end = time.monotonic() + seconds
    generator = torch.Generator().manual_seed(seed)
    tone, coordinates = Tone.from_images(images), LightCoordinates.from_lights(lights, kind)
    toned = np.stack([tone.forward(image) for image in images]).astype(np.float16)
    mean = toned.mean(axis=0, dtype=np.float32).astype(np.float16)
    pixels = _Pixels(
        torch.from_numpy(coordinates(lights)).to(device),
        torch.from_numpy(pixel_features(mean)).to(device),
        torch.from_numpy(toned.reshape(len(toned), -1, 3)).to(device),
    )
    order = torch.randperm(len(images), generator=generator)
    held = int(VALIDATION_SHARE * len(images))
    network = _network(pixels.places.shape[1] + 5, mean, generator).to(device)
    trainer = _Trainer(network, pixels, order[held:].to(device), order[:held].to(device), generator, device)
    batch = batch or min(BATCH, max(SMALLEST_BATCH, trainer.total // STEPS_PER_EPOCH))
    trainer.run(batch, end, seconds, math.inf if steps is None else steps, progress)
    layers = tuple(
        (layer.weight.detach().cpu().numpy().T.copy(), layer.bias.detach().cpu().numpy().copy()) for layer in network
    )
    return DenseModel(layers, mean, tone, coordinates, trainer.steps)


def _network(inputs: int, mean: np.ndarray, generator: torch.Generator) -> torch.nn.ModuleList:
    """Layers with Glorot's uniform weights (the published framework's default); outputs start at the mean colour."""
    sizes = [inputs, *[HIDDEN] * HIDDEN_LAYERS, 3]
    layers = torch.nn.ModuleList(torch.nn.Linear(*pair) for pair in itertools.pairwise(sizes))
    with torch.no_grad():
        for layer in layers:
            bound = math.sqrt(6.0 / (layer.in_features + layer.out_features))
            layer.weight.copy_((torch.rand(layer.weight.shape, generator=generator) * 2.0 - 1.0) * bound)
            layer.bias.zero_()
        layers[-1].weight.mul_(0.1)
        layers[-1].bias.copy_(torch.from_numpy(mean.mean(axis=(0, 1), dtype=np.float32)))
    return layers


class _Trainer:
    """The schedule around one network."""

    def __init__(
        self,
        network: torch.nn.ModuleList,
        pixels: _Pixels,
        train: torch.Tensor,
        validation: torch.Tensor,
        generator: torch.Generator,
        device: str,
    ) -> None:
        self.network, self.pixels, self.pictures = network, pixels, train
        self.generator, self.device = generator, device
        self.total = len(train) * len(pixels.features)
        self.steps = 0
        self.validation = None
        if len(validation):
            count = min(VALIDATION_PIXELS, len(validation) * len(pixels.features))
            self.validation = pixels.batch(validation, self._draw(len(validation) * len(pixels.features), count))

    def run(self, batch: int, end: float, seconds: float, steps: float, progress: Progress) -> None:
        """Train until the schedule, the time or the steps are at their end; the best weights stay in the network."""
        optimiser = torch.optim.Adam(self.network.parameters(), lr=RATE)
        plateau = torch.optim.lr_scheduler.ReduceLROnPlateau(
            optimiser, factor=0.5, patience=PLATEAU_PATIENCE, min_lr=LEAST_RATE
        )
        best, kept = math.inf, None
        for halving in range(HALVINGS + 1):
            size = max(batch >> halving, min(batch, 50))
            stale, lowest, epoch = 0, math.inf, 0
            while stale < STOP_PATIENCE and (halving > 0 or epoch < FIRST_EPOCHS):
                loss, stopped = self._epoch(optimiser, size, end, seconds, steps, progress)
                checked = loss if self.validation is None else self._validate()
                if checked < best:
                    best, kept = checked, [part.detach().clone() for part in self.network.parameters()]
                stale, lowest, epoch = (0, checked, epoch + 1) if checked < lowest else (stale + 1, lowest, epoch + 1)
                if stopped or checked < GOOD_ENOUGH:
                    return self._restore(kept)
                plateau.step(loss)
        return self._restore(kept)

    def _epoch(
        self,
        optimiser: torch.optim.Optimizer,
        batch: int,
        end: float,
        seconds: float,
        steps: float,
        progress: Progress,
    ) -> tuple[float, bool]:
        """One pass over as many pixels as there are; returns the mean loss and whether time or steps are up."""
        total, count = 0.0, max(1, self.total // batch)
        for number in range(count):
            if self.steps and (time.monotonic() >= end or self.steps >= steps):
                return total / max(number, 1) if number else math.inf, True
            inputs, target = self.pixels.batch(self.pictures, self._draw(self.total, batch))
            optimiser.zero_grad(set_to_none=True)
            loss = _loss(self._forward(inputs), target)
            loss.backward()
            optimiser.step()
            self.steps += 1
            total += float(loss.detach())
            progress(min(max(seconds - (end - time.monotonic()), 0.0), seconds), seconds)
        return total / count, False

    @torch.no_grad()
    def _validate(self) -> float:
        inputs, target = self.validation
        return float(_loss(self._forward(inputs).clamp_min(0.0), target))

    @torch.no_grad()
    def _restore(self, kept: list[torch.Tensor] | None) -> None:
        if kept is not None:
            for part, value in zip(self.network.parameters(), kept, strict=True):
                part.copy_(value)

    def _forward(self, values: torch.Tensor) -> torch.Tensor:
        *hidden, last = self.network
        for layer in hidden:
            values = torch.relu(layer(values))
        return torch.nn.functional.leaky_relu(last(values), TRAINING_SLOPE)

    def _draw(self, total: int, count: int) -> torch.Tensor:
        return torch.randint(total, (count,), generator=self.generator).to(self.device)


def _loss(result: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    """The published joint loss of tone-mapped values (B, 3)."""
    square = ((result - target) ** 2).sum()
    luminance = ((_luminance(result) - _luminance(target)) ** 2).mean()
    relative = torch.sqrt((square + 1e-12) / ((target**2).sum() + 1e-12))
    return square / result.numel() + luminance + RELATIVE_SHARE * relative


def _luminance(values: torch.Tensor) -> torch.Tensor:
    """sqrt(0.299 R^2 + 0.587 G^2 + 0.114 B^2) of (B, 3), kept off the root's infinite slope at 0."""
    return torch.sqrt((values**2 * values.new_tensor(LUMINANCE)).sum(dim=1) + 1e-12)
