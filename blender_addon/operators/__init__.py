# SPDX-FileCopyrightText: 2026 Neural Bake developers
#
# SPDX-License-Identifier: GPL-3.0-or-later

"""The add-on's operators, ``bpy.ops.neural_bake.*``."""

from __future__ import annotations

from . import bake, engine, engine_setup, export, probes, relight, results, viewport

modules = (probes, bake, relight, results, export, engine, engine_setup, viewport)


def register() -> None:
    for module in modules:
        module.register()


def unregister() -> None:
    for module in reversed(modules):
        module.unregister()
