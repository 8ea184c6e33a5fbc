"""Runs inside Blender: renders random people as transparent sprites.

    blender --background --python blender_sprites.py -- BODY OUT SEED CHUNK COUNT THREADS

One chunk is `COUNT` sprites of a few body shapes; clothes, pose, heading, camera and light change with each. The
pictures are `NNNNN.png` with straight alpha; `CHUNK.json`, written last, lists the facts of each (`sprites.Sprite`).
"""

from __future__ import annotations

import colorsys
import json
import math
import random
import sys
from pathlib import Path

import bpy
import numpy as np
from mathutils import Vector

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from vision.training.body import REGIONS, Body, Person, Vectors, crouch, gait, reach, shaped

WIDTH, HEIGHT = 176, 232
SHAPES_PER_CHUNK = 8
HEIGHTS = {"child": (1.0, 1.5), "young": (1.52, 1.9), "old": (1.48, 1.78)}
SKINS = (
    (0.55, 0.33, 0.24),
    (0.16, 0.08, 0.05),
    (0.5, 0.32, 0.2),
    (0.6, 0.38, 0.29),
    (0.3, 0.17, 0.1),
    (0.08, 0.04, 0.03),
)
HAIRS = ((0.01, 0.01, 0.01), (0.05, 0.03, 0.02), (0.3, 0.14, 0.04), (0.35, 0.33, 0.31), (0.5, 0.35, 0.15))
LIGHTS = ("sun", "sun", "sun", "overcast", "overcast", "lamp", "lamp", "infrared")


def colour(rng: random.Random, brightest: float = 0.8) -> tuple[float, float, float]:
    """Mostly dull and dark, as clothes are; now and then white or a signal colour."""
    if rng.random() < 0.15:
        grey = rng.choice((0.005, 0.02, 0.5, 0.8))
        return (grey, grey, grey)
    return colorsys.hsv_to_rgb(rng.random(), 0.95 * rng.random() ** 1.3, 0.015 + brightest * rng.random() ** 1.8)


def random_person(body: Body, rng: random.Random) -> Person:
    shapes = body.shapes()
    age = rng.choices(("child", "young", "old"), (0.35, 0.45, 0.2))[0]
    kind, sex, _ = rng.choice([s for s in shapes if s[2] == age])
    low, high = HEIGHTS[age]
    mix = {f"{kind}-{sex}-{age}": 1.0, f"universal-{sex}-{age}-averagemuscle-averageweight": rng.uniform(0.7, 1.1)}
    if sex == "male" and age == "young" and rng.random() < 0.4:
        mix["universal-male-young-averagemuscle-maxweight"] = rng.uniform(0.3, 1.0)
        mix["universal-male-young-averagemuscle-averageweight"] = 0.3
    height = rng.uniform(low, high) - (0.07 if sex == "female" and age != "child" else 0)
    return shaped(
        body,
        mix,
        height,
        long_hair=rng.random() < (0.6 if sex == "female" else 0.08),
        skirt=sex == "female" and rng.random() < 0.4,
    )


def random_pose(rng: random.Random) -> dict[str, Vectors]:
    act = rng.choices(("walk", "run", "stand", "crouch"), (0.55, 0.15, 0.26, 0.04))[0]
    phase = rng.uniform(0, math.tau)
    if act == "run":
        return gait(phase, rng.uniform(0.7, 1.1), run=True)
    pose = gait(phase, rng.uniform(0.5, 1.35) if act == "walk" else rng.uniform(0, 0.25))
    if act == "crouch":
        crouch(pose, rng.uniform(0.3, 1.0))
    for side in "LR":
        if rng.random() < 0.3:
            reach(
                pose, side, forward=rng.uniform(-10, 70), out=rng.choice((0, 0, 5, 15, 60)), elbow=rng.uniform(0, 125)
            )
    return pose


