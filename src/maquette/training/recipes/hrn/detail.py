"""HRN taught further on photos of one's own, or on scans with photos: deformation and displacement.

Published are its losses and their weights, not its training. Photos alone teach by their colours, landmarks and
outline; what keeps the maps in bounds is their smoothness and their size. Scans add distances and normals of the
surface and the maps that meet it, which adversaries can learn to tell from drawn ones. Coefficients, masks and albedo
come from the user's own networks, which stay as they are.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from maquette.core.errors import BadInput
from maquette.geometry.surfaces.texel_grid import displaced_normals
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
    SCANS,
    TRAINING,
    adversarial_loss,
    contour_edges,
    contour_loss,
    even_loss,
    landmark_loss,
    masked_mean,
    normal_loss,
    photo_loss,
    smooth_loss,
    surface_loss,
)
from maquette.reconstruction.hrn.networks.discriminator import PatchDiscriminator
from maquette.reconstruction.hrn.raster import raster
from maquette.reconstruction.hrn.sampling import MENDED
from maquette.reconstruction.hrn.weights import HRNNetworks
from maquette.training.datasets.hrn.faces import HRNFaces, rows_of, stacked
from maquette.training.datasets.hrn.faces import split as held_out
from maquette.training.datasets.hrn.scans import holds_scans, rows_of_scans, split_by_person
from maquette.training.options import LoopOptions
from maquette.training.recipe import Array, Batch, Recipe, Turn

SHOWN = 4  # faces on a picture, and held-out faces that are scored at once
MM = 100.0  # per decimetre
JUDGE_SHARE, JUDGE_BETAS = 2.0, (0.5, 0.999)  # of the learning rate, and of the moments: the published options
JUDGE_SPREAD = 0.02  # of the adversaries' first weights, as pix2pix's


@dataclass(frozen=True)
class HRNOptions:
    """Teaching HRN further."""

    data: str = "photos"
    """Folder of photos, whose faces are learned from but each tenth; or of scans with photos (photos/NAME_VIEW.png and
    gt/NAME.npz, as for maquette evaluate scans), whose persons are learned from but each tenth."""
    weights: str = "hrn.safetensors"
    """The networks to begin with, as `maquette weights convert hrn` writes them."""
    basel: str = "BFM"
    """Folder with your own Basel face model."""
    adversarial: float = 0.0
    """Weight of adversaries that learn to tell drawn maps from the scans'; published 1. 0 leaves them away."""

    def __post_init__(self) -> None:
        if not self.adversarial >= 0:
            raise BadInput(f"recipe hrn: adversarial {self.adversarial:g}: wanted 0 or more")


@dataclass(frozen=True, eq=False)
class TaughtLevels:
    """What the losses look at; N faces, maps of 64 and S texels, decimetres.

    Attributes:
        deformation: (N, 3, 64, 64). displacement: (N, 1, S, S). points: (N, V, 3) posed, of the middle level.
        middle, finest: (N, 3, S, S) lit colours of these levels.
        start: (N, 3, S, S) posed, of the undeformed face. position, normals: the same of the middle level.
        drawn, true: scores of the adversaries, of the deformation and of the displacement each; empty if not asked.
    """

    deformation: Tensor
    displacement: Tensor
    points: Tensor
    middle: Tensor
    finest: Tensor
    start: Tensor
    position: Tensor
    normals: Tensor
    drawn: tuple[Tensor, ...] = ()
    true: tuple[Tensor, ...] = ()


Truth = tuple[Tensor, Tensor, Tensor]  # deformation (N, 3, 64, 64), displacement (N, 1, S, S), known (N, 1, S, S)


