"""NoW on a tiny set of the same layout, with predictions whose error is known."""

from __future__ import annotations

import numpy as np
import pytest

from maquette.core.errors import BadInput
from maquette.evaluation.benchmarks.now import evaluate_now
from maquette.evaluation.benchmarks.seven_landmarks import SEVEN
from scan_sets import TURN, cell, write_pp


@pytest.fixture(autouse=True)
def few(monkeypatch):
    """Fewer points steer the alignment."""
    monkeypatch.setattr("maquette.evaluation.benchmarks.seven_landmarks.SETTLE_POINTS", 300)


@pytest.fixture
def now(tmp_path, head, write_obj):
    """Two subjects, three images; the scans lie turned and shifted."""
    shape, points = head
    lines = ["FaMoS_1/multiview_neutral/IMG_1.jpg", "FaMoS_1/selfie/IMG_2.jpg", "FaMoS_2/selfie/IMG_3.jpg"]
    (tmp_path / "imagepathsvalidation.txt").write_text("\n".join(lines) + "\n")
    for subject in ("FaMoS_1", "FaMoS_2"):
        write_obj(tmp_path / f"scans/{subject}/natural_head.obj", shape.moved(shape.vertices @ TURN.T + [5, 60, -9]))
        write_pp(tmp_path / f"scans_lmks_onlypp/{subject}/a.pp", points[list(SEVEN)] @ TURN.T + [5, 60, -9])
    return tmp_path


def predict_now(folder, head, write_obj, scale=1.0, unit=0.001, count=3):
    shape, points = head
    stems = ["FaMoS_1/multiview_neutral/IMG_1", "FaMoS_1/selfie/IMG_2", "FaMoS_2/selfie/IMG_3"]
    for stem in stems[:count]:
        write_obj(folder / f"{stem}.obj", shape.moved(scale * unit * shape.vertices))
        np.save(folder / f"{stem}.npy", scale * unit * points[list(SEVEN)])
    return folder


def test_now_a_perfect_head_is_zero_and_a_larger_one_only_without_scale(now, head, write_obj, tmp_path):
    reported = []
    perfect = predict_now(tmp_path / "perfect", head, write_obj)
    table = evaluate_now(now, perfect, progress=lambda name, _stage: reported.append(name))
    assert [row[0] for row in table.rows] == ["multiview_neutral"] * 2 + ["selfie"] * 2 + ["all"] * 2
    assert max(table.column("mean mm")) < 1e-3 and max(table.column("landmarks only, median mm")) < 1e-3
    assert cell(table, "n", images="selfie", alignment="metric") == 2 and len(reported) == 3
    large = evaluate_now(now, predict_now(tmp_path / "large", head, write_obj, 1.05))
    assert cell(large, "median mm", images="all", alignment="similarity") < 0.01
    assert cell(large, "median mm", images="all", alignment="metric") > 0.3
    assert set(large.curves) == {"similarity", "metric"}


def test_units_of_predictions(now, head, write_obj, tmp_path):
    table = evaluate_now(now, predict_now(tmp_path / "cm", head, write_obj, unit=0.1), "cm")
    assert max(table.column("mean mm")) < 1e-3
    with pytest.raises(BadInput, match=r"IMG_1.obj: is 100 times as large as the scan: give its --unit"):
        evaluate_now(now, tmp_path / "cm")
    with pytest.raises(BadInput, match="unit 'inch'"):
        evaluate_now(now, tmp_path / "cm", "inch")


def test_now_a_dent_is_measured(now, head, write_obj, tmp_path):
    """A ball of the face pushed 6 mm back: the mean lies between nothing and 6 mm, the same in any pose."""
    shape, points = head
    dented = shape.vertices.copy()
    dented[np.linalg.norm(dented - points[30], axis=1) < 25, 2] -= 6.0
    table = evaluate_now(now, predict_now(tmp_path / "dent", (shape.moved(dented), points), write_obj))
    assert 0.2 < cell(table, "mean mm", images="all", alignment="metric") < 3
    deviation = cell(table, "std mm", images="all", alignment="metric")
    mean, rmse = (cell(table, c, images="all", alignment="metric") for c in ("mean mm", "3D-RMSE mm"))
    assert rmse == pytest.approx(np.hypot(mean, deviation))


def break_now(now, case):
    """Damage the set in one way; returns what the message must say."""
    if case == "list":
        (now / "imagepathsvalidation.txt").unlink()
        return "wanted a NoW folder"
    if case == "empty list":
        (now / "imagepathsvalidation.txt").write_text("\n")
        return "is empty"
    if case == "line":
        (now / "imagepathsvalidation.txt").write_text("IMG_1.jpg\n")
        return "wanted SUBJECT/CHALLENGE/NAME.jpg"
    if case == "scan":
        (now / "scans/FaMoS_2/natural_head.obj").unlink()
        return "FaMoS_2: holds no .obj"
    if case == "landmarks":
        write_pp(now / "scans_lmks_onlypp/FaMoS_1/a.pp", np.zeros((6, 3)))
        return r"wanted \(7, 3\) points, got \(6, 3\)"
    (now / "scans/FaMoS_1/natural_head.obj").write_text("v 0 0 0\nv 1 0 0\nv 0 1 0\n")
    return "natural_head.obj: has no faces"


@pytest.mark.parametrize("case", ["list", "empty list", "line", "scan", "landmarks", "points"])
def test_a_wrong_now_set_is_one_line(now, head, write_obj, tmp_path, case):
    mine = predict_now(tmp_path / "mine", head, write_obj)
    with pytest.raises(BadInput, match=break_now(now, case)) as caught:
        evaluate_now(now, mine)
    assert "\n" not in str(caught.value)


def test_missing_and_broken_predictions_are_named(now, head, write_obj, tmp_path):
    mine = predict_now(tmp_path / "mine", head, write_obj, count=2)
    with pytest.raises(BadInput, match=r"lacks 1 of 3 images .first: FaMoS_2/selfie/IMG_3"):
        evaluate_now(now, mine)
    predict_now(mine, head, write_obj)
    np.save(mine / "FaMoS_2/selfie/IMG_3.npy", np.full((7, 3), np.nan))
    with pytest.raises(BadInput, match=r"IMG_3.npy: holds NaN"):
        evaluate_now(now, mine)
    (mine / "FaMoS_2/selfie/IMG_3.npy").unlink()
    with pytest.raises(BadInput, match=r"IMG_3.obj: no landmarks beside it"):
        evaluate_now(now, mine)
    with pytest.raises(BadInput, match=r"no photo .3 of 3 images.: give --predictions"):
        evaluate_now(now)
    with pytest.raises(BadInput, match="none: wanted a folder"):
        evaluate_now(now, tmp_path / "none")
