# SPDX-FileCopyrightText: 2026 Neural Bake developers
#
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the runner tells its user: progress bars in a terminal, plain lines in a log, JSON lines for a machine."""

from __future__ import annotations

import collections
import json
import shutil
import sys
import time
from typing import TextIO

STAGE_NAMES = {"capture": "Measuring light", "training": "Training", "saving": "Saving the scene"}
PLAIN_INTERVAL = 5.0
RATE_WINDOW = 60.0


class TimeLeft:
    """Estimates the seconds left from the pace of the last minute, so that parts that were skipped do not count."""

    def __init__(self) -> None:
        self._samples: collections.deque[tuple[float, float]] = collections.deque()
        self._total = 0

    def update(self, now: float, done: int, total: int) -> float | None:
        """Take a sample at ``now`` seconds; return the seconds left, or None while there is too little to go by."""
        if total != self._total or (self._samples and done < self._samples[-1][1]):
            self._samples.clear()  # another part of the stage with its own count
            self._total = total
        self._samples.append((now, done))
        while len(self._samples) > 2 and now - self._samples[0][0] > RATE_WINDOW:
            self._samples.popleft()
        start, first = self._samples[0]
        if now - start < 1.0 or done <= first:
            return None
        return (total - done) * (now - start) / (done - first)


class Output:
    """A text stream whose reader may go away (``| head``) without ending the bake."""

    def __init__(self, stream: TextIO) -> None:
        self.stream: TextIO | None = stream

    def write(self, text: str) -> None:
        if self.stream is None:
            return
        try:
            encoding = self.stream.encoding or "utf-8"
            self.stream.write(text.encode(encoding, "replace").decode(encoding))
            self.stream.flush()
        except BrokenPipeError:
            self.stream = None


class JsonLines:
    """Echoes every event as one JSON line."""

    def __init__(self, stream: TextIO = sys.stdout) -> None:
        self._output = Output(stream)

    def stage(self, name: str) -> None:
        self.event({"type": "stage", "stage": name, "time": round(time.time(), 3)})

    def event(self, event: dict) -> None:
        self._output.write(json.dumps(event) + "\n")

    def stage_done(self, seconds: float) -> None:
        """Nothing to say: the next stage or the end follows."""

    def tick(self) -> None:
        """Nothing to redraw."""

    def end(self) -> None:
        """Nothing is left open on a line."""


class Lines:
    """Writes progress for people: a bar that redraws itself in a terminal, else a line every few seconds."""

    def __init__(self, stream: TextIO = sys.stdout) -> None:
        self._output = Output(stream)
        self._bar = stream.isatty()
        self._name = ""
        self._progress: tuple[int, int, str] | None = None
        self._left = TimeLeft()
        self._ends_at: float | None = None
        self._printed = 0.0
        self._width = 0

    def stage(self, name: str) -> None:
        self._name = STAGE_NAMES.get(name, name)
        self._progress, self._left, self._ends_at = None, TimeLeft(), None
        self._printed = 0.0
        self.tick()

    def event(self, event: dict) -> None:
        if event.get("type") == "note":
            self._clear()
            self._output.write(f"note: {event.get('text', '')}\n")
        elif event.get("type") == "progress":
            now = time.monotonic()
            done, total = int(event.get("done", 0)), int(event.get("total", 0))
            self._progress = done, total, str(event.get("text", ""))
            left = self._left.update(now, done, total)
            self._ends_at = None if left is None else now + left

    def tick(self) -> None:
        """Redraw; called about ten times a second."""
        now = time.monotonic()
        if self._bar:
            columns = shutil.get_terminal_size().columns
            text = self._text(max(10, min(30, columns - 60)))[: columns - 1]
            self._output.write("\r" + text + " " * (self._width - len(text)))
            self._width = len(text)
        elif now - self._printed >= PLAIN_INTERVAL or not self._printed:
            self._printed = now
            self._output.write(self._text(0) + "\n")

    def stage_done(self, seconds: float) -> None:
        self._clear()
        self._output.write(f"{self._name}: done in {clock(seconds)}\n")
        self._name = ""

    def end(self) -> None:
        """Leave the terminal on a fresh line, whatever happened."""
        self._clear()

    def _clear(self) -> None:
        if self._bar and self._width:
            self._output.write("\r" + " " * self._width + "\r")
            self._width = 0

    def _text(self, width: int) -> str:
        if self._progress is None:
            return f"{self._name} ..."
        done, total, text = self._progress
        share = min(1.0, done / total) if total > 0 else 0.0
        bar = f" [{'#' * round(share * width):-<{width}}]" if width else ""
        left = "" if self._ends_at is None else f", {clock(max(0.0, self._ends_at - time.monotonic()))} left"
        return f"{self._name}{bar} {share:4.0%}{left}{'  ' + text if text else ''}"


def clock(seconds: float) -> str:
    """``0:07``, ``12:30`` or ``1:02:03``."""
    whole = round(seconds)
    hours, minutes = whole // 3600, whole // 60 % 60
    return f"{hours}:{minutes:02}:{whole % 60:02}" if hours else f"{minutes}:{whole % 60:02}"
