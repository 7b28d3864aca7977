# SPDX-FileCopyrightText: 2026 Neural Bake developers
#
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the kinds of bakes differ in once they are results: who carries them, where they stand, and their errors.

Convention:
    a kind is named as on the command line, such as ``light_grid``; properties and operators spell it ``'LIGHT_GRID'``.
"""

from __future__ import annotations

import dataclasses
import importlib
from collections.abc import Mapping

import bpy

LIGHT_GRID = "light_grid"
RELIGHT = "relight"
OF_TYPE = {'LIGHT_PROBE': LIGHT_GRID, 'EMPTY': LIGHT_GRID, 'CAMERA': RELIGHT}
"""The kind of result that an object of a type can carry."""
ITEMS = (
    ('LIGHT_GRID', "Light Grid", "Irradiance probes, blended by learned weights, that do not leak through walls"),
    ('RELIGHT', "Relight", "What the camera sees, under any position, colour and power of its lamps, at once"),
)
NOUNS = {LIGHT_GRID: "volume", RELIGHT: "camera"}
"""What a kind's result is on."""


@dataclasses.dataclass(frozen=True)
class Metric:
    """One of a kind's held-out errors: its key in the manifest, highest value of its slider, and its tooltip."""

    name: str
    highest: float
    text: str


METRICS = {
    LIGHT_GRID: (
        Metric("nRMSE", 1.0, "Root mean square error on held-out points, over the mean light"),
        Metric("relMSE", 1.0, "Relative mean square error on held-out points"),
        Metric("SMAPE", 1.0, "Symmetric mean absolute percentage error on held-out points, 0 to 1"),
        Metric("leak", 1.0, "Light where it should be dark, over the mean light"),
    ),
    RELIGHT: (
        Metric("relative", 1.0, "Relative error on held-out lights, of tone-mapped pictures"),
        Metric("nRMSE", 1.0, "Root mean square error on held-out lights, over the mean light"),
        Metric("PSNR", 100.0, "Peak signal-to-noise ratio on held-out lights in dB"),
    ),
}


def of(obj: bpy.types.Object) -> str | None:
    """The kind of result that an object can carry."""
    return OF_TYPE.get(obj.type)


def places(manifest: Mapping) -> list[tuple[str, list[float]]]:
    """Name and matrix (16 floats, rows first, to world) of every object that a result was baked for."""
    if manifest["kind"] == RELIGHT:
        owners = [manifest["camera"]] if manifest.get("camera") else []
    else:
        owners = manifest.get("grids", [])
    return [(owner["name"], [float(value) for row in owner["matrix"] for value in row]) for owner in owners]


def is_whole(manifest: Mapping) -> bool:
    """Whether a parsed manifest has what the add-on reads of it."""
    try:
        metrics, kind = manifest["metrics"], manifest["kind"]
        rows = [*metrics["held_out"].values(), metrics.get("noise_floor", {})]
        values = [row.get(metric.name) for row in rows for metric in METRICS[kind]]
        if kind == RELIGHT:
            parts = [isinstance(lamp["name"], str) and isinstance(lamp["type"], str) for lamp in manifest["lamps"]]
            parts += [isinstance(manifest[name], int) for name in ("width", "height")]
        else:
            parts = [isinstance(grid["name"], str) and len(grid["resolution"]) == 3 for grid in manifest["grids"]]
        return (
            (metrics["kept"] in metrics["held_out"] or (kind == RELIGHT and not metrics["held_out"]))
            and all(value is None or isinstance(value, (int, float)) for value in values)
            and all(parts)
        )
    except (KeyError, TypeError, AttributeError):
        return False


def decode(kind: str, keeper: Mapping) -> object:
    """A result's ``LightGrid`` or ``Relight``, from the object that holds it.

    Raises:
        NeuralBakeError: it is damaged.
    """
    return importlib.import_module(f".core.{kind}", __package__).from_object(keeper)
