# SPDX-FileCopyrightText: 2026 Neural Bake developers
#
# SPDX-License-Identifier: GPL-3.0-or-later

"""Presets: about quality only, every value a valid one, and in order."""

from __future__ import annotations

import pytest

from core.light_grid.settings import PRESETS, LightGridSettings

NOT_QUALITY = {"resolution", "spacing", "light", "seed", "train_device", "threads", "surface_fraction", "sh_window"}


def test_all_presets_set_the_same_settings() -> None:
    assert list(PRESETS) == ["draft", "medium", "final"]
    names = [list(values) for values in PRESETS.values()]
    assert names[0] == names[1] == names[2]
    assert not NOT_QUALITY & set(names[0])


@pytest.mark.parametrize("name", PRESETS)
def test_values_are_valid(name: str) -> None:
    settings = LightGridSettings.from_dict(PRESETS[name])
    assert {key: settings.to_dict()[key] for key in PRESETS[name]} == PRESETS[name]


def test_medium_is_the_default() -> None:
    assert LightGridSettings.from_dict(PRESETS["medium"]) == LightGridSettings()


def test_a_better_preset_never_measures_less() -> None:
    draft, medium, final = PRESETS.values()
    for name in medium:
        assert draft[name] <= medium[name] <= final[name], name
