"""Occupancy of one person as a function of points, and normals of its surface, from features computed once."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from maquette.reconstruction.pifuhd.mlp import ColumnMLP
from maquette.reconstruction.pifuhd.network import PIFuHD, PIFuHDFeatures, sampled

CHUNK = 8_192  # points at a time: the widest layer then takes 34 MB, which a processor still has near
LARGE_CHUNK = 262_144  # the same for CUDA: 1 GB
ROWS = 64  # points come in such blocks: what is left over is computed in another order, and last bits would differ
DELTA = 0.001  # of forward differences, model space; as published
NORMALS = ("analytic", "differences")


class Field:
    """The person of one picture: call it with points.

    Args:
        network: in evaluation mode.
        features: of one picture, see `PIFuHD.prepare`.
        columns: take together points that lie one behind another; equal up to rounding (1e-6).
        chunk: points at a time, by default what suits the device; it changes no result.

    Example:
        >>> field = Field(network, network.prepare(small, large))  # doctest: +SKIP
        >>> field(np.zeros((1, 3), np.float32)).shape  # doctest: +SKIP
        (1,)
    """

    def __init__(
        self, network: PIFuHD, features: PIFuHDFeatures, columns: bool = True, chunk: int | None = None
    ) -> None:
        if len(features.fine) != 1:
            raise ValueError(f"Field: wanted the features of one picture, got {len(features.fine)}")
        self.network = network
        # Tensors of inference mode could not be differentiated for normals.
        with torch.inference_mode(False):
            made = (value.clone() if value.is_inference() else value for value in vars(features).values())
            self.features = PIFuHDFeatures(*made)
        self.chunk = chunk or (LARGE_CHUNK if features.fine.is_cuda else CHUNK)
        self.columns: tuple[ColumnMLP, ColumnMLP] | None = None
        if columns:
            size = network.size
            self.columns = (
                ColumnMLP(network.netG.mlp, size.coarse.features, size.coarse_points.merge),
                ColumnMLP(network.mlp, size.fine.features, len(size.fine_points.widths) - 2),
            )

    def __call__(self, points: NDArray) -> NDArray:
        """(P,) float32 occupancy in 0-1, the fine level's; 0 beside the crop.

        Args:
            points: (P, 3) model space (-1 to 1, x right, y up, z towards the viewer).
        """
        found = np.empty(len(points), np.float32)
        with torch.inference_mode():
            for start in range(0, len(points), self.chunk):
                part = torch.from_numpy(np.ascontiguousarray(points[start : start + self.chunk]))
                found[start : start + self.chunk] = self.occupancy(part.to(self.features.fine)).cpu().numpy()
        return found

    def occupancy(self, points: Tensor) -> Tensor:
        """(P,) of points (P, 3) on the network's device, all at once."""
        inside = (points[:, :2].abs() <= 1).all(1)
        return torch.sigmoid(self.logits(blocks(points)))[: len(points)] * inside

    def logits(self, points: Tensor) -> Tensor:
        """(P,) log-odds of points (P, 3), also beside the crop."""
        if self.columns is None:
            return self._plain_logits(points)
        places, column = pixel_columns(points)
        places = blocks(places)
        coarse, fine = self.columns
        shares = coarse.shares(sampled(self.features.coarse, places[None])[0])
        merged = coarse(shares, column, self.network.size.depth_feature(points[:, 2:]))
        return fine(fine.shares(sampled(self.features.fine, places[None])[0]), column, merged)[:, 0]

    def _plain_logits(self, points: Tensor) -> Tensor:
        """The same, point by point; can be differentiated."""
        merged = self.network.coarse_logits(self.features.coarse, points[None])[1]
        return self.network.fine_logits(self.features.fine, points[None], merged)[0]

    def normals(self, points: NDArray, mode: str = "analytic") -> NDArray:
        """(P, 3) float32 unit normals of the surface at points, model space, outwards; 0 where occupancy is flat.

        Args:
            points: (P, 3) model space.
            mode: "analytic" (gradient of the log-odds) or "differences" (forward differences of occupancy by 0.001, as
                the published code colours vertices; there the last vertex is left out, here it is not).

        Raises:
            ValueError: another mode.
        """
        if mode not in NORMALS:
            raise ValueError(f"normals {mode!r}: wanted {' or '.join(NORMALS)}")
        gradients = self._gradients if mode == "analytic" else self._differences
        step = max(self.chunk // 4, 1)
        found = np.empty((len(points), 3), np.float32)
        for start in range(0, len(points), step):
            part = torch.from_numpy(np.ascontiguousarray(points[start : start + step])).to(self.features.fine)
            found[start : start + step] = -functional.normalize(gradients(part), dim=1, eps=1e-20).cpu().numpy()
        return found

    @torch.no_grad()
    def _differences(self, points: Tensor) -> Tensor:
        """(P, 3) forward differences of occupancy, without the borders of the crop."""
        here = torch.sigmoid(self.logits(points))
        steps = DELTA * torch.eye(3, dtype=points.dtype, device=points.device)
        return torch.stack([torch.sigmoid(self.logits(points + step)) - here for step in steps], 1)

    @torch.inference_mode(False)
    def _gradients(self, points: Tensor) -> Tensor:
        """(P, 3) gradients of the log-odds: the direction is that of the occupancy's, and does not vanish inside."""
        with torch.enable_grad():
            variable = points.clone().requires_grad_(True)
            return torch.autograd.grad(self._plain_logits(variable).sum(), variable)[0]


def blocks(rows: Tensor) -> Tensor:
    """The rows, filled up with zeros to a multiple of `ROWS`."""
    return functional.pad(rows, (0, 0, 0, -len(rows) % ROWS))


def pixel_columns(points: Tensor) -> tuple[Tensor, Tensor]:
    """(M, 2) different x, y among points (P, 3), and (P,) which of them each point has."""
    places = points[:, :2].contiguous()
    if places.dtype != torch.float32:
        return torch.unique(places, dim=0, return_inverse=True)
    # As one whole number each, which sorts far quicker than rows; + 0.0 makes -0.0 the same as 0.0.
    keys, column = torch.unique((places + 0.0).view(torch.int64)[:, 0], return_inverse=True)
    return keys[:, None].view(torch.float32), column
