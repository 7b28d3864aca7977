# SPDX-FileCopyrightText: 2026 Neural Bake developers
#
# SPDX-License-Identifier: GPL-3.0-or-later

"""The baked light in the 3D View: what is lit, how finely, when anew; drawn in a window where there is one."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import numpy as np
import pytest

from blender_addon import tessellation
from tests import support


def area_of(points: tessellation.Points) -> float:
    one, two, three = (points.positions[points.triangles[:, corner]] for corner in range(3))
    return float(0.5 * np.linalg.norm(np.cross(two - one, three - one), axis=1).sum())


def test_triangles_are_cut() -> None:
    """A square of 2 m and a small triangle: the square in parts of 0.5 m at most, the small one as it is."""
    positions = np.array([(0, 0, 0), (2, 0, 0), (2, 2, 0), (0, 2, 0), (5, 0, 0), (5.2, 0, 0), (5, 0.2, 0)], np.float32)
    normals = np.array([(0, 0, 1)] * 4 + [(1, 0, 0), (0, 1, 0), (0, 0, 1)], np.float32)
    points = tessellation.Points(positions, normals, np.array([(0, 1, 2), (0, 2, 3), (4, 5, 6)], np.int32))
    longest = tessellation.longest_edges(points)
    assert longest == pytest.approx([8**0.5, 8**0.5, 0.08**0.5])
    cuts = tessellation.parts(longest, 0.5)
    assert cuts.tolist() == [8, 8, 1]  # 2.83 m of diagonal in 5.7, so 8 parts
    fine = tessellation.cut(points, cuts)
    assert len(fine.positions) == 7 + tessellation.count(cuts) == 7 + 2 * 45
    assert len(fine.triangles) == 2 * 64 + 1
    assert area_of(fine) == pytest.approx(area_of(points), rel=1e-5)
    corners = fine.positions[fine.triangles]
    assert np.linalg.norm(corners - np.roll(corners, 1, axis=1), axis=2).max() <= 0.5
    # All look the same way as before.
    facing = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])[:, 2]
    assert (facing > 0.0).all()
    assert np.allclose(np.linalg.norm(fine.normals, axis=1), 1.0)
    assert tessellation.parts(longest, 1e-12).max() == tessellation.MOST_PARTS


def test_normals_are_mixed() -> None:
    positions = np.array([(0, 0, 0), (2, 0, 0), (0, 2, 0)], np.float32)
    normals = np.array([(1, 0, 0), (0, 1, 0), (0, 0, 1)], np.float32)
    points = tessellation.Points(positions, normals, np.array([(0, 1, 2)], np.int32))
    fine = tessellation.cut(points, np.array([2]))
    middle = np.nonzero((fine.positions == (1, 0, 0)).all(axis=1))[0]
    assert np.allclose(fine.normals[middle], (2**-0.5, 2**-0.5, 0.0))


START = """
from extension import *
import numpy as np
enable()
bpy.ops.wm.open_mainfile(filepath=sys.argv[1])
results, lit_surfaces, tessellation = module("results"), module("lit_surfaces"), module("tessellation")
scene, data = bpy.context.scene, bpy.data.objects
found = {}
def add(name, block, location=(0.0, 0.0, 1.0)):
    obj = data.new(name, block)
    obj.location = location
    scene.collection.objects.link(obj)
    return obj
def box(name, location=(-1.0, 0.0, 1.0)):
    mesh = bpy.data.meshes.new(name)
    mesh.from_pydata([(x, y, z) for x in (-.1, .1) for y in (-.1, .1) for z in (-.1, .1)], [],
                     [(0, 1, 3, 2), (4, 6, 7, 5), (0, 4, 5, 1), (2, 3, 7, 6), (0, 2, 6, 4), (1, 5, 7, 3)])
    return add(name, mesh, location)
def build(earlier=None, reshaped=()):
    display = lit_surfaces.build(bpy.context, earlier, reshaped)
    return display, {(surface.name, key[2]): surface for key, surface in display.surfaces.items()}
def names(surfaces):
    return sorted({name for name, _ in surfaces})
try:
    build()
