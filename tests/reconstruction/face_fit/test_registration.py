"""The mesh slides onto its landmarks."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from known_heads import MODEL, make_view, observe
from maquette.geometry.mesh import vertex_normals
from maquette.reconstruction.face_fit.method import MODES, landmark_term, reprojection
from maquette.reconstruction.face_fit.registration import slide
from maquette.weights.store import fetch


def test_registration_brings_the_landmarks_home_and_keeps_the_surface():
    """The mesh slides along its own skin: landmarks come closer, the surface hardly moves along its normals."""
    term = landmark_term(fetch)
    view, identity = make_view(0.1, 0.05, 0.0), np.zeros(MODES)
    seen = observe(view, identity)
    shift = np.zeros_like(seen.landmarks)
    shift[:, 1] = 0.03 * view.unit()  # the detector sees everything 2 mm lower
    moved = replace(seen, landmarks=seen.landmarks + shift)
    field = slide(MODEL, term, view, moved, identity)
    vertices = MODEL.vertices(identity, view.expression)
    before = reprojection(MODEL, view, moved, vertices)
    after = reprojection(MODEL, view, moved, vertices + field)
    assert after < 0.5 * before
    skin = MODEL.part_vertices("skin")
    along = np.abs((field * vertex_normals(vertices.astype(float), MODEL.faces)).sum(axis=1))[skin]
    assert along.mean() < 0.3 * np.linalg.norm(field[skin], axis=1).mean()
    for part in ("eyeLeft", "eyeRight"):
        assert np.allclose(field[MODEL.part_vertices(part)], field[MODEL.part_vertices(part)[0]])
    assert not np.abs(field[MODEL.regions["scalp"] > 0.9]).max() > 1e-3
