# SPDX-FileCopyrightText: 2026 Neural Bake developers
#
# SPDX-License-Identifier: GPL-3.0-or-later

"""Light sets: lights that were measured apart, so that each can be recoloured, dimmed and switched off by itself.

Convention:
    light is linear, so a set's irradiance is a factor (3,) times what was measured of it. A set's ``measured`` is its
    power times colour (in sum, where it has several lights) when it was measured, and ``light`` the same as the scene
    had it at the bake. They differ where a lamp alone was measured in white, or was dimmed after it was measured.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping, Sequence

import numpy as np

from ..errors import NeuralBakeError

LAMP, WORLD, EMISSION, GROUP = "LAMP", "WORLD", "EMISSION", "GROUP"
RESERVED = "all"
"""The name by which all light together is scaled."""


@dataclasses.dataclass(frozen=True)
class LightSet:
    """One set.

    Attributes:
        name: what it is called in ``light_scale``.
        type: LAMP, WORLD, EMISSION or GROUP.
        measured, light: (3,) see above.
    """

    name: str
    type: str
    measured: tuple[float, float, float]
    light: tuple[float, float, float]

    @property
    def factor(self) -> np.ndarray:
        """What the measured light is multiplied by to get the light as it was at the bake, (3,) float32."""
        return factor(self.light, self.measured)


def factor(light: Sequence[float], measured: Sequence[float]) -> np.ndarray:
    """``light`` over ``measured`` (3,) float32; a channel that gave no light when it was measured stays dark."""
    light, measured = np.asarray(light, np.float64), np.asarray(measured, np.float64)
    return np.divide(light, measured, out=np.zeros(3), where=measured != 0.0).astype(np.float32)


def parse(entries: Sequence[Mapping]) -> tuple[LightSet, ...]:
    """Sets from ``dataset.json``, a manifest or :func:`encode`.

    Raises:
        ValueError, KeyError, TypeError: an entry is damaged, or two have one name.
    """
    sets = tuple(_parse(entry) for entry in entries)
    names = [RESERVED, *(one.name for one in sets)]
    twice = [name for name in names if names.count(name) > 1]
    if twice:
        raise ValueError(f"two light sets are called {twice[0]}")
    return sets


def _parse(entry: Mapping) -> LightSet:
    measured = [float(value) for value in entry["measured"]]
    light = [float(value) for value in entry["light"]]
    if len(measured) != 3 or len(light) != 3 or not np.isfinite([*measured, *light]).all():
        raise ValueError(f"light set {entry['name']} has no colour")
    return LightSet(str(entry["name"]), str(entry["type"]), tuple(measured), tuple(light))


def encode(sets: Sequence[LightSet]) -> str:
    """Sets as JSON text, for ``weights.safetensors``."""
    return json.dumps([dataclasses.asdict(one) for one in sets])


def scales(
    sets: Sequence[LightSet], light_scale: Mapping[str, float | tuple[float, float, float]] | None
) -> tuple[np.ndarray, np.ndarray]:
    """Factors of all sets' measured light.

    Args:
        light_scale: factor, or one per colour, for sets by name, and for ``all``; 1 is the light at the bake.

    Returns:
        (G, 3) of each set with its own light at the bake, and (3,) of everything.

    Raises:
        NeuralBakeError: there is no such set, or a scale is no colour.
    """
    light_scale = light_scale or {}
    known = [one.name for one in sets]
    unknown = sorted(set(light_scale) - {RESERVED, *known})
    if unknown:
        raise NeuralBakeError(
            "unknown_group",
            f"There is no light group {unknown[0]}; this result has: {', '.join([*known, RESERVED])}.",
        )
    each = [one.factor * scale(light_scale.get(one.name, 1.0)) for one in sets]
    return np.array(each, np.float32).reshape(-1, 3), np.broadcast_to(scale(light_scale.get(RESERVED, 1.0)), 3)


def scale(value: object) -> np.ndarray:
    """A light's factor, () or (3,) float32."""
    try:
        result = np.asarray(value, np.float32)
    except (ValueError, TypeError) as error:
        raise NeuralBakeError("bad_scale", f"A light cannot be scaled by {value!r}.") from error
    if result.shape not in ((), (3,)) or not np.isfinite(result).all():
        raise NeuralBakeError("bad_scale", f"A light is scaled by one number or three, not by {value!r}.")
    return result
