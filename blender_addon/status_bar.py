# SPDX-FileCopyrightText: 2026 Neural Bake developers
#
# SPDX-License-Identifier: GPL-3.0-or-later

"""The running bake in the status bar, which is seen from every workspace."""

from __future__ import annotations

import bpy

from . import jobs


def draw(self: bpy.types.Header, _context: bpy.types.Context) -> None:
    job = jobs.active()
    if job is None:
        return
    row = self.layout.row(align=True)
    bar = row.row(align=True)
    bar.ui_units_x = 14
    bar.progress(factor=job.fraction, text=jobs.headline(job))
    row.operator("neural_bake.cancel", text="", icon='X').job = job.id


def register() -> None:
    bpy.types.STATUSBAR_HT_header.append(draw)


def unregister() -> None:
    bpy.types.STATUSBAR_HT_header.remove(draw)
