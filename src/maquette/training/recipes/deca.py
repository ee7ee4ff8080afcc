"""DECA taught as published, in three stages, one training each: coarse codes by landmarks, by photos, then detail.

Each stage begins with the weights of the one before. `pretrain` and `coarse` teach the encoder of the head, `detail`
the other encoder and the displacement, with the head's as it was. Several frames of one person swap their identity (or
their detail) and must still explain each photo. With `temporal` the encoders see the frames as a clip.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from maquette.core.errors import BadInput
from maquette.morphable import flame
from maquette.reconstruction.deca import files, losses, perceptual, weights
from maquette.reconstruction.deca.codes import HeadCodes, split
from maquette.reconstruction.deca.head import CROP, DecaHead, deca_head, project, shading
from maquette.reconstruction.deca.networks.encoder import COARSE, DETAIL, CodeEncoder
from maquette.reconstruction.deca.networks.generator import DetailGenerator
from maquette.reconstruction.deca.raster import HeadRaster, grey, lit, raster
from maquette.reconstruction.deca.temporal import weights as temporal_weights
from maquette.reconstruction.deca.temporal.encoder import TemporalEncoder, fresh
from maquette.training.datasets import deca_clips
from maquette.training.datasets.deca_clips import DecaClips, Row
from maquette.training.options import LoopOptions
from maquette.training.recipe import Array, Batch, Recipe
from maquette.training.weights_file import load_into
from maquette.weights.convert.pytorch import COUNTER

STAGES = ("pretrain", "coarse", "detail")
SHOWN = 4  # examples on a picture, and held-out batches that are scored


@dataclass(frozen=True)
class DECAOptions:
    """Teaching DECA."""

    data: str = "clips"
    """Folder of faces as `--prepare` writes them; every tenth file is held out."""
    prepare: str = ""
    """Folder of clips, of photos, and of folders of photos of one person each: read into `--data` first."""
    every: int = 1
    """How many frames of a clip are stepped while it is prepared."""
    model: str = "FLAME"
    """Folder with your own FLAME and DECA's data."""
    stage: str = "pretrain"
    """What learns: pretrain, coarse, or detail; each is a training of its own."""
    start_from: str = ""
    """The stage before: its best.ckpt; empty for a new network."""
    weights: str = ""
    """Your own converted DECA to begin with instead; with temporal one of `maquette weights convert deca-tv`."""
    temporal: bool = False
    """Encoders that see all frames of an example as a clip."""
    flow: str = ""
    """With temporal: the optical flow, as `maquette weights convert spynet` writes it; it stays as it is."""
    frames: int = 2
    """Frames of one person in an example."""
    faces: str = ""
    """resnet50_ft_weight.pkl of VGGFace2 for the loss of identity; without it that is left out."""
    patches: str = ""
    """vgg19-dcbb9e9d.pth of torchvision for the loss of patches; without it that is left out."""

    def __post_init__(self) -> None:
        if self.stage not in STAGES:
            raise BadInput(f"stage {self.stage!r}: wanted {', '.join(STAGES)}")
        if self.frames < 1 or self.every < 1:
            raise BadInput("frames and every: wanted at least 1")
        if self.temporal and not (self.flow or self.weights or self.start_from):
            raise BadInput("temporal: wanted --flow, made with maquette weights convert spynet")


