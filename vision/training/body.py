"""A parametric body: base mesh, shapes, skeleton, poses. Only numpy, so that it also runs inside Blender.

Units are the base mesh's (decimetres, y up, z forward) until `Person.posed`, which gives metres with z up.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

Vectors = NDArray[np.float64]
Pose = Mapping[str, Vectors]
"""The rotation (3×3, about the bone's own head, in axes of the mesh) of each bone that is not at rest."""

AGES = ("child", "young", "old")
KINDS = ("asian", "caucasian", "african")
REGIONS = ("skin", "hair", "torso", "upper_sleeve", "lower_sleeve", "upper_leg", "lower_leg", "shoe", "skirt")
_GAP_OF_CLOTH = {"torso": 0.16, "upper_sleeve": 0.15, "lower_sleeve": 0.1, "upper_leg": 0.13, "lower_leg": 0.12}


def turn(axis: str, degrees: float) -> Vectors:
    """The right-handed rotation about one axis of the mesh."""
    c, s = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    rows = {
        "x": [[1, 0, 0], [0, c, -s], [0, s, c]],
        "y": [[c, 0, s], [0, 1, 0], [-s, 0, c]],
        "z": [[c, -s, 0], [s, c, 0], [0, 0, 1]],
    }
    return np.array(rows[axis], dtype=np.float64)


def _bent(sign: int, degrees: float) -> Vectors:
    """An elbow: bent about the axis that the hanging arm has, though the mesh rests with its arms spread."""
    hanging = turn("z", -sign * 40)
    return hanging.T @ turn("x", -degrees) @ hanging


def gait(phase: float, stride: float, *, run: bool = False) -> dict[str, Vectors]:
    """One moment of a walk or a run. `phase` in radians (2π is two steps), `stride` 0 (standing) to about 1.3."""
    pose: dict[str, Vectors] = {}
    for side, sign, offset in (("L", 1, 0.0), ("R", -1, math.pi)):
        p = phase + offset
        swing, lift = math.sin(p), max(0.0, math.cos(p + 0.25)) ** 2
        hip = 3 + (36 if run else 24) * stride * swing
        knee = 6 + ((85 if run else 52) * lift + 10 * max(0.0, math.sin(p - 0.3))) * stride
        elbow = 80.0 if run else 8 + 10 * stride * max(0.0, -swing)
        pose[f"upperleg01.{side}"] = turn("x", -hip)
        pose[f"lowerleg01.{side}"] = turn("x", knee)
        pose[f"foot.{side}"] = turn("x", -4 + 0.14 * (hip - knee))
        pose[f"upperarm01.{side}"] = turn("x", (30 if run else 17) * stride * swing) @ turn("z", -sign * 40)
        pose[f"lowerarm01.{side}"] = _bent(sign, elbow)
    pose["spine03"] = turn("y", 5 * math.sin(phase) * stride)
    pose["spine05"] = turn("x", 12 if run else 2)
    return pose


def reach(pose: dict[str, Vectors], side: str, *, forward: float, out: float, elbow: float) -> None:
    """Lifts one arm: to a phone, to carry, to wave. Degrees from hanging."""
    sign = 1 if side == "L" else -1
    pose[f"upperarm01.{side}"] = turn("x", -forward) @ turn("z", -sign * (40 - out))
    pose[f"lowerarm01.{side}"] = _bent(sign, elbow)


def crouch(pose: dict[str, Vectors], depth: float) -> None:
    """Bends hips, knees and back; `depth` 0 (upright) to 1 (squatting)."""
    for side in "LR":
        pose[f"upperleg01.{side}"] = turn("x", -95 * depth)
        pose[f"lowerleg01.{side}"] = turn("x", 125 * depth)
        pose[f"foot.{side}"] = turn("x", -30 * depth)
    pose["spine05"] = turn("x", 30 * depth)


class Body:
    """What all people share: the mesh, its groups, the skeleton and how it pulls the skin."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        vertices: list[list[float]] = []
        self.faces: list[list[int]] = []
        self.groups: list[str] = []
        group = ""
        for line in (folder / "base.obj").read_text().splitlines():
            kind, _, rest = line.partition(" ")
            if kind == "v":
                vertices.append([float(x) for x in rest.split()[:3]])
            elif kind == "g":
                group = rest.strip()
            elif kind == "f":
                self.faces.append([int(corner.split("/")[0]) - 1 for corner in rest.split()])
                self.groups.append(group)
        self.rest = np.array(vertices)
        skeleton = json.loads((folder / "default.mhskel").read_text())
        self._bones = skeleton["bones"]
        self._joints = skeleton["joints"]
        weights = json.loads((folder / "default_weights.mhw").read_text())["weights"]
        self._weights = {
            bone: (np.array([int(i) for i, _ in pairs]), np.array([w for _, w in pairs]))
            for bone, pairs in weights.items()
            if pairs
        }
        self._order = self._parents_first()
        self.body_faces = [k for k, g in enumerate(self.groups) if g in {"body", "helper-l-eye", "helper-r-eye"}]
        self.hair_faces = [k for k, g in enumerate(self.groups) if g == "helper-hair"]
        self.skirt_faces = [k for k, g in enumerate(self.groups) if g == "helper-skirt"]
        self._dominant = self._dominant_bones()

    def _parents_first(self) -> list[str]:
        order: list[str] = []

        def visit(bone: str) -> None:
            parent = self._bones[bone]["parent"]
            if bone not in order:
                if parent:
                    visit(parent)
                order.append(bone)

        for bone in self._bones:
            visit(bone)
        return order

    def _dominant_bones(self) -> list[str]:
        names, best = [""] * len(self.rest), np.zeros(len(self.rest))
        for bone, (indices, weights) in self._weights.items():
            for i, w in zip(indices, weights, strict=True):
                if w > best[i]:
                    names[i], best[i] = bone, w
        return names

    def target(self, name: str) -> Vectors:
        """The offsets of one shape; shape (vertices, 3)."""
        offsets = np.zeros_like(self.rest)
        for line in (self.folder / f"{name}.target").read_text().splitlines():
            parts = line.split()
            if len(parts) == 4 and not line.startswith("#"):
                offsets[int(parts[0])] = [float(x) for x in parts[1:]]
        return offsets

    def shapes(self) -> list[tuple[str, str, str]]:
        """(kind, sex, age) of every shape that the folder has; not every combination is there."""
        return [
            (kind, sex, age)
            for kind in KINDS
            for sex in ("female", "male")
            for age in AGES
            if (self.folder / f"{kind}-{sex}-{age}.target").exists()
        ]

    def heads(self, rest: Vectors) -> dict[str, Vectors]:
        """Where each bone begins in a shaped mesh."""
        return {bone: rest[self._joints[self._bones[bone]["head"]]].mean(axis=0) for bone in self._bones}

    def skin(self, rest: Vectors, heads: Mapping[str, Vectors], pose: Pose) -> tuple[Vectors, dict[str, Vectors]]:
        """Linear blend skinning: the posed vertices, and each bone's 4×4 matrix."""
        matrices: dict[str, Vectors] = {}
        for bone in self._order:
            local = np.eye(4)
            if bone in pose:
                local[:3, :3] = pose[bone]
                local[:3, 3] = heads[bone] - pose[bone] @ heads[bone]
            parent = self._bones[bone]["parent"]
            matrices[bone] = matrices[parent] @ local if parent else local
        homogeneous = np.c_[rest, np.ones(len(rest))]
        posed, total = np.zeros_like(rest), np.zeros(len(rest))
        for bone, (indices, weights) in self._weights.items():
            posed[indices] += weights[:, None] * (homogeneous[indices] @ matrices[bone].T)[:, :3]
            total[indices] += weights
        pulled = total > 1e-6
        posed[pulled] /= total[pulled][:, None]
        posed[~pulled] = rest[~pulled]
        return posed, matrices

    def region(self, vertex: int) -> str:
        """Which piece of clothing covers a vertex."""
        bone = self._dominant[vertex]
        for part, keys in (
            ("shoe", ("foot", "toe")),
            ("lower_leg", ("lowerleg",)),
            ("upper_leg", ("upperleg", "pelvis", "root")),
            ("lower_sleeve", ("lowerarm",)),
            ("upper_sleeve", ("upperarm",)),
            ("torso", ("spine", "clavicle", "shoulder", "breast")),
        ):
            if any(key in bone for key in keys):
                return part
        return "skin"

    def in_head(self, vertex: int) -> bool:
        return self._dominant[vertex] in {"head", "neck03"}


@dataclass(frozen=True)
class Person:
    """A shaped body, ready to be posed."""

    body: Body
    rest: Vectors
    heads: Mapping[str, Vectors]
    faces: list[list[int]]
    """Indices into `vertices`."""
    regions: list[str]
    """What covers each face, of `REGIONS`."""
    vertices: NDArray[np.int64]
    """The vertices of the whole mesh that are used."""
    metres_per_unit: float

    def posed(self, pose: Pose, heading: float) -> tuple[Vectors, dict[str, Vectors]]:
        """Vertices in metres (x right, y away, z up), feet on z = 0, and where the bones' heads came to lie.

        `heading` in degrees about the vertical; 0 faces −y.
        """
        moved, matrices = self.body.skin(self.rest, self.heads, pose)
        joints = np.array([(matrices[b] @ np.append(h, 1.0))[:3] for b, h in self.heads.items()])
        both = np.r_[moved[self.vertices], joints] * self.metres_per_unit
        both = np.c_[both[:, 0], -both[:, 2], both[:, 1]] @ turn("z", heading).T
        both[:, 2] -= both[: len(self.vertices), 2].min()
        posed, ends = both[: len(self.vertices)], both[len(self.vertices) :]
        return posed, dict(zip(self.heads, ends, strict=True))


def shaped(body: Body, shape: Mapping[str, float], height: float, *, long_hair: bool, skirt: bool) -> Person:
    """A person of a height in metres from a weighted mix of shapes (the name of a target → weight)."""
    rest = body.rest.copy()
    for name, weight in shape.items():
        rest += weight * body.target(name)
    heads = body.heads(rest)
    chosen = body.body_faces + (body.skirt_faces if skirt else []) + (body.hair_faces if long_hair else [])
    normals = _normals(rest, [body.faces[k] for k in body.body_faces])
    covers = [body.region(i) for i in range(len(rest))]
    bare = [i for k in body.body_faces for i in body.faces[k]]
    top, bottom = rest[bare, 1].max(), rest[bare, 1].min()
    regions = []
    for k in chosen:
        corners = body.faces[k]
        if body.groups[k] == "helper-hair":
            regions.append("hair")
        elif body.groups[k] == "helper-skirt":
            regions.append("skirt")
        else:
            parts = [covers[i] for i in corners]
            part = max(sorted(set(parts)), key=parts.count)
            centre = rest[corners].mean(axis=0)
            if part == "skin" and body.in_head(corners[0]):
                forehead = centre[2] > heads["head"][2] + 0.75 and centre[1] < top - 0.45
                if (centre[1] > top - 0.75 and not forehead) or (
                    centre[1] > top - 1.6 and centre[2] < heads["head"][2] - 0.05
                ):
                    part = "hair"
            regions.append(part)
    rest = rest + normals * np.array([_GAP_OF_CLOTH.get(c, 0.0) for c in covers])[:, None]
    vertices = np.array(sorted({i for k in chosen for i in body.faces[k]}))
    place = {int(v): i for i, v in enumerate(vertices)}
    return Person(
        body=body,
        rest=rest,
        heads=heads,
        faces=[[place[i] for i in body.faces[k]] for k in chosen],
        regions=regions,
        vertices=vertices,
        metres_per_unit=height / float(top - bottom),
    )


def _normals(rest: Vectors, faces: list[list[int]]) -> Vectors:
    corners = np.array([f[:3] for f in faces])
    across = np.cross(rest[corners[:, 1]] - rest[corners[:, 0]], rest[corners[:, 2]] - rest[corners[:, 0]])
    across /= np.linalg.norm(across, axis=1)[:, None] + 1e-9
    normals = np.zeros_like(rest)
    for face, normal in zip(faces, across, strict=True):
        normals[face] += normal
    result: Vectors = normals / (np.linalg.norm(normals, axis=1)[:, None] + 1e-9)
    return result
