"""Clips made for tests: each frame shows its own number in its pixels."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import av
import numpy as np

from maquette.core.options import VideoOptions
from maquette.core.types import Frame
from maquette.sources import video

SHORT = {"g": "10", "crf": "10"}

BITS = 8  # columns of black and white that spell a frame's number


def numbered(number: int, size: tuple[int, int] = (96, 64)) -> np.ndarray:
    """(H, W, 3): the number in binary as columns in the upper half; lower left red, lower right blue."""
    width, height = size
    picture = np.zeros((height, width, 3), np.uint8)
    for bit in range(BITS):
        left, right = bit * width // BITS, (bit + 1) * width // BITS
        picture[: height // 2, left:right] = 255 * (number >> bit & 1)
    picture[height // 2 :, : width // 2] = (200, 30, 30)
    picture[height // 2 :, width // 2 :] = (30, 30, 200)
    return picture


def number_of(picture: np.ndarray) -> int:
    """The number that a picture of `numbered` shows."""
    height, width = picture.shape[:2]
    places = [(2 * bit + 1) * width // (2 * BITS) for bit in range(BITS)]
    return sum(int(picture[height // 4, x, 1] > 127) << bit for bit, x in enumerate(places))


def write_clip(path: Path, pictures: Sequence[np.ndarray], **asked) -> Path:
    """Write pictures as a clip.

    Args:
        asked: codec, pixels (format), rate, options of the codec, times (stamps in 1/1000 s), rotation (degrees
            clockwise to be applied by the player), mirrored, tags (colour matrix, range), aspect (of a pixel).
    """
    matrix, extent = asked.get("tags", (5, 1))
    pixels = asked.get("pixels", "yuv420p")
    with av.open(str(path), "w") as container:
        stream = container.add_stream(asked.get("codec", "libx264"), rate=asked.get("rate", 25))
        stream.height, stream.width = pictures[0].shape[:2]
        stream.pix_fmt = pixels
        stream.options = asked.get("options", {})
        stream.codec_context.colorspace, stream.codec_context.color_range = matrix, extent
        if "aspect" in asked:
            stream.codec_context.sample_aspect_ratio = asked["aspect"]
        if "rotation" in asked or "mirrored" in asked:
            stream.set_display_rotation(-asked.get("rotation", 0), hflip=asked.get("mirrored", False))
        if "times" in asked:
            stream.time_base = stream.codec_context.time_base = Fraction(1, 1000)
        for index, picture in enumerate(pictures):
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(picture), format="rgb24")
            frame = frame.reformat(
                format=pixels, src_colorspace=5, dst_colorspace=5 if matrix == 2 else matrix, dst_color_range=extent
            )
            frame.colorspace, frame.color_range = matrix, extent
            frame.pts = asked["times"][index] if "times" in asked else index
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path


def clip_of(path: Path, count: int = 30, size: tuple[int, int] = (96, 64), **asked) -> Path:
    """A short clip of numbered frames, a key frame every ten."""
    return write_clip(path, [numbered(k, size) for k in range(count)], **{"options": SHORT, **asked})


def read(path: Path, **options) -> list[tuple[int, np.ndarray, float]]:
    """(number, pixels, seconds) of the wanted frames."""
    clip = video.open_clip(path, VideoOptions(**options))
    return [(index, frame.pixels, frame.time) for index, frame in video.frames(clip)]


def frame_at(clip: video.Clip, index: int) -> Frame | None:
    """One frame by its number in the clip, sought for; None if it does not come."""
    return next((frame for _, frame in video.frames_at(clip, [index])), None)
