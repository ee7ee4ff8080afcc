"""person.glb: bones, weights, animation; a reader that knows only glTF gets the vertices that the rig poses."""

from __future__ import annotations

import io
from dataclasses import replace

import numpy as np
import pytest
import trimesh
from pygltflib import GLTF2
from scipy.spatial.transform import Rotation, Slerp

from gltf_reader import decoded
from maquette import morphable
from maquette.core.options import OutputOptions
from maquette.morphable.rig import Rig
from maquette.outputs.animation.influences import influences
from maquette.outputs.asset import open_asset
from maquette.outputs.meshes.glb import write_glb
from maquette.outputs.meshes.motion import matrices
from people import make_person


class Viewer:
    """A slow viewer of skinned glTF: nodes, animation at a time, morphs, then linear blend skinning."""

    def __init__(self, data: bytes) -> None:
        self.gltf = GLTF2.load_from_bytes(data)

    def state(self, time: float | None) -> tuple[list, np.ndarray]:
        """(translation, rotation) of each node and the morph weights at a time; None: as the file rests."""
        local = [[n.translation or [0, 0, 0], n.rotation or [0, 0, 0, 1]] for n in self.gltf.nodes]
        weights = np.array(self.gltf.meshes[0].weights)
        if time is not None:
            for clip in self.gltf.animations:
                for channel in clip.channels:
                    sampler = clip.samplers[channel.sampler]
                    times, values = decoded(self.gltf, sampler.input)[:, 0], decoded(self.gltf, sampler.output)
                    path, node = channel.target.path, channel.target.node
                    if path == "rotation":
                        turn = Slerp(times.astype(float), Rotation.from_quat(values))(
                            np.clip(time, times[0], times[-1])
                        )
                        local[node][1] = turn.as_quat()
                    else:
                        values = values.reshape(len(times), -1)
                        now = [np.interp(time, times, column) for column in values.T]
                        if path == "translation":
                            local[node][0] = now
                        else:
                            weights = np.array(now)
        return local, weights

    def vertices(self, time: float | None = None) -> np.ndarray:
        """(N, 3) metres of all primitives."""
        gltf = self.gltf
        local, weights = self.state(time)
        world: dict[int, np.ndarray] = {}

        def visit(node: int, above: np.ndarray) -> None:
            own = np.eye(4)
            own[:3, :3], own[:3, 3] = Rotation.from_quat(local[node][1]).as_matrix(), local[node][0]
            world[node] = above @ own
            for child in gltf.nodes[node].children or []:
                visit(child, world[node])

        for root in gltf.scenes[0].nodes:
            visit(root, np.eye(4))
        skin = gltf.skins[0]
        binds = decoded(gltf, skin.inverseBindMatrices).reshape(-1, 4, 4).transpose(0, 2, 1)
        moves = np.stack([world[joint] @ bind for joint, bind in zip(skin.joints, binds)])
        points = []
        for part in gltf.meshes[0].primitives:
            place = decoded(gltf, part.attributes.POSITION).astype(float)
            for weight, target in zip(weights, part.targets):
                place += weight * decoded(gltf, target["POSITION"])
            share, joints = (decoded(gltf, getattr(part.attributes, f"{kind}_0")) for kind in ("WEIGHTS", "JOINTS"))
            blend = np.einsum("vw,vwab->vab", share, moves[joints])
            points.append(np.einsum("vab,vb->va", blend, np.pad(place, ((0, 0), (0, 1)), constant_values=1))[:, :3])
        return np.concatenate(points)


def gap(points: np.ndarray, others: np.ndarray) -> float:
    """Largest distance from one of the points to the nearest of the others, both ways."""
    from scipy.spatial import cKDTree

    return float(max(cKDTree(others).query(points)[0].max(), cKDTree(points).query(others)[0].max()))


def skinned(vertices: np.ndarray, joints: np.ndarray, weights: np.ndarray, moves: np.ndarray) -> np.ndarray:
    """(V, 3) linear blend skinning of (V, 3) vertices by (B, 3, 4) transforms."""
    blend = np.einsum("vw,vwab->vab", weights, moves[joints])
    return np.einsum("vab,vb->va", blend[..., :3], vertices) + blend[..., 3]


def away(rig: Rig, vertices: np.ndarray, moves: np.ndarray) -> np.ndarray:
    """(V,) metres between a vertex with four influences and where the whole rig puts it."""
    four = influences(rig)
    whole = skinned(vertices, rig.bone_index, rig.bone_weight, moves)
    return np.linalg.norm(skinned(vertices, four.joints, four.weights, moves) - whole, axis=1)


@pytest.fixture(scope="module")
def clip(clip_result):
    """A clip, its file in a viewer, and the influences in that file."""
    asset = open_asset(clip_result, OutputOptions())
    return asset, Viewer(write_glb(asset)), influences(asset.rig)


def test_every_frame_is_skinned_as_the_rig_poses_it(clip):
    asset, viewer, chosen = clip
    # Both ways of blending with the same influences; what was left out of them is another test's matter.
    exact = replace(asset.rig, bone_index=chosen.joints.astype(np.int32), bone_weight=chosen.weights)
    for frame, time in enumerate(asset.motion.times - asset.motion.times[0]):
        rest, turns = asset.rest(asset.motion.expression[frame]), matrices(asset.motion.rotations[frame])
        expected, _ = exact.pose(rest, asset.joints, turns, asset.motion.translation[frame])
        assert gap(viewer.vertices(float(np.float32(time))), expected) < 1e-4, frame


