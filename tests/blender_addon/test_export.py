# SPDX-FileCopyrightText: 2026 Neural Bake developers
#
# SPDX-License-Identifier: GPL-3.0-or-later

"""``bpy.ops.neural_bake.apply_vertex_colours``: baked light in meshes."""

from __future__ import annotations

import shutil
from pathlib import Path

from tests import support

START = """
from extension import *
import math
import numpy as np
enable()
bpy.ops.wm.open_mainfile(filepath=sys.argv[1])
results, vertex_colours = module("results"), module("vertex_colours")
scene, data = bpy.context.scene, bpy.data.objects
assert bpy.ops.neural_bake.load_result(directory=sys.argv[2]) == {'FINISHED'}
grid = results.light_grid(data["Volume"])
def add(name, block, location=(0.0, 0.0, 1.0)):
    obj = data.new(name, block)
    obj.location = location
    scene.collection.objects.link(obj)
    return obj
def box(name, location=(-1.0, 0.0, 1.0)):
    mesh = bpy.data.meshes.new(name)
    mesh.from_pydata([(x, y, z) for x in (-.2, .2) for y in (-.3, .3) for z in (-.4, .4)], [],
                     [(0, 1, 3, 2), (4, 6, 7, 5), (0, 4, 5, 1), (2, 3, 7, 6), (0, 2, 6, 4), (1, 5, 7, 3)])
    return add(name, mesh, location)
def apply(*names, **arguments):
    bpy.context.view_layer.update()
    for obj in scene.objects:
        obj.select_set(obj.name in names)
    try:
        return [*bpy.ops.neural_bake.apply_vertex_colours(**arguments), ""]
    except RuntimeError as error:
        return ["CANCELLED", str(error)]
def colours(obj):
    attribute = obj.data.attributes["neural_irradiance"]
    values = np.empty(4 * len(attribute.data), np.float32)
    attribute.data.foreach_get("color", values)
    return values.reshape(-1, 4)
def by_hand(obj, mesh=None):
    # one corner after the other, by Blender's own mathematics
    mesh = mesh or obj.data
    turn = obj.matrix_world.to_3x3().inverted().transposed()
    points = [obj.matrix_world @ mesh.vertices[loop.vertex_index].co for loop in mesh.loops]
    normals = [(turn @ normal.vector).normalized() for normal in mesh.corner_normals]
    return grid.irradiance(np.array(points, np.float32), np.array(normals, np.float32))
def close(found, expected):
    return bool(np.allclose(found, expected, rtol=1e-3, atol=1e-4 * expected.mean()))
"""


def run(user: Path, code: str, *words: object, version: str = "4.5") -> tuple[dict, str]:
    """What the script answers, and what Blender printed."""
    answer, result = support.run_in_blender(support.blender_python(version), user, START + code, *words)
    return answer, result.stdout + result.stderr


LIGHT = """
found = {}
box("Box")
found["plain"] = [apply("Box"), close(colours(data["Box"])[:, :3], by_hand(data["Box"])),
                  colours(data["Box"])[:, 3].tolist() == [1.0] * 24, float(colours(data["Box"])[:, :3].std())]
attribute = data["Box"].data.attributes["neural_irradiance"]
found["kind"] = [attribute.data_type, attribute.domain, data["Box"].data.color_attributes.active_color.name]

# turned, scaled unevenly, mirrored, and bent by a parent
obj = box("Turned")
obj.rotation_euler, obj.scale = (0.3, 1.0, -0.5), (1.0, 0.3, 2.0)
mirrored = box("Mirrored", (1.0, 0.2, 1.0))
mirrored.scale, mirrored.rotation_euler = (-1.0, 0.7, 1.0), (0.4, 0.2, 0.1)
child = box("Child", (0.1, 0.1, 0.0))
child.parent = obj
flat = box("Flat")
flat.scale.z = 0.0
apply("Turned", "Mirrored", "Child", "Flat")
for name in ("Turned", "Mirrored", "Child"):
    found[name] = close(colours(data[name])[:, :3], by_hand(data[name]))
up = colours(data["Flat"])[:, :3].reshape(6, 4, 3)
found["flat"] = bool(np.isfinite(up).all() and up.max() > 0.0)

# smooth and sharp: corners of one vertex differ only where the normals do
smooth = box("Smooth")
smooth.data.polygons.foreach_set("use_smooth", [True] * 6)
smooth.data.update()
apply("Smooth")
found["smooth"] = close(colours(smooth)[:, :3], by_hand(smooth))
vertices = [loop.vertex_index for loop in smooth.data.loops]
spread = lambda obj: float(max(np.ptp(colours(obj)[np.array(vertices) == v, :3], axis=0).max() for v in range(8)))
found["spread"] = [spread(smooth), spread(data["Box"])]

# a deformed mesh gets the light of where it is, one with more corners than its own that of the mesh itself
bent = box("Bent")
modifier = bent.modifiers.new("Displace", 'DISPLACE')
modifier.strength, modifier.mid_level = 0.3, 0.0
apply("Bent")
evaluated = bent.evaluated_get(bpy.context.evaluated_depsgraph_get())
found["deformed"] = [close(colours(bent)[:, :3], light) for light in (by_hand(bent, evaluated.data), by_hand(bent))]
array = box("Array")
array.modifiers.new("Array", 'ARRAY')
apply("Array")
found["array"] = close(colours(array)[:, :3], by_hand(array))

# options, again and again on the same mesh
apply("Box", factor=2.0)
found["factor"] = close(colours(data["Box"])[:, :3], 2.0 * by_hand(data["Box"]))
apply("Box", over_pi=True)
found["over pi"] = close(colours(data["Box"])[:, :3], by_hand(data["Box"]) / math.pi)
found["attributes"] = sorted(item.name for item in data["Box"].data.color_attributes)

# undo is one step
bpy.ops.ed.undo_push(message="before")
box("Undone")
bpy.ops.ed.undo_push(message="box")
apply("Undone")
bpy.ops.ed.undo_push(message="apply")
bpy.ops.ed.undo()
found["undone"] = [item.name for item in bpy.data.objects["Undone"].data.color_attributes]

# saved with the file
path = sys.argv[3]
bpy.ops.wm.save_as_mainfile(filepath=path)
before = colours(bpy.data.objects["Turned"])
bpy.ops.wm.open_mainfile(filepath=path)
found["saved"] = bool((colours(bpy.data.objects["Turned"]) == before).all())
answer(found=found)
"""


