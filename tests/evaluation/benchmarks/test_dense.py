"""VRN's NME: known shifts give known errors, ICP takes them away, wrong sets are refused in one line."""

from __future__ import annotations

import json

import numpy as np
import pytest
import trimesh
from scipy.spatial.transform import Rotation

from maquette import morphable
from maquette.core.errors import BadInput, NothingFound
from maquette.core.types import Camera
from maquette.evaluation.benchmarks import dense
from maquette.evaluation.benchmarks.dense import dense_error, depth_gap, evaluate_dense, face_part
from maquette.evaluation.benchmarks.dense_truth import DenseItem, Truth, TruthReader, read_set
from maquette.evaluation.meshes import Shape
from maquette.evaluation.predict import average_head, face_vertices, image_points
from maquette.geometry.camera import project

TURN = Rotation.from_euler("xyz", [6, -35, 4], degrees=True).as_matrix()


@pytest.fixture(autouse=True)
def few(monkeypatch):
    """Fewer points steer the alignment."""
    monkeypatch.setattr(dense, "STEER_POINTS", 300)


@pytest.fixture(scope="module")
def face():
    """The front of the average head in pixels of a photo, turned; and the vertices of its outer eye corners."""
    model = morphable.load("maquette-head")
    shape = face_part(Shape(model.mean, model.faces, "face"), model)
    corners = model.embeddings["ibug68"].points(model.mean.astype(float), model.faces)[[36, 45]]
    eyes = np.linalg.norm(shape.vertices[None] - corners[:, None], axis=2).argmin(axis=1)
    pixels = 1500 * (shape.vertices @ TURN.T) * [1, -1, 1] + [250.0, 240.0, 33.0]
    return shape.moved(pixels), eyes


def truth_of(face, step=7):
    shape, eyes = face
    return Truth(shape.vertices[::step], shape.vertices[eyes])


def test_the_truth_itself_is_zero(face):
    error = dense_error(face[0], truth_of(face))
    assert error.unaligned < 1e-5 and error.aligned < 1e-5 and error.count == len(face[0].vertices[::7])


@pytest.mark.parametrize("axis, wanted", [(0, 0.1), (1, 0.1), (2, 0.0)])
def test_a_shift_counts_without_alignment_and_depth_has_no_origin(face, axis, wanted):
    truth = truth_of(face)
    moved = face[0].vertices + 0.1 * truth.interocular * np.eye(3)[axis]
    error = dense_error(face[0].moved(moved), truth)
    assert error.unaligned == pytest.approx(wanted, abs=1e-4) and error.aligned < 1e-4


def test_a_rigid_motion_is_taken_away_and_a_size_is_not(face):
    truth, middle = truth_of(face), face[0].vertices.mean(axis=0)
    turned = (face[0].vertices - middle) @ Rotation.from_rotvec([0.03, 0.05, -0.04]).as_matrix().T + middle + [4, -3, 0]
    error = dense_error(face[0].moved(turned), truth)
    gaps = turned[::7] - truth.points
    gaps[:, 2] -= gaps[:, 2].mean()
    assert error.aligned < 1e-4
    assert error.unaligned == pytest.approx(np.linalg.norm(gaps, axis=1).mean() / truth.interocular, rel=1e-3)
    larger = dense_error(face[0].moved(1.1 * (face[0].vertices - middle) + middle), truth)
    assert 0.01 < larger.aligned < larger.unaligned + 1e-9


def test_a_box_by_hand():
    """The six points at 10 on the axes in a box with sides at 11: 1 px each; moved 2 to the right, as written below."""
    box = trimesh.creation.box((22, 22, 22))
    shape, eyes = Shape(np.asarray(box.vertices), np.asarray(box.faces)), np.array([[-4.0, 0, 0], [4.0, 0, 0]])
    truth = Truth(10.0 * np.concatenate([np.eye(3), -np.eye(3)]), eyes)
    error = dense_error(shape, truth)
    assert error.aligned == pytest.approx(1 / 8) and error.unaligned == pytest.approx(1 / 8)
    error = dense_error(shape.moved(shape.vertices + np.array([2.0, 0, 0])), truth)
    assert error.aligned == pytest.approx(1 / 8, rel=1e-4)
    assert error.unaligned == pytest.approx((3 + 1 + 4 * np.sqrt(5)) / 6 / 8, rel=1e-4)


