# SPDX-FileCopyrightText: 2026 Neural Bake developers
#
# SPDX-License-Identifier: GPL-3.0-or-later

"""Fits the factored transport of one lamp to its pictures; what is fitted how is decided on pictures left out.

Every pixel's coefficient of diffuse light comes from a small regularised least-squares problem over the lights, in
which a constant and a linear function of the light stand for everything indirect; highlights are a patch's, see
:mod:`.gloss`. What remains, edges of misjudged shadows and all that is indirect, is interpolated between the captured
lights, in linear light or under a square root.

A trial leaves out a fold of the lights, fits a few thousand pixels to the others, and takes the relative error of the
tone-mapped pictures that were left out. Rivals are judged by the same folds, so that the better one can be kept.
"""

from __future__ import annotations

import dataclasses
import itertools

import numpy as np

from . import baselines, gloss, shading
from .interpolation import KERNELS, Interpolant
from .model import aim_at, direct_factors
from .tone import Tone, bright_enough
from .visibility import ShadowTable

FOLDS = 6
TRIAL_PIXELS = 8_000
TILE = 16_384
"""Pixels that are fitted at a time, so that memory does not grow with the picture."""
FACTORS = ("none", "diffuse", "gloss")
SMOOTHINGS = (0.0, 1e-3, 1e-2)


@dataclasses.dataclass(frozen=True)
class Choice:
    """How a lamp is fitted: one of :data:`FACTORS`, the residual's domain, and its interpolant."""

    factors: str
    root: bool
    kernel: str
    smoothing: float


@dataclasses.dataclass(frozen=True)
class View:
    """What is known of the pixels: ``surface`` None where nothing is, ``shadows`` None where none were traced,
    ``patches`` (P,) of :mod:`.gloss`, None where highlights are not looked for."""

    surface: shading.Surface | None
    shadows: ShadowTable | None
    patches: np.ndarray | None = None

    def part(self, pixels: np.ndarray | slice) -> View:
        """The same for some of the pixels."""
        shadows = self.shadows
        if shadows is not None:
            shadows = dataclasses.replace(shadows, values=shadows.values[:, pixels])
        patches = None if self.patches is None else self.patches[pixels]
        return View(None if self.surface is None else self.surface.part(pixels), shadows, patches)


@dataclasses.dataclass(frozen=True)
class Direct:
    """Direct light of some pixels: ``coefficients`` (J, 3, P), ``ambient`` (3, P), the constant beside them, and
    ``roughness`` (P,) or None."""

    coefficients: np.ndarray
    ambient: np.ndarray
    roughness: np.ndarray | None = None

    def part(self, pixels: slice) -> Direct:
        """The same for some of the pixels."""
        roughness = None if self.roughness is None else self.roughness[pixels]
        return Direct(self.coefficients[:, :, pixels], self.ambient[:, pixels], roughness)


@dataclasses.dataclass(frozen=True)
class Arrivals:
    """Direct light of known lights at some pixels: what every lobe that is tried has in common.

    Attributes:
        surface: of the pixels.
        lit: for every light, how it arrives, and its shadow (P,), None where none were traced.
    """

    surface: shading.Surface
    lit: list[tuple[shading.Arrival, np.ndarray | None]]

    def factors(self, roughness: np.ndarray | float | None) -> np.ndarray:
        """Factors of direct light (N, J, P) float32, with their shadows."""
        rows = []
        for arrival, arriving in self.lit:
            row = direct_factors(self.surface, arrival, roughness)
            rows.append(np.stack(row if arriving is None else [factor * arriving for factor in row]))
        return np.stack(rows).astype(np.float32)


def arrivals_at(view: View, lamp: dict, lights: np.ndarray, aims: np.ndarray) -> Arrivals:
    """How the light of known lights (N, 3) arrives."""
    lit = []
    for light in lights:
        arrival = shading.arrive(view.surface, lamp, light, aim_at(lamp, lights, aims, light))
        lit.append((arrival, None if view.shadows is None else view.shadows.at(*view.shadows.weights(light))))
    return Arrivals(view.surface, lit)


