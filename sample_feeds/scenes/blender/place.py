"""Builds the corner of the district in 3-D from its ground plan. Runs inside Blender only.

Object names start with what they are (`ground`, `house`, `leaf`, `fence`, `water` …): the plate maker reads them.
"""

# mypy: ignore-errors
# Why: these run inside Blender, whose modules have no types, and find each other beside the script, not in a package.
from __future__ import annotations

import math
from itertools import pairwise
from random import Random

import bpy
from greenery import river_bank, trees
from matter import Mesh, bricks, glow, material

Ring = list[list[float]]


def build(plan: dict, rnd: Random) -> dict[str, list[tuple[float, float]]]:
    """Everything that stands still. Returns where lamps hang, for the lights."""
    grounds(plan)
    houses(plan, rnd)
    fence(plan)
    lamps = street_lamps(plan)
    trees(plan, rnd)
    furniture(plan, rnd)
    river_bank(plan, rnd)
    return {"lamps": lamps}


def grounds(plan: dict) -> None:
    asphalt = material("asphalt", (0.062, 0.062, 0.066), rough=0.88, vary=0.3, scale=0.5, bump=0.25)
    paving = bricks("paving", (0.30, 0.27, 0.25), (0.24, 0.22, 0.21), (0.13, 0.12, 0.12), size=0.42)
    path = bricks("path", (0.33, 0.25, 0.19), (0.28, 0.21, 0.17), (0.14, 0.12, 0.1), size=0.5)
    grass = material("grass", (0.060, 0.105, 0.030), vary=0.5, scale=0.55, bump=1.0)
    soil = material("soil", (0.17, 0.155, 0.14), vary=0.25, scale=0.4, bump=0.4)
    sand = material("sand", (0.40, 0.31, 0.21), vary=0.13, scale=0.22, bump=0.35)
    white = material("paint", (0.62, 0.62, 0.60), rough=0.7, vary=0.2, scale=2.2)
    yellow = material("lane", (0.6, 0.40, 0.05), rough=0.7, vary=0.2, scale=2.2)
    kerb = material("kerb", (0.34, 0.33, 0.32), vary=0.15, scale=1.5)
    ground = Mesh("ground")
    for layer, z, m in (
        ("asphalt", -0.10, asphalt), ("pavement", 0.0, paving), ("path", 0.0, path), ("grass", 0.0, grass),
        ("soil", -0.01, soil), ("yard", 0.01, sand), ("bridge", 0.03, asphalt),
    ):  # fmt: skip
        for rings in plan[layer]:
            ground.flat(rings, z, m)
            if layer == "pavement":
                for ring in rings:
                    ground.walls(ring, -0.12, 0.0, kerb)
            if layer == "bridge":
                for ring in rings:
                    ground.walls(ring, -0.9, 0.03, kerb)
    for quad in plan["zebra"]:
        ground.face([(x, y, -0.088) for x, y in quad], white)
    for line in plan["lanes"]:
        _stripe(ground, line, 0.07, -0.09, yellow)
    yard = plan["yard"][0][0]
    _running_track(ground, yard, white)
    ground.done()


def _stripe(mesh: Mesh, line: Ring, half: float, z: float, m: bpy.types.Material) -> None:
    for (ax, ay), (bx, by) in pairwise(line):
        length = math.hypot(bx - ax, by - ay)
        if length < 0.05:
            continue
        ux, uy = (bx - ax) / length, (by - ay) / length
        nx, ny = -uy * half, ux * half
        mesh.face([(ax - nx, ay - ny, z), (bx - nx, by - ny, z), (bx + nx, by + ny, z), (ax + nx, ay + ny, z)], m)


def _running_track(mesh: Mesh, ring: Ring, white: bpy.types.Material) -> None:
    cx = sum(p[0] for p in ring) / len(ring)
    cy = sum(p[1] for p in ring) / len(ring)
    for a, b in ((34, 22), (31.5, 19.5)):
        oval = [[cx + a * math.cos(t * math.tau / 96), cy + b * math.sin(t * math.tau / 96)] for t in range(97)]
        _stripe(mesh, oval, 0.06, 0.02, white)
    corner = [[-103, -52], [-83, -51], [-84, -31], [-104, -32], [-103, -52]]
    _stripe(mesh, corner, 0.05, 0.02, white)
    _stripe(mesh, [[-93, -51.5], [-94, -31.5]], 0.05, 0.02, white)


