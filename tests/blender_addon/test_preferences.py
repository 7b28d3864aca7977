# SPDX-FileCopyrightText: 2026 Neural Bake developers
#
# SPDX-License-Identifier: GPL-3.0-or-later

"""Preferences: engine, devices, cache folder, and what a bake on this machine will cost."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import pytest

from core.light_grid.estimate import estimate
from core.light_grid.settings import LightGridSettings
from tests import support

BEGIN = """
from extension import *
from pathlib import Path
enable()
preferences = module("preferences")
NeuralBakeError = module("core.errors").NeuralBakeError
context, told = bpy.context, {}
mine = preferences.get(context)

def refusal(call):
    try:
        return ["", str(call())]
    except NeuralBakeError as error:
        return [error.code, str(error)]
"""


PREFERENCES = (
    BEGIN
    + """
work = Path(sys.argv[1])
told["default"] = [mine.engine, mine.capture_device, mine.train_device, mine.threads, mine.cache, mine.keep_jobs]
told["machine"] = preferences.machine_settings(context)
mine.train_device, mine.threads = 'CUDA', 3
told["machine changed"] = preferences.machine_settings(context)

# devices of Cycles, and the processor where that is wanted
told["devices"] = [preferences.cycles_devices(context) == module("compat").cycles_devices(context)]
mine.capture_device = 'CPU'
told["devices"].append(preferences.cycles_devices(context))

# the engine: what was chosen, the environment variable, the preferences
told["no engine"] = preferences.engine_python(context)
mine.engine = str(work / "preferred")
told["engines"] = [str(preferences.engine_python(context))]
import os
os.environ["NEURAL_BAKE_ENGINE"] = str(work / "variable")
told["engines"].append(str(preferences.engine_python(context)))
told["engines"].append(str(preferences.engine_python(context, str(work / "chosen"))))
del os.environ["NEURAL_BAKE_ENGINE"]

# the cache folder: the extension's own, another one, one that cannot be
own = preferences.cache_folder(context)
told["own"] = [str(own), own.is_dir()]
mine.cache = str(work / "here" / "and there")
told["chosen"] = [str(preferences.cache_folder(context)), (work / "here" / "and there").is_dir()]
(work / "file").write_text("mine")
for name, path in (("file", work / "file"), ("below a file", work / "file" / "below")):
    mine.cache = str(path)
    told[name] = refusal(lambda: preferences.cache_folder(context))
    told[name + " text"] = preferences.cache_text(context) if preferences.forget_cache_size() is None else ""
mine.cache = ""

# its size, and Clear, which takes away finished bakes only
job_folders = module("job_folders")
def bake(state, size):
    stored = job_folders.create(context, kind="light_grid", scene_name="Scene", targets=["Volume"], directory=None)
    stored.state = state
    stored.write()
    (stored.folder / "capture.log").write_bytes(b"x" * size)
    return stored.folder
folders = {state: bake(state, 2_000_000) for state in ('DONE', 'FAILED', 'RUNNING')}
preferences.forget_cache_size()
told["size"] = [preferences.cache_text(context), preferences.cache_text(context)]
told["clear"] = sorted(bpy.ops.neural_bake.clear_cache())
told["left"] = {state: folder.is_dir() for state, folder in folders.items()}
told["size after"] = preferences.cache_text(context)
told["texts"] = [preferences.size_text(size) for size in (0, 1, 1024, 5 * 2**20, 3 * 2**30 + 2**29)]

root = sys.modules[NAME]
for _ in range(2):
    root.unregister()
    root.register()
told["again"] = mine is not None and preferences.get(context).keep_jobs
answer(**told)
"""
)


def test_preferences(blender: tuple[str, Path], user: Path, tmp_path: Path) -> None:
    told, _ = support.run_in_blender(blender[1], user, PREFERENCES, tmp_path)
    assert told["default"] == ["", "AS_CYCLES", "CPU", 0, "", 5]
    assert told["machine"] == {"train_device": "cpu", "threads": 0}
    assert told["machine changed"] == {"train_device": "cuda", "threads": 3}
    assert told["devices"] == [True, {"compute_device_type": "NONE", "devices": []}]
    assert told["no engine"] is None
    assert told["engines"] == [str(tmp_path / name) for name in ("preferred", "variable", "chosen")]
    folder, exists = told["own"]
    assert exists and Path(folder) == user / "extensions" / ".user" / "user_default" / "neural_bake"
    assert told["chosen"] == [str(tmp_path / "here" / "and there"), True]
    for name in ("file", "below a file"):
        code, sentence = told[name]
        assert code == "os_error" and str(tmp_path / "file") in sentence
        assert sentence.endswith("Choose another cache folder in the preferences.")
        assert told[f"{name} text"] == "not usable"
    assert (tmp_path / "file").read_text() == "mine"
    assert told["size"] == ["5.7 MB", "5.7 MB"] and told["size after"] == "3.8 MB"
    assert told["clear"] == ["FINISHED"]
    assert told["left"] == {"DONE": False, "FAILED": True, "RUNNING": True}
    assert told["texts"] == ["0 KB", "1 KB", "1 KB", "5.0 MB", "3.5 GB"]
    assert told["again"] == 5


SPEEDS = (
    BEGIN
    + """
speeds, scene = module("speeds"), context.scene
manifest = json.loads(Path(sys.argv[1]).read_text("utf-8"))
group = scene.neural_bake.light_grid
for name, value in manifest["settings"].items():
    if name not in ("resolution", "spacing", "light", "light_sets", "train_device", "threads"):
        setattr(group, name, value)
