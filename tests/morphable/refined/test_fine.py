"""The finer head: the same person, rounder, and everything that a head carries."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from maquette.core.types import Mesh
from maquette.evaluation.meshes import Shape
from maquette.evaluation.shapes import ClosestPoints
from maquette.geometry.mesh import boundary_loops, vertex_normals
from maquette.geometry.raycast import RayCaster
from maquette.morphable import load
from maquette.morphable.refined import fine
from maquette.morphable.refined.fine import MOST_MOVES, STILL_M, fine_mesh, fine_model, sized, subdivision_of

LIGHT = load("maquette-head")
FINE = fine_model(LIGHT)
RANDOM = np.random.default_rng(5)
PEOPLE = [(np.zeros(len(LIGHT.identity_basis)), np.zeros(52))]
PEOPLE += [(RANDOM.normal(size=len(LIGHT.identity_basis)) * 0.7, RANDOM.random(52) * 0.2) for _ in range(2)]


def pair(identity: np.ndarray, expression: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(V, 3) and (W, 3) float64 metres: one head, light and fine."""
    return LIGHT.vertices(identity, expression).astype(float), FINE.vertices(identity, expression).astype(float)


@pytest.mark.parametrize("person", PEOPLE)
def test_a_head_of_the_fine_model_is_the_head_refined(person):
    light, finer = pair(*person)
    assert np.abs(subdivision_of(LIGHT).refine(light) - finer).max() < 2e-6


@pytest.mark.parametrize("person", PEOPLE)
def test_it_passes_where_the_light_one_does(person):
    light, finer = pair(*person)
    face = LIGHT.regions["face"] > 0.5
    back = ClosestPoints(Shape(finer, FINE.faces.astype(int))).query(light[face])[1]
    forth = ClosestPoints(Shape(light, LIGHT.faces.astype(int))).query(finer[FINE.regions["face"] > 0.5])[1]
    assert np.median(back) < 5e-5 and np.median(forth) < 1e-4 and max(back.max(), forth.max()) < 1.2e-3
    size, fine_size = np.ptp(light, axis=0), np.ptp(finer, axis=0)
    assert np.allclose(fine_size[1:], size[1:], atol=1e-3) and abs(fine_size[0] - size[0]) < 1.5e-3, "ears are round"


@pytest.mark.parametrize("scheme", ["mediapipe478", "ibug68"])
def test_landmarks_stay(scheme):
    light, finer = pair(*PEOPLE[1])
    moved = FINE.embeddings[scheme].points(finer, FINE.faces) - LIGHT.embeddings[scheme].points(light, LIGHT.faces)
    assert np.median(np.linalg.norm(moved, axis=1)) < 2e-4
    assert abs(moved.mean(axis=0)).max() < 1e-4


@pytest.mark.parametrize("side", ["Left", "Right"])
@pytest.mark.parametrize("person", PEOPLE)
def test_eyeballs_are_as_large_and_in_the_same_place(person, side):
    light, finer = pair(*person)
    assert np.allclose(FINE.eye_centre(finer, side), LIGHT.eye_centre(light, side), atol=5e-5)
    ball, round_ball = light[LIGHT.part_vertices(f"eye{side}")], finer[FINE.part_vertices(f"eye{side}")]
    radius = [np.linalg.norm(one - LIGHT.eye_centre(light, side), axis=1) for one in (ball, round_ball)]
    assert np.allclose([radius[0].min(), radius[0].max()], [radius[1].min(), radius[1].max()], atol=1e-4)


def shown(model, vertices: np.ndarray, part: str) -> float:
    """Share of a part's vertices that face the viewer and that nothing hides from the front."""
    used = model.part_vertices(part)
    normals = vertex_normals(vertices, model.faces)
    front = used[normals[used, 2] > 0]
    eye = np.array([0.0, 0, 2.0])
    hidden = RayCaster(vertices, model.faces).occluded(vertices[front], normals[front], eye, offset=1e-4)
    return float(1 - hidden.mean())


