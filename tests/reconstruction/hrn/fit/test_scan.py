"""Scans in the texture's plane: both maps meet them, gaps are true, holes and edges are not known."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch.nn import functional

import scanned_twin
from hrn_by_seed import face
from maquette.reconstruction.hrn.face_model import posed, rotation
from maquette.reconstruction.hrn.fit.scan import FARTHEST, ScanSurface, _mixing, scanned
from maquette.reconstruction.hrn.sampling import at_uvs

MODEL, FOUND = face(), scanned_twin.FOUND


def texels(maps):
    """(T, C) of maps (C, S, S)."""
    return maps.flatten(1).T[MODEL.table.texels].double().numpy()


@pytest.fixture(scope="module")
def result():
    return scanned(MODEL, FOUND, scanned_twin.surface()[0])


def off_surface(places, points):
    """(T,) decimetres to the nearest points, one by one."""
    return np.array([np.linalg.norm(points - place, axis=1).min() for place in places])


def test_both_maps_together_meet_the_scan(result):
    points, _ = scanned_twin.surface()
    shape = MODEL.shape(FOUND.identity, FOUND.expression)
    changed = shape + at_uvs(result.deformation[None], MODEL.uvs)
    normals = functional.normalize(MODEL.table.at(MODEL.normals(changed)), dim=-1)[0]
    middle = MODEL.table.at(changed)[0]
    finest = middle + result.displacement.flatten(1)[0][MODEL.table.texels][:, None] * normals
    some, known = slice(0, None, 97), texels(result.known)[:, 0] > 0
    apart = []
    for level in (MODEL.table.at(shape)[0], middle, finest):
        places = posed(level[None], FOUND)[0].double().numpy()
        apart.append(off_surface(places[some][known[some]], points).mean())
    # The scan's own points lie 0.007 apart: nothing can be nearer to them than some of that.
    assert apart[0] > 0.012 and apart[1] < 0.006 and apart[2] < 0.004 and known.mean() > 0.97


def test_gaps_lead_from_the_undeformed_face_to_the_scan(result):
    start = posed(MODEL.table.at(MODEL.shape(FOUND.identity, FOUND.expression)), FOUND)[0].double().numpy()
    facing, gap, known = (texels(maps) for maps in (result.facing, result.gap, result.known))
    kept = known[:, 0] > 0
    surface = ScanSurface(scanned_twin.surface()[0])
    origins, planes, _ = surface.near((start + gap * facing)[kept], facing[kept])
    left = ((origins - (start + gap * facing)[kept]) * planes).sum(axis=1)
    assert np.abs(left).mean() < 0.002 < 0.01 < np.abs(gap[kept]).mean()
    np.testing.assert_allclose(np.linalg.norm(facing[kept], axis=1), 1, atol=1e-5)
    normals = (MODEL.normals(MODEL.shape(FOUND.identity, FOUND.expression)) @ rotation(FOUND.angles))[0].double()
    assert ((facing * MODEL.table.at(normals[None])[0].numpy()).sum(axis=1)[kept] > 0.5).mean() > 0.99


def test_what_the_scan_lacks_is_not_known(result):
    points, marks = scanned_twin.surface()
    there = np.linalg.norm(points - marks[30], axis=1) > 0.3
    less = scanned(MODEL, FOUND, points[there])
    start = posed(MODEL.table.at(MODEL.shape(FOUND.identity, FOUND.expression)), FOUND)[0].double().numpy()
    inner = np.linalg.norm(start - marks[30], axis=1) < 0.2
    assert texels(result.known)[inner].mean() > 0.95 and not texels(less.known)[inner].any()
    assert not less.displacement[~less.known].any() and not less.gap[~less.known].any()


def test_a_scan_that_is_elsewhere_changes_nothing():
    moved = scanned_twin.surface()[0] + [0, 0, 3 * FARTHEST]
    found = scanned(MODEL, FOUND, moved)
    assert not found.known.any() and not found.deformation.any() and not found.displacement.any()


def test_the_deformation_is_mixed_as_the_network_s_is():
    maps = torch.randn(1, 3, 64, 64, generator=torch.Generator().manual_seed(1))
    wanted = at_uvs(maps, MODEL.uvs)[0].numpy()
    np.testing.assert_allclose(_mixing(MODEL) @ maps[0].flatten(1).T.numpy(), wanted, atol=1e-5)
