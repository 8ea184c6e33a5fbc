"""Renders each identity walking, standing, running and climbing, seen from all around. Runs inside Blender 3.4:

    blender -b --python-use-system-env -P sprites.py -- JOB.json

The job: {"body": folder, "out": folder, "samples", "threads", "px_per_m", "width", "height", "foot", "headings",
"elevations": [...], "people": [the looks]}. Writes IDENTITY.ELEVATION.png: a row of headings for each pose, seen by an
orthographic camera that looks `elevation` degrees down; heading k is turned k × 360/headings degrees clockwise from
walking straight away from the camera. The middle of the soles is `foot` px above the lower edge of each cell.
"""

# mypy: ignore-errors
# Why: these run inside Blender, whose modules have no types, and find each other beside the script, not in a package.
from __future__ import annotations

import json
import math
import sys
import time
from pathlib import Path

import bpy
import numpy as np

sys.path.insert(0, str(Path(__file__).parent))
from body import Body, Person, climbing, standing, walking
from matter import material

BACKPACK = [(-0.13, 0.1, 0.0), (0.13, 0.1, 0.0), (0.13, 0.26, 0.02), (-0.13, 0.26, 0.02), (-0.12, 0.1, 0.38), (0.12, 0.1, 0.38), (0.11, 0.22, 0.36), (-0.11, 0.22, 0.36)]  # fmt: skip
BAG = [(-0.04, -0.16, -0.42), (0.04, -0.16, -0.42), (0.05, 0.16, -0.42), (-0.05, 0.16, -0.42), (-0.03, -0.13, -0.1), (0.03, -0.13, -0.1), (0.03, 0.13, -0.1), (-0.03, 0.13, -0.1)]  # fmt: skip
CUBE = [(0, 3, 2, 1), (4, 5, 6, 7), (0, 1, 5, 4), (1, 2, 6, 5), (2, 3, 7, 6), (3, 0, 4, 7)]


def poses(look: dict) -> list[dict[str, np.ndarray]]:
    """The rows of a sheet: `walk` phases, one standing, then running and climbing where the person does."""
    rows = [walking(k * math.tau / look["walk"], look["age"]) for k in range(look["walk"])]
    rows.append(standing(look["age"]))
    rows += [walking(k * math.tau / look["run"], look["age"], run=True) for k in range(look["run"])]
    rows += [climbing(k * math.pi) for k in range(look["climb"])]
    return rows


def main() -> None:
    job = json.loads(Path(sys.argv[sys.argv.index("--") + 1]).read_text())
    bpy.ops.wm.read_factory_settings(use_empty=True)
    scene = bpy.context.scene
    _settings(scene, job)
    eye = _camera(scene, job)
    _lights(scene)
    body = Body(Path(job["body"]))
    for look in job["people"]:
        began = time.time()
        person = Person(body, look)
        mesh = _mesh(person, look)
        spacing = job["width"] / job["px_per_m"]
        copies = []
        for k in range(job["headings"]):
            ob = bpy.data.objects.new(f"person-{k}", mesh)
            ob.location = ((k - (job["headings"] - 1) / 2) * spacing, 0, 0)
            ob.rotation_euler = (0, 0, math.pi - k * math.tau / job["headings"])
            scene.collection.objects.link(ob)
            copies.append(ob)
        rows = poses(look)
        for elevation in job["elevations"]:
            _aim(eye, job, elevation)
            strips = []
            for pose in rows:
                v = _dressed(person, pose, look)
                mesh.vertices.foreach_set("co", v.astype(np.float32).ravel())
                mesh.update()
                path = Path(job["out"]) / "strip.png"
                scene.render.filepath = str(path)
                bpy.ops.render.render(write_still=True)
                strips.append(_pixels(path))
            _save(np.vstack(strips), Path(job["out"]) / f"{look['id']}.{elevation}.png")
        for ob in copies:
            bpy.data.objects.remove(ob)
        print("person", look["id"], len(rows), "poses", f"{time.time() - began:.1f} s", flush=True)


def _settings(scene: bpy.types.Scene, job: dict) -> None:
    scene.render.engine = "CYCLES"
    scene.cycles.samples = job["samples"]
    scene.cycles.max_bounces = 2
    scene.cycles.use_denoising = False
    scene.render.film_transparent = True
    scene.render.image_settings.file_format = "PNG"
    scene.render.image_settings.color_mode = "RGBA"
    scene.render.resolution_x, scene.render.resolution_y = job["width"] * job["headings"], job["height"]
    scene.render.use_persistent_data = True
    scene.render.threads_mode, scene.render.threads = "FIXED", job["threads"]
    scene.view_settings.view_transform = "Standard"


