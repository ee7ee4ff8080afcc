"""Plane sweep: a textured plane is found, cameras in one place agree everywhere, warping against a slow twin."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from maquette.geometry.plane_sweep import expected_depth, homographies, variance_volume, warped

INTRINSICS = torch.tensor([[60.0, 0, 24], [0, 60, 20], [0, 0, 1]], dtype=torch.float64).expand(3, 3, 3)
DEPTHS = torch.linspace(1.0, 3.0, 21, dtype=torch.float64)
TRUE = 1.83  # metres, between two planes


def poses() -> torch.Tensor:
    """Three cameras side by side, the outer two turned inwards."""
    found = torch.eye(4, dtype=torch.float64).repeat(3, 1, 1)
    for row, (angle, shift) in enumerate(((0.0, 0.0), (0.1, 0.2), (-0.1, -0.2))):
        cos, sin = np.cos(angle), np.sin(angle)
        found[row, 0, 0] = found[row, 2, 2] = cos
        found[row, 0, 2], found[row, 2, 0] = sin, -sin
        found[row, 0, 3] = -shift
    return found


def pictures(size=(40, 48)) -> torch.Tensor:
    """(3, 1, H, W) of a wavy texture on the plane z = TRUE before the first camera, ray by ray."""
    rows, columns = np.meshgrid(np.arange(size[0]) + 0.5, np.arange(size[1]) + 0.5, indexing="ij")
    found = []
    for intrinsics, pose in zip(INTRINSICS.numpy(), poses().numpy()):
        rays = np.stack([columns, rows, np.ones_like(rows)], -1) @ np.linalg.inv(intrinsics).T @ pose[:3, :3]
        eye = -pose[:3, :3].T @ pose[:3, 3]
        at = eye + rays * ((TRUE - eye[2]) / rays[..., 2])[..., None]
        found.append(np.sin(19 * at[..., 0]) + np.cos(23 * at[..., 1] + 7 * at[..., 0]))
    return torch.from_numpy(np.stack(found))[:, None]


def test_a_textured_plane_is_recovered():
    cost = variance_volume(pictures(), INTRINSICS, poses(), DEPTHS)[0]
    inner = cost[:, 8:-8, 12:-12]
    best = DEPTHS[inner.argmin(0)]
    assert ((best - TRUE).abs() < 0.1).double().mean() > 0.97, "one interval"
    depth, confidence = expected_depth(200 * inner, DEPTHS)
    assert (depth - TRUE).abs().median() < 0.05 and confidence.median() > 0.8 and confidence.max() <= 1 + 1e-9


def test_cameras_in_one_place_agree_everywhere():
    same = poses()[:1].expand(3, 4, 4)
    features = torch.rand(1, 4, 40, 48, dtype=torch.float64).expand(3, 4, 40, 48)
    assert variance_volume(features, INTRINSICS, same, DEPTHS).abs().max() < 1e-20


def test_a_pixel_is_sent_where_its_point_on_the_plane_is_seen():
    matrices = homographies(INTRINSICS, poses(), DEPTHS)
    ray = torch.linalg.inv(INTRINSICS[0]) @ torch.tensor([31.5, 12.5, 1.0], dtype=torch.float64)
    for view in range(3):
        point = INTRINSICS[view] @ (poses()[view] @ torch.cat([ray * DEPTHS[5], torch.ones(1).double()]))[:3]
        found = matrices[view, 5] @ torch.tensor([31.5, 12.5, 1.0], dtype=torch.float64)
        torch.testing.assert_close(found[:2] / found[2], point[:2] / point[2])


def test_what_lies_behind_or_beside_a_view_is_zero():
    away = torch.diag(torch.tensor([-1.0, 1, -1, 1], dtype=torch.float64))
    matrices = homographies(INTRINSICS[:2], torch.stack([torch.eye(4).double(), away]), DEPTHS)
    found = warped(torch.ones(2, 1, 40, 48, dtype=torch.float64), matrices)
    assert found[0].min() == pytest.approx(1, abs=0.01) and not found[1].any()
