# SPDX-FileCopyrightText: 2026 Neural Bake developers
#
# SPDX-License-Identifier: GPL-3.0-or-later

"""The scene's digest: what it sees and what it does not."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import bpy
import numpy as np
import pytest

from bake_workers.capture.scene import show_as_rendered
from bake_workers.capture.scene_hash import scene_hash, scene_hash_steps
from tests.bake_workers.capture import builders


def digest() -> str:
    bpy.context.view_layer.update()
    return scene_hash(bpy.context.scene, bpy.context.view_layer)


def build() -> bpy.types.Scene:
    """A little of everything that light depends on."""
    scene = builders.empty_scene()
    plate = builders.plate("Plate", 1.0, 0.0, builders.diffuse(0.5))
    image = bpy.data.images.new("Image", 4, 4)
    image.pixels = np.linspace(0, 1, 64)
    image.pack()
    tree = plate.data.materials[0].node_tree
    texture = tree.nodes.new("ShaderNodeTexImage")
    texture.image = image
    ramp = tree.nodes.new("ShaderNodeValToRGB")
    tree.links.new(texture.outputs["Color"], ramp.inputs["Fac"])
    tree.links.new(ramp.outputs["Color"], tree.nodes["Diffuse BSDF"].inputs["Color"])
    plate.modifiers.new("Subdivision", 'SUBSURF').levels = 1
    builders.lamp('SUN', energy=2.0)
    builders.lamp('AREA', (0, 0, 3), energy=10.0)
    curve = bpy.data.curves.new("Curve", 'CURVE')
    curve.splines.new('POLY').points.add(1)
    builders.add("Curve", curve)
    group = bpy.data.collections.new("Group")
    builders.box("Member", (0, 0, 0), (1, 1, 1))
    group.objects.link(scene.objects["Member"])
    empty = builders.add("Instance", None, (5, 0, 0))
    empty.instance_type, empty.instance_collection = 'COLLECTION', group
    scene.camera = builders.add("Camera", bpy.data.cameras.new("Camera"))
    builders.probe_volume("Volume", (0, 0, 0), (1, 1, 1))
    builders.add("Inside.room", None)
    return scene


def node(name: str) -> bpy.types.Node:
    return bpy.data.objects["Plate"].data.materials[0].node_tree.nodes[name]


def move(name: str) -> None:
    bpy.data.objects[name].location.x += 0.01


def change_pixel() -> None:
    image = bpy.data.images["Image"]
    pixels = np.array(image.pixels)
    pixels[5] += 0.5
    image.pixels = pixels
    image.pack()


def unlink() -> None:
    tree = bpy.data.objects["Plate"].data.materials[0].node_tree
    tree.links.remove(tree.links[0])


def edit_plate(distance: float) -> None:
    """Go into edit mode, where a mesh's own arrays are empty, and move a vertex."""
    import bmesh  # the bpy module brings it, and must be loaded before

    plate = bpy.data.objects["Plate"]
    bpy.context.view_layer.objects.active = plate
    bpy.ops.object.mode_set(mode='EDIT')
    mesh = bmesh.from_edit_mesh(plate.data)
    mesh.verts.ensure_lookup_table()
    mesh.verts[0].co.z += distance
    bmesh.update_edit_mesh(plate.data)


