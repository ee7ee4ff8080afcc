"""turntable.mp4: the subject turns once in front of the camera."""

from __future__ import annotations

import io
import queue
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from numpy.typing import NDArray

from maquette.core.types import Subject
from maquette.outputs.asset import Asset
from maquette.outputs.pictures.views import Scene, backdrop, over

FRAMES, FRAMES_PER_SECOND = 90, 30
SIDE = 720  # pixels
SUPERSAMPLE = 1.25
LIFT = np.radians(4)
CONTRAST = 0.55
PRESET = "superfast"
BT601, LIMITED = 6, 1  # what cv2's conversion means: SMPTE 170M, 16-235
MOOV_BYTES = 1 << 14  # room kept at the front for the index, so that browsers start at once


def turntable_frames(scene: Scene, count: int, size: tuple[int, int]) -> Iterator[NDArray]:
    """(height, width, 4) uint8 pictures of one full turn, the face first, premultiplied alpha."""
    for step in range(count):
        camera = scene.camera(2 * np.pi * step / count, LIFT, size)
        yield scene.studio.render(camera, "texture", CONTRAST, SUPERSAMPLE)


def encode(pictures: Iterable[NDArray], ground: NDArray) -> bytes:
    """H.264 in MP4, yuv420p, index at the front.

    Args:
        pictures: (H, W, 4) uint8, premultiplied alpha; H and W even.
        ground: (H, W, 3) uint8 behind them.
    """
    import av
    import cv2

    stream = io.BytesIO()
    options = {"moov_size": str(MOOV_BYTES), "fflags": "+bitexact"}
    with av.open(stream, "w", format="mp4", options=options) as container:
        video = container.add_stream("libx264", rate=FRAMES_PER_SECOND)
        video.height, video.width = ground.shape[:2]
        video.pix_fmt = "yuv420p"
        video.codec_context.colorspace, video.codec_context.color_range = BT601, LIMITED
        video.options = {"preset": PRESET, "crf": "19", "threads": "2"}
        for picture in pictures:
            planes = np.asarray(cv2.cvtColor(over(picture, ground), cv2.COLOR_RGB2YUV_I420), np.uint8)
            frame = av.VideoFrame.from_ndarray(planes, format="yuv420p")
            frame.colorspace, frame.color_range = BT601, LIMITED
            container.mux(video.encode(frame))
        container.mux(video.encode())
    return stream.getvalue()


def film(pictures: Iterator[NDArray], ground: NDArray) -> bytes:
    """Like `encode`, compressing in a second thread while the next picture is made."""
    waiting: queue.Queue[NDArray | None] = queue.Queue(maxsize=4)

    def arriving() -> Iterator[NDArray]:
        while (picture := waiting.get()) is not None:
            yield picture

    def compress() -> bytes:
        rest = arriving()
        try:
            return encode(rest, ground)
        finally:
            # After an error the pictures that still come must not wait for room in the queue.
            for _ in rest:
                pass

    with ThreadPoolExecutor(1) as second:
        made = second.submit(compress)
        try:
            for picture in pictures:
                waiting.put(picture)
        finally:
            waiting.put(None)
        return made.result()


def write_turntable(asset: Asset) -> bytes:
    """MP4 (H.264), 90 frames, 3 seconds, one full turn that loops; upright where a person stands."""
    size = (SIDE * 3 // 4, SIDE * 4 // 3) if asset.subject is Subject.PERSON else (SIDE, SIDE)
    return film(turntable_frames(asset.scene, FRAMES, size), backdrop(size))
