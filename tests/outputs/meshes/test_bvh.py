"""person.bvh: what a program that reads BVH puts where."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from maquette.core.options import OutputOptions
from maquette.outputs.asset import open_asset
from maquette.outputs.meshes.bvh import angles, write_bvh
from maquette.outputs.meshes.motion import Motion, evenly, matrices, unit

RISE = np.array([0.0, 0.1, 0.15, 0.4])


def read(text: str):
    """Names, parents, offsets (B, 3) cm, channels per bone, frames (N, C), frame time: a reader of BVH of its own."""
    head, motion = text.split("MOTION\n")
    names, parents, offsets, channels, above, inside_end = [], [], [], [], [], False
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
