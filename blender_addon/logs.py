# SPDX-FileCopyrightText: 2026 Neural Bake developers
#
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the processes of a bake have printed, as a text of the .blend."""

from __future__ import annotations

from pathlib import Path

import bpy

from . import job_folders
from .core.errors import NeuralBakeError

TEXT = "Neural Bake Log"
MOST_CHARACTERS = 1_000_000


def load(context: bpy.types.Context, job: str = "") -> bpy.types.Text:
    """Put a job's logs into the text "Neural Bake Log".

    Args:
        job: name of the job's folder; empty takes the newest job that failed, else the newest.

    Raises:
        NeuralBakeError: there is no such job.
    """
    stored = job_folders.read_all(context)
    if job:
        stored = [one for one in stored if one.id == job]
    if not stored:
        what = f"There is no bake {job}" if job else "Nothing was baked yet"
        raise NeuralBakeError("no_job", f"{what}, so there is no log.", "Logs of older bakes are removed.")
    failed = [one for one in stored if one.state == "FAILED"]
    chosen = (failed or stored)[-1]
    parts = [f"{chosen.kind} of {chosen.scene_name} in {chosen.blend or 'an unsaved file'}: {chosen.state.lower()}"]
    if chosen.message:
        parts.append(chosen.message)
    for path in sorted(chosen.folder.glob("*.log"), key=lambda path: path.stat().st_mtime):
        parts.append(f"\n---- {path} ----\n{_tail(path)}")
    text = bpy.data.texts.get(TEXT) or bpy.data.texts.new(TEXT)
    text.from_string("\n".join(parts) + "\n")
    text.cursor_set(0)
    return text


def _tail(path: Path) -> str:
    """The end of a file, where the reason of a failure stands."""
    content = path.read_text("utf-8", "replace")
    return content if len(content) <= MOST_CHARACTERS else "(...)\n" + content[-MOST_CHARACTERS:]


def show(context: bpy.types.Context, text: bpy.types.Text) -> bool:
    """Show a text in a Text Editor that is open, else in a new window; False where Blender has no window."""
    windows = context.window_manager.windows
    if bpy.app.background or not windows:
        return False
    area = next((area for window in windows for area in window.screen.areas if area.type == 'TEXT_EDITOR'), None)
    if area is None:
        with context.temp_override(window=context.window or windows[0]):
            bpy.ops.wm.window_new()
        area = windows[-1].screen.areas[0]
        area.type = 'TEXT_EDITOR'
    space = area.spaces.active
    space.text = text
    space.show_word_wrap, space.show_syntax_highlight = True, False
    space.top = 0
    return True
