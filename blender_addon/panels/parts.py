# SPDX-FileCopyrightText: 2026 Neural Bake developers
#
# SPDX-License-Identifier: GPL-3.0-or-later

"""What several panels draw: the bake with its button, its progress and its end, and a result."""

from __future__ import annotations

import blf
import bpy

from .. import (
    checks,
    compact_export,
    job_folders,
    jobs,
    kinds,
    lamps,
    light_sets,
    live,
    preferences,
    properties,
    results,
    speeds,
    staleness,
    updates,
    viewport,
    volumes,
)
from ..core.errors import NeuralBakeError
from ..core.light_grid.report import LABELS as GRID_LABELS
from ..core.relight.report import LABELS as RELIGHT_LABELS
from ..job import Job
from . import pictures, text

LABELS = {**GRID_LABELS, **RELIGHT_LABELS}
METHODS = {
    "ours": "Ours",
    "trilinear": "Trilinear",
    "validity": "Validity",
    "ddgi": "DDGI",
    "dense": "Dense",
    "nearest": "Nearest",
    "barycentric": "Blend",
    "rbf_linear": "RBF linear",
    "rbf_thin_plate": "RBF thin",
    "ptm": "PTM",
    "lambert": "Linear",
    "noise_floor": "Noise",
}
ICONS = {kinds.LIGHT_GRID: 'LIGHTPROBE_VOLUME', kinds.RELIGHT: 'LIGHT'}
STATES = {
    'CURRENT': ('CHECKMARK', "Up to date"),
    'CHANGED': ('ERROR', "Out of date: the scene has changed"),
    'MOVED': ('ERROR', "Out of date: a {noun} was moved"),
    'UNKNOWN': ('QUESTION', "Not compared with the scene yet"),
}
MOST_ROWS = 4
# What a panel leaves of a region's width to a text; the sidebar has its tabs too.
MARGINS = {'UI': 64.0, 'WINDOW': 50.0}
ICON_WIDTH = 24.0


def sentence(
    layout: bpy.types.UILayout, context: bpy.types.Context, words: str, icon: str = 'NONE', *, share: float = 1.0
) -> None:
    """A text in as many lines as the panel's width asks for; Blender itself would cut it off.

    Args:
        share: of the panel's width, what the layout has.
    """
    style, system = context.preferences.ui_styles[0].widget, context.preferences.system
    margin = MARGINS[context.region.type] + (ICON_WIDTH if icon != 'NONE' else 0.0)
    room = share * context.region.width - margin * system.ui_scale
    blf.size(0, style.points * system.ui_scale)
    column = layout.column(align=True)
    column.scale_y = 0.8
    for number, line in enumerate(text.wrap(words, lambda part: blf.dimensions(0, part)[0] <= room)):
        column.label(text=line, icon=icon if number == 0 else 'BLANK1' if icon != 'NONE' else 'NONE')


def bake(layout: bpy.types.UILayout, context: bpy.types.Context) -> None:
    """What is baked, presets, the button, what it will cost, and what is under way."""
    scene, running = context.scene, jobs.active()
    kind = properties.kind_of(scene)
    layout.row(align=True).prop(scene.neural_bake, "kind", expand=True)
    if running is not None:
        progress(layout, context, running)
    row = layout.row(align=True)
    current = properties.current_preset(scene, kind)
    for name in properties.PRESETS:
        row.operator("neural_bake.use_preset", text=name.title(), depress=name == current).preset = name
    problem = checks.problem(context, kind=kind)
    label = "Neural Bake" if running is None else "Add to Queue"
    row = layout.row(align=True)
    row.scale_y = 1.5 if running is None else 1.0
    bake_button(row, label, 'ALL', problem, ICONS[kind])
    has_choice = kind == kinds.LIGHT_GRID and len(volumes.of_scene(scene, context.view_layer)) > 1
    selected = volumes.selected(scene, context.view_layer)
    if has_choice:
        bake_button(row, "Bake Selected", 'SELECTED', checks.problem(context, chosen=selected))
    if problem:
        sentence(layout, context, problem, 'INFO')
        help_with(layout, context)
    else:
        cost(layout, context, kind)
        if has_choice and not selected:
            sentence(layout, context, "Select volumes to bake them alone.", 'INFO')
    queue(layout, context)
    failures(layout, context)


def bake_button(row: bpy.types.UILayout, label: str, chosen: str, problem: str, icon: str = 'NONE') -> None:
    """A button that bakes, greyed where something is in its way."""
    part = row.row(align=True)
    part.enabled = not problem
    values = part.operator("neural_bake.bake", text=label, icon=icon)
    values.kind, values.volumes, values.preset = 'SCENE', chosen, 'SCENE'  # whatever it was called with last


