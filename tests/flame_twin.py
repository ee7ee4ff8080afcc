"""Files as FLAME's and DECA's, of the same keys and kinds, made from a seed: a bent sheet instead of a head."""

from __future__ import annotations

import io
import pickle
import sys
import warnings
import zipfile
from collections import OrderedDict
from functools import cache
from pathlib import Path
from types import ModuleType

import cv2
import numpy as np
import torch
from scipy.sparse import csc_matrix
from scipy.spatial import Delaunay

from basel_twin import landmark_places, sheet, spread, uv_points
from maquette.morphable.flame import FlameAlbedo, FlameLandmarks, FlameModel

SMALL, PUBLISHED = (900, None), (5023, 9976)  # vertices and triangles; None: all
SEAM = 95  # vertices that have two places in the texture
BLOCKS = 16  # squares of one colour along each side of the albedo


@cache
def arrays(size: tuple[int, int | None] = SMALL, seed: int = 9) -> dict[str, np.ndarray]:
    """Everything the files hold, by the names in them; `uvs`, `uv_faces` and `places` are of the template."""
    generator = np.random.default_rng(seed)
    count, triangles = size
    uvs = uv_points(count, generator)
    found = Delaunay(uvs)
    faces = found.simplices.astype(np.int64)
    edges = np.diff(uvs[faces], axis=1)
    turned = edges[:, 0, 0] * edges[:, 1, 1] - edges[:, 0, 1] * edges[:, 1, 0] < 0
    faces[turned] = faces[turned][:, ::-1]
    template = 0.1 * sheet(uvs)
    waves = np.stack([np.cos(np.pi * (uvs @ generator.integers(0, 4, 2)) + generator.random() * 6) for _ in range(436)])
    sizes = [0.002] * 400 + [0.0005] * 36
    bases = waves.T[:, None] * generator.normal(size=(1, 3, 436)) * sizes
    jaw = np.clip((0.4 - uvs[:, 1]) * 5, 0, 1)
    weights = np.stack([0.2 * (1 - jaw), 0.8 * (1 - jaw), jaw, 0 * jaw, 0 * jaw], axis=1)
    regressor = np.zeros((5, count))
    for joint, place in enumerate([(0.5, 0.1), (0.5, 0.2), (0.5, 0.45), (0.36, 0.6), (0.64, 0.6)]):
        near = np.linalg.norm(uvs - place, axis=1).argsort()[:6]
        regressor[joint, near] = 1 / 6
    return {
        "v_template": template,
        "shapedirs": bases[:, :, :400],
        "posedirs": bases[:, :, 400:],
        "f": faces[:triangles].astype(np.uint32),
        "J_regressor": regressor,
        "kintree_table": np.array([[2**32 - 1, 0, 1, 1, 1], [0, 1, 2, 3, 4]], np.int64),
        "weights": weights,
        "J": regressor @ template,
        **embedding(found, faces[:triangles], uvs),
        "uvs": np.concatenate([uvs, uvs[:SEAM]]),
        "uv_faces": np.where((faces < SEAM) & (np.arange(len(faces))[:, None] % 2 == 1), faces + count, faces)[
            :triangles
        ],
    }