class DECALearning(nn.Module):
    """The networks as one call; which of them learn is the stage's."""

    def __init__(self, coarse: nn.Module, detail: nn.Module, generator: DetailGenerator, options: DECAOptions) -> None:
        super().__init__()
        self.E_flame, self.E_detail, self.D_detail = coarse, detail, generator
        self.options = options
        self.taught = ("E_detail", "D_detail") if options.stage == "detail" else ("E_flame",)
        for name, part in self.named_children():
            part.requires_grad_(name in self.taught)
            for inner, parameter in part.named_parameters():
                if ".spynet." in f".{inner}":
                    parameter.requires_grad_(False)
        self.heads: dict[str, DecaHead] = {}

    def train(self, mode: bool = True) -> DECALearning:
        """What does not learn keeps its statistics."""
        super().train(mode)
        for name, part in self.named_children():
            part.train(mode and name in self.taught)
        return self

    def head(self, device: torch.device) -> DecaHead:
        """The model on a device."""
        if str(device) not in self.heads:
            self.heads[str(device)] = deca_head(files.read(self.options.model), str(device))
        return self.heads[str(device)]

    def forward(self, images: Tensor, order: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """What the losses look at.

        Args:
            images: (N, K, 3, 224, 224) RGB 0-1. order: (N, K) permutations of the frames.

        Returns:
            codes (N K, 236) and (N K, 128); displacement (2 N K, 1, 256, 256) metres, with the frames' own detail codes
            and then with swapped ones. In the first two stages there is no detail: (N K, 128) and (0, ...).
        """
        seen = images if self.options.temporal else images.flatten(0, 1)
        if self.options.stage != "detail":
            coarse = self.E_flame(seen)
            return coarse, coarse.new_zeros(len(coarse), DETAIL), coarse.new_zeros(0, 1, 256, 256)
        with torch.no_grad():
            coarse = self.E_flame(seen)
        detail = self.E_detail(seen)
        codes = split(coarse, detail)
        both = torch.cat((codes.latent, replace(codes, detail=swapped(detail, order)).latent))
        return coarse, detail, self.D_detail(both)


def swapped(codes: Tensor, order: Tensor) -> Tensor:
    """(N K, C) codes of which those of one person changed places, by (N, K) permutations."""
    inner = codes.unflatten(0, order.shape)
    return torch.gather(inner, 1, order[:, :, None].expand_as(inner)).flatten(0, 1)


def build_network(options: DECAOptions) -> DECALearning:
    """The networks to begin with.

    Raises:
        BadInput: the files cannot be used. WeightsMissing: FLAME is not there.
    """
    made: Any
    if options.weights:
        made = temporal_weights.load(options.weights) if options.temporal else weights.load(options.weights)
        parts = made.coarse, made.detail, made.generator
    elif options.temporal:
        flow = temporal_weights.load_flow(options.flow) if options.flow else TemporalEncoder(COARSE).encoder.spynet
        parts = fresh(COARSE, flow), fresh(DETAIL, flow), DetailGenerator()
    else:
        parts = CodeEncoder(COARSE), CodeEncoder(DETAIL), DetailGenerator()
    network = DECALearning(*parts, options)
    if options.start_from:
        load_into(network, options.start_from)
    return network


@lru_cache(maxsize=1)
def rows(options: DECAOptions) -> tuple[list[Row], list[Row]]:
    """Files to learn from and held-out ones; clips are prepared first where that is asked for."""
    if options.prepare:
        deca_clips.prepare(options.prepare, options.data, options.every)
    return deca_clips.split(deca_clips.listed(options.data))


def batches(options: DECAOptions, batch_size: int, seed: int) -> DecaClips:
    """The training set.

    Raises:
        BadInput: no prepared faces in the folder.
    """
    return DecaClips(rows(options)[0], options.frames, batch_size, seed)


def inner(network: nn.Module) -> DECALearning:
    """The networks, however the devices wrap them."""
    return next(part for part in network.modules() if isinstance(part, DECALearning))


@lru_cache(maxsize=2)
def comparing(faces: str, patches: str, device: str) -> tuple[Any, Any]:
    """The networks that pictures are compared by, or None."""
    found = perceptual.face_features(faces).to(device) if faces else None
    return found, perceptual.patch_features(patches).to(device) if patches else None


def loss(network: nn.Module, batch: Batch, options: DECAOptions) -> tuple[Tensor, dict[str, Tensor]]:
    """The stage's losses, for each frame as it is and with what is swapped."""
    images, masks = (batch[name].float() / 255 for name in ("images", "masks"))
    coarse, detail, relief = network(images, batch["order"])
    codes, photos = split(coarse, detail), images.flatten(0, 1)
    head = inner(network).head(images.device)
    if options.stage == "detail":
        parts = detail_losses(head, codes, relief, photos, masks.flatten(0, 1), options)
    else:
        twice = codes
        if options.stage == "coarse" and options.frames > 1:
            other = replace(codes, shape=swapped(codes.shape, batch["order"]))
            twice = HeadCodes(**{name: torch.cat((value, getattr(other, name))) for name, value in codes.named.items()})
        several = len(twice.shape) // len(photos)
        marks, skin = (part.flatten(0, 1).repeat(several, *[1] * (part.ndim - 2)) for part in (batch["marks"], masks))
        parts = coarse_losses(head, twice, photos.repeat(several, 1, 1, 1), marks, skin, options)
    total = torch.stack([*parts.values()]).sum()
    return total, {name: value.detach() for name, value in parts.items()}


def coarse_losses(
    head: DecaHead, codes: HeadCodes, photos: Tensor, marks: Tensor, masks: Tensor, options: DECAOptions
) -> dict[str, Tensor]:
    """Landmarks and priors; in the stage coarse photos and light, and identity where its network is there."""
    weigh = losses.PRETRAIN if options.stage == "pretrain" else losses.PUBLISHED
    shape = head.shape(codes)
    found = project(shape.landmarks2d, codes.cam)[..., :2]
    parts = {
        "landmarks": weigh.landmarks * losses.landmark_loss(found, marks),
        "eyes": weigh.eyes * losses.opening_loss(found, marks, losses.EYES),
        "lips": weigh.lips * losses.opening_loss(found, marks, losses.LIPS),
        "shape": weigh.shape * losses.prior_loss(codes.shape),
        "expression": weigh.expression * losses.prior_loss(codes.exp),
    }
    if options.stage == "pretrain":
        return parts
    albedo = head.albedo(codes)
    if albedo is None:
        raise BadInput(f"{options.model}: stage coarse compares photos and wants {' or '.join(flame.ALBEDOS)} there")
    pictures, overlays = [], []
    faces, _ = comparing(options.faces, options.patches, str(photos.device))
    for index, place in enumerate(project(shape.vertices, codes.cam)):
        seen, one = raster(head, place), slice(index, index + 1)
        pictures.append(seen.picture(lit(seen, shape.normals[index], albedo[one], codes.light[one])))
        if faces is not None:
            drawn = lit(seen, shape.normals[index], albedo[one].detach(), codes.light[one].detach())
            inside = seen.picture(seen.colours(head.mask))
            overlays.append(seen.picture(drawn) * inside + photos[one] * (1 - inside))
    parts["photo"] = weigh.photo * losses.colour_loss(torch.cat(pictures), photos, masks)
    parts["albedo"] = weigh.albedo * losses.prior_loss(codes.tex)
    parts["light"] = weigh.light * losses.light_loss(codes.light)
    if faces is not None:
        parts["identity"] = weigh.identity * faces.unlike(torch.cat(overlays), photos)
    return parts


def detail_losses(
    head: DecaHead, codes: HeadCodes, relief: Tensor, photos: Tensor, masks: Tensor, options: DECAOptions
) -> dict[str, Tensor]:
    """Colours and patches of the face's texture, and what keeps the displacement in bounds."""
    weigh, twice = losses.PUBLISHED, len(relief) // len(photos)
    with torch.no_grad():
        shape = head.shape(codes)
        places = head.table.draw(project(shape.vertices, codes.cam)).permute(0, 2, 3, 1)[..., :2]
        texture, skin = (functional.grid_sample(part, places, align_corners=False) for part in (photos, masks))
        facing = (head.table.draw(shape.normals)[:, 2:] > losses.AWAY).to(skin.dtype)
        seen = skin * facing * head.mask
        albedo = head.albedo(codes)
        albedo = torch.full_like(texture, 0.7) if albedo is None else albedo
    given = (texture, seen, albedo, codes.light)
    texture, seen, albedo, light = (part.repeat(twice, *[1] * (part.ndim - 1)) for part in given)
    many = replace(shape, **{k: v.repeat(twice, 1, 1) for k, v in vars(shape).items()})
    shade = shading(head.detail_normals(many, relief), light.detach())
    visible = losses.face_patch(seen)
    drawn, photo = (losses.face_patch(part) * visible for part in (albedo * shade, texture))
    parts = {
        "detail": weigh.detail * (drawn - photo).abs().mean(),
        "relief": weigh.relief * relief.abs().mean(),
        "relief_smooth": weigh.relief_smooth * losses.smooth_loss(shade),
        "relief_even": weigh.relief_even * losses.symmetry_loss(relief, (seen > 0.5).to(seen.dtype)),
    }
    _, patches = comparing(options.faces, options.patches, str(photos.device))
    if patches is not None:
        parts["patches"] = weigh.detail * weigh.mrf * patches.unlike(drawn, photo)
    return parts


def validate(network: nn.Module, options: DECAOptions) -> dict[str, float]:
    """The loss and its parts on held-out faces."""
    held, device = DecaClips(rows(options)[1], options.frames, 1, 0), next(network.parameters()).device
    sums: dict[str, float] = {}
    for number in range(SHOWN):
        batch = {name: torch.from_numpy(value).to(device) for name, value in held.batch(number).items()}
        total, measures = loss(network, batch, options)
        for name, value in {"score": total, **measures}.items():
            sums[name] = sums.get(name, 0.0) + float(value) / SHOWN
    return sums


@torch.no_grad()
def picture(network: DECALearning, batch: Batch) -> Array:
    """(672, W, 3) uint8: photos, the grey head without detail, and with it."""
    few = {name: value[:SHOWN] for name, value in batch.items()}
    photos = few["images"].float().flatten(0, 1) / 255
    coarse, detail, relief = network(few["images"].float() / 255, few["order"])
    codes, head = split(coarse, detail), network.head(photos.device)
    shape = head.shape(codes)
    fine = head.detail_normals(shape, relief[: len(photos)]) if len(relief) else None
    columns = []
    for index, place in enumerate(project(shape.vertices, codes.cam)[:SHOWN]):
        seen, normals, photo = raster(head, place), shape.normals[index], photos[index : index + 1]
        views = [seen.mix(normals).T[None]]
        views.append(views[0] if fine is None else seen.colours(fine[index : index + 1]))
        columns.append(torch.cat([photo, *(_over(seen, view, normals, photo) for view in views)], 2))
    whole = torch.cat(columns, 3)[0].clamp(0, 1).permute(1, 2, 0)
    return torch.round(255 * whole).byte().cpu().numpy()


def _over(seen: HeadRaster, view: Tensor, normals: Tensor, photo: Tensor) -> Tensor:
    drawn = seen.picture(grey(seen, view, normals))
    return drawn[:, :3] * drawn[:, 3:] + photo * (1 - drawn[:, 3:])


def export(network: DECALearning) -> tuple[dict[str, Tensor], dict[str, str]]:
    """All networks, in the layout of the converted published file."""
    tensors = {name: value for name, value in network.state_dict().items() if not name.endswith(COUNTER)}
    return tensors, {"network": "deca-tv" if network.options.temporal else "deca"}


def example(options: DECAOptions, rng: np.random.Generator) -> tuple[Tensor, ...]:
    """A crop of noise for each frame, in their order."""
    images = rng.random((1, options.frames, 3, CROP, CROP)).astype(np.float32)
    return torch.from_numpy(images), torch.arange(options.frames)[None]


RECIPE = Recipe(
    name="deca",
    options=DECAOptions,
    build_network=build_network,
    batches=batches,
    loss=loss,
    picture=picture,
    validate=validate,
    export=export,
    example=example,
    loop=LoopOptions(
        steps=100_000,
        batch_size=4,
        learning_rate=1e-4,
        final_rate=1.0,
        weight_decay=0.0,
        warmup=0,
        ema=0.99,
        clip=0.0,
        precision="32",
        workers=1,
    ),
    data="your own clips and photos",
    normalisation="crops of 224 pixels RGB in 0-1, 1.4 to 1.8 times the box of 68 landmarks",
    what="DECA's encoders and displacement, in three stages, on clips and photos of yours",
    movable=("data", "prepare", "model", "start_from", "weights", "flow", "faces", "patches"),
)
