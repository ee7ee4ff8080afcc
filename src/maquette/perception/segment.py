"""The person against the background, and this person against the others."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from maquette.perception import mediapipe_graphs, topology
from maquette.perception.mediapipe_graphs import SEGMENTER_INPUT

EDGE_SIDE = 1024  # pixels, longer side at which edges are refined; larger crops enlarge the result
EDGE_RADIUS = 0.016  # guided filter radius as share of the longer side: twice a pixel of the network's output
EDGE_SMOOTHNESS = (0.03 * 255) ** 2  # guided filter epsilon: contrast below 3 % of the range is no edge


def person_mask(pixels: NDArray, roll: float = 0.0) -> NDArray:
    """How likely each pixel shows a person.

    Args:
        pixels: (H, W, 3) uint8, a crop around one head.
        roll: turn of the head in it, radians, clockwise as seen; the network only knows upright people.

    Returns:
        (H, W) float32 in 0-1; its edges follow those of the picture.
    """
    quarter = int(np.round(roll / (np.pi / 2))) % 4
    upright = np.rot90(pixels, quarter)
    factor = min(1.0, EDGE_SIDE / max(upright.shape[:2]))
    size = max(1, round(upright.shape[1] * factor)), max(1, round(upright.shape[0] * factor))
    guide = cv2.resize(upright, size, interpolation=cv2.INTER_AREA) if factor < 1 else np.ascontiguousarray(upright)
    seen = cv2.resize(guide, (SEGMENTER_INPUT, SEGMENTER_INPUT), interpolation=cv2.INTER_AREA)
    coarse = cv2.resize(mediapipe_graphs.segment(seen), size, interpolation=cv2.INTER_CUBIC)
    refined = refine_edges(guide, np.clip(coarse, 0, 1))
    whole = cv2.resize(refined, upright.shape[1::-1], interpolation=cv2.INTER_LINEAR) if factor < 1 else refined
    return np.ascontiguousarray(np.rot90(whole, -quarter), np.float32)


def refine_edges(guide: NDArray, mask: NDArray) -> NDArray:
    """Move the edges of a soft mask to those of the picture (guided filter, He et al. 2013), then steepen them.

    Args:
        guide: (H, W, 3) uint8.
        mask: (H, W) float32 in 0-1.
    """
    radius = max(2, round(EDGE_RADIUS * max(guide.shape[:2])))
    smooth = cv2.ximgproc.guidedFilter(guide, mask.astype(np.float32), radius, EDGE_SMOOTHNESS)
    # Once more, finer: the first pass finds the edge, the second sharpens it to a pixel or two.
    firm = np.clip((smooth - 0.5) * 2.0 + 0.5, 0, 1)
    fine = cv2.ximgproc.guidedFilter(guide, firm, max(2, radius // 3), EDGE_SMOOTHNESS / 4)
    return np.clip((fine - 0.5) * 1.6 + 0.5, 0, 1).astype(np.float32)


def only_subject(mask: NDArray, subject: NDArray, others: list[NDArray]) -> NDArray:
    """Keep the part of a mask that belongs to one of several people.

    Every pixel goes to the person whose head and body axis (from the crown through the neck downwards) is nearest,
    measured in face heights; then only what hangs together with the subject's face is kept.

    Args:
        mask: (H, W) float32 in 0-1.
        subject: (478, 3) landmarks in pixels of the mask.
        others: landmarks of the other people, same pixels.

    Returns:
        (H, W) float32 in 0-1.
    """
    kept = mask
    if others:
        own = _axis_distance(mask.shape, subject)
        rival = np.min([_axis_distance(mask.shape, other) for other in others], axis=0)
        kept = mask * np.clip((rival - own) / 0.04 + 0.5, 0, 1).astype(np.float32)
    count, labels, _, _ = cv2.connectedComponentsWithStats((kept > 0.3).astype(np.uint8), connectivity=8)
    if count <= 2:
        return kept
    face = np.zeros(mask.shape, np.uint8)
    cv2.fillConvexPoly(face, cv2.convexHull(subject[list(topology.FACE_OVAL), :2].astype(np.int32)), 1)
    votes = np.bincount(labels[face > 0], minlength=count)
    votes[0] = 0
    if not votes.any():
        return kept
    own_part = cv2.dilate((labels == np.argmax(votes)).astype(np.uint8), np.ones((5, 5), np.uint8))
    return kept * own_part


def _axis_distance(shape: tuple[int, ...], landmarks: NDArray) -> NDArray:
    """(H, W) distance to the line from the brows down the body, in face heights."""
    brows = landmarks[list(topology.RIGHT_BROW + topology.LEFT_BROW), :2].mean(axis=0)
    chin = landmarks[topology.CHIN, :2]
    down = chin - brows
    height = max(float(np.linalg.norm(down)), 1.0)
    down = down / height
    # The head's middle lies behind the face: in a profile the landmarks sit at its edge.
    ears = landmarks[[topology.RIGHT_CHEEKBONE, topology.LEFT_CHEEKBONE], :2].mean(axis=0)
    start = brows + 0.7 * ((ears - brows) - ((ears - brows) @ down) * down)
    y, x = np.mgrid[0 : shape[0], 0 : shape[1]].astype(np.float32)
    x, y = x + 0.5 - start[0], y + 0.5 - start[1]
    along = np.maximum(x * down[0] + y * down[1], 0)
    return np.hypot(x - along * down[0], y - along * down[1]) / height
