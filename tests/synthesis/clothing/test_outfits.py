"""Clothes: shares as on a street, what hangs covers the legs, cloth lies outside the skin."""

from __future__ import annotations

import numpy as np
import pytest

from maquette.geometry.mesh import boundary_loops, face_areas
from maquette.synthesis.anatomy.body_mesh import load_body_mesh
from maquette.synthesis.clothing.outfits import OUTFITS, draw_outfit, folds, offsets, regions
from maquette.synthesis.scenes.person_scene import draw_person_scene
from maquette.synthesis.types import Identity, Kind

pytestmark = pytest.mark.usefixtures("body_arrays")
STRAIGHT = {"elbow.L": 0.0, "elbow.R": 0.0, "knee.L": 0.0, "knee.R": 0.0}


def somebody(gender: float = 0.0) -> Identity:
    return Identity(np.zeros(0, np.float32), 30, gender, np.full(3, 1 / 3, np.float32))


def test_the_mesh_is_the_body_with_shorter_edges():
    mesh = load_body_mesh()
    body = mesh.body
    assert boundary_loops(mesh.faces) == [] and len(mesh.faces) > body.skin_faces
    rest = mesh.spread @ body.template
    skin = body.faces[: body.skin_faces]
    areas = [face_areas(v.astype(float), f).sum() for v, f in ((rest, mesh.faces), (body.template, skin))]
    assert abs(areas[0] / areas[1] - 1) < 1e-4
    assert np.allclose(np.asarray(mesh.spread.sum(axis=1)), 1, atol=1e-5)
    assert 0.0002 < mesh.lips.mean() < 0.05 and mesh.brows.max() > 0.9


def test_outfits_are_worn_in_their_shares():
    rng = np.random.default_rng(0)
    for gender, name in ((0.0, "woman"), (1.0, "man")):
        names = [draw_outfit(rng, somebody(gender)).name for _ in range(60)]
        assert sum(OUTFITS[name].values()) == pytest.approx(1)
        for outfit, share in OUTFITS[name].items():
            assert abs(names.count(outfit) / 60 - share) < 0.2


def test_cloth_stands_off_the_skin_where_it_is():
    mesh, rng = load_body_mesh(), np.random.default_rng(1)
    for _ in range(8):
        outfit = draw_outfit(rng, somebody())
        fields = regions(mesh, outfit)
        offset = offsets(mesh, outfit, fields, STRAIGHT, "short")
        assert (offset >= 0).all() and offset.max() < 0.2
        worn = np.maximum.reduce(list(fields.values()))
        assert (offset[worn > 0.03] > 0.001).all() and not offset[worn < 0].any()


def test_folds_are_deeper_at_bent_knees():
    mesh = load_body_mesh()
    knee = (np.abs(mesh.down_leg - 0.5) < 0.05) & (mesh.arms < 0.5)
    bent = STRAIGHT | {"knee.L": 1.5, "knee.R": 1.5}
    flat, deep = (folds(mesh, np.random.default_rng(2), b, 0.0)[knee].std() for b in (STRAIGHT, bent))
    assert deep > 1.3 * flat


@pytest.mark.parametrize("stance", ["sit", "dance"])
def test_a_long_skirt_goes_round_both_legs(stance):
    for seed in range(100):
        person = draw_person_scene(np.random.default_rng((7, seed)), stance)
        hem = -min((garment.hem for garment in person.outfit.hanging), default=0.0)
        if person.outfit.name in ("skirt", "dress") and hem > 0.5:
            break
    mesh = load_body_mesh()
    assert boundary_loops(person.faces) == [] and len(person.vertices) > len(mesh.rest)
    hips = person.keypoints["coco17"][[11, 12]].mean(axis=0)
    knees = person.keypoints["coco17"][[13, 14]].mean(axis=0)
    between = hips + min(0.45, 0.6 * hem / 0.45) * (knees - hips)
    assert person.inside(between[None].astype(float)).all()  # a place between the thighs, under the cloth
    assert sum(s.kind == Kind.CLOTHES for s in person.surfaces) >= 2
