"""The maps that guide."""

import numpy as np
import torch

from maquette.reconstruction.vrn.heatmaps import guided, heatmaps


def test_a_bump_of_seven_pixels_with_its_peak_at_the_landmark():
    maps = heatmaps(torch.tensor([[[20.7, 30.2], [0.5, 63.9]]]), (64, 64))
    assert maps.shape == (1, 2, 64, 64)
    rows, columns = torch.nonzero(maps[0, 0], as_tuple=True)
    assert (rows.min(), rows.max(), columns.min(), columns.max()) == (27, 33, 17, 23)
    profile = maps[0, 0, 30, 20:24].numpy()
    assert np.allclose(profile, [1, 0.849, 0.520, 0.230], atol=1e-3)  # a standard deviation of 1.75 pixels
    assert maps[0, 1, 63, 0] == 1 and (maps[0, 1] > 0).sum() == 16  # cut at the border


def test_a_landmark_far_outside_has_an_empty_map():
    assert not heatmaps(torch.tensor([[[-4.0, 5.0], [5.0, 68.0]]]), (64, 64)).any()


def test_the_picture_comes_first():
    crops = torch.rand(2, 3, 32, 32)
    both = guided(crops, torch.full((2, 68, 2), 10.0))
    assert both.shape == (2, 71, 32, 32) and torch.equal(both[:, :3], crops)
