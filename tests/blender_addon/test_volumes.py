# SPDX-FileCopyrightText: 2026 Neural Bake developers
#
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which volumes a bake takes, and with which probes."""

from __future__ import annotations

import os
from pathlib import Path

from tests import support


def test_the_bake_takes_the_same_volumes(blender: tuple[str, Path], user: Path) -> None:
    """What :mod:`volumes` says in the open file is what the capture finds in its copy of it."""
    code = """
from placing import *
import random
from bake_workers.capture.grids import find_volumes
from bake_workers.capture.scene import OpenScene, show_as_rendered
from core.errors import NeuralBakeError
from core.light_grid.settings import LightGridSettings
properties = module("properties")

def build(seed):
    scene, dice = fresh(), random.Random(seed)
    layer = bpy.context.view_layer
    shelves = [scene.collection]
    for index in range(7):
        shelf = bpy.data.collections.new(f"Shelf {index}")
        for parent in dice.sample(shelves, min(len(shelves), dice.choice((1, 1, 2)))):
            parent.children.link(shelf)
        shelves.append(shelf)
    for shelf in shelves[1:]:
        shelf.hide_render, shelf.hide_viewport = dice.random() < 0.25, dice.random() < 0.25
    for index in range(12):
        obj = volume(f"Volume {dice.randrange(10**6)}", [dice.uniform(-5, 5) for _ in range(3)],
                     [dice.uniform(0.3, 9) for _ in range(3)], [dice.randint(1, 9) for _ in range(3)],
                     dice.choice(shelves))
        obj.rotation_euler = [dice.uniform(-3, 3) for _ in range(3)]
        if dice.random() < 0.4:
            obj.parent = link("Parent", None, [dice.uniform(-5, 5) for _ in range(3)])
            obj.parent.scale = [dice.uniform(0.5, 1.5) for _ in range(3)]
            obj.matrix_parent_inverse = mathutils.Matrix.Rotation(1.0, 4, 'X')
        second = dice.choice(shelves[1:])
        if dice.random() < 0.2 and second not in obj.users_collection:
            second.objects.link(obj)
        obj.hide_render, obj.hide_viewport = dice.random() < 0.25, dice.random() < 0.25
    layer.update()
    def layers(parent):
        for child in parent.children:
            yield child
            yield from layers(child)
    for child in layers(layer.layer_collection):
        child.exclude = dice.random() < 0.2
        child.hide_viewport = dice.random() < 0.2
    for obj in layer.objects:
        if dice.random() < 0.2:
            obj.hide_set(True)
    settings = scene.neural_bake.light_grid
    settings.use_spacing, settings.use_resolution = dice.random() < 0.6, dice.random() < 0.3
    settings.spacing, settings.resolution = dice.uniform(0.5, 2.0), [dice.randint(1, 9) for _ in range(3)]
    scene.unit_settings.scale_length = dice.choice((1.0, 1.0, 0.01, 2.5))
    layer.update()
    return scene, layer

taken, left = 0, 0
for seed in range(40):
    scene, layer = build(seed)
    objects = volumes.of_scene(scene, layer)
    ours = [(obj.name, tuple(volumes.resolution(obj, scene)), volumes.world_positions(obj, scene)) for obj in objects]
    total = volumes.probe_count(scene, layer)
    values = properties.settings_values(scene, "light_grid")
    left += sum(obj.type == 'LIGHT_PROBE' for obj in bpy.data.objects) - len(ours)
    show_as_rendered(scene, layer)
    try:
        theirs = find_volumes(OpenScene(scene, layer, "digest"), LightGridSettings.from_dict(values), None)
    except NeuralBakeError as error:
        assert error.code == "no_volume", error
        theirs = []
    assert [item[:2] for item in ours] == [(item.name, item.resolution) for item in theirs], seed
    for (name, _, positions), item in zip(ours, theirs):
        assert np.allclose(positions, item.probe_positions(), atol=1e-4), (seed, name)
    assert total == sum(item.count for item in theirs)
    taken += len(theirs)
answer(taken=taken, left=left)
"""
    paths = os.pathsep.join(map(str, (support.ROOT / "tests" / "scripts", support.ROOT)))
    found, _ = support.run_in_blender(blender[1], user, code, PYTHONPATH=paths)
    assert found["taken"] > 60 and found["left"] > 60  # both kinds were there
