# SPDX-FileCopyrightText: 2026 Neural Bake developers
#
# SPDX-License-Identifier: GPL-3.0-or-later

"""The built zip in every Blender: installed, enabled, used from the command line, and read back."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests import support


def settings_words(**changes: object) -> str:
    return json.dumps(support.settings(**changes))


INSTALL_BAKE_RELOAD = """
from extension import *
import numpy as np
archive, scene, out, words = sys.argv[1:]
install(archive)
bpy.ops.wm.open_mainfile(filepath=scene)
main = module("cli").main
words = ["bake", "--kind", "light_grid", "--out", out, "--save", *json.loads(words)]
code = main(words)
bpy.ops.wm.open_mainfile(filepath=scene)
light_grid = module("core.light_grid")
points = np.random.default_rng(0).uniform(-2.0, 2.0, (500, 3)).astype(np.float32)
normals = np.tile(np.float32([0.0, 0.6, 0.8]), (500, 1))
obj = bpy.data.objects["Volume"]
in_file = light_grid.from_object(obj).irradiance(points, normals)
in_folder = light_grid.load(out).irradiance(points, normals)
answer(code=code, same=bool(np.array_equal(in_file, in_folder)), mean=float(in_file.mean()),
       torch="torch" in sys.modules, where=module("core.errors").__file__, images=sorted(bpy.data.images.keys()),
       version=bpy.app.version_string, nrmse=obj["neural_bake_nRMSE"])
"""


def test_install_bake_reload(blender: tuple[str, Path], archive: Path, tmp_path: Path) -> None:
    version, python = blender
    scene = support.write_scene(tmp_path / "scene.blend", version=version)
    out = tmp_path / "result"
    # Blender may cache what it imports itself, as it does for an artist.
    extra = {"NEURAL_BAKE_ENGINE": sys.executable, "PYTHONDONTWRITEBYTECODE": ""}
    words = [archive, scene, out, settings_words()]
    answer, result = support.run_in_blender(python, tmp_path / "user", INSTALL_BAKE_RELOAD, *words, **extra)
    assert answer["code"] == 0, result.stderr
    assert answer["version"].startswith(version)
    assert answer["same"] and answer["mean"] > 0.0
    assert not answer["torch"]
    assert Path(answer["where"]).is_relative_to(tmp_path / "user" / "extensions" / "user_default" / "neural_bake")
    assert answer["images"] == [f"Neural Bake {name}" for name in ("Comparison", "Error", "Preview", "Reference")]
    assert answer["nrmse"] >= 0.0
    assert "noise floor" in result.stdout
    manifest = json.loads((out / "manifest.json").read_text("utf-8"))
    assert manifest["blender"].startswith(version)  # captured by this Blender, not by the engine's
    # The processes wrote nothing beside the code; these modules are theirs alone.
    installed = tmp_path / "user" / "extensions" / "user_default" / "neural_bake"
    assert (installed / "bake_workers" / "capture" / "light_grid.py").is_file()
    theirs = ("meter.", "shards.", "geometry.", "training.", "fitting.", "runner.", "jobfolder.")
    assert [path.name for path in installed.rglob("*.pyc") if path.name.startswith(theirs)] == []


TWICE = """
from extension import *
install(sys.argv[1])
states = []
def state():
    # Classes, handlers, draw functions, scene properties and commands of ours that Blender knows.
    classes = [name for name in dir(bpy.types) if name.startswith(("NEURAL_BAKE_", "NeuralBake"))]
    handlers = [function for name in dir(bpy.app.handlers) if isinstance(getattr(bpy.app.handlers, name), list)
                for function in getattr(bpy.app.handlers, name) if "neural_bake" in function.__module__]
    drawn = [function for function in getattr(bpy.types.STATUSBAR_HT_header.draw, "_draw_funcs", ())
             if "neural_bake" in function.__module__]
    cli = sys.modules.get(NAME + ".cli")
    commands = len(cli._handles) if cli else 0
    return [len(classes), len(handlers), len(drawn), int(hasattr(bpy.types.Scene, "neural_bake")), commands]
