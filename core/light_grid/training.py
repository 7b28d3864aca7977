# SPDX-FileCopyrightText: 2026 Neural Bake developers
#
# SPDX-License-Identifier: GPL-3.0-or-later

"""From a dataset to an artifact: train, tune the rivals, keep what the choosing set prefers, report, preview."""

from __future__ import annotations

import dataclasses
import functools
import typing
from pathlib import Path

import numpy as np

from .. import artifact, metrics, spherical_harmonics
from ..errors import NeuralBakeError
from ..laps import Laps
from . import KIND, WEIGHTS, baselines, generator, load, preview, set_view, sight, updating
from .dataset import LightGridDataset, Probes, Samples, load_dataset
from .evaluation import OURS, BakedGrid, LightGrid
from .export import encode
from .fitting import fit, note
from .grid import Grid
from .light_sets import LightSet
from .lightings import Lightings
from .links import find_links
from .points import FIT_CELLS_BEYOND_BORDER, NORMAL_BIAS, SortedPoints
from .settings import LightGridSettings
from .virtual_fitting import Surfaces, rehearse, surfaces_of

Progress = typing.Callable[[str, int, int], None]
STEPS_GOING_ON = 4
"""Part of the steps that weights of nearly the same scene take."""
TRAINING_SETTINGS = ("light", "seed", "geometry_steps", "light_steps", "sh_window", "train_device", "threads")


@dataclasses.dataclass(frozen=True)
class Prepared:
    """One grid with what its probes saw.

    Attributes:
        sh: (P, 9, 3 G) traced radiance of each lighting, probes in geometry included; see :class:`Lightings`.
        dilated: the same with invalid probes filled in from their neighbours.
        geometry: validity and octahedral depth.
        generated: (P, 113) weighting networks from what the probes see; see :mod:`.generator`.
    """

    grid: Grid
    sh: np.ndarray
    dilated: np.ndarray
    geometry: baselines.ProbeGeometry
    generated: np.ndarray


def train_dataset(
    dataset_dir: Path,
    out_dir: Path,
    overrides: dict,
    progress: Progress,
    show: typing.Callable[[Path], None],
    keep: Path | None = None,
) -> dict:
    """Train on a dataset and write a whole artifact.

    Args:
        dataset_dir: what a capture left; see :mod:`core.dataset`.
        out_dir: an empty folder.
        overrides: settings that differ from the dataset's own.
        progress: called with a text, and steps done and in all.
        show: called with the path of every preview as soon as it is written.
        keep: an earlier result that is brought up to date where it is of the same scene; see :mod:`.updating`.

    Returns:
        The manifest as written.

    Raises:
        NeuralBakeError: a damaged dataset or shard, a bad setting, or a missing device.
    """
    lap = Laps()
    progress("read", 0, 1)
    dataset, settings = open_training(dataset_dir, overrides)
    lap("read")
    earlier = None if keep is None else load(keep)
    change = None if earlier is None else updating.find_change(dataset, earlier)
    if change is None:
        candidates, scores = fit_methods(dataset, settings, progress)
    elif change.moved:
        candidates, scores = fit_methods(dataset, settings, progress, [baked.weights for baked in change.grids])
    else:
        candidates = {OURS: updating.renew(dataset, settings, change, progress)}
        scores = {OURS: _score(candidates[OURS], dataset.samples("choose"), dataset.light_sets)}
    kept = min(scores, key=lambda name: (scores[name], name != OURS))
    lap("fit")
    if dataset.updated and change is not None:
        metrics_entry = updating.metrics_since(earlier, scores[OURS])
    else:
        metrics_entry = _report(dataset, candidates) | {"kept": kept, "choose": scores}
    lap("report")
    Path(out_dir, WEIGHTS).write_bytes(encode(candidates[kept], dataset.light_sets))
    view = dataset.view()
    if view is not None:
        if view.samples is not None:
            names = [name for name in dict.fromkeys((kept, "trilinear")) if name in candidates]
            results = {name: LightGrid(candidates[name], {}) for name in names}
            for path in preview.write(out_dir, view, results, kept):
                show(path)
        if dataset.light_sets:
            shown = set_view.see(view, LightGrid(candidates[kept], {}, dataset.light_sets))
            Path(out_dir, set_view.FILE).write_bytes(set_view.encode(shown))
            if view.samples is None:
                show(preview.write_alone(out_dir, shown.picture(np.stack([one.factor for one in dataset.light_sets]))))
    lap("preview")
    notes = [note()] if settings.train_device == "cpu" and note() else []
    updated = ("update",) if dataset.updated else ()
    notes += [updating.sentence(dataset.info["update"])] if dataset.updated and "update" in dataset.info else []
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
            "samples": {name: dataset.size(name) for name in ("train", "choose", "report")},
            "probes": sum(grid.count for grid, _ in dataset.grids),
            "grids": [
                {"name": name, "matrix": grid.matrix.tolist(), "resolution": list(grid.resolution)}
                for name, (grid, _) in zip(dataset.names, dataset.grids)
            ],
            "metrics": metrics_entry,
            "plan": dataset.info["plan_sha256"],
            "state": dataset.info.get("fingerprint"),
            **({"weights_kept": True} if change is not None and not change.moved else {}),
            **{key: dataset.info[key] for key in ("lamps", "light_sets", *updated) if key in dataset.info},
            "notes": [*dataset.info.get("notes", ()), *notes],
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
    if settings.light == "total" and dataset.settings.light != "total":
        raise NeuralBakeError(
            "measured_setting",
            "This dataset holds indirect light alone, so nothing can learn light=total from it.",
            "Bake again with --set light=total; such a dataset trains both.",
        )
    return LightGridDataset(dataset.dataset, settings.light), settings


