"""Renders the empty place once per camera and light, with a map of depths. Runs inside Blender 3.4:

    blender -b --python-use-system-env -P plates.py -- JOB.json

The job: {"ground": file, "out": folder, "samples": n, "width", "height", "threads", "views": [{"name", "x", "y", "z",
"yaw", "pitch", "hfov", "lights": [...]}]}. Writes NAME.LIGHT.png and NAME.depth.npz (`depth` in cm along the camera's axis,
`kind` as in `KINDS`, `sun` 1 where the day's sun falls) per view.
"""

# mypy: ignore-errors
# Why: these run inside Blender, whose modules have no types, and find each other beside the script, not in a package.
from __future__ import annotations

import json
import math
import sys
import time
from pathlib import Path
from random import Random

import bpy
import numpy as np
from mathutils import Vector

sys.path.insert(0, str(Path(__file__).parent))
import place

KINDS = ("sky", "ground", "house", "leaf", "fence", "water", "pole", "other")
LAMPS = 5  # as many as light the view; more of them would only add noise
SUN = {"day": (42.0, 235.0), "dusk": (3.0, 262.0), "rain": (50.0, 200.0), "night": (10.0, 180.0), "ir": (10.0, 180.0)}


def main() -> None:
    job = json.loads(Path(sys.argv[sys.argv.index("--") + 1]).read_text())
    bpy.ops.wm.read_factory_settings(use_empty=True)
    lamps = place.build(json.loads(Path(job["ground"]).read_text()), Random(7))["lamps"]
    scene = bpy.context.scene
    scene.render.engine = "CYCLES"
    scene.cycles.samples = job["samples"]
    scene.cycles.use_adaptive_sampling = True
    scene.cycles.adaptive_threshold = 0.03
    scene.cycles.max_bounces = 4
    scene.cycles.sample_clamp_indirect = 4
    scene.cycles.use_denoising = False  # Debian builds Blender without a denoiser; the plates are cleaned later
    scene.render.resolution_x, scene.render.resolution_y = job["width"], job["height"]
    scene.render.threads_mode, scene.render.threads = "FIXED", job["threads"]
    scene.render.use_persistent_data = True
    scene.view_settings.view_transform = "Filmic"
    scene.view_settings.look = "Medium High Contrast"
    lens = bpy.data.cameras.new("camera")
    lens.sensor_fit = "HORIZONTAL"
    lens.clip_end = 900
    eye = bpy.data.objects.new("camera", lens)
    scene.collection.objects.link(eye)
    scene.camera = eye
    out = Path(job["out"])
    _passes(scene, out)
    for light in dict.fromkeys(light for view in job["views"] for light in view["lights"]):
        lamps_on = _lamp_objects(lamps)
        _light(scene, light)
        for view in job["views"]:
            if light not in view["lights"]:
                continue
            began = time.time()
            eye.location = (view["x"], view["y"], view["z"])
            eye.rotation_euler = (math.radians(90 - view["pitch"]), 0, -math.radians(view["yaw"]))
            lens.angle = math.radians(view["hfov"])
            _near_lamps(lamps_on, view, light)
            flash = _infrared(scene, eye) if light == "ir" else None
            scene.render.filepath = str(out / f"{view['name']}.{light}.png")
            bpy.ops.render.render(write_still=True)
            if flash:
                bpy.data.objects.remove(flash)
            depth = out / f"{view['name']}.depth.npz"
            if not depth.exists():
                bpy.context.view_layer.update()
                np.savez_compressed(depth, **_depths(scene, eye, out))
            print("plate", view["name"], light, f"{time.time() - began:.1f} s", flush=True)
        for lamp in lamps_on:
            bpy.data.objects.remove(lamp)


def _lamp_objects(lamps: list[tuple[float, float]]) -> list[bpy.types.Object]:
    made = []
    for x, y in lamps:
        data = bpy.data.lights.new("lamp", "SPOT")
        data.energy, data.color = 900.0, (1.0, 0.80, 0.52)
        data.spot_size, data.spot_blend, data.shadow_soft_size = math.radians(150), 0.6, 0.18
        lamp = bpy.data.objects.new("lamp", data)
        lamp.location = (x + 0.35, y + 0.35, 5.8)
        bpy.context.scene.collection.objects.link(lamp)
        made.append(lamp)
    return made


def _near_lamps(lamps: list[bpy.types.Object], view: dict, light: str) -> None:
    yaw = math.radians(view["yaw"])
    ahead = (view["x"] + 16 * math.sin(yaw), view["y"] + 16 * math.cos(yaw))
    nearest = sorted(lamps, key=lambda lamp: math.dist(lamp.location[:2], ahead))[:LAMPS]
    for lamp in lamps:
        lamp.hide_render = light not in ("night", "dusk") or lamp not in nearest
        lamp.data.energy = 900.0 if light == "night" else 350.0


def _infrared(scene: bpy.types.Scene, eye: bpy.types.Object) -> bpy.types.Object:
    data = bpy.data.lights.new("ir", "SPOT")
    data.energy, data.spot_size, data.spot_blend = 9000.0, math.radians(75), 0.9
    data.shadow_soft_size = 0.04
    flash = bpy.data.objects.new("ir", data)
    flash.location = eye.location + Vector((0, 0, 0.12))
    flash.rotation_euler = eye.rotation_euler
    scene.collection.objects.link(flash)
    return flash


