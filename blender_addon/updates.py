# SPDX-FileCopyrightText: 2026 Neural Bake developers
#
# SPDX-License-Identifier: GPL-3.0-or-later

"""Bringing a light grid up to date after a lamp or an object moved, from what its bake measured.

A finished bake's job folder stays in the cache for a while, with its measurements. An update is a job of its own that
begins with them, so that nothing is lost where it is cancelled or fails.
"""

from __future__ import annotations

import functools
import json
from pathlib import Path

import bpy

from . import checks, job_folders, jobs, light_sets, preferences, results, speeds
from .bake_workers import protocol
from .core import artifact
from .core.errors import NeuralBakeError
from .job import Job

# Of a whole bake's seconds; measured on the demo scene for a moved object, which takes longer than a moved lamp.
MEASURED, TRAINED = 0.15, 0.4
GONE = "What this bake measured is not in the cache any more. Bake again."


def problem(context: bpy.types.Context, keeper: bpy.types.Object) -> str:
    """Why an object's result cannot be updated and what to do about it, or an empty text. Cheap enough for drawing."""
    manifest = results.manifest(keeper)
    if manifest is None:
        return results.problem(keeper) or f"{keeper.name} holds no Neural Bake result. Bake it first."
    if not light_sets.has_sets(manifest):
        return "All lights were measured together, so they are measured again together. Set Light Sets and bake."
    if manifest["metrics"]["kept"] != "ours":
        return "This result has no weights to keep. Bake again."
    if _source(context, manifest) is None:
        return GONE
    if jobs.of_object(context.scene, keeper):
        return f"{keeper.name} is being baked already."
    return checks.problem(context, chosen=results.volumes_of(keeper, context.scene))


def submit(context: bpy.types.Context, keeper: bpy.types.Object) -> Job:
    """Freeze the scene as it is and put an object's update into the queue.

    Raises:
        NeuralBakeError: it cannot be updated, or the copy of the scene cannot be written.
    """
    reason = problem(context, keeper) or checks.closer_look(context)
    if reason:
        raise NeuralBakeError("no_update", reason)
    manifest, scene = results.manifest(keeper), context.scene
    folder = _source(context, manifest)
    earlier = None if folder is None else job_folders.read(folder)
    if earlier is None:
        raise NeuralBakeError("no_update", GONE)
    description = protocol.read_job(earlier.folder)
    targets = results.volumes_of(keeper, scene)
    layers = scene.view_layers
    description |= {
        "settings": description["settings"] | preferences.machine_settings(context),
        "scene": scene.name,
        "view_layer": description["view_layer"] if description["view_layer"] in layers else context.view_layer.name,
        "volumes": [target.name for target in targets] if description["volumes"] else [],
        "source": bpy.data.filepath,
        "cycles": preferences.cycles_devices(context),
        "update": True,
    }
    in_cache = earlier.directory == earlier.folder / job_folders.RESULT
    whole = speeds.estimate(context, scene, manifest["probes"])
    seconds = MEASURED * whole.capture_seconds, TRAINED * whole.training_seconds
    return jobs.put(context, description, targets, None if in_cache else earlier.directory, seconds, earlier=earlier)


def _source(context: bpy.types.Context, manifest: dict) -> Path | None:
    """Folder of the newest finished bake whose result this is, with its measurements; quick, as panels ask."""
    root = job_folders.root(context)
    try:
        changed = root.stat().st_mtime_ns
    except OSError:
        return None
    weights = manifest["files"].get(results.WEIGHTS_FILE, {}).get("sha256")
    folder = _folder_of(root, changed, len([job for job in jobs.all_jobs() if job.ended]), weights)
    return folder if folder is not None and folder.is_dir() else None


@functools.lru_cache(maxsize=8)
def _folder_of(root: Path, changed: int, ended: int, weights: str | None) -> Path | None:
    """Looks through the cache once for each result, until a job comes (``changed``), goes, or ends (``ended``)."""
    for folder in sorted(root.glob("*/"), reverse=True):
        stored = job_folders.read(folder)
        if stored is None or stored.state != job_folders.DONE or not (folder / job_folders.DATASET).is_dir():
            continue
        try:
            text = (artifact.locate(stored.directory) / artifact.MANIFEST).read_text("utf-8")
            found = json.loads(text)["files"][results.WEIGHTS_FILE]["sha256"]
        except (OSError, ValueError, KeyError, TypeError):
            continue
        if weights is not None and found == weights:
            return folder
    return None
