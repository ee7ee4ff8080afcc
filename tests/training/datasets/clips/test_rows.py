"""What is learned from a clip: truth beside what was read, frame for frame."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file
from scipy.spatial.transform import Rotation

from maquette.core.motion import HeadMotion
from maquette.core.options import SynthesisOptions
from maquette.core.types import Camera, Mesh, Reconstruction
from maquette.reconstruction.face_fit.motion.evidence import WIDTH
from maquette.reconstruction.face_fit.state import OPENCV
from maquette.synthesis.scenes.face_motion import FilmedFrame
from maquette.synthesis.scenes.head_scene import head_model
from maquette.training.datasets.clips import rows
from maquette.training.datasets.clips.filmed import FRAMES, FilmedClip
from maquette.training.datasets.clips.rows import LAYOUT, make_shard, pose_error, row_of

COUNT = 30


def clip_and_motion():
    """A clip and its motion, read without error, of which the third frame was not seen."""
    rng = np.random.default_rng(0)
    turns = Rotation.from_rotvec(rng.normal(0, 0.2, (COUNT, 3)))
    places = np.column_stack([rng.normal(0, 0.02, (COUNT, 2)), -0.8 + rng.normal(0, 0.02, COUNT)])
    frames = []
    for turn, place in zip(turns, places):
        pose = np.eye(4)
        pose[:3, :3], pose[:3, 3] = OPENCV @ turn.as_matrix(), OPENCV @ place
        camera = Camera(np.array([[500.0, 0, 100], [0, 500, 100], [0, 0, 1]]), pose, (200, 200))
        frames.append(FilmedFrame(np.zeros((1, 1, 3), np.uint8), camera, rng.uniform(0, 1, 52), np.zeros((1, 3))))
    kept = np.delete(np.arange(COUNT), 2)
    motion = HeadMotion(
        times=kept / 30, frames=kept.astype(np.int64), rotations=turns.as_quat()[kept][:, [3, 0, 1, 2]],
        translation=places[kept], expression=np.zeros((COUNT - 1, 52)), gaze=np.zeros((COUNT - 1, 2, 2)), focal=500.0,
        size=(200, 200), opening=np.zeros((COUNT - 1, 2)), trust=np.ones(COUNT - 1), reprojection=np.ones(COUNT - 1),
        evidence=rng.uniform(0, 1, (COUNT - 1, WIDTH)).astype(np.float32),
    )  # fmt: skip
    return FilmedClip(Path("clip.mp4"), 30.0, frames, np.zeros(80), 1.0), motion


def test_a_row_holds_the_frames_that_were_seen():
    clip, motion = clip_and_motion()
    model = head_model()
    mesh, rest = Mesh(model.mean.astype(np.float32), model.faces), np.zeros((1, 52))
    head = Reconstruction(mesh, (), model=model.name, identity=np.zeros(80), expression=rest, scale=1.0)
    row = row_of(motion, clip, head)
    assert set(row) == set(LAYOUT) and row["count"] == COUNT - 1 and row["evidence"].shape == (FRAMES, WIDTH)
    assert np.allclose(row["expression"][2], clip.frames[3].expression, atol=1e-6)
    assert not row["evidence"][COUNT - 1 :].any() and not row["expression"][COUNT - 1 :].any()
    assert np.array_equal(row["gap"][0], row["gap"][1])


def test_a_pose_that_was_read_well_needs_no_correction_and_a_turned_one_its_turn():
    clip, motion = clip_and_motion()
    cameras = [clip.frames[int(k)].camera for k in motion.frames]
    assert np.abs(pose_error(motion, cameras)).max() < 1e-9
    wrong = motion.rotations.copy()
    turn = Rotation.from_rotvec([0.0, 0.05, 0.0])
    wrong[5] = (turn.inv() * Rotation.from_quat(wrong[5][[1, 2, 3, 0]])).as_quat()[[3, 0, 1, 2]]
    found = pose_error(replace(motion, rotations=wrong), cameras)
    assert found[5, :3] == pytest.approx([0, 0.05, 0], abs=1e-9) and np.abs(found[6]).max() < 1e-9


def test_a_size_nobody_knows_is_no_error():
    clip, motion = clip_and_motion()
    cameras = [clip.frames[int(k)].camera for k in motion.frames]
    assert np.abs(pose_error(replace(motion, translation=1.2 * motion.translation), cameras)[:, [3, 4, 5]]).max() < 1e-9


def test_a_shard_is_written_once_and_leaves_out_clips_without_a_face(tmp_path, monkeypatch):
    row = {name: np.full((2, 2), 3.0, np.float32) for name in LAYOUT}
    monkeypatch.setattr(rows, "example", lambda _, number: None if number == 1 else row)
    (tmp_path / "train").mkdir()
    file = make_shard(tmp_path, SynthesisOptions(), 0, 3)
    assert {len(column) for column in load_file(file).values()} == {2}
    before = file.stat().st_mtime_ns
    assert make_shard(tmp_path, SynthesisOptions(), 0, 3) == file and file.stat().st_mtime_ns == before
