# SPDX-FileCopyrightText: 2026 Neural Bake developers
#
# SPDX-License-Identifier: GPL-3.0-or-later

"""What Cycles itself needs for a picture: denoised pictures of a dataset's held-out lights at several sample counts.

    python -m tests.benchmarks.relight_cycles SCENE.blend DATASET OUT.npz 1 2 4 8 16

A Blender process of its own, with the stage that captures use: geometry stays loaded, only the lamp moves. The first
picture, which loads it, is not timed.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

import numpy as np

from bake_workers import protocol
from bake_workers.capture import scene
from bake_workers.capture.relight_lamps import find_lamps
from bake_workers.capture.relight_render import Stage
from core.dataset import open_dataset
from core.relight.settings import RelightSettings

SEED = 9
"""Not one of the dataset's."""


def main(blend: Path, dataset: Path, out: Path, samples: list[int]) -> None:
    """Write ``images`` (S, R, H, W, 3), ``seconds`` (S, R) and ``samples`` (S,)."""
    data = open_dataset(dataset, "relight")
    settings = RelightSettings.from_dict(data.info["settings"])
    job = protocol.new_job(kind="relight", settings=settings.to_dict(), source=str(blend))
    opened = scene.open_scene(blend, job)
    camera = data.info["camera"]
    stage = Stage(opened, find_lamps(opened, settings.lamps), camera["width"], camera["height"], settings.threads)
    places = list(zip(data.plan["report_lamp"], data.plan["report_matrices"], strict=True))
    stage.picture(*places[0], 1, SEED, denoise=True)
    images, seconds = [], []
    for count in samples:
        for lamp, matrix in places:
            begin = time.monotonic()
            images.append(stage.picture(lamp, matrix, count, SEED, denoise=True))
            seconds.append(time.monotonic() - begin)
    shape = (len(samples), len(places))
    np.savez(
        out,
        images=np.stack(images).reshape(*shape, *images[0].shape),
        seconds=np.reshape(seconds, shape),
        samples=np.array(samples),
    )


if __name__ == "__main__":
    main(*(Path(word).absolute() for word in sys.argv[1:4]), [int(word) for word in sys.argv[4:]])
