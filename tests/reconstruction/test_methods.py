"""The table of methods: complete rows, lazy loading, open to other packages."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from importlib.metadata import EntryPoint
from importlib.util import find_spec

import pytest
from safetensors import SafetensorError

from maquette.core.errors import BadInput, WeightsMissing
from maquette.core.options import METHODS as USUAL
from maquette.core.options import Options, options_from
from maquette.core.types import Subject
from maquette.reconstruction import methods as module
from maquette.reconstruction.methods import (
    CLIP,
    METHODS,
    ONE,
    SEVERAL,
    Method,
    find,
    find_for,
    find_for_faces_in_clip,
    load,
    methods,
    refuse_options,
)  # fmt: skip
from maquette.weights.store import fetch, zoo

DAMAGED = (BadInput, SafetensorError)
IDS = [f"{row.name}-{row.subjects[0].value}" for row in METHODS]


@pytest.mark.parametrize("row", METHODS, ids=IDS)
def test_every_row_is_complete(row):
    assert row.subjects and row.views and row.paper
    assert set(row.weights) <= set(zoo())
    assert find_spec(row.builder.split(":")[0])


OWN = [row for row in METHODS if not row.brings]


@pytest.mark.parametrize("row", [row for row in METHODS if row.brings], ids=lambda row: row.name)
def test_a_method_whose_user_must_bring_files_says_which(row):
    with pytest.raises(WeightsMissing) as caught:
        load(row, fetch, Options())
    flags = [word for word in row.brings.split() if word.startswith("--")]
    assert flags and all(flag in str(caught.value) for flag in flags) and "\n" not in str(caught.value)


@pytest.mark.parametrize("row", OWN, ids=[f"{row.name}-{row.subjects[0].value}" for row in OWN])
def test_every_row_names_the_weights_that_its_builder_uses(row, tmp_path):
    """Another `fetch` hands over copies, and these alone are read."""
    asked = set()

    def lent(name):
        asked.add(name)
        copy = tmp_path / fetch(name).name
        if not copy.exists():
            copy.write_bytes(fetch(name).read_bytes())
        return copy

    assert callable(load(row, lent, Options())) and asked == set(row.weights)

    def harmed(name):
        (tmp_path / "harmed").mkdir(exist_ok=True)
        bad = tmp_path / "harmed" / name
        bad.write_bytes(b"no weights")
        return bad

    for name in row.weights:
        with pytest.raises(DAMAGED):  # each file is opened: damage shows
            load(row, lambda wanted, name=name: (harmed if wanted == name else fetch)(wanted), Options())


def test_the_table_loads_no_method():
    code = "import sys, maquette.reconstruction.methods as m; m.methods(); print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout
    assert "maquette.reconstruction.face_fit" not in loaded and "scipy" not in loaded


def test_an_unknown_method_lists_the_known_ones():
    with pytest.raises(BadInput, match=r"'nonsense'.*parametric"):
        find("nonsense")
    with pytest.raises(BadInput, match=r"not known for a pet; known: parametric"):
        find("vrn", Subject.PET)


def test_people_are_not_as_small_as_cats():
    small = options_from(height=25.0)
    refuse_options(Subject.PET, small)
    refuse_options(Subject.PERSON, options_from(height=50.0))
    with pytest.raises(BadInput, match="height 25: wanted 40 centimetres or more of a person"):
        refuse_options(Subject.PERSON, small)


def test_every_subject_has_a_method():
    assert {subject for row in METHODS for subject in row.subjects} == set(Subject)


def third_party(fetch, options):
    return lambda observations: (fetch, options, observations)


OTHER = Method("other", (Subject.FACE,), (ONE,), (), f"{__name__}:third_party", "Nobody 2026")
IMPOSTOR = replace(OTHER, name="parametric")


def entry(name, value):
    class Point(EntryPoint):
        def load(self):
            return value

    return Point(name, f"{__name__}:{name}", "maquette.methods")


def test_packages_add_methods_through_entry_points(monkeypatch):
    monkeypatch.setattr(module, "entry_points", lambda **_: [entry("s", OTHER), entry("i", IMPOSTOR)])
    assert methods() == (*METHODS, OTHER), "an entry point never replaces a row of ours"
    assert find("other") is OTHER and find("parametric") is METHODS[0]


@pytest.mark.parametrize(
    "views, refused",
    [
        ((ONE,), {SEVERAL: "leave out --together"}),
        ((SEVERAL,), {ONE: "give them with --together", CLIP: "not a clip"}),
        ((CLIP,), {ONE: "--together", SEVERAL: "leave out"}),
        ((ONE, SEVERAL), {}),
    ],
)
def test_views_are_obeyed(monkeypatch, views, refused):
    row = replace(OTHER, views=views)
    monkeypatch.setattr(module, "entry_points", lambda **_: [entry("s", row)])
    for asked in (ONE, SEVERAL, CLIP):
        if asked in refused:
            with pytest.raises(BadInput, match=refused[asked]):
                find_for("other", Subject.FACE, asked)
        else:
            assert find_for("other", Subject.FACE, asked) is row


@pytest.mark.parametrize("name", ["deca", "hrn"])
def test_a_method_whose_heads_do_not_move_is_refused_for_a_clip_whatever_it_lacks(name):
    with pytest.raises(BadInput, match=f"method {name}: makes no head that moves .* use --method parametric"):
        find_for_faces_in_clip(name)
    assert find_for_faces_in_clip("parametric") is METHODS[0]


@pytest.mark.parametrize("views", [(), ("many",)])
def test_views_that_nobody_knows_are_refused(views):
    with pytest.raises(ValueError, match="wanted some of one, several, clip"):
        replace(OTHER, views=views)


def test_one_name_serves_several_subjects():
    assert find("parametric", Subject.FACE) is not find("parametric", Subject.PERSON)
    assert all(find(name, subject) for subject, name in ((Subject(word), name) for word, name in USUAL.items()))


def test_an_entry_point_of_another_kind_is_named(monkeypatch):
    monkeypatch.setattr(module, "entry_points", lambda **_: [entry("wrong", 5)])
    with pytest.raises(TypeError, match="wrong"):
        methods()


def test_the_builder_gets_weights_and_all_options(monkeypatch):
    monkeypatch.setattr(module, "import_module", lambda _: type("M", (), {"third_party": staticmethod(third_party)}))
    options = Options()
    assert load(OTHER, fetch, options)("seen") == (fetch, options, "seen")
