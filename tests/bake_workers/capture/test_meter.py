# SPDX-FileCopyrightText: 2026 Neural Bake developers
#
# SPDX-License-Identifier: GPL-3.0-or-later

"""The meter against closed forms."""

from __future__ import annotations

import math
from pathlib import Path

import bpy
import numpy as np
import pytest

from bake_workers.capture.meter import CORNERS, Meter, meter_mesh
from tests.bake_workers.capture import builders
from tests.bake_workers.capture.builders import array

UP, DOWN, SIDE = (0.0, 0.0, 1.0), (0.0, 0.0, -1.0), (1.0, 0.0, 0.0)


def measure(points: list, normals: list, paths: int = 300, seed: int = 1) -> dict[str, np.ndarray]:
    """Grey irradiance (N,) at a few points."""
    light = Meter(builders.opened(), threads=2).measure(array(*points), array(*normals), paths, seed)
    for values in light.values():
        np.testing.assert_allclose(values, values[:, :1].repeat(3, axis=1), rtol=1e-5, atol=1e-6)
    return {key: values[:, 0].astype(float) for key, values in light.items()}


def square_over_point(half: float, distance: float) -> float:
    """Form factor of a parallel square straight over a point, four times that of a corner (Howell, B-3)."""
    x = half / distance
    return 4.0 / (2.0 * math.pi) * 2.0 * x / math.sqrt(1.0 + x * x) * math.atan(x / math.sqrt(1.0 + x * x))


def test_triangles_have_the_asked_position_and_normal() -> None:
    builders.empty_scene()
    normals = np.array([(0, 0, 1), (1, 0, 0), (0.6, 0, -0.8), (-0.99, 0.141067, 0)], np.float32)
    positions = np.array([(0, 0, 0), (10, 5, 3), (-7, 2, 1), (1, 1, 1)], np.float32)
    mesh = meter_mesh(positions, normals, 3e-4)
    corners = np.array([vertex.co for vertex in mesh.vertices]).reshape(-1, 3, 3)
    np.testing.assert_allclose(corners.mean(axis=1), positions, atol=1e-6)
    np.testing.assert_allclose([polygon.normal for polygon in mesh.polygons], normals, atol=0.01)


def test_white_furnace_is_pi_everywhere() -> None:
    """A white convex body in an even sky is as bright as the sky: E = pi L, however the point is turned."""
    builders.empty_scene()
    builders.sky((1.0, 1.0, 1.0), 2.0)
    bpy.ops.mesh.primitive_uv_sphere_add(radius=1.0, segments=64, ring_count=32)
    ball = bpy.context.object
    ball.data.materials.append(builders.diffuse(1.0))
    points = [(1.1, 0, 0), (1.1, 0, 0), (1.1, 0, 0), (0, 0, 3), (0, 0, 3)]
    normals = [SIDE, (-1.0, 0.0, 0.0), UP, DOWN, (0.0, 0.6, 0.8)]
    light = measure(points, normals, paths=3000)
    np.testing.assert_allclose(light["direct"] + light["indirect"], 2.0 * math.pi, rtol=0.02)
    assert light["indirect"][1] > 4.0 and light["indirect"][0] == pytest.approx(0.0, abs=1e-6)


def test_single_emitter_over_a_plane() -> None:
    """A glowing square over a black floor: E = pi L F; and over a diffuse floor nothing more reaches upward normals."""
    builders.empty_scene()
    builders.plate("Floor", 50.0, -0.01, builders.diffuse(0.0))
    builders.plate("Glow", 0.5, 2.0, builders.emission(3.0))
    light = measure([(0, 0, 0), (0, 0, 1.0), (0, 0, 1.0)], [UP, UP, DOWN], paths=3000)
    expected = [3.0 * math.pi * square_over_point(0.5, 2.0), 3.0 * math.pi * square_over_point(0.5, 1.0), 0.0]
    np.testing.assert_allclose(light["direct"], expected, rtol=0.02, atol=1e-6)
    np.testing.assert_allclose(light["indirect"], 0.0, atol=1e-6)


def test_sun_and_one_bounce() -> None:
    """A sun straight above gives its strength; the floor of albedo 0.5 sends half of it back up."""
    builders.empty_scene()
    builders.lamp('SUN', energy=3.0, angle=0.0)
    builders.plate("Floor", 2000.0, -1.0, builders.diffuse(0.5))
    light = measure([(0, 0, 0), (0, 0, 0)], [UP, DOWN], paths=3000)
    np.testing.assert_allclose(light["direct"], [3.0, 0.0], rtol=1e-3, atol=1e-6)
    np.testing.assert_allclose(light["indirect"], [0.0, 1.5], rtol=0.02, atol=1e-6)


