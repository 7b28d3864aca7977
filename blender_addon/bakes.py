# SPDX-FileCopyrightText: 2026 Neural Bake developers
#
# SPDX-License-Identifier: GPL-3.0-or-later

"""The bakes of a scene as a list: each volume with what it has, what it waits for, or why it can have nothing.

Everything here is called while panels are drawn: it is quick, and never raises.
"""

from __future__ import annotations

import dataclasses

import bpy

from . import jobs, kinds, results, staleness, volumes

# A cell of the list has room for 16 letters.
SHORT_NAMES = {"ddgi": "DDGI", "trilinear": "linear"}


@dataclasses.dataclass(frozen=True)
class Status:
    """How a volume stands.

    Attributes:
        state: ``LINKED``, ``RUNNING``, ``QUEUED``, ``WAITING``, ``DAMAGED``, ``CHANGED``, ``MOVED``, ``DONE``,
            ``UNKNOWN`` (done, but not compared with the scene), ``LEFT_OUT`` or ``NOT_BAKED``.
        words: the same in a cell's width; of a finished bake its error against the best rival's.
    """

    state: str
    words: str


def is_listed(obj: bpy.types.Object) -> bool:
    """Whether an object is in the list: every Light Probe Volume, and an Empty with a result."""
    return kinds.of(obj) == kinds.LIGHT_GRID and (volumes.is_volume(obj) or results.carries(obj))


def listed(view_layer: bpy.types.ViewLayer) -> list[bpy.types.Object]:
    """The objects of the list, by name."""
    return sorted(filter(is_listed, view_layer.objects), key=lambda obj: obj.name)


def loses_results(obj: bpy.types.Object) -> bool:
    """Whether Blender would lose a result on an object at saving, see :func:`results.require_local`."""
    return obj.library is not None or obj.override_library is not None


def status(obj: bpy.types.Object, scene: bpy.types.Scene, is_taken: bool) -> Status:
    """How a volume stands.

    Args:
        is_taken: whether a bake takes it, see :func:`volumes.of_scene`.
    """
    job, *later = jobs.of_object(scene, obj) or [None]
    if job is not None:
        words = {'RUNNING': f"Baking {job.fraction:.0%}", 'QUEUED': f"Queued, no. {job.place}", 'WAITING': "Waiting"}
        if later and job.state == 'RUNNING':
            return Status('RUNNING', f"{job.fraction:.0%}, then again")
        return Status(job.state, words[job.state])
    if results.problem(obj):
        return Status('DAMAGED', "Damaged")
    manifest = results.manifest(obj)
    if manifest is None and loses_results(obj):
        return Status('LINKED', "Linked" if obj.library is not None else "Override")
    if manifest is None:
        return Status('NOT_BAKED', "Not baked") if is_taken else Status('LEFT_OUT', "Not in renders")
    state = staleness.state(obj)
    if state in {'CHANGED', 'MOVED'}:
        return Status(state, "Out of date" if state == 'CHANGED' else "Moved")
    return Status('DONE' if state == 'CURRENT' else 'UNKNOWN', against_best_rival(manifest["metrics"]))


def against_best_rival(metrics: dict) -> str:
    """The kept method's relMSE against the best other one's on held-out points, such as ``12× below DDGI``."""
    errors = {name: values.get("relMSE") for name, values in metrics["held_out"].items()}
    kept = metrics["kept"]
    own = errors.pop(kept, None)
    rivals = {name: error for name, error in errors.items() if error is not None}
    if own is None or not rivals:
        return "Done"
    best = min(rivals, key=rivals.get)
    name = SHORT_NAMES.get(best, best)
    if own <= 0.0 or rivals[best] <= 0.0:  # debiased errors can be, where nothing but noise is left
        return "Noise only"
    ratio = rivals[best] / own
    factor = max(ratio, 1.0 / ratio)
    if factor < 1.05:
        return f"As {name}"
    return f"{_digits(factor)}× {'below' if ratio > 1.0 else 'above'} {name}"


def _digits(factor: float) -> str:
    return f"{factor:.0f}" if factor >= 9.95 else f"{factor:.1f}"


def make_active(context: bpy.types.Context, obj: bpy.types.Object) -> None:
    """Select one object alone and make it the active one, as a click on it does."""
    for other in context.selected_objects:
        other.select_set(False)
    if obj.visible_get(view_layer=context.view_layer):
        obj.select_set(True)
    context.view_layer.objects.active = obj
