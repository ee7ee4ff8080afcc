"""The journal: settled is settled, a torn line is passed over, and two do not write at once."""

from __future__ import annotations

import pytest

from maquette.batch.journal import NAME, Journal, latest, records_of
from maquette.core.errors import BadInput


def record(key, state="s", status="done"):
    return {"key": key, "state": state, "status": status}


def test_what_is_noted_is_known_to_the_next_run(tmp_path):
    with Journal(tmp_path / "out") as journal:
        for each in (record("a"), record("b", status="failed"), record("c"), record("c", "t", "failed")):
            journal.add(each)
        now = [journal.is_settled(key, "s") for key in "abcd"]
    with Journal(tmp_path / "out") as journal:
        assert [journal.is_settled(key, "s") for key in "abcd"] == now == [True, True, False, False]
        assert [journal.is_settled(key, "s", failures_too=False) for key in "ab"] == [True, False]
        assert not journal.is_settled("a", "other")
    assert [each["key"] for each in latest(tmp_path / "out" / NAME)] == ["a", "b", "c"]


@pytest.mark.parametrize("torn", [b'{"key": "b", "st', b'{"key": "b"}\n', b"\xff\xfe", b"[]\n", b"7\n"])
def test_a_line_that_a_killed_run_left_is_passed_over(torn, tmp_path):
    with Journal(tmp_path) as journal:
        journal.add(record("a"))
    with (tmp_path / NAME).open("ab") as file:
        file.write(torn)
    with Journal(tmp_path) as journal:
        journal.add(record("c"))
    assert [each["key"] for each in records_of(tmp_path / NAME)] == ["a", "c"]


def test_two_do_not_write_at_once(tmp_path):
    pytest.importorskip("fcntl")
    with Journal(tmp_path), pytest.raises(BadInput, match="another batch works into this folder"):
        Journal(tmp_path)
    Journal(tmp_path).__exit__()


def test_an_out_that_cannot_be_written_is_one_line(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(BadInput, match="cannot be written"):
        Journal(tmp_path / "file")
