"""Manifests in every form name the same work; damaged ones are one line."""

from __future__ import annotations

import json
import sys

import pytest

from maquette.batch.items import BadRow
from maquette.batch.manifest import is_url, read
from maquette.core.errors import BadInput, ExtraMissing

ROWS = [
    {"photo": "a.jpg", "subject": "face", "seed": 3},
    {"photo": "b c.png", "subject": "pet", "seed": None},
    {"photo": "/far/ä.jpg", "subject": None, "seed": None},
]


@pytest.fixture
def write(tmp_path):
    def rows_as(kind):
        path = tmp_path / f"m{kind}"
        if kind == ".jsonl":
            path.write_text("\n\n".join(json.dumps(row, ensure_ascii=False) for row in ROWS), "utf-8")
        elif kind == ".csv":
            lines = [",".join("" if cell is None else str(cell) for cell in row.values()) for row in ROWS]
            path.write_text("\n".join(["photo,subject,seed", *lines]) + "\n", "utf-8-sig")
        else:
            arrow = pytest.importorskip("pyarrow")
            from pyarrow import parquet

            parquet.write_table(arrow.Table.from_pylist(ROWS), path)
        return path

    return rows_as


def listed(path, out="nowhere"):
    return list(read(str(path), "person", out))


@pytest.mark.parametrize("kind", [".csv", ".jsonl", ".parquet"])
def test_every_form_names_the_same_work(kind, write, tmp_path):
    items = listed(write(kind))
    assert [item.sources for item in items] == [(f"{tmp_path}/a.jpg",), (f"{tmp_path}/b c.png",), ("/far/ä.jpg",)]
    assert [item.subject for item in items] == ["face", "pet", "person"]
    assert [dict(item.options) for item in items] == [{"seed": 3}, {}, {}]
    assert [item.number for item in items] == [1, 2, 3]


def test_a_url_is_read_and_what_it_names_lies_beside_it(write):
    fsspec = pytest.importorskip("fsspec")
    system = fsspec.filesystem("memory")
    system.pipe("/batch/m.csv", write(".csv").read_bytes())
    system.pipe("/batch/a.jpg", b"x")
    try:
        items = listed("memory://batch/m.csv")
        assert [item.sources[0] for item in items] == ["memory://batch/a.jpg", "memory://batch/b c.png", "/far/ä.jpg"]
        found = [item.sources[0] for item in listed("memory://batch")]
        assert len(found) == 1 and is_url(found[0]) and found[0].endswith("/a.jpg")
    finally:
        system.rm("/batch", recursive=True)


def test_a_folder_is_its_photos_and_clips_but_not_its_results(tmp_path):
    for name in ("b.JPG", "a.mp4", "deep/c.png", "notes.txt", ".hidden.jpg", ".git/d.jpg", "out/results/e.jpg"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    items = listed(tmp_path, tmp_path / "out")
    assert [item.sources[0] for item in items] == [f"{tmp_path}/{name}" for name in ("a.mp4", "b.JPG", "deep/c.png")]
    assert [item.clip for item in items] == [True, False, False]


@pytest.mark.parametrize(
    "name,content,why",
    [
        ("m.csv", b"photo,colour\na,b\n", "column 'colour' means nothing"),
        ("m.csv", b"photo\na,b\n", "line 2 has more cells"),
        ("m.csv", b"\xff\xfe\x00photo", "is not a CSV file"),
        ("m.csv", b"", "has no column that names a file"),
        ("m.jsonl", b'{"photo": "a.jpg"}\n{"photo"\n', "line 2 is not JSON"),
        ("m.jsonl", b"[1]\n", "line 1 is not JSON"),
        ("m.jsonl", b"[" * 100_000, "line 1 is not JSON"),
        ("m.jsonl", b"x" * (1 << 21), "line 1 is not JSON .longer than a megabyte"),
        ("m.parquet", b"PAR1 not at all PAR1", "is not a Parquet file"),
        ("m.xlsx", b"", "wanted a folder, or a .csv"),
    ],
)
def test_a_damaged_manifest_is_one_line(name, content, why, tmp_path):
    if name.endswith("parquet"):
        pytest.importorskip("pyarrow")
    (tmp_path / name).write_bytes(content)
    with pytest.raises(BadInput, match=why) as error:
        listed(tmp_path / name)
    assert "\n" not in str(error.value) and len(str(error.value)) < 400


@pytest.mark.parametrize("path", ["nothere.csv", "nothere"])
def test_a_manifest_that_is_not_there(path, tmp_path):
    with pytest.raises(BadInput, match="nothere"):
        listed(tmp_path / path)


def test_rows_that_are_no_work_leave_the_others(tmp_path):
    (tmp_path / "m.csv").write_text("photo,seed\na.jpg,1\nb.jpg,x\n,2\nc.jpg,\n")
    kinds = [isinstance(row, BadRow) for row in listed(tmp_path / "m.csv")]
    assert kinds == [False, True, True, False]


@pytest.mark.parametrize("name,library", [("m.parquet", "pyarrow"), ("memory://m.csv", "fsspec")])
def test_a_missing_library_is_named_with_its_extra(name, library, monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, library, None)
    (tmp_path / "m.parquet").touch()
    with pytest.raises(ExtraMissing, match=rf"{library}: run: pip install 'maquette\[batch\]'"):
        listed(name if "://" in name else tmp_path / name)
