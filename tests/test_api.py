"""The Python door: light to import, forgiving to use, exact in its errors."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest

import maquette
from clips import write_clip
from drawn import picture, stand_in, standing
from maquette.core.errors import BadInput, InternalError, NothingFound
from maquette.core.options import METHODS


def test_import_is_light(cpu_seconds):
    code = "import sys, maquette; print(*sorted({name.split('.')[0] for name in sys.modules}))"
    loaded = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout.split()
    assert not {"cv2", "ai_edge_litert", "scipy", "skimage", "vtkmodules", "pyvista", "torch", "trimesh", "PIL"} & {
        *loaded
    }
    assert cpu_seconds("import maquette") < max(0.2, 8 * cpu_seconds("pass")), "the second for slow machines"


def test_every_public_name_resolves_and_is_documented():
    for name in maquette.__all__:
        assert getattr(maquette, name) is not None
        if name != "__version__":
            assert getattr(maquette, name).__doc__, name
    assert set(maquette.__all__) <= set(dir(maquette))
    assert len(maquette.__all__) <= 24


def test_an_unknown_name_lists_the_known_ones():
    with pytest.raises(AttributeError, match="face"):
        maquette.fase  # noqa: B018


def test_one_photo_with_several_faces(stand_ins, photo, tmp_path):
    results = maquette.face(photo("two.png", 2))
    assert [result.name for result in results] == ["face-1", "face-2"]
    assert results[-1].name == "face-2" and len(results[:1]) == 1 and "two/face-2" in repr(results)
    files = results.save(tmp_path / "out")
    assert all(file.is_file() for file in files) and (tmp_path / "out/two/face-2/head.glb") in files
    assert json.loads((tmp_path / "out/summary.json").read_text())["failed"] == []
    assert results[:1].save(str(tmp_path / "part")) and not (tmp_path / "part/two/face-2").exists()


def test_bad_photos_among_several_are_kept_as_failures(stand_ins, photo, tmp_path):
    results = maquette.face([photo("a.png"), photo("wall.png", 0)])
    assert len(results) == 1
    assert [type(failure.error) for failure in results.failures] == [NothingFound]
    results.save(tmp_path / "out")
    assert "no face" in json.loads((tmp_path / "out/summary.json").read_text())["failed"][0]["error"]


def test_nothing_at_all_raises(stand_ins, photo, tmp_path):
    with pytest.raises(NothingFound, match="wall.png"):
        maquette.face(photo("wall.png", 0))
    with pytest.raises(BadInput, match="gone.jpg"):
        maquette.face([tmp_path / "gone.jpg", photo("wall.png", 0)])
    with pytest.raises(ValueError, match="at least one"):
        maquette.face([])


def test_options_are_checked_before_the_photo_is_read():
    with pytest.raises(BadInput, match="texture size"):
        maquette.face("gone.jpg", texture_size=1)
    with pytest.raises(TypeError, match="texture_size"):
        maquette.face("gone.jpg", size=1)


def test_options_reach_the_writers(stand_ins, photo, tmp_path):
    results = maquette.face(photo("a.png"), formats="stl")
    assert {file.name for file in results.save(tmp_path)} == {"overview.jpg", "report.json", "head.stl"}
    assert (tmp_path / "one" / "head.ply") in maquette.save(results[0], tmp_path / "one", formats="ply")


@pytest.fixture
def people(stand_ins, monkeypatch):
    """The stand-ins' faces taken for people."""
    from maquette.core.types import Subject
    from maquette.pipeline import photo as pipeline

    def observe(frame, options):
        return [replace(one, subject=Subject.PERSON) for one in pipeline.OBSERVERS[Subject.FACE](frame, options)]

    monkeypatch.setitem(pipeline.OBSERVERS, Subject.PERSON, observe)


def test_people_are_as_faces(people, photo, tmp_path):
    results = maquette.person([photo("two.png", 2), photo("wall.png", 0)], height=172.0)
    assert repr(results) == "Results(two/person-1, two/person-2; 1 failed)"
    assert results.options.body.height == 172 and results.options.fit.method == METHODS["person"]
    assert tmp_path / "out/two/person-2/report.json" in results.save(tmp_path / "out")
    assert maquette.person(photo("a.png"), method="parametric").options.fit.method == "parametric"
    assert maquette.face(photo("a.png")).options.fit.method == METHODS["face"]
    with pytest.raises(TypeError, match="height"):
        maquette.person(photo("a.png"), tallness=3)


@pytest.fixture
def walk(monkeypatch, tmp_path):
    """A clip of somebody who walks; the slow stages are stand-ins."""
    stand_in(monkeypatch)
    return write_clip(tmp_path / "walk.mp4", standing(6))


def test_a_clip(walk, tmp_path):
    stages = []
    rows = maquette.video(walk, tmp_path / "out", every=2, progress=lambda _, stage: stages.append(stage))
    assert [row["folder"] for row in rows] == ["walk/person-1"] and stages
    assert rows == json.loads((tmp_path / "out/summary.json").read_text())["done"]
    assert len(list((tmp_path / "out/walk/person-1/frames").iterdir())) == 3
    assert callable(maquette.video), "also after the work: no package takes the name"


def test_a_clip_that_gives_nothing_raises(walk, tmp_path, monkeypatch):
    from maquette.pipeline.clip_subject import ClipSubject

    with pytest.raises(BadInput, match="gone.mp4"):
        maquette.video(tmp_path / "gone.mp4", tmp_path / "out")
    with pytest.raises(NothingFound, match="no person"):
        maquette.video(write_clip(tmp_path / "wall.mp4", [picture()] * 3), tmp_path / "out")
    with pytest.raises(TypeError, match="wanted a path, got list"):
        maquette.video([walk], tmp_path / "out")
    with pytest.raises(TypeError, match="every"):
        maquette.video(walk, tmp_path / "out", evry=2)
    monkeypatch.setattr(ClipSubject, "textured", lambda *_: 1 / 0)
    with pytest.raises(InternalError, match="person-1"):
        maquette.video(walk, tmp_path / "out")


@pytest.mark.parametrize("wrong", [None, 3, b"me.jpg", np.zeros((4, 4, 3)), [3], ["me.jpg", None]], ids=str)
def test_photos_that_are_not_paths_are_named(wrong):
    with pytest.raises(TypeError, match="wanted a path or several paths, got"):
        maquette.face(wrong)


def test_a_generator_of_paths_and_a_short_repr(stand_ins, photo):
    results = maquette.face(path for path in (photo("a.png"), str(photo("b.png"))))
    assert [repr(result) for result in results] == ["Result(a/face-1)", "Result(b/face-1)"]
