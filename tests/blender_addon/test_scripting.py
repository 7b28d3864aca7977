# SPDX-FileCopyrightText: 2026 Neural Bake developers
#
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the documentation says to technical artists: every snippet and one-liner is run, every argument is there."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tests import support

DOCS = support.ROOT / "docs"


def blocks(path: Path, language: str) -> list[str]:
    """The fenced code blocks of a language in a Markdown file."""
    return re.findall(rf"```{language}\n(.*?)```", path.read_text("utf-8"), re.DOTALL)


DAY = """
from extension import *
import runpy
enable()
bpy.ops.wm.open_mainfile(filepath=sys.argv[1])
script, sys.argv = sys.argv[2], ["blender", "--", *sys.argv[3:]]
runpy.run_path(script)
answer(objects=sorted(bpy.data.objects.keys()), images=sorted(bpy.data.images.keys()))
"""


def test_a_technical_artists_day(blender: tuple[str, Path], user: Path, tmp_path: Path) -> None:
    version, python = blender
    scene = support.write_scene(tmp_path / "scene.blend", "--no-volume", version=version)
    out = tmp_path / "out.blend"
    words = [scene, DOCS / "technical_artist.py", out]
    extra = {"NEURAL_BAKE_ENGINE": sys.executable, "PYTHONWARNINGS": "default"}
    answer, result = support.run_in_blender(python, user, DAY, *words, **extra)
    assert answer["objects"] == ["Camera", "Lamp", "Partition", "Room", "Rooms", "Traffic Light"]
    assert answer["images"] == []
    found = re.search(r"^(\d+) probes, about (\d+) s, (\d+) MB$", result.stdout, re.MULTILINE)
    assert found and all(int(number) > 0 for number in found.groups())
    assert re.search(r"^kept: \w+$", result.stdout, re.MULTILINE)
    relative = float(re.search(r"^ours .* relMSE ([0-9.]+)", result.stdout, re.MULTILINE)[1])
    kept_ours = "kept: ours" in result.stdout
    color = re.search(r"2 meshes carry light, the traffic light is (red|green)", result.stdout)[1]
    assert not kept_ours or color == ("red" if relative > 0.05 else "green")
    assert "Traceback" not in result.stderr
    # Nothing of ours uses what Blender or Python will drop, in this Blender or in the one that measured.
    logs = "".join(path.read_text("utf-8", "replace") for path in user.rglob("*.log"))
    lines = (result.stdout + result.stderr + logs).splitlines()
    assert len(logs) > 0 and not [line for line in lines if "Warning" in line and str(user) in line]


SNIPPETS = """
from extension import *
enable()
bpy.ops.wm.open_mainfile(filepath=sys.argv[1])
space = {}
for number, code in enumerate(json.loads(sys.argv[2])):
    if "load_result" in code:  # what the headless lines above it have left
        bpy.ops.wm.open_mainfile(filepath=sys.argv[1])
        space["bpy"] = bpy
    exec(compile(code, f"snippet {number}", "exec"), space)
    if "apply_vertex_colours" in code:
        bpy.context.view_layer.update()
        energy = bpy.data.objects["Lamp"].data.energy
        expected = 60 + 10 * space["volume"]["neural_bake_nRMSE"]
        lit = "neural_irradiance" in bpy.data.objects["Room"].data.attributes
        manifest = json.loads(space["volume"]["neural_bake_manifest"])
left = [key for obj in bpy.data.objects for key in obj.keys() if key.startswith("neural_bake_")]
answer(energy=[energy, expected], lit=lit, light=manifest["settings"]["light"], probes=manifest["probes"], left=left)
"""


def test_every_snippet_runs(user: Path, baked: Path, tiny_scene: Path, tmp_path: Path) -> None:
    scene = Path(shutil.copy(tiny_scene, tmp_path / "scene.blend"))
    shutil.copytree(baked, tmp_path / "results" / "scene")
    code = blocks(DOCS / "scripting.md", "python")
    assert len(code) >= 5
    python = support.blender_python("4.5")
    words = [scene, json.dumps(code)]
    answer, result = support.run_in_blender(python, user, SNIPPETS, *words, NEURAL_BAKE_ENGINE=sys.executable)
    assert answer["energy"][0] == pytest.approx(answer["energy"][1], rel=1e-5)
    assert answer["lit"] and answer["light"] == "total" and answer["probes"] == 24
    assert answer["left"] == []
    assert "not baked" not in result.stdout
    assert re.search(r"^24 probes, \d+ s$", result.stdout, re.MULTILINE)


