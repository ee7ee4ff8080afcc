"""The Basel face model of 2009 as HRN's and Deep3D's users have it: their own files, read without running anything.

Basel's licence is for research and forbids handing the files on, so none of them comes with us. A folder holds
`BFM_model_front.mat`, `bfm_uvs2.npy`, `bfm_tex_mean2.npy`, `bfm_texmap_base2.npy`, and, where they are there,
`template_bfm.obj` (its triangles lay out the texture) and `similarity_Lm3D_all.mat` (five points for alignment). They
may lie in folders inside it, as in the published archive. Sizes need not be the published ones, but must fit.

Units: decimetres, y up, the face looks along +z, the subject's left is +x; albedo 0-255.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from maquette.core.errors import BadInput, WeightsMissing
from maquette.core.files import READER_ERRORS

MODEL, UVS = "BFM_model_front.mat", "bfm_uvs2.npy"
ALBEDO_MEAN, ALBEDO_BASIS = "bfm_tex_mean2.npy", "bfm_texmap_base2.npy"
TEMPLATE, POINTS = "template_bfm.obj", "similarity_Lm3D_all.mat"
REQUIRED = (MODEL, UVS, ALBEDO_MEAN, ALBEDO_BASIS)
PUBLISHED = (35_709, 70_789)  # vertices and triangles
IDENTITY, EXPRESSION, ALBEDO = 80, 64, 80  # coefficients
UV_SIDE = 256  # texels: all of HRN's maps
SLOTS = 8  # triangles at a vertex, at most
MOST_BYTES = 1 << 30  # of one file
MOST_VERTICES, MOST_UV_SIDE = 1_000_000, 4096
DEEPEST = 4  # folders inside the folder that are looked into
# Of 68 landmarks, counted from one: nose tip, corners of both eyes, corners of the mouth.
NOSE, RIGHT_EYE, LEFT_EYE, MOUTH = 31, (37, 40), (43, 46), (49, 55)


@dataclass(frozen=True, eq=False)
class BaselModel:
    """The model, V vertices and F triangles, S = UV_SIDE.

    Attributes:
        mean: (3 V,) float32 decimetres, about its own middle.
        identity: (3 V, 80) float32 decimetres per standard deviation. expression: (3 V, 64) likewise.
        albedo_mean: (3 S S,) float32 0-255, rows of texels from v = 1 down, RGB each.
        albedo_basis: (3 S S, 80) float32 per standard deviation.
        triangles: (F, 3) int64. rings: (V, 8) int64 triangles at each vertex, F where there are fewer.
        landmarks: (68,) int64 vertices. uvs: (V, 2) float32 0-1, v up. uv_triangles: (G, 3) int64 into uvs.
        five_points: (5, 3) float64 eyes, nose and corners of the mouth, decimetres, for alignment.
        skin: (V,) bool where there is bare skin, or None.
    """

    mean: NDArray
    identity: NDArray
    expression: NDArray
    albedo_mean: NDArray
    albedo_basis: NDArray
    triangles: NDArray
    rings: NDArray
    landmarks: NDArray
    uvs: NDArray
    uv_triangles: NDArray
    five_points: NDArray
    skin: NDArray | None = None

    @property
    def vertex_count(self) -> int:
        """V."""
        return len(self.mean) // 3


def five_of(points: NDArray) -> NDArray:
    """(5, D): centres of right and left eye, nose tip, right and left corner of the mouth, of (68, D) landmarks."""
    right, left = (points[[a - 1, b - 1]].mean(axis=0) for a, b in (RIGHT_EYE, LEFT_EYE))
    return np.stack([right, left, points[NOSE - 1], points[MOUTH[0] - 1], points[MOUTH[1] - 1]])


def read(folder: str | Path) -> BaselModel:
    """The model in a user's folder.

    Raises:
        WeightsMissing: the folder or a file is not there; the message says which.
        BadInput: a file cannot be read, or does not fit the others.
    """
    folder = Path(folder)
    found = {name: found_in(folder, name) for name in (*REQUIRED, TEMPLATE, POINTS)}
    missing = [name for name in REQUIRED if found[name] is None]
    if missing:
        raise WeightsMissing(
            f"Basel face model: {', '.join(missing)} missing in {folder}: get the model from the University of Basel"
            " (its licence forbids us to ship it), make the files as HRN describes, and put them there"
        )
    paths = {name: path for name, path in found.items() if path is not None}
    wanted = {"meanshape": 2, "idBase": 2, "exBase": 2, "tri": 2, "point_buf": 2, "keypoints": 2}
    values = matlab(paths[MODEL], wanted, optional=("skinmask",))
    shape = _shape(values, paths[MODEL])
    V = len(shape["mean"]) // 3
    uvs = numbers(paths[UVS], (V, 2)).astype(np.float32)
    mean, basis = _albedo(paths[ALBEDO_MEAN], paths[ALBEDO_BASIS])
    layout = shape["triangles"] if TEMPLATE not in paths else _template(paths[TEMPLATE], V)
    marks = shape["mean"].reshape(-1, 3)[shape["landmarks"]].astype(float)
    if POINTS in paths:
        marks = matlab(paths[POINTS], {"lm": 2})["lm"].astype(float)
        if marks.shape != (68, 3):
            raise BadInput(f"{paths[POINTS]}: lm: wanted (68, 3), got {marks.shape}")
    return BaselModel(
        **shape, albedo_mean=mean, albedo_basis=basis, uvs=uvs, uv_triangles=layout, five_points=five_of(marks)
    )


def found_in(folder: Path, name: str, deepest: int = DEEPEST) -> Path | None:
    """A file in the folder or in folders inside it, looked for on so many levels."""
    for depth in range(deepest):
        for path in sorted(folder.glob("*/" * depth + name)):
            if path.is_file():
                return path
    return None


def _shape(values: Mapping[str, NDArray], path: Path) -> dict[str, NDArray]:
    """Mean, bases and indices of the model's file, checked against each other."""
    mean = values["meanshape"].astype(np.float32).reshape(-1, 3)
    V, F = len(mean), len(values["tri"])
    sizes = {"idBase": (3 * V, IDENTITY), "exBase": (3 * V, EXPRESSION), "tri": (F, 3), "point_buf": (V, SLOTS)}
    for name, shape in sizes.items():
        if values[name].shape != shape:
            raise BadInput(f"{path}: {name}: wanted {shape}, got {values[name].shape}")
    landmarks = values["keypoints"].ravel()
    if landmarks.shape != (68,):
        raise BadInput(f"{path}: keypoints: wanted 68, got {len(landmarks)}")
    skin = values.get("skinmask")
    if skin is not None and skin.size != V:
        raise BadInput(f"{path}: skinmask: wanted {V} values, got {skin.size}")
    # The middle is that of the first 35,709 vertices, as published; it is all of them there.
    return {
        "mean": (mean - mean[: PUBLISHED[0]].mean(axis=0)).ravel(),
        "identity": np.ascontiguousarray(values["idBase"], np.float32),
        "expression": np.ascontiguousarray(values["exBase"], np.float32),
        "triangles": indices(values["tri"], V, "tri", path),
        "rings": indices(values["point_buf"], F + 1, "point_buf", path),
        "landmarks": indices(landmarks, V, "keypoints", path),
    } | ({} if skin is None else {"skin": skin.ravel() > 0.5})