@pytest.mark.parametrize(
    "kind, values, expected",
    [
        ('POINT', {"energy": 100.0, "shadow_soft_size": 0.0}, 100.0 / (4.0 * math.pi * 2.0**2)),
        (
            'SPOT',
            {"energy": 100.0, "shadow_soft_size": 0.0, "spot_size": 1.0, "spot_blend": 0.0},
            100.0 / (4.0 * math.pi * 2.0**2),
        ),
        ('SUN', {"energy": 2.5, "angle": 0.1}, 2.5),
        ('AREA', {"energy": 10.0, "size": 0.02}, 10.0 / (math.pi * 2.0**2)),
        ('AREA', {"energy": 10.0, "size": 200.0}, 10.0 / 200.0**2),
    ],
    ids=["point", "spot on its axis", "sun", "small area lamp", "area lamp like a ceiling"],
)
def test_lamps(kind: str, values: dict, expected: float) -> None:
    """Two metres under each lamp: a point or spot has intensity P / (4 pi), an area lamp radiance P / (pi A)."""
    builders.empty_scene()
    builders.lamp(kind, (0.0, 0.0, 2.0), **values)
    light = measure([(0, 0, 0), (0, 0, 0)], [UP, DOWN], paths=3000)
    np.testing.assert_allclose(light["direct"], [expected, 0.0], rtol=0.01, atol=1e-6)
    np.testing.assert_allclose(light["indirect"], 0.0, atol=1e-6)


def test_scene_settings_that_would_falsify_it_are_overruled() -> None:
    """Adaptive sampling, exposure, clamps, denoising and a number of samples for the view layer change nothing."""
    scene = builders.empty_scene()
    builders.lamp('SUN', energy=3.0, angle=0.0)
    builders.plate("Floor", 2000.0, -1.0, builders.diffuse(0.5))
    plain = measure([(0, 0, 0)], [DOWN], paths=999)
    cycles = scene.cycles
    cycles.use_adaptive_sampling, cycles.adaptive_threshold, cycles.film_exposure = True, 0.5, 2.0
    cycles.sample_clamp_direct = cycles.sample_clamp_indirect = 0.01
    cycles.use_denoising = True
    bpy.context.view_layer.samples = 1
    again = measure([(0, 0, 0)], [DOWN], paths=999)
    np.testing.assert_array_equal(plain["indirect"], again["indirect"])


def test_material_override_acts_on_the_scene_but_not_on_the_meter() -> None:
    scene = builders.empty_scene()
    builders.lamp('SUN', energy=3.0, angle=0.0)
    builders.plate("Floor", 2000.0, -1.0, builders.diffuse(0.5))
    builders.plate("Bare", 0.1, -0.5)  # has no material slot
    bpy.context.view_layer.material_override = builders.diffuse(0.2)
    light = measure([(0, 0, 0), (0, 0, 0)], [UP, DOWN], paths=3000)
    np.testing.assert_allclose(light["direct"], [3.0, 0.0], rtol=1e-3, atol=1e-6)
    np.testing.assert_allclose(light["indirect"], [0.0, 0.6], rtol=0.03, atol=1e-6)
    assert scene.objects["Bare"].material_slots[0].material == scene.objects["Floor"].material_slots[0].material


def test_bounces_are_the_scenes_own() -> None:
    """A glowing floor under a ceiling of albedo 0.5: no bounce, no light from above."""
    scene = builders.empty_scene()
    builders.plate("Floor", 20.0, 0.0, builders.emission(1.0))
    builders.plate("Ceiling", 20.0, 1.0, builders.diffuse(0.5), down=True)
    scene.cycles.max_bounces = scene.cycles.diffuse_bounces = 0
    light = measure([(0, 0, 0.5)], [DOWN])
    assert light["direct"][0] == pytest.approx(math.pi, rel=0.01) and light["indirect"][0] == 0.0
    scene.cycles.max_bounces = scene.cycles.diffuse_bounces = 1
    light = measure([(0, 0, 0.5), (0, 0, 0.5)], [DOWN, UP])
    np.testing.assert_allclose(light["indirect"], [0.0, 0.5 * math.pi], rtol=0.02, atol=1e-3)