def test_a_slow_obvious_twin(sphere):
    """Plain ICP of many rounds with nearest points by trying every triangle."""
    generator = np.random.default_rng(0)
    ball = sphere(40.0, 2, (100, 90, 5))
    shape = ball.moved((ball.vertices - [100, 90, 5]) * [1.0, 1.3, 0.8] + [103, 88, 5])
    points = (ball.vertices[::3] - [100, 90, 5]) * [1.02, 1.25, 0.85] + [100, 90, 5] + generator.normal(size=(54, 3))
    truth = Truth(points, np.array([[70.0, 90, 0], [130.0, 90, 0]]))

    def closest(vertices):
        corners = vertices[shape.faces]
        return np.array([nearest(corners, point) for point in points])

    def nearest(corners, point):
        tried = trimesh.triangles.closest_point(corners, np.tile(point, (len(corners), 1)))
        return tried[np.linalg.norm(tried - point, axis=1).argmin()]

    middle, turn, vertices = np.zeros(3), np.eye(3), shape.vertices
    for _ in range(80):
        there = closest(vertices)
        step = Rotation.align_vectors(points - points.mean(axis=0), there - there.mean(axis=0))[0].as_matrix()
        middle, turn = step @ (middle - there.mean(axis=0)) + points.mean(axis=0), step @ turn
        vertices = shape.vertices @ turn.T + middle
    there = closest(vertices)
    gaps = (there - middle) @ turn - points
    gaps[:, 2] -= gaps[:, 2].mean()
    found = dense_error(shape, truth)
    assert found.aligned == pytest.approx(np.linalg.norm(there - points, axis=1).mean() / 60, rel=5e-3)
    assert found.unaligned == pytest.approx(np.linalg.norm(gaps, axis=1).mean() / 60, rel=2e-2)


def test_the_order_of_vertices_does_not_matter(face):
    generator = np.random.default_rng(0)
    shape, truth = face[0], truth_of(face)
    bent = shape.vertices + 3 * np.sin(shape.vertices[:, [1, 2, 0]] / 20)
    order = generator.permutation(len(bent))
    new = np.empty_like(order)
    new[order] = np.arange(len(order))
    shuffled = Shape(bent[order], generator.permutation(new[shape.faces]))
    first, second = (dense_error(one, truth) for one in (shape.moved(bent), shuffled))
    assert second.unaligned == pytest.approx(first.unaligned, rel=1e-4)
    assert second.aligned == pytest.approx(first.aligned, rel=1e-4)


def test_depth_is_compared_square_by_square():
    generator = np.random.default_rng(0)
    front = np.column_stack([10 * generator.random((400, 2)), 0.1 * generator.random(400)])
    behind = np.concatenate([front, front - [0, 0, 50]])  # a back that the truth has not
    assert depth_gap(behind, front + np.array([0, 0, 7.0]), 1.0) == pytest.approx(7.0)
    assert depth_gap(front, front + np.array([100, 0, 3.0]), 1.0) == pytest.approx(3.0)  # nothing in common: means


def test_the_published_mask_size(tmp_path):
    """19,618 of the 53,215 vertices of 300W-LP's meshes, as truth values or as numbers, shared by all files."""
    generator = np.random.default_rng(0)
    inside = np.zeros(53_215, bool)
    inside[generator.choice(53_215, 19_618, replace=False)] = True
    vertices = 100 * generator.random((53_215, 3))
    np.savez(tmp_path / "a.npz", vertices=vertices, landmarks=100 * generator.random((68, 3)))
    for mask in (inside, generator.permutation(np.flatnonzero(inside))):
        np.savez(tmp_path / "topology.npz", mask=mask)
        truth = TruthReader(tmp_path).read(read_set(tmp_path)[0])
        assert np.array_equal(truth.points, vertices[inside])


