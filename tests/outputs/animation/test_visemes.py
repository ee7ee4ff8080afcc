"""The table of visemes: of units that models have, within their range, each its own, and VRM's vowels among them."""

from __future__ import annotations

import itertools
import json

from maquette.core.options import OutputOptions
from maquette.outputs.animation.visemes import VISEMES, visemes_of
from maquette.outputs.asset import open_asset
from maquette.outputs.avatar.vrm import PRESETS
from maquette.outputs.meshes.glb import asset_extras


def test_there_are_fifteen_and_no_two_are_nearly_alike():
    assert len(VISEMES) == 15 and VISEMES["sil"] == {}
    assert all(0 < weight <= 1 for weights in VISEMES.values() for weight in weights.values())
    for one, other in itertools.combinations(VISEMES.values(), 2):
        assert sum(abs(one.get(unit, 0) - other.get(unit, 0)) for unit in {*one, *other}) > 0.15


def test_lips_close_for_p_and_the_jaw_opens_most_for_a():
    jaw = {name: weights.get("jawOpen", 0) for name, weights in VISEMES.items()}
    assert max(jaw, key=jaw.__getitem__) == "aa"
    assert VISEMES["PP"]["mouthClose"] == VISEMES["PP"]["jawOpen"], "mouthClose closes what the jaw opens"


def test_vowels_of_avatars_agree():
    vowels = {"aa": "aa", "ih": "ih", "ou": "ou", "ee": "E", "oh": "oh"}
    assert all(PRESETS[name] == VISEMES[viseme] for name, viseme in vowels.items())


def test_a_head_carries_them_and_what_has_no_mouth_does_not(head_result, ball_result):
    carried = asset_extras(open_asset(head_result, OutputOptions()))["visemes"]
    assert json.loads(json.dumps(carried)) == VISEMES
    assert "visemes" not in asset_extras(open_asset(ball_result, OutputOptions()))
    assert visemes_of(["jawOpen"]) == {}
