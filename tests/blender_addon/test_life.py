# SPDX-FileCopyrightText: 2026 Neural Bake developers
#
# SPDX-License-Identifier: GPL-3.0-or-later

"""What happens to a bake while life goes on around it: files, names, modes, undo, a kill, sleep, a full disk."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests import support
from tests.support import run_baking as run

LIVES = """
found = {}
# undo, scene and volume renamed, the file saved under another name, and edit mode at the end
bpy.ops.ed.undo_push(message="before")
volume().location.x += 1.0
bpy.ops.ed.undo_push(message="moved")
job = running()
bpy.ops.ed.undo()
bpy.context.scene.name, volume().name = "Renamed", "Probes"
bpy.ops.ed.undo_push(message="renamed")
bpy.ops.wm.save_as_mainfile(filepath=scene_file + "_other.blend")
bpy.context.view_layer.objects.active = bpy.data.objects["Room"]
bpy.ops.object.mode_set(mode='EDIT')
until(lambda: job.state == 'WAITING')
jobs.step(bpy.context)
waits = job.message
bpy.ops.object.mode_set(mode='OBJECT')
until(lambda: job.ended)
def carries():
    return "neural_bake_weights" in bpy.data.objects["Probes"].keys()
found["names and modes"] = waits, job.state, carries()
bpy.ops.ed.undo()
found["undo"] = carries(), bpy.context.scene.name, bpy.data.objects["Probes"].location.x
# volume deleted
open_scene()
job = running()
bpy.data.objects.remove(volume())
until(lambda: job.ended)
found["deleted"] = job.state, job.message, os.path.isfile(job.directory / "manifest.json")
# another file is opened, and ours again
open_scene()
job = running()
bpy.ops.wm.open_mainfile(filepath=sys.argv[3])
until(lambda: job.state == 'WAITING')
jobs.step(bpy.context)
other = job.message, [obj.name for obj in bpy.data.objects if "neural_bake_weights" in obj.keys()]
bpy.ops.wm.open_mainfile(filepath=scene_file)
until(lambda: job.ended)
found["other file"] = *other, job.state, "neural_bake_weights" in volume().keys()
answer(found=found)
"""


def test_life_goes_on_around_a_bake(user: Path, own_scene: Path, tmp_path: Path) -> None:
    other = support.write_scene(tmp_path / "other.blend")
    found = run(user, LIVES, own_scene, other)["found"]
    assert found["names and modes"] == ["The result comes in when you leave this mode.", "DONE", True]
    state, message, complete = found["deleted"]
    assert state == "FAILED" and "has no object Volume" in message and complete
    assert found["other file"] == ["The result waits for scene.blend to be open.", [], "DONE", True]
    assert found["undo"] == [False, "Renamed", 0.0]


BEGIN = """
job = jobs.submit(bpy.context, kind="light_grid")
until(lambda: job.done >= 1)
print("READY " + str(job.stored.folder), flush=True)
until(lambda: False)
"""

AFTER = """
import shutil
folder = jobs.interrupted()[0].folder
other = Path(shutil.copytree(folder, folder.with_name("20200101-000000-0000")))
jobs.refresh(bpy.context)
seen = [(one.state, one.here) for one in jobs.interrupted()]
discarded = call(bpy.ops.neural_bake.discard, job=other.name), other.exists(), len(jobs.interrupted())
shards = {path.name: path.stat().st_mtime_ns for path in (folder / "dataset").glob("shard-*.safetensors")}
result, said = call(bpy.ops.neural_bake.resume)
kept = [name for name, time_ in shards.items() if (folder / "dataset" / name).stat().st_mtime_ns == time_]
answer(seen=seen, discarded=discarded, result=result, said=said, shards=len(shards), kept=len(kept),
       left=len(jobs.interrupted()), there="neural_bake_weights" in volume().keys())
