# SPDX-FileCopyrightText: 2026 Neural Bake developers
#
# SPDX-License-Identifier: GPL-3.0-or-later

"""Light sets in Blender: the picture, the surfaces and the colours follow power, colour and visibility of the lamps."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests import support

TWO_LAMPS = """
import bpy, sys
bpy.ops.wm.open_mainfile(filepath=sys.argv[1])
lamp = bpy.data.objects["Lamp"]
lamp.data.color = (1.0, 0.5, 0.0)
other = lamp.copy()
other.data = lamp.data.copy()
other.name = "Other"
other.location = (1.0, -1.0, 1.0)
bpy.context.scene.collection.objects.link(other)
world = bpy.data.worlds.new("Sky")
if world.node_tree is None:
    world.use_nodes = True
bpy.context.scene.world = world
node = next(node for node in world.node_tree.nodes if node.type == 'BACKGROUND')
node.inputs["Color"].default_value = (0.2, 0.2, 0.2, 1.0)
bpy.ops.wm.save_mainfile()
"""


@pytest.fixture(scope="module")
def lamps_scene(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = support.write_scene(tmp_path_factory.mktemp("scene") / "lamps.blend")
    result = support.run_python(support.blender_python("4.5"), "-c", TWO_LAMPS, path)
    assert result.returncode == 0, result.stderr
    return path


@pytest.fixture(scope="module")
def apart(lamps_scene: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A light grid of the small scene with a set for each lamp."""
    out = tmp_path_factory.mktemp("apart") / "result"
    result = support.run(*support.bake_words(lamps_scene, out, light_sets="lamps", light="total", preview_width=48))
    assert result.returncode == 0, result.stdout + result.stderr
    return out


LIVE = """
sets = module("light_sets")
volume, lamp, other = obj("Volume"), obj("Lamp"), obj("Other")
scene, layer = bpy.context.scene, bpy.context.view_layer
assert load() == {'FINISHED'}
assert bpy.ops.neural_bake.relight() == {'FINISHED'}
told = {}
first = pixels().copy()

def now():
    layer.update()
    live.update_sets(volume, scene, layer)
    return pixels().copy()

def state():
    layer.update()
    return sets.state(volume, results.manifest(volume), scene, layer)

told["names"] = [one["name"] for one in results.manifest(volume)["light_sets"]]
baked = np.array(bpy.data.images["Neural Bake Preview"].pixels[:]).reshape(*pixels().shape[:2], 4)[::-1, :, :3]
told["as baked"] = float(np.abs(first - baked).max() / first.max())
told["nothing to do"] = live.update_sets(volume, scene, layer) is None

# core alone says the same of a point
grid = module("core.light_grid").from_object(volume)
points, normals = np.array([[-0.5, 0.2, 1.0], [1.0, 0.0, 0.3]], np.float32), np.array([[0, 0, 1]] * 2, np.float32)
def differs(**scale):
    core = grid.irradiance(points, normals, scale)
    ours = sets.light_grid(volume, scene, layer).irradiance(points, normals)
    return float(np.abs(core - ours).max() / core.max())

lamp.data.energy *= 0.5
half = now()
told["half"] = differs(Lamp=0.5)
lamp.hide_render = True
dark = now()
told["hidden"] = differs(Lamp=0.0)
lit = (first > 0.0) & (half > 0.0) & (dark > 0.0)  # elsewhere the sum was below zero and is cut
told["half is between"] = float(np.abs(half - 0.5 * (first + dark))[lit].max() / first.max())
told["changed"] = state().changed
lamp.hide_render = False
lamp.data.energy *= 2.0
other.data.color = (0.0, 0.5, 1.0)   # blue, which the lamp did not have at the bake
blue = now()
told["a new colour"] = float(blue[..., 2].max()) > 2.0 * float(first[..., 2].max())
other.data.color = (1.0, 0.5, 0.0)
node = scene.world.node_tree.nodes["Background"]
node.inputs["Strength"].default_value = 3.0
now()
told["world"] = differs(World=3.0)
node.inputs["Strength"].default_value = 1.0
told["again"] = float(np.abs(now() - first).max() / first.max())

# keyframes of a lamp's power
lamp.data.energy = 0.0
lamp.data.keyframe_insert("energy", frame=1)
lamp.data.energy = 60.0
lamp.data.keyframe_insert("energy", frame=11)
levels = []
for frame in (1, 6, 11):
    scene.frame_set(frame)
    levels.append(float(now().mean()))
told["animated"] = levels[0] < levels[1] < levels[2]
scene.frame_start, scene.frame_end, scene.frame_step = 1, 11, 5
assert bpy.ops.neural_bake.relight_animation(filepath=os.path.join(folder, "f_"), file_format='PNG') == {'FINISHED'}
told["frames"] = sorted(os.listdir(folder))
lamp.data.animation_data_clear()
scene.frame_set(1)
lamp.data.energy = 60.0

# out of date is what was not only dimmed
stale = module("staleness")
other.data.energy *= 3.0
lamp.name = "Renamed"
stale.check(scene)
told["dimmed and renamed"] = [stale.state(volume), state().changed, state().notes]
other.location.x -= 0.2
stale.check(scene)
told["moved"] = [stale.state(volume), state().moved, *sets.words(state())[2]]
other.location.x += 0.2

# saved, opened again, undone
bpy.ops.neural_bake.relight()
before = pixels().copy()
path = os.path.join(folder, "saved.blend")
bpy.ops.wm.save_as_mainfile(filepath=path)
bpy.ops.wm.open_mainfile(filepath=path)
scene, layer, volume = bpy.context.scene, bpy.context.view_layer, obj("Volume")
told["reloaded"] = [float(np.abs(now() - before).max()), state().changed]
bpy.ops.ed.undo_push(message="before")
obj("Other").data.energy = 1.0
bpy.ops.ed.undo_push(message="dimmed")
now()
bpy.ops.ed.undo()
scene, layer, volume = bpy.context.scene, bpy.context.view_layer, obj("Volume")
told["undone"] = float(np.abs(now() - before).max())
bpy.data.objects.remove(obj("Other"))
added = bpy.data.objects.new("Added", bpy.data.lights.new("Added", 'POINT'))
added.data.energy = 5.0
scene.collection.objects.link(added)
told["deleted"] = state().notes
told["factors"] = state().factors[1].tolist()
bpy.ops.neural_bake.clear(result='ALL')
told["left"] = [name for name in bpy.data.images.keys() if name.startswith(".Neural")]
answer(told=told)
"""


