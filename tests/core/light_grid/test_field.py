# SPDX-FileCopyrightText: 2026 Neural Bake developers
#
# SPDX-License-Identifier: GPL-3.0-or-later

"""Direct fields: encodings by hand, numpy beside torch, and analytic light learned."""

from __future__ import annotations

import typing

import numpy as np
import pytest
import torch

from core.errors import NeuralBakeError
from core.light_grid.dataset import Samples
from core.light_grid.field import FEATURES, LEVELS, OCTAVES, Design, Field, box_of, design_for
from core.light_grid.field_fitting import FieldModel, encode, fit_field
from tests.core.light_grid import builders

LOW, HIGH = np.array([-1.0, 0.0, 2.0]), np.array([3.0, 2.0, 3.0])


def samples(count: int, seed: int, light: typing.Callable[[np.ndarray, np.ndarray], np.ndarray]) -> Samples:
    points = np.random.default_rng(seed).uniform(LOW, HIGH, (count, 3)).astype(np.float32)
    normals = builders.directions(count, seed)
    stored = np.asarray(light(points, normals), np.float32)
    return Samples(points, normals, stored, stored, stored)


def random_field(design: Design, seed: int = 0) -> tuple[FieldModel, Field]:
    model = FieldModel(design, np.ones(3), torch.Generator().manual_seed(seed))
    with torch.no_grad():
        model.weights[-1].normal_(0.0, 0.1, generator=torch.Generator().manual_seed(seed + 1))
        if model.table is not None:
            model.table.normal_(0.0, 1.0, generator=torch.Generator().manual_seed(seed + 2))
    return model, model.to_field(design, 2.5)


@pytest.mark.parametrize("kind", ["mlp", "hash"])
@pytest.mark.parametrize("numbers", [12_000, 40_000])
def test_designs_are_the_largest_within_their_numbers(kind, numbers):
    design = design_for(kind, LOW, HIGH, numbers)
    larger = Design(kind, LOW, HIGH, design.width + (kind == "mlp"), design.rows + (kind == "hash"))
    assert design.numbers <= numbers < larger.numbers
    model = FieldModel(design, np.ones(3), torch.Generator())
    assert sum(part.numel() for part in model.parameters()) == design.numbers


def test_frequencies_of_a_known_point():
    # The box's centre is (1, 1, 2.5), half its longest side 2: the point lies at (1/4, -1/2, 0).
    encoded = Design("mlp", LOW, HIGH, 8).encode_frequencies(np.array([[1.5, 0.0, 2.5]], np.float32))[0]
    np.testing.assert_allclose(encoded[:3], (0.25, -0.5, 0.0), atol=1e-6)
    sines, cosines = encoded[3:].reshape(2, 3, OCTAVES)
    np.testing.assert_allclose(sines[:2, :2], ((np.sqrt(0.5), 1.0), (-1.0, 0.0)), atol=1e-5)
    np.testing.assert_allclose(cosines[2], 1.0, atol=1e-5)


