# SPDX-FileCopyrightText: 2026 Neural Bake developers
#
# SPDX-License-Identifier: GPL-3.0-or-later

"""Surfaces as Cycles shows them: what counts, where it lies, and which side is its front."""

from __future__ import annotations

import bpy
import numpy as np
import pytest
from mathutils import Matrix

from bake_workers.capture import scene as scenes
from bake_workers.capture.geometry import Geometry, collect
from tests.bake_workers.capture import builders
from tests.bake_workers.capture.builders import array

LOW, HIGH = np.array((-5.0, -5.0, -5.0)), np.array((5.0, 5.0, 5.0))


def gather() -> Geometry:
    """The scene's surfaces as a capture collects them."""
    opened = builders.opened()
    scenes.show_as_rendered(opened.scene, opened.view_layer)
    return collect(opened, LOW, HIGH)


def area(geometry: Geometry) -> float:
    return float(geometry.areas.sum())


@pytest.mark.parametrize("scale", [(1, 1, 1), (-1, 1, 1), (-1, -1, -1), (2, 1, -0.5)])
def test_fronts_stay_outside_also_when_mirrored(scale: tuple[float, float, float]) -> None:
    builders.empty_scene()
    object_ = builders.box("Box", (-1, -1, -1), (1, 1, 1))
    object_.scale = scale
    geometry = gather()
    assert len(geometry.triangles) == 12
    outward = (geometry.triangles.mean(axis=1) * geometry.normals).sum(axis=1)
    assert (outward > 0).all()
    sizes = 2.0 * np.abs(scale)
    assert area(geometry) == pytest.approx(2.0 * (sizes[0] * sizes[1] + sizes[1] * sizes[2] + sizes[2] * sizes[0]))


def test_cast_gives_distance_and_side() -> None:
    builders.empty_scene()
    builders.plate("Floor", 1.0, 0.0)
    geometry = gather()
    distances, triangles = geometry.cast(
        array((0, 0, 2), (0, 0, -3), (3, 0, 2)), array((0, 0, -1), (0, 0, 1), (0, 0, -1))
    )
    np.testing.assert_allclose(distances[:2], [2.0, 3.0])
    assert np.isinf(distances[2]) and triangles[2] == -1
    assert geometry.normals[triangles[0]][2] == pytest.approx(1.0)
    np.testing.assert_array_equal(
        geometry.clear(array((0, 0, 1), (0, 0, 1), (0, 0, 1)), array((0, 0, -1), (0, 0, 0.01), (3, 0, 1))),
        [False, True, True],
    )
    np.testing.assert_array_equal(geometry.distant(array((0, 0, 0.5), (0, 0, 2.0)), 1.0), [False, True])


def test_modifiers_count_as_they_render() -> None:
    builders.empty_scene()
    shown, hidden = builders.plate("Shown", 1.0, 0.0), builders.plate("Hidden", 1.0, 1.0)
    for object_, render in ((shown, True), (hidden, False)):
        modifier = object_.modifiers.new("Array", 'ARRAY')
        modifier.count, modifier.show_render, modifier.show_viewport = 3, render, not render
    assert area(gather()) == pytest.approx(4.0 * 3 + 4.0)


def test_subdivision_counts_with_its_render_levels() -> None:
    builders.empty_scene()
    modifier = builders.plate("Plate", 1.0, 0.0).modifiers.new("Subdivision", 'SUBSURF')
    modifier.subdivision_type, modifier.levels, modifier.render_levels = 'SIMPLE', 0, 2
    assert len(gather().triangles) == 32


