"""A head that moves, in files: the animation of the GLB, worked out by the specification, is the motion."""

import numpy as np
import pytest
from pygltflib import GLTF2
from scipy.spatial.transform import Rotation

from gltf_reader import decoded
from maquette.core.motion import SIDES
from maquette.core.options import OutputOptions
from maquette.outputs.animation.head_motion import eye_turns, joints, product, steps, yaw_pitch_roll
from maquette.outputs.asset import open_asset
from maquette.outputs.meshes.bvh import write_bvh
from maquette.outputs.meshes.glb import write_glb
from maquette.outputs.pictures.moving_head import eye_turn


@pytest.fixture(scope="module")
def asset(moving_result):
    return open_asset(moving_result, OutputOptions(mesh="light"))


@pytest.fixture(scope="module")
def gltf(asset):
    return GLTF2.load_from_bytes(write_glb(asset))


def track(gltf, node, path):
    """(N, k) values of a channel."""
    (clip,) = gltf.animations
    (channel,) = [c for c in clip.channels if gltf.nodes[c.target.node].name == node and c.target.path == path]
    return decoded(gltf, clip.samplers[channel.sampler].output)


def test_head_and_eyes_turn(gltf, asset):
    motion = asset.result.motion
    turns = Rotation.from_quat(track(gltf, "head", "rotation")).as_rotvec()
    assert np.allclose(turns[:, 1], 2 * np.linspace(0, 0.2, 6), atol=1e-6), "to the subject's left"
    assert np.allclose(track(gltf, "head", "translation"), steps(motion), atol=1e-7)
    assert gltf.animations[0].name == "clip" and gltf.nodes[0].name == "head"
    for side, gaze in zip(SIDES, motion.gaze[0]):
        looks = Rotation.from_quat(track(gltf, f"eye{side}", "rotation")[0]).apply([0, 0, 1])
        assert np.arctan2(looks[0], looks[2]) == pytest.approx(gaze[0], abs=1e-6)
        assert np.arcsin(looks[1]) == pytest.approx(gaze[1], abs=1e-6)


def test_the_clips_own_times_and_all_weights_but_those_of_the_eyes(gltf, asset):
    motion, (clip,) = asset.result.motion, gltf.animations
    assert np.allclose(decoded(gltf, clip.samplers[0].input)[:, 0], motion.times - motion.times[0])
    weights = track(gltf, "skin", "weights").reshape(len(motion), -1)
    blink = asset.model.expression_names.index("eyeBlinkLeft")
    assert weights[2, blink] == pytest.approx(1, abs=0.02) and weights[[0, 1, 3], blink].max() == 0
    moved = {gltf.nodes[c.target.node].name for c in clip.channels if c.target.path == "weights"}
    assert not moved & {"eyeLeft", "eyeRight"}
    still = [mesh for mesh in gltf.meshes if mesh.name.startswith("eye")]
    assert still and not any(np.any(mesh.weights) for mesh in still)


def test_quaternions_and_matrices_agree(asset):
    motion = asset.result.motion
    found = Rotation.from_quat(eye_turns(motion)[0][:, [1, 2, 3, 0]]).as_matrix()
    assert np.allclose(found, [eye_turn(yaw, pitch) for yaw, pitch in motion.gaze[0]])
    random = np.random.default_rng(0).normal(size=(2, 5, 4))
    a, b = random / np.linalg.norm(random, axis=-1, keepdims=True)
    one, other = (Rotation.from_quat(q[:, [1, 2, 3, 0]]) for q in (a, b))
    both = Rotation.from_quat(product(a, b)[:, [1, 2, 3, 0]])
    assert np.allclose((one * other).as_matrix(), both.as_matrix())


def test_yaw_pitch_and_roll_of_a_head_that_turns_left(asset):
    turns = yaw_pitch_roll(asset.result.motion)
    assert np.allclose(turns[:, 0], 2 * np.linspace(0, 0.2, 6)) and np.abs(turns[:, 1:]).max() < 1e-9


def test_bvh_has_head_and_eyes(asset):
    text = write_bvh(asset).decode()
    assert [line.split()[-1] for line in text.splitlines() if "ROOT" in line or "JOINT" in line] == [
        "head",
        "eyeLeft",
        "eyeRight",
    ]
    last = np.array(text.splitlines()[-1].split(), float)
    assert last[5] == pytest.approx(np.degrees(0.4), abs=1e-4), "Y turn of the head"
    assert np.allclose(joints(asset)[1] * [-1, 1, 1], joints(asset)[2], atol=0.004), "eyes are symmetric"
