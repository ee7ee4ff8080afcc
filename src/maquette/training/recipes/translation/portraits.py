"""A small StarGAN v2 from portraits of animals that do not exist, where the true translation is known.

The networks are the published ones, smaller. They learn otherwise than published: another animal in the place of the
source is drawn too, so the generator learns it, pixel by pixel and as the pet features see it (frozen); the
discriminator stands beside. The mapping network learns the style encoder's styles by implicit maximum likelihood (Li
and Malik 2018): of many styles that it draws, the one nearest to each true one is moved towards it.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from maquette.imaging.translate.starganv2.generator import laid_over
from maquette.imaging.translate.starganv2.losses import adversarial, gradient_penalty
from maquette.imaging.translate.starganv2.networks import StarGAN, drawn
from maquette.imaging.translate.starganv2.sampling import to_pixels
from maquette.perception.pets.reader import load_features
from maquette.training.datasets.translation.portraits import DRAWN, SPECIES, Portraits
from maquette.training.options import LoopOptions
from maquette.training.recipe import Array, Batch, Recipe, Turn
from maquette.training.recipes.translation.starganv2 import spread
from maquette.weights.convert.translate.starganv2 import NETWORKS, StarSize

PENALISED = 8  # steps to each that the gradient of the discriminator is looked at, with as much weight
PIXELS, PAINTED, DENSE, SEEN = 5.0, 3.0, 1.0, 1.0  # weights of colours, of those painted, where, of features
PENALTY, MAPPING_SHARE = 1.0, 1.0  # of the gradient on true pictures; the mapping network's rate
UNLIKE = (0.05, 0.15)  # differences, of 2, at which a place is hardly another, and wholly
READ = 3  # maps of the pet features that are compared: strides 4, 8, 16
SHOWN, JUDGED_AT_ONCE = 8, 24


@dataclass(frozen=True)
class PortraitOptions:
    """Learning to turn animals' faces into others, from portraits."""

    data: str = "portraits"
    """Folder of shards made by `maquette synth --subject portrait --shards`, with the folders train and test in it."""
    side: int = 64
    """Width and height of the pictures in pixels: a power of two from 32 on."""
    width: int = 32
    """Channels at full size."""
    widest: int = 128
    """Channels at most, and of the mapping network."""
    judged: float = 0.5
    """Weight of the discriminator; 0 leaves it out, which is faster and enough at first."""


def size_of(options: PortraitOptions) -> StarSize:
    """Sizes of the networks."""
    return StarSize(options.side, SPECIES, options.width, max(options.widest, options.width), blends=True)


class PortraitGAN(StarGAN):
    """All four networks, whose call is the loss of one turn."""

    def __init__(self, size: StarSize, judged: float) -> None:
        super().__init__(size, discriminator=True)
        self.judged = judged

    def forward(
        self,
        source: Tensor,
        reference: Tensor,
        wanted: Tensor,
        target: Tensor,
        latents: Tensor,
        turn: str = "",
        penalised: bool = False,
    ) -> dict[str, Tensor]:
        """The parts of one turn's loss; "total" is their weighted sum. Of no turn: "picture" (N, 3, S, S) and "mapped".

        Args:
            source, reference, wanted: (N, 3, S, S) in -1 to 1. target: (N,) domain of reference and wanted.
            latents: (N, DRAWN, L).
            turn: "judge" of the discriminator, "draw" of generator and style encoder, "map" of the mapping network.
            penalised: the discriminator's gradient is looked at.
        """
        if turn == "judge":
            return self._judge(source, reference, wanted, target, penalised)
        if turn == "draw":
            return self._draw(source, reference, wanted, target)
        if not turn:
            made = self.generator(source, self.style_encoder(reference, target))
            return {"picture": made, "mapped": self.mapping_network(latents[:, 0], target)}
        with torch.no_grad():
            style = self.style_encoder(reference, target).float()
        far = nearest(self.mapping_network, style, target, latents)
        return {"total": far, "far": far}

    def _judge(
        self, source: Tensor, reference: Tensor, wanted: Tensor, target: Tensor, penalised: bool
    ) -> dict[str, Tensor]:
        assert self.discriminator is not None
        if not self.judged:  # it stays as it is, and the log keeps its columns
            nothing = 0 * next(self.discriminator.parameters()).sum()
            return {"total": nothing, "true": nothing, "false": nothing}
        with torch.no_grad():
            made = self.generator(source, self.style_encoder(reference, target))
        wanted = wanted.detach().requires_grad_(penalised)
        logits = self.discriminator(wanted, target)
        parts = {"true": adversarial(logits, True), "false": adversarial(self.discriminator(made, target), False)}
        total = parts["true"] + parts["false"]
        if penalised:
            total = total + PENALTY * PENALISED * gradient_penalty(logits, wanted)
        return {"total": total, **parts}

    def _draw(self, source: Tensor, reference: Tensor, wanted: Tensor, target: Tensor) -> dict[str, Tensor]:
        assert self.discriminator is not None
        painted = self.generator.painted(source, self.style_encoder(reference, target)).float()
        made = laid_over(source, painted)
        with torch.no_grad():
            true, changed = _seen(wanted), changes(source, wanted)
        parts = {
            "pixels": (made - wanted).abs().mean(),
            # Without these it tints the source rather than to paint another animal.
            "painted": (changed * (painted[:, :3] - wanted).abs()).mean() / changed.mean().clamp(min=0.05),
            "dense": nn.functional.binary_cross_entropy_with_logits(painted[:, 3:], changed),
            "seen": torch.stack([(a - b).abs().mean() / b.abs().mean() for a, b in zip(_seen(made), true)]).mean(),
        }
        parts["judged"] = adversarial(self.discriminator(made, target), True) if self.judged else 0 * parts["pixels"]
        total = PIXELS * parts["pixels"] + PAINTED * parts["painted"] + DENSE * parts["dense"] + SEEN * parts["seen"]
        return {"total": total + self.judged * parts["judged"], **parts}


