# SPDX-FileCopyrightText: 2026 Neural Bake developers
#
# SPDX-License-Identifier: GPL-3.0-or-later

"""The whole capture for relighting: what the dataset holds, how it is resumed, and what is refused."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import bpy
import numpy as np
import pytest
from PIL import Image

from bake_workers import protocol
from bake_workers.capture import capture, main
from bake_workers.capture.relight import Darkness, relight_notes, require_camera
from bake_workers.capture.relight_lamps import Lamp
from core.errors import NeuralBakeError
from core.relight import dataset
from core.relight.dataset import RelightData
from tests import support
from tests.bake_workers.capture import builders

SETTINGS = {
    "lamps": "Key", "lights": 5, "report_lights": 2, "visibility_lights": 18, "width": 48, "samples": 2,
    "report_samples": 4, "threads": 2,
}  # fmt: skip


def build() -> bpy.types.Scene:
    """A floor with a cube under a warm point lamp and a faint sun."""
    scene = builders.empty_scene()
    scene.cycles.max_bounces = 2
    builders.plate("Floor", 3.0, 0.0, builders.diffuse(0.6))
    builders.box("Cube", (-0.4, -0.4, 0.0), (0.4, 0.4, 0.8), builders.diffuse(0.4))
    key = builders.lamp('POINT', (1.0, -1.0, 3.0), energy=80.0, color=(1.0, 0.5, 0.2), shadow_soft_size=0.05)
    key.name = "Key"
    builders.lamp('SUN', (0.0, 0.0, 5.0), energy=0.2)
    scene.camera = builders.add("Camera", bpy.data.cameras.new("Camera"), (0.0, -5.0, 4.0))
    scene.camera.rotation_euler = (0.9, 0.0, 0.0)
    scene.render.resolution_x, scene.render.resolution_y = 400, 300
    return scene


def save(path: Path) -> Path:
    bpy.ops.wm.save_as_mainfile(filepath=str(path), check_existing=False)
    return path


@pytest.fixture(scope="module")
def blend(tmp_path_factory: pytest.TempPathFactory) -> Path:
    build()
    return save(tmp_path_factory.mktemp("scene") / "stage.blend")


def run(job: Path, blend: Path, **changes: object) -> RelightData:
    """Capture in this process; ``changes`` are settings."""
    prepare(job, **changes)
    capture(job, blend, protocol.Events(job / protocol.EVENTS, "capture"))
    return dataset.read(job / "dataset")


def prepare(job: Path, **changes: object) -> None:
    job.mkdir(exist_ok=True)
    description = protocol.new_job(kind="relight", settings={**SETTINGS, **changes}, source="stage.blend")
    protocol.write_json(job / "job.json", description)


@pytest.fixture(scope="module")
def captured(blend: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A job folder with a finished dataset; tests must not write to it."""
    job = tmp_path_factory.mktemp("job") / "job"
    before = blend.read_bytes()
    run(job, blend)
    assert blend.read_bytes() == before
    return job


def contents(job: Path) -> dict[str, bytes]:
    """Every file of the dataset, and of its description what no clock has written."""
    files = support.snapshot(job / "dataset")
    info = json.loads(files.pop("dataset.json"))
    info.pop("seconds", None)
    return {**files, "dataset.json": json.dumps(info).encode()}


def test_what_the_dataset_holds(captured: Path) -> None:
    data = dataset.read(captured / "dataset")
    assert data.train.images.shape == (5, 36, 48, 3) and data.report.images.shape == (2, 36, 48, 3)
    assert data.visibility.values.shape == (18, 36, 48) and data.base.shape == (36, 48, 3)
    assert all(np.isfinite(images).all() and images.max() > 0.0 for images in (data.train.images, data.base))
    # white, though the lamp is warm
    means = data.report.images.mean(axis=(0, 1, 2))
    np.testing.assert_allclose(means, means[0], rtol=1e-4)
    lamp = data.lamps[0]
    assert lamp["name"] == "Key" and lamp["energy"] == pytest.approx(80.0)
    assert lamp["color"] == pytest.approx([1.0, 0.5, 0.2]) and lamp["domain"]["type"] == "dome"
    steps = data.train.lights - lamp["domain"]["center"]
    np.testing.assert_allclose(np.linalg.norm(steps, axis=1), lamp["domain"]["radius"], rtol=1e-5)
    assert not data.train.aims.any(), "a point lamp has no aim"
    assert not np.array_equal(data.report_b, data.report.images), "the halves are independent"
    assert (data.camera["name"], data.camera["width"], data.camera["height"]) == ("Camera", 48, 36)
    assert data.info["cycles"]["use_adaptive_sampling"] is False
    assert data.info["seconds"].keys() == {"base", "buffers", "train", "report_a", "report_b", "visibility"}


