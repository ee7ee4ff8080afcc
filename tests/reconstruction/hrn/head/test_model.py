"""The head model: what its offsets move, and the head that comes out."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

import head_twin
from maquette.reconstruction.hrn.head.model import LOWER, NECK_DM, UPPER, eyes_open

MODEL, FOUND = head_twin.model(), head_twin.found()


def test_offsets_move_the_face_and_the_scalp_alone():
    plain = MODEL.shape(FOUND, head_twin.offsets())
    torch.testing.assert_close(plain, MODEL.fitted.shape(FOUND))
    ones = replace(head_twin.offsets(), face=torch.full((1, 3, 300, 300), 0.1), scalp=torch.full((1, 3, 100, 100), 0.2))
    moved = (MODEL.shape(FOUND, ones) - plain)[0, :, 0]
    wanted = torch.zeros(len(moved))
    wanted[: MODEL.face_count], wanted[MODEL.scalp] = 0.1, 0.2
    torch.testing.assert_close(moved, wanted, atol=1e-6, rtol=0)


def test_colours_are_lit_and_offset_where_they_belong():
    dark = replace(FOUND, light=torch.zeros(1, 27), albedo=torch.zeros(1, 80))
    normals = torch.zeros_like(MODEL.fitted.shape(dark))
    normals[..., 2] = 1
    plain = MODEL.colours(dark, head_twin.offsets(), normals)
    ratio = plain / (MODEL.colour_mean.view(1, -1, 3) / 255)
    torch.testing.assert_close(ratio, torch.full_like(ratio, 0.7089815), atol=1e-4, rtol=0)
    added = replace(head_twin.offsets(), neck_colours=torch.full((1, 3, 100, 100), 0.1))
    moved = (MODEL.colours(dark, added, normals) - plain)[0, :, 0] / 0.7089815
    neck = MODEL.source.neck
    torch.testing.assert_close(moved[neck], torch.full_like(moved[neck], 0.1), atol=1e-4, rtol=0)
    assert not moved[: neck.start].any() and not moved[neck.stop :].any()


def test_the_neck_of_what_comes_out_has_one_length():
    B = MODEL.source.face_count
    for scale in (0.0, 1.0):
        found = replace(FOUND, identity=scale * FOUND.identity)
        made = MODEL.outcome(found, torch.zeros(1, 3, 300, 300))[0]
        assert (made[B + UPPER, 1] - made[B + LOWER, 1]).item() == pytest.approx(NECK_DM, abs=1e-4)


def test_what_comes_out_is_the_drawn_model_with_the_face_s_offset():
    none, some = torch.zeros(1, 3, 300, 300), torch.full((1, 3, 300, 300), 0.1)
    moved = (MODEL.outcome(FOUND, some) - MODEL.outcome(FOUND, none))[0]
    B = MODEL.source.face_count
    torch.testing.assert_close(moved[:B], torch.full_like(moved[:B], 0.1), atol=1e-5, rtol=0)
    assert not moved[B:].any()


def test_eyes_are_opened_less_where_they_stand_open():
    shut = replace(FOUND, expression=torch.zeros(1, 64))
    found = eyes_open(shut).expression[0]
    assert (found[16], found[17], found[19], found.sum()) == (1.0, 1.0, 1.5, 3.5)
    wide = replace(FOUND, expression=torch.zeros(1, 64).index_fill_(1, torch.tensor([16]), 1.25))
    assert eyes_open(wide).expression[0, [16, 17, 19]].tolist() == [1.75, 0.5, 0.75]
    assert shut.expression.abs().sum() == 0
