# SPDX-FileCopyrightText: 2026 Neural Bake developers
#
# SPDX-License-Identifier: GPL-3.0-or-later

"""``bpy.ops.neural_bake.create_engine``: a real virtual environment with torch, and everything that can stop it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from bake_workers import engine_setup
from build_tools import environments
from tests import support

# The Python that the tests' own environment was made from.
BASE = Path(os.path.realpath(sys.executable))

START = """
from extension import *
import time
enable()
engine, setup = module("engine"), module("engine_setup")
bpy.context.preferences.system.use_online_access = True
def call(operator, **arguments):
    try:
        return sorted(operator(**arguments))[0], ""
    except RuntimeError as error:
        return "CANCELLED", str(error)
create = bpy.ops.neural_bake.create_engine
"""


def run(user: Path, code: str, *words: object, **extra: str) -> dict:
    answer, _ = support.run_in_blender(support.blender_python("4.5"), user, START + code, *words, **extra)
    return answer


@pytest.fixture(scope="module")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The engine's packages as a folder of wheels, as an artist without network is given one."""
    folder = tmp_path_factory.mktemp("wheels")
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--dest", folder, "-r", engine_setup.PACKAGES]
    result = environments.run_quietly([*command, "--no-deps", "--only-binary=:all:"])
    if result.returncode != 0:
        pytest.skip(f"the packages cannot be downloaded here: {environments.last_line(result)}")
    return folder


WHOLE = """
from pathlib import Path
states = [engine.made_state()]
result, said = call(create, base=sys.argv[1], wheels=sys.argv[2])
states.append(engine.made_state())
python = engine.made_python()
found = module("preferences").engine_python(bpy.context)
tested = call(bpy.ops.neural_bake.test_engine)
bpy.ops.wm.open_mainfile(filepath=sys.argv[3])
for name, value in json.loads(sys.argv[4]).items():
    if name != "threads":
        setattr(bpy.context.scene.neural_bake.light_grid, name, value)
baked = call(bpy.ops.neural_bake.bake)
# moved, damaged, outdated, half installed
folder = engine.made_folder()
mark = folder / "neural_bake_engine.json"
text = mark.read_text()
mark.write_text(text.replace(json.loads(text)["packages"], "0" * 64))
states.append(engine.made_state())
mark.write_text(text.replace(json.loads(text)["base"], "/nowhere/python3"))
states.append(engine.made_state())
mark.write_text("{")
states.append(engine.made_state())
mark.unlink()
states.append(engine.made_state())
mark.write_text(text)
states.append(engine.made_state())
# an engine that cannot be made leaves the one that is there
failed = call(create, base=sys.argv[1], wheels=sys.argv[5]), engine.made_state()
left = sorted(path.name for path in folder.parent.iterdir())
removed = call(bpy.ops.neural_bake.remove_engine), engine.made_state()
answer(result=result, said=said, states=states, python=str(python), found=str(found), tested=tested, baked=baked,
       failed=failed, left=left, removed=removed, inside=str(folder))
"""


def test_an_engine_from_a_folder_of_wheels(user: Path, wheels: Path, tiny_scene: Path, tmp_path: Path) -> None:
    """Without any network: pip's index is one that does not exist."""
    bad = tmp_path / "bad wheels"
    bad.mkdir()
    shutil.copy(next(wheels.glob("numpy-*.whl")), bad)
    words = [BASE, wheels, tiny_scene, json.dumps(support.TINY), bad]
    nowhere = {"PIP_INDEX_URL": "http://127.0.0.1:1/simple", "PIP_CONFIG_FILE": os.devnull, "PIP_FIND_LINKS": ""}
    before = sorted(BASE.parent.iterdir())
    answer = run(user, WHOLE, *words, **nowhere)
    assert answer["result"] == "FINISHED", answer["said"]
    assert answer["states"] == ["NONE", "READY", "OUTDATED", "BROKEN", "BROKEN", "BROKEN", "READY"]
    assert answer["python"] == answer["found"] and Path(answer["python"]).is_relative_to(answer["inside"])
    assert Path(answer["inside"]).is_relative_to(user / "extensions" / ".user")
    assert answer["tested"] == ["FINISHED", ""] and answer["baked"] == ["FINISHED", ""]
    (result, said), state = answer["failed"]
    assert (result, state) == ("CANCELLED", "READY") and "There is no torch==2.13.0 for this Python there" in said
    assert answer["left"] == ["engine.jsonl", "engine.log", "python"]
    assert answer["removed"] == [["FINISHED", ""], "NONE"]
    assert sorted(BASE.parent.iterdir()) == before  # nothing went into the Python that it was made from


REFUSED = """
found = {}
bpy.context.preferences.system.use_online_access = False
found["offline"] = call(create)
bpy.context.preferences.system.use_online_access = True
found["missing Python"] = call(create, base="/nowhere/python3")
found["no Python"] = call(create, base=sys.argv[1])
if sys.argv[2]:
    found["old Python"] = call(create, base=sys.argv[2])
found["missing wheels"] = call(create, wheels="/nowhere/wheels")
found["no wheels"] = call(create, wheels=sys.argv[3])
found["nothing to cancel"] = call(bpy.ops.neural_bake.cancel_engine)
found["nothing to remove"] = call(bpy.ops.neural_bake.remove_engine)
answer(found=found, state=engine.made_state())
"""


