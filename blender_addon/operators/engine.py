# SPDX-FileCopyrightText: 2026 Neural Bake developers
#
# SPDX-License-Identifier: GPL-3.0-or-later

"""Operators about the engine, its logs and its cache."""

from __future__ import annotations


def register() -> None:
    pass


def unregister() -> None:
    pass
