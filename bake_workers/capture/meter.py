# SPDX-FileCopyrightText: 2026 Neural Bake developers
#
# SPDX-License-Identifier: GPL-3.0-or-later

"""Cycles as an irradiance meter.

A mesh of tiny white triangles, one per point, is lit like the scene and baked: the diffuse light that leaves a corner,
times pi, is the irradiance there. Three corners are three estimates. Nothing but the bake itself sees the mesh.
"""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator

import bpy
import numpy as np

from core.errors import NeuralBakeError

from .scene import OpenScene

RADIUS = 0.0003
"""Radius of a triangle in metres: small beside furniture, large beside the rounding of coordinates."""
CORNERS = 3
NAME = "neural_bake_meter"

STATE = {
    "use_adaptive_sampling": False,
    "film_exposure": 1.0,
    "sample_clamp_direct": 0.0,
    "sample_clamp_indirect": 0.0,
    "use_denoising": False,
    "use_guiding": False,  # it learns while it renders, so that results would depend on timing
    "use_animated_seed": False,
    "sample_offset": 0,
    "use_sample_subset": False,
    "time_limit": 0.0,
    "sampling_pattern": 'TABULATED_SOBOL',
}
"""What is set on ``scene.cycles``; whatever is not named here stays as the scene has it."""

RECORDED = (
    "max_bounces",
    "diffuse_bounces",
    "glossy_bounces",
    "transmission_bounces",
    "volume_bounces",
    "transparent_max_bounces",
    "caustics_reflective",
    "caustics_refractive",
    "blur_glossy",
    "use_light_tree",
    "light_sampling_threshold",
    "use_fast_gi",
    "device",
)


