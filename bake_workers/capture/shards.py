# SPDX-FileCopyrightText: 2026 Neural Bake developers
#
# SPDX-License-Identifier: GPL-3.0-or-later

"""The dataset folder as it is written: the plan, ``dataset.json``, and shard after shard."""

from __future__ import annotations

import dataclasses
import hashlib
import shutil
import time
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np

from bake_workers import protocol
from core import tensorfile
from core.dataset import SCHEMA, Dataset, Shard, open_dataset, shard_metadata
from core.errors import NeuralBakeError

PLAN = "plan.safetensors"
INFO = "dataset.json"


@dataclasses.dataclass(frozen=True)
class SetSize:
    """One set that is to be measured.

    Attributes:
        total: number of its items, such as points or pictures.
        longest: most items in one shard. Fixed, so that results do not depend on the machine's speed.
        values: what its entries in ``dataset.json`` say beside where they lie; ``cost`` is one item's share in the
            progress, without it all shards count alike.
        digest: of what is measured, where that is not the whole scene: such sets come and go by themselves, so that
            their seeds and files do not depend on the others.
    """

    name: str
    total: int
    longest: int
    values: dict[str, object]
    digest: str = ""


def cut_shards(sets: list[SetSize], seed: int) -> list[dict]:
    """Entries of ``dataset.json`` for all sets."""
    entries: list[dict] = []
    for size in sets:
        # equal runs instead of full ones and a small rest: each shard has a fixed cost
        parts = -(-size.total // size.longest)
        bounds = [size.total * part // parts for part in range(parts + 1)] if parts else []
        for first, last in zip(bounds, bounds[1:], strict=False):
            number = len(entries)
            own = [seed, number] if not size.digest else [seed, first, zlib.crc32(size.name.encode())]
            entry = {
                "file": f"shard-{number:05d}.safetensors",
                "set": size.name,
                "first": first,
                "count": last - first,
                "seed": int(np.random.SeedSequence(own).generate_state(1)[0] >> 1),
                **size.values,
            }
            entries.append(of_light(entry, size.digest) if size.digest else entry)
    return entries


def of_light(entry: dict, digest: str) -> dict:
    """A shard's entry with the ``digest`` of what is measured, which its file is named by."""
    text = f"{entry['set']} {entry['first']} {entry['first'] + entry['count']} {entry['paths']} {digest}"
    name = hashlib.sha256(text.encode()).hexdigest()[:16]
    return {**entry, "file": f"shard-{name}.safetensors", "digest": digest}


def points_name(name: str) -> str:
    """The points of a set, such as ``train``, whatever light they are measured in."""
    return name.partition("@")[0]


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
    if info == dataset.info:
        return dataset
    protocol.write_json(dataset.directory / INFO, info)
    return (
        open_dataset(dataset.directory, info["kind"]) if "shards" in values else dataclasses.replace(dataset, info=info)
    )


def remove_others(dataset: Dataset) -> None:
    """Remove measured shards that ``dataset.json`` does not name any more."""
    named = {shard.file for shard in dataset.shards}
    for path in dataset.directory.glob("shard-*.safetensors"):
        if path.name not in named:
            path.unlink()


def is_measured(dataset: Dataset, shard: Shard) -> bool:
    """Whether a shard's file is there and verifies."""
    try:
        return bool(dataset.read_shard(shard))
    except NeuralBakeError:
        return False


def measure(
    dataset: Dataset,
    work: Callable[[Shard, dict], dict[str, np.ndarray]],
    progress: Callable[[int, int, str], None],
    seen: Callable[[Shard], None],
    *,
    first: str = "",
    timed: bool = False,
) -> None:
    """Measure every shard that is not there yet.

    Args:
        work: measures one shard; its arguments are the shard and its entry in ``dataset.json``.
        progress: ``progress(done, total, text)``.
        seen: called with every shard as soon as it is there.
        first: the set that is measured before all others, in every light; their seeds do not depend on the order.
        timed: whether ``dataset.json`` gets the ``seconds`` that each set took; no two runs take the same.
    """
    entries = dataset.info["shards"]
    order = sorted(zip(dataset.shards, entries, strict=True), key=lambda pair: points_name(pair[0].set) != first)
    names = [points_name(shard.set) for shard, _ in order]
    costs = [entry["count"] * entry["cost"] if "cost" in entry else 1 for _, entry in order]
    for number, (shard, entry) in enumerate(order):
        part = names[:number].count(names[number]) + 1
        progress(sum(costs[:number]), sum(costs), f"{names[number]} {part}/{names.count(names[number])}")
        if not is_measured(dataset, shard):
            start = time.monotonic()
            arrays = work(shard, entry)
            tensorfile.write(dataset.directory / shard.file, arrays, shard_metadata(dataset.info, shard))
            if timed:
                seconds = dict(dataset.info.get("seconds", {}))
                seconds[shard.set] = round(seconds.get(shard.set, 0.0) + time.monotonic() - start, 3)
                dataset = renew(dataset, seconds=seconds)
        seen(shard)
    progress(sum(costs), sum(costs), "measured")
