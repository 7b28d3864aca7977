# SPDX-FileCopyrightText: 2026 Neural Bake developers
#
# SPDX-License-Identifier: GPL-3.0-or-later

"""Rays from probes, and the camera's view."""

from __future__ import annotations

import math

import bpy
import numpy as np
import pytest
from mathutils import Euler, Matrix

from bake_workers.capture.geometry import FAR, collect
from bake_workers.capture.probes import fibonacci_sphere, sight, trace
from bake_workers.capture.view import camera_rays, see
from core.light_grid.sight import unpack
from tests.bake_workers.capture import builders


def test_fibonacci_directions_are_even() -> None:
    directions = fibonacci_sphere(512).astype(float)
    np.testing.assert_allclose(np.linalg.norm(directions, axis=1), 1.0, atol=1e-6)
    np.testing.assert_allclose(directions.mean(axis=0), 0.0, atol=2e-3)
    np.testing.assert_allclose(directions.T @ directions / 512, np.eye(3) / 3.0, atol=2e-3)
    nearest = np.sort(directions @ directions.T, axis=1)[:, -2]
    assert np.degrees(np.arccos(nearest)).min() > 3.0


def test_sight_stops_at_a_wall() -> None:
    """Two probes with a wall of a centimetre half-way between them; a fiftieth of their distance is the bias."""
    builders.empty_scene()
    builders.box("Wall", (-0.005, -5, -5), (0.005, 5, 5))
    volume = builders.volume((-1, -0.5, -0.5), (1, 0.5, 0.5), (2, 1, 1))
    geometry = collect(builders.opened(), np.array((-1.0, -1, -1)), np.array((1.0, 1, 1)))
    positions = np.array([(-0.2, 0, 0), (0.2, 0, 0), (-0.01, 0, 0), (-9, 0, 0)], np.float32)
    # the third one's look-up is behind the wall, so that its own place decides; the last one is far outside
    normals = np.array([(0, 0, 1), (0, 0, 1), (1, 0, 0), (0, 0, 1)], np.float32)
    seen = unpack(sight(geometry, [volume], positions, normals)[:, 0])
    left = volume.corner_probes(np.zeros(1, int))[0] == 0
    np.testing.assert_array_equal(seen, [left, ~left, left, np.zeros(8, bool)])


def test_distances_signs_and_back_faces() -> None:
    """A probe in a room, one inside a closed block, and one that sees the sky over a floor."""
    builders.empty_scene()
    builders.box("Room", (-1, -1, -1), (1, 1, 1), inward=True)
    builders.box("Block", (9, -1, -1), (11, 1, 1))
    builders.plate("Floor", 100.0, -2.0)
    volumes = [builders.volume((x - 0.5, -0.5, -0.5), (x + 0.5, 0.5, 0.5), (1, 1, 1)) for x in (0, 10, 20)]
    geometry = collect(builders.opened(), np.array((-1.0, -1, -2)), np.array((21.0, 1, 1)))
    calls = []
    rays = trace(geometry, volumes, 256, lambda done, total: calls.append((done, total)))
    directions = rays.directions.astype(float)
    to_cube = 1.0 / np.abs(directions).max(axis=1)
    np.testing.assert_allclose(rays.distances[0], to_cube, rtol=1e-4)
    np.testing.assert_allclose(rays.distances[1], -to_cube, rtol=1e-4)
    up, steep = directions[:, 2] > 0.0, directions[:, 2] < -0.5
    clear = np.abs(directions[:, 0]) < 0.3  # away from the other two
    np.testing.assert_array_equal(rays.distances[2][up & clear], FAR)
    np.testing.assert_allclose(rays.distances[2][steep & clear], -2.0 / directions[steep & clear, 2], rtol=1e-4)
    np.testing.assert_allclose(rays.backfaces[:2], [0.0, 1.0])
    assert rays.distances.dtype == np.float32 and calls[-1] == (3, 3)


def place_camera(**values: object) -> bpy.types.Object:
    scene = bpy.context.scene
    data = bpy.data.cameras.new("Camera")
    for key, value in values.items():
        setattr(data, key, value)
    scene.camera = builders.add("Camera", data)
    scene.render.resolution_x, scene.render.resolution_y = 200, 100
    return scene.camera


