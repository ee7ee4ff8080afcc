"""Skin that no photo shows is tinted as skin is: redder ears, the same on both sides, in this person's tone."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from maquette.texturing.head.layers import Layers, layers_of
from maquette.texturing.head.skin.donors import shares, skins, tint_of
from maquette.texturing.head.tones import lab_of

FAIR, DARK = np.array([220.0, 180.0, 155.0]), np.array([95.0, 58.0, 40.0])


@pytest.fixture(scope="module")
def layers() -> Layers:
    return layers_of("maquette-head", 256)


def test_a_tone_takes_the_skins_that_are_like_it() -> None:
    tones = skins().tones
    assert len(tones) == 18
    for row, tone in enumerate(tones):
        found = shares(tone, tones)
        assert found.argmax() == row and found.sum() == pytest.approx(1)
    far = shares(lab_of(FAIR.reshape(1, 1, 3))[0, 0], tones)
    assert far[tones[:, 0] < 120].sum() < 0.01, "dark skins say nothing about fair ones"
    assert np.isfinite(shares(np.array([255.0, -90.0, 90.0]), tones)).all(), "skin in green light"


@pytest.mark.parametrize("skin", [FAIR, DARK])
def test_ears_are_redder_than_the_face_and_both_sides_are_alike(layers: Layers, skin: np.ndarray) -> None:
    found = tint_of(skin, layers)
    assert found.shape == (*layers.ambient.shape, 3) and found.dtype == np.float32
    assert np.abs(found - found[:, ::-1]).mean() < 0.003
    ears = layers.skin.spread(layers.model.regions["ears"]) > 0.8
    redness = np.log(found[..., 0] / found[..., 1])
    assert redness[ears].mean() > redness[layers.zones["plain"] > 0.9].mean() + 0.05
    assert found[ears].mean(axis=1).std() > 0.05, "ears have folds"
    assert np.abs(np.log(found[layers.zones["plain"] > 0.9])).mean() < 0.06, "the face's middle has the person's tone"


def test_hair_and_eyes_of_the_skins_are_not_taken(layers: Layers) -> None:
    found = tint_of(FAIR, layers)
    away = (layers.zones["hairline"] > 0.6) | (layers.zones["brows"] > 0.8)
    assert np.abs(found[away] - 1).max() < 0.05


def test_a_grey_photo_stays_grey(layers: Layers) -> None:
    assert np.ptp(tint_of(np.full(3, 150.0), layers), axis=2).max() < 1e-5


def test_other_models_have_lips_only(layers: Layers) -> None:
    other = replace(layers, model=replace(layers.model, name="flame"))
    found = tint_of(FAIR, other)
    assert (found[layers.zones["lips"] == 0] == 1).all()
    assert (found[layers.zones["lips"] > 0.9][:, 1] < 0.85).all()
