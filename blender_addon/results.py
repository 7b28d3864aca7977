# SPDX-FileCopyrightText: 2026 Neural Bake developers
#
# SPDX-License-Identifier: GPL-3.0-or-later

"""Brings a result folder into the open .blend, finds it there again, and reads it.

Convention:
    A result belongs to the object whose box was baked, or to the camera that was looked through (object data may be
    shared, objects are not). Several volumes are one result: the first one holds it, and each of the others points at
    the first by ``neural_bake_source``. The light stays where it was baked: a moved volume does not move it.

    ==========================  =====================================================================
    ``neural_bake_manifest``    JSON text of ``manifest.json``
    ``neural_bake_weights``     bytes of ``weights.safetensors``; a camera's is an image that has them packed, see
                                result_weights.py
    ``neural_bake_matrix``      16 floats, rows first: the box [-1, 1]^3, or the camera, to world, as it was baked
    ``neural_bake_scene_hash``  hash of the scene that was baked
    ``neural_bake_nRMSE`` ...   held-out errors of the method that was kept; drivers can read them
    ``neural_bake_picture_*``   the images, see result_images.py
    ``neural_bake_lamp_0`` ...  the learned lamps, objects or a world, in the manifest's order; of a light grid those of
                                its light sets
    ``neural_bake_view``        of a light grid with light sets: an image that has ``preview_sets.safetensors`` packed
    ==========================  =====================================================================

    Blender copies these with the object. The copy of a holder holds the same result once more, the copy of a volume
    that points points at the same holder, and either is out of date once it stands elsewhere. A holder that is deleted
    lives on, in no scene, for as long as a volume points at it.
"""

from __future__ import annotations

import functools
import typing
from pathlib import Path

import bpy

from . import kinds, lamps, relight_image, result_images, result_weights
from .core import artifact
from .core.errors import NeuralBakeError

if typing.TYPE_CHECKING:
    from .core.light_grid import LightGrid
    from .core.relight import Relight

PREFIX = "neural_bake_"
SOURCE = "neural_bake_source"
MANIFEST = "neural_bake_manifest"
WEIGHTS = result_weights.KEY
MATRIX = "neural_bake_matrix"
SCENE_HASH = "neural_bake_scene_hash"
WEIGHTS_FILE = "weights.safetensors"
SET_VIEW_FILE = "preview_sets.safetensors"
MOST_CACHED = 4
HANDED_OVER = (result_images.PROPERTY, lamps.PROPERTY)

# Decoded results, and why others could not be, by the weights' digest and the object that holds them.
_decoded: dict[tuple[str, int], LightGrid | Relight | NeuralBakeError] = {}


def load(
    scene: bpy.types.Scene, directory: Path, renamed: dict[str, bpy.types.Object] | None = None
) -> list[bpy.types.Object]:
    """Write a result folder onto the scene's objects.

    Args:
        scene: scene that the result was baked from.
        directory: an artifact folder.
        renamed: objects by the name that they had when they were baked; the others are found by that name.

    Returns:
        The objects that carry it, the one with the data first.

    Raises:
        NeuralBakeError: the folder is no intact result, an object of it is missing or cannot keep properties.
    """
    manifest = artifact.read_manifest(directory)
    directory = artifact.locate(directory)
    objects = find_objects(scene, manifest, renamed or {})
    for obj in objects:
        require_local(obj)
    text = (directory / artifact.MANIFEST).read_text("utf-8")
    weights = (directory / WEIGHTS_FILE).read_bytes()
    for obj in objects:
        _hand_over(obj, [other for other in _pointing_at([obj]) if other not in objects])
    pictures = result_images.owned(objects[0])
    result_images.remove(image for obj in objects[1:] for image in result_images.owned(obj).values())
    for obj, (_, matrix) in zip(objects, kinds.places(manifest), strict=True):
        clear(obj)
        obj[MATRIX] = matrix
        obj[SCENE_HASH] = manifest["scene_hash"]
        if obj is not objects[0]:
            obj[SOURCE] = objects[0]
    objects[0][MANIFEST] = text
    result_weights.store(objects[0], weights)
    if SET_VIEW_FILE in manifest["files"]:
        result_weights.pack(objects[0], result_weights.VIEW, (directory / SET_VIEW_FILE).read_bytes())
    lamps.remember(objects[0], manifest, scene, renamed or {})
    write_metrics(objects[0], manifest["metrics"])
    for obj in objects:
        obj.update_tag()  # or a driver that reads the errors would not find them before the file is loaded again
    result_images.pack(directory, manifest["files"], objects[0], pictures)
    # In the same step of undo, and so it does not come and go with others.
    if manifest["kind"] == kinds.RELIGHT:
        relight_image.find(objects[0], manifest["width"], manifest["height"])
    elif result_weights.VIEW in objects[0]:
        preview = result_images.find('PREVIEW', objects[0])
        if preview is not None:
            relight_image.copy(objects[0], preview)
    return objects


