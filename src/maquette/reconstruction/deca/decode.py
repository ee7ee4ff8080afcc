"""DECA from a crop to a head with detail: the networks as they are run, and all that they give."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from maquette.reconstruction.deca.codes import HeadCodes, split
from maquette.reconstruction.deca.head import MENDED, DecaCompat, DecaHead, HeadShape
from maquette.reconstruction.deca.networks.fast import prepared
from maquette.reconstruction.deca.temporal.fast import prepared_pair
from maquette.reconstruction.deca.temporal.weights import TemporalNetworks
from maquette.reconstruction.deca.weights import DECANetworks

Network = Callable[[Tensor], Tensor]


@dataclass(frozen=True, eq=False)
class DECA:
    """The networks made ready, the model, and the quirks that are kept."""

    head: DecaHead
    coarse: Network
    detail: Network
    generate: Network
    compat: DecaCompat = MENDED
    temporal: bool = False

    def encode(self, crops: Tensor) -> HeadCodes:
        """The codes of crops (N, 3, 224, 224); to temporal networks they are a clip."""
        seen = crops[None] if self.temporal else crops
        return split(self.coarse(seen), self.detail(seen))

    def decode(self, codes: HeadCodes) -> DecodedHeads:
        """The heads of codes, as they stand in the crops."""
        shape, drawn = self.head.shape(codes), self.generate(codes.latent)
        exported = self.head.displaced(drawn, masked=not self.compat.unmasked_displacement)
        normals = self.head.detail_normals(shape, drawn)
        return DecodedHeads(codes, shape, exported, normals, self.head.albedo(codes))

    def upright(self, codes: HeadCodes) -> DecodedHeads:
        """The same heads, not turned."""
        return self.decode(not_turned(codes))


@dataclass(frozen=True, eq=False)
class DecodedHeads:
    """N heads.

    Attributes:
        codes, shape: as they were read and decoded.
        displacement: (N, 1, S, S) metres along the normals, with the fixed part.
        normal_map: (N, 3, S, S) of the displaced surface. albedo: (N, 3, S, S) RGB, or None.
    """

    codes: HeadCodes
    shape: HeadShape
    displacement: Tensor
    normal_map: Tensor
    albedo: Tensor | None


def not_turned(codes: HeadCodes) -> HeadCodes:
    """The same heads in the same expression, looking straight ahead."""
    return replace(codes, pose=torch.cat((0 * codes.pose[:, :3], codes.pose[:, 3:]), 1))


def deca_of(
    networks: DECANetworks | TemporalNetworks, head: DecaHead, device: str = "cpu", compat: DecaCompat = MENDED
) -> DECA:
    """The networks of a file made ready."""
    generate = prepared(networks.generator, device)
    if isinstance(networks, TemporalNetworks):
        first, second = prepared_pair(networks.coarse, networks.detail, device)
        return DECA(head, first, second, generate, compat, temporal=True)
    first, second = (prepared(network, device) for network in (networks.coarse, networks.detail))
    return DECA(head, first, second, generate, compat)
