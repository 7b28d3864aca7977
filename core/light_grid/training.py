# SPDX-FileCopyrightText: 2026 Neural Bake developers
#
# SPDX-License-Identifier: GPL-3.0-or-later

"""From a dataset to an artifact: train, tune the rivals, keep what the choosing set prefers, report, preview."""

from __future__ import annotations

import dataclasses
import os
import typing
from pathlib import Path

import numpy as np

from .. import artifact, metrics, spherical_harmonics
from ..errors import NeuralBakeError
from ..laps import Laps
from . import KIND, WEIGHTS, baselines, preview
from .dataset import LightGridDataset, Probes, Samples, load_dataset
from .evaluation import OURS, BakedGrid, LightGrid
from .export import encode
from .grid import Grid
from .settings import LightGridSettings

Progress = typing.Callable[[str, int, int], None]
FIT_CELLS_BEYOND_BORDER = 0.5
TRAINING_SETTINGS = ("light", "seed", "geometry_steps", "light_steps", "sh_window", "train_device", "threads")


@dataclasses.dataclass(frozen=True)
class Prepared:
    """One grid with what its probes saw.

    Attributes:
        sh: (P, 9, 3) traced radiance, probes in geometry included.
        dilated: the same with invalid probes filled in from their neighbours.
        geometry: validity and octahedral depth.
    """

    grid: Grid
    sh: np.ndarray
    dilated: np.ndarray
    geometry: baselines.ProbeGeometry


def train_dataset(
    dataset_dir: Path, out_dir: Path, overrides: dict, progress: Progress, show: typing.Callable[[Path], None]
) -> dict:
    """Train on a dataset and write a whole artifact.

    Args:
        dataset_dir: what a capture left; see :mod:`core.dataset`.
        out_dir: an empty folder.
        overrides: settings that differ from the dataset's own.
        progress: called with a text, and steps done and in all.
        show: called with the path of every preview as soon as it is written.

    Returns:
        The manifest as written.

    Raises:
        NeuralBakeError: a damaged dataset or shard, a bad setting, or a missing device.
    """
    lap = Laps()
    progress("read", 0, 1)
    dataset, settings = open_training(dataset_dir, overrides)
    lap("read")
    candidates, scores = fit_methods(dataset, settings, progress)
    kept = min(scores, key=lambda name: (scores[name], name != OURS))
    lap("fit")
    metrics_entry = _report(dataset, candidates) | {"kept": kept, "choose": scores}
    lap("report")
    Path(out_dir, WEIGHTS).write_bytes(encode(candidates[kept]))
    view = dataset.view()
    if view is not None:
        results = {name: LightGrid(candidates[name], {}) for name in dict.fromkeys((kept, "trilinear"))}
        for path in preview.write(out_dir, view, results, kept):
            show(path)
    lap("preview")
    return artifact.write_manifest(
        out_dir,
        {
            "kind": KIND,
            "settings": settings.to_dict(),
            "scene_hash": dataset.info["scene_hash"],
            "blender": dataset.info.get("blender"),
            "source": dataset.info.get("source"),
            **{key: dataset.info.get(key) for key in ("scene", "view_layer", "frame")},
            "meter": dataset.info.get("meter", {}),
            "seeds": {"capture": dataset.settings.seed, "train": settings.seed},
            "samples": {name: len(dataset.dataset.plan[f"{name}_positions"]) for name in ("train", "choose", "report")},
            "probes": sum(grid.count for grid, _ in dataset.grids),
            "grids": [
                {"name": name, "matrix": grid.matrix.tolist(), "resolution": list(grid.resolution)}
                for name, (grid, _) in zip(dataset.names, dataset.grids)
            ],
            "metrics": metrics_entry,
            "notes": list(dataset.info.get("notes", ())),
            "timings": {"train_stages": lap.seconds},
        },
    )


