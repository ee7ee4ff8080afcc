"""Heads against scans: a tiny set in the format, heads with known errors, every wrong set named."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from maquette import morphable
from maquette.core.errors import BadInput, NothingFound
from maquette.core.options import options_from
from maquette.evaluation import predict
from maquette.evaluation.benchmarks import scans
from maquette.evaluation.benchmarks.scans import evaluate_scans, read_set
from maquette.evaluation.meshes import Shape
from maquette.evaluation.predict import average_head, on_model, read_prediction, surface_landmarks


@pytest.fixture(autouse=True)
def few(monkeypatch):
    """Fewer points and rounds."""
    monkeypatch.setattr(scans, "ICP_POINTS", 200)
    monkeypatch.setattr(scans, "ROUNDS", 5)
    monkeypatch.setattr(scans, "BENT_POINTS", 120)


def person(weight=1.5):
    """(V, 3) mm: somebody who is not average."""
    model = morphable.load("maquette-head")
    return 1000.0 * (model.mean + weight * model.identity_basis[:6].sum(axis=0)).astype(float)


@pytest.fixture
def folder(tmp_path):
    """One person in two views; the scan is that person's own surface, thinned."""
    model = morphable.load("maquette-head")
    (tmp_path / "photos").mkdir()
    (tmp_path / "gt").mkdir()
    vertices = person()
    face = vertices[model.part_vertices("skin")]
    landmarks = model.embeddings["mediapipe478"].points(vertices, model.faces)[:468]
    np.savez(tmp_path / "gt/ada.npz", scan=face[face[:, 2] > -20][::10], lm=landmarks)
    for view in ("+00_+00", "-45_+05"):
        Image.new("RGB", (32, 32)).save(tmp_path / f"photos/ada_{view}.png")
    return tmp_path


def write_heads(folder, write_obj, vertices, nested=False):
    faces = morphable.load("maquette-head").faces
    for view in ("+00_+00", "-45_+05"):
        name = f"ada_{view}/face-1/head.obj" if nested else f"ada_{view}.obj"
        write_obj(folder / name, Shape(vertices / 1000, faces))
    return folder


def test_the_true_head_is_zero_and_the_average_is_itself(folder, tmp_path, write_obj):
    reported = []
    true = write_heads(tmp_path / "true", write_obj, person())
    table = evaluate_scans(folder, true, progress=lambda _name, stage: reported.append(stage))
    assert table.column("photo") == ["ada_+00_+00", "ada_-45_+05", "mean", "average head"]
    row = dict(zip(table.columns, table.rows[2]))
    for name in (
        "median mm",
        "ratio",
        "metric median mm",
        "landmarks only, median mm",
        "bent median mm",
        "landmarks mm",
    ):
        assert row[name] < 2e-3, name
    assert row["average head mm"] > 0.2 and reported.count("average head") == 1
    assert "on 2 of 2 photos" in table.notes[0]
    assert [line[:2] for line in table.more[0].rows[:2]] == [("yaw 0-30", 1), ("yaw 30-60", 1)]
    average = write_heads(tmp_path / "average", write_obj, average_head().head.vertices, nested=True)
    ratio = evaluate_scans(folder, average).column("ratio")
    assert ratio == pytest.approx([1, 1, 1, 1], abs=1e-3)


def test_size_matters_to_the_metric_column_only(folder, tmp_path, write_obj):
    large = evaluate_scans(folder, write_heads(tmp_path / "large", write_obj, 1.06 * person()))
    with pytest.raises(BadInput, match="times as large as the scan: give its --unit"):
        evaluate_scans(folder, tmp_path / "large", unit="mm")
    row = dict(zip(large.columns, large.rows[2]))
    assert row["median mm"] < 5e-3 < 0.3 < row["metric median mm"]


def test_sliding_is_seen_by_the_bent_scan(folder):
    """The right surface with landmarks 4 mm off: nearest points forgive it, landing points do not."""
    (scan,) = set(read_set(folder).values())
    model = morphable.load("maquette-head")
    head = Shape(person(), model.faces)
    points = on_model(head, model)["mediapipe478"][:468]
    true = scans.head_errors(head, points, scan)
    lips = points[:, 1] < -50
    slid = scans.head_errors(head, np.where(lips[:, None], points + np.array([4.0, 0, 0]), points), scan)
    assert np.median(slid.similarity) < 0.35 and true.bent.max() < 1e-3
    assert slid.bent.max() > 1.0


