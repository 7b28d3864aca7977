# SPDX-FileCopyrightText: 2026 Neural Bake developers
#
# SPDX-License-Identifier: GPL-3.0-or-later

"""Makes the engine: ``PYTHON -P -m bake_workers.engine_setup DIR --torch cpu`` builds an environment from PYTHON.

Everything is built beside ``DIR`` and takes its place at the end, so that an engine is whole, or the one from before.
Nothing is installed into PYTHON itself. Progress goes to stdout as JSON lines, what pip prints to stderr. Only the
standard library is needed, and no pip: Debian's Python has neither pip nor ensurepip.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import platform
import re
import shutil
import signal
import subprocess
import sys
import time
import urllib.parse
import urllib.request
from collections.abc import Iterator
from pathlib import Path

from . import protocol

PACKAGES = Path(__file__).with_name("engine_packages.txt")
MARK = "neural_bake_engine.json"
SCHEMA = "neural_bake.engine_mark/1"
CPU_INDEX = "https://download.pytorch.org/whl/cpu"
PIP_INDEX = "https://pypi.org/simple/pip/"
LEAST_PYTHON = (3, 11)
# A wheel of a release on a page of the simple repository API (PEP 503): its address, name and digest.
PIP_LINK = re.compile(
    r'href="([^"#]*?(pip-\d+(?:\.\d+)*-py3-none-any\.whl))#sha256=([0-9a-f]{64})"(?![^>]*data-yanked)'
)
# Since 24.1 pip tells how many bytes it has.
RAW_PROGRESS = (24, 1)
NETWORK = ["--timeout", "20", "--retries", "2"]


class SetupError(Exception):
    """A failure that its message explains."""


def sizes(torch: str) -> tuple[float, float]:
    """Gigabytes to download, and on the disk afterwards, for ``cpu`` or ``cuda``; measured on Linux with torch 2.13."""
    return (3.3, 7.9) if torch == "cuda" else (0.4, 1.5)


def digest() -> str:
    """What tells an engine of these packages from an older one."""
    return hashlib.sha256(PACKAGES.read_bytes()).hexdigest()


def python_of(folder: Path) -> Path:
    """The Python of a virtual environment."""
    return folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


def state(folder: Path) -> str:
    """How an engine stands, without starting it.

    Returns:
        ``NONE``; ``READY``; ``OUTDATED``: made for other versions of the packages; ``BROKEN``: half installed, or its
        files or the Python that it was made from are gone.
    """
    if not folder.is_dir():
        return "NONE"
    try:
        mark = json.loads((folder / MARK).read_text("utf-8"))
        base = Path(mark["base"])
        if mark["schema"] != SCHEMA:
            return "OUTDATED"
    except (OSError, ValueError, KeyError, TypeError):
        return "BROKEN"
    if not python_of(folder).is_file() or not base.is_file() or not (folder / "pyvenv.cfg").is_file():
        return "BROKEN"
    return "READY" if mark.get("packages") == digest() else "OUTDATED"


def make(folder: Path, torch: str, wheels: Path | None) -> None:
    """Build an engine and put it in the place of ``folder``.

    Args:
        torch: ``cpu`` or ``cuda``.
        wheels: a folder of wheels to install from, without any network; None uses pip's own index.

    Raises:
        SetupError: with a sentence for the user.
    """
    if sys.version_info[:2] < LEAST_PYTHON:
        raise SetupError(f"{sys.executable} is Python {platform.python_version()}; the engine needs 3.11 or newer.")
    need = sizes(torch)[1]
    folder.parent.mkdir(parents=True, exist_ok=True)
    free = shutil.disk_usage(folder.parent).free / 1e9
    if free < need:
        raise SetupError(f"The engine needs {need:.1f} GB, and the disk of {folder} has {free:.1f}. Free some space.")
    new, old = (folder.with_name(folder.name + suffix) for suffix in (".new", ".old"))
    for leftover in (new, old):
        if leftover.exists():
            shutil.rmtree(leftover)
    try:
        tell("Making the environment", 0, 100)
        run([sys.executable, "-m", "venv", "--without-pip", str(new)], "The environment could not be made")
        pip = find_pip(new, wheels)
        install(new, pip, torch, wheels)
        tell("Testing", 98, 100)
        check(new, torch)
        mark = {
            "schema": SCHEMA,
            "packages": digest(),
            "torch": torch,
            "python": platform.python_version(),
            "base": os.path.realpath(sys.executable),
            "made": time.strftime("%Y-%m-%d %H:%M"),
        }
        protocol.write_json(new / MARK, mark)
        if folder.exists():
            os.rename(folder, old)
        os.rename(new, folder)
        shutil.rmtree(old, ignore_errors=True)
        tell("Ready", 100, 100)
    finally:
        shutil.rmtree(new, ignore_errors=True)


def find_pip(folder: Path, wheels: Path | None) -> list[str]:
    """The command of a pip that installs into an environment: its own, by ensurepip; else one from a wheel.

    A wheel of pip runs from its file. It comes from the folder of wheels, or from PyPI, where its digest is checked.
    """
    python = str(python_of(folder))
    if subprocess.run([python, "-m", "ensurepip", "--default-pip"], capture_output=True, check=False).returncode == 0:
        return [python, "-m", "pip"]
    if wheels is not None:
        found = sorted(wheels.glob("pip-*.whl"))
        if not found:
            raise SetupError(
                f"{sys.executable} has no ensurepip, and {wheels} holds no pip-*.whl. Put one there, or install venv"
                " (on Debian or Ubuntu: apt install python3-venv)."
            )
        return [python, f"{found[-1]}/pip"]
    tell("Fetching pip", 2, 100)
    return [python, f"{fetch_pip(folder)}/pip"]


def fetch_pip(folder: Path) -> Path:
    """Download the newest wheel of pip.

    Raises:
        SetupError: PyPI cannot be reached, or what came is not what it said.
    """
    try:
        with urllib.request.urlopen(PIP_INDEX, timeout=30) as answer:
            links = PIP_LINK.findall(answer.read().decode())
        where, name, digest = max(links, key=lambda link: [int(part) for part in link[1].split("-")[1].split(".")])
        with urllib.request.urlopen(urllib.parse.urljoin(PIP_INDEX, where), timeout=60) as answer:
            data = answer.read()
    except (OSError, ValueError) as error:
        raise SetupError(f"pip cannot be fetched from {PIP_INDEX} ({error}). Check the network.") from error
    if hashlib.sha256(data).hexdigest() != digest:
        raise SetupError("The pip that was fetched is damaged. Try again.")
    path = folder / name
    path.write_bytes(data)
    return path


def install(folder: Path, pip: list[str], torch: str, wheels: Path | None) -> None:
    """Install the packages: torch on its own, from where the choice says, then the rest."""
    lines = [line for line in PACKAGES.read_text("utf-8").splitlines() if line and not line.startswith("#")]
    pinned = next(line for line in lines if line.startswith("torch=="))
    where = ["--no-index", "--find-links", str(wheels)] if wheels is not None else NETWORK
    if wheels is None and pip_version(pip) < RAW_PROGRESS:
        # An older pip says nothing while it downloads; a newer one may be refused by a studio's index, and is no must.
        subprocess.run([*pip, "install", "--quiet", "--upgrade", "pip", *NETWORK], stdout=sys.stderr, check=False)
    # The default torch on Linux is the CUDA build; everywhere else PyPI has the one for the processor.
    on_linux = sys.platform.startswith("linux")
    if wheels is None and torch == "cpu" and on_linux:
        source = [*where, "--index-url", CPU_INDEX]
        run_pip([*pip, "install", "--no-deps", pinned, *source], "Downloading torch", 5, 70, sizes(torch)[0])
        span = (70, 95)
    else:
        span = (5, 95)
    rest = folder / "packages.txt"
    rest.write_text("\n".join(lines) + "\n", "utf-8")
    run_pip([*pip, "install", "--requirement", str(rest), *where], "Downloading", *span, sizes(torch)[0])


def pip_version(pip: list[str]) -> tuple[int, ...]:
    """``(24, 1)`` and the like."""
    result = subprocess.run([*pip, "--version"], capture_output=True, text=True, check=False)
    found = re.match(r"pip (\d+)\.(\d+)", result.stdout)
    return (int(found[1]), int(found[2])) if found else (0, 0)


def run_pip(command: list[str], text: str, low: int, high: int, gigabytes: float) -> None:
    """Run pip, telling its progress between ``low`` and ``high`` percent.

    Raises:
        SetupError: with what pip said last.
    """
    raw = ["--progress-bar", "raw"] if pip_version(command[: command.index("install")]) >= RAW_PROGRESS else []
    flags = ["--disable-pip-version-check", "--no-input", "--no-warn-script-location", *raw]
    process = subprocess.Popen(
        [*command, *flags],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
    )
    finished, last, told, is_cut_off = 0, "", 0.0, False
    tell(text, low, 100)
    for line in lines_of(process.stdout):
        progress = re.match(r"Progress (\d+) of (\d+)", line)
        if progress is None:
            print(line, file=sys.stderr, flush=True)
            is_cut_off |= "after connection broken" in line
            last = line if line.startswith("ERROR") or not last.startswith("ERROR") else last
            if line.startswith("Installing collected"):
                tell("Installing", high - 2, 100)
            continue
        current, total = int(progress[1]), int(progress[2])
        finished += total if current == total else 0
        if current == total or time.monotonic() - told > 0.2:
            told = time.monotonic()
            megabytes = (finished + (current if current < total else 0)) / 1e6
            share = min(1.0, megabytes / (1000.0 * gigabytes))
            tell(f"{text}, {megabytes:.0f} MB", round(low + (high - 4 - low) * share), 100)
    if process.wait() != 0:
        raise SetupError(explain(last, is_cut_off=is_cut_off))


def lines_of(stream: Iterator[str]) -> Iterator[str]:
    """Lines that are not empty."""
    return (line.strip() for line in stream if line.strip())


def explain(last: str, *, is_cut_off: bool = False) -> str:
    """What pip's last words mean to an artist.

    Args:
        is_cut_off: whether an index could not be reached, so that what is missing may well be there.
    """
    if "No space left" in last:
        return "The disk is full. Free some space and try again."
    if "No matching distribution" in last or "Could not find a version" in last:
        if is_cut_off:
            return "The packages cannot be reached. Check the network, or choose a folder of wheels."
        package = last.rpartition(" for ")[2] or "a package"
        return f"There is no {package} for this Python there. Check the network, or choose another folder of wheels."
    return f"pip failed: {last.removeprefix('ERROR: ')[:200]}. The log says more."


def check(folder: Path, torch: str) -> None:
    """Start the new engine and let it tell what it has.

    Raises:
        SetupError: something is missing, or torch is not the build that was asked for.
    """
    command = [str(python_of(folder)), "-P", "-m", "bake_workers.engine_report"]
    result = subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False)
    try:
        report = json.loads(result.stdout)
    except ValueError as error:
        print(result.stdout, result.stderr, file=sys.stderr, flush=True)
        raise SetupError("The new engine does not run. The log says more.") from error
    if report["missing"]:
        raise SetupError(f"The new engine has no {', '.join(report['missing'])}. The log says more.")
    if torch == "cuda" and all(device["device"] != "cuda" for device in report["devices"]):
        print(f"note: torch sees no CUDA device; it trains on the processor. {report}", file=sys.stderr, flush=True)


def run(command: list[str], sentence: str) -> None:
    """Run a program whose failure is told as ``sentence`` with its last line."""
    result = subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False)
    print(result.stdout + result.stderr, file=sys.stderr, flush=True)
    if result.returncode != 0:
        last = ((result.stdout + result.stderr).strip().splitlines() or [f"code {result.returncode}"])[-1]
        raise SetupError(f"{sentence}: {last}")


def tell(text: str, done: int, total: int) -> None:
    """One line of progress."""
    print(json.dumps({"type": "progress", "stage": "engine", "text": text, "done": done, "total": total}), flush=True)


def gone() -> None:
    """The parent is gone: leave at once, and pip too."""
    if os.name != "nt" and os.getpgrp() == os.getpid():
        os.killpg(0, signal.SIGKILL)
    os._exit(protocol.EXIT_PARENT_GONE)


def main(argv: list[str] | None = None) -> int:
    """Make the engine; returns the exit code."""
    parser = argparse.ArgumentParser(prog="bake_workers.engine_setup", description="Make an engine from this Python.")
    parser.add_argument("folder", type=Path, metavar="DIR", help="folder of the engine; an older one is replaced")
    parser.add_argument("--torch", choices=("cpu", "cuda"), default="cpu", help="which build of torch")
    parser.add_argument("--wheels", type=Path, metavar="FOLDER", help="install from these wheels, without network")
    parser.add_argument("--parent-pipe", action="store_true", help="stop as soon as the standard input ends")
    args = parser.parse_args(argv)
    if args.parent_pipe:
        protocol.watch_parent(gone)
    try:
        if args.wheels is not None and not any(args.wheels.glob("*.whl")):
            raise SetupError(f"{args.wheels} holds no wheels. Fill it by: pip download -r engine_packages.txt")
        make(args.folder.absolute(), args.torch, args.wheels and args.wheels.absolute())
    except (SetupError, OSError) as error:
        message = str(error) if isinstance(error, SetupError) else " ".join(protocol.describe_os_error(error)[1:])
        print(json.dumps({"type": "error", "stage": "engine", "code": "setup", "message": message}), flush=True)
        print(f"error: {message}", file=sys.stderr, flush=True)
        return protocol.EXIT_FAILED
    return protocol.EXIT_OK


if __name__ == "__main__":
    sys.exit(main())
