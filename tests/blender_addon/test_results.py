# SPDX-FileCopyrightText: 2026 Neural Bake developers
#
# SPDX-License-Identifier: GPL-3.0-or-later

"""Results in the scene: they come in, live through what happens to objects, and are read."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from core import artifact
from tests import support

LOAD = """
from extension import *
enable()
scene, directory = sys.argv[1:3]
bpy.ops.wm.open_mainfile(filepath=scene)
def load():
    try:
        return bpy.ops.neural_bake.load_result(directory=directory), ""
    except RuntimeError as error:
        return {'CANCELLED'}, str(error)
def state():
    found = {}
    for obj in bpy.context.scene.objects:
        keys = sorted(key for key in obj.keys() if key.startswith("neural_bake_"))
        if keys:
            found[obj.name] = keys
    return found
"""


def run(user: Path, code: str, *words: object, version: str = "4.5") -> dict:
    answer, _ = support.run_in_blender(support.blender_python(version), user, LOAD + code, *words)
    return answer


def test_the_result_comes_in_and_replaces_an_earlier_one(user: Path, baked: Path, tiny_scene: Path) -> None:
    code = """
obj = bpy.data.objects["Volume"]
obj["neural_bake_leak"], obj["neural_bake_old"], obj["mine"] = 0.5, 1, 2
results = [sorted(load()[0]) for _ in range(2)]
import numpy as np
def pixels(image):
    values = np.empty(image.size[0] * image.size[1] * 4, np.float32)
    image.pixels.foreach_get(values)
    return values.reshape(image.size[1], image.size[0], 4)[..., :3]
source = bpy.data.images.load(directory + "/preview.exr")
same = bool(np.array_equal(pixels(source), pixels(bpy.data.images["Neural Bake Preview"])))
bpy.data.images.remove(source)
values = {key: obj[key] for key in obj.keys() if isinstance(obj[key], float)}
images = sorted(bpy.data.images.keys())
answer(results=results, state=state(), mine=obj["mine"], images=images, same=same, values=values,
       manifest=obj["neural_bake_manifest"])
"""
    answer = run(user, code, tiny_scene, baked)
    assert answer["results"] == [["FINISHED"], ["FINISHED"]]
    manifest = artifact.read_manifest(baked)
    assert json.loads(answer["manifest"]) == manifest
    values = manifest["metrics"]["held_out"][manifest["metrics"]["kept"]]
    expected = {f"neural_bake_{name}": values[name] for name in ("nRMSE", "relMSE", "SMAPE", "leak")}
    assert answer["values"] == {name: value for name, value in expected.items() if value is not None}
    assert "neural_bake_old" not in answer["state"]["Volume"] and answer["mine"] == 2
    assert answer["images"] == [f"Neural Bake {name}" for name in ("Comparison", "Error", "Preview", "Reference")]
    assert answer["same"]


def test_drivers_can_read_the_errors(user: Path, baked: Path, tiny_scene: Path) -> None:
    code = """
assert load()[0] == {'FINISHED'}
lamp = bpy.data.objects["Lamp"]
driver = lamp.driver_add("location", 0).driver
driver.type = 'SUM'
target = driver.variables.new().targets[0]
target.id, target.data_path = bpy.data.objects["Volume"], '["neural_bake_nRMSE"]'
bpy.context.view_layer.update()
answer(driven=lamp.evaluated_get(bpy.context.evaluated_depsgraph_get()).location[0])
"""
    manifest = artifact.read_manifest(baked)
    value = manifest["metrics"]["held_out"][manifest["metrics"]["kept"]]["nRMSE"]
    assert run(user, code, tiny_scene, baked)["driven"] == pytest.approx(value, rel=1e-6)


def test_a_damaged_result_changes_nothing(user: Path, own_bake: Path, tiny_scene: Path) -> None:
    weights = own_bake / "weights.safetensors"
    data = bytearray(weights.read_bytes())
    data[-1] ^= 1
    weights.write_bytes(data)
    code = """
result, message = load()
answer(result=sorted(result), message=message, state=state(), images=len(bpy.data.images))
"""
    answer = run(user, code, tiny_scene, own_bake)
    assert answer["result"] == ["CANCELLED"]
    assert "is not the file that was baked" in answer["message"]
    assert (answer["state"], answer["images"]) == ({}, 0)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ('bpy.data.objects["Volume"].name = "Other"', "has no object Volume"),
        ('directory = bpy.app.tempdir', "holds no result"),
    ],
)
def test_a_result_that_does_not_fit(user: Path, baked: Path, tiny_scene: Path, change: str, message: str) -> None:
    code = f"""
{change}
result, said = load()
answer(result=sorted(result), said=said, state=state())
"""
    answer = run(user, code, tiny_scene, baked)
    assert (answer["result"], answer["state"]) == (["CANCELLED"], {})
    assert message in answer["said"]


@pytest.mark.parametrize(
    ("override", "message"), [(False, "is linked from another file"), (True, "is a library override")]
)
def test_objects_that_lose_properties_are_refused(
    user: Path, baked: Path, tiny_scene: Path, override: bool, message: str
) -> None:
    code = f"""