def changes(source: Tensor, wanted: Tensor) -> Tensor:
    """(N, 1, H, W) in 0-1: where two pictures (N, 3, H, W) in -1 to 1 differ, or do so all around."""
    apart = (source - wanted).abs().amax(1, keepdim=True)
    near = nn.functional.avg_pool2d(apart, 5, 1, 2, count_include_pad=False)
    return ((near - UNLIKE[0]) / (UNLIKE[1] - UNLIKE[0])).clamp(0, 1)


def _seen(pictures: Tensor) -> list[Tensor]:
    """Maps of the pet features."""
    return load_features(str(pictures.device)).maps((pictures.float() + 1) * 127.5)[:READ]


def nearest(mapping: nn.Module, style: Tensor, target: Tensor, latents: Tensor) -> Tensor:
    """Mean squared distance of styles (N, 64) to the nearest of those that latents (N, M, L) give in their domains."""
    count, many = latents.shape[:2]
    made = mapping(latents.flatten(0, 1), target.repeat_interleave(many)).unflatten(0, (count, many)).float()
    far = (made - style[:, None]).square().mean(2)
    return far.min(1).values.mean()


def build_network(options: PortraitOptions) -> PortraitGAN:
    """The networks with their first weights; the features that judge are not theirs."""
    load_features().requires_grad_(False)
    network = PortraitGAN(size_of(options), options.judged)
    drawn(network)
    # Twice as fast in bfloat16 on a CPU.
    return network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # not in its stub


def batches(options: PortraitOptions, batch_size: int, seed: int) -> Portraits:
    """The training portraits."""
    size = size_of(options)
    return Portraits(Path(options.data), size.side, size.latent, batch_size, seed)


def loss(network: nn.Module, batch: Batch, _: PortraitOptions, turn: str = "draw") -> tuple[Tensor, dict[str, Tensor]]:
    """One turn: of generator and style encoder where not said otherwise."""
    pictures = [_pictures(batch[name]) for name in ("source", "reference", "wanted")]
    penalised = int(batch["step"][0]) % PENALISED == 0
    answer = network(*pictures, batch["target"], batch["latents"], turn=turn, penalised=penalised)
    return answer["total"], {f"{turn}_{name}": value.detach() for name, value in answer.items() if name != "total"}


def _pictures(pixels: Tensor) -> Tensor:
    return spread(pixels).contiguous(memory_format=torch.channels_last)


def adam(network: nn.Module, loop: LoopOptions) -> torch.optim.Optimizer:
    """With some memory, unlike the published, and a rate of its own for the mapping network: it learns alone here."""
    groups = [
        {"params": list(part.parameters()), "share": MAPPING_SHARE if name == "mapping_network" else 1.0}
        for name, part in network.named_children()
    ]
    return torch.optim.Adam(groups, lr=loop.learning_rate, betas=(0.5, 0.99), weight_decay=loop.weight_decay)


