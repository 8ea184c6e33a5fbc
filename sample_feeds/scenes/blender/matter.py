"""Procedural materials and mesh helpers for Blender 3.4. Runs inside Blender only."""

# mypy: ignore-errors
# Why: these run inside Blender, whose modules have no types, and find each other beside the script, not in a package.
from __future__ import annotations

from collections.abc import Sequence

import bpy
from mathutils import Vector
from mathutils.geometry import tessellate_polygon

Colour = tuple[float, float, float]


def material(
    name: str,
    colour: Colour,
    *,
    rough: float = 0.85,
    vary: float = 0.0,
    scale: float = 1.0,
    bump: float = 0.0,
    metal: float = 0.0,
) -> bpy.types.Material:
    """A surface whose colour varies by `vary` in blotches of `1/scale` metres, in the world's coordinates."""
    m = bpy.data.materials.new(name)
    m.use_nodes = True
    nodes, links = m.node_tree.nodes, m.node_tree.links
    b = nodes["Principled BSDF"]
    b.inputs["Roughness"].default_value = rough
    b.inputs["Metallic"].default_value = metal
    b.inputs["Specular"].default_value = 0.25
    b.inputs["Base Color"].default_value = (*colour, 1)
    if vary or bump:
        where = nodes.new("ShaderNodeNewGeometry")
        mixed = None
        for k, share in ((1.0, 0.6), (7.0, 0.4)):
            noise = nodes.new("ShaderNodeTexNoise")
            noise.inputs["Scale"].default_value = scale * k
            noise.inputs["Detail"].default_value = 5
            links.new(where.outputs["Position"], noise.inputs["Vector"])
            part = nodes.new("ShaderNodeMath")
            part.operation = "MULTIPLY"
            part.inputs[1].default_value = share
            links.new(noise.outputs["Fac"], part.inputs[0])
            if mixed is None:
                mixed = part.outputs[0]
            else:
                total = nodes.new("ShaderNodeMath")
                total.operation = "ADD"
                links.new(mixed, total.inputs[0])
                links.new(part.outputs[0], total.inputs[1])
                mixed = total.outputs[0]
        ramp = nodes.new("ShaderNodeValToRGB")
        ramp.color_ramp.elements[0].position = 0.32
        ramp.color_ramp.elements[1].position = 0.68
        ramp.color_ramp.elements[0].color = (*[c * (1 - vary) for c in colour], 1)
        ramp.color_ramp.elements[1].color = (*[min(1, c * (1 + vary)) for c in colour], 1)
        links.new(mixed, ramp.inputs[0])
        links.new(ramp.outputs[0], b.inputs["Base Color"])
        if bump:
            node = nodes.new("ShaderNodeBump")
            node.inputs["Strength"].default_value = bump
            node.inputs["Distance"].default_value = 0.04
            links.new(mixed, node.inputs["Height"])
            links.new(node.outputs["Normal"], b.inputs["Normal"])
    return m


def bricks(
    name: str, one: Colour, two: Colour, mortar: Colour, *, size: float, wall: bool = False
) -> bpy.types.Material:
    """Paving stones or bricks `size` metres long; `wall` lays them upright."""
    m = bpy.data.materials.new(name)
    m.use_nodes = True
    nodes, links = m.node_tree.nodes, m.node_tree.links
    b = nodes["Principled BSDF"]
    b.inputs["Roughness"].default_value = 0.9
    b.inputs["Specular"].default_value = 0.2
    where = nodes.new("ShaderNodeNewGeometry")
    tex = nodes.new("ShaderNodeTexBrick")
    for key, value in (("Color1", one), ("Color2", two), ("Mortar", mortar)):
        tex.inputs[key].default_value = (*value, 1)
    tex.inputs["Scale"].default_value = 0.5 / size
    tex.inputs["Mortar Size"].default_value = 0.018
    vector = where.outputs["Position"]
    if wall:
        split = nodes.new("ShaderNodeSeparateXYZ")
        join = nodes.new("ShaderNodeCombineXYZ")
        total = nodes.new("ShaderNodeMath")
        links.new(vector, split.inputs[0])
        links.new(split.outputs[0], total.inputs[0])
        links.new(split.outputs[1], total.inputs[1])
        links.new(total.outputs[0], join.inputs[0])
        links.new(split.outputs[2], join.inputs[1])
        vector = join.outputs[0]
    links.new(vector, tex.inputs["Vector"])
    noise = nodes.new("ShaderNodeTexNoise")
    noise.inputs["Scale"].default_value = 0.35
    noise.inputs["Detail"].default_value = 6
    links.new(where.outputs["Position"], noise.inputs["Vector"])
    mix = nodes.new("ShaderNodeMixRGB")
    mix.blend_type = "MULTIPLY"
    mix.inputs[0].default_value = 0.45
    links.new(tex.outputs["Color"], mix.inputs[1])
    links.new(noise.outputs["Fac"], mix.inputs[2])
    links.new(mix.outputs[0], b.inputs["Base Color"])
    return m