@pytest.mark.parametrize("person", [*PEOPLE, (PEOPLE[1][0], np.eye(52)[LIGHT.expression_names.index("eyeBlinkLeft")])])
def test_lids_cover_the_eyes_and_lips_the_teeth_as_before(person):
    light, finer = pair(*person)
    assert shown(FINE, finer, "teeth") <= shown(LIGHT, light, "teeth") + 0.01
    assert shown(FINE, finer, "eyeLeft") <= shown(LIGHT, light, "eyeLeft") + 0.03


def test_the_skin_has_the_same_holes_and_meets_the_mouth_at_the_lips():
    for part in ("skin", "eyeLeft", "eyeRight"):
        before, after = (boundary_loops(m.faces[m.parts[part]]) for m in (LIGHT, FINE))
        assert len(before) == len(after)
    shared = [np.intersect1d(m.part_vertices("skin"), m.part_vertices("mouth")) for m in (LIGHT, FINE)]
    assert len(shared[1]) >= len(shared[0]) > 20
    rim = [len(loop) for loop in boundary_loops(FINE.faces)]
    assert len(rim) == len(boundary_loops(LIGHT.faces)), "no crack where split edges meet whole ones"


def test_it_carries_what_a_head_has():
    faces = np.sort(np.concatenate(list(FINE.parts.values())))
    assert FINE.parts.keys() == LIGHT.parts.keys() and np.array_equal(faces, np.arange(len(FINE.faces)))
    for mask in FINE.regions.values():
        assert mask.shape == FINE.mean.shape[:1] and 0 <= mask.min() <= mask.max() <= 1
    assert FINE.uv_faces.shape == FINE.faces.shape and FINE.uv_faces.max() == len(FINE.uvs) - 1
    assert (FINE.name, FINE.expression_names, FINE.rig) == (LIGHT.name, LIGHT.expression_names, None)
    assert (FINE.mirror[FINE.mirror] == np.arange(len(FINE.mean))).mean() > 0.98
    assert np.percentile(np.linalg.norm(FINE.mean[FINE.mirror] - FINE.mean * [-1, 1, 1], axis=1), 98) < 1e-4


def test_what_stands_still_is_split_and_what_moves_as_far_as_it_is_paid_for():
    units = np.abs(LIGHT.expression_basis) > STILL_M
    scalp = (LIGHT.regions["scalp"] > 0.9) & ~units.any(axis=(0, 2))
    made = subdivision_of(LIGHT)
    inside = scalp[LIGHT.faces].all(axis=1)
    assert inside.sum() > 100 and made.cut[inside].all()
    moves = (np.linalg.norm(FINE.expression_basis, axis=2) > STILL_M).sum()
    assert 0.8 * MOST_MOVES < moves < 1.15 * MOST_MOVES
    assert 8000 < len(FINE.mean) < 15000


def test_without_a_budget_every_edge_outside_is_split(monkeypatch):
    monkeypatch.setattr(fine, "MOST_MOVES", 10**9)
    monkeypatch.setattr(fine, "INSIDE", ())
    whole = replace(LIGHT)  # a model of its own, so that nothing is taken from the cache
    assert len(subdivision_of(whole).faces) == 4 * len(LIGHT.faces)
    assert subdivision_of(whole).cut.all()


def test_a_model_is_known_by_its_size():
    assert sized(LIGHT, len(LIGHT.mean)) is LIGHT and sized(LIGHT, len(FINE.mean)) is FINE
    assert sized(LIGHT, 17) is None


def test_a_mesh_keeps_its_pictures():
    texture, colours = np.zeros((4, 4, 3), np.uint8), np.full((len(LIGHT.mean), 3), 200, np.uint8)
    mesh = fine_mesh(Mesh(LIGHT.mean, LIGHT.faces, LIGHT.uvs, LIGHT.uv_faces, texture, vertex_colors=colours), LIGHT)
    assert mesh.texture is texture and (mesh.vertex_colors == 200).all()
    assert np.array_equal(mesh.uv_faces, FINE.uv_faces) and np.array_equal(mesh.uvs, FINE.uvs)
    assert np.abs(mesh.vertices - FINE.mean).max() < 1e-7
    assert fine_mesh(Mesh(LIGHT.mean, LIGHT.faces), LIGHT).uvs is None


def test_a_body_is_refused():
    with pytest.raises(ValueError, match="without a skeleton"):
        fine_model(load("maquette-body"))
