"""What HRN's detail is built on, taught further on photos of one's own: coefficients, or the undoing of retouching.

Coefficients learn as Deep3D's do (Deng et al., CVPRW 2019), by the photos themselves: colours of the skin, landmarks,
size of the coefficients, colour of the light, evenness of the albedo; the loss of identity is left out, since its
network is not free. Retouching is learned in pairs of a texture and the same with its lines and moles smoothed away.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from maquette.core.errors import BadInput
from maquette.morphable import bfm
from maquette.perception.guided_filter import guided_filter
from maquette.reconstruction.hrn import weights
from maquette.reconstruction.hrn.coefficients import Coefficients, split
from maquette.reconstruction.hrn.detail import RETOUCHING_SIDE, hrn_of, unwrapped
from maquette.reconstruction.hrn.face_model import SIDE, FaceModel, face_model, posed, project, rotation, shading
from maquette.reconstruction.hrn.fit.losses import (
    TRAINING,
    blend_target,
    landmark_loss,
    light_loss,
    masked_mean,
    photo_loss,
    prior_loss,
    reflectance_loss,
)
from maquette.reconstruction.hrn.networks.retouching import BlendNet
from maquette.reconstruction.hrn.raster import raster
from maquette.reconstruction.hrn.sampling import MENDED, at_uvs
from maquette.reconstruction.hrn.weights import HRNNetworks
from maquette.training.datasets.hrn.faces import HRNFaces, rows_of, stacked
from maquette.training.datasets.hrn.faces import split as held_out
from maquette.training.options import LoopOptions
from maquette.training.recipe import Array, Batch, Recipe
from maquette.training.recipes.hrn.detail import exported

STAGES = {"coefficients": "net_recon", "retouching": "retouching"}
REFLECTANCE = 5.0  # published weight of the albedo's evenness
TEXELS, COLOURS = 4, 15.0  # windows that a texture is smoothed in, and the spread of colours that counts as flat
SHOWN = 4  # faces on a picture, and held-out faces that are scored at once


@dataclass(frozen=True)
class HRNFirstOptions:
    """Teaching HRN's first level further."""

    data: str = "photos"
    """Folder of photos; every face in them is learned from, but each tenth."""
    weights: str = "hrn.safetensors"
    """The networks to begin with, as `maquette weights convert hrn` writes them."""
    basel: str = "BFM"
    """Folder with your own Basel face model."""
    stage: str = "coefficients"
    """What learns: coefficients, or retouching, which begins anew where the file has none."""

    def __post_init__(self) -> None:
        if self.stage not in STAGES:
            raise BadInput(f"stage {self.stage!r}: wanted {', '.join(STAGES)}")


class HRNFirst(nn.Module):
    """The network of one stage as a call; the others of the file wait to be written with it."""

    def __init__(self, networks: HRNNetworks, basel: bfm.BaselModel, stage: str) -> None:
        super().__init__()
        self.fresh = stage == "retouching" and networks.retouching is None
        self.taught = BlendNet() if self.fresh else getattr(networks, STAGES[stage])
        self.taught.requires_grad_(True)
        self.stage, self.others = stage, networks
        self.faces = {"cpu": face_model(basel)}

    def train(self, mode: bool = True) -> HRNFirst:
        """Statistics stay those that the network came with: batches here are small."""
        super().train(mode)
        self.taught.train(mode and self.fresh)
        return self

    def face(self) -> FaceModel:
        """The morphable face where the network is."""
        device = str(next(self.taught.parameters()).device)
        if device not in self.faces:
            self.faces[device] = face_model(self.faces["cpu"].basel, device)
        return self.faces[device]

    def forward(self, pictures: Tensor) -> Tensor:
        """(N, 257) of crops (N, 3, 224, 224), or the blend layer (N, 3, S, S) of textures (N, 3, S, S); all 0-1."""
        if self.stage == "coefficients":
            found: Tensor = self.taught(pictures)
            return found
        large = functional.interpolate(2 * pictures - 1, (RETOUCHING_SIDE, RETOUCHING_SIDE), mode="bilinear")
        return functional.interpolate(self.taught(large), pictures.shape[2:], mode="bilinear")


