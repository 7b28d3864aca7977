# SPDX-FileCopyrightText: 2026 Neural Bake developers
#
# SPDX-License-Identifier: GPL-3.0-or-later

"""Neural Bake: neural light baking for Blender.

In the extension's zip ``core`` and ``bake_workers`` are children of this package, in a checkout its neighbours: then
the package's path is extended to find them. Either way the add-on's modules write ``from .core... import``.
"""

from __future__ import annotations

from pathlib import Path

_here = Path(__file__).resolve().parent
if not (_here / "core").is_dir():
    __path__.append(str(_here.parent))

from . import (  # noqa: E402
    cli,
    engine_setup,
    jobs,
    live,
    operators,
    overlay,
    panels,
    preferences,
    properties,
    relight_animation,
    staleness,
    status_bar,
    viewport,
)

modules = (
    preferences,
    properties,
    engine_setup,
    jobs,
    operators,
    staleness,
    live,
    relight_animation,
    viewport,  # before the overlay, whose probes are drawn over it
    overlay,
    panels,
    status_bar,
    cli,
)


def register() -> None:
    for module in modules:
        module.register()


def unregister() -> None:
    for module in reversed(modules):
        module.unregister()
