"""A film of a head beside its clip: the clip, the head over it, the head from the front; at the clip's own times."""

from __future__ import annotations

import queue
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from fractions import Fraction
from pathlib import Path
from types import TracebackType

import numpy as np
from numpy.typing import NDArray

from maquette.core.types import Camera
from maquette.outputs.asset import Asset
from maquette.outputs.pictures.turntable import BT601, LIMITED, PRESET

PANEL = 480  # pixels a side of each of the three
PANELS = ("clip", "head over it", "head from the front")
TICKS = 90_000  # of a second: times of films


class Film:
    """H.264 in MP4, written as pictures come, compressed in a second thread; frames keep their own times.

    Example:
        with Film(path, (1440, 480)) as film:
            film.add(picture, 0.04)
    """

    def __init__(self, path: Path, size: tuple[int, int]) -> None:
        """See the class.

        Args:
            path: the file; it is written anew. size: (width, height) of the pictures, both even.
        """
        self._path, self._size = path, size
        self._waiting: queue.Queue[tuple[NDArray, float] | None] = queue.Queue(maxsize=4)
        self._pool = ThreadPoolExecutor(1)
        self._made = self._pool.submit(self._compress)

    def add(self, picture: NDArray, time: float) -> None:
        """One picture, (H, W, 3) uint8, shown from so many seconds on; times rise."""
        if not self._made.done():
            self._waiting.put((picture, time))

    def __enter__(self) -> Film:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Finish the file; an error of the compression is raised here."""
        if not self._made.done():
            self._waiting.put(None)
        try:
            self._made.result()
        finally:
            self._pool.shutdown()

    def _coming(self) -> Iterator[tuple[NDArray, float]]:
        while (item := self._waiting.get()) is not None:
            yield item

    def _compress(self) -> None:
        import av
        import cv2

        rest = self._coming()
        try:
            options = {"movflags": "faststart", "fflags": "+bitexact"}  # the index of a long film has no fixed size
            with av.open(str(self._path), "w", format="mp4", options=options) as container:
                video = container.add_stream("libx264", rate=30)
                video.width, video.height = self._size
                video.pix_fmt = "yuv420p"
                video.codec_context.time_base = Fraction(1, TICKS)
                video.codec_context.colorspace, video.codec_context.color_range = BT601, LIMITED
                video.options = {"preset": PRESET, "crf": "20", "threads": "1"}
                first = None
                for picture, time in rest:
                    first = time if first is None else first
                    planes = np.asarray(cv2.cvtColor(picture, cv2.COLOR_RGB2YUV_I420), np.uint8)
                    frame = av.VideoFrame.from_ndarray(planes, format="yuv420p")
                    frame.colorspace, frame.color_range = BT601, LIMITED
                    frame.pts, frame.time_base = round((time - first) * TICKS), Fraction(1, TICKS)
                    container.mux(video.encode(frame))
                container.mux(video.encode())
        finally:
            # After an error the pictures that still come must not wait for room in the queue.
            for _ in rest:
                pass


def window_camera(camera: Camera, box: NDArray) -> Camera:
    """The camera of a square part (4,) of its picture, x0, y0, x1, y1, enlarged to a panel."""
    factor = PANEL / (box[2] - box[0])
    intrinsics = camera.intrinsics.copy()
    intrinsics[:2, 2] -= box[:2]
    intrinsics[:2] *= factor
    return Camera(intrinsics, camera.world_to_camera, (PANEL, PANEL))


def cut(pixels: NDArray, box: NDArray) -> NDArray:
    """(PANEL, PANEL, 3) uint8: a square part (4,) of a picture, dark beyond its edges."""
    import cv2

    factor = PANEL / (box[2] - box[0])
    if factor < 0.6:
        shrink = factor * 1.5
        size = max(1, round(pixels.shape[1] * shrink)), max(1, round(pixels.shape[0] * shrink))
        box = box * (np.array([*size, *size]) / np.array([*pixels.shape[1::-1]] * 2))
        pixels = cv2.resize(pixels, size, interpolation=cv2.INTER_AREA)
        factor = PANEL / (box[2] - box[0])
    shift = -box[:2] * factor + 0.5 * factor - 0.5
    matrix = np.array([[factor, 0, shift[0]], [0, factor, shift[1]]])
    kind = cv2.INTER_LINEAR if factor < 1 else cv2.INTER_CUBIC
    return cv2.warpAffine(pixels, matrix, (PANEL, PANEL), flags=kind, borderValue=(24, 24, 26))


def write_film(asset: Asset) -> bytes:
    """MP4 (H.264), at the clip's own times: the clip around the face, the head over it, the head from the front."""
    assert asset.result.film is not None, "asked of results with a film"
    return asset.result.film.read_bytes()
