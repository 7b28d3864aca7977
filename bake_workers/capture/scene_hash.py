# SPDX-FileCopyrightText: 2026 Neural Bake developers
#
# SPDX-License-Identifier: GPL-3.0-or-later

"""A digest of everything in a scene that its light depends on.

Two copies of a scene have the same digest, before and after saving, in a background Blender and in a window. So it is
taken over the scene's inputs (transforms, meshes, modifiers, node trees, images, lamps, world and the render settings
that matter), never over evaluated geometry, which depends on what the viewport shows, and never over .blend bytes.
Cameras, probe volumes, selections, viewport settings and this add-on's own results are no part of it.

Not seen: sculpted multiresolution detail, vertex group weights, and simulation caches beyond the frame's number.
"""

from __future__ import annotations

import warnings
from collections.abc import Collection, Iterator, Mapping

import bpy
import numpy as np

from .contents import OWN, attributes, image_digest, plain, sha
from .emission import plain_background
from .scene_hash_rules import (
    DIMMED,
    FOLLOWED,
    NODE_SKIPPED,
    SCENE_SETTINGS,
    TIMED_MODIFIERS,
    is_marker,
    is_owned,
    is_skipped,
)


def scene_hash(
    scene: bpy.types.Scene,
    view_layer: bpy.types.ViewLayer,
    moving: Collection[bpy.types.ID] = (),
    dimmed: Mapping[bpy.types.ID, str] | None = None,
) -> str:
    """Digest (hexadecimal sha256) of what the light in a scene depends on.

    Args:
        moving: lamps, or the world, that are learned in every place: how they stand is no part of the digest.
        dimmed: lamps, and the world, that are known at any power and colour and switched off, with the names that they
            go by: only where they stand and what they are is part of it.
    """
    digest = None
    for digest in scene_hash_steps(scene, view_layer, moving, dimmed):
        pass
    return digest


def scene_hash_steps(
    scene: bpy.types.Scene,
    view_layer: bpy.types.ViewLayer,
    moving: Collection[bpy.types.ID] = (),
    dimmed: Mapping[bpy.types.ID, str] | None = None,
) -> Iterator[str | None]:
    """The same in steps of one data-block each, for a Blender whose artist must not wait for it.

    Yields:
        None after each step, and at the end the digest. When anything in the file changes in between, start again.
    """
    yield from _Walk(moving, dimmed or {}).steps(scene, view_layer)


def light_hash(scene: bpy.types.Scene, blocks: Collection[bpy.types.ID], more: object = None) -> str:
    """Digest of lamps, or of a world, alone: where they stand and what they are, at any power, colour and name.

    Args:
        more: what else shall count.
    """
    walk = _Walk((), {block: f"light {number}" for number, block in enumerate(blocks)})
    for block in blocks:
        walk._reference(block)
    for _ in walk.drain():
        pass
    frame = (scene.frame_current, scene.frame_subframe) if walk.timed else None
    return sha(repr((sorted(walk.digests.items()), frame, more)))


