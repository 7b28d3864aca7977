# SPDX-FileCopyrightText: 2026 Neural Bake developers
#
# SPDX-License-Identifier: GPL-3.0-or-later

"""The table at a bake's end."""

from __future__ import annotations

import pytest

from core.light_grid.report import LABELS, table


def entry(value: float, leak: float | None = 0.5, count: int = 12) -> dict:
    return {"nRMSE": value, "relMSE": value / 10.0, "SMAPE": value / 100.0, "leak": leak, "leak_points": count}


def manifest(kept: str = "ours", leak: float | None = 0.5, count: int = 12, **more: object) -> dict:
    methods = ("ours", "trilinear", "validity", "ddgi")
    return {
        "settings": {"light": "indirect"},
        "probes": 16,
        "metrics": {
            "held_out": {name: entry(1.0 + number, leak, count) for number, name in enumerate(methods)},
            "noise_floor": {"nRMSE": 0.25, "relMSE": 0.5, "SMAPE": 0.75},
            "report_points": 3000,
            "kept": kept,
        },
        **more,
    }


def line(text: str, label: str) -> str:
    found = [line for line in text.splitlines() if label in line and not line.startswith("* kept")]
    assert len(found) == 1
    return found[0]


def test_every_method_stands_in_a_row() -> None:
    text = table(manifest())
    for number, name in enumerate(("ours", "trilinear", "ddgi")):
        label = "  trilinear  " if name == "trilinear" else LABELS[name]
        value = 1.0 + number + (name == "ddgi")
        assert line(text, label).split()[-4:] == [f"{value / scale:.4f}" for scale in (1, 10, 100)] + ["0.5000"]
    assert line(text, LABELS["noise_floor"]).split()[-4:] == ["0.2500", "0.5000", "0.7500", "-"]
    assert "3000 held-out points" in text and "indirect light" in text and "16 probes" in text


@pytest.mark.parametrize("kept", ["ours", "trilinear", "validity", "ddgi"])
def test_the_kept_method_is_marked(kept: str) -> None:
    lines = table(manifest(kept)).splitlines()
    marked = [line for line in lines if line.startswith("* ")]
    assert len(marked) == 2
    assert marked[0].startswith(f"* {LABELS[kept]}") and marked[1].startswith(f"* kept: {LABELS[kept]}")
    assert any("did not beat" in line for line in lines) == (kept != "ours")


def test_leak_is_told_or_said_to_be_unknown() -> None:
    assert "12 points that should be dark" in table(manifest())
    text = table(manifest(leak=None, count=0))
    assert "not measured" in text
    assert line(text, LABELS["ours"]).split()[-1] == "-"


def test_notes_are_repeated() -> None:
    assert table(manifest(notes=["Lamp Key is linked."])).splitlines()[-1] == "note: Lamp Key is linked."


def test_columns_align() -> None:
    rows = [line for line in table(manifest()).splitlines()[1:7]]
    assert len({len(row) for row in rows}) == 1
