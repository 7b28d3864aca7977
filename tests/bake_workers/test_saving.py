# SPDX-FileCopyrightText: 2026 Neural Bake developers
#
# SPDX-License-Identifier: GPL-3.0-or-later

"""``--save``: the result inside a .blend, and back out of it."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import numpy as np
import pytest

from core import artifact, light_grid
from tests import support

POINTS = np.array([[-1.0, 0.5, 1.0], [1.0, -0.5, 0.5], [0.0, 1.0, 1.9]], np.float32)
NORMALS = np.array([[0.0, 0.0, 1.0], [-1.0, 0.0, 0.0], [0.0, 1.0, 0.0]], np.float32)

# Prints what a saved file holds; the grid is evaluated there, with no other file at hand.
READ = """
import json, sys
import bpy, numpy as np
from core import light_grid
bpy.ops.wm.open_mainfile(filepath=sys.argv[1])
points, normals = (np.array(json.loads(text), np.float32) for text in sys.argv[2:4])
found = {}
for obj in bpy.context.scene.objects:
    keys = {key: obj[key] for key in obj.keys() if key.startswith("neural_bake_")}
    if not keys:
        continue
    entry = {"keys": sorted(keys), "hash": keys["neural_bake_scene_hash"]}
    entry["matrix"] = list(keys["neural_bake_matrix"])
    entry["light"] = light_grid.from_object(obj).irradiance(points, normals).tolist()
    entry["ui"] = {key: obj.id_properties_ui(key).as_dict()["description"] for key in keys if type(keys[key]) is float}
    found[obj.name] = entry
images = {}
for image in bpy.data.images:
    pixels = np.empty(image.size[0] * image.size[1] * 4, np.float32)
    image.pixels.foreach_get(pixels)
    images[image.name] = [list(image.size), image.is_float, image.packed_file is not None, float(pixels.mean())]
print("FOUND", json.dumps({"objects": found, "images": images, "workspaces": sorted(bpy.data.workspaces.keys())}))
"""


def read_saved(path: Path, version: str = "4.5") -> dict:
    """What a saved .blend holds of a result."""
    python = support.blender_python(version)
    result = support.run_python(python, "-c", READ, path, json.dumps(POINTS.tolist()), json.dumps(NORMALS.tolist()))
    lines = [line for line in result.stdout.splitlines() if line.startswith("FOUND ")]
    assert lines, result.stdout + result.stderr
    return json.loads(lines[0].removeprefix("FOUND "))


def resume(scene: Path, out: Path, *words: object) -> None:
    """Bake with what has been measured already, in a second or two."""
    result = support.run(*support.bake_words(scene, out, "--resume", *words))
    assert result.returncode == 0, result.stdout + result.stderr


def test_a_copy_with_the_result(own_bake: Path, tiny_scene: Path, tmp_path: Path) -> None:
    saved = tmp_path / "saved.blend"
    resume(tiny_scene, own_bake, "--save", saved)
    manifest = artifact.read_manifest(own_bake)
    found = read_saved(saved)
    assert list(found["objects"]) == ["Volume"]
    volume = found["objects"]["Volume"]
    assert np.array_equal(volume["light"], light_grid.load(own_bake).irradiance(POINTS, NORMALS))
    assert np.allclose(np.reshape(volume["matrix"], (4, 4)), manifest["grids"][0]["matrix"])
    assert volume["hash"] == manifest["scene_hash"]
    values = manifest["metrics"]["held_out"][manifest["metrics"]["kept"]]
    for name in ("nRMSE", "relMSE", "SMAPE", "leak"):
        assert (f"neural_bake_{name}" in volume["keys"]) == (values[name] is not None)
    assert all(volume["ui"].values()) and len(volume["ui"]) >= 3
    assert set(found["images"]) == {f"Neural Bake {name}" for name in ("Comparison", "Preview", "Reference", "Error")}
    for name, (size, is_float, packed, mean) in found["images"].items():
        assert size[0] >= support.TINY["preview_width"] and packed and mean > 0.0
        assert is_float == (name != "Neural Bake Comparison")


@pytest.fixture(scope="module")
def in_place(baked: Path, tiny_scene: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the result, and the scene with it in place: compressed, with a mode, and named by a link."""
    folder = tmp_path_factory.mktemp("in place")
    real, scene = folder / "elsewhere" / "real.blend", folder / "scene.blend"
    real.parent.mkdir()
    code = (
        "import bpy, sys; bpy.ops.wm.open_mainfile(filepath=sys.argv[1]); bpy.data.workspaces[0].name = 'My Desk'\n"
        "bpy.ops.wm.save_as_mainfile(filepath=sys.argv[2], compress=True)"
    )
    support.run_python(support.blender_python("4.5"), "-c", code, tiny_scene, real)
    real.chmod(0o640)
    if os.name == "nt":  # where links need privileges
        real.replace(scene)
    else:
        scene.symlink_to(real)
    shutil.copytree(baked, folder / "result")
    shutil.copytree(baked.with_name("result.job"), folder / "result.job")
    resume(scene, folder / "result", "--save", "--json")
    return folder


