# SPDX-FileCopyrightText: 2026 Neural Bake developers
#
# SPDX-License-Identifier: GPL-3.0-or-later

"""A result is marked out of date when, and only when, the scene is not the one that was baked."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from tests import support

START = """
from extension import *
enable()
bpy.ops.wm.open_mainfile(filepath=sys.argv[1])
staleness, results = module("staleness"), module("results")
scene = bpy.context.scene
data = bpy.data.objects
def state(obj=None):
    staleness.check(bpy.context.scene)
    return staleness.state(obj or bpy.data.objects["Volume"])
def load(directory):
    assert bpy.ops.neural_bake.load_result(directory=directory) == {'FINISHED'}
def edit(distance):
    import bmesh
    bpy.context.view_layer.objects.active = data["Room"]
    bpy.ops.object.mode_set(mode='EDIT')
    mesh = bmesh.from_edit_mesh(data["Room"].data)
    mesh.verts.ensure_lookup_table()
    mesh.verts[0].co.x += distance
    bmesh.update_edit_mesh(data["Room"].data)
"""


def run(user: Path, code: str, *words: object, version: str = "4.5", **extra: str) -> dict:
    python = support.blender_python(version)
    answer, _ = support.run_in_blender(python, user, START + code, *words, **extra)
    return answer


SESSION = """
tiny = json.loads(sys.argv[2])
for name, value in tiny.items():
    if name != "threads":
        setattr(scene.neural_bake.light_grid, name, value)
volume = data["Volume"]
before = staleness.state(volume)
assert bpy.ops.neural_bake.bake(directory=sys.argv[3]) == {'FINISHED'}
loaded = staleness.state(volume)
same, other = {}, {}
same["after the bake"] = state()

# what light does not depend on
volume.select_set(True)
same["selected"] = state()
data["Camera"].location.x += 0.5
same["camera moved"] = state()
data["Partition"].hide_set(True)
same["eye closed"] = state()
data["Partition"].hide_viewport = True
same["disabled in viewports"] = state()
data["Partition"].hide_viewport = False
data["Partition"].hide_set(False)
scene.render.engine = 'BLENDER_WORKBENCH'
same["another engine"] = state()
scene.render.engine = 'CYCLES'
bpy.ops.object.select_all(action='DESELECT')
data["Room"].select_set(True)
assert bpy.ops.neural_bake.apply_vertex_colours() == {'FINISHED'}
same["vertex colours"] = state()
load(sys.argv[3])
same["loaded again"] = state()
edit(0.0)
same["in edit mode"] = state()
bpy.ops.object.mode_set(mode='OBJECT')
same["after edit mode"] = state()
scene.frame_set(7)
same["another frame of a still scene"] = state()
scene.frame_set(1)
bpy.ops.wm.save_as_mainfile(filepath=sys.argv[1] + ".again.blend")
bpy.ops.wm.open_mainfile(filepath=sys.argv[1] + ".again.blend")
reopened = staleness.state(bpy.data.objects["Volume"])
scene, data = bpy.context.scene, bpy.data.objects
same["saved and opened"] = state()

# what it does
def differs(name, change, back):
    change()
    other[name] = state()
    back()
    same["back: " + name] = state()
lamp, room, volume = data["Lamp"], data["Room"], data["Volume"]
place = lamp.location.copy()
differs("lamp moved", lambda: setattr(lamp.location, "x", 0.5), lambda: setattr(lamp, "location", place))
shader = next(node for node in room.active_material.node_tree.nodes if node.type == 'BSDF_PRINCIPLED')
colour = tuple(shader.inputs["Base Color"].default_value)
differs("material", lambda: setattr(shader.inputs["Base Color"], "default_value", (1, 0, 0, 1)),
        lambda: setattr(shader.inputs["Base Color"], "default_value", colour))
bounces = scene.cycles.diffuse_bounces
differs("bounces", lambda: setattr(scene.cycles, "diffuse_bounces", 1),
        lambda: setattr(scene.cycles, "diffuse_bounces", bounces))
world = scene.world
differs("world", lambda: setattr(scene, "world", bpy.data.worlds.new("Other")), lambda: setattr(scene, "world", world))
differs("hidden in renders", lambda: setattr(data["Partition"], "hide_render", True),
        lambda: setattr(data["Partition"], "hide_render", False))