bpy.ops.wm.read_factory_settings(use_empty=True)
enable()
volume = link_object(scene, "Volume", override={override})
result, said = load()
answer(result=sorted(result), said=said, state=state())
"""
    answer = run(user, code, tiny_scene, baked)
    assert (answer["result"], answer["state"]) == (["CANCELLED"], {})
    assert message in answer["said"]


UNDO = """
first = state()
bpy.ops.ed.undo_push(message="before")  # what the first operator of a session finds in a window
assert load()[0] == {'FINISHED'}
loaded, images = state(), sorted(bpy.data.images.keys())
grid = module("results").light_grid(bpy.data.objects["Volume"]).grids[0].grid.count
bpy.ops.ed.undo_push(message="load")  # a window does this after an operator with UNDO
bpy.ops.ed.undo()
undone = [state(), sorted(bpy.data.images.keys()), module("results").problem(bpy.data.objects["Volume"])]
bpy.ops.ed.redo()
redone = [state(), sorted(bpy.data.images.keys())]
same = module("results").light_grid(bpy.data.objects["Volume"]).grids[0].grid.count == grid
options = [sorted(getattr(bpy.types, f"NEURAL_BAKE_OT_{name}").bl_options)
           for name in ("load_result", "clear", "apply_vertex_colours", "show_result")]
answer(first=first, loaded=[loaded, images], undone=undone, redone=redone, same=same, options=options)
"""


def test_loading_is_one_step_back(blender: tuple[str, Path], user: Path, baked: Path, tiny_scene: Path) -> None:
    """Ctrl-Z takes the whole result away again, and Ctrl-Shift-Z brings it back."""
    answer = run(user, UNDO, tiny_scene, baked, version=blender[0])
    assert answer["first"] == {}
    assert "neural_bake_weights" in answer["loaded"][0]["Volume"] and len(answer["loaded"][1]) == 4
    assert answer["undone"] == [{}, [], ""]
    assert answer["redone"] == answer["loaded"]
    assert answer["same"]
    assert answer["options"] == [["REGISTER", "UNDO"]] * 3 + [["REGISTER"]]


COPIES = """
results, staleness, light_grid = module("results"), module("staleness"), module("core.light_grid")
assert load()[0] == {'FINISHED'}
data, scene = bpy.data.objects, bpy.context.scene
volume, pointing = data["Volume"], data["Volume.001"]
def duplicate(*names):
    bpy.ops.object.select_all(action='DESELECT')
    for name in names:
        data[name].select_set(True)
    bpy.context.view_layer.objects.active = data[names[-1]]
    bpy.ops.object.duplicate()
    return [obj.name for obj in bpy.context.selected_objects]
def about(*names):
    return {name: getattr(results.holder(data[name]), "name", None) for name in names}
def names(objects):
    return sorted(obj.name for obj in objects)
found = {}
copy = duplicate("Volume")[0]
pointing_copy = duplicate("Volume.001")[0]
found["copies"] = about(copy, pointing_copy)
found["one result"] = [names(results.holders(scene)), names(results.volumes_of(volume, scene))]
data[copy].location.y += 1.0
staleness.check(scene)
found["states"] = {name: staleness.state(data[name]) for name in (volume.name, copy, pointing_copy)}
own = light_grid.from_object(data[copy]).grids[0].sh
found["same light"] = bool((own == light_grid.from_object(volume).grids[0].sh).all())

# copies that point at each other's copies, as Blender makes them of a selection
both = duplicate("Volume", "Volume.001")
found["both"] = sorted(about(*both).values())
for name in (*both, copy, pointing_copy):
    data.remove(data[name])

# the holder goes as the artist deletes it, and the other still has its light
bpy.ops.object.select_all(action='DESELECT')
volume.select_set(True)
bpy.ops.object.delete()
kept = results.holder(pointing)
found["holder deleted"] = [[obj.name for obj in scene.objects if obj == kept], kept.name, names(results.holders(scene)),
                           results.problem(pointing)]
