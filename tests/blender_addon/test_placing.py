# SPDX-FileCopyrightText: 2026 Neural Bake developers
#
# SPDX-License-Identifier: GPL-3.0-or-later

"""``bpy.ops.neural_bake.add_volume`` and ``fit_volume``."""

from __future__ import annotations

from pathlib import Path

from tests import support


def run(blender: tuple[str, Path], user: Path, code: str, *words: object) -> dict:
    answer, _ = support.run_in_blender(blender[1], user, "from placing import *\n" + code, *words)
    return answer


def test_a_volume_is_added_around_what_renders_see(blender: tuple[str, Path], user: Path) -> None:
    """Modifiers, instances, curves, texts and metaballs count; lamps, cameras, empties, probes and the hidden not."""
    code = """
found = {}
def add(**words):
    result = call("add_volume", **words)
    obj = bpy.context.object
    if result[0] == "CANCELLED":
        return result[1]
    assert obj.select_get() and bpy.context.selected_objects == [obj]
    found_ = [box(obj), counts(obj)]
    bpy.data.objects.remove(obj)
    return found_

scene = fresh()
scene.neural_bake.spacing = 1.0
found["empty"] = add()
found["unselected"] = add(fit='SELECTION')
lamp = link("Lamp", bpy.data.lights.new("Lamp", 'POINT'), (90, 0, 0))
link("Camera", bpy.data.cameras.new("Camera"), (90, 0, 0))
link("Empty", None, (90, 0, 0))
volume("Other", (90, 0, 0))
volume_count = len(bpy.data.objects)
found["nothing"] = add()
select(lamp)
found["lamp"] = add(fit='SELECTION')
assert len(bpy.data.objects) == volume_count and len(bpy.data.lightprobes) == 1

first = cube("First")
first.modifiers.new("Array", 'ARRAY').count = 3
found["array"] = add()
hidden = cube("Hidden", (0, 0, 50))
hidden.hide_render = True
found["hidden"] = add()
select(hidden)
found["hidden but selected"] = add(fit='SELECTION')
off = cube("Off", (0, -8, 0))
off.hide_viewport = True  # renders see it
found["not in viewports"] = add()
bpy.data.objects.remove(off)
found["margin"] = add(margin=0.5)
scene.neural_bake.margin = 0.25
found["margin of the scene"] = add()
found["spacing"] = add(margin=0.0, spacing=0.7)
scene.neural_bake.margin = 0.0

inside = bpy.data.collections.new("Inside")
cube("Instanced", (0, 0, 3), 0.5, inside)
helper = cube("Helper", (0, 0, -30), 0.5, inside)
helper.hide_render = True
instancer = link("Instancer", None, (0, 0, 10))
instancer.instance_type, instancer.instance_collection = 'COLLECTION', inside
found["instances"] = add()
select(instancer)
found["instancer"] = add(fit='SELECTION')

shape = bpy.data.curves.new("Shape", 'CURVE')
shape.dimensions = '3D'
spline = shape.splines.new('POLY')
spline.points.add(1)
spline.points[1].co = (4, 0, 0, 1)
path = link("Path", shape)
select(path)
found["path without thickness"] = add(fit='SELECTION')
shape.bevel_depth, shape.bevel_resolution = 0.5, 8
found["pipe"] = add(fit='SELECTION')
ball = bpy.data.metaballs.new("Ball")
ball.elements.new().radius = 2.0
balls = link("Ball", ball, (0, 0, -20))
select(balls)
bottom = add(fit='SELECTION', spacing=0.1)
found["ball"] = bottom[0][0][2] < -20.5 and bottom[0][1][2] > -19.5
text = bpy.data.curves.new("Text", 'FONT')
text.body, text.extrude = "Light", 0.5
letters = link("Text", text, (0, 0, 30))
select(letters)
found["text"] = [row[2] for row in add(fit='SELECTION')[0]]
select(first)
first.rotation_euler = (0, 0, math.radians(45))
found["turned"] = np.array(add(fit='SELECTION', spacing=0.1)[0])[:, 2].tolist()
flat = bpy.data.meshes.new("Flat")
flat.from_pydata([(0, 0, 1), (4, 0, 1), (4, 2, 1), (0, 2, 1)], [], [(0, 1, 2, 3)])
select(link("Flat", flat))
found["flat"] = add(fit='SELECTION')
scene.cursor.location = (1, 2, 3)
found["cursor"] = add(fit='CURSOR', size=(4, 2, 1), spacing=0.5)
answer(**found)
"""
    found = run(blender, user, code)
    assert "Nothing with a surface is visible in renders of Scene. Add objects first" in found["empty"]
    assert found["nothing"] == found["empty"]
    assert "No object with a surface is selected. Select what" in found["unselected"]
    assert found["lamp"] == found["path without thickness"] == found["unselected"]
    array = [[[-1, -1, -1], [5, 1, 1]], [6, 2, 2]]
    assert found["array"] == found["hidden"] == array
    assert found["hidden but selected"] == [[[-1, -1, 49], [1, 1, 51]], [2, 2, 2]]
    assert found["not in viewports"] == [[[-1, -9, -1], [5, 1, 1]], [6, 10, 2]]
    assert found["margin"] == [[[-1.5, -1.5, -1.5], [5.5, 1.5, 1.5]], [7, 3, 3]]
    assert found["margin of the scene"] == [[[-1.25, -1.25, -1.25], [5.25, 1.25, 1.25]], [7, 3, 3]]
    assert found["spacing"] == [array[0], [9, 3, 3]]
    assert found["instances"] == [[[-1, -1, -1], [5, 1, 13.5]], [6, 2, 15]]
    assert found["instancer"] == [[[-0.5, -0.5, 12.5], [0.5, 0.5, 13.5]], [1, 1, 1]]
    assert found["pipe"] == [[[0, -0.5, -0.5], [4, 0.5, 0.5]], [4, 1, 1]]
    assert found["ball"] is True
    assert found["text"] == [29.5, 30.5]
    assert found["turned"] == [-1, 1]
    assert found["flat"] == [[[0, 0, 0.5], [4, 2, 1.5]], [4, 2, 1]]
    assert found["cursor"] == [[[-1, 1, 2.5], [3, 3, 3.5]], [8, 4, 2]]


