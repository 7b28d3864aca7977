# SPDX-FileCopyrightText: 2026 Neural Bake developers
#
# SPDX-License-Identifier: GPL-3.0-or-later

"""Relight datasets in closed form: a table z = 0 with a post's shadow, seen from above, lit by one lamp."""

from __future__ import annotations

import numpy as np

from core.relight.dataset import LightSet, RelightData, Visibility

SIZE = 24
SPAN = 2.0
POST = np.array([0.3, 0.1, 0.4])
"""Centre and height of a floating disc that casts the shadow."""
RADIUS = 0.25


def table() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Positions, normals and albedo (H, W, 3) of the table, a checkerboard of two colours."""
    x, y = np.meshgrid(np.linspace(-1, 1, SIZE), np.linspace(1, -1, SIZE))
    position = np.stack([SPAN / 2 * x, SPAN / 2 * y, np.zeros_like(x)], axis=-1)
    normal = np.broadcast_to([0.0, 0.0, 1.0], position.shape)
    is_dark = ((np.floor(3 * x) + np.floor(3 * y)) % 2 == 0)[..., None]
    return position, normal, np.where(is_dark, [0.2, 0.3, 0.1], [0.8, 0.6, 0.7])


def lit(light: np.ndarray) -> np.ndarray:
    """1 or 0 (H, W): whether a table's point sees a lamp above the disc past it."""
    position = table()[0]
    share = POST[2] / light[2]
    crossing = position + share * (light - position)
    return (np.linalg.norm(crossing[..., :2] - POST[:2], axis=-1) > RADIUS).astype(float)


def picture(light: np.ndarray, bounce: float = 0.02) -> np.ndarray:
    """(H, W, 3): inverse square, cosine, shadow, and a smooth rest that fades with the lamp's distance."""
    position, normal, albedo = table()
    offset = light - position
    distance = np.linalg.norm(offset, axis=-1)
    irradiance = lit(light) * np.maximum(np.sum(offset * normal, axis=-1), 0.0) / distance**3
    return (albedo * (irradiance[..., None] + bounce / (1.0 + light[2]))).astype(np.float32)


def places(count: int, seed: int) -> np.ndarray:
    """Lamps (N, 3) in a box over the table."""
    return np.random.default_rng(seed).uniform([-0.8, -0.8, 0.9], [0.8, 0.8, 1.6], (count, 3)).astype(np.float32)


def light_set(lights: np.ndarray, lamp: int = 0, power: float = 1.0) -> LightSet:
    images = np.stack([power * picture(light) for light in lights])
    return LightSet(images.astype(np.float32), lights, np.zeros_like(lights), np.full(len(lights), lamp, np.int32))


def joined(*sets: LightSet) -> LightSet:
    return LightSet(
        *(np.concatenate([getattr(one, name) for one in sets]) for name in ("images", "lights", "aims", "lamp"))
    )


def visibility(lights: np.ndarray, lamp: int = 0) -> Visibility:
    values = np.stack([255.0 * lit(light) for light in lights]).astype(np.uint8)
    return Visibility(lights, np.zeros_like(lights), np.full(len(lights), lamp, np.int32), values)


def lamp(name: str = "Lamp") -> dict:
    return {"name": name, "type": "POINT", "light": "position", "energy": 10.0, "color": [1.0, 1.0, 1.0]}


def data(train: int = 24, report: int = 4, traced: int = 200) -> RelightData:
    """One lamp, with the table's geometry and traced shadows."""
    position, normal, albedo = (array.astype(np.float32) for array in table())
    buffers = {"albedo": albedo, "normal": normal, "position": position, "coverage": np.ones((SIZE, SIZE), np.float32)}
    camera = {
        "name": "Camera",
        "width": SIZE,
        "height": SIZE,
        "position": [0.0, 0.0, 5.0],
        "matrix": np.eye(4).tolist(),
    }
    report_set = light_set(places(report, 1))
    return RelightData(
        (lamp(),),
        light_set(places(train, 0)),
        report_set,
        report_set.images.copy(),
        None,
        buffers,
        visibility(places(traced, 2)) if traced else None,
        camera,
        {"notes": ["from a closed form"], "scene_hash": "0"},
    )
