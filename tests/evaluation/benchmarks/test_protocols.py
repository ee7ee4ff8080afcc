"""NoW, Feng and REALY on tiny sets of the same layout, with predictions whose error is known."""

from __future__ import annotations

import json

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from maquette import morphable
from maquette.core.errors import BadInput
from maquette.evaluation.benchmarks.feng import evaluate_feng
from maquette.evaluation.benchmarks.now import evaluate_now
from maquette.evaluation.benchmarks.realy import REGIONS, evaluate_realy
from maquette.evaluation.benchmarks.seven_landmarks import SEVEN, face_region, quantiles
from maquette.evaluation.meshes import Shape

TURN = Rotation.from_euler("xyz", [20, -40, 10], degrees=True).as_matrix()


@pytest.fixture(autouse=True)
def few(monkeypatch):
    """Fewer points steer the alignment."""
    monkeypatch.setattr("maquette.evaluation.benchmarks.seven_landmarks.SETTLE_POINTS", 300)


@pytest.fixture(scope="module")
def head():
    """The front of the average head, mm, and its 68 points."""
    model = morphable.load("maquette-head")
    vertices = 1000.0 * model.mean.astype(float)
    faces = model.faces[model.parts["skin"]]
    faces = faces[vertices[faces][:, :, 2].min(axis=1) > 0]
    used, index = np.unique(faces, return_inverse=True)
    shape = Shape(vertices[used], index.reshape(-1, 3))
    return shape, model.embeddings["ibug68"].points(vertices, model.faces)


def write_pp(path, points):
    path.parent.mkdir(parents=True, exist_ok=True)
    rows = "".join(f'<point x="{x}" y="{y}" z="{z}" name="{k}"/>\n' for k, (x, y, z) in enumerate(points))
    path.write_text(f"<PickedPoints>\n{rows}</PickedPoints>\n")


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


def cell(table, column, **keys):
    rows = [dict(zip(table.columns, row)) for row in table.rows]
    (row,) = [row for row in rows if all(row[key] == value for key, value in keys.items())]
    return row[column]


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


def test_the_region_is_a_ball_of_the_stated_radius():
    seven = np.array(
        [[-45, 0, 0], [-15, 0, 0], [15, 0, 0], [45, 0, 0], [0, -40, 0], [-25, -70, 0], [25, -70, 0]], float
    )
    radius = 1.4 * (90 + 40) / 2
    around = np.random.default_rng(0).normal(size=(500, 3))
    around /= np.linalg.norm(around, axis=1, keepdims=True)
    centre = np.array([0, -28, 0])
    assert face_region(centre + 0.999 * radius * around, seven, 1.4).all()
    assert not face_region(centre + 1.001 * radius * around, seven, 1.4).any()


def test_quantiles_keep_the_distribution():
    values = np.random.default_rng(0).exponential(size=200_000)
    kept = quantiles(values)
    assert len(kept) == 10_001 and np.median(kept) == pytest.approx(np.median(values), rel=1e-3)
    assert np.array_equal(quantiles(values[:50]), np.sort(values[:50]))


def test_realy_counts_sliding_that_nearest_points_forgive(realy, head, write_obj, tmp_path):
    """Key points that claim to sit 3 mm beside where they are: the surface is perfect, the correspondence is not."""
    shape, points = head
    write_obj(tmp_path / "mine/1.obj", shape)
    moved = points.copy()
    moved[48:] += [0, 3.0, 0]
    np.save(tmp_path / "mine/1.npy", moved)
    table = evaluate_realy(realy, tmp_path / "mine")
    assert cell(table, "nearest mm", region="mouth") < 0.1 < 0.3 < cell(table, "NMSE mm", region="mouth")


def test_feng_subsets_and_radius(tmp_path, head, write_obj):
    shape, points = head
    write_obj(tmp_path / "scans/S01.obj", shape)
    np.savetxt(tmp_path / "scans/S01.txt", points[list(SEVEN)])
    for stem in ("HQ/S01_a", "LQ/S01_b"):
        (tmp_path / "images" / stem).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / f"images/{stem}.jpg").write_bytes(b"not looked at")
        write_obj(tmp_path / f"mine/{stem}.obj", shape.moved((shape.vertices @ TURN.T + 3) / 1000))
        np.savetxt(tmp_path / f"mine/{stem}.txt", (points[list(SEVEN)] @ TURN.T + 3) / 1000)
    table = evaluate_feng(tmp_path, tmp_path / "mine")
    assert [row[0] for row in table.rows] == ["HQ"] * 2 + ["LQ"] * 2 + ["all"] * 2
    assert max(table.column("3D-RMSE mm")) < 1e-3
    (tmp_path / "images/HQ/S02_a.jpg").touch()
    with pytest.raises(BadInput, match=r"S02_a.jpg: no scan"):
        evaluate_feng(tmp_path, tmp_path / "mine")
    (tmp_path / "images/HQ/S02_a.jpg").unlink()
    (tmp_path / "scans/S01.txt").unlink()
    with pytest.raises(BadInput, match=r"S01.obj: no landmarks beside it"):
        evaluate_feng(tmp_path, tmp_path / "mine")
    with pytest.raises(BadInput, match="0 images, 0 scans"):
        evaluate_feng(tmp_path / "mine")


