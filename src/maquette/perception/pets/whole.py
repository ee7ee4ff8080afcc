"""From a frame to an observation of each of its animals, whole: the outline counts, the face where it can be read."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from maquette.core.errors import NothingFound
from maquette.core.options import PerceptionOptions
from maquette.core.types import Frame, Observation, Subject
from maquette.perception.cutout import camera_of, cut_out, whole_pixels
from maquette.perception.limit import limited
from maquette.perception.pets.find import HOOFED, Animal, find_animals
from maquette.perception.pets.landmarks import PetLandmarks, read_landmarks
from maquette.perception.pets.mask import animal_mask
from maquette.perception.pets.observe import instead
from maquette.perception.pets.schemes import NAMES, SCHEME, SPECIES
from maquette.perception.pets.search import GOOD, face_of
from maquette.perception.square import Square

DEFAULTS = PerceptionOptions()
AROUND = 0.12  # of the box's longer side, on each side of the crop
SMALL_PX = 64  # longer side of an animal that is refused
BEYOND = 0.04  # of the box, around it, within which the outline may lie
FACE_SURE = 0.3  # quality from which on a face's landmarks are used
HEADS, STEP, UPPER = (0.42, 0.3), 0.6, 0.65  # sides of squares, of the box's shorter side; steps; where heads are
EDGE = 0.01  # of a picture, along its border: what reaches there is cut
UNREAD = 0.7  # probability of the species that the detector names, where no face says it


def observe_whole_pets(frame: Frame, options: PerceptionOptions = DEFAULTS) -> list[Observation]:
    """Every animal in a picture, whole.

    As `observe.observe_pets`, but a crop holds the animal's box, and a face need not be seen: where it is not, the
    landmarks have no confidence.

    Raises:
        NothingFound: one line: no animal, or none whose outline is seen.
    """
    name = Path(frame.origin).name if frame.origin else "the picture"
    found = find_animals(frame.pixels)
    if not found.animals:
        raise NothingFound(f"{name}: {instead(found)}")
    least = max(SMALL_PX, options.min_face)
    large = [animal for animal in found.animals if _side(animal) >= least]
    if not large:
        raise NothingFound(
            f"{name}: {found.animals[0].kind} too small: {max(map(_side, found.animals)):.0f} px, at least {least:g} "
            "are needed: use a larger version of the photo"
        )
    left_out = len(large) - options.max_faces
    large = sorted(large, key=lambda one: -_side(one))[: options.max_faces]
    seen = [_observation(frame, one) for one in sorted(large, key=lambda one: one.box[0] + one.box[2])]
    outlined = [one for one in seen if one is not None]
    if not outlined:
        raise NothingFound(f"{name}: {large[0].kind} found, but not its outline: use a photo with a plainer background")
    return limited(outlined, left_out, "--max-faces")


def _side(animal: Animal) -> float:
    return float((animal.box[2:] - animal.box[:2]).max())


def _observation(frame: Frame, animal: Animal) -> Observation | None:
    margin = AROUND * _side(animal)
    box = whole_pixels(animal.box[:2] - margin, animal.box[2:] + margin, frame.size)
    crop, scale = cut_out(frame.pixels, box)
    inside = (animal.box - np.tile(box[:2], 2)) * scale
    mask = animal_mask(crop, inside)
    if mask is None:
        return None
    mask = np.ascontiguousarray(mask * _window(inside, crop.shape[:2]))
    face = _face(frame.pixels, animal)
    points, sigma = _landmarks(face, box, scale, inside)
    return Observation(
        frame=Frame(crop, frame.time, frame.origin, frame.focal * scale if frame.focal else None),
        box=box,
        subject=Subject.PET,
        landmarks=np.column_stack([points, np.zeros(len(points))]),
        landmark_scheme=SCHEME,
        landmark_confidence=np.zeros(len(points)) if face is None else np.clip(face.visible, 0, 1).astype(float),
        mask=mask,
        confidence=float(animal.score),
        camera=camera_of(frame, box, scale, crop),
        full_size=frame.size,
        landmark_sigma=sigma,
        notes=_notes(animal, face, mask, box, frame.size),
        species=_species(animal, face),
        kinds={} if face is None else dict(face.alike),
    )


def _face(pixels: NDArray, animal: Animal) -> PetLandmarks | None:
    """The face of an animal whose head is a small part of it; None where none is surely read."""
    best = face_of(pixels, animal)
    if best is None or best.quality < GOOD:
        every = [read_landmarks(pixels, square) for square in _heads(animal)]
        best = max([*every, *([] if best is None else [best])], key=lambda one: one.quality)
    return best if best.quality >= FACE_SURE else None


def _heads(animal: Animal) -> list[Square]:
    """Squares in which a head may be: small ones, in the upper part of the box."""
    low, size = animal.box[:2], (animal.box[2:] - animal.box[:2]) * [1, UPPER]
    out = []
    for share in HEADS:
        part = share * float((animal.box[2:] - animal.box[:2]).min())
        counts = np.maximum(np.ceil((size - part) / (STEP * part)).astype(int) + 1, 1)
        columns, rows = (low[k] + np.linspace(part / 2, size[k] - part / 2, counts[k]) for k in (0, 1))
        out += [Square(np.array([x, y]), 1.2 * part, 0.0) for x in columns for y in rows]
    return out


def _landmarks(face: PetLandmarks | None, box: NDArray, scale: float, inside: NDArray) -> tuple[NDArray, NDArray]:
    """(20, 2) pixels of the crop and their sigma (20,); of a face that is not read, the middle of the animal's box."""
    if face is None:
        middle, side = (inside[:2] + inside[2:]) / 2, float((inside[2:] - inside[:2]).max())
        return np.tile(middle, (len(NAMES), 1)), np.full(len(NAMES), side)
    return (face.points - box[:2]) * scale, face.sigma.astype(float) * scale


