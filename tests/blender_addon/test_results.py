# SPDX-FileCopyrightText: 2026 Neural Bake developers
#
# SPDX-License-Identifier: GPL-3.0-or-later

"""``bpy.ops.neural_bake.load_result``: a result that was baked elsewhere comes into the open scene."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from build_tools import package
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


@pytest.fixture
def user(tmp_path: Path) -> Path:
    """User resources with the checkout linked in."""
    package.link(tmp_path / "user" / "extensions")
    return tmp_path / "user"


def run(user: Path, code: str, *words: object) -> dict:
    answer, _ = support.run_in_blender(support.blender_python("4.5"), user, LOAD + code, *words)
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
    assert answer["images"] == ["Neural Bake Error", "Neural Bake Preview", "Neural Bake Reference"]
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
with bpy.data.libraries.load(scene, link=True) as (source, target):
    target.objects = ["Volume"]
volume = target.objects[0]
if {override}:
    volume = volume.override_create()
bpy.context.scene.collection.objects.link(volume)
result, said = load()
answer(result=sorted(result), said=said, state=state())
"""
    answer = run(user, code, tiny_scene, baked)
    assert (answer["result"], answer["state"]) == (["CANCELLED"], {})
    assert message in answer["said"]


def test_loading_is_one_step_back(user: Path, baked: Path, tiny_scene: Path) -> None:
    """The operator pushes one undo step, so that Ctrl-Z takes the whole result away again."""
    code = """
options = bpy.types.NEURAL_BAKE_OT_load_result.bl_options
answer(options=sorted(options))
"""
    assert run(user, code, tiny_scene, baked)["options"] == ["REGISTER", "UNDO"]
