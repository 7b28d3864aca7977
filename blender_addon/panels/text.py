# SPDX-FileCopyrightText: 2026 Neural Bake developers
#
# SPDX-License-Identifier: GPL-3.0-or-later

"""Numbers and sentences as they stand in a narrow panel."""

from __future__ import annotations

import time
from collections.abc import Callable


def wrap(text: str, fits: Callable[[str], bool]) -> list[str]:
    """Break a text into lines at its spaces; a word that is longer than a line, such as a path, is cut.

    Args:
        fits: whether a line has room.
    """
    lines: list[str] = []
    line = ""
    for word in text.split():
        longer = f"{line} {word}" if line else word
        if fits(longer):
            line = longer
            continue
        if line:
            lines.append(line)
        while not fits(word) and len(word) > 1:
            length = next((n for n in range(len(word) - 1, 0, -1) if fits(word[:n])), 1)
            lines.append(word[:length])
            word = word[length:]
        line = word
    return [*lines, line] if line else lines


def duration(seconds: float) -> str:
    """``40 s``, ``4 min`` or ``2 h 10 min``: no more digits than an estimate is worth."""
    if seconds < 55.0:
        return f"{max(5, 5 * round(seconds / 5.0))} s"
    minutes = max(1, round(seconds / 60.0))
    if minutes < 60:
        return f"{minutes} min"
    hours, minutes = divmod(5 * round(minutes / 5), 60)
    return f"{hours} h {minutes} min" if minutes else f"{hours} h"


def memory(size: float) -> str:
    """Bytes as ``0.6 GB``."""
    return f"{max(0.1, size / 2**30):.1f} GB"


def estimate(parts: int, seconds: float, size: float, noun: str = "probe") -> str:
    """``1,848 probes · about 4 min · 0.6 GB``."""
    return f"{number(parts, noun)} · about {duration(seconds)} · {memory(size)}"


def number(count: int, noun: str) -> str:
    """``1 probe`` or ``1,848 probes``."""
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


def error(value: float | None) -> str:
    """A metric in four characters or five, or a dash where it has no value."""
    if value is None:
        return "–"
    return f"{value:.3f}" if abs(value) < 10.0 else f"{value:.4g}"


def moment(job: str) -> str:
    """When a job was begun, ``15:04`` or ``21 Nov``, from its id, which begins with that time; else the id itself."""
    try:
        begun = time.strptime(job[:15], "%Y%m%d-%H%M%S")
        return time.strftime("%H:%M" if job[:8] == time.strftime("%Y%m%d") else "%d %b", begun)
    except ValueError:
        return job
