"""report.json: numbers and plain words."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from maquette.core.options import OutputOptions
from maquette.outputs.asset import open_asset
from maquette.outputs.reports.face_facts import remarks
from maquette.outputs.reports.report import FILES, KINDS, described, plain, texture_shares, write_report
from maquette.outputs.writers import WRITERS
from results import make_result

GOOD = {
    "photo": "a.jpg",
    "pose_degrees": {"yaw": 5.0},
    "sharpness": 0.8,
    "dark": 0.0,
    "bright": 0.0,
    "occlusion": 0.1,
    "face_px": 400.0,
    "landmark_error_mm": 1.5,
}


def told(result, **provenance) -> dict:
    facts = {**result.reconstruction.provenance, **provenance}
    result = replace(result, reconstruction=replace(result.reconstruction, provenance=facts))
    return json.loads(write_report(open_asset(result, OutputOptions())))


def test_every_fact_is_there(head_result):
    facts = told(head_result)
    photo = facts["photo_facts"][0]
    assert photo["landmark_error_px"] == 1.0 and photo["landmark_error_mm"] == 1.5
    assert photo["pose_degrees"]["yaw"] == pytest.approx(np.degrees(0.3), abs=1e-4)
    assert {"sharpness", "brightness", "occlusion"} <= set(photo)
    assert facts["scale"] | {"source": "iris", "relative_standard_error": 0.04} == facts["scale"]
    assert facts["seed"] == 0 and facts["close_to_average"] is False
    assert {"maquette", "python", "numpy", "ai-edge-litert"} <= set(facts["versions"])
    assert facts["licence"]["model"]["spdx"] == "MIT AND CC0-1.0"
    assert facts["seconds"]["reading"] == 0.1 and "a remark" in facts["warnings"]


def test_the_share_of_real_texture_is_measured_on_the_skin(head_result):
    mesh = head_result.reconstruction.shape
    for value, share in ((255, 1.0), (0, 0.0)):
        even = replace(mesh, texture_confidence=np.full((256, 256), value, np.uint8))
        result = replace(head_result, reconstruction=replace(head_result.reconstruction, shape=even))
        shares = texture_shares(open_asset(result, OutputOptions()))
        assert shares == {"skin": share, "face": share}
    half = texture_shares(open_asset(head_result, OutputOptions()))
    assert 0.1 < half["skin"] < 0.9


@pytest.mark.parametrize("value, warned", [(0, "only 0% of the face's texture was seen"), (255, None)])
def test_an_invented_texture_is_told_with_its_share(head_result, value, warned):
    even = replace(head_result.reconstruction.shape, texture_confidence=np.full((256, 256), value, np.uint8))
    result = replace(head_result, reconstruction=replace(head_result.reconstruction, shape=even))
    about = [text for text in told(result)["warnings"] if "texture" in text]
    assert [text.split(":")[0] for text in about] == ([warned] if warned else [])


def test_an_average_head_is_called_so(head_result):
    relative = replace(head_result, reconstruction=replace(head_result.reconstruction, metric=False))
    facts = told(relative, average_distance_mm=0.5)
    assert facts["close_to_average"] is True
    assert sum("average" in warning for warning in facts["warnings"]) == 2


@pytest.mark.parametrize(
    "change,word",
    [
        ({"sharpness": 0.1}, "blurred"),
        ({"dark": 0.6}, "shadow"),
        ({"bright": 0.6}, "burnt"),
        ({"occlusion": 0.8}, "covered"),
        ({"pose_degrees": {"yaw": -80.0}}, "80 degrees"),
        ({"face_px": 48.0}, "48 pixels"),
        ({"landmark_error_mm": 9.0}, "badly"),
    ],
)
def test_trouble_is_told_in_plain_words(change, word):
    assert remarks(GOOD, False) == []
    (warning,) = remarks({**GOOD, **change}, True)
    assert word in warning and warning.startswith("a.jpg: ")


def test_json_holds_no_nan():
    assert plain({"a": np.nan, 1: (np.int32(2), np.inf), "b": np.bool_(True)}) == {"a": None, "1": [2, None], "b": True}


def test_a_strangers_method_may_tell_little(ball_result):
    facts = json.loads(write_report(open_asset(ball_result, OutputOptions())))
    assert facts["method"] == "other" and facts["texture_real_share"] == {}


def test_the_photo_that_may_show_someone_else_is_named():
    three = make_result(photos=3)
    names = ("anna.jpg", "bert.jpg", "anna2.jpg")
    seen = [replace(o, frame=replace(o.frame, origin=name)) for o, name in zip(three.observations, names)]
    three = replace(three, observations=tuple(seen))
    facts = told(three, agreement=[0.9, -0.8, 0.7], someone_else=[False, True, False])
    (warning,) = [text for text in facts["warnings"] if "may be someone else" in text]
    assert warning.startswith("bert.jpg") and "anna" not in warning
    assert [photo["agreement"] for photo in facts["photo_facts"]] == [0.9, -0.8, 0.7]
    fine = told(three, agreement=[0.9, 0.8, 0.7], someone_else=[False] * 3)
    assert not any("someone else" in text for text in fine["warnings"])


def test_of_two_people_both_photos_are_named_and_the_poorer_one_is_the_odd_one():
    two = make_result(photos=2)
    clear, poor = two.observations
    poor = replace(poor, frame=replace(poor.frame, origin="poor.jpg"), skin=np.zeros(poor.mask.shape, np.float32))
    clear = replace(clear, frame=replace(clear.frame, origin="clear.jpg"))
    for order in ((clear, poor), (poor, clear)):
        facts = told(replace(two, observations=order), agreement=[-0.8, -0.8], someone_else=[True, True])
        (warning,) = [text for text in facts["warnings"] if "someone else" in text]
        assert warning.startswith("poor.jpg may be someone else than clear.jpg")


def test_every_file_that_can_be_written_is_described():
    described = {*FILES, *(key for kind in KINDS.values() for key in kind.FILES)}
    assert {*WRITERS} <= described


def test_a_mesh_of_no_model_is_not_called_a_head_that_moves(ball_result, head_result):
    for result, moves in ((ball_result, False), (head_result, True)):
        asset = open_asset(result, OutputOptions())
        asset.seconds["head.glb"] = 0.0
        assert ("52" in described(asset)["head.glb"]) == moves
