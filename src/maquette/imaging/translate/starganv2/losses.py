"""What StarGAN v2 learns by, as published (Choi et al. 2020, section 2.2).

A turn of the discriminator or of the generator takes styles from the mapping network (latents) or from the style
encoder (references); which networks move then is the training's matter.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

import torch
from torch import Tensor
from torch.nn import functional

from maquette.imaging.translate.starganv2.networks import StarGAN

Masks: TypeAlias = tuple[Tensor, Tensor]
MasksOf: TypeAlias = Callable[[Tensor], Masks]
Parts: TypeAlias = dict[str, Tensor]


@dataclass(frozen=True)
class StarWeights:
    """Weights of the terms, as for animals (AFHQ); for people the published diversity is 1.

    Attributes:
        style: of reading a style back. diversity: of two styles looking different, at the first step.
        cycle: of coming back to the source. penalty: of the gradient on true pictures.
        diversity_steps: after as many the diversity has no weight any more.
    """

    style: float = 1.0
    diversity: float = 2.0
    cycle: float = 1.0
    penalty: float = 1.0
    diversity_steps: int = 100_000


PUBLISHED = StarWeights()


@dataclass(frozen=True, eq=False)
class StarBatch:
    """What one step sees.

    Attributes:
        source: (N, 3, S, S) in -1 to 1. domain: (N,) of it. target: (N,) domains to translate to.
        latents: (2, N, 16), or references: (2, N, 3, S, S) of the target domains; two, whose styles should differ.
    """

    source: Tensor
    domain: Tensor
    target: Tensor
    latents: Tensor | None = None
    references: Tensor | None = None

    def style(self, networks: StarGAN, index: int) -> Tensor:
        """(N, 64), of the first or the second.

        Raises:
            ValueError: there are neither latents nor references, or both.
        """
        if (self.latents is None) == (self.references is None):
            raise ValueError("wanted latents or references")
        if self.latents is not None:
            return networks.mapping_network(self.latents[index], self.target)
        assert self.references is not None
        return networks.style_encoder(self.references[index], self.target)


def adversarial(logits: Tensor, true: bool) -> Tensor:
    """Mean cross-entropy of logits that should say true, or false; not saturating for the generator."""
    return functional.binary_cross_entropy_with_logits(logits, torch.full_like(logits, float(true)))


def gradient_penalty(logits: Tensor, pictures: Tensor) -> Tensor:
    """Half the mean squared length of each logit's gradient by its picture (Mescheder et al. 2018, R1)."""
    (slope,) = torch.autograd.grad(logits.sum(), pictures, create_graph=True)
    return 0.5 * slope.square().flatten(1).sum(1).mean()


def diversity_weight(step: int, weights: StarWeights = PUBLISHED) -> float:
    """The weight of the diversity at a step, counted from 0: on a line down to zero.

    Example:
        >>> [diversity_weight(step) for step in (0, 50_000, 100_000, 200_000)]
        [2.0, 1.0, 0.0, 0.0]
    """
    return weights.diversity * max(0.0, 1.0 - step / weights.diversity_steps)


def discriminator_loss(
    networks: StarGAN, batch: StarBatch, weights: StarWeights = PUBLISHED, masks_of: MasksOf | None = None
) -> tuple[Tensor, Parts]:
    """The discriminator's loss; nothing flows into the other networks.

    Args:
        masks_of: of pictures, for a generator with a high-pass filter; see `StarGenerator.forward`.
    """
    assert networks.discriminator is not None, "a training has one"
    source = batch.source.detach().requires_grad_()
    logits = networks.discriminator(source, batch.domain)
    with torch.no_grad():
        drawn = networks.generator(batch.source, batch.style(networks, 0), masks_of and masks_of(batch.source))
    parts = {
        "true": adversarial(logits, True),
        "false": adversarial(networks.discriminator(drawn, batch.target), False),
        "penalty": gradient_penalty(logits, source),
    }
    return parts["true"] + parts["false"] + weights.penalty * parts["penalty"], parts


def generator_loss(
    networks: StarGAN,
    batch: StarBatch,
    step: int = 0,
    weights: StarWeights = PUBLISHED,
    masks_of: MasksOf | None = None,
) -> tuple[Tensor, Parts]:
    """The loss of generator, mapping network and style encoder; gradients in the discriminator are to be left.

    Args:
        step: counted from 0, for the weight of the diversity. masks_of: see `discriminator_loss`.
    """
    assert networks.discriminator is not None, "a training has one"
    masks, style = masks_of and masks_of(batch.source), batch.style(networks, 0)
    drawn = networks.generator(batch.source, style, masks)
    with torch.no_grad():
        other = networks.generator(batch.source, batch.style(networks, 1), masks)
    own = networks.style_encoder(batch.source, batch.domain)
    back = networks.generator(drawn, own, masks_of and masks_of(drawn))
    parts = {
        "adversarial": adversarial(networks.discriminator(drawn, batch.target), True),
        "style": (networks.style_encoder(drawn, batch.target) - style).abs().mean(),
        "diversity": (drawn - other).abs().mean(),
        "cycle": (back - batch.source).abs().mean(),
    }
    total = parts["adversarial"] + weights.style * parts["style"] + weights.cycle * parts["cycle"]
    return total - diversity_weight(step, weights) * parts["diversity"], parts
