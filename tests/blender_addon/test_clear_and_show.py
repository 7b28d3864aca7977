# SPDX-FileCopyrightText: 2026 Neural Bake developers
#
# SPDX-License-Identifier: GPL-3.0-or-later

"""``bpy.ops.neural_bake.clear`` and ``show_result``; a window is needed to show, so ``test_panels.py`` does that."""

from __future__ import annotations

from pathlib import Path

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


CLEAR = """
results = module("results")
data, scene = bpy.data.objects, bpy.context.scene
def clear(**arguments):
    try:
        return [*bpy.ops.neural_bake.clear(**arguments), ""]
    except RuntimeError as error:
        return ["CANCELLED", str(error)]
def images():
    return len([image for image in bpy.data.images if image.name.startswith("Neural Bake")])
found = {"nothing": clear()}
obj = data["Volume"]
obj["mine"] = 1
assert load()[0] == {'FINISHED'}
bpy.context.view_layer.objects.active = data["Room"]
found["the only one"] = [clear(), state(), images(), obj["mine"]]

# two results, of which the active volume's goes
assert load()[0] == {'FINISHED'}
obj["neural_bake_manifest"] += " "
other = obj.copy()
scene.collection.objects.link(other)
other["neural_bake_manifest"] += " "
found["which"] = clear()
bpy.context.view_layer.objects.active = other
found["active"] = [clear(), sorted(state()), images()]
other["neural_bake_manifest"] = obj["neural_bake_manifest"]
found["all"] = [clear(result='ALL'), state(), images()]

# vertex colours on request, with and without a result
colours = data["Room"].data.attributes
assert load()[0] == {'FINISHED'}
colours.new("neural_irradiance", 'FLOAT_COLOR', 'CORNER')
found["colours stay"] = [clear(), "neural_irradiance" in colours]
found["colours go"] = [clear(vertex_colours=True), "neural_irradiance" in colours]

# a result in a linked file is that file's
assert load()[0] == {'FINISHED'}
bpy.ops.wm.save_as_mainfile(filepath=directory + ".clear.blend")
bpy.ops.wm.read_factory_settings(use_empty=True)
enable()
linked = link_object(directory + ".clear.blend", "Volume")
found["linked"] = [clear(result='ALL'), len(results.holders(bpy.context.scene)),
                   len(results.light_grid(linked).grids)]
answer(found=found)
"""


def test_clear(user: Path, own_bake: Path, tiny_scene: Path) -> None:
    found = run(user, CLEAR, tiny_scene, own_bake)["found"]
    assert found["nothing"][0] == "CANCELLED" and "There is nothing to remove" in found["nothing"][1]
    assert found["the only one"] == [["FINISHED", ""], {}, 0, 1]
    assert "This scene has 2 results (Volume, Volume.001). Make the volume active" in found["which"][1]
    assert found["active"] == [["FINISHED", ""], ["Volume"], 4]
    assert found["all"] == [["FINISHED", ""], {}, 0]
    assert found["colours stay"] == [["FINISHED", ""], True]
    assert found["colours go"] == [["FINISHED", ""], False]
    assert found["linked"][0][0] == "CANCELLED"
    assert "is linked from another file" in found["linked"][0][1] and found["linked"][1:] == [1, 1]


PICTURES = """
import os
images = module("result_images")
found = {}
def show(**arguments):
    try:
        return bpy.ops.neural_bake.show_result(**arguments)
    except RuntimeError as error:
        return str(error)
found["no window"] = show()
taken = bpy.data.images.new("Neural Bake Error", 2, 2)  # the artist's own, and no float image
assert load()[0] == {'FINISHED'}
found["own image"] = [taken.name, tuple(taken.size)]
found["as renders"] = [images.find(which).use_view_as_render for which in images.IMAGES]
found["kept"] = [(image.use_fake_user, bool(image.packed_file), image.is_dirty)
                 for image in map(images.find, images.IMAGES)]
def sheet():
    image = images.find('COMPARISON')
    with open(directory + "/comparison.png", "rb") as file:
        source = file.read()
    return [image.packed_file.data == source, tuple(image.size), image.filepath, round(sum(image.pixels[:]), 2)]
found["sheet"], first = sheet(), images.find('COMPARISON').packed_file.data
# another bake's sheet has another size
other = bpy.data.images.new("other", 12, 7)
other.filepath_raw, other.file_format = directory + "/comparison.png", 'PNG'
other.save()
keeper = bpy.data.objects["Volume"]
results = module("results")
images.pack(results.Path(directory), {"comparison.png", "preview.png"}, keeper, images.owned(keeper))
found["another sheet"] = sheet()
with open(directory + "/comparison.png", "wb") as file:
    file.write(first)
os.remove(directory + "/error.png")
manifest = json.load(open(directory + "/manifest.json"))
del manifest["files"]["error.png"]
json.dump(manifest, open(directory + "/manifest.json", "w"))
assert load()[0] == {'FINISHED'}
found["without a picture"] = [images.find(which) is not None for which in images.IMAGES]

# a copy has the same pictures until one of the two is baked again, and each has its own until it is cleared
def names(obj):
    return [getattr(images.find(which, results.holder(obj)), "name", None) for which in images.IMAGES]
copy = keeper.copy()
bpy.context.scene.collection.objects.link(copy)
found["copy"] = names(copy) == names(keeper)
assert load()[0] == {'FINISHED'}
found["apart"] = [names(keeper), names(copy)]
count = len([image for image in bpy.data.images if image.name.startswith("Neural Bake") and "old" not in image.name])
bpy.context.view_layer.objects.active = copy
bpy.ops.neural_bake.clear()
found["cleared"] = [count, names(keeper), sorted(image.name for image in bpy.data.images)]
bpy.context.view_layer.objects.active = keeper
bpy.ops.neural_bake.clear()
found["all cleared"] = sorted(image.name for image in bpy.data.images)
answer(found=found)
"""


def test_pictures(user: Path, own_bake: Path, tiny_scene: Path) -> None:
    found = run(user, PICTURES, tiny_scene, own_bake)["found"]
    assert "no window to show a picture in" in found["no window"]
    assert found["own image"] == ["Neural Bake Error.old", [2, 2]]
    assert found["sheet"][0] and found["sheet"][2] == ""
    assert found["sheet"][1] > [2 * support.TINY["preview_width"], 0]
    assert found["another sheet"][:3] == [True, [12, 7], ""] and found["another sheet"][3] == 84.0
    assert found["as renders"] == [False, True, True, False]
    assert found["kept"] == [[True, True, False]] * 4
    assert found["without a picture"] == [True, True, True, False]
    names = ["Neural Bake Comparison", "Neural Bake Preview", "Neural Bake Reference"]
    assert found["copy"]
    assert found["apart"] == [[*(f"{name}.001" for name in names), None], [*names, None]]
    others = ["Neural Bake Error.old", "other"]
    own = sorted([*(f"{name}.001" for name in names), *others])
    assert found["cleared"] == [6, [*(f"{name}.001" for name in names), None], own]
    assert found["all cleared"] == others
