# SPDX-FileCopyrightText: 2026 Neural Bake developers
#
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whether a scene has any light at all."""

from __future__ import annotations

import bpy
from core.errors import NeuralBakeError

from .scene import OpenScene


def require_light(opened: OpenScene) -> None:
    """Refuse a scene in which everything would be black.

    Raises:
        NeuralBakeError: no lamp, no emissive material and no light from the world.
    """
