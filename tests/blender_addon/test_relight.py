# SPDX-FileCopyrightText: 2026 Neural Bake developers
#
# SPDX-License-Identifier: GPL-3.0-or-later

"""Relit views in Blender: they come in, live through what happens to cameras, and follow the lamps."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests import support


def run(user: Path, code: str, *words: object, version: str = "4.5") -> dict:
    answer, result = support.run_in_blender(
        support.blender_python(version), user, "from relit import *\n" + code, *words
    )
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
                copy["neural_bake_weights"] == camera["neural_bake_weights"],
                len(results.holders(bpy.context.scene, "relight"))]
results.remove(copy)
told["copy cleared"] = [results.problem(camera), results.relight(camera).width, len(bpy.data.images)]
bpy.context.scene.camera = camera
bpy.data.objects.remove(copy)
obj("Lamp").data.energy *= 0.5

# saved with the file, and appended to another one
blend = os.path.join(folder, "saved.blend")
picture()
before = keys()
bpy.ops.wm.save_as_mainfile(filepath=blend)
bpy.ops.wm.open_mainfile(filepath=blend)
told["reloaded"] = [keys() == before, float(np.abs(pixels() - direct).max()),
                    bpy.data.images["Neural Relight"].is_dirty]
told["drawn again"] = float(np.abs(picture() - direct).max())

# linked: it is read where it is, and its picture is this file's
bpy.ops.wm.read_factory_settings(use_empty=True)
enable()
with bpy.data.libraries.load(blend, link=True) as (source, target):
    target.objects = ["Camera", "Lamp"]
for linked in target.objects:
    bpy.context.scene.collection.objects.link(linked)
bpy.context.scene.camera = target.objects[0]
for _ in range(2):
    picture()
told["linked"] = [[image.name for image in bpy.data.images if image.library is None],
                  float(np.abs(pixels() - direct).max())]
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
    assert told["linked"][0] == ["Neural Relight"] and told["linked"][1] < 1e-6
    assert told["appended"] == ["", 48]
    assert told["appended notes"] == ["Lamp is gone, so its light is left out."]
    assert told["cleared"] == [["FINISHED"], [], []]


FOLLOWS = """
assert load() == {'FINISHED'}
scene, layer, lamp = bpy.context.scene, bpy.context.view_layer, obj("Lamp")
model = results.relight(obj("Camera"))
base = model.render(np.zeros((0, 3)))
place = np.array(model.domains[0][0])
lamp.location = place
layer.update()

def light():
    return picture() - base

def close(found, expected):
    return bool(np.abs(found - expected).max() <= 1e-5 * max(1.0, float(np.abs(expected).max())))

told = {"outside": []}
plain = model.render(place[None]) - base
told["plain"] = [close(light(), plain), float(plain.max()) > 0.0]
lamp.data.energy *= 3.0
told["power"] = close(light(), 3.0 * plain)
lamp.data.exposure = -1.0
told["exposure"] = close(light(), 1.5 * plain)
lamp.data.exposure, lamp.data.energy, lamp.data.color = 0.0, lamp.data.energy / 3.0, (1.0, 0.5, 0.0)
told["colour"] = close(light(), plain * np.float32([1.0, 0.5, 0.0]))
lamp.data.use_temperature, lamp.data.temperature = True, 3000.0
warm = np.float32(lamp.data.temperature_color) * np.float32([1.0, 0.5, 0.0])
told["temperature"] = close(light(), plain * warm)
lamp.data.use_temperature, lamp.data.color = False, (1.0, 1.0, 1.0)
scene.cycles.film_exposure = 2.0
told["film"] = close(picture(), 2.0 * (base + plain))
scene.cycles.film_exposure = 1.0
told["as the file was"] = close(light(), plain)

# only what changed is drawn, and drawing is no change
told["nothing new"] = live.update(scene, layer) is None
lamp.location = np.array(model.domains[0][1])
layer.update()
told["moved"] = [live.update(scene, layer) is not None, live.update(scene, layer) is None,
                 close(pixels() - base, model.render(np.array(model.domains[0][1])[None]) - base)]

# off, hidden, renamed, gone
for name, change, back in (("off", ("hide_render", True), ("hide_render", False)),
                           ("in the viewport", ("hide_viewport", True), ("hide_viewport", False))):
    setattr(lamp, *change)
    layer.update()
    told[name] = close(picture(), base)
    setattr(lamp, *back)
layer.update()
lamp.name = "Sun over there"
told["renamed"] = not close(picture(), base)

# the edge of what was rendered: a warning, a number, and a frame
spacing = model.spacing[0]
scene.neural_bake.allowed_outside = 0.5
orange = np.float32([1.0, 0.22, 0.0])
def edge():
    shown = live.shown(scene)
    frame = np.concatenate([pixels()[:2].reshape(-1, 3), pixels()[:, -2:].reshape(-1, 3)])
    return [shown.outside[0][0], round(shown.outside[0][1], 3), shown.warns, bool(np.allclose(frame, orange))]
far = np.array(model.domains[0]).mean(axis=0) + np.array([0.0, 0.0, 1.0])
for _ in range(60):
    far[2] += 0.2 * spacing
    if model.outside(far, 0) > 0.6:
        break
lamp.location = far
layer.update()
picture()
told["far"] = [*edge(), round(model.outside(np.array(lamp.location), 0), 3)]
scene.neural_bake.allowed_outside = 4.0
live.update(scene, layer)
told["allowed"] = edge()
bpy.data.objects.remove(lamp)
layer.update()
told["gone"] = [close(picture(), base), list(live.shown(scene).state.notes)]
answer(**told)
"""


def test_the_picture_follows_the_lamps(user: Path, relit: Path, tiny_scene: Path, tmp_path: Path) -> None:
    told = run(user, FOLLOWS, tiny_scene, relit, tmp_path)
    assert told["plain"] == [True, True]
    changes = ("power", "exposure", "colour", "temperature", "film", "as the file was", "nothing new", "off", "renamed")
    assert {name: told[name] for name in (*changes, "in the viewport")} == dict.fromkeys(
        (*changes, "in the viewport"), True
    )
    assert told["moved"] == [True, True, True]
    name, distance, warns, framed, expected = told["far"]
    assert (name, warns, framed) == ("Lamp", True, True) and distance == expected > 0.5
    assert told["allowed"][1:] == [distance, False, False]
    assert told["gone"] == [True, ["Lamp is gone, so its light is left out."]]


def test_live_in_a_window(user: Path, relit: Path, tiny_scene: Path, tmp_path: Path) -> None:
    if not os.environ.get("NEURAL_BAKE_BLENDER"):
        pytest.skip("NEURAL_BAKE_BLENDER names no Blender")
    script = support.ROOT / "tests" / "scripts" / "window_relight.py"
    told, result = support.run_in_window(user, script, tiny_scene, relit, tmp_path)
    assert told["shown"] == "Neural Relight" and told["idle"] == 0
    updates, seconds, modal, changed = told["while dragging"]
    assert modal == 1 and changed and updates >= 4, (updates, seconds)
    assert told["on screen"] > 0.05
    assert told["back"]
    assert told["power"] and told["undone"] and told["not live"] == 0
    assert told["played"] > 3
    assert told["returned at once"] and told["animation"] == [6, True]
    assert "Traceback" not in result.stderr
