"""HRN's networks with weights by seed, and pictures for them: of these the golden numbers were made."""

from __future__ import annotations

import zlib
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import torch
from safetensors import safe_open
from torch import Tensor, nn

import basel_twin
import seeded
from maquette.core.types import Frame, Observation, Subject
from maquette.perception.faces.topology import IBUG68
from maquette.reconstruction.hrn.detail import HRN
from maquette.reconstruction.hrn.face_model import FaceModel, face_model
from maquette.reconstruction.hrn.networks.discriminator import PatchDiscriminator
from maquette.reconstruction.hrn.networks.generator import MapGenerator
from maquette.reconstruction.hrn.networks.landmarks import LandmarkNet
from maquette.reconstruction.hrn.networks.regressor import ReconNet
from maquette.reconstruction.hrn.networks.retouching import BlendNet
from maquette.reconstruction.hrn.sampling import OFFICIAL, Compat

GOLDEN = Path(__file__).parent / "golden" / "hrn.safetensors"
# The published sizes, on smaller pictures than theirs where the network allows any.
NETWORKS = {
    "net_recon": (ReconNet, (3, 64, 64)),
    "mid_net": (lambda: MapGenerator(6, 3), (6, 16, 16)),
    "high_net": (lambda: MapGenerator(9, 1), (9, 32, 32)),
    "retouching": (BlendNet, (3, 64, 64)),
    "landmarks": (LandmarkNet, (3, 224, 224)),
    "discriminator": (lambda: PatchDiscriminator(9), (9, 64, 64)),
}


@cache
def network(name: str) -> nn.Module:
    """One network, float32, in evaluation mode."""
    made = NETWORKS[name][0]()
    seeded.fill(made, 7)
    if name == "retouching":
        # Else all of its blend layer lies within 0.01 of a half.
        with torch.no_grad():
            made.outc.get_submodule("conv").weight *= 8
    return made.eval().requires_grad_(False)


def pictures(name: str, count: int = 2) -> Tensor:
    """(count, C, H, W) float32 in 0-1."""
    return seeded.picture((count, *NETWORKS[name][1]), 11)


def golden(key: str) -> Tensor:
    """Numbers of the published functions."""
    with safe_open(GOLDEN, framework="pt") as file:
        return file.get_tensor(key)


def keys(name: str) -> set[str]:
    """All keys of a network, counters too."""
    return set(network(name).state_dict())


SAMPLES = 600  # numbers that the golden file keeps of each map
ALPHA, BETA = 0.8, 0.6


def some(values: Tensor) -> Tensor:
    """SAMPLES of the numbers, always the same ones for a size."""
    generator = np.random.default_rng(zlib.crc32(repr(tuple(values.shape)).encode()))
    return values.flatten()[torch.from_numpy(generator.integers(0, values.numel(), SAMPLES))]


@cache
def face(kind: torch.dtype = torch.float32) -> FaceModel:
    """The twin of the Basel model, small."""
    made = face_model(basel_twin.model())
    if kind == torch.float32:
        return made
    names = ("mean", "identity", "expression", "albedo_mean", "albedo_basis", "uvs")
    return replace(made, **{name: getattr(made, name).to(kind) for name in names})


def hrn(compat: Compat = OFFICIAL, kind: torch.dtype = torch.float32, device: str = "cpu") -> HRN:
    """The whole chain; its networks are stand-ins, since their own numbers are compared in tests of theirs."""
    model = face(kind) if device == "cpu" else face_model(basel_twin.model(), device)

    def regress(x: Tensor) -> Tensor:
        return coefficients(len(x)).to(x.device).to(kind)

    return HRN(model, regress, deform, displace, blend, ALPHA, BETA, compat)


def blend(x: Tensor) -> Tensor:
    """Stands for the network that undoes retouching."""
    return torch.sigmoid(0.8 * x[:, [1, 2, 0]] - 0.2)


def deform(x: Tensor) -> Tensor:
    """Stands for the network of the deformation."""
    return torch.tanh(x[:, :3] + 0.7 * x[:, 3:6].roll((1, 2), (2, 3)))


def displace(x: Tensor) -> Tensor:
    """Stands for the network of the displacement."""
    mixed = (x * torch.arange(1, 10, dtype=x.dtype, device=x.device)[:, None, None] / 9).sum(1, keepdim=True)
    return torch.tanh(0.4 * mixed + 0.3 * mixed.roll(3, 2))


def coefficients(count: int = 2) -> Tensor:
    """(count, 257) of faces that stand apart and are turned."""
    generator = torch.Generator().manual_seed(21)
    found = 2 * torch.rand(count, 257, generator=generator) - 1
    scale = torch.tensor([0.5] * 224 + [0.3] * 3 + [0.2] * 27 + [0.1] * 3)
    return found * scale


