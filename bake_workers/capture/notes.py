# SPDX-FileCopyrightText: 2026 Neural Bake developers
#
# SPDX-License-Identifier: GPL-3.0-or-later

"""Sentences for the report about what in the scene may surprise."""

from __future__ import annotations

from .scene import OpenScene


def scene_notes(opened: OpenScene) -> list[str]:
    """Sentences on what a measurement cannot see as a render would."""
    return []
