"""Files as those of HRN's head model, of the same keys and kinds, made from a seed: the twin's face before a barrel."""

from __future__ import annotations

from functools import cache
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import torch
from scipy.io import savemat
from torch import Tensor
from torch.nn import functional

import basel_twin
from maquette.morphable import bfm_head
from maquette.reconstruction.hrn.align import AlignedFace
from maquette.reconstruction.hrn.coefficients import Coefficients, split
from maquette.reconstruction.hrn.detail import LARGE, Crops
from maquette.reconstruction.hrn.face_model import SIDE, posed, project
from maquette.reconstruction.hrn.head.model import FACE_SIDE, HEAD_SIDE, HeadModel, HeadOffsets, head_model
from maquette.reconstruction.hrn.raster import barycentric, screen, seen_of

SMALL = (2500, 2400, 30)  # vertices of the Basel face, how many of them the fitted head has, and of both eyes
PUBLISHED = (35_709, 35_241, 609 + 608 + 625)
AROUND, ROUNDS = 115, 16  # of the barrel, which with its lid has the published 1841 vertices of neck and scalp
HEIGHTS = np.array([*np.linspace(1.3, -0.6, 14), -1.4, -0.9])  # of its rounds; the last two are the neck's ends


def barrel() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Vertices (1841, 3) of a wall about the face's axis with a lid, its triangles, its texture coordinates."""
    turn = np.linspace(0, 2 * np.pi, AROUND, endpoint=False)
    wall = np.stack(np.broadcast_arrays(0.95 * np.sin(turn), HEIGHTS[:, None], 0.95 * np.cos(turn) - 0.6), axis=2)
    places = np.concatenate([wall.reshape(-1, 3), [[0, 1.4, -0.6]]])
    rows, column = np.argsort(-HEIGHTS) * AROUND, np.arange(AROUND)
    beside = (column + 1) % AROUND
    triangles = [np.stack([np.full(AROUND, len(places) - 1), rows[0] + column, rows[0] + beside], 1)]
    for upper, lower in pairwise(rows):
        triangles.append(np.stack([lower + column, lower + beside, upper + column], 1))
        triangles.append(np.stack([lower + beside, upper + beside, upper + column], 1))
    along, down = np.broadcast_arrays(0.01 + 0.98 * column / AROUND, 0.01 + 0.2 * np.arange(ROUNDS)[:, None] / ROUNDS)
    uvs = np.concatenate([np.stack([along, down], axis=2).reshape(-1, 2), [[0.5, 0.23]]])
    return places, np.concatenate(triangles), uvs


def rings(triangles: np.ndarray, count: int) -> np.ndarray:
    """(V, 8) triangles at each vertex, counted from zero, F where there are fewer."""
    found, filled = np.full((count, 8), len(triangles)), np.zeros(count, int)
    for index, corners in enumerate(triangles):
        for corner in corners:
            if filled[corner] < 8:
                found[corner, filled[corner]] = index
                filled[corner] += 1
    return found


def bases(count: int, face: int, source: dict[str, np.ndarray], middle: np.ndarray, seed: int) -> dict[str, np.ndarray]:
    """Linear bases and colours of a model whose first vertices move as the Basel face's do."""
    rng = np.random.default_rng(seed)
    made = {"idBase": np.zeros((3 * count, 80)), "exBase": np.zeros((3 * count, 64))}
    for name, values in made.items():
        values[: 3 * face] = source[name][middle]
        values[3 * face :] = 0.002 * rng.normal(size=values[3 * face :].shape)
    return made | {"meantex": 100 + 80 * rng.random((1, 3 * count)), "texBase": rng.normal(size=(3 * count, 80))}


def arrays(size: tuple[int, int, int] = SMALL) -> dict[str, dict[str, np.ndarray]]:
    """What every file holds, by its name."""
    B, K, eyes = size
    face = basel_twin.arrays((B, 256))
    keypoints = face["keypoints"].ravel() - 1
    droppable = np.setdiff1d(np.arange(B), keypoints)
    kept = np.setdiff1d(np.arange(B), droppable[: B - K])
    back, wall, wall_uvs = barrel()
    mean = face["meanshape"].reshape(-1, 3)
    places = (3 * kept[:, None] + np.arange(3)).ravel()
    number = np.full(B, -1)
    number[kept] = np.arange(K)
    inner = number[face["tri"] - 1]
    inner = inner[(inner >= 0).all(1)]
    balls = np.random.default_rng(9).normal(size=(eyes, 3)) * 0.03 + [0, 0.3, 0.2]
    ball_triangles = np.stack([np.arange(eyes - 2), np.arange(1, eyes - 1), np.arange(2, eyes)], 1) + K + len(back)
    fitted_triangles = np.concatenate([inner, wall + K, ball_triangles])
    drawn_triangles = np.concatenate([face["tri"] - 1, wall + B])
    V, D = K + len(back) + eyes, B + len(back)
    fitted_mean = np.concatenate([mean[kept], back + 0.3, balls + 0.3]).reshape(1, -1)
    drawn_mean = np.concatenate([mean, back + 0.3])
    uvs = np.concatenate([0.25 + 0.5 * face["uvs"], wall_uvs])
    fitted = bases(V, K, face, places, 3) | {
        "meanshape": fitted_mean,
        "tri": fitted_triangles + 1,
        "point_buf": np.hstack([rings(fitted_triangles, V), np.full((V, 3), len(fitted_triangles))]),
        "keypoints": np.ones((1, 68)),  # another list's: not used
    }
    drawn = bases(D, B, face, np.arange(3 * B), 4) | {
        "meanshape": drawn_mean.reshape(1, -1),
        "tri": drawn_triangles + 1,
        "point_buf": rings(drawn_triangles, D) + 1,
        "keypoints": keypoints[None] + 1,
    }
    scalp = K + np.flatnonzero(back[:, 1] > 0.5)
    outer = np.arange(len(inner) + len(wall))
    shapes = {part: drawn_mean + move for part, move in moves(drawn_mean, B).items()}
    return {
        "models": {bfm_head.FITTED: fitted, bfm_head.DRAWN: drawn, bfm_head.FACE: {"meanshape": face["meanshape"]}},
        "lists": {bfm_head.KEPT: kept, bfm_head.SCALP: scalp, bfm_head.HEAD: outer, bfm_head.MARKS: number[keypoints]},
        "texture": {"uvs": uvs, "triangles": drawn_triangles, "vertices": drawn_mean},
        "shapes": shapes,
    }  # fmt: skip


