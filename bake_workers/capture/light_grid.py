# SPDX-FileCopyrightText: 2026 Neural Bake developers
#
# SPDX-License-Identifier: GPL-3.0-or-later

"""Capture of a light grid: from an open scene to a dataset folder."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable
from pathlib import Path

import bpy
import numpy as np

from bake_workers import protocol
from core import colour
from core.dataset import Dataset, Shard
from core.errors import NeuralBakeError
from core.light_grid.dataset import load_dataset, plan_of
from core.light_grid.settings import LightGridSettings

from . import again, light_sets, probes, shards, view
from .geometry import Geometry, collect
from .grids import Volume, find_volumes, require_local
from .lights import require_light
from .meter import Meter
from .notes import scene_notes
from .reach import Reach, find_seeds
from .sampling import Sampler
from .scene import OpenScene
from .set_sizes import lights_of, renew_lights, set_sizes, shares

KIND = "light_grid"
FORMAT = 7
"""Raised whenever the same scene and settings would be measured differently, so that old shards are not reused."""
MEASURED = (
    "light seed samples_per_probe surface_fraction sample_paths choose_points report_points report_paths"
    " probe_directions probe_paths probe_rays backface_threshold preview_width preview_paths"
).split()
"""Settings that a measurement depends on, beside the resolution and the spacing, which are in the boxes."""
NEEDS_DIRECT = ("report_a", "report_b", "view")
"""Sets whose direct light is measured even where a grid stores indirect light alone: what is dark is decided by all
light, and the first picture shows it. Without it a point takes two thirds to three quarters of the time."""


def capture(opened: OpenScene, job: dict, directory: Path, events: protocol.Events) -> None:
    """Measure the scene's light and write the dataset; what is already there and verifies is kept.

    Args:
        opened: the scene.
        job: contents of ``job.json``.
        directory: the dataset folder.
        events: progress and notes.

    Raises:
        NeuralBakeError: the scene has no light or no volume, or nothing in it can be reached.
    """
    start = time.monotonic(), time.process_time()
    settings = LightGridSettings.from_dict(job["settings"])
    events.progress(0, 1, "scene")
    volumes = find_volumes(opened, settings, job["bounds_object"], job["volumes"])
    if job["save_to"] is not None:
        require_local(opened, volumes)
    require_light(opened)
    seeds, origin = find_seeds(opened, job["inside"])
    geometry = collect(opened, *outer_box(volumes, seeds))
    fingerprint = fingerprint_of(opened, settings, volumes, seeds, geometry)
    sets = light_sets.find_sets(opened, settings.light_sets)
    lights = lights_of(opened, sets)
    frame = fingerprint_of(opened, settings, volumes, seeds, None)
    dataset = reusable(shards.reopen(directory, KIND, fingerprint), lights, job)
    meter = Meter(opened, settings.threads)
    board = light_sets.Switchboard(opened, sets) if sets else None
    if dataset is None and board is not None and job.get("update"):
        now = again.Now(opened, settings, volumes, seeds, geometry, lights, fingerprint, frame)
        dataset = again.renew(directory, KIND, now, meter, board, events)
    if dataset is None:
        opened.notes.extend(scene_notes(opened))
        plan, camera = make_plan(opened, geometry, volumes, settings, seeds, origin, events)
        if board is not None:
            for entry, share in zip(lights["light_sets"], shares(meter, board, lights, plan, settings), strict=True):
                entry["share"] = share
        info = describe(opened, volumes, settings, job, camera, meter) | {
            "scene_hash": opened.digest,
            "fingerprint": fingerprint,
            "frame_hash": frame,
            **({"parts": geometry.parts} if sets else {}),
            "shards": shards.cut_shards(set_sizes(plan, settings, lights), settings.seed),
            **lights,
        }
        dataset = shards.start(directory, info, plan, {"scene_hash": opened.still_digest})
    else:
        # what was measured stays, but training may have been asked for otherwise
        dataset = shards.renew(dataset, settings=settings.to_dict(), source=job["source"])
        if sets:
            dataset = renew_lights(dataset, opened, settings, lights, job.get("update", False))
    for note in dataset.info["notes"]:
        events.note(note)
    points = points_by_set(dataset.plan, volumes) | again.points_again(plan_of(dataset))
    is_whole = "again" not in dataset.info and not any(
        entry.get("updated") for entry in dataset.info.get("light_sets", ())
    )
    last_seen = max(
        (shard.first for shard in dataset.shards if is_whole and shards.points_name(shard.set) == "view"), default=None
    )
    lights_now, measured = dataset.info.get("light_sets", []), 0

    def work(shard: Shard, entry: dict) -> dict[str, np.ndarray]:
        nonlocal measured
        measured += shard.count * entry["paths"]
        if board is not None:
            board.only(entry["light"], lights_now[entry["light"]]["measured"])
        name = shards.points_name(shard.set)
        return measure_points(
            meter, points[name], shard, entry["paths"], settings.light == "total" or name in NEEDS_DIRECT
        )

    def seen(shard: Shard) -> None:
        is_last = shards.points_name(shard.set) == "view" and shard.first == last_seen
        if is_last and dataset.info["shards"][dataset.shards.index(shard)].get("light", 0) == max(len(sets) - 1, 0):
            first_look(dataset, events)

    shards.measure(dataset, work, events.progress, seen, first="view")
    if not is_whole and measured:
        tell_update(dataset, settings, measured, start, events)


def reusable(dataset: Dataset | None, lights: dict[str, list[dict]], job: dict) -> Dataset | None:
    """The dataset, or None where it was brought up to date after objects moved and this goes beyond: a whole bake, or
    other lights."""
    if dataset is None or "again" not in dataset.info:
        return dataset
    is_same = [entry["key"] for entry in dataset.info["light_sets"]] == [entry["key"] for entry in lights["light_sets"]]
    return dataset if job.get("update") and is_same else None


def tell_update(
    dataset: Dataset, settings: LightGridSettings, paths: int, start: tuple[float, float], events: protocol.Events
) -> None:
    """Note what an update measured: its share of a whole bake's paths, and seconds by the clock and the processor.

    Args:
        paths: that were traced.
        start: :func:`time.monotonic` and :func:`time.process_time` at the beginning, the scene being open.
    """
    lights = dataset.info["light_sets"]
    names = [entry["name"] for entry in lights if entry.get("updated")]
    whole = {"light_sets": [{**entry, "updated": False} for entry in lights]}
    total = sum(size.total * size.values["paths"] for size in set_sizes(dataset.plan, settings, whole))
    moved = dataset.info.get("again", {})
    update = {
        "lights": names,
        **{key: moved[key] for key in ("parts", "points", "probes") if key in moved},
        "share": round((paths + moved.get("paths", 0)) / total, 4),
        "seconds": round(time.monotonic() - start[0], 3),
        "processor": round(time.process_time() - start[1], 3),
    }
    shards.renew(dataset, update=update)
    what = ", ".join(names) or f"{update['points']:.0%} of the points and {update['probes']:.0%} of the probes"
    events.note(
        f"Update: {what} measured again with {update['share']:.1%} of a whole bake's paths in"
        f" {update['seconds']:.1f} s."
    )


def measure_points(
    meter: Meter, points: tuple[np.ndarray, np.ndarray], shard: Shard, paths: int, direct: bool = True
) -> dict[str, np.ndarray]:
    """Indirect and, with ``direct``, direct irradiance (N, 3) at one shard's ``points``: its set's positions, normals.

    Raises:
        NeuralBakeError: Cycles returned values that are no numbers.
    """
    run = slice(shard.first, shard.first + shard.count)
    positions, normals = (array[run] for array in points)
    light = meter.measure(positions, normals, paths, shard.seed, direct)
    broken = ~np.isfinite(np.concatenate(list(light.values()), axis=1)).all(axis=1)
    if broken.any():
        raise NeuralBakeError(
            "not_finite",
            f"Cycles measured light that is not finite at {int(broken.sum())} points, first at"
            f" {np.round(positions[broken][0], 3).tolist()}.",
            "A material or lamp there has an infinite or undefined value.",
        )
    return light


def fingerprint_of(
    opened: OpenScene, settings: LightGridSettings, volumes: list[Volume], seeds: np.ndarray, geometry: Geometry | None
) -> str:
    """Digest of all that decides what is measured: shards of an earlier run with the same one are kept.

    The evaluated geometry is part of it, and so what the scene's own digest does not see (weights, caches, sculpting).
    Without ``geometry`` neither is, and it says only where and how is measured.
    """
    values = {key: getattr(settings, key) for key in MEASURED}
    if settings.light_sets != "all":
        values["light_sets"] = settings.light_sets
    boxes = [(volume.name, volume.matrix.tolist(), volume.resolution) for volume in volumes]
    text = json.dumps(
        [
            FORMAT,
            bpy.app.version_string,
            opened.scene.cycles.device,
            values,
            boxes,
            seeds.tolist(),
            view.fingerprint(opened),
            geometry and (opened.still_digest or opened.digest),
            geometry and geometry.digest(),
        ],
        sort_keys=True,
    )
    return hashlib.sha256(text.encode()).hexdigest()


def make_plan(
    opened: OpenScene,
    geometry: Geometry,
    volumes: list[Volume],
    settings: LightGridSettings,
    seeds: np.ndarray,
    origin: str,
    events: protocol.Events,
) -> tuple[dict[str, np.ndarray], dict | None]:
    """Decide everything that is to be measured; see :mod:`core.dataset` and the arrays' names.

    Args:
        seeds: positions (S, 3) that are inside, and ``origin``: what gave them.

    Returns:
        The plan's arrays, and the camera's picture size or None.
    """
    events.progress(0, 1, "reachable space")
    # one independent generator per purpose: more points of one set never change another
    sequence = np.random.SeedSequence(settings.seed)
    lattice, train, choose, report = (np.random.default_rng(child) for child in sequence.spawn(4))
    reach = Reach(geometry, volumes, seeds, lattice, opened.metre)
    opened.notes.extend(reach_notes(reach, volumes, origin))
    sampler = Sampler(geometry, volumes, reach, opened.metre, counted(settings, volumes, events))
    sets = {
        "train": sampler.draw_training(settings.samples_per_probe, settings.surface_fraction, train),
        "choose": sampler.draw(settings.choose_points, settings.surface_fraction, choose),
        "report": sampler.draw(settings.report_points, settings.surface_fraction, report),
    }
    plan: dict[str, np.ndarray] = {}
    for name, points in sets.items():
        plan[f"{name}_positions"], plan[f"{name}_normals"] = points.positions, points.normals
        plan[f"{name}_surface"] = points.surface.astype(np.uint8)
    events.progress(0, 1, "sight")
    plan["train_sight"] = probes.sight(geometry, volumes, sets["train"].positions, sets["train"].normals)
    plan |= probe_arrays(geometry, volumes, reach, settings, events)
    if settings.light_sets != "all":
        plan |= geometry.arrays()
    camera = None
    seen = view.see(opened, geometry, volumes, settings.preview_width)
    if seen is not None and len(seen.pixels):
        camera = {"width": seen.width, "height": seen.height}
        plan |= {"view_pixels": seen.pixels, "view_positions": seen.positions, "view_normals": seen.normals}
    return plan, camera


def probe_arrays(
    geometry: Geometry, volumes: list[Volume], reach: Reach, settings: LightGridSettings, events: protocol.Events
) -> dict[str, np.ndarray]:
    """Everything about the probes but their light."""
    positions = np.concatenate([volume.probe_positions() for volume in volumes])
    rays = probes.trace(
        geometry,
        volumes,
        settings.probe_rays,
        lambda done, total: events.progress(0, 1, f"probe rays {100 * done // total} %"),
    )
    return {
        "probe_positions": positions.astype(np.float32),
        "probe_directions": probes.fibonacci_sphere(settings.probe_directions),
        "probe_backfaces": rays.backfaces,
        "probe_valid": (rays.backfaces <= settings.backface_threshold).astype(np.uint8),
        "probe_reached": reach.test(positions).astype(np.uint8),
        "ray_directions": rays.directions,
        "probe_distances": rays.distances,
    }


def counted(settings: LightGridSettings, volumes: list[Volume], events: protocol.Events) -> Callable[[int], None]:
    """Progress of drawing points: about half as many again are tried as are wanted."""
    expected = sum(volume.count for volume in volumes) * settings.samples_per_probe * 1.5
    expected += 1.5 * (settings.choose_points + settings.report_points)
    tried = 0

    def progress(count: int) -> None:
        nonlocal tried
        tried += count
        events.progress(0, 1, f"points {min(99, round(100 * tried / expected))} %")

    events.progress(0, 1, "points")
    return progress


def first_look(dataset: Dataset, events: protocol.Events) -> None:
    """Show the camera's view as Cycles measured it, white clay under the scene's light, long before the bake's end."""
    camera, pixels = dataset.info["camera"], dataset.plan["view_pixels"]
    radiance = load_dataset(dataset.directory, "total").samples("view").total / np.pi
    picture = np.zeros((camera["height"] * camera["width"], 3), np.uint8)
    picture[pixels] = colour.display(radiance, colour.exposure_for(radiance))
    path = dataset.directory.parent / protocol.PREVIEW
    view.write_png(path, picture.reshape(camera["height"], camera["width"], 3))
    events.preview(path.name)