def fit_methods(
    dataset: LightGridDataset,
    settings: LightGridSettings,
    progress: Progress,
    start: typing.Sequence[np.ndarray] | None = None,
) -> tuple[dict[str, list[BakedGrid]], dict[str, float]]:
    """Ours and every rival, tuned on the choosing points.

    Args:
        start: each grid's weights (P, 113) in nearly the same scene: a few steps go on from them, without rivals.

    Returns:
        The grids by method, and each method's relMSE on the choosing points.
    """
    choose = dataset.samples("choose")
    lightings = Lightings(dataset.light_sets)
    prepared = prepare(dataset, settings)
    candidates = {} if start else tuned_rivals(prepared, choose, progress, lightings)
    train, seen = dataset.samples("train"), dataset.train_sight()
    surfaces = None if start or not settings.light_steps else surfaces_of(dataset, settings.threads)
    candidates[OURS] = _fit_all(prepared, lightings, train, seen, choose, settings, progress, start, surfaces)
    scores = {name: _score(grids, choose, lightings.sets) for name, grids in candidates.items()}
    marks = [~part.geometry.valid for part in prepared]
    candidates = {
        name: [dataclasses.replace(baked, inside=mark) for baked, mark in zip(grids, marks)]
        for name, grids in candidates.items()
    }
    return candidates, scores


def prepare(dataset: LightGridDataset, settings: LightGridSettings) -> list[Prepared]:
    probes: Probes = dataset.probes()
    damping = spherical_harmonics.window(settings.sh_window)[:, None].astype(np.float32)
    shipped = generator.load()
    result = []
    for grid, part in dataset.grids:
        valid = probes.valid[part]
        light = probes.irradiance[part] if probes.sets is None else probes.sets[part]
        light = light.reshape(grid.count, len(probes.directions), -1)
        traced = spherical_harmonics.radiance_from_irradiance(probes.directions, light)
        traced = traced.astype(np.float32) * damping
        depth = baselines.octahedral_depth(grid, probes.ray_directions, probes.ray_distances[part])
        geometry = baselines.ProbeGeometry(valid, depth)
        networks = shipped.weights(grid, probes.ray_directions, probes.ray_distances[part])
        result.append(Prepared(grid, traced, baselines.dilate(grid, traced, valid), geometry, networks))
    return result


def tuned_rivals(
    prepared: list[Prepared],
    choose: Samples,
    progress: Progress,
    lightings: Lightings | None = None,
) -> dict[str, list[BakedGrid]]:
    """Every classic method, each in the configuration that the choosing set likes best."""
    lightings = lightings or Lightings(())
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
        grids = [lightings.grid(_rival(part, option, exclude)) for part in prepared]
        score = _score(grids, choose, lightings.sets)
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
    prepared: list[Prepared],
    lightings: Lightings,
    train: Samples,
    sight_bits: np.ndarray | None,
    choose: Samples,
    settings: LightGridSettings,
    progress: Progress,
    start: typing.Sequence[np.ndarray] | None = None,
    surfaces: Surfaces | None = None,
) -> list[BakedGrid]:
    """Fit each grid to the points in and just around it; per grid, the choosing set picks the regularisation.

    ``sight_bits``: see :meth:`LightGridDataset.train_sight`; ``start``: see :func:`fit_methods`;
    ``surfaces``: weights learn from virtual lights on them before.
    """
    damping = spherical_harmonics.window(settings.sh_window)[:, None].astype(np.float32)
    part_of_steps = STEPS_GOING_ON if start else 1
    result = []
    for number, part in enumerate(prepared):
        near = part.grid.border_distance(train.positions) > -FIT_CELLS_BEYOND_BORDER
        positions, normals, stored = train.positions[near], train.normals[near], lightings.of(train)[near]
        scale = lightings.scale(stored)
        lit = scale > 0.0
        if not lit.any():
            # A volume in the dark, or without a reachable point: its probes' own light is all there is to know.
            result.append(lightings.grid(_untrained(part)[0]))
            continue
        mean = float(lightings.total(stored).mean()) if lightings.sets else 0.0
        target = lightings.with_sum(stored[:, lit] / scale[lit], stored, mean)
        prior = part.dilated / damping  # the result is damped below, once
        prior = lightings.with_sum(prior[:, :, lit] / scale[lit], prior, mean)
        bits = None if sight_bits is None else sight_bits[near, number]
        depth = part.geometry.depth
        visibility = sight.geometry_weights(part.grid, depth, bits, positions, normals, NORMAL_BIAS, settings.threads)
        points = SortedPoints(part.grid, positions, normals, target, visibility, settings.train_device)
        text = "train" if len(prepared) == 1 else f"train {number + 1}/{len(prepared)}"
        seed, first = settings.seed + number, start[number] if start else None
        if surfaces is not None:
            tell = functools.partial(progress, f"{text}, virtual lights")
            first = rehearse(surfaces, points, positions, part.geometry.valid, settings, seed, tell)
        fits = fit(
            points,
            prior,
            seed,
            0 if surfaces and first is not None else settings.geometry_steps // part_of_steps,
            settings.light_steps // part_of_steps,
            functools.partial(progress, text),
            first,
            threads=settings.threads,
            links=find_links(part.grid, part.geometry),
        )
        inside = part.grid.border_distance(choose.positions) > -FIT_CELLS_BEYOND_BORDER
        own = choose.at(inside)
        options = []
        for fitted in fits:
            sh = part.dilated.copy()
            sh[:, :, lit] = fitted.sh[:, :, : lit.sum()] * scale[lit] * damping
            options.append(lightings.grid(BakedGrid(part.grid, sh, OURS, fitted.bias, fitted.weights)))
        options += [lightings.grid(baked) for baked in _untrained(part)]
        result.append(min(options, key=lambda baked: _merit([baked], own, lightings.sets)) if len(own) else options[0])
    return result


