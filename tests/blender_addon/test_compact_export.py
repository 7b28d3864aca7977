# SPDX-FileCopyrightText: 2026 Neural Bake developers
#
# SPDX-License-Identifier: GPL-3.0-or-later

"""``bpy.ops.neural_bake.export_compact``: the file for engines, from Blender."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from core.light_grid import load
from tests import support
from tests.support import run_baking as run

EXPORT = """
import shutil
import numpy as np
export = bpy.ops.neural_bake.export_compact
compact_export = module("compact_export")
out = os.path.join(sys.argv[3], "probes")
found = {"nothing": call(export, filepath=out)}
settings = bpy.context.scene.neural_bake.light_grid
settings.geometry_steps = settings.light_steps = 100
assert call(bake) == ("FINISHED", "")
grid = module("core.light_grid").from_object(volume())
points, normals = np.float32([[-1, 0, 1], [-0.6, 0.3, 0.5]]), np.float32([[0, 0, 1], [0, 1, 0]])
found["light"] = grid.irradiance(points, normals).tolist()
# the cache may be empty by then
for stored in job_folders.read_all(bpy.context):
    shutil.rmtree(stored.folder)
found["unnamed"] = call(export)
found["no folder"] = call(export, filepath=os.path.join(sys.argv[3], "missing", "probes"))
found["written"] = call(export, filepath=out)
written = Path(out + ".safetensors").read_bytes()
one = compact_export.start(bpy.context, volume(), Path(out + ".safetensors"))
found["second"] = call(export, filepath=out + "2")
found["cancelled"] = call(bpy.ops.neural_bake.cancel_export), one.message
found["kept"] = Path(out + ".safetensors").read_bytes() == written
compact_export._tick()
found["nothing to cancel"] = call(bpy.ops.neural_bake.cancel_export)
volume()["neural_bake_weights"] = b"soup"
found["damaged"] = call(export, filepath=out)
found["files"] = sorted(os.listdir(sys.argv[3]))
answer(**found)
"""


def test_a_file_for_engines(user: Path, own_scene: Path, tmp_path: Path) -> None:
    folder = tmp_path / "out"
    folder.mkdir()
    found = run(user, EXPORT, own_scene, folder)
    for name, words in {
        "nothing": "No object of this scene has a result",
        "unnamed": "No file was named.",
        "no folder": "no file can be written there",
        "second": "already",
        "nothing to cancel": "No light grid is being written",
        "damaged": "not those of its manifest",
    }.items():
        assert found[name][0] == "CANCELLED" and words in found[name][1], (name, found[name])
    assert found["written"] == ["FINISHED", ""]
    assert found["cancelled"] == [["FINISHED", ""], "probes.safetensors was not written: cancelled."]
    assert found["kept"] and found["files"] == ["probes.safetensors"]
    points, normals = np.float32([[-1, 0, 1], [-0.6, 0.3, 0.5]]), np.float32([[0, 0, 1], [0, 1, 0]])
    light = load(folder / "probes.safetensors").irradiance(points, normals)
    assert np.abs(light - found["light"]).max() < 0.1 * np.max(found["light"])
    assert support.processes_with(str(folder)) == []
