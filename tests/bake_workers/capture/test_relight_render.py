# SPDX-FileCopyrightText: 2026 Neural Bake developers
#
# SPDX-License-Identifier: GPL-3.0-or-later

"""Pictures of one lamp, of the rest, the view's geometry and its shadows, against closed forms."""

from __future__ import annotations

import math
from pathlib import Path

import bpy
import numpy as np
import OpenEXR
import pytest
from mathutils import Matrix

from bake_workers.capture import exr
from bake_workers.capture.relight_lamps import find_lamps
from bake_workers.capture.relight_render import Stage
from core.errors import NeuralBakeError
from tests.bake_workers.capture import builders

SIZE = 32
HALF = 2.0
"""Half the width of the view, metres: a pixel is 12.5 cm wide."""
HEIGHT = 3.0


def look_down(half: float = HALF, height: float = 10.0) -> None:
    """An orthographic camera over the origin: column x, row y from the top is (x, -y) in the world."""
    scene = bpy.context.scene
    data = bpy.data.cameras.new("Camera")
    data.type, data.ortho_scale = 'ORTHO', 2.0 * half
    scene.camera = builders.add("Camera", data, (0.0, 0.0, height))
    scene.render.resolution_x = scene.render.resolution_y = 512


def stage(names: str = "POINT") -> Stage:
    opened = builders.opened()
    return Stage(opened, find_lamps(opened, names), SIZE, SIZE, 2)


def at(*place: float) -> np.ndarray:
    matrix = np.eye(4)
    matrix[:3, 3] = place
    return matrix


def centers() -> np.ndarray:
    """World positions (SIZE, SIZE, 2) of the pixels' centres."""
    steps = (np.arange(SIZE) + 0.5) / SIZE * 2.0 * HALF - HALF
    return np.stack(np.meshgrid(steps, -steps), axis=-1)


def plane_light(power: float, place: tuple[float, float, float], albedo: float) -> np.ndarray:
    """Radiance of a diffuse plane z = 0 under a point lamp: albedo P h / (4 pi^2 r^3)."""
    steps = centers() - place[:2]
    distance = np.sqrt((steps**2).sum(axis=2) + place[2] ** 2)
    return albedo / math.pi * power / (4.0 * math.pi) * place[2] / distance**3


def picture(made: Stage, lamp: int = 0, place: tuple = (0.0, 0.0, HEIGHT), samples: int = 16) -> np.ndarray:
    return made.picture(lamp, at(*place), samples, 1, denoise=False)


def test_a_picture_is_that_lamp_alone_in_white_at_its_own_power() -> None:
    builders.empty_scene()
    builders.plate("Floor", 4.0, 0.0, builders.diffuse(0.5))
    builders.lamp('POINT', (1.0, 1.0, 1.0), energy=100.0, color=(1.0, 0.2, 0.0), shadow_soft_size=0.0)
    builders.add("Twin", bpy.data.objects["POINT"].data, (0.0, 1.0, 2.0))  # of the same lamp data
    builders.lamp('SUN', (0.0, 0.0, 5.0), energy=7.0)
    builders.sky((0.0, 0.4, 1.0), 3.0)
    glow = builders.plate("Glow", 0.2, 2.0, builders.emission(30.0), down=True)
    glow.location.x = 5.0
    look_down()
    made = stage()
    for place in ((0.0, 0.0, HEIGHT), (1.2, -0.8, 1.5)):
        expected = plane_light(100.0, place, 0.5)
        image = picture(made, place=place)
        assert image.shape == (SIZE, SIZE, 3) and image.dtype == np.float32
        np.testing.assert_allclose(image, expected[..., None].repeat(3, axis=2), rtol=0.03)


def test_the_base_and_the_lamp_in_its_colour_add_up_to_the_render() -> None:
    builders.empty_scene()
    builders.box("Room", (-3, -3, -1), (3, 3, 4), builders.diffuse(0.6), inward=True)
    builders.lamp('POINT', (0.5, 0.5, 2.0), energy=80.0, color=(1.0, 0.5, 0.25), shadow_soft_size=0.2)
    builders.lamp('SPOT', (-1.0, 0.0, 3.0), energy=50.0)
    panel = builders.plate("Panel", 0.5, 3.9, builders.emission(2.0), down=True)
    panel.visible_camera = False
    look_down(height=3.5)
    bpy.context.scene.cycles.sample_clamp_indirect = 0.0
    made = stage()
    lamp = made.picture(0, at(0.5, 0.5, 2.0), 32, 1, denoise=False)
    base = made.base(32, 2, denoise=False)
    # everything at once, as the artist's F12 would have it: the lamp is no longer hidden, and in its colour
    for item, data in made._lights:
        item.data = data
    made._set_quality(32, 3, denoise=False)
    bpy.data.objects["POINT"].visible_camera = False
    whole = np.stack([made._render()[f"Combined.{letter}"] for letter in "RGB"], axis=2)
    total = base + lamp * [1.0, 0.5, 0.25]
    assert total.mean() == pytest.approx(whole.mean(), rel=0.02)
    np.testing.assert_allclose(total.mean(axis=(0, 1)), whole.mean(axis=(0, 1)), rtol=0.02)
    assert base.mean() > 0.02 and lamp.mean() > 0.02