class Studio:
    """The scene: camera, sun, lamps, materials, one body and the things that it carries."""

    def __init__(self, threads: int) -> None:
        bpy.ops.wm.read_factory_settings(use_empty=True)
        scene = bpy.context.scene
        self.scene = scene
        scene.render.engine = "CYCLES"
        scene.cycles.samples = 8
        scene.cycles.use_denoising = False
        scene.cycles.max_bounces = 2
        scene.render.resolution_x, scene.render.resolution_y = WIDTH, HEIGHT
        scene.render.threads_mode, scene.render.threads = "FIXED", threads
        scene.render.film_transparent = True
        scene.render.image_settings.file_format = "PNG"
        scene.render.image_settings.color_mode = "RGBA"
        scene.view_settings.view_transform = "Standard"
        self.world = bpy.data.worlds.new("sky")
        self.world.use_nodes = True
        scene.world = self.world
        self.camera = self._object("camera", bpy.data.cameras.new("camera"))
        self.camera.data.sensor_fit = "VERTICAL"
        self.camera.data.sensor_height = 36
        scene.camera = self.camera
        self.sun = self._object("sun", bpy.data.lights.new("sun", "SUN"))
        self.lamps = [self._object(f"lamp{i}", bpy.data.lights.new(f"lamp{i}", "POINT")) for i in range(2)]
        self.materials = {region: self._material(region) for region in (*REGIONS, "bag")}
        bpy.ops.mesh.primitive_cube_add(size=1)
        self.bag = bpy.context.object
        self.bag.data.materials.append(self.materials["bag"])
        bevel = self.bag.modifiers.new("round", "BEVEL")
        bevel.width, bevel.segments = 0.12, 3

    def _object(self, name: str, data: object) -> bpy.types.Object:
        made = bpy.data.objects.new(name, data)
        self.scene.collection.objects.link(made)
        return made

    @staticmethod
    def _material(name: str) -> bpy.types.Material:
        """A colour with folds and stains, so that cloth is no flat patch."""
        material = bpy.data.materials.new(name)
        material.use_nodes = True
        nodes, links = material.node_tree.nodes, material.node_tree.links
        shader = nodes["Principled BSDF"]
        shader.inputs["Specular"].default_value = 0.2
        shader.inputs["Roughness"].default_value = 0.5 if name in {"skin", "hair"} else 0.9
        noise, place = nodes.new("ShaderNodeTexNoise"), nodes.new("ShaderNodeTexCoord")
        mix, bump = nodes.new("ShaderNodeMixRGB"), nodes.new("ShaderNodeBump")
        mix.name, noise.name = "mix", "noise"
        noise.inputs["Detail"].default_value = 4
        bump.inputs["Strength"].default_value = 0.05 if name == "skin" else 0.7
        bump.inputs["Distance"].default_value = 0.04
        links.new(place.outputs["Object"], noise.inputs["Vector"])
        links.new(noise.outputs["Fac"], mix.inputs[0])
        links.new(noise.outputs["Fac"], bump.inputs["Height"])
        links.new(mix.outputs[0], shader.inputs["Base Color"])
        links.new(bump.outputs["Normal"], shader.inputs["Normal"])
        return material

    def paint(self, region: str, rgb: tuple[float, float, float], *, contrast: float, scale: float) -> None:
        nodes = self.materials[region].node_tree.nodes
        nodes["noise"].inputs["Scale"].default_value = scale
        nodes["mix"].inputs[1].default_value = (*[c * (1 - contrast) for c in rgb], 1)
        nodes["mix"].inputs[2].default_value = (*[min(1.0, c * (1 + contrast)) for c in rgb], 1)

    def dress(self, rng: random.Random) -> None:
        skin, shirt, trousers = rng.choice(SKINS), colour(rng), colour(rng, 0.5)
        coat = rng.random() < 0.15
        worn = {
            "skin": skin,
            "hair": colour(rng) if rng.random() < 0.2 else rng.choice(HAIRS),  # a hat, or hair
            "torso": shirt,
            "upper_sleeve": shirt if rng.random() < 0.9 else skin,
            "lower_sleeve": shirt if rng.random() < 0.6 else skin,
            "upper_leg": shirt if coat or rng.random() < 0.2 else trousers,
            "lower_leg": trousers if rng.random() < 0.75 else skin,
            "shoe": colour(rng, 0.4) if rng.random() < 0.6 else (0.02, 0.02, 0.02),
            "skirt": shirt if rng.random() < 0.4 else colour(rng),
            "bag": colour(rng),
        }
        for region, rgb in worn.items():
            plain = rgb == skin
            contrast = rng.choice((0.1, 0.25, 0.5, 0.9)) if not plain else 0.1
            self.paint(region, rgb, contrast=contrast, scale=rng.choice((3, 6, 12, 30)))

    def mesh(self, name: str, person: Person) -> bpy.types.Object:
        mesh = bpy.data.meshes.new(name)
        mesh.from_pydata([tuple(v) for v in person.rest[person.vertices]], [], person.faces)
        for region in REGIONS:
            mesh.materials.append(self.materials[region])
        for polygon, region in zip(mesh.polygons, person.regions, strict=True):
            polygon.material_index = REGIONS.index(region)
            polygon.use_smooth = True
        return self._object(name, mesh)

    def light(self, rng: random.Random) -> tuple[str, float, float]:
        """Sets the light; returns its kind, and the sun's azimuth and elevation in degrees."""
        kind = rng.choice(LIGHTS)
        azimuth, elevation = rng.uniform(0, 360), rng.uniform(12, 70)
        sky = {"sun": rng.uniform(0.25, 0.6), "overcast": rng.uniform(0.8, 1.1), "lamp": 0.04, "infrared": 0.05}[kind]
        background = self.world.node_tree.nodes["Background"].inputs
        background[0].default_value = (0.85, 0.92, 1.0, 1) if kind == "sun" else (1, 1, 1, 1)
        background[1].default_value = sky
        self.sun.data.energy = {"sun": rng.uniform(1.5, 4), "overcast": rng.uniform(0, 0.5)}.get(kind, 0)
        self.sun.data.angle = math.radians(0.5 if kind == "sun" else 30)
        self.sun.rotation_euler = (math.radians(90 - elevation), 0, math.radians(azimuth))
        self.sun.data.color = (1, 0.95, 0.85) if elevation > 25 else (1, 0.75, 0.5)
        for lamp in self.lamps:
            away, angle = rng.uniform(0.5, 6), rng.uniform(0, math.tau)
            up = rng.uniform(3.5, 6)
            lamp.location = (away * math.cos(angle), away * math.sin(angle), up)
            lamp.data.energy = 22 * (away**2 + up**2) * rng.uniform(0.4, 1.3) if kind == "lamp" else 0
            lamp.data.color = rng.choice(((1, 0.7, 0.4), (1, 0.9, 0.75), (0.8, 0.9, 1)))
            lamp.data.shadow_soft_size = 0.15
        if kind == "infrared":
            at = self.camera.location
            self.lamps[0].location = (at.x + rng.uniform(-0.5, 0.5), at.y, at.z + 0.3)
            self.lamps[0].data.color = (1, 1, 1)
            self.lamps[0].data.energy = 30 * at.length**2
        return kind, azimuth, elevation

    def carry(self, rng: random.Random, joints: dict[str, Vectors], heading: float) -> None:
        """Puts a backpack on the back or a bag into a hand of some."""
        self.bag.hide_render = rng.random() < 0.65
        forward = Vector((math.sin(math.radians(heading)), -math.cos(math.radians(heading)), 0))
        self.bag.rotation_euler = (0, 0, math.radians(heading))
        size = (joints["head"][2]) / 1.6
        if rng.random() < 0.5:
            back = Vector(joints["spine02"]) - forward * 0.2 * size
            self.bag.location = back
            self.bag.scale = (0.3 * size, rng.uniform(0.12, 0.2) * size, rng.uniform(0.35, 0.5) * size)
        else:
            hand = Vector(joints["wrist.L" if rng.random() < 0.5 else "wrist.R"])
            self.bag.location = hand - Vector((0, 0, rng.uniform(0.2, 0.35) * size))
            self.bag.scale = (rng.uniform(0.06, 0.15), rng.uniform(0.2, 0.4), rng.uniform(0.2, 0.38))

    def aim(self, rng: random.Random, tall: float) -> float:
        """Points the camera so that the person fills the sprite; returns the angle of depression in degrees."""
        depression = min(60.0, max(1.0, rng.choice((4, 8, 12, 16, 20, 26, 34, 46)) + rng.uniform(-4, 4)))
        distance = rng.uniform(6, 22)
        angle = math.radians(depression)
        self.camera.location = (0, -distance * math.cos(angle), tall / 2 + distance * math.sin(angle))
        self.camera.rotation_euler = (math.radians(90) - angle, 0, 0)
        self.camera.data.lens = 36 * distance / (tall * 1.08 + 0.22)
        return depression

    def box(self, points: Vectors) -> list[float]:
        """The body's box in the sprite: x0, y0, x1, y1 in pixels from the top left."""
        bpy.context.view_layer.update()
        inverse = np.array(self.camera.matrix_world.inverted())
        local = np.c_[points, np.ones(len(points))] @ inverse.T
        lens = self.camera.data.lens / self.camera.data.sensor_height * HEIGHT
        x = WIDTH / 2 + lens * local[:, 0] / -local[:, 2]
        y = HEIGHT / 2 - lens * local[:, 1] / -local[:, 2]
        return [round(float(v), 2) for v in (x.min(), y.min(), x.max(), y.max())]