def _window(inside: NDArray, size: tuple[int, int]) -> NDArray:
    """(H, W) float32: 1 in the animal's box and a little beyond, where another animal does not begin."""
    out = np.zeros(size, np.float32)
    margin = BEYOND * (inside[2:] - inside[:2])
    low, high = np.floor(inside[:2] - margin).astype(int).clip(0), np.ceil(inside[2:] + margin).astype(int)
    out[low[1] : high[1], low[0] : high[0]] = 1
    return out


def _species(animal: Animal, face: PetLandmarks | None) -> dict[str, float]:
    """Probability of each species: the face's, where it is read; else by what the detector takes it for."""
    if face is not None:
        return dict(face.species)
    likeliest = animal.kind if animal.kind in SPECIES else "wild"
    rest = (1 - UNREAD) / (len(SPECIES) - 1)
    return {name: UNREAD if name == likeliest else rest for name in SPECIES}


def _notes(
    animal: Animal, face: PetLandmarks | None, mask: NDArray, box: NDArray, full: tuple[int, int]
) -> tuple[str, ...]:
    notes = []
    if face is None:
        notes.append("the face was not read: where the animal looks comes from its outline alone")
    if animal.kind in HOOFED:
        notes.append(f"it looks like a {animal.kind}: the model is of dogs and cats: it is rough")
    cut = cut_sides(mask, box, full)
    if cut:
        notes.append(f"the photo cuts the animal ({', '.join(cut)}): what lies outside is the model's")
    return tuple(notes)


def cut_sides(mask: NDArray, box: NDArray, full: tuple[int, int]) -> tuple[str, ...]:
    """Sides of the photo, "left", "top", "right", "bottom", that the animal reaches.

    Args:
        mask: (H, W) of the crop. box: (4,) of the crop in the full frame. full: (width, height).
    """
    strip = max(1, round(EDGE * max(mask.shape)))
    at_end = np.array([box[0] <= 1, box[1] <= 1, box[2] >= full[0] - 1, box[3] >= full[1] - 1])
    strips = (mask[:, :strip], mask[:strip], mask[:, -strip:], mask[-strip:])
    sides = ("left", "top", "right", "bottom")
    return tuple(
        name
        for name, ends, part, length in zip(sides, at_end, strips, np.array(mask.shape)[[0, 1, 0, 1]])
        if ends and (part > 0.5).any(axis=0 if name in ("top", "bottom") else 1).sum() > 0.04 * length
    )
