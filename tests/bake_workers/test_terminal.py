# SPDX-FileCopyrightText: 2026 Neural Bake developers
#
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import io
import json
import os
import subprocess
import sys

import pytest

from bake_workers import terminal
from tests import support


@pytest.mark.parametrize(
    ("seconds", "text"), [(0, "0:00"), (7.4, "0:07"), (59.6, "1:00"), (750, "12:30"), (3723, "1:02:03")]
)
def test_clock(seconds: float, text: str) -> None:
    assert terminal.clock(seconds) == text


def test_time_left_follows_the_pace() -> None:
    left = terminal.TimeLeft()
    assert left.update(0.0, 0, 100) is None
    assert left.update(0.5, 5, 100) is None  # too early to say
    assert left.update(10.0, 20, 100) == pytest.approx(40.0)  # 80 parts at 2 a second


def test_parts_that_were_skipped_do_not_count() -> None:
    left = terminal.TimeLeft()
    left.update(0.0, 90, 100)  # a resumed bake begins here
    assert left.update(10.0, 91, 100) == pytest.approx(90.0)


def test_a_new_part_starts_anew() -> None:
    left = terminal.TimeLeft()
    left.update(0.0, 0, 10)
    left.update(10.0, 10, 10)
    assert left.update(11.0, 0, 1000) is None
    assert left.update(13.0, 10, 1000) == pytest.approx(198.0)


def test_an_old_pace_is_forgotten() -> None:
    left = terminal.TimeLeft()
    for second in range(100):
        left.update(float(second), second, 1000)
    for second in range(100, 200):
        seconds_left = left.update(float(second), 100, 1000)
    assert seconds_left is None  # nothing was done for a minute


def test_a_log_gets_few_lines_and_no_control_characters() -> None:
    stream = io.StringIO()
    lines = terminal.Lines(stream)
    lines.stage("capture")
    for done in range(1000):
        lines.event({"type": "progress", "stage": "capture", "done": done, "total": 1000, "text": "train"})
        lines.tick()
    lines.event({"type": "note", "text": "One lamp is linked."})
    lines.stage_done(12.0)
    lines.end()
    text = stream.getvalue()
    assert text.splitlines() == ["Measuring light ...", "note: One lamp is linked.", "Measuring light: done in 0:12"]
    assert "\r" not in text and "\x1b" not in text


def test_json_lines_are_passed_on_whole() -> None:
    stream = io.StringIO()
    lines = terminal.JsonLines(stream)
    event = {"type": "progress", "stage": "training", "done": 1, "total": 2, "text": "é"}
    lines.stage("training")
    lines.event(event)
    lines.tick()
    lines.end()
    first, second = (json.loads(line) for line in stream.getvalue().splitlines())
    assert (first["type"], first["stage"]) == ("stage", "training")
    assert second == event


@pytest.mark.skipif(os.name == "nt", reason="pseudo-terminals are POSIX")
def test_a_terminal_gets_one_bar_that_redraws_itself() -> None:
    code = """
import sys
from bake_workers import terminal
lines = terminal.Lines(sys.stdout)
lines.stage("training")
for done in (0, 50, 100):
    lines.event({"type": "progress", "stage": "training", "done": done, "total": 100, "text": "epoch"})
    lines.tick()
lines.stage_done(3.0)
"""
    import pty

    parent, child = pty.openpty()
    process = subprocess.Popen([sys.executable, "-c", code], stdout=child, env=support.environment(COLUMNS="100"))
    os.close(child)
    output = b""
    while True:
        try:
            output += os.read(parent, 4096)
        except OSError:  # Linux's way to say that the other end is closed
            break
    os.close(parent)
    assert process.wait(30) == 0
    text = output.decode()
    assert text.count("\n") == 1
    assert "\rTraining [###############---------------]  50%  epoch" in text
    assert text.endswith("\rTraining: done in 0:03\r\n")


def test_a_reader_that_goes_away_does_not_stop_the_bake() -> None:
    code = """
import sys
from bake_workers import terminal
lines = terminal.JsonLines(sys.stdout)
for n in range(20000):
    lines.event({"n": n})
print("finished", file=sys.stderr)
import os; os._exit(0)
"""
    process = subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=support.environment()
    )
    process.stdout.readline()
    process.stdout.close()
    assert process.stderr.read() == b"finished\n"
    process.stderr.close()
    assert process.wait(30) == 0
