# SPDX-FileCopyrightText: 2026 Neural Bake developers
#
# SPDX-License-Identifier: GPL-3.0-or-later

"""Sentences for the report about what in the scene may surprise."""

from __future__ import annotations

from pathlib import Path

import bpy

from .scene import OpenScene

MOST_NAMES = 5


def file_notes() -> list[str]:
    """Sentences on what the file misses."""
    notes = []
    if bpy.app.autoexec_fail:
        notes.append("Scripts and Python drivers of the file were not run.")
    libraries = [library.filepath for library in bpy.data.libraries if not _exists(library.filepath, library.parent)]
    if libraries:
        notes.append(f"Linked libraries are missing, and so is all that they hold: {_names(libraries)}.")
    images = [image.filepath for image in bpy.data.images if _is_missing(image)]
    if images:
        notes.append(f"Textures are missing and rendered in magenta: {_names(images)}.")
    return notes


def scene_notes(opened: OpenScene) -> list[str]:
    """The same, and sentences on light that a point in the air cannot see as a surface would."""
    notes = file_notes()
    linked = sorted({instance.object.name for instance in opened.instances() if _is_linked_light(instance.object)})
    if linked:
        notes.append(f"These lights are linked to certain objects and do not reach the grid: {_names(linked)}.")
    displaced = sorted(
        {
            slot.material.name
            for instance in opened.instances()
            for slot in instance.object.material_slots
            if slot.material is not None and _displaces(slot.material)
        }
    )
    if displaced:
        notes.append(f"Points near surfaces do not know the displacement of these materials: {_names(displaced)}.")
    return notes


def _names(names: list[str]) -> str:
    rest = f" and {len(names) - MOST_NAMES} more" if len(names) > MOST_NAMES else ""
    return ", ".join(names[:MOST_NAMES]) + rest


def _exists(path: str, library: bpy.types.Library | None) -> bool:
    return Path(bpy.path.abspath(path, library=library)).exists()


def _is_missing(image: bpy.types.Image) -> bool:
    if image.source not in {'FILE', 'TILED', 'MOVIE'} or image.packed_files or not image.users or not image.filepath:
        return False
    if image.type != 'IMAGE' and image.source == 'FILE':
        return False
    if image.source == 'TILED':
        return not any(
            _exists(image.filepath.replace("<UDIM>", str(tile.number)), image.library) for tile in image.tiles
        )
    return not _exists(image.filepath, image.library)


def _is_linked_light(object_: bpy.types.Object) -> bool:
    linking = getattr(object_, "light_linking", None)
    return linking is not None and linking.receiver_collection is not None


def _displaces(material: bpy.types.Material) -> bool:
    if material.node_tree is None or getattr(material, "displacement_method", 'BUMP') == 'BUMP':
        return False
    output = material.node_tree.get_output_node('CYCLES')
    return output is not None and output.inputs["Displacement"].is_linked
