# SPDX-FileCopyrightText: 2026 Neural Bake developers
#
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a lamp of known place gives a surface of known place and normal, where nothing stands between: the factors of
the light that need no learning.

Only ratios between places of the lamp matter, because every pixel's coefficients are fitted: constants are left out.
The diffuse factor is the cosine law with the inverse square (for a sun without it), times a spot's cone and an area
lamp's cosine. The glossy factors are the GGX lobe (Walter et al. 2007, equation 33) with Smith's masking in the form of
Hammon 2017, without and with the Fresnel factor of Schlick 1994.
"""

from __future__ import annotations

import dataclasses

import numpy as np

SOFT = 1e-6


@dataclasses.dataclass(frozen=True)
class Surface:
    """What a picture's pixels see.

    Attributes:
        normal: (3, P) float32, unit.
        position: (3, P) float32, scene units, world space; None where it is not known (lights are directions then).
        view: (3, P) float32, unit, towards the camera; None where there is no camera.
    """

    normal: np.ndarray
    position: np.ndarray | None = None
    view: np.ndarray | None = None

    def part(self, pixels: slice | np.ndarray) -> Surface:
        """The same for some of the pixels."""
        return Surface(
            self.normal[:, pixels],
            None if self.position is None else self.position[:, pixels],
            None if self.view is None else self.view[:, pixels],
        )


@dataclasses.dataclass(frozen=True)
class Arrival:
    """Light at pixels: ``direction`` (3, P) towards the lamp, ``facing`` (P,) its cosine with the normal, at least 0,
    and ``strength`` (P,) without that cosine."""

    direction: np.ndarray
    facing: np.ndarray
    strength: np.ndarray


def arrive(surface: Surface, lamp: dict, light: np.ndarray, aim: np.ndarray | None = None) -> Arrival:
    """Unshadowed light of a lamp at a surface.

    Args:
        lamp: its description, see :mod:`core.relight.dataset`.
        light: (3,) position, or unit direction towards a sun.
        aim: (3,) unit direction in which a spot or area lamp shines.
    """
    light = np.asarray(light, np.float32)[:, None]
    if lamp["light"] == "position" and surface.position is not None:
        direction = light - surface.position
        strength = 1.0 / (dot(direction, direction) + np.float32(SOFT))
        direction *= np.sqrt(strength)
        if aim is not None and np.any(aim):
            strength *= _beam(lamp, -(np.asarray(aim, np.float32) @ direction))
    else:
        direction = np.broadcast_to(light, surface.normal.shape)
        strength = np.ones(surface.normal.shape[1], np.float32)
    return Arrival(direction, np.maximum(dot(direction, surface.normal), 0.0), strength)


def dot(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Dot products (P,) of vectors (3, P)."""
    result = first[0] * second[0]
    result += first[1] * second[1]
    result += first[2] * second[2]
    return result


def _beam(lamp: dict, cosine: np.ndarray) -> np.ndarray:
    """Share of its brightest light that a lamp sends at an angle (P,), given as a cosine, from its aim."""
    if lamp["type"] == "AREA":
        return np.maximum(cosine, 0.0)
    if lamp["type"] != "SPOT":
        return np.ones_like(cosine)
    edge = float(np.cos(0.5 * lamp["spot"]["angle"]))
    width = max((1.0 - edge) * float(lamp["spot"]["blend"]), 1e-5)
    t = np.clip((cosine - edge) / width, 0.0, 1.0)
    return t * t * (3.0 - 2.0 * t)


def diffuse(arrival: Arrival) -> np.ndarray:
    """Irradiance (P,) up to a constant."""
    return arrival.strength * arrival.facing


def glossy(surface: Surface, arrival: Arrival, roughness: float | np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """GGX reflection (P,) towards the camera, times the cosine: for reflectance 1, and the part that Fresnel adds at
    grazing angles, (1 - v.h)^5 of it.

    Args:
        roughness: Blender's, from 0 to 1, one or (P,); its square is GGX's alpha.
    """
    alpha = np.square(np.maximum(np.float32(roughness), np.float32(0.02)))
    alpha2 = alpha * alpha
    half = arrival.direction + surface.view
    half /= np.sqrt(dot(half, half) + np.float32(1e-12))
    nh = dot(half, surface.normal)
    nv = np.abs(dot(surface.view, surface.normal)) + np.float32(1e-3)
    nl = arrival.facing
    density = alpha2 / (np.float32(np.pi) * (nh * nh * (alpha2 - 1.0) + 1.0) ** 2)
    masking = 0.5 / ((1.0 - alpha) * 2.0 * nl * nv + alpha * (nl + nv) + np.float32(1e-6))
    value = arrival.strength * density * masking * nl
    grazing = np.maximum(1.0 - dot(surface.view, half), 0.0)
    square = grazing * grazing
    return value, value * square * square * grazing
