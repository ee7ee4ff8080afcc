"""A frame for who wears glasses: found on a mask that was drawn with one, refused on brows, eyes and noise."""

from __future__ import annotations

from types import SimpleNamespace

import cv2
import numpy as np
import pytest
import trimesh

from maquette.core.types import Frame
from maquette.geometry.camera import project
from maquette.morphable import load
from maquette.texturing.head.details.glasses import (
    PLANE_STEP_M,
    PLANE_X,
    PLANE_Y,
    Rims,
    best_rims,
    frame_mesh,
    outline,
    rims_of,
    tube,
)

MODEL = load("maquette-head")
HEAD = MODEL.mean.astype(float)
BROWN = (70, 40, 30)
WANTED = np.array([0.033, -0.004, 0.026, 0.019])  # metres aside, up, half width and height


def drawn_on_plane(*shape: float, thick: int = 5, filled: bool = False) -> np.ndarray:
    """The mask of rims in the plane of the lenses."""
    plane = np.zeros((len(PLANE_Y), len(PLANE_X)), np.float32)
    aside, up, *half = shape
    for loop in outline(np.array([aside, up, 0]), np.array(half)):
        at = ((loop[:, :2] - [PLANE_X[0], PLANE_Y[0]]) / PLANE_STEP_M).round().astype(np.int32)
        cv2.fillPoly(plane, [at], (1.0,)) if filled else cv2.polylines(plane, [at], True, (1.0,), thick)
    return plane


@pytest.mark.parametrize("thick", [2, 5, 9])
def test_rims_are_found_as_they_were_drawn(thick):
    found, score = best_rims(drawn_on_plane(*WANTED, thick=thick))
    assert score > 0.5
    assert np.abs(found - WANTED).max() < 0.0021, "metres"


def test_what_is_no_frame_is_none():
    plane = drawn_on_plane(*WANTED)
    brows = plane * (np.arange(len(plane))[:, None] > 0.62 * len(plane))
    one = plane * (PLANE_X > 0)
    noise = (np.random.default_rng(0).random(plane.shape) < 0.02).astype(np.float32)
    for mask in (0 * plane, brows, one, noise, 1 + 0 * plane, drawn_on_plane(*WANTED, filled=True)):
        assert best_rims(mask)[1] == -np.inf


def test_a_photo_says_where_the_frame_is_how_thick_and_of_what_colour(photograph):
    seen, camera = photograph(0.4)
    front = HEAD[MODEL.part_vertices("eyeLeft"), 2].max()
    place = np.array([WANTED[0], WANTED[1], front + 0.012])
    pixels, mask = seen.frame.pixels.copy(), np.zeros(seen.frame.pixels.shape[:2], np.float32)
    for loop in outline(place, WANTED[2:]):
        at = [project(camera, loop)[0].round().astype(np.int32)]
        cv2.polylines(pixels, at, True, BROWN, 3)
        cv2.polylines(mask, at, True, (1.0,), 3)
    observation = SimpleNamespace(frame=Frame(pixels))
    rims = rims_of(observation, mask, camera, HEAD, MODEL)
    assert np.linalg.norm(rims.centre - place) < 0.003 and np.abs(rims.half - WANTED[2:]).max() < 0.003
    assert np.abs(rims.colour - BROWN).max() < 25 and 0.001 < rims.thick < 0.0046
    assert rims_of(observation, 0 * mask, camera, HEAD, MODEL) is None


def test_the_frame_is_closed_symmetric_and_stands_before_eyes_and_beside_the_head():
    front = HEAD[MODEL.part_vertices("eyeLeft"), 2].max()
    rims = Rims(np.array([0.033, -0.004, front + 0.012]), np.array([0.026, 0.019]), 0.002, np.array(BROWN))
    mesh = frame_mesh(rims, HEAD, MODEL)
    pieces = trimesh.Trimesh(mesh.vertices, mesh.faces, process=False).split(only_watertight=False)
    assert len(pieces) == 5 and all(piece.is_watertight and piece.volume > 0 for piece in pieces)
    assert len(mesh.faces) < 1500 and (mesh.texture == BROWN).all()
    x = np.sort(mesh.vertices[:, 0])
    assert np.abs(x + x[::-1]).max() < 0.001
    rims_only = np.concatenate([piece.vertices for piece in pieces if len(piece.vertices) == 160])
    assert rims_only[:, 2].min() > front + 0.008
    ear = HEAD[MODEL.regions["ears"] > 0.5]
    assert mesh.vertices[:, 2].min() < ear[:, 2].mean() + 0.01, "temples reach over the ears"
    skin = trimesh.Trimesh(HEAD, MODEL.faces[MODEL.parts["skin"]], process=False)
    side = mesh.vertices[(np.abs(mesh.vertices[:, 2] + 0.03) < 0.02)]
    hits = skin.ray.intersects_any(side, np.sign(side[:, :1]) * [1.0, 0, 0])
    assert hits.mean() < 0.2, "they do not run inside of the head"


def test_a_tube_looks_outwards():
    points, faces = tube(np.array([[0.0, 0, 0], [0.1, 0, 0], [0.2, 0.05, 0]]), 0.01, 0.005)
    mesh = trimesh.Trimesh(points, faces, process=False)
    assert mesh.is_watertight and mesh.volume == pytest.approx(0.21 * 0.02 * 0.01, rel=0.1)
