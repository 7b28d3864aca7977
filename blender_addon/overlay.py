# SPDX-FileCopyrightText: 2026 Neural Bake developers
#
# SPDX-License-Identifier: GPL-3.0-or-later

"""Probes in the viewport."""

from __future__ import annotations


def register() -> None:
    pass


def unregister() -> None:
    pass
