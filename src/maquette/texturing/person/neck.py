"""One texture for a body and a head of its own: side by side, the head in the body's light, the neck between them."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from maquette.core.types import Mesh
from maquette.texturing.images import smoothstep

STRIP_PX = 24  # height of the strip between the necks
RING_PX = 1024  # its largest width
FADE_M = 0.07  # up the head: so far the colours of the body's rim reach
EVEN = 25.0  # degrees around the neck over which they are evened out
CLOTH = 45.0  # 8-bit steps: what differs more is no skin, and its colour stays below
REACH = 4  # texels around a corner that its colour is the mean of


def sampled(texture: NDArray, uvs: NDArray) -> NDArray:
    """(N, 3) float32 colours of a texture (H, W, 3) at uvs (N, 2), each the mean of some texels."""
    height, width = texture.shape[:2]
    soft = cv2.blur(texture, (REACH, REACH))
    x, y = uvs[:, 0] * width - 0.5, (1 - uvs[:, 1]) * height - 0.5
    columns = np.clip(np.rint(x), 0, width - 1).astype(int)
    rows = np.clip(np.rint(y), 0, height - 1).astype(int)
    return soft[rows, columns].astype(np.float32)


def first_uvs(mesh: Mesh, vertices: NDArray) -> NDArray:
    """(N, 2) one of the uvs of each of the vertices (N,)."""
    assert mesh.uvs is not None and mesh.uv_faces is not None, "asked of textured meshes"
    owner = np.zeros(len(mesh.vertices), np.int64)
    owner[mesh.faces.ravel()] = mesh.uv_faces.ravel()
    return mesh.uvs[owner[vertices]]


def matched(texture: NDArray, gain: NDArray) -> NDArray:
    """(H, W, 3) uint8 a texture with its light multiplied by `gain` (3,), in linear light."""
    levels = np.arange(256) / 255.0
    light = np.where(levels <= 0.04045, levels / 12.92, ((levels + 0.055) / 1.055) ** 2.4)
    out = np.empty_like(texture)
    for channel in range(3):
        lit = np.clip(light * gain[channel], 0, 1)
        table = np.where(lit <= 0.0031308, lit * 12.92, 1.055 * lit ** (1 / 2.4) - 0.055)
        out[..., channel] = np.rint(255 * table).astype(np.uint8)[texture[..., channel]]
    return out


def faded(texture: NDArray, uvs: NDArray, faces: NDArray, offset: NDArray) -> NDArray:
    """(H, W, 3) uint8 a texture and what is added to it, (V, 3) at its uvs (V, 2), triangle by triangle."""
    height, width = texture.shape[:2]
    moved = np.flatnonzero(np.abs(offset).max(axis=1) > 0.5)
    if not len(moved):
        return texture
    touched = faces[np.isin(faces, moved).any(axis=1)]
    field = np.zeros((height, width, 3), np.float32)
    places = uvs * [width, -height] + [-0.5, height - 0.5]
    for corners in touched:
        _draw(field, places[corners], offset[corners])
    return np.clip(np.rint(texture + field), 0, 255).astype(np.uint8)


def _draw(field: NDArray, places: NDArray, values: NDArray) -> None:
    """One triangle of values (3, 3) at places (3, 2) into a picture, a pixel beyond its edges."""
    low = np.maximum(np.floor(places.min(axis=0)).astype(int) - 1, 0)
    high = np.minimum(np.ceil(places.max(axis=0)).astype(int) + 2, [field.shape[1], field.shape[0]])
    if (high <= low).any():
        return
    x, y = np.meshgrid(np.arange(low[0], high[0]), np.arange(low[1], high[1]))
    a, b = places[1] - places[0], places[2] - places[0]
    area = a[0] * b[1] - a[1] * b[0]
    if abs(area) < 1e-9:
        return
    px, py = x - places[0, 0], y - places[0, 1]
    second, third = (px * b[1] - py * b[0]) / area, (a[0] * py - a[1] * px) / area
    first = 1 - second - third
    inside = np.minimum(np.minimum(first, second), third) > -0.15
    window = field[low[1] : high[1], low[0] : high[0]]
    window[inside] = (
        first[inside, None] * values[0] + second[inside, None] * values[1] + third[inside, None] * values[2]
    )


def beside(body: NDArray, head: NDArray, strip: NDArray) -> tuple[NDArray, list[NDArray]]:
    """The three pictures in one, and for each the (2, 2) scale and shift of its uvs.

    The body's is on the left; at its right the head's above the strip.
    """
    height, wide = body.shape[0], max(head.shape[1], strip.shape[1])
    whole = np.zeros((max(height, head.shape[0] + strip.shape[0]), body.shape[1] + wide, *body.shape[2:]), np.uint8)
    corners = [(0, 0), (body.shape[1], 0), (body.shape[1], head.shape[0])]
    maps = []
    for picture, (x, y) in zip((body, head, strip), corners):
        tall, width = picture.shape[:2]
        whole[y : y + tall, x : x + width] = picture
        scale = np.array([width / whole.shape[1], tall / whole.shape[0]])
        maps.append(np.stack([scale, [x / whole.shape[1], 1 - (y + tall) / whole.shape[0]]]))
    return whole, maps


def rim_offsets(
    own: NDArray, wanted: NDArray, angle: NDArray, wanted_angle: NDArray, at: NDArray, up: NDArray
) -> NDArray:
    """(V, 3) 8-bit steps that bring a head's colours to the body's rim and fade out up the neck.

    Args:
        own: (R, 3) the head's colours along its rim, at angles (R,). wanted: (L, 3) the body's, at angles (L,).
        at: (V,) angles of the head's vertices. up: (V,) metres above the rim.
    """
    offset = _mean(at, wanted_angle, wanted) - _mean(at, angle, own)
    skin = np.exp(-((np.linalg.norm(offset, axis=1, keepdims=True) / np.sqrt(3) / CLOTH) ** 2))
    out: NDArray = skin * offset * (1 - smoothstep(up, 0.0, FADE_M))[:, None]
    return out


def _mean(angle: NDArray, known: NDArray, values: NDArray) -> NDArray:
    apart = (angle[:, None] - known + np.pi) % (2 * np.pi) - np.pi
    weight = np.exp(-((np.degrees(apart) / EVEN) ** 2)) + 1e-12
    out: NDArray = weight @ values / weight.sum(axis=1, keepdims=True)
    return out


def strip_picture(upper: NDArray, lower: NDArray) -> NDArray:
    """(STRIP_PX, N, 3) uint8 from the colours (N, 3) above to those (N, 3) below."""
    share = np.linspace(0, 1, STRIP_PX)[:, None, None]
    return np.clip(np.rint(upper + share * (lower - upper)), 0, 255).astype(np.uint8)
