"""The pipeline: who is paired with whom, what fails alone, what stops everything; once for real."""

from __future__ import annotations

import json

import numpy as np
import pytest

from maquette.core.errors import BadInput, InternalError, NothingFound
from maquette.core.options import options_from
from maquette.core.result import Failure, Result
from maquette.core.types import Subject
from maquette.pipeline import photo as pipeline


def names(outcomes):
    return [
        f"{o.source}/{o.name}" if isinstance(o, Result) else f"{o.source}: {type(o.error).__name__}" for o in outcomes
    ]


def test_faces_come_left_to_right_and_bad_photos_do_not_stop_the_others(stand_ins, photo, tmp_path):
    (tmp_path / "letter.jpg").write_text("Dear sir")
    bad = [photo("empty.png", 0), tmp_path / "letter.jpg", tmp_path / "gone.jpg"]
    photos = [photo("two.png", 2), *bad, photo("a.png")]
    outcomes = list(pipeline.reconstruct(photos))
    assert names(outcomes) == [
        "two/face-1",
        "two/face-2",
        "empty: NothingFound",
        "letter: BadInput",
        "gone: BadInput",
        "a/face-1",
    ]
    assert [o.photo for o in outcomes if isinstance(o, Failure)] == [str(p) for p in bad]
    first, second = outcomes[:2]
    assert first.report["photos"] == [str(photos[0])]
    assert set(first.report["seconds"]) == {"reading", "perception", "reconstruction", "texturing"}
    assert first.report["seconds"] is not second.report["seconds"]
    assert second.observations[0].box[0] > first.observations[0].box[0]


def test_one_photo_at_a_time(stand_ins, photo, monkeypatch):
    """Memory stays flat: a photo is read only after the results of the one before were taken."""
    read, whole = [], pipeline.photo_files.read
    monkeypatch.setattr(pipeline.photo_files, "read", lambda path, options: read.append(path) or whole(path, options))
    outcomes = pipeline.reconstruct([photo("a.png"), photo("b.png")])
    next(outcomes)
    assert len(read) == 1
    assert len(list(outcomes)) == 1 and len(read) == 2


def test_a_defect_in_one_face_leaves_the_others(stand_ins, photo):
    outcomes = list(pipeline.reconstruct([photo("crowd.png", 9)]))
    assert names(outcomes)[6:] == ["crowd/face-7", "crowd: InternalError", "crowd/face-9"]
    failure = outcomes[7].error
    assert isinstance(failure, InternalError) and isinstance(failure.__cause__, ValueError) and "\n" not in str(failure)
    assert outcomes[7].subject == "face-8" and "face-8" in str(failure)


def test_together_is_one_result_from_the_largest_face_of_each_photo(stand_ins, photo, tmp_path):
    photos = [photo("front.png"), photo("party.png", 3), photo("wall.png", 0), tmp_path / "gone.jpg"]
    outcomes = list(pipeline.reconstruct(photos, options_from(together=True)))
    assert names(outcomes) == ["wall: NothingFound", "gone: BadInput", "together/face-1"]
    result = outcomes[-1]
    assert result.report["photos"] == [str(p) for p in photos[:2]]
    assert [o.box[0] for o in result.observations] == [0, 16]
    assert result.reconstruction.provenance["seen"] == 2
    assert any("3 faces" in warning for warning in result.report["warnings"])


def test_together_without_any_face_gives_only_failures(stand_ins, photo):
    outcomes = list(pipeline.reconstruct([photo("a.png", 0), photo("b.png", 0)], options_from(together=True)))
    assert [type(o.error) for o in outcomes] == [NothingFound, NothingFound]


def test_progress_names_photo_and_stage(stand_ins, photo):
    told = []
    list(pipeline.reconstruct([photo("two.png", 2)], progress=lambda *words: told.append(words)))
    assert told[:2] == [("two", "reading"), ("two", "perception")] and len(told) == 6
    for n in (1, 2):  # two at once: each in its own order
        own = [("two", f"face-{n} {stage}") for stage in ("reconstruction", "texturing")]
        assert [words for words in told if words in own] == own


def test_an_unknown_method_is_refused_at_once(photo):
    with pytest.raises(BadInput, match="parametric"):
        pipeline.reconstruct([photo("a.png")], options_from(method="nonsense"))


def test_missing_libraries_stop_the_run(stand_ins, photo, monkeypatch):
    def missing(frame, options):
        raise ImportError("libGL.so.1: cannot open shared object file")

    monkeypatch.setitem(pipeline.OBSERVERS, Subject.FACE, missing)
    with pytest.raises(ImportError):
        list(pipeline.reconstruct([photo("a.png")]))


def test_the_whole_way_on_a_real_photo(astronaut, tmp_path):
    """One portrait to every file, texture 512: sizes, units and facts are sane."""
    import trimesh

    import maquette

    results = maquette.face(astronaut, texture_size=512, turntable=False)
    assert len(results) == 1
    mesh = results[0].reconstruction.shape
    assert mesh.texture.shape == (512, 512, 3) and mesh.texture_confidence.shape == (512, 512)
    assert np.isfinite(mesh.vertices).all()
    width, height, depth = np.ptp(mesh.vertices, axis=0)
    assert 0.12 < width < 0.25 and 0.20 < height < 0.45 and 0.15 < depth < 0.35, "a human head, in metres"
    files = {file.name for file in results.save(tmp_path / "out")}
    assert {"head.glb", "head.obj", "head.stl", "head.ply", "texture.png", "overview.jpg", "report.json"} <= files
    assert "turntable.mp4" not in files
    folder = tmp_path / "out" / "astronaut" / "face-1"
    solid = trimesh.load(folder / "head.stl")
    assert solid.is_watertight and 120 < np.ptp(solid.vertices[:, 0]) < 250, "printable, in millimetres"
    report = json.loads((folder / "report.json").read_text())
    summary = json.loads((tmp_path / "out" / "summary.json").read_text())
    assert summary["done"][0]["folder"] == "astronaut/face-1" and not summary["failed"]
    assert report["seed"] == 0
