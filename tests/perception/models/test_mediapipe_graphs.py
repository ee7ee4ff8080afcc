"""The adapter: silent, lazy, thread-safe; and the landmark tables it goes with."""

from __future__ import annotations

import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

import maquette
from maquette.perception.faces import topology
from maquette.perception.models import mediapipe_graphs


def test_import_is_light_and_use_is_silent():
    program = (
        "import sys, numpy as np; import maquette.perception; "
        "assert not {'mediapipe', 'cv2'} & set(sys.modules); "
        "from maquette.perception.models import mediapipe_graphs as g; assert 'mediapipe' not in sys.modules; "
        "picture = np.zeros((192, 192, 3), np.uint8); g.trace(picture); g.segment(picture); "
        "g.detect(picture, 'short'); g.detect(picture, 'full'); g.find_people(picture); g.trace_person(picture)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_it_is_the_only_importer():
    root = Path(maquette.__file__).parent
    imports = re.compile(r"^\s*(import|from) mediapipe", re.MULTILINE)
    importers = [path.name for path in root.rglob("*.py") if imports.search(path.read_text())]
    assert importers == ["mediapipe_graphs.py"]


def test_an_empty_picture_shows_no_face_and_no_person():
    noise = np.random.default_rng(0).integers(0, 255, (192, 192, 3), dtype=np.uint8)
    landmarks, presence = mediapipe_graphs.trace(noise)
    assert landmarks.shape == (478, 3) and presence < 0.01
    assert mediapipe_graphs.detect(noise, "short") == [] == mediapipe_graphs.detect(noise, "full")
    assert mediapipe_graphs.segment(noise).mean() < 0.5


def test_threads_get_the_same_answers(portrait):
    crop = np.ascontiguousarray(portrait[40:232, 40:232])
    alone = mediapipe_graphs.trace(crop)[0]
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(lambda _: mediapipe_graphs.trace(crop)[0], range(12)))
    assert all(np.array_equal(alone, one) for one in together)


def test_tables_are_symmetric():
    mirror = topology.mirror()
    assert np.array_equal(mirror[mirror], np.arange(topology.LANDMARKS))
    pairs = [
        (topology.RIGHT_EYE, topology.LEFT_EYE),
        (topology.RIGHT_BROW, topology.LEFT_BROW),
        (topology.RIGHT_IRIS, topology.LEFT_IRIS),
        (topology.RIGHT_CHEEK, topology.LEFT_CHEEK),
        (topology.FACE_OVAL, topology.FACE_OVAL),
        (topology.LIPS, topology.LIPS),
        (topology.MOUTH_OPENING, topology.MOUTH_OPENING),
    ]
    for right, left in pairs:
        assert set(mirror[list(right)]) == set(left)


def test_triangles_are_those_of_mediapipe_and_wound_alike():
    from mediapipe.python.solutions.face_mesh_connections import FACEMESH_TESSELATION

    edges = {tuple(sorted(edge)) for edge in FACEMESH_TESSELATION}
    triangles = topology.triangles()
    ours = {tuple(sorted((t[i], t[(i + 1) % 3]))) for t in triangles.tolist() for i in range(3)}
    assert ours <= edges and len(ours) > 0.99 * len(edges)
    directed = [(t[i], t[(i + 1) % 3]) for t in triangles.tolist() for i in range(3)]
    assert len(directed) == len(set(directed))
