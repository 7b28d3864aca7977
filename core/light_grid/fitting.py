# SPDX-FileCopyrightText: 2026 Neural Bake developers
#
# SPDX-License-Identifier: GPL-3.0-or-later

"""Fitting one grid's weighting networks and probe values to measured light.

Three steps, each of which measurably helps (`docs/light_grid.md` has the figures):
  1. geometry: the networks learn the visibility weights of what each probe sees, with no light at all;
  2. light: networks and values learn from the training points, held near step 1 and near values by least squares;
  3. values: regularised least squares through the finished weights, at several strengths: of the pull to the probes'
     own light, and of that between neighbours (:mod:`.links`), which keeps noise out. The same again after fewer light
     steps, or none: networks learn noise too where points are few or have few paths. The values as they were
     learned are no candidate: the absolute part of the loss draws them to the median of a skewed noise, too dark, and
     the choosing points, divided by their own noisy light, like that.

On the processor the compiled steps of :mod:`.fused` do it; :mod:`.torch_fitting` is for CUDA, and for where nothing
can be compiled. ``docs/light_grid_training.md`` tells why, and what it gains.
"""

from __future__ import annotations

import dataclasses
import functools
import os
import typing

import numpy as np

from ..errors import NeuralBakeError
from . import fused
from .links import Links, Penalty
from .points import (
    FIRST_SMOOTHNESS,
    FIRST_STRENGTH,
    GEOMETRY_RATE,
    LIGHT_RATE,
    LIGHT_STAGES,
    LOSS_FLOOR,
    NORMAL_BIAS,
    PRIOR_PULL,
    SMOOTH_STRENGTHS,
    SMOOTHNESS,
    STRENGTHS,
    SortedPoints,
    new_networks,
)

if typing.TYPE_CHECKING:
    import torch

    from .torch_fitting import TorchProblem

Progress = typing.Callable[[int, int], None]


@dataclasses.dataclass(frozen=True)
class Fit:
    """One candidate: networks (P, 113) and radiance coefficients (P, 9, C), float32, for a normal ``bias``.

    ``strength`` is that of the least squares' pull to the prior, ``smoothness`` that of neighbours to each other.
    """

    weights: np.ndarray
    sh: np.ndarray
    strength: float
    bias: float = NORMAL_BIAS
    smoothness: float = 0.0


@functools.cache
def note() -> str:
    """Why the compiled steps cannot be used, in a sentence, or nothing where they can."""
    try:
        fused.library()
    except NeuralBakeError as error:
        return f"Training took the slower way, by torch: {error.message}"
    return ""


def fit(
    points: SortedPoints,
    prior: np.ndarray,
    seed: int,
    geometry_steps: int,
    light_steps: int,
    progress: Progress,
    start: np.ndarray | None = None,
    threads: int = 0,
    links: Links | None = None,
) -> list[Fit]:
    """Fit networks and values; see the module's docstring.

    Args:
        points: training points whose ``target`` has mean one.
        prior: (P, 9, C) the probes' traced radiance coefficients in the same scale.
        progress: called with steps done and in all, not for every single step.
        start: (P, 113) networks to begin with; new ones, which blend as the window does, where None.
        threads: on the processor; 0 uses all. With the compiled steps the result does not depend on it.
        links: neighbours that see each other; without, each probe's own light alone holds its values.

    Returns:
        A candidate per strength of the final least squares, after all light steps, and after fewer of them.
    """
    if start is None:
        start = new_networks(len(prior), np.random.default_rng(seed))
    threads = threads or os.cpu_count() or 1
    total = geometry_steps + light_steps + len(STRENGTHS)

    def tell(done: int) -> None:
        progress(done, total)

    problem, penalty = begun(points, prior, seed, geometry_steps, tell, start, threads, links)
    strengths, smoothness = (STRENGTHS, ()) if penalty is None else (SMOOTH_STRENGTHS, SMOOTHNESS)
    fits: list[Fit] = []
    done = 0
    for until in sorted({0, *(int(share * light_steps) for share in LIGHT_STAGES)}):
        first = geometry_steps + done
        problem.optimise(True, LIGHT_RATE, until - done, PRIOR_PULL, lambda step, first=first: tell(first + step))
        found, weights = problem.solve(strengths, smoothness, penalty), problem.networks()
        smooth = smoothness or (0.0,) * len(strengths)
        fits = [Fit(weights, *pair, smoothness=one) for *pair, one in zip(found, strengths, smooth, strict=True)] + fits
        done = until
    tell(total)
    return fits


def learned(
    points: SortedPoints,
    prior: np.ndarray,
    seed: int,
    geometry_steps: int,
    light_steps: int,
    progress: typing.Callable[[int], None],
    start: np.ndarray,
    threads: int,
) -> np.ndarray:
    """Networks (P, 113) after the first two steps of :func:`fit`; ``progress`` is called with steps done."""
    problem, _ = begun(points, prior, seed, geometry_steps, progress, start, threads)
    problem.optimise(True, LIGHT_RATE, light_steps, PRIOR_PULL, lambda done: progress(geometry_steps + done))
    return problem.networks()


def begun(
    points: SortedPoints,
    prior: np.ndarray,
    seed: int,
    geometry_steps: int,
    progress: typing.Callable[[int], None],
    start: np.ndarray,
    threads: int,
    links: Links | None = None,
) -> tuple[fused.FusedProblem | TorchProblem, Penalty | None]:
    """The first step of :func:`fit` with values solved through its weights, and what pulls neighbours together."""
    prior = np.ascontiguousarray(prior, np.float32)
    if points.device == "cpu" and prior.shape[2] <= fused.CHANNELS and not note():
        problem = fused.FusedProblem(points, prior, start, seed, threads)
    else:
        from .torch_fitting import TorchProblem

        problem = TorchProblem(points, prior, start, seed, threads)
    problem.optimise(False, GEOMETRY_RATE, geometry_steps, 0.0, progress)
    if links is None:
        problem.set_values(problem.solve((1.0,))[0])
        return problem, None
    first = problem.solve((FIRST_STRENGTH,), (FIRST_SMOOTHNESS,), links.penalty(prior))[0]
    problem.set_values(first)
    problem.hold_near(first)
    # less noisy than the probes' own light, it tells better which neighbours differ
    return problem, links.penalty(first)


def error_scale(result: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    """What squared errors (cells, S, C) are divided by: the reconstruction squared plus LOSS_FLOOR.

    Relative to the reconstruction, not to the measurement: dividing by a noisy measurement favours its dark half. But
    the reconstruction counts only up to twice the measurement (plus a fifth of the mean, which is one): else a point
    that is far too bright would excuse its own error.
    """
    return result.clamp_min(0.0).minimum(2.0 * target + 0.2) ** 2 + LOSS_FLOOR
