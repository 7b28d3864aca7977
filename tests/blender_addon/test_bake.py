# SPDX-FileCopyrightText: 2026 Neural Bake developers
#
# SPDX-License-Identifier: GPL-3.0-or-later

"""``bpy.ops.neural_bake.bake`` and its companions, each in a Blender of its own."""

from __future__ import annotations

import json
import os
import shutil
import sys
from pathlib import Path

import pytest

from tests import support
from tests.support import run_baking as run

WHOLE = """
result, said = call(bake, directory=sys.argv[3])
metrics = {key: value for key, value in volume().items() if isinstance(value, float)}
bpy.ops.wm.save_mainfile()
bpy.ops.wm.open_mainfile(filepath=scene_file)
grid = module("core.light_grid").from_object(volume())
import numpy as np
light = grid.irradiance(np.float32([[-1, 0, 1]]), np.float32([[0, 0, 1]]))
stored = job_folders.read_all(bpy.context)
answer(result=result, said=said, metrics=metrics, light=light.tolist(), images=sorted(bpy.data.images.keys()),
       jobs=[(one.state, one.targets) for one in stored], manifest=json.loads(volume()["neural_bake_manifest"]),
       files=sorted(path.name for path in stored[0].folder.iterdir()))
"""


def test_a_whole_bake(user: Path, own_scene: Path, tmp_path: Path) -> None:
    """In every Blender it is ``test_operators.py`` and ``test_install.py`` that bake."""
    answer = run(user, WHOLE, own_scene, tmp_path / "result")
    assert answer["result"] == "FINISHED", answer["said"]
    manifest = answer["manifest"]
    assert manifest == json.loads((tmp_path / "result" / "manifest.json").read_text("utf-8"))
    assert manifest["blender"].startswith("4.5")
    assert {key: manifest["settings"][key] for key in support.TINY} == support.TINY
    assert (manifest["scene"], manifest["view_layer"], manifest["frame"]) == ("Scene", "ViewLayer", 1)
    values = manifest["metrics"]["held_out"][manifest["metrics"]["kept"]]
    assert answer["metrics"]["neural_bake_nRMSE"] == values["nRMSE"]
    assert min(answer["light"][0]) > 0.0
    assert answer["images"] == [f"Neural Bake {name}" for name in ("Comparison", "Error", "Preview", "Reference")]
    assert answer["jobs"] == [["DONE", ["Volume"]]]
    assert {"job.json", "addon.json", "scene.blend", "preview.png"} <= set(answer["files"])


REFUSALS = """
found = {}
def refused(name, operator=bake, **arguments):
    found[name] = call(operator, **arguments)
preferences = bpy.context.preferences.addons[NAME].preferences
engine = os.environ.pop("NEURAL_BAKE_ENGINE")
refused("no engine")
preferences.engine = scene_file + ".missing"
refused("missing engine")
preferences.engine = engine
refused("no such Empty", bounds_object="Soup")
refused("a folder of others", directory=os.path.dirname(scene_file))
bpy.context.scene.neural_bake.light_grid.use_resolution = True
bpy.context.scene.neural_bake.light_grid.resolution = (3, 2, 2)
image = bpy.data.images.new("Painted", 8, 8)
image.use_fake_user = True
image.pixels[0] = 0.5
refused("painted image")
bpy.data.images.remove(image)
volume().hide_render = True
refused("hidden volume")
volume().hide_render = False
bpy.data.objects["Lamp"].hide_render = True
refused("no light")
bpy.data.objects["Lamp"].hide_render = False
preferences.cache = scene_file
refused("cache is a file")
preferences.cache = ""
refused("cancel without a bake", bpy.ops.neural_bake.cancel)
refused("resume without a bake", bpy.ops.neural_bake.resume)
refused("discard without a bake", bpy.ops.neural_bake.discard)
bpy.ops.wm.read_factory_settings(use_empty=True)
enable()
refused("unsaved")
for override in (False, True):
    bpy.ops.wm.read_factory_settings(use_empty=True)
    enable()
    os.environ["NEURAL_BAKE_ENGINE"] = engine
    link_object(scene_file, "Volume", override=override)
    link_object(scene_file, "Lamp")
    bpy.ops.wm.save_as_mainfile(filepath=scene_file + f"{int(override)}.blend")
    refused("overridden" if override else "linked")
answer(found=found, jobs=len(job_folders.read_all(bpy.context)))
"""


