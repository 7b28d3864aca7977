# SPDX-FileCopyrightText: 2026 Neural Bake developers
#
# SPDX-License-Identifier: GPL-3.0-or-later

"""Image files, read back by the libraries that others use."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import OpenEXR
from PIL import Image

from core import images


def test_png_round_trip(tmp_path: Path) -> None:
    image = np.random.default_rng(1).integers(0, 256, (5, 7, 3), np.uint8)
    image[0], image[-1] = (255, 0, 0), (0, 0, 255)
    images.write_png(tmp_path / "a.png", image)
    with Image.open(tmp_path / "a.png") as file:
        assert file.mode == "RGB" and file.size == (7, 5)
        assert file.getpixel((0, 0)) == (255, 0, 0)  # Pillow counts from the top
        np.testing.assert_array_equal(np.asarray(file), image)


def test_exr_round_trip(tmp_path: Path) -> None:
    image = np.random.default_rng(2).normal(0.0, 1e3, (5, 7, 3)).astype(np.float32)
    image[0, 0] = (1e-30, -2.5, 65504.0 * 4)  # no half float
    images.write_exr(tmp_path / "a.exr", image)
    with OpenEXR.File(str(tmp_path / "a.exr")) as file:
        pixels = file.channels()["RGB"].pixels
        assert pixels.dtype == np.float32
        np.testing.assert_array_equal(pixels, image)
        low, high = file.header()["dataWindow"]
        assert tuple(low) == (0, 0) and tuple(high) == (6, 4)


def test_exr_of_a_view_into_another_array(tmp_path: Path) -> None:
    image = np.arange(60, dtype=np.float64).reshape(4, 5, 3)[::-1]
    images.write_exr(tmp_path / "a.exr", image)
    with OpenEXR.File(str(tmp_path / "a.exr")) as file:
        np.testing.assert_array_equal(file.channels()["RGB"].pixels, image)


def test_contact_sheet() -> None:
    panels = [(name, np.full((24, 36, 3), level, np.uint8)) for name, level in (("a", 50), ("b", 100), ("c", 200))]
    sheet = images.contact_sheet(panels, columns=2)
    bar = 18
    assert sheet.shape == (2 * (24 + bar), 2 * 36, 3) and sheet.dtype == np.uint8
    assert (sheet[bar : bar + 24, :36] == 50).all()
    assert (sheet[bar : bar + 24, 36:] == 100).all()
    assert (sheet[2 * bar + 24 :, :36] == 200).all()
    assert sheet[:bar, :36].max() > 150, "the label is missing"
    assert (sheet[2 * bar + 24 :, 36:] == 24).all(), "a panel that is not there"


def test_contact_sheet_of_one() -> None:
    panel = np.random.default_rng(3).integers(0, 256, (240, 320, 3), np.uint8)
    sheet = images.contact_sheet([("only", panel)], columns=1)
    assert sheet.shape == (260, 320, 3)
    np.testing.assert_array_equal(sheet[20:], panel)
