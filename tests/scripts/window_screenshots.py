# SPDX-FileCopyrightText: 2026 Neural Bake developers
#
# SPDX-License-Identifier: GPL-3.0-or-later

"""The pictures of the documentation; see ``build_tools/screenshots.py``.

BLENDER --factory-startup --python window_screenshots.py -- SCENE.blend ENGINE FOLDER
"""

from __future__ import annotations

import math
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import bpy
from mathutils import Matrix

sys.path.insert(0, str(Path(__file__).resolve().parent))

import extension  # noqa: E402
import window  # noqa: E402

WIDTH, HEIGHT = 980, 780
"""Pixels of the 3D View: as wide as a page of text shows it without making it smaller, as high as the sidebar asks."""
PREFERENCES = 225, 592
"""Where our own preferences begin and end below the top of the editor."""
SMALL = ("+dither", "-colors", "192", "-strip", "-define", "png:compression-level=9")
"""Options of ImageMagick: so many colours are enough for a panel, and a quarter of the bytes."""
STATES = {"before": (380, ("never saved", "no engine")), "after": (484, ("out of date", "failed", "unfinished"))}
"""Which sidebars stand side by side in a picture, and its height."""
GAP = 12
"""What is left between two of them."""

scene_file, engine, folder = window.words


def script() -> Iterator[Callable[[], bool] | float]:
    extension.enable()
    yield from arrange()
    yield from preferences()
    yield from window.show_sidebar()
    yield from state("never saved")
    bpy.ops.wm.open_mainfile(filepath=scene_file, load_ui=False)
    yield 1.0  # until then the context is the earlier file's
    yield from state("no engine")
    bpy.context.preferences.addons[extension.NAME].preferences.engine = engine
    yield from look_into_the_room()
    yield from ready()
    yield from running()
    yield from done()
    yield from properties()
    yield from moved_lamp()
    yield from out_of_date_and_failed()
    put_together()
    extension.answer(pictures=sorted(path.name for path in Path(folder).iterdir()))


def picture(name: str, left: int, bottom: int, right: int, top: int) -> None:
    """A part of the screen; places are counted from the bottom, as Blender does."""
    height = bpy.context.window_manager.windows[0].height
    part = f"{right - left}x{top - bottom}+{left}+{height - top}"
    path = f"PNG8:{Path(folder) / name}.png"
    subprocess.run(["import", "-window", "root", "-crop", part, "+repage", *SMALL, path], check=True)


def state(name: str) -> Iterator[float]:
    """The sidebar, to be put beside the others."""
    window.move_mouse(1, 1)
    window.area('VIEW_3D').tag_redraw()
    yield 1.0
    place = window.region('UI', of='VIEW_3D')
    top = place.y + place.height
    # The tabs at the right are the same in each.
    picture(name, place.x, top - max(height for height, _ in STATES.values()), place.x + place.width - 22, top)


def put_together() -> None:
    """The states side by side, in few pictures."""
    join = ["-bordercolor", "white", "-border", f"{GAP // 2}x0", "+append"]
    for name, (height, states) in STATES.items():
        paths = [Path(folder) / f"{state}.png" for state in states]
        target = f"PNG8:{Path(folder) / name}.png"
        subprocess.run(
            ["convert", *map(str, paths), "-crop", f"x{height}+0+0", "+repage", *join, *SMALL, target], check=True
        )
        for path in paths:
            path.unlink()


def arrange() -> Iterator[float]:
    """The 3D View at the right, above the status bar, and nothing else beside it that a picture would show."""
    for kind in ('DOPESHEET_EDITOR', 'OUTLINER', 'PROPERTIES'):
        with bpy.context.temp_override(area=window.area(kind)):
            bpy.ops.screen.area_close()
        yield 0.3
    view = window.area('VIEW_3D')
    for direction, share in (('VERTICAL', 1.0 - WIDTH / view.width), ('HORIZONTAL', HEIGHT / view.height)):
        with bpy.context.temp_override(area=view, region=window.region('WINDOW', of='VIEW_3D')):
            bpy.ops.screen.area_split(direction=direction, factor=share)
        yield 0.5
        view = max(bpy.context.screen.areas, key=lambda area: (area.x, -area.y))
        for area in bpy.context.screen.areas:
            area.type = 'VIEW_3D' if area == view else 'CONSOLE'
        yield 0.5


def preferences() -> Iterator[float]:
    """As an artist finds them: no engine yet."""
    bpy.ops.preferences.addon_show(module=extension.NAME)
    yield 1.0
    with bpy.context.temp_override(window=bpy.context.window_manager.windows[-1]):
        bpy.ops.wm.window_close()
    area = window.area('VIEW_3D')
    area.type = 'PREFERENCES'
    window.move_mouse(1, 1)  # no tooltip
    yield 2.0
    region = window.region('WINDOW', of='PREFERENCES')
    top = region.y + region.height
    picture("preferences", region.x, top - PREFERENCES[1], region.x + region.width, top - PREFERENCES[0])
    area.type = 'VIEW_3D'
    yield 0.5


def look_into_the_room() -> Iterator[float]:
    """From the camera, but with the sidebar not in front of what there is to see."""
    space = window.area('VIEW_3D').spaces.active
    space.show_region_toolbar = space.show_region_tool_header = space.show_gizmo = False
    overlay = space.overlay
    overlay.show_floor = overlay.show_axis_x = overlay.show_axis_y = overlay.show_cursor = overlay.show_text = False
    overlay.show_extras = overlay.show_relationship_lines = False
    space.shading.type = 'MATERIAL'
    space.shading.use_scene_lights = space.shading.use_scene_world = True
    space.lens, space.clip_start = 24.0, 0.9  # no probe just before the eye
    space.region_3d.view_perspective = 'PERSP'
    turned = bpy.context.scene.camera.matrix_world @ Matrix.Rotation(-math.radians(12.0), 4, 'Y')
    space.region_3d.view_matrix = turned.inverted()
    yield 4.0


