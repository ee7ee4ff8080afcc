"""A file is there whole or not at all."""

from __future__ import annotations

import pytest

from maquette.core.files import whole_file


def test_the_old_file_stays_until_the_new_one_is_whole(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("old")
    with whole_file(path) as part:
        part.write_text("new")
        assert path.read_text() == "old"
    assert path.read_text() == "new" and [*tmp_path.iterdir()] == [path]


@pytest.mark.parametrize("begun", [False, True])
def test_a_failure_leaves_the_old_file_and_nothing_else(tmp_path, begun):
    path = tmp_path / "a.txt"
    path.write_text("old")
    with pytest.raises(KeyboardInterrupt), whole_file(path) as part:
        if begun:
            part.write_text("ne")
        raise KeyboardInterrupt
    assert path.read_text() == "old" and [*tmp_path.iterdir()] == [path]


def test_nothing_written_is_an_error(tmp_path):
    with pytest.raises(FileNotFoundError), whole_file(tmp_path / "a.txt"):
        pass
    with pytest.raises(OSError), whole_file(tmp_path / "none" / "a.txt") as part:
        part.write_text("new")
