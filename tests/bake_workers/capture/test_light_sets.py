# SPDX-FileCopyrightText: 2026 Neural Bake developers
#
# SPDX-License-Identifier: GPL-3.0-or-later

"""Light sets in Cycles: each alone, all together, and what is measured again when one of them changes."""

from __future__ import annotations

import json
import math
from pathlib import Path

import bpy
import numpy as np
import pytest

from bake_workers import protocol
from bake_workers.capture import capture
from bake_workers.capture.light_sets import Switchboard, find_sets
from bake_workers.capture.meter import Meter
from bake_workers.capture.scene import OpenScene
from bake_workers.capture.set_sizes import lights_of
from core.light_grid.dataset import LightGridDataset, load_dataset
from core.light_grid.light_sets import factor
from tests.bake_workers.capture import builders
from tests.bake_workers.capture.test_capture import SETTINGS, write_scene

UP = np.array([[0.0, 0.0, 1.0]], np.float32)


def opened() -> OpenScene:
    """The current scene with all its lights dimmable, as a job with light sets opens it."""
    from bake_workers.capture.emission import shining_blocks

    scene = builders.opened()
    return OpenScene(scene.scene, scene.view_layer, "d", "s", dimmed=shining_blocks(scene.scene, scene.view_layer))


def measure_apart(mode: str) -> tuple[dict[str, np.ndarray], list[dict]]:
    """Light (3,) at the origin, facing up, of each set alone as it is in the scene."""
    scene = opened()
    sets = find_sets(scene, mode)
    entries = lights_of(scene, sets)["light_sets"]
    board, meter = Switchboard(scene, sets), Meter(scene, 2)
    result = {}
    for number, entry in enumerate(entries):
        board.only(number, entry["measured"])
        light = sum(meter.measure(np.zeros((1, 3), np.float32), UP, 600, 1).values())[0]
        result[entry["name"]] = light * factor(entry["light"], entry["measured"])
    return result, entries


def open_sky() -> None:
    """An open scene whose light is known by formula: a sun overhead, a spot beside it, a sky, a glowing plate."""
    builders.empty_scene()
    builders.sky((0.2, 0.4, 0.8), 0.5)
    sun = builders.lamp('SUN', energy=3.0, color=(1.0, 0.5, 0.0), angle=0.0)
    sun.rotation_euler.x = math.radians(60.0)
    lamp = builders.lamp('POINT', (0.0, 0.0, 2.0), energy=40.0, shadow_soft_size=0.0)
    lamp.name = "World"  # whose name the sky cannot have
    builders.plate("Glow", 0.5, 4.0, builders.emission(2.0), down=True)


SUN = np.array([3.0, 1.5, 0.0]) * 0.5  # by the cosine of 60 degrees
SKY = math.pi * 0.5 * np.array([0.2, 0.4, 0.8])
POINT = 40.0 / (4.0 * math.pi * 2.0**2) * np.ones(3)


def test_each_light_alone() -> None:
    """Sun and point lamp by formula; the sky but for what the plate hides, and the plate, have known sums."""
    open_sky()
    light, entries = measure_apart("lamps")
    assert [entry["name"] for entry in entries] == ["SUN", "World", "World.001", "Emission"]
    np.testing.assert_allclose(light["SUN"], SUN, rtol=1e-3)
    np.testing.assert_allclose(light["World"], POINT, rtol=1e-3)
    # the plate's share of the cosine-weighted hemisphere, seen from 4 below
    share = float(light["Emission"][0]) / (2.0 * math.pi)
    assert share == pytest.approx(0.0192, rel=0.1)
    np.testing.assert_allclose(light["World.001"], SKY * (1.0 - share), rtol=0.02)
    together = sum(Meter(builders_again(), 2).measure(np.zeros((1, 3), np.float32), UP, 600, 1).values())[0]
    np.testing.assert_allclose(sum(light.values()), together, rtol=0.02)


def builders_again() -> OpenScene:
    open_sky()
    return builders.opened()


