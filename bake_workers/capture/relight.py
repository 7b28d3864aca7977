# SPDX-FileCopyrightText: 2026 Neural Bake developers
#
# SPDX-License-Identifier: GPL-3.0-or-later

"""Capture for relighting: from an open scene to a dataset folder with one picture per place of a lamp."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable
from pathlib import Path

import bpy
import numpy as np

from bake_workers import protocol
from core import colour
from core.dataset import Dataset, Shard
from core.errors import NeuralBakeError
from core.relight.settings import RelightSettings

from . import geometry, shards, view
from .emission import object_shines, world_shines
from .notes import file_notes
from .relight_domains import find_domain
from .relight_lamps import Lamp, describe, find_lamps, scene_world
from .relight_places import Domain, draw, unit
from .relight_render import Stage
from .scene import OpenScene

KIND = "relight"
FORMAT = 1
"""Raised whenever the same scene and settings would be measured differently, so that old shards are not reused."""
MEASURED = (
    "lamps domain domain_object lights report_lights width samples report_samples denoise visibility_lights seed"
).split()
"""Settings that a measurement depends on."""
LOOK_WIDTH = 64
"""Width of the small picture that tells what the camera sees."""
SHADOWS_PER_SHARD = 16
OVERHEAD = 6
"""What a picture costs beside its samples, in samples: Cycles' start, its denoiser, and the file."""
PREVIEW_SECONDS = 2.0
BLACK = 1e-4
"""Share of the brightest picture below which another one counts as black."""


def capture(opened: OpenScene, job: dict, directory: Path, events: protocol.Events) -> None:
    """Render the scene's lamps one by one and write the dataset; what is already there and verifies is kept.

    Args:
        opened: the scene.
        job: contents of ``job.json``.
        directory: the dataset folder.
        events: progress, notes and previews.

    Raises:
        NeuralBakeError: the scene has no usable camera or lamp, or the domain is none.
    """
    settings = RelightSettings.from_dict(job["settings"])
    events.progress(0, 1, "scene")
    camera = require_camera(opened, keep=job["save_to"] is not None)
    lamps = find_lamps(opened, settings.lamps)
    described = [describe(lamp, scene_world(opened)) for lamp in lamps]
    rest = rest_shines(opened, lamps)
    height = max(1, round(settings.width * view.picture_aspect(opened.scene)))
    evaluated = geometry.digest(opened)
    stage = Stage(opened, lamps, settings.width, height, settings.threads)
    seen = stage.seen(LOOK_WIDTH)
    domains = [find_domain(opened, lamp, settings, seen) for lamp in lamps]
    plan = make_plan(lamps, domains, settings)
    fingerprint = fingerprint_of(opened, settings, plan, evaluated, stage.can_denoise)
    dataset = shards.reopen(directory, KIND, fingerprint)
    if dataset is None:
        opened.notes.extend([*file_notes(), *relight_notes(opened, lamps)])
        if settings.denoise and not stage.can_denoise:
            opened.notes.append("This Blender has no OpenImageDenoise, so the pictures are not denoised.")
        info = {
            "kind": KIND,
            "settings": settings.to_dict(),
            "blender": bpy.app.version_string,
            "source": job["source"],
            "scene": opened.scene.name,
            "view_layer": opened.view_layer.name,
            "frame": opened.scene.frame_current,
            "unit_scale": opened.scene.unit_settings.scale_length,
            "camera": describe_camera(camera, settings.width, height),
            "lamps": [{**entry, "domain": domain.describe()} for entry, domain in zip(described, domains, strict=True)],
            "cycles": stage.state(),
            "notes": opened.notes,
            "scene_hash": opened.still_digest,
            "fingerprint": fingerprint,
            "shards": shards.cut_shards(set_sizes(plan, settings, rest), settings.seed),
        }
        dataset = shards.start(directory, info, plan, {"scene_hash": opened.digest})
    else:
        # what was measured stays, but training may have been asked for otherwise
        dataset = shards.renew(dataset, settings=settings.to_dict(), source=job["source"])
    for note in dataset.info["notes"]:
        events.note(note)
    looks = Looks(dataset, events)
    darkness = Darkness()

    def work(shard: Shard, _: dict) -> dict[str, np.ndarray]:
        return render_shard(stage, dataset.plan, shard, settings)

    def done(shard: Shard) -> None:
        if shard.set in {"train", "report_a"}:
            images = dataset.read_shard(shard)["image"]
            darkness.add(images, learned=shard.set == "train")
            if shard.set == "train":
                looks.show(images[-1])

    shards.measure(dataset, work, events.progress, done, timed=True)
    for note in darkness.notes():
        events.note(note)