def test_lengths_are_blender_units_whatever_they_measure(blender: tuple[str, Path], user: Path) -> None:
    """A spacing that shows as 50 cm where a unit is a centimetre is 50 units; the bake's setting is in metres."""
    code = """
scene = fresh()
scene.unit_settings.system, scene.unit_settings.scale_length = 'METRIC', 0.01
cube("Room", half=100.0)  # two metres
assert call("add_volume", spacing=50.0)[0] == 'FINISHED'
obj = bpy.context.object
first = counts(obj)
scene.neural_bake.light_grid.use_spacing = True
scene.neural_bake.light_grid.spacing = 25.0  # a quarter of a metre
said = call("add_volume", spacing=0.7)[1]
answer(first=first, wanted=volumes.resolution(obj, scene), count=volumes.probe_count(scene, bpy.context.view_layer),
       shown=volumes.length(50.0, scene), said=said,
       ends=volumes.world_positions(obj, scene)[[0, -1]].tolist(), type=str(volumes.world_positions(obj, scene).dtype))
"""
    found = run(blender, user, code)
    assert (found["first"], found["wanted"], found["count"]) == ([4, 4, 4], [8, 8, 8], 512)
    assert found["shown"].startswith("50") and "cm" in found["shown"]
    assert "needs 286 of them along X; 256 is the most. Raise the spacing to" in found["said"]
    assert "2 m x 2 m x 2 m" in found["said"]
    assert found["ends"] == [[-87.5] * 3, [87.5] * 3] and found["type"] == "float32"


