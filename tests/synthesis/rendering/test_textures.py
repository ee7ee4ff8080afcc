"""Colours and slopes at pixels, against torch's own sampling and numpy's gradients."""

from __future__ import annotations

import numpy as np
import torch

from maquette.synthesis.rendering.textures import STEEPEST, bumps, looked_up


def sampled(sheet, uv):
    """(N, C) of a sheet (H, W, C), the slow obvious way."""
    at = torch.stack([2 * uv[:, 0] - 1, 1 - 2 * uv[:, 1]], dim=1)[None, None]
    wide = sheet.permute(2, 0, 1)[None]
    found = torch.nn.functional.grid_sample(wide, at, mode="bilinear", padding_mode="border", align_corners=False)
    return found[0, :, 0].T


def test_colours_are_those_of_grid_sample():
    rng = np.random.default_rng(0)
    sheet = torch.from_numpy(rng.random((9, 13, 3), np.float32))
    uv = torch.from_numpy(rng.random((500, 2), np.float32))  # some lie beyond the outermost texels' centres
    assert torch.allclose(looked_up(sheet, uv), sampled(sheet, uv), atol=1e-5)


def plate(tilt):
    """Two triangles, whose charts fill the sheet, of 2 by 3 metres."""
    uvs = torch.tensor([[0.0, 0], [1, 0], [1, 1], [0, 1]])
    vertices = torch.column_stack([2 * uvs[:, 0] + tilt * uvs[:, 1], 3 * uvs[:, 1], torch.zeros(4)])
    return vertices, torch.tensor([[0, 1, 2], [0, 2, 3]]), uvs


def test_bumps_follow_the_slope_of_the_height():
    """A height of 0.2 x + 0.1 y metres on a flat plate, whose charts may be sheared."""
    size = 32
    rng = np.random.default_rng(1)
    uv = torch.from_numpy(rng.uniform(0.1, 0.9, (200, 2)).astype(np.float32))
    face = (uv[:, 1] > uv[:, 0]).long()
    centres = (torch.arange(size) + 0.5) / size
    for tilt in (0.0, 0.7):
        vertices, faces, uvs = plate(tilt)
        u, v = torch.meshgrid(centres, 1 - centres, indexing="xy")
        height = 0.2 * (2 * u + tilt * v) + 0.1 * 3 * v
        gradient = bumps(vertices, faces, uvs, faces, height, uv, face)
        assert torch.allclose(gradient, torch.tensor([[0.2], [0.1], [0.0]]).expand_as(gradient), atol=1e-4)


def test_bumps_are_numpys_gradients_between_texels_and_never_too_steep():
    rng = np.random.default_rng(2)
    height = torch.from_numpy(rng.normal(0, 0.02, (24, 24)).astype(np.float32))
    uv = torch.from_numpy(rng.uniform(0.1, 0.9, (300, 2)).astype(np.float32))
    vertices, faces, uvs = plate(0.0)
    face = (uv[:, 1] > uv[:, 0]).long()
    down, right = np.gradient(height.numpy())
    slopes = sampled(torch.from_numpy(np.stack([right * 24 / 2, -down * 24 / 3], axis=2)), uv)
    steep = slopes.norm(dim=1, keepdim=True)
    wanted = slopes * (STEEPEST / steep.clamp(min=STEEPEST))
    gradient = bumps(vertices, faces, uvs, faces, height, uv, face)
    assert torch.allclose(gradient[:2].T, wanted, atol=1e-4) and float(gradient[2].abs().max()) < 1e-6
    assert float(gradient.norm(dim=0).max()) <= STEEPEST + 1e-4
