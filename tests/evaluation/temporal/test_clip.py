"""Steadiness over a clip: known jitter, known motion, and results that lack something."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
import trimesh

from clips import write_clip
from maquette.core.errors import BadInput
from maquette.evaluation.temporal import clip as module
from maquette.evaluation.temporal.clip import acceleration, evaluate_clip, flow_warped, rect_jitter

PIXELS_PER_METRE = 100.0
SIZE = (320, 240)


def test_jitter_of_noise_is_its_deviation_and_motion_is_none():
    generator = np.random.default_rng(0)
    still = np.tile([100.0, 50, 200, 200], (4000, 1))
    centres = still + generator.normal(0, 3, still.shape)
    centres[:, :2] -= (centres[:, 2:] - still[:, 2:]) / 2  # noise of 3 in centre and in size
    assert rect_jitter(centres) == pytest.approx(3, rel=0.03)
    moving = still + np.arange(4000)[:, None] * [5, 2, 1, 1]
    assert rect_jitter(moving) == pytest.approx(0, abs=1e-9)
    with pytest.raises(BadInput, match="at least 3 frames"):
        rect_jitter(still[:2])


def test_a_gap_is_no_jitter():
    frames = np.array([0, 1, 2, 3, 40, 41, 42.0])
    rects = np.stack([5 * frames, 0 * frames, 90 + 0 * frames, 90 + 0 * frames], axis=1)
    assert rect_jitter(rects, frames) == pytest.approx(0, abs=1e-9)


def test_acceleration_of_a_fall():
    times = np.array([0, 0.03, 0.1, 0.12, 0.2])
    points = np.stack([0.5 * 9.81 * times**2, 3 * times], axis=1)[:, None]
    assert np.allclose(acceleration(points, times), 9.81)


def test_flow_carries_a_mask_along():
    generator = np.random.default_rng(0)
    texture = np.kron(generator.integers(0, 255, (40, 60, 3)), np.ones((4, 4, 1))).astype(np.uint8)
    mask = np.zeros(texture.shape[:2], bool)
    mask[40:120, 60:140] = True
    moved = np.roll(mask, (3, 6), (0, 1))
    found = flow_warped(mask, texture, np.roll(texture, (3, 6), (0, 1)))
    before, after = module.silhouette_iou(mask, moved), module.silhouette_iou(found, moved)
    assert after > 0.96 > before


def result(root, shifts, **more):
    """OUT of a clip in which a box of 0.6 x 1.2 x 0.3 m moves by the given metres to the right; the crop stays."""
    frames = root / "out" / "walk" / "person-1" / "frames"
    frames.mkdir(parents=True)
    generator = np.random.default_rng(0)
    ground = np.kron(generator.integers(0, 255, (30, 40, 3)), np.ones((8, 8, 1))).astype(np.uint8)
    body = np.kron(generator.integers(0, 255, (15, 8, 3)), np.ones((8, 8, 1))).astype(np.uint8)[:120, :60]
    rows, pictures = [], []
    for k, shift in enumerate(shifts):
        mesh = trimesh.creation.box((0.6, 1.2, 0.3)).subdivide()
        mesh.apply_translation([shift, 0, 0]).export(frames / f"{k:06d}.ply")
        left = round(130 + shift * PIXELS_PER_METRE)
        picture = ground.copy()
        picture[60:180, left : left + 60] = body
        pictures.append(picture)
        reported = {
            "intrinsics": [[PIXELS_PER_METRE, 0, 160], [0, PIXELS_PER_METRE, 120], [0, 0, 1]],
            "world_to_camera": [[1, 0, 0, 0], [0, -1, 0, 0], [0, 0, -1, 5], [0, 0, 0, 1]],
            "size": list(SIZE),
            "projection": "orthographic",
        }
        row = {"track": 1, "status": "done", "reason": "", "rect": [0, 0, *SIZE], "camera": reported, "scores": {}}
        row["mesh"] = f"walk/person-1/frames/{k:06d}.ply"
        rows.append({"frame": k, "time": k / 25, "tracks": [{**row, **more.get("changed", {}).get(k, {})}]})
    write_clip(root / "walk.mp4", pictures, options={"crf": "10"})
    reported = {"clip": str(root / "walk.mp4"), "fps": 25, "settings": {"method": "pifuhd"}, "frames": rows}
    (root / "out" / "manifest.json").write_text(json.dumps(reported))
    return root / "out"


def test_a_walk_is_measured(tmp_path):
    table = evaluate_clip(result(tmp_path, 0.06 * np.arange(6)))
    (row,) = [dict(zip(table.columns, row)) for row in table.rows]
    assert row["person"] == "walk/person-1" and row["frames"] == 6 and row["pairs"] == 5 and row["missing"] == 0
    assert row["rect jitter px"] == pytest.approx(0, abs=1e-9)
    assert row["silhouette IoU"] == pytest.approx(54 / 66, abs=0.02)
    assert row["IoU after flow"] > 0.93
    assert 8 < row["Chamfer mm"] < 60 and row["joint acceleration m/s2"] is None


def test_joints_of_the_fitted_body(tmp_path, monkeypatch):
    """Key points that fall: 9.81 m/s2, whatever the meshes do."""
    folder = result(tmp_path, np.zeros(5))
    plain = module.read_person_mesh

    def falling(view):
        points = np.zeros((33, 3)) - [0, 0.5 * 9.81 * view.time**2, 0]
        return replace(plain(view), keypoints={"mediapipe33": points})

    monkeypatch.setattr(module, "read_person_mesh", falling)
    table = evaluate_clip(folder, flow=False)
    assert table.column("joint acceleration m/s2")[0] == pytest.approx(9.81)


def test_who_stands_still_does_not_change(tmp_path):
    table = evaluate_clip(result(tmp_path, np.zeros(4)))
    assert table.column("silhouette IoU") == [1.0] and table.column("Chamfer mm")[0] < 0.01
    again = evaluate_clip(tmp_path / "out")
    assert again.rows == table.rows


def test_the_crop_may_move(tmp_path):
    """The silhouette is compared in the whole frame, whatever the crop."""
    folder = result(tmp_path, np.zeros(4), changed={2: {"rect": [20, 10, *SIZE]}})
    whole = json.loads((folder / "manifest.json").read_text())
    moved = whole["frames"][2]["tracks"][0]["camera"]["intrinsics"]
    moved[0][2], moved[1][2] = 140, 110
    (folder / "manifest.json").write_text(json.dumps(whole))
    table = evaluate_clip(folder, flow=False)
    assert table.column("silhouette IoU")[0] > 0.97 and table.column("rect jitter px")[0] > 5


def test_missing_frames_and_a_missing_clip_are_reported(tmp_path):
    folder = result(tmp_path, np.zeros(6), changed={2: {"status": "failed", "reason": "lost", "mesh": None}})
    (tmp_path / "walk.mp4").unlink()
    table = evaluate_clip(folder)
    assert table.column("frames") == [5] and table.column("missing") == [1] and table.column("pairs") == [3]
    assert table.column("IoU after flow") == [None] and any("no flow" in note for note in table.notes)
    with pytest.raises(BadInput, match="no such file"):
        evaluate_clip(folder, tmp_path / "other.mp4")


def test_nothing_to_measure_is_reported(tmp_path):
    with pytest.raises(BadInput, match=r"holds no manifest.json"):
        evaluate_clip(tmp_path)
    with pytest.raises(BadInput, match="nobody with two frames"):
        evaluate_clip(result(tmp_path, [0.0]))
