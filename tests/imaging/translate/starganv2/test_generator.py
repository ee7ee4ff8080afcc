"""The generator is the published one."""

from __future__ import annotations

import pytest
import torch

from maquette.imaging.translate.starganv2.generator import StarGenerator
from maquette.weights.convert.translate.starganv2 import StarSize
from stargan_by_seed import PEOPLE, given, golden, network, some, tiny, uniform


@pytest.mark.parametrize("name", ["generator", "generator_people"])
def test_same_weights_give_the_published_numbers(name):
    torch.testing.assert_close(some(network(name)(*given(name))), golden(name), atol=1e-9, rtol=1e-9)


def test_it_has_the_published_sizes():
    with torch.device("meta"):
        animals, people = StarGenerator(StarSize()), StarGenerator(PEOPLE)
    assert [sum(p.numel() for p in net.parameters()) for net in (animals, people)] == [33_892_995, 43_467_395]
    assert (len(animals.state_dict()), len(people.state_dict())) == (108, 125)
    assert "hpf.filter" in people.state_dict() and "decode.5.conv1x1.weight" in people.state_dict()


def test_a_picture_keeps_its_size_and_each_row_its_style():
    generator, pictures, styles = tiny().generator, uniform(1, 2, 3, 32, 32).float(), uniform(2, 2, 6).float()
    both = generator(pictures, styles)
    assert both.shape == (2, 3, 32, 32)
    torch.testing.assert_close(both[1:], generator(pictures[1:], styles[1:]))
    assert (generator(pictures, styles.flip(0)) - both).abs().max() > 0.01


def test_masks_are_for_a_high_pass_filter():
    with pytest.raises(ValueError, match="no high-pass filter"):
        tiny().generator(torch.zeros(1, 3, 32, 32), torch.zeros(1, 6), (torch.ones(1, 1, 8, 8),) * 2)


def test_a_picture_is_laid_over_the_source_as_densely_as_the_fourth_channel_says():
    generator = StarGenerator(StarSize(32, first=4, widest=8, style=6, blends=True))
    source, style, last = uniform(1, 1, 3, 32, 32).float(), uniform(2, 1, 6).float(), generator.to_rgb[2]
    with torch.no_grad():
        last.weight.zero_()
        for density, wanted in ((-30.0, source), (30.0, torch.full_like(source, 0.25)), (0.0, (source + 0.25) / 2)):
            last.bias.copy_(torch.tensor([0.25, 0.25, 0.25, density]))
            torch.testing.assert_close(generator(source, style), wanted)
    size = StarSize(blends=True)
    assert StarSize.of(size.facts()) == size and StarSize.of(StarSize().facts()) == StarSize()
