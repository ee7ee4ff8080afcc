"""The user's own files around DECA's networks: FLAME, its landmarks, the layout of the texture, masks, albedo."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from maquette.core.errors import BadInput
from maquette.core.files import READER_ERRORS
from maquette.morphable import flame
from maquette.morphable.flame import FlameAlbedo, FlameLandmarks, FlameModel, found_in

TEMPLATE, MASK, FIXED = "head_template.obj", "uv_face_eye_mask.png", "fixed_displacement_256.npy"
REQUIRED = ("generic_model.pkl (or flame2023_Open.pkl)", flame.LANDMARKS, TEMPLATE, MASK, FIXED)
MODELS = flame.MODELS
SIDE = 256  # texels of all maps
MOST_BYTES = 1 << 26
LEARNED_WITH = ("generic_model.pkl",)  # FLAME 2020, whose expressions the published networks read


@dataclass(frozen=True, eq=False)
class HeadFiles:
    """What a folder holds, V vertices, F triangles, T places in the texture.

    Attributes:
        model, landmarks, albedo: of FLAME; albedo may be None.
        uvs: (T, 2) float32 0-1, v up. uv_triangles: (F, 3) int64 into uvs.
        mask: (256, 256) float32 0-1 where the displacement was learned: face with eyes.
        fixed: (256, 256) float32 metres along the normals, added to every displacement.
    """

    model: FlameModel
    landmarks: FlameLandmarks
    uvs: NDArray
    uv_triangles: NDArray
    mask: NDArray
    fixed: NDArray
    albedo: FlameAlbedo | None = None


def read(folder: str | Path) -> HeadFiles:
    """The files of a folder; they may lie in folders inside it, as in the `data` of DECA's repository.

    Raises:
        WeightsMissing: the folder or a file is not there; the message says which.
        BadInput: a file cannot be read, or does not fit the others.
    """
    folder = Path(folder)
    model_path = found_in(folder, MODELS, "FLAME")
    paths = [found_in(folder, (name,), "DECA's data") for name in (flame.LANDMARKS, TEMPLATE, MASK, FIXED)]
    albedos = [path for name in flame.ALBEDOS for path in sorted(folder.rglob(name)) if path.is_file()]
    model = flame.read_model(model_path)
    uvs, uv_triangles = _layout(paths[1], model)
    return HeadFiles(
        model=model,
        landmarks=flame.read_landmarks(paths[0], len(model.faces)),
        uvs=uvs,
        uv_triangles=uv_triangles,
        mask=_mask(paths[2]),
        fixed=_fixed(paths[3]),
        albedo=flame.read_albedo(albedos[0]) if albedos else None,
    )


def _expect_size(path: Path) -> None:
    if path.stat().st_size > MOST_BYTES:
        raise BadInput(f"{path}: wanted at most {MOST_BYTES // 2**20} MB")


def _layout(path: Path, model: FlameModel) -> tuple[NDArray, NDArray]:
    """Places in the texture and triangles of them, of an OBJ file of the model's triangles; nothing else is read."""
    _expect_size(path)
    uvs, corners, places = [], [], []
    try:
        for line in path.read_text(encoding="ascii", errors="replace").splitlines():
            kind, *words = line.split() or [""]
            if kind == "vt":
                uvs.append([float(word) for word in words[:2]])
            elif kind == "f":
                pairs = [word.split("/")[:2] for word in words]
                corners.append([int(pair[0]) - 1 for pair in pairs])
                places.append([int(pair[1]) - 1 for pair in pairs])
        found = np.array(uvs, np.float32), np.array(places, np.int64)
        triangles = np.array(corners, np.int64)
    except (ValueError, IndexError) as error:
        raise BadInput(f"{path}: wanted an OBJ file of triangles with texture coordinates") from error
    if triangles.shape != model.faces.shape or (triangles != model.faces).any():
        raise BadInput(f"{path}: wanted FLAME's {len(model.faces)} triangles, got others ({triangles.shape})")
    if found[0].ndim != 2 or not np.isfinite(found[0]).all() or not 0 <= found[1].min() <= found[1].max() < len(uvs):
        raise BadInput(f"{path}: its texture coordinates do not fit its triangles")
    return found


def _mask(path: Path) -> NDArray:
    _expect_size(path)
    found = cv2.imdecode(np.fromfile(path, np.uint8), cv2.IMREAD_COLOR)
    if found is None or found.shape[:2] != (SIDE, SIDE):
        shape = "no picture" if found is None else found.shape[:2]
        raise BadInput(f"{path}: wanted a picture of {SIDE} x {SIDE}, got {shape}")
    return found[:, :, 2].astype(np.float32) / 255  # red, as published


def _fixed(path: Path) -> NDArray:
    _expect_size(path)
    try:
        found = np.load(path, allow_pickle=False)
    except READER_ERRORS as error:
        raise BadInput(f"{path}: wanted a .npy file of numbers: {' '.join(str(error).split())[:100]}") from error
    if getattr(found, "shape", None) != (SIDE, SIDE) or not np.isfinite(found).all():
        raise BadInput(f"{path}: wanted {SIDE} x {SIDE} finite numbers")
    return found.astype(np.float32)
