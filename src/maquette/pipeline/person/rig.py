"""A textured body and a head of its own as one mesh that follows the bones of the fitted body."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import scipy.sparse
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from maquette.core.motion import Skinning
from maquette.core.types import Mesh, Part, Reconstruction
from maquette.morphable import MorphableModel
from maquette.morphable.posing import posed_body, rig_of
from maquette.morphable.rig import Rig
from maquette.outputs.asset import Asset
from maquette.pipeline.person.paint import painted_mesh
from maquette.reconstruction.own_head import bones
from maquette.reconstruction.own_head.join import JoinedNeck, angles, around, join
from maquette.reconstruction.own_head.place import HeadPlace
from maquette.reconstruction.own_head.webs import parted

NEAR = 0.1  # radians around the neck over which the weights of the rim are evened out
STILL_M = 0.06  # up the neck from which on the head moves as one
EYE_BONES = {"eyeLeft": "eye.L", "eyeRight": "eye.R"}


@dataclass(frozen=True, eq=False)
class PersonHead:
    """A textured head for a body.

    Attributes:
        asset: of the head. place: in the world.
        kind: "own" of a face in the photo, or "average". why: in plain words.
        light: (3,) the photo's light against that of the head's texture, linear. index: of the photo.
    """

    asset: Asset
    place: HeadPlace
    kind: str
    why: str
    light: NDArray
    index: int = 0

    @property
    def model(self) -> MorphableModel:
        """The head's."""
        assert self.asset.model is not None, "heads are of a model"
        return self.asset.model


@dataclass(frozen=True, eq=False)
class BonePoses:
    """The bones at rest with arms out, and in each pose.

    Attributes:
        rig: of the body. rest: see `bones.Rest`.
        totals: (N, B, 3, 3) total turn of each bone from the body's own rest. translation: (N, 3) metres.
    """

    rig: Rig
    rest: bones.Rest
    totals: NDArray
    translation: NDArray

    def own(self, index: int) -> NDArray:
        """(B, 3, 3) for `Rig.transforms` from the body's own rest."""
        total, parents = self.totals[index], np.maximum(self.rig.parents, 0)
        local: NDArray = total[parents].transpose(0, 2, 1) @ total
        local[self.rig.parents < 0] = total[self.rig.parents < 0]
        return local

    def rotations(self, index: int) -> NDArray:
        """(B, 3, 3) for `Rig.transforms` from the rest with arms out."""
        return self.rest.rotations(self.rig, self.totals[index])

    def moves(self, index: int) -> NDArray:
        """(B, 3, 4) from rest to the world in pose `index`."""
        moves = self.rig.transforms(self.rest.joints.astype(float), self.rotations(index))
        moves[:, :, 3] += self.translation[index]
        return moves


def totals_of(made: Reconstruction, rig: Rig) -> NDArray:
    """(N, B, 3, 3) total turn of each bone of the fitted body in each pose."""
    assert made.pose is not None, "asked of people with a body"
    turns = Rotation.from_quat(np.roll(made.pose.rotations, -1, axis=-1).reshape(-1, 4)).as_matrix()
    turns = turns.reshape(*made.pose.rotations.shape[:2], 3, 3)
    return np.stack([bones.total_turns(rig, one) for one in turns])


def head_turn(made: Reconstruction, rig: Rig) -> NDArray:
    """(3, 3) how the fitted body's head is turned in the first photo."""
    turn: NDArray = totals_of(made, rig)[0, rig.bones.index("head")]
    return turn


def bone_poses(made: Reconstruction, rig: Rig, head: PersonHead | None) -> BonePoses:
    """The poses of the fitted body, its head turned as the face is in the photo that shows it, if one does."""
    pose, identity = made.pose, made.identity
    assert pose is not None and identity is not None, "asked of people with a body"
    totals = totals_of(made, rig)
    for name in () if head is None else ("head", *EYE_BONES.values()):
        assert head is not None
        totals[head.index, rig.bones.index(name)] = head.place.rotation
    rest = bones.arms_out(rig, rig.joints(identity, made.scale))
    return BonePoses(rig, rest, totals, pose.translation)


@dataclass(frozen=True, eq=False)
class BonedSurface:
    """A surface at rest.

    Attributes:
        mesh: at rest, metres. shape: the same as it is in the photo.
        index, share: (V, 4) of the bones that each vertex follows. weight: (V, B).
    """

    mesh: Mesh
    shape: Mesh
    index: NDArray
    share: NDArray
    weight: NDArray