def glow(name: str, colour: Colour, strength: float) -> bpy.types.Material:
    """A surface that shines."""
    m = bpy.data.materials.new(name)
    m.use_nodes = True
    b = m.node_tree.nodes["Principled BSDF"]
    b.inputs["Base Color"].default_value = (*colour, 1)
    b.inputs["Emission"].default_value = (*colour, 1)
    b.inputs["Emission Strength"].default_value = strength
    return m


class Mesh:
    """Collects faces of several materials into one object: a thousand small parts, one mesh."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.points: list[tuple[float, float, float]] = []
        self.faces: list[tuple[int, ...]] = []
        self.of: list[int] = []
        self.materials: list[bpy.types.Material] = []

    def face(self, points: Sequence[tuple[float, float, float]], m: bpy.types.Material) -> None:
        at = len(self.points)
        self.points += points
        self.faces.append(tuple(range(at, at + len(points))))
        if m not in self.materials:
            self.materials.append(m)
        self.of.append(self.materials.index(m))

    def flat(self, rings: Sequence[Sequence[Sequence[float]]], z: float, m: bpy.types.Material) -> None:
        """A level polygon, `rings[0]` its outside."""
        loops = [[Vector((p[0], p[1], 0)) for p in ring] for ring in rings]
        corners = [p for loop in loops for p in loop]
        for a, b, c in tessellate_polygon(loops):
            tri = [(corners[k].x, corners[k].y, z) for k in (a, b, c)]
            u = (tri[1][0] - tri[0][0]) * (tri[2][1] - tri[0][1]) - (tri[1][1] - tri[0][1]) * (tri[2][0] - tri[0][0])
            self.face(tri if u > 0 else tri[::-1], m)

    def walls(self, ring: Sequence[Sequence[float]], low: float, high: float, m: bpy.types.Material) -> None:
        """Upright faces along a closed ring."""
        for a, b in zip(ring, [*ring[1:], ring[0]], strict=True):
            self.face([(a[0], a[1], low), (b[0], b[1], low), (b[0], b[1], high), (a[0], a[1], high)], m)

    def box(
        self,
        at: tuple[float, float, float],
        size: tuple[float, float, float],
        m: bpy.types.Material,
        along: tuple[float, float] = (1.0, 0.0),
    ) -> None:
        """A box around `at`; its length runs along the unit vector `along`."""
        (ux, uy), (x, y, z), (lx, ly, lz) = along, at, (size[0] / 2, size[1] / 2, size[2] / 2)
        ring = [
            (x + ux * a * lx - uy * b * ly, y + uy * a * lx + ux * b * ly)
            for a, b in ((-1, -1), (1, -1), (1, 1), (-1, 1))
        ]
        self.walls(ring, z - lz, z + lz, m)
        self.face([(*p, z + lz) for p in ring], m)
        self.face([(*p, z - lz) for p in ring[::-1]], m)

    def done(self) -> bpy.types.Object:
        me = bpy.data.meshes.new(self.name)
        me.from_pydata(self.points, [], self.faces)
        for m in self.materials:
            me.materials.append(m)
        me.polygons.foreach_set("material_index", self.of)
        ob = bpy.data.objects.new(self.name, me)
        bpy.context.scene.collection.objects.link(ob)
        return ob
