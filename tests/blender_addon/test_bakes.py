# SPDX-FileCopyrightText: 2026 Neural Bake developers
#
# SPDX-License-Identifier: GPL-3.0-or-later

"""The list of a scene's bakes: how each volume stands, in the words of the list; ``test_panels.py`` draws it."""

from __future__ import annotations

from pathlib import Path

import pytest

from blender_addon import bakes
from tests import support


@pytest.mark.parametrize(
    ("kept", "errors", "words"),
    [
        ("ours", {"ours": 0.044, "trilinear": 0.88, "ddgi": 0.54}, "12× below DDGI"),
        ("ours", {"ours": 0.1, "trilinear": 0.25, "ddgi": 0.54}, "2.5× below linear"),
        ("ours", {"ours": 0.1, "validity": 0.099}, "As validity"),
        ("ours", {"ours": 0.3, "validity": 0.1}, "3.0× above validity"),
        ("ddgi", {"ours": 0.3, "ddgi": 0.1}, "3.0× below ours"),
        ("ours", {"ours": -0.001, "ddgi": 0.1}, "Noise only"),
        ("ours", {"ours": 0.1, "ddgi": None}, "Done"),
        ("ours", {"ours": None, "ddgi": 0.1}, "Done"),
        ("ours", {"ours": 0.1}, "Done"),
        ("ours", {"ours": 0.001, "new": 0.0998}, "100× below new"),
    ],
)
def test_against_the_best_rival(kept: str, errors: dict[str, float | None], words: str) -> None:
    metrics = {"kept": kept, "held_out": {name: {"relMSE": error} for name, error in errors.items()}}
    assert bakes.against_best_rival(metrics) == words


LIST = """
from extension import *
import time
enable()
bpy.ops.wm.open_mainfile(filepath=sys.argv[1])
bakes, jobs, results, staleness = module("bakes"), module("jobs"), module("results"), module("staleness")
volume_list, volumes = module("panels.volume_list"), module("volumes")
data, scene, layer, manager = bpy.data.objects, bpy.context.scene, bpy.context.view_layer, bpy.context.window_manager
found = {}
def states():
    layer.update()
    taken = volumes.of_scene(scene, layer)
    return {obj.name: list(vars(bakes.status(obj, scene, obj in taken)).values()) for obj in bakes.listed(layer)}
def volume(name, **values):
    obj = data.new(name, bpy.data.lightprobes.new(name, 'VOLUME'))
    scene.collection.objects.link(obj)
    for key, value in values.items():
        setattr(obj, key, value)
    return obj
volume("Attic", hide_render=True)
volume("Kitchen")
data.new("Sphere", bpy.data.lightprobes.new("Sphere", 'SPHERE'))
scene.collection.objects.link(data["Sphere"])
found["unbaked"] = states()

# a result, a copy of it elsewhere, one that lost its holder's weights, and one on an Empty
assert bpy.ops.neural_bake.load_result(directory=sys.argv[2]) == {'FINISHED'}
copy = data["Volume"].copy()
copy.name = "Copy"
copy.location.x += 1.0
scene.collection.objects.link(copy)
broken = data["Volume"].copy()
broken.name = "Broken"
scene.collection.objects.link(broken)
broken["neural_bake_manifest"] = "soup"
box = data.new("Box", None)
scene.collection.objects.link(box)
for key in data["Volume"].keys():
    if key.startswith("neural_bake_"):
        box[key] = data["Volume"][key]
box.matrix_world = data["Volume"].matrix_world
found["baked"] = states()
staleness.check(scene)
found["checked"] = states()
data["Lamp"].data.energy *= 2.0
staleness.check(scene)
found["changed"] = states()

# linked and overridden ones
linked = link_object(sys.argv[3], "Volume")
override = link_object(sys.argv[3], "Volume.001", override=True)
override.name = "Override"
taken = volumes.of_scene(scene, layer)
found["linked"] = [list(vars(bakes.status(obj, scene, obj in taken)).values()) for obj in (linked, override)]
scene.collection.objects.unlink(linked)
scene.collection.objects.unlink(override)

# the list is that of the view layer, by name, and a click makes active
class List:
    filter_name, use_filter_sort_reverse, bitflag_filter_item = "", False, 1 << 30
def lines():
    flags, places = volume_list.NEURAL_BAKE_UL_volumes.filter_items(List, bpy.context, layer, "objects")
    assert sorted(places) == list(range(len(layer.objects))) and set(flags) <= {0, 1 << 30}
    shown = sorted((place, obj.name) for place, flag, obj in zip(places, flags, layer.objects) if flag)
    return [name for _, name in shown]
layer.update()
found["lines"] = lines()
List.filter_name = "k"
found["filtered"] = lines()
List.filter_name, List.use_filter_sort_reverse = "", True
found["reversed"] = lines()
for obj in scene.objects:
    obj.select_set(True)
index = [obj.name for obj in layer.objects].index("Kitchen")
manager.neural_bake_volume = index
found["click"] = [layer.objects.active.name, [obj.name for obj in bpy.context.selected_objects],
                  manager.neural_bake_volume == index]
layer.objects.active = data["Room"]
found["no volume active"] = manager.neural_bake_volume
manager.neural_bake_volume = 1000
manager.neural_bake_volume = -1
found["no line"] = layer.objects.active.name

# jobs come first, under whatever name the volume has by now, and not in another scene or file
class Stored:
    here = False
def job(state, *later, **values):
    one = module("job").Job(Stored, (1.0, 1.0))
    one.state, one.stored = state, Stored
    one.remember(scene, [data["Kitchen"]], jobs._files_opened)
    for key, value in values.items():
        setattr(one, key, value)
    jobs._jobs[:] = [one, *later]
    return states()["Kitchen"]
found["running"] = job('RUNNING', fraction=0.42)
found["queued"] = job('QUEUED', place=2)
found["waiting"] = job('WAITING')
job('QUEUED', place=2)
found["queued twice"] = job('QUEUED', jobs.last(), place=1)
found["queued again"] = job('RUNNING', jobs.last(), fraction=0.42)
found["ended"] = job('DONE')
job('RUNNING')
data["Kitchen"].name = "Cellar"
found["renamed"] = states()["Cellar"][0]
found["another scene"] = jobs.of_object(bpy.data.scenes.new("Other"), data["Cellar"]) == []
jobs._jobs[0].files_opened -= 1
found["another file"] = states()["Cellar"][0]
jobs._jobs.clear()
answer(found=found)
"""


