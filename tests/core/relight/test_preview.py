# SPDX-FileCopyrightText: 2026 Neural Bake developers
#
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from pathlib import Path

import numpy as np
import OpenEXR
import pytest
from PIL import Image

from core import colour
from core.relight import preview
from core.relight.preview import Shot, compared, error_map, strip
from core.relight.tone import Tone


def shot(own: float, rival: float, size: tuple[int, int] = (20, 30)) -> Shot:
    """Tone-mapped: the reference is 0.5, the results are off by these."""
    reference = np.full((*size, 3), 0.5**2.2, np.float32)
    results = {"ours": 0.5 + own, "nearest": 0.5 + rival, "ptm": 0.5 + 2.0 * rival}
    pictures = {name: np.full_like(reference, value**2.2) for name, value in results.items()}
    return Shot(reference, pictures, Tone(0.0, 1.0))


def test_errors_and_the_best_rival() -> None:
    assert shot(0.05, -0.1).errors() == pytest.approx({"ours": 0.1, "nearest": 0.2, "ptm": 0.4}, rel=1e-5)
    assert compared([shot(0.05, 0.1), shot(0.05, 0.2)], "nearest") == ("ours", "nearest")
    alone = shot(0.05, 0.1)
    alone = Shot(alone.reference, {"ptm": alone.results["ptm"]}, alone.tone)
    assert compared([alone], "ptm") == ("ptm", None)


def test_the_error_map_by_hand() -> None:
    """Tone-mapped reference 1 and 1 (root mean square 1), errors 0 and half of the range in one of three colours."""
    reference = np.ones((1, 2, 3), np.float32)
    result = reference.copy()
    result[0, 1, 1] = (1.0 + 0.5 * preview.ERROR_RANGE * np.sqrt(3.0)) ** 2.2
    expected = colour.heat_map(np.array([[0.0, 0.5]]))
    found = error_map(result, reference, Tone(0.0, 1.0))
    np.testing.assert_allclose(found.astype(int), expected.astype(int), atol=1)
    assert found.dtype == np.uint8


def test_a_strip_has_labels_with_errors_and_one_exposure() -> None:
    panels = strip(shot(0.05, -0.1), "ours", "nearest")
    labels = [label for label, _ in panels]
    assert labels == [
        "reference",
        "Neural Bake 10.0 %",
        "nearest picture 20.0 %",
        "error, black 0, yellow 25%",
        "its error",
    ]
    shown = [int(image[5, 5, 0]) for _, image in panels]
    assert shown[2] < shown[0] < shown[1]
    # the reference's 95th percentile is shown as 0.8
    assert shown[0] == round(255.0 * float(colour.srgb_from_linear(np.array(0.8))))
    assert len(strip(shot(0.05, -0.1), "ours", None)) == 3


def test_wide_pictures_are_shrunk_to_their_mean() -> None:
    wide = shot(0.05, 0.1, (40, 900))
    wide.reference[:, 1::3] = 0.0
    panels = strip(wide, "ours", "nearest")
    assert {image.shape for _, image in panels} == {(13, 300, 3)}
    assert np.ptp(panels[0][1]) == 0


def test_files_of_an_artifact(tmp_path: Path) -> None:
    shots = [shot(own, 0.2) for own in (0.3, 0.01, 0.05)]
    paths = preview.write(tmp_path, shots, "ours")
    names = {"preview.png", "comparison.png", "reference.png", "error.png", "reference.exr", "relit.exr"}
    assert {path.name for path in paths} == names == {path.name for path in tmp_path.iterdir()}
    sizes = {name: Image.open(tmp_path / name).size for name in names if name.endswith(".png")}
    assert sizes == {
        "preview.png": (150, 38), "comparison.png": (150, 3 * 38), "reference.png": (30, 20), "error.png": (30, 20)
    }  # fmt: skip
    # the typical light is the one with the median error
    with OpenEXR.File(str(tmp_path / "relit.exr")) as file:
        np.testing.assert_allclose(file.channels()["RGB"].pixels, 0.55**2.2, rtol=1e-5)
