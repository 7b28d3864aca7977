# SPDX-FileCopyrightText: 2026 Neural Bake developers
#
# SPDX-License-Identifier: GPL-3.0-or-later

"""The panels: what they say in every state, drawn in a window where there is one."""

from __future__ import annotations

import json
import os
import re
import shutil
import sys
import time
from pathlib import Path

import pytest

from blender_addon.panels import text
from tests import support

PANELS = support.ROOT / "blender_addon" / "panels"


def test_sentences_are_wrapped() -> None:
    def fits(line: str) -> bool:
        return len(line) <= 10

    assert text.wrap("", fits) == []
    assert text.wrap("  one  two\nthree four ", fits) == ["one two", "three four"]
    assert text.wrap("see /a/very/long/path now", fits) == ["see", "/a/very/lo", "ng/path", "now"]
    assert text.wrap("abc", lambda line: False) == ["a", "b", "c"]


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [(0, "5 s"), (12, "10 s"), (54, "55 s"), (56, "1 min"), (250, "4 min"), (3570, "1 h"), (7800, "2 h 10 min")],
)
def test_durations(seconds: float, expected: str) -> None:
    assert text.duration(seconds) == expected


def test_numbers() -> None:
    assert text.estimate(1848, 236.0, 0.62 * 2**30) == "1,848 probes · about 4 min · 0.6 GB"
    assert text.estimate(1, 3.0, 10.0) == "1 probe · about 5 s · 0.1 GB"
    assert [text.error(value) for value in (None, 0.12345, 1, -0.001, 123.456)] == [
        "–",
        "0.123",
        "1.000",
        "-0.001",
        "123.5",
    ]
    assert text.moment("20200131-150412-ab12") == "31 Jan"
    assert text.moment(time.strftime("%Y%m%d") + "-150412-ab12") == "15:04"
    assert text.moment("my job") == "my job"


REGISTERED = """
from extension import *
enable()
import dataclasses
panels = {name: getattr(bpy.types, name) for name in dir(bpy.types) if name.startswith("NEURAL_BAKE_PT")}
places = {name: [cls.bl_space_type, cls.bl_region_type, getattr(cls, "bl_category", "") or cls.bl_context]
          for name, cls in panels.items()}
render, properties = module("panels.render"), module("properties")
names = {kind: sorted(name for page in pages.values() for names in page for name in names)
         for kind, pages in render.GROUPS.items()}
fields = {kind: sorted(field.name for field in dataclasses.fields(cls) if field.name not in properties.MACHINE)
          for kind, cls in properties.SETTINGS.items()}
icons = bpy.types.UILayout.bl_rna.functions["label"].parameters["icon"].enum_items.keys()
operators = {name: hasattr(getattr(bpy.ops, name.split(".")[0]), name.split(".")[1]) for name in sys.argv[2].split()}
volume = bpy.data.objects.new("Volume", bpy.data.lightprobes.new("Volume", 'VOLUME'))
bpy.context.scene.collection.objects.link(volume)
polls = []
for obj in (volume, bpy.data.objects["Cube"], None):
    bpy.context.view_layer.objects.active = obj
    polls.append(bool(panels["NEURAL_BAKE_PT_object_data"].poll(bpy.context)))
kinds = {}
for kind in ('LIGHT_GRID', 'RELIGHT'):
    bpy.context.scene.neural_bake.kind = kind
    kinds[kind] = sorted(name for name, cls in panels.items() if cls.bl_space_type == 'VIEW_3D'
                         and (not hasattr(cls, "poll") or cls.poll(bpy.context)))
drawn = bpy.types.STATUSBAR_HT_header.draw._draw_funcs
bar = module("status_bar").draw in drawn
disable()
left = [name for name in dir(bpy.types) if name.startswith("NEURAL_BAKE_")]
answer(places=places, names=names, fields=fields, polls=polls, bar=bar, kinds=kinds,
       unknown_icons=sorted(set(sys.argv[1].split()) - set(icons)), left=left,
       missing=[name for name, known in operators.items() if not known],
       bar_left=any("neural_bake" in function.__module__ for function in drawn))
"""


