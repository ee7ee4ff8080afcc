"""The method `body`: a reconstruction that stands on the floor, with its camera, and honest words about it."""

from dataclasses import replace

import numpy as np
import pytest

from maquette.core.errors import NothingFound
from maquette.core.options import BodyOptions, Options
from maquette.geometry.camera import project
from maquette.morphable import load
from maquette.morphable.posing import posed_body
from maquette.reconstruction import methods
from maquette.reconstruction.pet_fit.outline import silhouette
from maquette.reconstruction.pet_fit.whole import method, starts
from maquette.reconstruction.pet_fit.whole.edges import overlap
from maquette.weights import store


@pytest.fixture
def one_start(monkeypatch):
    """Of all starts only the right one, so that tests are fast."""
    monkeypatch.setattr(starts, "AZIMUTHS", np.radians([70]))
    monkeypatch.setattr(starts, "STANCES", ("standing",))
    monkeypatch.setattr(starts, "ROUNDS", (4, 3, 3))


def test_the_body_stands_on_the_floor_where_the_camera_sees_it(body, photographed, one_start):
    shown = photographed("standing", 60, changes={"neck_yaw": 15}).observation
    made = method.fitted_body(body, shown)
    assert made.shape.vertices[:, 1].min() == pytest.approx(0, abs=1e-5)
    assert np.abs(posed_body(made, load(made.model), 0).vertices - made.shape.vertices).max() < 1e-4
    pixels, depth = project(made.cameras[0], made.shape.vertices.astype(float))
    assert (depth > 0).all()
    drawn = silhouette(pixels, made.shape.faces, (300, 300))
    assert overlap(drawn, shown.mask > 0.5) > 0.85
    facts = made.provenance["pet"]
    assert facts["species"] == "dog" and facts["body"]["overlap"] > 0.85 and facts["body"]["face_read"]
    assert made.parameters[method.SHIFT].shape == (len(made.shape.vertices), 2)


def test_the_height_is_the_users(body, photographed, one_start):
    shown = photographed("standing", 60).observation
    small, usual = method.fitted_body(body, shown, 20.0), method.fitted_body(body, shown)
    assert small.metric and not usual.metric
    height = small.scale * method.withers(body, small.identity.astype(float))
    assert height == pytest.approx(0.2, rel=1e-3)


def test_the_warp_brings_the_outline_to_the_photos(body, photographed, one_start):
    shown = photographed("standing", 60).observation
    made = method.fitted_body(body, shown)
    pixels, _ = project(made.cameras[0], made.shape.vertices.astype(float))
    before = overlap(silhouette(pixels, made.shape.faces, (300, 300)), shown.mask > 0.5)
    moved = silhouette(pixels + made.parameters[method.SHIFT], made.shape.faces, (300, 300))
    assert overlap(moved, shown.mask > 0.5) > before - 0.005


def test_an_animal_that_the_photo_cuts_or_whose_face_is_not_read_is_less_sure(body, photographed, one_start):
    whole = method.fitted_body(body, photographed("standing", 60).observation)
    blind = method.fitted_body(body, photographed("standing", 60, faced=False).observation)
    assert blind.provenance["pet"]["body"]["confidence"] < whole.provenance["pet"]["body"]["confidence"]
    assert blind.provenance["pet"]["body"]["face_error"] is None


def test_without_an_outline_one_line_says_so(body, photographed):
    shown = photographed("standing", 60).observation
    with pytest.raises(NothingFound, match="outline was not found"):
        method.fitted_body(body, replace(shown, mask=np.zeros_like(shown.mask)))
    with pytest.raises(NothingFound, match="no animal"):
        method.fitted_body(body, replace(shown, landmark_scheme="face68"))


def test_it_is_a_row_of_the_table(photographed, one_start):
    row = methods.find("body", methods.Subject.PET)
    assert row.whole and row.views == ("one",)
    reconstruct = methods.load(row, store.fetch, Options(body=BodyOptions(height=30.0)))
    assert reconstruct([photographed("standing", 70).observation]).metric
