# SPDX-FileCopyrightText: 2026 Neural Bake developers
#
# SPDX-License-Identifier: GPL-3.0-or-later

"""The demo scene's furniture: meshes made of boxes and solids of revolution, and what they are painted with."""

from __future__ import annotations

import math

import bpy
from mathutils import Euler, Matrix, Vector

Color = tuple[float, float, float]
Point = tuple[float, float, float]
Looks = dict[str, bpy.types.Material]

BOX_FACES = ((0, 2, 3, 1), (4, 5, 7, 6), (0, 1, 5, 4), (2, 6, 7, 3), (0, 4, 6, 2), (1, 3, 7, 5))


class Piece:
    """One mesh object in the making: boxes, cylinders and sheets with their materials."""

    def __init__(self, name: str, bevel: float = 0.0) -> None:
        self.name, self.bevel = name, bevel
        self.vertices: list[Point] = []
        self.faces: list[tuple[int, ...]] = []
        self.face_materials: list[int] = []
        self.materials: list[bpy.types.Material] = []
        self.smooth: list[bool] = []

    def _add(
        self, vertices: list[Point], faces: list[tuple[int, ...]], look: bpy.types.Material, smooth: bool = False
    ) -> None:
        first = len(self.vertices)
        self.vertices += vertices
        self.faces += [tuple(first + index for index in face) for face in faces]
        if look not in self.materials:
            self.materials.append(look)
        self.face_materials += [self.materials.index(look)] * len(faces)
        self.smooth += [smooth] * len(faces)

    def box(self, low: Point, high: Point, look: bpy.types.Material) -> Piece:
        """An axis-aligned box."""
        corners = [(x, y, z) for x in (low[0], high[0]) for y in (low[1], high[1]) for z in (low[2], high[2])]
        self._add(corners, [tuple(reversed(face)) for face in BOX_FACES], look)
        return self

    def turned(
        self, profile: list[tuple[float, float]], center: Point, look: bpy.types.Material, sides: int = 24
    ) -> Piece:
        """A solid of revolution around the vertical through ``center``; ``profile`` is (radius, height) upwards."""
        vertices, faces = [], []
        for radius, height in profile:
            for side in range(sides):
                angle = 2.0 * math.pi * side / sides
                vertices.append(
                    (
                        center[0] + radius * math.cos(angle),
                        center[1] + radius * math.sin(angle),
                        center[2] + height,
                    )
                )
        for ring in range(len(profile) - 1):
            for side in range(sides):
                low, next_low = ring * sides + side, ring * sides + (side + 1) % sides
                faces.append((low, next_low, next_low + sides, low + sides))
        self._add(vertices, faces, look, smooth=True)
        last = (len(profile) - 1) * sides
        self._add(vertices[:sides], [tuple(reversed(range(sides)))], look)
        self._add(vertices[last:], [tuple(range(sides))], look)
        return self

    def object(self, location: Point = (0.0, 0.0, 0.0), angle: float = 0.0) -> bpy.types.Object:
        """Make the object; ``angle`` turns it around the vertical, in degrees."""
        mesh = bpy.data.meshes.new(self.name)
        mesh.from_pydata(self.vertices, [], self.faces)
        for look in self.materials:
            mesh.materials.append(look)
        mesh.polygons.foreach_set("material_index", self.face_materials)
        mesh.polygons.foreach_set("use_smooth", self.smooth)
        mesh.update()
        object_ = bpy.data.objects.new(self.name, mesh)
        object_.location, object_.rotation_euler = location, Euler((0.0, 0.0, math.radians(angle)))
        if self.bevel:
            modifier = object_.modifiers.new("Bevel", 'BEVEL')
            modifier.width, modifier.segments, modifier.limit_method = self.bevel, 3, 'ANGLE'
        bpy.context.scene.collection.objects.link(object_)
        return object_


def paint(name: str, color: Color, roughness: float = 0.7) -> bpy.types.Material:
    """A plain material; linear Rec.709 colour, at most 0.8."""
    material = bpy.data.materials.new(name)
    if material.node_tree is None:
        material.use_nodes = True
    shader = next(node for node in material.node_tree.nodes if node.type == 'BSDF_PRINCIPLED')
    shader.inputs["Base Color"].default_value = (*color, 1.0)
    shader.inputs["Roughness"].default_value = roughness
    shader.inputs["Specular IOR Level"].default_value = 0.3
    material.diffuse_color = (*color, 1.0)
    return material


