"""Heads to photograph."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial import cKDTree

from maquette.synthesis.animals.form import draw_form


def test_landmarks_lie_on_the_surface(forms):
    for species, form in forms.items():
        far = cKDTree(form.vertices).query(form.marks)[0]
        assert far.max() < 0.2, (species, far.round(2))
        assert form.marks[[0, 1], 0].max() < 0 < form.marks[[2, 3], 0].min()  # the animal's left is +x
        assert form.faces.max() < len(form.vertices)


def test_the_body_lies_under_the_face(forms):
    chin = {species: form.marks[11] for species, form in forms.items()}
    for species, form in forms.items():
        body = form.vertices[form.vertices[:, 1] < -2.5]
        assert len(body) == 0 or body[:, 2].mean() < chin[species][2]


def test_the_same_seed_is_the_same_head_and_another_is_not():
    first, again, other = (draw_form("dog", np.random.default_rng(seed)) for seed in (5, 5, 6))
    assert np.array_equal(first.vertices, again.vertices) and np.array_equal(first.marks, again.marks)
    assert not np.allclose(first.marks, other.marks, atol=0.01)


def test_an_unknown_species_is_refused():
    with pytest.raises(KeyError):
        draw_form("fish", np.random.default_rng(0))
