# SPDX-FileCopyrightText: 2026 Neural Bake developers
#
# SPDX-License-Identifier: GPL-3.0-or-later

"""Opening scenes, and what is refused or noted."""

from __future__ import annotations

from pathlib import Path

import bpy
import numpy as np
import pytest

from bake_workers.capture import scene as scenes
from bake_workers.capture.geometry import collect
from bake_workers.capture.lights import require_light
from bake_workers.capture.notes import scene_notes
from core.errors import NeuralBakeError
from tests.bake_workers.capture import builders

JOB = {"scene": None, "view_layer": None, "frame": None, "cycles": {"compute_device_type": "NONE", "devices": []}}


def save(path: Path) -> Path:
    bpy.ops.wm.save_as_mainfile(filepath=str(path), check_existing=False, compress=False)
    return path


def open_(path: Path, **values: object) -> scenes.OpenScene:
    return scenes.open_scene(path, {**JOB, **values})


def refused(path: Path, **values: object) -> NeuralBakeError:
    with pytest.raises(NeuralBakeError) as caught:
        open_(path, **values)
    assert caught.value.exit_code == 2
    return caught.value


def test_missing_and_unreadable_files(tmp_path: Path) -> None:
    assert refused(tmp_path / "absent.blend").code == "missing_blend"
    (tmp_path / "junk.blend").write_bytes(b"not a blend file at all" * 100)
    assert refused(tmp_path / "junk.blend").code == "unreadable_blend"
    builders.empty_scene()
    whole = save(tmp_path / "whole.blend").read_bytes()
    (tmp_path / "half.blend").write_bytes(whole[: len(whole) // 2])
    assert refused(tmp_path / "half.blend").code == "unreadable_blend"


def test_a_file_of_a_newer_blender_is_refused(tmp_path: Path) -> None:
    builders.empty_scene()
    path = save(tmp_path / "newer.blend")
    major, minor = bpy.app.version[:2]
    data = path.read_bytes()
    old, new = (
        (f"v{major:02d}{minor:02d}", f"v{major + 1:02d}00")
        if major >= 5
        else (f"v{major}0{minor}", f"v{major}0{minor + 1}")
    )
    assert old.encode() in data[:20]
    path.write_bytes(data[:20].replace(old.encode(), new.encode()) + data[20:])
    error = refused(path)
    assert error.code == "newer_blend" and "newer" in error.message and "Bake it with Blender" in error.hint


def test_scene_view_layer_and_frame_are_chosen_by_name(tmp_path: Path) -> None:
    builders.empty_scene()
    other = bpy.data.scenes.new("Other")
    other.view_layers.new("Second")
    other.frame_current = 3
    path = save(tmp_path / "scenes.blend")
    opened = open_(path, scene="Other", view_layer="Second", frame=7)
    assert (opened.scene.name, opened.view_layer.name, opened.scene.frame_current) == ("Other", "Second", 7)
    assert open_(path, scene="Other").scene.frame_current == 3
    assert refused(path, scene="Nobody").code == refused(path, view_layer="Nobody").code == "unknown_name"


def test_animated_visibility_and_linked_libraries_are_taken_as_rendered(tmp_path: Path) -> None:
    """A library's collection, linked and instanced, with a modifier that only renders, and a hidden object in it."""
    scene = builders.empty_scene()
    collection = bpy.data.collections.new("Lib")
    scene.collection.children.link(collection)
    for name in ("Plate", "Hidden"):
        object_ = builders.plate(name, 1.0, 0.0)
        scene.collection.objects.unlink(object_)
        collection.objects.link(object_)
    modifier = bpy.data.objects["Plate"].modifiers.new("Array", 'ARRAY')
    modifier.count, modifier.show_viewport = 3, False
    bpy.data.objects["Hidden"].hide_render = True
    save(tmp_path / "library.blend")
    scene = builders.empty_scene()
    with bpy.data.libraries.load(str(tmp_path / "library.blend"), link=True) as (_, into):
        into.collections = ["Lib"]
    scene.collection.children.link(into.collections[0])
    empty = builders.add("Instance", None, (0, 0, 3))
    empty.instance_type, empty.instance_collection = 'COLLECTION', into.collections[0]
    blinking = builders.plate("Blinking", 1.0, -1.0)
    for frame, hidden in ((1, True), (2, False)):
        blinking.hide_viewport = blinking.hide_render = hidden
        blinking.keyframe_insert("hide_viewport", frame=frame)
        blinking.keyframe_insert("hide_render", frame=3 - frame)
    path = save(tmp_path / "user.blend")
    for frame, area in ((1, 12.0 + 12.0 + 4.0), (2, 24.0)):
        geometry = collect(open_(path, frame=frame), np.full(3, -5.0), np.full(3, 5.0))
        assert geometry.areas.sum() == pytest.approx(area), frame
    before = open_(path).digest
    bpy.ops.wm.open_mainfile(filepath=str(tmp_path / "library.blend"))
    bpy.data.meshes["Plate"].vertices[0].co.z = 0.5
    save(tmp_path / "library.blend")
    assert open_(path).digest != before


def test_is_viewport_nodes_say_no() -> None:
    """A node group that shows ten times less in the viewport."""
    builders.empty_scene()
    group = bpy.data.node_groups.new("Viewport", 'GeometryNodeTree')
    group.interface.new_socket("Geometry", in_out='OUTPUT', socket_type='NodeSocketGeometry')
    switch, output = group.nodes.new("GeometryNodeSwitch"), group.nodes.new("NodeGroupOutput")
    viewport = group.nodes.new("GeometryNodeIsViewport")
    switch.input_type = 'GEOMETRY'
    for socket, size in ((switch.inputs[1], 2.0), (switch.inputs[2], 1.0)):
        grid = group.nodes.new("GeometryNodeMeshGrid")
        grid.inputs["Size X"].default_value = size
        group.links.new(grid.outputs["Mesh"], socket)
    group.links.new(viewport.outputs[0], switch.inputs[0])
    group.links.new(switch.outputs[0], output.inputs[0])
    builders.plate("Plate", 1.0, 0.0).modifiers.new("Nodes", 'NODES').node_group = group
    opened = builders.opened()
    assert collect(opened, np.full(3, -5.0), np.full(3, 5.0)).areas.sum() == pytest.approx(1.0)
    scenes.show_as_rendered(opened.scene, opened.view_layer)
    assert collect(opened, np.full(3, -5.0), np.full(3, 5.0)).areas.sum() == pytest.approx(2.0)


def emissive_principled() -> None:
    material = bpy.data.materials.new("Principled")
    material.use_nodes = True
    node = next(node for node in material.node_tree.nodes if node.type == 'BSDF_PRINCIPLED')
    node.inputs["Emission Color"].default_value = (1, 0, 0, 1)
    node.inputs["Emission Strength"].default_value = 2.0
    builders.plate("Glow", 1.0, 0.0, material)


LIGHTS = {
    "nothing": (lambda: None, False),
    "a diffuse plate": (lambda: builders.plate("Plate", 1.0, 0.0, builders.diffuse(0.5)), False),
    "a lamp": (lambda: builders.lamp('POINT', energy=1.0), True),
    "a lamp without power": (lambda: builders.lamp('POINT', energy=0.0), False),
    "a lamp hidden in renders": (lambda: setattr(builders.lamp('SUN', energy=1.0), "hide_render", True), False),
    "a lamp hidden in the viewport": (lambda: setattr(builders.lamp('SUN', energy=1.0), "hide_viewport", True), True),
    "an emissive mesh": (lambda: builders.plate("Glow", 1.0, 0.0, builders.emission(1.0)), True),
    "an emissive mesh of strength 0": (lambda: builders.plate("Glow", 1.0, 0.0, builders.emission(0.0)), False),
    "a principled emitter": (emissive_principled, True),
    "an unused emissive material": (lambda: builders.emission(1.0), False),
    "a sky": (lambda: builders.sky((0.1, 0.0, 0.0)), True),
    "a black sky": (lambda: builders.sky((0.0, 0.0, 0.0)), False),
}


@pytest.mark.parametrize("add, shines", LIGHTS.values(), ids=LIGHTS)
def test_a_scene_without_light_is_refused(add: object, shines: bool) -> None:
    builders.empty_scene()
    add()
    opened = builders.opened()
    scenes.show_as_rendered(opened.scene, opened.view_layer)
    if shines:
        require_light(opened)
    else:
        with pytest.raises(NeuralBakeError) as caught:
            require_light(opened)
        assert caught.value.code == "no_light" and caught.value.exit_code == 2


def test_notes_on_what_may_surprise(tmp_path: Path) -> None:
    scene = builders.empty_scene()
    assert scene_notes(builders.opened()) == []
    image = bpy.data.images.new("Wood", 4, 4)
    image.source, image.filepath, image.use_fake_user = 'FILE', str(tmp_path / "wood.png"), True
    lamp = builders.lamp('POINT', energy=1.0)
    receivers = bpy.data.collections.new("Receivers")
    lamp.light_linking.receiver_collection = receivers
    material = builders.diffuse(0.5)
    material.displacement_method = 'DISPLACEMENT'
    nodes = material.node_tree.nodes
    bump = nodes.new("ShaderNodeDisplacement")
    material.node_tree.links.new(bump.outputs[0], nodes["Material Output"].inputs["Displacement"])
    builders.plate("Bricks", 1.0, 0.0, material)
    notes = " ".join(scene_notes(builders.opened()))
    assert "wood.png" in notes and "magenta" in notes
    assert "POINT" in notes and "linked to certain objects" in notes
    assert material.name in notes and "displacement" in notes
    assert scene.objects


def test_a_missing_library_is_noted(tmp_path: Path) -> None:
    builders.empty_scene()
    builders.plate("Plate", 1.0, 0.0)
    save(tmp_path / "gone.blend")
    scene = builders.empty_scene()
    with bpy.data.libraries.load(str(tmp_path / "gone.blend"), link=True) as (_, into):
        into.objects = ["Plate"]
    scene.collection.objects.link(into.objects[0])
    path = save(tmp_path / "user.blend")
    (tmp_path / "gone.blend").unlink()
    assert "gone.blend" in " ".join(scene_notes(open_(path)))


def test_devices_that_are_not_there_mean_the_cpu(tmp_path: Path) -> None:
    scene = builders.empty_scene()
    scene.cycles.device = 'GPU'
    path = save(tmp_path / "gpu.blend")
    assert open_(path).scene.cycles.device == 'CPU' and open_(path).notes == []
    opened = open_(path, cycles={"compute_device_type": "CUDA", "devices": ["No such device"]})
    assert opened.scene.cycles.device == 'CPU' and "CPU" in opened.notes[0]
    opened = open_(path, cycles={"compute_device_type": "NONSENSE", "devices": ["No such device"]})
    assert opened.scene.cycles.device == 'CPU' and "CPU" in opened.notes[0]
