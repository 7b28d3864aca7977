# SPDX-FileCopyrightText: 2026 Neural Bake developers
#
# SPDX-License-Identifier: GPL-3.0-or-later

"""Error in the picture: a real room from its camera, lit by our probes, by classic ones and by EEVEE's own volume.

    NEURAL_BAKE_BLENDER=blender python -m tests.benchmarks.light_grid_picture [office|dining-room] [--samples N]

Ours is Cycles' picture with its indirect diffuse light replaced by albedo / pi times the grid's indirect irradiance;
linear, before the view transform. EEVEE's is its own picture with its own baked Light Probe Volume of as many probes
along each axis in the same box, at Blender's default settings, by the Vulkan backend. The reference is Cycles, in two
independent halves. EEVEE is left out, with a note, where NEURAL_BAKE_BLENDER names no Blender with a window system.
"""

from __future__ import annotations

import argparse
import math
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
from PIL import Image

from bake_workers.capture import exr
from core import colour, images, light_grid
from core.light_grid.evaluation import OURS, LightGrid
from core.light_grid.training import open_training, prepare, tuned_rivals

from .common import OUT, REAL, RESOLUTIONS, ROOT, SCENES, bake, save
from .picture_cycles import SUB

WIDTH = 320
LIFT = 0.001
"""Metres between a surface and the point where its light is looked up, as in the previews."""
METHODS = (OURS, "trilinear", "validity", "ddgi")
LABELS = {OURS: "Neural Bake", "trilinear": "trilinear", "validity": "trilinear + validity + bias", "ddgi": "DDGI"}
SHEETS = ROOT / "docs" / "images"


def main() -> int:
    """Measure, print, draw and write JSON."""
    parser = argparse.ArgumentParser(prog="tests.benchmarks.light_grid_picture")
    parser.add_argument("scene", nargs="*", help=f"of {', '.join(REAL)}; all where none is named")
    parser.add_argument("--samples", type=int, default=192, help="of each half of the reference")
    words = parser.parse_args()
    rows = []
    for scene in words.scene or REAL:
        if not (SCENES / f"{scene}.blend").is_file():
            print(f"skipped {scene}: {SCENES} is missing")
            continue
        rows += measure(scene, words.samples)
    save("light_grid_picture", rows)
    return 0


def measure(scene: str, samples: int) -> list[dict]:
    """All rows of one scene."""
    blend, resolution = SCENES / f"{scene}.blend", ",".join(map(str, RESOLUTIONS[scene]))
    directory = OUT / f"light_grid_{scene}"
    words = ["--bounds-object", "EvalBounds", "--set", f"resolution={resolution}", "--resume"]
    bake(blend, directory, *words)
    dataset, settings = open_training(directory.with_name(directory.name + ".job") / "dataset", {})
    rivals = tuned_rivals(prepare(dataset, settings), dataset.samples("choose"), lambda *_: None)
    grids = {OURS: light_grid.load(directory)} | {name: LightGrid(rivals[name], {}) for name in METHODS[1:]}
    seen = cycles(blend, OUT / f"picture_{scene}_{samples}.npz", samples)
    halves = {half: (seen[f"combined_{half}"], seen[f"indirect_{half}"]) for half in "ab"}
    reference = 0.5 * (halves["a"][0] + halves["b"][0])
    indirect = 0.5 * (halves["a"][1] + halves["b"][1])
    rows, pictures = [], {}
    for method in METHODS:
        result = reflected(grids[method], seen)
        # The direct light is the same in both pictures and falls out.
        errors = [result - halves[half][1] for half in "ab"]
        rows.append(row(scene, method, errors, reference, indirect, float(result.mean() / indirect.mean())))
        pictures[method] = reference - indirect + result
    own = eevee(blend, OUT / f"picture_{scene}_eevee.exr", resolution)
    if own is not None:
        errors = [own - halves[half][0] for half in "ab"]
        rows.append(row(scene, "eevee", errors, reference, None, float(own.mean() / reference.mean())))
        pictures["eevee"] = own
    noise = 0.5 * (halves["a"][0] - halves["b"][0])
    floor = math.sqrt(np.mean(noise**2, dtype=np.float64)) / reference.mean()
    size = f"{reference.shape[1]}x{reference.shape[0]} pixels"
    print(f"\n{scene}, {resolution} probes, {size}, twice {samples} samples (noise of their mean: {floor:.3f})")
    print(f"{'':12}{'nRMSE':>9}{'of indirect':>13}{'brightness':>12}")
    for entry in rows:
        alone = "-" if entry["indirect_nRMSE"] is None else f"{entry['indirect_nRMSE']:.3f}"
        print(f"{entry['method']:12}{entry['nRMSE']:9.3f}{alone:>13}{entry['brightness']:12.2f}")
    draw(SHEETS / f"picture_{scene}.png", reference, reference - indirect, pictures)
    return rows


