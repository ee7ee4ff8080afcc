"""The table of methods: complete rows, lazy loading, open to strangers."""

from __future__ import annotations

import subprocess
import sys
from importlib.metadata import EntryPoint
from importlib.util import find_spec

import pytest

from maquette.core.errors import BadInput
from maquette.core.options import METHODS as USUAL
from maquette.core.options import Options
from maquette.core.types import Subject
from maquette.reconstruction import methods as module
from maquette.reconstruction.methods import METHODS, Method, find, load, methods, options_of
from maquette.weights.store import fetch, zoo


@pytest.mark.parametrize("row", METHODS, ids=lambda row: f"{row.name}-{row.subjects[0].value}")
def test_every_row_is_complete(row):
    assert row.subjects and row.views in ("one", "many") and row.paper
    assert set(row.weights) <= set(zoo())
    assert find_spec(row.builder.split(":")[0])


@pytest.mark.parametrize("row", METHODS, ids=lambda row: f"{row.name}-{row.subjects[0].value}")
def test_every_row_builds_a_callable(row):
    assert callable(load(row.name, fetch, options_of(Options(), row.subjects[0]), row.subjects[0]))


def test_the_table_loads_no_method():
    code = "import sys, maquette.reconstruction.methods as m; m.methods(); print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout
    assert "maquette.reconstruction.face_fit" not in loaded and "scipy" not in loaded


def test_an_unknown_method_lists_the_known_ones():
    with pytest.raises(BadInput, match="'nonsense'.*parametric"):
        find("nonsense")
    with pytest.raises(BadInput, match="pet"):
        find("parametric", Subject.PET)


def strange(fetch, options):
    return lambda observations: (fetch, options, observations)


STRANGER = Method("strange", (Subject.FACE,), "one", (), f"{__name__}:strange", "Nobody 2026")
IMPOSTOR = Method("parametric", (Subject.FACE,), "one", (), f"{__name__}:strange", "Nobody 2026")


def entry(name, value):
    class Point(EntryPoint):
        def load(self):
            return value

    return Point(name, f"{__name__}:{name}", "maquette.methods")


def test_strangers_add_methods_through_entry_points(monkeypatch):
    monkeypatch.setattr(module, "entry_points", lambda group: [entry("s", STRANGER), entry("i", IMPOSTOR)])
    assert methods() == (*METHODS, STRANGER), "an entry point never replaces a row of ours"
    assert find("strange") is STRANGER and find("parametric") is METHODS[0]


def test_one_name_serves_several_subjects():
    assert find("parametric", Subject.FACE) is not find("parametric", Subject.PERSON)
    assert all(find(name, subject) for subject, name in ((Subject(word), name) for word, name in USUAL.items()))


def test_an_entry_point_of_another_kind_is_named(monkeypatch):
    monkeypatch.setattr(module, "entry_points", lambda group: [entry("wrong", 5)])
    with pytest.raises(TypeError, match="wrong"):
        methods()


def test_the_builder_gets_weights_and_options(monkeypatch):
    monkeypatch.setattr(module, "find", lambda name, subject: STRANGER)
    monkeypatch.setitem(sys.modules, __name__, sys.modules.get(__name__) or sys.modules["__main__"])
    monkeypatch.setattr(module, "import_module", lambda name: type("M", (), {"strange": staticmethod(strange)}))
    assert load("strange", "fetch", "options")("seen") == ("fetch", "options", "seen")
