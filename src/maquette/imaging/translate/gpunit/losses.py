"""What GP-UNIT's second stage learns by, and the addition of PFC-UNIT: breeds that agree.

Nothing that the published code takes from networks of others is here: appearance may be any function of two pictures;
without one it is the colours and their slopes.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

import torch
from torch import Tensor, nn
from torch.nn import functional

from maquette.imaging.translate.gpunit.content import ContentEncoder, GPDiscriminator
from maquette.imaging.translate.gpunit.generator import GPGenerator
from maquette.imaging.translate.starganv2.losses import adversarial, gradient_penalty

Appearance: TypeAlias = Callable[[Tensor, Tensor], Tensor]
Parts: TypeAlias = dict[str, Tensor]


@dataclass(frozen=True)
class GPWeights:
    """Published weights of the terms.

    Attributes:
        content: of the content code kept. look: of the discriminator's look of the exemplar. mask: of what comes back.
        again: of the exemplar drawn from its own content. appearance: of its share beside the colours. penalty: of
            the gradient on true pictures.
    """

    content: float = 1.0
    look: float = 50.0
    mask: float = 1.0
    again: float = 1.0
    appearance: float = 0.3
    penalty: float = 1.0


PUBLISHED = GPWeights()


@dataclass(frozen=True, eq=False)
class FineGrainedConsistency:
    """Pictures in an exemplar's style are to be of its breed (PFC-UNIT); a part that any frozen classifier can play.

    Attributes:
        classifier: of pictures (N, 3, S, S) in -1 to 1 to logits (N, K); its weights get no gradient.
        weight: of each of the two terms. start: share of the training after which it counts; before, it is exactly 0.
    """

    classifier: nn.Module
    weight: float = 0.05
    start: float = 2 / 3

    def counts(self, done: float) -> bool:
        """Whether it counts after this share of the training."""
        return done >= self.start

    def __call__(self, drawn: Tensor, again: Tensor, exemplar: Tensor, done: float) -> Tensor:
        """The loss, a scalar.

        Args:
            drawn: (N, 3, S, S), the translated pictures. again: the exemplars drawn from their own content.
            exemplar: (N, 3, S, S). done: share of the training, 0-1.
        """
        if not self.counts(done):
            return drawn.new_zeros(())
        learning = [p for p in self.classifier.parameters() if p.requires_grad]
        for p in learning:
            p.requires_grad_(False)
        try:
            with torch.no_grad():
                breed = self.classifier(exemplar).argmax(1)
            terms = [functional.cross_entropy(self.classifier(picture), breed) for picture in (drawn, again)]
        finally:
            for p in learning:
                p.requires_grad_(True)
        return self.weight * (terms[0] + terms[1])


def plain_appearance(picture: Tensor, wanted: Tensor) -> Tensor:
    """The difference of slopes between neighbouring pixels: what stands in for a network of features."""
    difference = picture - wanted
    return difference.diff(dim=2).abs().mean() + difference.diff(dim=3).abs().mean()


def generator_terms(
    networks: tuple[ContentEncoder, GPGenerator, GPDiscriminator],
    source: Tensor,
    exemplar: Tensor,
    weights: GPWeights = PUBLISHED,
    appearance: Appearance = plain_appearance,
    fine: tuple[FineGrainedConsistency, float] | None = None,
) -> tuple[Tensor, Parts]:
    """The generator's loss; the content encoder is frozen, gradients in the discriminator are to be left.

    Args:
        source: (N, 3, 256, 256) in -1 to 1. exemplar: the same, of the other kind.
        fine: with the share of the training that is done; the masks are only held down once it counts, as published.
    """
    encoder, generator, discriminator = networks
    content = encoder(source)
    made = generator(content, exemplar)
    again = generator(encoder(exemplar), exemplar, skips=False).picture
    logits, look = discriminator(made.picture)
    with torch.no_grad():
        wanted = discriminator(exemplar)[1]
    masked = fine is None or fine[0].counts(fine[1])
    parts = {
        "adversarial": adversarial(logits, True),
        "content": (encoder(made.picture)[0] - content[0]).abs().mean(),
        "look": (look - wanted).abs().mean(),
        "mask": torch.stack([mask.mean() for mask in made.masks]).sum() * float(masked),
        "again": (again - exemplar).abs().mean() + weights.appearance * appearance(again, exemplar),
        "fine": fine[0](made.picture, again, exemplar, fine[1]) if fine else source.new_zeros(()),
    }
    total = parts["adversarial"] + parts["fine"]
    for name in ("content", "look", "mask", "again"):
        total = total + getattr(weights, name) * parts[name]
    return total, parts


def discriminator_terms(
    networks: tuple[ContentEncoder, GPGenerator, GPDiscriminator],
    source: Tensor,
    exemplar: Tensor,
    weights: GPWeights = PUBLISHED,
) -> tuple[Tensor, Parts]:
    """The discriminator's loss on true exemplars and on what the generator makes."""
    encoder, generator, discriminator = networks
    with torch.no_grad():
        drawn = generator(encoder(source), exemplar).picture
    true = exemplar.detach().requires_grad_()
    logits = discriminator(true)[0]
    parts = {
        "true": adversarial(logits, True),
        "false": adversarial(discriminator(drawn)[0], False),
        "penalty": gradient_penalty(logits, true),
    }
    return parts["true"] + parts["false"] + weights.penalty * parts["penalty"], parts
