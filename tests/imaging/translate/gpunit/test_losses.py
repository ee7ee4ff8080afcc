"""GP-UNIT's losses on stand-ins, and PFC-UNIT's addition: nothing before its start, nothing into the classifier."""

from __future__ import annotations

import torch
from torch import nn

from gpunit_by_seed import Content, Drawing, Judging, uniform
from maquette.imaging.translate.gpunit.losses import (
    PUBLISHED,
    FineGrainedConsistency,
    discriminator_terms,
    generator_terms,
)

NETWORKS = (Content().double(), Drawing().double(), Judging().double())
SOURCE, EXEMPLAR = uniform(1, 2, 3, 8, 8), uniform(2, 2, 3, 8, 8)


class Breeds(nn.Module):
    """Three breeds by three colours."""

    def __init__(self):
        super().__init__()
        self.scale = nn.Parameter(torch.ones(3, dtype=torch.float64))

    def forward(self, x):
        return x.mean((2, 3)) * self.scale


def test_it_is_nothing_before_its_start_and_no_gradient_reaches_the_classifier():
    classifier = Breeds()
    fine = FineGrainedConsistency(classifier)
    drawn, again = uniform(3, 2, 3, 8, 8).requires_grad_(), uniform(4, 2, 3, 8, 8)
    early = fine(drawn, again, EXEMPLAR, 0.66)
    assert early == 0 and not early.requires_grad
    late = fine(drawn, again, EXEMPLAR, 0.67)
    late.backward()
    assert drawn.grad.any() and classifier.scale.grad is None and classifier.scale.requires_grad
    breed = EXEMPLAR.mean((2, 3)).argmax(1)
    slow = [-torch.log_softmax(p.mean((2, 3)), 1)[torch.arange(2), breed].mean() for p in (drawn, again)]
    torch.testing.assert_close(late.detach(), (0.05 * (slow[0] + slow[1])).detach())


def test_the_generators_loss_is_the_weighted_sum_and_masks_wait_for_the_breeds():
    total, parts = generator_terms(NETWORKS, SOURCE, EXEMPLAR)
    slow = parts["adversarial"] + parts["content"] + 50 * parts["look"] + parts["mask"] + parts["again"]
    torch.testing.assert_close(total, slow)
    made = NETWORKS[1](NETWORKS[0](SOURCE), EXEMPLAR)
    torch.testing.assert_close(parts["look"], (made.picture.mean((2, 3)) - EXEMPLAR.mean((2, 3))).abs().mean())
    torch.testing.assert_close(parts["mask"], made.masks[0].mean() + made.masks[1].mean())
    fine = FineGrainedConsistency(Breeds())
    early, late = (generator_terms(NETWORKS, SOURCE, EXEMPLAR, fine=(fine, done))[1] for done in (0.1, 0.9))
    assert early["mask"] == 0 and early["fine"] == 0 and late["fine"] > 0
    torch.testing.assert_close(late["mask"], parts["mask"])
    assert PUBLISHED.look == 50


def test_the_discriminators_loss_moves_the_discriminator_alone():
    total, parts = discriminator_terms(NETWORKS, SOURCE, EXEMPLAR)
    torch.testing.assert_close(total, parts["true"] + parts["false"] + parts["penalty"])
    for net in NETWORKS:
        net.zero_grad()
    total.backward()
    assert NETWORKS[1].shift.grad is None and NETWORKS[2].places.grad.any()
    NETWORKS[2].zero_grad()
