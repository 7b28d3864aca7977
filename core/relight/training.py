# SPDX-FileCopyrightText: 2026 Neural Bake developers
#
# SPDX-License-Identifier: GPL-3.0-or-later

"""From pictures under known lights to an artifact: fit, judge beside the rivals, keep the better one, report, draw."""

from __future__ import annotations

import dataclasses
import typing
from pathlib import Path

import numpy as np

from .. import artifact
from ..errors import NeuralBakeError
from ..laps import Laps
from . import KIND, WEIGHTS, dataset, fitting, gloss, judging, onnx_export, photometric, preview, reduction, shading
from .dataset import RelightData
from .evaluation import Relight, mean_spacing
from .export import decode, encode, towards
from .model import Transport
from .settings import RelightSettings
from .tone import Tone
from .visibility import ShadowTable, learn, pack

if typing.TYPE_CHECKING:
    from .dense import DenseModel

Progress = typing.Callable[[str, int, int], None]
TRAINING_SETTINGS = ("model", "size", "dense_seconds", "train_device", "threads", "seed")
ONNX = "relight.onnx"


@dataclasses.dataclass(frozen=True)
class Trained:
    """One lamp, learned in every way.

    Attributes:
        tone: space of its errors.
        ours: factored transport.
        dense: the dense network, where it was asked for.
        choose: error of every method on lights left out.
        choice: how ``ours`` was fitted; None of a single light.
    """

    tone: Tone
    ours: Transport
    dense: DenseModel | None
    choose: dict[str, float]
    choice: fitting.Choice | None


def train_dataset(
    dataset_dir: Path, out_dir: Path, overrides: dict, progress: Progress, show: typing.Callable[[Path], None]
) -> dict:
    """Train on a dataset of ours, or on pictures from elsewhere, and write a whole artifact.

    Args:
        dataset_dir: what a capture left, see :mod:`.dataset`; else a folder or file for :mod:`.foreign`.
        out_dir: an empty folder.
        overrides: settings that differ from the dataset's own.
        progress: called with a text, and steps done and in all.
        show: called with the path of every preview as soon as it is written.

    Returns:
        The manifest as written.

    Raises:
        NeuralBakeError: damaged or unusable pictures, a bad setting, or a missing device.
    """
    lap = Laps()
    progress("read", 0, 1)
    data, settings = open_training(Path(dataset_dir), overrides)
    lap("read")
    ours, trained = fit(data, settings, progress, lap)
    kept = _kept(trained)
    weights = encode(ours)
    # judged as it is stored, rounded
    judged = decode(weights, {}, WEIGHTS)
    if kept != "ours":
        weights = encode(dataclasses.replace(ours, transports=_transports(trained, kept, data, ours.pixels)))
    Path(out_dir, WEIGHTS).write_bytes(weights)
    exported, notes = None, []
    try:
        exported = onnx_export.export(decode(weights, {}, WEIGHTS), Path(out_dir, ONNX))
    except NeuralBakeError as error:  # too large for the format, or an engine without the package: the rest is whole
        notes.append(f"There is no {ONNX}: {error.message} {error.hint}")
    lap("write")
    count = len(judging.judged(data))
    entry = judging.report(data, judged, trained) if count else {"held_out": {}, "noise_floor": {}}
    entry |= {"kept": kept, "choose": _mean_choose(trained), "report_lights": count}
    lap("report")
    for name, stages in {"ours": ("shadows", "fit"), "dense": ("dense",)}.items():
        if name in entry["held_out"]:
            entry["held_out"][name]["seconds"] = sum(lap.seconds[stage] for stage in stages)
    if count:
        for path in preview.write(out_dir, judging.shots(data, judged, trained, entry), kept):
            show(path)
    lap("preview")
    height, width = data.size
    info = data.info
    return artifact.write_manifest(
        out_dir,
        {
            "kind": KIND,
            "settings": settings.to_dict(),
            "scene_hash": info.get("scene_hash", ""),
            **{key: info.get(key) for key in ("blender", "source", "scene", "view_layer", "frame", "seconds")},
            "seeds": {"capture": settings.seed, "train": settings.seed},
            "camera": data.camera,
            "lamps": list(data.lamps),
            "width": width,
            "height": height,
            "weights_size": len(weights),
            "onnx": exported,
            "fit": [None if one.choice is None else dataclasses.asdict(one.choice) for one in trained],
            "metrics": entry,
            "notes": [*info.get("notes", ()), *judging.notes(data, count, bool(entry["choose"])), *notes],
            "timings": {"train_stages": lap.seconds},
        },
    )