class _Walk:
    """Follows pointers from a scene's objects and describes every data-block that it meets, each one once."""

    def __init__(self, moving: Collection[bpy.types.ID], dimmed: Mapping[bpy.types.ID, str]) -> None:
        self.moving = set(moving)
        self.dimmed = dict(dimmed)
        # A lamp's data goes by the lamp's name.
        self.dimmed |= {block.data: name for block, name in dimmed.items() if isinstance(block, bpy.types.Object)}
        self.digests: dict[tuple[str, str], str] = {}
        self.pending: list[bpy.types.ID] = []
        self.timed = False

    def steps(self, scene: bpy.types.Scene, view_layer: bpy.types.ViewLayer) -> Iterator[str | None]:
        lines = [
            (f"scene.{group}.{name}", plain(getattr(getattr(scene, group), name)))
            for group, names in SCENE_SETTINGS.items()
            for name in names
            if hasattr(getattr(scene, group), name)
        ]
        lines += [
            (name, self._reference(getattr(view_layer, name, None))) for name in ("material_override", "world_override")
        ]
        lines += [(name, getattr(view_layer, name)) for name in ("use_sky", "use_solid", "use_strand", "use_volumes")]
        lines.append(("world", self._reference(scene.world)))
        lines += self._collections(view_layer.layer_collection)
        for object_ in view_layer.objects:
            is_seen = not object_.hide_render or object_ in self.dimmed
            if is_seen and not is_marker(object_) and object_ not in self.moving:
                lines.append(("object", self._reference(object_)))
        yield from self.drain()
        if self.timed:
            lines.append(("frame", (scene.frame_current, scene.frame_subframe)))
        yield sha(repr((sorted(map(repr, lines)), sorted(self.digests.items()))))

    def drain(self) -> Iterator[None]:
        """Describe what was met, and what that leads to."""
        while self.pending:
            block = self.pending.pop()
            key = (type(block).__name__, self._name(block))
            if key not in self.digests:
                self.digests[key] = sha(repr(self._block(block)))
                yield None

    def _name(self, block: bpy.types.ID) -> str:
        return self.dimmed.get(block, block.name_full)

    def _collections(self, layer_collection: bpy.types.LayerCollection) -> list[tuple]:
        lines = []
        for child in layer_collection.children:
            lines.append(
                (
                    "collection",
                    child.name,
                    child.exclude,
                    child.holdout,
                    child.indirect_only,
                    child.collection.hide_render,
                )
            )
            lines += self._collections(child)
        return lines

    def _reference(self, block: bpy.types.ID | None) -> tuple | None:
        """How a pointer to a data-block is written down; the block itself is looked at later."""
        if block is None:
            return None
        if isinstance(block, FOLLOWED) and block not in self.moving:
            self.pending.append(block)
        return type(block).__name__, self._name(block)

    def _block(self, block: bpy.types.ID) -> object:
        if isinstance(block, bpy.types.Image):
            settings = (
                block.alpha_mode,
                block.generated_type,
                plain(block.generated_color),
                block.colorspace_settings.name,
            )
            return settings, image_digest(block)
        if isinstance(block, bpy.types.Volume):
            return bpy.path.basename(block.filepath), block.is_sequence, block.frame_start, block.frame_offset
        if isinstance(block, bpy.types.VectorFont):
            return (bpy.path.basename(block.filepath),)
        if isinstance(block, bpy.types.Action):
            self.timed = True
            return [
                (bag.slot_handle, self._items(bag.fcurves))
                for layer in block.layers
                for strip in layer.strips
                for bag in strip.channelbags
            ]
        extra: list[object] = []
        skip: set[str] = set()
        if isinstance(block, (bpy.types.Mesh, bpy.types.Curves, bpy.types.PointCloud)):
            extra += attributes(block)
            extra.append([self._reference(material) for material in block.materials])
            return extra, self._reference(getattr(block, "shape_keys", None)), self._animation(block)
        if isinstance(block, bpy.types.Key):
            for shape in block.key_blocks:
                values = np.empty(3 * len(shape.data), np.float32)
                if hasattr(shape.data[0] if len(shape.data) else shape, "co"):
                    shape.data.foreach_get("co", values)
                extra.append(sha(values.tobytes()))
            skip = {"user", "data", "points"}
        elif isinstance(block, bpy.types.NodeTree):
            return self._node_tree(block)
        elif isinstance(block, bpy.types.Armature):
            return [(bone.name, plain(bone.matrix_local), bone.length) for bone in block.bones]
        elif isinstance(block, bpy.types.Collection):
            return (
                block.hide_render,
                plain(block.instance_offset),
                [self._reference(item) for item in block.objects],
                [self._reference(item) for item in block.children],
            )
        elif isinstance(block, bpy.types.Object):
            if block.pose is not None:
                extra += [(bone.name, plain(bone.matrix_basis)) for bone in block.pose.bones]
                extra += [self._items(bone.constraints) for bone in block.pose.bones]
            self.timed |= any(modifier.type in TIMED_MODIFIERS for modifier in block.modifiers)
        elif isinstance(block, bpy.types.Curve):
            # a render resolution of 0 means the viewport's, which then counts
            skip = {name for name in ("resolution_u", "resolution_v") if getattr(block, f"render_{name}")}
        elif isinstance(block, bpy.types.MetaBall):
            skip = {"resolution"}
        tree = getattr(block, "node_tree", None)
        is_dimmed = block in self.dimmed
        if tree is not None:
            background = plain_background(block) if is_dimmed and isinstance(block, bpy.types.World) else None
            extra.append(self._node_tree(tree, background))
        return self._fields(block, skip=skip | {"node_tree"} | (DIMMED if is_dimmed else set())), extra

    def _animation(self, block: bpy.types.ID) -> object:
        return None if block.animation_data is None else self._fields(block.animation_data)

    def _node_tree(self, tree: bpy.types.NodeTree, dimmed: bpy.types.Node | None = None) -> object:
        """A tree; of a ``dimmed`` node the values of its inputs do not count."""
        nodes = []
        for node in tree.nodes:
            if node.type == 'FRAME':
                continue
            sockets = [
                [
                    (socket.identifier, self._value(socket, "default_value"))
                    for socket in group
                    if hasattr(socket, "default_value")
                ]
                for group in ((node.inputs, node.outputs) if node != dimmed else ())
            ]
            nodes.append((node.name, node.bl_idname, self._fields(node, skip=NODE_SKIPPED), sockets))
        links = [
            (
                link.from_node.name,
                link.from_socket.identifier,
                link.to_node.name,
                link.to_socket.identifier,
                link.is_muted,
            )
            for link in tree.links
        ]
        return sorted(map(repr, nodes)), sorted(links), self._animation(tree)

    def _fields(self, struct: bpy.types.bpy_struct, *, skip: set[str] = frozenset()) -> object:
        """Names and values of everything in a struct that can be set, and of its custom properties."""
        values = []
        for field in struct.bl_rna.properties:
            name = field.identifier
            if name in skip or is_skipped(name):
                continue
            if field.is_readonly and field.type not in {'POINTER', 'COLLECTION'}:
                continue
            values.append((name, self._value(struct, name)))
        return type(struct).__name__, values, self._custom(struct)

    def _custom(self, struct: bpy.types.bpy_struct) -> list[tuple]:
        try:
            names = [name for name in struct.keys() if not name.startswith((OWN, "_", "cycles"))]
        except (TypeError, AttributeError):
            return []  # this struct has no custom properties
        values = ((name, struct[name]) for name in sorted(names))
        return [(name, self._custom_value(value)) for name, value in values if not hasattr(value, "keys")]

    def _custom_value(self, value: object) -> object:
        return self._reference(value) if isinstance(value, bpy.types.ID) else plain(value)

    def _value(self, struct: bpy.types.bpy_struct, name: str) -> object:
        field = struct.bl_rna.properties[name]
        if getattr(field, "is_deprecated", False):
            with warnings.catch_warnings():  # it counts for as long as it is there
                warnings.simplefilter("ignore", DeprecationWarning)
                value = getattr(struct, name)
        else:
            value = getattr(struct, name)
        if field.type == 'COLLECTION':
            return self._items(value)
        if isinstance(value, bpy.types.NodeTree) and value.is_embedded_data:
            return self._node_tree(value)
        if isinstance(value, bpy.types.ID):
            return self._reference(value)
        if isinstance(value, bpy.types.bpy_struct):
            return self._fields(value) if is_owned(value) else getattr(value, "name", None)
        return plain(value)

    def _items(self, items: bpy.types.bpy_prop_collection) -> list:
        return [self._reference(item) if isinstance(item, bpy.types.ID) else self._fields(item) for item in items]