def help_with(layout: bpy.types.UILayout, context: bpy.types.Context) -> None:
    """A button for what is missing most often before the first bake."""
    python = preferences.engine_python(context)
    if not bpy.data.filepath:
        layout.operator("wm.save_as_mainfile", text="Save As...", icon='FILE_TICK')
    elif python is None or not python.is_file():
        package = __package__.rpartition(".")[0]
        layout.operator("preferences.addon_show", text="Set Up Engine", icon='PREFERENCES').module = package


def cost(layout: bpy.types.UILayout, context: bpy.types.Context, kind: str) -> None:
    """Probes or pictures, time and memory of the next bake, and what the artist may not expect of it."""
    scene = context.scene
    try:
        if kind == kinds.RELIGHT:
            count = len(lamps.chosen(scene, context.view_layer))
            parts, noun = count * scene.neural_bake.relight.lights, "picture"
        else:
            count = volumes.probe_count(scene, context.view_layer)
            parts, noun = count, "probe"
        expected = speeds.estimate(context, scene, count, kind)
    except NeuralBakeError as error:
        sentence(layout, context, str(error), 'ERROR')
        return
    sentence(layout, context, text.estimate(parts, expected.seconds, expected.memory, noun))
    for note in checks.notes(context):
        sentence(layout, context, note, 'INFO')


def progress(layout: bpy.types.UILayout, context: bpy.types.Context, job: Job) -> None:
    """A running bake: stage, bar, time left, the newest picture, and the way to stop it."""
    box = layout.box()
    sentence(box, context, jobs.headline(job))
    row = box.row(align=True)
    row.progress(factor=job.fraction, text=f"{job.fraction:.0%}")
    row.operator("neural_bake.cancel", text="", icon='X').job = job.id
    pictures.draw(box, job.preview)


def queue(layout: bpy.types.UILayout, context: bpy.types.Context) -> None:
    """Bakes that wait, for their turn or for their scene."""
    for job in jobs.all_jobs():
        if job.state == 'QUEUED':
            row = layout.row(align=True)
            row.label(text=f"{job.place}. {job.scene_name}", icon='TIME')
            row.operator("neural_bake.cancel", text="", icon='X').job = job.id
        elif job.state == 'WAITING' and job.message:
            sentence(layout, context, job.message, 'TIME')


def failures(layout: bpy.types.UILayout, context: bpy.types.Context) -> None:
    """Why the last bake failed, and the bakes that can be taken up again."""
    last = jobs.last()
    stored = jobs.interrupted()
    if last is not None and last.state == 'FAILED':
        box = layout.box()
        column = box.column()
        column.alert = True
        sentence(column, context, last.message, 'ERROR')
        box.operator("neural_bake.open_log", icon='TEXT').job = last.id
        for one in stored:
            if one.id == last.id:
                take_up(box.row(align=True), one)
        stored = [one for one in stored if one.id != last.id]
    if not stored:
        return
    box = layout.box().column(align=True)
    box.label(text="Unfinished Bakes", icon='RECOVER_LAST')
    for one in stored[:MOST_ROWS]:
        where = one.scene_name if one.here else f"{one.scene_name} of {bpy.path.basename(one.blend)}"
        split = box.split(factor=0.6)
        split.label(text=f"{where}, {text.moment(one.id)}")
        take_up(split.row(align=True), one)
    if len(stored) > MOST_ROWS:
        box.label(text=f"and {len(stored) - MOST_ROWS} more")


def take_up(row: bpy.types.UILayout, stored: job_folders.Stored) -> None:
    """Resume and Discard."""
    row.operator("neural_bake.resume", text="Resume").job = stored.id
    row.operator("neural_bake.discard", text="", icon='TRASH').job = stored.id


