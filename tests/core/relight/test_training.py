# SPDX-FileCopyrightText: 2026 Neural Bake developers
#
# SPDX-License-Identifier: GPL-3.0-or-later

"""The whole of relighting on scenes in closed form: learned, written, read back, and judged."""

import dataclasses
import functools

import numpy as np
import pytest

from core import tensorfile
from core.errors import NeuralBakeError
from core.relight import dataset, evaluation, export, fitting, judging, training
from core.relight.settings import RelightSettings

from . import scenes


def silent(*_: object) -> None:
    pass


def fitted(data: dataset.RelightData, **values: object) -> tuple[evaluation.Relight, list[training.Trained]]:
    return training.fit(data, RelightSettings.from_dict(values), silent, silent)


@functools.cache
def table() -> tuple[evaluation.Relight, list[training.Trained]]:
    """The table, as it comes back from its file."""
    view, trained = fitted(scenes.data())
    return export.decode(export.encode(view), {}, "weights"), trained


def test_shading_and_shadows_are_found_and_beat_every_rival() -> None:
    view, trained = table()
    data = scenes.data()
    assert trained[0].choice.factors != "none"
    held_out = judging.report(data, view, trained)["held_out"]
    best = min(values["relative"] for name, values in held_out.items() if name != "ours")
    assert held_out["ours"]["relative"] < 0.75 * best
    assert held_out["ours"]["milliseconds"] > 0.0


def test_the_file_gives_back_what_was_fitted() -> None:
    view, trained = fitted(scenes.data())
    read, _ = table()
    light = scenes.places(1, 5)[0]
    exact = view.render(light)
    assert np.abs(read.render(light) - exact).max() < 0.01 * exact.max()
    assert read.lamps == view.lamps
    assert read.camera["name"] == "Camera"


def test_light_is_linear_in_colour_and_adds_up() -> None:
    view, _ = table()
    first, second = scenes.places(2, 6)
    red, both = np.array([2.0, 0.0, 0.5]), view.render(np.stack([first, second]))
    assert np.allclose(view.render(first, colours=red), view.render(first) * red.astype(np.float32), atol=1e-6)
    assert np.allclose(both, view.render(first) + view.render(second), atol=1e-6)
    assert not view.render(first, colours=np.zeros(3)).any()
    assert np.allclose(view.render(first, colours=[[3.0]]), 3.0 * view.render(first), rtol=1e-5)


def test_two_lamps_are_two_transports_and_the_rest_of_the_scene_is_added() -> None:
    data = scenes.data(traced=0)
    twice = scenes.light_set(scenes.places(20, 7), lamp=1, power=3.0)
    base = np.full((scenes.SIZE, scenes.SIZE, 3), 0.25, np.float32)
    data = dataclasses.replace(
        data, lamps=(scenes.lamp("Key"), scenes.lamp("Fill")), train=scenes.joined(data.train, twice), base=base
    )
    view, _ = fitted(data)
    light = data.train.lights[3]
    key, fill = (view.render(light, lamp=index, base=False) for index in (0, 1))
    assert np.median(fill[key > 0.0] / key[key > 0.0]) == pytest.approx(3.0, rel=0.2)
    assert np.allclose(view.render(light, lamp=0), key + 0.25, atol=1e-6)
    assert np.allclose(view.render([light, light], lamp=[0, 1], base=False), key + fill, atol=1e-6)


def test_outside_is_told_in_steps_between_neighbours() -> None:
    view, _ = table()
    inside = view.domains[0][0]
    assert view.outside(inside) == 0.0
    assert view.outside(inside + [0.0, 0.0, 50.0]) > 20.0
    assert view.spacing[0] == pytest.approx(evaluation.mean_spacing(view.domains[0]))


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"lights": [[0.0, np.nan, 1.0]]}, "finite"),
        ({"lights": [[0.0, 1.0]]}, r"\(L, 3\)"),
        ({"lights": [[0.0, 0.0, 1.0]], "colours": [[1.0, 1.0]]}, r"\(L, 3\)"),
        ({"lights": [[0.0, 0.0, 1.0]], "lamp": [1]}, "has 1 lamps"),
    ],
)
def test_wrong_lights_are_refused(arguments: dict, words: str) -> None:
    with pytest.raises(NeuralBakeError, match=words):
        table()[0].render(**arguments)


