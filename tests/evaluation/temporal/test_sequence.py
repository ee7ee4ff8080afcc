"""Jitter and drift: known answers, slow twins, and sequences from files with gaps, noise and damage."""

from __future__ import annotations

import numpy as np
import pytest

from maquette import morphable
from maquette.core.errors import BadInput
from maquette.evaluation.temporal import sequence
from maquette.geometry.camera import project
from results import BOX, CROP, make_camera


def slow_jitter(points):
    total = []
    for t in range(1, len(points) - 1):
        for v in range(points.shape[1]):
            total.append(np.linalg.norm(points[t + 1, v] - 2 * points[t, v] + points[t - 1, v]))
    return np.mean(total)


def slow_drift(neutral):
    spreads = []
    for v in range(neutral.shape[1]):
        middle = sum(neutral[:, v]) / len(neutral)
        spreads.append(np.sqrt(np.mean([np.sum((p - middle) ** 2) for p in neutral[:, v]])))
    return np.mean(spreads)


def test_what_moves_evenly_does_not_jitter():
    time = np.arange(6.0)[:, None, None]
    straight = time * np.array([[1.0, 2, 3], [0, 0, 5]])
    assert sequence.jitter(straight) == pytest.approx(0, abs=1e-12)
    # Constant acceleration a gives exactly a; an alternation of +-d gives 4 d.
    assert sequence.jitter(straight + 0.5 * time**2 * [3.0, 0, 4.0]) == pytest.approx(5)
    assert sequence.jitter((-1.0) ** time * [[0.25, 0, 0]]) == pytest.approx(1)
    assert sequence.jitter(np.zeros((3, 4, 2))) == 0


def test_jitter_and_drift_match_loops():
    points = np.random.default_rng(0).normal(size=(7, 5, 3))
    assert sequence.jitter(points) == pytest.approx(slow_jitter(points))
    assert sequence.identity_drift(points) == pytest.approx(slow_drift(points))


def test_white_noise_jitters_by_its_known_mean():
    sigma, random = 0.3, np.random.default_rng(1)
    noise = random.normal(0, sigma, (400, 300, 3))
    # Each component of the second difference has variance 6 sigma^2; a 3D Gaussian's norm has mean 2 sqrt(2 / pi).
    assert sequence.jitter(noise) == pytest.approx(np.sqrt(6) * sigma * 2 * np.sqrt(2 / np.pi), rel=0.01)


def test_a_gap_is_no_jump():
    number = np.array([1.0, 2, 3, 4, 9, 10, 11])
    points = number[:, None, None] * [[1.0, 0, 0]]
    assert sequence.jitter(points) > 0
    assert sequence.jitter(points, number) == pytest.approx(0)
    assert len(sequence.second_difference(points, number)) == 3
    with pytest.raises(BadInput, match="follow each other evenly"):
        sequence.jitter(points[:3], np.array([1.0, 2, 9]))
    with pytest.raises(BadInput, match="ascending"):
        sequence.jitter(points, number[::-1])


def test_drift_of_two_states_is_half_their_distance():
    neutral = np.zeros((4, 3, 3))
    neutral[::2, :, 0] = 2.0
    assert sequence.identity_drift(neutral) == pytest.approx(1.0)
    assert sequence.coefficient_spread(neutral[:, 0]) == pytest.approx(np.sqrt(1 / 3))
    assert sequence.identity_drift(np.ones((2, 5, 3))) == 0


def test_bad_sequences_are_named():
    good = np.zeros((4, 2, 3))
    spoilt = good.copy()
    spoilt[2, 1, 0] = np.nan
    with pytest.raises(BadInput, match="frame 2 holds NaN or infinity"):
        sequence.jitter(spoilt)
    with pytest.raises(BadInput, match="at least 3 frames, got 2"):
        sequence.jitter(good[:2])
    with pytest.raises(BadInput, match="without an empty axis"):
        sequence.jitter(good[:, :0])
    with pytest.raises(BadInput, match="at least 2 frames, got 1"):
        sequence.identity_drift(good[:1])


def test_frames_are_numbered_by_their_names():
    assert sequence.frame_numbers(["f10", "f9", "f2"]).tolist() == [10, 9, 2]
    assert sequence.frame_numbers(["anna_3", "bert_1", "carl_2"]).tolist() == [0, 1, 2]
    assert sequence.frame_numbers(["b", "c", "a"]).tolist() == [1, 2, 0]


def save_frame(folder, name, subject="face-1", **changes):
    """One parameters.npz as maquette face writes it."""
    model, camera = morphable.load("maquette-head"), make_camera()
    arrays = {
        "identity": np.zeros(len(model.identity_basis)),
        "expression": np.zeros((1, len(model.expression_names))),
        "scale": np.array([1.0]),
        "camera_intrinsics": camera.intrinsics[None],
        "camera_world_to_camera": camera.world_to_camera[None],
        "camera_size": np.array([CROP]),
        "camera_projection": np.array(["perspective"]),
        "box": BOX[None],
        "photo": np.array([f"{name}.jpg"]),
        "model": np.array(model.name),
        "model_edition": np.array(model.edition),
        **changes,
    }
    place = folder / name / subject
    place.mkdir(parents=True)
    np.savez(place / "parameters.npz", **{key: value for key, value in arrays.items() if value is not None})
    return place / "parameters.npz"


def test_a_still_clip_is_perfectly_steady(tmp_path):
    for k in range(4):
        save_frame(tmp_path, f"f{k}")
    row = sequence.evaluate_temporal(tmp_path).rows[0]
    assert row[:3] == ("face-1", 4, 2)
    assert row[3:] == pytest.approx([0] * 6, abs=1e-6)


