# SPDX-FileCopyrightText: 2026 Neural Bake developers
#
# SPDX-License-Identifier: GPL-3.0-or-later

"""Every operator of the installed zip once, in every Blender, with what it leaves; details are in the other files."""

from __future__ import annotations

from pathlib import Path

from tests import support
from tests.support import run_baking as run

EVERY = """
ops, scene = bpy.ops.neural_bake, bpy.context.scene
told, states = {}, {}
def does(name, **arguments):
    told.setdefault(name, []).append(call(getattr(ops, name), **arguments))
def results_on():
    return sorted(obj.name for obj in bpy.data.objects if "neural_bake_scene_hash" in obj.keys())
def undone(work):
    \"\"\"What is there after one step back.\"\"\"
    bpy.ops.ed.undo_push(message="before")
    work()
    there = results_on()
    bpy.ops.ed.undo()
    gone = results_on()
    bpy.ops.ed.redo()
    return [there, gone, results_on()]

does("use_preset", preset='FINAL')
states["preset"] = scene.neural_bake.light_grid.samples_per_probe > tiny["samples_per_probe"]
open_scene()
scene = bpy.context.scene
bpy.data.objects.remove(volume())
does("add_volume", fit='SCENE', spacing=1.5)
bpy.context.object.name = "Volume"
for obj in bpy.context.selected_objects:
    obj.select_set(obj.name == "Volume")
does("fit_volume", fit='SCENE', spacing=2.0)
fitted = volume().data.resolution_x, volume().data.resolution_y, volume().data.resolution_z
does("split_volume", most_probes=max(1, fitted[0] * fitted[1] * fitted[2] // 2))
parts = [obj for obj in scene.objects if obj.type == 'LIGHT_PROBE']
states["split"] = len(parts) == 2
bpy.data.objects.remove(parts[1])
parts[0].name = "Volume"
volume().select_set(True)
bpy.context.view_layer.objects.active = volume()
does("test_engine")
does("bake", volumes='SELECTED')
states["baked"] = results_on()
does("show_result")
does("show_light")
does("relight")
states["relit"] = "Neural Relight" in bpy.data.images
does("update")
does("export_compact")
does("cancel_export")
does("choose_lamps", lamp="Lamp")
does("relight_animation")
does("cancel_animation")
does("open_log")
states["log"] = "Neural Bake Log" in bpy.data.texts
for obj in scene.objects:
    obj.select_set(obj.name in {"Room", "Partition"})
does("apply_vertex_colours")
states["colours"] = ["neural_irradiance" in bpy.data.objects[name].data.attributes for name in ("Room", "Partition")]
copy = volume().copy()
scene.collection.objects.link(copy)
states["duplicate"] = module("results").holder(copy) is not None
bpy.data.objects.remove(copy)
does("clear", result='ALL', vertex_colours=True)
lit = ["neural_irradiance" in mesh.attributes for mesh in bpy.data.meshes]
states["cleared"] = results_on(), [image.name for image in bpy.data.images], lit
does("load_result", directory=sys.argv[3])
bpy.ops.wm.save_mainfile()
bpy.ops.wm.open_mainfile(filepath=scene_file)
states["reloaded"] = results_on()
does("clear", result='ALL')
# The second argument lets an operator that a script calls be a step of undo, as one that is clicked.
states["undo"] = undone(lambda: ops.load_result('EXEC_DEFAULT', True, directory=sys.argv[3]))
job = running()
does("cancel")
until(lambda: job.ended)
states["cancelled"] = job.state, [one.id == job.id for one in jobs.interrupted()]
does("resume")
states["resumed"] = len(jobs.interrupted())
job = running()
job.cancel()
until(lambda: job.ended)
does("discard", job=job.id)
states["discarded"] = job.stored.folder.exists()
does("clear_cache")
states["cache"] = job_folders.size(bpy.context)
does("create_engine", wheels="/nowhere")
does("cancel_engine")
does("remove_engine")
missed = sorted(set(dir(ops)) - set(told))
answer(told=told, states=states, missed=missed)
"""

# What a Blender without a window, or a wrong argument, is told; every other call has to finish.
REFUSED = {
    "show_result": "window",
    "show_light": "window",
    "relight_animation": "Neither a relit view nor light sets are in this scene",
    "cancel_animation": "No animation is being written",
    "update": "All lights were measured together",
    "export_compact": "No file was named",
    "cancel_export": "No light grid is being written",
    "create_engine": "There is no folder /nowhere",
    "cancel_engine": "No engine is being made",
    "remove_engine": "There is no engine",
}


def test_every_operator(blender: tuple[str, Path], user: Path, baked: Path, tmp_path: Path) -> None:
    """With the result of a farm, which has bpy 4.5, beside those of this Blender."""
    version, _ = blender
    scene = support.write_scene(tmp_path / "scene.blend", version=version)
    answer = run(user, EVERY, scene, baked, version=version)
    for name, calls in answer["told"].items():
        for outcome, said in calls:
            if name in REFUSED:
                assert outcome == "CANCELLED" and REFUSED[name] in said, (name, said)
            else:
                assert (outcome, said) == ("FINISHED", ""), (name, said)
    assert answer["missed"] == []
    states = answer["states"]
    assert states["preset"] and states["split"] and states["log"] and states["relit"] and states["duplicate"]
    assert states["baked"] == ["Volume"] and states["colours"] == [True, True]
    assert states["cleared"][:2] == [[], []] and not any(states["cleared"][2])
    assert states["reloaded"] == ["Volume"]
    assert states["undo"] == [["Volume"], [], ["Volume"]]
    assert states["cancelled"] == ["CANCELLED", [True]] and states["resumed"] == 0
    assert states["discarded"] is False and states["cache"] == 0