def test_saving_in_place(in_place: Path) -> None:
    scene = in_place / "scene.blend"
    assert list(read_saved(scene)["objects"]) == ["Volume"]
    assert {path.name for path in in_place.iterdir()} == {"scene.blend", "result", "result.job", "elsewhere"}
    # A result in the file is no part of the scene: what was measured still belongs to it.
    job = in_place / "result.job"
    before = {path.name: path.stat().st_mtime_ns for path in (job / "dataset").glob("shard-*")}
    resume(scene, in_place / "result", "--save")
    assert {path.name: path.stat().st_mtime_ns for path in (job / "dataset").glob("shard-*")} == before
    assert list(read_saved(scene)["objects"]) == ["Volume"]


def test_windows_and_compression_are_kept(in_place: Path) -> None:
    scene = in_place / "scene.blend"
    assert scene.read_bytes()[:4] == b"\x28\xb5\x2f\xfd"
    assert "My Desk" in read_saved(scene)["workspaces"]


@pytest.mark.skipif(os.name == "nt", reason="links need privileges on Windows")
def test_a_link_stays_a_link(in_place: Path) -> None:
    assert (in_place / "scene.blend").is_symlink()
    (real,) = (in_place / "elsewhere").iterdir()
    assert real.name == "real.blend" and real.stat().st_mode & 0o777 == 0o640
    assert list(read_saved(real)["objects"]) == ["Volume"]


def test_several_volumes_are_one_result(baked_pair: tuple[Path, Path], tmp_path: Path) -> None:
    scene = Path(shutil.copy(baked_pair[0], tmp_path / "two.blend"))
    out = tmp_path / "result"
    shutil.copytree(baked_pair[1].with_name("result.job"), tmp_path / "result.job")
    resume(scene, out, "--save")
    found = read_saved(scene)["objects"]
    assert sorted(found) == ["Volume", "Volume.001"]
    expected = light_grid.load(out).irradiance(POINTS, NORMALS)
    holders = [entry for entry in found.values() if "neural_bake_weights" in entry["keys"]]
    assert len(holders) == 1
    for entry in found.values():  # read_saved followed neural_bake_source for the other one
        assert np.array_equal(entry["light"], expected)


def test_an_object_that_cannot_keep_it(own_bake: Path, tiny_scene: Path, tmp_path: Path) -> None:
    scene = tmp_path / "linked.blend"
    code = """
import bpy, sys
bpy.ops.wm.read_factory_settings(use_empty=True)
with bpy.data.libraries.load(sys.argv[1], link=True) as (source, target):
    target.objects = source.objects
for obj in target.objects:
    bpy.context.scene.collection.objects.link(obj)
bpy.context.scene.camera = bpy.data.objects["Camera"]
bpy.context.scene.render.engine = 'CYCLES'
bpy.ops.wm.save_as_mainfile(filepath=sys.argv[2])
"""
    support.run_python(support.blender_python("4.5"), "-c", code, tiny_scene, scene)
    before = scene.read_bytes()
    result = support.run(*support.bake_words(scene, tmp_path / "new", "--save"))
    assert result.returncode == 2
    assert "Volume belongs to another file" in support.one_line(result)
    assert scene.read_bytes() == before
    # It was refused before anything was measured; without --save there is nothing against it.
    assert not (tmp_path / "new").exists() and not (tmp_path / "new.job" / "dataset").exists()
    result = support.run(*support.bake_words(scene, tmp_path / "new"))
    assert result.returncode == 0, result.stderr
