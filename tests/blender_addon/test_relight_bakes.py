# SPDX-FileCopyrightText: 2026 Neural Bake developers
#
# SPDX-License-Identifier: GPL-3.0-or-later

"""Relit views from the button to the image sequence, and what stops them."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from tests import support

ANIMATED = """
assert load() == {'FINISHED'}
scene, lamp = bpy.context.scene, obj("Lamp")
model = results.relight(obj("Camera"))
scene.frame_start, scene.frame_end, scene.frame_step = 1, 5, 2
for frame, place in ((1, model.domains[0][0]), (5, model.domains[0][2])):
    lamp.location = place
    lamp.keyframe_insert("location", frame=frame)
scene.frame_set(4)
animation = module("relight_animation")

def sequence(**arguments):
    said = refused(bpy.ops.neural_bake.relight_animation, **arguments)
    return said, [path.name for path in animation.last().written]

scene.render.filepath = os.path.join(folder, "png", "relit_")
told = {"png": sequence(), "frame": scene.frame_current}
told["exr"] = sequence(file_format='OPEN_EXR', filepath=os.path.join(folder, "exr", "f"))
told["format"] = [scene.render.image_settings.file_format, scene.render.filepath.endswith("relit_")]
told["seconds"] = [animation.last().seconds_per_frame, animation.last().cycles_seconds, animation.last().message]
told["files"] = sorted(str(path.relative_to(folder)) for path in module("results").Path(folder).rglob("*.*"))
errors = []
for frame in (1, 3, 5):
    scene.frame_set(frame)
    image = bpy.data.images.load(os.path.join(folder, "exr", f"f{frame:04}.exr"))
    errors.append(float(np.abs(pixels(image.name) - model.render(np.array(lamp.matrix_world.translation)[None])).max()))
told["errors"] = errors
png = bpy.data.images.load(os.path.join(folder, "png", "relit_0001.png"))
told["png size"], told["png light"] = list(png.size), float(pixels(png.name).mean())
told["left"] = [image.name for image in bpy.data.images if "Frame" in image.name]

# stopped
one = animation.Animation(bpy.context)
while len(one.written) < 1:
    one.step(0.0)
one.stop()
while one.step(0.0):
    pass
told["stopped"] = [one.ended, one.message, scene.frame_current]

# what cannot be written
if hasattr(scene.render.image_settings, "media_type"):
    scene.render.image_settings.media_type = 'VIDEO'
scene.render.image_settings.file_format = 'FFMPEG'
told["movie"] = refused(bpy.ops.neural_bake.relight_animation)
told["file in the way"] = refused(bpy.ops.neural_bake.relight_animation, file_format='PNG',
                                  filepath=os.path.join(scene_file, "x"))
answer(**told)
"""


def test_an_animation(blender: tuple[str, Path], user: Path, relit: Path, tiny_scene: Path, tmp_path: Path) -> None:
    folder = tmp_path / "frames"
    code = "from relit import *\n" + ANIMATED
    told, _ = support.run_in_blender(support.blender_python(blender[0]), user, code, tiny_scene, relit, folder)
    assert told["png"] == [None, ["relit_0001.png", "relit_0003.png", "relit_0005.png"]] and told["frame"] == 4
    assert told["exr"] == [None, ["f0001.exr", "f0003.exr", "f0005.exr"]]
    assert told["format"] == ["PNG", True]
    assert told["files"] == sorted(f"{f}/{n}" for f in ("png", "exr") for n in told[f][1])
    assert max(told["errors"]) < 2e-3  # EXR files are of half precision
    assert told["png size"] == [48, 27] and 0.0 < told["png light"] < 1.0
    assert told["left"] == []
    frame, cycles, message = told["seconds"]
    assert 0.0 < frame < 5.0 and cycles > 0.0 and f"{cycles / frame:.0f} times" in message
    assert told["stopped"] == [True, "Stopped after 1 of 3 frames.", 5]
    assert "is a movie, not an image sequence" in told["movie"]
    assert "cannot be made" in told["file in the way"]


BAKED = """
from extension import *
import os
enable()
scene_file, small = sys.argv[1], json.loads(sys.argv[2])
bpy.ops.wm.open_mainfile(filepath=scene_file)
scene, bake = bpy.context.scene, bpy.ops.neural_bake.bake
lamp, camera = bpy.data.objects["Lamp"], bpy.data.objects["Camera"]
scene.neural_bake.kind = 'RELIGHT'
for name, value in small.items():
    setattr(scene.neural_bake.relight, name, value.upper() if name == "domain" else value)
