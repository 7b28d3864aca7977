# SPDX-FileCopyrightText: 2026 Neural Bake developers
#
# SPDX-License-Identifier: GPL-3.0-or-later

"""Boxes of probes."""

from __future__ import annotations

import math

import bpy
import numpy as np
import pytest
from mathutils import Euler

from bake_workers.capture import scene as scenes
from bake_workers.capture.grids import Volume, find_volumes
from core.errors import NeuralBakeError
from core.light_grid.settings import LightGridSettings
from tests.bake_workers.capture import builders


def find(bounds_object: str | None = None, **settings: object) -> list[Volume]:
    opened = builders.opened()
    scenes.show_as_rendered(opened.scene, opened.view_layer)
    return find_volumes(opened, LightGridSettings(**settings), bounds_object)


def test_probes_of_a_rotated_and_scaled_volume() -> None:
    """Turned by 90 degrees around z, the volume's x axis is the world's y axis; probes sit at centres of cells."""
    builders.empty_scene()
    object_ = builders.probe_volume("Volume", (10.0, 20.0, 30.0), (2.0, 1.0, 3.0), (2, 1, 3))
    object_.rotation_euler = Euler((0.0, 0.0, math.radians(90.0)))
    (volume,) = find()
    assert volume.name == "Volume" and volume.resolution == (2, 1, 3)
    expected = [(10, 20 + y, 30 + z) for y in (-1, 1) for z in (-2, 0, 2)]
    np.testing.assert_allclose(volume.probe_positions(), expected, atol=1e-5)
    np.testing.assert_allclose(volume.bounds(), [(9, 18, 27), (11, 22, 33)], atol=1e-5)
    np.testing.assert_array_equal(volume.contains(np.array([(10.9, 21.9, 27.1), (11.5, 20.0, 30.0)])), [True, False])
    assert volume.content == pytest.approx(48.0)


def test_spacing_is_in_metres_and_never_exceeded() -> None:
    scene = builders.empty_scene()
    builders.probe_volume("Volume", (0, 0, 0), (200.0, 100.0, 50.0))
    scene.unit_settings.scale_length = 0.01  # the volume measures 4 x 2 x 1 metres
    assert find(spacing=0.5)[0].resolution == (8, 4, 2)
    assert find(spacing=0.45)[0].resolution == (9, 5, 3)
    assert find(spacing=5.0)[0].resolution == (1, 1, 1)
    assert find(resolution=(3, 2, 1))[0].resolution == (3, 2, 1)
    assert find(resolution=(3, 2, 1), spacing=1.0)[0].resolution == (4, 2, 1)


def test_named_volumes_alone() -> None:
    builders.empty_scene()
    for name in ("A", "B", "C"):
        builders.probe_volume(name, (0, 0, 0), (1, 1, 1)).hide_render = name == "C"
    opened = builders.opened()
    scenes.show_as_rendered(opened.scene, opened.view_layer)

    def names(*wanted: str) -> list[str]:
        return [volume.name for volume in find_volumes(opened, LightGridSettings(), None, wanted)]

    assert names() == ["A", "B"] and names("B") == ["B"] and names("B", "A") == ["A", "B"]
    for missing in ("C", "D"):
        with pytest.raises(NeuralBakeError, match=f"no Light Probe Volume {missing} .* There is: A, B"):
            names("A", missing)


def test_bounds_of_an_empty() -> None:
    builders.empty_scene()
    empty = builders.add("Bounds", None, (1.0, 2.0, 3.0))
    empty.scale = (1.0, 2.0, 3.0)
    builders.probe_volume("Other", (0, 0, 0), (1, 1, 1))
    (volume,) = find("Bounds", resolution=(1, 2, 3))
    np.testing.assert_allclose(volume.bounds(), [(0, 0, 0), (2, 4, 6)])


def test_several_volumes_come_in_the_order_of_their_names_and_hidden_ones_do_not() -> None:
    scene = builders.empty_scene()
    for name in ("B", "A", "Hidden", "InHidden"):
        builders.probe_volume(name, (0, 0, 0), (1, 1, 1))
    scene.objects["Hidden"].hide_render = True
    scene.objects["B"].hide_viewport = True  # hidden in the viewport only
    hidden = bpy.data.collections.new("Hidden")
    scene.collection.children.link(hidden)
    hidden.hide_render = True
    hidden.objects.link(scene.objects["InHidden"])
    scene.collection.objects.unlink(scene.objects["InHidden"])
    sphere = bpy.data.lightprobes.new("Sphere", 'SPHERE')
    builders.add("Sphere", sphere)
    assert [volume.name for volume in find()] == ["A", "B"]


@pytest.mark.parametrize(
    "code, bounds, scale, settings",
    [
        ("no_volume", None, None, {}),
        ("unknown_name", "Nobody", (1, 1, 1), {}),
        ("bounds_object", "Mesh", (1, 1, 1), {}),
        ("no_resolution", "Bounds", (1, 1, 1), {}),
        ("flat_volume", "Bounds", (1, 1, 0), {"spacing": 1.0}),
        ("too_many_probes", "Bounds", (1000, 1000, 1000), {"spacing": 0.1}),
    ],
)
def test_refusals(code: str, bounds: str | None, scale: tuple | None, settings: dict) -> None:
    builders.empty_scene()
    builders.plate("Mesh", 1.0, 0.0)
    if scale:
        builders.add("Bounds", None).scale = scale
    with pytest.raises(NeuralBakeError) as caught:
        find(bounds, **settings)
    assert caught.value.code == code and caught.value.exit_code == 2 and caught.value.hint is not None
