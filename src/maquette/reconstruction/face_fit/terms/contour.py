"""The contour term: where a turned face turns away from the camera, the photo has an edge.

Edges of the mesh between a triangle that is seen and one that is not are the outline of nose, cheek, jaw and brow.
Along the outline's normal in the picture the strongest edge of the photo is looked for, and the outline is drawn to it
(Harris and Stennett 1990, RAPID; for faces Romdhani and Vetter 2005).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from maquette.core.types import Observation
from maquette.geometry.raycast import RayCaster
from maquette.morphable import MorphableModel
from maquette.reconstruction.face_fit.equations import NormalEquations
from maquette.reconstruction.face_fit.state import POSE, FaceView, project_points
from maquette.reconstruction.face_fit.terms.shading import sample, small_picture

# Pixels are those of the small picture, in which the eyes are 60 to 90 apart: about a millimetre each.
REACH_PX, STEP_PX = 5.0, 0.25  # how far to both sides an edge is looked for, and how finely
USUAL_PX = 3.0  # nearer edges are believed first
SIGMA_PX = 1.5  # of where an edge is seen
EVIDENCE = 40.0  # measured: how many independent samples a whole outline is worth
LEAST_EDGE = 0.03  # change of colour a pixel that is an edge; twice that is a clear one
TURNED = np.radians([15.0, 25.0])  # yaw from which on the outline is that of the face, and not of hair and ears
FEWEST = 5  # mesh edges that make an outline


@dataclass(frozen=True, eq=False)
class FaceOutline:
    """The outline in one photo.

    Attributes:
        edges: (n,) which mesh edges; middle: (n, 3) metres, on the head.
        pixels: (n, 2) of the crop; outward: (n, 2) unit normals there.
        share: (n,) of the outline's length in the picture.
    """

    edges: NDArray
    middle: NDArray
    pixels: NDArray
    outward: NDArray
    share: NDArray


@dataclass(frozen=True, eq=False)
class ContourTerm:
    """The model's skin, and the pictures.

    Attributes:
        mean: (V, 3) and basis: (V, 3, K + E) of all vertices; faces: (F, 3) of the skin.
        edges: (n, 2) vertices of the mesh edges that may be outline; beside: (n, 2) the two triangles at each.
        by_shape: (n, 3, K + E) derivative of their middles.
        pictures: (H, W, 3) in 0-1 of each photo, and small pixels per crop pixel.
    """

    mean: NDArray
    basis: NDArray
    faces: NDArray
    edges: NDArray
    beside: NDArray
    by_shape: NDArray
    pictures: tuple[tuple[NDArray, float], ...]

    @classmethod
    def of(cls, model: MorphableModel, modes: int, observations: Sequence[Observation]) -> ContourTerm:
        """Prepare the model's skin and the photos."""
        region = model.regions
        wanted = region["face"] - sum(region[name] for name in ("eyelids", "lips", "nostrils", "ears"))
        wanted[model.part_vertices("mouth")] = 0
        skin = model.faces[model.parts["skin"]]
        edges, beside = inner_edges(skin)
        kept = wanted[edges].min(axis=1) > 0.4
        edges, beside = edges[kept], beside[kept]
        basis = np.concatenate([model.identity_basis[:modes], model.expression_basis]).transpose(1, 2, 0)
        by_shape = (basis[edges[:, 0]] + basis[edges[:, 1]]) / 2
        pictures = tuple(small_picture(o) for o in observations)
        return cls(model.mean, np.asarray(basis, np.float32), skin, edges, beside, by_shape, pictures)

    @property
    def weights_of_its_own(self) -> int:
        """None."""
        return 0

    def equations(self, index: int, view: FaceView, shape: NDArray, _own: NDArray) -> NormalEquations:
        """The equations of the photo of this index; none where the face is seen from the front."""
        turned = np.clip((abs(view.yaw_pitch_roll()[0]) - TURNED[0]) / (TURNED[1] - TURNED[0]), 0, 1)
        outline = self.outline(view, shape) if turned > 0 else None
        if outline is None:
            return NormalEquations.nothing(POSE + len(shape))
        placed = outline.middle @ view.rotation.T + view.translation
        flat = project_points(view, placed, self.by_shape[outline.edges])
        picture, factor = self.pictures[index]
        away, clear = nearest_edge(picture, outline.pixels * factor, outline.outward)
        weight = turned * EVIDENCE / SIGMA_PX**2 * outline.share * clear / (1 + (away / (2 * SIGMA_PX)) ** 2) ** 2
        rows = factor * np.einsum("nd,ndp->np", outline.outward, np.concatenate([flat.by_pose, flat.by_shape], axis=2))
        return NormalEquations(rows.T @ (rows * weight[:, None]), rows.T @ (weight * away))

    def outline(self, view: FaceView, shape: NDArray) -> FaceOutline | None:
        """Where the head of this shape turns away from the camera and is seen; None where that is next to nowhere."""
        points = (self.mean + self.basis @ shape.astype(np.float32)).astype(float)
        corners = points[self.faces]
        normals = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
        eye = -view.rotation.T @ view.translation
        seen = np.einsum("fd,fd->f", normals, eye - corners[:, 0]) > 0
        edges = np.flatnonzero(seen[self.beside[:, 0]] != seen[self.beside[:, 1]])
        normals /= np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-12)
        outward = normals[self.beside[edges]].sum(axis=1)
        middle = points[self.edges[edges]].mean(axis=1)
        hidden = RayCaster(points, self.faces).occluded(middle, outward / 2, eye, offset=1e-3)
        edges, middle, outward = edges[~hidden], middle[~hidden], outward[~hidden]
        if len(edges) < FEWEST:
            return None
        pixels = view.pixels(middle)
        toward = view.pixels(middle + 1e-4 * outward) - pixels
        ends = view.pixels(points[self.edges[edges]].reshape(-1, 3)).reshape(-1, 2, 2)
        length = np.linalg.norm(ends[:, 1] - ends[:, 0], axis=1)
        toward /= np.maximum(np.linalg.norm(toward, axis=1, keepdims=True), 1e-12)
        return FaceOutline(edges, middle, pixels, toward, length / length.sum())