def test_eye_corners_become_vertices_once(tmp_path):
    """The second file's landmarks lie elsewhere: its eyes are the first's vertices all the same."""
    vertices = 100 * np.random.default_rng(0).random((50, 3))
    np.savez(tmp_path / "a.npz", vertices=vertices, eyes=vertices[[3, 8]] + 0.01)
    np.savez(tmp_path / "b.npz", vertices=2 * vertices, eyes=2 * vertices[[4, 9]])
    np.savez(tmp_path / "c.npz", vertices=vertices, eyes=np.array([1, 2]))
    reader = TruthReader(tmp_path)
    for item, wanted in zip(read_set(tmp_path), (vertices[[3, 8]], 2 * vertices[[3, 8]], vertices[[1, 2]])):
        assert np.array_equal(reader.read(item).eyes, wanted)


@pytest.fixture
def synth(tmp_path):
    """A folder with the labels of one photograph as `maquette synth` writes them, its vertices and its camera."""
    model = morphable.load("maquette-head")
    pose = np.diag([1.0, -1.0, -1.0, 1.0])
    pose[2, 3] = 1.5
    camera = Camera(np.array([[900.0, 0, 128], [0, 900.0, 128], [0, 0, 1]]), pose, (256, 256))
    identity, expression = np.full(5, 0.5, np.float32), np.zeros(len(model.expression_names), np.float16)
    home = tmp_path / "synth"
    home.mkdir()
    np.savez(
        home / "00000.npz",
        coefficients=identity,
        expression=expression,
        scale=np.float32(1.02),
        intrinsics=camera.intrinsics,
        world_to_camera=camera.world_to_camera,
        yaw=np.float32(12.0),
    )
    return home, model.vertices(identity, expression, 1.02).astype(float), camera


def test_a_folder_of_synth_is_a_set(synth):
    home, vertices, camera = synth
    truth = TruthReader(home).read(read_set(home)[0])
    pixels, depth = project(camera, vertices[face_vertices(morphable.load("maquette-head"))])
    assert np.allclose(truth.points[:, :2], pixels) and truth.yaw == 12.0
    assert np.corrcoef(truth.points[:, 2], -depth)[0, 1] > 0.999999
    # One unit in all three axes: the eye distance is that of the head at its distance.
    assert truth.interocular == pytest.approx(1.02 * 0.0903 * 900 / 1.5, rel=0.07)


def test_a_turn_that_icp_forgives_is_counted_on_corresponding_vertices(synth, tmp_path):
    """Our own head, turned: ICP turns it back, corresponding vertices stay where they are."""
    home, vertices, camera = synth
    model, truth = morphable.load("maquette-head"), TruthReader(home).read(read_set(home)[0])
    pixels = image_points(camera, vertices, 1.5)
    mesh = trimesh.Trimesh(pixels, model.faces, process=False)
    (tmp_path / "mine").mkdir()
    for turned, exact in ((0.0, True), (0.1, False)):
        spin, middle = Rotation.from_rotvec([0, turned, 0]).as_matrix(), pixels.mean(axis=0)
        mesh.vertices = (pixels - middle) @ spin.T + middle
        mesh.export(tmp_path / "mine/00000.ply")
        table = evaluate_dense(home, tmp_path / "mine")
        found = dict(zip(table.column("protocol"), table.column("NME %")))
        gaps = mesh.vertices[truth.model_vertices] - truth.points
        gaps[:, 2] -= gaps[:, 2].mean()
        wanted = 100 * np.linalg.norm(gaps, axis=1).mean() / truth.interocular
        assert found["no alignment, corresponding vertices"] == pytest.approx(wanted, abs=0.02)
        assert found["with rigid ICP"] < 0.1 and exact == (wanted < 0.5)
    assert len(table.more[0].columns) == 5 and "no alignment, corresponding vertices" in table.curves