def test_the_readmes_snippets(baked: Path, tmp_path: Path) -> None:
    shutil.copytree(baked, tmp_path / "results" / "scene")
    grid, view = blocks(support.ROOT / "README.md", "python")
    before = "import numpy as np\npoints = np.zeros((5, 3), np.float32)\nnormals = points + np.float32([0, 0, 1])\n"
    result = support.run_python(sys.executable, "-c", before + grid + "\nprint(E.shape)", cwd=tmp_path)
    assert result.stdout.strip() == "(5, 3)", result.stderr

    directions = np.array([[x, y, 1.0] for x in (-0.5, 0.0, 0.5) for y in (-0.5, 0.0, 0.5)], np.float32)
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    images = directions[:, 2].reshape(-1, 1, 1, 1) * np.ones((6, 8, 3), np.float32)
    np.savez(tmp_path / "stage.npz", images=images, lights=directions)
    made = support.run("train", tmp_path / "stage.npz", "--kind", "relight", "--out", tmp_path / "results" / "view")
    assert made.returncode == 0, made.stderr
    result = support.run_python(sys.executable, "-c", view + "\nprint(image.shape)", cwd=tmp_path)
    assert result.stdout.strip() == "(6, 8, 3)", result.stderr


def one_liners() -> list[str]:
    """Every command line of the documentation that bakes, shows or trains."""
    lines = [line for path in (DOCS / "scripting.md",) for block in blocks(path, "sh") for line in block.splitlines()]
    readme = blocks(support.ROOT / "README.md", "")
    return lines + [line for block in readme for line in block.splitlines() if "bake" in line and "build" not in line]


def test_every_one_liner_runs(user: Path, tiny_scene: Path, tmp_path: Path) -> None:
    """In the order of the documents, in a folder with scene.blend."""
    shutil.copy(tiny_scene, tmp_path / "scene.blend")
    program = os.environ.get("NEURAL_BAKE_BLENDER")
    lines = one_liners()
    assert len(lines) >= 8
    environment = support.environment(BLENDER_USER_RESOURCES=str(user), NEURAL_BAKE_ENGINE=sys.executable)
    ran = 0
    for line in lines:
        words = shlex.split(line)
        if words[0] == "blender":
            if not program or ("show" in words and not (tmp_path / "results" / "scene").is_dir()):
                continue
            words[0] = program
        else:
            words[0] = sys.executable
        if "bake" in words and "--kind" in words:
            words += support.settings()  # what comes last counts
        result = subprocess.run(words, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
        assert result.returncode == 0, f"{line}\n{result.stdout}\n{result.stderr}"
        assert (tmp_path / "results" / "scene" / "manifest.json").is_file()
        ran += 1
    assert ran >= 4


ARGUMENTS = """
from extension import *
enable()
found = {}
for name in dir(bpy.ops.neural_bake):
    rna = getattr(bpy.ops.neural_bake, name).get_rna_type()
    shown = [field for field in rna.properties if field.identifier != "rna_type" and not field.is_hidden]
    items = [item.identifier for field in shown if field.type == 'ENUM' for item in field.enum_items]
    found[name] = {"text": rna.description, "items": items,
                   "arguments": {field.identifier: field.description for field in shown}}
settings = bpy.context.scene.neural_bake.light_grid.bl_rna.properties
empty = [field.identifier for field in settings if not field.description]
empty = [name for name in empty if name not in {"rna_type", "name"}]
answer(operators=found, empty=empty)
"""


def test_every_operator_and_argument_is_documented(user: Path) -> None:
    answer, _ = support.run_in_blender(support.blender_python("4.5"), user, ARGUMENTS)
    rows = re.findall(r"^\| `(\w+)` \| (.*) \| .* \|$", (DOCS / "scripting.md").read_text("utf-8"), re.MULTILINE)
    documented = dict(rows)
    assert set(answer["operators"]) == {name for name in documented if not name.startswith("neural_bake")}
    for name, operator in answer["operators"].items():
        assert operator["text"], name
        for argument, text in operator["arguments"].items():
            assert text and f"`{argument}" in documented[name], (name, argument)
    assert answer["empty"] == []