def test_groups_of_the_artist() -> None:
    """A light group is one set; what has none is another; materials of two groups do not shine for each other."""
    open_sky()
    bpy.context.view_layer.lightgroups.add(name="Day")
    for item in (bpy.data.objects["SUN"], bpy.context.scene.world, bpy.data.objects["Glow"]):
        item.lightgroup = "Day"
    second = bpy.data.objects["Glow"].copy()  # the same mesh and material, in no group
    second.lightgroup = ""
    bpy.context.scene.collection.objects.link(second)
    second.location.z = 100.0
    light, entries = measure_apart("groups")
    assert [entry["name"] for entry in entries] == ["Day", "Others"]
    assert [len(entry["members"]) for entry in entries] == [2, 1]
    np.testing.assert_allclose(light["Others"], POINT, rtol=2e-3)
    np.testing.assert_allclose(light["Day"], SUN + SKY * 0.98 + 2.0 * math.pi * 0.0192, rtol=0.03)
    np.testing.assert_allclose(entries[0]["light"], 2.0 * SUN + SKY / math.pi, rtol=1e-5)


def test_shared_and_linked_lamps(tmp_path: Path) -> None:
    """Two lamps that share their data, and one from another file, are three sets that go on and off by themselves."""
    builders.empty_scene()
    builders.lamp('POINT', (0.0, 0.0, 3.0), energy=90.0, shadow_soft_size=0.0).name = "Other"
    library = tmp_path / "library.blend"
    bpy.ops.wm.save_as_mainfile(filepath=str(library))
    builders.empty_scene()
    first = builders.lamp('POINT', (0.0, 0.0, 1.0), energy=10.0, shadow_soft_size=0.0)
    second = first.copy()
    second.location.z = 2.0
    bpy.context.scene.collection.objects.link(second)
    with bpy.data.libraries.load(str(library), link=True) as (_, target):
        target.objects = ["Other"]
    bpy.context.scene.collection.objects.link(target.objects[0])
    light, _ = measure_apart("lamps")
    by_height = [power / (4.0 * math.pi * height**2) for power, height in ((10.0, 1.0), (10.0, 2.0), (90.0, 3.0))]
    found = {name.split()[0]: float(value[0]) for name, value in light.items()}
    assert len(found) == 3
    np.testing.assert_allclose(sorted(found.values()), sorted(by_height), rtol=1e-3)


@pytest.fixture
def blend(tmp_path: Path) -> Path:
    """The rooms of the other tests with a second lamp."""
    path = write_scene(tmp_path / "rooms.blend")
    lamp = builders.lamp('POINT', (-1.5, -0.5, 1.2), energy=20.0, shadow_soft_size=0.1)
    lamp.name = "Second"
    builders.sky((0.1, 0.1, 0.1))
    bpy.ops.wm.save_mainfile()
    return path


def run(job: Path, blend: Path, update: bool = False, **changes: object) -> LightGridDataset:
    job.mkdir(exist_ok=True)
    settings = {**SETTINGS, "light_sets": "lamps", **changes}
    description = protocol.new_job(kind="light_grid", settings=settings, source="rooms.blend", inside=())
    protocol.write_json(job / "job.json", description | {"update": update})
    capture(job, blend, protocol.Events(job / protocol.EVENTS, "capture"))
    return load_dataset(job / "dataset", "indirect")


def files_of(dataset: LightGridDataset, name: str) -> dict[str, bytes]:
    """Contents of one light set's shards."""
    key = next(entry["key"] for entry in dataset.info["light_sets"] if entry["name"] == name)
    shards = [shard for shard in dataset.dataset.shards if shard.set.endswith(f"@{key}")]
    return {shard.file: (dataset.dataset.directory / shard.file).read_bytes() for shard in shards}


def change(blend: Path, lamp: str, **values: object) -> None:
    bpy.ops.wm.open_mainfile(filepath=str(blend))
    item = bpy.data.objects[lamp]
    for key, value in values.items():
        setattr(item.data if hasattr(item.data, key) and key != "name" else item, key, value)
    bpy.ops.wm.save_mainfile()


