# SPDX-FileCopyrightText: 2026 Neural Bake developers
#
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which domain a lamp has: from the settings, an object that gives its shape, or the lamp's own motion."""

from __future__ import annotations

from collections.abc import Iterator

import bpy
import numpy as np

from core.errors import NeuralBakeError
from core.relight.settings import RelightSettings

from .relight_lamps import Lamp
from .relight_places import Box, Domain, Dome, Path, Ring, unit
from .scene import OpenScene

MOST_FRAMES = 128
"""Most frames at which a moving lamp is looked at; places between them are interpolated."""


def find_domain(opened: OpenScene, lamp: Lamp, settings: RelightSettings, seen: np.ndarray) -> Domain:
    """Where a lamp may go.

    Args:
        seen: positions (P, 3) of what the camera sees.

    Raises:
        NeuralBakeError: there is no object of that name or it gives no such domain; or nothing moves the lamp.
    """
    if lamp.object is None:
        return Ring()
    shape = _shape_object(opened, settings)
    choice = settings.domain if settings.domain != "auto" else _automatic(opened, lamp, shape)
    if lamp.type == 'SUN' and choice in {"box", "path"}:
        raise NeuralBakeError(
            "bad_domain",
            f"The sun {lamp.name} has no place that could go along a {choice}.",
            "Choose dome or keyframes.",
        )
    if choice == "keyframes":
        return _keyframes(opened, lamp)
    if choice == "path":
        return _path(opened, lamp, shape or _followed(lamp.object))
    if choice == "box":
        return _box(lamp, shape)
    return _dome(opened, lamp, shape, seen)


def _shape_object(opened: OpenScene, settings: RelightSettings) -> bpy.types.Object | None:
    if not settings.domain_object:
        return None
    found = opened.scene.objects.get(settings.domain_object)
    if found is None:
        raise NeuralBakeError("unknown_name", f"There is no object {settings.domain_object} in the scene.")
    return found


def _automatic(opened: OpenScene, lamp: Lamp, shape: bpy.types.Object | None) -> str:
    if shape is not None:
        if shape.type == 'CURVE':
            return "path"
        return "box" if shape.type == 'MESH' or shape.empty_display_type == 'CUBE' else "dome"
    if _may_move(lamp.object) and _moves(_motion(opened, lamp.object)):
        return "keyframes"
    return "path" if _followed(lamp.object) is not None and lamp.type != 'SUN' else "dome"


def _dome(opened: OpenScene, lamp: Lamp, shape: bpy.types.Object | None, seen: np.ndarray) -> Dome:
    scale = _scale(lamp.object)
    if shape is not None:
        matrix = np.array(shape.matrix_world, np.float64)
        if not np.isfinite(matrix).all() or abs(np.linalg.det(matrix[:3, :3])) <= 0.0:
            raise NeuralBakeError("bad_domain", f"The dome of {shape.name} has no extent.", "Scale it along all axes.")
        center, frame = matrix[:3, 3], matrix[:3, :3]
    else:
        if not len(seen):
            raise NeuralBakeError(
                "nothing_seen", "The camera sees no surface to put a dome over.", "Turn it, or name an Empty as domain."
            )
        center = np.median(seen, axis=0)
        radius = np.linalg.norm(np.array(lamp.object.matrix_world.translation) - center)
        frame = radius * np.eye(3)
        if lamp.type != 'SUN' and radius < 1e-3 * opened.metre:
            raise NeuralBakeError(
                "bad_domain",
                f"The lamp {lamp.name} lies in the middle of what the camera sees, so its dome has no size.",
                "Move it away, or name an Empty as domain.",
            )
    if lamp.type == 'SUN':  # directions alone
        return Dome(np.zeros(3), unit(frame.T).T if shape is not None else np.eye(3), scale)
    return Dome(center, frame, scale)


def _box(lamp: Lamp, shape: bpy.types.Object | None) -> Box:
    if shape is None or shape.type not in {'EMPTY', 'MESH'}:
        raise NeuralBakeError(
            "bad_domain",
            "A box needs an Empty or a mesh that says where it is.",
            "Name it as the domain's object (domain_object).",
        )
    matrix = np.array(shape.matrix_world, np.float64)
    if shape.type == 'MESH':
        corners = np.array(shape.bound_box, np.float64)
        low, high = corners.min(axis=0), corners.max(axis=0)
        local = np.eye(4)
        local[:3, :3], local[:3, 3] = np.diag((high - low) / 2.0), (high + low) / 2.0
        matrix = matrix @ local
    if not np.isfinite(matrix).all() or np.linalg.norm(matrix[:3, :3]) <= 0.0:  # a flat one will do
        raise NeuralBakeError("bad_domain", f"The box of {shape.name} has no extent.", "Scale it.")
    return Box(matrix, np.array(lamp.object.matrix_world, np.float64)[:3, :3])


