# SPDX-FileCopyrightText: 2026 Neural Bake developers
#
# SPDX-License-Identifier: GPL-3.0-or-later

"""The training stage: a process of the engine that turns a dataset into an artifact folder."""

from __future__ import annotations

import argparse
import importlib
import json
import os
import shutil
import time
from pathlib import Path

from . import protocol

EVENT_INTERVAL = 0.2


class Progress:
    """Passes a trainer's progress on as events, at most five a second."""

    def __init__(self, events: protocol.Events) -> None:
        self._events = events
        self._text = ""
        self._time = 0.0

    def __call__(self, text: str, done: int, total: int) -> None:
        now = time.monotonic()
        if text != self._text or done >= total or now - self._time >= EVENT_INTERVAL:
            self._text, self._time = text, now
            self._events.progress(done, total, text)


def main(argv: list[str] | None = None) -> int:
    """Train; returns the process's exit code."""
    parser = argparse.ArgumentParser(prog="bake_workers.training")
    parser.add_argument("job", type=Path)
    parser.add_argument("--kind", required=True, choices=protocol.READY_KINDS)
    parser.add_argument("--dataset", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True, help="empty folder that takes the artifact")
    parser.add_argument("--keep", type=Path, help="result whose weights are kept; only values are learned")
    parser.add_argument("--overrides", help="JSON of settings that differ from the dataset's; else the job's")
    args = parser.parse_args(argv)

    def work(events: protocol.Events) -> None:
        overrides = protocol.read_job(args.job)["settings"] if args.overrides is None else json.loads(args.overrides)
        trainer = importlib.import_module(f"core.{args.kind}.training")

        def show(path: Path) -> None:
            if path.name == protocol.PREVIEW:  # the artifact's folder is about to move, the job's stays
                partial = args.job / f"{path.name}.partial"
                shutil.copyfile(path, partial)
                os.replace(partial, args.job / path.name)
                events.preview(path.name)

        more = {} if args.keep is None else {"keep": args.keep}
        trainer.train_dataset(args.dataset, args.out, overrides, Progress(events), show, **more)

    return protocol.run_child("training", args.job, work)


if __name__ == "__main__":
    protocol.leave(main())
