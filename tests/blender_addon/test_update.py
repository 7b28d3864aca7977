# SPDX-FileCopyrightText: 2026 Neural Bake developers
#
# SPDX-License-Identifier: GPL-3.0-or-later

"""``bpy.ops.neural_bake.update``: from the panel, too, only what changed is measured."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests import support
from tests.support import run_baking as run

MOVED = """
import hashlib, shutil
updates, results, staleness = module("updates"), module("results"), module("staleness")
update = bpy.ops.neural_bake.update
found = {}

def problem():
    bpy.context.view_layer.update()
    return updates.problem(bpy.context, volume())

def files(stored):
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in stored.folder.glob("[dr]*/*")}

def told():
    manifest = results.manifest(volume())
    return {"update": manifest.get("update"), "sets": [one["name"] for one in manifest["light_sets"]],
            "held_out": manifest["metrics"]["held_out"]}

settings = bpy.context.scene.neural_bake.light_grid
found["together"] = call(bake)[0], problem(), call(update)
settings.light_sets, settings.light, settings.geometry_steps, settings.light_steps = 'LAMPS', 'TOTAL', 100, 100
lamp = bpy.data.objects["Lamp"]
other = lamp.copy()
other.data = lamp.data.copy()
other.name = "Other"
other.location = (1.0, -1.0, 1.0)
bpy.context.scene.collection.objects.link(other)
found["apart"] = call(bake)[0], problem()
first = jobs.last().stored
before, whole = files(first), told()

# another file's setting has no say: it is the earlier bake that is brought up to date
settings.samples_per_probe *= 2
lamp.location.x += 0.4
found["lamp"] = call(update)
found["lamp told"] = told()
found["lamp kept"] = files(first) == before and told()["held_out"] == whole["held_out"]
staleness.check(bpy.context.scene)
found["state"] = staleness.state(volume())
by_lamp = jobs.last()
found["speeds"] = "light_grid" in json.loads((job_folders.root(bpy.context).parent / "speeds.json").read_text())
found["scene"] = by_lamp.stored.folder != first.folder

# a second one goes on from the first; one that is cancelled has changed nothing
weights = bytes(volume()["neural_bake_weights"])
block = next(obj for obj in bpy.context.scene.objects if obj.type == 'MESH')
height = block.location.z
block.location.z += 0.05
job = updates.submit(bpy.context, volume())
found["under way"] = problem()
job.cancel()
until(lambda: job.ended)
found["cancelled"] = bytes(volume()["neural_bake_weights"]) == weights, files(by_lamp.stored) != {}
lamp.location.x += 0.2
block.location.z = height
found["again"] = call(update), told()["update"]["lights"]

# without what was measured there is nothing to go on from
for stored in job_folders.read_all(bpy.context):
    shutil.rmtree(stored.folder)
found["gone"] = problem(), call(update)
answer(**found)
"""


@pytest.mark.skipif(support.blender_python("4.5") is None, reason="no bpy 4.5")
def test_only_what_changed_is_measured(user: Path, own_scene: Path) -> None:
    found = run(user, MOVED, own_scene)
    no_sets = "All lights were measured together, so they are measured again together. Set Light Sets and bake."
    assert found["together"][:2] == ["FINISHED", no_sets]
    assert found["together"][2][0] == "CANCELLED" and no_sets in found["together"][2][1]
    assert found["apart"] == ["FINISHED", ""]
    assert found["lamp"][0] == "FINISHED", found["lamp"][1]
    update = found["lamp told"]["update"]
    assert found["lamp told"]["sets"] == ["Lamp", "Other"] and update["lights"] == ["Lamp"]
    assert 0.0 < update["share"] < 0.5
    assert found["lamp kept"] and found["state"] == "CURRENT" and found["scene"] and found["speeds"]
    assert found["under way"] == "Volume is being baked already."
    assert found["cancelled"] == [True, True]
    assert found["again"] == [["FINISHED", ""], ["Lamp"]]
    gone = "What this bake measured is not in the cache any more. Bake again."
    assert found["gone"][0] == gone and found["gone"][1][0] == "CANCELLED" and gone in found["gone"][1][1]
