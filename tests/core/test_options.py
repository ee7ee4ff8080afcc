"""Options: every field is told once, checked once, and reachable by its flat name."""

from __future__ import annotations

from dataclasses import fields

import numpy as np
import pytest

from maquette.core.check import field_help
from maquette.core.errors import BadInput
from maquette.core.options import DOORS, MESH_FORMATS, Options, OutputOptions, options_from


def test_every_field_has_a_help_text_of_one_sentence():
    for stage in fields(Options):
        for name, text in field_help(type(stage.default)).items():
            assert text.endswith("."), name


def test_flat_names_are_unique():
    names = [field.name for stage in fields(Options) for field in fields(stage.default)]
    assert len(names) == len(set(names))


def test_flat_names_reach_their_stage():
    options = options_from(texture_size=512, together=True, formats="stl")
    assert (options.texture.texture_size, options.fit.together, options.output.formats) == (512, True, "stl")
    with pytest.raises(TypeError, match="texture_size"):
        options_from(texturesize=512)


@pytest.mark.parametrize(
    "wrong",
    [
        {"texture_size": 255},
        {"texture_size": 8193},
        {"pupil_distance": 39.9},
        {"pupil_distance": 80.1},
        {"pupil_distance": float("nan")},
        {"formats": "glb,fbx"},
        {"mesh": "coarse"},
        {"formats": ""},
        {"formats": ","},
        {"device": "tpu"},
        {"seed": -1},
        {"min_face": 0},
        {"max_faces": 0},
        {"max_megapixels": 0},
    ],
    ids=str,
)
def test_values_out_of_range_are_refused_in_one_line(wrong):
    with pytest.raises(BadInput, match="wanted") as told:
        options_from(**wrong)
    assert "\n" not in str(told.value)


@pytest.mark.parametrize(
    "wrong, wanted",
    [
        ({"texture_size": "big"}, "a whole number"),
        ({"texture_size": 512.5}, "a whole number"),
        ({"texture_size": True}, "a whole number"),
        ({"pupil_distance": "63"}, "a number or nothing"),
        ({"formats": ["glb"]}, "text"),
        ({"together": "no"}, "True or False"),
        ({"fill": 1}, "True or False"),
        ({"method": None}, "text"),
    ],
    ids=str,
)
def test_values_of_another_type_are_refused_in_one_line(wrong, wanted):
    with pytest.raises(BadInput, match=f"{next(iter(wrong)).replace('_', ' ')} .*: wanted {wanted}"):
        options_from(**wrong)


def test_numbers_of_any_kind_are_taken():
    options = options_from(texture_size=np.int64(512), pupil_distance=63, min_face=np.float32(50), max_megapixels=20)
    assert type(options.texture.texture_size) is int and type(options.fit.pupil_distance) is float
    assert (options.texture.texture_size, options.fit.pupil_distance, options.perception.min_face) == (512, 63.0, 50.0)
    assert options_from(pupil_distance=None).fit.pupil_distance is None


def test_the_limits_themselves_are_allowed():
    for right in ({"texture_size": 256}, {"texture_size": 8192}, {"pupil_distance": 40}, {"pupil_distance": 80.0}):
        options_from(**right)


def test_formats_are_read_leniently():
    assert OutputOptions(formats=" GLB, obj,,glb").format_list == ("glb", "obj")
    assert OutputOptions().format_list == MESH_FORMATS[:4], "the others are for some, or need an extra"


@pytest.mark.parametrize("name", DOORS)
def test_a_door_leaves_out_fields_that_it_would_have(name):
    names = {field.name for stage in DOORS[name].stages for field in fields(stage)}
    assert set(DOORS[name].leave_out) <= names