for _ in range(2):
    states.append(state())
    disable()
    states.append(state())
    enable()
root = sys.modules[NAME]
for _ in range(2):  # and as a script would do it
    root.unregister()
    states.append(state())
    root.register()
    states.append(state())
answer(states=states)
"""


def test_register_and_unregister_twice(blender: tuple[str, Path], archive: Path, tmp_path: Path) -> None:
    answer, result = support.run_in_blender(blender[1], tmp_path / "user", TWICE, archive)
    on, off = answer["states"][0], [0] * 5
    assert min(on) >= 1 and on[0] > 20 and on[4] == 1
    assert answer["states"] == [on, off] * 2 + [off, on] * 2
    assert "Error" not in result.stderr and "Traceback" not in result.stderr, result.stderr


COMMANDS = """
from extension import *
install(sys.argv[1])
main = module("cli").main
codes = {}
bpy.ops.wm.read_factory_settings(use_empty=True)
enable()
main = module("cli").main
bake = ["bake", "--kind", "light_grid", "--out", sys.argv[3]]
codes["no file"] = main(bake)
codes["no words"] = main([])
codes["help"] = main(["--help"])
codes["bad word"] = main(["bake", "--soup"])
bpy.ops.wm.open_mainfile(filepath=sys.argv[2])
codes["no engine"] = main(bake)
codes["missing engine"] = main([*bake, "--engine", sys.argv[2] + ".missing"])
bpy.context.preferences.addons[NAME].preferences.engine = sys.executable
codes["bad setting"] = main([*bake, "--set", "soup=1"])
codes["show nothing"] = main(["show", sys.argv[3]])
codes["show"] = main(["show", sys.argv[4]])
answer(codes=codes)
"""


def test_exit_codes_inside_blender(archive: Path, tiny_scene: Path, baked: Path, tmp_path: Path) -> None:
    python = support.blender_python("4.5")
    answer, result = support.run_in_blender(
        python, tmp_path / "user", COMMANDS, archive, tiny_scene, tmp_path / "result", baked
    )
    good = {"help": 0, "show": 0}
    assert answer["codes"] == {name: good.get(name, 2) for name in answer["codes"]}
    errors = [line for line in result.stderr.splitlines() if line.startswith("error: ")]
    assert len(errors) == 7, result.stderr
    for text in (
        "No .blend is open",
        "No engine is set",
        "does not run",
        "There is no setting soup",
        "holds no result",
    ):
        assert sum(text in line for line in errors) == 1, result.stderr
    assert not (tmp_path / "result").exists()


CANCELLED = """
from extension import *
install(sys.argv[1])
bpy.ops.wm.open_mainfile(filepath=sys.argv[2])
code = module("cli").main(["bake", "--kind", "light_grid", "--out", sys.argv[3], *json.loads(sys.argv[4])])
answer(code=code)
"""


@pytest.mark.skipif(os.name == "nt", reason="signals are POSIX")
@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_a_signal_to_blender_stops_the_bake(
    archive: Path, tiny_scene: Path, tmp_path: Path, how: signal.Signals
) -> None:
    job = tmp_path / "result.job"
    words = [archive, tiny_scene, tmp_path / "result", settings_words(sample_paths=60_000)]
    extra = {"BLENDER_USER_RESOURCES": str(tmp_path / "user"), "NEURAL_BAKE_ENGINE": sys.executable}
    process = subprocess.Popen(
        [str(support.blender_python("4.5")), "-c", CANCELLED, *map(str, words)],
        env={**support.environment(**extra), "PYTHONPATH": str(support.ROOT / "tests" / "scripts")},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    deadline = time.monotonic() + 60.0
    while not any(event["stage"] == "capture" for event in support.read_events(job)):
        assert process.poll() is None and time.monotonic() < deadline, process.communicate()
        time.sleep(0.01)
    begin = time.monotonic()
    process.send_signal(how)
    support.wait_until_gone(str(job), 1.0)
    output, errors = process.communicate(timeout=10)
    assert time.monotonic() - begin < 3.0
    if how != signal.SIGKILL:
        assert 'ANSWER {"code": 130}' in output, output + errors
        assert "cancelled. Go on with --resume." in errors
    assert not (tmp_path / "result").exists()


def test_the_command_in_a_real_blender(archive: Path, tmp_path: Path) -> None:
    program = os.environ.get("NEURAL_BAKE_BLENDER")
    if not program:
        pytest.skip("NEURAL_BAKE_BLENDER names no Blender")
    scene = support.write_scene(tmp_path / "scene.blend")
    environment = support.environment(BLENDER_USER_RESOURCES=str(tmp_path / "user"), NEURAL_BAKE_ENGINE=sys.executable)

    def blender(*words: object) -> subprocess.CompletedProcess[str]:
        command = [program, "-b", *map(str, words)]
        return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300, check=False)

    installed = blender("--command", "extension", "install-file", "-r", "user_default", "-e", archive)
    assert installed.returncode == 0, installed.stdout + installed.stderr
    bake = [
        "--command",
        "neural_bake",
        "bake",
        "--kind",
        "light_grid",
        "--out",
        tmp_path / "result",
        *support.settings(),
    ]
    missing = blender(tmp_path / "missing.blend", *bake)
    assert missing.returncode == 2
    assert "error: No .blend is open" in missing.stderr
    result = blender(scene, *bake, "--save")
    assert result.returncode == 0, result.stdout + result.stderr
    manifest = json.loads((tmp_path / "result" / "manifest.json").read_text("utf-8"))
    shown = blender("--command", "neural_bake", "show", tmp_path / "result")
    assert shown.returncode == 0 and "noise floor" in shown.stdout
    assert manifest["kind"] == "light_grid"


INSTALL_BY_DROP = """
import bpy, sys
archive = sys.argv[sys.argv.index("--") + 1]
result = bpy.ops.extensions.package_install_files(filepath=archive, repo='user_default', enable_on_install=True)
name = "bl_ext.user_default.neural_bake"
for enabled in (False, True):
    (bpy.ops.preferences.addon_enable if enabled else bpy.ops.preferences.addon_disable)(module=name)
    assert (name in bpy.context.preferences.addons) == enabled
