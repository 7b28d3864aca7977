# SPDX-FileCopyrightText: 2026 Neural Bake developers
#
# SPDX-License-Identifier: GPL-3.0-or-later

"""Probes in the viewport: lit spheres where a result is, small grey ones where a bake would put probes.

A redraw looks up which volumes there are and what they hold; only where that has changed is a new texture made. No
data-block is kept between two redraws, so that undo and another file can do no harm.
"""

from __future__ import annotations

import dataclasses
import itertools
import time
import traceback
from collections.abc import Iterable

import bpy
import gpu
import numpy as np

from . import kinds, overlay_shader, properties, results, volumes
from .core import colour
from .core.errors import NeuralBakeError
from .core.light_grid.evaluation import BakedGrid
from .core.light_grid.grid import Grid
from .core.spherical_harmonics import COSINE, irradiance_basis

MOST_DRAWN = 200_000
"""Probes that are drawn at once; of more, every second or third along each axis is."""
LEAST_RADIUS = 2.0
"""Pixels."""
KEPT_TEXTURES = 4
"""Several 3D Views can show different volumes."""
PAUSE = 10.0
"""Seconds for which nothing is drawn after an error."""


@dataclasses.dataclass(frozen=True)
class Probes:
    """A grid of probes to be drawn; lives no longer than a redraw.

    Attributes:
        key: equal for what looks equal.
        source: object with their light; None where they are not baked yet.
    """

    key: tuple
    grid: Grid
    source: bpy.types.Object | None = None

    def light(self) -> BakedGrid | None:
        """Their light; None where there is none, or none that can be read, which the panels tell."""
        if self.source is None:
            return None
        try:
            grids = results.light_grid(self.source).grids
        except NeuralBakeError:
            return None
        return next((baked for baked in grids if is_same(baked.grid, self.grid)), None)


@dataclasses.dataclass(frozen=True)
class Prepared:
    """What a draw call needs.

    Attributes:
        low, high: (3,) corners of the box around all probes.
    """

    texture: gpu.types.GPUTexture
    count: int
    low: np.ndarray
    high: np.ndarray


_handle: object | None = None
_prepared: dict[tuple, Prepared] = {}
_exposures: dict[tuple, float] = {}
_told: set[str] = set()
_paused_until = 0.0


def collect(scene: bpy.types.Scene, view_layer: bpy.types.ViewLayer) -> list[tuple[bpy.types.Object, list[Probes]]]:
    """Every object that has probes, with them: baked ones where they were baked, coming ones where these differ."""
    candidates = [obj for obj in view_layer.objects if kinds.of(obj) == kinds.LIGHT_GRID]
    taken = set(volumes.rendered(filter(volumes.is_volume, candidates), view_layer))
    try:
        settings = properties.settings_values(scene, "light_grid")
    except NeuralBakeError:  # then there is no bake to come, and the panels say why
        taken = set()
    found = []
    for obj in candidates:
        lit = baked_probes(obj)
        probes = [] if lit is None else [lit]
        if obj in taken:
            grid = volumes.grid(obj, scene, settings)
            if lit is None or not is_same(lit.grid, grid):
                probes.append(Probes((grid.matrix.tobytes(), grid.resolution), grid))
        if probes:
            found.append((obj, probes))
    return found


def baked_probes(obj: bpy.types.Object) -> Probes | None:
    """The probes of an object's result, which is not decoded for this; None where there is none that can be read."""
    box, manifest = obj.get(results.MATRIX), results.manifest(obj)
    if box is None or manifest is None or len(box) != 16:
        return None
    matrix = np.array(box, np.float64).reshape(4, 4)
    for index, entry in enumerate(manifest["grids"]):
        grid = Grid(matrix, tuple(entry["resolution"]))
        if is_same(grid, Grid(np.array(entry["matrix"], np.float64), grid.resolution)):
            digest = str(manifest["files"].get(results.WEIGHTS_FILE, {}).get("sha256"))
            return Probes((digest, index, results.problem(obj)), grid, obj)
    return None