bpy.ops.wm.save_as_mainfile(filepath=directory + ".copies.blend")
bpy.ops.wm.open_mainfile(filepath=directory + ".copies.blend")
pointing = bpy.data.objects["Volume.001"]
found["saved"] = [results.holder(pointing).name, len(results.light_grid(pointing).grids)]

# and for good
bpy.data.objects.remove(results.holder(pointing))
try:
    results.light_grid(pointing)
    said = ""
except results.NeuralBakeError as error:
    said = str(error)
found["holder gone"] = [results.holder(pointing), results.manifest(pointing), said, results.problem(pointing)]
bpy.context.view_layer.objects.active = pointing
found["cleared"] = [sorted(bpy.ops.neural_bake.clear()), state(), sorted(bpy.data.images.keys())]
answer(found=found)
"""


def test_copies_and_deletion(
    blender: tuple[str, Path], user: Path, baked_pair: tuple[Path, Path], tmp_path: Path
) -> None:
    """A copy of the holder holds the result too; others point, at the same object, and keep it alive."""
    result = tmp_path / "result"
    shutil.copytree(baked_pair[1], result)
    found = run(user, COPIES, baked_pair[0], result, version=blender[0])["found"]
    copy, pointing_copy = found["copies"]
    assert found["copies"] == {copy: copy, pointing_copy: "Volume"}
    assert found["one result"] == [["Volume"], sorted(["Volume", "Volume.001", copy, pointing_copy])]
    assert found["states"][copy] == "MOVED"
    # The scene file is another Blender's than the one that baked, where that is not 4.5.
    assert found["states"]["Volume"] == found["states"][pointing_copy]
    assert found["same light"]
    holder_copy = found["both"][0]
    assert found["both"] == [holder_copy, holder_copy] and holder_copy.startswith("Volume.")
    assert found["holder deleted"] == [[], "Volume", ["Volume"], ""]
    assert found["saved"] == ["Volume", 2]
    gone = "The volume that held the result of Volume.001 is gone. Bake again, or clear this result."
    assert found["holder gone"] == [None, None, gone, gone]
    assert found["cleared"] == [["FINISHED"], {}, []]


PAIR = """
results = module("results")
data, scene = bpy.data.objects, bpy.context.scene
first, second = data["Volume"], data["Volume.001"]
found = {}
assert load()[0] == {'FINISHED'}
found["both"] = state()

def pictures():
    images = module("result_images")
    found = [(which, images.find(which, results.holder(bpy.data.objects["Right"]))) for which in images.IMAGES]
    return [which for which, image in found if image is not None and image.packed_file and image.size[0] > 1]

# found under other names, as jobs know them
first.name, second.name = "Left", "Right"
found["without names"] = [*load()[0], load()[1]]
objects = results.load(scene, module("results").Path(directory), {"Volume": first, "Volume.001": second})
found["renamed"] = [[obj.name for obj in objects], results.holder(second).name]

# append brings the holder along, and the result works there
bpy.ops.wm.save_as_mainfile(filepath=directory + ".pair.blend")
bpy.ops.wm.read_factory_settings(use_empty=True)
enable()
with bpy.data.libraries.load(directory + ".pair.blend") as (source, target):
    target.objects = ["Right"]
right = target.objects[0]
bpy.context.scene.collection.objects.link(right)
found["appended"] = [results.holder(right).name, results.problem(right), len(results.light_grid(right).grids),
                     [obj.name for obj in results.holders(bpy.context.scene)]]
# with its pictures
found["pictures"] = [pictures(), len(bpy.data.images)]
bpy.ops.wm.save_as_mainfile(filepath=directory + ".appended.blend")
bpy.ops.wm.open_mainfile(filepath=directory + ".appended.blend")
right = bpy.data.objects["Right"]
found["appended and saved"] = [results.holder(right).name, len(results.light_grid(right).grids), pictures(),
                               [obj.name for obj in results.volumes_of(results.holder(right), bpy.context.scene)]]
bpy.context.view_layer.objects.active = right
found["clear"] = [sorted(bpy.ops.neural_bake.clear(result='ALL')), state(), len(results.holders(bpy.context.scene))]

