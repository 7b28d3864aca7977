# SPDX-FileCopyrightText: 2026 Neural Bake developers
#
# SPDX-License-Identifier: GPL-3.0-or-later

"""``python -m bake_workers``: bake, train and show without a window, in the words of :mod:`bake_workers.arguments`."""

from __future__ import annotations

import argparse
import importlib
import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

from core import artifact
from core.errors import NeuralBakeError

from . import arguments, protocol, runner
from .children import environment, is_python, module_command, require_module
from .jobfolder import job_directory
from .terminal import JsonLines

ENGINE_HINT = "Name a Python with torch by --engine or NEURAL_BAKE_ENGINE."
BLENDER_HINT = "Install the bpy module, or name a Blender by --blender."


def main(argv: list[str] | None = None) -> int:
    """Run one command; returns the exit code: 0, 2 for bad input, 130 for cancelled, 1 for anything else."""
    try:
        args = arguments.parse(argv, "python -m bake_workers")
    except SystemExit as leave:  # argparse has said why, or shown its help
        return leave.code if isinstance(leave.code, int) else protocol.EXIT_BAD_INPUT
    try:
        if getattr(args, "parent_pipe", False):
            protocol.watch_parent()
        return {"bake": bake, "train": train, "show": show, "compact": compact, "run": run}[args.command](args)
    except (runner.Cancelled, KeyboardInterrupt):
        end_event(args, "cancelled")
        print("cancelled. Go on with --resume.", file=sys.stderr)
        return protocol.EXIT_CANCELLED
    except NeuralBakeError as error:
        if not isinstance(error, runner.StageError):  # a stage has sent its event already
            end_event(args, "error", stage="runner", code=error.code, message=error.message, hint=error.hint)
        print(f"error: {error}", file=sys.stderr)
        return error.exit_code
    except BrokenPipeError:  # only the table at the end can meet this: who reads has seen enough
        sys.stdout = open(os.devnull, "w", encoding="utf-8")
        return protocol.EXIT_OK
    except OSError as error:
        code, message, hint = protocol.describe_os_error(error)
        end_event(args, "error", stage="runner", code=code, message=message, hint=hint)
        print(f"error: {message} {hint}".rstrip(), file=sys.stderr)
        return protocol.EXIT_FAILED


def end_event(args: argparse.Namespace, kind: str, **values: object) -> None:
    """Tell a machine that reads our events how it ended."""
    if getattr(args, "json", False):
        JsonLines(sys.stdout).event({"type": kind, **values, "time": round(time.time(), 3)})


def bake(args: argparse.Namespace) -> int:
    """``bake SCENE.blend``: capture, train, and with --save write the result into a .blend."""
    settings = read_settings(args.kind, args.settings, args.preset)
    blend, out = absolute(args.scene_file), absolute(args.out)
    runner.check_blend(blend)
    if args.kind != "light_grid" and (args.volume or args.bounds_object or args.inside):
        raise NeuralBakeError(
            "bad_input",
            f"--volume, --bounds-object and --inside belong to light_grid, not to {args.kind}.",
            "Leave them out.",
        )
    if args.volume and args.bounds_object:
        raise NeuralBakeError("bad_input", "--volume and --bounds-object exclude each other.", "Leave one of them out.")
    if args.update and settings.get("light_sets", "all") == "all":
        raise NeuralBakeError(
            "bad_input",
            "--update needs light sets: without them all lights are measured together.",
            "Add --set light_sets=lamps, or leave --update out.",
        )
    if args.update:
        require_weights(out)
    save_to = None if args.save is None else save_target(blend, args.save)
    description = protocol.new_job(
        kind=args.kind,
        settings=settings,
        source=str(blend),
        scene=args.scene,
        view_layer=args.view_layer,
        frame=args.frame,
        bounds_object=args.bounds_object,
        volumes=tuple(args.volume),
        inside=tuple(args.inside),
        cycles=cycles_devices(args.cycles_devices),
        save_to=None if save_to is None else str(save_to),
        update=args.update,
    )
    manifest = runner.run(
        job=job_directory(out),
        out=out,
        programs=find_programs(args),
        as_json=args.json,
        description=description,
        resume=args.resume or args.update,
        work=lambda run: run.bake(blend=blend, save_to=save_to, update=args.update),
    )
    return report(args, out, manifest)