def open_training(directory: Path, overrides: dict) -> tuple[LightGridDataset, LightGridSettings]:
    """The dataset and the settings in force: the dataset's own, then the overrides.

    Raises:
        NeuralBakeError: a damaged dataset, or an override that only a new measurement could follow.
    """
    dataset = load_dataset(directory, "indirect")
    settings = LightGridSettings.from_dict({**dataset.settings.to_dict(), **overrides})
    for field in dataclasses.fields(settings):
        if field.name not in TRAINING_SETTINGS and getattr(settings, field.name) != getattr(
            dataset.settings, field.name
        ):
            raise NeuralBakeError(
                "measured_setting",
                f"Setting {field.name} belongs to the measurement, and this dataset was measured with another value.",
                "Bake again, or leave it out.",
            )
    return LightGridDataset(dataset.dataset, settings.light), settings


def fit_methods(
    dataset: LightGridDataset, settings: LightGridSettings, progress: Progress
) -> tuple[dict[str, list[BakedGrid]], dict[str, float]]:
    """Ours and every rival, tuned on the choosing points.

    Returns:
        The grids by method, and each method's relMSE on the choosing points.
    """
    choose = dataset.samples("choose")
    prepared = prepare(dataset, settings)
    candidates = tuned_rivals(prepared, choose, progress)
    candidates[OURS] = _fit_all(prepared, dataset.samples("train"), choose, settings, progress)
    scores = {name: _score(grids, choose) for name, grids in candidates.items()}
    marks = [~part.geometry.valid for part in prepared]
    candidates = {
        name: [dataclasses.replace(baked, inside=mark) for baked, mark in zip(grids, marks)]
        for name, grids in candidates.items()
    }
    return candidates, scores


def prepare(dataset: LightGridDataset, settings: LightGridSettings) -> list[Prepared]:
    probes: Probes = dataset.probes()
    damping = spherical_harmonics.window(settings.sh_window)[:, None].astype(np.float32)
    result = []
    for grid, part in dataset.grids:
        valid = probes.valid[part]
        traced = spherical_harmonics.radiance_from_irradiance(probes.directions, probes.irradiance[part])
        traced = traced.astype(np.float32) * damping
        depth = baselines.octahedral_depth(grid, probes.ray_directions, probes.ray_distances[part])
        geometry = baselines.ProbeGeometry(valid, depth)
        result.append(Prepared(grid, traced, baselines.dilate(grid, traced, valid), geometry))
    return result


def tuned_rivals(prepared: list[Prepared], choose: Samples, progress: Progress) -> dict[str, list[BakedGrid]]:
    """Every classic method, each in the configuration that the choosing set likes best."""
    result = {}
    options = [
        (method, option, exclude)
        for method in baselines.METHODS
        for option in baselines.candidates(method)
        for exclude in ((False,) if method == "trilinear" else (True, False))
    ]
    best: dict[str, float] = {}
    for done, (method, option, exclude) in enumerate(options):
        progress("rivals", done, len(options))
        grids = [_rival(part, option, exclude) for part in prepared]
        score = _score(grids, choose)
        if score < best.get(method, np.inf):
            best[method], result[method] = score, grids
    progress("rivals", len(options), len(options))
    return result


def _rival(part: Prepared, option: baselines.Configuration, exclude: bool) -> BakedGrid:
    """One configuration of a classic method; with ``exclude``, probes inside geometry have no say and take their
    neighbours' light. Without, they keep the darkness that they see, which suits gaps behind furniture better."""
    geometry = None
    if option.method != "trilinear":
        valid = part.geometry.valid if exclude else np.ones_like(part.geometry.valid)
        # Only what the method needs, since a kept rival's geometry goes into the artifact.
        geometry = baselines.ProbeGeometry(valid, part.geometry.depth if option.method == "ddgi" else None)
    sh = part.dilated if exclude else part.sh
    return BakedGrid(part.grid, sh, option.method, option.bias, facing=option.facing, geometry=geometry)