@pytest.fixture
def folder(tmp_path, face, write_obj):
    """Three photos, two with names of expressions; and predictions, the second shifted by 0.1 d."""
    shape, eyes = face
    truth = truth_of(face)
    home = tmp_path / "set"
    home.mkdir()
    np.savez(home / "topology.npz", mask=np.arange(0, len(shape.vertices), 7), eyes=eyes)
    for name, yaw, expression in (("a", -33.0, "happy"), ("b", 5.0, "sad"), ("c", 81.0, "happy")):
        np.savez(home / f"{name}.npz", vertices=shape.vertices, yaw=yaw, expression=expression)
        (home / f"{name}.jpg").write_bytes(b"not looked at")
        moved = shape.vertices + (name == "b") * np.array([0.1 * truth.interocular, 0, 0])
        write_obj(tmp_path / f"mine/{name}.obj", shape.moved(moved))
    return home


def test_a_set_with_predictions(folder, tmp_path):
    table = evaluate_dense(folder, tmp_path / "mine")
    assert table.column("protocol") == ["no alignment", "with rigid ICP"] and table.column("n") == [3, 3]
    assert table.column("NME %") == pytest.approx([10 / 3, 0], abs=0.01)
    assert table.column("median %") == pytest.approx([0, 0], abs=0.01)
    assert table.column("below 0.05 %")[0] == pytest.approx(200 / 3) and table.column("below 0.05 %")[1] == 100
    yaws, expressions = table.more
    assert [row[:2] for row in yaws.rows] == [("-40", 1), ("0", 1), ("80", 1)] and yaws.rows[1][2] > 9
    assert [row[:2] for row in expressions.rows] == [("happy", 2), ("sad", 1)]
    table.save(tmp_path / "out")
    with np.load(tmp_path / "out/curves.npz") as file:
        assert np.allclose(file["thresholds"], np.arange(101) / 1000)
        assert file["shares"][0][[50, 99]] == pytest.approx(2 / 3) and file["shares"][1][1] == 1
    json.loads((tmp_path / "out/scores.json").read_text())


def test_a_method_is_scored_where_the_photo_shows_the_face(folder, face, monkeypatch):
    asked = []

    class Stub:
        def __init__(self, options):
            pass

        def predict(self, photo, box):
            asked.append((photo.name, box))
            if photo.stem == "c":
                raise NothingFound("c.jpg: no face")
            head = average_head()
            return type(head)(head.head, head.neutral, {}, {}, in_photo=face[0])

    monkeypatch.setattr(dense, "Predictor", Stub)
    reported = []
    table = evaluate_dense(folder, progress=lambda name, _stage: reported.append(name))
    points = truth_of(face).points[:, :2]
    assert [name for name, _ in asked] == ["a.jpg", "b.jpg", "c.jpg"] and reported == ["a", "b", "c"]
    assert np.allclose(asked[0][1], [*points.min(axis=0), *points.max(axis=0)])
    assert table.column("found") == [2, 2] and table.column("below 0.10 %")[0] == pytest.approx(200 / 3)
    assert any("1 of 3 photos gave no face" in note for note in table.notes) and "c.jpg: no face" in table.notes


def test_the_face_is_cut_out_of_our_head_only(face):
    model = morphable.load("maquette-head")
    part = face_part(Shape(model.mean, model.faces), model)
    assert 2000 < len(part.vertices) < 3500 < len(model.mean)
    assert part.vertices[:, 2].max() == pytest.approx(model.mean[:, 2].max())
    assert face_part(face[0], model) is face[0]


VERTICES = 100 * np.random.default_rng(0).random((20, 3))
GOOD = {"vertices": VERTICES, "eyes": np.array([0, 1])}