def at_rest(made: Reconstruction, body: MorphableModel, moves: NDArray) -> BonedSurface:
    """The person's mesh at rest, of moves (B, 3, 4) that bring it to where it is; limbs that only touch are parted."""
    rig, mesh = rig_of(body), made.shape
    whole = np.asarray(bones.whole_weights(rig).todense(), np.float32)
    if made.model == body.name:
        return _unposed(mesh, whole, moves)
    posed = posed_body(made, body, 0).vertices.astype(float)
    still = bones.unposed(posed, *bones.strongest(whole), moves)
    left = parted(mesh, posed, still, rig)
    out = _unposed(left.mesh, bones.without_shoulders(left.weight, rig), moves)
    shape = left.closed(out.mesh.vertices.astype(float))
    mesh = replace(out.mesh, faces=shape.faces, uv_faces=shape.uv_faces)
    return replace(out, mesh=mesh, shape=shape)


def _unposed(mesh: Mesh, weight: NDArray, moves: NDArray) -> BonedSurface:
    index, share = bones.sturdy(*bones.strongest(weight), moves)
    vertices = bones.unposed(mesh.vertices.astype(float), index, share, moves).astype(np.float32)
    return BonedSurface(replace(mesh, vertices=vertices), mesh, index, share, weight)


def boned(made: Reconstruction, body: MorphableModel, why: str) -> Reconstruction:
    """The person as it is, with bones."""
    facts = {**made.provenance, "head": {"kind": "body's", "why": why}}
    if made.model == body.name:  # which has some
        return replace(made, provenance=facts)
    poses = bone_poses(made, rig_of(body), None)
    still = at_rest(made, body, poses.moves(0))
    skinning = Skinning(
        vertices=still.mesh.vertices,
        joints=poses.rest.joints.astype(np.float32),
        bone_index=still.index,
        bone_weight=still.share,
        rotations=quaternions(np.stack([poses.rotations(k) for k in range(len(poses.totals))])),
        translation=poses.translation,
        unit_vertices=np.zeros(0, np.int32),
        units=np.zeros((0, 0, 3), np.float32),
        unit_names=(),
        parts={"skin": np.arange(len(still.shape.faces), dtype=np.int32)},
        landmarks={},
    )
    return replace(made, shape=still.shape, skinning=skinning, provenance=facts)


def joined(made: Reconstruction, body: MorphableModel, head: PersonHead) -> Reconstruction:
    """The person with that head, and with bones; with bones alone where the body has no neck to cut."""
    rig = rig_of(body)
    poses = bone_poses(made, rig, head)
    still = at_rest(made, body, poses.moves(0))
    offset = seat_of(poses, poses.moves(head.index), head.place)
    neutral = head.place.scale * head.asset.neutral.astype(float) + offset
    made_one = join(still.mesh, still.weight, rig, neutral, head.model)
    if made_one is None:
        return boned(made, body, "the surface has no neck that could be cut")
    below = made_one.body.blend @ scipy.sparse.csr_matrix(dense(still.index, still.share, len(rig.bones)))
    low = np.asarray(below.todense(), np.float32)
    own = head_weights(made_one, low, rig, head.model)
    index, share = bones.strongest(np.concatenate([own, low]))
    skinning = skinning_of(made_one, (index, share), poses, head, neutral)
    return finished(made, skinning, made_one, poses, head, offset)


def seat_of(poses: BonePoses, moves: NDArray, place: HeadPlace) -> NDArray:
    """(3,) metres: what is added to a head of the world's size, its own axes, so that it lies on the body at rest."""
    bone = poses.rig.bones.index("head")
    joint = poses.rest.joints[bone].astype(float)
    seat = moves[bone, :, :3] @ joint + moves[bone, :, 3]
    out: NDArray = joint + place.rotation.T @ (place.translation - seat)
    return out


def dense(index: NDArray, share: NDArray, count: int) -> NDArray:
    """(V, B) float32 of the strongest bones (V, 4) and their shares."""
    out = np.zeros((len(index), count), np.float32)
    np.add.at(out, (np.arange(len(index))[:, None], index), share)
    return out


