# SPDX-FileCopyrightText: 2026 Neural Bake developers
#
# SPDX-License-Identifier: GPL-3.0-or-later

"""The tab in the 3D View's sidebar."""

from __future__ import annotations


def register() -> None:
    pass


def unregister() -> None:
    pass
