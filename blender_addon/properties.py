# SPDX-FileCopyrightText: 2026 Neural Bake developers
#
# SPDX-License-Identifier: GPL-3.0-or-later

"""Settings of the scene, ``scene.neural_bake``, made from the dataclasses of core.

Convention:
    A property is named like its field. A choice has an upper-case identifier (``'TOTAL'`` for ``"total"``). An optional
    field ``x`` has a switch ``use_x`` beside it and counts only where that is on. A length is stored in Blender units,
    as everywhere in Blender, while the field is in metres; :func:`settings_values` converts.
"""

from __future__ import annotations

import dataclasses
import importlib
import types
import typing
from collections.abc import Iterable

import bpy
from bpy.props import (
    BoolProperty,
    EnumProperty,
    FloatProperty,
    IntProperty,
    IntVectorProperty,
    PointerProperty,
    StringProperty,
)

from . import kinds
from .core.errors import NeuralBakeError
from .core.estimates import Estimate
from .core.light_grid.settings import LightGridSettings
from .core.relight.settings import RelightSettings
from .core.settings import Settings

# What depends on the machine and not on the scene: in the preferences, see preferences.py.
MACHINE = ("train_device", "threads")
SETTINGS: dict[str, type[Settings]] = {"light_grid": LightGridSettings, "relight": RelightSettings}
PRESETS = ('DRAFT', 'MEDIUM', 'FINAL')
PRESET_ITEMS = (
    ('DRAFT', "Draft", "About a third of medium's time: to see whether probes and lamps are right"),
    ('MEDIUM', "Medium", "The defaults"),
    ('FINAL', "Final", "About three times medium's time: less noise in the light, more certain errors"),
)
CUSTOM = 'CUSTOM'
_ACRONYMS = {"cpu": "CPU", "cuda": "CUDA", "sh": "SH"}


def mixin(name: str, settings: type[Settings], names: Iterable[str]) -> type:
    """A class with a Blender property for each of a dataclass's fields ``names``, to be inherited from."""
    hints = typing.get_type_hints(settings)
    fields = {field.name: field for field in dataclasses.fields(settings)}
    annotations = {}
    for field in (fields[name] for name in names):
        options = typing.get_args(hints[field.name])
        optional = isinstance(hints[field.name], types.UnionType) and types.NoneType in options
        hint = next(option for option in options if option is not types.NoneType) if optional else hints[field.name]
        if optional:
            annotations[f"use_{field.name}"] = BoolProperty(
                name=f"Use {title(field.name)}", description=field.metadata["text"], options=set()
            )
        annotations[field.name] = _property(field, hint)
    # Real objects and not the texts that "from __future__ import annotations" makes of a class body's annotations.
    return type(name, (), {"__annotations__": annotations})


def _property(field: dataclasses.Field, hint: type) -> object:
    """The ``bpy.props`` property of one field, whose type is ``hint`` without None."""
    meta = field.metadata
    default = meta["start"] if field.default is None else field.default
    common = {"name": title(field.name), "description": meta["text"], "options": set()}
    limits = {key: meta[name] for key, name in (("min", "low"), ("max", "high")) if meta[name] is not None}
    if meta["choices"]:
        items = [(choice.upper(), title(choice), "") for choice in meta["choices"]]
        return EnumProperty(items=items, default=default.upper(), **common)
    if hint is bool:
        return BoolProperty(default=default, **common)
    if hint is str:
        return StringProperty(default=default, **common)
    if typing.get_origin(hint) is tuple:
        return IntVectorProperty(size=len(typing.get_args(hint)), default=default, **limits, **common)
    if hint is int:
        return IntProperty(default=default, subtype='PIXEL' if meta["unit"] == "px" else 'NONE', **limits, **common)
    if meta["unit"] == "m":
        # Limits are in metres, and how long a Blender unit is only the scene knows: the dataclass checks them.
        soft = {f"soft_{key}": value for key, value in limits.items()}
        return FloatProperty(default=default, min=0.0, unit='LENGTH', precision=3, **soft, **common)
    is_share = (meta["low"], meta["high"]) == (0.0, 1.0)
    return FloatProperty(default=default, subtype='FACTOR' if is_share else 'NONE', precision=3, **limits, **common)


def title(name: str) -> str:
    """A field's or a choice's name as a label, in Title Case."""
    return " ".join(_ACRONYMS.get(word, word.capitalize()) for word in name.split("_"))


