"""DECA's contact sheet: pictures of 224 pixels beside each other, as the published demo draws them."""

from __future__ import annotations

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from maquette.reconstruction.deca.align import HeadCrop
from maquette.reconstruction.deca.codes import HeadCodes
from maquette.reconstruction.deca.decode import DECA, DecodedHeads
from maquette.reconstruction.deca.head import CROP, project
from maquette.reconstruction.deca.raster import grey, lit, raster

SEEN, HIDDEN = (0, 255, 0), (255, 0, 0)  # colours of landmarks


@torch.no_grad()
def sheet(ready: DECA, codes: HeadCodes, crop: HeadCrop) -> NDArray:
    """(224, 224 K, 3) uint8: the crop, landmarks as the contour is seen, in 3D (green seen, red hidden), the grey
    shape without and with detail, and with an albedo the head in colour, in the photo's light, and the albedo."""
    own = ready.decode(codes)
    photo = crop.picture.to(own.shape.vertices)
    flat = project(own.shape.landmarks2d, codes.cam)[0]
    solid = project(own.shape.landmarks3d, codes.cam)[0]
    seen = ready.head.visible(own.shape)[0, :, 0] > 0.5
    panels = [
        photo,
        _marked(photo, flat, torch.ones_like(seen)),
        _marked(photo, solid, seen),
        *_shapes(ready, own, photo),
    ]
    return np.concatenate([_bytes(panel) for panel in panels], axis=1)


def _shapes(ready: DECA, own: DecodedHeads, photo: Tensor) -> list[Tensor]:
    visible = raster(ready.head, project(own.shape.vertices, own.codes.cam)[0])
    normals = own.shape.normals[0]
    coarse, fine = visible.mix(normals).T[None], visible.colours(own.normal_map)
    drawn = [visible.picture(grey(visible, part, normals)) for part in (coarse, fine)]
    panels = [part[:, :3] * part[:, 3:] + photo * (1 - part[:, 3:]) for part in drawn]
    if own.albedo is not None:
        light = None if ready.compat.unlit_coarse else own.codes.light
        colours = visible.picture(lit(visible, normals, own.albedo, light))
        panels.append(colours + photo * (1 - visible.mask))
        panels.append(functional.interpolate(own.albedo, (CROP, CROP), mode="bilinear"))
    return panels


def _bytes(panel: Tensor) -> NDArray:
    return np.round(255 * panel[0].clamp(0, 1).permute(1, 2, 0).cpu().numpy()).astype(np.uint8)


def _marked(photo: Tensor, points: Tensor, seen: Tensor) -> Tensor:
    """The crop with landmarks (68, 2+), -1 to 1."""
    drawn = np.ascontiguousarray(_bytes(photo))
    for (x, y), shown in zip(((points[:, :2] + 1) * CROP / 2).cpu().numpy(), seen.tolist()):
        cv2.circle(drawn, (round(float(x)), round(float(y))), 1, SEEN if shown else HIDDEN, -1, cv2.LINE_AA)
    return torch.from_numpy(drawn).to(photo).permute(2, 0, 1)[None] / 255
