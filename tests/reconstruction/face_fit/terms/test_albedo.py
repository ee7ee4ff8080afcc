"""The prior of the albedo: its covariance, its two sides, and what it is worth on skin that is not even."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from known_heads import MODEL, make_view, observe
from maquette.core.options import FitOptions
from maquette.core.types import Frame
from maquette.geometry.mesh import vertex_normals
from maquette.geometry.raycast import render_buffers
from maquette.reconstruction.face_fit.method import MODES, fit, landmark_term
from maquette.reconstruction.face_fit.terms import albedo, shading
from maquette.weights.store import fetch

SKIN = MODEL.mean[MODEL.regions["face"] > 0.5].astype(float)


def test_rows_have_the_covariance_of_the_kernel():
    centres = albedo.spread_points(SKIN[SKIN[:, 0] >= 0], albedo.INDUCING)
    alike, apart = (albedo.process(SKIN, centres, sign) for sign in (1, -1))
    both = (alike @ alike.T + apart @ apart.T)[::7, ::7]
    assert np.abs(both - albedo.kernel(SKIN, SKIN)[::7, ::7]).max() < 0.05


def test_both_sides_share_more_than_they_differ_in():
    centres = albedo.spread_points(SKIN[SKIN[:, 0] >= 0], albedo.INDUCING)
    cheeks = np.array([[0.035, -0.03, 0.02], [-0.035, -0.03, 0.02]])
    shared, apart = (albedo.process(cheeks, centres, sign) for sign in (1, -1))
    assert np.allclose(shared[0], shared[1])
    assert np.allclose(apart[0], -apart[1])
    assert albedo.SHARED > albedo.APART


def test_a_beard_lies_below_the_nose_and_no_higher():
    grown = albedo.beard(np.array([[0, -0.09, 0.02], [0, -0.03, 0.05], [0.03, -0.03, 0.02], [-0.03, -0.09, 0.0]]))
    assert grown.tolist() == [1, 0, 0, 1]


def bearded(identity: np.ndarray) -> tuple[shading.FaceView, Frame, np.ndarray]:
    """A lit head with a beard's shadow: its view, photo and mask."""
    view = make_view(0.25, 0.0, 0.0, focal=2600.0)
    view = replace(view, translation=np.array([0.0, 0.0, 1.1]))
    vertices = MODEL.vertices(identity, np.zeros(52)).astype(float)
    face, barycentric, _ = render_buffers(view.camera((512, 512)), vertices, MODEL.faces)
    colour = 1 - 0.3 * albedo.beard(MODEL.mean)
    corners = MODEL.faces[face]
    normal = np.einsum("hwk,hwkd->hwd", barycentric, vertex_normals(vertices, MODEL.faces)[corners])
    tone = np.einsum("hwk,hwk->hw", barycentric, colour[corners])
    shade = np.where(face >= 0, tone * (0.15 + 0.75 * np.clip(normal @ [0.5, 0.4, 0.77], 0, 1)), 0.05)
    photo = np.repeat((255 * shade).astype(np.uint8)[..., None], 3, axis=2)
    return view, Frame(photo), (face >= 0).astype(np.float32)


def test_a_beard_does_not_push_the_chin_back(monkeypatch):
    """Skin taken as even calls the shadow of a beard a surface that turns away."""
    identity = np.append(np.random.default_rng(11).normal(size=40), np.zeros(MODES - 40))
    view, frame, mask = bearded(identity)
    seen = replace(observe(view, identity, noise=2.0), frame=frame, mask=mask)
    truth = MODEL.vertices(identity, np.zeros(52))
    region = MODEL.regions["face"] > 0.5

    def error() -> float:
        found = MODEL.vertices(fit(MODEL, landmark_term(fetch), [seen], FitOptions()).identity, np.zeros(52))
        return float(np.linalg.norm((found - truth)[region], axis=1).mean())

    modelled = error()
    monkeypatch.setattr(albedo, "BEARD", 1e-6)
    monkeypatch.setattr(albedo, "SHARED", 1e-6)
    monkeypatch.setattr(albedo, "APART", 1e-6)
    assert modelled < 0.9 * error()
