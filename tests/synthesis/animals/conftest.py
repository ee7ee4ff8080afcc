"""A head of each species, made once."""

from __future__ import annotations

import numpy as np
import pytest

from maquette.geometry.mesh import vertex_normals
from maquette.perception.pets.schemes import SPECIES
from maquette.synthesis.animals.form import draw_form
from maquette.synthesis.animals.surface import SeenHead


@pytest.fixture(scope="package")
def forms():
    return {species: draw_form(species, np.random.default_rng(3)) for species in SPECIES}


@pytest.fixture(scope="package")
def heads(forms):
    """The front of each head, as if a camera saw each of its vertices."""
    found = {}
    for species, form in forms.items():
        normals = vertex_normals(form.vertices, form.faces).astype(np.float32)
        front = normals[:, 2] > 0.1
        found[species] = SeenHead(form.vertices[front], normals[front], form)
    return found
