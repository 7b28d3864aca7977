# SPDX-FileCopyrightText: 2026 Neural Bake developers
#
# SPDX-License-Identifier: GPL-3.0-or-later

"""The add-on's job folders: written before a bake, found again after a crash, kept for a while, removed.

::

    CACHE/jobs/ID/job.json     what to bake (bake_workers.protocol)
    CACHE/jobs/ID/addon.json   what the add-on needs to bring the result back into its scene
    CACHE/jobs/ID/scene.blend  copy of the scene as it was when the button was pressed
    CACHE/jobs/ID/owner        locked by the Blender that queues or runs the job, for as long as that lives
    CACHE/jobs/ID/dataset/     what was measured; an update of the result begins with it
    CACHE/jobs/ID/result/      the result, unless the artist named another folder
"""

from __future__ import annotations

import dataclasses
import json
import os
import secrets
import shutil
import time
from pathlib import Path

import bpy

from . import preferences
from .bake_workers import protocol

SCHEMA = "neural_bake.addon_job/1"
NOTE = "addon.json"
SCENE = "scene.blend"
OWNER = "owner"
DATASET = "dataset"
RESULT = "result"
USAGE = "usage.json"
DONE = "DONE"
TEXTS = ("state", "message", "kind", "blend", "scene_name", "directory")


@dataclasses.dataclass
class Stored:
    """A job as its folder tells it.

    Attributes:
        folder: the job folder.
        state: ``QUEUED``, ``RUNNING``, ``WAITING`` (the result is complete but not in its scene), ``DONE``, ``FAILED``
            or ``CANCELLED``; what it was when its Blender ended, for a job without a living owner.
        message: why it failed or waits.
        blend: the artist's file.
        targets: names of the volumes, or of the Empty.
        directory: folder of the result.
    """

    folder: Path
    state: str
    message: str
    kind: str
    blend: str
    scene_name: str
    targets: list[str]
    directory: Path

    @property
    def id(self) -> str:
        return self.folder.name

    @property
    def here(self) -> bool:
        """Whether the job belongs to the open file."""
        return bool(bpy.data.filepath) and os.path.realpath(self.blend) == os.path.realpath(bpy.data.filepath)

    def write(self) -> None:
        """Note the job's state in its folder."""
        values = {name: str(getattr(self, name)) for name in TEXTS}
        protocol.write_json(self.folder / NOTE, {"schema": SCHEMA, **values, "targets": self.targets})

    def remove(self) -> None:
        """Delete the job folder; a result in a folder of the artist's stays."""
        shutil.rmtree(self.folder, ignore_errors=True)


def root(context: bpy.types.Context) -> Path:
    """The folder of all job folders; it may not exist yet."""
    return preferences.cache_folder(context) / "jobs"


def create(
    context: bpy.types.Context, *, kind: str, scene_name: str, targets: list[str], directory: Path | None
) -> Stored:
    """Make an empty job folder; ``directory`` None puts the result into it."""
    folder = root(context) / f"{time.strftime('%Y%m%d-%H%M%S')}-{secrets.token_hex(2)}"
    folder.mkdir(parents=True)
    stored = Stored(folder, "QUEUED", "", kind, bpy.data.filepath, scene_name, targets, directory or folder / RESULT)
    try:
        stored.write()
    except OSError:
        stored.remove()
        raise
    return stored


def begin_with(stored: Stored, earlier: Stored) -> None:
    """Give a new job what an earlier one measured, and its result where that is in the cache.

    The files are the same ones on the disk where it can link them: whoever writes here replaces whole files.
    """
    for folder in (DATASET, *([RESULT] if stored.directory == stored.folder / RESULT else [])):
        source = earlier.directory if folder == RESULT else earlier.folder / folder
        (stored.folder / folder).mkdir()
        for path in source.iterdir():
            if path.is_file():
                _link(path, stored.folder / folder / path.name)
    if (earlier.folder / USAGE).is_file():
        shutil.copyfile(earlier.folder / USAGE, stored.folder / USAGE)


def _link(source: Path, target: Path) -> None:
    try:
        os.link(source, target)
    except OSError:
        shutil.copyfile(source, target)


def take(stored: Stored) -> int | None:
    """Become the owner of a job: a descriptor to close at its end, or None where another Blender has it."""
    descriptor = os.open(stored.folder / OWNER, os.O_RDWR | os.O_CREAT, 0o644)
    try:
        protocol.lock_file(descriptor)
    except OSError:
        os.close(descriptor)
        return None
    return descriptor


def read(folder: Path) -> Stored | None:
    """A job from its folder, or None where it is none of ours or damaged."""
    try:
        value = json.loads((folder / NOTE).read_text("utf-8"))
        if value["schema"] != SCHEMA or not all(isinstance(value[name], str) for name in TEXTS):
            return None
        texts = {name: value[name] for name in TEXTS}
        targets = [str(name) for name in value["targets"]]
        return Stored(folder, **{**texts, "directory": Path(value["directory"])}, targets=targets)
    except (OSError, ValueError, KeyError, TypeError):
        return None


def read_all(context: bpy.types.Context) -> list[Stored]:
    """Every job of the cache, oldest first, with those that other Blenders are at work on."""
    folders = sorted(root(context).glob("*/"))
    return [stored for stored in map(read, folders) if stored is not None]


def without_owner(context: bpy.types.Context) -> list[Stored]:
    """Jobs that no living Blender queues or runs, oldest first."""
    found = []
    for stored in read_all(context):
        try:
            descriptor = take(stored)
        except OSError:
            continue  # a folder that cannot be written to cannot be taken up either
        if descriptor is not None:
            os.close(descriptor)
            found.append(stored)
    return found


def prune(context: bpy.types.Context, keep: int) -> None:
    """Remove the oldest jobs beyond ``keep`` finished ones and as many that can still be resumed."""
    stored = without_owner(context)
    for group in ([one for one in stored if one.state == DONE], [one for one in stored if one.state != DONE]):
        for one in group[: max(0, len(group) - keep)]:
            one.remove()


def size(context: bpy.types.Context) -> int:
    """Bytes that all job folders take."""
    total = 0
    for folder, _, names in os.walk(root(context)):
        for name in names:
            try:
                total += os.lstat(os.path.join(folder, name)).st_size
            except OSError:
                continue  # gone meanwhile
    return total


def clear(context: bpy.types.Context) -> int:
    """Remove every finished job, and none that can be resumed; returns the bytes that were freed."""
    before = size(context)
    for stored in without_owner(context):
        if stored.state == DONE:
            stored.remove()
    return before - size(context)