def require_weights(out: Path) -> None:
    """Refuse to update a result that has no weights to keep."""
    if not (out / "manifest.json").is_file():
        raise NeuralBakeError("no_artifact", f"{out} holds no result to update.", "Bake it first.")
    kept = artifact.read_manifest(out, "light_grid")["metrics"]["kept"]
    if kept != "ours":
        raise NeuralBakeError(
            "no_weights", f"{out} was baked by {kept} and has no weights to keep.", "Bake with --resume instead."
        )


def run(args: argparse.Namespace) -> int:
    """``run JOB``: the same for a job folder that was written before, as the add-on does."""
    if hasattr(os, "nice"):
        os.nice(10)  # somebody works at this machine; the stages inherit it
    job, out = absolute(args.job), absolute(args.out)
    description = protocol.read_job(job)
    kind, update = description["kind"], description["update"]
    read_settings(kind, [])
    if update:
        require_weights(out)
    blend = absolute(args.blend) if args.blend else job / "scene.blend"
    runner.check_blend(blend)
    manifest = runner.run(
        job=job,
        out=out,
        programs=find_programs(args),
        as_json=args.json,
        description=None,
        resume=args.resume or update,
        work=lambda run: run.bake(blend=blend, save_to=None, update=update),
    )
    return report(args, out, manifest)


def train(args: argparse.Namespace) -> int:
    """``train DATASET``: the training stage alone, from a measured dataset or, for relight, pictures from elsewhere."""
    overrides = read_settings(args.kind, args.settings)
    dataset, out = absolute(args.dataset), absolute(args.out)
    if args.kind == "relight" and not dataset.exists():
        raise NeuralBakeError("no_dataset", f"There is no {dataset}.", "Name a dataset, or a folder of pictures.")
    if args.kind != "relight" and not (dataset / "dataset.json").is_file():
        raise NeuralBakeError("no_dataset", f"{dataset} holds no dataset (dataset.json is missing).", "Bake first.")
    job = job_directory(out)
    # In the job folder of the bake that measured the dataset, its job.json stays: it still describes the dataset.
    description = (
        None if (job / "job.json").is_file() else protocol.new_job(kind=args.kind, settings=overrides, source="")
    )
    manifest = runner.run(
        job=job,
        out=out,
        programs=find_programs(args),
        as_json=args.json,
        description=description,
        resume=True,
        work=lambda run: run.train(dataset=dataset, kind=args.kind, overrides=overrides),
    )
    return report(args, out, manifest)


def show(args: argparse.Namespace) -> int:
    """``show DIR``: the table of a result, after its files have been verified."""
    manifest = artifact.read_manifest(absolute(args.directory))
    print(json.dumps(manifest, indent=1) if args.json else table(manifest))
    return protocol.EXIT_OK


def compact(args: argparse.Namespace) -> int:
    """``compact DIR``: the result in the form that engines store, made by the engine."""
    directory, out = absolute(args.directory), absolute(args.out)
    artifact.read_manifest(directory, "light_grid")
    if out.is_dir() or not out.parent.is_dir() or not os.access(out.parent, os.W_OK):
        raise NeuralBakeError("bad_output", f"--out {out}: no file can be written there.", "Choose another folder.")
    words = [str(directory), str(out), "--seed", str(args.seed)]
    command = module_command(find_programs(args).engine, "bake_workers.compacting", words)
    # It leaves when the pipe ends, should this process be killed.
    with subprocess.Popen(command, stdin=subprocess.PIPE, env=environment()) as process:
        code = process.wait()
    return code if code >= 0 else protocol.EXIT_FAILED


