# SPDX-FileCopyrightText: 2026 Neural Bake developers
#
# SPDX-License-Identifier: GPL-3.0-or-later

"""Relit views in Blender: they come in, live through what happens to cameras, follow the lamps, and are animated."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import pytest

from tests import support

SMALL = {
    "domain": "dome",
    "lights": 8,
    "report_lights": 2,
    "width": 48,
    "samples": 4,
    "report_samples": 4,
    "visibility_lights": 8,
}


@pytest.fixture(scope="module")
def relit(tiny_scene: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A relit view of the small scene; tests must not write to it."""
    out = tmp_path_factory.mktemp("relit") / "result"
    words = [word for key, value in SMALL.items() for word in ("--set", f"{key}={value}")]
    result = support.run("bake", tiny_scene, "--kind", "relight", "--out", out, *words)
    assert result.returncode == 0, result.stdout + result.stderr
    return out


LOAD = """
from extension import *
import os
import numpy as np
enable()
scene_file, directory, folder = sys.argv[1:4]
bpy.ops.wm.open_mainfile(filepath=scene_file)
results, live, lamps, images = (module(name) for name in ("results", "live", "lamps", "result_images"))
load = lambda: bpy.ops.neural_bake.load_result(directory=directory)
obj = lambda name: bpy.data.objects[name]

def keys(name="Camera"):
    return sorted(key for key in obj(name).keys() if key.startswith("neural_bake_"))

def pixels(name="Neural Relight"):
    image = bpy.data.images[name]
    width, height = image.size
    values = np.empty((height, width, 4), np.float32)
    image.pixels.foreach_get(values.ravel())
    return values[::-1, :, :3]

def picture():
    assert bpy.ops.neural_bake.relight() == {'FINISHED'}
    return pixels()

def refused(operator, **arguments):
    try:
        operator(**arguments)
    except RuntimeError as error:
        return str(error)
"""


def run(user: Path, code: str, *words: object, version: str = "4.5") -> dict:
    answer, result = support.run_in_blender(support.blender_python(version), user, LOAD + code, *words)
    assert "Traceback" not in result.stderr, result.stderr
    return answer


STORED = """
camera = obj("Camera")
bpy.ops.ed.undo_push(message="before")
assert load() == {'FINISHED'}
manifest = json.loads(camera["neural_bake_manifest"])
told = {"keys": keys(), "images": sorted(bpy.data.images.keys()), "metric": camera["neural_bake_relative"],
        "kept": manifest["metrics"]["held_out"][manifest["metrics"]["kept"]]["relative"],
        "moved": [camera["neural_bake_lamp_0"].name, module("staleness").has_moved(camera)]}
weights = open(os.path.join(directory, "weights.safetensors"), "rb").read()
told["weights"] = module("result_weights").read(camera) == weights
told["again"] = [sorted(load()), sorted(bpy.data.images.keys()) == told["images"]]

# as the documentation says, with nothing of the add-on but core
relight = module("core.relight")
lamp = obj("Lamp")
direct = relight.from_object(camera).render(np.array(lamp.location)[None])
told["same as core"] = float(np.abs(picture() - direct).max())
told["view"] = bpy.data.images["Neural Relight"].use_view_as_render

# undo takes all of it away, redo brings it back
bpy.ops.ed.undo_push(message="load")
bpy.ops.ed.undo()
told["undone"] = [keys(), sorted(bpy.data.images.keys())]
bpy.ops.ed.redo()
camera = obj("Camera")
told["redone"] = [keys() == told["keys"], results.relight(camera).width]

# a copy has the result too, and a picture of its own
copy = camera.copy()
bpy.context.scene.collection.objects.link(copy)
first = picture()
bpy.context.scene.camera = copy
obj("Lamp").data.energy *= 2.0
picture()
told["copy"] = [copy["neural_bake_picture_relight"] != camera["neural_bake_picture_relight"],
                copy["neural_bake_weights"] == camera["neural_bake_weights"], len(results.holders(bpy.context.scene, "relight"))]
results.remove(copy)
told["copy cleared"] = [results.problem(camera), results.relight(camera).width, len(bpy.data.images)]
bpy.context.scene.camera = camera
bpy.data.objects.remove(copy)
obj("Lamp").data.energy *= 0.5

# saved with the file, and appended to another one
blend = os.path.join(folder, "saved.blend")
picture()
bpy.ops.wm.save_as_mainfile(filepath=blend)
bpy.ops.wm.open_mainfile(filepath=blend)
told["reloaded"] = [keys() == keys(), float(np.abs(pixels() - direct).max()), bpy.data.images["Neural Relight"].is_dirty]
told["drawn again"] = float(np.abs(picture() - direct).max())
bpy.ops.wm.read_factory_settings(use_empty=True)
enable()
with bpy.data.libraries.load(blend) as (source, target):
    target.objects = ["Camera"]
bpy.context.scene.collection.objects.link(target.objects[0])
bpy.context.scene.camera = target.objects[0]
told["appended"] = [results.problem(target.objects[0]), results.relight(target.objects[0]).width]
shown = live.update(bpy.context.scene, bpy.context.view_layer)
told["appended notes"] = list(shown.state.notes)
bpy.context.view_layer.objects.active = target.objects[0]
told["cleared"] = [sorted(bpy.ops.neural_bake.clear()), keys(), sorted(bpy.data.images.keys())]
answer(**told)
"""


def test_a_view_lives_on_its_camera(
    blender: tuple[str, Path], user: Path, relit: Path, tiny_scene: Path, tmp_path: Path
) -> None:
    told = run(user, STORED, tiny_scene, relit, tmp_path, version=blender[0])
    assert {"neural_bake_manifest", "neural_bake_weights", "neural_bake_matrix", "neural_bake_lamp_0"} <= set(
        told["keys"]
    )
    assert told["metric"] == told["kept"] and told["moved"] == ["Lamp", False]
    assert ".Neural Bake Weights" in told["images"] and "Neural Relight Comparison" in told["images"]
    assert told["weights"] and told["again"] == [["FINISHED"], True]
    assert told["same as core"] < 1e-6 and told["view"]
    assert told["undone"] == [[], []] and told["redone"] == [True, 48]
    assert told["copy"] == [True, True, 1]
    assert told["copy cleared"][:2] == ["", 48]
    assert told["reloaded"][0] and told["reloaded"][1] < 1e-6 and not told["reloaded"][2]
    assert told["drawn again"] < 1e-6
    assert told["appended"] == ["", 48]
    assert told["appended notes"] == ["Lamp is gone, so its light is left out."]
    assert told["cleared"] == [["FINISHED"], [], []]