def build_network(options: HRNFirstOptions) -> HRNFirst:
    """The network to begin with.

    Raises:
        BadInput: the files cannot be used. WeightsMissing: the Basel model is not there.
    """
    return HRNFirst(weights.load(options.weights), bfm.read(options.basel), options.stage)


@lru_cache(maxsize=1)
def rows(options: HRNFirstOptions) -> tuple[list[dict[str, Array]], list[dict[str, Array]]]:
    """Faces to learn from and held-out ones, read once; for retouching each with its pair of textures.

    Raises:
        BadInput: no such files, or no faces in the folder.
    """
    if not Path(options.weights).is_file():
        raise BadInput(f"{options.weights}: no such file: {weights.REMEDY}")
    ready = hrn_of(weights.load(options.weights), face_model(bfm.read(options.basel)))
    found = rows_of(options.data, ready)
    return held_out([paired(row, ready.model) for row in found] if options.stage == "retouching" else found)


def paired(row: dict[str, Array], model: FaceModel) -> dict[str, Array]:
    """A row with "texture" and "retouched" (3, S, S) uint8 in place of its crops."""
    found = split(torch.from_numpy(row["coefficients"])[None])
    points = posed(model.shape(found.identity, found.expression), found)
    large = torch.from_numpy(row["large"])[None].float() / 255
    texture = torch.round(255 * unwrapped(model, points, large, MENDED)[0]).byte().permute(1, 2, 0).numpy()
    pair = {"texture": texture, "retouched": retouched(texture)}
    return {name: np.ascontiguousarray(value.transpose(2, 0, 1)) for name, value in pair.items()} | {
        "valid": row["valid"]
    }


def retouched(texture: Array) -> Array:
    """(S, S, 3) uint8: a texture without moles, lines and pores, its edges kept (guided by itself)."""
    smooth = [guided_filter(texture, texture[..., k], TEXELS, COLOURS**2) for k in range(3)]
    return np.stack(smooth, axis=2).round().clip(0, 255).astype(np.uint8)


def batches(options: HRNFirstOptions, batch_size: int, seed: int) -> HRNFaces:
    """The training set.

    Raises:
        BadInput: no faces in the folder.
    """
    return HRNFaces(rows(options)[0], batch_size, seed)


def given(batch: Batch) -> Tensor:
    """What a call of the network takes, of a batch."""
    return batch["texture" if "texture" in batch else "small"].float() / 255


def loss(network: nn.Module, batch: Batch, options: HRNFirstOptions) -> tuple[Tensor, dict[str, Tensor]]:
    """The loss of the stage."""
    answer = network(given(batch))
    if options.stage == "retouching":
        return retouching_loss(answer, batch)
    first = next(part for part in network.modules() if isinstance(part, HRNFirst))
    return coefficients_loss(first.face(), split(answer), batch)


def retouching_loss(layer: Tensor, batch: Batch) -> tuple[Tensor, dict[str, Tensor]]:
    """Mean distance to the layer that leads from the texture to the retouched one, where the photo shows the face."""
    texture, smooth = (batch[name].float() / 255 for name in ("texture", "retouched"))
    valid = batch["valid"].float()
    apart = masked_mean((layer - blend_target(texture, smooth)).abs(), valid)
    made = (1 - 2 * layer) * texture**2 + 2 * layer * texture
    return apart, {"layer": apart.detach(), "colours": masked_mean((made - smooth).abs(), valid).detach()}


def lit(model: FaceModel, found: Coefficients) -> tuple[Tensor, Tensor, Tensor]:
    """Posed points (N, V, 3), albedo and lit colours (N, 3, S, S) of the first level."""
    shape = model.shape(found.identity, found.expression)
    albedo = model.albedo(found.albedo)
    normals = model.table.draw(model.normals(shape) @ rotation(found.angles))
    return posed(shape, found), albedo, albedo * shading(normals, found.light)