def _fit_all(
    prepared: list[Prepared], train: Samples, choose: Samples, settings: LightGridSettings, progress: Progress
) -> list[BakedGrid]:
    """Fit each grid to the points in and just around it; per grid, the choosing set picks the regularisation."""
    import torch

    from .fitting import NORMAL_BIAS, SortedPoints, fit

    if settings.train_device == "cuda" and not torch.cuda.is_available():
        raise NeuralBakeError(
            "no_device",
            "train_device is cuda, but this Python's torch sees no CUDA device.",
            "Use --set train_device=cpu.",
        )
    torch.set_num_threads(settings.threads or os.cpu_count() or 1)
    # CUDA has no deterministic form of a few of these sums; there, runs agree to rounding.
    torch.use_deterministic_algorithms(True, warn_only=settings.train_device == "cuda")
    device = torch.device(settings.train_device)
    damping = spherical_harmonics.window(settings.sh_window)[:, None].astype(np.float32)
    result = []
    for number, part in enumerate(prepared):
        near = part.grid.border_distance(train.positions) > -FIT_CELLS_BEYOND_BORDER
        positions, normals, stored = train.positions[near], train.normals[near], train.stored[near]
        scale = float(stored.mean()) if near.any() else 0.0
        if scale <= 0.0:
            # A volume in the dark, or without a reachable point: its probes' own light is all there is to know.
            result.append(_untrained(part))
            continue
        option = baselines.Configuration("ddgi", NORMAL_BIAS)
        # Probes inside furniture take part: the darkness that they see is right for the gaps around it, and where it is
        # not, the measured light says so.
        seen = baselines.ProbeGeometry(np.ones_like(part.geometry.valid), part.geometry.depth)
        visibility = np.concatenate(
            [
                baselines.corner_weights(part.grid, seen, option, positions[rows], normals[rows])[1].astype(np.float32)
                for rows in np.array_split(np.arange(len(positions)), len(positions) // 65536 + 1)
            ]
        )
        points = SortedPoints(part.grid, positions, normals, stored / scale, visibility, device)
        text = "train" if len(prepared) == 1 else f"train {number + 1}/{len(prepared)}"
        fits = fit(
            points,
            part.dilated / damping / scale,  # the result is damped below, once
            settings.seed + number,
            settings.geometry_steps,
            settings.light_steps,
            lambda done, total: progress(text, done, total),
        )
        inside = part.grid.border_distance(choose.positions) > -FIT_CELLS_BEYOND_BORDER
        own = Samples(*(getattr(choose, field.name)[inside] for field in dataclasses.fields(Samples)))
        options = [
            BakedGrid(part.grid, fitted.sh * scale * damping, OURS, fitted.bias, fitted.weights) for fitted in fits
        ]
        result.append(min(options, key=lambda baked: _score([baked], own)) if len(own) else options[0])
    return result


def _untrained(part: Prepared) -> BakedGrid:
    from .network import PARAMETERS

    return BakedGrid(part.grid, part.dilated, OURS, 0.0, np.zeros((part.grid.count, PARAMETERS), np.float32))


def _score(grids: list[BakedGrid], choose: Samples) -> float:
    """relMSE on the choosing points. Their noise adds the same to every method, so the order is not biased."""
    result = LightGrid(grids, {}).irradiance(choose.positions, choose.normals)
    return metrics.relative_mse(result, choose.stored, choose.stored)


def _report(dataset: LightGridDataset, candidates: dict[str, list[BakedGrid]]) -> dict:
    """Errors of every method on points used for nothing else."""
    first, second = dataset.samples("report_a", "report"), dataset.samples("report_b", "report")
    total = 0.5 * (first.total + second.total)
    order = [OURS, *baselines.METHODS]
    held_out, configurations = {}, {}
    for name in order:
        grids = candidates[name]
        result = LightGrid(grids, {}).irradiance(first.positions, first.normals)
        held_out[name] = metrics.evaluate(result, first.stored, second.stored, total)
        geometry = grids[0].geometry
        configurations[name] = {
            "bias": grids[0].bias,
            "facing": grids[0].facing,
            "excludes_invalid": geometry is not None and not all(grid.geometry.valid.all() for grid in grids),
        }
    return {
        "held_out": held_out,
        "noise_floor": metrics.noise_floor(first.stored, second.stored),
        "report_points": len(first),
        "configurations": configurations,
    }
