# SPDX-FileCopyrightText: 2026 Neural Bake developers
#
# SPDX-License-Identifier: GPL-3.0-or-later

"""Settings of the scene, made from the dataclasses of core."""

from __future__ import annotations


def register() -> None:
    pass


def unregister() -> None:
    pass
