# SPDX-FileCopyrightText: 2026 Neural Bake developers
#
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import math
import time

import numpy as np
import pytest
import torch

from core.errors import NeuralBakeError
from core.relight.dense_fitting import _loss, fit
from core.relight.tone import Tone
from tests.core.relight.test_dense import directions

SIZE = 12


@pytest.fixture(autouse=True)
def one_thread() -> None:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def ball(lights: np.ndarray) -> np.ndarray:
    """Pictures (N, 12, 12, 3) of a diffuse orange ball seen from above."""
    steps = (np.arange(SIZE) + 0.5) / SIZE * 2.0 - 1.0
    y, x = np.meshgrid(-steps, steps, indexing="ij")
    inside = x**2 + y**2 < 1.0
    normals = np.stack([x, y, np.sqrt(np.maximum(1.0 - x**2 - y**2, 0.0))], axis=-1)
    shading = np.maximum(np.einsum("hwd,nd->nhw", normals, lights), 0.0) * inside
    return (shading[..., None] * [0.8, 0.4, 0.05]).astype(np.float32)


def test_it_learns_a_ball_better_than_the_mean_picture_and_no_channel_is_dead() -> None:
    lights, unseen = directions(30, 0), directions(5, 1)
    model = fit(ball(lights), lights, "direction", 300.0, steps=60, batch=200)
    assert model.parameters == 1_449_003 and model.steps == 60
    tone = Tone.from_images(ball(lights))
    result = np.stack([model.render(light) for light in unseen])
    mean = np.stack([ball(lights).mean(axis=0)] * 5)
    ours, rival = (tone.mean_relative_error(pictures, ball(unseen)) for pictures in (result, mean))
    assert ours < 0.7 * rival
    assert result.max(axis=(0, 1, 2)) == pytest.approx(ball(unseen).max(axis=(0, 1, 2)), rel=0.35)


def test_same_seed_and_steps_same_weights() -> None:
    lights = directions(10, 0)
    models = [fit(ball(lights), lights, "direction", 300.0, seed, steps=4, batch=64) for seed in (3, 3, 4)]
    first, again, other = (model.render(lights[0]) for model in models)
    np.testing.assert_array_equal(first, again)
    assert np.abs(first - other).max() > 0.0


def test_the_time_budget_ends_it() -> None:
    lights, told = directions(4, 0), []
    begin = time.monotonic()
    model = fit(ball(lights), lights, "direction", 0.5, progress=lambda done, total: told.append((done, total)))
    assert time.monotonic() - begin < 30.0 and model.steps == len(told) >= 1
    assert told[-1][1] == 0.5 and [done for done, _ in told] == sorted(done for done, _ in told)
    assert np.isfinite(model.render(lights[0])).all()


def test_a_batch_loss_by_hand() -> None:
    """Errors (1, 0, 0) and (0, 0, 0) on targets (0, 0, 0) and (0, 2, 0): squares 1 of 6, luminances sqrt(.299) and 0,
    relative 1 / 2."""
    result, target = torch.tensor([[1.0, 0.0, 0.0], [0.0, 2.0, 0.0]]), torch.tensor([[0.0, 0.0, 0.0], [0.0, 2.0, 0.0]])
    expected = 1.0 / 6.0 + 0.299 / 2.0 + 0.01 * 0.5
    assert float(_loss(result, target)) == pytest.approx(expected, rel=1e-4)
    black = torch.zeros(2, 3, requires_grad=True)
    _loss(black, torch.zeros(2, 3)).backward()
    assert torch.isfinite(black.grad).all() and math.isfinite(float(_loss(black.detach(), torch.zeros(2, 3))))


@pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has CUDA")
def test_a_missing_device_is_said() -> None:
    with pytest.raises(NeuralBakeError, match="no CUDA device. Use --set train_device=cpu"):
        fit(np.zeros((2, 4, 4, 3), np.float32), directions(2, 0), "direction", 1.0, device="cuda")
