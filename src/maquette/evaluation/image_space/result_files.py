"""The files of results, read back: parameters, cameras, models, pictures and the photos they were made from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from maquette.core.errors import BadInput
from maquette.core.types import Camera
from maquette.evaluation.arrays import read_npz
from maquette.morphable import MODELS, load
from maquette.morphable.model import MorphableModel
from maquette.outputs.pictures.maps import NORMAL_ZERO
from maquette.sources.photos import read_samples

Photos = str | Path | Sequence[str | Path] | None  # a folder or files to look in; None: where the result says
CAMERAS = ("camera_intrinsics", "camera_world_to_camera", "camera_size")
PERSON_MESHES = ("person.obj", "person.ply")  # in the pose of the photo, metres; glb is at rest, stl in millimetres


def parameter_files(folder: Path) -> list[Path]:
    """The parameters.npz under OUT, OUT/<photo> or OUT/<photo>/face-1, sorted."""
    return [path for depth in ("", "*/", "*/*/") for path in sorted(folder.glob(f"{depth}parameters.npz"))]


def result_files(folder: Path) -> list[Path]:
    """The same, of which there must be some.

    Raises:
        BadInput: no folder, or none in it.
    """
    if not folder.is_dir():
        raise BadInput(f"{folder}: no such folder, wanted results of maquette face: check the name")
    found = parameter_files(folder)
    if not found:
        raise BadInput(f"{folder}: holds no parameters.npz, wanted results of maquette face")
    return found


def is_person(folder: Path) -> bool:
    """Whether a folder holds the result of a person, not of a face."""
    return folder.resolve().name.startswith("person-") or any((folder / name).is_file() for name in PERSON_MESHES)


def person_folders(folder: Path) -> list[Path]:
    """Folders of people under OUT, OUT/<photo> or OUT/<photo>/person-1 that hold parameters.npz, sorted."""
    return [path.parent for path in parameter_files(folder) if is_person(path.parent)]


def read_arrays(path: Path, needed: Sequence[str], per_photo: Sequence[str]) -> dict[str, NDArray]:
    """All arrays of a parameters.npz.

    Args:
        needed: names that must be there and finite.
        per_photo: those of them that must be equally long, one entry per photo, and not empty.

    Raises:
        BadInput: one line: not there, damaged, an array is missing, holds NaN or infinity, or is of another length.
    """
    arrays = read_npz(path)
    for name in needed:
        if name not in arrays:
            raise BadInput(f"{path}: lacks {name}, holds {', '.join(sorted(arrays))}: make the result again")
        if arrays[name].dtype.kind == "f" and not np.isfinite(arrays[name]).all():
            raise BadInput(f"{path}: {name} holds NaN or infinity: make the result again")
    counts = {name: len(np.atleast_1d(arrays[name])) for name in per_photo}
    if len(set(counts.values())) > 1 or not all(counts.values()):
        listed = ", ".join(f"{name} {count}" for name, count in counts.items())
        raise BadInput(f"{path}: wanted as many of each per photo, got {listed}")
    return arrays


def cameras_of(arrays: Mapping[str, NDArray], path: Path) -> tuple[Camera, ...]:
    """One camera per photo, for the pixels of its crop. Raises BadInput where the arrays make none."""
    names = (*CAMERAS, "camera_projection")
    try:
        return tuple(
            Camera(intrinsics.astype(float), pose.astype(float), (int(width), int(height)), str(projection))
            for intrinsics, pose, (width, height), projection in zip(*(arrays[name] for name in names), strict=True)
        )
    except (ValueError, TypeError) as error:
        raise BadInput(f"{path}: the cameras are damaged ({error}): make the result again") from error


def load_model(name: str, arrays: Mapping[str, NDArray], path: Path) -> MorphableModel:
    """The model that made the parameters in a file.

    Args:
        arrays: of the file; without "model_edition" it is from before there were several.

    Raises:
        BadInput: the model is not known here, or its weights mean other shapes today.
    """
    if name not in MODELS:
        raise BadInput(f"{path}: made with model {name or 'none'!r}; known are {', '.join(MODELS)}")
    model, made = load(name), str(arrays.get("model_edition", 1))
    if made != str(model.edition):
        raise BadInput(f"{path}: of edition {made} of {name}, wanted {model.edition}: make the result again")
    return model


def find_picture(recorded: str, photos: Photos) -> Path:
    """Where a photo or clip lies that a result was made from.

    Args:
        recorded: its path as the result has it.

    Raises:
        BadInput: it is not there.
    """
    name = Path(recorded).name
    if photos is None:
        places = [Path(recorded)]
    elif isinstance(photos, str | Path):
        places = [Path(photos) / name if Path(photos).is_dir() else Path(photos)]
    else:
        places = [Path(photo) for photo in photos]
    found = next((place for place in places if place.name == name and place.is_file()), None)
    if found is None:
        where = f"among {len(places)} files" if len(places) > 1 else f"at {places[0]}" if places else "given"
        raise BadInput(f"{name}: is not {where}: give the folder of the photos or clips with --photos")
    return found


def read_png(path: Path, dimensions: int) -> NDArray | None:
    """An 8-bit PNG, (H, W, 3) RGB if it has three dimensions, else (H, W); None if it is not there."""
    if not path.is_file():
        return None
    pixels = read_samples(path)
    wanted = pixels.ndim == 2 if dimensions == 2 else pixels.ndim == 3 and pixels.shape[2] == 3
    if not wanted or pixels.dtype != np.uint8:
        raise BadInput(f"{path}: wanted a picture of {'colours' if dimensions == 3 else 'grey'}: make the result again")
    return pixels


def read_normals(path: Path) -> NDArray:
    """(H, W, 3) float64 normals: right, up, to the camera; zero where unknown.

    Raises:
        BadInput: not there, or not coded as normals.png with 8 or 16 bits.
    """
    coded = read_samples(path) if path.is_file() else np.empty(0)
    if coded.ndim != 3 or coded.shape[2] != 3:
        raise BadInput(f"{path}: wanted RGB normals of 8 or 16 bits, coded as normals.png: check folder and name")
    zero = NORMAL_ZERO if coded.dtype == np.uint16 else 127.5
    return np.where((coded > 0).any(axis=2, keepdims=True), coded / zero - 1, 0.0)