def _camera(scene: bpy.types.Scene, job: dict) -> bpy.types.Object:
    lens = bpy.data.cameras.new("camera")
    lens.type = "ORTHO"
    lens.ortho_scale = job["width"] * job["headings"] / job["px_per_m"]
    lens.sensor_fit = "HORIZONTAL"
    eye = bpy.data.objects.new("camera", lens)
    scene.collection.objects.link(eye)
    scene.camera = eye
    return eye


def _aim(eye: bpy.types.Object, job: dict, elevation: float) -> None:
    down = math.radians(elevation)
    lift = (job["height"] / 2 - job["foot"]) / job["px_per_m"]  # the picture's middle above the soles
    eye.rotation_euler = (math.pi / 2 - down, 0, 0)
    eye.location = (0, -30 * math.cos(down) + lift * math.sin(down), 30 * math.sin(down) + lift * math.cos(down))


def _lights(scene: bpy.types.Scene) -> None:
    world = bpy.data.worlds.new("sky")
    scene.world = world
    world.use_nodes = True
    world.node_tree.nodes["Background"].inputs[0].default_value = (0.9, 0.95, 1.0, 1)
    world.node_tree.nodes["Background"].inputs[1].default_value = 0.55
    sun = bpy.data.lights.new("sun", "SUN")
    sun.energy, sun.angle = 1.6, 0.3
    ob = bpy.data.objects.new("sun", sun)
    ob.rotation_euler = (math.radians(48), 0, math.radians(-28))
    scene.collection.objects.link(ob)


def _mesh(person: Person, look: dict) -> bpy.types.Mesh:
    count = len(person.used)
    faces = [*person.faces, *([[count + i for i in f] for f in CUBE] if look["carries"] else [])]
    mesh = bpy.data.meshes.new(look["id"])
    mesh.from_pydata([(0, 0, 0)] * (count + (8 if look["carries"] else 0)), [], faces)
    cloth = {"rough": 0.9, "vary": 0.14, "scale": 3.0, "bump": 0.5}
    surfaces = {
        "skin": material("skin", look["skin"], rough=0.55), "hair": material("hair", look["hair"], rough=0.5, vary=0.3, scale=9.0),
        "top": material("top", look["top"], **cloth), "bottom": material("bottom", look["bottom"], **cloth),
        "shoe": material("shoe", look["shoes"], rough=0.5), "load": material("load", look["load"], rough=0.7),
    }  # fmt: skip
    for m in surfaces.values():
        mesh.materials.append(m)
    names = [*person.materials, *(["load"] * 6 if look["carries"] else [])]
    mesh.polygons.foreach_set("material_index", [list(surfaces).index(n) for n in names])
    mesh.polygons.foreach_set("use_smooth", [True] * len(names))
    return mesh


def _dressed(person: Person, pose: dict, look: dict) -> np.ndarray:
    v = person.posed(pose)
    if not look["carries"]:
        return v
    shift = v[:, 2].min() - 0.0
    size = look["height_m"] / 1.7
    if look["carries"] == "backpack":
        hips = person.joint("spine05")
        corner = np.array(BACKPACK) * size + [hips[0], hips[1] + 0.02, look["height_m"] * 0.56 + shift]
    else:
        hand = person.joint("wrist.R")
        feet = min(person.joint("foot.L")[2], person.joint("foot.R")[2])
        corner = np.array(BAG) * size + [hand[0], hand[1], hand[2] - feet + 0.08]
    return np.vstack([v, corner])


def _pixels(path: Path) -> np.ndarray:
    image = bpy.data.images.load(str(path))
    w, h = image.size
    pixels = np.empty(w * h * 4, np.float32)
    image.pixels.foreach_get(pixels)
    bpy.data.images.remove(image)
    return pixels.reshape(h, w, 4)[::-1]


def _save(pixels: np.ndarray, path: Path) -> None:
    h, w = pixels.shape[:2]
    image = bpy.data.images.new("sheet", w, h, alpha=True)
    image.pixels.foreach_set(np.ascontiguousarray(pixels[::-1]).ravel())
    image.filepath_raw, image.file_format = str(path), "PNG"
    image.save()
    bpy.data.images.remove(image)


main()
