# SPDX-FileCopyrightText: 2026 Neural Bake developers
#
# SPDX-License-Identifier: GPL-3.0-or-later

"""What gives light: lamps, emissive materials, the world. The add-on asks here too, so bpy is all that is needed."""

from __future__ import annotations

from collections.abc import Iterator

import bpy

WORLD = "World"
"""What a relit view's lamps call the world."""
# For each node type: pairs of a strength and a colour input. Both must be linked or above zero to give light.
EMITTERS = {
    'EMISSION': (("Strength", "Color"),),
    'BACKGROUND': (("Strength", "Color"),),
    'BSDF_PRINCIPLED': (("Emission Strength", "Emission Color"),),
    'PRINCIPLED_VOLUME': (("Emission Strength", "Emission Color"), ("Blackbody Intensity", "Blackbody Tint")),
    'SCRIPT': ((),),
}


def world_shines(scene: bpy.types.Scene, view_layer: bpy.types.ViewLayer) -> bool:
    """Whether a view layer's world may give light."""
    world = getattr(view_layer, "world_override", None) or scene.world
    if world is None or not view_layer.use_sky:
        return False
    if not world_is_nodes(world):
        return max(world.color) > 0.0
    return tree_shines(world.node_tree)


def object_shines(object_: bpy.types.Object) -> bool:
    """Whether an object is a lamp that is on, or has a material that may give light."""
    if object_.type == 'LIGHT':
        lamp = object_.data
        return (lamp.energy != 0.0 and max(lamp.color) > 0.0) and not getattr(lamp.cycles, "is_portal", False)
    return any(
        slot.material is not None and slot.material.node_tree is not None and tree_shines(slot.material.node_tree)
        for slot in object_.material_slots
    )


def tree_shines(tree: bpy.types.NodeTree) -> bool:
    """Whether a node tree may give light; in doubt it does."""
    return any(
        all(_is_positive(node.inputs.get(name)) for name in names)
        for node in nodes_of(tree)
        if node.type in EMITTERS and not node.mute and any(output.is_linked for output in node.outputs)
        for names in EMITTERS[node.type]
    )


def _is_positive(socket: bpy.types.NodeSocket | None) -> bool:
    if socket is None:
        return True
    if socket.is_linked:
        return True
    value = socket.default_value
    return value > 0.0 if isinstance(value, float) else max(value[:3]) > 0.0


def nodes_of(tree: bpy.types.NodeTree, seen: set[str] | None = None) -> Iterator[bpy.types.Node]:
    """All nodes of a tree and of the groups in it, each group once."""
    seen = set() if seen is None else seen
    for node in tree.nodes:
        yield node
        group = getattr(node, "node_tree", None)
        if group is not None and group.name_full not in seen:
            seen.add(group.name_full)
            yield from nodes_of(group, seen)


def shining_blocks(scene: bpy.types.Scene, view_layer: bpy.types.ViewLayer) -> dict[bpy.types.ID, str]:
    """The lamps of a view layer that are on, and the world if it shines, with their names."""
    found: dict[bpy.types.ID, str] = {
        obj: obj.name_full
        for obj in sorted(view_layer.objects, key=lambda obj: obj.name_full)
        if obj.type == 'LIGHT' and not obj.hide_render and object_shines(obj)
    }
    world = getattr(view_layer, "world_override", None) or scene.world
    return found | ({world: world.name_full} if world_shines(scene, view_layer) else {})


def learned_lamps(scene: bpy.types.Scene, view_layer: bpy.types.ViewLayer, names: str) -> list[bpy.types.ID]:
    """The lamps, and the world, that a relit view learns.

    Args:
        names: the setting ``lamps``: names separated by commas, ``World`` among them; where it is empty, the active
            lamp, else the only one that renders. Names of what is no lamp are left out.
    """
    wanted = list(dict.fromkeys(name.strip() for name in names.split(",") if name.strip()))
    if not wanted:
        active = view_layer.objects.active
        if active is not None and active.type == 'LIGHT':
            return [active]
        only = [obj for obj in view_layer.objects if obj.type == 'LIGHT' and not obj.hide_render]
        return only if len(only) == 1 else []
    found = [view_layer.objects.get(name) for name in wanted]
    world = getattr(view_layer, "world_override", None) or scene.world
    if WORLD in wanted and view_layer.objects.get(WORLD) is None and world is not None:
        found.append(world)
    return [block for block in found if isinstance(block, bpy.types.World) or (block and block.type == 'LIGHT')]