def embedding(found: Delaunay, faces: np.ndarray, uvs: np.ndarray) -> dict[str, np.ndarray]:
    """Landmarks as the file has them; the jaw line's rows move across by their degrees."""
    places = landmark_places()
    degrees = np.array([*range(40), *range(-1, -40, -1)])
    jaw = places[:17] + np.stack([0.002 * degrees, 0 * degrees], axis=1)[:, None]

    def located(points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        index = found.find_simplex(points.reshape(-1, 2))
        index = np.where(index < len(faces), index, 0)
        corners = uvs[faces[index]]
        system = np.concatenate([corners, np.ones((*corners.shape[:2], 1))], axis=2).transpose(0, 2, 1)
        wanted = np.concatenate([points.reshape(-1, 2), np.ones((len(index), 1))], axis=1)
        weights = np.linalg.solve(system, wanted[..., None])[..., 0]
        return index.reshape(points.shape[:-1]), weights.reshape(*points.shape[:-1], 3)

    rows = {"static": places[17:], "dynamic": jaw, "full": places[None]}
    parts = {name: located(points) for name, points in rows.items()}
    faces_of = {f"{name}_lmk_faces_idx": part[0].astype(np.int64) for name, part in parts.items()}
    return faces_of | {f"{name}_lmk_bary_coords": part[1] for name, part in parts.items()}


MODEL = ("v_template", "shapedirs", "posedirs", "f", "J_regressor", "kintree_table", "weights", "J")


def model(size: tuple[int, int | None] = SMALL) -> FlameModel:
    """What reading the model's file gives."""
    found = arrays(size)
    shapes = found["shapedirs"]
    return FlameModel(
        template=found["v_template"],
        faces=found["f"].astype(np.int64),
        identity=shapes[:, :, :300],
        expression=shapes[:, :, 300:],
        correctives=found["posedirs"],
        regressor=found["J_regressor"],
        weights=found["weights"],
    )


def landmarks(size: tuple[int, int | None] = SMALL) -> FlameLandmarks:
    """What reading the landmarks' file gives."""
    found = arrays(size)
    names = {"static": "static", "contour": "dynamic", "full": "full"}
    parts = {f"{name}_faces": found[f"{key}_lmk_faces_idx"] for name, key in names.items()}
    parts |= {
        f"{name}_weights": found[f"{key}_lmk_bary_coords"].astype(np.float32).astype(float)
        for name, key in names.items()
    }
    return FlameLandmarks(**{k: v[0] if k.startswith("full") else v for k, v in parts.items()})


@cache
def albedo_arrays(components: int = 50) -> dict[str, np.ndarray]:
    """MU (512, 512, 3) uint8 and PC (512, 512, 3, components) int8 of squares of one colour, blue first."""
    generator = np.random.default_rng(4)
    mean = generator.integers(0, 2, (BLOCKS, BLOCKS, 3), np.uint8)
    basis = generator.integers(-1, 2, (BLOCKS, BLOCKS, 3, 199), np.int8)[..., :components]
    wide = basis.repeat(512 // BLOCKS, 0).repeat(512 // BLOCKS, 1)
    return {"MU": spread(mean, 512), "PC": wide}


def albedo() -> FlameAlbedo:
    """What reading the albedo's file gives."""
    found = albedo_arrays()
    return FlameAlbedo(*(found[key][::2, ::2, ::-1].astype(np.float32) for key in ("MU", "PC")))


class FakeCh:
    """An object as chumpy's in the published pickle."""

    def __init__(self, x: object) -> None:
        self.x, self._dirty_vars, self._itr = x, set(), None


def pickled(held: object, protocol: int = 2) -> bytes:
    """Bytes as of the published file: some arrays inside chumpy's objects."""
    fake = ModuleType("chumpy.ch")
    FakeCh.__module__, FakeCh.__qualname__, FakeCh.__name__ = "chumpy.ch", "Ch", "Ch"
    fake.Ch = FakeCh  # type: ignore[attr-defined]
    try:
        sys.modules |= {"chumpy": ModuleType("chumpy"), "chumpy.ch": fake}
        return pickle.dumps(held, protocol)
    finally:
        for name in ("chumpy", "chumpy.ch"):
            sys.modules.pop(name)


def write_model(path: Path, size: tuple[int, int | None] = SMALL, plain: bool = False) -> Path:
    """The model's pickle; `plain` has no objects of chumpy in it."""
    held = {key: arrays(size)[key] for key in MODEL} | {"bs_style": "lbs", "bs_type": "lrotmin"}
    if not plain:
        held |= {key: FakeCh(held[key]) for key in ("shapedirs", "v_template", "posedirs", "weights", "J")}
    path.write_bytes(pickled(held | {"J_regressor": csc_matrix(held["J_regressor"])}))
    return path


class _Nested:
    """A tensor that pickles as torch's did: the numbers are a pickle inside the pickle."""

    def __init__(self, values: np.ndarray) -> None:
        self.values = torch.from_numpy(values)

    def __reduce__(self) -> tuple[object, ...]:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            storage = self.values.storage()
        return torch._utils._rebuild_tensor_v2, (
            storage,
            0,
            tuple(self.values.shape),
            self.values.stride(),
            False,
            OrderedDict(),
        )


def write_landmarks(path: Path, size: tuple[int, int | None] = SMALL) -> Path:
    """The landmarks' .npy file."""
    held = {key: value for key, value in arrays(size).items() if "_lmk_" in key}
    held |= {
        key: _Nested(value if value.dtype == np.int64 else value.astype(np.float32))
        for key, value in held.items()
        if "dynamic" in key
    }
    held["full_lmk_bary_coords"] = held["full_lmk_bary_coords"].astype(np.float32)
    stream = io.BytesIO()
    np.save(stream, np.array(held, dtype=object), allow_pickle=True)
    path.write_bytes(stream.getvalue())
    return path


def masks() -> tuple[np.ndarray, np.ndarray]:
    """(256, 256) uint8 masks of the face with eyes, and of the face."""
    y, x = np.mgrid[:256, :256]
    return tuple(
        (255 * ((x - 127) ** 2 / a**2 + (y - 120) ** 2 / b**2 < 1)).astype(np.uint8) for a, b in ((110, 100), (80, 75))
    )


def fixed_displacement() -> np.ndarray:
    """(256, 256) float64 metres."""
    y, x = np.mgrid[:256, :256] / 256
    return 0.001 * np.sin(7 * x) * np.cos(5 * y)


def write(folder: Path, size: tuple[int, int | None] = SMALL, with_albedo: bool = False, plain: bool = False) -> Path:
    """All files of a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    found = arrays(size)
    write_model(folder / "generic_model.pkl", size, plain)
    write_landmarks(folder / "landmark_embedding.npy", size)
    lines = [f"v {x} {y} {z}" for x, y, z in found["v_template"].tolist()]
    lines += [f"vt {u} {v}" for u, v in found["uvs"].tolist()]
    pairs = np.stack([found["f"].astype(int), found["uv_faces"]], axis=2) + 1
    lines += ["f " + " ".join(f"{a}/{b}" for a, b in corners) for corners in pairs.tolist()]
    (folder / "head_template.obj").write_text("mtllib template.mtl\n" + "\n".join(lines) + "\n")
    for name, mask in zip(("uv_face_eye_mask.png", "uv_face_mask.png"), masks()):
        cv2.imwrite(str(folder / name), np.dstack([mask] * 3 + [np.full_like(mask, 255)]))
    np.save(folder / "fixed_displacement_256.npy", fixed_displacement())
    if with_albedo:
        with zipfile.ZipFile(
            folder / "FLAME_albedo_from_BFM.npz", "w", zipfile.ZIP_DEFLATED, compresslevel=1
        ) as archive:
            for name, values in albedo_arrays().items():
                with archive.open(f"{name}.npy", "w") as stream:
                    np.lib.format.write_array(stream, values)
    return folder
