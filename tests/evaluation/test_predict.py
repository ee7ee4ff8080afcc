"""The method's own landmarks and heads, on the one photo that a dependency carries."""

from __future__ import annotations

import numpy as np
import pytest

from maquette.core.errors import BadInput, NothingFound
from maquette.core.options import FitOptions
from maquette.evaluation.predict import Method, average_head, front, read_prediction, same_topology
from maquette.perception.faces.search import find_faces
from maquette.sources import photos


@pytest.fixture(scope="module")
def seen(astronaut):
    """(prediction, detected landmarks (478, 3) pixels)."""
    (face,) = find_faces(photos.read(astronaut).pixels)
    return Method(FitOptions(photometric=False)).predict(astronaut, box=face.box), face.landmarks


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
        Method(FitOptions(photometric=False)).predict(astronaut, box=np.array([400.0, 400, 500, 500]))


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
