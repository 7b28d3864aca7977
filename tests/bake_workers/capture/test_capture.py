# SPDX-FileCopyrightText: 2026 Neural Bake developers
#
# SPDX-License-Identifier: GPL-3.0-or-later

"""The whole capture of a small scene: what the dataset holds, and how it is resumed."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import bpy
import numpy as np
import pytest
from PIL import Image

from bake_workers import protocol
from bake_workers.capture import capture
from bake_workers.capture.geometry import collect
from bake_workers.capture.light_grid import fingerprint_of
from core import colour
from core.light_grid.dataset import LightGridDataset, load_dataset
from core.light_grid.settings import LightGridSettings
from tests import support
from tests.bake_workers.capture import builders

SETTINGS = {
    "samples_per_probe": 64, "sample_paths": 30, "report_paths": 60, "choose_points": 150, "report_points": 200,
    "probe_directions": 12, "probe_paths": 30, "probe_rays": 128, "preview_width": 24, "preview_paths": 6, "threads": 2,
}  # fmt: skip
SEALED = (("Inside.bright", (-1.0, 0.0, 1.0)), ("Inside.dark", (1.0, 0.2, 1.0)))


def write_scene(path: Path) -> Path:
    """Two sealed rooms that share a sheet of a wall at x = 0; the lamp is on the side of negative x."""
    scene = builders.empty_scene()
    scene.cycles.max_bounces = scene.cycles.diffuse_bounces = 4
    builders.box("Room", (-2, -1, 0), (2, 1, 2), builders.diffuse(0.7), inward=True)
    builders.box("Wall", (0.0, -1.2, -0.2), (0.001, 1.2, 2.2), builders.diffuse(0.7))
    builders.box("Table", (-1.5, -0.4, 0.5), (-0.9, 0.4, 0.6), builders.diffuse(0.5))
    builders.lamp('POINT', (-0.8, 0.3, 1.7), energy=50.0, shadow_soft_size=0.1)
    builders.probe_volume("Volume", (0.0, 0.0, 1.0), (2.05, 1.05, 1.05), (6, 3, 3))
    for name, place in SEALED:
        builders.add(name, None, place)
    scene.camera = builders.add("Camera", bpy.data.cameras.new("Camera"), (-0.2, 0.0, 1.0))
    scene.camera.rotation_euler = (1.4, 0.0, 1.6)
    scene.render.resolution_x, scene.render.resolution_y = 300, 200
    bpy.ops.wm.save_as_mainfile(filepath=str(path), check_existing=False)
    return path


@pytest.fixture(scope="module")
def blend(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_scene(tmp_path_factory.mktemp("scene") / "rooms.blend")


def run(job: Path, blend: Path, **changes: object) -> LightGridDataset:
    """Capture in this process; ``changes`` are settings, or keys of the job."""
    job.mkdir(exist_ok=True)
    settings = {**SETTINGS, **{key: value for key, value in changes.items() if key != "inside"}}
    description = protocol.new_job(
        kind="light_grid", settings=settings, source="rooms.blend", inside=changes.get("inside", ())
    )
    protocol.write_json(job / "job.json", description)
    capture(job, blend, protocol.Events(job / protocol.EVENTS, "capture"))
    return load_dataset(job / "dataset", settings.get("light", "indirect"))


@pytest.fixture(scope="module")
def captured(blend: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A job folder with a finished dataset; tests must not write to it."""
    job = tmp_path_factory.mktemp("job") / "job"
    before = blend.read_bytes()
    run(job, blend)
    assert blend.read_bytes() == before
    return job


def contents(job: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted((job / "dataset").iterdir())}


def test_no_light_gets_into_the_sealed_dark_room(captured: Path) -> None:
    dataset = load_dataset(captured / "dataset", "indirect")
    for name, points in (("train", "train"), ("choose", "choose"), ("report_a", "report"), ("report_b", "report")):
        samples = dataset.samples(name, points)
        dark = samples.positions[:, 0] > 0.0005
        assert 0.3 < dark.mean() < 0.6
        for light in (samples.stored, samples.total) if points == "report" else (samples.stored,):
            np.testing.assert_array_equal(light[dark], 0.0)
            assert (light[~dark].mean(axis=1) > 0.0).mean() > 0.99
        assert samples.stored.min() >= 0.0 and np.isfinite(samples.stored).all()


def test_sets_are_disjoint_and_of_the_asked_sizes(captured: Path) -> None:
    plan = load_dataset(captured / "dataset", "total").dataset.plan
    sets = [plan[f"{name}_positions"] for name in ("train", "choose", "report")]
    assert len(sets[1]) == 150 and len(sets[2]) == 200
    assert 0.6 * 64 * 54 < len(sets[0]) <= 64 * 54
    together = np.concatenate(sets)
    assert len(np.unique(together, axis=0)) == len(together)
    for name in ("train", "choose", "report"):
        assert plan[f"{name}_surface"].dtype == np.uint8
        assert plan[f"{name}_surface"].mean() == pytest.approx(0.5, abs=0.06)


