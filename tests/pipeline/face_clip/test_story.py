"""The whole story of a clip of one face, small: every file is there, a stopped run goes on, bad clips are refused."""

import json
from dataclasses import replace

import cv2
import numpy as np
import pytest
from PIL import Image

from clips import write_clip
from maquette import outputs
from maquette.core.errors import NothingFound
from maquette.core.options import options_from
from maquette.core.result import Failure, Result
from maquette.outputs.result_folder import OutputFolder
from maquette.pipeline.face_clip import drawing, key_frames, memory, subject
from maquette.pipeline.face_clip.story import reconstruct_faces

SETTINGS = {
    "method": "parametric", "photometric": False, "texture_size": 256, "hair": "none", "detail": "none",
    "glasses": "none", "formats": "glb", "turntable": False, "overview": False,
}  # fmt: skip


@pytest.fixture(scope="module")
def clip(astronaut, tmp_path_factory):
    """Eight frames of a face that moves to the right, enlarging."""
    portrait = np.asarray(Image.open(astronaut).convert("RGB"))
    pictures = [
        cv2.warpAffine(portrait, np.array([[0.5 + k / 100, 0, k], [0, 0.5 + k / 100, 0]]), (320, 256)) for k in range(8)
    ]
    return write_clip(tmp_path_factory.mktemp("clip") / "face.mp4", pictures)


def done(clip, out, **more):
    folder, settings = OutputFolder(out), options_from(**{**SETTINGS, **more})
    rows = []
    keep = folder.saving(lambda result, where: outputs.save(result, where, settings.output))
    for outcome in reconstruct_faces(clip, folder, settings, lambda *_: None):
        assert isinstance(outcome, Result), outcome
        rows.append((outcome, keep(outcome)))
    folder.close()
    return rows


@pytest.fixture(scope="module")
def finished(clip, tmp_path_factory):
    out = tmp_path_factory.mktemp("out")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(key_frames, "MOST", 2)
        return out, done(clip, out, meshes=True, depth=True)


def test_every_file_is_there(finished):
    out, [(result, _)] = finished
    home = out / "face" / "face-1"
    names = {path.name for path in home.iterdir()}
    assert {"head.glb", "head.bvh", "curves.csv", "overlay.mp4", "report.json", "parameters.npz", "frames"} <= names
    frames = sorted(path.name for path in (home / "frames").iterdir())
    assert frames[:3] == ["000000.json", "000000.ply", "000000_depth.png"] and len(frames) == 24
    assert not [*(out / "face").glob(".*")], "nothing is left over"
    assert len(result.motion) == 8 and result.motion.light.shape == (8, 9, 3)
    assert json.loads((home / "report.json").read_text())["motion"]["reprojection_px"] < 2


def test_the_manifest_has_every_frame(finished):
    out, _ = finished
    manifest = json.loads((out / "manifest.json").read_text())
    tracks = [frame["tracks"] for frame in manifest["frames"]]
    assert [len(track) for track in tracks] == [1] * 8
    assert {track[0]["status"] for track in tracks} == {"done"}
    assert tracks[3][0]["mesh"] == "face/face-1/frames/000003.ply"


@pytest.mark.parametrize("way", ["skip", "nearest"])
def test_a_frame_that_is_hardly_seen_is_skipped_or_the_nearest_stands_in(clip, finished, tmp_path, monkeypatch, way):
    _, [(result, _)] = finished
    trust = np.sort(result.motion.trust)
    monkeypatch.setattr(key_frames, "MOST", 2)
    monkeypatch.setattr(drawing, "DOUBTFUL", float(trust[2:4].mean()))
    done(clip, tmp_path, meshes=True, blurred=way)
    rows = [frame["tracks"][0] for frame in json.loads((tmp_path / "manifest.json").read_text())["frames"]]
    doubtful = [row for row in rows if row["status"] != "done"]
    assert len(doubtful) == 3 and {row["status"] for row in doubtful} == {"skipped" if way == "skip" else "flagged"}
    good = {row["mesh"] for row in rows if row["status"] == "done"}
    assert {row["mesh"] for row in doubtful} <= ({None} if way == "skip" else good)
    assert len([*(tmp_path / "face" / "face-1" / "frames").glob("*.ply")]) == 5 == len(good)


def test_depth_landmarks_and_camera_belong_together(finished):
    out, _ = finished
    home = out / "face" / "face-1" / "frames"
    depth = cv2.imread(str(home / "000004_depth.png"), cv2.IMREAD_UNCHANGED)
    assert depth.dtype == np.uint16 and depth.shape == (256, 320) and 0.03 < (depth > 0).mean() < 0.6
    points = json.loads((home / "000004.json").read_text())["schemes"]["mediapipe478"]
    x, y = np.array(points["pixels"][4]).astype(int)
    assert points["visible"][4] and depth[y, x] > 0, "the tip of the nose"
    inside = depth[depth > 0]
    assert depth[y, x] < np.median(inside), "it is nearer than most"


def test_a_run_goes_on_where_it_was_stopped(clip, tmp_path, monkeypatch):
    monkeypatch.setattr(key_frames, "MOST", 2)
    first = []

    def stopped(self):
        first.append(1)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(drawing.FaceDrawing, "all_frames", stopped)
        with pytest.raises(KeyboardInterrupt):
            done(clip, tmp_path)
    kept = {path.name for path in (tmp_path / "face").glob(".*")}
    assert {memory.SEEN, memory.WATCHED, ".fitted-1.npz", ".moved-1.npz"} <= kept
    monkeypatch.setattr(memory, "watch_faces", lambda *_: pytest.fail("watched again"))
    [(result, _)] = done(clip, tmp_path)
    assert len(result.motion) == 8 and not [*(tmp_path / "face").glob(".*")]


def test_a_clip_without_a_face_is_refused_in_one_line(tmp_path):
    path = write_clip(tmp_path / "empty.mp4", [np.full((64, 96, 3), 90, np.uint8)] * 4)
    with pytest.raises(NothingFound, match="no face found in 4 frames"):
        done(path, tmp_path / "out")
    assert not [*(tmp_path / "out" / "empty").glob("*")]


def test_a_texture_that_fails_is_a_failure_of_that_person(clip, tmp_path, monkeypatch):
    monkeypatch.setattr(key_frames, "MOST", 1)
    monkeypatch.setattr(subject.texturing, "finish", lambda *_: 1 / 0)
    folder = OutputFolder(tmp_path)
    [failed] = reconstruct_faces(clip, folder, options_from(**SETTINGS), lambda *_: None)
    assert isinstance(failed, Failure) and "face-1" in str(failed.error) and "ZeroDivisionError" in str(failed.error)
    assert (tmp_path / "face" / ".moved-1.npz").is_file() is False, "a run that is through keeps nothing"


def test_a_motion_is_kept_as_it_was(finished, tmp_path):
    _, [(result, _)] = finished
    motion = replace(result.motion, light=None)
    again = memory.motion_of({name: np.asarray(value) for name, value in memory.arrays_of_motion(motion).items()})
    for name in ("times", "frames", "rotations", "translation", "expression", "gaze", "opening", "trust"):
        assert np.array_equal(getattr(again, name), getattr(motion, name), equal_nan=name == "opening"), name
    assert (again.size, again.focal, again.light) == (motion.size, motion.focal, None)
