# SPDX-FileCopyrightText: 2026 Neural Bake developers
#
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the artist sets once: where the engine is, what computes, and where bakes are kept."""

from __future__ import annotations

import os
import shutil
import time
from pathlib import Path

import bpy
from bpy.props import EnumProperty, IntProperty, StringProperty

from . import compat, engine, job_folders, properties
from .bake_workers import protocol
from .bake_workers.engine_setup import sizes
from .core.errors import NeuralBakeError
from .core.light_grid.settings import LightGridSettings

ENGINE_VARIABLE = "NEURAL_BAKE_ENGINE"
CACHE_SIZE_SECONDS = 10.0

enum_torch = tuple(
    (name.upper(), label, "{}; downloads about {} GB and takes {} GB of the disk".format(text, *sizes(name)))
    for name, label, text in (("cpu", "CPU", "For any machine"), ("cuda", "CUDA", "For NVIDIA cards"))
)

# When the cache was measured last, and how large it was then.
_cache_size: tuple[float, str] | None = None


class NeuralBakePreferences(
    properties.mixin("MachineProperties", LightGridSettings, properties.MACHINE), bpy.types.AddonPreferences
):
    bl_idname = __package__

    engine: StringProperty(
        name="Engine",
        description="Python with torch that trains; empty for the one that Create Engine makes",
        subtype='FILE_PATH',
    )
    torch: EnumProperty(
        name="Torch",
        description="Build of torch that Create Engine installs",
        items=enum_torch,
    )
    base_python: StringProperty(
        name="Made From",
        description="Python 3.11 or newer that Create Engine builds on and does not change; empty for Blender's own",
        subtype='FILE_PATH',
    )
    wheels: StringProperty(
        name="Wheels",
        description="Folder of wheels that Create Engine installs from without network; empty for the network",
        subtype='DIR_PATH',
    )
    capture_device: EnumProperty(
        name="Capture Device",
        description="What measures the light",
        items=(
            ('AS_CYCLES', "As Cycles", "The devices that are chosen for Cycles, under System"),
            ('CPU', "CPU", "The processor, whatever is chosen for Cycles"),
        ),
        default='AS_CYCLES',
    )
    cache: StringProperty(
        name="Cache Folder",
        description="Folder of the bakes' own files; empty for a folder of the extension",
        subtype='DIR_PATH',
    )
    keep_jobs: IntProperty(
        name="Keep Bakes",
        description="How many finished bakes stay in the cache, with their logs and measurements",
        default=5,
        min=0,
        max=1000,
    )

    def draw(self, context: bpy.types.Context) -> None:
        from .panels import preferences as panel  # which needs this module

        panel.draw(self.layout, context, self)


def get(context: bpy.types.Context) -> NeuralBakePreferences | None:
    """The add-on's preferences; None where the package was registered by a script and not enabled as an extension."""
    addon = context.preferences.addons.get(__package__)
    return addon.preferences if addon else None


def engine_python(context: bpy.types.Context, chosen: str | None = None) -> Path | None:
    """The engine's Python: what was chosen, else the environment variable NEURAL_BAKE_ENGINE, else that of the
    preferences, else the one that the add-on made.

    Returns:
        Its path, which may not exist where it was set wrongly; None where nothing names one.
    """
    preferences = get(context)
    preferred = bpy.path.abspath(preferences.engine) if preferences else ""
    name = chosen or os.environ.get(ENGINE_VARIABLE) or preferred
    return Path(shutil.which(name) or name) if name else engine.made_python()


def cache_folder(context: bpy.types.Context) -> Path:
    """The folder of the bakes' own files, made where it is missing.

    Raises:
        NeuralBakeError: it cannot be made or written.
    """
    preferences = get(context)
    chosen = preferences.cache if preferences else ""
    try:
        folder = Path(bpy.path.abspath(chosen)).absolute() if chosen else engine.own_folder()
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        code, message, _ = protocol.describe_os_error(error)
        raise NeuralBakeError(code, message, "Choose another cache folder in the preferences.") from error
    if not os.access(folder, os.W_OK):
        raise NeuralBakeError(
            "not_writable", f"Nothing can be written to {folder}.", "Choose another cache folder in the preferences."
        )
    return folder


def machine_settings(context: bpy.types.Context) -> dict[str, object]:
    """The settings that belong to this machine, as ``job.json`` holds them: ``train_device`` and ``threads``."""
    preferences = get(context)
    if preferences is None:
        return {}
    fields = LightGridSettings.__dataclass_fields__
    return {name: properties.value_of(preferences, fields[name], 1.0) for name in properties.MACHINE}


def cycles_devices(context: bpy.types.Context) -> dict:
    """The devices that measure the light, as ``job.json`` holds them; see :func:`.compat.cycles_devices`."""
    preferences = get(context)
    if preferences is not None and preferences.capture_device == 'CPU':
        return {"compute_device_type": "NONE", "devices": []}
    return compat.cycles_devices(context)


def cache_text(context: bpy.types.Context) -> str:
    """How large the cache is, measured now and then and not at every redraw."""
    global _cache_size
    now = time.monotonic()
    if _cache_size is None or now - _cache_size[0] > CACHE_SIZE_SECONDS:
        try:
            _cache_size = now, size_text(job_folders.size(context))
        except NeuralBakeError:
            _cache_size = now, "not usable"
    return _cache_size[1]


def forget_cache_size() -> None:
    """Measure the cache again at the next redraw."""
    global _cache_size
    _cache_size = None


def size_text(size: int) -> str:
    """Bytes as people read them."""
    for unit, step in (("GB", 2**30), ("MB", 2**20)):
        if size >= step:
            return f"{size / step:.1f} {unit}"
    return f"{-(-size // 1024)} KB"


def register() -> None:
    bpy.utils.register_class(NeuralBakePreferences)


def unregister() -> None:
    bpy.utils.unregister_class(NeuralBakePreferences)
