"""Uploads: counted as they come, under names of ours, gone when they are not used."""

from __future__ import annotations

import asyncio

import pytest

from maquette.core.errors import BadInput
from maquette.web import uploads
from maquette.web.uploads import Uploads, file_names, shown_name

HOSTILE = [
    "../../etc/passwd", "..\\..\\boot.ini", "/abs.jpg", "C:\\x.png", "a\0b.jpg", "-rf.jpg", "--out=x.png", ".hidden",
    "..", "", "con.jpg", "LPT1.png", "x.py", "<img src=x onerror=alert(1)>.jpg", "a/b.jpg", "\u202egpj.exe", 
    "ü" * 300 + ".jpg", "a.jpg\n.sh", "$(id).jpg", "`id`.png", "file.jpg.exe", "%2e%2e%2f.jpg", "\udc80.jpg",
]  # fmt: skip


async def parts(*chunks, pause=0.0):
    for chunk in chunks:
        await asyncio.sleep(pause)
        yield chunk


def received(folder, *chunks, most=100, name="me.jpg", pause=0.0):
    folder.mkdir(exist_ok=True)
    kept = Uploads(folder, most)
    return kept, asyncio.run(kept.receive("me", name, parts(*chunks, pause=pause)))


def test_a_file_arrives_whole(tmp_path):
    _, upload = received(tmp_path / "u", b"ab", b"c")
    assert upload.path.read_bytes() == b"abc" and upload.size == 3 and upload.path.parent == tmp_path / "u"
    assert "me" not in upload.path.name, "its name is ours"


@pytest.mark.parametrize("chunks,most,said", [((b"x" * 60, b"x" * 60), 100, "larger than"), ((), 100, "it is empty")])
def test_what_is_too_large_or_empty_leaves_nothing(tmp_path, chunks, most, said):
    with pytest.raises(BadInput, match=said):
        received(tmp_path / "u", *chunks, most=most)
    assert not [*(tmp_path / "u").iterdir()]


def test_what_stalls_is_given_up(tmp_path, monkeypatch):
    monkeypatch.setattr(uploads, "STALLED_S", 0.02)
    with pytest.raises(BadInput, match="stopped coming"):
        received(tmp_path / "u", b"a", pause=0.5)
    assert not [*(tmp_path / "u").iterdir()]


def test_only_its_owner_has_it_and_once(tmp_path):
    kept, upload = received(tmp_path / "u", b"abc")
    for owner, ids in (("other", [upload.id]), ("me", [upload.id, "nothing"])):
        with pytest.raises(BadInput, match="no longer on the server"):
            kept.take(owner, ids)
    kept.drop("other", upload.id)
    assert kept.take("me", [upload.id, upload.id]) == [upload] and not kept.files


def test_what_nobody_uses_goes(tmp_path, monkeypatch):
    kept, upload = received(tmp_path / "u", b"abc")
    kept.sweep()
    assert upload.path.exists()
    monkeypatch.setattr(uploads, "UNUSED_S", -1)
    kept.sweep()
    assert not upload.path.exists() and not kept.files


def test_hostile_names_become_harmless(tmp_path):
    names = file_names([shown_name(name) for name in HOSTILE])
    assert len({name.casefold() for name in names}) == len(HOSTILE)
    for name in names:
        stem, _, suffix = name.rpartition(".")
        assert stem and stem[0] not in "-." and suffix in (*uploads.SUFFIXES, "bin") and len(stem) <= 44
        assert all(c.isalnum() or c in "-_" for c in stem)
        (tmp_path / name).write_bytes(b"")
    assert len([*tmp_path.iterdir()]) == len(HOSTILE)


@pytest.mark.parametrize("name", HOSTILE)
def test_what_is_shown_is_one_printable_line(name):
    shown = shown_name(name)
    assert shown and shown.isprintable() and len(shown) <= uploads.LONGEST_NAME and "/" not in shown