class HRNDetail(nn.Module):
    """Deformation and displacement of faces as one call, and their adversaries; nothing else learns."""

    def __init__(self, networks: HRNNetworks, basel: bfm.BaselModel, adversaries: bool = False) -> None:
        super().__init__()
        self.mid_net, self.high_net = networks.mid_net.requires_grad_(True), networks.high_net.requires_grad_(True)
        self.alpha, self.beta = (nn.Parameter(torch.tensor([value])) for value in (networks.alpha, networks.beta))
        self.frozen = {name: getattr(networks, name) for name in ("net_recon", "retouching", "landmarks")}
        self.faces = {"cpu": face_model(basel)}
        self.judges = nn.ModuleDict()
        if adversaries:
            self.judges.update({"middle": PatchDiscriminator(9), "finest": PatchDiscriminator(10)})
            for name, parameter in self.judges.named_parameters():
                nn.init.zeros_(parameter) if name.endswith("bias") else nn.init.normal_(parameter, 0, JUDGE_SPREAD)

    def face(self) -> FaceModel:
        """The morphable face where the networks are."""
        device = str(self.alpha.device)
        if device not in self.faces:
            self.faces[device] = face_model(self.faces["cpu"].basel, device)
        return self.faces[device]

    def forward(
        self,
        large: Tensor,
        coefficients: Tensor,
        valid: Tensor,
        albedo: Tensor,
        truth: Truth | None = None,
        judging: bool = False,
    ) -> TaughtLevels:
        """What the losses look at.

        Args:
            large: (N, 3, 512, 512) RGB 0-1. coefficients: (N, 257). valid: (N, 1, S, S). albedo: (N, 3, S, S).
            truth: what scans say, for the adversaries' scores of drawn maps.
            judging: whether it is the adversaries that learn: they see the true maps too, and the drawn ones are held.
        """
        model, found = self.face(), split(coefficients)
        shape = model.shape(found.identity, found.expression)
        placed = posed(shape, found)
        position, texture = model.table.draw(shape), unwrapped(model, placed, large, MENDED)
        seen = middle_input(position, texture)
        deformation = self.mid_net(seen) * REACH * self.alpha * at_middle(valid)
        mid = deformed(model, found, shape, deformation, albedo)
        seen_again = finest_input(position, unwrapped(model, mid.points.detach(), large, MENDED), deformation)
        displacement = self.high_net(seen_again) * REACH * self.beta * valid
        high = displaced(mid, displacement, albedo, found, MENDED)
        drawn: tuple[Tensor, ...] = ()
        true: tuple[Tensor, ...] = ()
        if truth is not None:
            inputs, maps, known = (seen, seen_again.detach()), (deformation, displacement), truth[2] * valid
            if judging:
                true = self.scores(inputs, truth[:2], known)
                maps = (deformation.detach(), displacement.detach())
            drawn = self.scores(inputs, maps, known)
        start = model.table.draw(placed)
        return TaughtLevels(
            deformation, displacement, mid.points, mid.colours, high.colours, start, mid.position, mid.normal_map,
            drawn, true,
        )  # fmt: skip

    def scores(
        self, inputs: tuple[Tensor, Tensor], maps: tuple[Tensor, Tensor], known: Tensor
    ) -> tuple[Tensor, Tensor]:
        """What the adversaries say of two maps, of which they see what scans know; their full reach is 1."""
        middle, finest = (
            torch.cat((seen, drawn / REACH * mask), 1)
            for seen, drawn, mask in zip(inputs, maps, (at_middle(known), known))
        )
        return self.judges["middle"](middle), self.judges["finest"](finest)


def build_network(options: HRNOptions) -> HRNDetail:
    """The networks to begin with.

    Raises:
        BadInput: the files cannot be used. WeightsMissing: the Basel model is not there.
    """
    return HRNDetail(weights.load(options.weights), bfm.read(options.basel), options.adversarial > 0)


@lru_cache(maxsize=1)
def rows(options: HRNOptions) -> tuple[list[dict[str, Array]], list[dict[str, Array]]]:
    """Faces to learn from and held-out ones, read once.

    Raises:
        BadInput: no such files, no faces in the folder, or adversaries without scans.
    """
    scans = holds_scans(options.data)
    if options.adversarial and not scans:
        raise BadInput(
            f"{options.data}: adversaries need the true maps of scans: wanted photos/NAME_VIEW.png and gt/NAME.npz"
            " in it, or --adversarial 0"
        )
    if not Path(options.weights).is_file():
        raise BadInput(f"{options.weights}: no such file: {weights.REMEDY}")
    ready: HRN = hrn_of(weights.load(options.weights), face_model(bfm.read(options.basel)))
    return split_by_person(rows_of_scans(options.data, ready)) if scans else held_out(rows_of(options.data, ready))


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


