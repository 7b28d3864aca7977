# SPDX-FileCopyrightText: 2026 Neural Bake developers
#
# SPDX-License-Identifier: GPL-3.0-or-later

"""Settings: every bad value is refused with a sentence, every good one survives a round trip."""

from __future__ import annotations

import dataclasses
import json
import math
import re
import typing

import pytest

from core.errors import NeuralBakeError
from core.light_grid.settings import LightGridSettings
from core.settings import Settings, setting


@dataclasses.dataclass(frozen=True)
class Example(Settings):
    """One field of every type."""

    whole: int = setting(3, "A whole number", low=1, high=9)
    free: int = setting(0, "Any whole number")
    real: float = setting(0.5, "A number", low=0.0, high=2.0)
    flag: bool = setting(False, "A flag")
    word: str = setting("red", "A word", choices=("red", "green"))
    triple: tuple[int, int, int] | None = setting(None, "Three numbers", low=1, high=256)
    maybe: float | None = setting(None, "A number or nothing", low=0.1)


@pytest.mark.parametrize(
    ("text", "name", "value"),
    [
        ("whole=9", "whole", 9),
        (" whole = 1 ", "whole", 1),
        ("free=-12", "free", -12),
        ("real=2", "real", 2.0),
        ("real=1e-3", "real", 0.001),
        ("flag=true", "flag", True),
        ("flag=Yes", "flag", True),
        ("flag=1", "flag", True),
        ("flag=0", "flag", False),
        ("flag=FALSE", "flag", False),
        ("word=green", "word", "green"),
        ("triple=16,12,4", "triple", (16, 12, 4)),
        ("triple= 1, 2, 3", "triple", (1, 2, 3)),
        ("triple=", "triple", None),
        ("maybe=", "maybe", None),
        ("maybe=0.1", "maybe", 0.1),
    ],
)
def test_texts(text: str, name: str, value: object) -> None:
    settings = Example.from_texts([text])
    assert getattr(settings, name) == value
    assert type(getattr(settings, name)) is type(value)
    assert dataclasses.replace(settings, **{name: getattr(Example(), name)}) == Example()


BAD_TEXTS = """
whole= whole=0 whole=10 whole=2.5 whole=x whole=1e1 whole=nan
real= real=nan real=inf real=-inf real=-0.1 real=2.0001 real=1,5 real=0x1
flag= flag=maybe flag=2 word= word=blue word=Red
triple=4 triple=1,2 triple=1,2,3,4 triple=1,2,0 triple=1,2,257 triple=1,2,x triple=1.5,2,3 triple=1;2;3 triple=,,
maybe=0 maybe=none maybe=inf
"""


@pytest.mark.parametrize(
    "text", [*BAD_TEXTS.split(), "free=" + "9" * 400, "free=" + "9" * 5000], ids=lambda text: text[:20]
)
def test_bad_texts(text: str) -> None:
    with pytest.raises(NeuralBakeError) as caught:
        Example.from_texts([text])
    name = text.partition("=")[0]
    assert caught.value.code == "bad_setting"
    assert re.match(rf"Setting {name} cannot be .*: it is .*\.$", caught.value.message, re.S)


BAD_JSON = {
    "whole": [None, 2.5, math.inf, math.nan, [3], {}, True],
    "real": [None, math.inf, [0.5], 10**400, True],
    "flag": [None, 2, []],
    "word": [None, 3, ["red"]],
    "triple": [
        4,
        True,
        [1, 2],
        [1, 2, 3.5],
        [1, 2, None],
        [1, 2, math.inf],
        [[1], 2, 3],
        [1, 2, 10**400],
        [True, 2, 3],
    ],
    "maybe": ["x", -1, math.nan],
}


@pytest.mark.parametrize(
    "values",
    [{name: value} for name, values in BAD_JSON.items() for value in values],
    ids=lambda values: str(values)[:40],
)
def test_bad_json(values: dict) -> None:
    with pytest.raises(NeuralBakeError) as caught:
        Example.from_dict(values)
    assert caught.value.code == "bad_setting"
    assert next(iter(values)) in caught.value.message


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({"whole": 4.0}, Example(whole=4)),
        ({"real": 1}, Example(real=1.0)),
        ({"flag": True}, Example(flag=True)),
        ({"triple": [1, 2, 3]}, Example(triple=(1, 2, 3))),
        ({"triple": (4, 5, 6)}, Example(triple=(4, 5, 6))),
        ({"triple": None, "maybe": None}, Example()),
        ({}, Example()),
    ],
)
def test_json(values: dict, expected: Example) -> None:
    assert Example.from_dict(values) == expected


def test_sentences_name_the_limits() -> None:
    for text, sentence in {
        "whole=0": "Setting whole cannot be '0': it is a whole number, at least 1 and at most 9.",
        "free=x": "Setting free cannot be 'x': it is a whole number.",
        "real=x": "Setting real cannot be 'x': it is a number, at least 0 and at most 2.",
        "flag=x": "Setting flag cannot be 'x': it is true or false.",
        "word=x": "Setting word cannot be 'x': it is one of red, green.",
        "triple=x": "Setting triple cannot be 'x': it is 3 whole numbers such as 16,12,4, at least 1 and at most 256.",
        "maybe=x": "Setting maybe cannot be 'x': it is a number, at least 0.1.",
    }.items():
        with pytest.raises(NeuralBakeError) as caught:
            Example.from_texts([text])
        assert caught.value.message == sentence


def test_unknown_key_names_the_known_ones() -> None:
    with pytest.raises(NeuralBakeError) as caught:
        Example.from_texts(["whole=2", "colour=red"])
    assert caught.value.code == "unknown_setting"
    assert "colour" in caught.value.message and "triple" in caught.value.hint


def test_a_text_without_equals_sign() -> None:
    with pytest.raises(NeuralBakeError, match="key=value"):
        Example.from_texts(["whole"])


def test_dashes_stand_for_underscores() -> None:
    assert LightGridSettings.from_texts(["light-steps=7"]).light_steps == 7


def test_round_trip_through_json() -> None:
    for settings in (
        Example(),
        Example(whole=9, free=-3, real=0.1, flag=True, word="green", triple=(1, 2, 3), maybe=0.30000000000000004),
        LightGridSettings(),
        LightGridSettings(resolution=(16, 12, 4), spacing=0.8, light="total", seed=2**31 - 1),
    ):
        assert type(settings).from_dict(json.loads(json.dumps(settings.to_dict(), allow_nan=False))) == settings


def test_settings_cannot_be_changed() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        Example().whole = 4


@pytest.mark.parametrize("field", dataclasses.fields(LightGridSettings), ids=lambda field: field.name)
def test_light_grid_settings_are_documented(field: dataclasses.Field) -> None:
    text, low, high, choices = (field.metadata[key] for key in ("text", "low", "high", "choices"))
    assert len(text) > 10 and text[0].isupper() and not text.endswith(".")
    hint = typing.get_type_hints(LightGridSettings)[field.name]
    if hint is str:
        assert field.default in choices
    else:
        assert low is not None
        assert field.default is None or low <= field.default <= (high if high is not None else float("inf"))
    # The default as JSON is a value like any other.
    value = LightGridSettings().to_dict()[field.name]
    assert LightGridSettings.from_dict({field.name: value}) == LightGridSettings()


def test_light_grid_choices() -> None:
    for text in ("light=direct", "train_device=gpu", "seed=-1", "resolution=16,12", "spacing=0", "threads=-1"):
        with pytest.raises(NeuralBakeError):
            LightGridSettings.from_texts([text])
