"""How a dog's ears are carried: read off its landmarks and outline, and its breed."""

from __future__ import annotations

import numpy as np
import pytest

from maquette.morphable import load
from maquette.morphable.pet import CARRIAGES, ear_model
from maquette.reconstruction.pet_fit.ears import HANGING, TIPPED, carriage_shares
from maquette.reconstruction.pet_fit.method import fitted
from maquette.reconstruction.pet_fit.sizes import KINDS


@pytest.mark.parametrize("ears", [("upright", "upright"), ("hanging", "hanging"), ("tipped", "upright")])
def test_the_ears_of_a_drawn_dog_are_recognised(ears, pets, photographed, monkeypatch):
    model = load(ear_model(*ears))
    identity = 0.5 * np.random.default_rng(1).standard_normal(len(model.identity_basis))
    monkeypatch.setitem(pets, "dog", model)
    seen, vertices, _ = photographed("dog", identity, yaw=12, noise=1.0)
    monkeypatch.undo()
    made = fitted(pets, [seen])
    assert made.provenance["pet"]["ears"] == dict(zip(("left", "right"), ears))
    assert made.model == ear_model(*ears)
    flap = model.regions["ears"] > 0.9
    unit = 2 * model.eye_centre(model.mean, "Left")[0]
    across = (made.shape.vertices / made.scale - vertices)[flap][:, :2]
    assert np.linalg.norm(across, axis=1).mean() < 0.2 * unit


def test_breeds_say_how_ears_are_carried():
    shares = {name: carriage_shares({name: 0.9}) for name in ("Labrador retriever", "Border collie", "Siberian husky")}
    assert [max(s, key=s.__getitem__) for s in shares.values()] == ["hanging", "tipped", "upright"]
    unknown = carriage_shares(None)
    assert set(unknown) == set(CARRIAGES) and all(
        sum(s.values()) == pytest.approx(1) for s in (unknown, *shares.values())
    )


def test_every_breed_is_one_that_is_known():
    assert not HANGING & TIPPED
    assert (HANGING | TIPPED) - set(KINDS) <= {"clumber"}