place = volume.location.copy()
volume.location.z += 0.1
moved = state()
volume.location = place
same["volume where it was"] = state()
edit(0.01)
other["mesh in edit mode"] = state()
bpy.ops.object.mode_set(mode='OBJECT')
other["mesh edited"] = state()
answer(before=before, loaded=loaded, same=same, other=other, reopened=reopened, moved=moved)
"""


def test_a_session(blender: tuple[str, Path], user: Path, tmp_path: Path) -> None:
    """What the background Blender hashed is what the session has, and stays so until light would change."""
    version, _ = blender
    scene = support.write_scene(tmp_path / "scene.blend", version=version)
    words = [scene, json.dumps(support.TINY), tmp_path / "result"]
    answer = run(user, SESSION, *words, version=version, NEURAL_BAKE_ENGINE=sys.executable)
    assert (answer["before"], answer["loaded"], answer["reopened"]) == ("UNKNOWN", "UNKNOWN", "UNKNOWN")
    assert answer["same"] == dict.fromkeys(answer["same"], "CURRENT")
    assert answer["other"] == dict.fromkeys(answer["other"], "CHANGED")
    assert len(answer["other"]) == 7
    assert answer["moved"] == "MOVED"


OTHER_RESULTS = """
volume = data["Volume"]
states = {}
def with_manifest(name, **changes):
    load(sys.argv[2])
    manifest = json.loads(volume["neural_bake_manifest"]) | changes
    volume["neural_bake_manifest"] = json.dumps({key: value for key, value in manifest.items() if value is not None})
    staleness.check(scene)
    found = results.manifest(volume)
    states[name] = [staleness.state(volume), staleness.not_comparable(found, scene.frame_current)]
data["Lamp"].location.x += 1.0
with_manifest("changed")
with_manifest("by another Blender", blender="9.8.7 LTS")
with_manifest("an older result", view_layer=None, frame=None, scene=None, blender=None)
with_manifest("at another frame", frame=30)
data["Lamp"].keyframe_insert("location", frame=1)
with_manifest("at another frame of an animated scene", frame=30)
data["Lamp"].animation_data_clear()
bpy.data.actions.remove(bpy.data.actions[0])
data["Lamp"].location.x -= 1.0
with_manifest("another view layer", view_layer="Gone")
volume["neural_bake_manifest"] = "soup"
states["damaged"] = [state(), ""]
with_manifest("whole again")
volume["neural_bake_matrix"] = "soup"
states["damaged box"] = [state(), ""]
answer(states=states)
"""


def test_results_that_cannot_be_compared(user: Path, baked: Path, tiny_scene: Path) -> None:
    states = run(user, OTHER_RESULTS, tiny_scene, baked)["states"]
    assert states == {
        "changed": ["CHANGED", ""],
        "by another Blender": ["UNKNOWN", "Baked by Blender 9.8, so changes are not seen"],
        "an older result": ["CHANGED", ""],
        "at another frame": ["CHANGED", ""],
        "at another frame of an animated scene": ["UNKNOWN", "Baked at frame 30, so go there to compare"],
        "another view layer": ["CURRENT", ""],
        "damaged": ["UNKNOWN", ""],
        "whole again": ["CURRENT", ""],
        "damaged box": ["CURRENT", ""],
    }


SHARED = """
load(sys.argv[2])
first, second = data["Volume"], data["Volume.001"]
found = {"loaded": [state(first), state(second)]}
whole = lambda: staleness.state_of_result(first, scene)
found["whole"] = [whole()]
second.location.z += 0.5
found["second moved"] = [state(first), state(second), whole()]
bpy.ops.wm.read_factory_settings(use_empty=True)
enable()
found["another file"] = [len(staleness._hashes), len(results._decoded)]
answer(found=found)
"""


def test_volumes_that_share_a_result(user: Path, baked_pair: tuple[Path, Path]) -> None:
    scene, result = baked_pair
    assert run(user, SHARED, scene, result)["found"] == {
        "loaded": ["CURRENT", "CURRENT"],
        "whole": ["CURRENT"],
        "second moved": ["CURRENT", "MOVED", "MOVED"],
        "another file": [0, 0],
    }