def houses(plan: dict, rnd: Random) -> None:
    walls = [
        bricks("brick-red", (0.24, 0.085, 0.055), (0.19, 0.07, 0.05), (0.24, 0.21, 0.18), size=0.24, wall=True),
        bricks("brick-tan", (0.36, 0.26, 0.17), (0.31, 0.22, 0.15), (0.3, 0.27, 0.23), size=0.24, wall=True),
        material("render-cream", (0.46, 0.42, 0.35), vary=0.12, scale=0.3),
        material("render-grey", (0.36, 0.37, 0.38), vary=0.12, scale=0.3),
        material("tile-white", (0.55, 0.55, 0.54), vary=0.08, scale=0.5, rough=0.5),
    ]
    roof = material("roof", (0.13, 0.16, 0.13), vary=0.2, scale=0.3)
    glass = material("glass", (0.02, 0.03, 0.04), rough=0.08)
    lit = glow("lit-window", (1.0, 0.72, 0.38), 0.0)
    frame = material("frame", (0.5, 0.5, 0.5), rough=0.5)
    dark = material("shutter", (0.2, 0.21, 0.23), rough=0.5, metal=0.3)
    signs = [glow(f"sign-{k}", c, 0.0) for k, c in enumerate(((0.75, 0.07, 0.05), (0.05, 0.3, 0.65), (0.05, 0.42, 0.16), (0.8, 0.45, 0.04), (0.7, 0.68, 0.62), (0.45, 0.1, 0.4)))]  # fmt: skip
    shop_light = glow("shop-light", (1.0, 0.9, 0.72), 0.0)
    awnings = [material(f"awning-{k}", c, vary=0.1) for k, c in enumerate(((0.35, 0.05, 0.04), (0.05, 0.2, 0.12), (0.08, 0.12, 0.3), (0.5, 0.42, 0.25)))]  # fmt: skip
    for house in plan["buildings"]:
        mesh = Mesh("house")
        ring = house["shape"][0]
        if _area(ring) < 0:
            ring = ring[::-1]
        top, use = house["height"], house["use"]
        wall = walls[4] if use == "apartments" else walls[2] if use == "school" else rnd.choice(walls)
        mesh.walls(ring, -0.1, top, wall)
        mesh.flat([ring], top - 0.3, roof)
        cx, cy = sum(p[0] for p in ring) / len(ring), sum(p[1] for p in ring) / len(ring)
        mesh.box((cx, cy, top + 1.1), (3.5, 2.6, 2.4), wall)
        shop = use in ("shops", "market", "clinic", "kiosk")
        storey, base = 3.2, 0.9
        for a, b in pairwise([*ring, ring[0]]):
            length = math.dist(a, b)
            if length < 2.6:
                continue
            u = ((b[0] - a[0]) / length, (b[1] - a[1]) / length)
            n = (u[1], -u[0])
            if shop:
                _shop_front(mesh, a, u, n, length, rnd, glass, dark, shop_light, signs, awnings, frame)
            count = max(1, int(length / (2.9 if use != "school" else 2.3)))
            pitch = length / count
            for floor in range(1 if shop else 0, max(1, int((top - 0.8) / storey))):
                z = base + floor * storey
                for k in range(count):
                    at = (k + 0.5) * pitch
                    w, h = pitch * rnd.uniform(0.45, 0.6), 1.45
                    x, y = a[0] + u[0] * at + n[0] * 0.02, a[1] + u[1] * at + n[1] * 0.02
                    mesh.box((x, y, z + h / 2), (w + 0.16, 0.06, h + 0.16), frame, u)
                    pane = lit if rnd.random() < 0.16 else glass
                    x, y = x + n[0] * 0.035, y + n[1] * 0.035
                    p = [(x - u[0] * w / 2, y - u[1] * w / 2), (x + u[0] * w / 2, y + u[1] * w / 2)]
                    mesh.face([(*p[0], z), (*p[1], z), (*p[1], z + h), (*p[0], z + h)], pane)
                    if rnd.random() < 0.22 and use != "school":
                        mesh.box((x + n[0] * 0.25, y + n[1] * 0.25, z - 0.45), (0.75, 0.3, 0.55), frame, u)
        mesh.done()


