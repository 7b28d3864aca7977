# SPDX-FileCopyrightText: 2026 Neural Bake developers
#
# SPDX-License-Identifier: GPL-3.0-or-later

"""A moved object: what is measured again, what is kept byte for byte, and that it is what a whole bake would find."""

from __future__ import annotations

from pathlib import Path

import bpy
import numpy as np
import pytest

from bake_workers import protocol
from bake_workers.capture import capture, moved
from core.light_grid.dataset import LightGridDataset, load_dataset
from core.light_grid.grid import Grid
from tests.bake_workers.capture import builders

SETTINGS = {
    "samples_per_probe": 16, "sample_paths": 30, "report_paths": 60, "choose_points": 800, "report_points": 100,
    "probe_directions": 9, "probe_paths": 300, "probe_rays": 64, "preview_width": 0, "threads": 2,
    "light_sets": "lamps",
}  # fmt: skip
BEFORE, AFTER = -4.2, -3.2


def run(job: Path, blend: Path, update: bool = False) -> LightGridDataset:
    job.mkdir(exist_ok=True)
    description = protocol.new_job(
        kind="light_grid", settings=SETTINGS, source="corridor.blend", inside=("Inside.a", "Inside.b")
    )
    protocol.write_json(job / "job.json", description | {"update": update})
    capture(job, blend, protocol.Events(job / protocol.EVENTS, "capture"))
    return load_dataset(job / "dataset", "indirect")


def write_corridor(path: Path, place: float) -> Path:
    """A corridor of 14 m with a lamp at each end and a block that stands at ``place`` along it."""
    scene = builders.empty_scene()
    scene.cycles.max_bounces = scene.cycles.diffuse_bounces = 3
    builders.box("Corridor", (-7, -1, 0), (7, 1, 2), builders.diffuse(0.5), inward=True)
    builders.box("Block", (-0.25, -0.8, 0.0), (0.25, 0.8, 1.6), builders.diffuse(0.5)).location.x = place
    for name, x in (("a", -6.0), ("b", 6.0)):
        builders.lamp('POINT', (x, 0.0, 1.0), energy=100.0, shadow_soft_size=0.1).name = f"Lamp {name}"
        builders.add(f"Inside.{name}", None, (x, 0.5, 1.0))
    builders.probe_volume("Volume", (0.0, 0.0, 1.0), (7.0, 1.0, 1.0), (14, 2, 2))
    bpy.ops.wm.save_as_mainfile(filepath=str(path), check_existing=False)
    return path


