# SPDX-FileCopyrightText: 2026 Neural Bake developers
#
# SPDX-License-Identifier: GPL-3.0-or-later

"""A dataset folder: a plan of what to measure, and numbered shards with what was measured.

::

    dataset.json           schema, kind, settings, scene hash, sha256 of the plan, list of shards
    plan.safetensors       every point to measure, by set
    shard-00000.safetensors ...   measured light for a run of one set's points

Shards are idempotent: each holds its set, first point, count, seed and scene hash as metadata, ends by an atomic
rename, and is skipped when it already exists and verifies.
"""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import numpy as np

from . import tensorfile
from .errors import NeuralBakeError

SCHEMA = "neural_bake.dataset/1"
AGAIN = "Bake again with --resume to measure this part once more."


@dataclasses.dataclass(frozen=True)
class Shard:
    """One run of points: ``count`` points of ``set`` from ``first`` on, measured with ``seed``.

    ``digest`` is of what it was measured of, where that is not the whole scene of ``dataset.json``.
    """

    file: str
    set: str
    first: int
    count: int
    seed: int
    digest: str = ""


@dataclasses.dataclass(frozen=True)
class Dataset:
    """An opened dataset folder; ``info`` is ``dataset.json``, ``plan`` the arrays of ``plan.safetensors``."""

    directory: Path
    info: dict
    plan: dict[str, np.ndarray]
    shards: tuple[Shard, ...]

    def measured(self, name: str) -> dict[str, np.ndarray]:
        """All measured arrays of one set, joined in the plan's order.

        Raises:
            NeuralBakeError: a shard is missing, damaged, of another scene, or holds values that are not finite.
        """
        shards = sorted((shard for shard in self.shards if shard.set == name), key=lambda shard: shard.first)
        parts = [self.read_shard(shard) for shard in shards]
        for part, shard in zip(parts, shards):
            if part.keys() != parts[0].keys():
                path = self.directory / shard.file
                raise NeuralBakeError("corrupt_file", f"{path} holds other arrays than its neighbours.", AGAIN)
        return {key: np.concatenate([part[key] for part in parts]) for key in parts[0]} if parts else {}

    def read_shard(self, shard: Shard) -> dict[str, np.ndarray]:
        """Read and verify one shard; see :meth:`measured` for errors."""
        path = self.directory / shard.file
        if not path.is_file():
            raise NeuralBakeError("missing_shard", f"{path} is missing.", AGAIN)
        try:
            arrays, metadata = tensorfile.read(path)
        except NeuralBakeError as error:
            raise NeuralBakeError(error.code, error.message, AGAIN) from error
        for key, value in shard_metadata(self.info, shard).items():
            if metadata.get(key) != value:
                raise NeuralBakeError(
                    "foreign_shard", f"{path} belongs to another scene or bake ({key} differs).", AGAIN
                )
        for name, array in arrays.items():
            if array.shape[:1] != (shard.count,):
                raise NeuralBakeError("corrupt_file", f"{path} is damaged: {name} has the wrong length.", AGAIN)
            if not np.isfinite(array).all():
                raise NeuralBakeError("not_finite", f"{path} holds values of {name} that are not finite.", AGAIN)
        return arrays


def shard_metadata(info: dict, shard: Shard) -> dict[str, str]:
    """The metadata that :meth:`Dataset.read_shard` expects in a shard's file."""
    metadata = {key: str(getattr(shard, key)) for key in ("set", "first", "count", "seed")}
    return {**metadata, "scene_hash": shard.digest or info["scene_hash"], "plan_sha256": info["plan_sha256"]}


def open_dataset(directory: Path, kind: str) -> Dataset:
    """Open a dataset folder and check its schema, kind and plan.

    Raises:
        NeuralBakeError: the folder is no dataset, of another kind or schema, or damaged.
    """
    directory = Path(directory)
    try:
        info = json.loads((directory / "dataset.json").read_text("utf-8"))
        schema, found_kind, plan_digest, _ = (info[key] for key in ("schema", "kind", "plan_sha256", "scene_hash"))
        shards = tuple(_shard(entry) for entry in info["shards"])
    except (FileNotFoundError, NotADirectoryError) as error:
        raise NeuralBakeError("no_dataset", f"{directory} holds no dataset (dataset.json is missing).") from error
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise NeuralBakeError("corrupt_file", f"{directory / 'dataset.json'} cannot be read.", "Bake again.") from error
    if schema != SCHEMA:
        raise NeuralBakeError("schema", f"{directory} has schema {schema}; this version reads {SCHEMA}.", "Bake again.")
    if found_kind != kind:
        raise NeuralBakeError("kind", f"{directory} is a dataset of kind {found_kind}, not {kind}.")
    for shard in shards:
        if Path(shard.file).name != shard.file:
            raise NeuralBakeError("corrupt_file", f"{directory / 'dataset.json'} names a shard outside its folder.")
    plan_path = directory / "plan.safetensors"
    if not plan_path.is_file():
        raise NeuralBakeError("missing_plan", f"{plan_path} is missing.", "Bake again.")
    plan, metadata = tensorfile.read(plan_path)
    if metadata.get("sha256") != plan_digest:
        raise NeuralBakeError("corrupt_file", f"{plan_path} is not the plan of this dataset.", "Bake again.")
    return Dataset(directory, info, plan, shards)


def _shard(entry: dict) -> Shard:
    """One entry of ``dataset.json``; KeyError or TypeError where it is none."""
    needed = {name: entry[name] for name in ("file", "set", "first", "count", "seed")}
    shard = Shard(**needed, digest=entry.get("digest", ""))
    texts, numbers = (shard.file, shard.set, shard.digest), (shard.first, shard.count, shard.seed)
    if not all(isinstance(text, str) for text in texts) or not all(type(number) is int for number in numbers):
        raise TypeError(entry)
    return shard