@pytest.fixture
def realy(tmp_path, head, write_obj):
    """One subject in a unit of 9 mm; the 17 further key points are put on the nose."""
    shape, points = head
    points = np.concatenate([points, np.repeat(points[30:31], 17, axis=0)]) / 9.0
    folder = tmp_path / "realy"
    (folder / "REALY_HIFI3D_keypoints").mkdir(parents=True)
    rows = "".join(f"v {x} {y} {z}\n" for x, y, z in points)
    (folder / "REALY_HIFI3D_keypoints/1.obj").write_text(rows)
    (folder / "metrical_scale.txt").write_text("9.0\n8.0\n")
    centres = {"nose": 30, "mouth": 62, "forehead": 27, "cheek": 48}
    for name, k in centres.items():
        middle = points[k] + ([0, 5, 0] if name == "forehead" else 0)
        near = np.linalg.norm(shape.vertices / 9.0 - middle, axis=1) < 3
        faces = shape.faces[near[shape.faces].all(axis=1)]
        used, index = np.unique(faces, return_inverse=True)
        write_obj(folder / f"REALY_scan_region/1/{name}.obj", Shape(shape.vertices[used] / 9.0, index.reshape(-1, 3)))
    return folder


def test_realy_perfect_dented_and_by_barycentric_file(realy, head, write_obj, tmp_path):
    shape, points = head
    mine = tmp_path / "mine"
    turned = shape.moved((shape.vertices @ TURN.T) * 0.0017)
    write_obj(mine / "1.obj", turned)
    np.save(mine / "1.npy", (points @ TURN.T) * 0.0017)
    table = evaluate_realy(realy, mine)
    assert table.column("region") == [*REGIONS, "all"] and table.column("images") == [1] * 5
    assert max(table.column("nearest mm")) < 1e-4 and max(table.column("NMSE mm")) < 1e-3
    dented = shape.vertices.copy()
    dented[np.linalg.norm(dented - points[30], axis=1) < 15, 2] -= 5.0
    write_obj(mine / "1.obj", shape.moved(dented))
    np.save(mine / "1.npy", points)
    worse = evaluate_realy(realy, mine)
    assert worse.column("nearest mm")[0] > 0.4 and worse.column("nearest mm")[2] < 0.05
    nearest = np.linalg.norm(shape.vertices[shape.faces].mean(axis=1)[None] - points[:, None], axis=2).argmin(axis=1)
    rows = [[int(k), 1 / 3, 1 / 3] for k in [*nearest, *[nearest[30]] * 17]]
    (mine / "keypoints.txt").write_text(json.dumps(rows))
    write_obj(mine / "1.obj", shape)
    assert max(evaluate_realy(realy, mine).column("nearest mm")) < 0.1


@pytest.mark.parametrize(
    "break_it, reported",
    [
        (lambda f: (f / "metrical_scale.txt").unlink(), "wanted a REALY folder with metrical_scale.txt"),
        (lambda f: (f / "metrical_scale.txt").write_text("nan\n"), "no positive scale for subject 1"),
        (lambda f: (f / "REALY_scan_region/1/nose.obj").unlink(), "nose.obj: cannot be read"),
        (lambda f: (f / "REALY_HIFI3D_keypoints/1.obj").write_text("v 0 0 0\n"), r"wanted \(85, 3\) points"),
        (lambda f: (f / "REALY_scan_region/1").rename(f / "REALY_scan_region/one"), "begins with the number"),
    ],
)
def test_a_wrong_realy_set_is_one_line(realy, head, write_obj, tmp_path, break_it, reported):
    write_obj(tmp_path / "mine/1.obj", head[0])
    write_obj(tmp_path / "mine/one.obj", head[0])
    np.save(tmp_path / "mine/1.npy", head[1])
    break_it(realy)
    with pytest.raises(BadInput, match=reported):
        evaluate_realy(realy, tmp_path / "mine")
