"""Files as the Basel model's, of the same keys and kinds, made from a seed: a bent sheet instead of a face."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from scipy.io import savemat
from scipy.spatial import Delaunay

from maquette.morphable import bfm
from maquette.morphable.bfm import BaselModel

SMALL = (900, 256)  # vertices, texels
PUBLISHED = (35_709, 512)
BLOCKS = 16  # squares of one colour along each side of the albedo, so that any size of it shows the same


def uv_points(count: int, generator: np.random.Generator) -> np.ndarray:
    """(V, 2) jittered points in 0-1, the outermost near the edge."""
    side = int(np.ceil(np.sqrt(count)))
    rows, columns = np.divmod(np.arange(count), side)
    grid = np.stack([columns, rows], axis=1) + 0.5 + 0.3 * (generator.random((count, 2)) - 0.5)
    return 0.04 + 0.92 * grid / [side, int(np.ceil(count / side))]


def landmark_places() -> np.ndarray:
    """(68, 2) texture coordinates: eyes, nose tip and mouth where a face has them, the others in a grid."""
    count = np.arange(68)
    places = np.stack([0.25 + 0.5 * (count % 9) / 8, 0.8 - 0.6 * (count // 9) / 7], axis=1)
    for part, u, v, width in (
        (slice(36, 42), 0.36, 0.6, 0.06),
        (slice(42, 48), 0.64, 0.6, 0.06),
        (slice(48, 68), 0.5, 0.28, 0.12),
    ):
        angle = np.pi - 2 * np.pi * np.arange(part.stop - part.start) / (part.stop - part.start)
        places[part] = np.stack([u + width * np.cos(angle), v + 0.5 * width * np.sin(angle)], axis=1)
    places[[30, 48, 54]] = (0.5, 0.45), (0.38, 0.28), (0.62, 0.28)
    return places


def sheet(uvs: np.ndarray) -> np.ndarray:
    """(V, 3) decimetres: half a barrel with a nose, 1.6 wide and 2.2 high, towards +z."""
    across, up = uvs[:, 0] - 0.5, uvs[:, 1] - 0.5
    angle = 2.4 * across
    bump = 0.25 * np.exp(-((across / 0.08) ** 2) - (up / 0.12) ** 2)
    return np.stack([0.8 * np.sin(angle), 2.2 * up, 0.8 * np.cos(angle) + bump - 0.3 * (2 * up) ** 2], axis=1)


def arrays(size: tuple[int, int] = SMALL, seed: int = 5) -> dict[str, np.ndarray]:
    """Everything the files hold, by the names in them."""
    generator = np.random.default_rng(seed)
    count, texels = size
    uvs = uv_points(count, generator)
    triangles = Delaunay(uvs).simplices.astype(np.int64)
    edges = np.diff(uvs[triangles[:, [0, 1, 2]]], axis=1)
    turned = edges[:, 0, 0] * edges[:, 1, 1] - edges[:, 0, 1] * edges[:, 1, 0] < 0
    triangles[turned] = triangles[turned][:, ::-1]
    if size == PUBLISHED:
        triangles = triangles[np.sort(generator.permutation(len(triangles))[:70_789])]  # holes here and there
    rings = np.full((count, 8), len(triangles))
    filled = np.zeros(count, int)
    for index, corners in enumerate(triangles):
        for corner in corners:
            if filled[corner] < 8:
                rings[corner, filled[corner]] = index
                filled[corner] += 1
    waves = [np.cos(np.pi * (uvs @ generator.integers(0, 4, 2)) + generator.random() * 6) for _ in range(144)]
    basis = np.stack([wave[:, None] * generator.normal(size=3) for wave in waves], axis=2).reshape(3 * count, 144)
    places = landmark_places()
    keypoints = np.linalg.norm(uvs[None] - places[:, None], axis=2).argmin(axis=1)
    mean = 120 + 60 * generator.random((BLOCKS, BLOCKS, 3))
    texture = 3 * (2 * generator.random((BLOCKS, BLOCKS, 240), np.float32) - 1)
    return {
        "meanshape": sheet(uvs).reshape(1, -1) + 0.3,
        "idBase": 0.02 * basis[:, :80],
        "exBase": 0.02 * basis[:, 80:],
        "meantex": np.full((1, 3 * count), 128.0),
        "texBase": generator.normal(size=(3 * count, 80)),
        "tri": triangles + 1,
        "point_buf": rings + 1,
        "tri_mask2": triangles[: len(triangles) // 2] + 1,
        "keypoints": keypoints[None] + 1,
        "frontmask2_idx": np.arange(1, count // 2)[:, None],
        "skinmask": (np.arange(count) % 3 > 0)[None].astype(np.uint8),
        "uvs": uvs,
        "tex_mean": spread(mean, texels),
        "tex_basis": spread(texture, texels).reshape(-1, 80),
    }


def spread(blocks: np.ndarray, texels: int) -> np.ndarray:
    """(texels, texels, C) of (BLOCKS, BLOCKS, C)."""
    return blocks.repeat(texels // BLOCKS, 0).repeat(texels // BLOCKS, 1)


def halved(maps: np.ndarray) -> np.ndarray:
    """(S, S, C) float32 of maps of as many texels or more, which show squares of one colour."""
    return np.ascontiguousarray(maps[:: len(maps) // bfm.UV_SIDE, :: len(maps) // bfm.UV_SIDE], np.float32)


def model(size: tuple[int, int] = SMALL, seed: int = 5) -> BaselModel:
    """What reading those files gives."""
    found = arrays(size, seed) if size == PUBLISHED else arrays((size[0], bfm.UV_SIDE), seed)
    mean = found["meanshape"].astype(np.float32).reshape(-1, 3)
    return BaselModel(
        mean=(mean - mean.mean(axis=0)).ravel(),
        identity=found["idBase"].astype(np.float32),
        expression=found["exBase"].astype(np.float32),
        albedo_mean=halved(found["tex_mean"]).ravel(),
        albedo_basis=halved(found["tex_basis"].reshape(*found["tex_mean"].shape[:2], -1)).reshape(-1, 80),
        triangles=found["tri"] - 1,
        rings=found["point_buf"] - 1,
        landmarks=found["keypoints"].ravel() - 1,
        uvs=found["uvs"].astype(np.float32),
        uv_triangles=found["tri"] - 1,
        five_points=bfm.five_of(found["meanshape"].reshape(-1, 3)[found["keypoints"].ravel() - 1]),
        skin=found["skinmask"].ravel() > 0.5,
    )


def write(folder: Path, found: dict[str, np.ndarray], template: bool = True) -> Path:
    """The files in a folder, laid out as in the published archive."""
    model = {name: value for name, value in found.items() if name not in ("uvs", "tex_mean", "tex_basis")}
    for inner in ("BFM", "template_mesh", "bfm_albedo_map_basis"):
        (folder / inner).mkdir(parents=True, exist_ok=True)
    savemat(folder / "BFM" / "BFM_model_front.mat", model, do_compression=True)
    points = found["meanshape"].reshape(-1, 3)[found["keypoints"].ravel() - 1]
    savemat(folder / "BFM" / "similarity_Lm3D_all.mat", {"lm": points - points.mean(axis=0)})
    np.save(folder / "template_mesh" / "bfm_uvs2.npy", found["uvs"])
    np.save(folder / "bfm_albedo_map_basis" / "bfm_tex_mean2.npy", found["tex_mean"].astype(np.float32))
    np.save(folder / "bfm_albedo_map_basis" / "bfm_texmap_base2.npy", found["tex_basis"].astype(np.float32))
    if template:
        lines = ["v 0 0 0"] * len(found["uvs"]) + [f"f {a} {b}/{b} {c}//{c}" for a, b, c in found["tri"].tolist()]
        (folder / "template_mesh" / "template_bfm.obj").write_text("\n".join(lines))
    return folder