def planks(name: str, light: Color, dark: Color) -> bpy.types.Material:
    """Wooden boards of 14 cm along x."""
    material = paint(name, light, 0.45)
    tree = material.node_tree
    shader = next(node for node in tree.nodes if node.type == 'BSDF_PRINCIPLED')
    bricks, place = tree.nodes.new("ShaderNodeTexBrick"), tree.nodes.new("ShaderNodeNewGeometry")
    bricks.inputs["Color1"].default_value, bricks.inputs["Color2"].default_value = (*light, 1.0), (*dark, 1.0)
    bricks.inputs["Mortar"].default_value = (*(0.35 * value for value in dark), 1.0)
    for key, value in (("Scale", 1.0), ("Mortar Size", 0.004), ("Brick Width", 1.3), ("Row Height", 0.14)):
        bricks.inputs[key].default_value = value
    tree.links.new(place.outputs["Position"], bricks.inputs["Vector"])
    tree.links.new(bricks.outputs["Color"], shader.inputs["Base Color"])
    return material


def curtain(name: str, start: float, folds: int, look: bpy.types.Material) -> None:
    """A hanging cloth with folds, thickened by a modifier."""
    steps, width = folds * 6, 0.36
    line = [
        (start + width * step / steps, 3.91 + 0.03 * math.sin(2.0 * math.pi * folds * step / steps))
        for step in range(steps + 1)
    ]
    mesh = bpy.data.meshes.new(name)
    vertices = [(x, y, z) for z in (0.06, 2.38) for x, y in line]
    count = len(line)
    mesh.from_pydata(vertices, [], [(i, i + 1, count + i + 1, count + i) for i in range(steps)])
    mesh.materials.append(look)
    mesh.polygons.foreach_set("use_smooth", [True] * steps)
    object_ = bpy.data.objects.new(name, mesh)
    object_.modifiers.new("Solidify", 'SOLIDIFY').thickness = 0.006
    bpy.context.scene.collection.objects.link(object_)


def table(name: str, size: Point, looks: tuple[bpy.types.Material, bpy.types.Material]) -> Piece:
    """A table with four legs; ``size`` is width, depth and height, its origin at the middle of the floor under it."""
    (width, depth, height), (top, legs) = size, looks
    piece = Piece(name, bevel=0.006)
    piece.box((-0.5 * width, -0.5 * depth, height - 0.035), (0.5 * width, 0.5 * depth, height), top)
    for x in (-1, 1):
        for y in (-1, 1):
            center = (x * (0.5 * width - 0.06), y * (0.5 * depth - 0.06))
            piece.box(
                (center[0] - 0.025, center[1] - 0.025, 0.0),
                (center[0] + 0.025, center[1] + 0.025, height - 0.035),
                legs,
            )
    return piece


def chair(look: bpy.types.Material, legs: bpy.types.Material) -> Piece:
    """A chair that faces +y."""
    piece = table("Chair", (0.42, 0.42, 0.46), (look, legs))
    for x in (-0.17, 0.17):
        piece.box((x - 0.018, -0.21, 0.46), (x + 0.018, -0.18, 0.9), legs)
    piece.box((-0.2, -0.205, 0.64), (0.2, -0.185, 0.9), look)
    return piece


def sofa(look: bpy.types.Material, cushion: bpy.types.Material, legs: bpy.types.Material) -> Piece:
    """A sofa that faces +y, 2 m wide."""
    piece = Piece("Sofa", bevel=0.035)
    piece.box((-1.0, -0.42, 0.12), (1.0, 0.42, 0.3), look)
    piece.box((-1.0, -0.42, 0.25), (1.0, -0.18, 0.82), look)
    for x in (-1.0, 0.82):
        piece.box((x, -0.42, 0.2), (x + 0.18, 0.42, 0.6), look)
    for x in (-0.81, 0.005):
        piece.box((x, -0.19, 0.29), (x + 0.805, 0.44, 0.45), look)
    piece.box((-0.78, -0.2, 0.44), (-0.34, -0.04, 0.8), cushion)
    for x in (-0.93, 0.93):
        for y in (-0.36, 0.36):
            piece.box((x - 0.03, y - 0.03, 0.0), (x + 0.03, y + 0.03, 0.13), legs)
    return piece


