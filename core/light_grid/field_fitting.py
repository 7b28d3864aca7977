# SPDX-FileCopyrightText: 2026 Neural Bake developers
#
# SPDX-License-Identifier: GPL-3.0-or-later

"""Training of the direct fields of :mod:`.field` in torch. A benchmark's rival only: no bake comes here.

The light grid's own training points, its error relative to the reconstruction, Adam with a rate that falls to a
hundredth, and of all the states on the way the one that the choosing points like best.
"""

from __future__ import annotations

import dataclasses
import time
import typing

import numpy as np
import torch

from .. import metrics
from ..errors import NeuralBakeError
from .dataset import Samples
from .field import EXPONENT_RANGE, FEATURES, LEVELS, Design, Field
from .fitting import error_scale

RATE = {"mlp": 0.003, "hash": 0.01}
# Of the table only, which has a number for every few points and would learn their noise.
TABLE_DECAY = 1.0
# Small, so that rows that no training point reaches add nothing.
TABLE_START = 0.02
LAST_RATE = 0.01
BATCH = 4096
CHECK_EVERY = 50
PATIENCE = 5


@dataclasses.dataclass(frozen=True)
class FieldFit:
    """A trained field, its relMSE on the choosing points, the step it is from, and what training took in seconds."""

    field: Field
    choose: float
    step: int
    seconds: float


class FieldModel(torch.nn.Module):
    """A field's numbers as parameters; positions come encoded, so that numpy and torch share all but the layers."""

    def __init__(self, design: Design, start: np.ndarray, generator: torch.Generator) -> None:
        super().__init__()
        weights, biases = [], []
        for inputs, outputs in design.shapes:
            weights.append(torch.randn(inputs, outputs, generator=generator) * (2.0 / inputs) ** 0.5)
            biases.append(torch.zeros(outputs))
        # A field starts as the constant ``start``, so that a constant one is there at once.
        weights[-1].zero_()
        biases[-1].copy_(torch.from_numpy(np.log(np.maximum(start, 1e-6)).astype(np.float32)))
        self.weights, self.biases = torch.nn.ParameterList(weights), torch.nn.ParameterList(biases)
        self.table = None
        if design.kind == "hash":
            self.table = torch.nn.Parameter(
                (torch.rand(design.table_rows, FEATURES, generator=generator) - 0.5) * TABLE_START
            )

    def forward(self, inputs: tuple[torch.Tensor, ...]) -> torch.Tensor:
        """Irradiance (N, 3) in scales, of what :func:`encode` returned."""
        if self.table is None:
            hidden = inputs[0]
        else:
            normals, rows, corners = inputs
            encoded = torch.nn.functional.embedding_bag(
                rows.reshape(-1, 8), self.table, per_sample_weights=corners.reshape(-1, 8), mode="sum"
            )
            hidden = torch.cat([encoded.reshape(len(normals), LEVELS * FEATURES), normals], dim=1)
        for number, (weight, bias) in enumerate(zip(self.weights, self.biases)):
            hidden = torch.addmm(bias, hidden, weight)
            if number < len(self.weights) - 1:
                hidden = torch.relu(hidden)
        return torch.exp(hidden.clamp(-EXPONENT_RANGE, EXPONENT_RANGE))

    def to_field(self, design: Design, scale: float) -> Field:
        """The numbers, copied."""
        arrays = [
            (weight.detach().numpy().copy(), bias.detach().numpy().copy())
            for weight, bias in zip(self.weights, self.biases)
        ]
        return Field(design, arrays, None if self.table is None else self.table.detach().numpy().copy(), scale)


def encode(design: Design, points: np.ndarray, normals: np.ndarray) -> tuple[torch.Tensor, ...]:
    """A model's inputs for ``points`` (N, 3) and ``normals`` (N, 3), which do not change while it learns."""
    turned = design.encode_normals(normals)
    if design.kind == "mlp":
        return (torch.from_numpy(np.concatenate([design.encode_frequencies(points), turned], axis=1)),)
    rows, weights = design.corners(points)
    return torch.from_numpy(turned), torch.from_numpy(rows), torch.from_numpy(weights)


def fit_field(
    design: Design,
    train: Samples,
    choose: Samples,
    seed: int = 0,
    steps: int = 800,
    progress: typing.Callable[[int, int], None] = lambda done, total: None,
) -> FieldFit:
    """Train a field on ``train``; ``choose`` picks the state that is kept, and ends training once it stops gaining.

    Args:
        seed: of the first numbers and the draws.
        steps: at most; the rate falls over all of them.
        progress: called with steps done and in all.

    Raises:
        NeuralBakeError: a set is empty, or a number in it is not finite.
    """
    for samples in (train, choose):
        arrays = (samples.positions, samples.normals, samples.stored)
        if not len(samples) or not all(np.isfinite(array).all() for array in arrays):
            raise NeuralBakeError(
                "bad_samples", "A field needs points, all of them finite, to learn from.", "Bake again."
            )
    began = time.monotonic()
    generator = torch.Generator().manual_seed(seed)
    mean = float(train.stored.mean(dtype=np.float64))
    scale = mean if mean > 0.0 else 1.0
    target = torch.from_numpy((train.stored / np.float32(scale)).astype(np.float32))
    inputs = encode(design, train.positions, train.normals)
    model = FieldModel(design, target.mean(dim=0).numpy(), generator)
    groups = [{"params": [*model.weights, *model.biases], "weight_decay": 0.0}]
    if model.table is not None:
        groups.append({"params": [model.table], "weight_decay": TABLE_DECAY})
    optimiser = torch.optim.AdamW(groups, lr=RATE[design.kind], betas=(0.9, 0.99))
    falling = torch.optim.lr_scheduler.ExponentialLR(optimiser, LAST_RATE ** (1.0 / max(steps, 1)))
    best = _checked(model, design, scale, choose, 0, began)
    order, first = torch.randperm(len(target), generator=generator), 0
    for step in range(1, steps + 1):
        if first >= len(target):
            order, first = torch.randperm(len(target), generator=generator), 0
        rows = order[first : first + BATCH]
        first += BATCH
        result = model(tuple(part[rows] for part in inputs))
        loss = ((result - target[rows]) ** 2 / error_scale(result.detach(), target[rows])).mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        falling.step()
        progress(step, steps)
        if step % CHECK_EVERY == 0 or step == steps:
            fit = _checked(model, design, scale, choose, step, began)
            best = min(best, fit, key=lambda candidate: candidate.choose)
            if step - best.step >= PATIENCE * CHECK_EVERY:
                break
    return dataclasses.replace(best, seconds=time.monotonic() - began)


def _checked(model: FieldModel, design: Design, scale: float, choose: Samples, step: int, began: float) -> FieldFit:
    field = model.to_field(design, scale)
    result = field.irradiance(choose.positions, choose.normals)
    error = metrics.relative_mse(result, choose.stored, choose.stored)
    return FieldFit(field, error, step, time.monotonic() - began)
