# SPDX-FileCopyrightText: 2026 Neural Bake developers
#
# SPDX-License-Identifier: GPL-3.0-or-later

"""What this machine's last bakes cost, for the estimate of the next: ``speeds.json`` in the cache folder.

::

    {"schema": "neural_bake.speeds/1",
     "light_grid": {"capture": {"CPU": {...}, "GPU": {...}}, "training": {"cpu": {...}, "cuda": {...}}},
     "relight": {...}}
"""

from __future__ import annotations

import importlib
import json
import types
from pathlib import Path

import bpy

from . import kinds, preferences, properties
from .bake_workers import protocol
from .core.errors import NeuralBakeError
from .core.estimates import Estimate

SCHEMA = "neural_bake.speeds/1"
FILE = "speeds.json"

# The file as it was read last, since panels ask at every redraw: its path and time, and its contents.
_read: tuple[tuple[Path, int] | None, dict] = (None, {})


def record(context: bpy.types.Context, manifest: dict) -> None:
    """Remember what a finished bake cost; failing to is no reason to trouble the artist."""
    try:
        speed = _module(manifest["kind"]).speed_of(manifest)
        path = preferences.cache_folder(context) / FILE
        kinds = _load(path)
        for stage, entry in speed.items():
            stages = kinds.setdefault(manifest["kind"], {})
            stages.setdefault(stage, {})[entry["device"]] = entry
        protocol.write_json(path, {"schema": SCHEMA, **kinds})
    except (NeuralBakeError, OSError) as error:
        print(f"Neural Bake: the speed of the bake could not be noted: {error}")


def estimate(context: bpy.types.Context, scene: bpy.types.Scene, count: int, kind: str = kinds.LIGHT_GRID) -> Estimate:
    """What a bake of a scene will cost, by its settings.

    Args:
        count: of the probes, or of the lamps that a view is learned under.

    Raises:
        NeuralBakeError: a setting is outside its limits, or the cache folder cannot be used.
    """
    values = properties.settings_values(scene, kind) | preferences.machine_settings(context)
    settings = properties.SETTINGS[kind].from_dict(values)
    known = _load(preferences.cache_folder(context) / FILE).get(kind, {})
    devices = {"capture": _capture_device(context, scene), "training": settings.train_device}
    speed = {stage: known.get(stage, {}).get(device) for stage, device in devices.items()}
    return _module(kind).estimate(settings, count, speed, _aspect(scene))


def _module(kind: str) -> types.ModuleType:
    return importlib.import_module(f".core.{kind}.estimate", __package__)


def _capture_device(context: bpy.types.Context, scene: bpy.types.Scene) -> str:
    """What will measure the light, as a manifest names it: 'CPU' or 'GPU'."""
    uses_gpu = scene.cycles.device == 'GPU' and preferences.cycles_devices(context)["compute_device_type"] != "NONE"
    return 'GPU' if uses_gpu else 'CPU'


def _aspect(scene: bpy.types.Scene) -> float:
    """Height over width of the preview; 0 where there is no camera."""
    if scene.camera is None:
        return 0.0
    render = scene.render
    return (render.resolution_y * render.pixel_aspect_y) / (render.resolution_x * render.pixel_aspect_x)


def _load(path: Path) -> dict:
    """The kinds of a file; empty where there is none, or something else than ours."""
    global _read
    try:
        key = (path, path.stat().st_mtime_ns)
        if _read[0] != key:
            _read = (key, _checked(json.loads(path.read_text("utf-8"))))
    except (OSError, ValueError, RecursionError):
        return {}
    return _read[1]


def _checked(value: object) -> dict:
    """The part of a file's contents that has the shape of ours; the numbers are judged where they are used."""
    if not isinstance(value, dict) or value.get("schema") != SCHEMA:
        return {}
    kinds = {kind: stages for kind, stages in value.items() if isinstance(stages, dict)}
    return {
        kind: {stage: dict(devices) for stage, devices in stages.items() if isinstance(devices, dict)}
        for kind, stages in kinds.items()
    }
