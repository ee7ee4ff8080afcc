"""In which direction fur lies, and the directions in which it is counted."""

from __future__ import annotations

import numpy as np

from maquette.geometry.mesh import vertex_normals
from maquette.texturing.pet.flow import combed, polar


def test_fur_lies_along_the_skin_and_away_from_the_nose(cat):
    vertices = cat.mean.astype(float)
    normals = vertex_normals(vertices, cat.faces)
    lie = combed(vertices, normals, cat)
    skin = cat.part_vertices("skin")
    assert np.abs((lie * normals).sum(axis=1))[skin].max() < 1e-6
    assert np.abs(np.median(np.linalg.norm(lie[skin], axis=1)) - 1) < 1e-6
    crown = skin[(vertices[skin, 1] > np.quantile(vertices[skin, 1], 0.6)) & (normals[skin, 1] > 0.8)]
    assert lie[crown, 2].mean() < -0.5  # backwards


def test_the_head_has_one_end_only_and_both_sides_are_alike(cat):
    along, around = polar(cat.mean.astype(float), cat)
    skin = cat.part_vertices("skin")
    low = skin[cat.mean[skin, 1] < np.quantile(cat.mean[skin, 1], 0.02)]
    assert along[low].min() > 1.6  # the neck's end is far from the brow
    assert np.abs(along - along[cat.mirror]).max() < 1e-4
    turned = np.angle(np.exp(1j * (around + around[cat.mirror] - np.pi)))
    aside = np.abs(cat.mean[:, 0]) > 0.004
    assert np.abs(turned[aside]).max() < 1e-3
