"""The head model of HRN's head reconstruction: the user's own files, read without running anything.

Its face is the Basel model's, whose licence forbids handing it on, so none of the files comes with us. A folder holds,
at any depth up to five, as the published `assets` do: two models of MATLAB (`ourRefineFull_model.mat`, which is fitted,
with eyeballs; `ourRefineBFMEye0504_model.mat`, which comes out), the Basel model that both are centred by, four lists
of indices, an OBJ with the texture's layout, and four shapes that the neck and the nose are mended by. Sizes need not
be the published ones, but must fit: face, then neck and back of the head, then eyes.

Units: decimetres, y up, the face looks along +z; colours 0-255.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from maquette.core.errors import BadInput, WeightsMissing
from maquette.morphable.bfm import (
    EXPRESSION,
    IDENTITY,
    POINTS,
    SLOTS,
    expect_size,
    five_of,
    found_in,
    indices,
    matlab,
    numbers,
)
from maquette.morphable.bfm import MODEL as FACE

FITTED, DRAWN = "ourRefineFull_model.mat", "ourRefineBFMEye0504_model.mat"
KEPT, SCALP, HEAD = "bfm_keep_inds.npy", "ours_hair_area_inds.npy", "ours_head_face_inds.npy"
MARKS = "our_refine0223_basis_withoutEyes_withUV_keypoints_inds.npy"
TEMPLATE = "template_ourFull_bfmEyes.obj"
MENDED = {"nose": "145_nose.obj", "neck": "146_neck.obj", "slim": "147_neckSlim2.obj", "length": "148_neckLength.obj"}
MENDED_FOLDER = "our_full_bfmEyes"  # another folder beside it has files of the same names
REQUIRED = (FACE, FITTED, DRAWN, KEPT, SCALP, HEAD, MARKS, TEMPLATE)
SKIN, HAIR = (200.0, 146.0, 118.0), 40.0  # colours where the Basel model has none
DEEPEST = 6


@dataclass(frozen=True, eq=False)
class HeadBases:
    """One of the two models, V vertices.

    Attributes:
        mean: (3 V,) float32 decimetres, about the middle of the Basel face. identity: (3 V, 80), expression: (3 V, 64).
        triangles: (F, 3) int64. rings: (V, 8) int64 triangles at each vertex, F where there are fewer.
        landmarks: (68,) int64 vertices.
    """

    mean: NDArray
    identity: NDArray
    expression: NDArray
    triangles: NDArray
    rings: NDArray
    landmarks: NDArray


@dataclass(frozen=True, eq=False)
class BaselHead:
    """Both models and what joins them; K vertices of the fitted one and B of the drawn one are the face.

    Attributes:
        fitted, drawn: the models; vertices of face, neck with scalp, and of the fitted one eyes, in this order.
        kept: (K,) int64 which of the B the fitted model has. scalp: int64 vertices of the fitted model under hair.
        outer: (G, 3) int64 triangles of the fitted model that a head's outline is made of.
        colour_mean: (3 V,) float32 of the fitted model. colour_basis: (3 V, 80).
        uvs: (V', 2) float32 of the drawn model's vertices, v up. uv_triangles: (F', 3) int64 into uvs.
        mended: (3 V',) float32 decimetres to add: "nose", "neck", "slim", "length".
        face_count: B. five_points: (5, 3) for alignment, see `BaselModel`.
    """

    fitted: HeadBases
    drawn: HeadBases
    kept: NDArray
    scalp: NDArray
    outer: NDArray
    colour_mean: NDArray
    colour_basis: NDArray
    uvs: NDArray
    uv_triangles: NDArray
    mended: Mapping[str, NDArray]
    face_count: int
    five_points: NDArray

    @property
    def neck(self) -> slice:
        """The vertices of the fitted model that are neck and scalp."""
        return slice(len(self.kept), len(self.kept) + len(self.uvs) - self.face_count)


def read(folder: str | Path) -> BaselHead:
    """The model in a user's folder.

    Raises:
        WeightsMissing: the folder or a file is not there; the message says which.
        BadInput: a file cannot be read, or does not fit the others.
    """
    folder = Path(folder)
    names = {name: name for name in REQUIRED} | {part: f"{MENDED_FOLDER}/{name}" for part, name in MENDED.items()}
    paths = {key: found_in(folder, name, DEEPEST) for key, name in names.items()}
    missing = [names[key] for key, path in paths.items() if path is None]
    if missing:
        raise WeightsMissing(
            f"HRN's head: {', '.join(missing)} missing in {folder}: wanted the assets of the published head"
            " reconstruction (Basel's licence forbids us to ship them)"
        )
    return _read({key: path for key, path in paths.items() if path is not None}, found_in(folder, POINTS, DEEPEST))


def _read(paths: Mapping[str, Path], points: Path | None) -> BaselHead:
    face = matlab(paths[FACE], {"meanshape": 2})["meanshape"].reshape(-1, 3)
    count, middle = len(face), face.mean(axis=0)
    fitted, colours = _bases(paths[FITTED], middle, paths[MARKS])
    drawn, _ = _bases(paths[DRAWN], middle, None)
    V, D = len(fitted.mean) // 3, len(drawn.mean) // 3
    kept = indices(numbers(paths[KEPT]).ravel(), count, "vertices", paths[KEPT], 0)
    _, uvs, _, layout = read_obj(paths[TEMPLATE])
    if len(uvs) != D or layout.shape != drawn.triangles.shape:
        raise BadInput(
            f"{paths[TEMPLATE]}: wanted {D} texture coordinates and {len(drawn.triangles)} triangles as {DRAWN},"
            f" got {len(uvs)} and {len(layout)}"
        )
    if not len(kept) <= count <= min(D, V) or len(kept) + D - count > V:
        raise BadInput(f"{paths[FITTED]}: {V} vertices do not fit {len(kept)} of a face and {D - count} of a neck")
    scalp = indices(numbers(paths[SCALP]).ravel(), V, "vertices", paths[SCALP], 0)
    if not len(kept) <= scalp.min() <= scalp.max() < len(kept) + D - count:
        raise BadInput(f"{paths[SCALP]}: wanted vertices of neck and scalp, {len(kept)} to {len(kept) + D - count - 1}")
    outer = fitted.triangles[indices(numbers(paths[HEAD]).ravel(), len(fitted.triangles), "triangles", paths[HEAD], 0)]
    mean, basis = _colours(*colours, kept, scalp)
    marks = drawn.mean.reshape(-1, 3)[drawn.landmarks].astype(float)
    if points is not None:
        marks = matlab(points, {"lm": 2})["lm"].astype(float)
        if marks.shape != (68, 3):
            raise BadInput(f"{points}: lm: wanted (68, 3), got {marks.shape}")
    raw = drawn.mean.reshape(-1, 3) + middle.astype(np.float32)
    mended = {part: _mended(paths[part], raw) for part in MENDED}
    return BaselHead(
        fitted, drawn, kept, scalp, outer, mean, basis, uvs, layout, mended, count, five_of(marks)
    )  # fmt: skip


def _bases(path: Path, middle: NDArray, marks: Path | None) -> tuple[HeadBases, tuple[NDArray, NDArray]]:
    """One model, and its colours as stored; `marks` are the fitted model's landmarks, whose rings count from 0."""
    wanted = {name: 2 for name in ("meanshape", "idBase", "exBase", "meantex", "texBase", "tri", "point_buf")}
    values = matlab(path, wanted | ({} if marks else {"keypoints": 2}))
    V, F = values["meanshape"].size // 3, len(values["tri"])
    sizes = {"idBase": (3 * V, IDENTITY), "exBase": (3 * V, EXPRESSION), "tri": (F, 3)}
    sizes |= {"texBase": (3 * V, IDENTITY), "point_buf": (V, max(SLOTS, values["point_buf"].shape[1]))}
    for name, shape in sizes.items():
        if values[name].shape != shape:
            raise BadInput(f"{path}: {name}: wanted {shape}, got {values[name].shape}")
    if values["meantex"].size != 3 * V:
        raise BadInput(f"{path}: meantex: wanted {3 * V} numbers, got {values['meantex'].size}")
    mean = values["meanshape"].astype(np.float32).reshape(-1, 3) - middle.astype(np.float32)
    landmarks = indices(numbers(marks).ravel(), V, "vertices", marks, 0) if marks else None
    if landmarks is None:
        landmarks = indices(values["keypoints"].ravel(), V, "keypoints", path)
    if landmarks.shape != (68,):
        raise BadInput(f"{marks or path}: landmarks: wanted 68, got {len(landmarks)}")
    found = HeadBases(
        mean.ravel(),
        np.ascontiguousarray(values["idBase"], np.float32),
        np.ascontiguousarray(values["exBase"], np.float32),
        indices(values["tri"], V, "tri", path),
        indices(values["point_buf"][:, :SLOTS], F + 1, "point_buf", path, 0 if marks else 1),
        landmarks,
    )
    return found, (values["meantex"].ravel().astype(np.float32), values["texBase"].astype(np.float32))


def _colours(mean: NDArray, basis: NDArray, kept: NDArray, scalp: NDArray) -> tuple[NDArray, NDArray]:
    """Colours of the fitted model: they are stored in the Basel model's order, and neck and scalp have none."""
    mean, basis = mean.reshape(-1, 3), basis.reshape(len(mean) // 3, 3, -1)
    shown, moved = np.full_like(mean, SKIN), np.zeros_like(basis)
    shown[: len(kept)], moved[: len(kept)] = mean[kept], basis[kept]
    shown[scalp] = HAIR
    return shown.ravel(), moved.reshape(len(mean) * 3, -1)


def _mended(path: Path, mean: NDArray) -> NDArray:
    """(3 V',): the mended shape less the mean (V', 3) as it is stored."""
    vertices = read_obj(path)[0]
    if vertices.shape != mean.shape:
        raise BadInput(f"{path}: wanted {len(mean)} vertices, got {len(vertices)}")
    return (vertices - mean).ravel()


def read_obj(path: Path) -> tuple[NDArray, NDArray, NDArray, NDArray]:
    """Vertices (V, 3) and texture coordinates (T, 2) float32, triangles (F, 3) and those in the texture (F, 3) int64.

    Raises:
        BadInput: unreadable, or other polygons than triangles.
    """
    expect_size(path)
    kinds: dict[str, list[list[str]]] = {"v": [], "vt": [], "f": []}
    try:
        for line in path.read_text(encoding="ascii", errors="replace").splitlines():
            words = line.split()
            if words and words[0] in kinds:
                kinds[words[0]].append(words[1:])
        vertices = np.array([words[:3] for words in kinds["v"]], np.float32).reshape(-1, 3)
        uvs = np.array([words[:2] for words in kinds["vt"]], np.float32).reshape(-1, 2)
        corners = [[[int(part or 0) for part in (word + "/0").split("/")[:2]] for word in f] for f in kinds["f"]]
        faces = np.array(corners, np.int64).reshape(-1, 3, 2)
    except (ValueError, OSError) as error:
        raise BadInput(f"{path}: wanted an OBJ file of triangles: {' '.join(str(error).split())[:100]}") from error
    if not np.isfinite(vertices).all() or not np.isfinite(uvs).all():
        raise BadInput(f"{path}: wanted finite numbers")
    if not len(faces) or not len(uvs):
        return vertices, uvs, faces[..., 0], faces[..., 0]
    triangles = indices(faces[..., 0], len(vertices), "faces", path)
    return vertices, uvs, triangles, indices(faces[..., 1], len(uvs), "faces in the texture", path)
