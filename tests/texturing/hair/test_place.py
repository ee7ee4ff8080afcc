"""Styles on heads: outside the skin, the same on a larger head, mirrored."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from maquette.core.options import STYLES
from maquette.geometry.raycast import RayCaster
from maquette.geometry.subdivision import edges_of
from maquette.texturing.hair.place import GAP_M, laid_down, lit_normals, outward_of, place
from maquette.texturing.hair.styles import mirrored, solid, style, texel_map


@pytest.mark.parametrize("name", STYLES)
def test_no_style_is_too_large_and_none_goes_through_the_skin(model, name):
    own = style(name)
    assert len(own.faces) < 12_000 and own.opacity.shape == own.grey.shape
    hair = place(own, model.mean, model, 1.0)
    near = np.linalg.norm(hair.vertices - hair.feet, axis=1) < 0.02
    high = hair.vertices[:, 1] > -0.05
    assert hair.height[near & high].min() > 0.0015
    assert solid(name).mean() > 0.2


def test_hair_grows_with_the_head(model):
    own = style("short02")
    small, large = place(own, model.mean, model, 1.0), place(own, 1.2 * model.mean, model, 1.2)
    assert np.abs(large.vertices - 1.2 * small.vertices).max() < 1e-3


def test_a_mirrored_style_is_the_mirror_image(model):
    own, other = style("short03"), mirrored("short03", model)
    assert np.allclose(other.vertices, own.vertices * [-1, 1, 1])
    here, there = (
        np.einsum("nk,nkd->nd", one.shares, model.mean[model.faces[one.feet]].astype(float)) for one in (own, other)
    )
    assert np.median(np.linalg.norm(there - here * [-1, 1, 1], axis=1)) < 1e-3


def test_cards_face_outwards_and_normals_agree(model):
    hair = place(style("short04"), model.mean, model, 1.0)
    normals, faces, turned = lit_normals(hair)
    assert np.allclose(np.linalg.norm(normals, axis=1), 1, atol=1e-5)
    corners = hair.vertices[faces]
    own = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    assert ((own * normals[faces].sum(axis=1)).sum(axis=1) > 0).mean() > 0.95
    inside_out = replace(hair, style=replace(hair.style, faces=hair.style.faces[:, ::-1]))
    assert (lit_normals(inside_out)[2] == ~turned).all()


def test_texels_belong_to_the_triangles_that_use_them():
    texels, own = texel_map("short04"), style("short04")
    rows, columns = np.nonzero(texels.face >= 0)
    pick = np.random.default_rng(0).integers(0, len(rows), 200)
    corners = own.uvs[own.uv_faces[texels.face[rows[pick], columns[pick]]]]
    place_uv = np.einsum("nk,nkd->nd", texels.barycentric[rows[pick], columns[pick]], corners)
    size = own.opacity.shape[0]
    wanted = np.stack([columns[pick] + 0.5, size - rows[pick] - 0.5], axis=1) / size
    assert np.abs(place_uv - wanted).max() < 1e-3


def test_a_bun_is_a_tail_wound_up_behind_the_head():
    tail, bun = style("ponytail01"), style("bun01")
    moved = np.linalg.norm(bun.vertices - tail.vertices, axis=1) > 1e-6
    assert 0.3 < moved.mean() < 0.95 and np.array_equal(bun.faces, tail.faces)
    assert tail.vertices[moved, 1].min() < -0.2 and bun.vertices[moved, 1].min() > -0.06
    span = np.ptp(bun.vertices[moved], axis=0)
    assert (span < 0.13).all() and (span > 0.03).all()
    assert bun.vertices[moved, 2].max() < bun.vertices[~moved, 2].mean()


def test_the_edges_of_hanging_cards_lie_on_the_cards_below(model):
    hair = place(style("long01"), model.mean, model, 1.0)
    laid = laid_down(hair)
    edges, _, uses = edges_of(hair.style.faces, len(hair.vertices))
    rim = np.unique(edges[uses == 1])
    moved = np.linalg.norm(laid.vertices - hair.vertices, axis=1)
    assert moved[np.setdiff1d(np.arange(len(moved)), rim)].max() == 0 and (moved[rim] > 0).mean() > 0.2
    assert moved.max() <= GAP_M

    def gaps(of):
        inward = -outward_of(of)[rim] / np.linalg.norm(outward_of(of)[rim], axis=1, keepdims=True)
        apart = RayCaster(of.vertices, of.style.faces).first_hits(of.vertices[rim] + 3e-4 * inward, inward)[2]
        return ((apart > 0.0015) & (apart < GAP_M)).mean()

    assert gaps(laid) < gaps(hair) / 2
