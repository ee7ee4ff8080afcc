"""From a frame to an observation of each of its animals."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from maquette.core.errors import NothingFound
from maquette.core.options import PerceptionOptions
from maquette.core.types import Frame, Observation, Subject
from maquette.perception.cutout import camera_of, cut_out, whole_pixels
from maquette.perception.limit import limited
from maquette.perception.pets.find import HOOFED, TOY, Animal, Found, find_animals
from maquette.perception.pets.landmarks import PetLandmarks
from maquette.perception.pets.mask import animal_mask
from maquette.perception.pets.schemes import EYES, SCHEME
from maquette.perception.pets.search import face_of

DEFAULTS = PerceptionOptions()
AROUND = 0.35  # of the landmarks' extent, on each side of the crop: fur, ears' rims, the neck
DIM, SHARP = 40.0, 25.0  # mean brightness below which a face is dark; variance of its Laplacian below which blurred
FACE_SIDE = 128  # pixels to which a face is brought to be judged
DOUBTFUL = 0.22  # quality of landmarks below which a result is rough
LIVING = 0.5  # share of a kind of living animal from which on nothing is called a toy
UNSURE_SPECIES = 0.6  # probability of the likeliest species below which a note says so


def observe_pets(frame: Frame, options: PerceptionOptions = DEFAULTS) -> list[Observation]:
    """Every animal's face in a picture.

    An observation's crop holds its `box` of the full frame, shrunk if its longer side exceeds 2048 pixels. Landmarks
    are the twenty of `schemes.NAMES`.

    Returns:
        One observation per animal, left to right.

    Raises:
        NothingFound: one line: no animal (and what there is instead), or only faces smaller than `options.min_face`.
    """
    name = Path(frame.origin).name if frame.origin else "the picture"
    found = find_animals(frame.pixels)
    if not found.animals:
        raise NothingFound(f"{name}: {instead(found)}")
    read = [(animal, face_of(frame.pixels, animal)) for animal in found.animals]
    faces = [(animal, face) for animal, face in read if face is not None]
    if not faces:
        raise NothingFound(
            f"{name}: {found.animals[0].kind} found, but not its face: use a photo that shows its face from the front"
        )
    large = [(animal, face) for animal, face in faces if _width(face) >= options.min_face]
    if not large:
        widest = max(_width(face) for _, face in faces)
        raise NothingFound(
            f"{name}: face too small: {widest:.0f} px wide, at least {options.min_face:g} are needed: "
            "use a larger version of the photo, or lower --min-face"
        )
    left_out = len(large) - options.max_faces
    large = sorted(large, key=lambda one: -_width(one[1]))[: options.max_faces]
    ordered = sorted(large, key=lambda one: one[1].points[:, 0].mean())
    return limited([_observation(frame, *one) for one in ordered], left_out, "--max-faces")


def instead(found: Found) -> str:
    """What to say of a picture without an animal."""
    if "person" in found.others:
        return "no cat, dog or wild animal found, but a person: use `maquette face` or `maquette person`"
    if "bird" in found.others:
        return "a bird, and no cat, dog or wild animal with fur: there is no model of birds"
    return "no animal found, also on a smaller copy: use a photo of a cat, a dog or the like, larger and brighter"


def _width(face: PetLandmarks) -> float:
    return float(np.ptp(face.points[:, 0]))


def _observation(frame: Frame, animal: Animal, face: PetLandmarks) -> Observation:
    box = _crop_box(frame, face)
    crop, scale = cut_out(frame.pixels, box)
    points = (face.points - box[:2]) * scale
    inside = (animal.box - np.tile(box[:2], 2)) * scale
    mask = animal_mask(crop, inside)
    notes = _notes(animal, face, crop, points)
    if mask is None:
        mask = _drawn_mask(points, crop.shape[:2])
        notes = (*notes, "the animal's outline was not found: ears and cheeks follow the landmarks alone")
    return Observation(
        frame=Frame(crop, frame.time, frame.origin, frame.focal * scale if frame.focal else None),
        box=box,
        subject=Subject.PET,
        landmarks=np.column_stack([points, np.zeros(len(points))]),
        landmark_scheme=SCHEME,
        landmark_confidence=np.clip(face.visible, 0, 1).astype(float),
        mask=np.ascontiguousarray(mask),
        confidence=float(animal.score),
        camera=camera_of(frame, box, scale, crop),
        full_size=frame.size,
        notes=notes,
        landmark_sigma=face.sigma.astype(float) * scale,
        species=dict(face.species),
        kinds=dict(face.alike),
    )


def _crop_box(frame: Frame, face: PetLandmarks) -> NDArray:
    """(4,) whole pixels of the full frame around the head, clipped to the frame."""
    low, high = face.points.min(axis=0), face.points.max(axis=0)
    margin = AROUND * (high - low).max()
    return whole_pixels(low - margin, high + margin, frame.size)


def _drawn_mask(points: NDArray, size: tuple[int, int]) -> NDArray:
    """(H, W) float32: the hull of the landmarks, for want of an outline."""
    mask = np.zeros(size, np.uint8)
    cv2.fillConvexPoly(mask, cv2.convexHull(points.astype(np.int32)), (1,))
    return mask.astype(np.float32)


def _notes(animal: Animal, face: PetLandmarks, crop: NDArray, points: NDArray) -> tuple[str, ...]:
    """Plain words on what makes a result rough."""
    notes = []
    likeliest = max(face.species, key=face.species.__getitem__)
    if animal.kind == TOY and max(face.alike.values(), default=0.0) < LIVING:
        notes.append("it may be a toy: the shape is that of a living animal")
    if animal.kind in HOOFED and animal.score > 0.6 and face.species[likeliest] < UNSURE_SPECIES:
        notes.append(f"it looks like a {animal.kind}: the models are of cats, dogs and wild cats: it is rough")
    elif face.species[likeliest] < UNSURE_SPECIES:
        shares = ", ".join(f"{name} {share:.0%}" for name, share in face.species.items())
        notes.append(f"the species is not sure: {shares}")
    if face.quality < DOUBTFUL:
        notes.append("the face is hard to read (turned away, covered or small): the result is rough")
    low, high = points.min(axis=0), points.max(axis=0)
    if (low < 0).any() or (high > np.array(crop.shape[1::-1])).any():
        notes.append("part of the head lies outside the photo: ears or chin there are guessed")
    eyes = points[[index for pair in EYES for index in pair] + [4]]
    brightness, sharpness = _judged(crop, eyes)
    if brightness < DIM:
        notes.append("the face is dark: eyes and nose may lie a little beside their places")
    elif sharpness < SHARP:
        notes.append("the face is blurred: the texture is too")
    return tuple(notes)


def _judged(crop: NDArray, points: NDArray) -> tuple[float, float]:
    """Mean brightness (0-255) of the face between eyes and nose, and how sharp it is."""
    low = np.clip(np.floor(points.min(axis=0)), 0, np.array(crop.shape[1::-1]) - 2).astype(int)
    high = np.clip(np.ceil(points.max(axis=0)), low + 2, crop.shape[1::-1]).astype(int)
    grey = cv2.cvtColor(np.ascontiguousarray(crop[low[1] : high[1], low[0] : high[0]]), cv2.COLOR_RGB2GRAY)
    square = cv2.resize(grey, (FACE_SIDE, FACE_SIDE), interpolation=cv2.INTER_AREA)
    return float(grey.mean()), float(cv2.Laplacian(square.astype(np.float32), cv2.CV_32F).var())