def test_a_lamp_lower_down_lights_the_floor_as_the_buffers_say(captured: Path) -> None:
    """Where a traced shadow lies, the floor's picture is darker than by the closed form alone."""
    data = dataset.read(captured / "dataset")
    flat = (data.buffers["normal"][..., 2] > 0.99) & (data.buffers["position"][..., 2] < 0.01)
    flat &= data.buffers["coverage"] > 0.99
    for light, image in zip(data.train.lights, data.train.images, strict=True):
        steps = light - data.buffers["position"]
        expected = 0.6 / np.pi * 80.0 / (4.0 * np.pi) * steps[..., 2] / np.linalg.norm(steps, axis=2) ** 3
        ratio = image[flat].mean(axis=1) / expected[flat]
        assert 0.9 < np.median(ratio) < 1.3, "most of the floor is lit, and the cube adds a little"


def test_progress_and_first_look(captured: Path) -> None:
    events = support.read_events(captured)
    progress = [event for event in events if event["type"] == "progress"]
    assert [event["text"] for event in progress[-2:]] == ["visibility 2/2", "measured"]
    assert progress[-1]["done"] == progress[-1]["total"]
    parts = [event["done"] / event["total"] for event in progress]
    assert parts == sorted(parts)
    first_look = next(index for index, event in enumerate(events) if event["type"] == "preview")
    before = [event["text"] for event in events[:first_look] if event["type"] == "progress"]
    assert before[-1] == "train 1/5", "as soon as the first picture exists"
    assert np.asarray(Image.open(captured / "preview.png")).shape[:2] == (36, 48)


def test_the_same_seed_gives_the_same_bytes_and_another_does_not(blend: Path, captured: Path, tmp_path: Path) -> None:
    run(tmp_path / "again", blend)
    assert contents(tmp_path / "again") == contents(captured)
    other = run(tmp_path / "other", blend, seed=1)
    data = dataset.read(captured / "dataset")
    assert not np.array_equal(other.train.lights, data.train.lights)


def test_a_resumed_capture_is_the_same_and_measures_only_what_is_missing(
    blend: Path, captured: Path, tmp_path: Path
) -> None:
    job = tmp_path / "job"
    shutil.copytree(captured, job)
    gone = [entry["file"] for entry in json.loads((job / "dataset" / "dataset.json").read_text())["shards"]][1::3]
    for name in gone:
        (job / "dataset" / name).unlink()
    left = sorted((job / "dataset").glob("shard-*"))
    damaged = left[0]
    damaged.write_bytes(damaged.read_bytes()[:-8])
    times = {path.name: path.stat().st_mtime_ns for path in left if path != damaged}
    run(job, blend)
    assert contents(job) == contents(captured)
    assert {name: (job / "dataset" / name).stat().st_mtime_ns for name in times} == times


def test_other_settings_begin_over_and_training_s_do_not(blend: Path, captured: Path, tmp_path: Path) -> None:
    job = tmp_path / "job"
    shutil.copytree(captured, job)
    before = contents(job)
    run(job, blend, size=1.0)
    after = contents(job)
    assert json.loads(after.pop("dataset.json"))["settings"]["size"] == 1.0
    before.pop("dataset.json")
    assert after == before
    run(job, blend, samples=3)
    assert contents(job)["plan.safetensors"] == before["plan.safetensors"]
    assert contents(job)["shard-00003.safetensors"] != before["shard-00003.safetensors"]


def test_several_lamps_and_no_visibility(blend: Path, tmp_path: Path) -> None:
    """Each lamp has its own pictures; nothing else shines, so there is no base."""
    data = run(tmp_path / "job", blend, lamps="Key,SUN", visibility_lights=0, lights=2, report_lights=1)
    assert data.train.lamp.tolist() == [0, 0, 1, 1] and data.report.lamp.tolist() == [0, 1]
    assert data.visibility is None and data.base is None
    assert [lamp["light"] for lamp in data.lamps] == ["position", "direction"]
    np.testing.assert_allclose(np.linalg.norm(data.train.lights[2:], axis=1), 1.0, rtol=1e-6)
    alone = run(tmp_path / "alone", blend, visibility_lights=0, lights=2, report_lights=1)
    np.testing.assert_array_equal(alone.train.lights, data.train.lights[:2])


def test_a_spot_aims_at_the_middle(tmp_path: Path) -> None:
    build()
    key = bpy.data.objects["Key"]
    key.data.type = 'SPOT'
    data = run(tmp_path / "job", save(tmp_path / "spot.blend"), visibility_lights=2)
    center = np.array(data.lamps[0]["domain"]["center"])
    steps = data.train.lights - center
    np.testing.assert_allclose(data.train.aims, -steps / np.linalg.norm(steps, axis=1, keepdims=True), atol=1e-5)
    assert data.train.images.reshape(5, -1).max(axis=1).min() > 0.0
    assert data.lamps[0]["spot"]["angle"] > 0.0