@torch.no_grad()
def validate(network: nn.Module, options: PortraitOptions) -> dict[str, float]:
    """On animals nobody trained with: "score" is the mean distance of colours (0-1) to the true translation.

    Also that of the source itself, what a network that does nothing would have, and how far drawn styles are from the
    true ones in share of these' spread.
    """
    assert isinstance(network, StarGAN)
    size, device = size_of(options), next(network.parameters()).device
    held = Portraits(Path(options.data), size.side, size.latent, JUDGED_AT_ONCE, 0, split="test", augment=False)
    colours, nothing, drawn_styles = [], [], []
    for number in range(max(1, len(held) // JUDGED_AT_ONCE)):
        batch = {k: torch.as_tensor(v).to(device) for k, v in held.batch(number).items()}
        source, reference, wanted = (_pictures(batch[name]) for name in ("source", "reference", "wanted"))
        style = network.style_encoder(reference, batch["target"])
        made = network.generator(source, style).clamp(-1, 1)
        colours.append((made - wanted).abs().mean() / 2)
        nothing.append((source - wanted).abs().mean() / 2)
        drawn_styles.append(nearest(network.mapping_network, style, batch["target"], batch["latents"]) / style.var())
    names = ("score", "source", "styles")
    return {name: float(torch.stack(part).mean()) for name, part in zip(names, (colours, nothing, drawn_styles))}


@torch.no_grad()
def show(network: StarGAN, batch: Batch) -> Array:
    """(H, W, 3) uint8: a column each: source, reference, what was drawn, what it should be, in three drawn styles."""
    source, reference, wanted = (_pictures(batch[name][:SHOWN]) for name in ("source", "reference", "wanted"))
    target, latents = batch["target"][:SHOWN], batch["latents"][:SHOWN]
    styles = [network.style_encoder(reference, target)]
    styles += [network.mapping_network(latents[:, k], target) for k in range(3)]
    made = [network.generator(source, style) for style in styles]
    rows = [source, reference, made[0], wanted, *made[1:]]
    return np.concatenate([np.concatenate(list(to_pixels(row)), axis=1) for row in rows], axis=0)


def export(network: StarGAN) -> tuple[dict[str, Tensor], dict[str, str]]:
    """The three networks that translate, under their published names."""
    tensors = {k: v.contiguous() for k, v in network.state_dict().items() if k.split(".")[0] in NETWORKS}
    return tensors, {"facts": json.dumps({"network": "starganv2", **network.size.facts()})}


def example(options: PortraitOptions, rng: np.random.Generator) -> tuple[Tensor, ...]:
    """Pictures of noise, and latents."""
    size = size_of(options)
    pictures = (torch.from_numpy(rng.random((1, 3, size.side, size.side), np.float32) * 2 - 1) for _ in range(3))
    latents = torch.from_numpy(rng.standard_normal((1, DRAWN, size.latent), np.float32))
    return (*pictures, torch.zeros(1, dtype=torch.long), latents)


RECIPE = Recipe(
    name="portraits",
    options=PortraitOptions,
    build_network=build_network,
    batches=batches,
    loss=loss,
    picture=show,
    validate=validate,
    export=export,
    example=example,
    loop=LoopOptions(
        steps=6000,
        batch_size=8,
        learning_rate=1e-3,
        final_rate=0.05,
        weight_decay=0.0,
        warmup=50,
        ema=0.99,
        clip=0.0,
        precision="bf16-mixed",
        workers=1,
        save_every=200,
        picture_every=200,
        validate_every=500,
    ),
    data="portraits drawn by maquette.synthesis.animals; no photograph of an animal",
    normalisation="RGB in -1 to 1, 64 x 64, faces upright, eyes at (0.355, 0.48) and (0.645, 0.48) of the square",
    what="a small StarGAN v2: animals' faces as other animals', from portraits of animals that do not exist",
    movable=("data", "judged"),
    moves=("generator", "style_encoder"),
    turns=(
        Turn(partial(loss, turn="judge"), ("discriminator",)),
        Turn(partial(loss, turn="map"), ("mapping_network",)),
    ),
    optimizer=adam,
)
