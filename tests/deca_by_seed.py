"""DECA's codes, networks and pictures by seed: of these the golden numbers were made."""

from __future__ import annotations

import zlib
from functools import cache
from pathlib import Path

import numpy as np
import torch
from safetensors import safe_open
from torch import Tensor, nn

import flame_twin as twin
import seeded
from maquette.core.types import Frame, Observation, Subject
from maquette.perception.faces.topology import IBUG68
from maquette.reconstruction.deca.codes import HeadCodes, merged
from maquette.reconstruction.deca.decode import DECA
from maquette.reconstruction.deca.files import HeadFiles
from maquette.reconstruction.deca.head import MENDED, DecaCompat, DecaHead, deca_head
from maquette.reconstruction.deca.networks.encoder import COARSE, DETAIL, CodeEncoder
from maquette.reconstruction.deca.networks.generator import LATENT, DetailGenerator

GOLDEN = Path(__file__).parent / "golden" / "deca.safetensors"
SAMPLES = 400  # numbers that the golden file keeps of each map


def golden(key: str) -> Tensor:
    """Numbers of the published functions."""
    with safe_open(GOLDEN, framework="pt") as file:
        return file.get_tensor(key)


def some(values: Tensor) -> Tensor:
    """SAMPLES of the numbers, always the same ones for a size."""
    generator = np.random.default_rng(zlib.crc32(repr(tuple(values.shape)).encode()))
    return values.flatten()[torch.from_numpy(generator.integers(0, values.numel(), SAMPLES))]


def codes(count: int = 3) -> dict[str, Tensor]:
    """Codes of heads that stand apart, are turned and open the mouth."""
    generator = torch.Generator().manual_seed(23)

    def uniform(width: int, scale: float) -> Tensor:
        return scale * (2 * torch.rand(count, width, generator=generator) - 1)

    pose = uniform(6, 0.4)
    pose[:, 1] *= 2  # yaw to both sides
    cam = torch.tensor([6.0, 0, 0]) + uniform(3, 0.05)
    light = uniform(27, 0.3).view(count, 9, 3)
    light[:, 0] += 3
    return {
        "shape": uniform(100, 1.0),
        "tex": uniform(50, 0.1),
        "exp": uniform(50, 1.0),
        "pose": pose,
        "cam": cam,
        "light": light,
        "detail": uniform(128, 1.0),
    }


NETWORKS = {
    "E_flame": (lambda: CodeEncoder(COARSE), (3, 224, 224)),
    "E_detail": (lambda: CodeEncoder(DETAIL), (3, 224, 224)),
    "D_detail": (DetailGenerator, (LATENT,)),
}


@cache
def network(name: str) -> nn.Module:
    """One network, float32, in evaluation mode."""
    made = NETWORKS[name][0]()
    seeded.fill(made, 7)
    if name == "D_detail":
        # The published 0.8 makes signals small: else all of its map lies within a hundredth of its reach.
        with torch.no_grad():
            for part in made.conv_blocks:
                if isinstance(part, nn.BatchNorm2d):
                    part.weight *= 3
    return made.eval().requires_grad_(False)


def given(name: str, count: int = 2) -> Tensor:
    """(count, ...) float32 input of a network."""
    if name == "D_detail":
        return 2 * torch.rand(count, LATENT, generator=torch.Generator().manual_seed(5)) - 1
    return seeded.picture((count, *NETWORKS[name][1]), 11)


@cache
def head() -> DecaHead:
    """The twin of FLAME and of DECA's data, small."""
    found = twin.arrays()
    files = HeadFiles(
        model=twin.model(),
        landmarks=twin.landmarks(),
        uvs=found["uvs"].astype(np.float32),
        uv_triangles=found["uv_faces"],
        mask=twin.masks()[0].astype(np.float32) / 255,
        fixed=twin.fixed_displacement().astype(np.float32),
        albedo=twin.albedo(),
    )
    return deca_head(files)


def deca(compat: DecaCompat = MENDED, device: str = "cpu") -> DECA:
    """The whole chain; its encoders are stand-ins, since their own numbers are compared in tests of theirs."""

    def coarse(x: Tensor) -> Tensor:
        return merged(HeadCodes(**codes(len(x)))).to(device)

    def detail(x: Tensor) -> Tensor:
        return codes(len(x))["detail"].to(device)

    return DECA(head() if device == "cpu" else deca_head(head().files, device), coarse, detail, draw, compat)


def draw(latent: Tensor) -> Tensor:
    """Stands for the network of the displacement."""
    y, x = torch.meshgrid(torch.linspace(-1, 1, 256), torch.linspace(-1, 1, 256), indexing="ij")
    waves = torch.stack([torch.sin((k + 1) * x + 0.7 * k * y) for k in range(latent.shape[1])]).to(latent.device)
    return 0.002 * torch.tanh(torch.einsum("nk,kij->nij", latent, waves) / 4)[:, None]


PHOTO = (640, 480)  # width and height of a photo with a face


def marks68() -> np.ndarray:
    """(68, 2) landmarks of the twin's face in a photo, pixels, y down."""
    points = head().decoder.landmarks3d(head().decoder.template[None])[0].double().numpy()
    return points[:, :2] * [900, -900] + [300.0, 260.0]


def observed() -> Observation:
    """A photo of noise with the twin's face."""
    pixels = np.random.default_rng(3).integers(0, 255, (PHOTO[1], PHOTO[0], 3), np.uint8)
    landmarks = np.zeros((478, 3))
    landmarks[list(IBUG68), :2] = marks68()
    whole = np.ones(pixels.shape[:2], np.float32)
    box = np.array([10.0, 20, 10 + PHOTO[0], 20 + PHOTO[1]])
    return Observation(Frame(pixels), box, Subject.FACE, landmarks, "mediapipe478", np.ones(478), whole, 0 * whole)
