"""person.bvh: what a program that reads BVH puts where."""

from __future__ import annotations

import re

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from maquette import morphable
from maquette.core.options import OutputOptions
from maquette.outputs.asset import open_asset
from maquette.outputs.meshes.bvh import SHORTEST_CM, angles, frames, hierarchy, linked, write_bvh
from maquette.outputs.meshes.motion import Motion, evenly, matrices, unit

RISE = np.array([0.0, 0.1, 0.15, 0.4])


def read(text: str):
    """Names, parents, offsets (B, 3) cm, channels per bone, frames (N, C), frame time: a reader of BVH of its own."""
    head, motion = text.split("MOTION\n")
    names, parents, offsets, channels, above, inside_end = [], [], [], [], [], False
    assert head.splitlines()[0] == "HIERARCHY"
    for line in head.splitlines()[1:]:
        word, *rest = line.split()
        if word in ("ROOT", "JOINT"):
            parents.append(above[-1] if above else -1)
            names.append(rest[0])
        elif word == "End":
            inside_end = True
        elif word == "{":
            above.append(len(names) - 1)
        elif word == "}":
            above.pop()
            inside_end = False
        elif word == "OFFSET" and not inside_end:
            offsets.append([float(value) for value in rest])
        elif word == "CHANNELS":
            assert int(rest[0]) == len(rest) - 1
            channels.append(rest[1:])
    assert not above
    count, step, *rows = motion.splitlines()
    frames = np.array([row.split() for row in rows], float)
    assert int(count.split(":")[1]) == len(frames) and frames.shape[1] == sum(map(len, channels))
    return names, parents, np.array(offsets), channels, frames, float(step.split(":")[1])


def joints_of(parents, offsets, channels, row) -> np.ndarray:
    """(B, 3) cm: forward kinematics of one frame."""
    places, turns, column = [], [], 0
    for bone, names in enumerate(channels):
        values = dict(zip(names, row[column : column + len(names)]))
        column += len(names)
        order = "".join(name[0] for name in names if name.endswith("rotation"))
        own = Rotation.from_euler(order, [values[f"{axis}rotation"] for axis in order], degrees=True).as_matrix()
        moved = np.array([values.get(f"{axis}position", 0.0) for axis in "XYZ"])
        parent = parents[bone]
        places.append(moved + offsets[bone] if parent < 0 else places[parent] + turns[parent] @ offsets[bone])
        turns.append(own if parent < 0 else turns[parent] @ own)
    return np.array(places)


@pytest.fixture
def asset(clip_result):
    return open_asset(clip_result, OutputOptions())


def test_a_reader_finds_the_rigs_joints(asset):
    names, parents, offsets, channels, rows, step = read(write_bvh(asset).decode("ascii"))
    motion, _ = evenly(asset.motion)
    order = [asset.rig.bones.index(name) for name in names]
    assert sorted(order) == list(range(len(asset.rig.bones)))
    for frame, row in enumerate(rows):
        turns = matrices(motion.rotations[frame])
        _, joints = asset.rig.pose(asset.neutral, asset.joints, turns, motion.translation[frame])
        away = np.linalg.norm(joints_of(parents, offsets, channels, row) / 100 - joints[order], axis=1)
        assert away.max() < 5e-4, frame
    assert step == pytest.approx(0.28 / 6), "the mean distance of the frames"


def tails(parents, offsets, text: str) -> np.ndarray:
    """(B, 3) cm from each bone's head to its tail, as Blender draws it: to the mean of its children, or to its end."""
    ends = iter(re.findall(r"End Site\s*\{\s*OFFSET (\S+) (\S+) (\S+)", text))
    parents = np.array(parents)
    found = [offsets[parents == bone].mean(axis=0) if bone in parents else next(ends) for bone in range(len(parents))]
    return np.array(found, float)


