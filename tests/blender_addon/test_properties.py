# SPDX-FileCopyrightText: 2026 Neural Bake developers
#
# SPDX-License-Identifier: GPL-3.0-or-later

"""``scene.neural_bake``: the dataclass's settings as Blender's properties, and presets, in every Blender."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from core.light_grid.settings import PRESETS, LightGridSettings
from tests import support

MACHINE = {"train_device", "threads"}
FIELDS = [field for field in dataclasses.fields(LightGridSettings) if field.name not in MACHINE]

PROPERTIES = """
from extension import *
root = enable()
properties = module("properties")
NeuralBakeError = module("core.errors").NeuralBakeError
scene = bpy.context.scene
settings, group = scene.neural_bake, scene.neural_bake.light_grid
told = {}

def values(**arguments):
    return properties.settings_values(scene, "light_grid", **arguments)

def refusal(call):
    try:
        call()
    except NeuralBakeError as error:
        return [error.code, str(error)]

rna = group.bl_rna.properties
told["fields"] = {
    field.identifier: {
        "description": field.description,
        "unit": field.unit if field.type == 'FLOAT' else "",
        "low": getattr(field, "hard_min", None),
        "high": getattr(field, "hard_max", None),
        "items": [item.identifier for item in field.enum_items] if field.type == 'ENUM' else [],
        "animatable": field.is_animatable,
    }
    for field in rna if field.identifier not in ("rna_type", "name")
}
told["default"] = values()
told["default preset"] = properties.current_preset(scene)

# optional settings count only where they are on
group.resolution, group.spacing = (5, 6, 7), 0.7
told["off"] = values()
group.use_resolution = group.use_spacing = True
told["on"] = values()

# lengths are Blender's, settings are in metres
lengths = {}
for scale, stored in ((1.0, 0.7), (0.01, 70.0), (0.001, 123.0), (1000.0, 0.0007)):
    scene.unit_settings.scale_length = scale
    group.spacing = stored
    lengths[scale] = values()["spacing"]
told["lengths"] = lengths
scene.unit_settings.scale_length = 1.0
for name, value in (("0", 0.0), ("too small", 1e-5)):
    group.spacing = value
    told["spacing " + name] = refusal(values)
group.spacing = 0.7
told["kinds"] = [refusal(lambda: properties.settings_values(scene, "soup")),
                 refusal(lambda: properties.apply_preset(scene, "FINAL", "soup"))]

# Blender itself keeps the limits
group.samples_per_probe, group.surface_fraction, group.resolution = 1, 7.0, (0, 300, 4)
told["clamped"] = [group.samples_per_probe, group.surface_fraction, list(group.resolution)]
group.property_unset("samples_per_probe"), group.property_unset("surface_fraction")

# presets are about quality, and nothing else
group.seed, group.light, group.resolution = 7, 'TOTAL', (5, 6, 7)
presets = {}
for name in ('DRAFT', 'FINAL', 'MEDIUM'):
    told["operator"] = sorted(bpy.ops.neural_bake.use_preset(preset=name))
    presets[name] = [properties.current_preset(scene), values()]
told["presets"] = presets
group.light_steps += 1
told["custom"] = properties.current_preset(scene)
told["asked"] = values(preset='DRAFT')
told["kept"] = properties.current_preset(scene)
told["unknown"] = [refusal(lambda: properties.apply_preset(scene, 'BEST')), refusal(lambda: values(preset='best'))]
told["undo"] = sorted(bpy.types.NEURAL_BAKE_OT_use_preset.bl_options)

# they are the scene's own, and stay in its file
other = bpy.data.scenes.new("Other")
told["other"] = other.neural_bake.light_grid.seed
settings.show_probes, settings.margin = True, 0.25
bpy.ops.wm.save_as_mainfile(filepath=sys.argv[1])
bpy.ops.wm.read_homefile(use_empty=True)
scene = bpy.context.scene
told["new file"] = properties.settings_values(scene, "light_grid")
bpy.ops.wm.open_mainfile(filepath=sys.argv[1])
scene = bpy.data.scenes["Scene"]
told["saved"] = [values(), scene.neural_bake.show_probes, scene.neural_bake.margin]

states = []
for _ in range(2):
    disable()
    states.append([hasattr(bpy.types.Scene, "neural_bake"), hasattr(scene, "neural_bake")])
    enable()
    states.append([hasattr(bpy.types.Scene, "neural_bake"), bpy.data.scenes["Scene"].neural_bake.light_grid.seed])
told["states"] = states
answer(**told)
"""


@pytest.fixture
def told(blender: tuple[str, Path], user: Path, tmp_path: Path) -> dict:
    """What one Blender says of the scene's properties."""
    answer, _ = support.run_in_blender(blender[1], user, PROPERTIES, tmp_path / "saved.blend")
    return answer


def test_properties(told: dict) -> None:
    check_fields(told["fields"])
    default = {
        name: value
        for name, value in LightGridSettings().to_dict().items()
        if name not in MACHINE and value is not None
    }
    assert told["default"] == told["off"] == told["new file"] == default
    assert told["default preset"] == "MEDIUM"
    assert told["on"] == {**default, "resolution": [5, 6, 7], "spacing": 0.7}
    # Exactly, although Blender keeps 32 bits: a box of 140 m has 200 rows of probes at 0.7 m, and not 201.
    assert told["lengths"] == {"1.0": 0.7, "0.01": 0.7, "0.001": 0.123, "1000.0": 0.7}
    for name in ("0", "too small"):
        code, sentence = told[f"spacing {name}"]
        assert code == "bad_setting" and "Setting spacing cannot be" in sentence
    assert [code for code, _ in told["kinds"]] == ["unknown_kind", "unknown_kind"]
    assert told["clamped"] == [8, 1.0, [1, 256, 4]]
    chosen = {**default, "seed": 7, "light": "total", "resolution": [5, 6, 7], "spacing": 0.7}
    assert told["operator"] == ["FINISHED"] and told["undo"] == ["REGISTER", "UNDO"]
    for name, (current, values) in told["presets"].items():
        assert (current, values) == (name, {**chosen, **PRESETS[name.lower()]})
    assert (told["custom"], told["kept"]) == ("CUSTOM", "CUSTOM")
    assert told["asked"] == {**chosen, **PRESETS["draft"]}
    assert [code for code, _ in told["unknown"]] == ["unknown_preset", "unknown_preset"]
    assert told["other"] == 0
    assert told["saved"] == [{**chosen, "light_steps": 401}, True, 0.25]
    assert told["states"] == [[False, False], [True, 7]] * 2


def check_fields(found: dict[str, dict]) -> None:
    """Every field of the dataclass is a property with its text, limits and choices."""
    optional = {field.name for field in FIELDS if field.default is None}
    assert set(found) == {field.name for field in FIELDS} | {f"use_{name}" for name in optional}
    for field in FIELDS:
        one, meta = found[field.name], field.metadata
        assert one["description"] == meta["text"]
        assert not one["animatable"]
        if meta["choices"]:
            assert one["items"] == [choice.upper() for choice in meta["choices"]]
        elif meta["unit"] == "m":
            assert (one["unit"], one["low"]) == ("LENGTH", 0.0)
        else:
            assert one["low"] == pytest.approx(meta["low"])
            assert meta["high"] is None or one["high"] == pytest.approx(meta["high"])
