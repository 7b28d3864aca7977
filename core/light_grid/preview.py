# SPDX-FileCopyrightText: 2026 Neural Bake developers
#
# SPDX-License-Identifier: GPL-3.0-or-later

"""Previews from the scene's camera: every surface as white clay lit by the stored light, beside Cycles.

A pixel's value is E / pi, the radiance of a white diffuse surface, so grid and reference can be compared light for
light. The reference has a few dozen paths a pixel: in its PNG and in the error map its indirect part is smoothed along
surfaces, so that what the eye sees is the light and not the noise. The EXR is as measured, and the errors in the
manifest come from other points.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from .. import colour, images
from ..filtering import smooth_light
from .dataset import View
from .evaluation import LightGrid
from .report import LABELS

BACKGROUND = np.array([30, 30, 30], np.uint8)
# An error of this share of the reference plus a tenth of its mean is shown in the map's brightest colour.
ERROR_RANGE = 0.5


def write(directory: Path, view: View, grids: dict[str, LightGrid], kept: str) -> list[Path]:
    """Write preview, reference, error map and a labelled comparison.

    Args:
        directory: takes ``preview.png``, ``preview.exr``, ``reference.png``, ``reference.exr``, ``error.png`` and
            ``comparison.png``.
        view: the camera's pixels with their measured light.
        grids: reconstructions by method; ``kept`` is the preview, a ``trilinear`` one is shown beside it.

    Returns:
        The paths written.
    """
    directory = Path(directory)
    samples = view.samples
    radiance = {name: grid.irradiance(samples.positions, samples.normals) / np.pi for name, grid in grids.items()}
    reference = samples.stored / np.pi
    exposure = colour.exposure_for(reference)

    def shown(values: np.ndarray) -> np.ndarray:
        return _image(view, colour.display(values, exposure), BACKGROUND)

    smooth = _smoothed(view)
    errors = {name: _relative_error(values, smooth) for name, values in radiance.items()}
    maps = {name: _image(view, colour.heat_map(np.abs(error)), BACKGROUND) for name, error in errors.items()}
    pictures = {
        "preview.png": shown(radiance[kept]),
        "reference.png": shown(smooth),
        "error.png": maps[kept],
    }
    label = LABELS.get(kept, kept)
    rivals = [name for name in radiance if name != kept]
    # Light where there should be less: what leaks through walls. Green is ours, red the rival's, yellow both.
    bright = [np.clip(errors[name], 0.0, 1.0) for name in (*rivals[:1], kept)]
    leak = _image(view, np.round(255.0 * np.stack([bright[0], bright[-1], 0.0 * bright[0]], axis=-1)), BACKGROUND)
    key = f"too bright: {LABELS[rivals[0]]} red, ours green" if rivals else "too bright"
    top = [(label, pictures["preview.png"]), ("Cycles, smoothed", pictures["reference.png"])]
    top += [(LABELS[name], shown(radiance[name])) for name in rivals]
    bottom = [(f"error, black 0 to yellow {ERROR_RANGE:.0%}", maps[kept]), (key, leak.astype(np.uint8))]
    bottom += [("its error", maps[name]) for name in rivals]
    pictures["comparison.png"] = images.contact_sheet(top + bottom, columns=len(top))
    for name, picture in pictures.items():
        images.write_png(directory / name, picture)
    linear = {"preview.exr": radiance[kept], "reference.exr": reference}
    for name, values in linear.items():
        images.write_exr(directory / name, _image(view, values.astype(np.float32), np.zeros(3, np.float32)))
    return [directory / name for name in (*pictures, *linear)]


def write_alone(directory: Path, radiance: np.ndarray) -> Path:
    """Write ``preview.png`` of a view (H, W, 3), where there is nothing to compare it with; returns its path."""
    path = Path(directory) / "preview.png"
    images.write_png(path, colour.display(radiance, colour.exposure_for(radiance[radiance.any(axis=2)])))
    return path


def _smoothed(view: View) -> np.ndarray:
    """The reference (M, 3) over pi with its indirect part smoothed along surfaces; direct light keeps its shadows."""
    black = np.zeros(3, np.float32)
    samples = view.samples
    layers = [
        _image(view, part.astype(np.float32), black) for part in (samples.indirect, samples.positions, samples.normals)
    ]
    mask = np.zeros(view.height * view.width, bool)
    mask[view.pixels] = True
    smooth = smooth_light(*layers, mask.reshape(view.height, view.width)).reshape(-1, 3)[view.pixels]
    return (samples.stored - samples.indirect + smooth) / np.pi


def _relative_error(values: np.ndarray, reference: np.ndarray) -> np.ndarray:
    """Error (M,) over the reference plus a tenth of its mean, 1 at ERROR_RANGE; above zero where it is too bright."""
    scale = np.maximum(reference.mean(axis=1), 0.0) + 0.1 * reference.mean()
    difference = values - reference
    size = np.abs(difference).mean(axis=1) / np.maximum(scale, 1e-12) / ERROR_RANGE
    return np.copysign(size, difference.mean(axis=1))


def _image(view: View, values: np.ndarray, background: np.ndarray) -> np.ndarray:
    """An image (H, W, 3) from the values (M, 3) of the view's pixels."""
    image = np.broadcast_to(background, (view.height * view.width, 3)).astype(values.dtype)
    image[view.pixels] = values
    return image.reshape(view.height, view.width, 3)
