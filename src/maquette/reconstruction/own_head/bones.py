"""How a surface follows the bones of the body inside it: weights, a rest pose with arms out, turns from there."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import scipy.sparse
from numpy.typing import NDArray
from scipy.spatial import cKDTree
from scipy.spatial.transform import Rotation

from maquette.geometry.mesh import adjacency
from maquette.morphable.rig import Rig

INFLUENCES = 4
NEAREST = 8  # points of the body whose weights a point of the surface takes
CLOSE_M = 0.01  # points of the body as near as that count alike
EVEN_ROUNDS, EVEN = 16, 0.6  # how often, and how far, neighbours on the surface even their weights out
LOOSE_M, LOOSE_ROUNDS = 0.05, 120  # cloth that far from the body hangs between what it hangs on
SQUASHED = 0.25  # volume below which a blend of turns is undone by its strongest bone alone
ARMS = (("upperarm01.{}", "lowerarm01.{}"), ("lowerarm01.{}", "wrist.{}"), ("wrist.{}", "finger3-1.{}"))
NECK, CHEST, SHOULDERS = ("neck", "head"), "spine01", ("clavicle", "shoulder", "upperarm")
NECK_SHARE = 0.3  # of the weight, from which on a point counts as of the neck
SIDES = {"L": 1.0, "R": -1.0}
Leaps = Callable[[NDArray, NDArray], NDArray]


def whole_weights(rig: Rig) -> scipy.sparse.csr_matrix:
    """(V, B) how far each vertex of the body follows each bone; rows sum to 1."""
    count, most = rig.bone_index.shape
    rows = np.repeat(np.arange(count), most)
    shape = (count, len(rig.bones))
    return scipy.sparse.coo_matrix((rig.bone_weight.ravel(), (rows, rig.bone_index.ravel())), shape).tocsr()


def inherited(
    points: NDArray, faces: NDArray, body: NDArray, rig: Rig, touching: tuple[NDArray, Leaps] | None = None
) -> NDArray:
    """(V, B) float32 how far points of a surface follow the bones: as the body next to them, evened out.

    Args:
        points: (V, 3) metres, in the body's pose. faces: (F, 3) of the surface.
        body: (W, 3) metres, the posed vertices of the body.
        touching: (W, 3) the same at rest, and which distances, at rest and in the pose, part points that only touch.
    """
    away, near = map(np.asarray, cKDTree(body).query(points, k=NEAREST))
    share = 1 / (away**2 + CLOSE_M**2)
    if touching is not None:
        far = [np.linalg.norm(one[near] - one[near[:, :1]], axis=2) for one in (touching[0], body)]
        share[touching[1](far[0], far[1])] = 0
    share /= share.sum(axis=1, keepdims=True)
    rows = np.repeat(np.arange(len(points)), NEAREST)
    blend = scipy.sparse.coo_matrix((share.ravel(), (rows, near.ravel())), (len(points), len(body))).tocsr()
    weight = np.asarray((blend @ whole_weights(rig)).todense(), np.float32)
    links = adjacency(faces, len(points)).astype(np.float32)
    count = np.maximum(np.asarray(links.sum(axis=1)), 1)
    for _ in range(EVEN_ROUNDS):
        weight += EVEN * (np.asarray(links @ weight) / count - weight)
    weight = _hanging(weight, links, np.flatnonzero(away[:, 0] > LOOSE_M))
    return weight / weight.sum(axis=1, keepdims=True)


def _hanging(weight: NDArray, links: scipy.sparse.csr_matrix, loose: NDArray) -> NDArray:
    """(V, B) the weights of the vertices `loose` (n,), evened out along the surface between those that are not."""
    near = np.union1d(loose, links[loose].indices)
    used = np.flatnonzero(weight[near].max(axis=0, initial=0) > 0)
    part, inner = weight[np.ix_(near, used)], np.searchsorted(near, loose)
    beside = links[loose][:, near]
    count = np.maximum(np.asarray(beside.sum(axis=1)), 1)
    for _ in range(LOOSE_ROUNDS if len(loose) else 0):
        part[inner] += EVEN * (np.asarray(beside @ part) / count - part[inner])
    out = weight.copy()
    out[np.ix_(near, used)] = part
    return out


def without_shoulders(weight: NDArray, rig: Rig) -> NDArray:
    """(V, B) of such weights: what follows the neck follows the chest instead of the shoulders, as lifted arms show."""
    neck, shoulders = (np.array([name.startswith(some) for name in rig.bones]) for some in (NECK, SHOULDERS))
    fade = np.clip(weight[:, neck].sum(axis=1) / NECK_SHARE, 0, 1)
    fade = fade * fade * (3 - 2 * fade)
    out = weight.copy()
    out[:, shoulders] *= (1 - fade)[:, None]
    out[:, rig.bones.index(CHEST)] += weight.sum(axis=1) - out.sum(axis=1)
    return out


def strongest(weight: NDArray) -> tuple[NDArray, NDArray]:
    """(V, 4) int32 bones and (V, 4) float32 weights that sum to 1, strongest first, of weights (V, B).

    The fifth is taken off all: neighbours of which other bones are the strongest would part if it were cut off.
    """
    order = np.argsort(-weight, axis=1, kind="stable")[:, : INFLUENCES + 1].astype(np.int32)
    index, ranked = order[:, :INFLUENCES], np.take_along_axis(weight, order, axis=1).astype(np.float64)
    kept = ranked[:, :INFLUENCES] - ranked[:, INFLUENCES:] + 1e-9
    kept[kept < 1e-6 * kept[:, :1]] = 0
    kept /= kept.sum(axis=1, keepdims=True)
    return np.where(kept > 0, index, 0).astype(np.int32), kept.astype(np.float32)


@dataclass(frozen=True, eq=False)
class Rest:
    """The rest pose with arms held out sideways.

    Attributes:
        turns: (B, 3, 3) total turn of each bone from the body's own rest pose. joints: (B, 3) metres.
    """

    turns: NDArray
    joints: NDArray

    def rotations(self, rig: Rig, totals: NDArray) -> NDArray:
        """(B, 3, 3) for `Rig.transforms` from here, of the bones' total turns (B, 3, 3) from the body's own rest."""
        ours = totals @ self.turns.transpose(0, 2, 1)
        parents = np.maximum(rig.parents, 0)
        local: NDArray = ours[parents].transpose(0, 2, 1) @ ours
        local[rig.parents < 0] = ours[rig.parents < 0]
        return local


def total_turns(rig: Rig, rotations: NDArray) -> NDArray:
    """(B, 3, 3) total turn of each bone, of rotations (B, 3, 3) as in `Rig.transforms`."""
    out = np.empty_like(rotations)
    for bone, parent in enumerate(rig.parents):
        out[bone] = rotations[bone] if parent < 0 else out[parent] @ rotations[bone]
    return out


def arms_out(rig: Rig, joints: NDArray) -> Rest:
    """The rest pose with straight arms held out sideways, palms as they are, of rest joints (B, 3) metres."""
    number = {name: index for index, name in enumerate(rig.bones)}
    turns = np.tile(np.eye(3), (len(joints), 1, 1))
    for side, outward in SIDES.items():
        for first, second in ARMS:
            bone, end = number[first.format(side)], number[second.format(side)]
            along = joints[end].astype(float) - joints[bone]
            turn = Rotation.align_vectors([[outward, 0, 0]], [along / np.linalg.norm(along)])[0].as_matrix()
            for follower in _branch(rig, bone):
                turns[follower] = turn
    rotations = np.stack([turns[k] if p < 0 else turns[p].T @ turns[k] for k, p in enumerate(rig.parents)])
    moves = rig.transforms(joints.astype(float), rotations)
    return Rest(turns, np.einsum("bxy,by->bx", moves[..., :3], joints) + moves[..., 3])


def _branch(rig: Rig, bone: int) -> list[int]:
    """A bone and all that hang on it."""
    found = [bone]
    for child in range(bone + 1, len(rig.bones)):
        if rig.parents[child] in found:
            found.append(child)
    return found


def blended_moves(index: NDArray, weight: NDArray, moves: NDArray) -> NDArray:
    """(V, 3, 4) the blend of the bones' moves (B, 3, 4)."""
    out: NDArray = np.einsum("vw,vwab->vab", weight.astype(float), moves[index])
    return out


def posed(vertices: NDArray, index: NDArray, weight: NDArray, moves: NDArray) -> NDArray:
    """(V, 3) metres: linear blend skinning of vertices (V, 3) by moves (B, 3, 4)."""
    blend = blended_moves(index, weight, moves)
    out: NDArray = np.einsum("vab,vb->va", blend[..., :3], vertices.astype(float)) + blend[..., 3]
    return out


def unposed(vertices: NDArray, index: NDArray, weight: NDArray, moves: NDArray) -> NDArray:
    """(V, 3) metres: the vertices at rest that `posed` brings to those (V, 3)."""
    blend = blended_moves(index, weight, moves)
    out: NDArray = np.linalg.solve(blend[..., :3], (vertices - blend[..., 3])[..., None])[..., 0]
    return out


def sturdy(index: NDArray, weight: NDArray, moves: NDArray) -> tuple[NDArray, NDArray]:
    """Bones and weights (V, 4) of which the strongest alone counts where their blend would squash what it moves."""
    squashed = np.linalg.det(blended_moves(index, weight, moves)[..., :3]) < SQUASHED
    weight = weight.copy()
    weight[squashed] = [1, 0, 0, 0]
    return index, weight