def test_hidden_objects_and_collections_do_not_count() -> None:
    scene = builders.empty_scene()
    builders.plate("Seen", 1.0, 0.0).hide_viewport = True  # hidden in the viewport only
    builders.plate("EyeClosed", 1.0, 0.5).hide_set(True)
    builders.plate("Unrendered", 1.0, 1.0).hide_render = True
    for name, unseen in (("Off", "hide_render"), ("Excluded", None), ("ViewportOff", "hide_viewport")):
        collection = bpy.data.collections.new(name)
        scene.collection.children.link(collection)
        object_ = builders.plate(name, 1.0, 2.0)
        scene.collection.objects.unlink(object_)
        collection.objects.link(object_)
        if unseen:
            setattr(collection, unseen, True)
    bpy.context.view_layer.layer_collection.children["Excluded"].exclude = True
    assert area(gather()) == pytest.approx(3 * 4.0)


def test_instances_count_and_their_hidden_source_does_not() -> None:
    scene = builders.empty_scene()
    source = bpy.data.collections.new("Source")
    plate = builders.plate("Plate", 0.5, 0.0)
    scene.collection.objects.unlink(plate)
    source.objects.link(plate)
    for x in (-2.0, 2.0):
        empty = builders.add("Instance", None, (x, 0.0, 1.0))
        empty.instance_type, empty.instance_collection = 'COLLECTION', source
    geometry = gather()
    assert area(geometry) == pytest.approx(2.0)
    assert sorted({round(float(x)) for x in geometry.triangles.mean(axis=(1,))[:, 0]}) == [-2, 2]
    points = builders.mesh("Points", [(0, 0, 0), (1, 0, 0), (0, 1, 0)], [(0, 1, 2)])
    child = builders.plate("Child", 0.1, 0.0)
    child.parent = points
    points.instance_type, points.show_instancer_for_render = 'VERTS', False
    assert area(gather()) == pytest.approx(2.0 + 3 * 0.04 + 0.04)  # the child itself renders too


def test_curves_text_and_metaballs_are_surfaces() -> None:
    builders.empty_scene()
    bpy.ops.object.metaball_add(type='BALL', radius=1.0)
    alone = area(gather())
    assert alone > 1.0
    curve = bpy.data.curves.new("Curve", 'CURVE')
    curve.dimensions, curve.bevel_depth = '3D', 0.1
    spline = curve.splines.new('POLY')
    spline.points.add(1)
    spline.points[1].co = (2.0, 0.0, 0.0, 1.0)
    builders.add("Curve", curve, (0, 3, 0))
    with_curve = area(gather())
    assert with_curve - alone == pytest.approx(2.0 * np.pi * 0.1 * 2.0, rel=0.05)
    text = bpy.data.curves.new("Text", 'FONT')
    text.body = "OK"
    builders.add("Text", text, (0, -3, 0))
    assert area(gather()) > with_curve


def test_volumes_and_objects_out_of_lights_way_are_no_surfaces() -> None:
    builders.empty_scene()
    builders.box("Fog", (-1, -1, -1), (1, 1, 1), builders.material("ShaderNodeVolumeScatter"))
    ghost = builders.plate("Ghost", 1.0, 0.0)
    ghost.visible_diffuse = ghost.visible_shadow = False
    mixed = builders.box("Mixed", (2, 2, 2), (3, 3, 3), builders.material("ShaderNodeVolumeScatter"))
    mixed.data.materials.append(builders.diffuse(0.5))
    mixed.data.polygons[0].material_index = 1
    assert area(gather()) == pytest.approx(1.0)


def test_far_away_surfaces_are_left_out() -> None:
    builders.empty_scene()
    builders.plate("Near", 1.0, 0.0)
    builders.plate("Far", 1.0, 0.0).matrix_world = Matrix.Translation((100.0, 0.0, 0.0))
    assert area(gather()) == pytest.approx(4.0)


def test_an_empty_scene_blocks_nothing() -> None:
    builders.empty_scene()
    geometry = gather()
    assert geometry.clear(array((0, 0, 0)), array((1, 1, 1))).all()
    assert np.isinf(geometry.cast(array((0, 0, 0)), array((0, 0, 1)))[0]).all()