def require_camera(opened: OpenScene, *, keep: bool) -> bpy.types.Object:
    """The scene's camera; ``keep`` says that the result will be saved on it.

    Raises:
        NeuralBakeError: there is none, it is panoramic, or it cannot keep a result.
    """
    camera = opened.scene.camera
    if camera is None or camera.type != 'CAMERA':
        raise NeuralBakeError("no_camera", "The scene has no camera.", "Add one and make it the scene's camera.")
    if camera.data.type not in {'PERSP', 'ORTHO'}:
        raise NeuralBakeError(
            "panoramic_camera",
            f"The camera {camera.name} is panoramic, and a relit view is flat.",
            "Choose a perspective or orthographic camera.",
        )
    if keep and (camera.library is not None or camera.override_library is not None):
        raise NeuralBakeError(
            "linked_target",
            f"{camera.name} belongs to another file, so Blender would lose the result at saving.",
            "Make it local, or bake without --save and load the result elsewhere.",
        )
    return camera


def rest_shines(opened: OpenScene, lamps: list[Lamp]) -> bool:
    """Whether anything but the learned lamps gives light."""
    learned = {lamp.object.name for lamp in lamps if lamp.object is not None}
    if all(lamp.object is not None for lamp in lamps) and world_shines(opened.scene, opened.view_layer):
        return True
    return any(object_shines(instance.object) for instance in opened.instances() if instance.object.name not in learned)


def describe_camera(camera: bpy.types.Object, width: int, height: int) -> dict:
    """What ``dataset.json`` says of the camera and its picture."""
    matrix = camera.matrix_world.normalized()  # a camera's scale means nothing to a render
    return {
        "name": camera.name,
        "width": width,
        "height": height,
        "position": list(matrix.translation),
        "matrix": [list(row) for row in matrix],
    }


def make_plan(lamps: list[Lamp], domains: list[Domain], settings: RelightSettings) -> dict[str, np.ndarray]:
    """Every place of every lamp by set: ``SET_lights``, ``SET_aims`` (N, 3), ``SET_lamp`` (N,), ``SET_matrices``."""
    # one independent generator a lamp: another lamp never changes the places of the first
    generators = np.random.SeedSequence(settings.seed).spawn(len(lamps))
    parts: dict[str, list[np.ndarray]] = {}
    for index, (lamp, domain, seed) in enumerate(zip(lamps, domains, generators, strict=True)):
        counts = {
            "train": settings.lights,
            "report": settings.report_lights,
            "visibility": settings.visibility_lights if lamp.object is not None else 0,  # the world casts no shadow
        }
        for name, matrices in draw(domain, counts, np.random.default_rng(seed)).items():
            arrays = {
                "lights": lights_of(lamp, matrices),
                "aims": -unit(matrices[:, :3, 2]) if lamp.aims else np.zeros((len(matrices), 3)),
                "lamp": np.full(len(matrices), index, np.int32),
                "matrices": matrices,
            }
            for key, array in arrays.items():
                kind = np.int32 if key == "lamp" else np.float32
                parts.setdefault(f"{name}_{key}", []).append(array.astype(kind))
    return {name: np.concatenate(arrays) for name, arrays in parts.items()}


def lights_of(lamp: Lamp, matrices: np.ndarray) -> np.ndarray:
    """What the learned model is given for a lamp at ``matrices`` (N, 4, 4): (N, 3), see :mod:`core.relight.dataset`."""
    if lamp.light == "position":
        return matrices[:, :3, 3]
    return unit(matrices[:, :3, 2 if lamp.light == "direction" else 0])


def set_sizes(plan: dict[str, np.ndarray], settings: RelightSettings, rest: bool) -> list[shards.SetSize]:
    """Pictures of every set that is rendered, in their order: what is changed in the scene for good comes last."""
    picture = {"cost": settings.samples + OVERHEAD}
    report = {"cost": settings.report_samples + OVERHEAD}
    return [
        shards.SetSize("base", int(rest), 1, report),
        shards.SetSize("buffers", 1, 1, picture),
        shards.SetSize("train", len(plan["train_lights"]), 1, picture),
        shards.SetSize("report_a", len(plan["report_lights"]), 1, report),
        shards.SetSize("report_b", len(plan["report_lights"]), 1, report),
        shards.SetSize("visibility", len(plan["visibility_lights"]), SHADOWS_PER_SHARD, {"cost": OVERHEAD}),
    ]


def render_shard(
    stage: Stage, plan: dict[str, np.ndarray], shard: Shard, settings: RelightSettings
) -> dict[str, np.ndarray]:
    """The arrays of one shard; see :mod:`core.relight.dataset`.

    Pictures of the error table are never denoised: what they are compared with must not be smoothed as they are.

    Raises:
        NeuralBakeError: Cycles failed, or returned values that are no numbers.
    """
    if shard.set == "buffers":
        return {name: array[None] for name, array in stage.buffers(shard.seed).items()}
    if shard.set == "base":
        image = stage.base(settings.report_samples, shard.seed, denoise=settings.denoise)
        return {"image": finite(image)[None]}
    kind = shard.set.partition("_")[0]
    run = slice(shard.first, shard.first + shard.count)
    places = list(zip(plan[f"{kind}_lamp"][run], plan[f"{kind}_matrices"][run], strict=True))
    if kind == "visibility":
        return {"visibility": np.stack([stage.visible_share(lamp, matrix, shard.seed) for lamp, matrix in places])}
    samples = settings.samples if kind == "train" else settings.report_samples
    denoise = settings.denoise and kind == "train"
    images = [stage.picture(lamp, matrix, samples, shard.seed, denoise=denoise) for lamp, matrix in places]
    return {"image": np.stack([finite(image) for image in images])}