@pytest.mark.parametrize(
    "changed, reported",
    [
        ({"vertices": None}, "a.npz: the array vertices is missing; it holds eyes"),
        ({"vertices": VERTICES[:, :2]}, r"vertices: wanted \(V, 3\) pixels, got \(20, 2\)"),
        ({"vertices": np.where(VERTICES > 99, np.nan, VERTICES) * np.nan}, "vertices: holds NaN"),
        ({"vertices": np.array(["x"])}, "vertices: wanted numbers"),
        ({"mask": np.array([0, 20])}, "mask: names vertex 20, the mesh has 0 to 19"),
        ({"mask": np.array([0.5, 1])}, "mask: wanted vertices as whole numbers"),
        ({"mask": np.ones(19, bool)}, "mask: wanted one truth value for each of 20 vertices"),
        ({"mask": np.zeros(20, bool)}, "mask: wanted vertices"),
        ({"eyes": None}, r"eyes: wanted 2 vertices, \(2, 3\) points or landmarks \(68, 3\), there are none"),
        ({"eyes": np.array([4, 4])}, "both eye corners lie in one place"),
        ({"eyes": np.array([-1, 4])}, "eyes: names vertex"),
        ({"eyes": np.zeros((3, 3))}, r"eyes: wanted 2 vertices.* got \(3, 3\)"),
        ({"eyes": np.full((2, 3), np.inf)}, "eye corners: holds NaN"),
        ({"yaw": np.zeros(3)}, "yaw: wanted one number"),
    ],
)
def test_a_wrong_truth_is_one_line(tmp_path, changed, reported):
    held = {name: value for name, value in {**GOOD, **changed}.items() if value is not None}
    np.savez(tmp_path / "a.npz", **held)
    with pytest.raises(BadInput, match=reported) as caught:
        TruthReader(tmp_path).read(DenseItem("a", None, tmp_path / "a.npz"))
    assert "\n" not in str(caught.value)


def break_set(folder, mine, case):
    """Damage a set or its predictions in one way; returns what the message must say."""
    if case == "empty":
        for path in [*folder.glob("*.npz")]:
            path.unlink()
        return "holds no mesh, wanted NAME.npz"
    if case == "twice":
        (folder / "a.obj").write_text("v 0 0 0\n")
        return "a.obj: a has another mesh, a.npz|a.npz: a has another mesh, a.obj"
    if case == "garbage":
        (folder / "b.npz").write_bytes(b"PK\x03\x04 and no more")
        return "b.npz: not a readable .npz"
    if case == "pickled":
        np.savez(folder / "b.npz", vertices=np.array([{}], object))
        return "b.npz: not a readable .npz"
    if case == "lacking":
        (mine / "b.obj").unlink()
        return "mine: lacks 1 of 3 images .first: b.obj"
    if case == "metres":
        (mine / "a.obj").write_text("v 0 0 0\nv 0.1 0 0\nv 0 0.1 0.1\nf 1 2 3\n")
        return "a.obj: does not cover the face: wanted pixels of the photo, got x 0 to 0.1, y 0 to 0.1"
    (mine / "a.obj").write_text("v 0 0 0\nv 1 0 0\nv 0 1 0\n")
    return "a.obj: has no faces"


@pytest.mark.parametrize("case", ["empty", "twice", "garbage", "pickled", "lacking", "metres", "points"])
def test_a_wrong_set_is_one_line(folder, tmp_path, case):
    reported = break_set(folder, tmp_path / "mine", case)
    with pytest.raises(BadInput, match=reported) as caught:
        evaluate_dense(folder, tmp_path / "mine")
    assert "\n" not in str(caught.value)


def test_photos_and_folders_that_are_not_there(folder, tmp_path):
    (folder / "b.jpg").unlink()
    with pytest.raises(BadInput, match=r"b: no photo beside it .1 of 3.: give --predictions"):
        evaluate_dense(folder)
    with pytest.raises(BadInput, match="none: wanted a folder of photos and meshes"):
        evaluate_dense(tmp_path / "none")
    with pytest.raises(BadInput, match="none: wanted a folder of predicted meshes"):
        evaluate_dense(folder, tmp_path / "none")


def test_meshes_with_landmarks_beside_them(tmp_path, face, write_obj):
    """The layout of scans and of fits by other programs: NAME.obj, NAME.txt of two points."""
    shape, eyes = face
    write_obj(tmp_path / "set/one/a.obj", shape)
    np.savetxt(tmp_path / "set/one/a.txt", shape.vertices[eyes])
    write_obj(tmp_path / "mine/one/a.obj", shape)
    table = evaluate_dense(tmp_path / "set", tmp_path / "mine")
    assert max(table.column("NME %")) < 0.01 and table.more == ()