def _shop_front(mesh, a, u, n, length, rnd, glass, dark, shop_light, signs, awnings, frame):  # noqa: ANN001, ANN202 - one wall's parts
    at = 0.5
    while at < length - 2.2:
        w = min(rnd.uniform(3.4, 5.5), length - at - 0.4)
        mid = at + w / 2
        x, y = a[0] + u[0] * mid, a[1] + u[1] * mid
        kind = rnd.random()
        pane = shop_light if kind < 0.45 else glass if kind < 0.8 else dark
        px, py = x + n[0] * 0.05, y + n[1] * 0.05
        half = w / 2 - 0.2
        p = [(px - u[0] * half, py - u[1] * half), (px + u[0] * half, py + u[1] * half)]
        mesh.face([(*p[0], 0.25), (*p[1], 0.25), (*p[1], 2.5), (*p[0], 2.5)], pane)
        for k in range(4):
            off = -half + k * 2 * half / 3
            mesh.box((px + u[0] * off + n[0] * 0.03, py + u[1] * off + n[1] * 0.03, 1.35), (0.07, 0.07, 2.3), frame, u)
        mesh.box((x + n[0] * 0.14, y + n[1] * 0.14, 3.05), (w - 0.3, 0.22, 0.8), rnd.choice(signs), u)
        if rnd.random() < 0.5:
            m = rnd.choice(awnings)
            q = [(x - u[0] * half, y - u[1] * half), (x + u[0] * half, y + u[1] * half)]
            out = [(c[0] + n[0] * 1.1, c[1] + n[1] * 1.1) for c in q]
            mesh.face([(*out[0], 2.2), (*out[1], 2.2), (*q[1], 2.62), (*q[0], 2.62)], m)
        at += w


def _area(ring: Ring) -> float:
    return sum(a[0] * b[1] - b[0] * a[1] for a, b in pairwise([*ring, ring[0]])) / 2


def fence(plan: dict) -> None:
    green = material("fence-green", (0.05, 0.14, 0.09), rough=0.5, metal=0.2)
    brick = bricks("pillar", (0.3, 0.12, 0.08), (0.26, 0.1, 0.07), (0.3, 0.28, 0.25), size=0.24, wall=True)
    stone = material("plinth", (0.33, 0.32, 0.3), vary=0.2, scale=1.0)
    mesh = Mesh("fence")
    for line in plan["fence"]:
        for a, b in pairwise(line):
            length = math.dist(a, b)
            u = ((b[0] - a[0]) / length, (b[1] - a[1]) / length)
            mid = ((a[0] + b[0]) / 2, (a[1] + b[1]) / 2)
            mesh.box((*mid, 0.15), (length, 0.22, 0.34), stone, u)
            for z in (0.5, 1.85):
                mesh.box((*mid, z), (length, 0.05, 0.06), green, u)
            for k in range(int(length / 0.16) + 1):
                post = k % 15 == 0
                s = 0.09 if post else 0.022
                at = (a[0] + u[0] * k * 0.16, a[1] + u[1] * k * 0.16, 1.1)
                if post or math.dist(at[:2], (-90, -40)) < 75:
                    mesh.box(at, (s, s, 2.05 if post else 1.7), green, u)
    mesh.done()
    gate = Mesh("fence-gate")
    gx, gy = plan["gate"][0]
    u = (0.045, -0.999)
    for side in (-1, 1):
        gate.box((gx + u[0] * 3.2 * side, gy + u[1] * 3.2 * side, 1.15), (0.7, 0.7, 2.5), brick, u)
        gate.box((gx + u[0] * 3.2 * side, gy + u[1] * 3.2 * side, 2.46), (0.9, 0.9, 0.14), stone, u)
    for k in range(20):  # the leaf, slid half open behind the fence
        at = -3.0 + 0.15 * k
        gate.box((gx - 0.35 + u[0] * at, gy + u[1] * at, 0.85), (0.03, 0.03, 1.4), green, u)
    gate.box((gx - 0.35 + u[0] * -1.5, gy + u[1] * -1.5, 1.5), (3.0, 0.05, 0.07), green, u)
    gate.box((gx - 0.35 + u[0] * -1.5, gy + u[1] * -1.5, 0.2), (3.0, 0.05, 0.07), green, u)
    gate.done()