bpy.context.preferences.addons[NAME].preferences.threads = 1
told = {}
def refused(name, **arguments):
    try:
        bake(**arguments)
        told[name] = ""
    except RuntimeError as error:
        told[name] = str(error)
for obj in scene.objects:
    if obj.type == 'LIGHT_PROBE':
        bpy.data.objects.remove(obj)
scene.camera = None
refused("no camera")
scene.camera = camera
scene.neural_bake.relight.lamps = "Soup"
refused("unknown lamp")
scene.neural_bake.relight.lamps = "World"
refused("dark world")
scene.neural_bake.relight.lamps = ""
lamp.hide_render = True
refused("hidden")
scene.neural_bake.relight.lamps = "Lamp"
refused("chosen and hidden")
lamp.hide_render = False
lamp.data.energy = 0.0
refused("no power")
lamp.data.energy = 60.0
scene.neural_bake.relight.lamps = ""
second = bpy.data.objects.new("Other", lamp.data)
scene.collection.objects.link(second)
refused("several")
bpy.context.view_layer.objects.active = lamp
told["active"] = module("lamps").chosen(scene, bpy.context.view_layer)
bpy.ops.neural_bake.choose_lamps(lamp="Other")
told["ticked"] = scene.neural_bake.relight.lamps
bpy.ops.neural_bake.choose_lamps(lamp="Other")
bpy.data.objects.remove(second)
told["estimate"] = [scene.neural_bake.estimated_seconds, scene.neural_bake.estimated_memory]
bpy.ops.neural_bake.use_preset(preset='DRAFT')
told["preset"] = [scene.neural_bake.relight.lights, module("properties").current_preset(scene, "relight")]
for name, value in small.items():
    setattr(scene.neural_bake.relight, name, value.upper() if name == "domain" else value)
refused("baked", kind='RELIGHT')
staleness = module("staleness")
def state():
    bpy.context.view_layer.update()
    staleness.check(scene)
    return staleness.state(camera)
states = [state()]
lamp.location.z -= 0.2
lamp.data.energy, lamp.data.color = 30.0, (1.0, 0.0, 0.0)
states.append(state())
wall = bpy.data.objects["Partition"]
place = wall.location.copy()
wall.location.x += 0.1
states.append(state())
wall.location = place
camera.location.x += 0.1
states.append(state())
told["states"] = states
stored = module("job_folders").read_all(bpy.context)
told["jobs"] = [[one.state, one.kind, one.targets] for one in stored]
told["job"] = json.loads((stored[0].folder / "job.json").read_text())["settings"]["lamps"]
told["keys"] = sorted(key for key in camera.keys() if key.startswith("neural_bake"))
told["picture"] = bpy.ops.neural_bake.relight() == {'FINISHED'}
answer(**told)
"""


def test_a_bake_and_what_stops_one(user: Path, own_scene: Path) -> None:
    told, _ = support.run_in_blender(
        support.blender_python("4.5"),
        user,
        BAKED,
        own_scene,
        json.dumps(support.SMALL_VIEW),
        NEURAL_BAKE_ENGINE=sys.executable,
    )
    sentences = {
        "no camera": "The scene has no camera",
        "unknown lamp": "The scene has no lamp Soup",
        "dark world": "The world ",
        "hidden": "No lamp is chosen",
        "chosen and hidden": "Lamp is hidden in renders",
        "no power": "Lamp has no power",
        "several": "No lamp is chosen",
    }
    for name, sentence in sentences.items():
        assert sentence in told[name], (name, told[name])
    assert told["active"] == ["Lamp"] and told["ticked"] == "Lamp, Other"
    assert told["estimate"][0] > 0.0 and told["estimate"][1] > 100.0
    assert told["preset"] == [24, "DRAFT"]
    assert told["baked"] == ""
    assert told["states"] == ["CURRENT", "CURRENT", "CHANGED", "MOVED"]
    assert told["jobs"] == [["DONE", "relight", ["Camera"]]] and told["job"] == "Lamp"
    assert "neural_bake_weights" in told["keys"] and told["picture"]
