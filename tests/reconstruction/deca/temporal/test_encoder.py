"""The temporal encoder: the published module's numbers for clips of every kind."""

from __future__ import annotations

import pytest
import torch

from maquette.reconstruction.deca.temporal.encoder import TemporalCompat, TemporalEncoder, fresh
from maquette.reconstruction.deca.temporal.flow import SPyNet
from temporal_by_seed import LENGTHS, clip, encoder, golden, palindrome


@pytest.mark.parametrize("length", [*LENGTHS[:3], *(pytest.param(n, marks=pytest.mark.slow) for n in LENGTHS[3:])])
def test_numbers_are_those_of_the_published_network(length):
    torch.testing.assert_close(encoder()(clip(length)), golden(f"codes_{length}"), atol=1e-9, rtol=0)


def test_a_clip_that_reads_the_same_backwards():
    torch.testing.assert_close(encoder()(palindrome()), golden("palindrome"), atol=1e-9, rtol=0)


def test_what_such_a_clip_does_to_later_ones_can_be_had():
    with torch.device("meta"):
        sticky = TemporalEncoder(236, TemporalCompat(sticky_mirror=True))
    sticky.load_state_dict(encoder().state_dict(), assign=True)
    sticky.eval().requires_grad_(False)
    torch.testing.assert_close(sticky(clip(2)), golden("codes_2"), atol=1e-9, rtol=0)
    sticky(palindrome())
    found = sticky(clip(2))
    torch.testing.assert_close(found, golden("after_palindrome"), atol=1e-9, rtol=0)
    assert (found - golden("codes_2")).abs().max() > 1e-4


def test_two_clips_at_once_are_two_clips():
    both = torch.cat((clip(2), clip(2, seed=40)))
    apart = torch.cat([encoder()(one[None]) for one in both])
    torch.testing.assert_close(encoder()(both), apart, atol=1e-9, rtol=0)


def test_the_order_of_frames_matters():
    plain, turned = encoder()(clip(2)), encoder()(clip(2).flip(1)).flip(0)
    assert (plain - turned).abs().max() > 1e-6


def test_a_fresh_network_keeps_the_flow_and_begins_with_it_alone():
    flow = SPyNet()
    made = fresh(128, flow).encoder
    assert all(torch.equal(value, flow.state_dict()[key]) for key, value in made.spynet.state_dict().items())
    assert not any(p.requires_grad for p in made.spynet.parameters())
    assert not made.rnn.deform_align["backward_1"].conv_offset[-1].weight.any()


def test_how_the_published_code_forgets_the_flow_can_be_had():
    flow = SPyNet()
    made = fresh(128, flow, TemporalCompat(reset_spynet=True)).encoder
    for key, value in made.spynet.state_dict().items():
        assert torch.equal(value, flow.state_dict()[key]) == (not key.endswith("weight"))
    last = made.rnn.deform_align["backward_1"].conv_offset[-1].weight
    assert float(last.detach().std()) == pytest.approx((2 / (9 * 432)) ** 0.5, rel=0.05)