def street_lamps(plan: dict) -> list[tuple[float, float]]:
    pole = material("pole", (0.16, 0.17, 0.18), rough=0.5, metal=0.5)
    head = glow("lamp-head", (1.0, 0.86, 0.62), 0.0)
    mesh = Mesh("pole")
    places = [*((x, y) for x, y in plan["lamps"]), *EXTRA_LAMPS]
    for x, y in places:
        mesh.box((x, y, 3.0), (0.13, 0.13, 6.0), pole)
        mesh.box((x, y, 0.3), (0.26, 0.26, 0.7), pole)
        mesh.box((x, y, 6.0), (1.0, 0.1, 0.1), pole, (0.7, 0.7))
        mesh.box((x + 0.35, y + 0.35, 5.93), (0.6, 0.24, 0.1), head, (0.7, 0.7))
    mesh.done()
    return places


EXTRA_LAMPS = [(-22.5, -113.0), (-8.0, -168.0), (-15.5, -196.0), (-20.0, -219.5), (8.0, -214.0), (-88.0, -22.0), (-104.0, -58.0), (-70.2, -41.0), (-69.0, -62.0)]  # fmt: skip


def furniture(plan: dict, rnd: Random) -> None:
    wood = material("wood", (0.22, 0.12, 0.06), vary=0.25, scale=3)
    steel = material("steel", (0.3, 0.31, 0.32), rough=0.4, metal=0.7)
    black = material("tyre", (0.015, 0.015, 0.016))
    glass = material("car-glass", (0.01, 0.013, 0.016), rough=0.05)
    paints = [material(f"car-{k}", c, rough=0.25) for k, c in enumerate(((0.5, 0.5, 0.5), (0.03, 0.03, 0.035), (0.06, 0.1, 0.25), (0.35, 0.04, 0.03), (0.55, 0.53, 0.48)))]  # fmt: skip
    bench = Mesh("bench")
    for x, y, turn in (
        (-31.5, -109.5, 125),
        (-20.5, -117.0, 145),
        (-11.5, -214.5, 80),
        (-47.5, -70.5, 5),
        (-4.5, -178, 100),
    ):
        u = (math.cos(math.radians(turn)), math.sin(math.radians(turn)))
        n = (-u[1], u[0])
        for k in range(3):
            bench.box((x + n[0] * 0.15 * k, y + n[1] * 0.15 * k, 0.45), (1.7, 0.12, 0.05), wood, u)
        for z in (0.65, 0.8):
            bench.box((x + n[0] * 0.42, y + n[1] * 0.42, z), (1.7, 0.05, 0.11), wood, u)
        for k in (-0.7, 0.7):
            bench.box((x + u[0] * k + n[0] * 0.2, y + u[1] * k + n[1] * 0.2, 0.22), (0.08, 0.45, 0.44), steel, u)
    bench.done()
    for x, y, turn in ((-57.0, -41, 93), (-56.8, -28, 93), (-56.0, -12, 93), (-30, -73.0, 2), (-18.5, -72.7, 2), (-66.5, -118, 93), (-64.9, -132, 93), (-120, -81.5, 0)):  # fmt: skip
        _car(x, y, turn, rnd.choice(paints), glass, black)
    posts = Mesh("pole-wires")
    for x, y in ((-74.5, -71.2), (-46.5, -70.0), (-72.3, -18.0), (-44, -66.0)):
        posts.box((x, y, 4.6), (0.28, 0.28, 9.4), material("concrete", (0.3, 0.3, 0.29), vary=0.1), (1, 0))
        posts.box((x, y, 8.4), (1.8, 0.1, 0.12), steel, (0.6, 0.8))
        posts.box((x + 0.3, y, 6.8), (0.45, 0.45, 0.8), steel)
    for a, b in (((-74.5, -71.2), (-46.5, -70.0)), ((-74.5, -71.2), (-72.3, -18.0)), ((-46.5, -70), (-5, -64))):
        length = math.dist(a, b)
        u = ((b[0] - a[0]) / length, (b[1] - a[1]) / length)
        for k in range(12):
            f, g = k / 12, (k + 1) / 12
            z = 8.4 - 1.1 * 4 * (f + 0.5 / 12) * (1 - f - 0.5 / 12)
            at = ((a[0] + (b[0] - a[0]) * (f + g) / 2), (a[1] + (b[1] - a[1]) * (f + g) / 2), z)
            posts.box(at, (length / 12, 0.03, 0.03), black, u)
    for x, y in plan["bus_stops"]:
        posts.box((x, y, 1.4), (0.08, 0.08, 2.8), steel)
        posts.box((x, y, 2.5), (0.5, 0.05, 0.6), paints[2])
    posts.done()
    goal = Mesh("pole-goal")
    for y in (-42, -37):
        goal.box((-103.5, y, 1.0), (0.08, 0.08, 2.0), paints[4])
    goal.box((-103.5, -39.5, 2.0), (0.08, 5.0, 0.08), paints[4])
    goal.done()
    bins = Mesh("bin")
    for x, y in ((-35.5, -101.0), (-46.8, -84.8), (-80.5, -64.6), (-16.0, -210.5)):
        bins.box((x, y, 0.45), (0.5, 0.5, 0.9), paints[2])
    bins.done()


