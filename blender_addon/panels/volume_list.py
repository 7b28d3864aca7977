# SPDX-FileCopyrightText: 2026 Neural Bake developers
#
# SPDX-License-Identifier: GPL-3.0-or-later

"""The list of a scene's volumes with their bakes; a click on one makes it the active object."""

from __future__ import annotations

import bpy
from bpy.props import IntProperty

from .. import bakes, results, volumes
from . import parts

MOST_LINES = 6
# Icon of a state, and whether it asks for something.
ICONS = {
    'LINKED': ('INFO', False),
    'RUNNING': ('PLAY', False),
    'QUEUED': ('TIME', False),
    'WAITING': ('TIME', False),
    'DAMAGED': ('ERROR', True),
    'CHANGED': ('ERROR', True),
    'MOVED': ('ERROR', True),
    'DONE': ('CHECKMARK', False),
    'UNKNOWN': ('QUESTION', False),
    'LEFT_OUT': ('RESTRICT_RENDER_ON', False),
    'NOT_BAKED': ('RADIOBUT_OFF', False),
}
# Of each kind of bake; the list shows what carries it.
KIND_ICONS = {'LIGHT_PROBE': 'LIGHTPROBE_VOLUME', 'EMPTY': 'EMPTY_AXIS'}


class NEURAL_BAKE_UL_volumes(bpy.types.UIList):
    """Over all objects of the view layer, of which the volumes are shown: so there is nothing to keep in step."""

    taken: frozenset[int] = frozenset()  # by session_uid, what a bake takes: looked up once for all lines

    def draw_item(
        self,
        context: bpy.types.Context,
        layout: bpy.types.UILayout,
        _data: bpy.types.ViewLayer,
        item: bpy.types.Object,
        _icon: int,
        _active_data: bpy.types.AnyType,
        _active_property: str,
        _index: int,
    ) -> None:
        status = bakes.status(item, context.scene, item.session_uid in self.taken)
        icon, is_alert = ICONS[status.state]
        split = layout.split(factor=0.38)
        split.active = status.state != 'LEFT_OUT'
        split.label(text=item.name, icon=KIND_ICONS[item.type])
        cell = split.row()
        cell.alert = is_alert
        cell.label(text=status.words, icon=icon)

    def filter_items(
        self, _context: bpy.types.Context, data: bpy.types.ViewLayer, name: str
    ) -> tuple[list[int], list[int]]:
        objects = getattr(data, name)
        wanted = self.filter_name.lower()
        chosen = [
            (obj.name, index)
            for index, obj in enumerate(objects)
            if bakes.is_listed(obj) and wanted in obj.name.lower()
        ]
        flags = [0] * len(objects)
        for _, index in chosen:
            flags[index] = self.bitflag_filter_item
        # The chosen ones first, by name, then the rest.
        chosen.sort(reverse=self.use_filter_sort_reverse)
        order = [index for _, index in chosen] + [index for index, flag in enumerate(flags) if not flag]
        places = [0] * len(objects)
        for place, index in enumerate(order):
            places[index] = place
        return flags, places


def draw(layout: bpy.types.UILayout, context: bpy.types.Context) -> None:
    """The list, and why some of its volumes hold none; nothing where there is no volume."""
    objects = bakes.listed(context.view_layer)
    if not objects:
        return
    taken = volumes.of_scene(context.scene, context.view_layer)
    NEURAL_BAKE_UL_volumes.taken = frozenset(obj.session_uid for obj in taken)
    lines = min(len(objects), MOST_LINES)
    layout.template_list(
        "NEURAL_BAKE_UL_volumes",
        "",
        context.view_layer,
        "objects",
        context.window_manager,
        "neural_bake_volume",
        rows=lines,
        maxrows=lines,
        sort_lock=True,
    )
    if any(bakes.loses_results(obj) and not results.carries(obj) for obj in objects):
        parts.sentence(layout, context, "Blender saves no result on a linked or overridden volume.", 'INFO')


def _active_index(_manager: bpy.types.WindowManager) -> int:
    layer = bpy.context.view_layer
    active = layer.objects.active
    if active is None or not bakes.is_listed(active):
        return -1
    return next((index for index, obj in enumerate(layer.objects) if obj == active), -1)


def _activate(_manager: bpy.types.WindowManager, index: int) -> None:
    objects = bpy.context.view_layer.objects
    if 0 <= index < len(objects):
        bakes.make_active(bpy.context, objects[index])


classes = (NEURAL_BAKE_UL_volumes,)


def register() -> None:
    for cls in classes:
        bpy.utils.register_class(cls)
    bpy.types.WindowManager.neural_bake_volume = IntProperty(
        name="Volume",
        description="Make this volume the active object",
        get=_active_index,
        set=_activate,
        options={'SKIP_SAVE'},
    )


def unregister() -> None:
    del bpy.types.WindowManager.neural_bake_volume
    for cls in reversed(classes):
        bpy.utils.unregister_class(cls)