def no_camera() -> None:
    bpy.context.scene.camera = None


def panorama() -> None:
    bpy.context.scene.camera.data.type = 'PANO'


def hidden() -> None:
    bpy.data.objects["Key"].hide_render = True


def dark() -> None:
    bpy.data.objects["Key"].data.energy = 0.0


def buried() -> None:
    """The lamp's domain lies under the floor."""
    box = builders.add("Cellar", None, (0.0, 0.0, -2.0))
    box.empty_display_type = 'CUBE'


REFUSALS = {
    no_camera: ({}, "The scene has no camera."),
    panorama: ({}, "is panoramic"),
    hidden: ({}, "is hidden in renders"),
    dark: ({}, "has a power of 0"),
    buried: ({"domain_object": "Cellar"}, "No lamp gives light to the picture"),
}


@pytest.mark.parametrize(("change", "expected"), REFUSALS.items(), ids=[change.__name__ for change in REFUSALS])
def test_refusals_are_one_sentence(change: object, expected: tuple[dict, str], tmp_path: Path) -> None:
    build()
    change()
    settings, sentence = expected
    with pytest.raises(NeuralBakeError) as caught:
        run(tmp_path / "job", save(tmp_path / "bad.blend"), **settings, visibility_lights=0, lights=2)
    assert sentence in caught.value.message and caught.value.exit_code == 2


def test_a_camera_of_another_file_keeps_no_result(tmp_path: Path) -> None:
    scene = builders.empty_scene()
    builders.add("Eye", bpy.data.cameras.new("Eye"))
    save(tmp_path / "library.blend")
    scene = build()
    with bpy.data.libraries.load(str(tmp_path / "library.blend"), link=True) as (_, into):
        into.objects = ["Eye"]
    scene.collection.objects.link(into.objects[0])
    scene.camera = into.objects[0]
    assert require_camera(builders.opened(), keep=False).name == "Eye"
    with pytest.raises(NeuralBakeError, match="Eye belongs to another file"):
        require_camera(builders.opened(), keep=True)


def test_notes_on_what_may_surprise() -> None:
    build()
    opened = builders.opened()
    key = bpy.data.objects["Key"]
    assert relight_notes(opened, [Lamp("Key", 'POINT', key)]) == []
    key.data.use_nodes = True
    key.data.node_tree.nodes.new("ShaderNodeTexIES")
    notes = relight_notes(opened, [Lamp("Key", 'POINT', key), Lamp("World", 'WORLD')])
    assert len(notes) == 2 and "background turns" in notes[0] and "Key" in notes[1]


def test_places_without_light_are_told() -> None:
    darkness = Darkness()
    darkness.add(np.concatenate([np.ones((6, 2, 2, 3)), np.full((2, 2, 2, 3), 1e-7)]), learned=True)
    darkness.add(np.ones((1, 2, 2, 3)), learned=False)
    assert darkness.notes() == ["From 2 of 8 places the picture stays black; the domain may reach into walls."]


def test_the_command_tells_by_events(blend: Path, tmp_path: Path) -> None:
    prepare(tmp_path / "job", lamps="Moon")
    assert main([str(tmp_path / "job"), "--blend", str(blend)]) == 2
    event = support.read_events(tmp_path / "job")[-1]
    assert (event["type"], event["code"]) == ("error", "unknown_lamp") and "There is no lamp Moon" in event["message"]


def test_capture_in_every_blender(blender: tuple[str, Path], tmp_path: Path) -> None:
    """Pictures, passes and shadows come the same way from each Blender's files."""
    version, python = blender
    scene = support.write_scene(tmp_path / "scene.blend", version=version)
    prepare(tmp_path / "job", lamps="Lamp", lights=1, report_lights=1, visibility_lights=1)
    code = "import sys; from bake_workers.capture import main; sys.exit(main(sys.argv[1:]))"
    result = support.run_python(python, "-c", code, tmp_path / "job", "--blend", scene)
    assert (tmp_path / "job" / "dataset").is_dir(), result.stdout + result.stderr
    data = dataset.read(tmp_path / "job" / "dataset")
    assert data.train.images.max() > 0.0 and data.base is None
    assert data.buffers["coverage"].min() > 0.99, "the camera is in a closed room"
    np.testing.assert_allclose(np.linalg.norm(data.buffers["normal"], axis=2), 1.0, atol=1e-3)
    assert (np.abs(data.buffers["position"]) <= [2.001, 1.501, 2.001]).all()
    np.testing.assert_allclose(data.buffers["albedo"], 0.75, atol=0.06)
