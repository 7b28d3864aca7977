# SPDX-FileCopyrightText: 2026 Neural Bake developers
#
# SPDX-License-Identifier: GPL-3.0-or-later

import numpy as np

from core.relight import photometric


def sphere(count: int) -> np.ndarray:
    """Normals (3, P) of the visible half of a sphere, away from its rim."""
    x, y = np.random.default_rng(0).uniform(-0.6, 0.6, (2, count))
    return np.stack([x, y, np.sqrt(1.0 - x**2 - y**2)])


def dome(count: int) -> np.ndarray:
    z = np.linspace(0.35, 1.0, count)
    angle = 2.399963 * np.arange(count)
    radius = np.sqrt(1.0 - z**2)
    return np.stack([radius * np.cos(angle), radius * np.sin(angle), z], axis=1)


def test_normals_are_found_despite_attached_and_cast_shadows() -> None:
    truth, lights = sphere(200), dome(24)
    images = np.maximum(lights @ truth, 0.0)
    images[np.random.default_rng(1).random(images.shape) < 0.15] = 0.0  # cast shadows
    found = photometric.normals(np.repeat(images[:, None], 3, axis=1) * 0.3, lights)
    angle = np.degrees(np.arccos(np.clip((found * truth).sum(axis=0), -1.0, 1.0)))
    assert np.median(angle) < 0.5
    assert np.quantile(angle, 0.9) < 3.0
    assert np.allclose(np.linalg.norm(found, axis=0), 1.0, atol=1e-5)


def test_lights_in_a_plane_or_too_few_tell_nothing() -> None:
    ring = np.array([[np.cos(a), 0.0, np.sin(a)] for a in np.linspace(0.2, 2.9, 8)])
    assert photometric.normals(np.ones((8, 3, 5)), ring) is None
    assert photometric.normals(np.ones((3, 3, 5)), dome(3)) is None


def test_a_black_pixel_faces_the_lights() -> None:
    lights = dome(10)
    found = photometric.normals(np.zeros((10, 3, 1)), lights)[:, 0]
    mean = lights.mean(axis=0)
    assert np.allclose(found, mean / np.linalg.norm(mean), atol=1e-6)
