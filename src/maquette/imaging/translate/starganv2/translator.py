"""StarGAN v2 as a method of `maquette translate`, with the user's own weights."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from maquette.core.device import usable_device
from maquette.core.errors import BadInput, WeightsMissing
from maquette.core.options import TranslateOptions
from maquette.core.threads import computing
from maquette.imaging.translate.method import References, Translator
from maquette.imaging.translate.starganv2 import networks, sampling
from maquette.imaging.translate.starganv2.networks import REMEDY, StarGAN


def build(wanted: TranslateOptions, references: References) -> Translator:
    """The method with the user's weights.

    Raises:
        WeightsMissing: they are not named, or not there. BadInput: they cannot be used, or do not know the animal.
    """
    if wanted.weights is None:
        raise WeightsMissing(
            "method starganv2: the published networks are under CC BY-NC 4.0 and do not come with maquette: convert "
            "your own copy with maquette weights convert starganv2, or train one with maquette train starganv2 (photos "
            "of yours) or maquette train portraits (animals that do not exist), then give --weights FILE.safetensors"
        )
    if not Path(wanted.weights).is_file():
        raise WeightsMissing(f"{wanted.weights}: no such file: {REMEDY}")
    ready = networks.load(Path(wanted.weights), usable_device(wanted.device))
    if ready.size.high_pass:
        raise BadInput(
            f"{wanted.weights}: its generator has a high-pass filter (published for people), which needs masks of a "
            "landmark network that is not here: take weights of animals"
        )
    with computing("translate"):
        styles, looks = _styles(ready, wanted, references(ready.size.side))

    def draw(crop: NDArray) -> NDArray:
        with computing("translate"):
            picture = sampling.to_tensor(crop[None], styles.device)[0]
            return sampling.to_pixels(sampling.translated(ready, picture, styles))

    return Translator(ready.size.side, wanted.to, looks, draw)


def _styles(ready: StarGAN, wanted: TranslateOptions, references: Sequence[NDArray]) -> tuple[Tensor, tuple[str, ...]]:
    """The styles of all pictures, (N, 64), and what they are."""
    domain, device = ready.domain(wanted.to), next(ready.parameters()).device
    if references:
        styles = sampling.reference_styles(ready, sampling.to_tensor(np.stack(references), device), domain)
        looks = tuple(f"reference {k}" for k in range(1, len(styles) + 1))
    else:
        rng = np.random.default_rng(wanted.seed)
        styles = sampling.latent_styles(ready, domain, wanted.styles, rng, wanted.truncation)
        looks = tuple(f"look {k}" for k in range(1, len(styles) + 1))
    if not wanted.steps:
        return styles, looks
    if len(styles) < 2:
        raise BadInput(f"steps {wanted.steps}: lie between looks: wanted --styles 2 or more, or several references")
    if wanted.steps < 2:
        raise BadInput("steps 1: wanted 2 or more, both ends counted, or 0")
    rows = [sampling.between(*pair, wanted.steps) for pair in pairwise(styles)]
    names = [f"{a} to {b}, {k}" for a, b in pairwise(looks) for k in range(1, wanted.steps + 1)]
    return torch.cat(rows), tuple(names)