def test_order_does_not_matter_and_a_seed_is_a_picture() -> None:
    """What was rendered before leaves nothing behind, persistent data included."""

    def fresh() -> Stage:
        builders.empty_scene()
        builders.box("Room", (-3, -3, -1), (3, 3, 4), builders.diffuse(0.6), inward=True)
        builders.lamp('POINT', (0.5, 0.5, 2.0), energy=80.0, shadow_soft_size=0.2)
        builders.sky((1.0, 1.0, 1.0), 1.0)
        look_down(height=3.5)
        return stage()

    made = fresh()
    first = picture(made, samples=4)
    assert first.min() > 0.0
    made.base(4, 1, denoise=False)
    made.buffers(1)
    picture(made, place=(1.0, 0.0, 2.0), samples=4)
    np.testing.assert_array_equal(picture(made, samples=4), first)
    assert not np.array_equal(made.picture(0, at(0, 0, HEIGHT), 4, 2, denoise=False), first)
    np.testing.assert_array_equal(picture(fresh(), samples=4), first)


def test_denoising_comes_closer_to_the_truth() -> None:
    builders.empty_scene()
    builders.plate("Floor", 4.0, 0.0, builders.diffuse(0.5))
    builders.lamp('POINT', energy=100.0, shadow_soft_size=1.0)
    builders.box("Bar", (-0.5, -3.0, 1.0), (0.5, 3.0, 1.1), builders.diffuse(0.5))
    look_down()
    made = stage()
    truth = picture(made, samples=256)
    errors = [
        np.abs(made.picture(0, at(0, 0, HEIGHT), 2, 5, denoise=denoise) - truth).mean() for denoise in (False, True)
    ]
    assert errors[1] < 0.7 * errors[0]


def test_buffers_by_hand() -> None:
    """A floor of one colour, and a slope of 45 degrees of another over the right half of the view."""
    builders.empty_scene()
    builders.sky((1.0, 1.0, 1.0), 2.0)
    builders.plate("Floor", 1.0, 0.0, builders.material("ShaderNodeBsdfDiffuse", (0.2, 0.4, 0.6)))
    slope = builders.mesh(
        "Slope", [(0, -1, 1), (1, -1, 2), (1, 1, 2), (0, 1, 1)], [(0, 1, 2, 3)], builders.diffuse(0.8)
    )
    builders.lamp('POINT', (0, 0, 4), energy=10.0)
    assert slope.name == "Slope"
    look_down()
    buffers = stage().buffers(0)
    xy = centers()
    inside = (np.abs(xy) < 1.0).all(axis=2)
    right = inside & (xy[..., 0] > 0.0)
    left = inside & (xy[..., 0] < 0.0)
    outside = (np.abs(xy) > 1.1).any(axis=2)
    assert buffers["coverage"][inside & (np.abs(xy) < 0.8).all(axis=2)].min() == pytest.approx(1.0, abs=1e-5)
    assert all((array[outside] == 0.0).all() for array in buffers.values())
    np.testing.assert_allclose(buffers["position"][inside][:, :2], xy[inside], atol=2e-3)
    np.testing.assert_allclose(buffers["position"][left][:, 2], 0.0, atol=1e-5)
    np.testing.assert_allclose(buffers["position"][right][:, 2], 1.0 + xy[right][:, 0], atol=2e-3)
    deep = right & (xy[..., 0] > 0.2) & (np.abs(xy) < 0.8).all(axis=2)
    half = math.sqrt(0.5)
    np.testing.assert_allclose(buffers["normal"][deep], np.tile([-half, 0.0, half], (deep.sum(), 1)), atol=1e-4)
    np.testing.assert_allclose(buffers["albedo"][deep], 0.8, atol=1e-3)
    floor = left & (xy[..., 0] < -0.2) & (np.abs(xy) < 0.8).all(axis=2)
    np.testing.assert_allclose(buffers["albedo"][floor], np.tile([0.2, 0.4, 0.6], (floor.sum(), 1)), atol=1e-3)
    lengths = np.linalg.norm(buffers["normal"], axis=2)
    assert ((np.abs(lengths - 1.0) < 1e-4) | (lengths == 0.0)).all()


