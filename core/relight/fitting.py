# SPDX-FileCopyrightText: 2026 Neural Bake developers
#
# SPDX-License-Identifier: GPL-3.0-or-later

"""Fits the factored transport of one lamp to its pictures; what is fitted how is decided on pictures left out.

Every pixel's coefficients of direct light come from a small regularised least-squares problem over the lights, in which
a constant and a linear function of the light stand for everything indirect. What remains, edges of misjudged shadows
and all that is indirect, is interpolated between the captured lights, in linear light or under a square root.

A trial leaves out a fold of the lights, fits a few thousand pixels to the others, and takes the relative error of the
tone-mapped pictures that were left out. Rivals are judged by the same folds, so that the better one can be kept.
"""

from __future__ import annotations

import dataclasses
import itertools

import numpy as np

from . import baselines, shading
from .interpolation import Interpolant
from .model import TILE, aim_at, direct_factors
from .tone import Tone
from .visibility import ShadowTable

FOLDS = 6
TRIAL_PIXELS = 8_000
RIDGE = 1e-3
LOBES = (0.2, 0.45)
"""Roughness of the glossy lobes that are tried."""
FACTORS: dict[str, tuple[float, ...] | None] = {"none": None, "diffuse": (), "gloss": LOBES}
SMOOTHINGS = (0.0, 1e-3, 1e-2)
KERNELS = ("thin_plate", "linear")


@dataclasses.dataclass(frozen=True)
class Choice:
    """How a lamp is fitted: a key of :data:`FACTORS`, the residual's domain, and its interpolant."""

    factors: str
    root: bool
    kernel: str
    smoothing: float


@dataclasses.dataclass(frozen=True)
class View:
    """What is known of the pixels: ``surface`` None where nothing is, ``shadows`` None where none were traced."""

    surface: shading.Surface | None
    shadows: ShadowTable | None

    def part(self, pixels: np.ndarray | slice) -> View:
        """The same for some of the pixels."""
        shadows = self.shadows
        if shadows is not None:
            shadows = dataclasses.replace(shadows, values=shadows.values[:, pixels])
        return View(None if self.surface is None else self.surface.part(pixels), shadows)


@dataclasses.dataclass(frozen=True)
class Direct:
    """Direct light of some pixels: ``coefficients`` (J, 3, P) and ``ambient`` (3, P), the constant beside them."""

    coefficients: np.ndarray
    ambient: np.ndarray


def factors_at(
    view: View, lamp: dict, lights: np.ndarray, aims: np.ndarray, roughness: tuple[float, ...]
) -> np.ndarray:
    """Factors of direct light with their shadows at known lights.

    Returns:
        (N, J, P) float32.
    """
    rows = []
    for light in lights:
        row = direct_factors(view.surface, lamp, light, aim_at(lamp, lights, aims, light), roughness)
        if view.shadows is not None:
            arriving = view.shadows.at(*view.shadows.weights(light))
            row = [factor * arriving for factor in row]
        rows.append(np.stack(row))
    return np.stack(rows).astype(np.float32)


def regress(images: np.ndarray, factors: np.ndarray, lights: np.ndarray) -> Direct:
    """Every pixel's coefficients by weighted, regularised least squares.

    Args:
        images: (N, 3, P) linear.
        factors: (N, J, P).
        lights: (N, 3).
    """
    count, lobes, pixels = factors.shape
    spread = lights - lights.mean(axis=0)
    spread = spread / (spread.std() or 1.0)
    nuisance = np.concatenate([np.ones((count, 1)), spread], axis=1).astype(np.float32)
    columns = np.concatenate([factors.transpose(2, 0, 1), np.broadcast_to(nuisance, (pixels, *nuisance.shape))], axis=2)
    scale = np.sqrt(np.mean(np.square(columns), axis=1, keepdims=True)) + np.float32(1e-12)
    # a lobe that never lights a pixel must not be blown up to count
    scale[:, :, :lobes] = np.maximum(scale[:, :, :lobes], 1e-3 * scale[:, :, :lobes].max(axis=0, keepdims=True))
    columns = columns / scale
    mean = images.mean(axis=1)
    weight = 1.0 / (mean + 0.1 * max(float(mean.mean()), 1e-12))
    weighted = (columns * weight.T[:, :, None]).transpose(0, 2, 1)
    normal = weighted @ columns
    trace = np.trace(normal, axis1=1, axis2=2) / normal.shape[1]
    normal += (RIDGE * trace + 1e-12)[:, None, None] * np.eye(normal.shape[1], dtype=np.float32)
    found = np.linalg.solve(normal, weighted @ images.transpose(2, 0, 1)) / scale.transpose(0, 2, 1)
    found = np.maximum(found, 0.0).transpose(1, 2, 0)
    return Direct(np.ascontiguousarray(found[:lobes]), np.ascontiguousarray(found[lobes]))


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
    factors = {
        name: factors_at(known, lamp, lights, aims, roughness)
        for name, roughness in FACTORS.items()
        if roughness is not None and known.surface is not None and (not roughness or known.surface.view is not None)
    }
    errors: dict[Choice | str, list[float]] = {}
    directions = lamp["light"] != "position"
    for held in folds(len(lights), seed):
        kept = np.setdiff1d(np.arange(len(lights)), held)
        shares = {
            (kernel, smoothing): Interpolant(lights[kept], kernel, 0 if kernel == "linear" else 1, smoothing)
            .weights(lights[held])
            .astype(np.float32)
            for kernel, smoothing in itertools.product(KERNELS, SMOOTHINGS)
        }
        truth = few[held]
        for name in ("none", *factors):
            direct = None if name == "none" else regress(few[kept], factors[name][kept], lights[kept])
            for root in (False, True):
                level = explained(direct, factors.get(name), root, few.shape)
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
    lamp: dict, lights: np.ndarray, aims: np.ndarray, images: np.ndarray, view: View, roughness: tuple[float, ...]
) -> Direct:
    """Coefficients of all pixels, a tile at a time; see :func:`regress`."""
    parts = []
    for first in range(0, images.shape[2], TILE):
        tile = slice(first, first + TILE)
        factors = factors_at(view.part(tile), lamp, lights, aims, roughness)
        parts.append(regress(images[:, :, tile], factors, lights))
    return Direct(
        *(np.concatenate([getattr(part, name) for part in parts], axis=-1) for name in ("coefficients", "ambient"))
    )


def subtract(
    rest: np.ndarray,
    lamp: dict,
    lights: np.ndarray,
    aims: np.ndarray,
    view: View,
    roughness: tuple[float, ...],
    direct: Direct,
    root: bool,
) -> None:
    """Take what :func:`fit_direct` explains from pictures (N, 3, P), or from their roots, in place."""
    for first in range(0, rest.shape[2], TILE):
        tile = slice(first, first + TILE)
        factors = factors_at(view.part(tile), lamp, lights, aims, roughness)
        part = Direct(direct.coefficients[:, :, tile], direct.ambient[:, tile])
        rest[:, :, tile] -= explained(part, factors, root, (len(lights), 3, factors.shape[2]))
