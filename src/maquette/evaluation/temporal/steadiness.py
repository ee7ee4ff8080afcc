"""How steadily a clip's meshes follow each other: crops, silhouettes and surfaces of consecutive frames.

Silhouettes are compared after the earlier one is carried along by the optical flow between the pictures (Farneback
2003), so that a person who moves is not taken for a result that flickers.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from maquette.core.types import Frame
from maquette.evaluation.image_space.rendering import resample_box
from maquette.evaluation.image_space.views import PersonView
from maquette.evaluation.silhouettes import silhouette_iou

COLUMNS = ("result", "track", "frames", "rect jitter px", "silhouette IoU after flow", "chamfer cm")
POINTS = 3000  # vertices of a mesh that are compared, at most
FLOW_SIDE = 256  # pixels; larger pictures are shrunk for the flow
CM = 100.0


@dataclass
class Steadiness:
    """What is known of one track so far; only the last frame is kept.

    Attributes:
        rects: (centre x, centre y, longer side) of each crop in pixels of the picture, numbered by frame.
        overlaps, distances: per pair of consecutive frames: silhouettes, and surfaces in centimetres.
    """

    rects: list[tuple[int, NDArray]] = field(default_factory=list)
    overlaps: list[float] = field(default_factory=list)
    distances: list[float] = field(default_factory=list)
    _before: tuple[NDArray, NDArray, NDArray, cKDTree] | None = None

    def add(self, view: PersonView, frame: Frame, silhouette: NDArray, box: NDArray, vertices: NDArray) -> None:
        """Take the next frame of the track.

        Args:
            silhouette: (H, W) bool, of the mesh, in the box (4,), pixels of the whole picture.
            vertices: (V, 3) metres, world.
        """
        low, high = view.box[:2], view.box[2:]
        self.rects.append((view.number, np.array([*(low + high) / 2, (high - low).max()])))
        shrink = min(1.0, FLOW_SIDE / max(silhouette.shape))
        size = max(16, round(silhouette.shape[1] * shrink)), max(16, round(silhouette.shape[0] * shrink))
        grey = cv2.cvtColor(frame.pixels, cv2.COLOR_RGB2GRAY)
        points = vertices[:: max(1, len(vertices) // POINTS)].astype(float)
        tree = cKDTree(points)
        if self._before is not None:
            old_grey, old_silhouette, old_box, old_tree = self._before
            now = resample_box(silhouette.astype(np.float32), box, box, size, cv2.INTER_LINEAR) > 0.5
            old = resample_box(old_silhouette.astype(np.float32), old_box, box, size, cv2.INTER_LINEAR)
            whole = np.array([0.0, 0.0, *frame.size])
            first, second = (resample_box(g, whole, box, size, cv2.INTER_AREA) for g in (old_grey, grey))
            self.overlaps.append(silhouette_iou(warped_by_flow(old, first, second) > 0.5, now))
            away = float(np.mean(old_tree.query(points)[0])) + float(np.mean(tree.query(old_tree.data)[0]))
            self.distances.append(CM * away / 2)
        self._before = grey, silhouette, np.asarray(box, float), tree

    def row(self) -> tuple[int, float | None, float | None, float | None]:
        """Frames, jitter of the crop, mean overlap, mean distance; None where there are too few frames."""
        overlap, distance = (float(np.mean(values)) if values else None for values in (self.overlaps, self.distances))
        return len(self.rects), rect_jitter(self.rects), overlap, distance


def rect_jitter(rects: list[tuple[int, NDArray]]) -> float | None:
    """Pixels: root mean square of the noise in centre and size of crops, from second differences of evenly spaced ones.

    Noise of deviation s, independent from frame to frame, has second differences of variance 6 s^2; steady motion has
    none.

    Args:
        rects: (frame number, values) in order.

    Example:
        >>> rect_jitter([(k, np.array([2.0 * k])) for k in range(5)])
        0.0
    """
    numbers, values = np.array([number for number, _ in rects]), np.array([value for _, value in rects])
    if len(rects) < 3:
        return None
    even = np.diff(numbers)[1:] == np.diff(numbers)[:-1]
    seconds = (values[2:] - 2 * values[1:-1] + values[:-2])[even]
    return float(np.sqrt(np.mean(seconds**2) / 6)) if len(seconds) else None


def warped_by_flow(mask: NDArray, before: NDArray, now: NDArray) -> NDArray:
    """A (H, W) float32 mask of the picture `before`, (H, W) uint8, where its pixels are in the picture `now`."""
    start = np.zeros((*mask.shape, 2), np.float32)
    flow = cv2.calcOpticalFlowFarneback(now, before, start, 0.5, 3, 21, 3, 5, 1.1, 0)
    y, x = np.indices(mask.shape, np.float32)
    return cv2.remap(mask, x + flow[..., 0], y + flow[..., 1], cv2.INTER_LINEAR)
