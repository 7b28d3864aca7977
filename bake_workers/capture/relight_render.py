# SPDX-FileCopyrightText: 2026 Neural Bake developers
#
# SPDX-License-Identifier: GPL-3.0-or-later

"""Cycles as the camera of a light stage: pictures of one lamp alone, of all the rest, and of the view's geometry."""

from __future__ import annotations

import tempfile
from pathlib import Path

import bpy
import numpy as np
from mathutils import Matrix

from core.errors import NeuralBakeError

from . import exr
from .emission import in_white, nodes_of
from .meter import RECORDED, STATE, quiet, white_material
from .relight_lamps import Lamp, scene_world
from .scene import OpenScene
from .switches import Dimmer, Turntable, trees_of

NAME = "neural_bake_lamp"
VISIBILITY_SAMPLES = 8
BUFFER_SAMPLES = 32
WORLD_MAP = 1024
"""Width of the map by which Cycles finds what is bright in a turning world; the automatic one takes 30 times longer."""
SINGLE_POINT = 0.01
"""Width of the pixel filter, in pixels, that leaves a pixel's centre alone."""
# The scene's own clamp of indirect light stays: a picture shows what the artist's render would, fireflies cut alike.
OWN = ("sample_clamp_indirect", "film_exposure", "filter_width", "pixel_filter_type")
PASSES = {"albedo": ("DiffCol", "Diffuse Color"), "gloss": ("GlossCol", "Glossy Color")}
"""Names of Cycles' passes, as Blender before 5.0 and since then calls them."""