def truth_of(batch: Batch) -> Truth:
    """The true maps of a batch of scans."""
    deformation, displacement, known = (batch[name].float() for name in ("deformation", "displacement", "known"))
    return deformation, displacement, known


def loss(network: nn.Module, batch: Batch, options: HRNOptions) -> tuple[Tensor, dict[str, Tensor]]:
    """Photo and scan, and with adversaries how well they see through what was drawn."""
    levels = network(*given(batch), truth_of(batch) if options.adversarial else None)
    total, measures = plain_loss(face_of(network), levels, batch)
    if options.adversarial:
        adversaries = torch.stack([adversarial_loss(scores, True) for scores in levels.drawn]).sum()
        total, measures = total + options.adversarial * adversaries, measures | {"adversaries": adversaries.detach()}
    return total, measures


def judge_loss(network: nn.Module, batch: Batch, _: HRNOptions) -> tuple[Tensor, dict[str, Tensor]]:
    """The adversaries' turn: 1 for the scans' maps, 0 for drawn ones."""
    levels = network(*given(batch), truth_of(batch), judging=True)
    sides = [(adversarial_loss(a, True) + adversarial_loss(b, False)) / 2 for a, b in zip(levels.true, levels.drawn)]
    return torch.stack(sides).sum(), {"judge_middle": sides[0].detach(), "judge_finest": sides[1].detach()}


def plain_loss(model: FaceModel, levels: TaughtLevels, batch: Batch) -> tuple[Tensor, dict[str, Tensor]]:
    """Everything but the adversaries: what `photo_terms` and, with scans, `scan_terms` ask for."""
    total, measures = photo_terms(model, levels, batch)
    relief = levels.displacement.abs()
    if "known" not in batch:
        return total + TRAINING.relief * relief.mean(), measures
    # Where the relief is known, no other than that is wanted.
    more, others = scan_terms(levels, batch)
    return total + TRAINING.relief * (relief * (1 - batch["known"].float())).mean() + more, measures | others


def photo_terms(model: FaceModel, levels: TaughtLevels, batch: Batch) -> tuple[Tensor, dict[str, Tensor]]:
    """Photo at both levels, landmarks, contour, smoothness of both maps."""
    photos, colours = batch["small"].float() / 255, (levels.middle, levels.finest)
    apart = []
    for index, place in enumerate(levels.points):
        seen = raster(model, place, SIDE, levels.middle.shape[-1])
        photo = photos[index : index + 1].flatten(2)[:, :, seen.pixels]
        everywhere = torch.ones_like(photo[:, :1])
        apart.append([photo_loss(seen.colours(level[index : index + 1]), photo, everywhere) for level in colours])
    middle, finest = (torch.stack(part).mean() for part in zip(*apart))
    at, maps = project(levels.points), (levels.deformation, levels.displacement)
    contour = contour_loss(at, *contour_edges(batch["mask"].float() / 255))
    smooth, even = (torch.stack([term(one) for one in maps]).sum() for term in (smooth_loss, even_loss))
    total = (
        TRAINING.photo * (middle + finest)
        + TRAINING.landmarks * landmark_loss(at[:, model.landmarks], batch["marks"])
        + TRAINING.contour * contour
        + TRAINING.smooth * smooth
        + TRAINING.even * even
    )
    measures = {"middle": middle, "finest": finest, "contour": contour, "smooth": smooth}
    return total, {name: value.detach() for name, value in measures.items()}


def scan_terms(levels: TaughtLevels, batch: Batch) -> tuple[Tensor, dict[str, Tensor]]:
    """Distances and normals of both levels against the scan in the photo's camera, and the maps that would meet it."""
    facing, gap, valid = (batch[name].float() for name in ("facing", "gap", "valid"))
    deformation, displacement, known = truth_of(batch)
    moved = levels.position - levels.start
    lifted = moved + levels.displacement * levels.normals
    relief = displaced_normals(levels.position, levels.normals, levels.displacement, flip=False)
    middle, finest = (surface_loss(one, facing, gap, known) for one in (moved, lifted))
    turned = [normal_loss(one, facing, known) for one in (levels.normals, relief)]
    maps = masked_mean((levels.deformation - deformation * at_middle(valid)).abs(), at_middle(known))
    maps = maps + masked_mean((levels.displacement - displacement * valid).abs(), known)
    total = SCANS.surface * (middle + finest) + SCANS.normals * sum(turned) + SCANS.maps * maps
    measures = {"surface_mm": MM * middle, "relief_mm": MM * finest, "normals": turned[1], "maps_mm": MM * maps}
    return total, {name: value.detach() for name, value in measures.items()}


