# SPDX-FileCopyrightText: 2026 Neural Bake developers
#
# SPDX-License-Identifier: GPL-3.0-or-later

"""Bakes at work: queue, monitor, and the way back into the scene."""

from __future__ import annotations


def register() -> None:
    pass


def unregister() -> None:
    pass