def value_of(group: bpy.types.bpy_struct, field: dataclasses.Field, scale_length: float) -> object:
    """A property's value as its field has it: None where an optional one is off, lengths in metres."""
    if not getattr(group, f"use_{field.name}", True):
        return None
    value = getattr(group, field.name)
    if field.metadata["choices"]:
        return value.lower()
    if isinstance(value, float):
        # Blender stores 32 bits: 0.7 comes back as 0.699999988, which must not cost a box one more row of probes.
        return float(f"{value * (scale_length if field.metadata['unit'] == 'm' else 1.0):.7g}")
    return value if isinstance(value, (bool, int, str)) else list(value)


def settings_values(scene: bpy.types.Scene, kind: str, preset: str = "") -> dict[str, object]:
    """A scene's settings of a kind as ``job.json`` holds them, without those of the machine.

    Args:
        preset: 'DRAFT', 'MEDIUM' or 'FINAL' takes the place of the scene's own quality.

    Raises:
        NeuralBakeError: a setting is outside its limits, or there is no such kind or preset.
    """
    settings = _settings_class(kind)
    group = getattr(scene.neural_bake, kind)
    scale_length = scene.unit_settings.scale_length
    values = {
        field.name: value_of(group, field, scale_length)
        for field in dataclasses.fields(settings)
        if field.name not in MACHINE
    }
    if preset:
        values |= preset_values(kind, preset)
    checked = settings.from_dict(values).to_dict()
    return {name: checked[name] for name in values if checked[name] is not None}


def preset_values(kind: str, name: str) -> dict[str, object]:
    """A preset's settings, those of quality only.

    Raises:
        NeuralBakeError: there is no such kind or preset.
    """
    _settings_class(kind)
    module = importlib.import_module(f".core.{kind}.settings", __package__)
    if name not in PRESETS:
        raise NeuralBakeError("unknown_preset", f"There is no preset {name}.", f"Presets: {', '.join(PRESETS)}.")
    return module.PRESETS[name.lower()]


def kind_of(scene: bpy.types.Scene) -> str:
    """The kind of bake that a scene is set to."""
    return scene.neural_bake.kind.lower()


def apply_preset(scene: bpy.types.Scene, name: str, kind: str = "light_grid") -> None:
    """Set a scene's quality to 'DRAFT', 'MEDIUM' or 'FINAL'; everything else stays.

    Raises:
        NeuralBakeError: there is no such preset.
    """
    values = preset_values(kind, name)
    group = getattr(scene.neural_bake, kind)
    for field, value in values.items():
        setattr(group, field, value)


def current_preset(scene: bpy.types.Scene, kind: str = "light_grid") -> str:
    """The preset that a scene's quality is: 'DRAFT', 'MEDIUM' or 'FINAL', else 'CUSTOM'."""
    fields = {field.name: field for field in dataclasses.fields(_settings_class(kind))}
    group = getattr(scene.neural_bake, kind)
    for name in PRESETS:
        if all(value_of(group, fields[key], 1.0) == value for key, value in preset_values(kind, name).items()):
            return name
    return CUSTOM


def _settings_class(kind: str) -> type[Settings]:
    if kind not in SETTINGS:
        raise NeuralBakeError("unknown_kind", f"There is no kind {kind}.", f"Kinds: {', '.join(SETTINGS)}.")
    return SETTINGS[kind]


def _redraw(_self: bpy.types.PropertyGroup, context: bpy.types.Context) -> None:
    """The overlay is drawn into 3D Views, which do not know that it depends on these properties."""
    for window in context.window_manager.windows:
        for area in window.screen.areas:
            if area.type == 'VIEW_3D':
                area.tag_redraw()


def scene_fields(settings: type[Settings]) -> list[str]:
    """Names of a dataclass's fields that belong to a scene and not to the machine."""
    return [field.name for field in dataclasses.fields(settings) if field.name not in MACHINE]


class NeuralBakeLightGrid(
    mixin("LightGridProperties", LightGridSettings, scene_fields(LightGridSettings)), bpy.types.PropertyGroup
):
    """``scene.neural_bake.light_grid``."""


class NeuralBakeRelight(
    mixin("RelightProperties", RelightSettings, scene_fields(RelightSettings)), bpy.types.PropertyGroup
):
    """``scene.neural_bake.relight``."""


def _live_changed(_self: bpy.types.PropertyGroup, _context: bpy.types.Context) -> None:
    from . import live  # which reads these settings

    live.note_change()


