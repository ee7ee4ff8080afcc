"""Forms come from the options, offer nothing that reads files of the server, and bind what comes back."""

from __future__ import annotations

from typing import get_args, get_type_hints

import pytest

from maquette.core.errors import BadInput
from maquette.core.options import DOORS, options_from
from maquette.reconstruction import methods
from maquette.web.kinds import FIRST, KINDS, WANTED, WORDS, form, settings

CONTROLS = {"switch", "number", "choice", "several"}


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
def test_a_form_s_defaults_are_settings_that_its_method_takes(kind):
    fields = form(kind)
    assert {field["control"] for field in fields} <= CONTROLS and all(field["help"] for field in fields)
    chosen = settings(kind, {field["name"]: field["default"] for field in fields})
    options = options_from(**chosen)
    views = methods.ONE if kind.views == methods.CLIP else kind.views
    assert methods.find_for(options.fit.method, kind.subject, views)
    assert options.fit.together is (kind.name == "together")


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
def test_no_path_no_device_and_no_limit_is_asked_for(kind):
    names = {field["name"] for field in form(kind)}
    paths = {
        name
        for stage in DOORS[kind.door].stages
        for name, hint in get_type_hints(stage).items()
        if get_args(hint) == (str, type(None))
    }
    assert paths and not names & {*paths, "device", "max_megapixels", "max_frames", "view"}
    for name in (*paths, "device", "together", "view"):
        with pytest.raises(BadInput, match="no such setting"):
            settings(KINDS["face"], {name: "/etc/passwd"})


def test_a_field_says_its_limits_as_the_option_does():
    fields = {field["name"]: field for field in form(KINDS["face"])}
    assert (fields["texture_size"]["low"], fields["texture_size"]["high"], fields["texture_size"]["unit"]) == (
        256,
        8192,
        "pixels",
    )
    assert fields["pupil_distance"]["may_be_empty"] and fields["hair"]["choices"][:2] == ["auto", "none"]
    assert fields["formats"]["control"] == "several" and fields["fill"]["control"] == "switch"


@pytest.mark.parametrize(
    "wrong",
    [
        {"texture_size": "big"},
        {"texture_size": True},
        {"method": "hrn"},
        {"method": "../../x"},
        {"formats": "glb,exe"},
        {"formats": ""},
        {"hair": 3},
        {"__class__": 1},
    ],
    ids=str,
)
def test_what_the_form_does_not_offer_is_refused_in_one_line(wrong):
    with pytest.raises(BadInput) as error:
        settings(KINDS["face"], wrong)
    assert "\n" not in str(error.value)


def test_methods_that_want_files_of_their_users_are_not_offered():
    offered = {kind: next(f for f in form(KINDS[kind]) if f["name"] == "method")["choices"] for kind in KINDS}
    assert offered["face"] == ["parametric", "vrn"] and set(offered["person"]) == {"pifuhd", "parametric"}
    assert offered["pet"] == ["parametric", "body"]


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
def test_the_most_wanted_come_first_and_the_rest_is_in_groups_with_plain_titles(kind):
    groups = [field["group"] for field in form(kind)]
    assert groups[:FIRST] == [""] * FIRST and all(groups[FIRST:])
    assert groups == sorted(groups, key=groups.index), "each group is in one piece"
    words = [text for field in form(kind) for text in (field["label"], field["group"])]
    assert not [text for text in words if "_" in text or "morphable" in text.lower()]
    assert not [field["name"] for field in form(kind) if "`" in field["help"] or "maquette[" in field["help"]]


def test_words_are_of_fields_that_are_asked():
    asked = {field["name"] for kind in KINDS.values() for field in form(kind)}
    assert {*WORDS, *WANTED} <= asked
