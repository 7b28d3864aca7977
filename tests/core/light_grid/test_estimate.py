# SPDX-FileCopyrightText: 2026 Neural Bake developers
#
# SPDX-License-Identifier: GPL-3.0-or-later

"""Estimates before a bake: the number of light paths is the capture's own, and the figures are those of real bakes."""

from __future__ import annotations

import dataclasses
import json
import math
from collections import Counter
from pathlib import Path

import pytest

from core.light_grid.estimate import Estimate, estimate, set_sizes, speed_of
from core.light_grid.settings import PRESETS, LightGridSettings

MB = 2**20
# Whole bakes of the demo scene with two cores: probes, seconds and MB of measuring. Only the first had the
# machine for itself; beside others a bake takes up to three times as long.
IDLE = (765, 41.0, 397)
SHARED = [
    (525, 55.0, 394),
    (1848, 164.0, 428),
    (4950, 198.0, 560),
    (19968, 724.6, 815),
]
# Trainings of the demo scene's dataset, as it is and with copies of its points side by side: probes and MB.
TRAINED = [(765, 130), (19125, 1038), (100980, 4950)]


def measured_paths(dataset: dict) -> Counter[str]:
    """Light paths per set of a real ``dataset.json``."""
    paths: Counter[str] = Counter()
    for shard in dataset["shards"]:
        paths[shard["set"]] += shard["count"] * shard["paths"]
    return paths


def test_paths_are_those_of_the_capture(baked: Path) -> None:
    dataset = json.loads((baked.with_name("result.job") / "dataset" / "dataset.json").read_text("utf-8"))
    settings = LightGridSettings.from_dict(dataset["settings"])
    probes = sum(math.prod(grid["resolution"]) for grid in dataset["grids"])
    planned = {name: points * paths for name, (points, paths) in set_sizes(settings, probes).items()}
    measured = measured_paths(dataset)
    assert set(measured) == set(planned)
    for name in ("probe", "choose", "report_a", "report_b"):
        assert measured[name] == planned[name]
    # The room's partition and the edges of the picture take a little away, and nothing is ever added.
    assert 0.85 * planned["train"] < measured["train"] <= planned["train"]
    assert 0.85 * planned["view"] < measured["view"] <= planned["view"]


def test_direct_light_takes_time() -> None:
    """A quarter of the time of all paths but the report's, 280,000 of which take a second."""
    settings = LightGridSettings(report_points=100, preview_width=0)
    points = {name: count * paths for name, (count, paths) in set_sizes(settings, 765).items()}
    halves = points["report_a"] + points["report_b"]
    indirect, total = (
        estimate(dataclasses.replace(settings, light=light), 765, None).capture_seconds
        for light in ("indirect", "total")
    )
    assert total - indirect == pytest.approx(0.25 * (sum(points.values()) - halves) / 280_000)


def test_paths_by_hand() -> None:
    settings = LightGridSettings(
        samples_per_probe=10, sample_paths=7, probe_directions=9, probe_paths=6, choose_points=100, report_points=200,
        report_paths=4, preview_width=32, preview_paths=3,
    )  # fmt: skip
    assert set_sizes(settings, 5, 0.5) == {
        "train": (50, 9),
        "probe": (45, 6),
        "choose": (100, 6),
        "report_a": (200, 6),
        "report_b": (200, 6),
        "view": (512, 3),
    }
    assert set_sizes(settings, 5, 0.0)["view"] == (0, 3)


@pytest.mark.parametrize("row", [IDLE, *SHARED], ids=lambda row: str(row[0]))
def test_published_bakes(row: tuple[int, float, int]) -> None:
    probes, capture, capture_memory = row
    found = estimate(LightGridSettings(), probes, None)
    slower = 1.25 if row is IDLE else 3.0
    assert 1.0 / 1.25 < capture / found.capture_seconds < slower
    assert found.capture_memory == pytest.approx(capture_memory * MB, rel=0.1)
    assert not found.measured
    assert found.seconds == found.capture_seconds + found.training_seconds
    assert found.memory == max(found.capture_memory, found.training_memory)


@pytest.mark.parametrize(("probes", "memory"), TRAINED)
def test_published_trainings(probes: int, memory: int) -> None:
    assert estimate(LightGridSettings(), probes, None).training_memory == pytest.approx(memory * MB, rel=0.1)