def test_fitting_keeps_rotation_and_spacing(blender: tuple[str, Path], user: Path) -> None:
    code = """
found = {}
scene = fresh()
room = cube("Room", (10, 0, 0))
room.scale = (3, 2, 1)
room.rotation_euler = (0.3, -0.2, 0.5)
obj = volume("Volume", (1, 2, 3), (2, 1, 0.5), (8, 4, 2))  # spacing 0.5
obj.rotation_mode = 'QUATERNION'
obj.rotation_quaternion = room.rotation_euler.to_quaternion()
obj.delta_location, obj.delta_scale = (0.5, 0, 0), (2, 2, 2)  # and so the spacing is 1
other = volume("Other", resolution=(3, 3, 3))
other.data = obj.data
obj["neural_bake_matrix"] = [1.0] * 16
select(obj)
found["fit"] = call("fit_volume")
bpy.context.view_layer.update()
found["same box"] = np.allclose(np.abs(np.array(room.matrix_world.inverted() @ obj.matrix_world)), np.eye(4), atol=1e-5)
found["kept"] = [obj.rotation_mode, "neural_bake_matrix" in obj.keys()]
found["counts"] = [counts(obj), counts(other)]
assert obj.data != other.data  # the other one keeps its own number of probes
for _ in range(3):
    assert call("fit_volume")[0] == 'FINISHED'
found["again"] = counts(obj)
found["given"] = [call("fit_volume", spacing=0.75), counts(obj)]

box_ = cube("Box", (0, 90, 0))
drift = volume("Drift", (0, 90, 0), (2.35, 1, 1), (10, 2, 2))
found["drift"] = []
for size in (4.75, 4.85, 4.95, 4.85, 4.75):  # a spacing of about 0.47 stays, and does not shrink each time
    box_.scale.x = size / 2
    select(drift, box_)
    assert call("fit_volume", fit='SELECTION')[0] == 'FINISHED'
    found["drift"].append(counts(drift)[0])
bpy.data.objects.remove(drift)
bpy.data.objects.remove(box_)

parent = link("Parent", None, (5, 5, 5))
parent.scale, parent.rotation_euler = (2, 1, 0.5), (0, 0, 0.7)
child = volume("Child", (1, 0, 0))
child.parent = parent
child.rotation_euler = (0, 0, 0.4)  # and so its world matrix has shear
bpy.context.view_layer.update()
before = np.array(child.matrix_world)
select(child)
found["child"] = call("fit_volume", spacing=10.0)
bpy.context.view_layer.update()
local = np.array(child.matrix_world.inverted() @ room.matrix_world) @ np.vstack([np.array([(x, y, z) for x in (-1, 1)
    for y in (-1, 1) for z in (-1, 1)]).T, np.ones(8)])
sizes = 2.0 * np.linalg.norm(np.array(child.matrix_world)[:3, :3], axis=0)
# 10 is the least that a side can be, and where the room is larger it touches the sides
found["touches"] = [bool(sizes[a] < 10.001 or np.isclose(np.abs(local[a]).max(), 1.0, atol=1e-4)) for a in range(3)]
found["encloses"] = bool((np.abs(local[:3]) < 1.0001).all())
after = np.array(child.matrix_world)
found["direction"] = np.allclose(after[:3, :3] / np.linalg.norm(after[:3, :3], axis=0),
                                 before[:3, :3] / np.linalg.norm(before[:3, :3], axis=0), atol=1e-5)

# the active one and all that are selected, to the selected objects
small = cube("Small", (0, 0, 20))
one, two = volume("One", resolution=(1, 1, 1)), volume("Two", resolution=(4, 4, 4))
select(one, two, small)
found["several"] = [call("fit_volume", fit='SELECTION', margin=1.0), box(one), box(two), counts(one), counts(two)]
select(one)
found["no selection"] = call("fit_volume", fit='SELECTION')
select(small)
found["no volume"] = bpy.ops.neural_bake.fit_volume.poll()
answer(**found)
"""
    found = run(blender, user, code)
    assert found["fit"] == ["FINISHED", ""] and found["same box"] is True
    assert found["kept"] == ["QUATERNION", True]
    assert found["counts"] == [[6, 4, 2], [8, 4, 2]] and found["again"] == [6, 4, 2]
    assert found["given"] == [["FINISHED", ""], [8, 6, 3]]
    assert found["drift"] == [10] * 5
    assert found["child"] == ["FINISHED", ""] and found["touches"] == [True] * 3
    assert found["encloses"] is True and found["direction"] is True
    box = [[-2, -2, 18], [2, 2, 22]]
    assert found["several"] == [["FINISHED", ""], box, box, [2, 2, 2], [8, 8, 8]]
    assert "No object with a surface is selected" in found["no selection"][1]
    assert found["no volume"] is False


