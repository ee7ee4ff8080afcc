"""AFLW2000-3D and 300W-LP: tiny sets of the same layout."""

from __future__ import annotations

import json

import numpy as np
import pytest
from PIL import Image
from scipy.io import savemat

from face_points import points
from maquette.core.errors import BadInput
from maquette.evaluation.benchmarks.aflw import evaluate_landmarks, read_annotation, read_predictions, read_set


@pytest.fixture
def aflw(tmp_path):
    """Four images in AFLW2000-3D's format; MATLAB counts pixels from 1."""
    for k, yaw in enumerate((0.1, -0.7, 1.2, 0.2)):
        pose = np.array([[0.0, yaw, 0, 10, 10, 0, 0.001]])
        table = {"pt3d_68": points(k).T + np.array([[0.5], [0.5], [0]]), "Pose_Para": pose, "pt2d": -np.ones((2, 21))}
        savemat(tmp_path / f"image0000{k}.mat", table)
        Image.fromarray(np.full((220, 240, 3), 40 + 60 * k, np.uint8)).save(tmp_path / f"image0000{k}.jpg")
    return tmp_path


def predictions(folder, shift, form="npz", count=4, columns=3):
    rows = {f"image0000{k}": (points(k) + np.array([shift, 0, 0]))[:, :columns] for k in range(count)}
    path = folder / f"mine.{form}"
    if form == "npz":
        np.savez(path, **rows)
    else:
        path.write_text(json.dumps({f"{name}.jpg": value.tolist() for name, value in rows.items()}))
    return path


@pytest.mark.parametrize("form", ["npz", "json"])
def test_a_known_shift_gives_its_nme(aflw, form):
    table = evaluate_landmarks(aflw, predictions(aflw, 3.0, form))
    assert table.column("yaw") == ["yaw 0-30", "yaw 30-60", "yaw 60-90", "all", "mean of the bins"]
    assert table.column("n") == [2, 1, 1, 4, 4]
    assert table.column("NME %") == pytest.approx([3.0] * 5)
    assert table.column("NME 3D %")[3] == pytest.approx(3.0)
    assert table.column("AUC to 0.07")[3] == pytest.approx(4 / 7)
    assert len(table.curves["all"]) == 4 and "exposure" in table.more[0].title
    assert evaluate_landmarks(aflw, predictions(aflw, 0.0)).column("NME %") == pytest.approx([0] * 5, abs=1e-9)


def test_flat_predictions_have_no_depth_score(aflw):
    assert evaluate_landmarks(aflw, predictions(aflw, 1.0, columns=2)).column("NME 3D %")[3] is None


def test_300w_lp_layouts(tmp_path):
    """pt2d in the .mat, or pts_3d in landmarks/SET/NAME_pts.mat, which is preferred."""
    folder = tmp_path / "AFW"
    folder.mkdir()
    savemat(folder / "a_0.mat", {"pt2d": points().T[:2] + 0.5, "Pose_Para": np.zeros((1, 7))})
    assert read_annotation(folder / "a_0.mat").source == "pt2d"
    assert np.allclose(read_annotation(folder / "a_0.mat").points, points()[:, :2])
    (tmp_path / "landmarks" / "AFW").mkdir(parents=True)
    savemat(tmp_path / "landmarks" / "AFW" / "a_0_pts.mat", {"pts_3d": points(1)[:, :2] + 0.5})
    (row,) = read_set(tmp_path)
    assert row.source == "pts_3d" and np.allclose(row.points, points(1)[:, :2]) and row.yaw == 0