def head_weights(made_one: JoinedNeck, below: NDArray, rig: Rig, model: MorphableModel) -> NDArray:
    """(H, B) float32: a head follows its bone, the eyes theirs; its neck passes over to what the body's rim follows.

    Args:
        below: (L, B) how far the vertices of the body that is left follow the bones.
    """
    head = made_one.vertices[: len(made_one.vertices) - len(below)]
    rim = made_one.around[made_one.around >= len(head)]
    places = made_one.plane.places(head)
    weight = around(angles(places), angles(made_one.plane.places(made_one.vertices[rim])), below[rim - len(head)], NEAR)
    up = np.clip(places[:, 2] / STILL_M, 0, 1)
    up = up * up * (3 - 2 * up)
    up[np.unique(model.faces[np.concatenate([model.parts[name] for name in model.parts if name != "skin"])])] = 1
    weight *= (1 - up)[:, None]
    weight[:, rig.bones.index("head")] += up
    for part, bone in EYE_BONES.items():
        used = model.part_vertices(part)
        weight[used] = 0
        weight[used, rig.bones.index(bone)] = 1
    return weight.astype(np.float32)


def skinning_of(
    made_one: JoinedNeck, weights: tuple[NDArray, NDArray], poses: BonePoses, head: PersonHead, neutral: NDArray
) -> Skinning:
    """How the joined mesh follows the bones."""
    asset, model, count = head.asset, head.model, len(neutral)
    below, joints = len(made_one.body.mesh.faces) + len(made_one.strip), poses.rest.joints.astype(np.float32)
    for part, bone in EYE_BONES.items():
        joints[poses.rig.bones.index(bone)] = model.eye_centre(neutral, part.removeprefix("eye"))
    skin = np.concatenate([model.parts["skin"], len(model.faces) + np.arange(below)]).astype(np.int32)
    turns = np.stack([poses.rotations(k) for k in range(len(poses.totals))])
    units = (head.place.scale * asset.scale * asset.units).astype(np.float32)
    return Skinning(
        vertices=made_one.vertices.astype(np.float32),
        joints=joints,
        bone_index=weights[0],
        bone_weight=weights[1],
        rotations=quaternions(turns),
        translation=poses.translation,
        unit_vertices=np.arange(count, dtype=np.int32),
        units=units,
        unit_names=tuple(model.expression_names),
        parts={**model.parts, "skin": skin},
        landmarks={scheme: (one.faces, one.barycentric) for scheme, one in model.embeddings.items()},
    )


def quaternions(turns: NDArray) -> NDArray:
    """(N, B, 4) wxyz of turns (N, B, 3, 3)."""
    out: NDArray = Rotation.from_matrix(turns.reshape(-1, 3, 3)).as_quat()[:, [3, 0, 1, 2]]
    return out.reshape(*turns.shape[:2], 4)


def finished(
    made: Reconstruction, skinning: Skinning, made_one: JoinedNeck, poses: BonePoses, head: PersonHead, offset: NDArray
) -> Reconstruction:
    """The whole person in the pose and with the expression of the photo, in one texture."""
    asset, pose = head.asset, made.pose
    assert pose is not None, "asked of people with a body"
    bent = skinning.vertices.astype(float)
    bent[: len(asset.neutral)] += np.tensordot(asset.expression, skinning.units, 1)
    vertices = bones.posed(bent, skinning.bone_index, skinning.bone_weight, poses.moves(0)).astype(np.float32)
    mesh = painted_mesh(made_one, head.asset, head.light, vertices)
    turns = pose.rotations.copy()
    turns[head.index] = quaternions(poses.own(head.index)[None])[0]
    facts = {"kind": head.kind, "why": head.why, "size_beside_body": round(head.place.scale, 3)}
    facts |= {"photo": head.index, "placed_error_percent": round(100 * head.place.error, 2)}
    return replace(
        made,
        shape=mesh,
        model=None,
        expression=np.repeat(asset.expression[None], len(pose), axis=0).astype(np.float32),
        pose=replace(pose, rotations=turns),
        parts=tuple(moved(part, head.place.scale, offset) for part in asset.result.reconstruction.parts),
        skinning=skinning,
        provenance={**made.provenance, "head": facts},
    )


def moved(part: Part, scale: float, offset: NDArray) -> Part:
    """A part of the head where the head lies at rest."""
    vertices = (scale * part.mesh.vertices.astype(float) + offset).astype(np.float32)
    return replace(part, mesh=replace(part.mesh, vertices=vertices))
