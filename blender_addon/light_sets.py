# SPDX-FileCopyrightText: 2026 Neural Bake developers
#
# SPDX-License-Identifier: GPL-3.0-or-later

"""A light grid's light sets under the scene's lamps as they stand now, and the view of them.

Power, colour, temperature, exposure and visibility of a lamp, and the world's strength and colour, are factors of light
that was measured. Where a lamp was moved its light stays where it was, and a note says so.
"""

from __future__ import annotations

import dataclasses

import bpy
import numpy as np

from . import lamps, result_weights, results, volumes
from .bake_workers.capture.emission import shining_blocks, world_color
from .core.errors import NeuralBakeError
from .core.light_grid import LightGrid, set_view
from .core.light_grid.light_sets import factor

MOVED = 1e-4
"""Least difference of a lamp's matrix that counts, beside its largest entry."""

_views: dict[tuple[str, int], set_view.SetView] = {}


@dataclasses.dataclass(frozen=True, eq=False)
class State:
    """How the light sets of a result stand.

    Attributes:
        factors: (G, 3) float32 of each set's measured light.
        changed: names of the sets that do not shine as at the bake.
        moved: names of the lamps that stand elsewhere; their light stays where it was measured.
        notes: sentences about lamps that cannot be followed.
    """

    factors: np.ndarray
    changed: tuple[str, ...]
    moved: tuple[str, ...]
    notes: tuple[str, ...]

    def __eq__(self, other: object) -> bool:
        return isinstance(other, State) and self._key() == other._key()

    def _key(self) -> tuple:
        return self.factors.tobytes(), self.changed, self.moved, self.notes


def has_sets(manifest: dict | None) -> bool:
    """Whether a result has light sets."""
    return bool(manifest) and bool(manifest.get("light_sets"))


def state(
    keeper: bpy.types.Object,
    manifest: dict,
    scene: bpy.types.Scene,
    view_layer: bpy.types.ViewLayer,
    *,
    as_rendered: bool = False,
) -> State:
    """How the light sets of an object's result stand at the scene's frame.

    Args:
        as_rendered: whether lamps that are hidden in the viewport alone give light.
    """
    blocks = dict(zip((lamp["name"] for lamp in manifest["lamps"]), lamps.of_result(keeper, manifest), strict=True))
    factors, changed, moved, notes = [], [], [], []
    for one in manifest["light_sets"]:
        light = np.array(one["light"], np.float64)
        for member in one["members"]:
            light -= member["light"]
            block = blocks.get(member["name"])
            light += _light_of(block, member, scene, view_layer, as_rendered, notes)
            if isinstance(block, bpy.types.Object) and has_moved(block, member, scene):
                moved.append(block.name)
        # what is left of rounding when members are taken out again
        light = np.where(np.abs(light) < 1e-6 * np.max(np.abs(one["light"]), initial=0.0), 0.0, light)
        factors.append(factor(light, one["measured"]))
        if not np.allclose(light, one["light"], rtol=1e-5):
            changed.append(one["name"])
    known = set(blocks.values())
    for block, name in shining_blocks(scene, view_layer).items():
        if block not in known:
            notes.append(f"{name} was not measured, so its light is left out. Bake again.")
    return State(np.array(factors, np.float32), tuple(changed), tuple(moved), tuple(notes))


def _light_of(
    block: bpy.types.ID | None,
    member: dict,
    scene: bpy.types.Scene,
    view_layer: bpy.types.ViewLayer,
    as_rendered: bool,
    notes: list[str],
) -> np.ndarray:
    """Power times colour (3,) of a lamp or world as it stands; 0 where it is gone or hidden."""
    if isinstance(block, bpy.types.World):
        if scene.world != block:
            notes.append(f"{block.name} is not this scene's world, so its light is left out.")
            return np.zeros(3)
        return np.array(world_color(block)) * bool(view_layer.use_sky)
    if block is None or not lamps.is_in(block, view_layer):
        notes.append(f"{member['name']} is gone, so its light is left out.")
        return np.zeros(3)
    if block.type != 'LIGHT' or block.data.type != member["type"]:
        notes.append(f"{block.name} is no {member['type'].lower()} lamp any more, so its light is left out.")
        return np.zeros(3)
    seen = volumes.rendered([block], view_layer) if as_rendered else block.visible_get(view_layer=view_layer)
    return lamps.colour_of(block.data) if seen and not block.hide_render else np.zeros(3)


