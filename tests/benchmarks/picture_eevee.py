# SPDX-FileCopyrightText: 2026 Neural Bake developers
#
# SPDX-License-Identifier: GPL-3.0-or-later

"""The same picture by EEVEE with its own baked Light Probe Volume; run inside a real Blender.

    blender -b SCENE.blend --gpu-backend vulkan --python picture_eevee.py -- OUT.exr WIDTH NX,NY,NZ BOX

The volume takes the place of the Empty BOX and is otherwise as Blender makes it. Volumes of the file are hidden.
"""

from __future__ import annotations

import sys
import time

import bpy

words = sys.argv[sys.argv.index("--") + 1 :]
out, width, resolution, box = words[0], int(words[1]), [int(count) for count in words[2].split(",")], words[3]
scene = bpy.context.scene
scene.render.engine = 'BLENDER_EEVEE'
for other in scene.objects:
    if other.type == 'LIGHT_PROBE':
        other.hide_render = True
        other.hide_viewport = True
data = bpy.data.lightprobes.new("Volume", 'VOLUME')
data.resolution_x, data.resolution_y, data.resolution_z = resolution
volume = bpy.data.objects.new("Volume", data)
volume.matrix_world = bpy.data.objects[box].matrix_world
scene.collection.objects.link(volume)
bpy.context.view_layer.objects.active = volume
begin = time.monotonic()
if bpy.ops.object.lightprobe_cache_bake(subset='ACTIVE') != {'FINISHED'}:
    sys.exit("EEVEE did not bake its volume")
baked = time.monotonic()
render = scene.render
render.resolution_y = round(width * render.resolution_y / render.resolution_x)
render.resolution_x, render.resolution_percentage = width, 100
render.use_compositing = render.use_sequencer = render.use_border = render.use_motion_blur = False
render.film_transparent = False
if hasattr(render.image_settings, "media_type"):
    render.image_settings.media_type = 'IMAGE'
render.image_settings.file_format, render.image_settings.color_depth = 'OPEN_EXR', '32'
render.image_settings.exr_codec = 'NONE'
render.filepath = out
bpy.ops.render.render(write_still=True)
print(f"EEVEE: volume {baked - begin:.1f} s, picture {time.monotonic() - baked:.1f} s", flush=True)
