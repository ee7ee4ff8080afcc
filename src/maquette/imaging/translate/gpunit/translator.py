"""GP-UNIT as a method of `maquette translate`: weights for one direction each, cat to dog, say."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from maquette.core.device import usable_device
from maquette.core.errors import BadInput, WeightsMissing
from maquette.core.options import TranslateOptions
from maquette.core.threads import computing
from maquette.imaging.translate.gpunit.networks import REMEDY, load
from maquette.imaging.translate.method import References, Translator
from maquette.imaging.translate.starganv2.sampling import to_pixels, to_tensor

SIDE, LATENT = 256, 128


@torch.inference_mode()
def build(wanted: TranslateOptions, references: References) -> Translator:
    """The method with the user's weights.

    Raises:
        WeightsMissing: they are not named, or not there. BadInput: they cannot be used, or steps are asked for.
    """
    if wanted.weights is None or not Path(wanted.weights).is_file():
        raise WeightsMissing(
            f"method gpunit: wanted --weights FILE.safetensors, got {wanted.weights or 'none'}: the published networks "
            f"are non-commercial and do not come with maquette: {REMEDY} from your own copies"
        )
    if wanted.steps or wanted.truncation != 1:
        raise BadInput("method gpunit: knows no steps between looks and no truncation: take starganv2 for these")
    ready = load(Path(wanted.weights), usable_device(wanted.device))
    device = next(ready.parameters()).device
    exemplars = references(SIDE)
    with computing("translate"):
        if exemplars:
            styles = ready.generator.style_encoder(to_tensor(np.stack(exemplars), device))
        else:
            rng = np.random.default_rng(wanted.seed)
            latents = torch.from_numpy(rng.standard_normal((wanted.styles, LATENT), np.float32))
            styles = ready.sampler(latents.to(device))
    kind = "reference" if exemplars else "look"

    @torch.inference_mode()
    def draw(crop: NDArray) -> NDArray:
        with computing("translate"):
            content = ready.content(to_tensor(crop[None], device))
            made = [ready.generator(content, style[None], drawn=True).picture for style in styles]
            return to_pixels(torch.cat(made))

    return Translator(SIDE, wanted.to, tuple(f"{kind} {k}" for k in range(1, len(styles) + 1)), draw)
