"""One item through the real pipeline; what its results depend on; files behind URLs."""

from __future__ import annotations

import json

import pytest

from maquette.batch import work
from maquette.batch.items import Item
from maquette.batch.work import RECORD, do, state_of

SMALL = {"texture_size": 256, "formats": "ply", "hair": "none", "detail": "none"}


@pytest.fixture
def item(tmp_path):
    (tmp_path / "a.jpg").write_bytes(b"no picture")
    return Item(1, (str(tmp_path / "a.jpg"),), "face", {"seed": 1}, "a")


def test_results_depend_on_files_and_options(item, tmp_path):
    first = state_of(item, {})
    assert first == state_of(item, {}) == state_of(Item(9, item.sources, "face", {"seed": 1}, "b"), {})
    assert first == state_of(item, {"seed": 2}), "the row's own option comes first"
    others = {state_of(item, {"texture_size": 512}), state_of(Item(1, item.sources, "pet", {"seed": 1}), {})}
    (tmp_path / "a.jpg").write_bytes(b"another picture")
    assert len({first, *others, state_of(item, {})}) == 4


def test_a_photo_becomes_a_folder_once(astronaut, tmp_path, monkeypatch):
    item = Item(3, (str(astronaut),), "face", {}, "astronaut")
    record = do(item, tmp_path, SMALL)
    assert (record["status"], record["failures"]) == ("done", []) and record["stages"]["reconstruction"] > 0
    [row] = record["results"]
    home = tmp_path / item.folder
    assert all((home / file).is_file() for file in row["files"]) and "astronaut/face-1/head.ply" in row["files"]
    assert json.loads((home / RECORD).read_text()) == record
    monkeypatch.setattr(work, "_reconstruct", None)  # would not work a second time
    assert do(item, tmp_path, SMALL) == {**record, "again": True}


@pytest.mark.parametrize("kind", ["pet", "face"])
def test_a_clip_that_cannot_be_is_one_line(kind, tmp_path):
    (tmp_path / "a.mp4").write_bytes(b"no clip")
    record = do(Item(1, (str(tmp_path / "a.mp4"),), kind, {}, "a", clip=True), tmp_path / "out", {})
    [failure] = record["failures"]
    assert record["status"] == "failed" and failure["kind"] == "BadInput" and "\n" not in failure["error"]
    assert ("a clip can show face or person, not pet" in failure["error"]) == (kind == "pet")


def test_a_file_behind_a_url_is_read_and_gone_after(tmp_path, monkeypatch):
    system = pytest.importorskip("fsspec").filesystem("memory")
    system.pipe("/photos/bad.jpg", b"no picture")
    (tmp_path / "temporary").mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "temporary"))
    try:
        record = do(Item(1, ("memory://photos/bad.jpg",), "face", {}, "bad"), tmp_path / "out", {})
        assert record["failures"][0]["kind"] == "BadInput" and "is not an image" in record["failures"][0]["error"]
        gone = do(Item(1, ("memory://photos/nothere.jpg",), "face", {}, "gone"), tmp_path / "out", {})
        assert gone["failures"][0]["kind"] in (work.FETCH, "BadInput") and "nothere" in gone["failures"][0]["error"]
        monkeypatch.setattr(work, "MOST_BYTES", 4)
        large = do(Item(1, ("memory://photos/bad.jpg",), "face", {"seed": 2}, "bad"), tmp_path / "out", {})
        assert "larger than" in large["failures"][0]["error"]
    finally:
        system.rm("/photos", recursive=True)
    assert not [*(tmp_path / "temporary").iterdir()]
