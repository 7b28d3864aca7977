# SPDX-FileCopyrightText: 2026 Neural Bake developers
#
# SPDX-License-Identifier: GPL-3.0-or-later

"""The demo scene keeps its promises."""

from __future__ import annotations

from pathlib import Path

import bpy
import numpy as np
import pytest

from bake_workers import demo_scene, protocol
from bake_workers.capture import scene as scenes
from bake_workers.capture.geometry import collect
from bake_workers.capture.grids import find_volumes
from bake_workers.capture.light_grid import outer_box
from bake_workers.capture.lights import require_light
from bake_workers.capture.meter import Meter
from bake_workers.capture.notes import scene_notes
from bake_workers.capture.reach import Reach, find_seeds
from core.light_grid.settings import LightGridSettings
from tests.bake_workers.capture.builders import array


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("demo") / "demo.blend"
    assert demo_scene.main(path) == 0
    return path


@pytest.fixture
def opened(demo: Path) -> scenes.OpenScene:
    return scenes.open_scene(demo, protocol.new_job(kind="light_grid", settings={}, source=""))


def test_two_rooms_and_a_sealed_cupboard(opened: scenes.OpenScene) -> None:
    """From the living room the study is reached, the cupboard is not; with its marker it is, and it is dark."""
    require_light(opened)
    assert scene_notes(opened) == []
    volumes = find_volumes(opened, LightGridSettings(), None)
    assert 600 <= sum(volume.count for volume in volumes) <= 900
    room, study, cupboard = (2.0, 1.5, 1.3), (7.0, 1.5, 1.3), (5.6, 3.3, 1.2)
    seeds, _ = find_seeds(opened, [])
    assert len(seeds) == 2
    geometry = collect(opened, *outer_box(volumes, seeds))
    from_room = Reach(geometry, volumes, find_seeds(opened, ["Inside.room"])[0], np.random.default_rng(0))
    np.testing.assert_array_equal(from_room.test(array(room, study, cupboard)), [True, True, False])
    everywhere = Reach(geometry, volumes, seeds, np.random.default_rng(0))
    assert everywhere.test(array(room, study, cupboard)).all() and everywhere.share()[0] > 0.9
    dark = np.random.default_rng(1).uniform((5.1, 2.8, 0.05), (6.05, 3.95, 2.55), (300, 3)).astype(np.float32)
    light = Meter(opened, threads=2).measure(dark, np.tile(array((-1, 0, 0)), (300, 1)), 60, 1)
    assert light["direct"].max() == light["indirect"].max() == 0.0
    points, normals = array(room, study), array((0, 0, -1), (0, 0, -1))
    light = Meter(opened, threads=2).measure(points, normals, 3000, 1)
    bright, dim = light["indirect"].mean(axis=1)
    assert bright > 3.0 * dim > 0.0


def test_materials_reflect_at_most_four_fifths(opened: scenes.OpenScene) -> None:
    for material in bpy.data.materials:
        for node in material.node_tree.nodes:
            for name in ("Base Color", "Color1", "Color2"):
                if name in node.inputs:
                    assert max(node.inputs[name].default_value[:3]) <= 0.8001, material.name
    assert opened.scene.camera is not None


def test_it_is_the_same_every_time(demo: Path, tmp_path: Path) -> None:
    first = scenes.open_scene(demo, protocol.new_job(kind="light_grid", settings={}, source="")).digest
    demo_scene.main(tmp_path / "again.blend")
    again = scenes.open_scene(tmp_path / "again.blend", protocol.new_job(kind="light_grid", settings={}, source=""))
    assert again.digest == first