CHANGES: dict[str, Callable[[], object]] = {
    "a vertex": lambda: setattr(bpy.data.objects["Plate"].data.vertices[0], "co", (-1.0, -1.0, 0.01)),
    "a vertex in edit mode": lambda: edit_plate(0.01),
    "a vertex of an instance": lambda: setattr(bpy.data.objects["Member"].data.vertices[0], "co", (0, 0, 0.01)),
    "a material's value": lambda: setattr(node("Diffuse BSDF").inputs["Roughness"], "default_value", 0.3),
    "a material's colour ramp": lambda: setattr(node("Color Ramp").color_ramp.elements[0], "position", 0.1),
    "a node's option": lambda: setattr(node("Image Texture"), "interpolation", 'Closest'),
    "a link": unlink,
    "a pixel": change_pixel,
    "an object's place": lambda: move("Plate"),
    "an instance's place": lambda: move("Instance"),
    "a lamp's place": lambda: move("AREA"),
    "the sun's direction": lambda: setattr(bpy.data.objects["SUN"], "rotation_euler", (0.1, 0.0, 0.0)),
    "a lamp's power": lambda: setattr(bpy.data.lights["AREA"], "energy", 11.0),
    "a lamp's size": lambda: setattr(bpy.data.lights["AREA"], "size", 0.5),
    "the world": lambda: setattr(
        bpy.context.scene.world.node_tree.nodes["Background"].inputs["Strength"], "default_value", 2.0
    ),
    "another world": lambda: builders.sky((0.1, 0.2, 0.3)),
    "the bounces": lambda: setattr(bpy.context.scene.cycles, "diffuse_bounces", 3),
    "an object hidden in renders": lambda: setattr(bpy.data.objects["Plate"], "hide_render", True),
    "an object hidden from diffuse rays": lambda: setattr(bpy.data.objects["Plate"], "visible_diffuse", False),
    "render levels": lambda: setattr(bpy.data.objects["Plate"].modifiers[0], "render_levels", 3),
    "a modifier off in renders": lambda: setattr(bpy.data.objects["Plate"].modifiers[0], "show_render", False),
    "a curve's point": lambda: setattr(bpy.data.curves["Curve"].splines[0].points[1], "co", (1, 2, 3, 1)),
    "the unit": lambda: setattr(bpy.context.scene.unit_settings, "scale_length", 0.01),
    "a material override": lambda: setattr(
        bpy.context.view_layer, "material_override", bpy.data.objects["Plate"].data.materials[0]
    ),
}

NO_CHANGES: dict[str, Callable[[], object]] = {
    "the camera": lambda: move("Camera"),
    "the volume": lambda: move("Volume"),
    "a marker": lambda: move("Inside.room"),
    "a selection": lambda: bpy.data.objects["Plate"].select_set(True),
    "the viewport's levels": lambda: setattr(bpy.data.objects["Plate"].modifiers[0], "levels", 2),
    "a modifier off in the viewport": lambda: setattr(bpy.data.objects["Plate"].modifiers[0], "show_viewport", False),
    "an object hidden in the viewport": lambda: setattr(bpy.data.objects["Plate"], "hide_viewport", True),
    "an eye": lambda: bpy.data.objects["Plate"].hide_set(True),
    "a display type": lambda: setattr(bpy.data.objects["Plate"], "display_type", 'WIRE'),
    "a node's place": lambda: setattr(node("Diffuse BSDF"), "location", (500.0, 10.0)),
    "a material's viewport colour": lambda: setattr(
        bpy.data.objects["Plate"].data.materials[0], "diffuse_color", (1, 0, 0, 1)
    ),
    "the number of samples": lambda: setattr(bpy.context.scene.cycles, "samples", 7),
    "the frame of a still scene": lambda: bpy.context.scene.frame_set(5),
    "the whole render state": lambda: show_as_rendered(bpy.context.scene, bpy.context.view_layer),
    "a result of ours": lambda: bpy.data.objects["Plate"].__setitem__("neural_bake_manifest", "{}"),
    "vertex colours of ours": lambda: bpy.data.objects["Plate"].data.attributes.new(
        "neural_irradiance", 'FLOAT_COLOR', 'CORNER'
    ),
    "edit mode": lambda: edit_plate(0.0),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_what_changes_light_changes_it(change: Callable[[], object]) -> None:
    build()
    before = digest()
    assert before == digest()
    change()
    assert before != digest()


@pytest.mark.parametrize("change", NO_CHANGES.values(), ids=NO_CHANGES)
def test_what_does_not_does_not(change: Callable[[], object]) -> None:
    build()
    before = digest()
    change()
    assert before == digest()


def test_steps_end_with_the_same_digest() -> None:
    scene = build()
    *steps, last = scene_hash_steps(scene, bpy.context.view_layer)
    assert len(steps) > 10 and set(steps) == {None}
    assert last == digest()


def test_copies_and_saved_files_are_equal(tmp_path: Path) -> None:
    build()
    before = digest()
    for name in ("one.blend", "two.blend"):
        bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / name), copy=True, compress=name == "two.blend")
        assert digest() == before
    for name in ("one.blend", "two.blend"):
        bpy.ops.wm.open_mainfile(filepath=str(tmp_path / name))
        assert digest() == before


def test_an_animated_scene_depends_on_its_frame() -> None:
    scene = build()
    sun = scene.objects["SUN"]
    for frame, angle in ((1, 0.0), (11, 1.0)):
        sun.rotation_euler.x = angle
        sun.keyframe_insert("rotation_euler", frame=frame)
    scene.frame_set(1)
    first = digest()
    scene.frame_set(6)
    assert digest() != first
    scene.frame_set(1)
    assert digest() == first