def test_unit_scale_changes_only_the_triangles() -> None:
    """A room drawn in centimetres: lamp and receiver hundreds of units away from the origin, same closed form."""
    scene = builders.empty_scene()
    scene.unit_settings.scale_length = 0.01
    builders.plate("Glow", 50.0, 200.0, builders.emission(3.0))
    light = measure([(0, 0, 0), (30.0, 0, 100.0)], [UP, DOWN], paths=3000)
    expected = [3.0 * math.pi * square_over_point(50.0, 200.0), 0.0]
    np.testing.assert_allclose(light["direct"], expected, rtol=0.02, atol=1e-6)


def test_noise_is_independent_between_points_and_seeds() -> None:
    """Errors of neighbouring points, of the same points with another seed, and of the corners do not correlate."""
    builders.empty_scene()
    builders.box("Room", (-2, -2, 0), (2, 2, 3), builders.diffuse(0.6), inward=True)
    builders.lamp('AREA', (0.5, 0.5, 2.9), energy=100.0, size=0.3)
    count = 3000
    # triangles that lie in each other would make Cycles slow
    shift = np.random.default_rng(0).uniform(-0.01, 0.01, (count, 3))
    positions = (np.array([(-1.0, 0.3, 1.2)]) + shift).astype(np.float32)
    normals = np.tile(array((0.0, 0.6, 0.8)), (count, 1))
    meter = Meter(builders.opened(), threads=2)
    first = meter.measure(positions, normals, 12, 1)["indirect"][:, 0].astype(float)
    second = meter.measure(positions, normals, 12, 2)["indirect"][:, 0].astype(float)
    limit = 4.0 / math.sqrt(count)
    for step in (1, 2, 3, 64):
        assert abs(np.corrcoef(first[:-step], first[step:])[0, 1]) < limit
    assert abs(np.corrcoef(first, second)[0, 1]) < limit
    # the mean of 3 corners x 4 samples is as noisy as 12 independent paths: four times the paths, half the deviation
    finer = meter.measure(positions, normals, 48, 3)["indirect"][:, 0].astype(float)
    assert first.std() / finer.std() == pytest.approx(2.0, rel=0.15)
    assert CORNERS == 3


@pytest.mark.parametrize(
    "state, expected", [("packed", (1.0, 0.0, 0.0)), ("file", (1.0, 0.0, 0.0)), ("missing", (1.0, 0.0, 1.0))]
)
def test_textures_shine_as_in_a_render(state: str, expected: tuple, tmp_path: Path) -> None:
    """A glowing ceiling with a red picture on it; one whose file is gone renders in magenta."""
    builders.empty_scene()
    image = bpy.data.images.new("Red", 4, 4)
    image.pixels = [1.0, 0.0, 0.0, 1.0] * 16
    image.filepath_raw, image.file_format = str(tmp_path / "red.png"), 'PNG'
    image.save()
    if state == "packed":
        image.pack()
    material = builders.emission(1.0)
    nodes = material.node_tree.nodes
    texture = nodes.new("ShaderNodeTexImage")
    texture.image = image
    material.node_tree.links.new(texture.outputs["Color"], nodes["Emission"].inputs["Color"])
    plate = builders.plate("Ceiling", 20.0, 1.0, material, down=True)
    plate.data.uv_layers.new()
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "scene.blend"), check_existing=False)
    if state != "file":
        (tmp_path / "red.png").unlink()
    bpy.ops.wm.open_mainfile(filepath=str(tmp_path / "scene.blend"))
    light = Meter(builders.opened(), threads=2).measure(array((0, 0, 0)), array(UP), 300, 1)
    np.testing.assert_allclose(light["direct"][0], np.pi * np.array(expected), rtol=0.02, atol=1e-4)


def test_hidden_lamps_and_collections_give_no_light() -> None:
    scene = builders.empty_scene()
    builders.lamp('SUN', energy=3.0).hide_render = True
    hidden = bpy.data.collections.new("Hidden")
    scene.collection.children.link(hidden)
    hidden.hide_render = True
    sun = builders.lamp('SUN', energy=5.0)
    scene.collection.objects.unlink(sun)
    hidden.objects.link(sun)
    builders.lamp('SUN', energy=1.0)
    assert measure([(0, 0, 0)], [UP])["direct"][0] == pytest.approx(1.0, rel=1e-3)
