# SPDX-FileCopyrightText: 2026 Neural Bake developers
#
# SPDX-License-Identifier: GPL-3.0-or-later

"""How the baked light is drawn into a 3D View: one batch of triangles with a colour at each point, and boxes.

Convention:
    colours are linear: a 3D View's framebuffer makes sRGB of them.
"""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

import bpy
import gpu
import numpy as np
from mathutils import Matrix

if TYPE_CHECKING:
    from .viewport import Surface

NEARER = 3e-3
"""By how much of its distance a surface is drawn nearer than where Blender draws it, and the floor's grid, too."""
NEARER_PARALLEL = 1e-5
"""The same with parallel rays, against the depth of the whole view."""
MOST_BOXES = 64
EDGES = ((0, 1), (1, 2), (2, 3), (3, 0), (4, 5), (5, 6), (6, 7), (7, 4), (0, 4), (1, 5), (2, 6), (3, 7))
"""Of the corners of an object's ``bound_box``."""

VERTEX = """
void main()
{
    shade = light * exposure;
    gl_Position = view_projection * vec4(place, 1.0);
}
"""

FRAGMENT = """
void main()
{
    shown = vec4(clamp(shade, 0.0, 1.0), 1.0);
}
"""


def upload(surfaces: list[Surface]) -> gpu.types.GPUBatch | None:
    """Bring surfaces to the graphics card as one batch; None where they have no triangle."""
    if not sum(len(surface.triangles) for surface in surfaces):
        return None
    starts = np.cumsum([0, *(len(surface.positions) for surface in surfaces)])
    triangles = np.concatenate([surface.triangles + start for surface, start in zip(surfaces, starts)])
    layout = gpu.types.GPUVertFormat()
    layout.attr_add(id="place", comp_type='F32', len=3, fetch_mode='FLOAT')
    layout.attr_add(id="light", comp_type='F32', len=3, fetch_mode='FLOAT')
    points = gpu.types.GPUVertBuf(layout, int(starts[-1]))
    points.attr_fill("place", np.concatenate([surface.positions for surface in surfaces]))
    points.attr_fill("light", np.concatenate([surface.light for surface in surfaces]))
    indices = gpu.types.GPUIndexBuf(type='TRIS', seq=np.ascontiguousarray(triangles, np.uint32))
    return gpu.types.GPUBatch(type='TRIS', buf=points, elem=indices)


def draw(batch: gpu.types.GPUBatch | None, exposure: float, is_alone: bool) -> None:
    """Draw a batch with the matrices that are set, into what is bound.

    Args:
        is_alone: whether nothing that is drawn already can be nearer.
    """
    if batch is None:
        return
    if is_alone:
        gpu.state.active_framebuffer_get().clear(depth=1.0)
    projection, view = gpu.matrix.get_projection_matrix(), gpu.matrix.get_model_view_matrix()
    gpu.state.depth_test_set('LESS_EQUAL')
    gpu.state.depth_mask_set(True)
    try:
        shader = _shader()
        shader.bind()
        shader.uniform_float("view_projection", _nearer(projection) @ view)
        shader.uniform_float("exposure", exposure)
        batch.draw(shader)
    finally:
        gpu.state.depth_mask_set(False)
        gpu.state.depth_test_set('NONE')


def draw_boxes(boxes: list[tuple[np.ndarray, bool]]) -> None:
    """Draw the edges of boxes, each of corners (8, 3), and whether it is the active object's."""
    theme = bpy.context.preferences.themes[0].view_3d
    shader = gpu.shader.from_builtin('POLYLINE_UNIFORM_COLOR')
    shader.bind()
    shader.uniform_float("viewportSize", gpu.state.viewport_get()[2:])
    shader.uniform_float("lineWidth", bpy.context.preferences.system.pixel_size)
    layout = gpu.types.GPUVertFormat()
    layout.attr_add(id="pos", comp_type='F32', len=3, fetch_mode='FLOAT')
    for corners, is_active in boxes:
        shader.uniform_float("color", (*(theme.object_active if is_active else theme.object_selected)[:3], 1.0))
        points = gpu.types.GPUVertBuf(layout, 2 * len(EDGES))
        points.attr_fill("pos", np.ascontiguousarray(corners[np.array(EDGES).ravel()], np.float32))
        gpu.types.GPUBatch(type='LINES', buf=points).draw(shader)


def _nearer(projection: Matrix) -> Matrix:
    """A projection that draws the same picture a little nearer."""
    if projection[3][3] != 0.0:
        return Matrix.Translation((0.0, 0.0, -NEARER_PARALLEL)) @ projection
    # Nearer along the ray to the eye, so that the picture stays the same.
    return projection @ Matrix.Diagonal((1.0 - NEARER, 1.0 - NEARER, 1.0 - NEARER, 1.0))


@functools.cache
def _shader() -> gpu.types.GPUShader:
    """The compiled shader; only where there is something to draw on."""
    info = gpu.types.GPUShaderCreateInfo()
    info.push_constant('MAT4', "view_projection")
    info.push_constant('FLOAT', "exposure")
    info.vertex_in(0, 'VEC3', "place")
    info.vertex_in(1, 'VEC3', "light")
    flow = gpu.types.GPUStageInterfaceInfo("neural_bake_light")
    flow.smooth('VEC3', "shade")
    info.vertex_out(flow)
    info.fragment_out(0, 'VEC4', "shown")
    info.vertex_source(VERTEX)
    info.fragment_source(FRAGMENT)
    return gpu.shader.create_from_info(info)


def forget() -> None:
    """Let go of what lives on the graphics card."""
    _shader.cache_clear()
