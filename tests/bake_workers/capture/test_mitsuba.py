# SPDX-FileCopyrightText: 2026 Neural Bake developers
#
# SPDX-License-Identifier: GPL-3.0-or-later

"""The meter's units and bounces against Mitsuba 3, an independent path tracer."""

from __future__ import annotations

import numpy as np
import pytest

from bake_workers.capture.meter import Meter
from tests.bake_workers.capture import builders
from tests.bake_workers.capture.builders import array

ALBEDO, RADIANCE, BOUNCES = 0.6, 5.0, 2
ROOM_LOW, ROOM_HIGH = (-1.5, -1.0, 0.0), (1.5, 1.0, 2.0)
LAMP_HALF, LAMP_HEIGHT = 0.5, 1.999
BLOCK_LOW, BLOCK_HIGH = (0.3, -0.6, 0.0), (0.9, 0.4, 1.0)
POINTS = [(-0.8, 0.3, 0.5), (0.6, 0.7, 1.2), (1.3, -0.5, 0.3), (-0.2, -0.8, 1.7)]
NORMALS = [(0.0, 0.0, 1.0), (0.6, 0.0, -0.8), (-1.0, 0.0, 0.0), (0.0, 0.8, -0.6)]


def by_cycles() -> tuple[np.ndarray, np.ndarray]:
    """Mean irradiance (N,) and its standard error."""
    scene = builders.empty_scene()
    scene.cycles.max_bounces = scene.cycles.diffuse_bounces = BOUNCES
    builders.box("Room", ROOM_LOW, ROOM_HIGH, builders.diffuse(ALBEDO), inward=True)
    builders.box("Block", BLOCK_LOW, BLOCK_HIGH, builders.diffuse(ALBEDO))
    builders.plate("Lamp", LAMP_HALF, LAMP_HEIGHT, builders.emission(RADIANCE), down=True)
    batches = 32
    meter = Meter(builders.opened(), threads=2)
    # triangles that lie in each other would make Cycles slow
    shift = np.random.default_rng(0).uniform(-1e-3, 1e-3, (batches * len(POINTS), 3))
    shifted = (np.tile(array(*POINTS), (batches, 1)) + shift).astype(np.float32)
    light = meter.measure(shifted, np.tile(array(*NORMALS), (batches, 1)), 1500, 1)
    total = (light["direct"] + light["indirect"])[:, 0].reshape(batches, -1).astype(float)
    return total.mean(axis=0), total.std(axis=0, ddof=1) / np.sqrt(batches)


def by_mitsuba(mitsuba: object) -> tuple[np.ndarray, np.ndarray]:
    """The same scene: a lamp right under the ceiling, and as many bounces."""
    transform = mitsuba.ScalarTransform4f
    grey = {"type": "diffuse", "reflectance": {"type": "rgb", "value": ALBEDO}}
    low, high = np.array(ROOM_LOW), np.array(ROOM_HIGH)
    block_low, block_high = np.array(BLOCK_LOW), np.array(BLOCK_HIGH)

    def cube(low: np.ndarray, high: np.ndarray) -> object:
        center, half = (0.5 * (low + high)).tolist(), (0.5 * (high - low)).tolist()
        return transform().translate(center).scale(half)

    description = {
        "type": "scene",
        "integrator": {"type": "path", "max_depth": BOUNCES + 1, "rr_depth": 1000},
        "room": {"type": "cube", "to_world": cube(low, high), "bsdf": {"type": "twosided", "bsdf": grey}},
        "block": {"type": "cube", "to_world": cube(block_low, block_high), "bsdf": {"type": "twosided", "bsdf": grey}},
        "lamp": {
            "type": "rectangle",
            "to_world": transform().translate([0, 0, LAMP_HEIGHT]).rotate([1, 0, 0], 180).scale(LAMP_HALF),
            "bsdf": {"type": "diffuse", "reflectance": {"type": "rgb", "value": 0.0}},
            "emitter": {"type": "area", "radiance": {"type": "rgb", "value": RADIANCE}},
        },
    }
    film = {
        "type": "hdrfilm",
        "width": 1,
        "height": 1,
        "rfilter": {"type": "box"},
        "pixel_format": "rgb",
        "component_format": "float32",
    }
    results = []
    for number, (point, normal) in enumerate(zip(POINTS, NORMALS, strict=True)):
        tip = (np.array(point) + normal).tolist()
        place = transform().look_at(origin=list(point), target=tip, up=[0.1, 0.99, 0.05])
        description[f"meter{number}"] = {
            "type": "rectangle",
            "to_world": place.scale(1e-4),
            "sensor": {
                "type": "irradiancemeter",
                "film": film,
                # equal sensors would be taken for one and the same
                "sampler": {"type": "independent", "sample_count": 30000 + number},
            },
        }
    scene = mitsuba.load_dict(description)
    for sensor in sorted(scene.sensors(), key=lambda sensor: sensor.sampler().sample_count()):
        batches = [float(np.array(mitsuba.render(scene, sensor=sensor, seed=seed))[0, 0, 0]) for seed in range(8)]
        results.append((np.mean(batches), np.std(batches, ddof=1) / np.sqrt(len(batches))))
    means, errors = np.array(results).T
    return means, errors


def test_same_irradiance_as_mitsuba() -> None:
    mitsuba = pytest.importorskip("mitsuba")
    mitsuba.set_variant("scalar_rgb")
    ours, our_error = by_cycles()
    theirs, their_error = by_mitsuba(mitsuba)
    error = np.hypot(our_error, their_error)
    assert (error < 0.02 * theirs).all()
    print("ours", ours, "Mitsuba", theirs, "standard error", error)
    assert (np.abs(ours - theirs) < 4.0 * error).all(), (ours, theirs, error)