def outer_box(volumes: list[Volume], seeds: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Lowest and highest coordinates (3,) of all volumes and seeds."""
    corners = np.concatenate([np.stack(volume.bounds()) for volume in volumes] + [seeds])
    return corners.min(axis=0), corners.max(axis=0)


def reach_notes(reach: Reach, volumes: list[Volume], origin: str) -> list[str]:
    """Sentences on volumes that are partly or wholly out of reach."""
    notes = []
    for volume, share in zip(volumes, reach.share(), strict=True):
        if share < 0.02:
            notes.append(f"Almost nothing of the volume {volume.name} can be reached from {origin}.")
        elif share < 0.5:
            notes.append(f"Only {100 * share:.0f} % of the volume {volume.name} can be reached from {origin}.")
    return notes


def describe(
    opened: OpenScene, volumes: list[Volume], settings: LightGridSettings, job: dict, camera: dict | None, meter: Meter
) -> dict:
    """The part of ``dataset.json`` that says what was measured and how."""
    grids, first = [], 0
    for volume in volumes:
        grids.append(
            {
                "name": volume.name,
                "matrix": volume.matrix.tolist(),
                "resolution": list(volume.resolution),
                "probe_first": first,
            }
        )
        first += volume.count
    return {
        "kind": KIND,
        "settings": settings.to_dict(),
        "blender": bpy.app.version_string,
        "source": job["source"],
        "grids": grids,
        "scene": opened.scene.name,
        "view_layer": opened.view_layer.name,
        "frame": opened.scene.frame_current,
        "unit_scale": opened.scene.unit_settings.scale_length,
        "meter": meter.state(),
        "camera": camera,
        "notes": opened.notes,
    }


def points_by_set(plan: dict[str, np.ndarray], volumes: list[Volume]) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Positions and normals of every set that is measured."""
    points = {name: (plan[f"{name}_positions"], plan[f"{name}_normals"]) for name in ("train", "choose")}
    points["report_a"] = points["report_b"] = plan["report_positions"], plan["report_normals"]
    points["probe"] = probes.every_direction(plan["probe_positions"], plan["probe_directions"])
    if "view_positions" in plan:
        points["view"] = plan["view_positions"], plan["view_normals"]
    return points