def test_together_is_the_sum(blend: Path, tmp_path: Path) -> None:
    """A bake of all light at once, sky and emission included, measures what its light sets add up to."""
    bpy.ops.wm.open_mainfile(filepath=str(blend))
    next(node for node in bpy.context.scene.world.node_tree.nodes if node.type == 'BACKGROUND').inputs[
        "Strength"
    ].default_value = 4.0
    bpy.data.objects["Table"].data.materials[0] = builders.emission(3.0)
    bpy.data.objects.remove(bpy.data.objects["Room"])
    builders.plate("Floor", 3.0, 0.0, builders.diffuse(0.5))
    bpy.ops.wm.save_mainfile()
    means = []
    for mode in ("all", "lamps"):
        dataset = run(tmp_path / mode, blend, light_sets=mode, samples_per_probe=8)
        means.append(dataset.samples("report_a", "report").total.mean(axis=0))
        # weights that have to hold under other lights learn from virtual ones, which need the surfaces
        assert ("surface_triangles" in dataset.plan) == (mode == "lamps")
    np.testing.assert_allclose(means[0], means[1], rtol=0.03)


def test_only_what_changed_is_measured_again(blend: Path, tmp_path: Path) -> None:
    job = tmp_path / "job"
    first = run(job, blend)
    names = [one.name for one in first.light_sets]
    one, other, sky = names
    before = {name: files_of(first, name) for name in names}
    samples = first.samples("report_a", "report")
    together = (samples.sets * [s.factor for s in first.light_sets]).sum(axis=1)
    np.testing.assert_allclose(samples.stored, together, rtol=1e-5)
    # dimmed, recoloured and renamed: no ray is traced again
    change(blend, other, energy=10.0, color=(1.0, 0.0, 0.5), name="New")
    second = run(job, blend)
    assert [s.name for s in second.light_sets if s.name not in (one, sky)] == ["New"]
    assert [files_of(second, name) for name in (one, "New", sky)] == [before[name] for name in (one, other, sky)]
    found = {light.name: light for light in second.light_sets}
    np.testing.assert_allclose(found["New"].factor, [0.5, 0.0, 0.25], rtol=1e-6)
    # moved: it alone is measured again, as in a bake from nothing
    change(blend, "New", location=(-0.5, 0.5, 1.0))
    third = run(job, blend)
    assert files_of(third, one) == before[one] and files_of(third, sky) == before[sky]
    moved = files_of(third, "New")
    assert not set(moved) & set(before[other])
    left = {path.name for path in (job / "dataset").glob("shard-*")}
    assert left == set(moved) | set(before[one]) | set(before[sky])
    # deleted: the others stay
    bpy.ops.wm.open_mainfile(filepath=str(blend))
    bpy.data.objects.remove(bpy.data.objects["New"])
    bpy.ops.wm.save_mainfile()
    fourth = run(job, blend)
    assert [s.name for s in fourth.light_sets] == [one, sky]
    assert json.loads((job / "dataset" / "dataset.json").read_text())["fingerprint"] == first.info["fingerprint"]
    # an update leaves out what values are not learned from, and says what it took
    change(blend, one, location=(-1.2, -0.6, 1.4))
    fifth = run(job, blend, update=True)
    assert files_of(fifth, sky) == before[sky] and fifth.updated
    sets = {shard.set.partition("@")[0] for shard in fifth.dataset.shards if fifth.keys[0] in shard.set}
    assert sets == {"train", "probe", "choose"} and fifth.info["update"]["lights"] == [one]
    assert 0.0 < fifth.info["update"]["share"] < 0.3
    means = [load_dataset(job / "dataset", "indirect").samples("train").sets[:, 0].mean()]
    # the next whole bake measures the rest too
    sixth = run(job, blend)
    assert not sixth.updated and files_of(sixth, sky) == before[sky]
    means.append(load_dataset(job / "dataset", "indirect").samples("train").sets[:, 0].mean())
    assert means[0] == pytest.approx(means[1], rel=0.1)
    assert len(sixth.samples("report_a", "report")) == SETTINGS["report_points"]
