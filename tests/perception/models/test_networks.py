"""The adapter: silent, lazy, thread-safe, and the same numbers as the programs that the networks come from.

The golden numbers were made with mediapipe 0.10.21 (boxes, key points, masks) and with the face landmarker of
mediapipe 1.2.3 (478 landmarks, 52 scores), on photographs inside the wheels of scikit-image and matplotlib.
"""

from __future__ import annotations

import re
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import cv2
import matplotlib
import numpy as np
import pytest
import skimage.data
from safetensors.numpy import load_file

import maquette
from maquette.perception.affine import apply
from maquette.perception.models import interpreter, networks
from maquette.perception.models.results import BLENDSHAPES, DETECTOR_INPUT, MESH_INPUT
from maquette.perception.square import Square

GOLDEN = load_file(Path(__file__).parents[2] / "golden" / "detectors.safetensors")
OFFICIAL_CROP = 1.5  # side over the detection's, in the face landmarker's graph


def photo(name: str) -> np.ndarray:
    if name == "astronaut":
        return skimage.data.astronaut()
    file = Path(matplotlib.__file__).parent / "mpl-data" / "sample_data" / "grace_hopper.jpg"
    return np.ascontiguousarray(cv2.imread(str(file))[..., ::-1])


def shrunk(pixels: np.ndarray, width: int, height: int) -> np.ndarray:
    return cv2.resize(pixels, (width, height), interpolation=cv2.INTER_AREA)


