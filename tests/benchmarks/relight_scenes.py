# SPDX-FileCopyrightText: 2026 Neural Bake developers
#
# SPDX-License-Identifier: GPL-3.0-or-later

"""Error, time and size of relighting two scenes from 16, 32, 64 and 128 lights, beside every rival and beside Cycles.

    python -m tests.benchmarks.relight_scenes [--scene table] [--lights 16,64] [--dense SECONDS] [--cycles]

The scenes are the table-top of :mod:`.relight_scene`, its point lamp on a dome, and an office with a point lamp in a
box. Each is captured once, with the most lights (an interrupted capture goes on where it was), and smaller numbers take
the first ones, which are evenly spread too. All rows of an earlier run that were not measured again stay in the JSON.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np

from core.laps import Laps
from core.relight import dataset, judging, preview, training
from core.relight.dataset import RelightData
from core.relight.dense import DenseModel
from core.relight.evaluation import Relight
from core.relight.export import decode, encode
from core.relight.model import Residual, Transport
from core.relight.settings import RelightSettings

from .common import OUT, ROOT, SCENES, bake, save
from .relight_olat import rivals

MOST = 128
WIDTH = 256
SIZE = (464, 696)
"""Rows and columns of the picture that the published system relights; ours is timed at it too."""
CAPTURE = {"width": WIDTH, "lights": MOST, "report_lights": 8, "report_samples": 128, "visibility_lights": 256}
SETTINGS = {"table": {}, "office": {"lamps": "Desk", "domain": "box", "domain_object": "LampBox"}}
CYCLES_SAMPLES = (1, 2, 4, 8, 16, 32, 64)
OFFICE_LAMP = """
import bpy, sys
bpy.ops.wm.open_mainfile(filepath=sys.argv[1])
light = bpy.data.lights.new("Desk", 'POINT')
light.energy, light.shadow_soft_size = 150.0, 0.08
lamp, box = bpy.data.objects.new("Desk", light), bpy.data.objects.new("LampBox", None)
lamp.location = box.location = (-1.0, -3.2, 2.4)
box.scale = (2.5, 1.5, 0.8)
for made in (lamp, box):
    bpy.context.scene.collection.objects.link(made)
bpy.ops.wm.save_as_mainfile(filepath=sys.argv[2], check_existing=False, compress=True)
"""


def main() -> int:
    """Measure, print and write JSON."""
    parser = argparse.ArgumentParser(prog="tests.benchmarks.relight_scenes")
    parser.add_argument("--scene", choices=tuple(SETTINGS), help="one scene only")
    parser.add_argument("--lights", default="16,32,64,128", help="numbers of lights, separated by commas; '' for none")
    parser.add_argument("--dense", type=float, default=0.0, metavar="SECONDS", help="train the dense network too")
    parser.add_argument("--cycles", action="store_true", help="measure Cycles at equal error too")
    parser.add_argument("--dataset", type=Path, help="a captured dataset of that one scene, instead of capturing")
    words = parser.parse_args()
    path = OUT / "relight_scenes.json"
    rows = json.loads(path.read_text("utf-8"))["rows"] if path.is_file() else []
    for scene in [words.scene] if words.scene else SETTINGS:
        if scene == "office" and not (SCENES / "office.blend").is_file():
            print(f"skipped office: {SCENES} is missing")
            continue
        folder = words.dataset or capture(scene)
        data = dataset.read(folder)
        for count in (int(number) for number in words.lights.split(",") if number):
            if count <= len(data.train):
                rows = merged(rows, measure(scene, first(data, count), count, words.dense))
        if words.cycles:
            rows = merged(rows, cycles(scene, folder, data, rows))
        show(scene, rows)
        save("relight_scenes", rows)
    return 0


def capture(scene: str) -> Path:
    """The scene's dataset, captured as far as it is missing."""
    blend, out = write_scene(scene), OUT / f"relight_{scene}"
    words = [word for item in {**CAPTURE, **SETTINGS[scene]}.items() for word in ("--set", "=".join(map(str, item)))]
    bake(blend, out, "--resume", *words, kind="relight")
    return out.with_name(out.name + ".job") / "dataset"


def write_scene(scene: str) -> Path:
    """The scene's .blend, written if it is missing."""
    path = OUT / f"{scene}.blend"
    if not path.is_file():
        OUT.mkdir(parents=True, exist_ok=True)
        words = ["-m", "tests.benchmarks.relight_scene", path]
        if scene == "office":
            words = ["-c", OFFICE_LAMP, SCENES / "office.blend", path]
        run(*words)
    return path


