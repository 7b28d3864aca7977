# SPDX-FileCopyrightText: 2026 Neural Bake developers
#
# SPDX-License-Identifier: GPL-3.0-or-later

"""The artifact folder: what a bake leaves, whole or not at all.

A bake writes into a staging folder beside the final one and publishes it by renaming. Between the two renames the
earlier result stands under ``NAME.neural_bake_previous``, where :func:`locate` still finds it; so a kill at any moment
loses nothing.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import typing
from pathlib import Path

from .errors import NeuralBakeError

SCHEMA = "neural_bake.artifact/1"
MANIFEST = "manifest.json"
WEIGHTS = "weights.safetensors"
# Of our folders beside a result; nobody calls a folder of his own so.
STAGING = ".neural_bake_staging"
PREVIOUS = ".neural_bake_previous"


def staging_directory(final: Path) -> Path:
    """Where the artifact for ``final`` is written first: beside it, so that a rename suffices."""
    return _sibling(final, STAGING)


def check_target(final: Path) -> None:
    """Refuse a folder that :func:`publish` could not replace, before any work is done.

    Raises:
        NeuralBakeError: it is a file, a mount point, cannot be written beside, or holds something that is no result.
    """
    final = Path(final).absolute()
    previous = _sibling(final, PREVIOUS)
    if previous.exists() and not _is_ours(previous):
        raise NeuralBakeError("bad_output", f"{previous} is in the way.", "Move it or choose another --out.")
    parent = next(folder for folder in final.parents if folder.exists())
    if not parent.is_dir():
        raise NeuralBakeError("bad_output", f"{parent} is a file, so {final} cannot be made.", "Choose another --out.")
    if final.exists() and not final.is_dir():
        raise NeuralBakeError("bad_output", f"{final} is a file, not a folder.", "Choose another --out.")
    if final.is_dir():
        if not _is_ours(final):
            raise NeuralBakeError(
                "bad_output", f"{final} holds files that are no Neural Bake result.", "Choose an empty or new folder."
            )
        if os.path.ismount(final):
            raise NeuralBakeError("bad_output", f"{final} is a mount point.", "Choose a folder inside it.")
    _recover(final)
    probe = final.parent if final.parent.exists() else parent
    for folder in (probe, final) if final.is_dir() else (probe,):
        trial = folder / f".neural_bake_{os.getpid()}"
        try:
            trial.write_bytes(b"")
            trial.unlink()
        except OSError as error:
            raise NeuralBakeError(
                "bad_output", f"{folder} cannot be written to ({error.strerror}).", "Choose another --out or free it."
            ) from error


def write_manifest(directory: Path, manifest: dict) -> dict:
    """Write ``manifest.json`` with the size and sha256 of every other file of ``directory``; return it as written."""
    directory = Path(directory)
    files = {
        path.name: {"sha256": digest(path), "size": path.stat().st_size}
        for path in sorted(directory.iterdir())
        if path.is_file() and path.name != MANIFEST
    }
    manifest = {"schema": SCHEMA, **manifest, "files": files}
    with open(directory / MANIFEST, "w", encoding="utf-8") as file:
        json.dump(manifest, file, indent=1, allow_nan=False)
        file.flush()
        os.fsync(file.fileno())
    return manifest


def read_manifest(directory: Path, kind: str | None = None) -> dict:
    """Read and verify an artifact folder: schema, kind, and the digest of every file that the manifest names.

    Raises:
        NeuralBakeError: the folder is no artifact, of another schema or kind, or a file is missing or changed.
    """
    directory = locate(directory)
    path = directory / MANIFEST
    if not path.is_file():
        raise NeuralBakeError("no_artifact", f"{directory} holds no result (manifest.json is missing).", "Bake first.")
    manifest = parse_manifest(path.read_bytes(), str(path), kind)
    for name, entry in manifest["files"].items():
        file = directory / name
        if Path(name).name != name or not file.is_file():
            raise NeuralBakeError("corrupt_file", f"{file} is missing.", "Restore it or bake again.")
        if digest(file) != entry.get("sha256"):
            raise NeuralBakeError(
                "wrong_hash",
                f"{file} is not the file that was baked (its sha256 differs).",
                "Restore it or bake again.",
            )
    return manifest


def parse_manifest(data: bytes | str, source: str, kind: str | None = None) -> dict:
    """Parse manifest JSON and check its schema and kind; ``source`` names it in errors."""
    try:
        manifest = json.loads(data)
        schema, found = manifest["schema"], manifest["kind"]
        manifest["files"] = {name: dict(entry) for name, entry in manifest["files"].items()}
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise NeuralBakeError("corrupt_file", f"{source} cannot be read.", "Restore it or bake again.") from error
    if schema != SCHEMA:
        raise NeuralBakeError(
            "schema",
            f"{source} has schema {schema}; this version reads {SCHEMA}.",
            "Bake again, or update Neural Bake.",
        )
    if kind is not None and found != kind:
        raise NeuralBakeError("kind", f"{source} is a result of kind {found}, not {kind}.")
    return manifest


def read_weights(directory: Path, kind: str) -> tuple[bytes, dict, str]:
    """The weights of a result folder, its manifest, and what to call them in errors, all checked.

    Raises:
        NeuralBakeError: no artifact, another kind or schema, damaged or changed files.
    """
    manifest = read_manifest(Path(directory), kind)
    path = locate(Path(directory)) / WEIGHTS
    if WEIGHTS not in manifest["files"]:
        raise NeuralBakeError("corrupt_file", f"{path} is not in the manifest.", "Bake again.")
    return path.read_bytes(), manifest, str(path)


def stored_weights(obj: typing.Mapping, kind: str) -> tuple[bytes, dict, str]:
    """The same of a result that a bake saved in an object's custom properties; nothing else is read.

    Args:
        obj: a ``bpy.types.Object``, or any mapping with the keys ``neural_bake_manifest`` (JSON text) and
            ``neural_bake_weights``: bytes, or an image data-block that they are packed into.

    Raises:
        NeuralBakeError: the object holds no result, or a damaged one.
    """
    name = getattr(obj, "name", "the object")
    if "neural_bake_manifest" not in obj.keys() or "neural_bake_weights" not in obj.keys():
        raise NeuralBakeError("no_artifact", f"{name} holds no Neural Bake result.", "Bake it first.")
    manifest = parse_manifest(obj["neural_bake_manifest"], f"the result on {name}", kind)
    weights = obj["neural_bake_weights"]
    packed = getattr(weights, "packed_file", weights)
    data = bytes(getattr(packed, "data", packed) or b"")
    if hashlib.sha256(data).hexdigest() != manifest["files"].get(WEIGHTS, {}).get("sha256"):
        raise NeuralBakeError("wrong_hash", f"The weights on {name} are not those of its manifest.", "Bake again.")
    return data, manifest, f"the result on {name}"


def publish(staging: Path, final: Path) -> None:
    """Put the finished ``staging`` folder in the place of ``final``.

    Files in the earlier result that no manifest names (an artist's notes) are carried over.
    """
    final = Path(final).absolute()
    _recover(final)
    if final.exists():
        os.rename(final, _sibling(final, PREVIOUS))
    os.rename(staging, final)
    _recover(final)


def locate(directory: Path) -> Path:
    """``directory``, or the earlier result beside it where a kill came between publishing's two renames."""
    directory = Path(directory).absolute()
    previous = _sibling(directory, PREVIOUS)
    return previous if not directory.exists() and previous.exists() else directory


def digest(path: Path) -> str:
    """sha256 of a file, hexadecimal."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _recover(final: Path) -> None:
    """Bring a publication to its end, or undo it where it was killed between its two renames."""
    previous = _sibling(final, PREVIOUS)
    if not previous.exists():
        return
    if not final.exists():
        os.rename(previous, final)
        return
    _carry_over(previous, final)
    # The manifest goes last: by it, what a kill leaves of the rest is known as ours.
    for path in sorted(previous.iterdir(), key=lambda path: path.name == MANIFEST):
        shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()
    previous.rmdir()


def _is_ours(directory: Path) -> bool:
    """Whether a folder is empty or holds a result, a damaged one included."""
    path = directory / MANIFEST
    if not path.is_file():
        return directory.is_dir() and not any(directory.iterdir())
    try:
        manifest = json.loads(path.read_bytes())
    except (ValueError, RecursionError):
        return True
    return isinstance(manifest, dict) and str(manifest.get("schema")).startswith(SCHEMA.partition("/")[0] + "/")


def _carry_over(previous: Path, final: Path) -> None:
    """Move what no manifest names from ``previous`` to ``final``, unless the new result has that name too."""
    try:
        own = set(json.loads((previous / MANIFEST).read_bytes())["files"]) | {MANIFEST}
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        own = {MANIFEST}
    for path in previous.iterdir():
        if path.name not in own and not (final / path.name).exists():
            os.rename(path, final / path.name)


def _sibling(directory: Path, suffix: str) -> Path:
    directory = Path(directory).absolute()
    return directory.with_name(directory.name + suffix)