def test_import_is_light_and_use_is_silent():
    program = (
        "import sys, numpy as np; import maquette.perception; "
        "assert not {'ai_edge_litert', 'cv2'} & set(sys.modules); "
        "from maquette.perception.models import networks as n; assert 'ai_edge_litert' not in sys.modules; "
        "picture = np.zeros((256, 256, 3), np.uint8); n.find_landmarks(picture); n.segment(picture); "
        "n.detect_faces(picture, 'short'); n.detect_faces(picture, 'full'); n.blendshapes(np.ones((478, 3))); "
        "n.detect_persons(np.zeros((224, 224, 3), np.uint8), 0.5); n.estimate_pose(picture)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_it_is_the_only_importer():
    root = Path(maquette.__file__).parent
    imports = re.compile(r"^\s*(import|from) (ai_edge_litert|mediapipe)", re.MULTILINE)
    importers = [path.name for path in root.rglob("*.py") if imports.search(path.read_text())]
    assert importers == ["interpreter.py"]


@pytest.mark.parametrize("name", ["astronaut", "hopper"])
def test_landmarks_and_scores_are_those_of_the_official_task(name):
    """Its crop, rebuilt: the short-range detection, turned so that the eyes are level, 1.5 times as large."""
    pixels, official = photo(name), GOLDEN[f"{name}-landmarks"]
    (found,) = networks.detect_faces(pixels, "short")
    across = found.keypoints[1] - found.keypoints[0]
    side = OFFICIAL_CROP * float(np.max(found.box[2:] - found.box[:2]))
    square = Square((found.box[:2] + found.box[2:]) / 2, side, float(np.arctan2(across[1], across[0])))
    to_crop = square.to_crop(MESH_INPUT)
    crop = cv2.warpAffine(pixels, to_crop, (MESH_INPUT, MESH_INPUT), borderMode=cv2.BORDER_REPLICATE)
    landmarks, presence = networks.find_landmarks(crop)
    own = apply(cv2.invertAffineTransform(to_crop), landmarks[:, :2])
    assert presence > 0.9 and np.linalg.norm(own - official[:, :2], axis=1).max() < 0.3, "pixels of the photo"
    assert np.abs(landmarks[:, 2] * side / MESH_INPUT - official[:, 2]).max() < 1.5
    assert len(BLENDSHAPES) == 52
    assert np.abs(networks.blendshapes(official) - GOLDEN[f"{name}-blendshapes"]).max() < 1e-3
    assert np.abs(networks.blendshapes(landmarks) - GOLDEN[f"{name}-blendshapes"]).max() < 0.06, "any unit, any turn"


@pytest.mark.parametrize(
    "key, reach, rows, width, height",
    [
        ("faces-short", "short", 512, 128, 128),
        ("faces-full", "full", 512, 192, 192),
        ("faces-wide", "full", 384, 192, 144),
    ],
)
def test_faces_are_those_of_the_older_graph(key, reach, rows, width, height):
    found = networks.detect_faces(shrunk(photo("astronaut")[:rows], width, height), reach)
    own = np.array([np.concatenate([item.box, item.keypoints.ravel(), [item.score]]) for item in found])
    assert own.shape == GOLDEN[key].shape and np.abs(own - GOLDEN[key]).max() < 0.05


def test_people_are_those_of_the_older_graph():
    pixels = photo("astronaut")
    found = networks.detect_persons(shrunk(pixels, 224, 224), 0.3)
    own = np.array([np.concatenate([p.face, p.face_size, p.hips, p.rim, [p.score]]) for p in found])
    assert own.shape == GOLDEN["persons"].shape and np.abs(own - GOLDEN["persons"]).max() < 0.05
    small = shrunk(pixels, 256, 256)
    pose = networks.estimate_pose(small)
    own = np.column_stack([pose.points, pose.visibility, pose.inside, pose.metric])
    assert np.abs(own - GOLDEN["pose"]).max() < 0.05 and pose.presence == pytest.approx(
        GOLDEN["pose-presence"][0], abs=1e-3
    )
    assert np.abs(pose.mask[::8, ::8] - GOLDEN["pose-mask"]).max() < 0.02
    assert np.abs(networks.segment(small)[::8, ::8] - GOLDEN["mask"]).max() < 0.02


def test_lower_scores_are_reported_only_where_asked_for():
    pixels = shrunk(photo("astronaut"), 30, 30)
    for reach in DETECTOR_INPUT:
        usual, more = networks.detect_faces(pixels, reach), networks.detect_faces(pixels, reach, 0.01)
        assert len(usual) <= len(more) and min(item.score for item in more) < networks.USUAL_SCORE[reach]
        assert [item.score for item in more] == sorted((item.score for item in more), reverse=True)


def test_an_empty_picture_shows_no_face_and_no_person():
    noise = np.random.default_rng(0).integers(0, 255, (256, 256, 3), dtype=np.uint8)
    landmarks, presence = networks.find_landmarks(noise)
    assert landmarks.shape == (478, 3) and presence < 0.01
    assert networks.detect_faces(noise, "short") == [] == networks.detect_faces(noise, "full")
    assert networks.segment(noise).mean() < 0.5


def test_threads_get_the_same_answers_from_a_few_copies_of_a_network(portrait):
    crops = [np.ascontiguousarray(portrait[k : k + 256, k : k + 256]) for k in range(0, 48, 4)]
    alone = [networks.find_landmarks(crop).landmarks for crop in crops]
    with ThreadPoolExecutor(9) as pool:
        together = list(pool.map(lambda crop: networks.find_landmarks(crop).landmarks, crops))
    assert all(np.array_equal(a, b) for a, b in zip(alone, together))
    assert 1 <= interpreter._network("face-landmarks")._made <= interpreter.AT_ONCE


def test_side_by_side_keeps_the_order_and_the_error(monkeypatch):
    monkeypatch.setattr(interpreter.threads, "available", lambda: 3)
    assert interpreter.each(lambda k: (time.sleep(0.02 * (3 - k)), k)[1], range(4)) == [0, 1, 2, 3]
    with pytest.raises(ZeroDivisionError):
        interpreter.each(lambda k: 1 / k, [1, 0])
    assert interpreter.each(lambda k: k, []) == []


def test_ahead_of_time_the_answers_are_the_same_and_computed_once(monkeypatch):
    asked, begun = [], threading.Event()

    def double(item):
        asked.append(item[0])
        begun.set()
        return [2 * item[0]]

    items = [(1,), (2,)]
    for cores in (1, 2):
        monkeypatch.setattr(interpreter.threads, "available", lambda cores=cores: cores)
        asked.clear()
        begun.clear()
        with interpreter.ahead(double, items[1:]) as known:
            assert begun.wait(5 if cores == 2 else 0.05) == (cores == 2), "where there is a core for it"
            assert [known(item) for item in items] == [[2], [4]]
        assert sorted(asked) == [1, 2]
    with interpreter.ahead(double, []) as known:
        assert known is double
