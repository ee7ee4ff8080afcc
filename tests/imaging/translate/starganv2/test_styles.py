"""Mapping network, style encoder and discriminator are the published ones."""

from __future__ import annotations

import pytest
import torch

from maquette.imaging.translate.starganv2.styles import MappingNetwork, StarDiscriminator, StyleEncoder
from maquette.weights.convert.translate.starganv2 import StarSize
from stargan_by_seed import PEOPLE, given, golden, network, some, tiny, uniform


@pytest.mark.parametrize("name", ["mapping_network", "style_encoder", "discriminator"])
def test_same_weights_give_the_published_numbers(name):
    torch.testing.assert_close(some(network(name)(*given(name))), golden(name), atol=1e-6, rtol=1e-6)


@pytest.mark.parametrize(
    ("maker", "animals", "people", "entries"),
    [
        (MappingNetwork, 3_259_072, 2_438_272, (32, 24)),
        (StyleEncoder, 20_949_760, 20_916_928, (37, 35)),
        (StarDiscriminator, 20_852_803, 20_852_290, (33, 33)),
    ],
)
def test_they_have_the_published_sizes(maker, animals, people, entries):
    with torch.device("meta"):
        made = maker(StarSize()), maker(PEOPLE)
    assert [sum(p.numel() for p in net.parameters()) for net in made] == [animals, people]
    assert tuple(len(net.state_dict()) for net in made) == entries


def test_each_row_is_answered_for_its_domain():
    networks, pictures, domains = tiny(), uniform(1, 3, 3, 32, 32).float(), torch.tensor([1, 0, 2])
    latents = uniform(2, 3, 5).float()
    for call, rows in ((networks.style_encoder, pictures), (networks.mapping_network, latents)):
        every = [call(rows, torch.full((3,), k)) for k in range(3)]
        assert torch.equal(call(rows, domains), torch.stack([every[1][0], every[0][1], every[2][2]]))
    logits = networks.discriminator(pictures, domains)
    assert logits.shape == (3,) and logits[1] == networks.discriminator.main(pictures)[1, 0, 0, 0]