def test_a_mesh_of_any_topology_gets_its_landmarks_from_a_drawing():
    head = average_head()
    found = surface_landmarks(head.head)
    known = np.isfinite(found).all(axis=1)
    gaps = np.linalg.norm(found - head.landmarks["mediapipe478"][:468], axis=1)[known]
    assert known.mean() > 0.95 and np.median(gaps) < 6.0
    with pytest.raises(NothingFound, match="no face seen"):
        surface_landmarks(Shape(np.eye(3), [[0, 1, 2]], "flake.obj"))


def test_the_head_file_of_a_result_keeps_its_landmarks(tmp_path, write_obj):
    """Groups reorder the triangles; the vertices stay."""
    model = morphable.load("maquette-head")
    order = np.random.default_rng(0).permutation(len(model.faces))
    path = write_obj(tmp_path / "head.obj", Shape(model.mean, model.faces[order]))
    found = read_prediction(path).landmarks["mediapipe478"]
    assert np.allclose(found, average_head().landmarks["mediapipe478"], atol=1e-3)


def test_the_method_runs_and_its_failures_are_reported(folder, monkeypatch):
    class Fake:
        def __init__(self, options):
            pass

        def predict(self, *photos):
            if len(photos) == 1 and "-45" in photos[0].stem:
                photo = photos[0]
                raise NothingFound(f"{photo.name}: no face found")
            return average_head()

    monkeypatch.setattr(scans, "Predictor", Fake)
    table = evaluate_scans(folder)
    assert len(table.rows) == 3 and "1 of 2 photos gave no face" in " ".join(table.notes)
    together = evaluate_scans(folder, options=options_from(together=True))
    assert together.column("photo") == ["ada", "mean", "average head"] and not together.more
    monkeypatch.setattr(Fake, "predict", lambda *_: (_ for _ in ()).throw(NothingFound("nobody")))
    with pytest.raises(BadInput, match="no photo gave a head"):
        evaluate_scans(folder)


def spoil(folder, case):
    """Damage the set in one way; returns what the message must say."""
    path = folder / "gt/ada.npz"
    with np.load(path) as file:
        good = dict(file)
    bad = {
        "lm missing": ({"scan": good["scan"]}, "the array lm is missing; it holds scan"),
        "lm short": ({**good, "lm": good["lm"][:68]}, r"lm: wanted \(468, 3\), got \(68, 3\)"),
        "lm nan": ({**good, "lm": np.full((468, 3), np.nan)}, "too many landmarks are NaN"),
        "scan nan": ({**good, "scan": np.full((9, 3), np.nan)}, "scan: wanted finite"),
        "scan far": ({**good, "scan": good["scan"] + 1e4}, "no scan point lies near"),
        "pickle": ({**good, "scan": np.array([{}], object)}, "not a readable .npz"),
    }
    if case in bad:
        np.savez(path, **bad[case][0])
        return bad[case][1]
    if case == "letter":
        path.write_text("Dear sir")
        return "not a readable .npz"
    if case == "cut":
        path.write_bytes(path.read_bytes()[:300])
        return "not a readable .npz"
    path.unlink()
    return "ada.npz: no such scan"


CASES = ["lm missing", "lm short", "lm nan", "scan nan", "scan far", "pickle", "letter", "cut", "gone"]


@pytest.mark.parametrize("case", CASES)
def test_a_wrong_set_is_one_line(folder, case):
    with pytest.raises(BadInput, match=spoil(folder, case)) as caught:
        read_set(folder)
    assert "\n" not in str(caught.value)


def test_absent_photos_and_predictions(folder, tmp_path, write_obj):
    with pytest.raises(BadInput, match="there is no photo"):
        read_set(tmp_path / "gt")
    with pytest.raises(BadInput, match="none: wanted a folder"):
        evaluate_scans(folder, tmp_path / "none")
    heads = write_heads(tmp_path / "heads", write_obj, person())
    (heads / "ada_-45_+05.obj").unlink()
    with pytest.raises(BadInput, match=r"lacks 1 of 2 photos .first: ada_-45_.05.obj"):
        evaluate_scans(folder, heads)
    (heads / "ada_-45_+05.obj").write_text("v 0 0 0\nv 1 0 0\n")
    with pytest.raises(BadInput, match=r"ada_-45_.05.obj: has no faces"):
        evaluate_scans(folder, heads)
    assert predict.UNITS["cm"] == 10
