"""Trees, bushes, and the river with its banks. Runs inside Blender only."""

from __future__ import annotations

# mypy: ignore-errors
# Why: these run inside Blender, whose modules have no types, and find each other beside the script, not in a package.
import math
from itertools import pairwise
from random import Random

import bpy
from mathutils import Vector
from matter import Mesh, material


def _tree_meshes(rnd: Random) -> list[tuple[bpy.types.Mesh, bpy.types.Mesh]]:
    bark = material("bark", (0.09, 0.065, 0.045), vary=0.3, scale=4, bump=0.6)
    leaves = [material(f"leaf-{k}", c, rough=0.6, vary=0.35, scale=1.5) for k, c in enumerate(((0.055, 0.115, 0.025), (0.085, 0.13, 0.03), (0.04, 0.085, 0.03)))]  # fmt: skip
    found = []
    for k in range(4):
        trunk = Mesh("pole-trunk")
        for j in range(8):
            a, b = j * math.tau / 8, (j + 1) * math.tau / 8
            for (z0, r0), (z1, r1) in (((0, 0.035), (0.12, 0.024)), ((0.12, 0.024), (0.62, 0.012))):
                trunk.face([(r0 * math.cos(a), r0 * math.sin(a), z0), (r0 * math.cos(b), r0 * math.sin(b), z0), (r1 * math.cos(b), r1 * math.sin(b), z1), (r1 * math.cos(a), r1 * math.sin(a), z1)], bark)  # fmt: skip
        crown = Mesh("leaf")
        clumps = [
            (rnd.gauss(0, 0.15), rnd.gauss(0, 0.15), rnd.uniform(0.42, 0.9), rnd.uniform(0.10, 0.2)) for _ in range(16)
        ]
        for cx, cy, cz, r in clumps:
            for _ in range(150):
                v = (
                    Vector((rnd.gauss(0, 1), rnd.gauss(0, 1), rnd.gauss(0, 0.8))).normalized()
                    * r
                    * rnd.uniform(0.55, 1.05)
                )
                s = rnd.uniform(0.014, 0.028)
                t = Vector((rnd.gauss(0, 1), rnd.gauss(0, 1), rnd.gauss(0, 0.6))).normalized()
                w = t.orthogonal().normalized()
                c = Vector((cx, cy, cz)) + v
                crown.face(
                    [tuple(c - t * s), tuple(c + w * s * 0.7), tuple(c + t * s), tuple(c - w * s * 0.7)], leaves[k % 3]
                )
        found.append((trunk, crown))
    made = []
    for trunk, crown in found:
        a, b = trunk.done(), crown.done()
        made.append((a.data, b.data))
        for o in (a, b):
            bpy.data.objects.remove(o)
    return made


def trees(plan: dict, rnd: Random) -> None:
    kinds = _tree_meshes(rnd)
    spots = [(x, y) for x, y in plan["trees"] if not any(math.dist((x, y), c) < r for c, r in CLEARINGS)]
    spots += [(-88.0, -73.3)]
    spots += [(-160 + 9.5 * k, 14.5) for k in range(6)]
    spots += [(-53.2, -30 + 13 * k) for k in range(-1, 6)]
    for x, y in spots:
        trunk, crown = rnd.choice(kinds)
        size, turn = rnd.uniform(5.5, 8.5), rnd.uniform(0, math.tau)
        for name, me in (("pole-tree", trunk), ("leaf", crown)):
            o = bpy.data.objects.new(name, me)
            o.location, o.scale, o.rotation_euler = (x, y, 0), (size,) * 3, (0, 0, turn)
            bpy.context.scene.collection.objects.link(o)
    for x, y in BUSHES:
        _, crown = rnd.choice(kinds)
        o = bpy.data.objects.new("leaf-bush", crown)
        o.location, o.scale, o.rotation_euler = (x, y, -0.75), (2.4, 2.4, 2.0), (0, 0, rnd.uniform(0, 6))
        bpy.context.scene.collection.objects.link(o)


CLEARINGS = [
    ((-13, -133), 9),
    ((-22, -118), 8),
    ((-30, -106), 7),
    ((-38, -95), 6),
    ((-2, -205), 9),
    ((-8, -214), 9),
    ((-58, -78), 16),
]
BUSHES = [(-24.0, -101.5), (-22.0, -104.5), (-40.5, -103.0), (-27.5, -119.5), (-14.0, -110.0), (-18.0, -212.0), (-6.5, -226.0), (-12.5, -226.5), (-19.0, -227.0), (2.0, -226.0)]  # fmt: skip


def river_bank(plan: dict, rnd: Random) -> None:
    water = material("water", (0.02, 0.035, 0.035), rough=0.06, bump=0.0)
    nodes, links = water.node_tree.nodes, water.node_tree.links
    noise = nodes.new("ShaderNodeTexNoise")
    noise.inputs["Scale"].default_value = 1.3
    noise.inputs["Detail"].default_value = 4
    where = nodes.new("ShaderNodeNewGeometry")
    links.new(where.outputs["Position"], noise.inputs["Vector"])
    bump = nodes.new("ShaderNodeBump")
    bump.inputs["Strength"].default_value = 0.35
    bump.inputs["Distance"].default_value = 0.06
    links.new(noise.outputs["Fac"], bump.inputs["Height"])
    links.new(bump.outputs["Normal"], nodes["Principled BSDF"].inputs["Normal"])
    stone = material("embankment", (0.2, 0.195, 0.18), vary=0.3, scale=0.8, bump=0.6)
    rail = material("rail", (0.28, 0.18, 0.1), vary=0.2, scale=3)
    reed = material("reed", (0.13, 0.16, 0.05), vary=0.3, scale=2)
    surface = Mesh("water")
    bank = Mesh("ground-bank")
    reeds = Mesh("leaf-reeds")
    for rings in plan["water"]:
        surface.flat(rings, -1.5, water)
        for ring in rings:
            bank.walls(ring, -3.0, 0.0, stone)
            for a, b in pairwise([*ring, ring[0]]):
                length = math.dist(a, b)
                if not (-120 < a[0] < 90) or length > 60:
                    continue
                for _ in range(int(length * 7)):
                    f = rnd.random()
                    x, y = a[0] + (b[0] - a[0]) * f + rnd.gauss(0, 0.5), a[1] + (b[1] - a[1]) * f + rnd.gauss(0, 0.5)
                    h, t = rnd.uniform(0.3, 0.8), rnd.uniform(0, math.tau)
                    dx, dy = 0.035 * math.cos(t), 0.035 * math.sin(t)
                    lean = (rnd.gauss(0, 0.15), rnd.gauss(0, 0.15))
                    reeds.face([(x - dx, y - dy, -0.4), (x + dx, y + dy, -0.4), (x + lean[0], y + lean[1], h)], reed)
    surface.done()
    bank.done()
    reeds.done()
    fence_ = Mesh("pole-rail")
    for line in plan["bank_path"]:
        for a, b in pairwise(line):
            length = math.dist(a, b)
            if length < 0.05 or min(abs(a[0] - b[0]), 1) < 0.02:
                continue
            u = ((b[0] - a[0]) / length, (b[1] - a[1]) / length)
            mid = ((a[0] + b[0]) / 2, (a[1] + b[1]) / 2)
            for z in (0.5, 0.95):
                fence_.box((*mid, z), (length + 0.05, 0.07, 0.09), rail, u)
            for k in range(max(1, int(length / 1.8))):
                fence_.box((a[0] + u[0] * 1.8 * k, a[1] + u[1] * 1.8 * k, 0.5), (0.11, 0.11, 1.05), rail, u)
    fence_.done()
