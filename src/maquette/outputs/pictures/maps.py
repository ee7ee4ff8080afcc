"""texture.png, texture_confidence.png, normal_map.png, roughness.png, depth.png, normals.png."""

from __future__ import annotations

import struct
import zlib

import numpy as np
from numpy.typing import NDArray

from maquette.core.types import Camera
from maquette.geometry.raycast import render_buffers
from maquette.outputs.asset import Asset

DEPTH_UNITS_M = (1e-4, 1e-3, 1e-2)  # one step of depth.png: the finest in which the head's depth fits 16 bits
PNG_HEADER_BYTES = 33  # signature and IHDR, after which other chunks may stand
NORMAL_ZERO = 32767.5  # of 16 bits: the value of a normal's component 0, and the steps to 1
PNG_LEVEL = 1  # larger levels cost seconds and save a tenth of the bytes


def png(pixels: NDArray, **notes: str) -> bytes:
    """PNG of (H, W) or (H, W, 3) RGB, uint8 or uint16, with text chunks (ASCII)."""
    import cv2

    settings = [cv2.IMWRITE_PNG_COMPRESSION, PNG_LEVEL, cv2.IMWRITE_PNG_STRATEGY, cv2.IMWRITE_PNG_STRATEGY_RLE]
    ok, data = cv2.imencode(".png", pixels if pixels.ndim == 2 else pixels[:, :, ::-1], settings)
    if not ok:
        raise ValueError(f"picture of shape {pixels.shape} cannot be compressed")
    encoded = data.tobytes()
    chunks = b"".join(_text_chunk(key, text) for key, text in notes.items())
    return encoded[:PNG_HEADER_BYTES] + chunks + encoded[PNG_HEADER_BYTES:]


def _text_chunk(key: str, text: str) -> bytes:
    """One tEXt chunk: length, name and content, checksum of both (PNG 1.2, 4.2.3)."""
    content = b"tEXt" + key.encode("ascii") + b"\0" + text.encode("ascii")
    return struct.pack(">I", len(content) - 4) + content + struct.pack(">I", zlib.crc32(content))


def write_texture(asset: Asset) -> bytes:
    """The texture as lossless sRGB; first row v = 1."""
    return png(_present(asset, asset.mesh.texture, "texture"))


def write_texture_confidence(asset: Asset) -> bytes:
    """8-bit: 255 = seen in a photo, 0 = invented; same layout as texture.png."""
    return png(_present(asset, asset.mesh.texture_confidence, "confidence of its texture"))


def write_normal_map(asset: Asset) -> bytes:
    """Tangent-space normals of the skin's relief, in the texture's layout, as glTF reads them."""
    note = "tangent space, value / 127 - 1.008; red along u, green along v, blue outwards"
    return png(_present(asset, asset.mesh.normal_map, "normal map"), Description=note, Software="maquette")


def write_roughness(asset: Asset) -> bytes:
    """Roughness of the skin, 255 is 1, in the texture's layout."""
    return png(_present(asset, asset.mesh.roughness_map, "roughness map"))


def _present(asset: Asset, picture: NDArray | None, what: str) -> NDArray:
    if picture is None:
        raise ValueError(f"{asset.result.name}: its mesh has no {what}")
    return picture


def full_size(values: NDArray, inside: NDArray, size: tuple[int, int]) -> tuple[NDArray, NDArray]:
    """Enlarge a ray-cast grid to the crop, without mixing the subject with the background.

    Args:
        values: (h, w) or (h, w, 3) float.
        inside: (h, w) bool.
        size: (width, height) wanted.

    Returns:
        values: (H, W) or (H, W, 3) float.
        inside: (H, W) bool.
    """
    import cv2

    if size == inside.shape[::-1]:
        return values, inside
    weight = inside.astype(np.float32)
    share = cv2.resize(weight, size, interpolation=cv2.INTER_LINEAR)
    masked = np.where(inside if values.ndim == 2 else inside[..., None], values, 0).astype(np.float32)
    total = cv2.resize(masked, size, interpolation=cv2.INTER_LINEAR)
    wide = np.maximum(share, 1e-6)
    return total / (wide if values.ndim == 2 else wide[..., None]), share >= 0.5


def depth_start(asset: Asset) -> float:
    """Metres along the camera's axis where depth.png begins to count.

    0 is the camera itself; an orthographic one stands nowhere, so that there it is 0.1 m before the nearest point.
    """
    if asset.result.reconstruction.cameras[0].projection == "perspective":
        return 0.0
    nearest = float(np.min(asset.buffers.depth, initial=np.inf, where=asset.buffers.face >= 0))
    return round(nearest - 0.1, 4) if np.isfinite(nearest) else 0.0