def test_what_stops_it_is_one_sentence(user: Path, tmp_path: Path) -> None:
    text = tmp_path / "no python"
    text.write_text("nothing")
    old = next(filter(None, (environments.find_python(version) for version in ("3.8", "3.9", "3.10"))), "")
    (tmp_path / "empty").mkdir()
    answer = run(user, REFUSED, text, old, tmp_path / "empty")
    texts = {
        "offline": "not allowed to use the network",
        "missing Python": "is no Python that can make environments",
        "no Python": "is no Python that can make environments",
        "old Python": "too old for the engine",
        "missing wheels": "There is no folder",
        "no wheels": "holds no wheels",
        "nothing to cancel": "No engine is being made",
        "nothing to remove": "There is no engine",
    }
    assert set(answer["found"]) == set(texts) - ({"old Python"} if not old else set())
    for name, (result, said) in answer["found"].items():
        assert result == "CANCELLED" and texts[name] in said, (name, said)
    assert answer["state"] == "NONE"


CANCEL = """
setup.start(sys.argv[1], "cpu", sys.argv[2])
while setup.running().fraction < 0.02 or "Making" in setup.running().text:
    setup._follow()
    time.sleep(0.02)
second = call(create)
begin = time.monotonic()
bpy.ops.neural_bake.cancel_engine()
problem = setup.wait()
took = time.monotonic() - begin
answer(problem=problem, took=took, second=second, state=engine.made_state(), parent=str(engine.made_folder().parent))
"""


@pytest.mark.skipif(os.name == "nt", reason="looks into /proc")
def test_cancel_stops_pip_too(user: Path, wheels: Path) -> None:
    answer = run(user, CANCEL, BASE, wheels)
    assert answer["problem"] == "Cancelled." and answer["took"] < 2.0 and answer["state"] == "NONE"
    assert "An engine is being made already" in answer["second"][1]
    support.wait_until_gone(answer["parent"], 1.0)


@pytest.mark.skipif(os.name == "nt", reason="looks into /proc")
def test_it_goes_with_blender(user: Path, wheels: Path) -> None:
    code = """
setup.start(sys.argv[1], "cpu", sys.argv[2])
while "Downloading" not in setup.running().text and "Installing" not in setup.running().text:
    setup._follow()
    time.sleep(0.02)
print("READY", engine.made_folder().parent, flush=True)
time.sleep(60)
"""
    extra = {"BLENDER_USER_RESOURCES": str(user), "PYTHONPATH": str(support.ROOT / "tests" / "scripts")}
    process = subprocess.Popen(
        [str(support.blender_python("4.5")), "-c", START + code, str(BASE), str(wheels)],
        env={**support.environment(), **extra},
        stdout=subprocess.PIPE,
        text=True,
    )
    line = next(line for line in process.stdout if line.startswith("READY "))
    process.kill()
    process.communicate()
    support.wait_until_gone(line.split(maxsplit=1)[1].strip(), 1.0)


@pytest.mark.parametrize("with_pip", [True, False])
def test_a_python_without_ensurepip(wheels: Path, tmp_path: Path, with_pip: bool) -> None:
    """As Debian's: then pip runs from its own wheel, or there is a sentence that says what to do.

    The folder lacks torch, so that the test is short: it is pip, from its wheel, that says so.
    """
    hidden = tmp_path / "hidden"
    hidden.mkdir()
    (hidden / "ensurepip.py").write_text("raise ModuleNotFoundError('No module named ensurepip')\n")
    folder = tmp_path / "wheels"
    shutil.copytree(wheels, folder, copy_function=os.link)
    next(folder.glob("torch-*.whl")).unlink()
    if with_pip:
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", folder, "pip"]
        if environments.run_quietly(command).returncode != 0:
            pytest.skip("pip's wheel cannot be downloaded here")
    nowhere = {"PIP_CONFIG_FILE": os.devnull, "PIP_FIND_LINKS": ""}
    environment = {**support.environment(), "PYTHONPATH": f"{hidden}{os.pathsep}{support.ROOT}", **nowhere}
    result = subprocess.run(
        [BASE, "-P", "-m", "bake_workers.engine_setup", tmp_path / "engine", "--wheels", folder],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    last = result.stderr.splitlines()[-1]
    assert result.returncode == 1 and engine_setup.state(tmp_path / "engine") == "NONE"
    if with_pip:
        assert "There is no torch==2.13.0 for this Python" in last, result.stderr
    else:
        assert "has no ensurepip" in last and "apt install" in last
    events = [json.loads(line) for line in result.stdout.splitlines()]
    done = [event["done"] for event in events if event["type"] == "progress"]
    assert done == sorted(done) and (done[-1] > 0) == with_pip


@pytest.mark.parametrize(
    ("last", "expected"),
    [
        ("ERROR: Could not install packages due to an OSError: [Errno 28] No space left on device", "The disk is full"),
        ("ERROR: No matching distribution found for torch==2.13.0", "There is no torch==2.13.0 for this Python"),
        ("ERROR: something else", "pip failed: something else"),
    ],
)
def test_pips_last_words(last: str, expected: str) -> None:
    assert engine_setup.explain(last).startswith(expected)
    cut_off = engine_setup.explain(last, is_cut_off=True)
    assert cut_off.startswith("The packages cannot be reached" if "No matching" in last else expected)