def test_at_rest_it_shows_the_photos_pose(clip, clip_result):
    asset, viewer, _ = clip
    moves = asset.rig.transforms(asset.joints, matrices(asset.motion.rotations[0]))
    left_out = away(asset.rig, asset.neutral, moves).max()
    assert gap(viewer.vertices(), clip_result.reconstruction.shape.vertices) < left_out + 1e-4


def test_it_is_bound_in_the_rest_pose(clip):
    asset, viewer, _ = clip
    parts = viewer.gltf.meshes[0].primitives
    places = np.concatenate([decoded(viewer.gltf, part.attributes.POSITION) for part in parts])
    assert gap(places, asset.model.vertices(asset.identity, np.zeros(3), 1.04)) < 1e-6
    skin = viewer.gltf.skins[0]
    binds = decoded(viewer.gltf, skin.inverseBindMatrices).reshape(-1, 4, 4)
    assert np.abs(binds[:, 3, :3] + asset.joints).max() < 1e-6, "columns, so that the shift is the last row here"
    assert [viewer.gltf.nodes[joint].name for joint in skin.joints] == list(asset.rig.bones)


@pytest.mark.parametrize("which", ["clip_result", "person_result"])
def test_a_vertex_has_four_influences_that_sum_to_one(which, request):
    """Many viewers read one set of four and do not bring what they read back to the sum of 1."""
    gltf = GLTF2.load_from_bytes(write_glb(open_asset(request.getfixturevalue(which), OutputOptions())))
    for part in (part for mesh in gltf.meshes for part in mesh.primitives):
        assert getattr(part.attributes, "JOINTS_1", None) is None
        joints, weights = decoded(gltf, part.attributes.JOINTS_0), decoded(gltf, part.attributes.WEIGHTS_0)
        assert np.abs(weights.sum(axis=1) - 1).max() < 1e-6 and (np.diff(weights, axis=1) <= 0).all()
        assert not joints[weights == 0].any(), "what does not count names joint 0"


def test_only_what_moves_has_a_channel(clip):
    _, viewer, _ = clip
    gltf = viewer.gltf
    moved = {(gltf.nodes[c.target.node].name, c.target.path) for c in gltf.animations[0].channels}
    assert ("neck", "rotation") not in moved and ("eye.L", "rotation") not in moved
    assert {("upperarm.L", "rotation"), ("root", "translation"), ("person", "weights")} <= moved
    inputs = {s.input for s in gltf.animations[0].samplers}
    times = decoded(gltf, inputs.pop())[:, 0]
    assert not inputs and np.allclose(times, [0, 0.04, 0.08, 0.12, 0.20, 0.24, 0.28], atol=1e-6)


def test_between_two_frames_bones_turn_the_short_way(clip):
    asset, _, _ = clip
    arm = asset.rig.bones.index("upperarm.L")
    for a, b in zip(asset.motion.rotations[:-1, arm], asset.motion.rotations[1:, arm]):
        assert a @ b > 0, "the given quaternions change their sign in each frame"


def test_a_photo_has_a_skin_and_no_animation(person_result):
    data = write_glb(open_asset(person_result, OutputOptions()))
    gltf = GLTF2.load_from_bytes(data)
    assert len(gltf.skins) == 1 and not gltf.animations
    assert gltf.meshes[0].extras["targetNames"] == ["jawOpen", "eyeBlinkLeft", "mouthSmileLeft"]
    assert {m.name for m in gltf.materials} == {"skin", "eyes"} and len(gltf.images) == 1
    assert gltf.asset.extras["model_licence"]["spdx"] == "CC0-1.0"
    scene = trimesh.load(io.BytesIO(data), file_type="glb")
    assert len(scene.geometry) == 3


def test_a_clip_in_which_nothing_moves_is_no_animation(tiny):
    still = make_person(tiny, 3, np.array([0.0, 0.1, 0.2]))
    made = still.reconstruction
    rotations, translation = (np.repeat(one[:1], 3, axis=0) for one in (made.pose.rotations, made.pose.translation))
    pose = replace(made.pose, rotations=rotations, translation=translation)
    still = replace(
        still, reconstruction=replace(made, pose=pose, expression=np.repeat(made.expression[:1], 3, axis=0))
    )
    assert not GLTF2.load_from_bytes(write_glb(open_asset(still, OutputOptions()))).animations


def test_a_free_form_mesh_has_colours_and_no_skeleton(cloth_result):
    gltf = GLTF2.load_from_bytes(write_glb(open_asset(cloth_result, OutputOptions())))
    assert not gltf.skins and gltf.meshes[0].primitives[0].attributes.COLOR_0 is not None
    assert gltf.nodes[0].name == "person"


def test_doubled_influences_are_summed(tiny):
    four = influences(replace(tiny.rig, bone_index=np.zeros_like(tiny.rig.bone_index)))
    assert not four.joints.any() and np.allclose(four.weights, [1, 0, 0, 0])


def test_the_shipped_body_bends_well_with_four_influences():
    """A raised arm, a raised leg and a bent back at once: some millimetres at shoulder and hip, elsewhere little."""
    model = morphable.load("maquette-body")
    rig, turns = model.rig, np.tile(np.eye(3), (len(model.rig.bones), 1, 1))
    for name, axis in {"upperarm01.L": [0, 0, 1], "upperleg01.R": [-1, 0, 0], "spine03": [0.3, 0, 0]}.items():
        turns[rig.bones.index(name)] = Rotation.from_rotvec(axis).as_matrix()
    moves = rig.transforms(rig.joints(np.zeros(len(model.identity_basis))), turns)
    error = away(rig, model.mean, moves)
    assert error.max() < 0.02 and np.percentile(error, 99) < 0.003