def _untrained(part: Prepared) -> list[BakedGrid]:
    """The generated networks over the probes' own light, that of probes inside geometry as dark as it is or filled in.

    No training point has a part in them, so they stand where there are too few of those.
    """
    return [BakedGrid(part.grid, sh, OURS, NORMAL_BIAS, part.generated) for sh in (part.sh, part.dilated)]


def _score(grids: list[BakedGrid], choose: Samples, sets: tuple[LightSet, ...] = ()) -> float:
    """relMSE on the choosing points. Their noise adds the same to every method, so the order is not biased.

    With light sets it is the mean of two: that of all light, and that of the single sets, in which an error still
    counts beside the mean of all light.
    """
    if not sets:
        result = LightGrid(grids, {}).irradiance(choose.positions, choose.normals)
        return metrics.relative_mse(result, choose.stored, choose.stored)
    factors = np.stack([one.factor for one in sets])
    parts = LightGrid(grids, {}, sets).set_irradiance(choose.positions, choose.normals) * factors
    whole = metrics.relative_mse(np.maximum(parts.sum(axis=1), 0.0), choose.stored, choose.stored)
    floor = metrics.RELATIVE_FLOOR * max(float(choose.stored.mean()), 1e-30) ** 2
    apart = choose.sets * factors
    return 0.5 * whole + 0.5 * float(np.mean((parts - apart) ** 2 / (apart**2 + floor), dtype=np.float64))


def _merit(grids: list[BakedGrid], choose: Samples, sets: tuple[LightSet, ...]) -> float:
    """What picks among our own results: relMSE times MSE on the choosing points.

    relMSE alone would take what costs sun patches much more than it gains elsewhere.
    """
    result = LightGrid(grids, {}).irradiance(choose.positions, choose.normals)
    return _score(grids, choose, sets) * float(np.mean((result - choose.stored) ** 2, dtype=np.float64))


def _report(dataset: LightGridDataset, candidates: dict[str, list[BakedGrid]]) -> dict:
    """Errors of every method on points used for nothing else."""
    first, second = dataset.samples("report_a", "report"), dataset.samples("report_b", "report")
    total = 0.5 * (first.total + second.total)
    order = [name for name in (OURS, *baselines.METHODS) if name in candidates]
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
        **_set_errors(dataset, candidates, first, second),
        "report_points": len(first),
        "configurations": configurations,
    }


def _set_errors(
    dataset: LightGridDataset, candidates: dict[str, list[BakedGrid]], first: Samples, second: Samples
) -> dict[str, dict]:
    """Errors of every method on each light set alone, and their noise floors; nothing without light sets."""
    if not dataset.light_sets:
        return {}
    result: dict[str, dict] = {one.name: {"held_out": {}} for one in dataset.light_sets}
    for name in (name for name in (OURS, *baselines.METHODS) if name in candidates):
        light = LightGrid(candidates[name], {}, dataset.light_sets).set_irradiance(first.positions, first.normals)
        for index, one in enumerate(dataset.light_sets):
            half_a, half_b = first.sets[:, index], second.sets[:, index]
            own = metrics.evaluate(np.maximum(light[:, index], 0.0), half_a, half_b, 0.5 * (half_a + half_b))
            result[one.name]["held_out"][name] = own
            result[one.name]["noise_floor"] = metrics.noise_floor(half_a, half_b)
    return {"light_sets": result}
