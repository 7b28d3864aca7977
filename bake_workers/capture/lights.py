# SPDX-FileCopyrightText: 2026 Neural Bake developers
#
# SPDX-License-Identifier: GPL-3.0-or-later

"""Refuses a scene in which everything would be black."""

from __future__ import annotations

from core.errors import NeuralBakeError

from .emission import object_shines, world_shines
from .scene import OpenScene


def require_light(opened: OpenScene) -> None:
    """Refuse a scene in which everything would be black.

    Raises:
        NeuralBakeError: no lamp, no emissive material and no light from the world.
    """
    if world_shines(opened.scene, opened.view_layer):
        return
    if any(object_shines(instance.object) for instance in opened.instances()):
        return
    raise NeuralBakeError(
        "no_light",
        "The scene has no light: no lamp, no emissive material, and a black world.",
        "Add a light that is visible in renders.",
    )
