"""Drawn skin: the tone that was wanted, no seams, wrinkles with age, the same for the same seed."""

from __future__ import annotations

import time
from functools import lru_cache

import cv2
import numpy as np
import pytest

from maquette.morphable import load
from maquette.synthesis.skin import noise, pigment, relief
from maquette.synthesis.skin.guides import guide_of, inside_by, landmark_texels
from maquette.synthesis.skin.paint import LIGHTEST, paint_head
from maquette.synthesis.types import Identity

SIZE = 256


@lru_cache(maxsize=64)
def painted(seed: int, age: float = 30.0, gender: float = 0.0, monk: int | None = None):
    ancestry = np.random.default_rng(seed).dirichlet([0.5] * 3).astype(np.float32)
    identity = Identity(np.zeros(4, np.float32), age, gender, ancestry)
    return paint_head(load("maquette-head"), identity, np.random.default_rng(seed), SIZE, monk)


def bare_face():
    zones = guide_of(load("maquette-head"), SIZE).zones
    covered = zones["mouth"] + zones["hollow"] + zones["lipsoft"] + zones["brow"] + zones["beard"] + zones["lid"]
    return (zones["face"] > 0.9) & (covered < 0.05) & (zones["overhairline_mm"] < -14)


def luminance(colour):
    return np.asarray(colour) @ [0.2126, 0.7152, 0.0722]


def lightness(colour):
    """CIE L* of linear RGB."""
    y = luminance(colour)
    return np.where(y > 0.008856, 116 * np.cbrt(y) - 16, 903.3 * y)


def test_the_same_seed_paints_the_same_head():
    first = painted(3)
    again = painted.__wrapped__(3)
    for name in ("albedo", "displacement", "roughness", "hair_color"):
        assert np.array_equal(getattr(first, name), getattr(again, name)), name
    assert not np.array_equal(first.albedo, painted(4).albedo)


@pytest.mark.parametrize("seed", range(6))
def test_maps_are_physical(seed):
    maps = painted(seed, age=float(8 + 14 * seed), gender=float(seed % 2))
    assert maps.albedo.shape == (SIZE, SIZE, 3)
    assert maps.displacement.shape == maps.roughness.shape == (SIZE, SIZE)
    assert all(k.dtype == np.float32 and np.isfinite(k).all() for k in (maps.albedo, maps.displacement, maps.roughness))
    assert maps.albedo.min() > 0.005 and maps.albedo.max() < 0.98
    assert np.abs(maps.displacement).max() < 1.5e-3
    assert abs(maps.displacement[: guide_of(load("maquette-head"), SIZE).rows].mean()) < 2e-5
    assert maps.roughness.min() >= 0.1 and maps.roughness.max() <= 0.9
    assert 1 <= maps.monk <= 10
    assert maps.hair_color.shape == (3,) and (maps.hair_color > 0).all() and (maps.hair_color < 0.8).all()


@pytest.mark.parametrize("monk", range(1, 11))
def test_the_tone_is_the_one_wanted(monk):
    face = bare_face()
    for seed in (1, 2):
        maps = painted(seed, monk=monk)
        colour = np.median(maps.albedo[: len(face)][face], axis=0)
        wanted = pigment.tone_colour(monk)
        assert maps.monk == monk
        assert abs(lightness(colour) - lightness(wanted)) < 6
        assert np.abs(colour / luminance(colour) - wanted / luminance(wanted)).max() < 0.3


def test_tones_follow_the_swatches_and_cover_the_scale():
    swatches = [pigment.linear([int(code[k : k + 2], 16) / 255 for k in (0, 2, 4)]) for code in pigment.MONK_SRGB]
    tones = np.array([pigment.tone_colour(k) for k in range(1, 11)])
    # Skin reflects less than a pale swatch; from the middle on they agree.
    assert np.abs(lightness(tones[5:]) - lightness(swatches)[5:]).max() < 6
    assert (np.diff(lightness(tones)) < 0).all() and luminance(tones[0]) < 0.65
    rng = np.random.default_rng(0)
    persons = [Identity(np.zeros(1), 30.0, 0.5, a) for a in rng.dirichlet([0.5] * 3, 3000)]
    drawn = np.array([pigment.draw_tone(person, rng) for person in persons])
    share = np.histogram(drawn, np.arange(0.5, 11))[0] / len(drawn)
    assert share.min() > 0.06 and share.max() < 0.16
    african = np.array([person.ancestry[0] for person in persons]) > 0.8
    assert np.median(drawn[african]) > np.median(drawn) + 1.5
    assert np.ptp(drawn[african]) > 5


def test_fields_mixed_in_blocks_are_the_product():
    rng = np.random.default_rng(2)
    weights, fields = rng.normal(size=(3, 5)).astype(np.float32), rng.normal(size=(5, 20001)).astype(np.float32)
    assert np.allclose(noise.mixed(weights, fields), weights @ fields, atol=1e-5)


def test_noise_fields_are_unit_and_independent():
    fields = guide_of(load("maquette-head"), SIZE).noise["fast"]
    likeness = np.corrcoef(fields)
    assert np.abs(fields.std(axis=1) - 1).max() < 0.1
    assert np.abs(likeness - np.eye(len(fields))).max() < 0.25