def test_what_belongs_to_another_file_is_refused(blender: tuple[str, Path], user: Path, tmp_path: Path) -> None:
    code = """
library = sys.argv[1]
fresh()
shelf = bpy.data.collections.new("Shelf")
bpy.context.scene.collection.children.link(shelf)
volume("Linked", resolution=(4, 4, 4), collection=shelf)
bpy.ops.wm.save_as_mainfile(filepath=library)

scene = fresh()
room = cube("Room", half=5.0)
linked = link_object(library, "Linked")
found = {}
def look(name, obj):
    select(obj)
    for operator in ("fit_volume", "split_volume"):
        matrix = np.array(obj.matrix_world)
        found[f"{name} {operator}"] = call(operator)[1]
        bpy.context.view_layer.update()
        assert np.array_equal(matrix, np.array(obj.matrix_world))
look("linked", linked)
look("override", link_object(library, "Linked", override=True))
with bpy.data.libraries.load(library, link=True) as (source, target):
    target.collections = ["Shelf"]
scene.collection.children.link(target.collections[0])
layer = bpy.context.view_layer
layer.active_layer_collection = layer.layer_collection.children[0]
found["collection"] = call("add_volume")[1]
local = volume("Local", resolution=(4, 4, 4))
local.data = linked.data
select(local)
found["linked data"] = [call("fit_volume"), counts(local), counts(linked), local.data.library is None]
answer(**found)
"""
    found = run(blender, user, code, tmp_path / "library.blend")
    for operator in ("fit_volume", "split_volume"):
        assert "Linked is linked from another file. Make it local" in found[f"linked {operator}"]
        assert "Linked is a library override. Make it local" in found[f"override {operator}"]
    assert "The active collection Shelf belongs to another file. Choose" in found["collection"]
    assert found["linked data"] == [["FINISHED", ""], [20, 20, 20], [4, 4, 4], True]


def test_buttons_and_undo(blender: tuple[str, Path], user: Path) -> None:
    code = """
scene = fresh()
room = cube("Room")
names = ("add_volume", "fit_volume", "split_volume")
options = {name: sorted(getattr(bpy.types, "NEURAL_BAKE_OT_" + name).bl_options) for name in names}
operators = [getattr(bpy.ops.neural_bake, name) for name in names]
idle = [operator.poll() for operator in operators]
bpy.ops.ed.undo_push(message="before")
assert call("add_volume")[0] == 'FINISHED'
bpy.ops.ed.undo_push(message="added")
with_volume = [operator.poll() for operator in operators]
room = bpy.data.objects["Room"]
select(room)
bpy.ops.object.mode_set(mode='EDIT')
editing = [operator.poll() for operator in operators]
bpy.ops.object.mode_set(mode='OBJECT')
hidden = bpy.data.collections.new("Hidden")
bpy.context.scene.collection.children.link(hidden)
hidden.hide_render = True
layer = bpy.context.view_layer
layer.active_layer_collection = layer.layer_collection.children[0]
assert call("add_volume")[0] == 'FINISHED'
answer(options=options, idle=idle, with_volume=with_volume, editing=editing,
       taken=len(volumes.of_scene(bpy.context.scene, layer)), there=len(bpy.data.lightprobes))
"""
    found = run(blender, user, code)
    assert set(map(tuple, found["options"].values())) == {("REGISTER", "UNDO")}
    assert found["idle"] == [True, False, False]
    assert found["with_volume"] == [True] * 3
    assert found["editing"] == [False] * 3
    assert (found["taken"], found["there"]) == (1, 2)
