"""The demo of a head: a blink, a smile, speech; the photo's expression before and after."""

from __future__ import annotations

import numpy as np
import pytest
from pygltflib import GLTF2

from gltf_reader import decoded
from maquette.core.options import OutputOptions
from maquette.morphable import load
from maquette.outputs.asset import open_asset
from maquette.outputs.meshes.demo import NAME, SCORE, SECONDS, score
from maquette.outputs.meshes.glb import write_glb

NAMES = ("eyeBlinkLeft", "eyeBlinkRight", "mouthSmileLeft", "mouthSmileRight", "jawOpen", "jawLeft", "browInnerUp")
REST = np.array([0.1, 0.0, 0.5, 0.4, 0.0, 0.2, 0.0])


@pytest.fixture(scope="module")
def asset(head_result):
    return open_asset(head_result, OutputOptions(mesh="light"))


@pytest.fixture(scope="module")
def gltf(asset):
    return GLTF2.load_from_bytes(write_glb(asset))


def test_it_begins_and_ends_as_the_photo_and_goes_through_the_neutral_face():
    times, weights = score(NAMES, REST)
    assert times[0] == 0 and times[-1] == SECONDS and (np.diff(times) > 0).all()
    assert np.allclose(weights[[0, -1]], REST)
    neutral = np.abs(times - 0.25).argmin()
    assert not weights[neutral].any()
    assert not weights[(times > 0.2) & (times < 2.8), NAMES.index("jawLeft")].any(), "the score has none of it"


def test_it_blinks_whole_smiles_and_speaks_in_turn():
    times, weights = score(NAMES, 0 * REST)
    most = dict(zip(NAMES, weights.max(axis=0)))
    assert most["eyeBlinkLeft"] == 1 and most["mouthSmileRight"] == pytest.approx(0.8) and most["jawOpen"] > 0.4
    when = {name: times[column.argmax()] for name, column in zip(NAMES, weights.T)}
    assert when["eyeBlinkLeft"] < when["mouthSmileLeft"] < when["jawOpen"]
    assert weights.min() >= 0 and weights.max() <= 1
    assert np.array_equal(weights[:, 0], weights[:, 1]), "both eyes together"


def test_every_unit_of_the_score_is_the_heads_and_returns_to_rest(asset):
    known = {*asset.model.expression_names, *load("maquette-pet-cat").expression_names}
    for unit, keys in SCORE.items():
        assert any(name in (unit, f"{unit}Left") for name in known), unit
        times, values = np.transpose(keys)
        assert (np.diff(times) > 0).all() and times[0] > 0 and times[-1] < SECONDS, unit
        assert values[0] == values[-1] == 0 <= values.min(), unit


def test_one_small_track_drives_every_mesh_with_targets(gltf, asset):
    (clip,) = gltf.animations
    assert clip.name == NAME and len(clip.samplers) == 1
    driven = {channel.target.node for channel in clip.channels}
    assert driven == {k for k, node in enumerate(gltf.nodes) if node.mesh is not None}
    assert all(channel.target.path == "weights" for channel in clip.channels)
    times = decoded(gltf, clip.samplers[0].input).ravel()
    weights = decoded(gltf, clip.samplers[0].output).reshape(len(times), -1)
    assert weights.shape[1] == len(asset.model.expression_names)
    assert np.allclose(weights[0], asset.expression, atol=1e-6), "the first picture is the photo's expression"
    assert 4 * (times.size + weights.size) < 30_000, "bytes"
    assert gltf.meshes[0].weights == pytest.approx(asset.expression.tolist()), "without it nothing changes"
