"""The body on which clothes are made: a finer mesh of its skin, and where on it limbs, face and feet lie."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import scipy.sparse
from numpy.typing import NDArray

from maquette.geometry.mesh import adjacency
from maquette.synthesis.anatomy.anny import Body, load_body

LONGEST_M = 0.021  # edges of the finer mesh, about; folds of 4 cm need it
ROUNDS = 2
GIRTH = {"trunk": 0.15, "arm": 0.05, "leg": 0.08}  # metres of cloth per radian round each part
FACE = {"eye": (0.031, 0.902, 0.130), "mouth": (0.0, 0.833, 0.143), "brow": (0.034, 0.921, 0.13)}


@dataclass(frozen=True, eq=False)
class BodyMesh:
    """The skin's closed surface, finer than the body model's, and fields given on the average body in its rest pose.

    Attributes:
        body: the body model.
        spread: (V, V0) float32 sparse, from the body's vertices to these.
        faces: (F, 3) int32, closed.
        mean: (V, V) float32 sparse, the mean of the neighbours.
        rest: (V, 3) metres, the average body.
        arms: (V,) 0-1, how much a place belongs to an arm. head: the same of the head and neck.
        along_arm: (V,) 0 at the shoulder, 0.5 at the elbow, 1 at the wrist.
        down_leg: (V,) 0 at the hip, 1 at the ankle. waist: (V,) metres above the hip.
        neck, scalp, foot: (V,) metres, positive below the neckline, where hair grows, where shoes are.
        cloth: (V, 2) metres across and up a garment: round each limb, and along it.
        lips, brows, sockets, cheeks: (V,) 0-1, parts of the face.
    """

    body: Body
    spread: scipy.sparse.csr_matrix
    faces: NDArray
    mean: scipy.sparse.csr_matrix
    rest: NDArray
    arms: NDArray
    head: NDArray
    along_arm: NDArray
    down_leg: NDArray
    waist: NDArray
    neck: NDArray
    scalp: NDArray
    foot: NDArray
    cloth: NDArray
    lips: NDArray
    brows: NDArray
    sockets: NDArray
    cheeks: NDArray

    def smoothed(self, vertices: NDArray, near: NDArray, rounds: int) -> NDArray:
        """(V, 3) where `near` (V,) smoothed: toes vanish in shoes, cloth spans hollows."""
        if not near.any() or not rounds:
            return vertices
        mean, out = self.mean[near], vertices.copy()
        for _ in range(rounds):
            out[near] = mean @ out
        return out


@lru_cache(maxsize=1)
def load_body_mesh() -> BodyMesh:
    """The body mesh; made once per process (half a second)."""
    body = load_body()
    rest, joints = body.rest(body.coefficients({"age": 0.7}))
    spread, faces = scipy.sparse.identity(len(rest), dtype=np.float32, format="csr"), body.faces[: body.skin_faces]
    for _ in range(ROUNDS):
        more, faces = _refined(spread @ rest, faces)
        spread = (more @ spread).tocsr()
    rest = spread @ rest
    graph = adjacency(faces, len(rest))
    degree = np.maximum(np.asarray(graph.sum(axis=1)).ravel(), 1)
    mean = (scipy.sparse.diags(1 / degree) @ graph).astype(np.float32).tocsr()
    return BodyMesh(body, spread, faces, mean, rest, **_limbs(body, spread, mean, rest, joints), **_face(rest))


def _refined(vertices: NDArray, faces: NDArray) -> tuple[scipy.sparse.csr_matrix, NDArray]:
    """Halve every edge longer than LONGEST_M: a matrix to the new vertices, and the faces, without gaps."""
    corners = np.sort(np.stack([faces, np.roll(faces, -1, axis=1)], axis=2), axis=2)  # edge k: corner k to k + 1
    keys = corners[..., 0].astype(np.int64) * len(vertices) + corners[..., 1]
    unique, index = np.unique(keys, return_inverse=True)
    a, b = unique // len(vertices), unique % len(vertices)
    split = np.linalg.norm(vertices[a] - vertices[b], axis=1) > LONGEST_M
    place = np.where(split, len(vertices) + np.cumsum(split) - 1, -1)
    middle = place[index.reshape(keys.shape)]
    out, count = [], (middle >= 0).sum(axis=1)
    out.append(faces[count == 0])
    whole = count == 3
    (a0, b0, c0), (ab, bc, ca) = faces[whole].T, middle[whole].T
    out += [np.stack(t, axis=1) for t in ((a0, ab, ca), (b0, bc, ab), (c0, ca, bc), (ab, bc, ca))]
    for first in range(3):  # turned so that the one halved edge, or the one left whole, comes first
        turn = [(first + k) % 3 for k in range(3)]
        one = (count == 1) & (middle[:, first] >= 0)
        (a0, b0, c0), ab = faces[one][:, turn].T, middle[one, first]
        out += [np.stack(t, axis=1) for t in ((a0, ab, c0), (ab, b0, c0))]
        two = (count == 2) & (middle[:, first] < 0)
        (a0, b0, c0), (_, bc, ca) = faces[two][:, turn].T, middle[two][:, turn].T
        out += [np.stack(t, axis=1) for t in ((a0, b0, bc), (a0, bc, ca), (ca, bc, c0))]
    a, b = a[split], b[split]
    old, new = np.arange(len(vertices)), len(vertices) + np.arange(len(a))
    rows, columns = np.concatenate([old, new, new]), np.concatenate([old, a, b])
    values = np.concatenate([np.ones(len(old)), np.full(2 * len(a), 0.5)]).astype(np.float32)
    matrix = scipy.sparse.csr_matrix((values, (rows, columns)), (len(old) + len(a), len(old)))
    return matrix, np.concatenate(out).astype(np.int32)


def _limbs(
    body: Body, spread: scipy.sparse.csr_matrix, mean: scipy.sparse.csr_matrix, rest: NDArray, joints: NDArray
) -> dict[str, NDArray]:
    at = {name: joints[k] for k, name in enumerate(body.bones)}

    def share(*starts: str) -> NDArray:
        bones = np.array([name.startswith(starts) for name in body.bones])
        return spread @ (body.bone_weight * bones[body.bone_index]).sum(axis=1)

    def along(first: str, last: str) -> NDArray:
        """0 at the first joint, 1 at the last, on both sides."""
        out = np.zeros(len(rest))
        for side, sign in (("L", 1), ("R", -1)):
            a, b = at[f"{first}.{side}"], at[f"{last}.{side}"]
            out = np.where(sign * rest[:, 0] > 0, (rest - a) @ (b - a) / ((b - a) @ (b - a)), out)
        return out

    hips, ankle, head = at["upperleg01.L"], at["foot.L"], at["head"]
    arms = share("upperarm", "lowerarm", "wrist", "finger", "metacarpal")
    for _ in range(6):
        arms = mean @ arms
    along_arm = 0.5 * np.clip(along("upperarm01", "lowerarm01"), None, 1)
    along_arm += 0.5 * np.clip(along("lowerarm01", "wrist"), 0, None)
    _, y, z = (rest - head).T
    down_leg = (hips[1] - rest[:, 1]) / (hips[1] - ankle[1])
    return {
        "arms": arms,
        "head": share(
            "head", "neck", "jaw", "tongue", "oris", "levator", "temporalis", "orbicularis", "risorius", "eye"
        ),
        "along_arm": along_arm,
        "down_leg": down_leg,
        "waist": rest[:, 1] - hips[1],
        "neck": at["neck01"][1] + 0.012 - rest[:, 1] + 0.25 * (rest[:, 2] < 0) * rest[:, 2],
        # Above a slanting plane from the forehead to the nape, free of the ears.
        "scalp": np.minimum(y - 0.075 - 0.75 * (z - 0.03), 0.6 * (y + 0.02) - z + 0.02),
        "foot": ankle[1] - 0.005 - rest[:, 1],
        "cloth": _cloth(rest, at, arms, along_arm, down_leg),
    }


def _cloth(rest: NDArray, at: dict[str, NDArray], arms: NDArray, along_arm: NDArray, down_leg: NDArray) -> NDArray:
    side = np.where(rest[:, 0] > 0, 1.0, -1.0)
    round_trunk = np.arctan2(rest[:, 0], rest[:, 2] - 0.01)
    out = np.stack([GIRTH["trunk"] * round_trunk, rest[:, 1]], axis=1)
    share = np.clip(down_leg, 0, 1)
    axis_x = at["upperleg01.L"][0] + share * (at["foot.L"][0] - at["upperleg01.L"][0])
    leg = np.arctan2(rest[:, 2] - 0.02, side * rest[:, 0] - axis_x)  # the seam lies inside the leg
    on_leg = (down_leg > 0.12) & (arms < 0.5)
    out[on_leg, 0] = (side * GIRTH["leg"] * leg)[on_leg]
    a, b = at["upperarm01.L"], at["wrist.L"]
    off = rest * np.stack([side, np.ones_like(side), np.ones_like(side)], axis=1) - a
    way = (b - a) / np.linalg.norm(b - a)
    off = off - (off @ way)[:, None] * way
    up = np.array([0.0, 1, 0]) - way[1] * way
    up /= np.linalg.norm(up)
    arm = np.arctan2(off @ np.cross(way, up), off @ up)  # the seam lies below the arm
    on_arm = arms > 0.5
    out[on_arm] = np.stack([side * GIRTH["arm"] * arm, 0.55 * along_arm], axis=1)[on_arm]
    return out.astype(np.float32)


def _face(rest: NDArray) -> dict[str, NDArray]:
    x, y, z = np.abs(rest[:, 0]), rest[:, 1], rest[:, 2]
    front = (z > 0.085).astype(float)

    def spot(at: tuple[float, float, float], wide: float, high: float) -> NDArray:
        """0-1, falling off softly from an ellipse's middle; the same on both sides."""
        return front * np.clip(1.6 - np.hypot((x - at[0]) / wide, (y - at[1]) / high), 0, 0.6) / 0.6

    return {
        "lips": spot(FACE["mouth"], 0.024, 0.0085),
        "brows": spot(FACE["brow"], 0.019, 0.0045),
        "sockets": spot(FACE["eye"], 0.021, 0.0095),
        "cheeks": spot((0.045, 0.868, 0.1), 0.03, 0.025),
    }
