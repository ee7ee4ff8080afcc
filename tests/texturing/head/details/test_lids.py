"""Lids on eyeballs: their line as a loop over rays finds it, their shade, their inner edges."""

from __future__ import annotations

import numpy as np

from maquette.geometry.raycast import RayCaster
from maquette.morphable import load
from maquette.texturing.head.details.lids import lid_edges, lid_lines, paint_lid_edges
from maquette.texturing.head.fill import Palette
from maquette.texturing.head.layers import layers_of

MODEL = load("maquette-head")


def test_the_lid_line_is_where_the_eyeball_ends_in_sight():
    lines = lid_lines(MODEL.mean, MODEL)
    assert set(lines) == {"Left", "Right"}
    line, rays = lines["Left"], RayCaster(MODEL.mean, MODEL.faces)
    x = line.x[len(line.x) // 2]
    for y, inside in ((np.interp(x, line.x, line.top), -1), (np.interp(x, line.x, line.bottom), 1)):
        for step, expected in ((0.0008 * inside, True), (-0.0012 * inside, False)):
            hit = rays.first_hits(np.array([[x, y + step, 0.2]]), np.array([[0.0, 0.0, -1.0]]))[0][0]
            assert np.isin(hit, MODEL.parts["eyeLeft"]) == expected


def test_both_eyes_of_the_mean_head_are_mirrored():
    lines = lid_lines(MODEL.mean, MODEL)
    left, right = lines["Left"], lines["Right"]
    assert np.allclose(np.interp(left.x, -right.x[::-1], right.top[::-1]), left.top, atol=5e-4)


def test_the_upper_lid_throws_the_deepest_shadow():
    line = lid_lines(MODEL.mean, MODEL)["Left"]
    x = line.x[len(line.x) // 2]
    top, bottom = (float(np.interp(x, line.x, edge)) for edge in (line.top, line.bottom))
    y = np.array([top, (top + bottom) / 2, bottom, top + 0.003])
    upper, middle, lower, under = line.shade(np.column_stack([np.full(4, x), y, np.zeros(4)]))
    assert upper < lower < middle <= 1
    assert upper < under, "a lid that is lifted uncovers no dark band"


def test_shut_eyes_have_no_line():
    blink = np.array([float(name.startswith("eyeBlink")) for name in MODEL.expression_names])
    assert not lid_lines(MODEL.vertices(np.zeros(1), blink), MODEL)


def test_lids_have_inner_edges_and_nothing_else_is_painted():
    layers = layers_of(MODEL.name, 256)
    upper, lower = lid_edges(layers)
    assert 0.0005 < (lower > 0.5).mean() < 0.02 and 0.0002 < (upper > 0.5).mean() < 0.02
    texture = np.full((256, 256, 3), 150, np.uint8)
    before = texture.copy()
    paint_lid_edges(texture, layers, Palette(np.array([196.0, 158.0, 136.0]), np.array([80.0, 60.0, 40.0]), 1.0))
    changed = (texture != before).any(axis=2).mean()
    assert 0.001 < changed < 0.04