except results.NeuralBakeError as error:
    found["nothing baked"] = str(error)
"""

LIT = """
hash_of = module("bake_workers.capture.scene_hash").scene_hash
bpy.ops.neural_bake.load_result(directory=sys.argv[2])
grid = results.light_grid(data["Volume"])
one = box("One")
twin = add("Twin", one.data, (1.0, 0.2, 0.7))  # the same mesh elsewhere, in other light
one.rotation_euler, one.scale = (0.3, 1.0, -0.5), (1.0, 0.3, 2.0)
smooth = box("Smooth", (0.5, 0.5, 1.5))
smooth.data.polygons.foreach_set("use_smooth", [True] * 6)
array = box("Array", (0.2, -0.4, 0.6))
array.modifiers.new("Array", 'ARRAY')
group = bpy.data.collections.new("Group")
group.objects.link(box("Member", (0.0, 0.0, 0.2)))
scene.collection.objects.unlink(data["Member"])
for index in range(2):
    empty = add(f"Instance {index}", None, (-1.0 + index, 0.3, 0.5))
    empty.instance_type, empty.instance_collection = 'COLLECTION', group
curve = bpy.data.curves.new("Curve", 'CURVE')
curve.dimensions, curve.bevel_depth = '3D', 0.02
curve.splines.new('POLY').points.add(1)
curve.splines[0].points[1].co = (0.3, 0.0, 0.0, 1.0)
add("Curve", curve)
hidden = {"Hidden": ("hide_render", True), "Wire": ("display_type", 'WIRE'), "No Camera": ("visible_camera", False)}
for name, (key, value) in hidden.items():
    setattr(box(name), key, value)
box("Off").hide_viewport = True
broken = box("Broken")
broken.data.vertices[0].co.x = float("nan")
add("Empty Mesh", bpy.data.meshes.new("Empty Mesh"))
bpy.context.view_layer.update()
before = hash_of(scene, bpy.context.view_layer)
attributes = {mesh.name: sorted(item.name for item in mesh.attributes) for mesh in bpy.data.meshes}

display, surfaces = build()
found["names"] = names(surfaces)
close = {}
for (name, _), surface in surfaces.items():
    # by the faces' own normals
    triangles = surface.positions[surface.triangles]
    sides = np.cross(triangles[:, 1] - triangles[:, 0], triangles[:, 2] - triangles[:, 0])
    sides /= np.maximum(np.linalg.norm(sides, axis=1, keepdims=True), 1e-12)
    light = grid.irradiance(surface.positions[surface.triangles[:, 0]], sides.astype(np.float32)) / np.pi
    close[name] = bool(np.allclose(surface.light[surface.triangles[:, 0]], light, rtol=2e-3, atol=1e-3 * light.mean()))
found["close"] = close
points = {name: len(surface.positions) for (name, _), surface in surfaces.items()}
found["points"] = {name: points[name] for name in ("One", "Smooth", "Array")}
spacing = float(min(baked.grid.spacing.min() for baked in grid.grids))
edges = [surface.positions[surface.triangles] for surface in surfaces.values() if len(surface.triangles)]
longest = max(np.linalg.norm(corners - np.roll(corners, 1, axis=1), axis=2).max() for corners in edges)
found["fine"] = bool(longest <= tessellation.FINEST * spacing * 1.001)
light = [surfaces[name, ()].light.mean(axis=0).tolist() for name in ("One", "Twin")]
found["twins differ"] = light[0] != light[1]
found["instances"] = len([name for name, _ in surfaces if name.startswith("Instance")])
bright = np.concatenate([surface.light for surface in surfaces.values()])
found["exposure"] = [display.exposure, float(0.8 / np.percentile(bright, 95.0))]
left = {mesh.name: sorted(item.name for item in mesh.attributes) for mesh in bpy.data.meshes}
found["same scene"] = [before == hash_of(scene, bpy.context.view_layer), attributes == left]

