"""A slice of `make fuzz`, and that the campaign notices what it should."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "tools"))
import fuzz

from maquette.core.errors import BadInput

FIRST, COUNT = 0, 310
pytest.importorskip("pyarrow")


def test_damaged_files_are_read_or_refused_in_one_line():
    found = dict(fuzz.ends(FIRST, COUNT))
    assert list(found) == list(range(FIRST, FIRST + COUNT))
    assert not {n: end for n, end in found.items() if end not in (fuzz.READ, fuzz.REFUSED)}
    assert {fuzz.kind_of(number) for number in found} == set(fuzz.KINDS)
    assert {fuzz.READ, fuzz.REFUSED} == set(found.values()), "the damage bites, and not always"


@pytest.mark.parametrize("kind", fuzz.KINDS)
def test_a_whole_file_is_read(kind, tmp_path):
    path = tmp_path / "case" / f"a.{kind}"
    path.parent.mkdir()
    path.write_bytes(fuzz.seed_file(kind, tmp_path))
    assert fuzz.ended(fuzz.reader_of(kind), path) == fuzz.READ


def test_a_case_is_always_the_same_and_most_differ():
    whole = bytes(range(256)) * 4
    cases = [fuzz.case(number, whole) for number in range(200)]
    assert cases == [fuzz.case(number, whole) for number in range(200)]
    assert sum(case != whole for case in cases) > 120


def test_a_defect_a_flood_of_words_and_a_death_are_noticed(tmp_path, monkeypatch):
    assert fuzz.ended(lambda _path: 1 / 0, tmp_path).startswith("ZeroDivisionError at test_fuzz.py:")

    def two_lines(path):
        raise BadInput("a\nb")

    assert fuzz.ended(two_lines, tmp_path).startswith("refused in other than one line")
    dying = tmp_path / "dying.py"
    dying.write_text("import os, sys\nsys.stdin.readline()\nos._exit(3)\n")
    waiting = tmp_path / "waiting.py"
    waiting.write_text("import time\ntime.sleep(60)\n")
    monkeypatch.setattr(fuzz, "SECONDS", 0.3)
    for program, words in ((dying, "the process died"), (waiting, "took longer than")):
        monkeypatch.setattr(fuzz, "__file__", str(program))
        ends = dict(fuzz.ends(0, 2))
        assert len(ends) == 2 and all(end.startswith(words) for end in ends.values())
