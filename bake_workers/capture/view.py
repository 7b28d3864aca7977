# SPDX-FileCopyrightText: 2026 Neural Bake developers
#
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the scene's camera sees, as points at which light is measured for the preview."""

from __future__ import annotations

import dataclasses
import os
from pathlib import Path

import bpy
import numpy as np

from .geometry import Geometry
from .grids import Volume
from .scene import OpenScene

OFFSET = 0.001
"""Distance of a point from the surface that it was seen on, metres."""
MOST_LAYERS = 8


@dataclasses.dataclass(frozen=True)
class ViewPoints:
    """Pixels (M,) int32, row * width + column, row 0 on top; positions and normals (M, 3) float32."""

    width: int
    height: int
    pixels: np.ndarray
    positions: np.ndarray
    normals: np.ndarray


def camera_rays(scene: bpy.types.Scene, width: int, height: int) -> tuple[np.ndarray, np.ndarray]:
    """Origins and unit directions (height * width, 3) through the pixels' centres, row by row from the top."""
    camera = scene.camera
    # the picture's corners in the camera's space, which looks along -Z, clockwise from the upper right
    frame = np.array(camera.data.view_frame(scene=scene), np.float64)
    right, down = frame[0] - frame[3], frame[2] - frame[3]
    across, along = np.meshgrid((np.arange(width) + 0.5) / width, (np.arange(height) + 0.5) / height)
    points = frame[3] + across.reshape(-1, 1) * right + along.reshape(-1, 1) * down
    if camera.data.type == 'ORTHO':
        origins = points * [1.0, 1.0, 0.0]
        directions = np.broadcast_to([0.0, 0.0, -1.0], points.shape)
    else:
        origins = np.zeros_like(points)
        directions = points / np.linalg.norm(points, axis=1, keepdims=True)
    origins = origins + directions * (camera.data.clip_start / np.abs(directions[:, 2:]))
    matrix = np.array(camera.matrix_world.normalized(), np.float64)  # a camera's scale means nothing to a render
    return origins @ matrix[:3, :3].T + matrix[:3, 3], directions @ matrix[:3, :3].T


def fingerprint(opened: OpenScene) -> list:
    """Numbers that decide what the camera sees."""
    scene, camera = opened.scene, opened.scene.camera
    if camera is None or camera.type != 'CAMERA':
        return []
    frame = [tuple(corner) for corner in camera.data.view_frame(scene=scene)]
    matrix = [list(row) for row in camera.matrix_world]
    return [matrix, frame, camera.data.type, camera.data.clip_start, picture_aspect(scene)]


def picture_aspect(scene: bpy.types.Scene) -> float:
    """Height over width of the render."""
    render = scene.render
    return (render.resolution_y * render.pixel_aspect_y) / (render.resolution_x * render.pixel_aspect_x)


def see(opened: OpenScene, geometry: Geometry, volumes: list[Volume], width: int) -> ViewPoints | None:
    """The surfaces inside the volumes that the camera sees, or None where there is no usable camera.

    Args:
        width: of the picture; its height follows the render's proportions.
    """
    scene = opened.scene
    if scene.camera is None or scene.camera.type != 'CAMERA' or not width:
        return None
    if scene.camera.data.type not in {'PERSP', 'ORTHO'}:
        opened.notes.append("The camera is panoramic, so there is no preview of its view.")
        return None
    height = max(1, round(width * picture_aspect(scene)))
    origins, directions = camera_rays(scene, width, height)
    distances, triangles = cast_visible(geometry, origins, directions)
    hit = np.flatnonzero(triangles >= 0)
    normals = geometry.normals[triangles[hit]]
    normals = np.where((normals * directions[hit]).sum(axis=1, keepdims=True) > 0.0, -normals, normals)
    positions = origins[hit] + directions[hit] * distances[hit, None] + normals * (OFFSET * opened.metre)
    inside = np.any([volume.contains(positions, 0.5) for volume in volumes], axis=0)
    return ViewPoints(
        width,
        height,
        hit[inside].astype(np.int32),
        positions[inside].astype(np.float32),
        normals[inside].astype(np.float32),
    )


def write_png(path: Path, picture: np.ndarray) -> None:
    """Write (H, W, 3) uint8 sRGB, row 0 on top; the file is whole or as it was."""
    height, width = picture.shape[:2]
    pixels = np.ones((height, width, 4), np.float32)
    pixels[..., :3] = picture[::-1] / 255.0
    image = bpy.data.images.new(path.stem, width, height)
    try:
        image.pixels.foreach_set(pixels.ravel())
        partial = path.with_suffix(".partial.png")
        image.filepath_raw, image.file_format = str(partial), 'PNG'
        image.save()
        os.replace(partial, path)
    finally:
        bpy.data.images.remove(image)


def cast_visible(geometry: Geometry, origins: np.ndarray, directions: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """As :meth:`Geometry.cast`, but through surfaces that cameras do not see."""
    distances, triangles = geometry.cast(origins, directions)
    for _ in range(MOST_LAYERS):
        hidden = np.flatnonzero((triangles >= 0) & ~geometry.camera_visible[triangles])
        if not len(hidden):
            break
        start = distances[hidden] * (1.0 + 1e-5) + 1e-6
        further, next_triangles = geometry.cast(
            origins[hidden] + directions[hidden] * start[:, None], directions[hidden]
        )
        distances[hidden], triangles[hidden] = start + further, next_triangles
    return distances, triangles