def _probes(group: bpy.types.PropertyGroup) -> int:
    from . import volumes  # which reads these settings

    scene = group.id_data
    view_layer = bpy.context.view_layer if bpy.context.scene == scene else scene.view_layers[0]
    try:
        return volumes.probe_count(scene, view_layer)
    except NeuralBakeError:
        return 0


def _estimate(group: bpy.types.PropertyGroup) -> Estimate | None:
    from . import lamps, speeds  # which read these settings

    scene = group.id_data
    kind = kind_of(scene)
    try:
        if kind == kinds.RELIGHT:
            return speeds.estimate(bpy.context, scene, len(lamps.chosen(scene, bpy.context.view_layer)), kind)
        return speeds.estimate(bpy.context, scene, _probes(group))
    except NeuralBakeError:
        return None


def _estimated_seconds(group: bpy.types.PropertyGroup) -> float:
    expected = _estimate(group)
    return 0.0 if expected is None else expected.capture_seconds + expected.training_seconds


def _estimated_memory(group: bpy.types.PropertyGroup) -> float:
    expected = _estimate(group)
    return 0.0 if expected is None else max(expected.capture_memory, expected.training_memory) / 1e6


class NeuralBakeScene(bpy.types.PropertyGroup):
    """``scene.neural_bake``: what is baked, how probes are placed and shown, and the settings of each kind."""

    kind: EnumProperty(name="Kind", description="What is baked", items=kinds.ITEMS, options=set())
    light_grid: PointerProperty(type=NeuralBakeLightGrid)
    relight: PointerProperty(type=NeuralBakeRelight)
    live: BoolProperty(
        name="Live",
        description="Show the camera's baked view under its lamps as they stand, in the image Neural Relight, at once",
        default=True,
        options=set(),
        update=_live_changed,
    )
    allowed_outside: FloatProperty(
        name="Allowed Outside",
        description=(
            "How far a lamp may leave the places that were rendered before the picture warns by an orange frame, "
            "in distances between neighbouring places"
        ),
        default=0.25,
        min=0.0,
        soft_max=4.0,
        precision=2,
        options=set(),
        update=_live_changed,
    )
    spacing: FloatProperty(
        name="Spacing",
        description="Largest distance between neighbouring probes of a volume that is added or fitted",
        default=0.5,
        min=1e-4,
        soft_min=0.05,
        soft_max=10.0,
        unit='LENGTH',
        options=set(),
    )
    margin: FloatProperty(
        name="Margin",
        description="Gap between the objects that a volume is fitted to and the volume's sides",
        default=0.0,
        min=0.0,
        soft_max=2.0,
        unit='LENGTH',
        options=set(),
    )
    probes: IntProperty(name="Probes", description="Number of probes that a bake would measure", get=_probes)
    estimated_seconds: FloatProperty(
        name="Estimated Seconds",
        description="Time that a bake would take, by this machine's last one; 0 where a setting is wrong",
        get=_estimated_seconds,
    )
    estimated_memory: FloatProperty(
        name="Estimated Memory",
        description="Highest memory of a bake in MB; 0 where a setting is wrong",
        get=_estimated_memory,
    )
    show_probes: BoolProperty(
        name="Show Probes",
        description="Draw the probes in the 3D View, shaded by their light where a result is there",
        default=False,
        options=set(),
        update=_redraw,
    )
    probe_size: FloatProperty(
        name="Size",
        description="Diameter of the drawn probes, as a share of their distance from each other",
        default=0.2,
        min=0.01,
        max=1.0,
        subtype='FACTOR',
        options=set(),
        update=_redraw,
    )
    probe_fade: FloatProperty(
        name="Fade",
        description="Fade out the drawn probes with their distance from the viewer; 0 draws all of them alike",
        default=0.0,
        min=0.0,
        max=1.0,
        subtype='FACTOR',
        options=set(),
        update=_redraw,
    )
    show_invalid: BoolProperty(
        name="Mark Invalid",
        description="Draw the probes that lie inside geometry in red",
        default=True,
        options=set(),
        update=_redraw,
    )


classes = (NeuralBakeLightGrid, NeuralBakeRelight, NeuralBakeScene)


def register() -> None:
    for cls in classes:
        bpy.utils.register_class(cls)
    bpy.types.Scene.neural_bake = PointerProperty(type=NeuralBakeScene, name="Neural Bake")


def unregister() -> None:
    del bpy.types.Scene.neural_bake
    for cls in reversed(classes):
        bpy.utils.unregister_class(cls)