def _car(x: float, y: float, turn: float, paint, glass, black) -> None:  # noqa: ANN001 - Blender's materials
    u = (math.cos(math.radians(turn)), math.sin(math.radians(turn)))
    mesh = Mesh("car")
    profile = [(-2.15, 0.3), (-2.2, 0.75), (-1.9, 0.95), (-1.5, 1.0), (-1.0, 1.42), (0.55, 1.46), (1.15, 1.0), (2.0, 0.85), (2.2, 0.6), (2.18, 0.3)]  # fmt: skip
    for side in (-1, 1):

        def at(px: float, pz: float, half: float = 0.85) -> tuple[float, float, float]:
            w = side * (half if pz < 1.02 else half * 0.84)  # noqa: B023 - used within the turn
            return (x + u[0] * px - u[1] * w, y + u[1] * px + u[0] * w, pz - 0.1)

        face = [at(*p) for p in profile]
        mesh.face(face if side < 0 else face[::-1], paint)
        mesh.face([at(p, z, 0.87) for p, z in ((-1.25, 1.05), (-0.9, 1.36), (0.45, 1.4), (0.85, 1.05))], glass)
        for wx in (-1.35, 1.35):
            ring = [
                (wx + 0.32 * math.cos(t * math.tau / 14), 0.34 + 0.32 * math.sin(t * math.tau / 14)) for t in range(14)
            ]
            mesh.face([at(*p, 0.88) for p in ring], black)
    for (ax, az), (bx, bz) in pairwise(profile):
        wa, wb = (0.85 if az < 1.02 else 0.71), (0.85 if bz < 1.02 else 0.71)
        quad = [(ax, -wa, az), (bx, -wb, bz), (bx, wb, bz), (ax, wa, az)]
        m = glass if {(ax, az), (bx, bz)} in ({(-1.5, 1.0), (-1.0, 1.42)}, {(0.55, 1.46), (1.15, 1.0)}) else paint
        mesh.face([(x + u[0] * p - u[1] * w, y + u[1] * p + u[0] * w, z - 0.1) for p, w, z in quad], m)
    mesh.done()