def test_a_real_tiny_bake(baked: Path) -> None:
    manifest = json.loads((baked / "manifest.json").read_text("utf-8"))
    found = estimate(LightGridSettings.from_dict(manifest["settings"]), manifest["probes"], None)
    seconds, memory = manifest["timings"], manifest["peak_memory"]
    # Another machine may be far slower or faster than the one of the figures; memory is much the same everywhere.
    assert 0.05 < seconds["capture"] / found.capture_seconds < 20.0
    # the first training of a fresh environment compiles its steps
    assert 0.05 < seconds["training"] / found.training_seconds < 60.0
    assert 0.5 < memory["capture"] / found.capture_memory < 2.0
    assert 0.5 < memory["training"] / found.training_memory < 2.0


def test_a_measured_speed_repeats_the_bake(baked: Path) -> None:
    manifest = json.loads((baked / "manifest.json").read_text("utf-8"))
    settings = LightGridSettings.from_dict(manifest["settings"])
    speed = speed_of(manifest)
    assert (speed["capture"]["device"], speed["training"]["device"]) == ("CPU", "cpu")
    found = estimate(settings, manifest["probes"], json.loads(json.dumps(speed)))
    assert found.measured
    assert found.capture_seconds == pytest.approx(manifest["timings"]["capture"], rel=1e-3)
    assert found.training_seconds == pytest.approx(manifest["timings"]["training"], rel=1e-3)
    assert found.capture_memory == pytest.approx(manifest["peak_memory"]["capture"], rel=1e-3)
    assert found.training_memory == pytest.approx(manifest["peak_memory"]["training"], rel=1e-3)
    # and says more for more
    larger = estimate(settings, 10 * manifest["probes"], speed)
    assert larger.capture_seconds > found.capture_seconds and larger.training_memory > found.training_memory


def test_a_manifest_that_tells_less(baked: Path) -> None:
    manifest = json.loads((baked / "manifest.json").read_text("utf-8"))
    manifest["timings"].pop("capture")
    manifest["peak_memory"]["training"] = None  # as on a system that does not tell
    speed = speed_of(manifest)
    assert set(speed["capture"]) == {"device", "memory"} and set(speed["training"]) == {"device", "seconds"}
    settings = LightGridSettings.from_dict(manifest["settings"])
    found, shipped = (estimate(settings, manifest["probes"], one) for one in (speed, None))
    assert found.capture_seconds == shipped.capture_seconds and found.training_memory == shipped.training_memory
    assert found.training_seconds == pytest.approx(manifest["timings"]["training"], rel=1e-3)
    assert not found.measured


@pytest.mark.parametrize(
    "speed",
    [
        {},
        [],
        "fast",
        {"capture": 3, "training": None},
        *(
            {"capture": {"seconds": value, "memory": value}, "training": {"seconds": value, "memory": value}}
            for value in (None, True, "2", 0, -1.0, math.nan, math.inf, 1e9, [2.0], 10**400)
        ),
    ],
    ids=str,
)
def test_a_speed_that_is_none(speed: object) -> None:
    assert estimate(LightGridSettings(), 765, speed) == estimate(LightGridSettings(), 765, None)


@pytest.mark.parametrize(
    "changes",
    [
        {"samples_per_probe": 256},
        {"sample_paths": 72},
        {"probe_directions": 64},
        {"probe_paths": 192},
        {"probe_rays": 1024},
        {"choose_points": 6000},
        {"report_points": 6000},
        {"report_paths": 384},
        {"preview_width": 640},
        {"preview_paths": 96},
        {"geometry_steps": 1200},
        {"light_steps": 800},
    ],
    ids=str,
)
def test_whatever_costs_more_is_estimated_higher(changes: dict[str, int]) -> None:
    default = estimate(LightGridSettings(), 765, None)
    found = estimate(dataclasses.replace(LightGridSettings(), **changes), 765, None)
    assert found.seconds > default.seconds
    for field in dataclasses.fields(Estimate):
        assert getattr(found, field.name) >= getattr(default, field.name)


@pytest.mark.parametrize("probes", [765, 5000])
def test_presets_cost_what_they_promise(probes: int) -> None:
    draft, medium, final = (
        estimate(LightGridSettings.from_dict(values), probes, None).seconds for values in PRESETS.values()
    )
    assert 2.3 < medium / draft < 4.0
    assert 2.3 < final / medium < 4.0
