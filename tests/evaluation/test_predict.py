"""The method's own landmarks and heads, on the one photo that a dependency carries."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from maquette.core.errors import BadInput, NothingFound
from maquette.core.options import options_from
from maquette.core.types import Subject
from maquette.evaluation.meshes import Shape
from maquette.evaluation.predict import Predictor, average_head, front, read_prediction, same_topology
from maquette.perception.faces.search import find_faces
from maquette.perception.observers import OBSERVERS
from maquette.sources import photos


@pytest.fixture(scope="module")
def seen(astronaut):
    """(prediction, detected landmarks (478, 3) pixels)."""
    (face,) = find_faces(photos.read(astronaut).pixels)
    return Predictor(options_from(photometric=False)).predict(astronaut, box=face.box), face.landmarks


def test_landmarks_are_pixels_of_the_photo_and_depth_grows_towards_the_viewer(seen):
    prediction, detected = seen
    eyes = detected[[33, 263]]
    distance = np.linalg.norm(eyes[0, :2] - eyes[1, :2])
    assert prediction.pixels.shape == (68, 3)
    assert np.linalg.norm(prediction.pixels[[36, 45], :2] - eyes[:, :2], axis=1).max() < 0.1 * distance
    assert prediction.pixels[30, 2] - prediction.pixels[[0, 16], 2].mean() > 0.5 * distance
    # Depth has the scale of the picture: the eyes lie as far apart in 3D as the head's width says.
    real = np.linalg.norm(np.diff(prediction.landmarks["ibug68"][[36, 45]], axis=0))
    shown = np.linalg.norm(np.diff(prediction.pixels[[36, 45]], axis=0))
    nose = np.linalg.norm(np.diff(prediction.landmarks["ibug68"][[30, 8]], axis=0))
    assert np.linalg.norm(np.diff(prediction.pixels[[30, 8]], axis=0)) / shown == pytest.approx(nose / real, rel=0.15)


def test_the_neutral_head_has_no_smile(seen):
    prediction, _ = seen
    assert prediction.head.vertices.shape == prediction.neutral.vertices.shape
    moved = np.linalg.norm(prediction.head.vertices - prediction.neutral.vertices, axis=1)
    assert 1.0 < moved.max() < 40.0

    def mouth(points):
        return np.linalg.norm(points[48] - points[54])

    assert mouth(prediction.landmarks["ibug68"]) > mouth(prediction.neutral_landmarks["ibug68"]) + 1.0


def test_a_face_elsewhere_is_not_taken(astronaut):
    with pytest.raises(NothingFound, match="no face where the annotation has one"):
        Predictor(options_from(photometric=False)).predict(astronaut, box=np.array([400.0, 400, 500, 500]))


def test_foreign_meshes_have_no_landmarks_of_ours(tmp_path, sphere, write_obj):
    from maquette import morphable

    path = write_obj(tmp_path / "ball.obj", sphere(0.1, 1))
    prediction = read_prediction(path, "m")
    assert not prediction.landmarks and prediction.head.diagonal == pytest.approx(1000 * sphere(0.1, 1).diagonal)
    model = morphable.load("maquette-head")
    assert front(prediction.head, model) is prediction.head
    average = average_head().head
    assert same_topology(average, model) and len(front(average, model).faces) < len(average.faces)
    with pytest.raises(BadInput, match="unit 'yard'"):
        read_prediction(path, "yard")


def test_a_fine_head_has_the_landmarks_of_the_light_one(tmp_path, write_obj):
    from maquette import morphable
    from maquette.morphable.refined.fine import fine_model

    model = morphable.load("maquette-head")
    own = fine_model(model)
    prediction = read_prediction(write_obj(tmp_path / "head.obj", Shape(own.mean.astype(float), own.faces)), "m")
    average = average_head()
    for scheme, points in average.landmarks.items():
        assert np.median(np.linalg.norm(prediction.landmarks[scheme] - points, axis=1)) < 0.2
    assert len(front(prediction.head, model).faces) < len(own.faces)


@pytest.fixture(scope="module")
def small_face(astronaut, tmp_path_factory):
    """A photo whose one face is about 60 pixels wide."""
    path = tmp_path_factory.mktemp("small") / "small.png"
    picture = Image.open(astronaut).convert("RGB")
    picture.resize((2 * picture.width // 3, 2 * picture.height // 3), Image.Resampling.BOX).save(path)
    return path


@pytest.mark.parametrize("upscale, factor", [("auto", 2), ("off", 1), ("4", 4)])
def test_a_small_face_is_enlarged_as_maquette_face_does(small_face, monkeypatch, upscale, factor):
    """The method gets the crop that `maquette face` would give it."""
    options = options_from(upscale=upscale, photometric=False)
    predictor, given = Predictor(options), []
    reconstruct = predictor._reconstruct
    monkeypatch.setattr(predictor, "_reconstruct", lambda seen: given.extend(seen) or reconstruct(seen))
    prediction = predictor.predict(small_face)
    (seen,) = given
    (usual,) = OBSERVERS[Subject.FACE](photos.read(small_face), options.perception)
    assert np.array_equal(seen.frame.pixels, usual.frame.pixels) and np.array_equal(seen.landmarks, usual.landmarks)
    assert seen.frame.size[0] == pytest.approx(factor * (seen.box[2] - seen.box[0]), abs=factor)
    assert any("enlarged" in note for note in seen.notes) == (factor > 1)
    # Scored in pixels of the photo, whatever was enlarged.
    (face,) = find_faces(photos.read(small_face).pixels)
    assert np.linalg.norm(prediction.pixels[[36, 45], :2] - face.landmarks[[33, 263], :2], axis=1).max() < 6