def indices(values: NDArray, count: int, name: str, path: Path, first: int = 1) -> NDArray:
    """Indices counted from one (or from `first`) as int64 counted from zero.

    Raises:
        BadInput: other numbers.
    """
    found = np.ascontiguousarray(values).astype(np.int64) - first
    if not (values == found + first).all() or not 0 <= found.min() <= found.max() < count:
        raise BadInput(f"{path}: {name}: wanted whole numbers from {first} to {count - 1 + first}")
    return found


def matlab(path: Path, wanted: Mapping[str, int], optional: tuple[str, ...] = ()) -> dict[str, NDArray]:
    """Numeric arrays of a MATLAB file of version 4 to 7 by name; `wanted` gives how many axes each has.

    Sizes are looked at before anything is unpacked.

    Raises:
        BadInput: unreadable, lacking, or not finite numbers.
    """
    from scipy.io import loadmat, whosmat

    expect_size(path)
    try:
        listed = {name: (shape, kind) for name, shape, kind in whosmat(path)}
        lacking = [name for name in wanted if name not in listed]
        if lacking:
            raise BadInput(f"{path}: lacks {', '.join(lacking)}: wanted the Basel model as HRN and Deep3D have it")
        names = [*wanted, *(name for name in optional if name in listed)]
        for name in names:
            shape, kind = listed[name]
            if kind not in _KINDS or len(shape) != wanted.get(name, len(shape)) or math.prod(shape) * 8 > MOST_BYTES:
                raise BadInput(f"{path}: {name}: wanted a matrix of numbers of at most 1 GB, got {kind} {shape}")
        values: dict[str, Any] = loadmat(path, variable_names=names)
        found = {name: np.asarray(values[name]) for name in names}
    except BadInput:
        raise
    except Exception as error:  # damaged files end in a dozen kinds of errors
        why = " ".join(str(error).split())[:100]
        raise BadInput(f"{path}: wanted a MATLAB file of version 4 to 7: {type(error).__name__}: {why}") from error
    for name, value in found.items():
        if value.dtype.kind not in "fiub" or not value.size or not np.isfinite(value).all():
            raise BadInput(f"{path}: {name}: wanted finite numbers, got {value.dtype} {value.shape}")
    return found


