# SPDX-FileCopyrightText: 2026 Neural Bake developers
#
# SPDX-License-Identifier: GPL-3.0-or-later

"""The factored model as a graph, beside numpy: every kind of lamp, domain and kept method."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from core.relight import shading
from core.relight.dense import DenseModel
from core.relight.evaluation import Relight
from core.relight.export import decode, encode, towards
from core.relight.model import Residual, Transport
from core.relight.onnx_export import export
from core.relight.visibility import ShadowTable
from tests.core.relight.test_dense import directions, model
from tests.core.relight.test_onnx_export import assert_equal, run

SIZE = (9, 11)
PIXELS = SIZE[0] * SIZE[1]
ALL = np.arange(PIXELS)
CAMERA = {"position": [1.0, -4.0, 3.0]}
LIGHTS = directions(24, 2).astype(np.float64)
SUN = {"type": "SUN", "light": "direction"}
POINT = {"type": "POINT", "light": "position"}
SPOT = {"type": "SPOT", "light": "position", "spot": {"angle": 1.2, "blend": 0.3}}
AREA = {"type": "AREA", "light": "position", "domain": {"type": "dome", "center": [0.0, 0.0, 0.5]}}
WORLD = {"type": "WORLD", "light": "rotation"}


def transport(
    lamp: dict,
    *,
    root: bool = True,
    glossy: bool = False,
    shadows: int = 0,
    count: int = PIXELS,
    **more: object,
) -> Transport:
    """A transport of random numbers; ``shadows`` is how many neighbours are blended, 0 without."""
    rng = np.random.default_rng(4)
    lights = LIGHTS
    if lamp["light"] == "rotation":
        lights = np.stack([np.cos(np.arange(24.0)), np.sin(np.arange(24.0)), np.zeros(24)], axis=1)
    if lamp["light"] == "position":
        lights = lights * [3.0, 3.0, 2.0] + [0.0, 0.0, 0.5]
    aims = -lights / np.linalg.norm(lights, axis=1, keepdims=True) if lamp["type"] in ("SPOT", "AREA") else 0.0 * lights
    position = np.random.default_rng(8).normal(size=(3, count)).astype(np.float32)
    normal = directions(count, 6).T.astype(np.float16).astype(np.float32)
    surface = shading.Surface(normal, position, towards(CAMERA, position))
    direct = lamp["type"] != "WORLD"
    factors = (3 if glossy else 1) if direct else 0

    def noise(*shape: int) -> np.ndarray:
        return rng.normal(size=shape).astype(np.float32)

    values = (rng.integers(0, 16, (24, count)) * 17).astype(np.uint8)
    tables = rng.normal(size=(24, 5)), rng.normal(size=(24, 2))
    parts = {
        "lamp": lamp,
        "lights": lights,
        "aims": aims,
        "method": "ours",
        "kernel": "thin_plate",
        "smoothing": 1e-3,
        "root": root,
        "surface": surface if direct else None,
        "roughness": np.rint(rng.uniform(20, 200, count)).astype(np.float32) / 255.0 if glossy else None,
        "coefficients": np.abs(noise(factors, 3, count)),
        "ambient": np.abs(noise(3, count)) * 0.1 if root else None,
        "tint": np.abs(noise(3, count)),
        "residual": Residual.of(noise(5, count), noise(2, 2, count), *tables),
        "shadows": ShadowTable(lights.astype(np.float32), values, shadows, 2.0) if shadows else None,
    }
    return Transport(**{**parts, **more})


def relight(parts: list[Transport | DenseModel], pixels: np.ndarray, base: np.ndarray | None) -> Relight:
    """The parts as a bake stores them."""
    places = tuple(LIGHTS if isinstance(part, DenseModel) else part.lights for part in parts)
    lamps = tuple({**(SUN if isinstance(part, DenseModel) else part.lamp), "name": "Key"} for part in parts)
    made = Relight(tuple(parts), lamps, *SIZE[::-1], CAMERA, pixels, base, (1.0,) * len(parts), places, {})
    return decode(encode(made), {}, "made")


def compare(path: Path, view: Relight) -> dict:
    """Check the graph against numpy under lights within the domain; returns what the export said."""
    said = export(view, path / "model.onnx")
    for seed in range(5):
        rng = np.random.default_rng(seed)
        places = np.stack([lights[rng.choice(24, 3, replace=False)].mean(axis=0) for lights in view.domains])
        for place, lamp in zip(places, view.lamps, strict=True):
            if lamp["light"] != "position":
                place /= np.linalg.norm(place)
        places, colours = places.astype(np.float32), rng.random((len(places), 3)).astype(np.float32)
        expected = view.render(places, colours, np.arange(len(places)))
        assert_equal(run(path / "model.onnx", places, colours), expected)
    return said


@pytest.mark.parametrize("root", [False, True])
@pytest.mark.parametrize("lamp", [SUN, POINT, SPOT, AREA, WORLD], ids=lambda lamp: lamp["type"])
def test_every_lamp_in_both_domains(tmp_path: Path, lamp: dict, root: bool) -> None:
    compare(tmp_path, relight([transport(lamp, root=root, glossy=True, shadows=8)], ALL, None))


@pytest.mark.parametrize("count", [1, 3, 12])
def test_shadows_of_some_neighbours(tmp_path: Path, count: int) -> None:
    compare(tmp_path, relight([transport(POINT, root=False, shadows=count)], ALL, None))


@pytest.mark.parametrize("method", ["nearest", "barycentric", "rbf_thin_plate", "ptm"])
def test_a_kept_rival(tmp_path: Path, method: str) -> None:
    empty = np.zeros((0, 3, PIXELS), np.float32)
    compare(
        tmp_path, relight([transport(POINT, root=False, method=method, coefficients=empty, surface=None)], ALL, None)
    )


def test_several_lamps_of_which_one_is_dense_in_a_part_of_the_picture(tmp_path: Path) -> None:
    some = np.flatnonzero(np.random.default_rng(0).random(SIZE[0] * SIZE[1]) < 0.7)
    parts = [
        transport(SUN, count=len(some)),
        model(size=SIZE),
        transport(SPOT, shadows=3, glossy=True, count=len(some)),
    ]
    base = np.random.default_rng(1).random((*SIZE, 3)).astype(np.float16).astype(np.float32)
    said = compare(tmp_path, relight(parts, some, base))
    size = (tmp_path / "model.onnx").stat().st_size
    shapes = {"lights": [3, 3], "colours": [3, 3], "image": [*SIZE, 3]}
    assert said == {"file": "model.onnx", "size": size, "opset": 17, "shapes": shapes}
    assert [path.name for path in tmp_path.iterdir()] == ["model.onnx"]


def test_a_single_light_is_its_picture(tmp_path: Path) -> None:
    part = transport(POINT, root=False)
    residual = dataclasses.replace(
        part.residual, luma_table=part.residual.luma_table[:1], chroma_table=part.residual.chroma_table[:1]
    )
    single = dataclasses.replace(part, lights=part.lights[:1], aims=part.aims[:1], residual=residual)
    view = relight([single], ALL, None)
    export(view, tmp_path / "model.onnx")
    for place in part.lights[:3]:
        found = run(tmp_path / "model.onnx", place[None], np.ones((1, 3)))
        assert_equal(found, view.render(place.astype(np.float32)))


def test_numbers_are_stored_small(tmp_path: Path) -> None:
    """A byte for bases and roughness, half precision for the rest of a pixel, half a byte for shadows, no view."""
    sizes = []
    for count in (38, 98):
        part = transport(POINT, root=True, glossy=True, shadows=8, count=count)
        sizes.append(export(relight([part], ALL[:count], None), tmp_path / "model.onnx")["size"])
    bytes_, shadows, halves, singles = 5 + 2 * 2 + 1, 24 / 2, 2 * (3 * 3 + 3 + 3), 4 * (3 + 3)
    assert sizes[1] - sizes[0] == pytest.approx(60 * (bytes_ + shadows + halves + singles), abs=100)
