"""The losses: the published functions' numbers and gradients, and what each turn may move."""

from __future__ import annotations

import pytest
import torch

from maquette.imaging.translate.starganv2.losses import (
    PUBLISHED,
    StarBatch,
    discriminator_loss,
    diversity_weight,
    generator_loss,
    gradient_penalty,
)
from stargan_by_seed import STEP, TURNS, batch, golden, stand_ins, uniform


@pytest.mark.parametrize("turn", TURNS)
def test_each_turn_gives_the_published_numbers(turn):
    if turn.startswith("discriminator"):
        total, parts = discriminator_loss(stand_ins(), batch(turn))
    else:
        total, parts = generator_loss(stand_ins(), batch(turn), STEP)
    found = torch.stack([total, *parts.values()]).detach()
    torch.testing.assert_close(found, golden(turn), atol=1e-6, rtol=1e-6)


def test_the_penalty_is_the_square_of_each_gradient():
    weight = uniform(1, 3, 4, 4)
    pictures = uniform(2, 5, 3, 4, 4).requires_grad_()
    logits = (weight * pictures.square()).sum((1, 2, 3))
    slow = torch.stack([(2 * weight * picture.detach()).square().sum() / 2 for picture in pictures]).mean()
    torch.testing.assert_close(gradient_penalty(logits, pictures), slow)
    assert torch.autograd.gradcheck(lambda x: gradient_penalty((weight * x**3).sum((1, 2, 3)), x), pictures)


def test_the_weight_of_the_diversity_ends_at_zero():
    assert diversity_weight(0) == 2 and abs(diversity_weight(100_000)) < 1e-9 and diversity_weight(10**6) == 0
    slow = PUBLISHED.diversity
    for _ in range(100_000):
        slow -= PUBLISHED.diversity / 100_000
    assert abs(slow - diversity_weight(100_000)) < 1e-9


def test_nothing_flows_from_the_discriminators_turn_or_from_the_other_picture():
    networks, seen = stand_ins(), batch("discriminator_latent")
    latents = seen.latents.clone().requires_grad_()
    moved = StarBatch(seen.source, seen.domain, seen.target, latents)
    _, parts = discriminator_loss(networks, moved)
    assert not parts["false"].requires_grad, "these stand-ins have no weights, and the drawn picture is cut off"
    generator_loss(networks, moved)[0].backward()
    assert latents.grad[0].abs().min() > 0 and not latents.grad[1].any(), "the second style is only compared with"


def test_styles_come_from_one_source():
    both = StarBatch(*(torch.zeros(1),) * 3, latents=torch.zeros(2, 1, 6), references=torch.zeros(2, 1, 3, 8, 8))
    with pytest.raises(ValueError, match="latents or references"):
        both.style(stand_ins(), 0)
