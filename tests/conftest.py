"""Shared fixtures: the sample photo, and stand-ins for the slow stages."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image


@pytest.fixture(scope="session")
def astronaut() -> Path:
    """A public domain portrait that a dependency carries: 512 x 512, one face."""
    import skimage

    return Path(skimage.__file__).parent / "data" / "astronaut.png"


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder of real photographs, or a skip."""
    folder = os.environ.get("MAQUETTE_REAL_DATA")
    if not folder:
        pytest.skip("MAQUETTE_REAL_DATA is not set")
    return Path(folder)


@pytest.fixture(scope="session")
def cpu_seconds():
    """A function: processor time of a Python program, the best of three; what else runs here hardly matters."""
    resource = pytest.importorskip("resource", reason="Windows does not count the time of children")

    def measure(code: str) -> float:
        times = []
        for _ in range(3):
            before = resource.getrusage(resource.RUSAGE_CHILDREN)
            subprocess.run([sys.executable, "-c", code], check=True, stdout=subprocess.DEVNULL)
            after = resource.getrusage(resource.RUSAGE_CHILDREN)
            times.append(after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime)
        return min(times)

    return measure


@pytest.fixture
def photo(tmp_path):
    """A function that writes a photo of n faces, as the stand-in stages read them: n is the red of every pixel."""

    def write(name: str, faces: int = 1) -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.full((48, 64, 3), (faces, 0, 0), np.uint8)).save(path, format="PNG")
        return path

    return write


@pytest.fixture
def stand_ins(monkeypatch):
    """Replace perception, reconstruction, surface and writers by tiny ones; photos are really read."""
    put_stand_ins(monkeypatch)


def put_stand_ins(monkeypatch: pytest.MonkeyPatch) -> None:
    """See `stand_ins`."""
    from maquette.core.types import Subject
    from maquette.outputs import writers
    from maquette.pipeline import photo

    monkeypatch.setitem(photo.OBSERVERS, Subject.FACE, _observe)
    monkeypatch.setattr(photo.methods, "load", lambda *_: _reconstruct)
    monkeypatch.setattr(photo.texturing, "finish", lambda shape, *_: shape)
    monkeypatch.setattr(writers, "WRITERS", dict.fromkeys(FILES, _write))


def _observe(frame, options):
    from maquette.core.errors import NothingFound
    from maquette.core.types import Observation, Subject

    if not frame.pixels[0, 0, 0]:
        raise NothingFound(f"{frame.origin}: no face found")
    side = 8
    return [
        Observation(
            frame=frame,
            # The last face is the largest.
            box=np.array([side * i, 0, side * i + side + i, side + i], float),
            subject=Subject.FACE,
            landmarks=np.full((478, 3), float(i)),
            landmark_scheme="mediapipe478",
            landmark_confidence=np.ones(478),
            mask=np.ones(frame.pixels.shape[:2], np.float32),
        )
        for i in range(int(frame.pixels[0, 0, 0]))
    ]


def _reconstruct(observations):
    from maquette.core.types import Camera, Mesh, Reconstruction

    if observations[0].landmarks[0, 0] == 7:
        raise ValueError("the eighth face\nis one too many")
    vertices = np.array([[0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1]], np.float32) * 0.1
    faces = np.array([[0, 2, 1], [0, 1, 3], [0, 3, 2], [1, 2, 3]], np.int32)
    cameras = tuple(Camera(np.eye(3), np.eye(4), o.frame.size) for o in observations)
    return Reconstruction(Mesh(vertices, faces), cameras, provenance={"seen": len(observations)})


FILES = ("{stem}.glb", "{stem}.obj", "{stem}.stl", "{stem}.ply", "overview.jpg", "report.json")


def _write(asset):
    facts = {**asset.result.report, "files": {name.replace("{stem}", asset.stem): None for name in FILES}}
    return json.dumps(facts).encode()