def find_objects(
    scene: bpy.types.Scene, manifest: dict, renamed: dict[str, bpy.types.Object]
) -> list[bpy.types.Object]:
    """The objects that a result was baked for, in its order."""
    objects = []
    if manifest["kind"] not in kinds.METRICS:
        raise NeuralBakeError("kind", f"A result of kind {manifest['kind']} cannot be brought into Blender.")
    for name, _ in kinds.places(manifest):
        obj = renamed.get(name) or named(scene, name)
        if obj is None or kinds.of(obj) != manifest["kind"]:
            what = "camera" if manifest["kind"] == kinds.RELIGHT else "object"
            raise NeuralBakeError(
                "no_target",
                f"Scene {scene.name} has no {what} {name}, which this result was baked for.",
                "Open the scene that was baked.",
            )
        objects.append(obj)
    if not objects:
        raise NeuralBakeError("no_target", "This result names no object that it was baked for.", "Bake again.")
    return objects


def named(scene: bpy.types.Scene, name: str) -> bpy.types.Object | None:
    """A scene's object of a name, rather one of this file than a linked one with the same name."""
    found = [obj for obj in scene.objects if obj.name == name]
    return min(found, key=lambda obj: obj.library is not None, default=None)


def require_local(obj: bpy.types.Object) -> None:
    """Refuse an object on which Blender accepts custom properties but drops them at saving."""
    if obj.library is not None or obj.override_library is not None:
        how = "linked from another file" if obj.library is not None else "a library override"
        raise NeuralBakeError(
            "linked_target",
            f"{obj.name} is {how}, so Blender would lose the result at saving.",
            f"Make it local, or bake a {kinds.NOUNS[kinds.of(obj) or kinds.LIGHT_GRID]} of this file.",
        )


def clear(obj: bpy.types.Object) -> None:
    """Remove every property of a result from an object, and the weights that only it has."""
    result_weights.remove(obj)
    for key in [key for key in obj.keys() if key.startswith(PREFIX)]:
        del obj[key]


def _hand_over(keeper: bpy.types.Object, heirs: list[bpy.types.Object]) -> None:
    """Let other volumes that point at a result keep it when its holder gets another: the first becomes the holder."""
    if not heirs or MANIFEST not in keeper:
        return
    first = heirs[0]
    found = manifest(keeper)
    for key in [
        key for key in keeper.keys() if key in (MANIFEST, WEIGHTS, result_weights.VIEW) or key.startswith(HANDED_OVER)
    ]:
        first[key] = keeper[key]
    if found is not None:
        write_metrics(first, found["metrics"])
    del first[SOURCE]
    for obj in heirs[1:]:
        obj[SOURCE] = first


def remove(keeper: bpy.types.Object) -> list[bpy.types.Object]:
    """Take the result that an object holds away, from the volumes that point at it too; returns those that had it."""
    objects = [keeper, *_pointing_at([keeper])]
    result_images.remove(result_images.owned(keeper).values())
    for obj in objects:
        clear(obj)
        obj.update_tag()
    if not any(carries(obj) for obj in bpy.data.objects):
        result_images.remove_unused()
    return objects


def write_metrics(obj: bpy.types.Object, metrics: dict) -> None:
    """Write the kept method's held-out errors as numbers that drivers can read; one without a value is left out."""
    values = metrics["held_out"].get(metrics["kept"], {})
    for metric in kinds.METRICS[kinds.of(obj)]:
        value = values.get(metric.name)
        if value is None:
            continue
        key = PREFIX + metric.name
        obj[key] = float(value)
        # A debiased error can come out slightly below zero, so only the slider begins there.
        obj.id_properties_ui(key).update(soft_min=0.0, soft_max=metric.highest, precision=4, description=metric.text)


def carries(obj: bpy.types.Object) -> bool:
    """Whether an object has anything of a result on it, a damaged one included."""
    return obj.type in kinds.OF_TYPE and (MANIFEST in obj or WEIGHTS in obj or SOURCE in obj)


def holder(obj: bpy.types.Object) -> bpy.types.Object | None:
    """The object that holds the result of a volume: itself, or the one that it points at; None without a result."""
    source = obj.get(SOURCE)
    keeper = source if isinstance(source, bpy.types.Object) else obj
    return keeper if MANIFEST in keeper else None


def holders(scene: bpy.types.Scene, kind: str = kinds.LIGHT_GRID) -> list[bpy.types.Object]:
    """The objects that hold a scene's results of a kind, by name; copies of one result count once.

    A holder that was deleted while other volumes point at it is among them.
    """
    found: dict[object, bpy.types.Object] = {}
    carriers = (obj for obj in scene.objects if kinds.of(obj) == kind and carries(obj))
    for obj in sorted(carriers, key=lambda obj: obj.name):
        keeper = holder(obj)
        if keeper is not None:
            found.setdefault(_identity(keeper), keeper)
    return list(found.values())


