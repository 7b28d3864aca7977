# SPDX-FileCopyrightText: 2026 Neural Bake developers
#
# SPDX-License-Identifier: GPL-3.0-or-later

"""Bringing a measured light grid up to date after objects moved: what :mod:`.moved` finds is measured again, over it.

The plan and its shards stay. Beside them come a file with the plan's arrays that changed, and the rows that are
measured again (``train_rows_N``, ``probe_rows_N`` of the Nth update), and shards of these rows, in the sets ``train+N``
and ``probe+N``. ``dataset.json`` names them at last, so that what is interrupted before has changed nothing.
"""

from __future__ import annotations

import dataclasses
import hashlib
from pathlib import Path

import numpy as np

from bake_workers import protocol
from core import tensorfile
from core.dataset import Dataset, Shard, open_dataset, shard_metadata
from core.errors import NeuralBakeError
from core.light_grid.dataset import plan_of
from core.light_grid.light_sets import factor
from core.light_grid.settings import LightGridSettings

from . import moved, probes, shards, view
from .geometry import Geometry
from .grids import Volume
from .light_sets import Switchboard
from .meter import Meter
from .reach import Reach
from .scene import OpenScene
from .set_sizes import set_sizes


@dataclasses.dataclass(frozen=True)
class Now:
    """The scene as it is, for :func:`renew`; ``frame`` is the fingerprint of all but its surfaces and materials."""

    opened: OpenScene
    settings: LightGridSettings
    volumes: list[Volume]
    seeds: np.ndarray
    geometry: Geometry
    lights: dict[str, list[dict]]
    fingerprint: str
    frame: str


def renew(
    directory: Path, kind: str, now: Now, meter: Meter, board: Switchboard, events: protocol.Events
) -> Dataset | None:
    """The dataset with what is to be measured again, and its choosing points measured.

    Returns:
        None where nothing of it can be kept: another frame or setting, other lights, or shards that are missing.
    """
    try:
        dataset = open_dataset(directory, kind)
        old = _old_choosing(dataset)
    except NeuralBakeError:
        return None
    info, settings = dataset.info, now.settings
    by_key = {entry["key"]: entry for entry in info.get("light_sets", ())}
    is_other = info.get("frame_hash") != now.frame or list(by_key) != [
        entry["key"] for entry in now.lights["light_sets"]
    ]
    if is_other or any(entry.get("updated") for entry in by_key.values()):
        return None
    lights = [
        {**entry, **{key: by_key[entry["key"]][key] for key in ("measured", "share")}}
        for entry in now.lights["light_sets"]
    ]
    events.progress(0, 1, "what moved")
    plan = plan_of(dataset)
    boxes = moved.changed_boxes(info["parts"], now.geometry.parts)
    jitter = np.random.default_rng(np.random.SeedSequence(settings.seed).spawn(1)[0])
    reach = Reach(now.geometry, now.volumes, now.seeds, jitter, now.opened.metre)
    arrays = moved.renewed_plan(plan, boxes, now.geometry, now.volumes, reach, settings, now.opened.metre)
    seen = view.see(now.opened, now.geometry, now.volumes, settings.preview_width)
    if seen is not None and info["camera"]:
        arrays |= {"view_pixels": seen.pixels, "view_positions": seen.positions, "view_normals": seen.normals}
    events.progress(0, 1, "where light changed")
    choosing, light = [], np.zeros((2, len(plan["choose_positions"]), 3))
    kind_of_light, points = settings.light, (plan["choose_positions"], plan["choose_normals"])
    for shard, entry, before in old:
        number = entry["light"]
        board.only(number, lights[number]["measured"])
        run = slice(shard.first, shard.first + shard.count)
        after = meter.measure(*(array[run] for array in points), entry["paths"], shard.seed, kind_of_light == "total")
        scale = factor(lights[number]["light"], lights[number]["measured"])
        for side, values in enumerate((before, after)):
            light[side, run] += scale * (sum(values.values()) if kind_of_light == "total" else values["indirect"])
        choosing.append((shards.of_light(entry, digest_of(lights[number]["digest"], now.fingerprint)), after))
    live = arrays["choose_live"].astype(bool)
    rows = _rows(now, arrays, boxes, plan, light[:, live], plan["choose_positions"][live])
    number = info.get("again", {}).get("count", 0) + 1
    earlier = {key: value for key, value in plan.items() if "_rows_" in key}
    arrays |= earlier | {f"{name}_rows_{number}": value for name, value in rows.items()}
    new_lights = [{**entry, "digest": digest_of(entry["digest"], now.fingerprint)} for entry in lights]
    entries = [entry for entry in info["shards"] if shards.points_name(entry["set"]).partition("+")[0] in rows]
    sizes = set_sizes(plan, settings, {"light_sets": new_lights})
    directions = len(plan["probe_directions"])
    again = []
    for size in sizes:
        name, _, key = size.name.partition("@")
        if name in rows:
            total = len(rows[name]) * (directions if name == "probe" else 1)
            again.append(dataclasses.replace(size, name=f"{name}+{number}@{key}", total=total))
    file = f"again-{now.fingerprint[:16]}.safetensors"
    tensorfile.write(directory / file, arrays, {"plan_sha256": info["plan_sha256"]})
    for entry, values in choosing:
        shard = Shard(**{key: entry[key] for key in ("file", "set", "first", "count", "seed", "digest")})
        tensorfile.write(directory / shard.file, values, shard_metadata(info, shard))
    dataset = shards.renew(
        dataset,
        **now.lights | {"light_sets": lights},
        shards=entries + [entry for entry, _ in choosing] + shards.cut_shards(again, settings.seed),
        again={
            "file": file,
            "count": number,
            "parts": int(len(boxes)),
            "paths": sum(entry["count"] * entry["paths"] for entry, _ in choosing),
            "points": round(len(rows["train"]) / max(len(plan["train_positions"]), 1), 4),
            "probes": round(len(rows["probe"]) / len(plan["probe_positions"]), 4),
        },
        parts=now.geometry.parts,
        fingerprint=now.fingerprint,
        scene_hash=now.opened.digest,
    )
    shards.remove_others(dataset)
    for path in directory.glob("again-*.safetensors"):
        if path.name != file:
            path.unlink()
    return dataset


