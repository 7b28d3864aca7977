# SPDX-FileCopyrightText: 2026 Neural Bake developers
#
# SPDX-License-Identifier: GPL-3.0-or-later

"""What this machine's last bake cost, for the estimate of the next."""

from __future__ import annotations


def register() -> None:
    pass


def unregister() -> None:
    pass