def test_a_moved_block_changes_its_end_of_the_corridor(tmp_path: Path) -> None:
    job, paths = tmp_path / "job", [tmp_path / "before.blend", tmp_path / "after.blend"]
    first = run(job, write_corridor(paths[0], BEFORE))
    old_probes, old_train = first.probes(), first.samples("train")
    old_files = {path.name: path.read_bytes() for path in (job / "dataset").glob("shard-*")}
    second = run(job, write_corridor(paths[1], AFTER), update=True)
    again = second.info["update"]
    assert 0.1 < again["points"] < 0.6 and 0.1 < again["probes"] < 0.6 and again["parts"] == 2
    probes, train = second.probes(), second.samples("train")
    places = second.plan["probe_positions"]
    # the far end keeps what it had, the near end does not
    rows = second.plan["probe_rows_1"]
    assert (places[rows, 0] < 0.0).all() and (places[places[:, 0] < -4.0]).shape[0] <= len(rows)
    far = places[:, 0] > 1.0
    np.testing.assert_array_equal(probes.sets[far], old_probes.sets[far])
    live = second.plan["train_live"].astype(bool)
    kept = train.positions[:, 0] > 1.0
    np.testing.assert_array_equal(train.sets[kept], old_train.sets[live][kept])
    changed = np.isin(np.flatnonzero(live), second.plan["train_rows_1"])
    assert np.mean(train.sets[changed] != old_train.sets[live][changed]) > 0.9
    for shard in second.dataset.shards:
        if shard.set.startswith(("train@", "probe@")):
            assert (job / "dataset" / shard.file).read_bytes() == old_files[shard.file]
    # no point is left inside the block
    inside = (np.abs(train.positions - (AFTER, 0.0, 0.8)) < (0.25, 0.8, 0.8)).all(axis=1)
    assert not inside.any() and len(train) < len(old_train)
    # an update that was done is not done again
    files = {path.name: path.read_bytes() for path in (job / "dataset").glob("*")}
    run(job, paths[1], update=True)
    assert {path.name: path.read_bytes() for path in (job / "dataset").glob("*")} == files
    # what a whole bake finds: the same distances to the bit, and the same light but for noise
    whole = run(job, paths[1])
    assert not whole.updated and "again" not in whole.info
    expected = whole.probes()
    np.testing.assert_array_equal(probes.ray_distances, expected.ray_distances)
    np.testing.assert_array_equal(probes.valid, expected.valid)
    np.testing.assert_array_equal(probes.reached, expected.reached)
    # and the same surfaces, which virtual lights shine on
    for name in ("surface_vertices", "surface_triangles"):
        np.testing.assert_array_equal(second.plan[name], whole.plan[name])
    assert not np.array_equal(first.plan["surface_vertices"], second.plan["surface_vertices"])
    found, wanted, stale = (part.irradiance.mean(axis=(1, 2)) for part in (probes, expected, old_probes))
    usable = expected.valid & expected.reached
    error, before = (np.abs(light - wanted)[usable] / wanted[usable] for light in (found, stale))
    near = places[usable, 0] < -3.0
    assert error[near].max() < 0.08 and before[near].mean() > 0.2
    assert error.mean() < 0.04


def test_boxes_of_what_changed() -> None:
    chair, table, wall = (["c", [0, 0, 0], [1, 1, 1]], ["t", [2, 0, 0], [3, 1, 1]], ["w", [0, 0, 0], [9, 0, 9]])
    # one of two equal chairs is gone, and the table stands elsewhere
    boxes = moved.changed_boxes([chair, chair, table, wall], [wall, ["t2", [4, 0, 0], [5, 1, 1]], chair])
    assert len(boxes) == 3 and boxes[:, 0, 0].max() == pytest.approx(4.0, abs=0.01)
    assert moved.changed_boxes([wall, chair], [chair, wall]).shape == (0, 2, 3)
    points = np.array([[4.5, 0.5, 0.5], [4.5, 0.5, 4.0]])
    np.testing.assert_allclose(moved.distances_to(boxes[-1:], points), [0.0, 3.0], atol=0.01)


def test_rays_that_meet_a_box() -> None:
    boxes = np.array([[[1.0, -1.0, -1.0], [2.0, 1.0, 1.0]]])
    directions = np.array([[1.0, 0.0, 0.0], [-1.0, 0.0, 0.0], [0.0, 1.0, 0.0]])
    origins = np.array([[0.0, 0.0, 0.0], [1.5, 0.0, 0.0], [0.0, 2.0, 0.0]])
    found = moved.crosses(boxes, origins, directions, np.full((3, 3), 5.0))
    np.testing.assert_array_equal(found, [[True, False, False], [True, True, True], [False, False, False]])
    assert not moved.crosses(boxes, origins[:1], directions, np.full((1, 3), 0.9)).any()


def test_light_has_to_change_beyond_noise() -> None:
    volume = moved.Volume(np.diag([8.0, 1.0, 1.0, 1.0]), (8, 1, 1), "Volume")
    points = Grid(volume.matrix, (400, 1, 1)).probe_positions()
    before = np.ones((len(points), 3))
    after = before.copy()
    after[points[:, 0] > 4.0] *= 1.2
    after[points[:, 0] < -2.0, 0] += np.tile([0.3, -0.3], 75)[: (points[:, 0] < -2.0).sum()]
    touched = moved.touched_probes(volume, np.zeros((0, 2, 3)), points, before, after)
    np.testing.assert_array_equal(touched, [False] * 5 + [True] * 3)
