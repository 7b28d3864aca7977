# SPDX-FileCopyrightText: 2026 Neural Bake developers
#
# SPDX-License-Identifier: GPL-3.0-or-later

"""Preview images: sizes, orientation, units, and what lies outside the surfaces."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import OpenEXR
import pytest
from PIL import Image

from core.light_grid import preview
from core.light_grid.dataset import Samples, View, load_dataset
from core.light_grid.evaluation import LightGrid
from core.light_grid.training import train_dataset
from tests.core.light_grid import builders

WIDTH, HEIGHT = 12, 9
GRID = builders.box(half=(1.0, 1.0, 1.0), resolution=(2, 2, 4))
# Bright above, dim below, between pi and 3 pi; linear, so that any grid holds it.
SKY = builders.Scene(lambda points, normals: builders.grey(math.pi * (2.0 + points[:, 2])))


def png(path: Path) -> np.ndarray:
    with Image.open(path) as file:
        return np.asarray(file.convert("RGB")).astype(int)


def exr(path: Path) -> np.ndarray:
    with OpenEXR.File(str(path)) as file:
        return file.channels()["RGB"].pixels


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The previews that a whole training writes."""
    folder = tmp_path_factory.mktemp("preview")
    dataset = builders.write_dataset(
        folder / "dataset", SKY, (GRID,), camera=(WIDTH, HEIGHT), geometry_steps=3, light_steps=3
    )
    (folder / "result").mkdir()
    train_dataset(dataset, folder / "result", {}, lambda *told: None, lambda path: None)
    return folder / "result"


@pytest.mark.parametrize("name", ["preview.png", "reference.png", "error.png"])
def test_sizes(folder: Path, name: str) -> None:
    assert png(folder / name).shape == (HEIGHT, WIDTH, 3)