def coefficients_loss(model: FaceModel, found: Coefficients, batch: Batch) -> tuple[Tensor, dict[str, Tensor]]:
    """Colours where the photo shows skin, landmarks, priors of coefficients, light and albedo."""
    points, albedo, colours = lit(model, found)
    photos, masks = (batch[name].float() / 255 for name in ("small", "mask"))
    apart = []
    for index, place in enumerate(points):
        seen, one = raster(model, place, SIDE, colours.shape[-1]), slice(index, index + 1)
        photo, mask = (picture[one].flatten(2)[:, :, seen.pixels] for picture in (photos, masks))
        apart.append(photo_loss(seen.colours(colours[one]), photo, mask))
    photo_term = torch.stack(apart).mean()
    marks = landmark_loss(project(points[:, model.landmarks]), batch["marks"])
    total = TRAINING.photo * photo_term + TRAINING.landmarks * marks + TRAINING.light * light_loss(found.light)
    total = total + TRAINING.prior * prior_loss(found, TRAINING)
    if model.basel.skin is not None:
        skin = torch.from_numpy(model.basel.skin).to(albedo.device)
        total = total + REFLECTANCE * reflectance_loss(at_uvs(albedo, model.uvs), skin)
    return total, {"photo": photo_term.detach(), "marks": marks.detach()}


def validate(network: nn.Module, options: HRNFirstOptions) -> dict[str, float]:
    """The loss and its parts on held-out faces."""
    held, device = rows(options)[1], next(network.parameters()).device
    sums: dict[str, float] = {}
    for first in range(0, len(held), SHOWN):
        some = held[first : first + SHOWN]
        batch = {name: torch.from_numpy(value).to(device) for name, value in stacked(some).items()}
        total, measures = loss(network, batch, options)
        for name, value in {"score": total, **measures}.items():
            sums[name] = sums.get(name, 0.0) + float(value.detach()) * len(some)
    return {name: value / len(held) for name, value in sums.items()}


@torch.no_grad()
def picture(network: HRNFirst, batch: Batch) -> Array:
    """(H, W, 3) uint8: photos over the faces that were read; or textures over retouched ones, wanted and made."""
    few = {name: value[:SHOWN] for name, value in batch.items()}
    seen, answer = given(few), network(given(few))
    if network.stage == "retouching":
        rows_shown = [seen, few["retouched"].float() / 255, (1 - 2 * answer) * seen**2 + 2 * answer * seen]
    else:
        points, _, colours = lit(network.face(), split(answer))
        drawn = []
        for index, place in enumerate(points):
            one = raster(network.face(), place, SIDE, colours.shape[-1])
            drawn.append(one.look(colours[index : index + 1]) + (1 - one.mask) * seen[index : index + 1])
        rows_shown = [seen, torch.cat(drawn)]
    whole = torch.cat([torch.cat([*row], 2) for row in rows_shown], 1).clamp(0, 1).permute(1, 2, 0)
    return torch.round(255 * whole).byte().cpu().numpy()


def export(network: HRNFirst) -> tuple[dict[str, Tensor], dict[str, str]]:
    """All networks, in the layout of the converted published file."""
    parts = {name: getattr(network.others, name) for name in weights.PARTS} | {STAGES[network.stage]: network.taught}
    there = sorted(name for name, part in parts.items() if part is not None)
    scalars = (torch.tensor([value]) for value in (network.others.alpha, network.others.beta))
    return exported(parts, *scalars), {"network": "hrn", "parts": json.dumps(there)}


def example(options: HRNFirstOptions, rng: np.random.Generator) -> tuple[Tensor, ...]:
    """A crop of noise, or a texture of it."""
    side = SIDE if options.stage == "coefficients" else bfm.UV_SIDE
    return (torch.from_numpy(rng.random((1, 3, side, side)).astype(np.float32)),)


RECIPE = Recipe(
    name="hrn-first",
    options=HRNFirstOptions,
    build_network=build_network,
    batches=batches,
    loss=loss,
    picture=picture,
    validate=validate,
    export=export,
    example=example,
    loop=LoopOptions(
        steps=2000, batch_size=8, learning_rate=1e-4, weight_decay=0.0, warmup=20, ema=0.99, precision="32", workers=0
    ),
    data="your own photos",
    normalisation="crops of 224 pixels RGB in 0-1, aligned by five points; textures of 256",
    what="HRN's coefficients, or its undoing of retouching, taught further on photos of yours",
    movable=("data", "weights", "basel"),
)