def world_turn(world: bpy.types.World) -> float:
    """Angle in radians by which the Mapping nodes before a world's environment textures turn it about Z,
    counter-clockwise seen from above."""
    for node in nodes_of(world.node_tree) if world.node_tree is not None else ():
        if node.type == 'TEX_ENVIRONMENT' and node.inputs["Vector"].is_linked:
            mapping = node.inputs["Vector"].links[0].from_node
            if mapping.type == 'MAPPING' and not mapping.inputs["Rotation"].is_linked:
                angle = float(mapping.inputs["Rotation"].default_value[2])
                return angle if mapping.vector_type == 'TEXTURE' else -angle  # the others turn what looks up
    return 0.0


def plain_background(world: bpy.types.World) -> bpy.types.Node | None:
    """A world's only Background node, if nothing is linked to its strength: by it the world is dimmed."""
    found = [node for node in (nodes_of(world.node_tree) if world.node_tree is not None else ()) if is_background(node)]
    return found[0] if len(found) == 1 and found[0].id_data == world.node_tree else None


def is_background(node: bpy.types.Node) -> bool:
    """Whether a node is a Background whose strength is a number."""
    return node.type == 'BACKGROUND' and not node.inputs["Strength"].is_linked


def world_is_nodes(world: bpy.types.World) -> bool:
    """Whether nodes decide a world's light; from 5.0 on they always do, and asking warns."""
    return world.node_tree is not None and (bpy.app.version >= (5, 0, 0) or world.use_nodes)


def white_power(world: bpy.types.World) -> float:
    """Strength of a world that one number dims, else 1."""
    background = plain_background(world) if world_is_nodes(world) else None
    return 1.0 if background is None else background.inputs["Strength"].default_value


def world_color(world: bpy.types.World) -> tuple[float, float, float]:
    """Strength times colour of a world's light, where one number and one colour decide; else 1 for what they do not."""
    if not world_is_nodes(world):
        return tuple(world.color)
    background = plain_background(world)
    color = None if background is None else background.inputs["Color"]
    plain = (1.0, 1.0, 1.0) if color is None or color.is_linked else color.default_value[:3]
    return tuple(white_power(world) * value for value in plain)


def lamp_color(lamp: bpy.types.Light) -> tuple[float, float, float]:
    """A lamp's colour with that of its temperature."""
    if getattr(lamp, "use_temperature", False):
        return tuple(value * tint for value, tint in zip(lamp.color, lamp.temperature_color, strict=True))
    return tuple(lamp.color)


def lamp_power(lamp: bpy.types.Light) -> float:
    """A lamp's power, in watts but for a sun, with its exposure."""
    return lamp.energy * 2.0 ** getattr(lamp, "exposure", 0.0)


def lamp_light(lamp: bpy.types.Light) -> tuple[float, ...]:
    """A lamp's power times its colour (3,)."""
    return tuple(lamp_power(lamp) * value for value in lamp_color(lamp))


def in_white(data: bpy.types.Light) -> bpy.types.Light:
    """A copy of a lamp's data that nothing animates, in white and with the same power."""
    copy = data.copy()
    copy.animation_data_clear()
    copy.color = (1.0, 1.0, 1.0)
    copy.energy = lamp_power(data)
    if hasattr(copy, "exposure"):
        copy.exposure = 0.0
    if hasattr(copy, "use_temperature"):
        copy.use_temperature = False
    return copy


def world_strength(world: bpy.types.World) -> float:
    """Strength of a world's Background node; 1 where several or other nodes decide."""
    strengths = [
        node.inputs["Strength"].default_value
        for node in (nodes_of(world.node_tree) if world.node_tree is not None else ())
        if node.type == 'BACKGROUND' and not node.inputs["Strength"].is_linked
    ]
    return float(strengths[0]) if len(strengths) == 1 else 1.0
