"""Small faces are enlarged before they are read: each face's surroundings, never the whole photo."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from maquette.core.errors import NothingFound
from maquette.core.options import PerceptionOptions
from maquette.core.types import Camera, Frame, Observation
from maquette.imaging.upscale.method import DEFAULT, advised, upscaled
from maquette.perception.observe import observe as perceive

SMALLEST_FACE = 12.0  # pixels; below that an enlargement invents a face
AROUND = 0.3  # of the observation's box: what is cut out beyond it, for the detector


def observe(frame: Frame, options: PerceptionOptions) -> list[Observation]:
    """Every face in a picture; small ones are looked at again in an enlarged cut-out of their surroundings.

    With `upscale` "auto" faces under 96 pixels are enlarged 2 or 4 times, and faces smaller than `min_face` are taken
    where there is no larger one. "2" and "4" enlarge all faces, "off" none. An enlarged observation has a note saying
    so; its box and full size stay in pixels of the photo, and its crop has 2 or 4 pixels for each of them.

    Raises:
        NothingFound: as `perception.observe`.
    """
    if options.upscale == "off":
        return perceive(frame, options)
    try:
        seen = perceive(frame, options)
    except NothingFound:
        seen = perceive(frame, replace(options, min_face=min(SMALLEST_FACE, options.min_face)))
    return [_closer(frame, face, options) for face in seen]


def face_width(face: Observation) -> float:
    """Pixels of the photo that the landmarks span from side to side."""
    per_crop = (face.box[2] - face.box[0]) / face.frame.size[0]
    return float(np.ptp(face.landmarks[:, 0]) * per_crop)


def _closer(frame: Frame, face: Observation, options: PerceptionOptions) -> Observation:
    width = face_width(face)
    factor = advised(width) if options.upscale == "auto" else int(options.upscale)
    if factor == 1:
        return face
    region = _around(face.box, frame.size)
    x0, y0, x1, y1 = region
    part = replace(frame, pixels=np.ascontiguousarray(frame.pixels[y0:y1, x0:x1]))
    try:
        found = perceive(upscaled(part, factor), replace(options, min_face=min(SMALLEST_FACE, options.min_face)))
    except NothingFound:
        return replace(face, notes=(*face.notes, f"face of {width:.0f} pixels: not found again in its enlargement"))
    middle = (face.box[:2] + face.box[2:]) / 2
    placed = [_in_photo(near, region[:2], factor, face) for near in found]
    best = min(placed, key=lambda near: np.linalg.norm((near.box[:2] + near.box[2:]) / 2 - middle))
    note = f"face of {width:.0f} pixels enlarged {factor} times ({DEFAULT}): its detail is guessed"
    return replace(best, notes=(*best.notes, note))


def _around(box: NDArray, size: tuple[int, int]) -> NDArray:
    """(4,) int: the box and some more, within the photo."""
    margin = AROUND * (box[2:] - box[:2])
    low = np.maximum(np.floor(box[:2] - margin), 0)
    high = np.minimum(np.ceil(box[2:] + margin), size)
    return np.concatenate([low, high]).astype(int)


def _in_photo(near: Observation, corner: NDArray, factor: int, face: Observation) -> Observation:
    """An observation of the enlargement, told in pixels of the photo."""
    box = near.box / factor + np.tile(corner, 2)
    camera = face.camera
    if camera is not None:
        scale = near.frame.size[0] / (box[2] - box[0])
        focal = face.frame.focal / (face.frame.size[0] / (face.box[2] - face.box[0])) * scale
        centre = (np.array(face.full_size) / 2 - box[:2]) * scale
        intrinsics = np.array([[focal, 0, centre[0]], [0, focal, centre[1]], [0, 0, 1]], float)
        camera = Camera(intrinsics, np.eye(4), near.frame.size)
    return replace(near, box=box, camera=camera, full_size=face.full_size)