def points_again(plan: dict[str, np.ndarray]) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Positions and normals of the sets that updates measured again."""
    points, directions = {}, plan["probe_directions"]
    for key in (key for key in plan if "_rows_" in key):
        name, _, number = key.partition("_rows_")
        rows = plan[key]
        if name == "probe":
            points[f"probe+{number}"] = probes.every_direction(plan["probe_positions"][rows], directions)
        else:
            points[f"{name}+{number}"] = plan[f"{name}_positions"][rows], plan[f"{name}_normals"][rows]
    return points


def digest_of(light: str, fingerprint: str) -> str:
    """Digest of a light and of the scene that it shines in."""
    return hashlib.sha256(f"{light} {fingerprint}".encode()).hexdigest()


def _old_choosing(dataset: Dataset) -> list[tuple[Shard, dict, dict[str, np.ndarray]]]:
    """Shards of the choosing points with their entries and what they hold."""
    pairs = zip(dataset.shards, dataset.info["shards"], strict=True)
    chosen = [(shard, entry) for shard, entry in pairs if shard.set.startswith("choose@")]
    return [(shard, entry, dataset.read_shard(shard)) for shard, entry in chosen]


def _rows(
    now: Now, arrays: dict, boxes: np.ndarray, plan: dict, light: np.ndarray, points: np.ndarray
) -> dict[str, np.ndarray]:
    """Training points and probes that are measured again, by index."""
    live, train, probe = arrays["train_live"].astype(bool), [], []
    for volume in now.volumes:
        inside = volume.contains(points, 0.5)
        touched = moved.touched_probes(volume, boxes, points[inside], light[0][inside], light[1][inside])
        train.append(moved.touched_points(volume, touched, plan["train_positions"], plan["train_normals"]))
        probe.append(touched)
    return {
        "train": np.flatnonzero(np.any(train, axis=0) & live).astype(np.int32),
        "probe": np.flatnonzero(np.concatenate(probe)).astype(np.int32),
    }
