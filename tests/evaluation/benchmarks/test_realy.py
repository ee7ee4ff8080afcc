"""REALY on a tiny set of the same layout."""

from __future__ import annotations

import json

import numpy as np
import pytest

from maquette.core.errors import BadInput
from maquette.evaluation.benchmarks.realy import REGIONS, evaluate_realy
from maquette.evaluation.meshes import Shape
from scan_sets import TURN, cell


@pytest.fixture(autouse=True)
def few(monkeypatch):
    """Fewer points steer the alignment."""
    monkeypatch.setattr("maquette.evaluation.benchmarks.seven_landmarks.SETTLE_POINTS", 300)


def test_realy_counts_sliding_that_nearest_points_forgive(realy, head, write_obj, tmp_path):
    """Key points that claim to sit 3 mm beside where they are: the surface is perfect, the correspondence is not."""
    shape, points = head
    write_obj(tmp_path / "mine/1.obj", shape)
    moved = points.copy()
    moved[48:] += [0, 3.0, 0]
    np.save(tmp_path / "mine/1.npy", moved)
    table = evaluate_realy(realy, tmp_path / "mine")
    assert cell(table, "nearest mm", region="mouth") < 0.1 < 0.3 < cell(table, "NMSE mm", region="mouth")


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
