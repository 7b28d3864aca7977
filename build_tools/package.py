# SPDX-FileCopyrightText: 2026 Neural Bake developers
#
# SPDX-License-Identifier: GPL-3.0-or-later

"""The extension's zip: the add-on's files at the root, ``core`` and ``bake_workers`` as its children."""

from __future__ import annotations

import os
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

from .environments import ROOT, BuildError, last_line, run_quietly

ADDON = ROOT / "blender_addon"
CHILDREN = ("core", "bake_workers")
EPOCH = (1980, 1, 1, 0, 0, 0)  # one time for every file, so that the same code gives the same zip
SKIPPED = ("__pycache__",)


def manifest() -> dict:
    """The contents of ``blender_manifest.toml``."""
    return tomllib.loads((ADDON / "blender_manifest.toml").read_text("utf-8"))


def contents() -> dict[str, Path]:
    """Every file of the zip: its name there, and where it lies in the checkout."""
    sources = {"": ADDON, **{f"{name}/": ROOT / name for name in CHILDREN}}
    files = {
        prefix + path.relative_to(folder).as_posix(): path
        for prefix, folder in sources.items()
        for path in folder.rglob("*")
        if path.is_file()
        and not any(part in SKIPPED or part.startswith(".") for part in path.relative_to(folder).parts)
    }
    return {**files, "LICENSE": ROOT / "LICENSE"}


def build(destination: Path) -> Path:
    """Write ``neural_bake-VERSION.zip`` into a folder, byte for byte the same for the same code."""
    destination.mkdir(parents=True, exist_ok=True)
    head = manifest()
    target = destination / f"{head['id']}-{head['version']}.zip"
    partial = target.with_name(target.name + ".partial")
    with zipfile.ZipFile(partial, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for name, path in sorted(contents().items()):
            entry = zipfile.ZipInfo(name, EPOCH)
            entry.external_attr = 0o644 << 16
            entry.create_system = 3  # as on Unix, wherever it is built
            archive.writestr(entry, path.read_bytes(), zipfile.ZIP_DEFLATED, 9)
    os.replace(partial, target)
    return target


def validate(archive: Path, python: Path) -> None:
    """Check the zip with the validator of Blender's own extension manager, which the bpy wheel brings.

    Args:
        python: a Python with the bpy module.

    Raises:
        BuildError: the validator is not there, or it refused the zip.
    """
    pattern = "bpy/*/scripts/addons_core/bl_pkg/cli/blender_ext.py"
    packages = run_quietly([python, "-c", "import sysconfig; print(sysconfig.get_path('platlib'))"]).stdout.strip()
    scripts = sorted(Path(packages).glob(pattern))
    if not scripts:
        raise BuildError(f"{python} has no bpy with Blender's extension validator")
    result = run_quietly([python, scripts[-1], "validate", archive])
    if result.returncode != 0:
        raise BuildError(f"Blender's validator refuses {archive}: {last_line(result)}")


def link(extensions: Path | None) -> list[Path]:
    """Link the checkout's add-on as ``user_default/neural_bake`` into extensions folders.

    Args:
        extensions: a folder ``extensions`` of a Blender's user resources; None links into every Blender of this user
            from the first supported version on.

    Raises:
        BuildError: there is no Blender, or something else stands where the link would go.
    """
    folders = [extensions] if extensions else user_extension_folders()
    if not folders:
        raise BuildError("no Blender has been started by this user yet; name its extensions folder: --link DIR")
    links = []
    for folder in folders:
        target = folder / "user_default" / manifest()["id"]
        if target.exists() or target.is_symlink():
            if target.resolve() == ADDON:
                links.append(target)
                continue
            if not target.is_symlink():
                raise BuildError(f"{target} is an installed copy; remove the extension in Blender first")
            target.unlink()
        target.parent.mkdir(parents=True, exist_ok=True)
        if os.name == "nt":
            subprocess.run(["cmd", "/c", "mklink", "/J", str(target), str(ADDON)], check=True, capture_output=True)
        else:
            target.symlink_to(ADDON, target_is_directory=True)
        links.append(target)
    return links


def user_extension_folders() -> list[Path]:
    """The extensions folders of this user's Blenders, from ``blender_version_min`` on."""
    home = Path.home()
    if sys.platform == "win32":
        base = Path(os.environ.get("APPDATA", home)) / "Blender Foundation" / "Blender"
    elif sys.platform == "darwin":
        base = home / "Library" / "Application Support" / "Blender"
    else:
        base = Path(os.environ.get("XDG_CONFIG_HOME", home / ".config")) / "blender"
    least = tuple(int(part) for part in manifest()["blender_version_min"].split(".")[:2])
    found = []
    for folder in sorted(base.glob("*.*")):
        parts = folder.name.split(".")
        if folder.is_dir() and len(parts) == 2 and all(part.isdigit() for part in parts):
            if tuple(int(part) for part in parts) >= least:
                found.append(folder / "extensions")
    return found