def test_halves_of_the_report_differ_by_noise_alone(captured: Path) -> None:
    dataset = load_dataset(captured / "dataset", "total")
    one, two = dataset.samples("report_a", "report"), dataset.samples("report_b", "report")
    bright = one.positions[:, 0] < 0.0
    difference = (one.total - two.total)[bright].mean(axis=1)
    assert (difference != 0.0).mean() > 0.95
    assert abs(difference.mean()) < 4.0 * difference.std() / np.sqrt(len(difference))
    assert difference.std() < 0.3 * one.total[bright].mean()


def test_probes(captured: Path) -> None:
    dataset = load_dataset(captured / "dataset", "indirect")
    plan, probes = dataset.dataset.plan, dataset.probes()
    np.testing.assert_allclose(plan["probe_positions"], dataset.grids[0][0].probe_positions(), atol=1e-5)
    assert probes.irradiance.shape == (54, 12, 3) and probes.ray_distances.shape == (54, 128)
    dark = plan["probe_positions"][:, 0] > 0.0
    np.testing.assert_array_equal(probes.irradiance[dark], 0.0)
    assert probes.reached.all() and probes.valid.all()
    lit = probes.irradiance[~dark].mean(axis=(1, 2))
    assert (lit > 0.0).all()
    # a probe's shards are cut anywhere, but its values stay its own: those that look up at the lamp see most
    nearest = np.abs(plan["probe_positions"] - (-0.8, 0.3, 1.7)).sum(axis=1).argmin()
    assert probes.irradiance[nearest].max() == probes.irradiance.max()


def test_view(captured: Path) -> None:
    view = load_dataset(captured / "dataset", "total").view()
    assert (view.width, view.height) == (24, 16) and len(view.pixels) == 24 * 16
    assert (view.samples.total.mean(axis=1) > 0.0).mean() > 0.95


def test_record(captured: Path) -> None:
    info = json.loads((captured / "dataset" / "dataset.json").read_text())
    assert info["blender"] == bpy.app.version_string and info["unit_scale"] == 1.0 and info["source"] == "rooms.blend"
    assert info["settings"]["samples_per_probe"] == 64 and info["settings"]["light"] == "indirect"
    meter = info["meter"]
    assert meter["use_adaptive_sampling"] is False and meter["film_exposure"] == 1.0 and meter["use_denoising"] is False
    assert meter["sample_clamp_direct"] == meter["sample_clamp_indirect"] == 0.0 and meter["diffuse_bounces"] == 4
    assert [entry["set"] for entry in info["shards"]] == ["train", "probe", "choose", "report_a", "report_b", "view"]
    assert len({entry["seed"] for entry in info["shards"]}) == 6
    events = [json.loads(line) for line in (captured / protocol.EVENTS).read_text().splitlines()]
    assert events[-1]["done"] == events[-1]["total"] == 6
    # The camera's view is measured first, and shown at once.
    order = [event["text"].partition("/")[0] if event["type"] == "progress" else event["type"] for event in events]
    assert order[order.index("view 1") :][:4] == ["view 1", "preview", "train 1", "probe 1"]


def test_the_first_picture_is_the_measured_light(captured: Path) -> None:
    view = load_dataset(captured / "dataset", "total").view()
    expected = colour.display(view.samples.total / np.pi, colour.exposure_for(view.samples.total / np.pi))
    with Image.open(captured / protocol.PREVIEW) as picture:
        pixels = np.asarray(picture.convert("RGB"))
    assert pixels.shape == (view.height, view.width, 3)
    assert np.abs(pixels.reshape(-1, 3)[view.pixels].astype(int) - expected).max() <= 1


def test_two_runs_are_identical_and_another_seed_is_not(captured: Path, blend: Path, tmp_path: Path) -> None:
    run(tmp_path / "again", blend)
    assert contents(tmp_path / "again") == contents(captured)
    other = run(tmp_path / "other", blend, seed=1).dataset.plan
    assert not np.array_equal(
        other["choose_positions"], load_dataset(captured / "dataset", "total").dataset.plan["choose_positions"]
    )


def test_resume_keeps_what_verifies_and_measures_the_rest_again(captured: Path, blend: Path, tmp_path: Path) -> None:
    job = tmp_path / "job"
    shutil.copytree(captured, job)
    shards = sorted((job / "dataset").glob("shard-*"))
    before = contents(job)
    old = 1_000_000_000
    for path in (job / "dataset").iterdir():
        os.utime(path, (old, old))
    shards[0].unlink()
    shards[2].write_bytes(before[shards[2].name][:-40])
    damaged = bytearray(before[shards[3].name])
    damaged[-5] ^= 1
    shards[3].write_bytes(damaged)
    (job / "dataset" / "shard-00004.safetensors.partial").write_bytes(b"half")
    run(job, blend)
    (job / "dataset" / "shard-00004.safetensors.partial").unlink()
    assert contents(job) == before
    redone = {path.name for path in (job / "dataset").iterdir() if path.stat().st_mtime > old + 1}
    assert redone == {shards[0].name, shards[2].name, shards[3].name}