# the same again is the same; what moves or changes is lit anew, and the rest kept
again, _ = build(display)
found["again"] = again is display
one.location.x += 0.5
bpy.context.view_layer.update()
moved, later = build(display)
found["moved"] = [name for (name, key) in later if later[name, key] is not surfaces[name, key]]
found["same exposure"] = moved.exposure == display.exposure
data["Twin"].hide_set(True)
bpy.context.view_layer.update()
fewer, later = build(moved)
found["hidden"] = "Twin" in names(later)
reshaped, after = build(fewer, {"Array"})  # as the handler tells of an object whose geometry has changed
found["reshaped"] = [name for (name, key) in after if after[name, key] is not later[name, key]]
data["Volume"]["neural_bake_manifest"] += " "
other, after = build(reshaped)
found["another result"] = len([1 for key in after if after[key] is reshaped.surfaces.get(key)])

# what is worked on is shown as it is
bpy.context.view_layer.objects.active = data["Room"]
bpy.ops.object.mode_set(mode='EDIT')
found["edit mode"] = "Room" in names(build()[1])
bpy.ops.object.mode_set(mode='OBJECT')

# large scenes: larger parts, and the densest objects left out
lit_surfaces.MOST_ADDED = 300
coarse, after = build()
found["coarse"] = [sum(len(one.positions) for one in group.values()) for group in (after, surfaces)]
lit_surfaces.MOST_POINTS = 50
found["left out"] = build()[0].left_out
data["Volume"]["neural_bake_weights"] = b"soup"
results.forget()
try:
    build()
except results.NeuralBakeError as error:
    found["damaged"] = str(error)
try:
    bpy.ops.neural_bake.show_light()
except RuntimeError as error:
    found["no window"] = str(error)
answer(found=found)
"""


def test_what_is_lit(blender: tuple[str, Path], user: Path, baked: Path, tiny_scene: Path) -> None:
    answer, _ = support.run_in_blender(blender[1], user, START + LIT, tiny_scene, baked)
    found = answer["found"]
    assert found["nothing baked"] == "No object of this scene has a result. Bake or load one first."
    lit = ["Array", "Curve", "Empty Mesh", "Instance 0", "Instance 1", "One", "Partition", "Room", "Smooth", "Twin"]
    assert found["names"] == lit
    close = found["close"]
    assert all(close[name] for name in lit if name not in {"Curve", "Smooth", "Empty Mesh"}), close
    assert not close["Smooth"]  # whose normals are not its faces'
    assert (found["points"]["Smooth"], found["points"]["Array"]) == (8, 2 * 24) and found["points"]["One"] > 24
    assert found["fine"] and found["twins differ"] and found["instances"] == 2
    assert found["exposure"][0] == pytest.approx(found["exposure"][1], rel=1e-4)
    assert found["same scene"] == [True, True]
    assert found["again"] and found["same exposure"]
    assert found["moved"] == ["One"] and found["reshaped"] == ["Array"]
    assert found["hidden"] is False and found["edit mode"] is False
    assert found["another result"] == 0
    assert found["coarse"][0] < found["coarse"][1] and found["left out"][0] in lit
    assert "are not those of its manifest" in found["damaged"]
    assert "no window to show the light in" in found["no window"]


def test_shown_and_back_in_a_window(user: Path, baked: Path, tiny_scene: Path, tmp_path: Path) -> None:
    if not os.environ.get("NEURAL_BAKE_BLENDER"):
        pytest.skip("NEURAL_BAKE_BLENDER names no Blender")
    scene = shutil.copy(tiny_scene, tmp_path / "scene.blend")
    script = support.ROOT / "tests" / "scripts" / "show_light.py"
    answer, result = support.run_in_window(user, script, scene, baked, tmp_path)
    changed = answer["changed"]
    for name in ("solid", "material preview", "with overlays", "after moving", "after undo", "other object hidden"):
        assert changed[name] > 0.3, (name, changed)
    for name in ("back", "after loading", "result cleared", "disabled"):
        assert changed[name] == 0.0, (name, changed)
    assert changed["parallel"] > 0.02
    assert 0.0 < changed["local view"] < changed["solid"]
    assert answer["followed"] > 0.001  # the light stands where the moved object does
    assert answer["dirty"] is False and answer["settings"] is True
    assert answer["pressed"] == [False, True, False]
    assert "Traceback" not in result.stdout + result.stderr