def inner_edges(faces: NDArray) -> tuple[NDArray, NDArray]:
    """(n, 2) vertices of the edges that two triangles (F, 3) share, and (n, 2) which two."""
    sides = np.sort(np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]]), axis=1)
    owner = np.tile(np.arange(len(faces)), 3)
    order = np.lexsort(sides.T[::-1])
    sides, owner = sides[order], owner[order]
    twin = np.flatnonzero((sides[1:] == sides[:-1]).all(axis=1))
    return sides[twin], np.column_stack([owner[twin], owner[twin + 1]])


def nearest_edge(picture: NDArray, pixels: NDArray, outward: NDArray) -> tuple[NDArray, NDArray]:
    """(N,) pixels along the normals (N, 2) to the picture's edge, and (N,) 0-1 how clear it is; 0 outside."""
    along = np.arange(-REACH_PX, REACH_PX + STEP_PX / 2, STEP_PX)
    spots = (pixels[:, None] + along[:, None] * outward[:, None]).reshape(-1, 2)
    colours = [sample(np.ascontiguousarray(picture[..., c]), spots).reshape(len(pixels), -1) for c in range(3)]
    slope = np.linalg.norm([np.gradient(colour, STEP_PX, axis=1) for colour in colours], axis=0)
    best = (slope * np.exp(-0.5 * (along / USUAL_PX) ** 2)).argmax(axis=1)
    clear = np.clip(slope[np.arange(len(pixels)), best] / LEAST_EDGE - 1, 0, 1)
    margin = REACH_PX + 1
    inside = ((pixels > margin) & (pixels < np.array(picture.shape[1::-1]) - margin)).all(axis=1)
    peak = (best > 0) & (best < len(along) - 1)
    return along[best], clear * inside * peak