"""


@pytest.mark.skipif(os.name == "nt", reason="kills by a signal")
def test_a_killed_blender_leaves_a_bake_to_resume_or_discard(user: Path, own_scene: Path) -> None:
    extra = {"BLENDER_USER_RESOURCES": str(user), "NEURAL_BAKE_ENGINE": sys.executable}
    tiny = {**support.TINY, "sample_paths": 1500}  # so that it lasts
    process = subprocess.Popen(
        [str(support.blender_python("4.5")), "-c", "from baking import *\n" + BEGIN, str(own_scene), json.dumps(tiny)],
        env={**support.environment(**extra), "PYTHONPATH": str(support.ROOT / "tests" / "scripts")},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    lines = []
    for line in process.stdout:
        lines.append(line)
        if line.startswith("READY "):
            break
    else:
        raise AssertionError("".join(lines) + process.stderr.read())
    folder = lines[-1].split(maxsplit=1)[1].strip()
    process.send_signal(signal.SIGKILL)
    process.communicate(timeout=10)
    support.wait_until_gone(folder, 1.0)
    answer = run(user, AFTER, own_scene)
    assert answer["seen"] == [["RUNNING", True]] * 2
    assert answer["discarded"] == [["FINISHED", ""], False, 1]
    assert answer["result"] == "FINISHED", answer["said"]
    assert answer["shards"] >= 1 and answer["kept"] == answer["shards"]
    assert answer["left"] == 0 and answer["there"]


QUIT = """
job = running()
print("READY " + str(job.stored.folder), flush=True)
"""


@pytest.mark.skipif(os.name == "nt", reason="looks into /proc")
def test_a_closed_blender_takes_its_bake_along(user: Path, own_scene: Path) -> None:
    answer = run(user, QUIT + "answer(folder=str(job.stored.folder))", own_scene)
    support.wait_until_gone(answer["folder"], 1.0)


SLEEP = """
import signal
job = running()
def tell(number):
    for entry in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if job.id.encode() in entry.read_bytes():
                os.kill(int(entry.parent.name), number)
        except OSError:
            pass
left = []
tell(signal.SIGSTOP)
before = job.done, job.text
end = time.monotonic() + 3.0
while time.monotonic() < end:
    jobs.step(bpy.context)
    left.append(job.seconds_left)
    time.sleep(0.1)
slept = job.done, job.text
tell(signal.SIGCONT)
until(lambda: job.ended)
answer(state=job.state, there=has_result(), same=before == slept, left=left)
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="looks into /proc")
def test_a_machine_that_sleeps(user: Path, own_scene: Path) -> None:
    answer = run(user, SLEEP, own_scene)
    assert answer["state"] == "DONE" and answer["there"]
    assert all(value is None or value >= 0.0 for value in answer["left"])


def test_seconds_are_counted_by_a_clock_that_nobody_sets() -> None:
    """A clock that is set during a bake, as ``test_window_life.py`` does, moves neither time left nor deadlines."""
    files = [*(support.ROOT / "blender_addon").rglob("*.py"), support.ROOT / "bake_workers" / "terminal.py"]
    calls = {path.stem: set(re.findall(r"\btime\.(\w+)\(", path.read_text("utf-8"))) for path in files}
    assert "monotonic" in calls["job"] & calls["staleness"]
    # Names of jobs carry the date, and events the time when they were written, which nothing is counted from.
    allowed = {"monotonic", "perf_counter", "sleep", "strftime", "strptime"}
    left = {name: found - allowed for name, found in calls.items() if found - allowed}
    assert left == {"terminal": {"time"}}
    (stamp,) = re.findall(r".*\btime\.time\(.*", files[-1].read_text("utf-8"))
    assert '"time": round(time.time(), 3)' in stamp
    assert not any("datetime" in path.read_text("utf-8") for path in files)


DISK = """
preferences = bpy.context.preferences.addons[NAME].preferences
preferences.cache = sys.argv[3]
filler = Path(sys.argv[3]) / "filler"
def fill():
    with open(filler, "wb", buffering=0) as file:
        for size in (2**20, 2**12, 1):
            try:
                while True:
                    file.write(bytes(size))
            except OSError:
                continue
fill()
refused = call(bake), sorted(path.name for path in (Path(sys.argv[3]) / "jobs").glob("*"))
filler.unlink()
job = running()
fill()
until(lambda: job.ended)
failed = job.state, job.message, has_result()
filler.unlink()
resumed = call(bpy.ops.neural_bake.resume), has_result()
answer(refused=refused, failed=failed, resumed=resumed)
"""


def test_a_full_disk(user: Path, own_scene: Path, disk: Path) -> None:
    answer = run(user, DISK, own_scene, disk, sample_paths=600)
    (result, said), left = answer["refused"]
    assert result == "CANCELLED" and ("disk" in said or "space" in said.lower()) and left == []
    state, message, there = answer["failed"]
    assert state == "FAILED" and "disk" in message and "press Resume" in message and not there
    assert answer["resumed"] == [["FINISHED", ""], True]
