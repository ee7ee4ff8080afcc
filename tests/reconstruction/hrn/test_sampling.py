"""Samples between pixels: right, as published, at the edges, and against a slow loop."""

from __future__ import annotations

import torch

from maquette.reconstruction.hrn.sampling import MENDED, OFFICIAL, at_uvs, sample


def slow(picture: torch.Tensor, column: float, row: float, swapped: bool) -> torch.Tensor:
    """Four taps, each index clamped by itself."""
    height, width = picture.shape[1:]
    left, top = int(torch.tensor(column).floor()), int(torch.tensor(row).floor())
    across, down = column - left, row - top
    down = 1 - down if swapped else down
    total = torch.zeros(len(picture))
    for dy, wy in ((0, 1 - down), (1, down)):
        for dx, wx in ((0, 1 - across), (1, across)):
            total += wy * wx * picture[:, min(max(top + dy, 0), height - 1), min(max(left + dx, 0), width - 1)]
    return total


def test_samples_are_those_of_four_clamped_taps():
    generator = torch.Generator().manual_seed(4)
    picture = torch.rand(1, 2, 7, 9, generator=generator)
    points = torch.rand(60, 2, generator=generator) * torch.tensor([13.0, 11.0]) - 2
    for swapped in (False, True):
        wanted = torch.stack([slow(picture[0], x, y, swapped) for x, y in points.tolist()], 1)
        torch.testing.assert_close(sample(picture, points[None], swapped)[0], wanted, atol=1e-5, rtol=0)


def test_a_ramp_read_at_two_and_a_quarter():
    ramp = torch.arange(5.0)[None, None, :, None].expand(1, 1, 5, 5)
    at = torch.tensor([[[1.0, 2.25]]])
    assert sample(ramp, at).item() == 2.25 and sample(ramp, at, swap_rows=True).item() == 2.75


def test_offsets_are_read_at_rows_of_one_minus_v():
    ramp = torch.arange(10.0)[None, None, :, None].expand(1, 1, 10, 10)
    found = at_uvs(ramp, torch.tensor([[0.5, 0.30], [0.5, 1.0], [0.5, 0.0], [1.0, 1.0]]))
    torch.testing.assert_close(found[0, :, 0], torch.tensor([7.0, 0.0, 9.0, 0.0]))


def test_the_two_sets_of_quirks():
    assert all(vars(OFFICIAL).values())
    assert [name for name, kept in vars(MENDED).items() if kept] == ["grid_normal_xy_flip", "bgr_mean_on_rgb"]
