# SPDX-FileCopyrightText: 2026 Neural Bake developers
#
# SPDX-License-Identifier: GPL-3.0-or-later

"""Switching light off and on again, and turning the world, in the copy of the scene that is in memory."""

from __future__ import annotations

import bpy

from .emission import EMITTERS, nodes_of

TURNED = {'TEX_COORD', 'NEW_GEOMETRY'}
"""Nodes that tell a world's shader which way it is looked at."""


class Dimmer:
    """Multiplies the strength of every emitting node of some node trees by a number.

    A node is put before each strength: muting it or setting its value would not last where it is animated or linked.
    """

    def __init__(self, trees: list[bpy.types.NodeTree]) -> None:
        self._values: list[bpy.types.NodeSocket] = []
        for tree in trees:
            for node in list(tree.nodes):
                for names in EMITTERS.get(node.type, ()):
                    socket = node.inputs.get(names[0]) if names else None
                    if socket is not None and (socket.is_linked or socket.default_value != 0.0):
                        self._values.append(_scaled(tree, socket))

    def set(self, lit: float) -> None:
        """Let the nodes shine as they did (1), or not at all (0), or anything else."""
        for value in self._values:
            value.default_value = float(lit)


class Turntable:
    """Turns a world about Z."""

    def __init__(self, world: bpy.types.World) -> None:
        self._angles: list[bpy.types.NodeSocket] = []
        for tree in trees_of(world.node_tree):
            for node in list(tree.nodes):
                if node.type in TURNED:
                    for output in node.outputs:
                        for link in list(output.links):
                            self._turn(tree, output, link.to_socket)
                elif node.type.startswith("TEX_"):
                    vector = node.inputs.get("Vector")
                    if vector is not None and not vector.is_linked:  # it is looked up by direction, unsaid
                        self._turn(tree, tree.nodes.new("ShaderNodeTexCoord").outputs["Generated"], vector)

    def _turn(self, tree: bpy.types.NodeTree, source: bpy.types.NodeSocket, target: bpy.types.NodeSocket) -> None:
        if source.type != 'VECTOR':
            return
        node = tree.nodes.new("ShaderNodeVectorRotate")
        node.rotation_type = 'Z_AXIS'
        tree.links.new(source, node.inputs["Vector"])
        tree.links.new(node.outputs["Vector"], target)
        self._angles.append(node.inputs["Angle"])

    def set(self, angle: float) -> None:
        """Turn by ``angle`` (radians, counter-clockwise seen from above) from how the file has it."""
        for socket in self._angles:
            socket.default_value = -angle  # the sky turns against the direction in which it is looked up


def trees_of(tree: bpy.types.NodeTree) -> list[bpy.types.NodeTree]:
    """A node tree and those of the groups in it."""
    groups = [node.node_tree for node in nodes_of(tree) if getattr(node, "node_tree", None) is not None]
    return list(dict.fromkeys([tree, *groups]))


def _scaled(tree: bpy.types.NodeTree, socket: bpy.types.NodeSocket) -> bpy.types.NodeSocket:
    """Multiply an input by a number; returns the socket that holds it."""
    product = tree.nodes.new("ShaderNodeMath")
    product.operation = 'MULTIPLY'
    if socket.is_linked:
        tree.links.new(socket.links[0].from_socket, product.inputs[0])
    else:
        product.inputs[0].default_value = socket.default_value
    product.inputs[1].default_value = 1.0  # as it was, until it is told otherwise
    tree.links.new(product.outputs[0], socket)
    return product.inputs[1]