def has_moved(lamp: bpy.types.Object, member: dict, scene: bpy.types.Scene) -> bool:
    """Whether a lamp stands elsewhere than when it was measured."""
    baked = np.array(member["matrix"], np.float64)
    now = volumes.world_matrix(lamp, scene)
    if member["type"] == 'SUN':  # only the direction matters
        baked, now = (matrix[:3, 2] / max(np.linalg.norm(matrix[:3, 2]), 1e-12) for matrix in (baked, now))
    return bool(np.abs(now - baked).max() > MOVED * max(1.0, np.abs(baked).max()))


def light_grid(keeper: bpy.types.Object, scene: bpy.types.Scene, view_layer: bpy.types.ViewLayer) -> LightGrid:
    """The light of an object's result under the lamps as they stand; one without light sets as it was baked.

    Raises:
        NeuralBakeError: the object has no such result, or a damaged one.
    """
    grid = results.light_grid(keeper)
    manifest = results.manifest(keeper)
    return grid.under(state(keeper, manifest, scene, view_layer).factors) if has_sets(manifest) else grid


def all_light(context: bpy.types.Context) -> LightGrid:
    """The light of all results of a scene together, under the lamps as they stand.

    Raises:
        NeuralBakeError: there is none, or a damaged one.
    """
    scene = context.scene
    grids = [light_grid(keeper, scene, context.view_layer) for keeper in results.holders(scene)]
    if not grids:
        raise NeuralBakeError("no_artifact", "No object of this scene has a result.", "Bake or load one first.")
    if len(grids) == 1:
        return grids[0]
    return LightGrid([baked for grid in grids for baked in grid.grids], grids[0].manifest)


def factors_of(context: bpy.types.Context) -> tuple[np.ndarray | None, ...]:
    """Factors (G, 3) of the light sets of each of a scene's results; None of one without, or that is damaged."""
    found = []
    for keeper in results.holders(context.scene):
        manifest = results.manifest(keeper)
        if has_sets(manifest):
            found.append(state(keeper, manifest, context.scene, context.view_layer).factors)
        else:
            found.append(None)
    return tuple(found)


def add_up(apart: np.ndarray, factors: np.ndarray) -> np.ndarray:
    """Light (N, 3) of the sets (N, G, 3), never negative."""
    total = np.zeros((len(apart), 3), np.float32)
    for number, color in enumerate(factors):
        total += apart[:, number] * color
    return np.maximum(total, 0.0, out=total)


def view_of(keeper: bpy.types.Object) -> set_view.SetView:
    """The view of an object's light sets, decoded once and kept.

    Raises:
        NeuralBakeError: it is not there, or damaged.
    """
    manifest = results.manifest(keeper) or {}
    entry = manifest.get("files", {}).get(results.SET_VIEW_FILE, {})
    key = str(entry.get("sha256")), keeper.session_uid
    if key not in _views:
        data = result_weights.read(keeper, result_weights.VIEW)
        if not data:
            raise NeuralBakeError("no_picture", "This result has no picture.", "Bake a scene with a camera.")
        decoded = set_view.decode(data, len(manifest["light_sets"]), f"the view on {keeper.name}")
        _views.clear()
        _views[key] = decoded
    return _views[key]


def render(view: set_view.SetView, state: State) -> np.ndarray:
    """The view (H, W, 3) float32 linear under lamps as they stand: every surface as white clay in the stored light."""
    return view.picture(state.factors)


def words(shown: State) -> list[tuple[str, bool]]:
    """What a panel says: what follows the lamps and what does not, and whether a sentence is a warning."""
    count = len(shown.factors)
    sets = f"{count} light sets follow" if count != 1 else "1 light set follows"
    text = [(f"{sets} power, colour and visibility at once, with no new bake.", False)]
    if shown.changed:
        text.append((f"Not as baked: {', '.join(shown.changed)}.", False))
    if shown.moved:
        verb = "was" if len(shown.moved) == 1 else "were"
        text.append((f"{', '.join(shown.moved)} {verb} moved: Update measures only that light.", True))
    return [*text, *((note, False) for note in shown.notes)]