@pytest.mark.parametrize(
    "content, reported",
    [
        (b"", "image9.mat"),
        (b"Dear sir, this is a letter. " * 20, "not a readable MATLAB"),
        ({"Pose_Para": np.zeros((1, 7))}, "the column pt3d_68.*is missing; it holds Pose_Para"),
        ({"pt2d": np.zeros((2, 21))}, "the column pt3d_68.*is missing"),
        ({"pt3d_68": np.zeros((3, 60))}, "wanted 68 points"),
        ({"pt3d_68": np.full((3, 68), np.nan)}, "NaN"),
        ({"pt3d_68": "a text"}, "wanted numbers"),
        ({"pt3d_68": np.zeros((3, 400_000))}, "too large"),
    ],
    ids=lambda value: str(value)[:20],
)
def test_a_wrong_mat_is_one_line(tmp_path, content, reported):
    path = tmp_path / "image9.mat"
    if isinstance(content, bytes):
        path.write_bytes(content)
    else:
        savemat(path, content)
    with pytest.raises(BadInput, match=reported) as caught:
        read_set(tmp_path)
    assert "image9.mat" in str(caught.value) and "\n" not in str(caught.value)


def test_a_damaged_mat_is_one_line(aflw):
    whole = (aflw / "image00000.mat").read_bytes()
    generator = np.random.default_rng(0)
    for _ in range(40):
        damaged = bytearray(whole[: generator.integers(100, len(whole))])
        for at in generator.integers(0, len(damaged), 12):
            damaged[at] = generator.integers(0, 256)
        (aflw / "image00000.mat").write_bytes(bytes(damaged))
        try:
            read_annotation(aflw / "image00000.mat")
        except BadInput as error:
            assert "image00000.mat" in str(error)


def test_empty_and_absent_sets(tmp_path):
    with pytest.raises(BadInput, match=r"holds no .mat"):
        read_set(tmp_path)
    with pytest.raises(BadInput, match="there is none"):
        read_set(tmp_path / "none")


def test_mixed_kinds_of_landmarks_are_refused(aflw):
    savemat(aflw / "z.mat", {"pt2d": points().T[:2]})
    with pytest.raises(BadInput, match="different kinds"):
        read_set(aflw)


def test_predictions_must_match_the_set(aflw):
    names = [f"image0000{k}" for k in range(4)]
    with pytest.raises(BadInput, match=r"lacks 1 of 4 images .first: image00003"):
        read_predictions(predictions(aflw, 0, count=3), names)
    with pytest.raises(BadInput, match="names 1 images that the set has not"):
        read_predictions(predictions(aflw, 0, count=5), names)
    np.savez(aflw / "nan.npz", **{name: np.full((68, 2), np.nan) for name in names})
    with pytest.raises(BadInput, match="NaN"):
        read_predictions(aflw / "nan.npz", names)
    np.savez(aflw / "few.npz", **{name: np.zeros((5, 2)) for name in names})
    with pytest.raises(BadInput, match="wanted 68 landmarks"):
        read_predictions(aflw / "few.npz", names)
    (aflw / "cut.npz").write_bytes((aflw / "few.npz").read_bytes()[:500])
    with pytest.raises(BadInput, match=r"cut.npz"):
        read_predictions(aflw / "cut.npz", names)
    (aflw / "letter.json").write_text("[1, 2]")
    with pytest.raises(BadInput, match=r"letter.json"):
        read_predictions(aflw / "letter.json", names)


def test_the_method_runs_on_each_photo_and_failures_count(aflw, monkeypatch):
    from maquette.core.errors import NothingFound
    from maquette.evaluation import predict

    class Fake:
        def __init__(self, options):
            pass

        def predict(self, photo, box):
            if photo.stem == "image00003":
                raise NothingFound(f"{photo.name}: no face found")
            assert box[2] > box[0]
            return type("P", (), {"pixels": points(int(photo.stem[-1])) + np.array([1, 0, 0])})

    monkeypatch.setattr(predict, "Predictor", Fake)
    reported = []
    table = evaluate_landmarks(aflw, progress=lambda name, _stage: reported.append(name))
    row = dict(zip(table.columns, table.rows[3]))
    assert row["n"] == 4 and row["found"] == 3 and row["NME %"] == pytest.approx(1.0)
    assert row["failures above 0.1 %"] == 25 and reported == [f"image0000{k}" for k in range(4)]
    (aflw / "image00001.jpg").unlink()
    with pytest.raises(BadInput, match="image00001: no photo"):
        evaluate_landmarks(aflw)
