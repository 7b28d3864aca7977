# SPDX-FileCopyrightText: 2026 Neural Bake developers
#
# SPDX-License-Identifier: GPL-3.0-or-later

"""Pictures of held-out lights: the reference, ours, the best rival, and where each is wrong.

All pictures of one light share one exposure, the reference's. The error map shows a pixel's tone-mapped error over the
root mean square of the whole tone-mapped reference, so that the root mean square of the map is the relative error that
stands in its label.
"""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np

from .. import colour, images
from .report import LABELS
from .tone import Tone

ERROR_RANGE = 0.25
"""A pixel's error that is shown in the map's brightest colour."""
PANEL_WIDTH = 400
ROWS = 4


@dataclasses.dataclass(frozen=True)
class Shot:
    """One held-out light.

    Attributes:
        reference: (H, W, 3) float32 linear.
        results: what each method makes of it, by its key in the manifest, the same shape.
        tone: of the lamp.
    """

    reference: np.ndarray
    results: dict[str, np.ndarray]
    tone: Tone

    def errors(self) -> dict[str, float]:
        """Relative error of every method."""
        return {name: self.tone.relative_error(result, self.reference) for name, result in self.results.items()}


def write(directory: Path, shots: list[Shot], kept: str) -> list[Path]:
    """Write the pictures of an artifact.

    Args:
        directory: takes ``preview.png``, the strip of the most typical light; ``comparison.png``, the strips of
            several; and of the typical light alone ``reference.png``, ``error.png``, ``reference.exr``, ``relit.exr``.
        shots: held-out lights, at least one, all with the same methods; ``kept`` among them.
        kept: the method that the artifact holds, which ``error.png`` and ``relit.exr`` show.

    Returns:
        The paths written.
    """
    directory = Path(directory)
    order = sorted(range(len(shots)), key=lambda number: shots[number].errors()[kept])
    typical = shots[order[len(order) // 2]]
    own, rival = compared(shots, kept)
    spread = [shots[order[number]] for number in np.unique(np.linspace(0, len(order) - 1, ROWS).round().astype(int))]
    strips = [strip(shot, own, rival) for shot in spread]
    exposure = colour.exposure_for(typical.reference)
    pictures = {
        "preview.png": images.contact_sheet(strip(typical, own, rival), columns=5 if rival else 3),
        "comparison.png": images.contact_sheet([panel for row in strips for panel in row], columns=5 if rival else 3),
        "reference.png": colour.display(typical.reference, exposure),
        "error.png": error_map(typical.results[kept], typical.reference, typical.tone),
    }
    for name, picture in pictures.items():
        images.write_png(directory / name, picture)
    linear = {"reference.exr": typical.reference, "relit.exr": typical.results[kept]}
    for name, picture in linear.items():
        images.write_exr(directory / name, picture)
    return [directory / name for name in (*pictures, *linear)]


def compared(shots: list[Shot], kept: str) -> tuple[str, str | None]:
    """Which two methods are shown: ours (the kept one where there is no ours), and the best of the others or None."""
    errors = [shot.errors() for shot in shots]
    means = {name: float(np.mean([entry[name] for entry in errors])) for name in shots[0].results}
    own = "ours" if "ours" in means else kept
    others = [name for name in means if name != own]
    return own, min(others, key=means.get) if others else None


def strip(shot: Shot, own: str, rival: str | None) -> list[tuple[str, np.ndarray]]:
    """Labelled panels of one light: reference, ours, the rival, and the error maps of both."""
    exposure, errors = colour.exposure_for(shot.reference), shot.errors()
    shown = [name for name in (own, rival) if name is not None]
    panels = [("reference", colour.display(_shrunk(shot.reference), exposure))]
    for name in shown:
        label = f"{LABELS.get(name, name)} {100.0 * errors[name]:.1f} %"
        panels.append((label, colour.display(_shrunk(shot.results[name]), exposure)))
    for name in shown:
        label = f"error, black 0, yellow {ERROR_RANGE:.0%}" if name == own else "its error"
        panels.append((label, error_map(_shrunk(shot.results[name]), _shrunk(shot.reference), shot.tone)))
    return panels


def error_map(result: np.ndarray, reference: np.ndarray, tone: Tone) -> np.ndarray:
    """uint8 (H, W, 3) map of the root mean square over colours of the tone-mapped error, relative to the picture."""
    truth = tone.forward(reference)
    scale = float(np.sqrt(np.mean(np.square(truth)))) or 1.0
    error = np.sqrt(np.mean(np.square(tone.forward(result) - truth), axis=-1))
    return colour.heat_map(error / scale / ERROR_RANGE)


def _shrunk(image: np.ndarray) -> np.ndarray:
    """The image averaged over squares of pixels, so that five fit on a screen; small ones stay as they are."""
    factor = -(-image.shape[1] // PANEL_WIDTH)
    height, width = (max(size // factor, 1) for size in image.shape[:2])
    if factor == 1 or image.shape[0] < factor:
        return image
    return image[: height * factor, : width * factor].reshape(height, factor, width, factor, 3).mean(axis=(1, 3))
