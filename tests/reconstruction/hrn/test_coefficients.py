"""Splitting coefficients loses nothing."""

from __future__ import annotations

import pytest
import torch

from maquette.reconstruction.hrn.coefficients import WIDTHS, split


def test_split_and_merged_are_inverse():
    values = torch.rand(3, 257)
    found = split(values)
    assert torch.equal(found.merged, values)
    assert [getattr(found, name).shape[1] for name in WIDTHS] == [80, 64, 80, 3, 27, 3]


def test_other_widths_are_refused():
    with pytest.raises(ValueError, match="257"):
        split(torch.zeros(1, 256))