def _path(opened: OpenScene, lamp: Lamp, shape: bpy.types.Object | None) -> Path:
    if shape is None or shape.type != 'CURVE':
        raise NeuralBakeError("bad_domain", "A path needs a curve.", "Name it as the domain's object (domain_object).")
    points, closed = _polyline(opened, shape)
    turn = np.array(lamp.object.matrix_world, np.float64)[:3, :3]
    stations = np.broadcast_to(np.eye(4), (len(points), 4, 4)).copy()
    stations[:, :3, :3], stations[:, :3, 3] = turn, points
    return _distinct(Path("path", stations, closed), shape.name)


def _keyframes(opened: OpenScene, lamp: Lamp) -> Path:
    stations = _motion(opened, lamp.object) if _may_move(lamp.object) else None
    if stations is None or not _moves(stations):
        raise NeuralBakeError(
            "bad_domain",
            f"The lamp {lamp.name} has no keyframes that move it.",
            "Animate it, or choose another domain.",
        )
    return _distinct(Path("keyframes", stations, False), lamp.name)


def _distinct(path: Path, name: str) -> Path:
    """The same without stations that repeat the one before."""
    keep = np.ones(len(path.stations), bool)
    keep[1:] = np.abs(np.diff(path.stations, axis=0)).max(axis=(1, 2)) > 1e-7
    if keep.sum() < 2:
        raise NeuralBakeError("bad_domain", f"The path of {name} has no length.", "Give it at least two points.")
    return Path(path.type, path.stations[keep], path.closed)


def _polyline(opened: OpenScene, curve: bpy.types.Object) -> tuple[np.ndarray, bool]:
    """World-space points (K, 3) of a curve's first spline, without its thickness, and whether it is closed."""
    bare = curve.copy()
    bare.data = curve.data.copy()
    bare.modifiers.clear()
    bare.data.bevel_depth = bare.data.extrude = 0.0
    bare.data.bevel_object = bare.data.taper_object = None
    bare.data.dimensions = '3D'  # a flat one would be filled
    opened.scene.collection.objects.link(bare)
    try:
        evaluated = bare.evaluated_get(opened.depsgraph())
        mesh = evaluated.to_mesh()
        points = np.array([vertex.co for vertex in mesh.vertices], np.float64).reshape(-1, 3)
        edges = {tuple(sorted(edge.vertices)) for edge in mesh.edges}
        evaluated.to_mesh_clear()
    finally:
        data = bare.data
        bpy.data.objects.remove(bare)
        bpy.data.curves.remove(data)
    last = 0
    while (last, last + 1) in edges:
        last += 1
    matrix = np.array(curve.matrix_world, np.float64)
    return points[: last + 1] @ matrix[:3, :3].T + matrix[:3, 3], last > 1 and (0, last) in edges


def _followed(object_: bpy.types.Object) -> bpy.types.Object | None:
    """The curve that an object's Follow Path constraint names."""
    return next((item.target for item in object_.constraints if item.type == 'FOLLOW_PATH' and not item.mute), None)


def _lineage(object_: bpy.types.Object | None) -> Iterator[bpy.types.Object]:
    """An object, its parents, and what constraints of them name."""
    while object_ is not None:
        yield object_
        yield from (target for item in object_.constraints if (target := getattr(item, "target", None)) is not None)
        object_ = object_.parent


def _animated(object_: bpy.types.Object) -> Iterator[bpy.types.AnimData]:
    for owner in (object_, object_.data):
        if owner is not None and getattr(owner, "animation_data", None) is not None:
            yield owner.animation_data


def _may_move(object_: bpy.types.Object) -> bool:
    """Whether anything could move an object over time; looking at its frames would tell, but takes longer."""
    return any(True for relative in _lineage(object_) for _ in _animated(relative))


def _motion(opened: OpenScene, object_: bpy.types.Object) -> np.ndarray:
    """Matrices (K, 4, 4) of an object over its frames; the scene is left at the frame where it was."""
    scene = opened.scene
    frame = scene.frame_current
    actions = [data.action for relative in _lineage(object_) for data in _animated(relative) if data.action is not None]
    first = min((action.frame_range[0] for action in actions), default=scene.frame_start)
    last = max((action.frame_range[1] for action in actions), default=scene.frame_end)
    count = int(np.clip(round(last - first) + 1, 2, MOST_FRAMES))
    stations = []
    for time in np.linspace(first, max(last, first + 1), count):
        scene.frame_set(int(np.floor(time)), subframe=float(time - np.floor(time)))
        stations.append(np.array(object_.matrix_world, np.float64))
    scene.frame_set(frame)
    return np.stack(stations)


def _moves(stations: np.ndarray) -> bool:
    return bool(np.ptp(stations, axis=0).max() > 1e-5)


def _scale(object_: bpy.types.Object) -> np.ndarray:
    return np.array(object_.matrix_world.to_scale(), np.float64)
