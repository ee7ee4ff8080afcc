"""FLAME as its users have it: their own files, read without running anything, as arrays.

A head of 5,023 vertices (Li et al., SIGGRAPH Asia 2017): 300 coefficients of identity, 100 of expression, four joints
that bend it. `flame2023_Open.pkl` is CC-BY-4.0; FLAME 2020 and 2023 are for research alone, and so are its landmarks
and albedos, so none of them comes with us. Sizes need not be the published ones, but must fit each other.

Units: metres, y up, the face looks along +z, the subject's left is +x; albedo 0-1.
"""

from __future__ import annotations

import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from maquette.core.errors import BadInput, WeightsMissing
from maquette.weights.convert.pickles import load, load_array_file
from maquette.weights.store import sha256

PUBLISHED = (5023, 9976)  # vertices and triangles
IDENTITY, EXPRESSION, JOINTS = 300, 100, 5
ROOT, NECK, JAW, RIGHT_EYE, LEFT_EYE = range(JOINTS)  # the eyes' order does not matter here
PARENTS = (-1, 0, 1, 1, 1)
CORRECTIVES = 9 * (JOINTS - 1)  # one for each number of a joint's rotation, without the root's
STATIC, CONTOUR, YAWS, FULL = 51, 17, 79, 68  # landmarks, points of the jaw line, its rows by degrees, all landmarks
ALBEDO_SIDE, ALBEDO = 256, 50  # texels and coefficients that are used
STORED_SIDE = 512  # texels of the files
MODELS = ("generic_model.pkl", "flame2023.pkl", "flame2023_no_jaw.pkl", "flame2023_Open.pkl")
LANDMARKS = "landmark_embedding.npy"
ALBEDOS = {"FLAME_albedo_from_BFM.npz": ("MU", "PC", 1.0), "FLAME_texture.npz": ("mean", "tex_dir", 255.0)}
TERMS = (
    "get it from flame.is.tue.mpg.de under its terms (flame2023_Open.pkl: CC-BY-4.0; FLAME 2020, 2023, landmarks and"
    " albedo: research alone), which forbid us to ship it"
)


@dataclass(frozen=True, eq=False)
class FlameModel:
    """The model, V vertices and F triangles, float64 and int64.

    Attributes:
        template: (V, 3) metres. faces: (F, 3).
        identity: (V, 3, 300), expression: (V, 3, 100) metres per coefficient.
        correctives: (V, 3, 36) metres per number of (R - I) of joints 1-4, row by row.
        regressor: (5, V) from vertices to joints. weights: (V, 5) of the joints, rows sum to 1.
        source: name of the file, and its sha256.
    """

    template: NDArray
    faces: NDArray
    identity: NDArray
    expression: NDArray
    correctives: NDArray
    regressor: NDArray
    weights: NDArray
    source: tuple[str, str] = ("", "")


@dataclass(frozen=True, eq=False)
class FlameLandmarks:
    """Where the 68 iBUG landmarks lie: triangles int64, and barycentric weights float64 whose rows sum to 1.

    Attributes:
        static_faces: (51,), static_weights: (51, 3) all but the jaw line.
        contour_faces: (79, 17), contour_weights: (79, 17, 3) the jaw line as it is seen: rows 0-39 at so many degrees
            of yaw, rows 40-78 at -1 to -39.
        full_faces: (68,), full_weights: (68, 3) in 3D, the jaw line where it is.
    """

    static_faces: NDArray
    static_weights: NDArray
    contour_faces: NDArray
    contour_weights: NDArray
    full_faces: NDArray
    full_weights: NDArray


@dataclass(frozen=True, eq=False)
class FlameAlbedo:
    """Colours of the skin as the model has them.

    Attributes:
        mean: (256, 256, 3) float32 RGB, 0-1 as a rule, rows from v = 1 down.
        basis: (256, 256, 3, 50) float32 per coefficient.
    """

    mean: NDArray
    basis: NDArray


def found_in(folder: Path, names: tuple[str, ...], what: str) -> Path:
    """The first of the files that is in the folder or in a folder of it.

    Raises:
        WeightsMissing: none is.
    """
    for pattern in ("{}", "*/{}", "*/*/{}"):
        for name in names:
            for path in sorted(folder.glob(pattern.format(name))):
                if path.is_file():
                    return path
    raise WeightsMissing(f"{what}: {' or '.join(names)} missing in {folder}: {TERMS}")


def read_model(path: Path) -> FlameModel:
    """The model in a pickle, as published in 2019, 2020 or 2023.

    Raises:
        BadInput: no such file, anything in it that is no array, arrays that do not fit.
    """
    held = _named(load(path), path)
    template = _numbers(held, "v_template", (None, 3), path)
    V = len(template)
    shapes = _numbers(held, "shapedirs", (V, 3, IDENTITY + EXPRESSION), path)
    parents = _numbers(held, "kintree_table", (2, JOINTS), path)[0]
    if tuple(parents[1:].astype(int)) != PARENTS[1:]:
        raise BadInput(f"{path}: kintree_table: wanted joints on {PARENTS}, got {parents.tolist()}")
    weights = _numbers(held, "weights", (V, JOINTS), path)
    if np.abs(weights.sum(axis=1) - 1).max() > 1e-3:
        raise BadInput(f"{path}: weights: wanted rows that sum to 1")
    return FlameModel(
        template=template,
        faces=_indices(held, "f", (None, 3), V, path),
        identity=np.ascontiguousarray(shapes[:, :, :IDENTITY]),
        expression=np.ascontiguousarray(shapes[:, :, IDENTITY:]),
        correctives=_numbers(held, "posedirs", (V, 3, CORRECTIVES), path),
        regressor=_numbers(held, "J_regressor", (JOINTS, V), path),
        weights=weights,
        source=(path.name, sha256(path)),
    )