def test_what_stops_a_bake_is_said_at_once(blender: tuple[str, Path], user: Path, own_scene: Path) -> None:
    answer = run(user, REFUSALS, own_scene, version=blender[0])
    texts = {
        "no engine": "No engine is set",
        "missing engine": "There is no engine",
        "no such Empty": "has no object Soup",
        "a folder of others": "holds files that are no Neural Bake result",
        "painted image": "Painted images are not saved",
        "hidden volume": "no Light Probe Volume",
        "no light": "The scene has no light",
        "cache is a file": "cache folder",
        "cancel without a bake": "Nothing is being baked",
        "resume without a bake": "No bake was interrupted",
        "discard without a bake": "No bake was interrupted",
        "unsaved": "never saved",
        "linked": "is linked from another file",
        "overridden": "is a library override",
    }
    assert set(answer["found"]) == set(texts)
    for name, text in texts.items():
        result, said = answer["found"][name]
        assert result == "CANCELLED" and text in said, (name, said)
    assert answer["jobs"] == 0


QUEUE = """
submit = lambda: jobs.submit(bpy.context, kind="light_grid")
first, second, third = submit(), submit(), submit()
until(lambda: first.state == 'RUNNING' and first.total > 1)
seen = [job.state for job in jobs.all_jobs()], [second.place, third.place], jobs.headline(second)
bpy.ops.neural_bake.cancel(job=second.id)
fractions, previews, left = [], [], []
def watch():
    fractions.append(first.fraction)
    previews.append(first.preview is not None)
    left.append(first.seconds_left)
    return first.ended
until(watch)
until(lambda: third.total > 1)
begin = time.monotonic()
bpy.ops.neural_bake.cancel()
until(lambda: third.ended)
took = time.monotonic() - begin
answer(seen=seen, states=[job.state for job in jobs.all_jobs()], took=took, fractions=fractions,
       early=any(preview and fraction < 0.9 for preview, fraction in zip(previews, fractions)),
       left=[value for value in left if value is not None], more=jobs.step(bpy.context),
       interrupted=[(one.id == third.id, one.state, one.here) for one in jobs.interrupted()],
       folder=str(third.stored.folder), forgotten=second.stored.folder.exists())
"""


