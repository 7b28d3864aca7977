# SPDX-FileCopyrightText: 2026 Neural Bake developers
#
# SPDX-License-Identifier: GPL-3.0-or-later

"""Brings a result folder into the open .blend, finds it there again, and reads it.

Convention:
    A result belongs to the object whose box was baked (object data may be shared, objects are not). Several volumes are
    one result: the first one holds it, and each of the others points at the first by ``neural_bake_source``. The light
    stays where it was baked: a moved volume does not move it.

    ==========================  =====================================================================
    ``neural_bake_manifest``    JSON text of ``manifest.json``
    ``neural_bake_weights``     bytes of ``weights.safetensors``
    ``neural_bake_matrix``      16 floats, rows first: the box [-1, 1]^3 to world, as it was baked
    ``neural_bake_scene_hash``  hash of the scene that was baked
    ``neural_bake_nRMSE`` ...   held-out errors of the method that was kept; drivers can read them
    ``neural_bake_picture_*``   the images, see result_images.py
    ==========================  =====================================================================

    Blender copies these with the object. The copy of a holder holds the same result once more, the copy of a volume
    that points points at the same holder, and either is out of date once it stands elsewhere. A holder that is deleted
    lives on, in no scene, for as long as a volume points at it.
"""

from __future__ import annotations

import functools
from pathlib import Path

import bpy

from . import result_images
from .core import artifact
from .core import light_grid as light_grids
from .core.errors import NeuralBakeError

PREFIX = "neural_bake_"
SOURCE = "neural_bake_source"
MANIFEST = "neural_bake_manifest"
WEIGHTS = "neural_bake_weights"
MATRIX = "neural_bake_matrix"
SCENE_HASH = "neural_bake_scene_hash"
WEIGHTS_FILE = "weights.safetensors"
# Types of the objects whose box can be baked.
TYPES = result_images.TYPES
MOST_CACHED = 4

# Metric, highest value of its slider, and its tooltip.
METRICS = (
    ("nRMSE", 1.0, "Root mean square error on held-out points, over the mean light"),
    ("relMSE", 1.0, "Relative mean square error on held-out points"),
    ("SMAPE", 1.0, "Symmetric mean absolute percentage error on held-out points, 0 to 1"),
    ("leak", 1.0, "Light where it should be dark, over the mean light"),
)

# Decoded results, and why others could not be, by the weights' digest and the object that holds them.
_decoded: dict[tuple[str, int], light_grids.LightGrid | NeuralBakeError] = {}


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
    for obj, grid in zip(objects, manifest["grids"], strict=True):
        clear(obj)
        obj[MATRIX] = [float(value) for row in grid["matrix"] for value in row]
        obj[SCENE_HASH] = manifest["scene_hash"]
        if obj is not objects[0]:
            obj[SOURCE] = objects[0]
    objects[0][MANIFEST] = text
    objects[0][WEIGHTS] = weights
    write_metrics(objects[0], manifest["metrics"])
    for obj in objects:
        obj.update_tag()  # or a driver that reads the errors would not find them before the file is loaded again
    result_images.pack(directory, manifest["files"], objects[0], pictures)
    return objects


def find_objects(
    scene: bpy.types.Scene, manifest: dict, renamed: dict[str, bpy.types.Object]
) -> list[bpy.types.Object]:
    """The objects that a result was baked for, in the order of its grids."""
    objects = []
    for grid in manifest.get("grids", ()):
        obj = renamed.get(grid["name"]) or _named(scene, grid["name"])
        if obj is None:
            raise NeuralBakeError(
                "no_target",
                f"Scene {scene.name} has no object {grid['name']}, which this result was baked for.",
                "Open the scene that was baked.",
            )
        objects.append(obj)
    if not objects:
        raise NeuralBakeError("no_target", "This result names no object that it was baked for.", "Bake again.")
    return objects


def _named(scene: bpy.types.Scene, name: str) -> bpy.types.Object | None:
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
            "Make it local, or bake a volume of this file.",
        )


def clear(obj: bpy.types.Object) -> None:
    """Remove every property of a result from an object."""
    for key in [key for key in obj.keys() if key.startswith(PREFIX)]:
        del obj[key]


