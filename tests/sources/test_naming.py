"""Folder names of photos: safe, and each its own."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from maquette.sources.naming import source_names


def test_names_keep_photos_apart():
    assert source_names(["a/me.jpg", "b/me.jpg", "c/Me.png"]) == [
        ("me", "a/me.jpg"),
        ("me-2", "b/me.jpg"),
        ("Me-3", "c/Me.png"),
    ]


def test_a_photo_given_twice_counts_once(tmp_path):
    assert len(source_names([tmp_path / "me.jpg", tmp_path / "x" / ".." / "me.jpg"])) == 1


@given(st.lists(st.text(st.characters(exclude_characters="/\0", codec="utf-8"), min_size=1, max_size=12), max_size=8))
def test_every_name_is_a_single_safe_unique_folder(stems):
    names = [name for name, _ in source_names([f"dir{i}/{stem}.jpg" for i, stem in enumerate(stems)])]
    assert len({name.casefold() for name in names}) == len(names)
    for name in names:
        assert name not in ("", ".", "..", "summary.json") and "/" not in name and name.isprintable()