_KINDS = ("double", "single", "logical", *(f"{sign}int{bits}" for sign in ("", "u") for bits in (8, 16, 32, 64)))


def expect_size(path: Path) -> None:
    """Refuse a file of more than MOST_BYTES.

    Raises:
        BadInput: it is larger.
    """
    held = path.stat().st_size
    if held > MOST_BYTES:
        raise BadInput(f"{path}: {held / 1e9:.1f} GB: wanted at most {MOST_BYTES / 1e9:.1f}")


def numbers(path: Path, shape: tuple[int, ...] | None = None) -> NDArray:
    """A .npy file of numbers, mapped, without pickle.

    Raises:
        BadInput: unreadable, or other sizes than wanted.
    """
    expect_size(path)
    try:
        found = np.load(path, mmap_mode="r", allow_pickle=False)
    except READER_ERRORS as error:
        why = " ".join(str(error).split())[:100]
        raise BadInput(f"{path}: wanted a .npy file of numbers: {why}") from error
    if not isinstance(found, np.ndarray) or found.dtype.kind not in "fiu":
        raise BadInput(f"{path}: wanted an array of numbers")
    if shape is not None and (found.shape != shape or not np.isfinite(found).all()):
        raise BadInput(f"{path}: wanted finite numbers {shape}, got {found.shape}")
    return found


def _albedo(mean_path: Path, basis_path: Path) -> tuple[NDArray, NDArray]:
    """Mean and basis at UV_SIDE texels; the published 512 are averaged two by two, which is their bilinear halving."""
    mean = numbers(mean_path)
    side = mean.shape[0] if mean.ndim == 3 else 0
    if mean.shape != (side, side, 3) or side % UV_SIDE or not 0 < side <= MOST_UV_SIDE:
        raise BadInput(f"{mean_path}: wanted (S, S, 3) with S a multiple of {UV_SIDE}, got {mean.shape}")
    basis = numbers(basis_path)
    if basis.size != mean.size * ALBEDO:
        raise BadInput(f"{basis_path}: wanted {mean.size} x {ALBEDO} numbers, got {basis.shape}")
    found = [_halved(mean, side, 1).ravel(), _halved(basis, side, ALBEDO).reshape(-1, ALBEDO)]
    if not all(np.isfinite(array).all() for array in found):
        raise BadInput(f"{basis_path}: holds numbers that are not finite")
    return found[0], found[1]


def _halved(values: NDArray, side: int, columns: int) -> NDArray:
    """(S, S, 3 * columns) float32 of (side, side, ...): each texel the mean of the two by two in its middle."""
    step = side // UV_SIDE
    grid = values.reshape(side, side, 3 * columns)
    if step == 1:
        return np.array(grid, np.float32)
    first = step // 2 - 1
    rows = [np.asarray(grid[first + k :: step], np.float32) for k in (0, 1)]
    both = rows[0] + rows[1]
    return (both[:, first::step] + both[:, first + 1 :: step]) * np.float32(0.25)


def _template(path: Path, count: int) -> NDArray:
    """(G, 3) int64 triangles of an OBJ file; nothing else of it is read."""
    expect_size(path)
    try:
        lines = path.read_text(encoding="ascii", errors="replace").splitlines()
        corners = [[int(word.split("/")[0]) for word in line.split()[1:]] for line in lines if line.startswith("f ")]
        found = np.array(corners, np.int64)
    except (ValueError, OSError) as error:
        raise BadInput(f"{path}: wanted an OBJ file of triangles: {' '.join(str(error).split())[:100]}") from error
    if found.ndim != 2 or found.shape[1] != 3:
        raise BadInput(f"{path}: wanted triangles, got {found.shape}")
    return indices(found, count, "triangles", path)
