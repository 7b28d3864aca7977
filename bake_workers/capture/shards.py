# SPDX-FileCopyrightText: 2026 Neural Bake developers
#
# SPDX-License-Identifier: GPL-3.0-or-later

"""The dataset folder as it is written: the plan, ``dataset.json``, and shard after shard."""

from __future__ import annotations

import dataclasses
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np

from bake_workers import protocol
from core import tensorfile
from core.dataset import SCHEMA, Dataset, Shard, open_dataset, shard_metadata
from core.errors import NeuralBakeError

from .meter import CORNERS, Meter

SHARD_PATHS = 1_500_000
"""Paths per shard: a few seconds on two cores. Fixed, so that results do not depend on the machine's speed."""
PLAN = "plan.safetensors"
INFO = "dataset.json"


def cut_shards(sets: list[tuple[str, int, int]], seed: int) -> list[dict]:
    """Entries of ``dataset.json`` for (name, number of points, paths per point) of every set."""
    entries: list[dict] = []
    for name, total, paths in sets:
        paths = -(-paths // CORNERS) * CORNERS
        run = max(1, SHARD_PATHS // paths)
        # equal runs instead of full ones and a small rest: each bake has a fixed cost
        parts = -(-total // run)
        bounds = [total * part // parts for part in range(parts + 1)] if parts else []
        for first, last in zip(bounds, bounds[1:], strict=False):
            number = len(entries)
            shard_seed = int(np.random.SeedSequence([seed, number]).generate_state(1)[0] >> 1)
            entries.append(
                {
                    "file": f"shard-{number:05d}.safetensors",
                    "set": name,
                    "first": first,
                    "count": last - first,
                    "seed": shard_seed,
                    "paths": paths,
                }
            )
    return entries


def reopen(directory: Path, kind: str, fingerprint: str) -> Dataset | None:
    """An unfinished or finished dataset with the same fingerprint, or None."""
    try:
        dataset = open_dataset(directory, kind)
    except NeuralBakeError:
        return None
    return dataset if dataset.info.get("fingerprint") == fingerprint else None


def start(directory: Path, info: dict, plan: dict[str, np.ndarray], metadata: dict[str, str]) -> Dataset:
    """Begin a dataset over: the plan first, then ``dataset.json``, which makes it a dataset."""
    if directory.exists():
        shutil.rmtree(directory)
    directory.mkdir(parents=True)
    tensorfile.write(directory / PLAN, plan, metadata)
    digest = tensorfile.read(directory / PLAN)[1]["sha256"]
    protocol.write_json(directory / INFO, {"schema": SCHEMA, "plan_sha256": digest, **info})
    return open_dataset(directory, info["kind"])


def renew(dataset: Dataset, **values: object) -> Dataset:
    """Replace values of ``dataset.json`` where they differ."""
    info = {**dataset.info, **values}
    if info != dataset.info:
        protocol.write_json(dataset.directory / INFO, info)
    return dataclasses.replace(dataset, info=info)


def is_measured(dataset: Dataset, shard: Shard) -> bool:
    """Whether a shard's file is there and verifies."""
    try:
        return {"direct", "indirect"} <= set(dataset.read_shard(shard))
    except NeuralBakeError:
        return False


def measure(
    dataset: Dataset,
    meter: Meter,
    points: dict[str, tuple[np.ndarray, np.ndarray]],
    progress: Callable[[int, int, str], None],
    first: str,
    seen: Callable[[], None],
) -> None:
    """Measure every shard that is not there yet.

    Args:
        points: positions and normals by set.
        progress: ``progress(done, total, text)``.
        first: the set that is measured before all others; their seeds do not depend on the order.
        seen: called as soon as that set is complete.

    Raises:
        NeuralBakeError: Cycles returned values that are no numbers.
    """
    entries = dataset.info["shards"]
    order = sorted(zip(dataset.shards, entries, strict=True), key=lambda pair: pair[0].set != first)
    names = [shard.set for shard, _ in order]
    for number, (shard, entry) in enumerate(order):
        if number and number == names.count(first):
            seen()
        part = names[:number].count(shard.set) + 1
        progress(number, len(entries), f"{shard.set} {part}/{names.count(shard.set)}")
        if is_measured(dataset, shard):
            continue
        run = slice(shard.first, shard.first + shard.count)
        positions, normals = (array[run] for array in points[shard.set])
        light = meter.measure(positions, normals, entry["paths"], shard.seed)
        broken = ~np.isfinite(np.concatenate(list(light.values()), axis=1)).all(axis=1)
        if broken.any():
            raise NeuralBakeError(
                "not_finite",
                f"Cycles measured light that is not finite at {int(broken.sum())} points, first at"
                f" {np.round(positions[broken][0], 3).tolist()}.",
                "A material or lamp there has an infinite or undefined value.",
            )
        tensorfile.write(dataset.directory / shard.file, light, shard_metadata(dataset.info, shard))
    progress(len(entries), len(entries), "measured")