@cache
def model() -> HeadModel:
    """What reading the small files gives, on the processor."""
    with TemporaryDirectory() as folder:
        return head_model(bfm_head.read(write(Path(folder) / "assets", arrays())))


def found() -> Coefficients:
    """Of a head near the mean, a little turned, in front of the camera as the head's crop has it."""
    generator = torch.Generator().manual_seed(1)
    values = torch.zeros(1, 257)
    values[:, :144] = 0.5 * torch.randn(1, 144, generator=generator)
    values[:, 224:227] = torch.tensor([0.1, -0.2, 0.05])
    values[:, 227:254] = 0.1 * torch.randn(1, 27, generator=generator)
    values[:, 254:] = torch.tensor([0.1, -0.05, -3.5])
    return split(values)


def offsets(height: float = 0.0) -> HeadOffsets:
    """Waves of that height, decimetres, on the face, in its colours ten times as much; the others are 0."""
    along = torch.linspace(0, 12 * torch.pi, FACE_SIDE)
    waves = (torch.sin(along)[:, None] * torch.cos(along)).expand(1, 3, -1, -1)
    none = torch.zeros(1, 3, HEAD_SIDE, HEAD_SIDE)
    return HeadOffsets(height * waves, 10 * height * waves.flip(3), none, none)


def drawn(coefficients: Coefficients, added: HeadOffsets, triangles: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """The head's picture (1, 3, 224, 224), where it is (1, 1, 224, 224), and its landmarks (68, 2), y up."""
    made = model()
    shape = made.shape(coefficients, added)
    points, colours = posed(shape, coefficients), made.colours(coefficients, added, made.normals(shape, coefficients))
    seen = seen_of(triangles, points[0], SIDE)
    weights = barycentric(screen(points[0], SIDE), seen.corners, seen.pixels, SIDE)
    picture, there = torch.zeros(3, SIDE**2), torch.zeros(SIDE**2)
    picture[:, seen.pixels] = (weights[:, :, None] * colours[0][seen.corners]).sum(1).T
    there[seen.pixels] = 1
    marks = project(points)[0, made.fitted.landmarks]
    return picture.view(1, 3, SIDE, SIDE), there.view(1, 1, SIDE, SIDE), marks


def photo(coefficients: Coefficients, added: HeadOffsets) -> tuple[AlignedFace, Tensor]:
    """A crop of that head, and where the head is in it."""
    picture, head, marks = drawn(coefficients, added, model().outer)
    face = drawn(coefficients, added, model().inner)[1]
    crops = Crops(picture, functional.interpolate(picture, (LARGE, LARGE)), face)
    return AlignedFace(np.eye(2, 3), crops, marks), head


def moves(mean: np.ndarray, face: int) -> dict[str, np.ndarray]:
    """(V', 3) by which each mended shape differs from the mean."""
    below = (np.arange(len(mean)) >= face)[:, None] * np.clip(-mean[:, 1:2], 0, None)
    return {
        "nose": 0.05 * np.exp(-20 * ((mean - mean[: face // 2].mean(0)) ** 2).sum(1, keepdims=True)) * [0, 0, -1],
        "neck": below * [0, 0, 0.1],
        "slim": below * [-0.1, 0, -0.1] * np.sign(mean),
        "length": 0.5 * below * [0, -1, 0],
    }


def obj(vertices: np.ndarray, triangles: np.ndarray, uvs: np.ndarray | None = None) -> str:
    """Text of an OBJ file."""
    lines = [f"v {x:.6f} {y:.6f} {z:.6f}" for x, y, z in vertices]
    lines += [] if uvs is None else [f"vt {u:.6f} {v:.6f}" for u, v in uvs]
    for corners in (triangles + 1).tolist():
        lines.append("f " + " ".join(str(c) if uvs is None else f"{c}/{c}/{c}" for c in corners))
    return "\n".join(lines)


def write(folder: Path, found: dict[str, dict[str, np.ndarray]]) -> Path:
    """The files in a folder, laid out as in the published assets."""
    places = [folder / "3dmm" / name for name in ("BFM", "inds", "template_mesh", "adjust_part/our_full_bfmEyes")]
    other = folder / "3dmm" / "adjust_part" / "our_full"
    for place in (*places, other):
        place.mkdir(parents=True)
    models, lists, template, shapes = places
    for name, values in found["models"].items():
        savemat(models / name, values)
    for name, values in found["lists"].items():
        np.save(lists / name, values)
    texture = found["texture"]
    (template / bfm_head.TEMPLATE).write_text(obj(texture["vertices"], texture["triangles"], texture["uvs"]))
    for part, vertices in found["shapes"].items():
        (shapes / bfm_head.MENDED[part]).write_text(obj(vertices, texture["triangles"][:2]))
    (other / bfm_head.MENDED["nose"]).write_text("v 0 0 0\n")  # of another model, by the same name
    return folder