def main(folder: Path, out: Path, seed: int, chunk: int, count: int, threads: int) -> None:
    rng = random.Random(f"{seed}/{chunk}")
    studio = Studio(threads)
    body = Body(folder)
    people = [random_person(body, rng) for _ in range(SHAPES_PER_CHUNK)]
    meshes = [studio.mesh(f"person{i}", person) for i, person in enumerate(people)]
    facts = []
    for k in range(count):
        choice = rng.randrange(len(people))
        person, mesh = people[choice], meshes[choice]
        for other in meshes:
            other.hide_render = other is not mesh
        heading = rng.uniform(0, 360)
        vertices, joints = person.posed(random_pose(rng), heading)
        middle = (vertices[:, :2].max(axis=0) + vertices[:, :2].min(axis=0)) / 2
        vertices[:, :2] -= middle
        joints = {name: joint - np.append(middle, 0) for name, joint in joints.items()}
        mesh.data.vertices.foreach_set("co", vertices.astype(np.float32).ravel())
        mesh.data.update()
        tall = float(vertices[:, 2].max())
        studio.dress(rng)
        depression = studio.aim(rng, tall)
        kind, azimuth, elevation = studio.light(rng)
        studio.carry(rng, joints, heading)
        studio.scene.cycles.seed = rng.randrange(1 << 30)
        box = studio.box(vertices)
        name = f"{chunk * count + k:05d}.png"
        studio.scene.render.filepath = str(out / name)
        bpy.ops.render.render(write_still=True)
        facts.append(
            {
                "file": name,
                "box": box,
                "metres": round(tall, 3),
                "depression": round(depression, 2),
                "light": kind,
                "azimuth": round(azimuth, 1),
                "elevation": round(elevation, 1),
            },
        )
    (out / f"{chunk:04d}.json").write_text(json.dumps(facts, indent=0))


if __name__ == "__main__":
    given = sys.argv[sys.argv.index("--") + 1 :]
    main(Path(given[0]), Path(given[1]), *(int(x) for x in given[2:6]))