def shelf(name: str, size: Point, rows: int, looks: Looks) -> Piece:
    """A bookshelf that faces +y, filled with books; origin at the back's middle on the floor."""
    (width, depth, height), wood = size, looks["oak"]
    spines = [looks[key] for key in ("terracotta", "teal", "mustard", "white", "dark", "sage", "red")]
    piece = Piece(name)
    piece.box((-0.5 * width + 0.01, 0.002, 0.002), (0.5 * width - 0.01, 0.012, height - 0.005), wood)
    for x in (-0.5 * width, 0.5 * width - 0.025):
        piece.box((x, 0.0, 0.0), (x + 0.025, depth, height), wood)
    step = (height - 0.05) / rows
    for row in range(rows + 1):
        piece.box(
            (-0.5 * width + 0.01, 0.005, 0.02 + row * step),
            (0.5 * width - 0.01, depth - 0.004, 0.045 + row * step),
            wood,
        )
    state = 12345
    for row in range(rows):
        x = -0.5 * width + 0.04
        while True:
            state = (1103515245 * state + 12345) % 2**31  # a fixed little generator: the scene is the same everywhere
            thick, tall = 0.022 + 0.03 * ((state >> 8) % 97) / 97, step * (0.55 + 0.3 * ((state >> 16) % 89) / 89)
            if x + thick > 0.5 * width - 0.04:
                break
            if (state >> 12) % 7:
                low = 0.045 + row * step
                piece.box(
                    (x, 0.015, low),
                    (x + thick, depth * (0.7 + 0.2 * ((state >> 5) % 5) / 5), low + tall),
                    spines[(state >> 20) % 7],
                )
            x += thick + 0.003
    return piece


def picture(name: str, size: tuple[float, float], blocks: list[tuple], looks: Looks) -> Piece:
    """A framed picture that faces +y; ``blocks`` are (x, z, x, z, look) in units of the picture, painter's order."""
    width, height = size
    piece = Piece(name)
    piece.box((-0.5 * width - 0.03, 0.0, -0.03), (0.5 * width + 0.03, 0.02, height + 0.03), looks["dark"])
    piece.box((-0.5 * width, 0.0, 0.0), (0.5 * width, 0.024, height), looks["white"])
    for layer, (x_low, z_low, x_high, z_high, key) in enumerate(blocks):
        piece.box(
            ((x_low - 0.5) * width, 0.01, z_low * height),
            ((x_high - 0.5) * width, 0.026 + 0.002 * layer, z_high * height),
            looks[key],
        )
    return piece


def plant(location: Point, looks: Looks) -> None:
    """A pot with leaves, which share one mesh."""
    pot = Piece("Pot").turned(
        [(0.11, 0.0), (0.16, 0.3), (0.17, 0.32), (0.15, 0.32), (0.14, 0.28)], location, looks["terracotta"]
    )
    pot.object()
    mesh = bpy.data.meshes.new("Leaf")
    rows = 7
    vertices = []
    for row in range(rows):
        t = row / (rows - 1)
        half = 0.055 * math.sin(math.pi * (0.08 + 0.9 * t))
        vertices += [(side * half, 0.42 * t, 0.16 * t - 0.26 * t * t + 0.02 * abs(side)) for side in (-1, 0, 1)]
    faces = [
        (3 * row + side, 3 * row + side + 1, 3 * row + side + 4, 3 * row + side + 3)
        for row in range(rows - 1)
        for side in (0, 1)
    ]
    mesh.from_pydata(vertices, [], faces)
    mesh.materials.append(looks["leaf"])
    mesh.polygons.foreach_set("use_smooth", [True] * len(faces))
    for number in range(34):
        height = 0.3 + 0.85 * (number / 34) ** 0.8
        leaf = bpy.data.objects.new("Leaf", mesh)
        turn = Matrix.Rotation(2.4 * number, 4, 'Z') @ Matrix.Rotation(math.radians(18 + 50 * number / 34), 4, 'X')
        leaf.matrix_world = (
            Matrix.Translation(Vector(location) + Vector((0, 0, height))) @ turn @ Matrix.Scale(1.0 - 0.011 * number, 4)
        )
        bpy.context.scene.collection.objects.link(leaf)
    Piece("Stem").turned([(0.014, 0.25), (0.008, 1.1)], location, looks["oak"], 8).object()


