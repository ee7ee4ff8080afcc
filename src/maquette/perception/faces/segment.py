"""The person against the background, and this person against the others."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from maquette.perception.copies import at_most
from maquette.perception.faces import topology
from maquette.perception.guided_filter import guided_filter
from maquette.perception.models import networks
from maquette.perception.models.results import SEGMENTER_INPUT

EDGE_SIDE = 1024  # pixels, longer side at which edges are refined; larger crops enlarge the result
EDGE_RADIUS = 0.016  # guided filter radius as share of the longer side: twice a pixel of the network's output
EDGE_SMOOTHNESS = (0.03 * 255) ** 2  # guided filter epsilon: contrast below 3 % of the range is no edge
FINE = EDGE_SMOOTHNESS / 4
STEEPER = 1.8  # by how much the soft edge of a guided filter is steepened


def subject_mask(pixels: NDArray, roll: float, subject: NDArray, share: NDArray | None = None) -> NDArray:
    """How likely each pixel shows the subject.

    Args:
        pixels: (H, W, 3) uint8, a crop around one head.
        roll: turn of the head in it, radians, clockwise as seen; the network only knows upright people.
        subject: (478, 3) landmarks, pixels of the crop.
        share: (H, W) in 0-1, what is the subject's among people, see `coverings.neighbours`; None: nobody else is.

    Returns:
        (H, W) float32 in 0-1; its edges follow those of the picture.
    """
    height, width = pixels.shape[:2]
    guide = at_most(pixels, EDGE_SIDE)
    scaling = np.array([guide.shape[1] / width, guide.shape[0] / height, 1.0])
    if share is not None and guide is not pixels:
        share = cv2.resize(share, guide.shape[1::-1], interpolation=cv2.INTER_LINEAR)
    mask = only_subject(person_mask(guide, roll), subject * scaling, share)
    return mask if guide is pixels else cv2.resize(mask, (width, height), interpolation=cv2.INTER_LINEAR)


def person_mask(pixels: NDArray, roll: float = 0.0) -> NDArray:
    """(H, W) float32 in 0-1, how likely each pixel of (H, W, 3) shows any person; edges follow the picture."""
    quarter = int(np.round(roll / (np.pi / 2))) % 4
    upright = np.ascontiguousarray(np.rot90(pixels, quarter))
    seen = cv2.resize(upright, (SEGMENTER_INPUT, SEGMENTER_INPUT), interpolation=cv2.INTER_AREA)
    coarse = np.clip(networks.segment(seen), 0, 1)
    return np.ascontiguousarray(np.rot90(refine_edges(upright, coarse), -quarter), np.float32)


def refine_edges(guide: NDArray, coarse: NDArray) -> NDArray:
    """Move the edges of a coarse soft mask to those of the picture (guided filter, He et al. 2013), and steepen them.

    Args:
        guide: (H, W, 3) uint8.
        coarse: (h, w) float32 in 0-1, of the same picture.

    Returns:
        (H, W) float32 in 0-1.
    """
    height, width = guide.shape[:2]
    half = max(1, width // 2), max(1, height // 2)
    firm = np.ascontiguousarray(coarse, np.float32)
    # At half size the edge is found, at full size it is drawn to a pixel or two.
    for size, share, smoothness in ((half, EDGE_RADIUS, EDGE_SMOOTHNESS), ((width, height), EDGE_RADIUS / 3, FINE)):
        radius = max(2, round(share * max(size)))
        picture = guide if size == (width, height) else cv2.resize(guide, size, interpolation=cv2.INTER_AREA)
        enlarged = np.clip(cv2.resize(firm, size, interpolation=cv2.INTER_CUBIC), 0, 1)
        smooth = guided_filter(picture, enlarged, radius, smoothness)
        firm = np.clip((smooth - 0.5) * STEEPER + 0.5, 0, 1).astype(np.float32)
    return firm


def only_subject(mask: NDArray, subject: NDArray, share: NDArray | None) -> NDArray:
    """Keep the part of a mask that belongs to one of several people and hangs together with the subject's face.

    Args:
        mask: (H, W) float32 in 0-1.
        subject: (478, 3) landmarks in pixels of the mask.
        share: (H, W) as for `subject_mask`.

    Returns:
        (H, W) float32 in 0-1.
    """
    kept = mask if share is None else mask * share
    count, labels, _, _ = cv2.connectedComponentsWithStats((kept > 0.5).astype(np.uint8), connectivity=4)
    if count <= 2:
        return kept
    face = np.zeros(mask.shape, np.uint8)
    cv2.fillConvexPoly(face, cv2.convexHull(subject[list(topology.FACE_OVAL), :2].astype(np.int32)), (1,))
    votes = np.bincount(labels[face > 0], minlength=count)
    votes[0] = 0
    if not votes.any():
        return kept
    rim = np.ones((1 + 2 * round(EDGE_RADIUS * max(mask.shape)),) * 2, np.uint8)  # the soft edge belongs to it
    return kept * cv2.dilate((labels == np.argmax(votes)).astype(np.uint8), rim)