def result(layout: bpy.types.UILayout, context: bpy.types.Context, keeper: bpy.types.Object) -> None:
    """A result: whether it still fits, and its errors beside the rivals'."""
    problem = results.problem(keeper)
    if problem:
        column = layout.column()
        column.alert = True
        sentence(column, context, problem, 'ERROR')
        return
    icon, words = STATES[staleness.state_of_result(keeper, context.scene)]
    kind = kinds.of(keeper)
    words = words.format(noun=kinds.NOUNS[kind])
    manifest = results.manifest(keeper)
    column = layout.column()
    column.alert = icon == 'ERROR'
    reason = staleness.not_comparable(manifest, context.scene.frame_current) if icon == 'QUESTION' else ""
    sentence(column, context, reason or words, icon)
    metrics = manifest["metrics"]
    kept = LABELS.get(metrics["kept"], metrics["kept"])
    sentence(layout, context, f"Kept: {kept}")
    errors(layout, metrics, kind)
    if metrics["kept"] != "ours":
        sentence(layout, context, "This rival beat Neural Bake's own weights here.", 'INFO')
    if kind != kinds.LIGHT_GRID:
        return
    dark = metrics["held_out"][metrics["kept"]].get("leak_points")
    if dark:
        sentence(layout, context, f"Leak is measured at {text.number(dark, 'dark point')}.")
    else:
        sentence(layout, context, "No point is dark, so leak has no value.")
    if light_sets.has_sets(manifest):
        sets(layout, context, keeper)


def sets(layout: bpy.types.UILayout, context: bpy.types.Context, keeper: bpy.types.Object) -> None:
    """What of a light grid follows the lamps, and which lamp does not stand as it was baked."""
    box = layout.box()
    column = box.column(align=True)
    column.prop(context.scene.neural_bake, "live", text="Follow the Lamps")
    column.operator("neural_bake.update", icon='FILE_REFRESH').volume = keeper.name
    shown = live.shown_sets(keeper)
    if shown is not None:
        for words, is_wrong in light_sets.words(shown.state):
            sentence(box, context, words, 'ERROR' if is_wrong else 'NONE')
        if context.scene.neural_bake.live:
            sentence(box, context, f"Drawn in {1000.0 * shown.seconds:.0f} ms.")
    if (shown is not None and shown.state.moved) or staleness.state_of_result(keeper, context.scene) == 'CHANGED':
        reason = updates.problem(context, keeper)
        if reason:
            sentence(box, context, reason, 'INFO')


def errors(layout: bpy.types.UILayout, metrics: dict, kind: str) -> None:
    """Held-out errors of every method, the kept one's marked."""
    rows = {**metrics["held_out"], "noise_floor": metrics.get("noise_floor") or {}}
    split = layout.split(factor=0.22 if kind == kinds.LIGHT_GRID else 0.3)
    names = split.column(align=True)
    names.scale_y = 0.8
    names.label(text="")
    for method in rows:
        row = names.row()
        row.active = method == metrics["kept"]
        row.label(text=METHODS.get(method, method))
    table = split.row(align=True)
    for metric in kinds.METRICS[kind]:
        column = table.column(align=True)
        column.scale_y = 0.8
        column.label(text=metric.name)
        for method, values in rows.items():
            row = column.row()
            row.active = method == metrics["kept"]
            row.label(text=text.error(values.get(metric.name)))


def result_buttons(layout: bpy.types.UILayout, context: bpy.types.Context, kind: str = kinds.LIGHT_GRID) -> None:
    """What can be done with a result."""
    column = layout.column(align=True)
    column.operator("neural_bake.show_result", icon='IMAGE_DATA').image = 'COMPARISON'
    row = column.row(align=True)
    for image in ('PREVIEW', 'REFERENCE', 'ERROR'):
        row.operator("neural_bake.show_result", text=image.title()).image = image
    if kind != kinds.LIGHT_GRID:
        return
    relit_picture(column)
    column = layout.column(align=True)
    column.operator("neural_bake.show_light", icon='SHADING_SOLID', depress=viewport.is_shown(context))
    column.operator("neural_bake.apply_vertex_colours", icon='GROUP_VCOL')
    export(column, context)


def export(layout: bpy.types.UILayout, context: bpy.types.Context) -> None:
    """The button of the file for engines, its progress, and how the last one ended."""
    running, last = compact_export.running(), compact_export.last()
    if running is None:
        layout.operator("neural_bake.export_compact", icon='EXPORT')
    else:
        row = layout.row(align=True)
        row.progress(factor=running.done / running.total, text=running.path.name)
        row.operator("neural_bake.cancel_export", text="", icon='X')
    if running is None and last is not None:
        sentence(layout, context, last.message, 'ERROR' if last.problem else 'INFO')


def relit_picture(layout: bpy.types.UILayout) -> None:
    """The image Neural Relight, which every kind has: look at it, and draw it anew."""
    row = layout.row(align=True)
    row.operator("neural_bake.show_result", text="Neural Relight", icon='LIGHT').image = 'RELIGHT'
    row.operator("neural_bake.relight", text="", icon='FILE_REFRESH')