camera = bpy.data.objects.new("Camera", bpy.data.cameras.new("Camera"))
scene.collection.objects.link(camera)
scene.camera = camera
path = preferences.cache_folder(context) / "speeds.json"

def expected(probes=manifest["probes"]):
    found = speeds.estimate(context, scene, probes)
    return [found.capture_seconds, found.training_seconds, found.capture_memory, found.training_memory, found.measured]

told["shipped"] = expected()
scene.camera = None
told["no camera"] = expected()
scene.camera = camera
speeds.record(context, manifest)
told["measured"] = expected()
told["file"] = json.loads(path.read_text("utf-8"))
mine.train_device = 'CUDA'
told["other device"] = expected()
mine.train_device = 'CPU'
slower = {**manifest, "timings": {**manifest["timings"], "capture": 2.0 * manifest["timings"]["capture"]}}
speeds.record(context, slower)
told["slower"] = expected()

told["bad"] = {}
bad = ["", "soup", "[1]", '{"schema": "other/1", "light_grid": {}}', '{"schema": "neural_bake.speeds/1"}',
       '{"schema": "neural_bake.speeds/1", "light_grid": 3}',
       '{"schema": "neural_bake.speeds/1", "light_grid": {"capture": [1]}}',
       '{"schema": "neural_bake.speeds/1", "light_grid": {"capture": {"CPU": 1}}}',
       '{"schema": "neural_bake.speeds/1", "light_grid": {"training": {"cpu": {"seconds": "x"}}}}',
       '{"schema": "neural_bake.speeds/1", "light_grid": {"capture": {"CPU": {"seconds": NaN, "memory": -1}}}}',
       "[" * 100_000]
rewritten = []
for text in bad:
    path.write_text(text)
    told["bad"][text[:90]] = expected()
    speeds.record(context, manifest)
    rewritten.append(expected())
told["rewritten"] = rewritten
path.write_bytes(b"\\xff\\xfe")
told["bytes"] = expected()
path.unlink()
told["gone"] = expected()
path.mkdir()
told["a folder"] = expected()
speeds.record(context, manifest)
told["still"] = expected()
group.use_spacing, group.spacing = True, 0.0
try:
    expected()
except NeuralBakeError as error:
    told["bad setting"] = error.code
answer(**told)
"""
)


def test_speeds(blender: tuple[str, Path], user: Path, baked: Path) -> None:
    told, result = support.run_in_blender(blender[1], user, SPEEDS, baked / "manifest.json")
    manifest = json.loads((baked / "manifest.json").read_text("utf-8"))
    settings = LightGridSettings.from_dict({**manifest["settings"], "resolution": None, "spacing": None})
    shipped = estimate(settings, manifest["probes"], None)
    figures = [shipped.capture_seconds, shipped.training_seconds, shipped.capture_memory, shipped.training_memory]
    assert told["shipped"] == [*map(pytest.approx, figures), False]
    assert told["no camera"][0] < told["shipped"][0]
    seconds, memory = manifest["timings"], manifest["peak_memory"]
    measured = [seconds["capture"], seconds["training"], memory["capture"], memory["training"]]
    assert told["measured"] == [*(pytest.approx(value, rel=1e-3) for value in measured), True]
    assert told["file"]["schema"] == "neural_bake.speeds/1"
    assert set(told["file"]["light_grid"]) == {"capture", "training"}
    # Another device has another speed, which is not known yet.
    other = told["other device"]
    assert (other[0], other[1], other[4]) == (told["measured"][0], told["shipped"][1], False)
    assert told["slower"][0] == pytest.approx(2.0 * told["measured"][0], rel=1e-3)
    assert told["slower"][1:] == told["measured"][1:]
    for text, found in told["bad"].items():
        assert found == told["shipped"], text
    assert len(told["rewritten"]) == 11
    assert all(found == told["measured"] for found in told["rewritten"])
    assert told["bytes"] == told["gone"] == told["a folder"] == told["still"] == told["shipped"]
    assert "the speed of the bake could not be noted" in result.stdout
    assert told["bad setting"] == "bad_setting"


@pytest.mark.skipif(sys.platform == "win32", reason="permissions are POSIX")
def test_a_cache_folder_without_permission(user: Path, tmp_path: Path) -> None:
    code = """
import os
mine.cache = sys.argv[1]
answer(refused=refusal(lambda: preferences.cache_folder(context)), root=os.geteuid() == 0)
"""
    folder = tmp_path / "closed"
    folder.mkdir(mode=0o555)
    told, _ = support.run_in_blender(support.blender_python("4.5"), user, BEGIN + code, folder)
    if told["root"]:
        pytest.skip("root may write everywhere")
    code, sentence = told["refused"]
    assert code == "not_writable" and str(folder) in sentence


def test_the_preferences_in_a_window(user: Path, tmp_path: Path) -> None:
    if not os.environ.get("NEURAL_BAKE_BLENDER"):
        pytest.skip("NEURAL_BAKE_BLENDER names no Blender")
    script = support.ROOT / "tests" / "scripts" / "preferences.py"
    told, result = support.run_in_window(user, script, sys.executable, tmp_path / "missing", tmp_path)
    pressed, goes_on, problem, lines = told["good"]
    assert (pressed, goes_on, problem) == (["FINISHED"], True, "") and lines >= 3
    pressed, _, problem, lines = told["bad"]
    assert (pressed, lines) == (["FINISHED"], 0) and problem.startswith(f"There is no file {tmp_path / 'missing'}.")
    assert told["log"] == ["FINISHED"]
    assert told["editors"] == [["Neural Bake Log"]] * 2
    assert "Traceback" not in result.stdout + result.stderr
