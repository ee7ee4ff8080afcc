"""How a small picture came about: blur, one of four resize kernels, noise and JPEG.

What a network for super-resolution scores depends more on this than on the network: one that learned from
area-averaged pictures is worse than bicubic interpolation on pictures that were sampled without averaging
(docs/upscaling.md). So the degradation is a value of its own, reported beside every score, and drawn anew for every
example in training (as Zhang et al. 2021, "Designing a Practical Degradation Model for Deep Blind Image
Super-Resolution", in a smaller range).
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from maquette.core.errors import BadInput

KERNELS = ("area", "bilinear", "bicubic", "lanczos")
SHARES = (0.55, 0.15, 0.15, 0.15)  # how often each kernel is drawn
CLEAN = 0.5  # share of the draws that are a resize and nothing else
_ANTIALIASED = {"bicubic": Image.Resampling.BICUBIC, "lanczos": Image.Resampling.LANCZOS}


@dataclass(frozen=True)
class Degradation:
    """How one picture was made smaller.

    Attributes:
        kernel: "area" (mean of factor x factor pixels), "bilinear" (OpenCV's default: four neighbours of the new
            pixel's centre, not averaged, so it aliases), "bicubic" or "lanczos" (Pillow's, widened by the factor).
        blur: sigma of a Gaussian before the resize, in pixels of the large picture.
        noise: standard deviation of Gaussian noise after it, in grey levels of 0-255.
        jpeg: quality 1-100 of the small picture, 0 for none.
    """

    kernel: str = "area"
    blur: float = 0.0
    noise: float = 0.0
    jpeg: int = 0

    def __post_init__(self) -> None:
        if self.kernel not in KERNELS:
            raise BadInput(f"kernel {self.kernel!r}: wanted {', '.join(KERNELS)}")


def draw_degradation(rng: np.random.Generator, factor: int) -> Degradation:
    """One at random: half of them only a resize, the others with blur, noise and JPEG, each in 6 of 10."""
    kernel = str(rng.choice(KERNELS, p=SHARES))
    if rng.random() < CLEAN:
        return Degradation(kernel)
    blurred, noisy, coded = rng.random(3) < 0.6
    return Degradation(
        kernel=kernel,
        blur=float(rng.uniform(0.2, 0.6) * factor) if blurred else 0.0,
        noise=float(rng.uniform(1, 8)) if noisy else 0.0,
        jpeg=int(rng.integers(40, 96)) if coded else 0,
    )


def degraded(
    pixels: NDArray, factor: int, degradation: Degradation, rng: np.random.Generator, full: NDArray | None = None
) -> NDArray:
    """The picture made smaller.

    Args:
        pixels: (H, W, 3) uint8; H and W divisible by the factor.
        rng: for the noise.
        full: (H', W', 3) uint8, the same view in more pixels, which "bilinear" samples as a program does that shrinks
            a photo in one go; the picture itself by default, of which factor 2 would be the same as "area".

    Returns:
        (H / factor, W / factor, 3) uint8.

    Raises:
        BadInput: a size that the factor does not divide.

    Example:
        >>> degraded(np.full((8, 8, 3), 7, np.uint8), 4, Degradation(), np.random.default_rng(0)).tolist()
        [[[7, 7, 7], [7, 7, 7]], [[7, 7, 7], [7, 7, 7]]]
    """
    height, width = pixels.shape[:2]
    if height % factor or width % factor:
        raise BadInput(f"picture of {width} x {height} pixels: wanted sides divisible by {factor}")
    size = (width // factor, height // factor)
    if degradation.kernel == "bilinear" and full is not None:
        pixels = full
    if degradation.blur:
        pixels = cv2.GaussianBlur(pixels, (0, 0), degradation.blur * pixels.shape[1] / width)
    if degradation.kernel in _ANTIALIASED:
        small = np.asarray(Image.fromarray(pixels).resize(size, _ANTIALIASED[degradation.kernel]))
    else:
        how = cv2.INTER_AREA if degradation.kernel == "area" else cv2.INTER_LINEAR
        small = cv2.resize(pixels, size, interpolation=how)
    if degradation.noise:
        noisy = small + degradation.noise * rng.standard_normal(small.shape, np.float32)
        small = np.clip(np.rint(noisy), 0, 255).astype(np.uint8)
    if degradation.jpeg:
        stored = cv2.imencode(".jpg", small[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, degradation.jpeg])[1]
        small = np.ascontiguousarray(np.asarray(cv2.imdecode(stored, cv2.IMREAD_COLOR))[..., ::-1])
    return small