def open_training(path: Path, overrides: dict) -> tuple[RelightData, RelightSettings]:
    """The pictures and the settings in force: the dataset's own, then the overrides.

    Raises:
        NeuralBakeError: damaged pictures, or an override that only a new measurement could follow.
    """
    if not (path / "dataset.json").is_file():
        settings = RelightSettings.from_dict(overrides)
        from . import foreign  # its readers of image files

        return foreign.read(path, settings), settings
    data = dataset.read(path)
    own = RelightSettings.from_dict(data.info["settings"])
    settings = RelightSettings.from_dict({**own.to_dict(), **overrides})
    for field in dataclasses.fields(settings):
        if field.name not in TRAINING_SETTINGS and getattr(settings, field.name) != getattr(own, field.name):
            raise NeuralBakeError(
                "measured_setting",
                f"Setting {field.name} belongs to the capture, and this dataset was captured with another value.",
                "Bake again, or leave it out.",
            )
    return data, settings


def fit(
    data: RelightData, settings: RelightSettings, progress: Progress, lap: typing.Callable[[str], None]
) -> tuple[Relight, list[Trained]]:
    """Learn every lamp.

    Returns:
        The view with the factored transports, and all that was learned.
    """
    images = data.train.images
    lit = images.max(axis=(0, 3)) > 0.0
    if data.buffers:
        lit |= data.buffers["coverage"] > 0.0
    pixels = np.flatnonzero(lit.ravel())
    if not images.any():
        raise NeuralBakeError("no_light", "Every picture is black.", "Check the lamp's power and where it may go.")
    surface = surface_of(data, pixels)
    patches = None
    if surface is not None and surface.view is not None:
        albedo = data.buffers["albedo"].reshape(-1, 3)[pixels].T
        patches = gloss.patches(albedo, surface.position, settings.seed)
    room = int(settings.size * 1e6) - fixed_size(data, len(pixels), surface)
    trained, spacing, domains = [], [], []
    for index, lamp in enumerate(data.lamps):
        progress(f"fit {lamp['name']}", index, len(data.lamps))
        chosen = data.train.lamp == index
        lights, aims = (getattr(data.train, name)[chosen].astype(np.float64) for name in ("lights", "aims"))
        own = _flat(images[chosen], pixels)
        shadows = shadows_of(data, index, pixels, surface, lamp, settings.seed)
        lap("shadows")
        one = fit_lamp(lamp, lights, aims, own, surface, shadows, patches, room // len(data.lamps), settings.seed)
        lap("fit")
        if settings.model == "dense":
            one = add_dense(one, lights, images[chosen], settings, progress)
            lap("dense")
        trained.append(one)
        spacing.append(mean_spacing(lights))
        domains.append(lights)
    transports = tuple(one.ours for one in trained)
    height, width = data.size
    base = None if data.base is None else data.base.astype(np.float32)
    return (
        Relight(transports, data.lamps, width, height, data.camera, pixels, base, tuple(spacing), tuple(domains), {}),
        trained,
    )


def fit_lamp(
    lamp: dict,
    lights: np.ndarray,
    aims: np.ndarray,
    images: np.ndarray,
    surface: shading.Surface | None,
    shadows: ShadowTable | None,
    patches: np.ndarray | None,
    room: int,
    seed: int,
) -> Trained:
    """The factored transport of one lamp.

    Args:
        lights, aims: (N, 3).
        images: (N, 3, P) linear.
        surface: None where no scene is known.
        shadows: None where none were traced.
        patches: (P,), see :mod:`.gloss`; None where no albedo is known.
        room: bytes for the transport.
    """
    tone = Tone.from_images(images)
    if surface is None and lamp["light"] == "direction":
        found = photometric.normals(images, lights)
        surface = None if found is None else shading.Surface(found)
    view = fitting.View(None if lamp["light"] == "rotation" else surface, shadows, patches)
    choice, errors = None, {}
    if len(lights) > 2:
        choice, errors = fitting.choose(lamp, lights, aims, images, view, tone, seed)
    used = choice or fitting.Choice("none", False, "linear", 0.0)
    return Trained(tone, factored(lamp, lights, aims, images, view, used, room), None, errors, choice)


def factored(
    lamp: dict,
    lights: np.ndarray,
    aims: np.ndarray,
    images: np.ndarray,
    view: fitting.View,
    choice: fitting.Choice,
    room: int,
) -> Transport:
    """Fit all pixels as ``choice`` says; see :func:`fit_lamp`."""
    pixels = images.shape[2]
    ambient, roughness, coefficients = None, None, np.zeros((0, 3, pixels), np.float32)
    if choice.root:
        ambient = np.zeros((3, pixels), np.float32)
    rest = np.sqrt(np.maximum(images, 0.0)) if choice.root else images.copy()
    if choice.factors != "none":
        direct = fitting.fit_direct(lamp, lights, aims, images, view, choice.factors == "gloss")
        coefficients, roughness = direct.coefficients, direct.roughness
        ambient = direct.ambient if choice.root else None
        fitting.subtract(rest, lamp, lights, aims, view, direct, choice.root)
        room -= (
            2 * coefficients.size
            + (0 if roughness is None else pixels)
            + (0 if view.shadows is None else len(pack(view.shadows.values)))
        )
    room -= (2 + 4 * choice.root) * 3 * pixels
    tint = reduction.tint_of(images)
    residual = reduction.reduce(rest, tint, room)
    return Transport(
        lamp=lamp,
        lights=lights,
        aims=aims,
        method="ours",
        kernel=choice.kernel,
        smoothing=choice.smoothing,
        root=choice.root,
        surface=view.surface if len(coefficients) else None,
        roughness=roughness,
        coefficients=coefficients,
        ambient=ambient,
        tint=tint,
        residual=residual,
        shadows=view.shadows if len(coefficients) else None,
    )


def add_dense(
    one: Trained, lights: np.ndarray, images: np.ndarray, settings: RelightSettings, progress: Progress
) -> Trained:
    """Train the dense network: on some lights, to be judged on the others, and then on all of them.

    Args:
        lights: (N, 3).
        images: (N, H, W, 3).
    """
    from . import dense_fitting  # torch, which nothing else here needs

    def train(chosen: np.ndarray) -> DenseModel:
        return dense_fitting.fit(
            images[chosen],
            lights[chosen].astype(np.float32),
            one.ours.lamp["light"],
            settings.dense_seconds,
            settings.seed,
            settings.train_device,
            progress=lambda done, total: progress("train dense", int(done), int(total)),
        )

    choose = dict(one.choose)
    if choose:
        held = fitting.folds(len(lights), settings.seed)[0]
        part = train(np.setdiff1d(np.arange(len(lights)), held))
        choose["dense"] = float(np.mean([one.tone.relative_error(part.render(lights[i]), images[i]) for i in held]))
    return dataclasses.replace(one, dense=train(np.arange(len(lights))), choose=choose)


def surface_of(data: RelightData, pixels: np.ndarray) -> shading.Surface | None:
    """What the pixels see; a pixel without a normal of its own faces the camera, and fits find that it reflects
    nothing."""
    if not data.buffers:
        return None
    normal = np.ascontiguousarray(data.buffers["normal"].reshape(-1, 3)[pixels].T, np.float32)
    position = np.ascontiguousarray(data.buffers["position"].reshape(-1, 3)[pixels].T, np.float32)
    view = towards(data.camera, position)
    length = np.sqrt(shading.dot(normal, normal))
    normal = np.where(length > 0.5, normal / np.where(length > 0.5, length, 1.0), 0.0 if view is None else view)
    return shading.Surface(normal.astype(np.float16).astype(np.float32), position, view)


def shadows_of(
    data: RelightData, lamp: int, pixels: np.ndarray, surface: shading.Surface | None, description: dict, seed: int
) -> ShadowTable | None:
    """A lamp's traced shadows. Where a surface faces away it counts as lit: its cosine is zero there anyway, and an
    edge that nobody sees would only blur the one that is seen."""
    if data.visibility is None or surface is None:
        return None
    chosen = data.visibility.lamp == lamp
    if not chosen.any():
        return None
    lights, aims = data.visibility.lights[chosen], data.visibility.aims[chosen]
    values = data.visibility.values[chosen].reshape(len(lights), -1)[:, pixels]
    for row, light, aim in zip(values, lights, aims, strict=True):
        row[shading.diffuse(shading.arrive(surface, description, light, aim)) <= 0.0] = 255
    return learn(lights, values, seed)


def fixed_size(data: RelightData, pixels: int, surface: shading.Surface | None) -> int:
    """Bytes of what all lamps share."""
    height, width = data.size
    return (
        (0 if surface is None else 18 * pixels) + (0 if data.base is None else 6 * height * width) + height * width // 8
    )


def _kept(trained: list[Trained]) -> str:
    """The method of least error on lights left out, over all lamps; ours where nothing could be left out."""
    means = _mean_choose(trained)
    return min(means, key=lambda name: (means[name], name != "ours")) if means else "ours"


def _mean_choose(trained: list[Trained]) -> dict[str, float]:
    names = set.intersection(*(set(one.choose) for one in trained))
    return {name: float(np.mean([one.choose[name] for one in trained])) for name in sorted(names)}


def _transports(
    trained: list[Trained], kept: str, data: RelightData, pixels: np.ndarray
) -> tuple[Transport | DenseModel, ...]:
    """The lamps by a rival: its weights of the captured pictures, or the dense network."""
    if kept == "dense":
        return tuple(one.dense for one in trained)
    transports = []
    for index, one in enumerate(trained):
        images = _flat(data.train.images[data.train.lamp == index], pixels)
        tint = reduction.tint_of(images)
        transports.append(
            dataclasses.replace(
                one.ours,
                method=kept,
                root=False,
                surface=None,
                roughness=None,
                coefficients=np.zeros((0, 3, len(pixels)), np.float32),
                ambient=None,
                tint=tint,
                residual=reduction.reduce(images, tint, images.size),
                shadows=None,
            )
        )
    return tuple(transports)


def _flat(images: np.ndarray, pixels: np.ndarray) -> np.ndarray:
    """Pictures (N, H, W, 3) as the chosen pixels (N, 3, P)."""
    return np.ascontiguousarray(images.reshape(len(images), -1, 3)[:, pixels].transpose(0, 2, 1))