def test_registration(blender: tuple[str, Path], user: Path) -> None:
    """Every panel is in its place, every setting in a panel, and what panels name is there in this Blender."""
    sources = "".join(path.read_text("utf-8") for path in PANELS.glob("*.py"))
    icons = set(re.findall(r"icon='(\w+)'", sources)) | set(re.findall(r"\('(\w+)', \"", sources))
    icons |= set(re.findall(r"context, [^\n]*, '([A-Z_]+)'\)", sources)) | set(
        re.findall(r": '([A-Z_]+)'[,}]", sources)
    )
    operators = set(re.findall(r"operator(?:_menu_enum)?\(\s*\"([a-z_.]+)\"", sources))
    assert {"TRASH", "CHECKMARK", "INFO", "LIGHTPROBE_VOLUME"} <= icons and "neural_bake.bake" in operators
    words = " ".join(sorted(icons)), " ".join(sorted(operators))
    answer, result = support.run_in_blender(blender[1], user, REGISTERED, *words)
    sidebar, render = ["VIEW_3D", "UI", "Neural Bake"], ["PROPERTIES", "WINDOW", "render"]
    assert answer["places"] == {
        "NEURAL_BAKE_PT_bake": sidebar,
        "NEURAL_BAKE_PT_probes": sidebar,
        "NEURAL_BAKE_PT_overlay": sidebar,
        "NEURAL_BAKE_PT_lamps": sidebar,
        "NEURAL_BAKE_PT_live": sidebar,
        "NEURAL_BAKE_PT_result": sidebar,
        "NEURAL_BAKE_PT_render": render,
        "NEURAL_BAKE_PT_quality": render,
        "NEURAL_BAKE_PT_advanced": render,
        "NEURAL_BAKE_PT_object_data": ["PROPERTIES", "WINDOW", "data"],
    }
    assert answer["names"] == answer["fields"] and set(answer["fields"]) == {"light_grid", "relight"}
    both = {"NEURAL_BAKE_PT_bake", "NEURAL_BAKE_PT_result"}
    assert set(answer["kinds"]["LIGHT_GRID"]) == both | {"NEURAL_BAKE_PT_probes", "NEURAL_BAKE_PT_overlay"}
    assert set(answer["kinds"]["RELIGHT"]) == both | {"NEURAL_BAKE_PT_lamps", "NEURAL_BAKE_PT_live"}
    assert (answer["unknown_icons"], answer["missing"], answer["left"]) == ([], [], [])
    assert answer["polls"] == [True, False, False]
    assert answer["bar"] and not answer["bar_left"]
    assert "Traceback" not in result.stderr


def test_drawn_in_every_state(user: Path, tiny_scene: Path, tmp_path: Path) -> None:
    """In a real window: from the file that was never saved to the failed bake, without a line on the console."""
    if not os.environ.get("NEURAL_BAKE_BLENDER"):
        pytest.skip("NEURAL_BAKE_BLENDER names no Blender")
    scene = shutil.copy(tiny_scene, tmp_path / "scene.blend")
    script = support.ROOT / "tests" / "scripts" / "panels.py"
    words = [scene, sys.executable, json.dumps(support.TINY), tmp_path]
    answer, result = support.run_in_window(user, script, *words)
    said = {
        "never saved": "The scene was never saved. Save it first.",
        "no engine": "No engine is set. Create one in the preferences.",
        "ready": r"12 probes · about \d+ s · 0\.\d GB",
        "relight": r"64 pictures · about [\d h]+(s|min) · \d\.\d GB",
        "relight without a lamp": "The scene has no lamp Soup. Choose another.",
        "running": "Measuring light|Training|Starting",
        "done": "Up to date",
        "moved": "Out of date: a volume was moved",
        "changed": "Out of date: the scene has changed",
        "newer": "has schema neural_bake.artifact/2; this version reads neural_bake.artifact/1",
        "damaged": "The result on Volume cannot be read.",
        "failed": "The engine|/bin/false",
        "wrong setting": "Setting spacing cannot be",
    }
    states = answer["states"]
    for name, sentence in said.items():
        assert any(re.search(sentence, line) for line in states[name]), (name, states[name])
    assert any("Hidden in renders" in line or "other result" in line for line in states["wrong setting"])
    for name in ("undone", "volume"):
        assert "Up to date" not in states[name]
    assert answer["undone"] == []
    assert len(answer["noticed"]) == 6
    assert [count for count, _ in answer["shown"]] == [2, 2, 3]
    assert answer["shown"][1][1] == ["Neural Bake Error"]
    assert set(answer["shown"][2][1]) == {"Neural Bake Error", "Neural Bake Reference"}
    assert set(answer["draws"]) == panel_names()
    ours = [line for line in result.stderr.splitlines() if "neural_bake" in line or "Traceback" in line]
    assert ours == [], result.stderr


def panel_names() -> set[str]:
    """The names of all panel classes, from their sources."""
    sources = "".join(path.read_text("utf-8") for path in PANELS.glob("*.py"))
    return set(re.findall(r"class (NEURAL_BAKE_PT_\w+)", sources))