def test_bakes_queue_and_one_can_be_cancelled(user: Path, own_scene: Path) -> None:
    answer = run(user, QUEUE, own_scene)
    assert answer["seen"] == [["RUNNING", "QUEUED", "QUEUED"], [1, 2], "Number 1 in the queue"]
    assert answer["states"] == ["DONE", "CANCELLED", "CANCELLED"]
    assert answer["took"] < 1.5
    assert not support.processes_with(answer["folder"])
    fractions = answer["fractions"]
    assert fractions == sorted(fractions) and 0.0 < fractions[len(fractions) // 2] < 1.0 and fractions[-1] == 1.0
    assert answer["early"]  # the first picture comes long before the end
    assert len(answer["left"]) > 3 and min(answer["left"]) >= 0.0
    assert answer["more"] is False
    # What had not begun has nothing to resume.
    assert answer["interrupted"] == [[True, "CANCELLED", True]] and not answer["forgotten"]


FAILS = """
preferences = bpy.context.preferences.addons[NAME].preferences
os.environ.pop("NEURAL_BAKE_ENGINE")
preferences.engine = sys.argv[3]
result, said = call(bake)
job = jobs.last()
failed = job.state, job.message, job.log is not None and job.log.read_text()
preferences.engine = sys.argv[4]
again, said_again = call(bpy.ops.neural_bake.resume)
answer(result=result, said=said, failed=failed, again=again, said_again=said_again,
       there="neural_bake_weights" in volume().keys(), listed=len(jobs.interrupted()))
"""


@pytest.mark.skipif(os.name == "nt", reason="uses a shell script")
def test_a_failure_is_one_sentence_and_can_be_resumed(user: Path, own_scene: Path, tmp_path: Path) -> None:
    broken = tmp_path / "python-broken"
    broken.write_text('#!/bin/sh\necho "the engine is ill" >&2\nexit 3\n')
    broken.chmod(0o755)
    answer = run(user, FAILS, own_scene, broken, sys.executable)
    assert answer["result"] == "CANCELLED" and "The engine ended with code 3" in answer["said"]
    assert answer["failed"][0] == "FAILED" and answer["failed"][2] == "the engine is ill\n"
    assert answer["again"] == "FINISHED", answer["said_again"]
    assert answer["there"] and answer["listed"] == 0


@pytest.mark.skipif(os.name == "nt", reason="signals are POSIX")
def test_ctrl_c_cancels_a_bake_that_a_script_waits_for(user: Path, own_scene: Path) -> None:
    code = """
import signal, threading
def press():
    while jobs.active() is None or jobs.active().total < 2:
        time.sleep(0.02)
    os.kill(os.getpid(), signal.SIGINT)
threading.Thread(target=press, daemon=True).start()
result, said = call(bake)
answer(result=result, said=said, state=jobs.last().state, folder=str(jobs.last().stored.folder))
"""
    answer = run(user, code, own_scene)
    assert (answer["result"], answer["state"]) == ("CANCELLED", "CANCELLED")
    assert not support.processes_with(answer["folder"])


def test_selected_volumes_are_a_result_of_their_own(user: Path, baked_pair: tuple[Path, Path], tmp_path: Path) -> None:
    scene = Path(shutil.copy(baked_pair[0], tmp_path / "scene.blend"))
    code = """
def holders():
    return [obj.name for obj in bpy.data.objects if "neural_bake_weights" in obj.keys()]
def select(name):
    for obj in bpy.context.scene.objects:
        obj.select_set(obj.name == name)
select("")
nothing = call(bake, volumes='SELECTED')
select("Volume.001")
second, grids = bpy.data.objects["Volume.001"], lambda obj: len(module("results").light_grid(obj).grids)
before = call(bpy.ops.neural_bake.load_result, directory=sys.argv[3])[0], holders()
alone = call(bake, volumes='SELECTED'), holders(), grids(second)
together = call(bake), holders(), grids(volume())
points_at = second["neural_bake_source"].name
answer(nothing=nothing, before=before, alone=alone, together=together, points_at=points_at)
"""
    answer = run(user, code, scene, baked_pair[1])
    assert answer["before"] == ["FINISHED", ["Volume"]]
    assert answer["nothing"][0] == "CANCELLED" and "is selected. Select one." in answer["nothing"][1]
    assert answer["alone"] == [["FINISHED", ""], ["Volume", "Volume.001"], 1]
    assert answer["together"] == [["FINISHED", ""], ["Volume"], 2] and answer["points_at"] == "Volume"


def test_the_cache_keeps_as_many_bakes_as_it_should(user: Path, own_scene: Path) -> None:
    code = """
import shutil
bpy.context.preferences.addons[NAME].preferences.keep_jobs = 1
result = call(bake)[0]
folder = jobs.last().stored.folder
for number in range(2):
    shutil.copytree(folder, folder.with_name(f"20200101-00000{number}-0000"))
third = jobs.submit(bpy.context, kind="light_grid")
third.cancel()  # the end of any bake tidies up
until(lambda: third.settled)
kept = [one.id for one in job_folders.read_all(bpy.context)]
size = job_folders.size(bpy.context)
freed = job_folders.clear(bpy.context)
answer(result=result, kept=kept, last=folder.name, size=size, freed=freed, left=job_folders.size(bpy.context),
       grid=module("results").light_grid(volume()).grids[0].sh.shape)
"""
    answer = run(user, code, own_scene)
    assert answer["result"] == "FINISHED"
    assert answer["kept"] == [answer["last"]]
    assert answer["size"] == answer["freed"] > 10_000 and answer["left"] == 0
    assert answer["grid"] == [12, 9, 3]


def test_a_folder_of_somebody_else_is_no_job(user: Path, own_scene: Path) -> None:
    code = """
root = job_folders.root(bpy.context)
for name, text in {"a": "", "b": "[]", "c": '{"schema": "neural_bake.addon_job/1"}', "d": "{"}.items():
    (root / name).mkdir(parents=True)
    (root / name / "addon.json").write_text(text)
jobs.refresh(bpy.context)
answer(found=len(jobs.interrupted()), read=len(job_folders.read_all(bpy.context)))
"""
    assert run(user, code, own_scene) == {"found": 0, "read": 0}