class Meter:
    """Measures irradiance in an open scene.

    Args:
        opened: the scene; it is changed for good (in memory), so nothing else should be rendered from it.
        threads: number of render threads, 0 for all cores.
    """

    def __init__(self, opened: OpenScene, threads: int) -> None:
        self.opened = opened
        scene = opened.scene
        scene.render.engine = 'CYCLES'
        for key, value in STATE.items():
            setattr(scene.cycles, key, value)
        scene.render.threads_mode = 'FIXED' if threads else 'AUTO'
        if threads:
            scene.render.threads = threads
        scene.render.use_motion_blur = False
        scene.render.bake.use_selected_to_active = False
        scene.render.bake.view_from = 'ABOVE_SURFACE'
        opened.view_layer.samples = 0  # a number here would override the scene's
        active = opened.view_layer.objects.active
        if active is not None and active.mode != 'OBJECT':
            with self._context(active_object=active, object=active):
                bpy.ops.object.mode_set(mode='OBJECT')
        self._lift_material_override()
        self.material = white_material()

    def state(self) -> dict[str, object]:
        """Everything that was set, and what the scene decides, for the record."""
        cycles = self.opened.scene.cycles
        return {key: getattr(cycles, key) for key in (*STATE, *RECORDED) if hasattr(cycles, key)}

    def measure(
        self, positions: np.ndarray, normals: np.ndarray, paths: int, seed: int, direct: bool = True
    ) -> dict[str, np.ndarray]:
        """Direct and indirect irradiance at points.

        Args:
            positions, normals: (N, 3) float32, world space.
            paths: light paths per point, rounded up to a multiple of three.
            seed: of Cycles' random numbers.
            direct: whether direct light is measured too.

        Returns:
            ``indirect`` and, if asked for, ``direct``, (N, 3) float32, W/m^2.
        """
        scene, view_layer = self.opened.scene, self.opened.view_layer
        mesh = meter_mesh(positions, normals, RADIUS * self.opened.metre)
        mesh.materials.append(self.material)
        object_ = bpy.data.objects.new(NAME, mesh)
        # Cycles drops objects that no ray can see; nothing but a camera's ray may see this one
        for kind in ("diffuse", "glossy", "transmission", "volume_scatter", "shadow"):
            setattr(object_, f"visible_{kind}", False)
        scene.collection.objects.link(object_)
        try:
            for other in view_layer.objects:
                other.select_set(other == object_, view_layer=view_layer)
            view_layer.objects.active = object_
            scene.cycles.samples = -(-paths // CORNERS)
            scene.cycles.seed = seed
            light = {"direct": self._bake(object_, 'DIRECT')} if direct else {}
            return light | {"indirect": self._bake(object_, 'INDIRECT')}
        finally:
            bpy.data.objects.remove(object_)
            bpy.data.meshes.remove(mesh)

    def _bake(self, object_: bpy.types.Object, light: str) -> np.ndarray:
        mesh = object_.data
        try:
            with quiet(), self._context(active_object=object_, object=object_, selected_objects=[object_]):
                bpy.ops.object.bake(
                    type='DIFFUSE',
                    pass_filter={light},
                    target='VERTEX_COLORS',
                    save_mode='INTERNAL',
                    use_clear=True,
                    margin=0,
                )
        except RuntimeError as error:  # so Blender's operators report what went wrong
            reason = " ".join(str(error).removeprefix("Error:").split())
            raise NeuralBakeError(
                "cycles_failed", f"Cycles could not measure the light: {reason}", "", bad_input=False
            ) from error
        values = np.empty(len(mesh.loops) * 4, np.float32)
        mesh.color_attributes[NAME].data.foreach_get("color", values)
        corners = values.reshape(-1, CORNERS, 4)[..., :3]
        return (np.pi * corners.mean(axis=1, dtype=np.float64)).astype(np.float32)

    def _context(self, **members: object) -> object:
        return bpy.context.temp_override(scene=self.opened.scene, view_layer=self.opened.view_layer, **members)

    def _lift_material_override(self) -> None:
        """Give a view layer's material override to the objects: as an override it would hit the meter too."""
        override = self.opened.view_layer.material_override
        if override is None:
            return
        for material in list(bpy.data.materials):
            if material != override:
                material.user_remap(override)
        for object_ in bpy.data.objects:
            data = object_.data
            if not hasattr(data, "materials"):
                continue
            if not len(data.materials):
                data.materials.append(override)
            for slot in object_.material_slots:
                slot.material = override
        self.opened.view_layer.material_override = None


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Swallow what Blender prints on stdout: a line for every object, at every bake."""
    sys.stdout.flush()
    kept, nowhere = os.dup(1), os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    try:
        yield
    finally:
        os.dup2(kept, 1)
        os.close(kept)
        os.close(nowhere)


def meter_mesh(positions: np.ndarray, normals: np.ndarray, radius: float) -> bpy.types.Mesh:
    """One triangle around every position (N, 3), facing along its normal."""
    helper = np.where(np.abs(normals[:, :1]) > 0.9, [[0.0, 1.0, 0.0]], [[1.0, 0.0, 0.0]])
    tangents = np.cross(normals, helper)
    tangents /= np.linalg.norm(tangents, axis=1, keepdims=True)
    bitangents = np.cross(normals, tangents)
    angles = 2.0 * np.pi / CORNERS * np.arange(CORNERS)
    around = np.cos(angles)[None, :, None] * tangents[:, None] + np.sin(angles)[None, :, None] * bitangents[:, None]
    corners = (positions[:, None].astype(np.float64) + radius * around).astype(np.float32)
    count = CORNERS * len(positions)
    mesh = bpy.data.meshes.new(NAME)
    mesh.vertices.add(count)
    mesh.vertices.foreach_set("co", corners.ravel())
    mesh.loops.add(count)
    mesh.loops.foreach_set("vertex_index", np.arange(count, dtype=np.int32))
    mesh.polygons.add(len(positions))
    mesh.polygons.foreach_set("loop_start", np.arange(0, count, CORNERS, dtype=np.int32))
    mesh.update(calc_edges=True)
    attribute = mesh.color_attributes.new(NAME, 'FLOAT_COLOR', 'CORNER')
    mesh.color_attributes.active_color = attribute
    return mesh


def white_material() -> bpy.types.Material:
    """A diffuse material that reflects everything."""
    material = bpy.data.materials.new(NAME)
    if material.node_tree is None:
        material.use_nodes = True
    nodes, links = material.node_tree.nodes, material.node_tree.links
    nodes.clear()
    diffuse, output = nodes.new("ShaderNodeBsdfDiffuse"), nodes.new("ShaderNodeOutputMaterial")
    diffuse.inputs["Color"].default_value = (1.0, 1.0, 1.0, 1.0)
    links.new(diffuse.outputs["BSDF"], output.inputs["Surface"])
    return material
