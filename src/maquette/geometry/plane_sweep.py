"""Depth from photos whose cameras are known: all planes of a sweep are compared, and the best one is taken.

Yao et al. 2018, "MVSNet: Depth Inference for Unstructured Multi-View Stereo" (ECCV, arXiv 1804.02505). Pictures or
features of other views are warped onto planes before the reference camera; their variance over the views is the cost.
Matrices are intrinsics (3, 3) and world-to-camera (4, 4), OpenCV's axes; pixel (0, 0) is centred on (0.5, 0.5).
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional


def homographies(intrinsics: Tensor, poses: Tensor, depths: Tensor) -> Tensor:
    """(V, D, 3, 3): pixels of the reference, the first view, to pixels of each view, for planes at these depths.

    Args:
        intrinsics: (V, 3, 3). poses: (V, 4, 4) world to camera. depths: (D,) along the reference's optical axis.

    Source: eq. 1 of the paper, K_i R_i (I - (c_i - c_1) n^T / d) R_1^T K_1^-1, written in the reference's frame.
    """
    relative = poses @ torch.linalg.inv(poses[:1])
    turn, shift = relative[:, None, :3, :3], relative[:, None, :3, 3:]
    axis = depths.new_tensor([[0.0, 0.0, 1.0]])
    plane = turn + shift * axis / depths[None, :, None, None]
    return intrinsics[:, None] @ plane @ torch.linalg.inv(intrinsics[:1])[:, None]


def warped(features: Tensor, matrices: Tensor) -> Tensor:
    """(V, C, D, H, W): features (V, C, H, W) as the reference sees them on each plane; zeros beyond a view.

    Args:
        matrices: (V, D, 3, 3), see `homographies`.
    """
    views, channels, height, width = features.shape
    rows, columns = torch.meshgrid(
        torch.arange(height, dtype=matrices.dtype) + 0.5, torch.arange(width, dtype=matrices.dtype) + 0.5, indexing="ij"
    )
    pixels = torch.stack([columns, rows, torch.ones_like(rows)]).flatten(1).to(matrices)
    there = matrices @ pixels
    places = there[:, :, :2] / there[:, :, 2:].clamp(min=1e-9)
    size = places.new_tensor([width, height])[:, None]
    grid = (2 * places / size - 1).transpose(2, 3)
    # What lies behind a view is sent beyond its picture.
    grid = torch.where(there[:, :, 2, :, None] > 0, grid, grid.new_full((), 3.0))
    planes = matrices.shape[1]
    found = functional.grid_sample(features, grid.reshape(views, planes * height, width, 2), align_corners=False)
    return found.reshape(views, channels, planes, height, width)


def variance_volume(features: Tensor, intrinsics: Tensor, poses: Tensor, depths: Tensor) -> Tensor:
    """(C, D, H, W): how much the views differ on each plane; zero where all see the same.

    Args:
        features: (V, C, H, W), the first view is the reference. Others as in `homographies`.
    """
    seen = warped(features, homographies(intrinsics, poses, depths))
    return (seen - seen.mean(0)).square().mean(0)


def expected_depth(cost: Tensor, depths: Tensor) -> tuple[Tensor, Tensor]:
    """Depth (H, W) as the mean over planes, and confidence (H, W) 0-1: the mass of the four planes nearest to it.

    Args:
        cost: (D, H, W), the less the better. depths: (D,) evenly spaced.
    """
    mass = torch.softmax(-cost, 0)
    depth = (mass * depths[:, None, None]).sum(0)
    place = (depth - depths[0]) / (depths[1] - depths[0])
    first = (place.floor().long() - 1).clamp(0, max(len(depths) - 4, 0))
    nearest = torch.stack([first + k for k in range(min(4, len(depths)))])
    return depth, mass.gather(0, nearest).sum(0)
