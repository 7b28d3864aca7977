# SPDX-FileCopyrightText: 2026 Neural Bake developers
#
# SPDX-License-Identifier: GPL-3.0-or-later

"""Light Probe Volumes: which ones a bake takes, and how they are placed."""

from __future__ import annotations


def register() -> None:
    pass


def unregister() -> None:
    pass
