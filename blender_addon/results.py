# SPDX-FileCopyrightText: 2026 Neural Bake developers
#
# SPDX-License-Identifier: GPL-3.0-or-later

"""Brings a result folder into the open .blend: custom properties on the object, and packed images.

Convention:
    A result belongs to the object whose box was baked (object data may be shared, objects are not). Several volumes are
    one result: the first one holds it, and each of the others points at the first by ``neural_bake_source``.

    ==========================  =====================================================================
    ``neural_bake_manifest``    JSON text of ``manifest.json``
    ``neural_bake_weights``     bytes of ``weights.safetensors``
    ``neural_bake_matrix``      16 floats, rows first: the box [-1, 1]^3 to world, as it was baked
    ``neural_bake_scene_hash``  hash of the scene that was baked
    ``neural_bake_nRMSE`` ...   held-out errors of the method that was kept; drivers can read them
    ==========================  =====================================================================
"""

from __future__ import annotations

from pathlib import Path

import bpy
import numpy as np

from .core import artifact
from .core.errors import NeuralBakeError

PREFIX = "neural_bake_"
SOURCE = "neural_bake_source"
WEIGHTS = "weights.safetensors"

# Name of the image datablock, and the artifact's file, the first that exists.
IMAGES = (
    ("Neural Bake Preview", ("preview.exr", "preview.png")),
    ("Neural Bake Reference", ("reference.exr", "reference.png")),
    ("Neural Bake Error", ("error.exr", "error.png")),
)
# Metric, highest value of its slider, and its tooltip.
METRICS = (
    ("nRMSE", 1.0, "Root mean square error on held-out points, over the mean light"),
    ("relMSE", 1.0, "Relative mean square error on held-out points"),
    ("SMAPE", 1.0, "Symmetric mean absolute percentage error on held-out points, 0 to 1"),
    ("leak", 1.0, "Light where it should be dark, over the mean light"),
)


def load(scene: bpy.types.Scene, directory: Path) -> list[bpy.types.Object]:
    """Write a result folder onto the scene's objects.

    Args:
        scene: scene that the result was baked from.
        directory: an artifact folder.

    Returns:
        The objects that carry it, the one with the data first.

    Raises:
        NeuralBakeError: the folder is no intact result, an object of it is missing or cannot keep properties.
    """
    manifest = artifact.read_manifest(directory)
    directory = artifact.locate(directory)
    objects = find_objects(scene, manifest)
    for obj in objects:
        require_local(obj)
    text = (directory / artifact.MANIFEST).read_text("utf-8")
    weights = (directory / WEIGHTS).read_bytes()
    for obj, grid in zip(objects, manifest["grids"], strict=True):
        clear(obj)
        obj["neural_bake_matrix"] = [float(value) for row in grid["matrix"] for value in row]
        obj["neural_bake_scene_hash"] = manifest["scene_hash"]
        if obj is not objects[0]:
            obj[SOURCE] = objects[0]
    objects[0]["neural_bake_manifest"] = text
    objects[0]["neural_bake_weights"] = weights
    write_metrics(objects[0], manifest["metrics"])
    for obj in objects:
        obj.update_tag()  # or a driver that reads the errors would not find them before the file is loaded again
    for name, files in IMAGES:
        path = next((directory / file for file in files if file in manifest["files"]), None)
        if path is not None:
            pack_image(name, path)
    return objects


def find_objects(scene: bpy.types.Scene, manifest: dict) -> list[bpy.types.Object]:
    """The objects that a result was baked for, in the order of its grids."""
    objects = []
    for grid in manifest.get("grids", ()):
        obj = scene.objects.get(grid["name"])
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


def pack_image(name: str, path: Path) -> bpy.types.Image:
    """Put an image file into the .blend as a float image in linear colour, replacing the one of that name.

    Args:
        path: an EXR in linear colour, or a PNG in sRGB.
    """
    source = bpy.data.images.load(str(path), check_existing=False)
    try:
        width, height = source.size
        pixels = np.empty((height, width, 4), np.float32)
        source.pixels.foreach_get(pixels.ravel())
        if not source.is_float:
            pixels[..., :3] = srgb_to_linear(pixels[..., :3])
    finally:
        bpy.data.images.remove(source)
    image = bpy.data.images.get(name)
    if image is not None and (image.library is not None or not image.is_float):
        image.name = f"{name}.old"
        image = None
    if image is None:
        image = bpy.data.images.new(name, width, height, alpha=False, float_buffer=True)
    elif tuple(image.size) != (width, height):
        image.scale(width, height)
    image.pixels.foreach_set(pixels.ravel())
    image.update()
    image.pack()
    image.use_fake_user = True  # nothing in the scene uses it, and Blender saves only what is used
    return image


def srgb_to_linear(values: np.ndarray) -> np.ndarray:
    """IEC 61966-2-1, from display values 0 to 1 to linear light; any shape."""
    return np.where(values <= 0.04045, values / 12.92, ((values + 0.055) / 1.055) ** 2.4).astype(np.float32)
