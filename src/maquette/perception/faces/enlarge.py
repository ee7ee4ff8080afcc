"""Faces as they are looked for: small ones are enlarged before they are read."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from maquette.core.errors import NothingFound
from maquette.core.options import PerceptionOptions
from maquette.core.types import Camera, Frame, Observation
from maquette.imaging.upscale.method import DEFAULT, advised, check, upscaled
from maquette.perception.cutout import CROP_LIMIT
from maquette.perception.faces import topology
from maquette.perception.faces.observe import observe as perceive

SMALLEST_FACE = 12.0  # pixels; below that an enlargement invents a face
AROUND = 0.3  # of the observation's box: what is cut out beyond it, for the detector
NEIGHBOURS = 1000  # faces looked for in an enlargement
SAME = 0.5  # of the face's width: further away lies another face


def observe_enlarged(frame: Frame, options: PerceptionOptions) -> list[Observation]:
    """Every face in a picture; small ones are observed again in an enlarged cut-out of their surroundings.

    With `upscale` "auto" faces under 96 pixels are enlarged 2 or 4 times, and faces smaller than `min_face` are taken
    where there is no larger one. "2" and "4" enlarge all faces, "off" none. An enlarged observation has a note saying
    so; its box and full size stay in pixels of the photo, and its crop has 2 or 4 pixels for each of them.

    Raises:
        NothingFound: as `perception.faces.observe.observe`.
    """
    if options.upscale == "off":
        return perceive(frame, options)
    try:
        seen = perceive(frame, options)
    except NothingFound:
        seen = perceive(frame, replace(options, min_face=min(SMALLEST_FACE, options.min_face)))
    return [_chosen(frame, face, options) for face in seen]


def face_width(face: Observation) -> float:
    """Pixels of the photo between the cheekbones in 3D, as `min_face` counts: turning the head does not change it."""
    per_crop = (face.box[2] - face.box[0]) / face.frame.size[0]
    right, left = face.landmarks[[topology.RIGHT_CHEEKBONE, topology.LEFT_CHEEKBONE]]
    return float(np.linalg.norm(right - left) * per_crop)


def _chosen(frame: Frame, face: Observation, options: PerceptionOptions) -> Observation:
    """The face, enlarged if the options or its width ask for it."""
    factor = advised(face_width(face)) if options.upscale == "auto" else int(options.upscale)
    return face if factor == 1 else enlarge(frame, face, options, factor)


def enlarge(
    frame: Frame, face: Observation, options: PerceptionOptions, factor: int, method: str = DEFAULT
) -> Observation:
    """One face of a picture, observed again in its enlarged surroundings; with a note, also where that fails.

    Args:
        frame: the whole picture. face: what was seen in it.
        factor: 2 or 4; less where the crop would be larger than an observation's may be.
        method: a name of `imaging.upscale.method.METHODS`.

    Raises:
        BadInput: an unknown factor or method.
    """
    check(factor, method)
    width = face_width(face)
    while factor > 1 and (face.box[2:] - face.box[:2]).max() * factor > CROP_LIMIT:
        factor //= 2
    if factor == 1:
        return replace(face, notes=(*face.notes, f"face of {width:.0f} pixels: not enlarged, it is large enough"))
    region = _around(face.box, frame.size)
    x0, y0, x1, y1 = region
    part = replace(frame, pixels=np.ascontiguousarray(frame.pixels[y0:y1, x0:x1]))
    try:
        # All neighbours, so that none of them is taken for this one; nothing much smaller.
        wanted = replace(options, min_face=max(1.0, width * factor / 2), max_faces=NEIGHBOURS)
        found = perceive(upscaled(part, factor, method, device=options.device), wanted)
    except NothingFound:
        found = []
    placed = [_in_photo(near, region[:2], factor, face) for near in found]
    best = min(placed, key=lambda near: _apart(near, face), default=None)
    if best is None or _apart(best, face) > SAME * width:
        return replace(face, notes=(*face.notes, f"face of {width:.0f} pixels: not found again in its enlargement"))
    note = f"face of {width:.0f} pixels enlarged {factor} times ({method}): its detail is guessed"
    return replace(best, notes=(*best.notes, note))


def _apart(near: Observation, face: Observation) -> float:
    """Pixels of the photo between the middles of two faces' landmarks."""
    return float(np.linalg.norm(_middle(near) - _middle(face)))


def _middle(face: Observation) -> NDArray:
    """(2,) pixels of the photo."""
    per_crop = (face.box[2:] - face.box[:2]) / face.frame.size
    return face.box[:2] + face.landmarks[:, :2].mean(axis=0) * per_crop


def _around(box: NDArray, size: tuple[int, int]) -> NDArray:
    """(4,) int: the box and some more, within the photo."""
    margin = AROUND * (box[2:] - box[:2])
    low = np.maximum(np.floor(box[:2] - margin), 0)
    high = np.minimum(np.ceil(box[2:] + margin), size)
    return np.concatenate([low, high]).astype(int)


def _in_photo(near: Observation, corner: NDArray, factor: int, face: Observation) -> Observation:
    """An observation of the enlargement in pixels of the photo."""
    box = near.box / factor + np.tile(corner, 2)
    camera = face.camera
    if camera is not None and face.frame.focal:
        scale = near.frame.size[0] / (box[2] - box[0])
        focal = face.frame.focal / (face.frame.size[0] / (face.box[2] - face.box[0])) * scale
        centre = (np.array(face.full_size) / 2 - box[:2]) * scale
        intrinsics = np.array([[focal, 0, centre[0]], [0, focal, centre[1]], [0, 0, 1]], float)
        camera = Camera(intrinsics, np.eye(4), near.frame.size)
    return replace(near, box=box, camera=camera, full_size=face.full_size)
