"""Heads of the model beside drawn ones."""

from __future__ import annotations

import numpy as np
import pytest

from maquette.morphable import load
from maquette.morphable.pet import PET_MODELS
from maquette.perception.pets.schemes import SPECIES
from maquette.reconstruction.pet_fit.shape_network import UNITS
from maquette.synthesis.animals import head_field
from maquette.synthesis.animals.head_landmarks import landmarks
from maquette.synthesis.animals.head_shape import IOD_M, MEANS, AnimalExpression, draw_shape
from maquette.synthesis.animals.nearest_head import nearest_head


@pytest.mark.parametrize("species", SPECIES)
def test_it_lies_on_the_drawn_surface(species):
    shape = draw_shape(species, np.random.default_rng(8))
    found = nearest_head(species, shape, head_field.REST, landmarks(shape))
    model = load(PET_MODELS[species])
    skin = np.setdiff1d(model.part_vertices("skin"), model.part_vertices("mouth"))[::7]

    def off(identity):
        vertices = model.vertices(identity, np.zeros(len(model.expression_names)))[skin] / IOD_M[species]
        return float(np.abs(head_field.distance(vertices, shape)).mean())

    assert found.off < 0.08 and off(found.identity) < 0.65 * off(np.zeros(1))
    assert np.abs(found.identity).max() <= 3 and len(found.identity) == len(model.identity_basis)


def test_an_open_jaw_is_the_unit_and_not_the_shape():
    shape = MEANS["wild"]
    shut, wide = head_field.REST, AnimalExpression(jaw=0.5)
    units = [nearest_head("wild", shape, e, landmarks(shape, e)).units[UNITS.index("jawOpen")] for e in (shut, wide)]
    assert units[0] < 0.1 and units[1] > 0.8
