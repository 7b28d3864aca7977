# SPDX-FileCopyrightText: 2026 Neural Bake developers
#
# SPDX-License-Identifier: GPL-3.0-or-later

"""The add-on's part of Blender's preferences: the engine and its test, devices, and the cache."""

from __future__ import annotations

import os

import bpy

from .. import engine, engine_setup, engine_test, preferences
from ..bake_workers.engine_setup import sizes
from . import parts

LABEL_SHARE = 0.4
MAKE = {'NONE': "Create Engine", 'READY': "Create Again", 'OUTDATED': "Update Engine", 'BROKEN': "Repair Engine"}
STATES = {
    'READY': ("The engine is ready", 'CHECKMARK'),
    'OUTDATED': ("The engine was made for another version of Neural Bake. Update it.", 'ERROR'),
    'BROKEN': ("The engine is damaged or only half installed. Repair it.", 'ERROR'),
}


def draw(layout: bpy.types.UILayout, context: bpy.types.Context, values: preferences.NeuralBakePreferences) -> None:
    layout.use_property_split = True
    layout.use_property_decorate = False  # No animation.
    make(layout.column(), context, values)
    column = layout.column()
    column.prop(values, "engine", text="Use Existing")
    used = preferences.engine_python(context)
    if used is not None and preferences.ENGINE_VARIABLE in os.environ:
        beside(column, context, f"{preferences.ENGINE_VARIABLE} is set, so the engine is {used}", 'INFO')
    is_running = engine_test.is_running()
    row = beside_labels(column)
    row.enabled = not is_running
    row.operator("neural_bake.test_engine", text="Testing..." if is_running else "Test", icon='PLAY')
    report(column, context)
    column = layout.column()
    column.prop(values, "capture_device")
    column.prop(values, "train_device")
    column.prop(values, "threads")
    column = layout.column()
    column.prop(values, "cache")
    column.prop(values, "keep_jobs")
    row = beside_labels(column)
    row.operator("neural_bake.clear_cache", text=f"Clear ({preferences.cache_text(context)})", icon='TRASH')
    row.operator("neural_bake.open_log", icon='TEXT')


def make(column: bpy.types.UILayout, context: bpy.types.Context, values: preferences.NeuralBakePreferences) -> None:
    """The engine that the add-on makes itself: how it stands, and the buttons."""
    state = engine.made_state()
    setup = engine_setup.running()
    if setup is not None:
        row = beside_labels(column)
        row.progress(factor=setup.fraction, text=setup.text)
        row.operator("neural_bake.cancel_engine", text="", icon='X')
        return
    row = column.row()
    row.prop(values, "torch", expand=True)
    download, disk = sizes(values.torch.lower())
    column.prop(values, "base_python", placeholder="Blender's own Python")
    column.prop(values, "wheels", placeholder="From the network")
    row = beside_labels(column)
    row.operator("neural_bake.create_engine", text=MAKE[state], icon='IMPORT')
    if state != 'NONE':
        row.operator("neural_bake.remove_engine", text="", icon='TRASH')
    if engine_setup.problem():
        beside(column, context, engine_setup.problem(), 'ERROR')
    elif state in STATES:
        beside(column, context, *STATES[state])
    fetched = "" if values.wheels else f"{download} GB to download, "
    beside(column, context, f"{fetched}{disk} GB on the disk")


def beside(layout: bpy.types.UILayout, context: bpy.types.Context, words: str, icon: str = 'NONE') -> None:
    """A sentence where the properties' values stand."""
    parts.sentence(beside_labels(layout), context, words, icon, share=1.0 - LABEL_SHARE)


def beside_labels(layout: bpy.types.UILayout) -> bpy.types.UILayout:
    """A row where the properties' values stand, for buttons that belong to them."""
    split = layout.split(factor=LABEL_SHARE)
    split.label()
    return split.row(align=True)


def report(layout: bpy.types.UILayout, context: bpy.types.Context) -> None:
    """What the last test of this engine has found."""
    found = engine_test.last(context)
    if found is None:
        return
    column = layout.box().column(align=True)
    if found.problem:
        parts.sentence(column, context, found.problem, 'ERROR')
    else:
        parts.sentence(column, context, "This engine can train", 'CHECKMARK')
    for line in found.lines:
        parts.sentence(column, context, line, 'BLANK1')