@pytest.mark.parametrize("count", [1, 2, 3])
def test_very_few_lights_still_make_a_picture(count: int) -> None:
    data = scenes.data(train=count, traced=0)
    view, trained = fitted(data)
    assert np.isfinite(view.render(scenes.places(1, 9)[0])).all()
    if count == 1:
        again = view.render(data.train.lights[0])
        assert np.abs(again - data.train.images[0]).max() < 0.02 * data.train.images.max()
        assert training._kept(trained) == "ours"


def test_a_rival_is_kept_and_named_where_it_wins() -> None:
    """Pictures linear in the lamp's place under much noise: a fit of four numbers averages it, what interpolates does
    not."""
    generator = np.random.default_rng(0)
    lights = scenes.places(60, 8)
    slopes = generator.uniform(0.1, 0.3, (3, 8 * 8 * 3))
    images = (1.0 + lights @ slopes + generator.normal(0.0, 0.3, (60, 8 * 8 * 3))).clip(0.0).reshape(60, 8, 8, 3)
    own = dataset.LightSet(images.astype(np.float32), lights, np.zeros_like(lights), np.zeros(60, np.int32))
    data = dataclasses.replace(scenes.data(traced=0), train=own, buffers={}, camera=None)
    view, trained = fitted(data)
    kept = training._kept(trained)
    assert kept == "lambert"
    rival = dataclasses.replace(view, transports=training._transports(trained, kept, data, view.pixels))
    rival = export.decode(export.encode(rival), {}, "weights")
    light = np.array([0.1, 0.2, 1.2])
    truth = (1.0 + light @ slopes).reshape(8, 8, 3)
    assert np.sqrt(np.mean((rival.render(light) - truth) ** 2)) < 0.12


def test_the_errors_of_the_table_by_hand() -> None:
    from core.relight.tone import Tone

    reference = np.full((2, 2, 3), 1.0, np.float32)
    picture = np.full((2, 2, 3), 0.25, np.float32)
    found = judging.errors(picture, reference, Tone(0.0, 1.0))
    toned = 1.0 - 0.25 ** (1.0 / 2.2)
    assert found["relative"] == pytest.approx(toned, rel=1e-5)
    assert found["nRMSE"] == pytest.approx(0.75)
    assert found["PSNR"] == pytest.approx(-20.0 * np.log10(toned), rel=1e-5)


def test_black_pictures_are_refused() -> None:
    data = scenes.data(traced=0)
    black = dataclasses.replace(data.train, images=np.zeros_like(data.train.images))
    with pytest.raises(NeuralBakeError, match="Every picture is black"):
        fitted(dataclasses.replace(data, train=black))


def test_every_light_is_left_out_once() -> None:
    parts = fitting.folds(17, 3)
    assert len(parts) == fitting.FOLDS
    assert sorted(np.concatenate(parts)) == list(range(17))


@pytest.mark.parametrize("damage", ["format", "shape", "nan", "lamps", "short"])
def test_damaged_weights_are_refused(damage: str) -> None:

    data = export.encode(table()[0])
    tensors, metadata = tensorfile.decode(data)
    tensors = dict(tensors)
    if damage == "format":
        metadata["format"] = "neural_bake.relight/9"
    elif damage == "shape":
        tensors["0.tint"] = tensors["0.tint"][:, :-1]
    elif damage == "nan":
        tensors["0.luma_table"] = np.full_like(tensors["0.luma_table"], np.nan)
    elif damage == "lamps":
        metadata["relight"] = metadata["relight"].replace('"lamps": [{', '"lamps": 3, "x": [{')
    metadata.pop("sha256")
    damaged = data[:-9] if damage == "short" else tensorfile.encode(tensors, metadata)
    with pytest.raises(NeuralBakeError, match="FILE"):
        export.decode(damaged, {}, "FILE")


def test_training_is_repeatable() -> None:
    first, second = (export.encode(fitted(scenes.data(traced=40), seed=4)[0]) for _ in range(2))
    assert first == second


def test_weights_fit_the_size_that_was_asked_for() -> None:
    small = len(export.encode(fitted(scenes.data(), size=0.1)[0]))
    assert small <= 100_000
