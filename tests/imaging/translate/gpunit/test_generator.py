"""Generator and sampler are the published ones."""

from __future__ import annotations

import pytest
import torch

from gpunit_by_seed import features, golden, network, picture, some, uniform


@pytest.mark.parametrize("scale", [0, 2, 5])
def test_same_weights_give_the_published_picture(scale):
    made = network("generator")(list(features()), picture(12), scale=scale)
    torch.testing.assert_close(some(made.picture), golden(f"picture_{scale}"), atol=1e-9, rtol=1e-9)
    assert made.picture.shape[-1] == 8 << scale and len(made.masks) == min(scale, 2)
    for mask, shape in zip(made.masks, ((512, 16, 16), (256, 32, 32))):
        assert mask.shape[1:] == shape and mask.min() >= 0 and mask.max() < 1


def test_without_skips_and_with_a_drawn_style():
    style = network("sampler")(uniform(3, 1, 128))
    torch.testing.assert_close(some(style), golden("style"), atol=1e-9, rtol=1e-9)
    made = network("generator")(list(features())[:1], style, scale=1, drawn=True, skips=False)
    torch.testing.assert_close(some(made.picture), golden("picture_drawn"), atol=1e-9, rtol=1e-9)
    assert not made.masks


def test_they_have_the_published_sizes():
    assert sum(p.numel() for p in network("generator").parameters()) == 39_926_358
    assert sum(p.numel() for p in network("sampler").parameters()) == 66_048
    with pytest.raises(ValueError, match="0 to 5"):
        network("generator")(list(features()), picture(12), scale=6)