def _light(scene: bpy.types.Scene, light: str) -> None:
    world = bpy.data.worlds.new(light)
    scene.world = world
    world.use_nodes = True
    nodes, links = world.node_tree.nodes, world.node_tree.links
    background = nodes["Background"]
    if light in ("day", "dusk"):
        sky = nodes.new("ShaderNodeTexSky")
        sky.sky_type = "NISHITA"
        elevation, bearing = SUN[light]
        sky.sun_elevation, sky.sun_rotation = math.radians(elevation), math.radians(bearing)
        sky.sun_intensity = 0.35 if light == "day" else 0.15
        sky.dust_density = 2.5
        links.new(sky.outputs[0], background.inputs[0])
        background.inputs[1].default_value = 0.14 if light == "day" else 0.22
    else:
        colour, strength = {"rain": ((0.62, 0.68, 0.75), 0.75), "night": ((0.09, 0.11, 0.19), 0.10), "ir": ((0.3, 0.3, 0.3), 0.02)}[light]  # fmt: skip
        background.inputs[0].default_value = (*colour, 1)
        background.inputs[1].default_value = strength
    scene.view_settings.exposure = {"day": 0.0, "dusk": 0.7, "rain": 0.1, "night": 1.0, "ir": 0.6}[light]
    after_dark = {"night": 1.0, "dusk": 0.7, "ir": 0.12}.get(light, 0.0)
    for m in bpy.data.materials:
        if not m.use_nodes or "Principled BSDF" not in m.node_tree.nodes:
            continue
        b = m.node_tree.nodes["Principled BSDF"]
        m.cycles.sample_as_light = (
            False  # thousands of small panes: their glow is seen, their light is not worth its noise
        )
        if m.name == "lamp-head":
            b.inputs["Emission Strength"].default_value = 14 * after_dark
        elif m.name in ("lit-window", "shop-light"):
            b.inputs["Emission Strength"].default_value = (0.5 if m.name == "lit-window" else 0.75) * after_dark
        elif m.name.startswith("sign-"):
            b.inputs["Emission Strength"].default_value = 1.0 * after_dark
        elif m.name in ("asphalt", "paving", "path"):
            b.inputs["Roughness"].default_value = 0.28 if light == "rain" else 0.88


def _passes(scene: bpy.types.Scene, out: Path) -> None:
    """Depth and the kind of object, as Cycles' own passes, written beside each picture."""
    layer = scene.view_layers[0]
    layer.use_pass_z = layer.use_pass_object_index = True
    for ob in bpy.data.objects:
        ob.pass_index = next((k for k, name in enumerate(KINDS) if ob.name.startswith(name)), len(KINDS) - 1)
    scene.use_nodes = True
    tree = scene.node_tree
    source = next(n for n in tree.nodes if n.type == "R_LAYERS")
    target = tree.nodes.new("CompositorNodeOutputFile")
    target.base_path = str(out)
    target.format.file_format, target.format.color_mode, target.format.color_depth = "OPEN_EXR", "RGB", "32"
    target.file_slots.clear()
    for slot, name in (("depth", "Depth"), ("kind", "IndexOB")):
        target.file_slots.new(slot)
        tree.links.new(source.outputs[name], target.inputs[slot])


def _read(path: Path, width: int, height: int) -> np.ndarray:
    image = bpy.data.images.load(str(path))
    image.colorspace_settings.name = "Non-Color"
    pixels = np.empty(width * height * 4, np.float32)
    image.pixels.foreach_get(pixels)
    bpy.data.images.remove(image)
    path.unlink()
    return pixels.reshape(height, width, 4)[::-1, :, 0]


def _depths(scene: bpy.types.Scene, eye: bpy.types.Object, out: Path) -> dict[str, np.ndarray]:
    """`depth`: cm along the camera's axis; `kind`: a row of `KINDS`; `sun`: a coarse map of where the day's sun falls."""
    width, height, frame = scene.render.resolution_x, scene.render.resolution_y, scene.frame_current
    depth = _read(out / f"depth{frame:04d}.exr", width, height)
    kind = _read(out / f"kind{frame:04d}.exr", width, height)
    graph = bpy.context.evaluated_depsgraph_get()
    turn, tan = eye.matrix_world.to_3x3(), math.tan(eye.data.angle / 2)
    elevation, bearing = (math.radians(v) for v in SUN["day"])
    sun = Vector(
        (math.sin(bearing) * math.cos(elevation), math.cos(bearing) * math.cos(elevation), math.sin(elevation))
    )
    lit = np.zeros((height // 4, width // 4), np.uint8)
    for row, col in np.ndindex(*lit.shape):
        x, y = (col * 4 + 2 - width / 2) / (width / 2) * tan, (height / 2 - row * 4 - 2) / (width / 2) * tan
        way = (turn @ Vector((x, y, -1.0))).normalized()
        hit, where, *_ = scene.ray_cast(graph, eye.location, way)
        lit[row, col] = hit and not scene.ray_cast(graph, where - way * 0.02, sun)[0]
    return {
        "depth": np.clip(depth * 100, 0, 65535).astype(np.uint16), "kind": kind.round().astype(np.uint8), "sun": lit,
    }  # fmt: skip


main()
