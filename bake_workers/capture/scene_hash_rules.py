# SPDX-FileCopyrightText: 2026 Neural Bake developers
#
# SPDX-License-Identifier: GPL-3.0-or-later

"""What of a scene's data its light depends on, and what it does not, by Blender's own names."""

from __future__ import annotations

import bpy

NO_LIGHT_TYPES = {'CAMERA', 'LIGHT_PROBE', 'SPEAKER', 'ARMATURE', 'LATTICE'}
"""Objects that matter only where another object points at them."""

TIMED_MODIFIERS = {
    'CLOTH',
    'SOFT_BODY',
    'FLUID',
    'DYNAMIC_PAINT',
    'MESH_CACHE',
    'MESH_SEQUENCE_CACHE',
    'OCEAN',
    'PARTICLE_SYSTEM',
    'NODES',
    'EXPLODE',
    'WAVE',
    'BUILD',
}

SCENE_SETTINGS = {
    "cycles": (
        "max_bounces",
        "diffuse_bounces",
        "glossy_bounces",
        "transmission_bounces",
        "volume_bounces",
        "transparent_max_bounces",
        "caustics_reflective",
        "caustics_refractive",
        "blur_glossy",
        "light_sampling_threshold",
        "use_fast_gi",
        "fast_gi_method",
        "ao_bounces_render",
        "use_light_tree",
        "shading_system",
        "feature_set",
        "dicing_rate",
        "max_subdivisions",
        "volume_step_rate",
        "volume_max_steps",
        "use_camera_cull",
        "use_distance_cull",
        "texture_limit_render",
    ),
    "render": (
        "use_simplify",
        "simplify_subdivision_render",
        "simplify_child_particles_render",
        "simplify_volumes",
        "hair_type",
        "hair_subdiv",
        "use_motion_blur",
    ),
    "unit_settings": ("scale_length",),
}

SKIPPED = frozenset(
    """
    rna_type name_full is_evaluated is_library_indirect is_missing is_runtime_data is_editable is_embedded_data
    use_fake_user use_extra_user tag users session_uid original library library_weak_reference override_library
    asset_data preview bl_system_properties_get grease_pencil select hide hide_viewport hide_select hide_probe_volume
    hide_probe_sphere hide_probe_plane hide_surface_pick lock_location lock_rotation lock_rotations_4d
    lock_rotation_w lock_scale dimensions bound_box matrix_world matrix_local matrix_basis
    motion_path pose face_maps vertex_groups lineart levels sculpt_levels viewport_resolution
    animation_visualization persistent_uid execution_time pixels node_warnings panels ui_type interface color_tag
    debug_options diffuse_color specular_color roughness_display line_color line_priority metallic_display
    paint_active_slot paint_clone_slot texture_paint_images texture_paint_slots cached_frames frame_range
    action_suitable_slots use_pin_to_last is_expanded mask_viewport
    """.split()
)
SKIPPED_PREFIXES = ("show_", "display", "active", "viewport_", "preview_", "use_auto_", "is_active")
KEPT = {"show_render", "show_instancer_for_render", "active_uv_layer", "display_percentage_render"}

NODE_SKIPPED = frozenset(
    """
    location location_absolute width width_hidden height label color use_custom_color parent internal_links inputs
    outputs warning_propagation hide select
    """.split()
)
FOLLOWED = (
    bpy.types.Object,
    bpy.types.Collection,
    bpy.types.Mesh,
    bpy.types.Curve,
    bpy.types.MetaBall,
    bpy.types.Light,
    bpy.types.Material,
    bpy.types.World,
    bpy.types.NodeTree,
    bpy.types.Image,
    bpy.types.Texture,
    bpy.types.ParticleSettings,
    bpy.types.Key,
    bpy.types.Lattice,
    bpy.types.Armature,
    bpy.types.Action,
    bpy.types.VectorFont,
    bpy.types.Volume,
    bpy.types.Curves,
    bpy.types.PointCloud,
    bpy.types.CacheFile,
)


DIMMED = frozenset("name energy exposure color use_temperature temperature hide_render lightgroup".split())
"""What of a lamp or a world is no part of the digest where its light is known at any power and colour."""


def is_skipped(name: str) -> bool:
    """Whether a property of any struct has nothing to do with light."""
    return name in SKIPPED or (name.startswith(SKIPPED_PREFIXES) and name not in KEPT)


def is_owned(struct: bpy.types.bpy_struct) -> bool:
    """Whether a struct is part of what points at it, and not a neighbour to which one may come in circles."""
    return not isinstance(
        struct,
        (
            bpy.types.Node,
            bpy.types.NodeSocket,
            bpy.types.Bone,
            bpy.types.PoseBone,
            bpy.types.ShapeKey,
            bpy.types.Modifier,
            bpy.types.Constraint,
            bpy.types.ParticleSystem,
            bpy.types.FCurve,
            bpy.types.ActionGroup,
            bpy.types.ActionSlot,
            bpy.types.Depsgraph,
        ),
    )


def is_marker(object_: bpy.types.Object) -> bool:
    """Whether an object sheds no light and stops none."""
    return object_.type in NO_LIGHT_TYPES or (object_.type == 'EMPTY' and object_.instance_type == 'NONE')