def report(args: argparse.Namespace, out: Path, manifest: dict) -> int:
    """Show the table at the end of a bake, unless a machine reads."""
    if not args.json:
        print(f"\n{table(manifest)}\n\nThe result is in {out}")
    return protocol.EXIT_OK


def table(manifest: dict) -> str:
    """A result's table of errors, by its kind."""
    check_kind(manifest["kind"])
    return importlib.import_module(f"core.{manifest['kind']}.report").table(manifest)


def check_kind(kind: str) -> None:
    """Refuse a kind that does not exist, or not yet."""
    if kind not in protocol.KINDS:
        raise NeuralBakeError("unknown_kind", f"There is no kind {kind}.", f"Kinds: {', '.join(protocol.KINDS)}.")
    if kind not in protocol.READY_KINDS:
        raise NeuralBakeError(
            "kind_not_ready",
            f"The kind {kind} is not there yet.",
            f"This version bakes {', '.join(protocol.READY_KINDS)}.",
        )


def read_settings(kind: str, pairs: list[str], preset: str | None = None) -> dict[str, object]:
    """Check ``key=value`` texts against the kind's settings; returns JSON values of those that were set.

    Args:
        preset: name of one of the kind's presets; what the texts say replaces its values.
    """
    check_kind(kind)
    module = importlib.import_module(f"core.{kind}.settings")
    settings_class = getattr(module, "".join(part.title() for part in kind.split("_")) + "Settings")
    values = settings_class.from_texts(pairs).to_dict()
    given = {pair.partition("=")[0].strip().replace("-", "_") for pair in pairs}
    if preset is not None and preset not in module.PRESETS:
        hint = f"Presets: {', '.join(module.PRESETS)}."
        raise NeuralBakeError("unknown_preset", f"There is no preset {preset}.", hint)
    chosen = module.PRESETS[preset] if preset is not None else {}
    return {**chosen, **{name: value for name, value in values.items() if name in given}}


def find_programs(args: argparse.Namespace) -> runner.Programs:
    """The programs of the stages, each tried before any work is done."""
    engine = program(args.engine or os.environ.get("NEURAL_BAKE_ENGINE") or sys.executable)
    require_module(engine, "torch", "trains", ENGINE_HINT)
    blender = program(getattr(args, "blender", None) or sys.executable)
    if hasattr(args, "blender") and is_python(blender):
        require_module(blender, "bpy", "measures the light", BLENDER_HINT)
    return runner.Programs(engine=engine, blender=blender)


def save_target(blend: Path, name: str) -> Path:
    """The .blend that --save writes; checked early, because it is written last."""
    target = blend if name == arguments.IN_PLACE else absolute(name)
    if target.suffix != ".blend":
        raise NeuralBakeError("bad_save", f"--save {target}: the name must end with .blend.")
    if target.is_dir() or not target.parent.is_dir() or not os.access(target.parent, os.W_OK):
        raise NeuralBakeError("bad_save", f"--save {target}: no file can be written there.", "Choose another folder.")
    return target


def cycles_devices(text: str | None) -> dict | None:
    """The artist's Cycles devices, as the add-on passes them on."""
    if text is None:
        return None
    try:
        devices = json.loads(text)
        return {
            "compute_device_type": str(devices["compute_device_type"]),
            "devices": [str(name) for name in devices["devices"]],
        }
    except (ValueError, KeyError, TypeError) as error:
        raise NeuralBakeError("bad_devices", f"--cycles-devices {text}: this is no list of devices.") from error


def program(name: str) -> Path:
    """A program by its path, or by its name alone as the shell finds it."""
    return absolute(shutil.which(name) or name)


def absolute(path: str | Path) -> Path:
    """An absolute path without ``..``; links are left as they are."""
    return Path(os.path.abspath(path))


if __name__ == "__main__":
    sys.exit(main())