def view(name: str, *, status_bar: bool = False) -> None:
    """The 3D View, with the status bar below it or without."""
    area = window.area('VIEW_3D')
    picture(name, area.x, 0 if status_bar else area.y, area.x + area.width, area.y + area.height)


def ready() -> Iterator[float]:
    bpy.ops.neural_bake.use_preset(preset='MEDIUM')
    bpy.context.scene.neural_bake.show_probes = True
    yield 3.0
    view("ready")


def running() -> Iterator[Callable[[], bool] | float]:
    """Some way into measuring, with a first picture."""
    bpy.ops.neural_bake.bake('INVOKE_DEFAULT')
    job = extension.module("jobs").last()
    yield lambda: job.ended or (job.preview is not None and job.fraction > 0.3)
    assert job.state == 'RUNNING', job.message
    yield 1.0
    view("running", status_bar=True)
    yield lambda: job.ended
    assert job.state == 'DONE', job.message


def done() -> Iterator[Callable[[], bool] | float]:
    keeper = extension.module("results").holders(bpy.context.scene)[0]
    yield lambda: extension.module("staleness").state(keeper) == 'CURRENT'
    yield 3.0
    view("done")


def properties() -> Iterator[float]:
    """Our panels on Render and on the volume's data, in an editor where they are alone."""
    for cls in panels(bpy.types.Panel):
        kept = cls.__name__.startswith("NEURAL_BAKE") or cls.__name__ == "RENDER_PT_context"  # Cycles draws into it
        if getattr(cls, "bl_context", "") in {"render", "data"} and not kept and cls.is_registered:
            bpy.utils.unregister_class(cls)
    module = extension.module("panels.render")
    module.unregister()
    for cls in module.classes:
        cls.bl_options = set()  # open
    module.register()
    volume = extension.module("results").holders(bpy.context.scene)[0]
    bpy.context.view_layer.objects.active = volume
    console = window.area('CONSOLE')
    console.type = 'PROPERTIES'
    yield 1.0
    for name, context in (("render", 'RENDER'), ("object_data", 'DATA')):
        console.spaces.active.context = context
        console.tag_redraw()
        yield 2.0
        place = window.region('WINDOW', of='PROPERTIES')
        picture(name, place.x, place.y, place.x + place.width, place.y + place.height)
        path = Path(folder) / f"{name}.png"
        # Without the editor's rounded corners and what is empty, with a margin.
        trimmed = ["-shave", "6x6", "+repage", "-fuzz", "2%", "-trim", "+repage"]
        trimmed += ["-bordercolor", "#303030", "-border", "8"]
        subprocess.run(["convert", str(path), *trimmed, *SMALL, f"PNG8:{path}"], check=True)
    console.type = 'CONSOLE'
    yield 0.5


def panels(cls: type) -> list[type]:
    """All classes of panels, those of other classes included."""
    return [one for child in cls.__subclasses__() for one in (child, *panels(child))]


def moved_lamp() -> Iterator[Callable[[], bool] | float]:
    """Light sets of which one was dimmed and one moved: what follows, and the way to bring it up to date."""
    jobs, live, staleness = extension.module("jobs"), extension.module("live"), extension.module("staleness")
    settings = bpy.context.scene.neural_bake
    bpy.ops.neural_bake.use_preset(preset='DRAFT')
    settings.light_grid.light_sets, settings.live = 'LAMPS', True
    bpy.ops.neural_bake.bake('INVOKE_DEFAULT')
    job = jobs.last()
    yield lambda: job.ended
    assert job.state == 'DONE', job.message
    lamp = next(obj for obj in bpy.context.scene.objects if obj.type == 'LIGHT' and obj.data.type != 'SUN')
    place = lamp.location.copy()
    lamp.location.x += 0.5
    lamp.data.energy *= 0.5
    keeper = extension.module("results").holders(bpy.context.scene)[0]
    yield lambda: (shown := live.shown_sets(keeper)) is not None and lamp.name in shown.state.moved
    yield lambda: staleness.state(keeper) == 'CHANGED'
    yield 2.0
    window.move_mouse(1, 1)
    window.area('VIEW_3D').tag_redraw()
    yield 1.0
    region = window.region('UI', of='VIEW_3D')
    picture("moved_lamp", region.x, region.y, region.x + region.width - 22, region.y + region.height)
    lamp.location, settings.light_grid.light_sets = place, 'ALL'
    lamp.data.energy *= 2.0
    yield 1.0


def out_of_date_and_failed() -> Iterator[Callable[[], bool] | float]:
    jobs, staleness = extension.module("jobs"), extension.module("staleness")
    keeper = extension.module("results").holders(bpy.context.scene)[0]
    lamp = next(obj for obj in bpy.context.scene.objects if obj.type == 'LIGHT')
    lamp.data.energy *= 2.0
    yield lambda: staleness.state(keeper) == 'CHANGED'
    yield from state("out of date")
    values = bpy.context.preferences.addons[extension.NAME].preferences
    values.engine = "/bin/false"
    bpy.ops.neural_bake.bake('INVOKE_DEFAULT')
    yield lambda: jobs.last().state == 'FAILED'
    yield from state("failed")
    values.engine = engine
    bpy.ops.neural_bake.bake('INVOKE_DEFAULT')
    yield lambda: jobs.active() is not None and jobs.active().done >= 1
    bpy.ops.neural_bake.cancel()
    yield lambda: jobs.active() is None
    yield from state("unfinished")


window.drive(script, seconds=1100.0)
