"""Alignment and the four passes: the published modules' numbers, and what must hold of them."""

from __future__ import annotations

import pytest
import torch

from maquette.reconstruction.deca.temporal.flow import warped
from maquette.reconstruction.deca.temporal.propagation import PASSES, FlowGuidedAlignment, guided
from temporal_by_seed import encoder, features, golden


def flows() -> tuple[torch.Tensor, torch.Tensor]:
    forwards, backwards = (4 * features(3, 2, 12, seed) for seed in (41, 42))
    return forwards, backwards


def test_alignment_is_the_published_one():
    aligner = encoder().encoder.rnn.deform_align["forward_2"]
    found = aligner.align(features(1, 128), features(1, 192, 12, 33), [8 * features(1, 2, 12, k) for k in (35, 36)])
    torch.testing.assert_close(found, golden("aligned"), atol=1e-9, rtol=0)


def test_each_pass_is_the_published_one():
    network, (forwards, backwards) = encoder().encoder.rnn, flows()
    kept = [[one[None] for one in features(4)]]
    for name in PASSES:
        back = name.startswith("backward")
        order, given = (range(3, -1, -1), backwards) if back else (range(4), forwards)
        along = [given[k if back else k - 1][None] for k in order[1:]]
        made = network.one_pass(name, [[part[k] for part in kept] for k in order], along)
        kept.append(made[::-1] if back else made)
        torch.testing.assert_close(torch.cat(kept[-1])[:, ::16], golden(f"pass_{name}"), atol=1e-9, rtol=0)


def test_the_whole_is_the_published_one():
    forwards, backwards = flows()
    found = encoder().encoder.rnn(features(4)[None], forwards[None], backwards[None])[0]
    torch.testing.assert_close(found[:, ::16], golden("fused"), atol=1e-9, rtol=0)


def test_a_reversed_clip_with_mirrored_passes_is_the_reversed_result():
    network, (forwards, backwards) = encoder().encoder.rnn, flows()
    plain = network(features(4)[None], forwards[None], backwards[None])
    turned = network(features(4).flip(0)[None], backwards.flip(0)[None], forwards.flip(0)[None], mirrored=True)
    assert torch.equal(turned.flip(1), plain)


def test_untrained_alignment_is_half_of_the_flow_alone():
    aligner = FlowGuidedAlignment()
    near = [3 * features(1, 2, 12, k).float() for k in (35, 36)]
    offsets, mask = guided(aligner.conv_offset(torch.rand(1, 196, 12, 12)), near)
    assert (mask == 0.5).all() and offsets.shape == (1, 288, 12, 12)
    assert torch.equal(offsets[:, 0], near[0][:, 1]) and torch.equal(offsets[:, 145], near[1][:, 0])
    with torch.no_grad():
        aligner.weight.zero_()
        for k in range(64):
            aligner.weight[k, k, 1, 1] = 2  # the middle sample, and the mask's half undone
        found = aligner.align(
            torch.cat((features(1).float(), torch.zeros(1, 64, 12, 12)), 1), torch.rand(1, 192, 12, 12), near
        )
    torch.testing.assert_close(found, warped(features(1).float(), near[0]), atol=1e-5, rtol=0)


@pytest.mark.parametrize("name", PASSES)
def test_widths_grow_with_each_pass(name):
    body = encoder().encoder.rnn.backbone[name]
    assert body.main[0].in_channels == 64 * (2 + PASSES.index(name))
