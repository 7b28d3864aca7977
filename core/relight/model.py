# SPDX-FileCopyrightText: 2026 Neural Bake developers
#
# SPDX-License-Identifier: GPL-3.0-or-later

"""The factored light transport of one lamp, as it is evaluated: numpy alone.

A picture under a light l is, per pixel and colour::

    direct(l) = shadow(l) * sum_j coefficient_j * factor_j(l)        shading.py: cosine law and a GGX lobe
    picture   = direct(l) + tint * sum_k c_k(l) basis_k              domain "linear"
    picture   = (sqrt(direct(l) + ambient) + tint * sum_k c_k(l) basis_k)^2         "root"

with max(0, .) around sums that can be negative. ``c(l)`` blends a table (N, K), one row per captured light, by the
weights of an interpolant; the basis has a part for brightness and a smaller one for colour. All of it is homogeneous
in the lamp's power, so a lamp's power and colour multiply its picture; several lamps add up.
"""

from __future__ import annotations

import dataclasses

import numpy as np

from . import baselines, shading
from .interpolation import Interpolant
from .visibility import ShadowTable

BLOCK = 128
"""Pixels whose bases lie together in memory."""


@dataclasses.dataclass(frozen=True)
class Residual:
    """What shading and shadows do not explain, as a few pictures.

    The bases lie in memory as blocks of pixels. A product with one block is too small for a linear algebra library to
    share it among threads of its own, so that a picture can be shared among ours.

    Attributes:
        count: P, pixels.
        luma_blocks: (B, K, BLOCK) float32, the mean over colours of the residual over the tint.
        chroma_blocks: (B, C, 2 * BLOCK) float32, red and blue beyond that mean; green takes the rest.
        luma_table, chroma_table: (N, K) and (N, C) float64, their coefficients at the captured lights.
    """

    count: int
    luma_blocks: np.ndarray
    chroma_blocks: np.ndarray
    luma_table: np.ndarray
    chroma_table: np.ndarray

    @classmethod
    def of(cls, luma: np.ndarray, chroma: np.ndarray, luma_table: np.ndarray, chroma_table: np.ndarray) -> Residual:
        """From bases (K, P) and (C, 2, P) and their tables."""
        count = luma.shape[1]
        blocks = -(-count // BLOCK)
        padded = [np.zeros((*array.shape[:-1], blocks * BLOCK), np.float32) for array in (luma, chroma)]
        padded[0][..., :count], padded[1][..., :count] = luma, chroma
        return cls(
            count,
            np.ascontiguousarray(padded[0].reshape(len(luma), blocks, BLOCK).transpose(1, 0, 2)),
            np.ascontiguousarray(padded[1].reshape(len(chroma), 2, blocks, BLOCK).transpose(2, 0, 1, 3)).reshape(
                blocks, len(chroma), 2 * BLOCK
            ),
            luma_table,
            chroma_table,
        )

    @property
    def luma(self) -> np.ndarray:
        """(K, P), a copy."""
        blocks, components = self.luma_blocks.shape[:2]
        return self.luma_blocks.transpose(1, 0, 2).reshape(components, blocks * BLOCK)[:, : self.count]

    @property
    def chroma(self) -> np.ndarray:
        """(C, 2, P), a copy."""
        blocks, components = self.chroma_blocks.shape[:2]
        whole = self.chroma_blocks.reshape(blocks, components, 2, BLOCK).transpose(1, 2, 0, 3)
        return whole.reshape(components, 2, blocks * BLOCK)[:, :, : self.count]

    def colours(self, luma: np.ndarray, chroma: np.ndarray, pixels: slice) -> np.ndarray:
        """Values (3, n) of the pixels from ``pixels.start``, a multiple of :data:`BLOCK`, to ``pixels.stop``, from
        coefficients (K,) and (C,)."""
        size = pixels.stop - pixels.start
        blocks = slice(pixels.start // BLOCK, -(-pixels.stop // BLOCK))
        mean = np.matmul(luma[None], self.luma_blocks[blocks]).ravel()[:size]
        parts = np.matmul(chroma[None], self.chroma_blocks[blocks]).reshape(-1, 2, BLOCK)
        red, blue = parts[:, 0].ravel()[:size], parts[:, 1].ravel()[:size]
        result = np.empty((3, size), np.float32)
        np.add(mean, red, out=result[0])
        np.add(mean, blue, out=result[2])
        np.subtract(mean, red, out=result[1])
        result[1] -= blue
        return result


@dataclasses.dataclass(frozen=True)
class Transport:
    """One lamp's light in one view.

    Attributes:
        lamp: its description, see :mod:`core.relight.dataset`.
        lights, aims: (N, 3) float64 captured places.
        method: ``ours``, or the rival (:data:`core.relight.baselines.RIVALS`) whose weights are used instead.
        kernel, smoothing: of the interpolant.
        root: whether the residual is one of square roots.
        surface: what the pixels see; None without direct light.
        roughness: (P,) float32 of the glossy lobe; None without one.
        coefficients: (J, 3, P) float32 of the factors of direct light: none, the diffuse one, or the glossy two too.
        ambient: (3, P) float32, added under the root; None where the domain is linear.
        tint: (3, P) float32.
        residual: the rest.
        shadows: None where nothing was traced.
    """

    lamp: dict
    lights: np.ndarray
    aims: np.ndarray
    method: str
    kernel: str
    smoothing: float
    root: bool
    surface: shading.Surface | None
    roughness: np.ndarray | None
    coefficients: np.ndarray
    ambient: np.ndarray | None
    tint: np.ndarray
    residual: Residual
    shadows: ShadowTable | None
    _interpolant: Interpolant | None = dataclasses.field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        wanted = self.method == "ours" and len(self.lights) > 1
        made = Interpolant(self.lights, self.kernel, self.smoothing) if wanted else None
        object.__setattr__(self, "_interpolant", made)

    def prepare(self, light: np.ndarray) -> Lit:
        """What depends on the light alone, once for all pixels."""
        light = np.asarray(light, np.float64)
        if self._interpolant is not None:
            shares = self._interpolant.weights(light)[0]
        elif len(self.lights) == 1:
            shares = np.ones(1)
        else:
            shares = baselines.weights(self.method, self.lights, light, self.lamp["light"] != "position")[0]
        return Lit(
            self,
            light,
            aim_at(self.lamp, self.lights, self.aims, light),
            (shares @ self.residual.luma_table).astype(np.float32),
            (shares @ self.residual.chroma_table).astype(np.float32),
            None if self.shadows is None or not len(self.coefficients) else self.shadows.weights(light),
        )


@dataclasses.dataclass(frozen=True)
class Lit:
    """A transport under one light."""

    transport: Transport
    light: np.ndarray
    aim: np.ndarray
    luma: np.ndarray
    chroma: np.ndarray
    shadow: tuple[np.ndarray, np.ndarray] | None

    def add(self, picture: np.ndarray, pixels: slice, colour: np.ndarray) -> None:
        """Add this light to a run of pixels.

        Args:
            picture: (3, n) float32, changed in place.
            pixels: which of the transport's pixels these are, from a multiple of :data:`BLOCK` on.
            colour: (3,) factor on the lamp's light as captured.
        """
        own = self.transport
        rest = own.residual.colours(self.luma, self.chroma, pixels)
        rest *= own.tint[:, pixels]
        direct = self.direct(pixels)
        if own.root:
            level = own.ambient[:, pixels] if direct is None else direct + own.ambient[:, pixels]
            rest += np.sqrt(level)
            np.maximum(rest, 0.0, out=rest)
            rest *= rest
        else:
            if direct is not None:
                rest += direct
            np.maximum(rest, 0.0, out=rest)
        for channel in range(3):
            picture[channel] += rest[channel] * colour[channel]

    def direct(self, pixels: slice) -> np.ndarray | None:
        """Direct light (3, n), shadows included; None without."""
        own = self.transport
        if not len(own.coefficients):
            return None
        roughness = None if own.roughness is None else own.roughness[pixels]
        surface = own.surface.part(pixels)
        factors = direct_factors(surface, shading.arrive(surface, own.lamp, self.light, self.aim), roughness)
        if self.shadow is not None:
            arriving = own.shadows.at(*self.shadow, pixels)
            for factor in factors:
                factor *= arriving
        result = own.coefficients[0, :, pixels] * factors[0]
        for coefficient, factor in zip(own.coefficients[1:], factors[1:], strict=True):
            result += coefficient[:, pixels] * factor
        return result


def direct_factors(
    surface: shading.Surface, arrival: shading.Arrival, roughness: np.ndarray | float | None
) -> list[np.ndarray]:
    """Unshadowed factors of direct light, each (P,): the diffuse one, then with a roughness the glossy two."""
    factors = [shading.diffuse(arrival)]
    if roughness is not None:
        factors.extend(shading.glossy(surface, arrival, roughness))
    return factors


def aim_at(lamp: dict, lights: np.ndarray, aims: np.ndarray, light: np.ndarray) -> np.ndarray:
    """Where a lamp aims (3,) when it stands at ``light`` (3,): at a dome's centre, else as at the nearest captured
    places."""
    domain = lamp.get("domain", {})
    if domain.get("type") == "dome" and "center" in domain and lamp["light"] == "position":
        offset = np.asarray(domain["center"], np.float64) - light
        length = np.linalg.norm(offset)
        return offset / length if length > 0.0 and np.any(aims) else np.zeros(3)
    if not np.any(aims):
        return np.zeros(3)
    order = np.argsort(np.sum((lights - light) ** 2, axis=1), kind="stable")[:2]
    distance = np.sqrt(np.sum((lights[order] - light) ** 2, axis=1))
    shares = 1.0 - distance / max(float(distance.sum()), 1e-12) if len(order) > 1 else np.ones(1)
    aim = shares @ aims[order]
    length = np.linalg.norm(aim)
    return aim / length if length > 0.0 else aims[order[0]]
