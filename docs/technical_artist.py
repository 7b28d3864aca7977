# SPDX-FileCopyrightText: 2026 Neural Bake developers
#
# SPDX-License-Identifier: GPL-3.0-or-later

"""A technical artist's day with Neural Bake: place, estimate, bake, read, drive, colour, save, reload, clear.

blender -b SCENE.blend --python-exit-code 1 --python technical_artist.py -- OUT.blend [PRESET]

Everything here is what the panels do, too. The scene needs a light and a camera; the opened file stays as it is.
"""

import json
import sys

import bpy

words = sys.argv[sys.argv.index("--") + 1 :]
out, preset = words[0], (words[1] if len(words) > 1 else 'DRAFT')

# Place: probes at most 0.8 m apart, in a box round everything that renders; a big box becomes several.
bpy.ops.neural_bake.add_volume(fit='SCENE', spacing=0.8)
volume = bpy.context.object
volume.name = "Rooms"
if bpy.context.scene.neural_bake.probes > 5000:
    bpy.ops.neural_bake.split_volume(most_probes=5000)

# Estimate: what this machine will take for it.
settings = bpy.context.scene.neural_bake
bpy.ops.neural_bake.use_preset(preset=preset)
print(f"{settings.probes} probes, about {settings.estimated_seconds:.0f} s, {settings.estimated_memory:.0f} MB")

# Bake: from a script the operator waits, and it finishes only with the result in the scene.
assert bpy.ops.neural_bake.bake() == {'FINISHED'}

# Read: the errors on points that the training never saw, ours beside every rival's.
manifest = json.loads(volume["neural_bake_manifest"])
for method, errors in manifest["metrics"]["held_out"].items():
    print(f"{method:10} nRMSE {errors['nRMSE']:.3f}  relMSE {errors['relMSE']:.3f}  SMAPE {errors['SMAPE']:.3f}")
print("kept:", manifest["metrics"]["kept"])

# Drive: a lamp over the desk is red where the bake is worse than 5 % and green where it is better.
lamp = bpy.data.objects.new("Traffic Light", bpy.data.lights.new("Traffic Light", 'POINT'))
lamp.hide_render = True  # it tells something, and should not light the next bake
bpy.context.collection.objects.link(lamp)
for channel, expression in ((0, "error > 0.05"), (1, "error <= 0.05"), (2, "0")):
    driver = lamp.data.driver_add("color", channel).driver
    variable = driver.variables.new()
    variable.name = "error"
    variable.targets[0].id = volume
    variable.targets[0].data_path = '["neural_bake_relMSE"]'
    driver.expression = expression

# Colour: the light as a colour attribute of every mesh that is not shared.
for obj in bpy.context.scene.objects:
    obj.select_set(obj.type == 'MESH' and obj.data.users == 1 and not obj.hide_render)
bpy.ops.neural_bake.apply_vertex_colours(over_pi=True)

# Save and reload: the result is in the .blend, and nothing else is needed.
bpy.ops.wm.save_as_mainfile(filepath=out)
bpy.ops.wm.open_mainfile(filepath=out)
volume = bpy.data.objects["Rooms"]
assert json.loads(volume["neural_bake_manifest"]) == manifest
lit = [obj for obj in bpy.data.objects if obj.type == 'MESH' and "neural_irradiance" in obj.data.attributes]
colour = bpy.data.lights["Traffic Light"].color
print(f"{len(lit)} meshes carry light, the traffic light is {'red' if colour[0] > colour[1] else 'green'}")

# Clear: the next artist finds the scene as it was, but for the lamp.
bpy.ops.neural_bake.clear(result='ALL', vertex_colours=True)
assert not [key for key in bpy.data.objects["Rooms"].keys() if key.startswith("neural_bake_")]
bpy.ops.wm.save_mainfile()