def depth_unit(asset: Asset) -> float:
    """Metres per step of depth.png; 0.0001 unless the subject is further away than 6.5 m."""
    farthest = float(np.max(asset.buffers.depth, initial=0, where=asset.buffers.face >= 0)) - depth_start(asset)
    return next((unit for unit in DEPTH_UNITS_M if farthest / unit < 65535), DEPTH_UNITS_M[-1])


def depth_map(asset: Asset) -> NDArray:
    """(H, W) uint16 for the first crop's pixels: depth along the camera's axis in steps, 0 = background."""
    buffers = asset.buffers
    inside = buffers.face >= 0
    along, size = np.where(inside, buffers.depth - depth_start(asset), 0), asset.result.observations[0].frame.size
    depth, inside = full_size(along, inside, size)
    steps = np.clip(np.round(depth / depth_unit(asset)), 1, 65535)
    return np.where(inside, steps, 0).astype(np.uint16)


def normal_map(asset: Asset) -> NDArray:
    """(H, W, 3) uint16 for the first crop's pixels: 32767.5 (1 + n), n = (right, up, to the camera), 0 = background."""
    buffers = asset.buffers
    inside = buffers.face >= 0
    corners = asset.mesh.faces[np.maximum(buffers.face, 0)]
    world = np.einsum("hwk,hwkd->hwd", buffers.barycentric, asset.normals[corners])
    rotation = asset.result.reconstruction.cameras[0].world_to_camera[:3, :3]
    camera = world @ (rotation.T * [1, -1, -1])
    camera, inside = full_size(camera, inside, asset.result.observations[0].frame.size)
    camera = camera / np.maximum(np.linalg.norm(camera, axis=2, keepdims=True), 1e-6)
    return np.where(inside[..., None], np.round(NORMAL_ZERO * (1 + camera)), 0).astype(np.uint16)


def write_depth(asset: Asset) -> bytes:
    """16-bit depth in the pixels of the first crop; the text chunk "Description" gives the unit."""
    unit = depth_unit(asset)
    start = depth_start(asset)
    note = f"depth along the camera axis, {unit} metres per step, 0 is background"
    note += f"; counted from {start} metres" if start else ""
    return png(depth_map(asset), Description=note, Unit=f"{unit} m", Start=f"{start} m", Software="maquette")


def write_normals(asset: Asset) -> bytes:
    """16-bit normals in the pixels of the first crop; the text chunk "Description" gives the frame."""
    note = "unit normals, value / 32767.5 - 1; red right, green up, blue to the camera; black is background"
    return png(normal_map(asset), Description=note, Software="maquette")


def write_guessed_front(asset: Asset) -> bytes:
    """Normals of the front as a network guessed them, coded and placed as those of `write_normals`."""
    return _guessed(asset, 0)


def write_guessed_back(asset: Asset) -> bytes:
    """Normals of the back as a network guessed them, at the pixels behind which they lie, in the same axes."""
    return _guessed(asset, 3)


def _guessed(asset: Asset, first: int) -> bytes:
    """From the parameters `guessed_normals` (6, S, S) int8 = 127 n and `square` (3,) x, y, side in crop pixels."""
    import cv2

    parameters = asset.result.reconstruction.parameters
    maps = parameters["guessed_normals"][first : first + 3].transpose(1, 2, 0).astype(np.float32) / 127
    x, y, side = parameters["square"]
    scale = side / maps.shape[0]
    matrix = np.array([[scale, 0, x + 0.5 * scale - 0.5], [0, scale, y + 0.5 * scale - 0.5]])
    placed = cv2.warpAffine(maps, matrix, asset.result.observations[0].frame.size, flags=cv2.INTER_LINEAR)
    length = np.linalg.norm(placed, axis=2, keepdims=True)
    coded = np.where(length > 0.5, np.round(NORMAL_ZERO * (1 + placed / np.maximum(length, 1e-6))), 0)
    note = "normals that the network guessed, value / 32767.5 - 1; red right, green up, blue to the camera"
    return png(coded.astype(np.uint16), Description=note, Software="maquette")


def frame_depth(vertices: NDArray, faces: NDArray, camera: Camera) -> bytes:
    """16-bit PNG of what a camera sees of a mesh: tenths of a millimetre along its axis; 0 where nothing is."""
    depth = render_buffers(camera, vertices, faces)[2]
    steps = np.where(np.isfinite(depth), np.rint(np.clip(depth / DEPTH_UNITS_M[0], 1, 65535)), 0)
    return png(steps.astype(np.uint16))