@pytest.mark.parametrize("name", ["preview", "reference"])
def test_row_zero_is_on_top(folder: Path, name: str) -> None:
    radiance = exr(folder / f"{name}.exr").mean(axis=(1, 2))
    assert (np.diff(radiance) <= 1e-3).all() and radiance[0] > 1.5 * radiance[-1]
    shown = png(folder / f"{name}.png")
    assert shown[: HEIGHT // 2].mean() > shown[HEIGHT // 2 + 1 :].mean() + 2.0


def test_exr_holds_radiance_as_measured(folder: Path) -> None:
    """E / pi = 2 + z at the centres of the pixels' rows, whose z falls from 8/9 to -8/9."""
    expected = 2.0 + (1.0 - 2.0 * (np.arange(HEIGHT) + 0.5) / HEIGHT)
    reference = exr(folder / "reference.exr")
    assert reference.shape == (HEIGHT, WIDTH, 3) and reference.dtype == np.float32
    np.testing.assert_allclose(reference, np.broadcast_to(expected[:, None, None], reference.shape), rtol=1e-5)
    # The grid itself is clamped in the outer half of its border cells.
    middle = slice(2, HEIGHT - 2)
    np.testing.assert_allclose(exr(folder / "preview.exr")[middle], reference[middle], rtol=0.05)


def test_error_map_is_dark_where_the_grid_is_right(folder: Path) -> None:
    error = png(folder / "error.png")
    assert error[HEIGHT // 2].sum(axis=1).max() < 100


def test_comparison_shows_everything(folder: Path) -> None:
    sheet = png(folder / "comparison.png")
    columns = 3 if json.loads((folder / "manifest.json").read_text())["metrics"]["kept"] != "trilinear" else 2
    assert sheet.shape == (2 * (HEIGHT + 18), columns * WIDTH, 3)
    np.testing.assert_array_equal(sheet[18 : 18 + HEIGHT, :WIDTH], png(folder / "preview.png"))
    np.testing.assert_array_equal(sheet[18 : 18 + HEIGHT, WIDTH : 2 * WIDTH], png(folder / "reference.png"))
    np.testing.assert_array_equal(sheet[-HEIGHT:, :WIDTH], png(folder / "error.png"))


@pytest.mark.parametrize(("stored", "expected"), [(1.0, [255, 255, 0]), (30.0, [0, 0, 0])])
def test_leaks_have_a_colour_of_their_own(tmp_path: Path, stored: float, expected: list[int]) -> None:
    """Where both grids are far too bright both colours are there; where they are too dark, neither."""
    pixels = np.arange(WIDTH * HEIGHT, dtype=np.int32)
    sheet = png(painted(tmp_path, pixels, np.full(len(pixels), stored), 10.0) / "comparison.png")
    assert (sheet[-HEIGHT:, WIDTH : 2 * WIDTH] == expected).all()


def painted(tmp_path: Path, pixels: np.ndarray, stored: np.ndarray, light: float, kept: str = "ours") -> Path:
    """Previews of a floor of which only ``pixels`` are seen, measured as ``stored`` (M,) and baked as ``light``."""
    rows, columns = np.divmod(pixels, WIDTH)
    positions = np.stack([columns, -rows, np.zeros_like(rows)], axis=-1).astype(np.float32)
    normals = np.tile(np.array([0.0, 0.0, 1.0], np.float32), (len(pixels), 1))
    values = builders.grey(stored).astype(np.float32)
    view = View(WIDTH, HEIGHT, pixels, positions, normals, Samples(positions, normals, values, values, values))
    baked = builders.baked(GRID, "trilinear", sh=builders.constant_sh(GRID.count, light))
    grids = {kept: LightGrid([baked], {}), "trilinear": LightGrid([baked], {})}
    for path in preview.write(tmp_path, view, grids, kept):
        assert path.is_file() and path.parent == tmp_path
    return tmp_path


def test_pixels_without_a_surface(tmp_path: Path) -> None:
    """Only the second row is seen: the rest is background in pictures, and zero in radiance."""
    pixels = np.arange(WIDTH, 2 * WIDTH, dtype=np.int32)
    folder = painted(tmp_path, pixels, np.full(WIDTH, math.pi), math.pi)
    seen = np.zeros((HEIGHT, WIDTH), bool)
    seen[1] = True
    for name in ("preview", "reference"):
        np.testing.assert_allclose(exr(folder / f"{name}.exr"), seen[..., None].repeat(3, axis=2), rtol=1e-5)
        image = png(folder / f"{name}.png")
        assert (image[~seen] == 30).all() and (image[seen] > 200).all()
    assert (png(folder / "error.png")[~seen] == 30).all()


def test_error_map_shows_its_range(tmp_path: Path) -> None:
    """Half as much again as the reference plus a tenth of its mean, and more, is the brightest colour."""
    pixels = np.arange(WIDTH * HEIGHT, dtype=np.int32)
    right = painted(tmp_path, pixels, np.full(len(pixels), 2.0), 2.0)
    assert (png(right / "error.png") == [0, 0, 5]).all()
    wrong = painted(tmp_path, pixels, np.full(len(pixels), 2.0), 2.0 + 0.5 * 2.2)
    assert (png(wrong / "error.png") == [252, 255, 166]).all()


def test_reference_is_smoothed_for_the_eye_only(tmp_path: Path) -> None:
    pixels = np.arange(WIDTH * HEIGHT, dtype=np.int32)
    noisy = np.random.default_rng(1).uniform(0.5, 1.5, len(pixels)) * math.pi
    folder = painted(tmp_path, pixels, noisy, math.pi)
    reference = exr(folder / "reference.exr").reshape(-1, 3)
    np.testing.assert_allclose(reference[:, 0], noisy / math.pi, rtol=1e-5)
    shown = png(folder / "reference.png")
    assert shown.std() < 0.3 * np.std(255.0 * noisy / noisy.max())


def test_one_pixel(tmp_path: Path) -> None:
    ones = np.ones((1, 3), np.float32)
    view = View(1, 1, np.zeros(1, np.int32), ones, ones, Samples(*[ones] * 5))
    baked = builders.baked(GRID, "trilinear")
    preview.write(tmp_path, view, {"trilinear": LightGrid([baked], {})}, "trilinear")
    assert png(tmp_path / "preview.png").shape == (1, 1, 3)


def test_no_camera_no_preview(tmp_path: Path) -> None:
    dataset = builders.write_dataset(tmp_path / "dataset", SKY, (GRID,), geometry_steps=1, light_steps=1)
    assert load_dataset(dataset, "indirect").view() is None
    (tmp_path / "result").mkdir()
    shown = []
    manifest = train_dataset(dataset, tmp_path / "result", {}, lambda *told: None, shown.append)
    assert set(manifest["files"]) == {"weights.safetensors"} and shown == []
