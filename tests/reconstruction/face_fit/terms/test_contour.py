"""The outline of a turned head: where it lies, which edge it is drawn to, and what it is worth."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from known_heads import MODEL, make_view, observe
from maquette.core.types import Frame
from maquette.geometry.raycast import render_buffers
from maquette.reconstruction.face_fit.method import MODES, landmark_fit, landmark_term
from maquette.reconstruction.face_fit.terms import contour
from maquette.reconstruction.face_fit.terms.contour import ContourTerm
from maquette.weights.store import fetch

UNITS = len(MODEL.expression_names)


def turned(identity: np.ndarray, yaw: float) -> tuple[contour.FaceView, Frame, np.ndarray]:
    """A head of one colour before a dark wall: its view, photo and mask."""
    view = replace(make_view(yaw, 0.0, 0.0, focal=2600.0), translation=np.array([0.0, 0.0, 1.1]))
    vertices = MODEL.vertices(identity, np.zeros(UNITS)).astype(float)
    mask = render_buffers(view.camera((512, 512)), vertices, MODEL.faces)[0] >= 0
    return view, Frame(np.where(mask[..., None], 190, 60).astype(np.uint8).repeat(3, axis=2)), mask.astype(np.float32)


def test_every_edge_of_a_closed_surface_is_shared():
    tetrahedron = np.array([[0, 1, 2], [0, 3, 1], [1, 3, 2], [0, 2, 3]])
    edges, beside = contour.inner_edges(tetrahedron)
    assert len(edges) == 6
    for edge, pair in zip(edges, beside):
        assert all(np.isin(edge, tetrahedron[triangle]).all() for triangle in pair)


def test_the_edge_of_a_step_is_found_to_a_fraction_of_a_pixel():
    picture = np.zeros((60, 60, 3), np.float32)
    picture[:, 33:] = 0.6
    soft = np.stack([np.apply_along_axis(np.convolve, 1, picture[..., c], [0.25, 0.5, 0.25], "same") for c in range(3)])
    pixels = np.array([[30.0, 30.0], [35.0, 20.0], [10.0, 30.0], [2.0, 30.0]])
    away, clear = contour.nearest_edge(soft.transpose(1, 2, 0), pixels, np.tile([1.0, 0.0], (4, 1)))
    assert np.allclose(away[:2], [3.0, -2.0], atol=0.3)
    assert (clear[:2] == 1).all()
    assert (clear[2:] == 0).all(), "nothing there, and too near the border"


def test_the_outline_of_the_true_head_lies_on_the_edge_of_its_picture():
    identity = np.append(np.random.default_rng(3).normal(size=30), np.zeros(MODES - 30))
    view, frame, mask = turned(identity, 0.9)
    term = ContourTerm.of(MODEL, MODES, [replace(observe(view, identity), frame=frame, mask=mask)])
    outline = term.outline(view, np.append(identity, np.zeros(UNITS)))
    picture, factor = term.pictures[0]
    away, clear = contour.nearest_edge(picture, outline.pixels * factor, outline.outward)
    assert clear.mean() > 0.3
    assert np.median(np.abs(away[clear > 0])) < 0.5


def test_a_face_from_the_front_has_no_contour():
    view, frame, mask = turned(np.zeros(MODES), 0.1)
    term = ContourTerm.of(MODEL, MODES, [replace(observe(view, np.zeros(MODES)), frame=frame, mask=mask)])
    assert not term.equations(0, view, np.zeros(MODES + UNITS), np.zeros(0)).matrix.any()


def test_contours_bring_a_profile_closer():
    """Mean over four people of the distance between the face's vertices, landmarks being imprecise."""
    region, term, error = MODEL.regions["face"] > 0.5, landmark_term(fetch), []
    for seed in range(4):
        identity = np.append(np.random.default_rng(seed).normal(size=30), np.zeros(MODES - 30))
        view, frame, mask = turned(identity, -0.9)
        seen = replace(observe(view, identity, noise=4.0), frame=frame, mask=mask)
        truth = MODEL.vertices(identity, np.zeros(UNITS))
        without = landmark_fit(MODEL, term, (seen,))
        found = without.refined(ContourTerm.of(MODEL, MODES, [seen]), 6)
        shapes = [MODEL.vertices(fit.identity, np.zeros(UNITS)) for fit in (without, found)]
        error.append([np.linalg.norm((shape - truth)[region], axis=1).mean() for shape in shapes])
    without, found = np.mean(error, axis=0)
    assert found < 0.93 * without
