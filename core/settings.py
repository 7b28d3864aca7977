# SPDX-FileCopyrightText: 2026 Neural Bake developers
#
# SPDX-License-Identifier: GPL-3.0-or-later

"""One dataclass holds a kind's settings; this module derives everything else from it.

A field made by :func:`setting` carries its limits, unit and tooltip. From there come the ``--set key=value`` flags, the
JSON keys, and the add-on's properties.
"""

from __future__ import annotations

import dataclasses
import math
import types
import typing

from .errors import NeuralBakeError


def setting(
    default: object,
    text: str,
    *,
    unit: str = "",
    low: float | None = None,
    high: float | None = None,
    choices: tuple[str, ...] = (),
    start: object = None,
) -> typing.Any:
    """A dataclass field with its tooltip ``text`` (no full stop), ``unit``, and inclusive limits or ``choices``.

    Args:
        start: what a form shows first where the field is optional and nothing is set.
    """
    metadata = {"text": text, "unit": unit, "low": low, "high": high, "choices": choices, "start": start}
    return dataclasses.field(default=default, metadata=metadata)


class Settings:
    """Base of the kinds' settings: a frozen dataclass of bool, int, float, str and tuples of int (or None)."""

    @classmethod
    def from_texts(cls, pairs: typing.Iterable[str]) -> typing.Self:
        """Parse ``key=value`` texts as the command line gives them.

        Raises:
            NeuralBakeError: an unknown key, a value of the wrong type, or one outside its limits.
        """
        values = {}
        for pair in pairs:
            key, separator, text = pair.partition("=")
            key = key.strip().replace("-", "_")
            if not separator:
                raise NeuralBakeError("bad_setting", f"--set {pair}: a setting is written as key=value.")
            values[key] = text.strip()
        return cls.from_dict(values)

    @classmethod
    def from_dict(cls, values: dict[str, object]) -> typing.Self:
        """Build from JSON values or texts, with the same checks as :meth:`from_texts`."""
        fields = {field.name: field for field in dataclasses.fields(cls)}
        hints = typing.get_type_hints(cls)
        unknown = sorted(set(values) - set(fields))
        if unknown:
            raise NeuralBakeError(
                "unknown_setting", f"There is no setting {unknown[0]}.", f"Known settings: {', '.join(sorted(fields))}."
            )
        return cls(**{name: _convert(fields[name], hints[name], value) for name, value in values.items()})

    def to_dict(self) -> dict[str, object]:
        """Plain values for JSON."""
        return {
            name: list(value) if isinstance(value, tuple) else value for name, value in dataclasses.asdict(self).items()
        }


def _convert(field: dataclasses.Field, hint: object, value: object) -> object:
    """Turn a JSON value or a text into the field's type and check it against the field's limits."""
    options = typing.get_args(hint) if isinstance(hint, types.UnionType) else (hint,)
    if type(None) in options and (value is None or value == ""):
        return None
    kind = next(option for option in options if option is not type(None))
    problem = NeuralBakeError("bad_setting", f"Setting {field.name} cannot be {value!r}: {_expectation(field, kind)}.")
    try:
        if kind is bool:
            result: object = {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}[
                str(value).lower()
            ]
        elif typing.get_origin(kind) is tuple:
            parts = value.split(",") if isinstance(value, str) else list(value)
            if len(parts) != len(typing.get_args(kind)):
                raise problem
            result = tuple(_number(int, part) for part in parts)
        else:
            result = _number(kind, value) if kind in (int, float) else kind(value)
    except (ValueError, TypeError, KeyError, OverflowError) as error:
        raise problem from error
    low, high, choices = (field.metadata[key] for key in ("low", "high", "choices"))
    for number in result if isinstance(result, tuple) else (result,):
        if isinstance(number, (int, float)) and not isinstance(number, bool):
            if (low is not None and number < low) or (high is not None and number > high):
                raise problem
    if choices and result not in choices:
        raise problem
    return result


def _number(kind: type, value: object) -> int | float:
    """``value`` as an int or a finite float; ValueError, TypeError or OverflowError where that would change it."""
    result = kind(value)
    if isinstance(value, bool) or not math.isfinite(result) or (isinstance(value, float) and value != result):
        raise ValueError(value)
    return result


def _expectation(field: dataclasses.Field, kind: object) -> str:
    low, high, choices = (field.metadata[key] for key in ("low", "high", "choices"))
    if choices:
        return "it is one of " + ", ".join(choices)
    if kind is bool:
        return "it is true or false"
    if typing.get_origin(kind) is tuple:
        noun = f"{len(typing.get_args(kind))} whole numbers such as 16,12,4"
    else:
        noun = {int: "a whole number", float: "a number"}.get(kind, "a text")
    limits = " and ".join(
        text
        for text in (f"at least {low:g}" if low is not None else "", f"at most {high:g}" if high is not None else "")
        if text
    )
    return f"it is {noun}{', ' + limits if limits else ''}"
