# SPDX-FileCopyrightText: 2026 Neural Bake developers
#
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is drawn: nothing here decides anything."""

from __future__ import annotations

from . import object_data, pictures, relight, render, view3d, volume_list

modules = (pictures, volume_list, view3d, relight, render, object_data)


def register() -> None:
    for module in modules:
        module.register()


def unregister() -> None:
    for module in reversed(modules):
        module.unregister()
