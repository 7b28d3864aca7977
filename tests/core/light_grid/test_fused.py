# SPDX-FileCopyrightText: 2026 Neural Bake developers
#
# SPDX-License-Identifier: GPL-3.0-or-later

"""The compiled training steps, beside torch's automatic differentiation."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from core import native
from core.errors import NeuralBakeError
from core.light_grid import fitting, fused
from core.light_grid.fused import FusedProblem
from core.light_grid.model import blended_irradiance
from core.light_grid.points import GEOMETRY_PULL, NORMAL_BIAS, SortedPoints
from core.light_grid.torch_fitting import TorchProblem
from tests.core.light_grid import builders

PER_CELL = 24  # a whole block of 16, and one that is half empty


class Case:
    """Random points, light, networks and values, with as many points in every cell."""

    def __init__(self, resolution: tuple[int, int, int], channels: int, logits: float) -> None:
        generator = np.random.default_rng(0)
        self.grid = builders.box(half=(2.0, 1.0, 1.0), resolution=resolution, degrees=20.0)
        cells = np.array(list(np.ndindex(*(max(n - 1, 1) for n in resolution))))
        wanted = np.repeat(cells, PER_CELL, axis=0) + generator.uniform(0.1, 0.9, (len(cells) * PER_CELL, 3))
        # Along an axis with a single probe, everything is about that probe.
        wanted = np.where(np.array(resolution) == 1, wanted - 0.5, wanted)
        normals = builders.directions(len(wanted), 3).astype(np.float32)
        positions = builders.in_world(self.grid, wanted) - normals * NORMAL_BIAS * self.grid.spacing.mean()
        target = generator.uniform(0.0, 2.0, (len(wanted), channels)).astype(np.float32)
        visibility = generator.dirichlet(np.ones(8), len(wanted)).astype(np.float32)
        self.points = SortedPoints(self.grid, positions.astype(np.float32), normals, target, visibility)
        assert (self.points.counts == PER_CELL).all() and len(self.points.cells) == len(cells)
        lightings = [builders.random_sh(self.grid.count, 5 + number) / 4.0 for number in range(channels // 3)]
        self.prior = np.concatenate(lightings, axis=2).astype(np.float32)
        self.networks = builders.random_weights(self.grid.count, 6, 0.7)
        self.networks[:, -1] += generator.uniform(-logits, logits, self.grid.count)

    def fused(self, threads: int = 2, draws: int = 100) -> FusedProblem:
        return FusedProblem(self.points, self.prior, self.networks, 1, threads, draws)


# Logits 20 and more apart are clamped, and have no gradient.
@pytest.mark.parametrize(
    ("resolution", "channels", "logits"), [((4, 3, 2), 3, 20.0), ((3, 2, 1), 6, 0.0), ((1, 3, 4), 3, 0.0)]
)
@pytest.mark.parametrize("light", [False, True])
def test_gradients_are_those_of_torch(resolution: tuple, channels: int, logits: float, light: bool) -> None:
    case = Case(resolution, channels, logits)
    check = TorchProblem(case.points, case.prior, case.networks, 1, 1)
    index = torch.from_numpy(case.points.starts)[:, None] + torch.arange(PER_CELL)
    check.loss(slice(None), index, light).div(index.numel()).backward()
    networks, values = case.fused().gradients(light)
    expected = check.model.weights.grad.numpy()
    np.testing.assert_allclose(networks, expected, rtol=0.0, atol=1e-5 * np.abs(expected).max())
    if light:
        expected = check.model.sh.grad.numpy()
        np.testing.assert_allclose(values, expected, rtol=0.0, atol=1e-5 * np.abs(expected).max())
    else:
        assert not values.any()


def test_gradients_of_lessons_are_those_of_torch() -> None:
    case = Case((4, 3, 2), 3, 0.0)
    check = TorchProblem(case.points, case.prior, case.networks, 1, 1)
    index = torch.from_numpy(case.points.starts)[:, None] + torch.arange(PER_CELL)
    batch, target = check.batch(slice(None), index), check.target[index]
    weights = check.model.blend_weights(batch)
    error = (blended_irradiance(batch, weights, check.prior) - target) ** 2 / (target**2 + 0.02)
    assert error.max() > 5.0
    visibility = torch.from_numpy(case.points.visibility[case.points.order])[index]
    divergence = -(visibility * (weights + 1e-6).log()).sum(dim=2)
    (error / (1.0 + error / 5.0)).mean().add(0.3 * divergence.mean()).backward()
    expected = check.model.weights.grad.numpy()
    found = case.fused().lesson(case.networks, 0, 0.3, 0.02, 5.0)
    np.testing.assert_allclose(found, expected, rtol=0.0, atol=1e-5 * np.abs(expected).max())


@pytest.mark.parametrize("light", [False, True])
def test_steps_are_those_of_torch(light: bool) -> None:
    """Few enough points that torch's draw of all of them, too, is every point: a cell of 16 drawn in order."""
    case = Case((3, 2, 2), 6, 0.0)
    mine, check = case.fused(), TorchProblem(case.points, case.prior, case.networks, 1, 1)
    before = mine.networks()
    mine.optimise(light, 0.01, 3, 1.0, lambda done: None)
    index = torch.from_numpy(case.points.starts)[:, None] + torch.arange(PER_CELL)
    model = check.model
    optimiser = torch.optim.Adam([model.weights, model.sh] if light else [model.weights], betas=(0.9, 0.99))
    for step in range(3):
        optimiser.param_groups[0]["lr"] = 0.01 * (0.02 + 0.98 * 0.5 * (1.0 + np.cos(np.pi * step / 3)))
        optimiser.zero_grad()
        check.loss(slice(None), index, light).div(index.numel()).backward()
        if light:
            (check.importance / model.sh.numel() * (model.sh - check.prior) ** 2).sum().backward()
        optimiser.step()
    moved = np.abs(mine.networks() - before)
    assert moved.max() > 0.01
    # Where a gradient is next to nothing, Adam turns its rounding into a step.
    assert np.quantile(np.abs(mine.networks() - check.networks()), 0.99) < 1e-5
    values = mine.sh[:, :54].reshape(-1, 9, 6)
    assert np.quantile(np.abs(values - model.sh.detach().numpy()), 0.99) < 1e-5


