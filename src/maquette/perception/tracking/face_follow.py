"""A face found again in the next frame, where it was in the frame before: by both networks, no detector is asked.

Each sees what the other does not: the detector's landmarks are the steadier ones on clear frontal faces, our network's
hold out in profile, in the dark and in blur. What neither believes is lost, and searched for anew.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

from maquette.core.types import Frame, Reading
from maquette.perception.faces import lids, quality, topology
from maquette.perception.faces.landmarker import Face, plausible
from maquette.perception.faces.patch import CROP_PER_FACE, Patch, crop_square
from maquette.perception.faces.regressor import reader
from maquette.perception.faces.regressor.align import face_square
from maquette.perception.faces.regressor.preferred import yaw
from maquette.perception.models import networks
from maquette.perception.tracking.face_sighting import FaceSighting

PRESENT = 0.5  # presence below which the landmark network sees no face
READ = 0.8  # the same of our network
SURE = 0.035  # mean standard deviation of its landmarks, share of the face's size, up to which they are believed
PROFILE = np.radians(58.0)  # yaw by our network beyond which the landmark network puts a frontal face on a cheek
APART = 0.12  # of the face's size: networks that differ by more do not see the same face
DRIFT = 0.08  # of the crop's side, by which a face may have moved before it is read once more
NEAR = 0.03  # of the face's size: one that moved farther is read by our network where it is now
REACH = 0.6  # of the face's size, by which one may move from frame to frame


def follow(frame: Frame, before: FaceSighting, number: int, device: str = "cpu") -> FaceSighting | None:
    """The face of the frame before in this one; None if it is no longer there.

    Args:
        number: of the frame in the clip.
    """
    found = _sighted(frame, before.points, number, device)
    if found is None:
        return None
    size = crop_square(before.points).side / CROP_PER_FACE
    step = np.linalg.norm(found.points[:, :2].mean(axis=0) - before.points[:, :2].mean(axis=0))
    grown = crop_square(found.points).side / CROP_PER_FACE / size
    return replace(found, track=before.track) if step < REACH * size and 0.6 < grown < 1.6 else None


def sighted(frame: Frame, face: Face, number: int, device: str = "cpu") -> FaceSighting | None:
    """A face that was searched for, read as it is when it is followed."""
    return _sighted(frame, face.landmarks, number, device)


def _sighted(frame: Frame, start: NDArray, number: int, device: str) -> FaceSighting | None:
    pixels = frame.pixels
    # Both networks at once, each on a core: the face is mostly still where it was.
    coming = _second_core().submit(_read, pixels, start, device)
    landmarks, presence, spread = _landmarks(pixels, start)
    reading = coming.result()
    seen = presence >= PRESENT and plausible(landmarks)
    if seen and _moved(start, landmarks) > NEAR:
        reading = _read(pixels, landmarks, device)
    believed = _believable(reading)
    seen = seen and (not believed or abs(yaw(reading.landmarks)) < PROFILE)
    if not seen and not believed:
        return None
    apart = np.linalg.norm(reading.landmarks[:, :2] - landmarks[:, :2], axis=1).mean()
    size = face_square(reading.landmarks).side
    if seen and believed and apart > APART * size:
        seen = presence > 0.9
    reading = replace(reading, disagreement=float(apart / size) if seen else None)
    points = landmarks if seen else reading.landmarks
    grey, bare = _patch_facts(pixels, points)
    confidence = _confidence(points, spread if seen else reading.sigma / size, pixels.shape, float(presence))
    shut = lids.shut_eyes(pixels, points)
    return FaceSighting(
        frame=number,
        time=float(frame.time or 0.0),
        track=0,
        shot=0,
        landmarks=landmarks,
        confidence=confidence * lids.trust(shut),
        detected=float(presence) if seen else 0.0,
        reading=reading,
        scores=networks.blendshapes(points).astype(float),
        shut=shut,
        sharpness=quality.sharpness(*grey),
        brightness=float(grey[0].mean() / 255),
        skin=bare,
    )


@lru_cache(maxsize=1)
def _second_core() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(1)


def _moved(start: NDArray, landmarks: NDArray) -> float:
    """How far a face went, over its size."""
    step = float(np.linalg.norm(landmarks[:, :2].mean(axis=0) - start[:, :2].mean(axis=0)))
    return step / face_square(landmarks).side


def _landmarks(pixels: NDArray, start: NDArray) -> tuple[NDArray, float, NDArray]:
    """(478, 3) pixels, presence and (478,) spread: the mean of a crop and of its mirror picture."""
    square = crop_square(start)
    for last in (False, True):
        patch = Patch.around(pixels, square)
        plain = patch.landmarks_in(patch.square)
        moved = crop_square(patch.to_full(plain.landmarks))
        drift = float(np.linalg.norm(moved.centre - square.centre)) / square.side
        if last or plain.presence < PRESENT or drift < DRIFT:
            break
        square = moved
    turned = patch.landmarks_in(patch.square, True)
    spread = np.linalg.norm(plain.landmarks[:, :2] - turned.landmarks[:, :2], axis=1) / 2
    mean = patch.to_full((plain.landmarks + turned.landmarks) / 2)
    return mean, (plain.presence + turned.presence) / 2, spread * CROP_PER_FACE / patch.square.side


def _read(pixels: NDArray, points: NDArray, device: str) -> Reading:
    return reader.read(pixels, face_square(points), device=device)


def _believable(reading: Reading) -> bool:
    extent = face_square(reading.landmarks).side
    sure = reading.presence >= READ and float(reading.sigma.mean()) <= SURE * extent
    return bool(sure and plausible(reading.landmarks))


def _confidence(points: NDArray, spread: NDArray, shape: tuple[int, ...], presence: float) -> NDArray:
    """(478,) 0-1, as `observe.landmark_confidence` but for what covers the skin."""
    turned_away = 0.15 + 0.85 * np.clip(topology.facing(points) / np.cos(np.radians(70)), 0, 1)
    agreement = 1 / (1 + (spread / 0.02) ** 2)
    x, y = points[:, 0], points[:, 1]
    inside = (x >= 0) & (y >= 0) & (x < shape[1]) & (y < shape[0])
    return turned_away * agreement * np.where(inside, 1.0, 0.1) * max(presence, 0.5)


def _patch_facts(pixels: NDArray, points: NDArray) -> tuple[tuple[NDArray, NDArray], float]:
    """The grey face with its landmarks in it, and how far the face has one skin.

    The last is the share of the face's oval whose tint is that of its middle: what a hand of the same person covers
    does not lower it, a microphone does.
    """
    low = np.maximum(np.floor(points[:468, :2].min(axis=0)).astype(int), 0)
    high = np.maximum(np.ceil(points[:468, :2].max(axis=0)).astype(int), low + 1)
    part = pixels[low[1] : high[1], low[0] : high[0]]
    if min(part.shape[:2]) < 4:
        return (np.zeros((4, 4), np.uint8), points - np.append(low, 0)), 0.0
    step = max(1, min(part.shape[:2]) // 48)
    lab = cv2.cvtColor(np.ascontiguousarray(part[::step, ::step]), cv2.COLOR_RGB2LAB).astype(np.float32)
    inside = np.zeros(lab.shape[:2], np.uint8)
    oval = (points[list(topology.FACE_OVAL), :2] - low) / step
    cv2.fillConvexPoly(inside, np.round(oval).astype(np.int32), 1)
    tint = lab[..., 1:][inside > 0]
    grey = cv2.cvtColor(np.ascontiguousarray(part), cv2.COLOR_RGB2GRAY)
    if len(tint) < 16:
        return (grey, points - np.append(low, 0)), 0.0
    off = np.linalg.norm(tint - np.median(tint, axis=0), axis=1)
    return (grey, points - np.append(low, 0)), float((off < 14).mean())