def test_the_light_at_every_corner(
    blender: tuple[str, Path], user: Path, baked: Path, tiny_scene: Path, tmp_path: Path
) -> None:
    answer, _ = run(user, LIGHT, tiny_scene, baked, tmp_path / "saved.blend", version=blender[0])
    found = answer["found"]
    assert found["plain"][:3] == [["FINISHED", ""], True, True]
    assert found["plain"][3] > 0.0
    assert found["kind"] == ["FLOAT_COLOR", "CORNER", "neural_irradiance"]
    assert [found[name] for name in ("Turned", "Mirrored", "Child", "flat", "smooth", "array")] == [True] * 6
    assert found["spread"][0] < 1e-5 < found["spread"][1]
    assert found["deformed"] == [True, False]
    assert found["factor"] and found["over pi"] and found["saved"]
    assert found["attributes"] == ["neural_irradiance"]
    assert found["undone"] == []


REFUSALS = """
found = {}
box("Good")
found["none selected"] = apply()
found["no mesh"] = apply("Lamp", "Camera")
add("Empty", bpy.data.meshes.new("Empty"))
line = bpy.data.meshes.new("Line")
line.from_pydata([(0, 0, 0), (1, 0, 0)], [(0, 1)], [])
add("Line", line)
found["no faces"] = apply("Empty", "Line")
add("Twin", data["Good"].data, (1.0, 0.0, 1.0))
found["shared"] = apply("Good", "Twin")
data.remove(data["Twin"])
broken = box("Broken")
broken.data.vertices[0].co.x = float("nan")
found["broken"] = apply("Broken")
named = box("Named")
named.vertex_groups.new(name="neural_irradiance")
found["name taken"] = apply("Named")
bpy.context.view_layer.objects.active = data["Room"]
bpy.ops.object.mode_set(mode='EDIT')
found["edit mode"] = apply("Room")
bpy.ops.object.mode_set(mode='OBJECT')
with bpy.data.libraries.load(sys.argv[3], link=True) as (source, target):
    target.meshes = ["Room"]
add("Local", target.meshes[0])
found["linked"] = apply("Local")
linked = link_object(sys.argv[3], "Partition")
override = link_object(sys.argv[3], "Partition", override=True)
override.name = "Override"
override.data = linked.data.override_create()
found["override"] = apply("Override")
found["some of them"] = apply("Good", "Lamp", "Line")
found["written"] = [obj.name for obj in data if obj.type == 'MESH' and "neural_irradiance" in obj.data.attributes]

# whose light
found["named volume"] = apply("Good", volume="Volume")
found["wrong name"] = apply("Good", volume="Soup")
found["no result there"] = apply("Good", volume="Camera")
data["Volume"]["neural_bake_weights"] = b"soup"
results.forget()
found["damaged"] = apply("Good")
results.clear(data["Volume"])
found["nothing baked"] = apply("Good")
answer(found=found)
"""


def test_what_cannot_take_light_is_named(user: Path, baked: Path, tiny_scene: Path, tmp_path: Path) -> None:
    library = shutil.copy(tiny_scene, tmp_path / "library.blend")
    answer, printed = run(user, REFUSALS, tiny_scene, baked, library)
    found = answer["found"]
    said = {
        "none selected": "Select the meshes that take the light",
        "no mesh": "None of the selected objects can take light: Lamp, Camera (no mesh).",
        "no faces": "Empty, Line (no faces).",
        "shared": "Good, Twin (shares its mesh, make it single-user).",
        "broken": "Broken (A point or normal is not finite).",
        "name taken": "Named (has a vertex group neural_irradiance).",
        "edit mode": "Room (in Edit Mode).",
        "linked": "Local (its mesh is linked from another file).",
        "override": "Override (its mesh is a library override).",
        "wrong name": "The scene has no object Soup.",
        "no result there": "Camera holds no Neural Bake result.",
        "damaged": "are not those of its manifest",
        "nothing baked": "No object of this scene has a result.",
    }
    for name, sentence in said.items():
        assert found[name][0] == "CANCELLED" and sentence in found[name][1], (name, found[name])
    assert found["some of them"] == found["named volume"] == ["FINISHED", ""]
    assert "Light written to 1 mesh, 24 corners. Left out: Lamp (no mesh); Line (no faces)." in printed, printed
    assert found["written"] == ["Good"]