def is_same(one: Grid, other: Grid) -> bool:
    """Whether the probes of two grids are at the same places, but for rounding."""
    tolerance = 1e-5 * np.abs(one.matrix).max()
    return one.resolution == other.resolution and np.allclose(one.matrix, other.matrix, rtol=0.0, atol=tolerance)


def exposure_of(lights: Iterable[BakedGrid]) -> float:
    """The one exposure for all probes of a scene that are not inside geometry, see :func:`colour.exposure_for`."""
    directions = np.concatenate([np.eye(3), -np.eye(3)]).astype(np.float32)
    basis = irradiance_basis(directions)
    values = [np.zeros(0, np.float32)]
    for baked in lights:
        sh = baked.sh if baked.inside is None else baked.sh[~baked.inside]
        values.append(np.einsum("dk,pkc->pdc", basis, sh).ravel())
    return colour.exposure_for(np.maximum(np.concatenate(values), 0.0))


def texels(groups: list[tuple[Grid, BakedGrid | None]]) -> np.ndarray:
    """What the shader's texture says of each probe (P, 8, 4) float32, see overlay_shader.py.

    Args:
        groups: grids with their light, None for those that are not baked yet.
    """
    resolutions = np.array([grid.resolution for grid, _ in groups], np.int64).reshape(-1, 3)
    step = 1
    while (-(-resolutions // step)).prod(axis=1).sum() > MOST_DRAWN:
        step += 1
    blocks = [np.zeros((0, overlay_shader.TEXELS, 4), np.float32)]
    for grid, baked in groups:
        indices = [np.arange(0, count, step) for count in grid.resolution]
        axes = [(2.0 * index + 1.0) / count - 1.0 for index, count in zip(indices, grid.resolution)]
        local = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, 3)
        block = np.zeros((len(local), overlay_shader.TEXELS * 4), np.float32)
        block[:, :3] = local @ grid.matrix[:3, :3].T + grid.matrix[:3, 3]
        block[:, 3] = grid.spacing.min()
        block[:, -1] = overlay_shader.COMING
        if baked is not None:
            chosen = np.ravel_multi_index(np.meshgrid(*indices, indexing="ij"), grid.resolution).ravel()
            block[:, 4:31] = (baked.sh[chosen] * COSINE[:, None]).reshape(-1, 27)
            block[:, -1] = overlay_shader.LIT
            if baked.inside is not None:
                block[baked.inside[chosen], -1] = overlay_shader.INVALID
        blocks.append(block.reshape(-1, overlay_shader.TEXELS, 4))
    return np.concatenate(blocks)


def upload(values: np.ndarray) -> Prepared:
    """Bring what :func:`texels` says of at least one probe to the graphics card."""
    rows = -(-len(values) // overlay_shader.PROBES_PER_ROW)
    padded = np.zeros((rows * overlay_shader.PROBES_PER_ROW, *values.shape[1:]), np.float32)
    padded[: len(values)] = values
    size = (overlay_shader.PROBES_PER_ROW * overlay_shader.TEXELS, rows)
    texture = gpu.types.GPUTexture(size, format='RGBA32F', data=gpu.types.Buffer('FLOAT', padded.size, padded.ravel()))
    centres = values[:, 0, :3]
    return Prepared(texture, len(values), centres.min(axis=0), centres.max(axis=0))


def fading(prepared: Prepared, eye: np.ndarray, fade: float) -> tuple[float, float]:
    """Opacity at distance 0, and how much less it is per unit: 1 at the nearest probes, 1 - ``fade`` at the farthest.

    Args:
        eye: (4,) as the shader has it.
    """
    corners = np.array(list(itertools.product(*zip(prepared.low, prepared.high))))
    if eye[3] == 0.0:
        distances = corners @ -eye[:3]
        near, far = distances.min(), distances.max()
    else:
        near = np.linalg.norm(np.clip(eye[:3], prepared.low, prepared.high) - eye[:3])
        far = np.linalg.norm(corners - eye[:3], axis=1).max()
    slope = fade / max(far - near, 1e-6)
    return 1.0 + slope * near, slope


def draw_probes(shown: list[Probes], exposure: float, settings: bpy.types.PropertyGroup) -> None:
    """Draw probes with the matrices that are set, into what is bound.

    Args:
        shown: at least one.
        exposure: factor on irradiance.
        settings: ``scene.neural_bake``.
    """
    key = tuple(probes.key for probes in shown)
    prepared = _prepared.pop(key, None) or upload(texels([(probes.grid, probes.light()) for probes in shown]))
    _prepared[key] = prepared  # the last one now
    while len(_prepared) > KEPT_TEXTURES:
        del _prepared[next(iter(_prepared))]
    projection, view = gpu.matrix.get_projection_matrix(), gpu.matrix.get_model_view_matrix()
    viewer = view.inverted()
    is_parallel = projection[3][3] != 0.0
    eye = (*viewer.col[2].xyz.normalized(), 0.0) if is_parallel else (*viewer.translation, 1.0)
    least = 2.0 * LEAST_RADIUS / (projection[1][1] * gpu.state.viewport_get()[3])
    opacity, slope = fading(prepared, np.array(eye), settings.probe_fade)
    shader = overlay_shader.shader()
    gpu.state.blend_set('ALPHA')
    gpu.state.depth_test_set('LESS_EQUAL')
    try:
        shader.bind()
        shader.uniform_float("view_projection", projection @ view)
        shader.uniform_float("eye", eye)
        shader.uniform_float("up", (*viewer.col[1].xyz.normalized(), least))
        shader.uniform_float("look", (settings.probe_size, exposure, opacity, slope))
        shader.uniform_float("marked", float(settings.show_invalid))
        shader.uniform_sampler("probes", prepared.texture)
        # What is transparent comes when everything behind it is there, and hides nothing.
        for last in (False, True):
            gpu.state.depth_mask_set(not last)
            shader.uniform_float("last", float(last))
            overlay_shader.quad().draw_instanced(shader, instance_count=prepared.count)
    finally:
        gpu.state.depth_mask_set(False)
        gpu.state.depth_test_set('NONE')
        gpu.state.blend_set('NONE')


def _draw() -> None:
    """Called by Blender for each 3D View that it draws."""
    global _paused_until
    if time.monotonic() < _paused_until:
        return
    try:
        draw(bpy.context)
    except Exception:
        # Whatever it is: a handler that raises would do so, and print it, with every redraw.
        _paused_until = time.monotonic() + PAUSE
        text = traceback.format_exc()
        if text not in _told:
            _told.add(text)
            print(f"Neural Bake cannot draw its probes.\n{text}")


def draw(context: bpy.types.Context) -> None:
    """Draw the probes of what the context's 3D View shows, unless they or its overlays are switched off."""
    scene, view_layer, space = context.scene, context.view_layer, context.space_data
    if not scene.neural_bake.show_probes or not space.overlay.show_overlays:
        return
    found = collect(scene, view_layer)
    seen = {
        probes.key: probes
        for obj, group in found
        for probes in group
        if obj.visible_get(view_layer=view_layer, viewport=space)
    }
    if seen:
        exposure = scene_exposure({probes.key: probes for _, group in found for probes in group}.values())
        draw_probes(list(seen.values()), exposure, scene.neural_bake)


def scene_exposure(shown: Iterable[Probes]) -> float:
    """As :func:`exposure_of`, worked out once for the same probes."""
    lit = sorted((probes for probes in shown if probes.source is not None), key=lambda probes: probes.key)
    key = tuple(probes.key for probes in lit)
    if key not in _exposures:
        _exposures.clear()
        _exposures[key] = exposure_of(light for probes in lit if (light := probes.light()) is not None)
    return _exposures[key]


def register() -> None:
    global _handle
    _handle = bpy.types.SpaceView3D.draw_handler_add(_draw, (), 'WINDOW', 'POST_VIEW')


def unregister() -> None:
    global _handle, _paused_until
    bpy.types.SpaceView3D.draw_handler_remove(_handle, 'WINDOW')
    _handle, _paused_until = None, 0.0
    _prepared.clear()
    _exposures.clear()
    _told.clear()
    overlay_shader.forget()
