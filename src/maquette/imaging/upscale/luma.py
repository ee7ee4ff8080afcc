"""A network that enlarges luma, on a whole colour picture: in tiles, with the colour enlarged bicubically.

Every tile is cut with as much of its surroundings as the network looks at, so where the tiles lie does not matter, and
memory does not grow with the picture. At the picture's border its outermost pixels are repeated, which leaves no dark
rim as the zeros of a padded convolution do. Luma and colour differences are BT.601 in full range (JPEG's), as floats;
the result is rounded.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Protocol

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from maquette.core.threads import computing

if TYPE_CHECKING:
    from torch import Tensor

RED, GREEN, BLUE = 0.299, 0.587, 0.114  # ITU-R BT.601, weights of the luma
SIDE = 512  # pixels of the large picture in a tile


class LumaNetwork(Protocol):
    """A network that enlarges luma: (N, 1, h, w) in 0-1 to (N, 1, h * factor, w * factor), on its own device.

    Attributes:
        factor: by how much.
        reach: pixels of the small picture around a place that decide on its result.
    """

    factor: int
    reach: int

    def __call__(self, luma: Tensor) -> Tensor:
        """The large luma."""

    def parameters(self) -> Iterator[Tensor]:
        """Its weights, which say where it computes."""

    def facts(self) -> dict[str, str]:
        """What `networks.build` needs to make the same network again."""


def enlarged(network: LumaNetwork, pixels: NDArray, side: int = SIDE) -> NDArray:
    """The picture `network.factor` times as wide and high.

    Args:
        network: see `LumaNetwork`.
        pixels: (H, W, 3) uint8 sRGB.
        side: of a tile, in pixels of the large picture.

    Returns:
        (H * factor, W * factor, 3) uint8 sRGB.
    """
    height, width = pixels.shape[:2]
    factor, reach = network.factor, network.reach
    large = np.empty((height * factor, width * factor, 3), np.uint8)
    for rows, columns in tiles(height, width, max(1, side // factor)):
        # Repeated border pixels, by index: a copy of the whole padded picture is not needed.
        around = [np.arange(s.start - reach, s.stop + reach) for s in (rows, columns)]
        tile = pixels[np.clip(around[0], 0, height - 1)[:, None], np.clip(around[1], 0, width - 1)].astype(np.float32)
        luma = tile @ np.array([RED, GREEN, BLUE], np.float32)
        color = (tile[..., [2, 0]] - luma[..., None]) / np.array([2 - 2 * BLUE, 2 - 2 * RED], np.float32)
        color = cv2.resize(color, None, fx=factor, fy=factor, interpolation=cv2.INTER_CUBIC)
        inner = np.s_[reach * factor : -reach * factor, reach * factor : -reach * factor]
        merged = to_rgb(run(network, luma / 255)[inner] * 255, color[inner])
        large[rows.start * factor : rows.stop * factor, columns.start * factor : columns.stop * factor] = merged
    return large


def enlarged_as_published(network: LumaNetwork, pixels: NDArray) -> NDArray:
    """As the code beside the published checkpoints does it (Menezes 2019), to reproduce its numbers.

    Luma and colour differences are rounded to 8 bits, the network sees the picture in one piece with zeros around it,
    its luma is cut off to whole numbers instead of rounded (0.03 dB worse), and the colour is enlarged by Pillow.
    """
    luma, blue, red = Image.fromarray(pixels).convert("YCbCr").split()
    large = run(network, np.asarray(luma, np.float32) / 255) * 255
    size = (pixels.shape[1] * network.factor, pixels.shape[0] * network.factor)
    planes = [Image.fromarray(large.clip(0, 255).astype(np.uint8))]
    planes += [plane.resize(size, Image.Resampling.BICUBIC) for plane in (blue, red)]
    return np.asarray(Image.merge("YCbCr", planes).convert("RGB"))


def run(network: LumaNetwork, luma: NDArray) -> NDArray:
    """(h, w) float32 luma in 0-1 through the network: (h * factor, w * factor) float32."""
    import torch

    where = next(network.parameters()).device
    with computing("upscale"), torch.inference_mode():
        return (
            network(torch.from_numpy(np.ascontiguousarray(luma, np.float32))[None, None].to(where))[0, 0].cpu().numpy()
        )


def to_rgb(luma: NDArray, color: NDArray) -> NDArray:
    """(H, W, 3) uint8, rounded, of (H, W) luma in 0-255 and (H, W, 2) blue and red differences in -128 to 128."""
    red = luma + (2 - 2 * RED) * color[..., 1]
    blue = luma + (2 - 2 * BLUE) * color[..., 0]
    green = (luma - RED * red - BLUE * blue) / GREEN
    return np.clip(np.rint(np.stack([red, green, blue], axis=2)), 0, 255).astype(np.uint8)


def tiles(height: int, width: int, side: int) -> Iterator[tuple[slice, slice]]:
    """Rows and columns that together cover a picture, each at most `side` long.

    Example:
        >>> [(r.stop, c.stop) for r, c in tiles(3, 5, 4)]
        [(3, 4), (3, 5)]
    """
    for top in range(0, height, side):
        for left in range(0, width, side):
            yield slice(top, min(top + side, height)), slice(left, min(left + side, width))