def run(*words: object) -> None:
    """Run this Python with ``words``, quietly."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    subprocess.run([sys.executable, *map(str, words)], cwd=ROOT, env=environment, check=True, stdout=subprocess.DEVNULL)


def first(data: RelightData, count: int) -> RelightData:
    """The dataset with the first ``count`` lights of every lamp."""
    kept = np.concatenate([np.flatnonzero(data.train.lamp == index)[:count] for index in range(len(data.lamps))])
    train = data.train
    parts = {field.name: getattr(train, field.name)[kept] for field in dataclasses.fields(train)}
    return dataclasses.replace(data, train=dataclasses.replace(train, **parts))


def measure(scene: str, data: RelightData, count: int, dense: float) -> list[dict]:
    """Rows of every method, of the noise floor and of the costs; also writes pictures."""
    settings = RelightSettings(model="dense" if dense else "factored", dense_seconds=dense or 1.0)
    lap = Laps()
    cpu = time.process_time()
    view, trained = training.fit(data, settings, lambda *_: None, lap)
    cpu, spent = time.process_time() - cpu, lap.seconds
    stored = encode(view)
    view = decode(stored, {}, "benchmark")
    entry = judging.report(data, view, trained)
    ours, network = entry["held_out"]["ours"], trained[0].dense
    ours |= {"bytes": len(stored), "choice": [str(one.choice) for one in trained]}
    ours |= {"seconds": sum(value for name, value in spent.items() if name != "dense")}
    ours |= {"seconds_of": spent} | ({} if dense else {"cpu_seconds": cpu})
    ours["milliseconds_696x464"] = 1000.0 * judging.picture_seconds(data, enlarged(view))
    if network is not None:
        entry["held_out"]["dense"] |= {"seconds": spent["dense"], "steps": network.steps}
        entry["held_out"]["dense"]["milliseconds_696x464"] = 1000.0 * dense_seconds(network, data.report.lights[0])
    for name, values in tone_mapped(data, trained).items():
        entry["held_out"][name] = values
    entry["held_out"]["noise floor"] = entry["noise_floor"]
    names = list(entry["held_out"])
    best = min((name for name in names if name not in ("ours", "noise floor")), key=lambda name: relative(entry, name))
    shots = judging.shots(data, view, trained, {**entry, "kept": "ours", "held_out": plain(entry)})
    folder = OUT / f"relight_{scene}_{count}"
    folder.mkdir(parents=True, exist_ok=True)
    preview.write(folder, shots, "ours")
    seconds = data.info.get("seconds", {})
    times = {f"capture_{name}": value for name, value in seconds.items()}
    if "train" in seconds:
        times["capture_train"] = seconds["train"] * count / data.info["settings"]["lights"]
    rows = [{"scene": scene, "lights": count, "method": name, **entry["held_out"][name]} for name in names]
    return [*rows, {"scene": scene, "lights": count, "method": "costs", "best_rival": best, **times}]


def relative(entry: dict, name: str) -> float:
    return entry["held_out"][name]["relative"]


def plain(entry: dict) -> dict:
    """The methods that the product has."""
    return {name: values for name, values in entry["held_out"].items() if "," not in name and name != "noise floor"}


def tone_mapped(data: RelightData, trained: list[training.Trained]) -> dict[str, dict[str, float]]:
    """Errors of the rivals when they blend tone-mapped pictures, which the product does not offer."""
    found: dict[str, list[dict[str, float]]] = {}
    kept = judging.judged(data)
    for index, one in enumerate(trained):
        train = data.train.lamp == index
        report = np.array([number for number in kept if data.report.lamp[number] == index], int)
        directions = data.lamps[index]["light"] != "position"
        pictures = rivals(
            data.train.images[train], data.train.lights[train], data.report.lights[report], one.tone, directions
        )
        for name, results in pictures.items():
            if "," in name:
                for result, reference in zip(results, data.report.images[report], strict=True):
                    found.setdefault(name, []).append(judging.errors(result, reference, one.tone))
    return {
        name: {key: float(np.mean([entry[key] for entry in entries])) for key in entries[0]}
        for name, entries in found.items()
    }


def enlarged(view: Relight) -> Relight:
    """The view at 696x464 by repeating its pixels, to be timed: the time of a picture depends on their number."""
    rows, columns = (np.arange(size) * old // size for size, old in zip(SIZE, (view.height, view.width), strict=True))
    full = np.full(view.height * view.width, -1)
    full[view.pixels] = np.arange(len(view.pixels))
    source = full.reshape(view.height, view.width)[rows][:, columns].ravel()
    pixels = np.flatnonzero(source >= 0)
    source = source[pixels]
    base = None if view.base is None else view.base[rows][:, columns]
    parts = tuple(_repeated(part, source) for part in view.transports)
    return dataclasses.replace(view, transports=parts, width=SIZE[1], height=SIZE[0], pixels=pixels, base=base)


def _repeated(part: Transport, source: np.ndarray) -> Transport:
    def taken(array: np.ndarray | None) -> np.ndarray | None:
        return None if array is None else np.ascontiguousarray(array[..., source])

    rest = part.residual
    residual = Residual.of(taken(rest.luma), taken(rest.chroma), rest.luma_table, rest.chroma_table)
    shadows = part.shadows and dataclasses.replace(part.shadows, values=taken(part.shadows.values))
    return dataclasses.replace(
        part,
        surface=part.surface and part.surface.part(source),
        roughness=taken(part.roughness),
        coefficients=taken(part.coefficients),
        ambient=taken(part.ambient),
        tint=taken(part.tint),
        residual=residual,
        shadows=shadows,
    )


def dense_seconds(model: DenseModel, light: np.ndarray) -> float:
    """Time of the dense network's picture at 696x464."""
    rows, columns = (np.arange(size) * old // size for size, old in zip(SIZE, model.mean.shape[:2], strict=True))
    large = dataclasses.replace(model, mean=model.mean[rows][:, columns])
    begin = time.perf_counter()
    large.render(light)
    return time.perf_counter() - begin


def cycles(scene: str, folder: Path, data: RelightData, rows: list[dict]) -> list[dict]:
    """Cycles' error and time at several sample counts, and its time where its error is ours."""
    out = OUT / f"relight_{scene}_cycles.npz"
    run("-m", "tests.benchmarks.relight_cycles", write_scene(scene), folder, out, *CYCLES_SAMPLES)
    with np.load(out) as file:
        images, seconds, samples = file["images"], file["seconds"].min(axis=1), file["samples"]
    tone, kept = training.Tone.from_images(data.train.images), judging.judged(data)
    errors = np.array([tone.mean_relative_error(shots[kept], data.report.images[kept]) for shots in images])
    found = [
        {"scene": scene, "method": f"cycles {count}", "relative": error, "seconds": taken}
        for count, error, taken in zip(samples.tolist(), errors.tolist(), seconds.tolist(), strict=True)
    ]
    for row in rows:
        if row["scene"] == scene and row["method"] == "ours":
            # least time at which the error, which falls with the samples, is at most ours
            enough = np.flatnonzero(errors <= row["relative"])
            row["cycles_samples"] = int(samples[enough[0]]) if len(enough) else None
            row["cycles_ratio"] = 1000.0 * float(seconds[enough[0]]) / row["milliseconds"] if len(enough) else None
            row["cycles_ratio_of_one_sample"] = 1000.0 * float(seconds[0]) / row["milliseconds"]
    return found


def show(scene: str, rows: list[dict]) -> None:
    """Print one line a method and one column a number of lights."""
    own = [row for row in rows if row["scene"] == scene and "lights" in row]
    counts = sorted({row["lights"] for row in own})
    print(f"\n{scene:28}" + "".join(f"{count:>10}" for count in counts) + "   relative error by number of lights")
    for name in dict.fromkeys(row["method"] for row in own if row["method"] != "costs"):
        cells = {row["lights"]: row["relative"] for row in own if row["method"] == name}
        print(f"{name:28}" + "".join(f"{cells[count]:10.4f}" if count in cells else f"{'-':>10}" for count in counts))
    for key in ("seconds", "milliseconds", "milliseconds_696x464", "bytes", "cycles_samples", "cycles_ratio"):
        cells = {row["lights"]: row.get(key) for row in own if row["method"] == "ours"}
        text = "".join(f"{'-' if cells[count] is None else format(cells[count], '.1f'):>10}" for count in counts)
        print(f"ours: {key:22}{text}")
    for row in rows:
        if row["scene"] == scene and row["method"].startswith("cycles"):
            print(f"{row['method'] + ' samples':28}{row['relative']:10.4f}{row['seconds']:10.2f} s")


def merged(earlier: list[dict], rows: list[dict]) -> list[dict]:
    """``earlier`` without what ``rows`` measure again, and ``rows``."""
    measured = {(row["scene"], row.get("lights"), row["method"]) for row in rows}
    return [row for row in earlier if (row["scene"], row.get("lights"), row["method"]) not in measured] + rows


if __name__ == "__main__":
    sys.exit(main())