def volumes_of(keeper: bpy.types.Object, scene: bpy.types.Scene) -> list[bpy.types.Object]:
    """The objects of a scene that have the result which ``keeper`` holds, copies included, by name."""
    identity = _identity(keeper)
    found = [
        obj for obj in scene.objects if carries(obj) and (own := holder(obj)) is not None and _identity(own) == identity
    ]
    return sorted(found, key=lambda obj: obj.name)


def manifest(obj: bpy.types.Object) -> dict | None:
    """The manifest of an object's result, checked and not to be changed; None where there is none that can be read.

    Quick, and never raises: panels call it while they draw.
    """
    keeper = holder(obj)
    return None if keeper is None else _parse(keeper)[0]


def problem(obj: bpy.types.Object) -> str:
    """Why the result on an object cannot be used, or an empty text; quick, and never raises."""
    keeper = holder(obj)
    if keeper is None:
        if not carries(obj):
            return ""
        noun = kinds.NOUNS[kinds.of(obj)]
        return f"The {noun} that held the result of {obj.name} is gone. Bake again, or clear this result."
    reason = _parse(keeper)[1]
    if not reason and not result_weights.are_there(keeper):
        reason = f"The result on {keeper.name} has lost its weights. Bake again."
    known = _decoded.get(_key(keeper)) if not reason else None
    return str(known) if isinstance(known, NeuralBakeError) else reason


def light_grid(obj: bpy.types.Object) -> LightGrid:
    """The light of an object's result, decoded once and kept.

    Raises:
        NeuralBakeError: the object has no such result, or a damaged one, or one of another version.
    """
    return _decode(obj, kinds.LIGHT_GRID)


def relight(obj: bpy.types.Object) -> Relight:
    """The relit view of a camera's result, decoded once and kept; errors as for :func:`light_grid`."""
    return _decode(obj, kinds.RELIGHT)


def _decode(obj: bpy.types.Object, kind: str) -> LightGrid | Relight:
    """An object's result, decoded once and kept.

    Raises:
        NeuralBakeError: the object has no result, or a damaged one, or one of another version.
    """
    reason = problem(obj)
    keeper = holder(obj)
    if reason or keeper is None or kinds.of(keeper) != kind:
        raise NeuralBakeError("no_artifact", reason or f"{obj.name} holds no Neural Bake result. Bake it first.")
    key = _key(keeper)
    if key not in _decoded:
        while len(_decoded) >= MOST_CACHED:
            del _decoded[next(iter(_decoded))]
        try:
            # A camera's weights are elsewhere, see result_weights.py; a light grid finds its own by itself.
            is_packed = kind == kinds.RELIGHT
            source = {MANIFEST: keeper[MANIFEST], WEIGHTS: result_weights.read(keeper)} if is_packed else keeper
            _decoded[key] = kinds.decode(kind, source)
        except NeuralBakeError as error:
            _decoded[key] = error
    decoded = _decoded[key]
    if isinstance(decoded, NeuralBakeError):
        raise NeuralBakeError(decoded.code, decoded.message, decoded.hint)
    return decoded


def forget() -> None:
    """Drop what is cached: after undo, or with another file, an object of the same name may hold something else."""
    _decoded.clear()


def _pointing_at(objects: list[bpy.types.Object]) -> list[bpy.types.Object]:
    """The other objects of this file that point at one of ``objects``."""
    return [
        obj
        for obj in bpy.data.objects
        if obj.type in kinds.OF_TYPE and obj.library is None and obj not in objects and obj.get(SOURCE) in objects
    ]


def _identity(keeper: bpy.types.Object) -> object:
    """What two copies of one result have in common."""
    text = keeper[MANIFEST]
    return text if isinstance(text, str) else keeper.name


def _key(keeper: bpy.types.Object) -> tuple[str, int]:
    entry = _parse(keeper)[0]["files"].get(WEIGHTS_FILE, {})
    return str(entry.get("sha256")), keeper.session_uid


def _parse(keeper: bpy.types.Object) -> tuple[dict | None, str]:
    """The manifest that an object holds, or why it cannot be read."""
    text = keeper[MANIFEST]
    if not isinstance(text, str):
        return None, f"The result on {keeper.name} is damaged. Bake again."
    return _parse_text(text, keeper.name, kinds.of(keeper) or kinds.LIGHT_GRID)


@functools.lru_cache(maxsize=32)
def _parse_text(text: str, name: str, kind: str) -> tuple[dict | None, str]:
    source = f"The result on {name}"
    try:
        found = artifact.parse_manifest(text, source, kind)
    except NeuralBakeError as error:
        return None, str(error)
    return (found, "") if kinds.is_whole(found) else (None, f"{source} is damaged. Bake again.")