def _hand_over(keeper: bpy.types.Object, heirs: list[bpy.types.Object]) -> None:
    """Let other volumes that point at a result keep it when its holder gets another: the first becomes the holder."""
    if not heirs or MANIFEST not in keeper:
        return
    first = heirs[0]
    found = manifest(keeper)
    for key in [key for key in keeper.keys() if key in (MANIFEST, WEIGHTS) or key.startswith(result_images.PROPERTY)]:
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
    values = metrics["held_out"][metrics["kept"]]
    for name, highest, description in METRICS:
        value = values.get(name)
        if value is None:
            continue
        key = PREFIX + name
        obj[key] = float(value)
        # A debiased error can come out slightly below zero, so only the slider begins there.
        obj.id_properties_ui(key).update(soft_min=0.0, soft_max=highest, precision=4, description=description)


def carries(obj: bpy.types.Object) -> bool:
    """Whether an object has anything of a result on it, a damaged one included."""
    return obj.type in TYPES and (MANIFEST in obj or WEIGHTS in obj or SOURCE in obj)


def holder(obj: bpy.types.Object) -> bpy.types.Object | None:
    """The object that holds the result of a volume: itself, or the one that it points at; None without a result."""
    source = obj.get(SOURCE)
    keeper = source if isinstance(source, bpy.types.Object) else obj
    return keeper if MANIFEST in keeper else None


def holders(scene: bpy.types.Scene) -> list[bpy.types.Object]:
    """The objects that hold the results of a scene's volumes, by name; copies of one result count once.

    A holder that was deleted while other volumes point at it is among them.
    """
    found: dict[object, bpy.types.Object] = {}
    for obj in sorted((obj for obj in scene.objects if carries(obj)), key=lambda obj: obj.name):
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
    return None if keeper is None else _parse(keeper[MANIFEST], keeper.name)[0]


def problem(obj: bpy.types.Object) -> str:
    """Why the result on an object cannot be used, or an empty text; quick, and never raises."""
    keeper = holder(obj)
    if keeper is None:
        if not carries(obj):
            return ""
        return f"The volume that held the result of {obj.name} is gone. Bake again, or clear this result."
    reason = _parse(keeper[MANIFEST], keeper.name)[1]
    if not reason and WEIGHTS not in keeper:
        reason = f"The result on {keeper.name} has lost its weights. Bake again."
    known = _decoded.get(_key(keeper)) if not reason else None
    return str(known) if isinstance(known, NeuralBakeError) else reason


def light_grid(obj: bpy.types.Object) -> light_grids.LightGrid:
    """The light of an object's result, decoded once and kept.

    Raises:
        NeuralBakeError: the object has no result, or a damaged one, or one of another version.
    """
    reason = problem(obj)
    keeper = holder(obj)
    if reason or keeper is None:
        raise NeuralBakeError("no_artifact", reason or f"{obj.name} holds no Neural Bake result. Bake it first.")
    key = _key(keeper)
    if key not in _decoded:
        while len(_decoded) >= MOST_CACHED:
            del _decoded[next(iter(_decoded))]
        try:
            _decoded[key] = light_grids.from_object(keeper)
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
        if obj.type in TYPES and obj.library is None and obj not in objects and obj.get(SOURCE) in objects
    ]


def _identity(keeper: bpy.types.Object) -> object:
    """What two copies of one result have in common."""
    text = keeper[MANIFEST]
    return text if isinstance(text, str) else keeper.name


def _key(keeper: bpy.types.Object) -> tuple[str, int]:
    entry = _parse(keeper[MANIFEST], keeper.name)[0]["files"].get(WEIGHTS_FILE, {})
    return str(entry.get("sha256")), keeper.session_uid


def _parse(text: object, name: str) -> tuple[dict | None, str]:
    """A manifest from its property, or why it cannot be read."""
    if not isinstance(text, str):
        return None, f"The result on {name} is damaged. Bake again."
    return _parse_text(text, name)


@functools.lru_cache(maxsize=32)
def _parse_text(text: str, name: str) -> tuple[dict | None, str]:
    source = f"The result on {name}"
    try:
        found = artifact.parse_manifest(text, source)
    except NeuralBakeError as error:
        return None, str(error)
    try:
        metrics = found["metrics"]
        rows = [*metrics["held_out"].values(), metrics.get("noise_floor", {})]
        values = [row.get(metric) for row in rows for metric, *_ in METRICS]
        whole = (
            metrics["kept"] in metrics["held_out"]
            and all(value is None or isinstance(value, (int, float)) for value in values)
            and all(isinstance(grid["name"], str) and len(grid["resolution"]) == 3 for grid in found["grids"])
        )
    except (KeyError, TypeError, AttributeError):
        whole = False
    return (found, "") if whole else (None, f"{source} is damaged. Bake again.")
