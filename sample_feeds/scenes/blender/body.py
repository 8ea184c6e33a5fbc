"""The CC0 body: shapes, skeleton, clothes' colours and poses, as numpy arrays. Runs inside Blender (numpy only)."""

# mypy: ignore-errors
# Why: these run inside Blender, whose modules have no types, and find each other beside the script, not in a package.
from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np

SHIRT = ("spine", "clavicle", "shoulder", "upperarm", "breast")
TROUSERS = ("upperleg", "lowerleg", "pelvis", "root")


class Body:
    """The base mesh with its skeleton; `shape` morphs it into a person at rest."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        points, self.faces, self.groups, group = [], [], [], ""
        for line in (folder / "base.obj").read_text().splitlines():
            if line.startswith("v "):
                points.append([float(v) for v in line.split()[1:4]])
            elif line.startswith("g "):
                group = line.split()[1]
            elif line.startswith("f "):
                self.faces.append([int(v.split("/")[0]) - 1 for v in line.split()[1:]])
                self.groups.append(group)
        self.base = np.array(points)
        rig = json.loads((folder / "default.mhskel").read_text())
        self.bones, self.joints = rig["bones"], rig["joints"]
        self.order: list[str] = []
        for bone in self.bones:
            self._visit(bone)
        weights = json.loads((folder / "default_weights.mhw").read_text())["weights"]
        self.weights = {
            b: (np.array([w[0] for w in v], int), np.array([w[1] for w in v])) for b, v in weights.items() if v
        }
        best = np.zeros(len(self.base))
        self.owner = np.full(len(self.base), "", dtype=object)
        for bone, (at, weight) in self.weights.items():
            more = weight > best[at]
            self.owner[at[more]] = bone
            best[at[more]] = weight[more]
        self.skin_faces = [k for k, g in enumerate(self.groups) if g in ("body", "helper-l-eye", "helper-r-eye")]
        self.hair_faces = [k for k, g in enumerate(self.groups) if g == "helper-hair"]
        self.skirt_faces = [k for k, g in enumerate(self.groups) if g == "helper-skirt"]

    def _visit(self, bone: str) -> None:
        if bone not in self.order:
            if self.bones[bone]["parent"]:
                self._visit(self.bones[bone]["parent"])
            self.order.append(bone)

    def target(self, name: str) -> np.ndarray:
        moved = np.zeros_like(self.base)
        for line in (self.folder / f"{name}.target").read_text().splitlines():
            parts = line.split()
            if len(parts) == 4 and not line.startswith("#"):
                moved[int(parts[0])] = [float(v) for v in parts[1:]]
        return moved

    def region(self, bone: str, sleeves: bool) -> str:
        if "foot" in bone or "toe" in bone:
            return "shoe"
        if bone.startswith(TROUSERS):
            return "bottom"
        if bone.startswith(SHIRT) or (sleeves and bone.startswith("lowerarm")):
            return "top"
        return "skin"

    def person(self, look: dict) -> Person:
        return Person(self, look)


class Person:
    """One identity at rest: vertices, faces with their material, and how to pose them."""

    def __init__(self, body: Body, look: dict) -> None:
        self.body, self.look = body, look
        kind = f"{look['gender']}-{look['age']}"
        rest = (
            body.base
            + body.target(f"{look['body']}-{kind}")
            + body.target(f"universal-{kind}-averagemuscle-averageweight")
        )
        self.heads = {b: rest[body.joints[body.bones[b]["head"]]].mean(0) for b in body.bones}
        regions = np.array([body.region(b, look["sleeves"]) if b else "skin" for b in body.owner], dtype=object)
        normals = self._normals(rest)
        offset = {"top": 0.17, "bottom": 0.14, "shoe": 0.12, "skin": 0.0}
        skin = [i for k in body.skin_faces for i in body.faces[k]]
        low, high = rest[skin, 1].min(), rest[skin, 1].max()
        self.scale = look["height_m"] / (high - low)
        self.rest = rest + normals * np.array([offset[r] for r in regions])[:, None]
        centre = self.rest[skin].mean(0)
        trunk = np.array([r in ("top", "bottom") for r in regions])
        self.rest[trunk, 0] = centre[0] + (self.rest[trunk, 0] - centre[0]) * look["girth"]
        self.rest[trunk, 2] = centre[2] + (self.rest[trunk, 2] - centre[2]) * (2 * look["girth"] - 1)
        faces = [(k, self._material(k, regions, rest, high)) for k in body.skin_faces]
        faces += [(k, "hair") for k in body.hair_faces] if look["long_hair"] else []
        faces += [(k, "bottom") for k in body.skirt_faces] if look["skirt"] else []
        self.used = sorted({i for k, _ in faces for i in body.faces[k]})
        at = {v: i for i, v in enumerate(self.used)}
        self.faces = [[at[i] for i in body.faces[k]] for k, _ in faces]
        self.materials = [m for _, m in faces]

    def _normals(self, rest: np.ndarray) -> np.ndarray:
        total = np.zeros_like(rest)
        for k in self.body.skin_faces:
            f = self.body.faces[k]
            n = np.cross(rest[f[1]] - rest[f[0]], rest[f[2]] - rest[f[0]])
            total[f] += n / (np.linalg.norm(n) + 1e-9)
        return total / (np.linalg.norm(total, axis=1)[:, None] + 1e-9)

    def _material(self, face: int, regions: np.ndarray, rest: np.ndarray, top: float) -> str:
        f = self.body.faces[face]
        names = [regions[i] for i in f]
        kind = max(set(names), key=names.count)
        middle, head = rest[f].mean(0), self.heads["head"]
        if kind == "skin":
            scalp = middle[1] > top - 0.75 and not (middle[2] > head[2] + 0.75 and middle[1] < top - 0.45)
            nape = middle[1] > top - 1.6 and middle[2] < head[2] - 0.05 and self.body.owner[f[0]] in ("head", "neck03")
            return "hair" if scalp or nape else "skin"
        return str(kind)

    def posed(self, pose: dict[str, np.ndarray]) -> np.ndarray:
        """(n, 3) metres, z up, the soles on z = 0, facing south."""
        where: dict[str, np.ndarray] = {}
        for bone in self.body.order:
            head, turn = self.heads[bone], np.eye(4)
            if bone in pose:
                turn[:3, :3] = pose[bone]
                turn[:3, 3] = head - pose[bone] @ head
            parent = self.body.bones[bone]["parent"]
            where[bone] = where[parent] @ turn if parent else turn
        points = np.c_[self.rest, np.ones(len(self.rest))]
        out, total = np.zeros_like(self.rest), np.zeros(len(self.rest))
        for bone, (at, weight) in self.body.weights.items():
            out[at] += weight[:, None] * (points[at] @ where[bone].T)[:, :3]
            total[at] += weight
        done = total > 1e-6
        out[done] /= total[done][:, None]
        out[~done] = self.rest[~done]
        v = out[self.used] * self.scale
        v = np.c_[v[:, 0], -v[:, 2], v[:, 1]]
        v[:, 2] -= v[:, 2].min()
        self.last = where
        return v

    def joint(self, bone: str) -> np.ndarray:
        """Where a joint ends up in the last pose, in metres, up to the shift that puts the soles on the ground."""
        head = (self.last[bone] @ np.append(self.heads[bone], 1))[:3] * self.scale
        return np.array([head[0], -head[2], head[1]])


def _x(angle: float) -> np.ndarray:
    c, s = math.cos(angle), math.sin(angle)
    return np.array([[1, 0, 0], [0, c, -s], [0, s, c]])


def _y(angle: float) -> np.ndarray:
    c, s = math.cos(angle), math.sin(angle)
    return np.array([[c, 0, s], [0, 1, 0], [-s, 0, c]])


def _z(angle: float) -> np.ndarray:
    c, s = math.cos(angle), math.sin(angle)
    return np.array([[c, -s, 0], [s, c, 0], [0, 0, 1]])


def walking(phase: float, age: str, run: bool = False) -> dict[str, np.ndarray]:
    """The joints' turns at a phase (radians) of the stride."""
    r = math.radians
    swing = (38 if run else 24) * (0.75 if age == "old" else 1.0)
    fold = (88 if run else 52) * (0.8 if age == "old" else 1.0)
    elbow = 80 if run else 10
    pose = {}
    for side, offset, sign in (("L", 0.0, 1), ("R", math.pi, -1)):
        p = phase + offset
        hip = r(3 + swing * math.sin(p))
        knee = r(6 + fold * max(0, math.cos(p + 0.25)) ** 2 + 10 * max(0, math.sin(p - 0.3)))
        pose[f"upperleg01.{side}"] = _x(-hip)
        pose[f"lowerleg01.{side}"] = _x(knee)
        pose[f"foot.{side}"] = _x(-r(4) + 0.14 * (hip - knee))
        drop = _z(-sign * r(40))
        pose[f"upperarm01.{side}"] = _x(r((32 if run else 17) * math.sin(p))) @ drop
        pose[f"lowerarm01.{side}"] = drop.T @ _x(-r(elbow + 10 * max(0, -math.sin(p)))) @ drop
    pose["spine03"] = _y(r(5) * math.sin(phase))
    pose["spine05"] = _x(r(14 if age == "old" else 10 if run else 2))
    return pose


def standing(age: str) -> dict[str, np.ndarray]:
    pose = walking(0.0, age)
    for side in ("L", "R"):
        pose[f"upperleg01.{side}"] = _x(math.radians(-2))
        pose[f"lowerleg01.{side}"] = _x(math.radians(4))
        pose[f"foot.{side}"] = _x(math.radians(-2))
    return pose


def climbing(phase: float) -> dict[str, np.ndarray]:
    """Hands up at a fence, one knee raised, then the other."""
    pose = walking(phase, "young")
    for side, up, sign in (("L", phase < math.pi, 1), ("R", phase >= math.pi, -1)):
        pose[f"upperleg01.{side}"] = _x(math.radians(-95 if up else -8))
        pose[f"lowerleg01.{side}"] = _x(math.radians(95 if up else 15))
        pose[f"upperarm01.{side}"] = _x(math.radians(-150)) @ _z(-sign * math.radians(40))
    return pose