def regress(images: np.ndarray, factors: np.ndarray, lights: np.ndarray, lobes: np.ndarray | None = None) -> Direct:
    """Every pixel's coefficient of diffuse light by weighted, regularised least squares.

    Args:
        images: (N, 3, P) linear.
        factors: (N, 1, P).
        lights: (N, 3).
        lobes: (N, 3, P), light that is explained already.
    """
    columns, scale = _columns(factors, lights)
    system = gloss.Explainable(columns, _weight(images))
    rest = images if lobes is None else images - lobes
    found = system.shares(rest.transpose(2, 0, 1)) / scale.transpose(0, 2, 1)
    found = np.maximum(found, 0.0).transpose(1, 2, 0)
    return Direct(np.ascontiguousarray(found[:1]), np.ascontiguousarray(found[1]))


def _columns(factors: np.ndarray, lights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Columns (P, N, Q) of the least squares, scaled to about 1, and their scales (P, 1, Q): the factors (N, J, P), a
    constant, and the light itself."""
    spread = lights - lights.mean(axis=0)
    spread = spread / (spread.std() or 1.0)
    smooth = np.concatenate([np.ones((len(lights), 1)), spread], axis=1).astype(np.float32)
    lobes, pixels = factors.shape[1:]
    columns = np.concatenate([factors.transpose(2, 0, 1), np.broadcast_to(smooth, (pixels, *smooth.shape))], axis=2)
    scale = np.sqrt(np.mean(np.square(columns), axis=1, keepdims=True)) + np.float32(1e-12)
    # a factor that never lights a pixel must not be blown up to count
    scale[:, :, :lobes] = np.maximum(scale[:, :, :lobes], 1e-3 * scale[:, :, :lobes].max(axis=0, keepdims=True))
    return columns / scale, scale


def _weight(images: np.ndarray) -> np.ndarray:
    """Weights (N, P) that make errors count relative to the light."""
    mean = images.mean(axis=1)
    return 1.0 / (mean + 0.1 * max(float(mean.mean()), 1e-12))


def find_lobes(lamp: dict, lights: np.ndarray, aims: np.ndarray, images: np.ndarray, view: View) -> gloss.Lobes:
    """The lobe of every patch, from pictures (N, 3, P)."""
    parts: dict[float, list[tuple[np.ndarray, np.ndarray]]] = {roughness: [] for roughness in gloss.ROUGHNESS}
    for first in range(0, images.shape[2], TILE):
        tile = slice(first, first + TILE)
        arrivals = arrivals_at(view.part(tile), lamp, lights, aims)
        columns, _ = _columns(arrivals.factors(None), lights)
        explainable = gloss.Explainable(columns, _weight(images[:, :, tile]))
        for roughness, found in parts.items():
            found.append(gloss.normal_equations(arrivals.factors(roughness)[:, 1:], images[:, :, tile], explainable))
    trials = ((roughness, *map(np.concatenate, zip(*found, strict=True))) for roughness, found in parts.items())
    return gloss.fit(trials, view.patches)


def with_lobes(direct: Direct, lobes: gloss.Lobes) -> Direct:
    """Diffuse light and lobes together."""
    return Direct(np.concatenate([direct.coefficients, lobes.coefficients]), direct.ambient, lobes.roughness)


def explained(direct: Direct | None, factors: np.ndarray | None, root: bool, shape: tuple[int, ...]) -> np.ndarray:
    """What shading explains of pictures of ``shape`` (N, 3, P): under the root with the ambient part, else without."""
    if direct is None:
        return np.zeros(shape, np.float32)
    value = np.einsum("njp,jcp->ncp", factors, direct.coefficients, optimize=True)
    return np.sqrt(value + direct.ambient) if root else value


def choose(
    lamp: dict, lights: np.ndarray, aims: np.ndarray, images: np.ndarray, view: View, tone: Tone, seed: int
) -> tuple[Choice, dict[str, float]]:
    """Try every way of fitting, and every rival, on lights left out.

    Args:
        images: (N, 3, P) linear, N at least 2.
        tone: space of the error.
        seed: which lights and pixels.

    Returns:
        The best choice, and the error of ``ours`` and of each rival.
    """
    generator = np.random.default_rng(seed)
    pixels = np.sort(generator.permutation(images.shape[2])[:TRIAL_PIXELS])
    few, known = images[:, :, pixels], view.part(pixels)
    arrivals, diffuse = None, None
    names = ["none"]
    if known.surface is not None:
        arrivals = arrivals_at(known, lamp, lights, aims)
        diffuse = arrivals.factors(None)
        names += ["diffuse", "gloss"] if known.patches is not None else ["diffuse"]
    errors: dict[Choice | str, list[float]] = {}
    is_bright = bright_enough(few)
    directions = lamp["light"] != "position"
    for held in folds(len(lights), seed):
        kept = np.setdiff1d(np.arange(len(lights)), held)
        held = held[is_bright[held]]
        shares = {
            (kernel, smoothing): Interpolant(lights[kept], kernel, smoothing).weights(lights[held]).astype(np.float32)
            for kernel, smoothing in itertools.product(KERNELS, SMOOTHINGS)
        }
        truth = few[held]
        for name in names:
            direct, factors = None, diffuse
            if name == "gloss":
                lobes = find_lobes(lamp, lights[kept], aims[kept], few[kept], known)
                factors = arrivals.factors(lobes.roughness)
                glossy = np.einsum("njp,jcp->ncp", factors[kept, 1:], lobes.coefficients, optimize=True)
                direct = with_lobes(regress(few[kept], diffuse[kept], lights[kept], glossy), lobes)
            elif name == "diffuse":
                direct = regress(few[kept], diffuse[kept], lights[kept])
            for root in (False, True):
                level = explained(direct, factors, root, few.shape)
                rest = (np.sqrt(np.maximum(few[kept], 0.0)) if root else few[kept]) - level[kept]
                for (kernel, smoothing), weights in shares.items():
                    result = np.tensordot(weights, rest, 1) + level[held]
                    np.maximum(result, 0.0, out=result)
                    error = [
                        tone.relative_error(one**2 if root else one, y) for one, y in zip(result, truth, strict=True)
                    ]
                    errors.setdefault(Choice(name, root, kernel, smoothing), []).extend(error)
        for name in baselines.RIVALS:
            weights = baselines.weights(name, lights[kept], lights[held], directions).astype(np.float32)
            result = np.maximum(np.tensordot(weights, few[kept], 1), 0.0)
            errors.setdefault(name, []).extend(
                tone.relative_error(one, y) for one, y in zip(result, truth, strict=True)
            )
    means = {key: float(np.mean(values)) for key, values in errors.items()}
    best = min((key for key in means if isinstance(key, Choice)), key=means.get)
    return best, {"ours": means[best], **{key: means[key] for key in baselines.RIVALS}}


def folds(count: int, seed: int) -> list[np.ndarray]:
    """Lights (indices) that are left out together, every one once."""
    order = np.random.default_rng([seed, count]).permutation(count)
    parts = min(FOLDS, count)
    return [order[first::parts] for first in range(parts)]


def fit_direct(
    lamp: dict, lights: np.ndarray, aims: np.ndarray, images: np.ndarray, view: View, is_glossy: bool
) -> Direct:
    """Direct light of all pixels, a tile at a time.

    Args:
        images: (N, 3, P).
        is_glossy: whether with lobes.
    """
    lobes = find_lobes(lamp, lights, aims, images, view) if is_glossy else None
    parts = []
    for first in range(0, images.shape[2], TILE):
        tile = slice(first, first + TILE)
        roughness = None if lobes is None else lobes.roughness[tile]
        factors = arrivals_at(view.part(tile), lamp, lights, aims).factors(roughness)
        glossy = None
        if lobes is not None:
            glossy = np.einsum("njp,jcp->ncp", factors[:, 1:], lobes.coefficients[:, :, tile], optimize=True)
        parts.append(regress(images[:, :, tile], factors[:, :1], lights, glossy))
    direct = Direct(
        np.concatenate([part.coefficients for part in parts], axis=2),
        np.concatenate([part.ambient for part in parts], axis=1),
    )
    return direct if lobes is None else with_lobes(direct, lobes)


def subtract(
    rest: np.ndarray, lamp: dict, lights: np.ndarray, aims: np.ndarray, view: View, direct: Direct, root: bool
) -> None:
    """Take what :func:`fit_direct` explains from pictures (N, 3, P), or from their roots, in place."""
    for first in range(0, rest.shape[2], TILE):
        tile = slice(first, first + TILE)
        part = direct.part(tile)
        factors = arrivals_at(view.part(tile), lamp, lights, aims).factors(part.roughness)
        rest[:, :, tile] -= explained(part, factors, root, (len(lights), 3, factors.shape[2]))
