# SPDX-FileCopyrightText: 2026 Neural Bake developers
#
# SPDX-License-Identifier: GPL-3.0-or-later

"""How many paths every set of a light grid's points gets, and how light sets share them."""

from __future__ import annotations

import bpy
import numpy as np

from core.dataset import Dataset
from core.light_grid.light_sets import factor
from core.light_grid.settings import LightGridSettings

from . import light_sets, shards
from .meter import CORNERS, Meter
from .scene import OpenScene

SHARD_PATHS = 1_500_000
"""Paths per shard: a few seconds on two cores."""
PILOT_POINTS, PILOT_PATHS = 1000, 12
"""Of the first look that decides how light sets share the paths."""
EVEN_SHARE = 0.3
UPDATE_PARTS = {"train": 3, "probe": 4, "choose": 3}
"""An update measures a changed light only where values are learned, with these parts of the paths of a whole bake: they
are solved over all points of a cell at once, and the weights, which mind the noise more, are kept."""


def set_sizes(
    plan: dict[str, np.ndarray], settings: LightGridSettings, lights: dict[str, list[dict]] | None = None
) -> list[shards.SetSize]:
    """Points and paths per point of every set that is measured; light sets share the paths.

    Of a light that is ``updated``, see :data:`UPDATE_PARTS`.
    """
    probe_points = len(plan["probe_positions"]) * len(plan["probe_directions"])
    sets = [
        ("train", len(plan["train_positions"]), settings.sample_paths),
        ("probe", probe_points, settings.probe_paths),
        ("choose", len(plan["choose_positions"]), settings.report_paths),
        ("report_a", len(plan["report_positions"]), settings.report_paths),
        ("report_b", len(plan["report_positions"]), settings.report_paths),
        ("view", len(plan.get("view_positions", ())), settings.preview_paths),
    ]
    apart = (lights or {}).get("light_sets", [])
    sizes = []
    for name, total, all_paths in sets:
        if not apart:
            paths = -(-all_paths // CORNERS) * CORNERS
            sizes.append(shards.SetSize(name, total, max(1, SHARD_PATHS // paths), {"paths": paths}))
        for number, light in enumerate(apart):
            part = UPDATE_PARTS.get(name) if light.get("updated") else 1
            if part is None:
                continue
            paths = max(1, round(light["share"] * all_paths / part / CORNERS)) * CORNERS
            values = {"paths": paths, "light": number}
            longest = max(1, SHARD_PATHS // paths)
            digest = light["digest"] + (" update" if part > 1 else "")
            sizes.append(shards.SetSize(f"{name}@{light['key']}", total, longest, values, digest))
    return sizes


def shares(
    meter: Meter,
    board: light_sets.Switchboard,
    lights: dict[str, list[dict]],
    plan: dict[str, np.ndarray],
    settings: LightGridSettings,
) -> list[float]:
    """Each light set's share of the paths, by a first look at few points.

    The noise of the sum is least where paths are shared out in proportion to each set's noise. A part is shared out
    evenly, so that a set that gives little light can be looked at alone.
    """
    noises, means = [], []
    run = slice(0, PILOT_POINTS)
    positions, normals = plan["choose_positions"][run], plan["choose_normals"][run]
    for number, entry in enumerate(lights["light_sets"]):
        board.only(number, entry["measured"])
        scale = factor(entry["light"], entry["measured"])
        halves = [
            sum(meter.measure(positions, normals, PILOT_PATHS, settings.seed + half).values()) * scale
            for half in (1, 2)
        ]
        noises.append(halves[0] - halves[1])
        means.append(0.5 * (halves[0] + halves[1]))
    total = np.sum(means, axis=0)
    weight = 1.0 / (total**2 + 0.1 * max(float(total.mean()), 1e-30) ** 2)
    sizes = np.array([np.sqrt((noise**2 * weight).mean()) for noise in noises]) + 1e-12
    return (EVEN_SHARE / len(sizes) + (1.0 - EVEN_SHARE) * sizes / sizes.sum()).tolist()


def lights_of(opened: OpenScene, sets: list[light_sets.LightSet]) -> dict[str, list[dict]]:
    """What ``dataset.json`` says of the lights that are measured apart; nothing where all are measured together."""
    if not sets:
        return {}
    lamps = [
        {"name": name, "type": block.data.type if isinstance(block, bpy.types.Object) else "WORLD"}
        for block, name in opened.dimmed.items()
    ]
    entries = [light_sets.describe(one, opened) for one in sets]
    for number, entry in enumerate(entries):  # lamps that are the same in the same place are two lights
        twins = sum(other["digest"] == entry["digest"] for other in entries[:number])
        entry["key"] = f"{entry['digest'][:16]}.{twins}"
    return {"lamps": lamps, "light_sets": entries}


def renew_lights(
    dataset: Dataset, opened: OpenScene, settings: LightGridSettings, lights: dict[str, list[dict]], update: bool
) -> Dataset:
    """Bring a dataset's lights up to date: what was measured of lights that stand as they did stays.

    A lamp that was only dimmed or recoloured keeps what was measured at its earlier power.

    Args:
        update: whether lights that changed are measured for their values alone; else all that lacks is.
    """
    by_key, by_name = ({entry[key]: entry for entry in dataset.info["light_sets"]} for key in ("key", "name"))
    for entry in lights["light_sets"]:
        if entry["key"] in by_key:
            entry["measured"] = by_key[entry["key"]]["measured"]
        earlier = by_key.get(entry["key"]) or by_name.get(entry["name"]) or {}
        if update and by_key.get(entry["key"], {"updated": True}).get("updated"):
            entry["updated"] = True
        entry["share"] = earlier.get("share", 1.0 / len(lights["light_sets"]))
    entries = dataset.info["shards"]
    if "again" not in dataset.info:
        entries = shards.cut_shards(set_sizes(dataset.plan, settings, lights), settings.seed)
    dataset = shards.renew(dataset, shards=entries, scene_hash=opened.digest, **lights)
    shards.remove_others(dataset)
    return dataset
