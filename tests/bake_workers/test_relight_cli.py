# SPDX-FileCopyrightText: 2026 Neural Bake developers
#
# SPDX-License-Identifier: GPL-3.0-or-later

"""``bake`` and ``train`` of the kind relight by the command line."""

from __future__ import annotations

import json
import signal
from pathlib import Path

import numpy as np
import pytest

from core import artifact, images, relight
from tests import support

SMALL = {
    "lights": 6,
    "report_lights": 2,
    "visibility_lights": 8,
    "width": 32,
    "samples": 2,
    "report_samples": 2,
    "threads": 1,
}
HEIGHT, WIDTH, COUNT = 10, 12, 15


def words(**changes: object) -> list[str]:
    return [word for key, value in {**SMALL, **changes}.items() for word in ("--set", f"{key}={value}")]


def bake(scene: Path, out: Path, *more: object, **changes: object) -> list[str]:
    return ["bake", str(scene), "--kind", "relight", "--out", str(out), *words(**changes), *map(str, more)]


@pytest.fixture(scope="module")
def relit(tiny_scene: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished bake of the small scene; tests must not write to it."""
    out = tmp_path_factory.mktemp("relit") / "result"
    result = support.run(*bake(tiny_scene, out))
    assert result.returncode == 0, result.stdout + result.stderr
    assert "The result is in" in result.stdout and "Neural Bake" in result.stdout
    return out


def test_a_bake_gives_a_result_that_renders(relit: Path) -> None:
    manifest = artifact.read_manifest(relit, "relight")
    assert manifest["camera"]["name"] == "Camera" and manifest["lamps"][0]["name"] == "Lamp"
    assert manifest["metrics"]["report_lights"] == 2 and set(manifest["timings"]) >= {"capture", "training"}
    model = relight.load(relit)
    lights = np.array([manifest["lamps"][0]["domain"]["center"]]) + [[0.0, 0.0, 1.0]]
    image = model.render(lights)
    assert image.shape == (24, 32, 3) or image.shape == (manifest["height"], 32, 3)
    assert np.isfinite(image).all() and image.max() > 0.0


def test_training_again_from_the_dataset(relit: Path, tmp_path: Path) -> None:
    out = tmp_path / "again"
    result = support.run(
        "train", relit.with_name("result.job") / "dataset", "--kind", "relight", "--out", out, "--set", "threads=1"
    )
    assert result.returncode == 0, result.stdout + result.stderr
    assert (out / "weights.safetensors").read_bytes() == (relit / "weights.safetensors").read_bytes()


def test_a_cancelled_bake_goes_on_to_the_same_result(relit: Path, tiny_scene: Path, tmp_path: Path) -> None:
    out, job = tmp_path / "result", tmp_path / "result.job"
    process = support.Running(*bake(tiny_scene, out))
    process.wait_for(job, "capture", least=30)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=10)
    assert (process.returncode, errors) == (130, "cancelled. Go on with --resume.\n") and not out.exists()
    support.wait_until_gone(str(job), 2.0)
    kept = {path.name: path.stat().st_mtime_ns for path in (job / "dataset").glob("shard-*.safetensors")}
    assert kept
    result = support.run(*bake(tiny_scene, out, "--resume"))
    assert result.returncode == 0, result.stdout + result.stderr
    assert {name: (job / "dataset" / name).stat().st_mtime_ns for name in kept} == kept
    for path in sorted(relit.with_name("result.job").glob("dataset/*.safetensors")):
        assert (job / "dataset" / path.name).read_bytes() == path.read_bytes(), path.name
    assert (out / "weights.safetensors").read_bytes() == (relit / "weights.safetensors").read_bytes()


@pytest.mark.parametrize(
    ("more", "changes", "sentence"),
    [
        (["--volume", "Volume"], {}, "--volume, --bounds-object and --inside belong to light_grid"),
        (["--inside", "Camera"], {}, "--volume, --bounds-object and --inside belong to light_grid"),
        ([], {"lamps": "Moon"}, "There is no lamp Moon"),
        ([], {"lamps": "World"}, "The world gives no light"),
        ([], {"domain": "path"}, "A path needs a curve"),
        ([], {"domain": "moon"}, "one of auto, dome, box, path, keyframes"),
    ],
)
def test_refused_bakes_are_one_line_and_lose_nothing(
    tiny_scene: Path, tmp_path: Path, more: list[str], changes: dict, sentence: str
) -> None:
    out = tmp_path / "result"
    result = support.run(*bake(tiny_scene, out, *more, **changes))
    assert result.returncode == 2 and sentence in support.one_line(result)
    assert not out.exists()


def light_stage(folder: Path) -> tuple[np.ndarray, np.ndarray]:
    """Pictures (N, H, W, 3) of a diffuse ball under directions (N, 3), in a folder with a list."""
    folder.mkdir()
    across, down = np.meshgrid(np.linspace(-1.2, 1.2, WIDTH), np.linspace(-1.0, 1.0, HEIGHT))
    inside = across**2 + down**2 < 0.95
    normals = np.stack([across, -down, np.sqrt(np.maximum(1.0 - across**2 - down**2, 0.0))], axis=-1)
    lights = np.random.default_rng(0).normal(size=(COUNT, 3))
    lights[:, 2] = np.abs(lights[:, 2]) + 0.5
    lights /= np.linalg.norm(lights, axis=1, keepdims=True)
    shading = np.maximum(np.einsum("hwc,nc->nhw", normals, lights), 0.0) * inside
    pictures = (shading[..., None] * [0.8, 0.6, 0.4]).astype(np.float32)
    rows = []
    for index, (picture, light) in enumerate(zip(pictures, lights, strict=True)):
        images.write_exr(folder / f"{index:02d}.exr", picture)
        rows.append({"file": f"{index:02d}.exr", **dict(zip("xyz", light.tolist(), strict=True))})
    (folder / "lights.json").write_text(json.dumps(rows))
    return pictures, lights


def train(path: Path, out: Path, *more: object) -> list[str]:
    return ["train", str(path), "--kind", "relight", "--out", str(out), "--set", "threads=1", *map(str, more)]


def test_training_from_pictures_and_a_bad_one_among_them(tmp_path: Path) -> None:
    pictures, lights = light_stage(tmp_path / "stage")
    out = tmp_path / "result"
    result = support.run(*train(tmp_path / "stage", out))
    assert result.returncode == 0, result.stdout + result.stderr
    manifest = artifact.read_manifest(out, "relight")
    assert manifest["metrics"]["report_lights"] == 3 and manifest["camera"] is None
    image = relight.load(out).render(lights[:1])
    assert np.abs(image - pictures[0]).mean() < 0.1 * pictures[0].mean()
    before = support.snapshot(out)
    bad = pictures[4].copy()
    bad[2, 3] = np.nan
    images.write_exr(tmp_path / "stage" / "04.exr", bad)
    result = support.run(*train(tmp_path / "stage", out))
    assert result.returncode == 2 and "04.exr is not finite in 1 of 120 pixels" in support.one_line(result)
    assert support.snapshot(out) == before, "the earlier result still stands"


def test_what_cannot_be_trained_from(tmp_path: Path) -> None:
    result = support.run(*train(tmp_path / "none", tmp_path / "out"))
    assert result.returncode == 2 and "There is no" in support.one_line(result)
    (tmp_path / "empty").mkdir()
    result = support.run(*train(tmp_path / "empty", tmp_path / "out"))
    assert result.returncode == 2 and "neither a dataset nor pictures" in support.one_line(result)
    assert not (tmp_path / "out").exists()