class Stage:
    """Renders an open scene for relighting.

    Args:
        opened: the scene; it is changed for good (in memory), so nothing else should be rendered from it.
        lamps: those that are learned.
        width, height: of the pictures.
        threads: number of render threads, 0 for all cores.

    Attributes:
        can_denoise: whether this Blender has OpenImageDenoise; without it pictures stay as they are.
    """

    def __init__(self, opened: OpenScene, lamps: list[Lamp], width: int, height: int, threads: int) -> None:
        self.opened = opened
        self.lamps = lamps
        self.width, self.height = width, height
        self._prepare_render(threads)
        self._world = scene_world(opened)
        world_trees = trees_of(self._world.node_tree) if self._world and self._world.node_tree is not None else []
        roots = [material.node_tree for material in bpy.data.materials if material.node_tree is not None]
        matter = dict.fromkeys(tree for root in roots for tree in trees_of(root))
        self._world_light = Dimmer(world_trees)
        self._matter_light = Dimmer([tree for tree in matter if tree not in world_trees])
        self._world_color = tuple(self._world.color) if self._world else (0.0, 0.0, 0.0)
        self._turntable = None
        if any(lamp.object is None for lamp in lamps):
            self._turntable = Turntable(self._world)
            if self._world.cycles.sampling_method == 'AUTOMATIC':  # a map of the texture's size, made anew every turn
                self._world.cycles.sampling_method = 'MANUAL'
                self._world.cycles.sample_map_resolution = WORLD_MAP
        self._dark = bpy.data.lights.new(f"{NAME}_dark", 'POINT')
        self._dark.energy = 0.0
        self._lights = [(item, item.data) for item in bpy.data.objects if item.type == 'LIGHT']
        self._copies = [None if lamp.object is None else self._copy(lamp.object) for lamp in lamps]
        self._white = False
        self._bounces = opened.scene.cycles.max_bounces
        self._folder = tempfile.TemporaryDirectory(prefix="neural_bake_")
        opened.view_layer.update()

    def state(self) -> dict[str, object]:
        """Everything that was set in Cycles, and what the scene decides, for the record."""
        cycles = self.opened.scene.cycles
        names = dict.fromkeys((*STATE, *RECORDED, *OWN, "denoiser", "denoising_prefilter", "denoising_input_passes"))
        return {key: getattr(cycles, key) for key in names if hasattr(cycles, key)}

    def picture(self, lamp: int, matrix: np.ndarray, samples: int, seed: int, *, denoise: bool) -> np.ndarray:
        """The view (H, W, 3) under one lamp alone, in white.

        Args:
            lamp: index of the lamp, and ``matrix`` (4, 4): where it stands.
            samples: per pixel.
            seed: of Cycles' random numbers.
        """
        self._light_alone(lamp, matrix)
        self._set_quality(samples, seed, denoise)
        return _rgb(self._render(), "Combined")

    def base(self, samples: int, seed: int, *, denoise: bool) -> np.ndarray:
        """The view (H, W, 3) under everything but the learned lamps."""
        learned = {lamp.object for lamp in self.lamps}
        self._set_lights(dark=lambda item: item in learned)
        self._set_world(None not in learned)
        self._matter_light.set(True)
        self._set_quality(samples, seed, denoise)
        return _rgb(self._render(), "Combined")

    def buffers(self, seed: int) -> dict[str, np.ndarray]:
        """The view's geometry.

        Returns:
            ``albedo`` and ``gloss``: colour (H, W, 3) of diffuse and of glossy reflection; ``normal`` (H, W, 3): unit,
            world, towards the camera; these are averaged over the pixel. ``position`` (H, W, 3): of the surface at the
            pixel's centre, world, because an average over an edge lies in the air. ``coverage`` (H, W): share of the
            pixel that is a surface. Where there is no surface all are 0.
        """
        self._darken()
        scene, view_layer = self.opened.scene, self.opened.view_layer
        transparent, scene.render.film_transparent = scene.render.film_transparent, True
        for name in ("diffuse_color", "glossy_color", "normal", "position"):
            setattr(view_layer, f"use_pass_{name}", True)
        try:
            self._set_quality(BUFFER_SAMPLES, seed, denoise=False, bounces=0)
            passes = self._render()
            position = _rgb(passes, "Position", letters="XYZ")
            centers, hit = self._centers(seed)
        finally:
            scene.render.film_transparent = transparent
            for name in ("diffuse_color", "glossy_color", "normal", "position"):
                setattr(view_layer, f"use_pass_{name}", False)
        coverage = np.clip(_channel(passes, "Combined", "A"), 0.0, 1.0)
        share = np.maximum(coverage, 1e-6)[..., None]
        normal = _rgb(passes, "Normal", letters="XYZ")
        length = np.linalg.norm(normal, axis=2, keepdims=True)
        result = {name: _rgb(passes, *names) / share for name, names in PASSES.items()}
        result["normal"] = np.where(length > 1e-6, normal / np.maximum(length, 1e-6), 0.0)
        result["position"] = np.where(hit[..., None], centers, position)
        result["coverage"] = coverage
        return {name: array.astype(np.float32) for name, array in result.items()}

    def visible_share(self, lamp: int, matrix: np.ndarray, seed: int) -> np.ndarray:
        """How much of one lamp's direct light arrives at every pixel, as (H, W) uint8, 255 for all of it.

        Two renders of direct light on white surfaces with the same random numbers, with and without the lamp's shadow:
        where all or nothing is in shadow their ratio is exact. Eight rays a pixel through ``mathutils.bvhtree`` would
        take as long on two cores (0.3 to 1 s at 256 x 256), but know neither transparency, hair, displacement nor the
        pixel's edges, need all instances as triangles in memory, and gain nothing from more cores or a GPU.

        A spot counts as a point: what lies outside its cone is known by formula, and an edge of it that moves through
        the shadows would only be one thing more to learn.
        """
        self._whiten()
        self._light_alone(lamp, matrix)
        self._set_quality(VISIBILITY_SAMPLES, seed, denoise=False, bounces=0)
        lantern = self._copies[lamp]
        kind = lantern.data.type
        if kind == 'SPOT':
            lantern.data.type = 'POINT'
        try:
            arriving = _rgb(self._render(), "Combined").sum(axis=2)
            lantern.data.use_shadow = False
            unshadowed = _rgb(self._render(), "Combined").sum(axis=2)
        finally:
            lantern.data.use_shadow = True
            lantern.data.type = kind
        share = np.where(unshadowed > 0.0, arriving / np.maximum(unshadowed, 1e-30), 0.0)
        return np.round(255.0 * np.clip(share, 0.0, 1.0)).astype(np.uint8)

    def seen(self, width: int) -> np.ndarray:
        """Positions (P, 3) of the surfaces in a small picture of the view, row by row."""
        self._darken()
        size = self.width, self.height
        self.width, self.height = width, max(1, round(width * size[1] / size[0]))
        view_layer = self.opened.view_layer
        view_layer.use_pass_position = True
        transparent = self.opened.scene.render.film_transparent
        self.opened.scene.render.film_transparent = True
        try:
            centers, hit = self._centers(0)
        finally:
            self.width, self.height = size
            view_layer.use_pass_position = False
            self.opened.scene.render.film_transparent = transparent
        return centers[hit].astype(np.float64)

    def _centers(self, seed: int) -> tuple[np.ndarray, np.ndarray]:
        """Position (H, W, 3) at the centre of every pixel in focus, and whether there is a surface (H, W)."""
        cycles, lens = self.opened.scene.cycles, self.opened.scene.camera.data.dof
        before = cycles.filter_width, cycles.pixel_filter_type, lens.use_dof
        cycles.filter_width, cycles.pixel_filter_type, lens.use_dof = SINGLE_POINT, 'BLACKMAN_HARRIS', False
        try:
            self._set_quality(1, seed, denoise=False, bounces=0)
            passes = self._render()
        finally:
            cycles.filter_width, cycles.pixel_filter_type, lens.use_dof = before
        return _rgb(passes, "Position", letters="XYZ"), _channel(passes, "Combined", "A") > 0.0

    def _prepare_render(self, threads: int) -> None:
        scene, view_layer = self.opened.scene, self.opened.view_layer
        render = scene.render
        render.engine = 'CYCLES'
        for key, value in STATE.items():
            if key != "sample_clamp_indirect":
                setattr(scene.cycles, key, value)
        try:
            scene.cycles.denoiser = 'OPENIMAGEDENOISE'
            self.can_denoise = True
        except TypeError:  # some builds of Blender are without it
            self.can_denoise = False
        scene.cycles.denoising_input_passes = 'RGB_ALBEDO_NORMAL'
        scene.cycles.denoising_prefilter = 'FAST'
        scene.cycles.use_auto_tile = False
        view_layer.samples = 0  # a number here would override the scene's
        view_layer.cycles.use_denoising = True
        view_layer.cycles.denoising_store_passes = False
        for layer in scene.view_layers:
            layer.use = layer == view_layer
        for name in view_layer.bl_rna.properties.keys():
            if name.startswith("use_pass_"):
                setattr(view_layer, name, name == "use_pass_combined")
        for name in ("use_compositing", "use_sequencer", "use_border", "use_multiview", "use_freestyle", "use_stamp"):
            setattr(render, name, False)
        render.use_motion_blur = False
        render.use_file_extension = render.use_overwrite = True
        render.use_placeholder = False
        render.use_persistent_data = True  # moving a lamp then leaves the geometry as it stands
        render.resolution_percentage = 100
        # the picture's size already holds the proportions of the render's pixels
        render.pixel_aspect_x = render.pixel_aspect_y = 1.0
        render.threads_mode = 'FIXED' if threads else 'AUTO'
        if threads:
            render.threads = threads
        output = render.image_settings
        if hasattr(output, "media_type"):  # since 5.0
            output.media_type = 'MULTI_LAYER_IMAGE'
        output.file_format = 'OPEN_EXR_MULTILAYER'
        output.color_depth, output.exr_codec = '32', 'NONE'
        output.color_management = 'OVERRIDE'
        output.linear_colorspace_settings.name = "Linear Rec.709"

    def _copy(self, original: bpy.types.Object) -> bpy.types.Object:
        """A lamp of the same make that nothing but this class moves, in white, and out of the camera's sight."""
        copy = original.copy()
        copy.data = in_white(original.data)
        copy.name = NAME
        copy.animation_data_clear()
        copy.parent = None
        copy.constraints.clear()
        copy.delta_location, copy.delta_scale = (0.0, 0.0, 0.0), (1.0, 1.0, 1.0)
        copy.delta_rotation_euler, copy.delta_rotation_quaternion = (0.0, 0.0, 0.0), (1.0, 0.0, 0.0, 0.0)
        copy.rotation_mode = 'QUATERNION'
        copy.visible_camera = False
        copy.hide_viewport, copy.hide_render = False, True
        self.opened.scene.collection.objects.link(copy)
        return copy

    def _light_alone(self, lamp: int, matrix: np.ndarray) -> None:
        self._darken()
        copy = self._copies[lamp]
        if copy is None:
            self._set_world(True)
            self._turntable.set(float(np.arctan2(matrix[1, 0], matrix[0, 0])))
            return
        copy.hide_render = False
        copy.matrix_basis = Matrix(np.asarray(matrix, np.float64).tolist())

    def _darken(self) -> None:
        """Switch everything off."""
        self._set_lights(dark=lambda _: True)
        self._set_world(False)
        self._matter_light.set(False)

    def _set_lights(self, dark: object) -> None:
        for item, data in self._lights:
            wanted = self._dark if dark(item) else data
            if item.data != wanted:
                item.data = wanted
        for copy in self._copies:
            if copy is not None:
                copy.hide_render = True

    def _set_world(self, lit: bool) -> None:
        self._world_light.set(lit)
        if self._world is not None:  # its colour counts where it has no nodes
            self._world.color = self._world_color if lit else (0.0, 0.0, 0.0)

    def _whiten(self) -> None:
        """Make every surface white and diffuse, but for those that let light through or have a shape of their own."""
        if self._white:
            return
        self._white = True
        white = white_material()
        for material in list(bpy.data.materials):
            if material != white and not material.is_grease_pencil and not _keeps_its_look(material):
                material.user_remap(white)

    def _set_quality(self, samples: int, seed: int, denoise: bool, bounces: int | None = None) -> None:
        cycles = self.opened.scene.cycles
        cycles.samples, cycles.seed, cycles.use_denoising = samples, seed, denoise and self.can_denoise
        cycles.max_bounces = self._bounces if bounces is None else bounces

    def _render(self) -> dict[str, np.ndarray]:
        """Render once; channels (H, W) by name, such as ``Combined.R``."""
        scene, view_layer = self.opened.scene, self.opened.view_layer
        path = Path(self._folder.name) / "picture.exr"
        scene.render.resolution_x, scene.render.resolution_y = self.width, self.height
        scene.render.filepath = str(path)
        path.unlink(missing_ok=True)
        try:
            with quiet():
                bpy.ops.render.render(write_still=True, scene=scene.name, layer=view_layer.name)
        except RuntimeError as error:  # so Blender's operators report what went wrong
            reason = " ".join(str(error).removeprefix("Error:").split())
            raise NeuralBakeError("cycles_failed", f"Cycles could not render: {reason}", "", bad_input=False) from error
        if not path.is_file():
            raise NeuralBakeError("cycles_failed", "Cycles rendered no picture.", "", bad_input=False)
        prefix = f"{view_layer.name}."
        return {name.removeprefix(prefix): values for name, values in exr.read(path).items()}


def _keeps_its_look(material: bpy.types.Material) -> bool:
    """Whether light passes a material, or it displaces what wears it: its shadow is not that of a white wall."""
    if material.node_tree is None:
        return False
    output = material.node_tree.get_output_node('CYCLES')
    if output is None or not output.inputs["Surface"].is_linked or output.inputs["Displacement"].is_linked:
        return True
    for node in nodes_of(material.node_tree):
        alpha = node.inputs.get("Alpha") if node.type == 'BSDF_PRINCIPLED' else None
        if node.type == 'BSDF_TRANSPARENT' or (alpha is not None and (alpha.is_linked or alpha.default_value < 1.0)):
            return True
    return False


def _channel(passes: dict[str, np.ndarray], name: str, letter: str) -> np.ndarray:
    return passes[f"{name}.{letter}"]


def _rgb(passes: dict[str, np.ndarray], *names: str, letters: str = "RGB") -> np.ndarray:
    """Three channels (H, W, 3) of the pass that goes by one of ``names``."""
    name = next(name for name in names if f"{name}.{letters[0]}" in passes)
    return np.stack([passes[f"{name}.{letter}"] for letter in letters], axis=2)
