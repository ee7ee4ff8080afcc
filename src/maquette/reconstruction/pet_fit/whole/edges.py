"""The outline of the photo's animal, and that of the body as it is drawn."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from maquette.core.types import Observation
from maquette.perception.pets.schemes import CHIN, EARS, EYES, FOREHEAD
from maquette.reconstruction.pet_fit.outline import silhouette
from maquette.reconstruction.pet_fit.whole.state import SeenOutline

SIDE = 200  # pixels of the fit: the longer side of the animal
POINTS = 260  # on the outline at most
SMOOTH = 3  # pixels over which directions of the outline are averaged
SHORTEST = 14  # pixels of an outline that counts: smaller holes are noise
FAR = 1.6  # focal length, in the crop's longer sides, where the photo does not say it
LANDMARK_LEAST = 0.14  # of a landmark, in eye distances: another animal's head stands for this one's
LOOSE = (FOREHEAD, *EARS, 18, 19)  # forehead, ears and cheeks lie elsewhere on every kind of animal
LOOSER = 2.0  # so much less they count
NOTHING = 1e-9


def outline_of(observation: Observation, cut: tuple[str, ...]) -> SeenOutline:
    """What the fit takes from one observation.

    Args:
        cut: sides of the photo that the animal reaches.
    """
    mask = observation.mask
    rows, columns = np.flatnonzero((mask > 0.5).any(axis=1)), np.flatnonzero((mask > 0.5).any(axis=0))
    scale = SIDE / max(int(np.ptp(rows)), int(np.ptp(columns)), 8)
    size = max(8, round(mask.shape[1] * scale)), max(8, round(mask.shape[0] * scale))
    inside = cv2.resize(mask, size, interpolation=cv2.INTER_AREA) > 0.5
    inside = _largest(inside)
    ends = ("left" in cut, "top" in cut, "right" in cut, "bottom" in cut)
    points, normals = _edge(inside, ends)
    landmarks = observation.landmarks[:, :2] * scale
    read = observation.landmark_sigma
    sigma = np.full(len(landmarks), np.inf)
    if read is not None and observation.landmark_confidence.any():
        apart = np.linalg.norm(np.subtract(*(landmarks[list(pair)].mean(axis=0) for pair in EYES)))
        tall = np.linalg.norm(landmarks[FOREHEAD] - landmarks[CHIN])
        sigma = np.maximum(read * scale, LANDMARK_LEAST * max(apart, 0.45 * tall))
        sigma[list(LOOSE)] *= LOOSER
    longer = max(mask.shape) * scale
    if observation.camera is None:
        focal, centre = FAR * longer, np.array(size) / 2
    else:
        matrix = observation.camera.intrinsics * scale
        focal, centre = float(matrix[0, 0]), matrix[:2, 2]
    return SeenOutline(
        inside, points, normals, landmarks, sigma, ends, focal, centre, scale, float(np.sqrt(inside.sum()))
    )  # fmt: skip


def _largest(inside: NDArray) -> NDArray:
    """The mask without small pieces beside its largest."""
    _, labels, stats, _ = cv2.connectedComponentsWithStats(inside.astype(np.uint8), connectivity=8)
    areas = stats[:, cv2.CC_STAT_AREA].copy()
    areas[0] = 0
    kept: NDArray = (areas > 0.15 * areas.max())[labels]
    return kept


def _edge(inside: NDArray, ends: tuple[bool, ...]) -> tuple[NDArray, NDArray]:
    """Points (M, 2) along all edges of a mask, holes included, and the directions outwards (M, 2)."""
    curves, _ = cv2.findContours(inside.astype(np.uint8), cv2.RETR_CCOMP, cv2.CHAIN_APPROX_NONE)
    points, normals = [np.zeros((0, 2))], [np.zeros((0, 2))]
    field = cv2.GaussianBlur(inside.astype(np.float32), (0, 0), 2.0)
    slope = np.dstack([cv2.Sobel(field, cv2.CV_32F, 1, 0), cv2.Sobel(field, cv2.CV_32F, 0, 1)])
    for curve in curves:
        if len(curve) < SHORTEST:
            continue
        at = curve[:, 0]
        kernel = np.ones(2 * SMOOTH + 1) / (2 * SMOOTH + 1)
        wrapped = np.concatenate([at[-SMOOTH:], at, at[:SMOOTH]]).astype(float) + 0.5
        smooth = np.column_stack([np.convolve(wrapped[:, k], kernel, "valid") for k in range(2)])
        outwards = -slope[at[:, 1], at[:, 0]].astype(float)
        points.append(smooth)
        normals.append(outwards / np.maximum(np.linalg.norm(outwards, axis=1, keepdims=True), NOTHING))
    every, ways = np.concatenate(points), np.concatenate(normals)
    width, height = inside.shape[::-1]
    near = np.column_stack([every[:, 0], every[:, 1], width - every[:, 0], height - every[:, 1]]) < 4
    kept = ~(near & np.array(ends)).any(axis=1)
    every, ways = every[kept], ways[kept]
    chosen = np.linspace(0, len(every) - 1, min(POINTS, len(every))).astype(int)
    return every[chosen], ways[chosen]


@dataclass(frozen=True, eq=False)
class Rim:
    """The edges of a closed mesh, ready to tell which lie on its outline.

    Attributes:
        faces: (G, 3). edges: (E, 2), as they run in `owners[:, 0]`. owners: (E, 2) the faces on both sides.
    """

    faces: NDArray
    edges: NDArray
    owners: NDArray

    @staticmethod
    def of(faces: NDArray) -> Rim:
        """The rim of faces (G, 3)."""
        edges = np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]])
        key = edges.min(axis=1).astype(np.int64) * (int(faces.max()) + 1) + edges.max(axis=1)
        order = np.argsort(key, kind="stable")
        same = np.flatnonzero(key[order][:-1] == key[order][1:])
        first, second = order[same], order[same + 1]
        return Rim(faces, edges[first], np.column_stack([first, second]) % len(faces))

    def outer(self, pixels: NDArray, size: tuple[int, int]) -> tuple[NDArray, NDArray, NDArray]:
        """Vertices (R,) on the outline, directions (R, 2) outwards there, and the drawing (h, w) bool.

        Args:
            pixels: (V, 2) where the vertices are drawn, y down. size: (width, height) of the picture.
        """
        a, b, c = (pixels[self.faces[:, k]] for k in range(3))
        front = (b[:, 0] - a[:, 0]) * (c[:, 1] - a[:, 1]) - (b[:, 1] - a[:, 1]) * (c[:, 0] - a[:, 0]) < 0
        facing = front[self.owners]
        split = facing[:, 0] != facing[:, 1]
        edge = np.where(facing[split, :1], self.edges[split], self.edges[split][:, ::-1])
        along = pixels[edge[:, 1]] - pixels[edge[:, 0]]
        outwards = np.column_stack([-along[:, 1], along[:, 0]])
        rim, place = np.unique(edge.ravel(), return_inverse=True)
        sums = np.zeros((len(rim), 2))
        np.add.at(sums, place, np.repeat(outwards, 2, axis=0))
        sums /= np.maximum(np.linalg.norm(sums, axis=1, keepdims=True), NOTHING)
        picture = silhouette(pixels, self.faces[front], size)
        beyond = np.floor(pixels[rim] + 2.0 * sums).astype(int)
        within = ((beyond >= 0) & (beyond < size)).all(axis=1)
        out = np.ones(len(rim), bool)
        out[within] = ~picture[beyond[within, 1], beyond[within, 0]]
        return rim[out], sums[out], picture


def overlap(first: NDArray, second: NDArray) -> float:
    """Intersection over union of two drawings (h, w) bool."""
    return float((first & second).sum() / max((first | second).sum(), 1))