def test_a_moving_clip_has_the_jitter_it_was_given(tmp_path):
    model = morphable.load("maquette-head")
    face = model.regions["face"] > 0.5
    jaw = model.expression_names.index("jawOpen")
    poses, scales = [], [1.0, 1.02, 1.0, 1.02, 1.0]
    shift = np.array([[0, 0, 3.5], [0, 0, 3.5], [0, 0, 0]])  # of the crop, whose pixels are two of the frame's
    for k in range(5):
        pose = make_camera().world_to_camera
        pose[:3, 3] += [0, 0, 0.002 * (k % 2)]
        expression = np.zeros((1, len(model.expression_names)))
        expression[0, jaw] = 0.1 * k  # evenly opened: no jitter
        poses.append(pose)
        # Frame 10 sorts behind frame 9; the crop moves, which the full frame must not notice.
        save_frame(
            tmp_path,
            f"f{k + 8}",
            camera_world_to_camera=pose[None],
            expression=expression,
            scale=np.array([scales[k]]),
            box=BOX[None] + 7 * (k % 2),
            camera_intrinsics=make_camera().intrinsics[None] - shift * (k % 2),
        )
    row = dict(zip(sequence.COLUMNS, sequence.evaluate_temporal(tmp_path).rows[0]))
    frames = [
        model.vertices(np.zeros(1), np.eye(len(model.expression_names))[jaw] * 0.1 * k, scales[k]).astype(float)
        for k in range(5)
    ]
    head = 1000 * np.stack([vertices[face] for vertices in frames])
    assert row["head jitter mm"] == pytest.approx(slow_jitter(head), rel=1e-5)
    inside = [vertices[face] @ pose[:3, :3].T + pose[:3, 3] for vertices, pose in zip(frames, poses)]
    assert row["camera jitter mm"] == pytest.approx(slow_jitter(1000 * np.stack(inside)), rel=1e-5)
    embedding, pixels = model.embeddings["mediapipe478"], []
    for vertices, pose in zip(frames, poses):
        camera = make_camera()
        camera.world_to_camera[:] = pose
        pixels.append(2 * project(camera, embedding.points(vertices, model.faces))[0])  # crop at half resolution
    assert row["image jitter px"] == pytest.approx(slow_jitter(np.stack(pixels)), rel=1e-5)
    neutral = 1000 * np.stack([model.mean[face] * scale for scale in scales])
    assert row["identity drift mm"] == pytest.approx(slow_drift(neutral), rel=1e-4)
    assert row["size drift %"] == pytest.approx(100 * np.std(scales) / np.mean(scales))


def test_identity_weights_drift(tmp_path):
    count = len(morphable.load("maquette-head").identity_basis)
    for k in range(4):
        save_frame(tmp_path, f"f{k}", identity=np.full(count, 0.5 * (k % 2)))
    row = dict(zip(sequence.COLUMNS, sequence.evaluate_temporal(tmp_path).rows[0]))
    assert row["coefficient spread"] == pytest.approx(0.25)
    assert row["identity drift mm"] > 0.1 and row["size drift %"] == 0


def test_times_in_the_files_order_the_frames(tmp_path):
    for k, time in enumerate([0.08, 0.0, 0.04, 0.5]):
        pose = make_camera().world_to_camera
        pose[:3, 3] += [0, 0, time]
        save_frame(tmp_path, f"f{k}", time=np.array([time]), camera_world_to_camera=pose[None])
    row = dict(zip(sequence.COLUMNS, sequence.evaluate_temporal(tmp_path).rows[0]))
    assert row["frames"] == 4 and row["steps"] == 1
    assert row["camera jitter mm"] == pytest.approx(0, abs=1e-9)


def test_a_passer_by_is_left_out_and_reported(tmp_path):
    for k in range(3):
        save_frame(tmp_path, f"f{k}")
    save_frame(tmp_path, "f1", "face-2")
    table = sequence.evaluate_temporal(tmp_path)
    assert table.column("subject") == ["face-1"]
    assert any("face-2: left out" in note for note in table.notes)


@pytest.mark.parametrize(
    ("changes", "reported"),
    [
        ({"scale": np.array([np.nan])}, "scale holds NaN"),
        ({"identity": None}, "lacks identity"),
        ({"model": np.array("other")}, "made with model 'other'"),
        ({"model_edition": None}, "of edition 1 of maquette-head, wanted 2"),
        ({"model_edition": np.array(3)}, "of edition 3 of maquette-head, wanted 2"),
        ({"expression": np.zeros((1, 7))}, "do not fit the model"),
        ({"expression": np.zeros((2, 52))}, "as many of each per photo"),
        ({"camera_world_to_camera": np.eye(3)[None]}, "cameras are damaged"),
    ],
)
def test_broken_files_are_named(tmp_path, changes, reported):
    for k in range(3):
        path = save_frame(tmp_path, f"f{k}", **(changes if k == 2 else {}))
    with pytest.raises(BadInput, match=reported) as error:
        sequence.evaluate_temporal(tmp_path)
    assert str(path) in str(error.value) and "\n" not in str(error.value)


def test_folders_without_a_clip_are_named(tmp_path):
    with pytest.raises(BadInput, match="no such folder"):
        sequence.evaluate_temporal(tmp_path / "none")
    with pytest.raises(BadInput, match=r"holds no parameters.npz"):
        sequence.evaluate_temporal(tmp_path)
    path = save_frame(tmp_path, "f0")
    with pytest.raises(BadInput, match="at least 3 frames"):
        sequence.evaluate_temporal(tmp_path)
    path.write_bytes(b"PK broken")
    with pytest.raises(BadInput, match=r"not a readable .npz"):
        sequence.evaluate_temporal(tmp_path)