def furnish(looks: Looks) -> None:
    """Everything that stands in the rooms or hangs on their walls."""
    Piece("Rug", bevel=0.004).box((1.35, 0.95, 0.0), (3.75, 2.55, 0.012), looks["cream"]).object()
    border = Piece("RugStripes")
    for x in (1.5, 1.62, 3.42, 3.54):
        border.box((x, 0.97, 0.002), (x + 0.06, 2.53, 0.0135), looks["teal"])
    border.object()
    sofa(looks["teal"], looks["mustard"], looks["dark"]).object((2.6, 0.5, 0.0))
    table("CoffeeTable", (1.0, 0.55, 0.4), (looks["oak"], looks["dark"])).object((2.6, 1.6, 0.012))
    things = Piece("TableThings", bevel=0.003)
    things.box((2.25, 1.5, 0.412), (2.5, 1.68, 0.44), looks["red"]).box(
        (2.27, 1.51, 0.44), (2.49, 1.66, 0.462), looks["cream"]
    )
    things.object()
    bowl = [(0.05, 0.0), (0.1, 0.035), (0.13, 0.08), (0.12, 0.08), (0.09, 0.04), (0.01, 0.015)]
    Piece("Bowl").turned(bowl, (2.85, 1.62, 0.412), looks["mustard"]).object()
    table("DiningTable", (0.85, 1.3, 0.74), (looks["oak"], looks["white"])).object((4.2, 3.1, 0.0), 0.0)
    seat = chair(looks["red"], looks["oak"]).object((3.55, 3.35, 0.0), -84.0)
    for location, angle in (((3.58, 2.8, 0.0), -97.0), ((4.2, 2.25, 0.0), 4.0)):
        copy = seat.copy()
        copy.location, copy.rotation_euler = location, Euler((0.0, 0.0, math.radians(angle)))
        bpy.context.scene.collection.objects.link(copy)
    vase = [(0.04, 0.0), (0.075, 0.06), (0.08, 0.12), (0.035, 0.2), (0.045, 0.24), (0.03, 0.24), (0.025, 0.2)]
    Piece("Vase").turned(vase, (4.2, 3.25, 0.74), looks["white"]).object()
    shelf("Bookshelf", (1.0, 0.28, 1.9), 5, looks).object((4.4, 0.005, 0.0), 0.0)
    plant((4.6, 0.85, 0.0), looks)
    blocks = [(0.08, 0.1, 0.62, 0.7, "terracotta"), (0.4, 0.4, 0.9, 0.9, "mustard"), (0.3, 0.2, 0.7, 0.45, "teal")]
    picture("Picture.sofa", (1.1, 0.7), blocks, looks).object((2.6, 0.0, 1.25))
    picture("Picture.wall", (0.5, 0.7), blocks[::-1], looks).object((5.0, 0.75, 1.2), 90.0)
    pendant = Piece("Pendant").turned(
        [(0.22, 0.0), (0.12, 0.16), (0.03, 0.2), (0.02, 0.2), (0.11, 0.15), (0.21, 0.0)],
        (4.2, 3.1, 1.62),
        looks["dark"],
    )
    pendant.box((4.195, 3.095, 1.81), (4.205, 3.105, 2.6), looks["dark"])
    pendant.object()
    # the study
    table("Desk", (0.65, 1.5, 0.74), (looks["oak"], looks["dark"])).object((8.2, 1.75, 0.0))
    chair(looks["mustard"], looks["dark"]).object((7.55, 1.7, 0.0), -70.0)
    Piece("DeskBooks").box((8.2, 2.1, 0.74), (8.42, 2.4, 0.79), looks["teal"]).box(
        (8.21, 2.12, 0.79), (8.41, 2.37, 0.83), looks["red"]
    ).object()
    lamp = [(0.08, 0.0), (0.08, 0.02), (0.012, 0.03), (0.012, 0.3), (0.1, 0.3), (0.06, 0.45)]
    Piece("DeskLamp").turned(lamp, (8.35, 1.25, 0.74), looks["white"]).object()
    picture(
        "Picture.study", (0.8, 0.8), [(0.1, 0.1, 0.9, 0.5, "teal"), (0.3, 0.35, 0.7, 0.8, "mustard")], looks
    ).object((8.6, 1.75, 1.2), 90.0)
    shelf("StudyShelf", (1.6, 0.3, 2.0), 5, looks).object((6.9, 0.005, 0.0), 0.0)
    Piece("StudyRug").box((6.2, 0.9, 0.0), (8.0, 2.6, 0.01), looks["terracotta"]).object()
