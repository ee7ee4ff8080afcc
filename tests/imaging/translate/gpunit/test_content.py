"""Content encoder and discriminator are the published ones."""

from __future__ import annotations

import torch

from gpunit_by_seed import features, golden, network, picture, some


def test_same_weights_give_the_published_content():
    assert [tuple(f.shape[1:]) for f in features()] == [
        (1, 8, 8), (512, 8, 8), (512, 16, 16), (256, 32, 32), (128, 64, 64), (64, 128, 128),
    ]  # fmt: skip
    for number, feature in enumerate(features()):
        torch.testing.assert_close(some(feature), golden(f"content_{number}"), atol=1e-9, rtol=1e-9)
    assert sum(p.numel() for p in network("content").parameters()) == 9_446_529


def test_same_weights_give_the_published_logits_and_looks():
    logits, look = network("discriminator")(picture(12))
    torch.testing.assert_close(logits, golden("logits"), atol=1e-9, rtol=1e-9)
    torch.testing.assert_close(some(look), golden("look"), atol=1e-9, rtol=1e-9)
    assert look.shape == (1, 512)
    assert sum(p.numel() for p in network("discriminator").parameters()) == 20_851_777