def row(
    scene: str,
    method: str,
    errors: list[np.ndarray],
    reference: np.ndarray,
    indirect: np.ndarray | None,
    brightness: float,
) -> dict:
    """Debiased nRMSE of the picture and of its indirect part alone; ``errors`` against each half (H, W, 3)."""
    error = math.sqrt(max(float(np.mean(errors[0] * errors[1], dtype=np.float64)), 0.0))
    return {
        "scene": scene,
        "method": method,
        "nRMSE": error / float(reference.mean(dtype=np.float64)),
        # EEVEE's picture cannot be taken apart: without its volume it lights by the world, not by nothing.
        "indirect_nRMSE": None if indirect is None else error / float(indirect.mean(dtype=np.float64)),
        "brightness": brightness,
    }


def reflected(grid: LightGrid, seen: dict[str, np.ndarray]) -> np.ndarray:
    """Indirect radiance (H, W, 3) that the surfaces of every pixel send to the camera by the grid's light."""
    normals = seen["normals"].reshape(-1, 3)
    albedo = seen["albedo"].reshape(-1, 3)
    surface = np.flatnonzero((albedo.max(axis=1) > 0.0) & (np.linalg.norm(normals, axis=1) > 0.5))
    normal = normals[surface] / np.linalg.norm(normals[surface], axis=1, keepdims=True)
    light = grid.irradiance(seen["positions"].reshape(-1, 3)[surface] + LIFT * normal, normal)
    radiance = np.zeros_like(albedo)
    radiance[surface] = albedo[surface] / np.pi * light
    height, width = (count // SUB for count in seen["albedo"].shape[:2])
    return radiance.reshape(height, SUB, width, SUB, 3).mean(axis=(1, 3))


def cycles(blend: Path, path: Path, samples: int) -> dict[str, np.ndarray]:
    """What :mod:`.picture_cycles` writes, rendered if it is not there."""
    if not path.is_file():
        partial = path.with_suffix(".partial.npz")
        command = [sys.executable, "-m", "tests.benchmarks.picture_cycles", blend, partial, WIDTH, samples]
        environment = {**os.environ, "PYTHONPATH": str(ROOT)}
        subprocess.run([*map(str, command)], cwd=ROOT, env=environment, check=True, stdout=subprocess.DEVNULL)
        partial.rename(path)
    with np.load(path) as stored:
        return dict(stored)


def eevee(blend: Path, path: Path, resolution: str) -> np.ndarray | None:
    """EEVEE's picture (H, W, 3), or None where there is no real Blender to make it."""
    program = os.environ.get("NEURAL_BAKE_BLENDER")
    if not program:
        print("EEVEE is left out: NEURAL_BAKE_BLENDER names no Blender")
        return None
    if not path.is_file():
        script = Path(__file__).with_name("picture_eevee.py")
        command = [program, "-b", blend, "--gpu-backend", "vulkan", "--python-exit-code", 1, "--python", script, "--"]
        command += [path, WIDTH, resolution, "EvalBounds"]
        subprocess.run([*map(str, command)], check=True, stdout=subprocess.DEVNULL)
    channels = exr.read(path)
    return np.stack([channels[letter] for letter in "RGB"], axis=-1)


def draw(path: Path, reference: np.ndarray, direct: np.ndarray, pictures: dict[str, np.ndarray]) -> None:
    """Pictures over their errors, side by side under one exposure."""
    exposure = colour.exposure_for(reference)
    named = {"Cycles": reference, LABELS[OURS]: pictures[OURS], "trilinear + validity + bias": pictures["validity"]}
    if "eevee" in pictures:
        named["EEVEE, its own volume"] = pictures["eevee"]
    top = [(name, colour.display(picture, exposure)) for name, picture in named.items()]
    scale = 0.1 * reference.mean() + reference.mean(axis=2)
    bottom = [("Cycles, direct light alone", colour.display(direct, exposure))]
    for name, picture in list(named.items())[1:]:
        error = np.abs(picture - reference).mean(axis=2) / scale / 0.5
        bottom.append((f"error of {name}, yellow 50 %", colour.heat_map(error)))
    path.parent.mkdir(parents=True, exist_ok=True)
    sheet = Image.fromarray(images.contact_sheet(top + bottom, columns=len(top)))
    sheet.quantize(192).save(path, optimize=True)


if __name__ == "__main__":
    sys.exit(main())
