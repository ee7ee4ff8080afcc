"""What a camera does to light: exposure, tone curve, blur, noise, low resolution, JPEG."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

from maquette.imaging.srgb import coded

MIDDLE_GREY = 0.2  # linear value that auto-exposure aims for
BRIGHTEST = 4.0  # linear value above which all is white
FULL_WELL = 6000.0  # electrons at white in daylight; fewer in the dark make the noise


@dataclass(frozen=True)
class Sensor:
    """How one photograph was taken.

    Attributes:
        exposure: stops (EV) against a well exposed photograph.
        gain: how much less light than daylight the sensor had; noise grows with it.
        defocus: radius of the blur, pixels.
        motion: (length in pixels, direction in radians) of the shake.
        shrink: factor by which the picture was made smaller and larger again, >= 1.
        jpeg: quality 1-100, or 0 for none.
        balance: (3,) white balance left over.
        curve: contrast exponent of the tone curve.
    """

    exposure: float = 0.0
    gain: float = 1.0
    defocus: float = 0.0
    motion: tuple[float, float] = (0.0, 0.0)
    shrink: float = 1.0
    jpeg: int = 0
    balance: tuple[float, float, float] = (1.0, 1.0, 1.0)
    curve: float = 1.0


def draw_sensor(rng: np.random.Generator, size: int) -> Sensor:
    """A phone, a good camera, a dark bar, a thumbnail: most pictures fine, a quarter bad in some way."""
    dark = rng.random() < 0.2
    return Sensor(
        exposure=rng.uniform(-4, -1) if dark else rng.normal() * 0.5,
        gain=np.exp(rng.uniform(0, np.log(60))) if dark else np.exp(abs(rng.normal()) * 0.9),
        defocus=abs(rng.normal()) * size / 256 * (1.6 if rng.random() < 0.15 else 0.4),
        motion=(rng.uniform(2, 10) * size / 256 if rng.random() < 0.08 else 0.0, rng.uniform(0, np.pi)),
        shrink=np.exp(rng.uniform(0, np.log(size / 24))) if rng.random() < 0.18 else 1.0,
        jpeg=int(rng.uniform(25, 95)) if rng.random() < 0.7 else 0,
        balance=tuple(np.exp(0.06 * rng.normal(size=3))),
        curve=float(np.exp(0.12 * rng.normal())),
    )


def develop(radiance: NDArray, subject: NDArray | None, sensor: Sensor, rng: np.random.Generator) -> NDArray:
    """Photograph: linear light to sRGB.

    Args:
        radiance: (H, W, 3) float32 linear RGB.
        subject: (H, W) bool, the pixels that auto-exposure measures; None: all.
        rng: for the noise.

    Returns:
        (H, W, 3) uint8 sRGB.
    """
    everywhere = float(radiance.mean())
    seen = everywhere if subject is None or not subject.any() else float(radiance[subject].mean())
    gain = MIDDLE_GREY / max(0.75 * seen + 0.25 * everywhere, 1e-4) * 2.0**sensor.exposure
    picture = radiance * (gain * np.array(sensor.balance)).astype(np.float32)
    picture = _blurred(picture, sensor)
    height, width = picture.shape[:2]
    if sensor.shrink > 1.05:
        small = (max(8, round(width / sensor.shrink)), max(8, round(height / sensor.shrink)))
        picture = cv2.resize(picture, small, interpolation=cv2.INTER_AREA)
    well = FULL_WELL / sensor.gain
    noise = rng.standard_normal(picture.shape, np.float32)
    spread = np.maximum(picture, 0) / np.float32(well)
    spread += np.float32((2.5 / well) ** 2)
    noise *= np.sqrt(spread, out=spread)
    picture = np.maximum(picture + noise, 0)
    coded = encode(picture if sensor.curve == 1 else cv2.pow(picture, sensor.curve))
    if sensor.jpeg:
        coded = _through_jpeg(coded, sensor.jpeg)
    if coded.shape[:2] != (height, width):
        coded = cv2.resize(coded, (width, height), interpolation=cv2.INTER_CUBIC)
    return coded


def encode(linear: NDArray) -> NDArray:
    """(H, W, 3) uint8 sRGB with a soft shoulder above 0.8, so that highlights do not clip hard."""
    steps = np.clip(linear * (len(_table()) / BRIGHTEST), 0, len(_table()) - 1)
    return np.take(_table(), steps.astype(np.uint16))


@lru_cache(maxsize=1)
def _table() -> NDArray:
    """(65536,) uint8: sRGB of linear values from 0 to `BRIGHTEST`; a step is a fifth of a grey level at most."""
    linear = (np.arange(1 << 16) + 0.5) * (BRIGHTEST / (1 << 16))
    linear = np.minimum(linear, 0.8) + 0.2 * (1 - np.exp(-np.clip(linear - 0.8, 0, None) / 0.2))
    return np.round(np.clip(coded(linear), 0, 1) * 255).astype(np.uint8)


def _blurred(picture: NDArray, sensor: Sensor) -> NDArray:
    if sensor.defocus > 0.25:
        picture = cv2.GaussianBlur(picture, (0, 0), sensor.defocus)
    length, direction = sensor.motion
    if length > 1:
        side = int(length) | 1
        kernel = np.zeros((side, side), np.float32)
        middle, reach = side // 2, np.array([np.cos(direction), np.sin(direction)]) * side / 2
        (x0, y0), (x1, y1) = np.rint(middle + np.outer([-1, 1], reach)).astype(int).tolist()
        cv2.line(kernel, (x0, y0), (x1, y1), (1.0,))
        picture = cv2.filter2D(picture, -1, kernel / kernel.sum())
    return picture


def _through_jpeg(picture: NDArray, quality: int) -> NDArray:
    stored = cv2.imencode(".jpg", picture[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, quality])[1]
    return np.ascontiguousarray(np.asarray(cv2.imdecode(stored, cv2.IMREAD_COLOR))[..., ::-1])
