# SPDX-FileCopyrightText: 2026 Neural Bake developers
#
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where lamps go: even spread, disjoint sets, and every kind of domain by hand."""

from __future__ import annotations

import math

import bpy
import numpy as np
import pytest

from bake_workers.capture.relight_domains import find_domain
from bake_workers.capture.relight_lamps import Lamp, describe, find_lamps
from bake_workers.capture.relight_places import LOWEST, Box, Domain, Dome, Path, Ring, draw, evenly, low_discrepancy
from core.errors import NeuralBakeError
from core.relight.settings import RelightSettings
from tests.bake_workers.capture import builders

SEEN = np.array([(0.0, 0.0, 0.0), (1.0, 1.0, 0.0), (-1.0, -1.0, 1.0)])
ONES = np.ones(3)
DOMAINS = {
    "dome": Dome(np.zeros(3), np.eye(3), ONES),
    "box": Box(np.eye(4), np.eye(3)),
    "ring": Ring(),
}


def places(domain: Domain, count: int = 64, seed: int = 0) -> np.ndarray:
    return draw(domain, {"train": count}, np.random.default_rng(seed))["train"]


def domain_of(name: str = "POINT", **settings: object) -> Domain:
    opened = builders.opened()
    lamp = find_lamps(opened, name)[0]
    return find_domain(opened, lamp, RelightSettings.from_dict(settings), SEEN)


def refused(code: str, sentence: str, **settings: object) -> None:
    with pytest.raises(NeuralBakeError) as caught:
        domain_of(**settings)
    assert caught.value.code == code and sentence in caught.value.message and caught.value.exit_code == 2


@pytest.mark.parametrize("dimensions", [1, 2, 3])
def test_low_discrepancy_is_more_even_than_chance(dimensions: int) -> None:
    """Nearest neighbours lie further apart than those of random points, in every first part of the sequence."""
    numbers = low_discrepancy(256, dimensions, np.random.default_rng(3))
    chance = np.random.default_rng(3).random((256, dimensions))
    assert numbers.min() >= 0.0 and numbers.max() < 1.0

    def nearest(points: np.ndarray) -> float:
        steps = np.abs(points[:, None] - points[None])
        distances = np.linalg.norm(np.minimum(steps, 1.0 - steps), axis=2) + 9.0 * np.eye(len(points))
        return float(distances.min(axis=1).min())

    for part in (16, 64, 256):
        assert nearest(numbers[:part]) > 2.0 * nearest(chance[:part])


def test_evenly_holds_the_ends_or_goes_round() -> None:
    generator = np.random.default_rng(0)
    assert evenly(5, False, generator).ravel().tolist() == [0.0, 0.25, 0.5, 0.75, 1.0]
    assert evenly(1, False, generator).ravel().tolist() == [0.5]
    np.testing.assert_allclose(np.diff(np.sort(evenly(8, True, generator).ravel())), 0.125)


@pytest.mark.parametrize("name", DOMAINS)
def test_sets_are_disjoint_and_follow_the_seed(name: str) -> None:
    counts = {"train": 64, "report": 16, "visibility": 128}
    sets = draw(DOMAINS[name], counts, np.random.default_rng(0))
    assert {key: len(value) for key, value in sets.items()} == counts
    rows = [tuple(matrix.ravel().tolist()) for value in sets.values() for matrix in value]
    assert len(set(rows)) == len(rows)
    np.testing.assert_array_equal(draw(DOMAINS[name], counts, np.random.default_rng(0))["report"], sets["report"])
    assert not np.array_equal(draw(DOMAINS[name], counts, np.random.default_rng(1))["report"], sets["report"])


def test_a_dome_is_even_by_solid_angle_and_aims_at_its_centre() -> None:
    center = np.array([1.0, 2.0, 3.0])
    matrices = places(Dome(center, 2.0 * np.eye(3), np.array([1.0, 1.0, 0.5])), 512)
    steps = matrices[:, :3, 3] - center
    np.testing.assert_allclose(np.linalg.norm(steps, axis=1), 2.0, rtol=1e-6)
    heights = steps[:, 2] / 2.0
    assert heights.min() >= LOWEST
    # heights of points that are even on a sphere are even (Archimedes)
    assert abs(heights.mean() - (1.0 + LOWEST) / 2.0) < 0.01
    assert (steps[:, :2].mean(axis=0) ** 2).sum() < 1e-3
    turns = matrices[:, :3, :3].astype(np.float64)
    np.testing.assert_allclose(np.linalg.norm(turns, axis=1), np.tile([1.0, 1.0, 0.5], (512, 1)), rtol=1e-5)
    np.testing.assert_allclose(turns[:, :, 2] / 0.5, steps / 2.0, atol=1e-6)
    assert (turns[:, 2, 1] >= 0.0).all() and (np.linalg.det(turns) > 0.0).all(), "upright, and not mirrored"


def test_a_box_is_filled_and_keeps_the_lamp_s_rotation() -> None:
    matrix = np.diag([1.0, 2.0, 0.5, 1.0])
    matrix[:3, 3] = (5.0, 0.0, 1.0)
    turn = np.array([[0.0, -1.0, 0.0], [1.0, 0.0, 0.0], [0.0, 0.0, 1.0]])
    matrices = places(Box(matrix, turn), 256)
    points = matrices[:, :3, 3]
    assert (points >= [4.0, -2.0, 0.5]).all() and (points <= [6.0, 2.0, 1.5]).all()
    np.testing.assert_allclose(points.mean(axis=0), [5.0, 0.0, 1.0], atol=0.05)
    np.testing.assert_array_equal(matrices[:, :3, :3], np.broadcast_to(turn, (256, 3, 3)))


def test_a_path_is_even_by_distance() -> None:
    """Two stretches of 1 and 3 m: five places stand 1 m apart."""
    stations = np.broadcast_to(np.eye(4), (3, 4, 4)).copy()
    stations[:, 0, 3] = (0.0, 1.0, 4.0)
    path = Path("path", stations, False)
    np.testing.assert_allclose(places(path, 5)[:, 0, 3], [0.0, 1.0, 2.0, 3.0, 4.0], atol=1e-6)
    closed = Path("path", stations, True)
    there_and_back = closed.place(np.array([[0.0], [0.25], [0.5], [0.75], [1.0]]))[:, 0, 3]
    np.testing.assert_allclose(there_and_back, [0.0, 2.0, 4.0, 2.0, 0.0], atol=1e-6)


def test_a_path_turns_between_its_stations() -> None:
    stations = np.broadcast_to(np.eye(4), (2, 4, 4)).copy()
    stations[1, :3, :3] = np.array([[1.0, 0.0, 0.0], [0.0, 0.0, -1.0], [0.0, 1.0, 0.0]])  # a quarter about X
    middle = places(Path("keyframes", stations, False), 3)[1]
    half = math.sqrt(0.5)
    np.testing.assert_allclose(middle[:3, 2], [0.0, -half, half], atol=1e-6)


def test_a_ring_turns_about_z() -> None:
    angles = np.sort(np.arctan2(*places(Ring(), 8)[:, [1, 0], 0].T))
    np.testing.assert_allclose(np.diff(angles), math.pi / 4.0, rtol=1e-5)


def test_the_dome_lies_over_what_is_seen_at_the_lamp_s_distance() -> None:
    builders.empty_scene()
    builders.lamp('POINT', (0.0, 3.0, 4.0), energy=10.0)
    domain = domain_of()
    assert isinstance(domain, Dome) and domain.describe()["radius"] == pytest.approx(5.0)
    np.testing.assert_allclose(domain.center, np.median(SEEN, axis=0))


def test_an_empty_gives_place_size_and_rotation_of_a_dome() -> None:
    builders.empty_scene()
    builders.lamp('POINT', (0.0, 0.0, 4.0), energy=10.0)
    empty = builders.add("Dome", None, (1.0, 0.0, 0.0))
    empty.scale, empty.rotation_euler = (3.0, 3.0, 3.0), (math.pi / 2.0, 0.0, 0.0)
    empty.empty_display_type = 'SPHERE'
    steps = places(domain_of(domain_object="Dome"))[:, :3, 3] - [1.0, 0.0, 0.0]
    np.testing.assert_allclose(np.linalg.norm(steps, axis=1), 3.0, rtol=1e-5)
    assert (steps[:, 1] < 0.0).all(), "its zenith is where the Empty's Z looks"


def test_the_shape_of_the_object_chooses_the_domain() -> None:
    builders.empty_scene()
    builders.lamp('POINT', (0.0, 0.0, 4.0), energy=10.0)
    box = builders.add("Box", None, (1.0, 0.0, 2.0))
    box.empty_display_type, box.scale = 'CUBE', (0.5, 1.0, 0.25)
    points = places(domain_of(domain_object="Box"))[:, :3, 3]
    assert (np.abs(points - [1.0, 0.0, 2.0]) <= [0.5001, 1.0001, 0.2501]).all()
    builders.box("Mesh", (1.0, 1.0, 1.0), (2.0, 3.0, 4.0))
    points = places(domain_of(domain_object="Mesh"))[:, :3, 3]
    assert (points >= 0.9999).all() and (points <= [2.0001, 3.0001, 4.0001]).all()
    assert isinstance(domain_of(domain_object="Mesh", domain="dome"), Dome), "the setting has the last word"


def curve(*points: tuple[float, float, float], cyclic: bool = False) -> bpy.types.Object:
    data = bpy.data.curves.new("Curve", 'CURVE')
    data.dimensions, data.bevel_depth = '3D', 0.1
    spline = data.splines.new('POLY')
    spline.points.add(len(points) - 1)
    for point, place in zip(spline.points, points, strict=True):
        point.co = (*place, 1.0)
    spline.use_cyclic_u = cyclic
    return builders.add("Curve", data, (0.0, 0.0, 1.0))


@pytest.mark.parametrize("cyclic", [False, True])
def test_a_curve_is_a_path(cyclic: bool) -> None:
    builders.empty_scene()
    builders.lamp('POINT', (0.0, 0.0, 4.0), energy=10.0)
    curve((0.0, 0.0, 0.0), (2.0, 0.0, 0.0), (2.0, 2.0, 0.0), cyclic=cyclic)
    domain = domain_of(domain_object="Curve")
    assert isinstance(domain, Path) and domain.closed == cyclic
    assert domain.describe()["points"] == [[0.0, 0.0, 1.0], [2.0, 0.0, 1.0], [2.0, 2.0, 1.0]]
    assert [item.name for item in bpy.data.objects if item.type == 'CURVE'] == ["Curve"], "the helper is gone"


def test_keyframes_are_followed_and_the_frame_stays() -> None:
    scene = builders.empty_scene()
    lamp = builders.lamp('POINT', (0.0, 0.0, 4.0), energy=10.0)
    for frame, x in ((1, 0.0), (41, 6.0)):
        lamp.location.x = x
        lamp.keyframe_insert("location", frame=frame)
    scene.frame_set(7)
    before = lamp.location.x
    domain = domain_of()
    assert domain.describe()["type"] == "keyframes"
    xs = places(domain, 13)[:, 0, 3]
    np.testing.assert_allclose(xs, np.linspace(0.0, 6.0, 13), atol=1e-4)
    assert scene.frame_current == 7 and lamp.location.x == before
    assert isinstance(domain_of(domain="dome"), Dome)


def test_a_parent_s_motion_counts() -> None:
    builders.empty_scene()
    lamp = builders.lamp('SPOT', (1.0, 0.0, 4.0), energy=10.0)
    arm = builders.add("Arm", None)
    lamp.parent = arm
    for frame, angle in ((1, 0.0), (21, 1.5)):
        arm.rotation_euler.z = angle
        arm.keyframe_insert("rotation_euler", frame=frame)
    places_ = places(domain_of("SPOT"), 9)[:, :3, 3]
    np.testing.assert_allclose(np.linalg.norm(places_[:, :2], axis=1), 1.0, rtol=2e-3)
    np.testing.assert_allclose(np.linalg.norm(np.diff(places_, axis=0), axis=1), 1.5 / 8.0, rtol=0.02)


def test_a_sun_has_a_dome_of_directions() -> None:
    builders.empty_scene()
    builders.lamp('SUN', (0.0, 0.0, 4.0), energy=3.0)
    matrices = places(domain_of("SUN"))
    np.testing.assert_allclose(np.linalg.norm(matrices[:, :3, 2], axis=1), 1.0, rtol=1e-6)
    assert (matrices[:, 2, 2] >= LOWEST - 1e-6).all()


def test_refused_domains() -> None:
    builders.empty_scene()
    builders.lamp('POINT', tuple(np.median(SEEN, axis=0)), energy=10.0)
    refused("bad_domain", "its dome has no size")
    refused("bad_domain", "A box needs an Empty or a mesh", domain="box")
    refused("bad_domain", "A path needs a curve", domain="path")
    refused("bad_domain", "has no keyframes that move it", domain="keyframes")
    refused("unknown_name", "There is no object Gone", domain_object="Gone")
    builders.add("Flat", None).scale = (1.0, 0.0, 1.0)
    refused("bad_domain", "has no extent", domain_object="Flat")
    builders.lamp('SUN', energy=1.0)
    refused("bad_domain", "has no place", name="SUN", domain="box")


def test_the_active_lamp_is_taken_or_the_only_one() -> None:
    scene = builders.empty_scene()
    key = builders.lamp('POINT', energy=10.0)
    assert [lamp.name for lamp in find_lamps(builders.opened(), "")] == ["POINT"]
    builders.lamp('SUN', energy=1.0)
    with pytest.raises(NeuralBakeError, match="several lamps and none of them is active"):
        find_lamps(builders.opened(), "")
    bpy.context.view_layer.objects.active = key
    assert [lamp.name for lamp in find_lamps(builders.opened(), "")] == ["POINT"]
    assert [lamp.name for lamp in find_lamps(builders.opened(), "SUN, POINT,SUN")] == ["SUN", "POINT"]
    assert scene.objects


@pytest.mark.parametrize(
    ("change", "name", "sentence"),
    [
        (lambda lamp: None, "Gone", "There is no lamp Gone"),
        (lambda lamp: setattr(lamp, "hide_render", True), "POINT", "is hidden in renders"),
        (lambda lamp: setattr(lamp.data, "energy", 0.0), "POINT", "has a power of 0"),
        (lambda lamp: None, "World", "The world gives no light"),
        (lambda lamp: builders.sky((1.0, 1.0, 1.0)), "World", "has no Environment Texture"),
        (lambda lamp: bpy.data.objects.remove(lamp), "", "The scene has no lamp"),
    ],
)
def test_lamps_that_give_no_light_are_refused(change: object, name: str, sentence: str) -> None:
    builders.empty_scene()
    lamp = builders.lamp('POINT', energy=10.0)
    change(lamp)
    for item in bpy.data.objects:
        item.hide_viewport = item.hide_render
    with pytest.raises(NeuralBakeError) as caught:
        find_lamps(builders.opened(), name)
    assert sentence in caught.value.message and caught.value.exit_code == 2


def test_what_the_dataset_says_of_a_lamp() -> None:
    builders.empty_scene()
    spot = builders.lamp('SPOT', energy=25.0, color=(1.0, 0.5, 0.25), spot_size=1.0, spot_blend=0.25)
    entry = describe(Lamp("SPOT", 'SPOT', spot), None)
    assert (entry["type"], entry["light"], entry["energy"], entry["exposure"]) == ("SPOT", "position", 25.0, 0.0)
    assert entry["color"] == [1.0, 0.5, 0.25] and entry["spot"] == {"angle": 1.0, "blend": 0.25}
    area = builders.lamp('AREA', energy=1.0, shape='RECTANGLE', size=2.0, size_y=0.5)
    assert describe(Lamp("AREA", 'AREA', area), None)["size"] == {"size": 2.0, "size_y": 0.5, "shape": "RECTANGLE"}
    spot.data.use_temperature, spot.data.temperature = True, 2000.0
    warm = describe(Lamp("SPOT", 'SPOT', spot), None)["color"]
    assert warm[0] > warm[1] > warm[2] and warm[2] < 0.1
