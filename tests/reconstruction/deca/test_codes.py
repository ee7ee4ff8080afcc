"""Codes: in and out of the networks' numbers, and the expression of another."""

from __future__ import annotations

import pytest
import torch

from deca_by_seed import codes
from maquette.reconstruction.deca.codes import HeadCodes, merged, split, with_expression_of


def test_there_and_back():
    coarse, detail = torch.rand(3, 236), torch.rand(3, 128)
    found = split(coarse, detail)
    assert torch.equal(merged(found), coarse) and found.light.shape == (3, 9, 3)
    assert torch.equal(found.latent, torch.cat((found.pose[:, 3:], found.exp, detail), 1))
    assert torch.equal(found.of(1).shape, found.shape[1:2])


def test_other_widths_are_refused():
    with pytest.raises(ValueError, match="236"):
        split(torch.rand(3, 235), torch.rand(3, 128))


def test_expression_and_jaw_are_those_of_the_other():
    found = HeadCodes(**codes(2))
    made = with_expression_of(found.of(0), found.of(1))
    assert torch.equal(made.exp, found.exp[1:]) and torch.equal(made.pose[:, 3:], found.pose[1:, 3:])
    for name in ("shape", "tex", "cam", "light", "detail"):
        assert torch.equal(getattr(made, name), getattr(found, name)[:1])
    assert torch.equal(made.pose[:, :3], found.pose[:1, :3])