def read_landmarks(path: Path, triangles: int) -> FlameLandmarks:
    """The landmarks on a model of so many triangles.

    Raises:
        BadInput: see `read_model`.
    """
    held = _named(load_array_file(path), path)
    held |= {key: np.asarray(held[key])[0] for key in held if key.startswith("full_") and np.ndim(held[key]) > 1}
    parts = {}
    for name, key, shape in (
        ("static", "static", (STATIC,)),
        ("contour", "dynamic", (YAWS, CONTOUR)),
        ("full", "full", (FULL,)),
    ):
        parts[f"{name}_faces"] = _indices(held, f"{key}_lmk_faces_idx", shape, triangles, path)
        weights = _numbers(held, f"{key}_lmk_bary_coords", (*shape, 3), path)
        if np.abs(weights.sum(axis=-1) - 1).max() > 1e-3:
            raise BadInput(f"{path}: {key}_lmk_bary_coords: wanted weights that sum to 1")
        parts[f"{name}_weights"] = weights
    return FlameLandmarks(**parts)


def read_albedo(path: Path) -> FlameAlbedo:
    """The albedo of a .npz file, which is read row by row: the published one unpacks to 1.2 GB.

    Of 512 texels every second is taken, as the nearest one is at 256; the files hold blue, green, red.

    Raises:
        BadInput: no such file, other arrays, numbers that are not finite.
    """
    if not path.is_file():
        raise BadInput(f"{path}: wanted an albedo of FLAME, there is no such file")
    try:
        with zipfile.ZipFile(path) as archive:
            held = {name.removesuffix(".npy") for name in archive.namelist()}
            keys = next((row for row in ALBEDOS.values() if {*row[:2]} <= held), None)
            if keys is None:
                raise BadInput(f"{path}: wanted MU and PC, or mean and tex_dir, got {', '.join(sorted(held))[:100]}")
            mean, basis = (_thinned(archive, f"{key}.npy", path) for key in keys[:2])
    except (zipfile.BadZipFile, OSError, ValueError, EOFError) as error:
        raise BadInput(f"{path}: wanted a .npz file of numbers: {' '.join(str(error).split())[:100]}") from error
    if mean.shape[-1] != 1 or basis.shape[-1] < ALBEDO:
        raise BadInput(
            f"{path}: wanted a mean and at least {ALBEDO} components, got {mean.shape[-1]}, {basis.shape[-1]}"
        )
    scaled = [(part[:, :, ::-1] / np.float32(keys[2])).astype(np.float32) for part in (mean[..., 0], basis)]
    return FlameAlbedo(*scaled)


def _thinned(archive: zipfile.ZipFile, name: str, path: Path) -> NDArray:
    """(256, 256, 3, K) float32 of the first K = 50 components, or of the only one."""
    with archive.open(name) as stream:
        version = np.lib.format.read_magic(stream)
        reader = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
        shape, by_columns, kind = reader(stream)
        colours = STORED_SIDE * STORED_SIDE * 3
        count, rest = divmod(int(np.prod(shape)), colours)
        if by_columns or kind.kind not in "fiu" or rest or not 0 < count <= 1024:
            raise BadInput(f"{path}: {name}: wanted {colours} numbers for each component, got {kind} {shape}")
        row_bytes = STORED_SIDE * 3 * count * kind.itemsize
        found = np.empty((ALBEDO_SIDE, ALBEDO_SIDE, 3, min(count, ALBEDO)), np.float32)
        for row in range(STORED_SIDE):
            content = stream.read(row_bytes)
            if len(content) != row_bytes:
                raise BadInput(f"{path}: {name}: ends too early")
            if row % 2 == 0:
                texels = np.frombuffer(content, kind).reshape(STORED_SIDE, 3, count)
                found[row // 2] = texels[::2, :, :ALBEDO]
    if not np.isfinite(found).all():
        raise BadInput(f"{path}: {name}: holds numbers that are not finite")
    return found


def _named(held: Any, path: Path) -> dict[str, Any]:
    if not isinstance(held, Mapping):
        raise BadInput(f"{path}: wanted named arrays of FLAME, got {type(held).__name__}")
    return {str(key): value for key, value in held.items()}


def _numbers(held: Mapping[str, Any], name: str, shape: tuple[int | None, ...], path: Path) -> NDArray:
    value = held.get(name)
    if not isinstance(value, np.ndarray) or value.dtype.kind not in "fiu":
        raise BadInput(f"{path}: wanted FLAME's {name}, there is none")
    fits = value.ndim == len(shape) and all(n in (None, m) for n, m in zip(shape, value.shape))
    if not fits or not value.size or not np.isfinite(value).all():
        sides = ", ".join("any" if n is None else str(n) for n in shape)
        raise BadInput(f"{path}: {name}: wanted finite numbers ({sides}), got {value.shape}")
    return value.astype(np.float64)


def _indices(held: Mapping[str, Any], name: str, shape: tuple[int | None, ...], count: int, path: Path) -> NDArray:
    found = _numbers(held, name, shape, path)
    whole = found.astype(np.int64)
    if (whole != found).any() or not 0 <= whole.min() <= whole.max() < count:
        raise BadInput(f"{path}: {name}: wanted whole numbers from 0 to {count - 1}")
    return whole