def finite(image: np.ndarray) -> np.ndarray:
    """The same image (H, W, 3), if it consists of numbers.

    Raises:
        NeuralBakeError: it does not.
    """
    broken = ~np.isfinite(image).all(axis=2)
    if broken.any():
        row, column = np.argwhere(broken)[0]
        raise NeuralBakeError(
            "not_finite",
            f"Cycles rendered {int(broken.sum())} pixels that are not finite, first at column {column}, row {row}.",
            "A material or lamp there has an infinite or undefined value.",
        )
    return image


def fingerprint_of(
    opened: OpenScene, settings: RelightSettings, plan: dict[str, np.ndarray], evaluated: str, can_denoise: bool
) -> str:
    """Digest of all that decides what is rendered: shards of an earlier run with the same one are kept.

    Args:
        evaluated: digest of the evaluated geometry, and so of what the scene's own digest does not see.
    """
    scene, lens = opened.scene, opened.scene.camera.data
    focus = lens.dof.focus_object.matrix_world.translation if lens.dof.focus_object is not None else ()
    text = json.dumps(
        [
            FORMAT,
            bpy.app.version_string,
            scene.cycles.device,
            {key: getattr(settings, key) for key in MEASURED},
            {name: hashlib.sha256(array.tobytes()).hexdigest() for name, array in sorted(plan.items())},
            view.fingerprint(opened),
            [lens.clip_end, lens.dof.use_dof, lens.dof.focus_distance, lens.dof.aperture_fstop, *focus],
            [scene.cycles.sample_clamp_indirect, scene.cycles.filter_width, scene.cycles.pixel_filter_type],
            scene.render.film_transparent,
            opened.view_layer.name,
            opened.digest,
            evaluated,
            *(() if can_denoise else ("not denoised",)),
        ],
        sort_keys=True,
    )
    return hashlib.sha256(text.encode()).hexdigest()


def relight_notes(opened: OpenScene, lamps: list[Lamp]) -> list[str]:
    """Sentences on what may surprise in relit pictures."""
    notes = []
    if any(lamp.object is None for lamp in lamps) and not opened.scene.render.film_transparent:
        notes.append("The background turns with the world and is learned too; Film > Transparent leaves it out.")
    nodes = [
        lamp.name
        for lamp in lamps
        if lamp.object is not None
        and lamp.object.data.node_tree is not None
        and any(node.type.startswith("TEX_") for node in lamp.object.data.node_tree.nodes)
    ]
    if nodes:
        notes.append(f"The textures of these lamps are in the pictures, their colour is not: {', '.join(nodes)}.")
    return notes


class Looks:
    """Shows pictures of the lamps while they come, the first one at once."""

    def __init__(self, dataset: Dataset, events: protocol.Events) -> None:
        self._path = dataset.directory.parent / protocol.PREVIEW
        self._events = events
        self._clock: Callable[[], float] = time.monotonic
        self._shown = -np.inf

    def show(self, image: np.ndarray) -> None:
        """Show a picture (H, W, 3), unless the last one is too fresh."""
        if self._clock() - self._shown < PREVIEW_SECONDS:
            return
        self._shown = self._clock()
        view.write_png(self._path, colour.display(image, colour.exposure_for(image)))
        self._events.preview(self._path.name)


class Darkness:
    """Counts places from which a lamp gives no light to the picture."""

    def __init__(self) -> None:
        self._learned: list[float] = []
        self._lit = False

    def add(self, images: np.ndarray, *, learned: bool) -> None:
        """Count pictures (N, H, W, 3), ``learned`` from or only reported; these are as Cycles rendered them, and black
        where nothing arrives, while a denoiser leaves specks."""
        if learned:
            self._learned.extend(images.mean(axis=(1, 2, 3)).tolist())
        else:
            self._lit |= bool(images.any())

    def notes(self) -> list[str]:
        """A sentence where there are such places.

        Raises:
            NeuralBakeError: there are no others.
        """
        if not self._lit:
            raise NeuralBakeError(
                "no_light",
                "No lamp gives light to the picture from any of its places.",
                "Move the domain to where its light reaches what the camera sees.",
            )
        total = len(self._learned)
        black = sum(value <= BLACK * max(self._learned) for value in self._learned)
        if black > total // 8:
            return [f"From {black} of {total} places the picture stays black; the domain may reach into walls."]
        return []