def test_threads_do_not_matter() -> None:
    case = Case((4, 3, 3), 3, 0.0)
    found = []
    for threads in (1, 2, 5):
        problem = case.fused(threads, draws=1)
        problem.optimise(True, 0.01, 15, 1.0, lambda done: None)
        found.append((problem.networks(), problem.solve((1.0,))))
    for networks, values in found[1:]:
        np.testing.assert_array_equal(networks, found[0][0])
        np.testing.assert_array_equal(values, found[0][1])


def test_a_step_uses_every_point_as_often() -> None:
    """One block of two a step: two steps' gradients together are that of all points twice."""
    case = Case((2, 3, 2), 3, 0.0)
    whole = case.fused().gradients(True)[0]
    part = case.fused(draws=1)
    part.inputs.divergence = GEOMETRY_PULL
    part.run(fused.LIGHT, 0, 2)
    np.testing.assert_allclose(
        part.gradient.sum(axis=0)[:, :113], 2.0 * whole, rtol=0.0, atol=1e-5 * np.abs(whole).max()
    )


def test_torch_trains_where_nothing_can_be_compiled(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A folder that is a file cannot be written, whoever writes."""
    (tmp_path / "file").touch()
    monkeypatch.setattr(native, "folder", lambda: tmp_path / "file" / "native")
    fitting.note.cache_clear()
    try:
        assert "by torch" in fitting.note() and "cannot be compiled" in fitting.note()
        case = Case((2, 2, 2), 3, 0.0)
        found = fitting.fit(case.points, case.prior, 0, 1, 1, lambda done, total: None, threads=1)
        assert np.isfinite(found[0].weights).all()
    finally:
        monkeypatch.undo()
        fitting.note.cache_clear()
    assert fitting.note() == ""


def test_a_source_is_compiled_once_and_anew_after_a_change(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(native, "folder", lambda: tmp_path / "native")
    source = tmp_path / "three.c"
    source.write_text("int three(void) { return 3; }\n", "utf-8")
    assert native.load(source).three() == 3
    made = list((tmp_path / "native").iterdir())
    changed = made[0].stat().st_mtime_ns
    assert native.load(source).three() == 3
    assert [path.stat().st_mtime_ns for path in (tmp_path / "native").iterdir()] == [changed]
    source.write_text("int three(void) { return 33; }\n", "utf-8")
    assert native.load(source).three() == 33
    source.write_text("no C at all", "utf-8")
    with pytest.raises(NeuralBakeError, match="cannot be compiled"):
        native.load(source)
    assert len(list((tmp_path / "native").iterdir())) == 2
