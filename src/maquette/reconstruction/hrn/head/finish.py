"""From the fitted offsets to the head that comes out: smooth where the outline pulled, nothing beyond the face."""

from __future__ import annotations

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from maquette.reconstruction.hrn.head.model import FACE_SIDE, HeadModel

EDGE_GROWN, EDGE_BLUR, OFFSET_BLUR = 8, 5, 15  # texels, about vertices outside the outline
FACE_GROWN, FACE_SHRUNK, FACE_BLUR = 5, 8, 17  # texels, about all vertices of the face
LAST_BLUR = 3


def finished(model: HeadModel, offset: Tensor, outside: Tensor) -> Tensor:
    """(1, 3, 300, 300) decimetres: the face's offset as it comes out.

    Args:
        offset: (1, 3, 300, 300) as fitted. outside: (K,) bool, vertices outside the photo's face.
    """
    found = offset[0].permute(1, 2, 0).cpu().numpy()
    # Published, these texels are looked up by the numbers of another list of vertices.
    edge = cv2.dilate(_spots(model.face_uvs[outside]), _disc(EDGE_GROWN))
    edge = np.asarray(cv2.blur(edge, (EDGE_BLUR, EDGE_BLUR)))[:, :, None]
    found = edge * cv2.blur(found, (OFFSET_BLUR, OFFSET_BLUR)) + (1 - edge) * found
    found = cv2.blur(found * face_share(model)[:, :, None], (LAST_BLUR, LAST_BLUR))
    return torch.from_numpy(np.ascontiguousarray(found.transpose(2, 0, 1)))[None].to(offset)


def face_share(model: HeadModel) -> NDArray:
    """(300, 300) float32 in 0-1: the face in the texture, fading towards its edge."""
    grown = cv2.dilate(_spots(model.drawn_uvs), _disc(FACE_GROWN))
    return np.asarray(cv2.blur(cv2.erode(grown, _disc(FACE_SHRUNK)), (FACE_BLUR, FACE_BLUR)))


def _spots(uvs: Tensor) -> NDArray:
    """(300, 300) float32, 1 at the texels that texture coordinates (N, 2) lie in."""
    places = np.floor(uvs.cpu().numpy() * FACE_SIDE).astype(int).clip(0, FACE_SIDE - 1)
    spots = np.zeros((FACE_SIDE, FACE_SIDE), np.float32)
    spots[FACE_SIDE - 1 - places[:, 1], places[:, 0]] = 1
    return spots


def _disc(size: int) -> NDArray:
    return np.asarray(cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (size, size)))