bpy.ops.wm.save_userpref()
print("INSTALLED", result)
"""


def test_a_real_blender_starts_as_quietly_as_without_it(archive: Path, tmp_path: Path) -> None:
    """Installed by the operator behind drag-and-drop, enabled, disabled, enabled; then started once more."""
    program = os.environ.get("NEURAL_BAKE_BLENDER")
    if not program:
        pytest.skip("NEURAL_BAKE_BLENDER names no Blender")

    def lines(*words: object) -> list[str]:
        command = [program, "-b", "--python-exit-code", "1", *map(str, words)]
        environment = support.environment(BLENDER_USER_RESOURCES=str(tmp_path / "user"))
        result = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120, check=False)
        assert result.returncode == 0, result.stdout + result.stderr
        found = (result.stdout + result.stderr).splitlines()
        return [re.sub(r"\d+:\d+\.\d+|\d+", "N", line) for line in found if line.strip()]

    script = tmp_path / "install.py"
    script.write_text(INSTALL_BY_DROP)
    installed = lines("--python", script, "--", archive)
    assert any(line.startswith("INSTALLED {'FINISHED'}") for line in installed)
    assert not any("neural_bake" in line.lower() and "warn" in line.lower() for line in installed), installed
    check = "import bpy; assert hasattr(bpy.types.Scene, 'neural_bake')"
    assert set(lines("--python-expr", check)) <= set(lines("--factory-startup", "--python-expr", "pass"))