@pytest.mark.parametrize("version", ["4.5", "5.0"])
def test_lamps_are_followed(user: Path, lamps_scene: Path, apart: Path, tmp_path: Path, version: str) -> None:
    if support.blender_python(version) is None:
        pytest.skip(f"no bpy {version}")
    scene = tmp_path / "scene.blend"
    scene.write_bytes(lamps_scene.read_bytes())
    folder = tmp_path / "frames"
    folder.mkdir()
    told, result = support.run_in_blender(
        support.blender_python(version), user, "from relit import *\n" + LIVE, scene, apart, folder
    )
    assert "Traceback" not in result.stderr, result.stderr
    told = told["told"]
    assert told["names"] == ["Lamp", "Other", "World"]
    assert told["as baked"] < 2e-3 and told["nothing to do"]
    assert told["half"] < 1e-5 and told["hidden"] < 1e-5 and told["world"] < 1e-5
    assert told["half is between"] < 1e-5
    assert told["changed"] == ["Lamp"] and told["a new colour"]
    assert told["again"] < 1e-6 and told["animated"]
    assert told["frames"] == ["f_0001.png", "f_0006.png", "f_0011.png"]
    # another Blender than the one that baked cannot compare, and says so by UNKNOWN
    current, changed = ("CURRENT", "CHANGED") if version == "4.5" else ("UNKNOWN", "UNKNOWN")
    assert told["dimmed and renamed"] == [current, ["Other"], []]
    assert told["moved"][:2] == [changed, ["Other"]]
    assert told["moved"][2:] == ["Other was moved: Update measures only that light.", True]
    assert told["reloaded"][0] < 1e-6 and told["reloaded"][1] == ["Other"]
    assert told["undone"] < 1e-6
    assert told["deleted"] == [
        "Other is gone, so its light is left out.",
        "Added was not measured, so its light is left out. Bake again.",
    ]
    assert told["factors"] == [0.0, 0.0, 0.0] and told["left"] == []