def test_no_seam_across_edges_of_the_charts():
    """Edges of skin triangles that two charts or two triangles share have one colour seen from both sides."""
    model, maps = load("maquette-head"), painted(5, monk=3)
    faces = np.concatenate([model.parts["skin"], model.parts["mouth"]])
    corners = np.stack([model.faces[faces], np.roll(model.faces[faces], -1, axis=1)], 2).reshape(-1, 2)
    uvs = np.stack([model.uv_faces[faces], np.roll(model.uv_faces[faces], -1, axis=1)], 2).reshape(-1, 2)
    flip = corners[:, 0] > corners[:, 1]
    corners[flip], uvs[flip] = corners[flip, ::-1], uvs[flip, ::-1]
    order = np.lexsort(corners.T)
    corners, uvs = corners[order], uvs[order]
    twin = np.flatnonzero((corners[1:] == corners[:-1]).all(axis=1))
    sides = []
    for edge in (uvs[twin], uvs[twin + 1]):
        middle = model.uvs[edge].mean(axis=1) * [SIZE, -SIZE] + [0, SIZE] - 0.5
        sides.append(cv2.remap(maps.albedo, middle.astype(np.float32)[:, None], None, cv2.INTER_LINEAR)[:, 0])
    assert len(twin) > 5000
    assert np.abs(sides[0] - sides[1]).max() < 0.02


def test_both_halves_of_the_middle_line_agree():
    """No jump where the noise of left and right meet."""
    maps = painted(6, monk=4)
    rows = slice(SIZE // 4, SIZE // 2)
    middle = SIZE // 2
    jump = np.abs(maps.albedo[rows, middle] - maps.albedo[rows, middle - 1]).mean()
    usual = np.abs(np.diff(maps.albedo[rows, middle - 30 : middle + 30], axis=1)).mean()
    assert jump < 2 * usual


def test_faces_fold_with_age():
    def depth(age):
        face = bare_face()
        return np.mean([painted(seed, age).displacement[: len(face)][face].std() for seed in range(4)])

    child, adult, old = depth(6.0), depth(35.0), depth(80.0)
    assert child < 2e-5
    assert child < adult < 0.6 * old


def test_folds_lie_on_the_skin_where_they_belong():
    guide = guide_of(load("maquette-head"), SIZE)
    kinds = {fold.kind for fold in relief.folds(guide)}
    assert kinds == set(relief.FOLDS)
    for fold in relief.folds(guide):
        assert len(fold.index) and np.abs(fold.across).max() <= relief.REACH_M + 1e-6
        height = guide.place.reshape(-1, 3)[fold.index, 1].mean()
        if fold.kind == "forehead":
            assert height > 0.03
        if fold.kind in ("nasolabial", "marionette"):
            assert -0.11 < height < -0.03


def test_eyes_have_a_dark_pupil_a_coloured_iris_and_an_off_white_sclera():
    model, maps = load("maquette-head"), painted(7)
    for u in (0.062, 0.188):
        at = cv2.remap(maps.albedo, np.float32([[(u * SIZE, (1 - 0.06) * SIZE)]]) - 0.5, None, cv2.INTER_LINEAR)[0, 0]
        side = maps.albedo[int(0.94 * SIZE), int((u + 0.024) * SIZE)]
        assert luminance(at) < 0.03
        assert 0.25 < luminance(side) < 0.75 and side[0] >= side[2]
    assert model.uvs[:, 1].min() >= 0


def test_lips_are_redder_than_the_skin_around_them():
    guide, maps = guide_of(load("maquette-head"), SIZE), painted(8, gender=1.0, age=12.0, monk=3)
    lips, face = guide.zones["red"] > 0.9, bare_face()
    albedo = maps.albedo[: guide.rows]
    redness = [np.median(albedo[k][:, 0] / albedo[k][:, 1]) for k in (lips, face)]
    assert redness[0] > redness[1] + 0.1
    ring = landmark_texels(guide)[[61, 37, 0, 267, 291, 314, 17, 84]]
    assert ((inside_by(guide, ring) > 0) & lips).sum() > 20


def test_men_can_have_stubble_and_children_have_none():
    guide = guide_of(load("maquette-head"), SIZE)
    beard, face = guide.zones["beard"] > 0.9, bare_face()

    def darker(age):
        ratios = []
        for seed in range(8):
            albedo = painted(seed, age, 1.0, 3).albedo[: guide.rows]
            ratios.append(luminance(albedo[beard].mean(axis=0)) / luminance(albedo[face].mean(axis=0)))
        return min(ratios)

    assert darker(40.0) < 0.8 < darker(9.0)


def test_the_scalp_can_be_given():
    model = load("maquette-head")
    identity = Identity(np.zeros(4, np.float32), 30.0, 0.0, np.array([0, 1, 0], np.float32))
    guide = guide_of(model, SIZE)
    crown = guide.zones["overhairline_mm"] > 25
    bald, full = (
        paint_head(model, identity, np.random.default_rng(1), SIZE, 3, scalp).albedo[: guide.rows][crown].mean()
        for scalp in (0.0, 0.9)
    )
    assert full < 0.4 * bald and bald < LIGHTEST


def test_a_head_is_painted_quickly():
    painted(0)
    start = time.process_time()
    for seed in range(5):
        painted.__wrapped__(seed)
    assert (time.process_time() - start) / 5 < 0.1
