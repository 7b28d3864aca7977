# SPDX-FileCopyrightText: 2026 Neural Bake developers
#
# SPDX-License-Identifier: GPL-3.0-or-later

"""C for the engine's own processor: compiled once where the engine is, by the compiler of the ``ziglang`` wheel.

The extension holds the source alone. What is compiled lies beside the engine's packages, under a name that says of
which source, compiler and processor it is made, so that a change of any makes it anew.
"""

from __future__ import annotations

import ctypes
import hashlib
import importlib.util
import os
import platform
import subprocess
import sys
import tempfile
from pathlib import Path

from .errors import NeuralBakeError

FLAGS = ("-O3", "-march=native", "-mprefer-vector-width=512", "-ffp-contract=fast", "-fno-math-errno", "-shared")
# Linux finds the few functions of the C library in the process that loads the file; to link them would take seconds.
LINUX_FLAGS = ("-fPIC", "-nostdlib")
# A shared home can bring an engine to another processor; Linux alone says which it is without more ado.
PROCESSOR_LINES = ("model name", "flags", "Features", "CPU part")
SECONDS = 300


def load(source: Path) -> ctypes.CDLL:
    """The library of a C file, compiled where that has not been done.

    Raises:
        NeuralBakeError: there is no compiler, it fails, or its result cannot be written or loaded.
    """
    compiler = importlib.util.find_spec("ziglang")
    if compiler is None:
        raise NeuralBakeError("no_compiler", "The engine has no package ziglang.", "Make the engine anew.")
    text = b"".join(path.read_bytes() for path in (source, *sorted(source.parent.glob("*.h"))))
    version = Path(compiler.origin).parent.stat().st_mtime_ns
    made_of = "\n".join((*FLAGS, *LINUX_FLAGS, str(version), processor())).encode() + text
    suffix = {"win32": ".dll", "darwin": ".dylib"}.get(sys.platform, ".so")
    path = folder() / f"{source.stem}-{hashlib.sha256(made_of).hexdigest()[:16]}{suffix}"
    if not path.is_file():
        compile_to(source, path)
    try:
        return ctypes.CDLL(str(path))
    except OSError as error:
        raise NeuralBakeError("not_compiled", f"{path} cannot be loaded: {error}.", "Delete it.") from error


def folder() -> Path:
    """Where compiled files lie: in the Python that runs."""
    return Path(sys.prefix) / "neural_bake_native"


def processor() -> str:
    """What tells this processor from one that the same file might not run on."""
    known = [platform.system(), platform.machine(), platform.processor()]
    try:
        lines = Path("/proc/cpuinfo").read_text("utf-8", "replace").splitlines()
    except OSError:
        lines = []
    known += sorted({line for line in lines if line.startswith(PROCESSOR_LINES)})
    return "\n".join(known)


def compile_to(source: Path, path: Path) -> None:
    """Compile ``source`` to ``path``, which is whole or not there.

    Raises:
        NeuralBakeError: the folder cannot be written, or the compiler fails.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=path.parent) as scratch:
            made = Path(scratch, path.name)
            flags = (*FLAGS, *(LINUX_FLAGS if sys.platform == "linux" else ()))
            command = [sys.executable, "-P", "-m", "ziglang", "cc", *flags, "-o", str(made), str(source)]
            environment = {**os.environ, "ZIG_GLOBAL_CACHE_DIR": scratch, "ZIG_LOCAL_CACHE_DIR": scratch}
            result = subprocess.run(
                command,
                capture_output=True,
                text=True,
                stdin=subprocess.DEVNULL,
                env=environment,
                timeout=SECONDS,
                check=False,
            )
            if result.returncode != 0:
                last = (result.stderr.strip().splitlines() or [f"code {result.returncode}"])[0]
                raise NeuralBakeError("not_compiled", f"{source.name} cannot be compiled: {last[:200]}.")
            os.replace(made, path)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise NeuralBakeError("not_compiled", f"{source.name} cannot be compiled: {error}.") from error