def crops(count: int = 2) -> dict[str, Tensor]:
    """Aligned crops as `detail.Crops` has them; the mask is a soft disc."""
    places = (torch.arange(224) + 0.5 - 112) / 80
    disc = ((1.2 - (places[:, None] ** 2 + places[None] ** 2).sqrt()) * 4).clamp(0, 1)
    small, large = (seeded.picture((count, 3, side, side), 31) for side in (224, 512))
    return {"small": small, "large": large, "mask": disc.expand(count, 1, 224, 224).contiguous()}


LOSSES = (
    *("photo", "landmarks", "prior", "light", "reflectance", "feature"),
    *("smooth", "even", "contour", "true", "fake"),
)


def loss_inputs() -> dict[str, Tensor]:
    """What losses compare, float64."""
    generator = torch.Generator().manual_seed(51)

    def uniform(*shape: int) -> Tensor:
        return torch.rand(*shape, generator=generator, dtype=torch.float64)

    features = [torch.nn.functional.normalize(uniform(2, 16) - 0.5, dim=1) for _ in range(2)]
    mask = crops()["mask"].double()
    mask[1] = mask[1].roll(9, 2)
    return {
        "drawn": uniform(2, 3, 224, 224),
        "photo": uniform(2, 3, 224, 224),
        "mask": mask,
        "marks": 224 * uniform(2, 68, 2),
        "marks_wanted": 224 * uniform(2, 68, 2),
        "coefficients": coefficients().double(),
        "albedo": uniform(2, 40, 3),
        "skin": (uniform(40) > 0.4).double(),
        "features": features[0],
        "features_wanted": features[1],
        "points": 260 * uniform(2, 300, 2) - 18,
    }


PHOTO = (640, 480)  # width and height of a photo with the faces of `marks68`


def marks68(count: int = 3) -> np.ndarray:
    """(count, 68, 2) landmarks of the twin's face in a photo, pixels, y down, each moved by some pixels."""
    generator = np.random.default_rng(41)
    points = basel_twin.model().mean.reshape(-1, 3)[basel_twin.model().landmarks].astype(float)
    found = []
    for size, x, y in ((90.0, 320.0, 240.0), (35.0, 80.5, 70.25), (180.0, 500.0, 300.0))[:count]:
        found.append(points[:, :2] * [size, -size] + [x, y] + 0.02 * size * generator.standard_normal((68, 2)))
    return np.stack(found)


def points106() -> tuple[np.ndarray, np.ndarray]:
    """(106, 2) points about a face in a photo, pixels, and its box: jaw, brows, nose, eyes and mouth in their order."""
    count = np.arange(106)
    found = np.stack([300 + 60 * np.sin(1.3 * count), 230 + 70 * np.cos(0.9 * count)], axis=1)
    sweep = np.linspace(np.pi, 0, 33)
    found[:33] = np.stack([300 + 110 * np.cos(sweep), 200 + 140 * np.sin(sweep)], axis=1)
    return found, np.array([190.0, 80.0, 410.0, 340.0])


def observed(index: int = 0, skin: bool = True) -> Observation:
    """A photo of noise with one of the twin's faces."""
    pixels = np.random.default_rng(3).integers(0, 255, (PHOTO[1], PHOTO[0], 3), np.uint8)
    landmarks = np.zeros((478, 3))
    landmarks[list(IBUG68), :2] = marks68()[index]
    whole = np.ones(pixels.shape[:2], np.float32)
    return Observation(
        Frame(pixels),
        np.array([0.0, 0, *PHOTO]),
        Subject.FACE,
        landmarks,
        "mediapipe478",
        np.ones(478),
        whole,
        0 * whole if skin else None,
    )


def slow_texels(uvs: np.ndarray, triangles: np.ndarray, side: int) -> tuple[np.ndarray, np.ndarray]:
    """Triangle (-1: none) and barycentric weights at each texel's centre, triangle by triangle, float64.

    It stands for pytorch3d's rasteriser, which is not to be had here: one triangle a pixel, no blur, no perspective,
    texel (row, column) at u = (column + 0.5) / side, v = 1 - (row + 0.5) / side.
    """
    face, weights = np.full((side, side), -1), np.zeros((side, side, 3))
    corners = np.stack([uvs[:, 0] * side, (1 - uvs[:, 1]) * side], axis=1).astype(float)[triangles]
    for index, (a, b, c) in enumerate(corners):
        area = (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0])
        low = np.floor(np.min([a, b, c], axis=0) - 0.5).astype(int).clip(0, side - 1)
        high = np.ceil(np.max([a, b, c], axis=0) - 0.5).astype(int).clip(0, side - 1)
        for row in range(low[1], high[1] + 1):
            for column in range(low[0], high[0] + 1):
                x, y = column + 0.5, row + 0.5
                first = ((b[0] - x) * (c[1] - y) - (b[1] - y) * (c[0] - x)) / area
                second = ((c[0] - x) * (a[1] - y) - (c[1] - y) * (a[0] - x)) / area
                third = 1 - first - second
                if min(first, second, third) > 0 and face[row, column] < 0:
                    face[row, column], weights[row, column] = index, (first, second, third)
    return face, weights