def test_the_list(blender: tuple[str, Path], user: Path, baked: Path, own_scene: Path, pair_scene: Path) -> None:
    answer, _ = support.run_in_blender(blender[1], user, LIST, own_scene, baked, pair_scene)
    found = answer["found"]
    left_out, not_baked = ["LEFT_OUT", "Not in renders"], ["NOT_BAKED", "Not baked"]
    assert found["unbaked"] == {"Attic": left_out, "Kitchen": not_baked, "Volume": not_baked}
    baked_states = {name: state for name, (state, _) in found["baked"].items()}
    assert baked_states == {
        "Attic": "LEFT_OUT",
        "Box": "UNKNOWN",
        "Broken": "DAMAGED",
        "Copy": "MOVED",
        "Kitchen": "NOT_BAKED",
        "Volume": "UNKNOWN",
    }
    assert found["checked"]["Volume"] == found["checked"]["Box"]
    assert found["checked"]["Copy"] == ["MOVED", "Moved"]
    if blender[0] == "4.5":  # which baked it, so that it can compare; volumes and Empties do not count
        assert found["checked"]["Volume"][0] == "DONE"
        assert found["changed"]["Volume"] == found["changed"]["Box"] == ["CHANGED", "Out of date"]
    assert found["linked"] == [["LINKED", "Linked"], ["LINKED", "Override"]]
    names = ["Attic", "Box", "Broken", "Copy", "Kitchen", "Volume"]
    assert (found["lines"], found["reversed"]) == (names, names[::-1])
    assert found["filtered"] == ["Broken", "Kitchen"]
    assert found["click"] == ["Kitchen", ["Kitchen"], True]
    assert found["no volume active"] == -1 and found["no line"] == "Room"
    assert found["running"] == ["RUNNING", "Baking 42%"]
    assert found["queued"] == ["QUEUED", "Queued, no. 2"] and found["waiting"] == ["WAITING", "Waiting"]
    assert found["queued twice"] == ["QUEUED", "Queued, no. 1"]
    assert found["queued again"] == ["RUNNING", "42%, then again"]
    assert found["ended"] == not_baked
    assert found["renamed"] == "RUNNING" and found["another scene"] and found["another file"] == "NOT_BAKED"


SELECTED = """
from extension import *
enable()
bpy.ops.wm.open_mainfile(filepath=sys.argv[1])
bpy.context.preferences.addons[NAME].preferences.engine = sys.executable
bpy.context.scene.camera = None  # so that there is no view to bake either
volume, bake = bpy.data.objects["Volume"], bpy.ops.neural_bake.bake
found = {"alone": bake.poll()}
link_object(sys.argv[2], "Volume.001")
for is_selected in (False, True):
    volume.select_set(is_selected)
    found[f"selected {is_selected}"] = bake.poll()
try:
    bake(volumes='ALL')
except RuntimeError as error:
    found["all"] = str(error)
answer(found=found)
"""


def test_the_selected_ones_are_not_refused_for_a_linked_one(user: Path, own_scene: Path, pair_scene: Path) -> None:
    answer, _ = support.run_in_blender(support.blender_python("4.5"), user, SELECTED, own_scene, pair_scene)
    found = answer["found"]
    assert [found["alone"], found["selected False"], found["selected True"]] == [True, False, True]
    assert "Volume.001 is linked from another file" in found["all"]