def test_a_hash_grid_without_collisions_is_exact_at_its_nodes_and_linear_between():
    design = Design("hash", LOW, HIGH, 8, rows=10**7)
    for number, level in enumerate(design.levels()):
        assert not level.hashed
        node = np.array([level.cells[0] // 2, 1, level.cells[2]])
        steps = (HIGH - LOW) / level.cells
        ends = (LOW + steps * np.stack([node, node - (1, 0, 0)])).astype(np.float32)
        rows, weights = design.corners(np.concatenate([ends, ends.mean(axis=0, keepdims=True)]))
        strides = ((level.cells[1] + 1) * (level.cells[2] + 1), level.cells[2] + 1, 1)
        expected = [level.first + int(np.dot(one, strides)) for one in (node, node - (1, 0, 0))]
        shares = np.zeros((3, design.table_rows))
        for point in range(3):
            np.add.at(shares[point], rows[point, number], weights[point, number])
        np.testing.assert_allclose(shares[0, expected[0]], 1.0, atol=1e-4)
        np.testing.assert_allclose(shares[1, expected[1]], 1.0, atol=1e-4)
        np.testing.assert_allclose(shares[2, expected], 0.5, atol=1e-4)


def test_hashed_levels_stay_in_their_own_rows_and_weights_sum_to_one():
    design = Design("hash", LOW, HIGH, 8, rows=100)
    points = np.random.default_rng(0).uniform(LOW - 1.0, HIGH + 1.0, (500, 3)).astype(np.float32)
    rows, weights = design.corners(points)
    assert design.levels()[-1].hashed
    for number, level in enumerate(design.levels()):
        assert rows[:, number].min() >= level.first and rows[:, number].max() < level.first + level.rows
    np.testing.assert_allclose(weights.sum(axis=2), 1.0, atol=1e-5)
    assert len(np.unique(rows[:, -1])) > 90
    assert rows.shape == (500, LEVELS, 8) and design.table_rows * FEATURES < design.numbers


@pytest.mark.parametrize("kind", ["mlp", "hash"])
def test_numpy_equals_torch(kind):
    design = design_for(kind, LOW, HIGH, 20_000)
    model, field = random_field(design)
    points = samples(5000, 3, lambda points, normals: points)
    with torch.no_grad():
        expected = 2.5 * model(encode(design, points.positions, points.normals)).numpy()
    result = field.irradiance(points.positions, points.normals)
    assert np.ptp(result) > 0.5
    np.testing.assert_allclose(result, expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("kind", ["mlp", "hash"])
def test_a_constant_field_is_exact(kind):
    light = (0.5, 2.0, 0.01)
    data = [samples(500, seed, lambda points, normals: np.tile(light, (len(points), 1))) for seed in (1, 2)]
    fit = fit_field(design_for(kind, LOW, HIGH, 12_000), *data, steps=3)
    np.testing.assert_allclose(fit.field.irradiance(data[1].positions, data[1].normals), data[1].stored, rtol=1e-4)
    assert fit.choose < 1e-8 and fit.seconds > 0.0


@pytest.mark.parametrize(("kind", "share"), [("mlp", 0.08), ("hash", 0.04)])
def test_a_linear_field_is_learned(kind, share):
    def light(points, normals):
        value = 1.0 + 0.2 * points[:, :1] + 0.5 * normals[:, 2:]
        return value * np.array([1.0, 0.5, 2.0])

    train, choose, report = (samples(count, seed, light) for seed, count in enumerate((1500, 300, 300)))
    fit = fit_field(design_for(kind, LOW, HIGH, 12_000), train, choose, steps=200)
    result = fit.field.irradiance(report.positions, report.normals)
    constant = np.abs(train.stored.mean(axis=0) - report.stored).mean()
    error = np.abs(result - report.stored).mean()
    assert error < share * report.stored.mean() < 0.5 * constant
    assert 0 < fit.step <= 200


def test_the_same_seed_gives_the_same_field_and_darkness_stays_finite():
    dark = samples(300, 1, lambda points, normals: np.zeros_like(points))
    design = design_for("mlp", LOW, HIGH, 3000)
    first, second = (fit_field(design, dark, dark, seed=4, steps=5).field for _ in range(2))
    results = [field.irradiance(dark.positions, dark.normals) for field in (first, second)]
    np.testing.assert_array_equal(*results)
    assert 0.0 < results[0].max() < 1e-4


def test_half_precision_rounds_every_number():
    _, field = random_field(design_for("hash", LOW, HIGH, 12_000))
    rounded = field.half_precision()
    for array, expected in zip([rounded.table, rounded.layers[0][0]], [field.table, field.layers[0][0]]):
        np.testing.assert_array_equal(array, expected.astype(np.float16).astype(np.float32))
        assert np.any(array != expected)


def test_the_box_holds_turned_volumes():
    low, high = box_of([builders.box(half=(1.0, 1.0, 2.0), degrees=45.0), builders.box(centre=(5.0, 0.0, 0.0))])
    np.testing.assert_allclose(low, (-np.sqrt(2.0), -np.sqrt(2.0), -2.0), atol=1e-6)
    np.testing.assert_allclose(high, (6.0, np.sqrt(2.0), 2.0), atol=1e-6)


def test_damaged_input_is_refused():
    design = design_for("hash", LOW, HIGH, 12_000)
    _, field = random_field(design)
    broken = field.table.copy()
    broken[0, 0] = np.nan
    for table, word in ((None, "fit"), (field.table[1:], "fit"), (broken, "finite")):
        with pytest.raises(NeuralBakeError, match=word):
            Field(design, field.layers, table, 1.0)
    with pytest.raises(NeuralBakeError, match="fit"):
        Field(design, field.layers[:-1], field.table, 1.0)
    with pytest.raises(NeuralBakeError, match="shape"):
        field.irradiance(np.zeros((2, 3)), np.zeros((3, 3)))
    with pytest.raises(NeuralBakeError, match="finite"):
        field.irradiance(np.full((1, 3), np.inf), np.zeros((1, 3)))
    for kind, numbers in (("splines", 12_000), ("hash", 100)):
        with pytest.raises(NeuralBakeError):
            design_for(kind, LOW, HIGH, numbers)


def test_samples_that_nothing_can_be_learned_from_are_refused():
    good = samples(10, 1, lambda points, normals: np.ones_like(points))
    none = samples(0, 1, lambda points, normals: points)
    bad = samples(10, 1, lambda points, normals: np.full_like(points, np.nan))
    design = design_for("mlp", LOW, HIGH, 3000)
    for train, choose in ((none, good), (good, none), (bad, good)):
        with pytest.raises(NeuralBakeError, match="finite"):
            fit_field(design, train, choose, steps=1)
