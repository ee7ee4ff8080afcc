"""The faces of a picture: candidates with landmarks that are believed; altered copies are searched if it shows none."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

from numpy.typing import NDArray

from maquette.core.options import PerceptionOptions
from maquette.perception.copies import Copy, Search, brightened, find_all, noted, search_copy, turned
from maquette.perception.faces import detect, verify
from maquette.perception.faces.coverings import second_look
from maquette.perception.faces.landmarker import Face, find_landmarks
from maquette.perception.faces.regressor import rescue
from maquette.perception.models.interpreter import ahead
from maquette.perception.models.results import FaceDetection

TURNS = (180, 90, -90, 30, -30, 60, -60)  # degrees anticlockwise, likely ones first
NARROW = 0.6  # of a face's width, to which no detection of it comes down: 0.79 to 1.46 were measured
SMALLEST_TILE = 128  # pixels of the search copy; less shows the detector nothing new
DEFAULTS = PerceptionOptions()


def find_faces(pixels: NDArray, options: PerceptionOptions = DEFAULTS) -> list[Face]:
    """Faces of any size, in pixels of the picture; altered copies are searched only if it shows none."""
    copy = search_copy(pixels)
    divisions = (1, *detect.useful_divisions(copy, options.min_face))
    searches = [Search(copy, division, detect.SURE) for division in divisions]
    # A face's first crops follow each other; meanwhile another core looks at the first tiles, which are always wanted.
    with ahead(detect.first_look, searches[1:2]) as looked:
        faces = find_all(
            lambda search, known: faces_in(pixels, search, known, options, looked), searches, _rescues(copy)
        )
    return faces or rescue.faint_faces(pixels, copy, options.device)


def _rescues(copy: Copy) -> Iterator[Search]:
    """Altered copies to search in, cheap and likely ones first."""
    bright = brightened(copy)
    yield Search(bright, 1, detect.SURE)
    for degrees in TURNS:
        yield Search(turned(copy, degrees), 1, detect.SURE)
    yield Search(bright, 2, detect.SURE)
    enlarged = replace(copy, note=noted(copy.note, "enlarged"))
    for division in (2, 4, 8):
        if max(copy.pixels.shape[:2]) / division > SMALLEST_TILE:
            yield Search(enlarged, division, detect.UNSURE)
    yield Search(replace(copy, note="found with little certainty"), 1, detect.UNSURE)
    for degrees in TURNS[:5]:
        upright = turned(bright, degrees)
        yield Search(upright, 1, detect.SURE)
        yield Search(upright, 2, detect.SURE)


def faces_in(
    pixels: NDArray,
    search: Search,
    known: list[Face],
    options: PerceptionOptions = DEFAULTS,
    looked: Callable[[Search], list[FaceDetection]] | None = None,
) -> list[Face]:
    """Faces in one copy, searched as it is: no rescue by altered copies.

    Args:
        pixels: (H, W, 3) uint8, the picture.
        search: a copy of it at the detector's size, see `copies.search_copy`.
        known: faces that are not reported again.
        options: how small a face may be, and where our face network runs.
        looked: see `detect.candidates`.

    Returns:
        The faces that are not among the known ones, in pixels of the picture.
    """

    def wanted(box: NDArray) -> bool:
        return box[2] - box[0] > NARROW * options.min_face and not any(face.lies_at(box) for face in known)

    found: list[Face] = []
    device = options.device
    for candidate in detect.candidates(search, wanted, looked):
        if any(face.lies_at(candidate.box) for face in known + found):
            continue
        face = find_landmarks(pixels, candidate, search.copy.note)
        if face is not None and any(other.lies_at(face.box) for other in known + found):
            continue
        face = None if face is None else _believed(pixels, face, candidate, device)
        if face is None:
            # A profile, say: the detector is sure, its landmarks do not fit.
            face = rescue.read_face(pixels, candidate, device) if candidate.score >= detect.SURE else None
        if face is not None and not any(other.lies_at(face.box) for other in known + found):
            found.append(face)
    return found


def _believed(pixels: NDArray, face: Face, candidate: FaceDetection, device: str) -> Face | None:
    """The face if it is one; if its lower half is covered, with better landmarks."""
    covered = second_look.is_covered(pixels, face)
    face = second_look.read_again(pixels, face, candidate) if covered else replace(face, bare=True)
    if verify.is_face(pixels, face):
        return face
    if covered and second_look.is_covered_face(pixels, face, device):
        return replace(face, note=", ".join(note for note in (face.note, second_look.NOTE) if note))
    return None
