"""HRN taught further on photos of one's own: deformation and displacement, by the photos alone.

Published are its losses and their weights, not its training. Without scans there are no true maps, so the adversaries
that compare with such are left out; what keeps the maps in bounds is their smoothness and their size. Coefficients,
masks and albedo come from the user's own networks, which stay as they are.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from maquette.core.errors import BadInput
from maquette.morphable import bfm
from maquette.reconstruction.hrn import weights
from maquette.reconstruction.hrn.coefficients import split
from maquette.reconstruction.hrn.detail import (
    HRN,
    LARGE,
    REACH,
    at_middle,
    deformed,
    displaced,
    finest_input,
    hrn_of,
    middle_input,
    unwrapped,
)
from maquette.reconstruction.hrn.face_model import SIDE, FaceModel, face_model, posed, project
from maquette.reconstruction.hrn.fit.losses import (
    TRAINING,
    contour_edges,
    contour_loss,
    even_loss,
    landmark_loss,
    photo_loss,
    smooth_loss,
)
from maquette.reconstruction.hrn.raster import raster
from maquette.reconstruction.hrn.sampling import MENDED
from maquette.reconstruction.hrn.weights import HRNNetworks
from maquette.training.datasets.hrn_faces import HRNFaces, rows_of, stacked
from maquette.training.datasets.hrn_faces import split as held_out
from maquette.training.options import LoopOptions
from maquette.training.recipe import Array, Batch, Recipe

SHOWN = 4  # faces on a picture, and held-out faces that are scored at once


@dataclass(frozen=True)
class HRNOptions:
    """Teaching HRN further."""

    data: str = "photos"
    """Folder of photos; every face in them is learned from, but each tenth."""
    weights: str = "hrn.safetensors"
    """The networks to begin with, as `maquette weights convert hrn` writes them."""
    basel: str = "BFM"
    """Folder with your own Basel face model."""


class HRNDetail(nn.Module):
    """Deformation and displacement of faces as one call; nothing else learns."""

    def __init__(self, networks: HRNNetworks, basel: bfm.BaselModel) -> None:
        super().__init__()
        self.mid_net, self.high_net = networks.mid_net.requires_grad_(True), networks.high_net.requires_grad_(True)
        self.alpha, self.beta = (nn.Parameter(torch.tensor([value])) for value in (networks.alpha, networks.beta))
        self.frozen = {name: getattr(networks, name) for name in ("net_recon", "retouching", "landmarks")}
        self.faces = {"cpu": face_model(basel)}

    def face(self) -> FaceModel:
        """The morphable face where the networks are."""
        device = str(self.alpha.device)
        if device not in self.faces:
            self.faces[device] = face_model(self.faces["cpu"].basel, device)
        return self.faces[device]

    def forward(self, large: Tensor, coefficients: Tensor, valid: Tensor, albedo: Tensor) -> tuple[Tensor, ...]:
        """What the losses look at.

        Args:
            large: (N, 3, 512, 512) RGB 0-1. coefficients: (N, 257). valid: (N, 1, S, S). albedo: (N, 3, S, S).

        Returns:
            deformation (N, 3, 64, 64) and displacement (N, 1, S, S), decimetres; posed points (N, V, 3); colours
            (N, 3, S, S) of the middle and of the finest level.
        """
        model, found = self.face(), split(coefficients)
        shape = model.shape(found.identity, found.expression)
        position, texture = model.table.draw(shape), unwrapped(model, posed(shape, found), large, MENDED)
        deformation = self.mid_net(middle_input(position, texture)) * REACH * self.alpha * at_middle(valid)
        mid = deformed(model, found, shape, deformation, albedo)
        seen_again = unwrapped(model, mid.points.detach(), large, MENDED)
        drawn = self.high_net(finest_input(position, seen_again, deformation))
        displacement = drawn * REACH * self.beta * valid
        high = displaced(mid, displacement, albedo, found, MENDED)
        return deformation, displacement, mid.points, mid.colours, high.colours


def build_network(options: HRNOptions) -> HRNDetail:
    """The networks to begin with.

    Raises:
        BadInput: the files cannot be used. WeightsMissing: the Basel model is not there.
    """
    return HRNDetail(weights.load(options.weights), bfm.read(options.basel))


@lru_cache(maxsize=1)
def rows(options: HRNOptions) -> tuple[list[dict[str, Array]], list[dict[str, Array]]]:
    """Faces to learn from and held-out ones, read once."""
    if not Path(options.weights).is_file():
        raise BadInput(f"{options.weights}: no such file: {weights.REMEDY}")
    ready: HRN = hrn_of(weights.load(options.weights), face_model(bfm.read(options.basel)))
    return held_out(rows_of(options.data, ready))


def batches(options: HRNOptions, batch_size: int, seed: int) -> HRNFaces:
    """The training set.

    Raises:
        BadInput: no faces in the folder.
    """
    return HRNFaces(rows(options)[0], batch_size, seed)


def given(batch: Batch) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """What a call of the network takes, of a batch."""
    valid, albedo = (batch[name].float() for name in ("valid", "albedo"))
    return batch["large"].float() / 255, batch["coefficients"], valid, albedo


def loss(network: nn.Module, batch: Batch, _: HRNOptions) -> tuple[Tensor, dict[str, Tensor]]:
    """Photo at both levels, landmarks, contour, smoothness of both maps, size of the displacement."""
    deformation, displacement, points, *colours = network(*given(batch))
    model, photos = face_of(network), batch["small"].float() / 255
    apart = []
    for index, place in enumerate(points):
        seen = raster(model, place, SIDE, colours[0].shape[-1])
        photo = photos[index : index + 1].flatten(2)[:, :, seen.pixels]
        everywhere = torch.ones_like(photo[:, :1])
        apart.append([photo_loss(seen.colours(level[index : index + 1]), photo, everywhere) for level in colours])
    middle, finest = (torch.stack(part).mean() for part in zip(*apart))
    at = project(points)
    contour = contour_loss(at, *contour_edges(batch["mask"].float() / 255))
    smooth = smooth_loss(deformation) + smooth_loss(displacement)
    total = (
        TRAINING.photo * (middle + finest)
        + TRAINING.landmarks * landmark_loss(at[:, model.landmarks], batch["marks"])
        + TRAINING.contour * contour
        + TRAINING.smooth * smooth
        + TRAINING.even * (even_loss(deformation) + even_loss(displacement))
        + TRAINING.relief * displacement.abs().mean()
    )
    measures = {"middle": middle, "finest": finest, "contour": contour, "smooth": smooth}
    return total, {name: value.detach() for name, value in measures.items()}


def face_of(network: nn.Module) -> FaceModel:
    """The morphable face of a network, however the devices wrap it."""
    return next(part for part in network.modules() if isinstance(part, HRNDetail)).face()


def validate(network: nn.Module, options: HRNOptions) -> dict[str, float]:
    """The loss and its parts on held-out faces."""
    held, count = rows(options)[1], 0
    sums: dict[str, float] = {}
    device = next(network.parameters()).device
    for first in range(0, len(held), SHOWN):
        some = held[first : first + SHOWN]
        batch = {name: torch.from_numpy(value).to(device) for name, value in stacked(some).items()}
        total, measures = loss(network, batch, options)
        for name, value in {"score": total, **measures}.items():
            sums[name] = sums.get(name, 0.0) + float(value) * len(some)
        count += len(some)
    return {name: value / count for name, value in sums.items()}


@torch.no_grad()
def picture(network: HRNDetail, batch: Batch) -> Array:
    """(672, W, 3) uint8: faces of the photos, with the middle level and with the finest."""
    few = {name: value[:SHOWN] for name, value in batch.items()}
    _, _, points, *colours = network(*given(few))
    photos = few["small"].float() / 255
    columns = []
    for index, place in enumerate(points):
        seen, photo = raster(network.face(), place, SIDE, colours[0].shape[-1]), photos[index : index + 1]
        drawn = [seen.look(level[index : index + 1]) + (1 - seen.mask) * photo for level in colours]
        columns.append(torch.cat([photo, *drawn], 2))
    whole = torch.cat(columns, 3)[0].clamp(0, 1).permute(1, 2, 0)
    return torch.round(255 * whole).byte().cpu().numpy()


def export(network: HRNDetail) -> tuple[dict[str, Tensor], dict[str, str]]:
    """All networks, in the layout of the converted published file."""
    own = {"mid_net": network.mid_net, "high_net": network.high_net}
    parts = own | {name: part for name, part in network.frozen.items() if part is not None}
    tensors: dict[str, Tensor] = {"alpha": network.alpha, "beta": network.beta}
    for name, part in parts.items():
        tensors |= {f"{name}.{k}": v for k, v in part.state_dict().items() if not k.endswith(weights.COUNTER)}
    return tensors, {"network": "hrn", "parts": json.dumps(sorted(parts))}


def example(_: HRNOptions, rng: np.random.Generator) -> tuple[Tensor, ...]:
    """A crop of noise, and coefficients of a face near the mean."""
    sizes = ((3, LARGE, LARGE), (257,), (1, bfm.UV_SIDE, bfm.UV_SIDE), (3, bfm.UV_SIDE, bfm.UV_SIDE))
    arrays = [rng.random((1, *size)).astype(np.float32) for size in sizes]
    return tuple(torch.from_numpy(0.1 * a if a.shape[1:] == (257,) else a) for a in arrays)


RECIPE = Recipe(
    name="hrn",
    options=HRNOptions,
    build_network=build_network,
    batches=batches,
    loss=loss,
    picture=picture,
    validate=validate,
    export=export,
    example=example,
    loop=LoopOptions(
        steps=2000, batch_size=4, learning_rate=1e-4, weight_decay=0.0, warmup=20, ema=0.99, precision="32", workers=0
    ),
    data="your own photos",
    normalisation="crops of 224 and 512 pixels RGB in 0-1, aligned by five points",
    what="HRN's deformation and displacement, taught further on photos of yours",
    movable=("data", "weights", "basel"),
)