def test_perspective_rays_start_at_the_upper_left() -> None:
    """Field of view 90 degrees across, looking along -Z: the first of 2 x 1 pixels looks at (-1/2, 0, -1)."""
    builders.empty_scene()
    camera = place_camera(angle=math.radians(90.0), clip_start=0.5)
    camera.scale = (3.0, 3.0, 3.0)
    bpy.context.view_layer.update()
    origins, directions = camera_rays(bpy.context.scene, 2, 1)
    np.testing.assert_allclose(directions, np.array([(-0.5, 0, -1), (0.5, 0, -1)]) / math.hypot(0.5, 1.0), atol=1e-6)
    np.testing.assert_allclose(origins[:, 2], -0.5, atol=1e-6)
    _, directions = camera_rays(bpy.context.scene, 4, 2)
    assert directions[0][0] < 0 < directions[0][1] and directions[-1][0] > 0 > directions[-1][1]


def test_shift_and_orthographic_rays() -> None:
    builders.empty_scene()
    camera = place_camera(type='ORTHO', ortho_scale=4.0, shift_x=0.25, clip_start=0.1)
    camera.location = (10.0, 0.0, 5.0)
    bpy.context.view_layer.update()
    origins, directions = camera_rays(bpy.context.scene, 4, 2)
    np.testing.assert_allclose(directions, np.tile((0.0, 0.0, -1.0), (8, 1)), atol=1e-6)
    np.testing.assert_allclose(origins[0], (10.0 - 1.5 + 1.0, 0.5, 4.9), atol=1e-5)
    np.testing.assert_allclose(origins[-1], (10.0 + 1.5 + 1.0, -0.5, 4.9), atol=1e-5)


def test_view_points_are_what_the_picture_shows() -> None:
    """A sheet, seen from behind, in front of a floor; of the floor only what is inside the volume."""
    scene = builders.empty_scene()
    builders.plate("Floor", 10.0, 0.0)
    builders.plate("Sheet", 0.5, 1.0, down=True)
    camera = place_camera(type='ORTHO', ortho_scale=8.0)
    camera.location = (0.0, 0.0, 5.0)
    volume = builders.volume((-2, -2, -0.1), (2, 2, 2), (4, 4, 4))
    opened = builders.opened()
    geometry = collect(opened, *volume.bounds())
    view = see(opened, geometry, [volume], 16)
    assert (view.width, view.height) == (16, 8)
    assert view.pixels.dtype == np.int32 and (np.diff(view.pixels) > 0).all()
    row, column = np.divmod(view.pixels, 16)
    x, y = (column + 0.5) / 2.0 - 4.0, 2.0 - (row + 0.5) / 2.0
    np.testing.assert_allclose(view.positions[:, :2], np.stack([x, y], -1), atol=1e-5)
    np.testing.assert_allclose(view.normals, np.tile((0, 0, 1), (len(x), 1)), atol=1e-6)
    on_sheet = np.maximum(np.abs(x), np.abs(y)) < 0.5
    assert on_sheet.sum() == 4
    np.testing.assert_allclose(view.positions[:, 2], np.where(on_sheet, 1.001, 0.001), atol=1e-5)
    assert set(column) == set(range(3, 13)) and set(row) == set(range(8))  # half a cell further than the box
    scene.objects["Sheet"].visible_camera = False
    geometry = collect(builders.opened(), *volume.bounds())
    np.testing.assert_allclose(see(opened, geometry, [volume], 16).positions[:, 2], 0.001, atol=1e-5)


def test_no_camera_no_view() -> None:
    scene = builders.empty_scene()
    builders.plate("Floor", 10.0, 0.0)
    volume = builders.volume((-2, -2, -0.1), (2, 2, 2))
    opened = builders.opened()
    geometry = collect(opened, *volume.bounds())
    assert see(opened, geometry, [volume], 16) is None
    camera = place_camera(type='PANO')
    camera.matrix_world = Matrix.Translation((0, 0, 1)) @ Euler((1, 0, 0)).to_matrix().to_4x4()
    assert scene.camera is camera
    assert see(builders.opened(), geometry, [volume], 0) is None
    assert see(opened, geometry, [volume], 16) is None and "panoramic" in opened.notes[0]


@pytest.mark.parametrize("resolution, height", [((200, 100), 32), ((100, 200), 128)])
def test_the_pictures_proportions_are_the_renders(resolution: tuple[int, int], height: int) -> None:
    scene = builders.empty_scene()
    builders.plate("Floor", 10.0, 0.0)
    place_camera().location = (0, 0, 1)
    scene.render.resolution_x, scene.render.resolution_y = resolution
    volume = builders.volume((-2, -2, -0.1), (2, 2, 2))
    view = see(builders.opened(), collect(builders.opened(), *volume.bounds()), [volume], 64)
    assert (view.width, view.height) == (64, height)
