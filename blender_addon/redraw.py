# SPDX-FileCopyrightText: 2026 Neural Bake developers
#
# SPDX-License-Identifier: GPL-3.0-or-later

"""Redrawing what shows bakes and results, and nothing else."""

from __future__ import annotations

import bpy

REGIONS = {('VIEW_3D', 'UI'), ('PROPERTIES', 'WINDOW')}


def preferences(context: bpy.types.Context) -> None:
    """Draw the preferences again, wherever they are open."""
    for window in context.window_manager.windows:
        for area in window.screen.areas:
            if area.type == 'PREFERENCES':
                area.tag_redraw()


def panels(context: bpy.types.Context) -> None:
    """Draw the panels again; 3D Views themselves are left alone."""
    for window in context.window_manager.windows:
        for area in window.screen.areas:
            for region in area.regions:
                if (area.type, region.type) in REGIONS:
                    region.tag_redraw()


def bakes(context: bpy.types.Context) -> None:
    """Redraw what shows jobs, and not the 3D view itself."""
    panels(context)
    for window in context.window_manager.windows:
        if not window.modal_operators:
            # The status bar has no area to tag; setting no text redraws it with its own contents. A running operator
            # shows its keys there, which this would take away.
            window.workspace.status_text_set_internal(None)
