# SPDX-FileCopyrightText: 2026 Neural Bake developers
#
# SPDX-License-Identifier: GPL-3.0-or-later

"""A camera's picture by Cycles, taken apart, and the surfaces that it shows.

    python -m tests.benchmarks.picture_cycles SCENE.blend OUT.npz WIDTH SAMPLES

A Blender process of its own. Two independent pictures of SAMPLES samples each: ``combined_a``, ``combined_b``, and of
each its indirect diffuse part, ``indirect_a``, ``indirect_b`` (H, W, 3), linear scene RGB. And at SUB x SUB points of
every pixel what is seen there: ``positions``, ``normals``, ``albedo`` (H * SUB, W * SUB, 3).
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import bpy
import numpy as np

from bake_workers import protocol
from bake_workers.capture import exr, scene
from bake_workers.capture.meter import STATE
from core.light_grid.settings import LightGridSettings

SUB = 3
SEEDS = {"a": 101, "b": 202}
PASSES = "diffuse_indirect diffuse_color position normal".split()


def main(blend: Path, out: Path, width: int, samples: int) -> None:
    """Render everything and write it."""
    job = protocol.new_job(kind="light_grid", settings=LightGridSettings().to_dict(), source=str(blend))
    opened = scene.open_scene(blend, job)
    prepare(opened, width)
    arrays = {}
    for half, seed in SEEDS.items():
        seen = render(opened, width, samples, seed, 1.0)
        arrays[f"combined_{half}"] = layer(seen, "Combined", "RGB")
        arrays[f"indirect_{half}"] = layer(seen, "DiffCol", "RGB") * layer(seen, "DiffInd", "RGB")
    # A filter as narrow as Cycles allows makes each of these pixels one point of the surface.
    seen = render(opened, SUB * width, 1, 1, 0.01)
    names = {"positions": ("Position", "XYZ"), "normals": ("Normal", "XYZ"), "albedo": ("DiffCol", "RGB")}
    arrays |= {name: layer(seen, *words) for name, words in names.items()}
    np.savez(out, **{name: values.astype(np.float32) for name, values in arrays.items()})


def prepare(opened: scene.OpenScene, width: int) -> None:
    """Set the scene up to render linear passes without denoising, clamping or compositing."""
    render_, layer_ = opened.scene.render, opened.view_layer
    render_.engine = 'CYCLES'
    for key, value in STATE.items():
        setattr(opened.scene.cycles, key, value)
    opened.scene.cycles.pixel_filter_type = 'BLACKMAN_HARRIS'
    layer_.samples = 0
    for name in PASSES:
        setattr(layer_, f"use_pass_{name}", True)
    for other in opened.scene.view_layers:
        other.use = other == layer_
    render_.use_compositing = render_.use_sequencer = render_.use_border = render_.use_motion_blur = False
    render_.film_transparent = False
    render_.resolution_percentage = 100
    render_.resolution_y = round(width * render_.resolution_y / render_.resolution_x)
    render_.resolution_x = width
    output = render_.image_settings
    if hasattr(output, "media_type"):
        output.media_type = 'MULTI_LAYER_IMAGE'
    output.file_format, output.color_depth, output.exr_codec = 'OPEN_EXR_MULTILAYER', '32', 'NONE'


def render(opened: scene.OpenScene, width: int, samples: int, seed: int, filter_width: float) -> dict[str, np.ndarray]:
    """Channels (H, W) by name, such as ``Combined.R``, of a picture ``width`` pixels wide."""
    render_, cycles = opened.scene.render, opened.scene.cycles
    render_.resolution_y = render_.resolution_y * width // render_.resolution_x
    render_.resolution_x = width
    cycles.samples, cycles.seed, cycles.filter_width = samples, seed, filter_width
    with tempfile.TemporaryDirectory(prefix="neural_bake_") as folder:
        render_.filepath = str(Path(folder, "picture.exr"))
        bpy.ops.render.render(write_still=True, scene=opened.scene.name)
        channels = exr.read(Path(render_.filepath))
    prefix = f"{opened.view_layer.name}."
    return {name.removeprefix(prefix): values for name, values in channels.items()}


def layer(channels: dict[str, np.ndarray], name: str, letters: str) -> np.ndarray:
    """One pass (H, W, 3)."""
    return np.stack([channels[f"{name}.{letter}"] for letter in letters], axis=-1)


if __name__ == "__main__":
    main(Path(sys.argv[1]).absolute(), Path(sys.argv[2]).absolute(), int(sys.argv[3]), int(sys.argv[4]))