def test_seen_are_the_surfaces_in_view() -> None:
    builders.empty_scene()
    builders.plate("Floor", 1.0, 0.5, builders.diffuse(0.5))
    builders.lamp('POINT', (0, 0, 4), energy=10.0)
    look_down()
    seen = stage().seen(16)
    assert len(seen) == 64  # half the view each way
    np.testing.assert_allclose(seen[:, 2], 0.5, atol=1e-5)
    assert np.abs(seen[:, :2]).max() < 1.0


def visible(made: Stage, *place: float, lamp: int = 0) -> np.ndarray:
    return made.visible_share(lamp, at(*place), 3)


@pytest.mark.parametrize("kind", ["POINT", "SPOT"])
def test_the_shadow_of_a_plate_by_hand(kind: str) -> None:
    """A point at height 3 over a plate of half width 0.5 at height 1 throws a shadow of half width 0.75; a spot's cone,
    here of half width 1.3, is no shadow."""
    builders.empty_scene()
    floor = builders.plate("Floor", 4.0, 0.0, builders.material("ShaderNodeBsdfGlossy", (0.0, 0.0, 0.0)))
    plate = builders.plate("Plate", 0.5, 1.0, builders.emission(5.0))
    plate.visible_camera = False
    builders.lamp(kind, energy=10.0, shadow_soft_size=0.0)
    look_down()
    made = stage(kind)
    shares = visible(made, 0.0, 0.0, 3.0)
    reach = np.abs(centers()).max(axis=2)
    pixel = 2.0 * HALF / SIZE
    assert (shares[reach < 0.75 - pixel] == 0).all() and (shares[reach > 0.75 + pixel] == 255).all()
    moved = visible(made, 1.0, 0.0, 3.0)  # the shadow's middle lies at -0.5
    away = np.abs(centers() - [-0.5, 0.0]).max(axis=2)
    assert (moved[away < 0.75 - pixel] == 0).all() and (moved[away > 0.75 + pixel] == 255).all()
    assert (visible(made, 0.0, 0.0, -3.0) == 0).all(), "the lamp is under the floor"
    if kind == "SPOT":
        image, lit = picture(made), (reach > 0.85) & (np.linalg.norm(centers(), axis=2) < 1.1)
        assert image[reach > 1.4].max() < 0.3 * image[lit].min(), "but light that bounces"
    assert floor.name == "Floor"


def test_the_shadow_under_a_sun_is_as_large_as_the_plate() -> None:
    builders.empty_scene()
    builders.plate("Floor", 4.0, 0.0, builders.diffuse(0.5))
    builders.plate("Plate", 0.5, 1.0, builders.diffuse(0.5)).visible_camera = False
    builders.lamp('SUN', energy=3.0, angle=0.0)
    look_down()
    made = stage("SUN")
    pixel = 2.0 * HALF / SIZE
    for turn, shift in ((0.0, 0.0), (math.pi / 4.0, -1.0)):  # the sun towards +X at 45 degrees: one metre to the left
        shares = made.visible_share(0, np.array(Matrix.Rotation(turn, 4, 'Y')), 3)
        away = np.abs(centers() - [shift, 0.0]).max(axis=2)
        assert (shares[away < 0.5 - pixel] == 0).all() and (shares[away > 0.5 + pixel] == 255).all()


def test_a_half_shadow_by_hand() -> None:
    """Under an edge half of a round lamp is seen, whatever the lamp's size."""
    builders.empty_scene()
    builders.plate("Floor", 4.0, 0.0, builders.diffuse(0.5))
    edge = builders.plate("Edge", 4.0, 1.5, builders.diffuse(0.5))
    edge.location.x = -4.0
    edge.visible_camera = False
    builders.lamp('POINT', energy=10.0, shadow_soft_size=0.5)
    look_down()
    shares = visible(stage(), 0.0, 0.0, 3.0) / 255.0
    middle = shares[8:24]
    assert middle[:, :8].max() == 0.0 and middle[:, 24:].min() == 1.0
    assert middle[:, 15:17].mean() == pytest.approx(0.5, abs=0.06)
    columns = middle.mean(axis=0)
    assert (np.diff(columns) > -0.05).all()


