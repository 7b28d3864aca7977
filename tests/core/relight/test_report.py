# SPDX-FileCopyrightText: 2026 Neural Bake developers
#
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest

from core.relight.report import LABELS, table


def manifest(kept: str = "ours", **metrics: object) -> dict:
    methods = [name for name in LABELS if name != "noise_floor"]
    held_out = {
        name: {"relative": 0.01 * number, "nRMSE": 0.02 * number, "PSNR": 40.0 - number, "seconds": None}
        for number, name in enumerate(methods, 1)
    }
    held_out["ours"] |= {"seconds": 12.34, "milliseconds": 9.87}
    entry = {"held_out": held_out, "kept": kept, "report_lights": 8, "noise_floor": {"relative": 0.005}, **metrics}
    return {"width": 480, "height": 270, "lamps": [{}], "metrics": entry, "notes": ["first", "second"]}


def row(text: str, name: str) -> list[str]:
    found = [line for line in text.splitlines() if line[2:].startswith(LABELS[name]) and "kept" not in line]
    assert len(found) == 1
    return found[0][2:].removeprefix(LABELS[name]).split()


def test_every_method_stands_in_a_row_beside_the_noise_floor() -> None:
    text = table(manifest())
    assert row(text, "ours") == ["0.0100", "0.0200", "39.0", "12.3", "9.9"]
    assert row(text, "rbf_thin_plate") == ["0.0600", "0.1200", "34.0", "-", "-"]
    assert row(text, "noise_floor") == ["0.0050", "-", "-", "-", "-"]
    assert text.startswith("Error under 8 held-out lights, 480x270\n")
    assert text.endswith("note: first\nnote: second")


@pytest.mark.parametrize("kept", ["ours", "rbf_thin_plate", "dense"])
def test_the_kept_method_is_marked_and_a_rival_is_named(kept: str) -> None:
    lines = table(manifest(kept)).splitlines()
    marked = [line for line in lines if line.startswith("* ")]
    assert [line.startswith(f"* {LABELS[kept]}") for line in marked] == [True, False]
    assert marked[1] == f"* kept: {LABELS[kept]}"
    assert any("did not beat" in line for line in lines) == (kept != "ours")


def test_a_rival_that_is_ahead_in_the_table_alone_is_explained() -> None:
    choose = {"ours": 0.02, "rbf_thin_plate": 0.03}
    assert "choice was made" not in table(manifest(choose=choose))
    ahead = manifest(choose=choose)
    ahead["metrics"]["held_out"]["rbf_thin_plate"]["relative"] = 0.009
    assert "other lights, left out in turns: 0.0200, thin-plate RBF 0.0300." in table(ahead)


def test_columns_are_aligned() -> None:
    lines = table(manifest()).splitlines()[1:-4]
    assert len(lines) == 10 and {len(line) for line in lines} == {len(lines[0])}


def test_without_held_out_lights_nothing_is_claimed() -> None:
    text = table(manifest(held_out={}, report_lights=0))
    assert text.startswith("No light was held out") and "* kept: Neural Bake" in text and "0.0" not in text


def test_several_lamps_are_counted() -> None:
    assert ", 2 lamps" in table({**manifest(), "lamps": [{}, {}]}).splitlines()[0]
