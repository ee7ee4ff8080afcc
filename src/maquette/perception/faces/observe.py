"""From a frame to an observation of each of its faces."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from maquette.core.errors import NothingFound
from maquette.core.options import PerceptionOptions
from maquette.core.types import Frame, Observation, Reading, Subject
from maquette.perception.cutout import camera_of, cut_out, whole_pixels
from maquette.perception.faces import lids, segment, skin, topology
from maquette.perception.faces.coverings.neighbours import share_of
from maquette.perception.faces.coverings.region import covered_region
from maquette.perception.faces.landmarker import Face
from maquette.perception.faces.parsing.masks import head_masks
from maquette.perception.faces.regressor import reader
from maquette.perception.faces.regressor.align import face_square
from maquette.perception.faces.regressor.preferred import with_preferred_landmarks
from maquette.perception.faces.search import find_faces
from maquette.perception.limit import limited
from maquette.perception.models import networks

CROP_PER_FACE = 2.2  # side of an observation's crop over the height of the face: hair, ears and neck with a margin
CROP_UP = 0.06  # share of the face height by which the crop's centre lies above the face's: hair needs more than neck
DEFAULTS = PerceptionOptions()


def observe(frame: Frame, options: PerceptionOptions = DEFAULTS) -> list[Observation]:
    """Every face in a picture.

    An observation's `box` is in pixels of the full frame. Its crop holds exactly that box, shrunk if its longer side
    exceeds 2048 pixels: crop pixel = (full pixel - box minimum) * crop width / box width. Landmarks, mask and camera
    are for the crop.

    Returns:
        One observation per face, left to right; faces are as they lie in the photo, also upside down.

    Raises:
        NothingFound: one line: no face, or only faces smaller than `options.min_face`.
    """
    faces = find_faces(frame.pixels, options)
    large = [face for face in faces if face.width >= options.min_face]
    name = Path(frame.origin).name if frame.origin else "the picture"
    if not faces:
        raise NothingFound(
            f"{name}: no face found, also on brightened, turned and enlarged copies: "
            "use a photo that shows the face larger, brighter and more from the front"
        )
    if not large:
        widest = max(face.width for face in faces)
        raise NothingFound(
            f"{name}: face too small: {widest:.0f} px wide, at least {options.min_face:g} are needed: "
            "use a larger version of the photo, or lower --min-face"
        )
    left_out = len(large) - options.max_faces
    large = sorted(large, key=lambda face: -face.size)[: options.max_faces]
    ordered = sorted(large, key=lambda face: face.box[[0, 2]].mean())
    with ThreadPoolExecutor(min(len(ordered), 4)) as pool:  # cutting out is cv2 and numpy, which let go of the lock
        seen = list(pool.map(lambda face: _observation(frame, face, faces, options.device), ordered))
    return limited(seen, left_out, "--max-faces")


def _observation(frame: Frame, face: Face, faces: list[Face], device: str) -> Observation:
    box = _crop_box(frame.size, face)
    crop, scale = cut_out(frame.pixels, box)
    landmarks = _into_crop(face.landmarks, box, scale)
    others = [_into_crop(other.landmarks, box, scale) for other in faces if other is not face]
    reading = _reading(crop, landmarks, face, device)
    towards = topology.facing(landmarks)
    share = share_of(crop, landmarks, others)
    covered = _covered(None if face.bare else covered_region(crop, landmarks, towards), share)
    bare = skin.skin_mask(crop, landmarks, towards, covered)
    mask = segment.subject_mask(crop, face.roll, landmarks, share)
    shut = lids.shut_eyes(crop, landmarks)
    seen = Observation(
        frame=Frame(crop, frame.time, frame.origin, frame.focal * scale if frame.focal else None),
        box=box,
        subject=Subject.FACE,
        landmarks=landmarks,
        landmark_scheme=topology.SCHEME,
        landmark_confidence=landmark_confidence(landmarks, face, towards, bare) * lids.trust(shut),
        mask=mask,
        skin=bare,
        covered=covered,
        confidence=face.score * face.presence,
        camera=camera_of(frame, box, scale, crop),
        full_size=frame.size,
        notes=(face.note,) if face.note else (),
        reading=reading,
        shut_eyes=shut,
        expression_scores=networks.blendshapes(landmarks).astype(float),
    )
    seen = with_preferred_landmarks(seen)
    found = head_masks(crop, seen.landmarks, mask, device)
    return replace(seen, hair=found.hair, beard=found.beard, glasses=found.glasses, headwear=found.headwear)


def _covered(region: NDArray | None, share: NDArray | None) -> NDArray | None:
    """(H, W) float32 0-1: what covers the face, and other people; None if it is nowhere."""
    others = None if share is None else (1 - share).astype(np.float32)
    found = [part for part in (region, others) if part is not None and part.any()]
    return np.max(found, axis=0) if found else None


def _reading(crop: NDArray, landmarks: NDArray, face: Face, device: str) -> Reading:
    """What the network says of the same face, and how far it differs from the detector."""
    reading = reader.read(crop, face_square(landmarks), device=device)
    if face.from_regressor:
        return reading
    apart = np.linalg.norm(reading.landmarks[:, :2] - landmarks[:, :2], axis=1).mean()
    return replace(reading, disagreement=float(apart / np.ptp(landmarks[:, :2], axis=0).max()))


def _crop_box(size: tuple[int, int], face: Face) -> NDArray:
    """(4,) whole pixels of the full frame: a square around the head, clipped to the frame."""
    height = face.size
    up = np.array([np.sin(face.roll), -np.cos(face.roll)])
    centre = (face.box[:2] + face.box[2:]) / 2 + up * CROP_UP * height
    half = CROP_PER_FACE * height / 2
    return whole_pixels(centre - half, centre + half, size)


def _into_crop(landmarks: NDArray, box: NDArray, scale: float) -> NDArray:
    return (landmarks - np.append(box[:2], 0)) * scale


def landmark_confidence(landmarks: NDArray, face: Face, towards: NDArray, bare: NDArray) -> NDArray:
    """How far each landmark can be trusted, the product of five shares in 0-1.

    Facing (1 up to 70 degrees from the viewer, falling to 0.15 where the surface turns away), agreement of the averaged
    crops, lying inside the picture, bare skin around it (covered points are guesses: 0.6), presence.

    Args:
        landmarks: (478, 3), pixels of the crop.
        towards: (478,), see `topology.facing`.
        bare: (H, W) skin mask of the crop.
    """
    height, width = bare.shape
    turned_away = 0.15 + 0.85 * np.clip(towards / np.cos(np.radians(70)), 0, 1)
    agreement = 1 / (1 + (face.spread / 0.02) ** 2)
    x, y = landmarks[:, 0], landmarks[:, 1]
    inside = (x >= 0) & (y >= 0) & (x < width) & (y < height)
    around = cv2.blur(bare, (1 + 2 * max(1, round(0.02 * height)),) * 2)
    covered = around[np.clip(y.astype(int), 0, height - 1), np.clip(x.astype(int), 0, width - 1)]
    shown = 0.6 + 0.4 * np.clip(covered / 0.3, 0, 1)
    shown[list(topology.RIGHT_EYE + topology.LEFT_EYE + topology.RIGHT_IRIS + topology.LEFT_IRIS)] = 1.0
    return turned_away * agreement * np.where(inside, 1.0, 0.1) * shown * face.presence