def test_a_leaf_lets_half_of_the_light_through() -> None:
    """A material with transparency keeps it in the shadows."""
    builders.empty_scene()
    builders.plate("Floor", 4.0, 0.0, builders.diffuse(0.5))
    leaf = bpy.data.materials.new("Leaf")
    if leaf.node_tree is None:
        leaf.use_nodes = True
    next(node for node in leaf.node_tree.nodes if node.type == 'BSDF_PRINCIPLED').inputs["Alpha"].default_value = 0.5
    plate = builders.plate("Plate", 0.5, 1.0, leaf)
    plate.visible_camera = False
    builders.lamp('POINT', energy=10.0, shadow_soft_size=0.0)
    look_down()
    shares = visible(stage(), 0.0, 0.0, 3.0)
    assert shares[14:18, 14:18].mean() / 255.0 == pytest.approx(0.5, abs=0.1)


def test_a_world_turns_counter_clockwise() -> None:
    """A world that is bright towards +X alone lights a box's +X side; turned by a quarter, its +Y side."""
    builders.empty_scene()
    pixels = np.zeros((16, 32, 4), np.float32)
    pixels[..., 3] = 1.0
    # the middle of an equirectangular picture is what a camera that looks along +X sees
    pixels[6:10, 14:18, :3] = 10.0
    image = bpy.data.images.new("HDRI", 32, 16, float_buffer=True)
    image.pixels.foreach_set(pixels.ravel())
    image.pack()
    world = builders.sky((1.0, 1.0, 1.0))
    nodes, links = world.node_tree.nodes, world.node_tree.links
    texture = nodes.new("ShaderNodeTexEnvironment")
    texture.image = image
    background = next(node for node in nodes if node.type == 'BACKGROUND')
    links.new(texture.outputs["Color"], background.inputs["Color"])
    builders.lamp('SUN', energy=5.0)
    builders.box("Box", (-1, -1, -1), (1, 1, 1), builders.diffuse(0.5))
    look_down()
    camera = bpy.context.scene.camera
    bpy.context.scene.render.film_transparent = True
    opened = builders.opened()
    brightness = {}
    made = Stage(opened, find_lamps(opened, "World"), SIZE, SIZE, 2)
    for side, turn in (("+X", (math.pi / 2, 0, math.pi / 2)), ("+Y", (math.pi / 2, 0, math.pi))):
        camera.rotation_euler = turn
        camera.location = (10, 0, 0) if side == "+X" else (0, 10, 0)
        for name, angle in (("as it is", 0.0), ("turned", math.pi / 2)):
            matrix = np.array(Matrix.Rotation(angle, 4, 'Z'))
            brightness[side, name] = float(made.picture(0, matrix, 16, 1, denoise=False).mean())
    assert brightness["+X", "as it is"] > 5.0 * brightness["+Y", "as it is"]
    assert brightness["+Y", "turned"] > 5.0 * brightness["+X", "turned"]
    assert brightness["+Y", "turned"] == pytest.approx(brightness["+X", "as it is"], rel=0.1)
    assert made.base(16, 1, denoise=False).mean() > 0.0, "the sun is part of the rest"


@pytest.mark.parametrize("parts", [1, 2])
def test_exr_files_of_one_part_and_of_several(tmp_path: Path, parts: int) -> None:
    red = np.arange(12, dtype=np.float32).reshape(3, 4)
    half = np.linspace(0.0, 1.0, 12, dtype=np.float16).reshape(3, 4)
    header = {"compression": OpenEXR.NO_COMPRESSION, "type": OpenEXR.scanlineimage}
    made = [OpenEXR.Part({**header, "name": "one"}, {"View.Combined.R": red, "View.Alpha.V": half}, "one")]
    if parts == 2:
        made.append(OpenEXR.Part({**header, "name": "two"}, {"View.Normal.X": 2.0 * red}, "two"))
    with OpenEXR.File(made) as file:
        file.write(str(tmp_path / "picture.exr"))
    channels = exr.read(tmp_path / "picture.exr")
    np.testing.assert_array_equal(channels["View.Combined.R"], red)
    np.testing.assert_array_equal(channels["View.Alpha.V"], half.astype(np.float32))
    if parts == 2:
        np.testing.assert_array_equal(channels["View.Normal.X"], 2.0 * red)


def test_exr_files_that_are_not_read(tmp_path: Path) -> None:
    header = {"compression": OpenEXR.ZIP_COMPRESSION, "type": OpenEXR.scanlineimage}
    with OpenEXR.File(header, {"R": np.zeros((3, 4), np.float32)}) as file:
        file.write(str(tmp_path / "zip.exr"))
    with pytest.raises(NeuralBakeError, match="it is compressed"):
        exr.read(tmp_path / "zip.exr")
    data = (tmp_path / "zip.exr").read_bytes()
    (tmp_path / "short.exr").write_bytes(data[:100])
    with pytest.raises(NeuralBakeError, match="cannot be read"):
        exr.read(tmp_path / "short.exr")
