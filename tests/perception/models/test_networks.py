"""The adapter: silent, lazy, thread-safe."""

from __future__ import annotations

import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

import maquette
from maquette.perception.models import networks


def test_import_is_light_and_use_is_silent():
    program = (
        "import sys, numpy as np; import maquette.perception; "
        "assert not {'mediapipe', 'cv2'} & set(sys.modules); "
        "from maquette.perception.models import networks as n; assert 'mediapipe' not in sys.modules; "
        "picture = np.zeros((192, 192, 3), np.uint8); n.find_landmarks(picture); n.segment(picture); "
        "n.detect_faces(picture, 'short'); n.detect_faces(picture, 'full'); "
        "n.detect_persons(picture, 0.5); n.estimate_pose(picture)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_it_is_the_only_importer():
    root = Path(maquette.__file__).parent
    imports = re.compile(r"^\s*(import|from) mediapipe", re.MULTILINE)
    importers = [path.name for path in root.rglob("*.py") if imports.search(path.read_text())]
    assert importers == ["graphs.py"]


def test_an_empty_picture_shows_no_face_and_no_person():
    noise = np.random.default_rng(0).integers(0, 255, (192, 192, 3), dtype=np.uint8)
    landmarks, presence = networks.find_landmarks(noise)
    assert landmarks.shape == (478, 3) and presence < 0.01
    assert networks.detect_faces(noise, "short") == [] == networks.detect_faces(noise, "full")
    assert networks.segment(noise).mean() < 0.5


def test_threads_get_the_same_answers(portrait):
    crop = np.ascontiguousarray(portrait[40:232, 40:232])
    alone = networks.find_landmarks(crop).landmarks
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(lambda _: networks.find_landmarks(crop).landmarks, range(12)))
    assert all(np.array_equal(alone, one) for one in together)