# a later result of the holder alone leaves the other what it had
bpy.ops.wm.open_mainfile(filepath=directory + ".pair.blend")
first, second = bpy.data.objects["Left"], bpy.data.objects["Right"]
third = second.copy()
bpy.context.scene.collection.objects.link(third)
before = results.manifest(second), [baked.sh.sum() for baked in results.light_grid(second).grids]
results.load(bpy.context.scene, results.Path(sys.argv[3]), {"Volume": first})
after = results.manifest(third), [baked.sh.sum() for baked in results.light_grid(third).grids]
found["one of two"] = [before == after, results.holder(third).name, len(results.light_grid(first).grids), state()]
answer(found=found)
"""


def test_a_result_of_two_volumes(user: Path, baked: Path, baked_pair: tuple[Path, Path], tmp_path: Path) -> None:
    result = tmp_path / "result"
    shutil.copytree(baked_pair[1], result)
    found = run(user, PAIR, baked_pair[0], result, baked)["found"]
    shared = ["neural_bake_matrix", "neural_bake_scene_hash"]
    assert found["both"]["Volume.001"] == [*shared, "neural_bake_source"]
    assert {*shared, "neural_bake_manifest", "neural_bake_weights"} < set(found["both"]["Volume"])
    assert found["without names"][0] == "CANCELLED" and "has no object Volume" in found["without names"][1]
    assert found["renamed"] == [["Left", "Right"], "Left"]
    assert found["appended"] == ["Left", "", 2, ["Left"]]
    every = ["COMPARISON", "PREVIEW", "REFERENCE", "ERROR"]
    assert found["pictures"] == [every, 4]
    assert found["appended and saved"] == ["Left", 2, every, ["Right"]]
    assert found["clear"] == [["FINISHED"], {}, 0]
    handed_over, holder, grids, properties = found["one of two"]
    assert (handed_over, holder, grids) == (True, "Right", 1)
    assert "neural_bake_nRMSE" in properties["Right"] and "neural_bake_source" in properties["Right.001"]


DAMAGE = """
import hashlib
results = module("results")
obj = bpy.data.objects["Volume"]
found = {}
def damaged(name, change):
    assert load()[0] == {'FINISHED'}
    results.forget()
    change(json.loads(obj["neural_bake_manifest"]))
    quiet = [results.manifest(obj) is None, results.problem(obj)]
    try:
        results.light_grid(obj)
        said = ""
    except results.NeuralBakeError as error:
        said = str(error)
    found[name] = [*quiet, said, results.problem(obj)]
    found[name].append(len(results.holders(bpy.context.scene)))
def write(manifest, **changes):
    obj["neural_bake_manifest"] = json.dumps(manifest | changes)
damaged("whole", lambda manifest: None)
damaged("newer", lambda manifest: write(manifest, schema="neural_bake.artifact/2"))
damaged("no text", lambda manifest: obj.__setitem__("neural_bake_manifest", 3))
damaged("no json", lambda manifest: obj.__setitem__("neural_bake_manifest", "soup"))
damaged("no metrics", lambda manifest: write(manifest, metrics=None))
texts = {"held_out": {"ours": {"leak": "x"}}, "kept": "ours"}
damaged("texts for numbers", lambda manifest: write(manifest, metrics=texts))
damaged("unknown kept", lambda manifest: write(manifest, metrics={"held_out": {"ours": {}}, "kept": "theirs"}))
damaged("no grids", lambda manifest: write(manifest, grids=[{}]))
damaged("files of another kind", lambda manifest: write(manifest, kind="voxel"))
damaged("no files", lambda manifest: write(manifest, files={}))
damaged("without weights", lambda manifest: obj.pop("neural_bake_weights"))
damaged("other weights", lambda manifest: obj.__setitem__("neural_bake_weights", b"soup"))
obj["neural_bake_source"] = "soup"
found["a source that is no object"] = [results.holder(obj).name]
answer(found=found)
"""


def test_damaged_results_get_a_sentence(user: Path, baked: Path, tiny_scene: Path) -> None:
    """Nothing that a panel asks for raises; what reads the light does, with the same sentence."""
    found = run(user, DAMAGE, tiny_scene, baked)["found"]
    assert found.pop("whole") == [False, "", "", "", 1]
    assert found.pop("a source that is no object") == ["Volume"]
    sentences = {
        "newer": "has schema neural_bake.artifact/2; this version reads neural_bake.artifact/1",
        "no text": "The result on Volume is damaged. Bake again.",
        "no json": "cannot be read",
        "no metrics": "is damaged",
        "texts for numbers": "is damaged",
        "unknown kept": "is damaged",
        "no grids": "is damaged",
        "files of another kind": "is a result of kind voxel, not light_grid",
        "no files": "are not those of its manifest",
        "without weights": "has lost its weights",
        "other weights": "are not those of its manifest",
    }
    assert set(found) == set(sentences)
    for name, (_, before, said, after, holders) in found.items():
        assert sentences[name] in said and sentences[name] in after, (name, said, after)
        assert before in ("", said), name
        assert holders == 1
