"""Image space: results of faces written, read back and rendered again."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from maquette.core.errors import BadInput, NothingFound
from maquette.core.options import OutputOptions
from maquette.core.types import Camera, Frame, Subject
from maquette.evaluation.image_space import evaluate, face, face_result
from maquette.geometry.camera import project
from maquette.outputs.asset import open_asset
from maquette.outputs.meshes.obj import write_obj
from maquette.outputs.pictures.maps import png, write_normals, write_texture, write_texture_confidence
from maquette.outputs.reports.parameters import write_parameters
from results import BOX, CROP, make_observation, make_result


def save(result, folder):
    """What imagespace needs of a result, as maquette face writes it."""
    asset = open_asset(result, OutputOptions())
    folder.mkdir(parents=True)
    files = {
        "parameters.npz": write_parameters,
        "head.obj": write_obj,
        "texture.png": write_texture,
        "texture_confidence.png": write_texture_confidence,
        "normals.png": write_normals,
    }
    for name, write in files.items():
        (folder / name).write_bytes(write(asset))


@pytest.fixture(scope="module")
def out(tmp_path_factory):
    """OUT with one result, a photo that shows exactly it, and what perception would see in that photo."""
    root = tmp_path_factory.mktemp("image space")
    result = make_result(photos=2, jawOpen=0.3)
    save(result, root / "out" / "someone" / "face-1")
    read = face_result.read_result(root / "out" / "someone" / "face-1", "x")
    seen = face_result.render_head(read, 0, CROP)
    x0, y0, x1, y1 = BOX.astype(int)
    photo = np.full((800, 1000, 3), 60, np.uint8)
    photo[y0:y1, x0:x1] = np.asarray(Image.fromarray(seen.colour).resize((x1 - x0, y1 - y0), Image.Resampling.NEAREST))
    (root / "photos").mkdir()
    Image.fromarray(photo).save(root / "photos" / "someone.jpg", quality=100, subsampling=0)
    camera, model = result.reconstruction.cameras[0], read.model
    points = model.embeddings["mediapipe478"].points(read.vertices[0], model.faces)
    observation = make_observation(project(camera, points)[0])
    return root, replace(observation, mask=seen.head.astype(np.float32)), result


def watch(monkeypatch, observation):
    monkeypatch.setitem(face_result.OBSERVERS, Subject.FACE, lambda *_: [observation])


def test_a_result_of_a_photo_of_itself_fits(out, monkeypatch):
    root, observation, _ = out
    watch(monkeypatch, observation)
    table = evaluate.evaluate_imagespace(root / "out", root / "photos")
    row = dict(zip(table.columns, table.rows[0]))
    assert row["result"] == "someone/face-1" and row["photo"] == "someone.jpg"
    assert row["face IoU"] > 0.93 and row["boundary F"] > 0.9
    assert row["head inside person"] > 0.99 and row["masked SSIM"] > 0.97 and row["masked PSNR dB"] > 30
    assert row["normal cosine"] > 0.999
    # head.obj has six digits.
    assert row["reprojection px"] == pytest.approx(0, abs=1e-2)
    assert row["failed"] == ""
    # The second photo has no open mouth, no normals of its own, and the landmarks of the first.
    second = dict(zip(table.columns, table.rows[1]))
    assert second["normal cosine"] is None and second["reprojection px"] > 0.5


def test_what_does_not_fit_fails(out, monkeypatch):
    root, observation, _ = out
    landmarks = observation.landmarks + np.array([24, 32, 0])
    watch(monkeypatch, replace(observation, landmarks=landmarks, mask=np.zeros_like(observation.mask)))
    table = evaluate.evaluate_imagespace(root / "out", root / "photos")
    row = dict(zip(table.columns, table.rows[0]))
    assert row["reprojection px"] == pytest.approx(40, abs=0.01)
    for name in ("face IoU", "boundary F", "head inside person", "reprojection %"):
        assert name in row["failed"]
    assert evaluate.exit_status(table) == 1
    never = face.FaceThresholds(*[None] * 6)
    assert evaluate.exit_status(evaluate.evaluate_imagespace(root / "out", root / "photos", None, never)) == 0


def test_a_crop_found_elsewhere_is_brought_to_the_stored_one(out, monkeypatch):
    root, observation, _ = out
    read = face_result.read_result(root / "out" / "someone" / "face-1", "x")
    watch(monkeypatch, observation)
    same = face_result.open_photo(read, 0, root / "photos")
    box = BOX + np.array([-20, -10, 30, 44])
    width, height = (box[2:] - box[:2]).astype(int)  # at the photo's full resolution
    landmarks = observation.landmarks * [2, 2, 2] + [*(BOX[:2] - box[:2]), 0]
    mask = np.zeros((height, width), np.float32)
    rows, columns = (np.arange(2 * side) for side in CROP[::-1])
    mask[10 : 10 + len(rows), 20 : 20 + len(columns)] = np.kron(observation.mask, np.ones((2, 2)))
    frame = Frame(np.zeros((height, width, 3), np.uint8))
    watch(monkeypatch, replace(observation, box=box, landmarks=landmarks, mask=mask, frame=frame))
    other = face_result.open_photo(read, 0, [root / "photos" / "someone.jpg"])
    assert np.allclose(other.landmarks, same.landmarks) and np.array_equal(other.face, same.face)
    assert np.mean(other.person != same.person) < 0.01


def test_the_patch_is_the_face_and_hides_behind_the_head(out):
    root, *_ = out
    read = face_result.read_result(root / "out" / "someone" / "face-1", "x")
    seen = face_result.render_head(read, 0, CROP)
    assert 0.2 < seen.face.sum() / seen.head.sum() < 0.7 and not (seen.face & ~seen.head).any()
    assert np.allclose(np.linalg.norm(seen.normals, axis=2)[seen.head], 1)
    assert seen.normals[seen.face][:, 2].mean() > 0.7
    behind = read.cameras[0].world_to_camera.copy()
    behind[:3, :3] = behind[:3, :3] @ np.diag([-1.0, 1.0, -1.0])
    turned = replace(read, cameras=(Camera(read.cameras[0].intrinsics, behind, CROP),))
    back = face_result.render_head(turned, 0, CROP)
    # The rim of the jaw can be seen from behind.
    assert back.head.sum() > 1000 and back.face.sum() < 0.01 * back.head.sum() and back.visible.sum() < 20


def test_given_normals_are_compared(out, monkeypatch):
    root, observation, _ = out
    watch(monkeypatch, observation)
    (root / "normals").mkdir(exist_ok=True)
    facing = np.zeros((CROP[1], CROP[0], 3))
    facing[..., 2] = 1
    coded = np.round((facing + 1) * 32767.5).astype(np.uint16)
    (root / "normals" / "someone.png").write_bytes(png(coded))
    read = face_result.read_result(root / "out" / "someone" / "face-1", "x")
    seen = face_result.render_head(read, 0, CROP)
    table = evaluate.evaluate_imagespace(root / "out", root / "photos", root / "normals")
    assert table.column("normal cosine")[0] == pytest.approx(seen.normals[seen.face][:, 2].mean(), abs=1e-3)
    with pytest.raises(BadInput, match="RGB normals of 8 or 16 bits"):
        evaluate.evaluate_imagespace(root / "out", root / "photos", root)


def test_no_face_found_again_is_a_failed_row(out, monkeypatch):
    root, observation, _ = out

    def nobody(*_):
        raise NothingFound("no face")

    monkeypatch.setitem(face_result.OBSERVERS, Subject.FACE, nobody)
    table = evaluate.evaluate_imagespace(root / "out", root / "photos")
    assert table.column("failed") == ["no face found again in someone.jpg"] * 2
    assert table.column("face IoU") == [None] * 2 and evaluate.exit_status(table) == 1
    watch(monkeypatch, replace(observation, box=BOX + 450))
    assert (
        "no face found again at [100, 50, 580, 650]"
        in evaluate.evaluate_imagespace(root / "out", root / "photos").column("failed")[0]
    )


def test_bad_folders_are_named(out, tmp_path, monkeypatch):
    root, observation, result = out
    watch(monkeypatch, observation)
    with pytest.raises(BadInput, match=r"someone.jpg: is not at someone.jpg: give the folder"):
        evaluate.evaluate_imagespace(root / "out")
    with pytest.raises(BadInput, match=r"holds no parameters.npz"):
        evaluate.evaluate_imagespace(root / "photos")
    (tmp_path / "someone.jpg").write_bytes((root / "photos" / "someone.jpg").read_bytes())
    Image.new("RGB", (300, 300)).save(tmp_path / "someone.jpg")
    with pytest.raises(BadInput, match="300 x 300 pixels do not hold the crop"):
        evaluate.evaluate_imagespace(root / "out", tmp_path)
    save(result, tmp_path / "x")
    (tmp_path / "x" / "head.obj").unlink()
    with pytest.raises(BadInput, match=r"head.obj: no such file"):
        evaluate.evaluate_imagespace(tmp_path / "x", root / "photos")
    (tmp_path / "x" / "head.obj").write_text("v 0 0 0\nv 1 0 0\nv 0 1 0\nf 1 2 3\n")
    with pytest.raises(BadInput, match=r"head.obj: 3 vertices, the model maquette-head has"):
        evaluate.evaluate_imagespace(tmp_path / "x", root / "photos")