@pytest.mark.parametrize("turned", ["spine05", "pelvis.L"])
def test_no_bone_of_the_shipped_body_is_without_a_length(turned):
    """The halves of its pelvis begin where its root begins and never turn in a fit; if one does, nothing is lost."""
    model = morphable.load("maquette-body")
    rig = model.rig
    joints = rig.joints(np.zeros(len(model.identity_basis))).astype(float)
    turns = np.tile([1.0, 0, 0, 0], (3, len(rig.bones), 1))
    for name, axis in {"root": [0, 0.7, 0.2], turned: [0.3, 0, 0.1], "upperleg01.L": [0.5, 0, 0]}.items():
        turns[1, rig.bones.index(name)] = Rotation.from_rotvec(axis).as_quat()[[3, 0, 1, 2]]
    motion = Motion(np.arange(3) / 25, turns, np.tile([0.1, 0.2, 0.3], (3, 1)), np.zeros((3, 0)))
    linked_to = linked(rig, joints, motion)
    leaves = set(range(len(joints))) - set(rig.parents.tolist())
    text = hierarchy(rig.bones, linked_to, joints, dict.fromkeys(leaves, np.array([0, 0.05, 0])))
    text += frames(linked_to, joints, motion, 0.04)
    names, parents, offsets, channels, rows, _ = read(text)
    assert np.linalg.norm(tails(parents, offsets, text), axis=1).min() > SHORTEST_CM
    assert (turned in names) and "pelvis.R" not in names
    moves = rig.transforms(joints, matrices(turns[1]))
    expected = np.einsum("bij,bj->bi", moves[..., :3], joints) + moves[..., 3] + motion.translation[1]
    kept = [rig.bones.index(name) for name in names]
    assert np.abs(joints_of(parents, offsets, channels, rows[1]) / 100 - expected[kept]).max() < 1e-5


def test_lengths_are_centimetres(asset):
    _, parents, offsets, _, _, _ = read(write_bvh(asset).decode("ascii"))
    bones = asset.rig.parents >= 0
    longest = np.linalg.norm(asset.joints[bones] - asset.joints[asset.rig.parents[bones]], axis=1).max()
    assert np.linalg.norm(offsets, axis=1).max() == pytest.approx(100 * longest, rel=1e-5)
    assert not offsets[parents.index(-1)].any(), "programs differ in whether they add the root's offset"


def test_frames_at_even_steps_are_kept(asset):
    even = Motion(np.arange(7) / 25, asset.motion.rotations, asset.motion.translation, asset.motion.expression)
    again, step = evenly(even)
    assert step == pytest.approx(0.04) and np.allclose(again.rotations, even.rotations, atol=1e-9)
    assert np.allclose(again.translation, even.translation)


def test_between_frames_a_turn_is_even():
    turns = unit(Rotation.from_rotvec(np.outer(RISE, [0, 2.0, 0])).as_quat()[:, None, [3, 0, 1, 2]])
    step_and_turn = Motion(RISE, turns, np.outer(RISE, [1.0, 0, 0]), np.zeros((4, 0)))
    even, step = evenly(step_and_turn)
    assert np.allclose(np.diff(even.times), step) and even.times[-1] == pytest.approx(RISE[-1])
    found = Rotation.from_quat(even.rotations[:, 0, [1, 2, 3, 0]]).as_rotvec()[:, 1]
    assert np.allclose(found, 2 * even.times) and np.allclose(even.translation[:, 0], even.times)


def test_angles_do_not_jump():
    full = Rotation.from_euler("Z", np.linspace(0, 700, 40)[:, None], degrees=True).as_quat()[:, None, [3, 0, 1, 2]]
    found = angles(unit(full))
    assert np.abs(np.diff(found, axis=0)).max() < 20 and found[-1, 0, 0] == pytest.approx(700)
    upright = Rotation.from_euler("X", [[90]], degrees=True).as_quat()[:, None, [3, 0, 1, 2]]
    assert Rotation.from_euler("ZXY", angles(upright)[0, 0], degrees=True).approx_equal(
        Rotation.from_euler("X", 90, degrees=True), atol=1e-6
    )