def test_training_settings_keep_the_measurements_and_others_do_not(captured: Path, blend: Path, tmp_path: Path) -> None:
    job = tmp_path / "job"
    shutil.copytree(captured, job)
    before = contents(job)
    run(job, blend, light_steps=7, threads=1)
    after = contents(job)
    assert json.loads(after["dataset.json"])["settings"]["light_steps"] == 7
    assert {key: value for key, value in after.items() if key != "dataset.json"} == {
        key: value for key, value in before.items() if key != "dataset.json"
    }
    run(job, blend, choose_points=100)
    assert contents(job)["plan.safetensors"] != before["plan.safetensors"]


def test_direct_light_is_measured_where_it_is_needed(captured: Path, blend: Path, tmp_path: Path) -> None:
    """A grid of all light needs it everywhere, one of indirect light where dark points are told and for the picture;
    the indirect light is the same, to the last bit."""
    total = run(tmp_path / "total", blend, light="total").dataset
    indirect = load_dataset(captured / "dataset", "indirect").dataset
    for name in ("train", "probe", "choose", "report_a", "report_b", "view"):
        assert set(total.measured(name)) == {"direct", "indirect"}
        found = indirect.measured(name)
        assert set(found) == ({"direct", "indirect"} if name in ("report_a", "report_b", "view") else {"indirect"})
        for part, values in found.items():
            np.testing.assert_array_equal(values, total.measured(name)[part])


def test_the_fingerprint_sees_evaluated_geometry_camera_and_seeds() -> None:
    """A vertex weight is nothing that the scene's digest sees, yet it moves a vertex here."""
    scene = builders.empty_scene()
    plate = builders.plate("Plate", 1.0, 0.0)
    plate.vertex_groups.new(name="Lift").add([0, 1, 2, 3], 0.5, 'REPLACE')
    modifier = plate.modifiers.new("Displace", 'DISPLACE')
    modifier.vertex_group, modifier.direction = "Lift", 'Z'
    scene.camera = builders.add("Camera", bpy.data.cameras.new("Camera"))
    volume = builders.volume((-1, -1, -1), (1, 1, 1))

    def fingerprint(marker: tuple = (0.0, 0.0, 0.5), **settings: object) -> str:
        opened = builders.opened()
        geometry = collect(opened, *volume.bounds())
        return fingerprint_of(opened, LightGridSettings(**settings), [volume], np.array([marker]), geometry)

    first = fingerprint()
    assert first == fingerprint(light_steps=7, threads=3)
    assert first != fingerprint(light="total")
    assert first != fingerprint(seed=1) and first != fingerprint(marker=(0.0, 0.0, 0.6))
    plate.vertex_groups["Lift"].add([0], 1.0, 'REPLACE')
    second = fingerprint()
    assert first != second
    scene.camera.location.x = 1.0
    assert fingerprint() != second


def test_without_a_marker_in_it_the_dark_room_is_left_out(blend: Path, tmp_path: Path) -> None:
    dataset = run(tmp_path / "job", blend, inside=("Inside.bright",), preview_width=0)
    plan = dataset.dataset.plan
    for name in ("train", "choose", "report"):
        assert (plan[f"{name}_positions"][:, 0] < 0.0).all()
    np.testing.assert_array_equal(plan["probe_reached"] == 1, plan["probe_positions"][:, 0] < 0.0)
    assert dataset.view() is None and "Only 47 %" in dataset.info["notes"][0]


def process(job: Path, blend: Path, **values: object) -> tuple[int, list[dict]]:
    """Run the process itself; returns its exit code and its events."""
    job.mkdir(exist_ok=True)
    protocol.write_json(
        job / "job.json", {**protocol.new_job(kind="light_grid", settings=SETTINGS, source=""), **values}
    )
    words = [sys.executable, "-P", "-m", "bake_workers.capture", str(job), "--blend", str(blend)]
    result = subprocess.run(
        words, env=support.environment(), stdin=subprocess.DEVNULL, capture_output=True, timeout=120, check=False
    )
    return result.returncode, [json.loads(line) for line in (job / protocol.EVENTS).read_text().splitlines()]


def test_the_process(blend: Path, captured: Path, tmp_path: Path) -> None:
    code, events = process(tmp_path / "job", blend, source="rooms.blend")
    assert code == 0 and events[-1]["text"] == "measured"
    assert contents(tmp_path / "job") == contents(captured)


@pytest.mark.parametrize(
    "code, values", [("unknown_name", {"scene": "Nobody"}), ("bad_setting", {"settings": {"seed": -1}})]
)
def test_bad_input_is_one_sentence(code: str, values: dict, blend: Path, tmp_path: Path) -> None:
    returned, events = process(tmp_path / "job", blend, **values)
    assert returned == 2 and events[-1]["type"] == "error" and events[-1]["code"] == code
    assert events[-1]["message"].endswith(".") and not (tmp_path / "job" / "dataset").exists()


def test_a_missing_file_is_one_sentence(tmp_path: Path) -> None:
    returned, events = process(tmp_path / "job", tmp_path / "absent.blend")
    assert returned == 2 and events[-1]["code"] == "missing_blend" and "absent.blend" in events[-1]["message"]