def face_of(network: nn.Module) -> FaceModel:
    """The morphable face of a network, however the devices wrap it."""
    return next(part for part in network.modules() if isinstance(part, HRNDetail)).face()


def validate(network: nn.Module, options: HRNOptions) -> dict[str, float]:
    """The loss without adversaries and its parts, on held-out faces or persons."""
    held, count = rows(options)[1], 0
    sums: dict[str, float] = {}
    device = next(network.parameters()).device
    for first in range(0, len(held), SHOWN):
        some = held[first : first + SHOWN]
        batch = {name: torch.from_numpy(value).to(device) for name, value in stacked(some).items()}
        total, measures = plain_loss(face_of(network), network(*given(batch)), batch)
        for name, value in {"score": total, **measures}.items():
            sums[name] = sums.get(name, 0.0) + float(value) * len(some)
        count += len(some)
    return {name: value / count for name, value in sums.items()}


@torch.no_grad()
def picture(network: HRNDetail, batch: Batch) -> Array:
    """(672, W, 3) uint8: faces of the photos, with the middle level and with the finest."""
    few = {name: value[:SHOWN] for name, value in batch.items()}
    levels = network(*given(few))
    photos, colours = few["small"].float() / 255, (levels.middle, levels.finest)
    columns = []
    for index, place in enumerate(levels.points):
        seen, photo = raster(network.face(), place, SIDE, colours[0].shape[-1]), photos[index : index + 1]
        drawn = [seen.look(level[index : index + 1]) + (1 - seen.mask) * photo for level in colours]
        columns.append(torch.cat([photo, *drawn], 2))
    whole = torch.cat(columns, 3)[0].clamp(0, 1).permute(1, 2, 0)
    return torch.round(255 * whole).byte().cpu().numpy()


def exported(parts: Mapping[str, nn.Module | None], alpha: Tensor, beta: Tensor) -> dict[str, Tensor]:
    """Networks and scalars in the layout of the converted published file, without those that are None."""
    tensors: dict[str, Tensor] = {"alpha": alpha, "beta": beta}
    for name, part in parts.items():
        state = {} if part is None else part.state_dict()
        tensors |= {f"{name}.{k}": v for k, v in state.items() if not k.endswith(weights.COUNTER)}
    return tensors


def export(network: HRNDetail) -> tuple[dict[str, Tensor], dict[str, str]]:
    """All networks, in the layout of the converted published file."""
    parts = {"mid_net": network.mid_net, "high_net": network.high_net} | network.frozen
    there = sorted(name for name, part in parts.items() if part is not None)
    return exported(parts, network.alpha, network.beta), {"network": "hrn", "parts": json.dumps(there)}


def adam(network: nn.Module, loop: LoopOptions) -> torch.optim.Optimizer:
    """One rate for what draws, twice that for the adversaries."""
    judges = list(network.get_submodule("judges").parameters())
    drawing = [p for name, p in network.named_parameters() if not name.startswith("judges.")]
    groups: list[dict[str, Any]] = [{"params": drawing}]
    if judges:
        groups.append({"params": judges, "share": JUDGE_SHARE, "betas": JUDGE_BETAS})
    return torch.optim.AdamW(groups, lr=loop.learning_rate, weight_decay=loop.weight_decay)


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
    data="your own photos, or scans with photos",
    normalisation="crops of 224 and 512 pixels RGB in 0-1, aligned by five points",
    what="HRN's deformation and displacement, taught further on photos of yours, or on scans with photos",
    movable=("data", "weights", "basel"),
    moves=("mid_net", "high_net"),
    turns=(Turn(judge_loss, ("judges",), when=lambda options: options.adversarial > 0),),
    optimizer=adam,
)
