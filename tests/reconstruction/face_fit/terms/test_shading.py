"""Harmonics and normals with their derivatives; the shading helps on a lit head."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from known_heads import MODEL, make_view, observe
from maquette.core.options import FitOptions
from maquette.core.types import Frame
from maquette.geometry.mesh import vertex_normals
from maquette.geometry.raycast import render_buffers
from maquette.reconstruction.face_fit.method import MODES, fit, landmark_term
from maquette.reconstruction.face_fit.terms import shading
from maquette.weights.store import fetch


def test_harmonics_slope_is_the_derivative():
    rng = np.random.default_rng(0)
    normals, light = rng.normal(size=(6, 3)), rng.normal(size=9)
    slope = shading.harmonics_slope(normals, light)
    for k in range(3):
        change = (shading.harmonics(normals + np.eye(3)[k] * 1e-6) - shading.harmonics(normals)) @ light
        assert np.allclose(change / 1e-6, slope[:, k], atol=1e-4)


def test_normals_and_their_derivative():
    term = shading.ShadingTerm.of(MODEL, MODES, [observe(make_view(0, 0, 0), np.zeros(MODES))])
    points = term.mean.astype(float)
    normals, slope = term.normals(points)
    assert np.allclose(np.linalg.norm(normals, axis=1), 1)
    assert (normals[:, 2] > 0).mean() > 0.9
    for k in (0, 5, MODES + 24):
        moved, _ = term.normals(points + 1e-4 * term.basis[:, :, k])
        assert np.allclose((moved - normals) / 1e-4, slope[:, :, k], atol=2e-2 * np.abs(slope[:, :, k]).max() + 1e-3)


def test_shading_improves_a_lit_head():
    """On a rendered head of even colour the shading brings the shape closer than landmarks alone."""
    rng = np.random.default_rng(11)
    identity = np.append(rng.normal(size=40), np.zeros(MODES - 40))
    view = make_view(0.25, 0.0, 0.0, focal=2600.0)
    view = replace(view, translation=np.array([0.0, 0.0, 1.1]))
    vertices = MODEL.vertices(identity, np.zeros(52)).astype(float)
    face, barycentric, _ = render_buffers(view.camera((512, 512)), vertices, MODEL.faces)
    normals = vertex_normals(vertices, MODEL.faces)
    pixel = np.einsum("hwk,hwkd->hwd", barycentric, normals[MODEL.faces[face]])
    light = np.array([0.5, 0.4, 0.77])
    shade = np.where(face >= 0, 0.15 + 0.75 * np.clip(pixel @ light, 0, 1), 0.05)
    photo = np.repeat((255 * shade).astype(np.uint8)[..., None], 3, axis=2)
    seen = observe(view, identity, noise=2.0)
    seen = replace(seen, frame=Frame(photo), mask=(face >= 0).astype(np.float32))
    region = MODEL.regions["face"] > 0.5

    def error(options):
        found = MODEL.vertices(fit(MODEL, landmark_term(fetch), [seen], options).identity, np.zeros(52))
        return np.linalg.norm((found - vertices)[region], axis=1).mean()

    assert error(FitOptions()) < 0.97 * error(FitOptions(photometric=False))
